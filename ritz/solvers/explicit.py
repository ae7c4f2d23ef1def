"""Explicit Runge-Kutta methods: one compiled loop for all tableaus, fixed and adaptive steps.

The loop takes the step of the method (`ritz.solvers.explicit_step`) and the right-hand side by address, so it is
compiled once per machine. Nothing is allocated in a step.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import carray, njit
from numpy.typing import NDArray

from ritz.codegen.abi import as_f64, call_rhs
from ritz.solvers.buffers import (
    ACCEPTED,
    BUDGET,
    EVALUATED,
    EXPONENT,
    FINISHED,
    FIXED_DONE,
    FIXED_STEP,
    FIXED_TOTAL,
    FLIP,
    FULL,
    LARGEST,
    MAX_STEP,
    NFEV,
    NONFINITE,
    NONFINITE_LIMIT,
    NOT_FINITE,
    REJECTED,
    RTOL,
    RUNNING,
    SAFETY,
    SHRINK,
    SMALLEST,
    STATUS,
    STEP,
    STEP_TOO_SMALL,
    STORE,
    STORE_DENSE,
    STORE_NOTHING,
    STORED,
    STRIDE,
    T_END,
    T_START,
    TIME,
    TRIED,
)  # fmt: skip
from ritz.solvers.dense import evaluate_polynomials
from ritz.solvers.explicit_step import (
    CONTEXT,
    ERROR,
    NEW,
    OLD,
    OTHER_ERROR,
    PARAMETERS,
    RHS,
    ROWS,
    SCRATCH,
    WANT_ERROR,
    call_step,
    first_bad_stage,
    step_addresses,
)  # fmt: skip
from ritz.solvers.norms import FAST, accepted_factor, error_norm, first_guess, first_step, is_finite
from ritz.solvers.tableaus import Tableau

Array = NDArray[np.float64]
BLOCK = 1024  # numbers summed at a time: 8 kB of the result stay in the first-level cache
LOOP = dict(cache=True, nogil=True, error_model="numpy")


@njit(**LOOP, fastmath=FAST)
def combine(out, o, base, b, rows, n, offsets, values, h):  # type: ignore[no-untyped-def]
    """``out[o:o+n] = base[b:b+n] + h sum_j values[j] rows[offsets[j]:+n]``; no base where b < 0."""
    last = values.size
    if n <= 16:
        for i in range(n):
            total = 0.0
            for j in range(last):
                total += values[j] * rows[offsets[j] + i]
            out[o + i] = h * total + (base[b + i] if b >= 0 else 0.0)
        return
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        if b >= 0:
            for i in range(start, stop):
                out[o + i] = base[b + i]
        else:
            for i in range(start, stop):
                out[o + i] = 0.0
        j = 0
        while j + 4 <= last:
            p0, p1, p2, p3 = offsets[j], offsets[j + 1], offsets[j + 2], offsets[j + 3]
            a0, a1, a2, a3 = h * values[j], h * values[j + 1], h * values[j + 2], h * values[j + 3]
            for i in range(start, stop):
                out[o + i] += a0 * rows[p0 + i] + a1 * rows[p1 + i] + a2 * rows[p2 + i] + a3 * rows[p3 + i]
            j += 4
        while j < last:
            p0 = offsets[j]
            a0 = h * values[j]
            for i in range(start, stop):
                out[o + i] += a0 * rows[p0 + i]
            j += 1


@njit(**LOOP)
def copy(out, o, source, s, n):  # type: ignore[no-untyped-def]
    """``out[o:o+n] = source[s:s+n]`` (an assignment of slices takes seconds to compile)."""
    for i in range(n):
        out[o + i] = source[s + i]


@njit(**LOOP)
def dense_weights(weights, dense, x):  # type: ignore[no-untyped-def]
    """Weights of the stage derivatives at the place `x` (0 to 1) of the step."""
    degree = dense.shape[1]
    for k in range(dense.shape[0]):
        total = 0.0
        for j in range(degree - 1, -1, -1):
            total = (total + dense[k, j]) * x
        weights[k] = total


@njit(**LOOP)
def choose_first_step(frame, n, control, counts, atol, groups, weights):  # type: ignore[no-untyped-def]
    """Pick the starting step from one explicit Euler step (one evaluation)."""
    u, f, w = frame[OLD], frame[ROWS], frame[SCRATCH]
    state, slope, trial, change = carray(as_f64(u), n), carray(as_f64(f), n), carray(as_f64(w), n), frame[ERROR]
    t = control[TIME]
    size_u = error_norm(u, u, u, n, control[RTOL], atol, groups, weights)
    size_f = error_norm(f, u, u, n, control[RTOL], atol, groups, weights)
    h0 = first_guess(size_u, size_f, abs(control[T_END] - t))
    signed = h0 if control[T_END] >= t else -h0
    for i in range(n):
        trial[i] = state[i] + signed * slope[i]
    call_rhs(frame[RHS], t + signed, w, frame[PARAMETERS], change, frame[CONTEXT])
    counts[NFEV] += 1
    difference = carray(as_f64(change), n)
    for i in range(n):
        difference[i] -= slope[i]
    size_df = error_norm(change, u, u, n, control[RTOL], atol, groups, weights) / h0
    if not math.isfinite(size_df):
        size_df = size_f
    control[STEP] = first_step(control, size_u, size_f, size_df, h0, control[EXPONENT])


@njit(**LOOP)
def next_time(control, counts, t, direction, retried):  # type: ignore[no-untyped-def]
    """End of the coming step; NaN where the step size has become too small for the machine."""
    t_end = control[T_END]
    if control[FIXED_STEP] != 0.0:
        done = counts[FIXED_DONE] + 1
        return t_end if done >= counts[FIXED_TOTAL] else control[T_START] + done * control[FIXED_STEP]
    smallest = 10.0 * max(abs(t) * 2.220446049250313e-16, 1e-300)
    if control[STEP] < smallest:
        if retried:
            return math.nan
        control[STEP] = smallest
    control[STEP] = min(control[STEP], control[MAX_STEP])
    t_new = t + direction * control[STEP]
    return t_end if direction * (t_new - t_end) >= 0.0 else t_new


@njit(**LOOP)
def retry(control, counts, h, error):  # type: ignore[no-untyped-def]
    """Shorten the step after a failed one; False where values stay infinite or undefined however short it is."""
    counts[REJECTED] += 1
    counts[BUDGET] -= 1
    if math.isfinite(error):
        control[STEP] = abs(h) * max(control[SHRINK], control[SAFETY] * error ** -control[EXPONENT])
        return True
    counts[NONFINITE] += 1
    control[STEP] = abs(h) * 0.25
    return counts[NONFINITE] <= NONFINITE_LIMIT


@njit(**LOOP)
def accept(control, counts, h, error, retried):  # type: ignore[no-untyped-def]
    """Count an accepted adaptive step and choose the next one."""
    control[STEP] = abs(h) * accepted_factor(control, error, retried)
    control[SMALLEST] = min(control[SMALLEST], abs(h))
    control[LARGEST] = max(control[LARGEST], abs(h))
    counts[NONFINITE] = 0


@njit(**LOOP)
def explicit_loop(  # type: ignore[no-untyped-def]
    step, extra, extra_stages, frame, states, rows, control, counts, stages, third, dense_offsets, dense, dense_values,
    atol, groups, weights, t_eval, out, buffer_t, buffer_y, buffer_q,
):  # fmt: skip
    """Advance until the end, a full buffer, a spent budget or a failure (left in ``counts[STATUS]``).

    ``states`` holds the old and the new state, ``rows`` the stage derivatives; after an accepted step the addresses
    in ``frame`` of the two states and of the rows 0 and S trade places (``counts[FLIP]``), nothing is copied.
    """
    n = states.size // 2
    frame_address = frame.ctypes.data
    fixed = control[FIXED_STEP] != 0.0
    frame[WANT_ERROR] = 0 if fixed else 1
    counts[STATUS] = RUNNING
    t, t_end = control[TIME], control[T_END]
    direction = 1.0 if t_end >= t else -1.0
    if counts[NFEV] == 0:
        call_rhs(frame[RHS], t, frame[OLD], frame[PARAMETERS], frame[ROWS], frame[CONTEXT])
        counts[NFEV] = 1
        if not is_finite(frame[ROWS], n):
            counts[STATUS] = NOT_FINITE
            return
        if not fixed and control[STEP] == 0.0:
            choose_first_step(frame, n, control, counts, atol, groups, weights)
    retried = False
    while counts[BUDGET] > 0:
        if counts[STORE] != STORE_NOTHING and counts[STORED] == buffer_t.size:
            counts[STATUS] = FULL
            return
        t_new = next_time(control, counts, t, direction, retried)
        if math.isnan(t_new):
            counts[STATUS] = STEP_TOO_SMALL
            return
        h = t_new - t
        control[TRIED] = h
        call_step(step, t, h, frame_address)
        counts[NFEV] += stages
        if fixed:
            if not is_finite(frame[NEW], n):
                counts[STATUS] = NOT_FINITE
                return
            counts[FIXED_DONE] += 1
        else:
            error = error_norm(frame[ERROR], frame[OLD], frame[NEW], n, control[RTOL], atol, groups, weights)
            if third and error > 0.0:
                other = error_norm(frame[OTHER_ERROR], frame[OLD], frame[NEW], n, control[RTOL], atol, groups, weights)
                error *= error / math.sqrt(error * error + 0.01 * other * other)
            if not error < 1.0:
                if not retry(control, counts, h, error):
                    counts[STATUS] = NOT_FINITE
                    return
                retried = True
                continue
            accept(control, counts, h, error, retried)
            retried = False
        counts[ACCEPTED] += 1
        counts[BUDGET] -= 1
        finished = t_new == t_end
        flip = counts[FLIP]
        old, new = flip * n, (1 - flip) * n
        place = counts[EVALUATED]
        inside = place < t_eval.size and direction * (t_new - t_eval[place]) > 0.0
        if extra_stages > 0 and (inside or counts[STORE] == STORE_DENSE):
            call_step(extra, t, h, frame_address)
            counts[NFEV] += extra_stages
        while place < t_eval.size and direction * (t_new - t_eval[place]) >= 0.0:
            if t_eval[place] == t_new:
                copy(out, place * n, states, new, n)
            else:
                dense_weights(dense_values, dense, (t_eval[place] - t) / h)
                combine(out, place * n, states, old, rows, n, dense_offsets[flip], dense_values, h)
            place += 1
        counts[EVALUATED] = place
        if counts[STORE] != STORE_NOTHING and (counts[ACCEPTED] % counts[STRIDE] == 0 or finished):
            k = counts[STORED]
            buffer_t[k] = t_new
            copy(buffer_y, k * n, states, new, n)
            if counts[STORE] == STORE_DENSE:
                degree = dense.shape[1]
                for j in range(degree):
                    for m in range(dense_values.size):
                        dense_values[m] = dense[m, j]
                    combine(buffer_q, (k * degree + j) * n, states, -1, rows, n, dense_offsets[flip], dense_values, h)
            counts[STORED] = k + 1
        t = t_new
        control[TIME] = t
        counts[FLIP] = 1 - flip
        frame[OLD], frame[NEW] = frame[NEW], frame[OLD]
        frame[ROWS], frame[ROWS + stages] = frame[ROWS + stages], frame[ROWS]
        if finished:
            counts[STATUS] = FINISHED
            return


class ExplicitEngine:
    """An explicit Runge-Kutta method at work on one bound system.

    Args:
        tableau: The method.
        bound: System at one parameter point; its `rhs` is called.
        u0: (size,) initial state.
        control, counts: The shared arrays of `ritz.solvers.buffers`.
        atol: (1,), (size,) or (fields,) absolute tolerance.
    """

    def __init__(
        self, tableau: Tableau, bound: Any, u0: Array, control: Array, counts: NDArray[np.int64], atol: Array
    ) -> None:
        n, stages, rows = u0.size, tableau.size, tableau.size + 1 + len(tableau.extra_stages)
        self.tableau, self.bound, self.control, self.counts = tableau, bound, control, counts
        self.rows_per_step = tableau.dense.shape[1]
        self.memory = np.empty((5 + rows) * n)
        self.states, work = self.memory[: 2 * n], self.memory[5 * n :]
        self.states[:n] = u0
        start, width = self.memory.ctypes.data, 8 * n
        addresses = range(start, start + (5 + rows) * width, width) if n else range(5 + rows)
        self.frame = np.array(
            [bound.rhs, bound.p.ctypes.data, bound.context, n, *addresses[:5], 1, *addresses[5:]], np.int64
        )
        step, extra = step_addresses(tableau)
        offsets, columns = tableau.dense_rows(n)
        self._before = (step, extra, len(tableau.extra_stages), self.frame, self.states, work, control, counts, stages,
                        bool(tableau.error_third), offsets, columns, np.empty(len(columns)), atol,
                        *norm_groups(bound))  # fmt: skip

    @property
    def state(self) -> Array:
        """(size,) the state reached; a view that the next call overwrites."""
        n = self.states.size // 2
        start = n * int(self.counts[FLIP])
        return self.states[start : start + n]

    def advance(self, t_eval: Array, out: Array, buffer_t: Array, buffer_y: Array, buffer_q: Array) -> None:
        """Run the compiled loop once; its progress is in `control` and `counts`."""
        explicit_loop(*self._before, t_eval, out, buffer_t, buffer_y, buffer_q)

    def interpolate(self, segments: Array, places: Array, starts: Array, steps: Array, rows: Array, out: Array) -> None:
        """Evaluate stored dense output (see `ritz.solvers.dense`)."""
        evaluate_polynomials(segments, places, starts, steps, rows, out)

    def bad_place(self) -> tuple[float, Array]:
        """Time and state where the right-hand side was first not finite in the step that failed."""
        h = float(self.control[TRIED])
        return first_bad_stage(self.tableau, self.bound, float(self.control[TIME]), h, self.state.copy())


_NO_GROUPS = (np.empty((0, 2), np.int64), np.empty(0))


def norm_groups(bound: Any) -> tuple[NDArray[np.int64], Array]:
    """Groups and weights of the error norm; empty for SciPy's component-wise norm."""
    if bound.groups is None:
        return _NO_GROUPS
    return np.ascontiguousarray(bound.groups, np.int64), np.ascontiguousarray(bound.weights, float)
