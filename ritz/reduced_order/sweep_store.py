"""Finished runs on disk, one file each, so that an interrupted sweep goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from ritz.reduced_order.estimator import FloatArray

NOT_HASHED = {"progress", "threads", "callback"}  # options that do not change the numbers


@dataclass(frozen=True)
class Record:
    """What a run leaves behind, free of compiled code: it travels between processes and to disk.

    Attributes:
        t, y, params: of the Solution. meta: method, message, status, success and counts.
        original: the Solution itself, where it was made in this process; it may hold dense output and events.
    """

    t: FloatArray
    y: FloatArray
    params: FloatArray | None
    meta: dict[str, Any]
    original: Any = None

    @classmethod
    def of(cls, solution: Any) -> Record:
        """Return the record of a Solution."""
        names = ("method", "message", "status", "success", "nfev", "njev", "nlu")
        meta = {name: _plain(getattr(solution, name)) for name in names}
        params = getattr(solution, "params", None)
        kept = None if params is None else np.array(params)
        return cls(np.asarray(solution.t), np.asarray(solution.y), kept, meta, solution)

    def alone(self) -> Record:
        """Return the record without the Solution it came from, ready to travel."""
        return replace(self, original=None)

    def solution(self, system: Any) -> Any:
        """Return a Solution of `system` with the content of this record."""
        from ritz.solvers.solution import Solution

        if self.original is not None:
            return self.original
        return Solution(t=self.t, y=self.y, params=self.params, system=system, **self.meta)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


class Store:
    """A folder of finished runs, named by the content of what was run.

    The name of a file is a hash of the system (names, sizes, values of its right-hand side at fixed states), the
    initial state, the parameters, the times and the options; so a changed model or tolerance is never mistaken for
    one that was run before. A file appears under its name only when it is complete, and a file that cannot be read is
    run again.
    """

    def __init__(
        self, directory: str | Path, system: Any, t_span: Any, t_eval: Any, options: Mapping[str, Any]
    ) -> None:
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.system = system
        kept = {k: v for k, v in sorted(options.items()) if k not in NOT_HASHED}
        self.common = digest(fingerprint(system), tuple(map(float, t_span or ())), t_eval, kept)

    def path(self, p: FloatArray) -> Path:
        """Return the file of the run with the complete parameter vector `p`."""
        initial = self.system.initial_state(p)
        return self.directory / f"run-{digest(self.common, p, initial)[:24]}.npz"

    def load(self, path: Path) -> Record | None:
        """Return the record in a file, or None if there is none that can be read."""
        try:
            with np.load(path, allow_pickle=False) as data:
                return Record(data["t"], data["y"], data["params"], json.loads(str(data["meta"])))
        except (OSError, ValueError, KeyError, EOFError):
            return None
        except Exception as error:  # zipfile has an exception class of its own
            if type(error).__name__ == "BadZipFile":
                return None
            raise

    def save(self, path: Path, record: Record) -> None:
        """Write a record under a passing name, then give it its own."""
        partial = path.with_name(f".{path.stem}.{uuid4().hex[:8]}.part")
        params = np.zeros(0) if record.params is None else record.params
        try:
            with partial.open("wb") as file:
                np.savez(file, t=record.t, y=record.y, params=params, meta=np.array(json.dumps(record.meta)))
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def fingerprint(system: Any) -> str:
    """Return a hash of what a system computes: names, sizes, and its right-hand side at fixed states."""
    layout = system.layout
    parameters = [(p.name, p.default, p.bounds) for p in system.parameters]
    probes = []
    for k in range(2):
        rng = np.random.default_rng(k)
        p = np.array([_probe_value(rng, d, b) for _, d, b in parameters])
        with np.errstate(all="ignore"):
            value = np.asarray(system.rhs(0.25 + k, rng.uniform(0.2, 0.8, layout.size), p))
            probes.append(value.astype(np.float32))  # rounded: another machine may differ in the last digits
    return digest([name for name, _, _ in parameters], layout.size, dict(layout.coords), probes)


def _probe_value(rng: np.random.Generator, default: float | None, bounds: tuple[float, float] | None) -> float:
    share = rng.uniform(0.3, 0.7)
    if bounds is not None and np.isfinite(bounds).all():
        return float(bounds[0] + share * (bounds[1] - bounds[0]))
    return float(1.0 + share if default is None else default * (0.8 + 0.4 * share))


def digest(*parts: Any) -> str:
    """Return the SHA-256 of arrays, numbers, strings, containers and functions, independent of memory addresses."""
    state = hashlib.sha256()
    _feed(state, parts)
    return state.hexdigest()


def _feed(state: Any, value: Any) -> None:
    if isinstance(value, Mapping):
        _feed(state, sorted((str(k), digest(v)) for k, v in value.items()))
    elif isinstance(value, (list, tuple)):
        state.update(f"[{len(value)}".encode())
        for item in value:
            _feed(state, item)
    elif isinstance(value, np.ndarray) and value.dtype != object:
        state.update(f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    elif callable(value) and hasattr(value, "__code__"):
        code = value.__code__
        state.update(f"{value.__module__}.{value.__qualname__}{code.co_names}".encode() + code.co_code)
        _feed(state, [c.co_code if hasattr(c, "co_code") else repr(c) for c in code.co_consts])
        _feed(state, [cell.cell_contents for cell in value.__closure__ or ()])
    else:
        state.update(f"{type(value).__name__}:{value!r}".encode())
