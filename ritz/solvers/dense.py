"""Dense output: the solution as a function of time, one piece per accepted step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ritz.codegen.loops import as_f64, as_i64, compiled

Array = NDArray[Any]
#: (segments, places, starts, steps, rows, out) -> None: states at places 0..1 within steps, one row of `out` each.
Evaluator = Callable[[Array, Array, Array, Array, Array, Array], None]


@compiled()
def _polynomials(
    segments_: int, places_: int, starts_: int, rows_: int, out_: int, count: int, degree: int, n: int
) -> None:
    segments, places, out = as_i64(segments_), as_f64(places_), as_f64(out_)
    for k in range(count):
        x = places[k]
        start, rows = as_f64(starts_ + 8 * n * segments[k]), as_f64(rows_ + 8 * n * degree * segments[k])
        for i in range(n):
            total = 0.0
            for j in range(degree - 1, -1, -1):
                total = (total + rows[j * n + i]) * x
            out[k * n + i] = start[i] + total


def evaluate_polynomials(segments: Array, places: Array, starts: Array, steps: Array, rows: Array, out: Array) -> None:
    """``out[k] = start + sum_j rows[j] x^(j+1)`` with the start and the rows of segment k; `out` is contiguous."""
    given = [
        np.ascontiguousarray(segments, np.int64),
        *(np.ascontiguousarray(a, float) for a in (places, starts, rows)),
    ]
    _polynomials(*(a.ctypes.data for a in given), out.ctypes.data, segments.size, *rows.shape[1:])


class DenseOutput:
    """Callable like SciPy's ``OdeSolution``: ``sol(t)`` is (size,) for a number, (size, nt) for an array.

    Outside the interval the first or last piece is extrapolated. Where two pieces meet the later one counts: at the
    time of an event that changes the state, the state after it.

    Attributes:
        ts: (m + 1,) ends of the steps.
        t_min, t_max: The interval.

    Args:
        ts: Ends of the steps.
        starts: (m, size) states at their beginnings.
        steps: (m,) signed lengths that the rows refer to.
        rows: (m, degree, size) coefficients.
        evaluate: How a piece is evaluated.
    """

    def __init__(self, ts: Array, starts: Array, steps: Array, rows: Array, evaluate: Evaluator) -> None:
        self.ts = ts
        self.t_min, self.t_max = float(min(ts[0], ts[-1])), float(max(ts[0], ts[-1]))
        self._starts, self._steps, self._rows, self._evaluate = starts, steps, rows, evaluate
        self._ascending = bool(ts[-1] >= ts[0])

    @property
    def n_segments(self) -> int:
        """Number of steps."""
        return len(self._steps)

    def __call__(self, t: ArrayLike) -> Array:
        """Evaluate at a time or at several, in any order."""
        times = np.asarray(t, float)
        wanted = np.atleast_1d(times)
        if wanted.ndim != 1:
            raise ValueError(f"t must be a number or a one-dimensional array, not of shape {times.shape}.")
        size = self._starts.shape[1]
        out = np.empty((wanted.size, size))
        if not self.n_segments:
            raise ValueError("The run made no step, so there is nothing to interpolate.")
        if self._ascending:
            segments = np.searchsorted(self.ts, wanted, side="right") - 1
        else:
            segments = self.n_segments - np.searchsorted(self.ts[::-1], wanted, side="left")
        segments = np.clip(segments, 0, self.n_segments - 1)
        places = (wanted - self.ts[segments]) / self._steps[segments]
        self._evaluate(segments, places, self._starts, self._steps, self._rows, out)
        return out[0] if times.ndim == 0 else out.T

    def __repr__(self) -> str:
        return f"<DenseOutput of {self.n_segments} steps on [{self.t_min:g}, {self.t_max:g}]>"
