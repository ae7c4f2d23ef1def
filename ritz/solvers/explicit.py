"""Explicit Runge-Kutta methods: one compiled loop for all tableaus, fixed and adaptive steps.

The loop calls the step of the method (`ritz.solvers.explicit_step`) and the right-hand side by address, so it is
compiled once per machine. Nothing is allocated in a step.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.codegen.loops import FAST, as_f64, as_i64, call_rhs, call_step, compiled
from ritz.solvers.buffers import (
    ACCEPTED,
    BUDGET,
    EVALUATED,
    EXPONENT,
    FINISHED,
    FIXED_DONE,
    FIXED_STEP,
    FLIP,
    FULL,
    LOOK,
    NFEV,
    NOT_FINITE,
    RUNNING,
    STARTED,
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
from ritz.solvers.explicit_step import aligned_rows, first_bad_stage, row_width, step_addresses
from ritz.solvers.frame import (
    BUFFER_Q,
    BUFFER_SIZE,
    BUFFER_T,
    BUFFER_Y,
    CONTEXT,
    CONTROL,
    COUNTS,
    DEGREE,
    DENSE,
    DENSE_COUNT,
    DENSE_ROWS,
    ERROR,
    EVAL_COUNT,
    EXTRA_CODE,
    EXTRA_STAGES,
    NEW,
    OLD,
    OTHER_ERROR,
    OUT,
    PARAMETERS,
    RHS,
    ROWS,
    SCRATCH,
    SELF,
    SIZE,
    STAGES,
    STEP_CODE,
    T_EVAL,
    TWO_ERRORS,
    WANT_ERROR,
    WIDTH,
    Frame,
)  # fmt: skip
from ritz.solvers.stepping import copy, error_norm, is_finite, judge, next_time
from ritz.solvers.tableaus import Tableau
from ritz.solvers.watch import point_watch, watch

Array = NDArray[np.float64]
BLOCK = 1024  # numbers summed at a time: 8 kB of the result stay in the first-level cache


@compiled(flags=FAST)
def combine(frame, target, base, x, power, h):  # type: ignore[no-untyped-def]
    """Dense output of the step just made, from the stage derivatives k_j and the coefficients d_jm of the method.

    With ``power < 0`` the n numbers at `target` become ``base + h sum_jm d_jm x^(m+1) k_j``; otherwise
    ``h sum_j d_jm k_j`` with m = `power`, the coefficient of ``x^(m+1)``.
    """
    n, degree = frame[SIZE], frame[DEGREE]
    out, start, dense, rows = as_f64(target), as_f64(base), as_f64(frame[DENSE]), as_i64(frame[DENSE_ROWS])
    for first in range(0, n, BLOCK):
        last = first + BLOCK if first + BLOCK < n else n
        for i in range(first, last):
            out[i] = start[i] if power < 0 else 0.0
        for j in range(frame[DENSE_COUNT]):
            weight = 0.0
            if power >= 0:
                weight = dense[j * degree + power]
            else:
                for m in range(degree - 1, -1, -1):
                    weight = (weight + dense[j * degree + m]) * x
            weight *= h
            k = as_f64(frame[ROWS + rows[j]])
            for i in range(first, last):
                out[i] += weight * k[i]


@compiled()
def choose_first_step(frame, control, counts):  # type: ignore[no-untyped-def]
    """Pick the starting step from one explicit Euler step (Hairer, Norsett, Wanner, sec. II.4; one evaluation)."""
    u, f, w, change = frame[OLD], frame[ROWS], frame[SCRATCH], frame[ERROR]
    t, interval = control[TIME], abs(control[T_END] - control[TIME])
    size_u, size_f = error_norm(frame, u, u, u), error_norm(frame, f, u, u)
    h0 = 1e-6 if size_u < 1e-5 or size_f < 1e-5 else 0.01 * size_u / size_f
    if h0 > interval:
        h0 = interval
    signed = h0 if control[T_END] >= t else -h0
    state, slope, trial, difference = as_f64(u), as_f64(f), as_f64(w), as_f64(change)
    for i in range(frame[SIZE]):
        trial[i] = state[i] + signed * slope[i]
    call_rhs(frame[RHS], t + signed, w, frame[PARAMETERS], change, frame[CONTEXT])
    counts[NFEV] += 1
    for i in range(frame[SIZE]):
        difference[i] -= slope[i]
    size_df = error_norm(frame, change, u, u) / h0
    largest = size_df if math.isfinite(size_df) and size_df > size_f else size_f
    h = (0.01 / largest) ** control[EXPONENT] if largest > 1e-15 else 1e-6 + h0 * 1e-3
    if h > 100 * h0:
        h = 100 * h0
    control[STEP] = h if h < interval else interval


@compiled()
def write_results(frame, counts, t, t_new, h, direction):  # type: ignore[no-untyped-def]
    """Write what was asked for of the step just accepted, before the rows trade places."""
    n, times, k = frame[SIZE], as_f64(frame[T_EVAL]), counts[EVALUATED]
    store, dense = counts[STORE], counts[STORE] == STORE_DENSE or counts[LOOK] != 0
    inside = k < frame[EVAL_COUNT] and direction * (t_new - times[k]) > 0.0
    if frame[EXTRA_STAGES] > 0 and (inside or dense):
        call_step(frame[EXTRA_CODE], t, h, frame[SELF])
        counts[NFEV] += frame[EXTRA_STAGES]
    while k < frame[EVAL_COUNT] and direction * (t_new - times[k]) >= 0.0:
        target = frame[OUT] + 8 * n * k
        if times[k] == t_new:
            copy(target, frame[NEW], n)
        else:
            combine(frame, target, frame[OLD], (times[k] - t) / h, -1, h)
        k += 1
    counts[EVALUATED] = k
    if store != STORE_NOTHING and (counts[ACCEPTED] % counts[STRIDE] == 0 or counts[STATUS] == FINISHED):
        k = counts[STORED]
        as_f64(frame[BUFFER_T])[k] = t_new
        copy(frame[BUFFER_Y] + 8 * n * k, frame[NEW], n)
        if dense:
            for m in range(frame[DEGREE]):
                combine(frame, frame[BUFFER_Q] + 8 * n * (k * frame[DEGREE] + m), frame[OLD], 0.0, m, h)
        counts[STORED] = k + 1


@compiled()
def make_step(frame, control, t, h):  # type: ignore[no-untyped-def]
    """Make one step; return its error, or for a fixed step 0 or NaN."""
    call_step(frame[STEP_CODE], t, h, frame[SELF])
    if control[FIXED_STEP] != 0.0:
        return 0.0 if is_finite(frame[NEW], frame[SIZE]) else math.nan
    error = error_norm(frame, frame[ERROR], frame[OLD], frame[NEW])
    if frame[TWO_ERRORS] and error > 0.0:
        other = error_norm(frame, frame[OTHER_ERROR], frame[OLD], frame[NEW])
        error *= error / math.sqrt(error * error + 0.01 * other * other)
    return error


@compiled()
def explicit_loop(words: int) -> None:
    """Advance until the end, a full buffer, a spent budget, a failure (``counts[STATUS]``) or a step to look at.

    After an accepted step the addresses of the old and the new state and those of the rows 0 and S trade places in
    the frame (``counts[FLIP]`` tells how often, modulo 2); nothing is copied.
    """
    frame = as_i64(words)
    control, counts = as_f64(frame[CONTROL]), as_i64(frame[COUNTS])
    fixed, last_row = control[FIXED_STEP] != 0.0, ROWS + frame[STAGES]
    counts[STATUS] = RUNNING
    t, t_end = control[TIME], control[T_END]
    direction = 1.0 if t_end >= t else -1.0
    if counts[STARTED] == 0:
        call_rhs(frame[RHS], t, frame[OLD], frame[PARAMETERS], frame[ROWS], frame[CONTEXT])
        counts[NFEV] += 1
        counts[STARTED] = 1
        if not is_finite(frame[ROWS], frame[SIZE]):
            counts[STATUS] = NOT_FINITE
            return
        if not fixed and control[STEP] == 0.0:
            choose_first_step(frame, control, counts)
    retried = counts[BUDGET] < 0  # false; as a literal, everything that takes it would be compiled twice
    while counts[BUDGET] > 0:
        if counts[STORE] != STORE_NOTHING and counts[STORED] == frame[BUFFER_SIZE]:
            counts[STATUS] = FULL
            return
        t_new = next_time(control, counts, t, direction, retried)
        if math.isnan(t_new):
            counts[STATUS] = STEP_TOO_SMALL
            return
        h = t_new - t
        control[TRIED] = h
        error = make_step(frame, control, t, h)
        counts[NFEV] += frame[STAGES]
        if fixed:
            verdict = 1 if error == 0.0 else -1
            if verdict == 1:
                counts[FIXED_DONE] += 1
                counts[ACCEPTED] += 1
                counts[BUDGET] -= 1
        else:
            verdict = judge(control, counts, h, error, retried)
        if verdict < 0:
            counts[STATUS] = NOT_FINITE
            return
        retried = verdict == 0
        if retried:
            continue
        if t_new == t_end:
            counts[STATUS] = FINISHED
        watch(frame, counts, t_new)
        write_results(frame, counts, t, t_new, h, direction)
        t = t_new
        control[TIME] = t
        counts[FLIP] = 1 - counts[FLIP]
        frame[OLD], frame[NEW] = frame[NEW], frame[OLD]
        frame[ROWS], frame[last_row] = frame[last_row], frame[ROWS]
        if counts[STATUS] == FINISHED or counts[LOOK] != 0:
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
        n, rows = u0.size, tableau.size + 1 + len(tableau.extra_stages)
        self.tableau, self.bound, self.control, self.counts = tableau, bound, control, counts
        self.team = getattr(bound, "team", None)
        self.rows_per_step = tableau.dense.shape[1]
        self.frame = Frame(control, counts, bound, bound.rhs, n, atol)
        words, width = self.frame.words, row_width(n)
        self.memory = aligned_rows(5 + rows, width)  # what lies beyond the state in a row stays zero
        self.frame.point(OLD, self.memory)
        start = int(words[OLD])
        words[[OLD, NEW, SCRATCH, ERROR, OTHER_ERROR]] = range(start, start + 40 * width, 8 * width)
        words[ROWS : ROWS + rows] = range(start + 40 * width, start + 8 * (5 + rows) * width, 8 * width)
        words[STEP_CODE], words[EXTRA_CODE] = step_addresses(tableau, n, getattr(bound, "inline", ""))
        words[STAGES], words[EXTRA_STAGES], words[WIDTH] = tableau.size, len(tableau.extra_stages), width
        words[TWO_ERRORS] = tableau.error_third is not None
        words[DENSE_ROWS], words[DENSE] = tableau.dense_addresses
        words[DENSE_COUNT], words[DEGREE] = tableau.dense_rows[1].shape
        self._first = words[: ROWS + rows].copy()
        self.restart(u0)

    def restart(self, u0: Array) -> None:
        """Get ready for a run from another state; `control` and `counts` are set by others."""
        words = self.frame.words
        words[: self._first.size] = self._first
        words[WANT_ERROR] = self.control[FIXED_STEP] == 0.0
        self.memory[0, : u0.size] = u0

    def watch(self, bound_events: Any, held: Array) -> None:
        """Stop after steps at whose end a condition differs from `held` (None: watch nothing)."""
        point_watch(self.frame, bound_events, held)

    @property
    def state(self) -> Array:
        """(size,) the state reached; a view that the next call overwrites."""
        return self.memory[int(self.counts[FLIP]), : int(self.frame.words[SIZE])]

    def advance(self, t_eval: Array, out: Array, buffer_t: Array, buffer_y: Array, buffer_q: Array) -> None:
        """Run the compiled loop once; its progress is in `control` and `counts`."""
        self.frame.direct_output(t_eval, out, buffer_t, buffer_y, buffer_q)
        if self.team is None:
            explicit_loop(self.frame.address)
            return
        with self.team.at_work():
            explicit_loop(self.frame.address)

    def interpolate(self, segments: Array, places: Array, starts: Array, steps: Array, rows: Array, out: Array) -> None:
        """Evaluate stored dense output (see `ritz.solvers.dense`)."""
        evaluate_polynomials(segments, places, starts, steps, rows, out)

    def bad_place(self) -> tuple[float, Array]:
        """Time and state where the right-hand side was first not finite in the step that failed."""
        h = float(self.control[TRIED])
        return first_bad_stage(self.tableau, self.bound, float(self.control[TIME]), h, self.state.copy())
