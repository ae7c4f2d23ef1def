"""The quickest of a few kernels for the same transform, timed once per shape and processor and remembered on disk.

What `ritz.cache.planning` calls "measure". The winner's name lies beside the object code, under a key made of all
candidates, LLVM's version and the processor: a plan for another processor is never found. Where nothing can be
remembered, nothing is timed either and the rule decides, so that two runs of one program give the same digits.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ritz.codegen import cache, native
from ritz.codegen.loops import as_i64, call_phase, compiled
from ritz.codegen.transforms.provider import ALIGNMENT, Plan, TransformShape, aligned

BLOCK = 1e-3  # seconds that are timed at a time
TURNS = 7
MARGIN = 0.97  # share of the rule's time below which another candidate is taken

Kernels = TypeVar("Kernels")
Run = Callable[[int], Any]


def quickest(candidates: Sequence[Kernels], run: Callable[[Kernels], Run]) -> Kernels:
    """One of several kernels: the first, which the rule chose, unless another was timed and took less.

    Args:
        candidates: with a `repr` that tells them apart.
        run: makes a function that carries a kernel out as often as it is told.
    """
    if cache.planning() != "measure" or len(candidates) == 1:
        return candidates[0]
    names = {repr(c): c for c in candidates}
    path = cache.directory() / f"plan_{native.key(' '.join(names))}.json"
    known = _remembered(path)
    if known in names:
        return names[known]
    with contextlib.suppress(OSError), _new_file(path) as write:
        seconds = measured([run(c) for c in candidates])
        usable = all(math.isfinite(s) and s > 0 for s in seconds)
        best = min(range(len(candidates)), key=seconds.__getitem__) if usable else 0
        winner = candidates[best if seconds[best] < MARGIN * seconds[0] else 0]
        write({"winner": repr(winner), "seconds": dict(zip(names, seconds))})
        return winner
    return candidates[0]


def measured(runs: Sequence[Run]) -> list[float]:
    """Least seconds of each, in blocks that take turns."""
    counts = []
    for run in runs:
        run(1)
        once = max(_seconds(run, 1), 1e-9)
        counts.append(max(1, math.ceil(BLOCK / once)))
    least = [math.inf] * len(runs)
    for _ in range(TURNS):
        for k, run in enumerate(runs):
            least[k] = min(least[k], _seconds(run, counts[k]) / counts[k])
    return least


def clock() -> float:
    """Seconds since some time."""
    return time.perf_counter()


def _seconds(run: Run, count: int) -> float:
    start = clock()
    run(count)
    return clock() - start


def repeated(plan: Plan, shape: TransformShape, direction: str) -> Run:
    """A compiled loop over a plan for one field."""
    rng, kind = np.random.default_rng(0), np.float64 if shape.precision == "double" else np.float32
    grid = rng.standard_normal((*shape.points, 1 if shape.real else 2)).astype(kind)
    modes = rng.standard_normal((*shape.modes, 2)).astype(kind)
    memory = np.empty(plan.scratch + ALIGNMENT, np.uint8)
    source, target = (grid, modes) if direction == "forward" else (modes, grid)
    ends = [plan.address, source.ctypes.data, target.ctypes.data, aligned(memory.ctypes.data)]
    table = np.array([[phase.function, phase.units, *ends] for phase in plan.phases], dtype=np.int64)
    keep = plan, grid, modes, memory

    def run(count: int, _keep: Any = keep) -> None:
        _repeat(table.ctypes.data, len(table), count)

    return run


@compiled()
def _repeat(table: int, phases: int, count: int) -> None:
    """`count` times the phases of a table."""
    for _ in range(count):
        for k in range(phases):
            row = as_i64(table + 48 * k)
            call_phase(row[0], row[2], row[3], row[4], 0, row[1], row[5])


# ---------------------------------------------------------------------- on disk
def _remembered(path: Path) -> str:
    """The winner's name, empty where there is none or the file is damaged."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return str(stored["winner"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[Callable[[Any], None]]:
    """Gives a function that writes a file as a whole.

    Raises:
        OSError: nothing can be written there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:

            def write(content: Any) -> None:
                json.dump(content, file, indent=1)
                file.close()
                os.replace(temporary, path)

            yield write
    finally:
        Path(temporary).unlink(missing_ok=True)
