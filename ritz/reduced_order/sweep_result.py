"""What a sweep returns: the runs in order, the failures with their causes, and the common tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ritz.errors import UnsupportedError
from ritz.reduced_order.estimator import FloatArray, IntArray
from ritz.reduced_order.sampling import Samples

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True)
class Failure:
    """A point of a sweep that gave no complete solution.

    Attributes:
        index: position in the sweep. parameters: name -> value.
        cause: why, in words. partial: what was computed before the run stopped, if anything.
    """

    index: int
    parameters: dict[str, float]
    cause: str
    partial: Any = None

    def __str__(self) -> str:
        point = ", ".join(f"{k}={v:g}" for k, v in self.parameters.items())
        return f"point {self.index} ({point}): {self.cause}"


class Sweep:
    """Runs of one system at several parameter points.

    Attributes:
        names: (d,) parameter names.
        parameters: (n, d) one point a row, failed ones included.
        solutions: n Solutions in the order of `parameters`; None where a run failed.
        failures: every run that did not succeed, with its cause.
        system: what was run. t_span: the time span.
        box: (d, 2) sampled ranges; None when the points were listed.
        samples: the points as they were drawn.
        interrupted: whether the user stopped the sweep; the missing points are then listed in `failures`.
    """

    def __init__(
        self,
        system: Any,
        samples: Samples,
        t_span: tuple[float, float] | None,
        solutions: list[Any],
        failures: list[Failure],
        *,
        interrupted: bool = False,
    ) -> None:
        self.system, self.samples, self.t_span = system, samples, t_span
        self.solutions, self.failures, self.interrupted = solutions, failures, interrupted

    @property
    def names(self) -> tuple[str, ...]:
        """(d,) parameter names."""
        return self.samples.names

    @property
    def parameters(self) -> FloatArray:
        """(n, d) one point a row."""
        return self.samples.values

    @property
    def box(self) -> FloatArray | None:
        """(d, 2) sampled ranges; None when the points were listed."""
        return self.samples.box

    def point(self, index: int) -> dict[str, float]:
        """Return the parameters of one run as name -> value."""
        return self.samples.point(index)

    @property
    def succeeded(self) -> IntArray:
        """Indices of the runs that succeeded."""
        return np.array([i for i, s in enumerate(self.solutions) if s is not None], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.solutions)

    def __getitem__(self, index: int) -> Any:
        """Return a Solution, or None where the run failed."""
        return self.solutions[index]

    def __iter__(self) -> Iterator[tuple[dict[str, float], Any]]:
        """Go through (parameters, Solution) of the runs that succeeded."""
        return ((self.point(i), self.solutions[i]) for i in self.succeeded)

    def select(self, indices: Any) -> Sweep:
        """Return a sweep of some of the points only."""
        chosen = [int(i) for i in indices]
        samples = Samples(self.names, self.parameters[chosen], self.box)
        place = {old: new for new, old in enumerate(chosen)}
        failures = [
            Failure(place[f.index], f.parameters, f.cause, f.partial) for f in self.failures if f.index in place
        ]
        return Sweep(self.system, samples, self.t_span, [self.solutions[i] for i in chosen], failures)

    def snapshots(self) -> FloatArray:
        """Return all stored states of all successful runs, (size, total number of stored times)."""
        return np.hstack([solution.y for _, solution in self])

    def labels(self) -> tuple[IntArray, FloatArray]:
        """Return, for every column of `snapshots`, the index of its run and its time."""
        runs = [np.full(len(self.solutions[i].t), i) for i in self.succeeded]
        return np.concatenate(runs), np.concatenate([solution.t for _, solution in self])

    def to_xarray(self) -> xarray.Dataset:
        """Return one Dataset: a dimension a parameter for a full grid, else the dimension ``sample``.

        Failed runs are NaN on a grid and left out otherwise.

        Raises:
            UnsupportedError: if the runs stored different times (give `t_eval`).
        """
        import xarray as xr

        runs = [solution for _, solution in self]
        for run in runs[1:]:
            if not np.array_equal(run.t, runs[0].t):
                raise UnsupportedError(
                    "The runs stored different times, so they do not fit one table. Give t_eval= to sweep."
                )
        joined = _stack(xr, runs, self.names)
        values = self.parameters[self.succeeded]
        columns: dict[str, Any] = {name: ("sample", values[:, i]) for i, name in enumerate(self.names)}
        joined = joined.assign_coords(sample=self.succeeded, **columns)
        if self.samples.shape is None:
            return joined
        if len(self.names) == 1:
            return joined.swap_dims(sample=self.names[0]).drop_vars("sample").sortby(self.names[0])
        return joined.drop_vars("sample").set_index(sample=list(self.names)).unstack("sample")

    def __repr__(self) -> str:
        done, total = len(self.succeeded), len(self)
        lines = [f"Sweep of {total} points over {', '.join(self.names)}: {done} succeeded, {total - done} failed"]
        lines += [f"  {failure}" for failure in self.failures[:5]]
        if len(self.failures) > 5:
            lines.append(f"  ... and {len(self.failures) - 5} more in .failures")
        return "\n".join(lines)


def _stack(xr: Any, runs: list[Any], names: tuple[str, ...]) -> xarray.Dataset:
    """Return the fields of all runs as one Dataset with the new first dimension ``sample``.

    Names, units and coordinates are those of the first run; of the run records the entries remain that all share.
    """
    from ritz.solvers.dataset import run_attrs

    first = runs[0].to_xarray().drop_vars(names, errors="ignore")
    values = [run.values() for run in runs]
    variables = {
        name: xr.Variable(("sample", *table.dims), np.stack([v[name] for v in values]), table.attrs)
        for name, table in first.data_vars.items()
    }
    records = [run_attrs(run) for run in runs[1:]]
    missing = object()
    shared = {k: v for k, v in first.attrs.items() if all(r.get(k, missing) == v for r in records)}
    return xr.Dataset(variables, first.coords, shared)
