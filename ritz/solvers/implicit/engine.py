"""The loop of the implicit methods: steps, error control, output. What is done within a step is a `Stepper`'s."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ritz.solvers.buffers import (
    ACCEPTED,
    BUDGET,
    DIVERGED,
    EVALUATED,
    FINISHED,
    FIXED_STEP,
    FULL,
    LOOK,
    NFEV,
    NOT_FINITE,
    RUNNING,
    STATUS,
    STEP,
    STEP_TOO_SMALL,
    STORE,
    STORE_DENSE,
    STORE_NOTHING,
    STORED,
    STRIDE,
    T_END,
    TIME,
    TRIED,
)  # fmt: skip
from ritz.solvers.dense import evaluate_polynomials
from ritz.solvers.implicit.control import accept_fixed, judge, next_time, shrink
from ritz.solvers.implicit.norm import ErrorNorm
from ritz.solvers.implicit.stage import StageFailure, StageSolver

Array = NDArray[np.float64]


class Stepper(Protocol):
    """A method at work on one system.

    Attributes:
        u, slope: state and its time derivative at the time reached.
    """

    u: Array
    slope: Array

    def attempt(self, t: float, h: float, *, fixed: bool) -> tuple[Array, Array, Array | None]:
        """One step: new state, its time derivative and an estimate of its error (None for a fixed step).

        Raises:
            StageFailure: equations of the step were not solved.
        """
        ...

    def accept(self, t: float, h: float, u: Array, slope: Array) -> None:
        """The step just attempted counts."""
        ...


def hermite(u: Array, slope: Array, new: Array, new_slope: Array, h: float) -> Array:
    """(3, size) coefficients of x, x^2, x^3 of the cubic that meets states and slopes at both ends, less its start."""
    change, left, right = new - u, h * slope, h * new_slope
    return np.stack([left, 3 * change - 2 * left - right, left + right - 2 * change])


class ImplicitEngine:
    """An implicit method at work, in Python: its cost is in the linear systems.

    Args:
        stepper: the method.
        stages: solves its equations, counts its work.
        norm: measures errors.
        control, counts: the shared arrays of `ritz.solvers.buffers`.
        begin: (time, state) -> the method at another start, and words on what was changed of the state.
    """

    rows_per_step = 3

    def __init__(
        self, stepper: Stepper, stages: StageSolver, norm: ErrorNorm, control: Array, counts: NDArray[np.int64],
        begin: Callable[[float, Array], tuple[Stepper, str]],
    ) -> None:  # fmt: skip
        self.stepper, self.stages, self.norm = stepper, stages, norm
        self.control, self.counts, self._begin = control, counts, begin
        self._watched: tuple[Any, Array] | None = None
        self.failure = ""
        self._bad: tuple[float, Array] | None = None
        self._retried = False

    def restart(self, u: Array) -> None:
        """Go on from another state; `control` and `counts` are set by others."""
        self.stepper, _ = self._begin(float(self.control[TIME]), u)
        self.stages.new_step()
        self._retried = False

    def watch(self, bound_events: Any, held: Array) -> None:
        """Stop after steps at whose end a condition differs from `held` (None: watch nothing)."""
        self._watched = None if bound_events is None else (bound_events, held)

    def _look(self, t: float) -> None:
        if self._watched is not None and (self._watched[0].conditions(t, self.stepper.u) != self._watched[1]).any():
            self.counts[LOOK] = 1

    @property
    def state(self) -> Array:
        """(size,) state reached."""
        return self.stepper.u

    def bad_place(self) -> tuple[float, Array]:
        """Time and state where the right-hand side was not finite."""
        return self._bad if self._bad is not None else (float(self.control[TIME]), self.state)

    def interpolate(self, segments: Array, places: Array, starts: Array, steps: Array, rows: Array, out: Array) -> None:
        """Evaluate stored dense output (see `ritz.solvers.dense`)."""
        evaluate_polynomials(segments, places, starts, steps, rows, out)

    def advance(self, t_eval: Array, out: Array, buffer_t: Array, buffer_y: Array, buffer_q: Array) -> None:
        """Make steps until the end, a full buffer, a spent budget or a failure (left in ``counts[STATUS]``)."""
        control, counts = self.control, self.counts
        counts[STATUS] = RUNNING
        direction = 1.0 if control[T_END] >= control[TIME] else -1.0
        if control[FIXED_STEP] == 0.0 and control[STEP] == 0.0:
            control[STEP] = self._first_step()
        while counts[BUDGET] > 0:
            if counts[STORE] != STORE_NOTHING and counts[STORED] == buffer_t.size:
                counts[STATUS] = FULL
                return
            t = float(control[TIME])
            t_new = next_time(control, counts, t, direction, self._retried)
            if math.isnan(t_new):
                counts[STATUS] = STEP_TOO_SMALL
                return
            u, slope = self.stepper.u, self.stepper.slope
            if accepted := self._make(t, t_new - t):
                if t_new == control[T_END]:
                    counts[STATUS] = FINISHED
                self._look(t_new)
                self._write(t, t_new, u, slope, direction, (t_eval, out, buffer_t, buffer_y, buffer_q))
                control[TIME] = t_new
            counts[NFEV] = self.stages.evaluations
            if counts[STATUS] != RUNNING or (accepted and counts[LOOK]):
                return

    def _make(self, t: float, h: float) -> bool:
        """Attempt a step; True: it counts. A failure for good is left in ``counts[STATUS]``."""
        control, counts, stepper = self.control, self.counts, self.stepper
        fixed = control[FIXED_STEP] != 0.0
        control[TRIED] = h
        try:
            u, slope, error = stepper.attempt(t, h, fixed=fixed)
        except StageFailure as failure:
            self._bad = failure.place
            if fixed:
                counts[STATUS] = DIVERGED if failure.finite else NOT_FINITE
                self.failure = f"The equations of the step from t = {t:.6g} by dt = {abs(h):g} were not solved."
                self.failure += f" {failure.words}" if failure.words else ""
                return False
            if not shrink(control, counts, h, finite=failure.finite):
                counts[STATUS] = NOT_FINITE
            self._retried = True
            return False
        if fixed:
            accept_fixed(control, counts)
        else:
            assert error is not None
            size = self.norm(error, stepper.u, u)
            if not math.isfinite(size):
                self._bad, self._retried = (t + h, u), True
                if not shrink(control, counts, h, finite=False):
                    counts[STATUS] = NOT_FINITE
                return False
            if not judge(control, counts, h, size, self._retried):
                self._retried = True
                return False
        self._retried = False
        stepper.accept(t, h, u, slope)
        self.stages.new_step()
        return True

    def _write(
        self, t: float, t_new: float, u: Array, slope: Array, direction: float, where: tuple[Array, ...]
    ) -> None:
        """Write what was asked for of the step just accepted."""
        t_eval, out, buffer_t, buffer_y, buffer_q = where
        counts, new = self.counts, self.stepper.u
        k, h = int(counts[EVALUATED]), t_new - t
        rows: Array | None = None
        while k < t_eval.size and direction * (t_new - t_eval[k]) >= 0.0:
            if t_eval[k] == t_new:
                out[k] = new
            else:
                rows = hermite(u, slope, new, self.stepper.slope, h) if rows is None else rows
                x = (t_eval[k] - t) / h
                out[k] = u + x * (rows[0] + x * (rows[1] + x * rows[2]))
            k += 1
        counts[EVALUATED] = k
        if counts[STORE] == STORE_NOTHING or (counts[ACCEPTED] % counts[STRIDE] and counts[STATUS] != FINISHED):
            return
        k = int(counts[STORED])
        buffer_t[k], buffer_y[k] = t_new, new
        if counts[STORE] == STORE_DENSE or counts[LOOK]:
            buffer_q[k] = hermite(u, slope, new, self.stepper.slope, h) if rows is None else rows
        counts[STORED] = k + 1

    def _first_step(self) -> float:
        """A step over which the state changes by a hundredth of its own size, or of the tolerance where it is zero."""
        u, slope, control = self.stepper.u, self.stepper.slope, self.control
        interval = abs(float(control[T_END] - control[TIME]))
        size, speed = self.norm(u, u, u), self.norm(slope, u, u)
        h = 0.01 * max(size, 1.0) / speed if speed > 1e-5 / interval else 1e-3 * interval
        return min(h, interval)
