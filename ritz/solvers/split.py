"""The compiled loop of all methods for split systems, fixed and adaptive steps.

The loop knows a method as addresses of passes (`ritz.solvers.split_step`) and the nonlinear part by address, so it is
compiled once per machine whatever the method, the system and the kind of numbers.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import numpy as np
from numba import carray, njit
from numpy.typing import NDArray

from ritz.codegen.abi import as_f64, call_rhs, call_stage
from ritz.solvers.buffers import (
    ACCEPTED,
    BUDGET,
    EVALUATED,
    FINISHED,
    FIXED_DONE,
    FIXED_STEP,
    FULL,
    LADDER,
    NFEV,
    NOT_FINITE,
    RTOL,
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
    TABLE_STEP,
    TIME,
    TRIED,
    WANT_TABLES,
)  # fmt: skip
from ritz.solvers.dense import evaluate_polynomials
from ritz.solvers.explicit import LOOP, accept, next_time, norm_groups, retry
from ritz.solvers.explicit_step import evaluate
from ritz.solvers.norms import error_norm, first_guess, is_finite
from ritz.solvers.split_step import (
    COMPLEX,
    CONTEXT,
    COUNT,
    ERROR,
    FRAME_SIZE,
    LAST_STEP,
    LINEAR,
    NEW,
    NONLINEAR,
    OLD,
    PARAMETERS,
    PREVIOUS,
    ROWS,
    SCRATCH,
    SplitMethod,
    compile_method,
    kind_of,
    parallel_runner,
    pass_type,
)  # fmt: skip

Array = NDArray[np.float64]
TABLE_BYTES = 512 << 20  # coefficient tables kept for step sizes that may come back
PARALLEL_MIN = 8192  # entries a pass must touch before threads pay for their start


@njit(**LOOP)
def run_pass(address, count, h, frame, x, target, runner, threads):  # type: ignore[no-untyped-def]
    """Run one pass over all entries, on threads if there is a runner."""
    if runner:
        call_stage(runner, address, count, h, frame, x, threads, target)
    else:
        call_stage(address, 0, count, h, frame, x, target, 0)


@njit(**LOOP)
def split_first_step(frame, n, control, atol, groups, weights):  # type: ignore[no-untyped-def]
    """Starting step: the nonlinear part alone moves the state by one per cent (L is integrated stably)."""
    u, f = frame[OLD], frame[ROWS]
    interval = abs(control[T_END] - control[TIME])
    size_u = error_norm(u, u, u, n, control[RTOL], atol, groups, weights)
    size_f = error_norm(f, u, u, n, control[RTOL], atol, groups, weights)
    control[STEP] = max(first_guess(size_u, size_f, interval), 1e-9 * interval)


@njit(**LOOP)
def on_ladder(control, t, direction):  # type: ignore[no-untyped-def]
    """Round the step down to a power of 2^(1/4), so that coefficient tables can be used again; end on time."""
    rung = 2.0 ** (math.floor(4.0 * math.log2(control[STEP]) + 1e-9) / 4.0)
    remaining = direction * (control[T_END] - t)
    if rung >= remaining * (1.0 - 1e-10):
        rung = remaining
    elif 2.0 * rung > remaining:
        rung = 0.5 * remaining
    control[STEP] = rung


@njit(**LOOP)
def store_dense(frame_address, dense, count, n, h, x, buffer_q, k, runner, threads):  # type: ignore[no-untyped-def]
    """Write the rows that dense output of step k needs."""
    target = buffer_q.ctypes.data + 8 * k * dense.size * n
    for j in range(dense.size):
        run_pass(dense[j], count, h, frame_address, x, target + 8 * j * n, runner, threads)


@njit(**LOOP)
def copy_from(out, o, source, n):  # type: ignore[no-untyped-def]
    """``out[o:o+n]`` becomes the n numbers at the address `source`."""
    values = carray(as_f64(source), n)
    for i in range(n):
        out[o + i] = values[i]


@njit(**LOOP)
def advance_frame(frame, last_row, history):  # type: ignore[no-untyped-def]
    """Let the new state and its N become the old ones (and the old ones the previous ones)."""
    first, last = ROWS, ROWS + last_row
    old, value = frame[OLD], frame[first]
    frame[OLD], frame[first] = frame[NEW], frame[last]
    if history:
        frame[NEW], frame[last] = frame[PREVIOUS], frame[last + 1]
        frame[PREVIOUS], frame[last + 1] = old, value
    else:
        frame[NEW], frame[last] = old, value


@njit(**LOOP)
def split_loop(  # type: ignore[no-untyped-def]
    stages, nodes, arguments, targets, update, error_pass, prepare, point, dense, last_row, history, frame, place,
    n, count, control, counts, runner, threads, atol, groups, weights, t_eval, out, buffer_t, buffer_y, buffer_q,
):  # fmt: skip
    """Advance until the end, a full buffer, a spent budget, missing tables or a failure (``counts[STATUS]``)."""
    address = frame.ctypes.data
    x = place.ctypes.data
    rhs, p, ctx = frame[NONLINEAR], frame[PARAMETERS], frame[CONTEXT]
    fixed = control[FIXED_STEP] != 0.0
    counts[STATUS] = RUNNING
    t, t_end = control[TIME], control[T_END]
    direction = 1.0 if t_end >= t else -1.0
    if counts[NFEV] == 0:
        call_rhs(rhs, t, frame[OLD], p, frame[ROWS], ctx)
        counts[NFEV] = 1
        if not is_finite(frame[ROWS], n):
            counts[STATUS] = NOT_FINITE
            return
        if not fixed and control[STEP] == 0.0:
            split_first_step(frame, n, control, atol, groups, weights)
    retried = False
    while counts[BUDGET] > 0:
        if counts[STORE] != STORE_NOTHING and counts[STORED] == buffer_t.size:
            counts[STATUS] = FULL
            return
        if counts[LADDER] and not fixed:
            on_ladder(control, t, direction)
        t_new = next_time(control, counts, t, direction, retried)
        if math.isnan(t_new):
            counts[STATUS] = STEP_TOO_SMALL
            return
        h = t_new - t
        if fixed and abs(h - control[FIXED_STEP]) < 1e-9 * abs(h):
            h = control[FIXED_STEP]
        if abs(h - control[TABLE_STEP]) > 1e-11 * abs(h):
            if prepare:
                run_pass(prepare, count, h, address, x, 0, runner, threads)
                control[TABLE_STEP] = h
            else:
                control[TRIED] = h
                counts[STATUS] = WANT_TABLES
                return
        control[TRIED] = h
        for s in range(stages.size):
            run_pass(stages[s], count, h, address, x, 0, runner, threads)
            call_rhs(rhs, t + nodes[s + 1] * h, frame[arguments[s]], p, frame[ROWS + targets[s]], ctx)
        run_pass(update, count, h, address, x, 0, runner, threads)
        call_rhs(rhs, t_new, frame[NEW], p, frame[ROWS + last_row], ctx)
        counts[NFEV] += stages.size + 1
        if fixed:
            if not is_finite(frame[NEW], n):
                counts[STATUS] = NOT_FINITE
                return
            counts[FIXED_DONE] += 1
        else:
            run_pass(error_pass, count, h, address, x, 0, runner, threads)
            error = error_norm(frame[ERROR], frame[OLD], frame[NEW], n, control[RTOL], atol, groups, weights)
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
        k = counts[EVALUATED]
        while k < t_eval.size and direction * (t_new - t_eval[k]) >= 0.0:
            place[0] = (t_eval[k] - t) / h
            if t_eval[k] == t_new:
                copy_from(out, k * n, frame[NEW], n)
            else:
                run_pass(point, count, h, address, x, out.ctypes.data + 8 * k * n, runner, threads)
            k += 1
        counts[EVALUATED] = k
        if counts[STORE] != STORE_NOTHING and (counts[ACCEPTED] % counts[STRIDE] == 0 or finished):
            k = counts[STORED]
            buffer_t[k] = t_new
            copy_from(buffer_y, k * n, frame[NEW], n)
            if counts[STORE] == STORE_DENSE:
                store_dense(address, dense, count, n, h, x, buffer_q, k, runner, threads)
            counts[STORED] = k + 1
        t = t_new
        control[TIME] = t
        advance_frame(frame, last_row, history)
        if history and place[1] != h:  # the coefficients of a two-step method depend on two steps
            control[TABLE_STEP] = 0.0
        place[1] = h
        if finished:
            counts[STATUS] = FINISHED
            return


class SplitEngine:
    """A split method at work on one bound system.

    Args:
        method: The method.
        bound: System at one parameter point; its `nonlinear` and `linear` are used.
        u0: (size,) initial state.
        control, counts: The shared arrays of `ritz.solvers.buffers`.
        atol: (1,), (size,) or (fields,) absolute tolerance.
        threads: Threads for the passes over a large state.
    """

    def __init__(
        self, method: SplitMethod, bound: Any, u0: Array, control: Array, counts: NDArray[np.int64], atol: Array,
        threads: int = 1,
    ) -> None:  # fmt: skip
        self.method, self.bound, self.control, self.counts = method, bound, control, counts
        self.kind = kind_of(bound.linear, bound.is_complex)
        linear = bound.linear.real if self.kind != COMPLEX else bound.linear
        self.linear = np.ascontiguousarray(linear)
        self.compiled = compile_method(method, self.kind)
        self.rows_per_step = len(method.dense_rows)
        self._size, self._count = u0.size, self.linear.size
        self._build_frame(u0)
        counts[LADDER] = int(method.fill is not None)
        self._tables: OrderedDict[float, NDArray[Any]] = OrderedDict()
        if method.prepare:
            self._use(np.empty((method.tables, self._count), self.linear.dtype))
        c = self.compiled
        threaded = threads > 1 and self._count >= PARALLEL_MIN
        self._before = (
            c.stages, np.array(method.nodes), np.array([method.frame_index(a) for a in method.arguments], np.int64),
            np.array(method.targets, np.int64), c.update, c.error, c.prepare, c.point, c.dense, method.last_row,
            method.history, self.frame, self.place, self._size, self._count, control, counts,
            parallel_runner() if threaded else 0, threads, atol, *norm_groups(bound),
        )  # fmt: skip

    def _build_frame(self, u0: Array) -> None:
        method, n = self.method, self._size
        states = 3 if method.history else 2
        arrays = states + 2 + method.rows + len(method.own)
        self.memory = np.zeros(arrays * n) if method.history else np.empty(arrays * n)
        self.memory[:n] = u0
        self.place = np.zeros(2)
        start, width = self.memory.ctypes.data, 8 * n
        frame = self.frame = np.zeros(FRAME_SIZE, np.int64)
        frame[[NONLINEAR, PARAMETERS, CONTEXT]] = self.bound.nonlinear, self.bound.p.ctypes.data, self.bound.context
        frame[COUNT], frame[LINEAR], frame[LAST_STEP] = self._count, self.linear.ctypes.data, self.place.ctypes.data + 8
        order = [OLD, NEW, *([PREVIOUS] if method.history else []), SCRATCH, ERROR]
        order += range(ROWS, ROWS + method.rows + len(method.own))
        for k, entry in enumerate(order):
            frame[entry] = start + k * width

    def _use(self, table: NDArray[Any]) -> None:
        self._active = table
        first = self.method.frame_index("c0")
        for k in range(len(table)):
            self.frame[first + k] = table[k].ctypes.data

    def _load_tables(self, h: float) -> None:
        """Make the coefficient tables of step `h` current, computing them if they are not kept."""
        table = self._tables.pop(h, None)
        if table is None:
            table = np.empty((self.method.tables, self._count), self.linear.dtype)
            assert self.method.fill is not None
            self.method.fill(self.linear, h, table)
            while self._tables and (len(self._tables) + 1) * table.nbytes > TABLE_BYTES:
                self._tables.popitem(last=False)
        self._tables[h] = table
        self._use(table)
        self.control[TABLE_STEP] = h

    def _array(self, entry: int) -> Array:
        start = (int(self.frame[entry]) - self.memory.ctypes.data) // 8
        return self.memory[start : start + self._size]

    @property
    def state(self) -> Array:
        """(size,) the state reached; a view that the next call overwrites."""
        return self._array(OLD)

    def advance(self, t_eval: Array, out: Array, buffer_t: Array, buffer_y: Array, buffer_q: Array) -> None:
        """Run the compiled loop until it stops for another reason than missing tables."""
        while True:
            split_loop(*self._before, t_eval, out, buffer_t, buffer_y, buffer_q)
            if self.counts[STATUS] != WANT_TABLES:
                return
            self._load_tables(float(self.control[TRIED]))

    def interpolate(self, segments: Array, places: Array, starts: Array, steps: Array, rows: Array, out: Array) -> None:
        """Evaluate stored dense output (see `ritz.solvers.dense`)."""
        names = self.method.dense_names
        if not names:
            evaluate_polynomials(segments, places, starts, steps, rows, out)
            return
        frame, place = self.frame.copy(), np.zeros(2)
        frame[LAST_STEP] = place.ctypes.data + 8
        starts, rows, width = np.ascontiguousarray(starts), np.ascontiguousarray(rows), 8 * self._size
        entries = [self.method.frame_index(name) for name in names]
        run = pass_type()(self.compiled.point)
        for k, s in enumerate(segments):
            frame[OLD] = starts.ctypes.data + width * int(s)
            for j, entry in enumerate(entries):
                frame[entry] = rows.ctypes.data + width * (int(s) * len(names) + j)
            place[0] = places[k]
            target = out.ctypes.data + width * k
            run(0, self._count, float(steps[s]), frame.ctypes.data, place.ctypes.data, target, 0)

    def bad_place(self) -> tuple[float, Array]:
        """Time and state where the right-hand side was first seen not finite in the step that failed."""
        t, h = float(self.control[TIME]), float(self.control[TRIED])
        places = [(t, OLD)]
        for node, name in zip(self.method.nodes[1:], self.method.arguments, strict=True):
            places.append((t + node * h, self.method.frame_index(name)))
        places.append((t + h, NEW))
        for time, entry in places:
            state = self._array(entry).copy()
            if not np.isfinite(evaluate(self.bound.rhs, self.bound, time, state)).all():
                return time, state
        return t, self.state.copy()
