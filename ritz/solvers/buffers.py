"""Memory that the compiled loops and the Python driver share: progress of a run and its accepted steps.

A loop works in place on two small arrays, `control` (float64) and `counts` (int64), whose entries are named by the
constants below, so that it can stop after any step and go on later, and so that nothing is lost when the user
interrupts. It writes accepted steps into a `StepBuffer` and values at requested times straight into the result.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# control: time reached, size of the next step (0: not chosen yet), log2 of the last error, end, tolerances, ...
TIME, STEP, LOG_ERROR, T_END, RTOL, MAX_STEP, T_START, FIXED_STEP, TRIED, TABLE_STEP, SMALLEST, LARGEST = range(12)
# ... and the constants of the step control.
SAFETY, ALPHA, BETA, GROWTH, SHRINK, EXPONENT = range(12, 18)
CONTROL_SIZE = 18

# counts: work done, status, steps left in this call, ..., whether the derivative at the state reached is known, and
# whether the next step is to be looked at (its dense output is kept, and the loop returns after it).
(NFEV, ACCEPTED, REJECTED, STATUS, BUDGET, STORED, EVALUATED, STORE, STRIDE, NONFINITE, FIXED_DONE, FIXED_TOTAL,
 FLIP, LADDER, STARTED, LOOK) = range(16)  # fmt: skip
COUNTS_SIZE = 16

# counts[STORE]: what the loop writes for an accepted step.
STORE_NOTHING, STORE_STATES, STORE_DENSE = range(3)

# counts[STATUS]: why the loop returned. WANT_TABLES asks for coefficients of the step size in control[STEP].
# DIVERGED: equations of an implicit step of given size were not solved; the engine says more in `failure`.
RUNNING, FULL, FINISHED, STEP_TOO_SMALL, NOT_FINITE, WANT_TABLES, DIVERGED = range(7)

BUFFER_BYTES = 64 << 20
STATE_BYTES = 1 << 30

#: Rejections in a row because of infinite or undefined values before a run is given up; each divides the step by 4.
NONFINITE_LIMIT = 12


class StepBuffer:
    """Accepted steps: times, states and, for dense output, rows of coefficients per step.

    Filled pieces are kept as they are and joined once at the end. Without dense output the states together stay
    below `STATE_BYTES`: beyond it every second one is dropped, again and again (`stride` tells how many of the
    accepted steps one kept state stands for).

    Args:
        size: Length of the state.
        rows: Coefficient rows of the dense output, 0 for none.
        first: Steps that the first piece holds.
    """

    def __init__(self, size: int, rows: int, first: int = 256) -> None:
        self.size, self.rows, self.stride = size, rows, 1
        self._limit = max(1, BUFFER_BYTES // (8 * (size * (1 + rows) + 1)))
        self._capacity = min(first, self._limit)
        self.pieces: list[tuple[Array, Array, Array]] = []
        self.taken = 0  # steps handed out so far
        self._no_rows = np.empty((0, max(rows, 1), size))
        self._allocate()

    def _allocate(self) -> None:
        n = self._capacity
        self.t = np.empty(n)
        self.y = np.empty((n, self.size))
        self.q = np.empty((n if self.rows else 0, max(self.rows, 1), self.size))

    def take(self, count: int, *, keep_rows: bool) -> tuple[Array, Array, Array]:
        """Hand out the `count` steps written since the last call and make room for more."""
        self.taken += count
        piece = (self.t[:count], self.y[:count], self.q[:count])
        if 4 * count > self._capacity:
            self._capacity = min(4 * self._capacity, self._limit)
            self._allocate()
        else:
            piece = (piece[0].copy(), piece[1].copy(), piece[2].copy())
        self.pieces.append(piece if keep_rows else (piece[0], piece[1], self._no_rows))
        return piece

    def thin(self) -> bool:
        """Drop every second state if they have become too many; tell whether that was done."""
        total = 0 if self.rows else sum(len(t) for t, _, _ in self.pieces)
        if self.rows or 8 * total * self.size <= STATE_BYTES:
            return False
        self.stride *= 2
        kept: list[tuple[Array, Array, Array]] = []
        position = 0
        for t, y, q in self.pieces:
            first = (1 - position) % 2
            kept.append((t[first::2].copy(), y[first::2].copy(), q))
            position += len(t)
        self.pieces = kept
        return True

    def joined(self) -> tuple[Array, Array, Array]:
        """All pieces as (nt,), (nt, size) and (nt, rows, size) arrays."""
        if len(self.pieces) == 1:
            return self.pieces[0]
        if not self.pieces:
            return self.t[:0], self.y[:0], self.q[:0]
        t, y, q = (np.concatenate(parts) for parts in zip(*self.pieces, strict=True))
        return t, y, q


def new_control() -> tuple[Array, NDArray[np.int64]]:
    """Make the shared arrays, to be set by `start_control`."""
    return np.empty(CONTROL_SIZE), np.empty(COUNTS_SIZE, np.int64)


#: Binary logarithms of the errors that stand for "the last one" at the start, and for any that is smaller still.
START_LOG, LEAST_LOG = math.log2(1e-4), math.log2(1e-10)


def _fresh() -> tuple[Array, NDArray[np.int64]]:
    control, counts = np.zeros(CONTROL_SIZE), np.zeros(COUNTS_SIZE, np.int64)
    control[LOG_ERROR], control[SMALLEST], counts[STRIDE] = START_LOG, math.inf, 1
    return control, counts


_FRESH = _fresh()


def start_control(
    control: Array, counts: NDArray[np.int64], t0: float, t_end: float, *, rtol: float = 1e-3,
    max_step: float = math.inf, first_step: float | None = None, dt: float | None = None,
) -> None:  # fmt: skip
    """Set the shared arrays for a run that has not started.

    With `dt` the steps are ``t0 + i dt``; the last one is shortened to end at `t_end`. A `dt` that divides the
    interval up to a relative 1e-9 is taken to divide it.
    """
    control[:], counts[:] = _FRESH
    control[TIME] = control[T_START] = t0
    control[T_END], control[RTOL], control[MAX_STEP] = t_end, rtol, max_step
    if first_step is not None:
        control[STEP] = abs(first_step)
    if dt is not None:
        control[FIXED_STEP] = math.copysign(dt, t_end - t0)
        counts[FIXED_TOTAL] = fixed_steps(t0, t_end, dt)


def start_leg(control: Array, counts: NDArray[np.int64], t_end: float) -> None:
    """Let the run go on from the time reached to `t_end`; fixed steps keep to the times ``t_start + i dt``."""
    control[T_END] = t_end
    if control[FIXED_STEP] != 0.0:
        start, dt = float(control[T_START]), abs(float(control[FIXED_STEP]))
        counts[FIXED_TOTAL] = fixed_steps(start, t_end, dt)
        counts[FIXED_DONE] = math.floor(abs(float(control[TIME]) - start) / dt * (1 + 1e-14) + 1e-9)


def start_again(control: Array, counts: NDArray[np.int64], t: float) -> None:
    """Set the shared arrays for going on from another state at time `t`; the counts of work done stay."""
    control[TIME], control[STEP], control[LOG_ERROR] = t, 0.0, START_LOG
    counts[FLIP] = counts[STARTED] = counts[NONFINITE] = 0


def fixed_steps(t0: float, t_end: float, dt: float) -> int:
    """Number of steps of size `dt`, the last one perhaps shorter."""
    ratio = abs(t_end - t0) / dt
    return max(1, round(ratio) if abs(ratio - round(ratio)) < 1e-9 * max(1.0, ratio) else math.ceil(ratio))
