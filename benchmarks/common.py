"""The harness: check the answers, then time all sides in one run, taking turns, and report ratios.

Every side runs in a process of its own, kept on the same cores, so that a peer can live in another environment. A
ratio is formed within each turn and its median over the turns is quoted: what slows the machine for a while slows both
sides. A peer that is not installed is reported as missing; a wrong answer is an error and its side is not timed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
SEARCH_PATH = os.pathsep.join([str(HERE), str(HERE.parent)])  # what is measured is the Ritz beside the benchmarks
PEER_VARIABLE = "RITZ_PEER_PYTHON"


@dataclass
class Side:
    """One tool on one problem.

    Attributes:
        name: shown in the tables.
        script: file in ``sides/``.
        arguments: handed to the script's ``prepare``.
        needs: module that must be importable; None for Ritz's own environment.
        goal: the smallest ratio (time of this side over time of the first side) that is asked for, None if none is.
        at_most: True turns the goal into an upper bound.
        tolerance: largest accepted error of the answer.
        cores: cores (and threads) this side may use.
        stage_goal: most seconds per evaluation of the right-hand side, where the side states ``evaluations`` in a unit.
    """

    name: str
    script: str
    arguments: dict[str, Any] = field(default_factory=dict)
    needs: str | None = None
    goal: float | None = None
    at_most: bool = False
    tolerance: float = 1e-6
    cores: int = 1
    stage_goal: float | None = None


def options(description: str) -> argparse.Namespace:
    """The command line that all benchmarks share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--turns", type=int, default=9, help="how often each side is timed")
    parser.add_argument("--check-only", action="store_true", help="check the answers, time nothing")
    parser.add_argument("--json", type=Path, help="append one JSON line per side to this file")
    parser.add_argument(
        "--peer-python",
        default=os.environ.get(PEER_VARIABLE, ""),
        help=f"Python of the peers, several separated by {os.pathsep!r} (default: ${PEER_VARIABLE})",
    )
    return parser.parse_args()


def python_with(module: str | None, candidates: str) -> str | None:
    """The first Python that can import `module`: this one, then the peers' ones; None if there is none."""
    if module is None:
        return sys.executable
    for python in [sys.executable, *filter(None, candidates.split(os.pathsep))]:
        probe = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
        if subprocess.run([python, "-c", probe], capture_output=True).returncode == 0:
            return python
    return None


class Worker:
    """A running side."""

    def __init__(self, side: Side, python: str, folder: Path):
        self.side = side
        answer = folder / f"{side.script}-{id(self)}.npz"
        request = {"cores": side.cores, "arguments": side.arguments, "answer_file": str(answer)}
        threads = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"], str(side.cores))
        self.process = subprocess.Popen(
            [python, str(HERE / "sides" / side.script), json.dumps(request)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **threads, "PYTHONPATH": SEARCH_PATH},
        )
        ready = self._read()
        self.setup, self.facts = ready["setup"], ready["facts"]
        with np.load(answer) as stored:
            self.answer = dict(stored)
        self.walls: list[float] = []

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.side.name} stopped with exit code {self.process.wait()}; its message is above")
        return json.loads(line)  # type: ignore[no-any-return]

    def run(self, count: int) -> float:
        """Wall seconds per unit of work in a block of `count` units."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"count": count}) + "\n")
        self.process.stdin.flush()
        return float(self._read()["wall"]) / count

    def close(self) -> None:
        """End the process."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()


def relative_error(answer: dict[str, np.ndarray], reference: dict[str, np.ndarray]) -> float:
    """Largest error of any named array, relative to the size of the reference (2-norm)."""
    return max(
        float(np.linalg.norm((answer[name] - value).ravel()) / np.linalg.norm(np.ravel(value)))
        for name, value in reference.items()
    )


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = platform.processor()
    if os.path.exists("/proc/cpuinfo"):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    system, python = platform.system(), platform.python_version()
    return {"cpu": model, "cores": cores, "load": load, "system": system, "python": python}


def start(sides: list[Side], peers: str, folder: Path) -> tuple[list[Worker], list[str]]:
    """Start every side whose tool is installed, one after the other; return them and what is amiss with the others."""
    workers, amiss = [], []
    for side in sides:
        python = python_with(side.needs, peers)
        if python is None:
            amiss.append(f"MISSING {side.name}: no Python has {side.needs}; see --peer-python and ${PEER_VARIABLE}")
            continue
        try:
            workers.append(Worker(side, python, folder))
        except RuntimeError as error:
            amiss.append(f"FAILED {error}")
    return workers, amiss


def compare(
    title: str, sides: list[Side], reference: dict[str, np.ndarray], *, count: int, unit: str, given: argparse.Namespace
) -> bool:
    """Check, time and print; return whether all answers were right and all goals met.

    Args:
        title: name of the table.
        sides: the first one is the baseline of the ratios.
        reference: named arrays that every side must reproduce.
        count: units of work in a block.
        unit: what a unit is ("step", "solve").
        given: from `options`.
    """
    print(f"\n{title}")
    with tempfile.TemporaryDirectory() as folder:
        workers, amiss = start(sides, given.peer_python, Path(folder))
        right = []
        for worker in workers:
            error = relative_error(worker.answer, reference)
            verdict = "right" if error <= worker.side.tolerance else f"WRONG (above {worker.side.tolerance:g})"
            print(f"  answer of {worker.side.name}: error {error:.1e}, {verdict}; set-up {worker.setup:.2f} s")
            worker.facts["error"] = error
            if error <= worker.side.tolerance:
                right.append(worker)
            else:
                worker.close()
        for line in amiss:
            print(f"  {line}")
        fine = len(right) == len(workers) and not any(line.startswith("FAILED") for line in amiss)
        if not given.check_only and right and right[0].side is sides[0]:
            take_turns(right, count, given.turns)
            fine = report(title, right, unit, given) and fine
        for worker in right:
            worker.close()
    return fine


def take_turns(workers: list[Worker], count: int, turns: int) -> None:
    """Warm every side up once, then time blocks in an order that rotates from turn to turn."""
    for worker in workers:
        worker.run(count)
    for turn in range(turns):
        shift = turn % len(workers)
        for worker in workers[shift:] + workers[:shift]:
            worker.walls.append(worker.run(count))


def report(title: str, workers: list[Worker], unit: str, given: argparse.Namespace) -> bool:
    """Print medians, ratios to the first side and goals; append JSON lines if asked to."""
    facts, fine = machine(), True
    base = workers[0].walls
    for worker in workers:
        ratios = [own / first for own, first in zip(worker.walls, base)]
        ratio, median = statistics.median(ratios), statistics.median(worker.walls)
        text = f"  {worker.side.name:34} {pretty(median)} a {unit}"
        if worker is not workers[0]:
            text += f"   ratio {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            if worker.side.goal is not None:
                met = ratio <= worker.side.goal if worker.side.at_most else ratio >= worker.side.goal
                sign = "at most" if worker.side.at_most else "at least"
                text += f"   goal {sign} {worker.side.goal:g}: {'met' if met else 'NOT MET'}"
                fine = fine and met
        print(text)
        if worker.side.stage_goal is not None:
            stage = median / worker.facts["evaluations"]
            met = stage <= worker.side.stage_goal
            goal = f"goal at most {pretty(worker.side.stage_goal)}: {'met' if met else 'NOT MET'}"
            print(f"  {'':34} {pretty(stage)} an evaluation, {worker.facts['evaluations']} of them   {goal}")
            fine = fine and met
        row = {"title": title, "side": worker.side.name, "unit": unit, "seconds": median, "ratio": ratio}
        row |= {"spread": [min(ratios), max(ratios)], "turns": len(ratios), "setup": worker.setup}
        write_row(row | {"facts": worker.facts, "machine": facts}, given.json)
    print(f"  {facts['cpu']}, {facts['cores']} cores, load {facts['load']}; {len(base)} turns")
    return fine


def write_row(row: dict[str, Any], path: Path | None) -> None:
    """Append one JSON line with the time of day to `path`; nothing if there is no path."""
    if path is not None:
        stamp = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        with path.open("a") as file:
            file.write(json.dumps({"when": stamp, **row}) + "\n")


def pretty(seconds: float) -> str:
    """A time with three digits and its unit.

    Example:
        >>> pretty(0.0000125)
        '12.5 us'
    """
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1 or unit == "us":
            return f"{seconds * factor:.3g} {unit}"
    raise AssertionError
