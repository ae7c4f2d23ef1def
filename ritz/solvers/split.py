"""The compiled loop of all methods for split systems, fixed and adaptive steps.

The loop knows a method as addresses of passes (`ritz.solvers.split_step`) and the nonlinear part by address, so it is
compiled once per machine whatever the method, the system and the kind of numbers.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.codegen.loops import address_of, as_f64, as_i64, bits_of, call_rhs, call_stage, compiled, double_of
from ritz.codegen.team import JOB, MOST, Team, deal
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
    TABLE_STEP,
    TIME,
    TRIED,
    WANT_TABLES,
)  # fmt: skip
from ritz.solvers.dense import evaluate_polynomials
from ritz.solvers.explicit_step import evaluate
from ritz.solvers.frame import (
    ARGUMENTS,
    BUFFER_Q,
    BUFFER_SIZE,
    BUFFER_T,
    BUFFER_Y,
    CONTEXT,
    CONTROL,
    COUNT,
    COUNTS,
    DENSE_CODES,
    DENSE_PASSES,
    ERROR,
    ERROR_CODE,
    EVAL_COUNT,
    GROUP_COUNT,
    HISTORY,
    LAST_ROW,
    LINEAR,
    NEW,
    NODES,
    OLD,
    OUT,
    PARAMETERS,
    PLACE,
    POINT_CODE,
    PREPARE_CODE,
    PREVIOUS,
    RHS,
    ROWS,
    SCRATCH,
    SELF,
    SIZE,
    STAGE_CODES,
    STAGE_COUNT,
    T_EVAL,
    TARGETS,
    TEAM,
    THREADS,
    UPDATE_CODE,
    Frame,
    address,
)  # fmt: skip
from ritz.solvers.split_step import COMPLEX, SplitMethod, compile_method, kind_of, pass_type
from ritz.solvers.stepping import copy, error_norm, is_finite, judge, next_time

Array = NDArray[np.float64]
RECENT_BYTES = 64 << 20  # coefficient tables kept between runs
TABLE_BYTES = 512 << 20  # coefficient tables kept for step sizes that may come back
PARALLEL_MIN = 8192  # entries a pass must touch before threads pay for their start


@compiled()
def pass_piece(job: int, i: int, pieces: int, member: int) -> None:
    """A part of the entries of each field, the one that a thread has in the right-hand side."""
    a = as_i64(job)
    fields, h = a[3], double_of(a[4])
    size = a[1] // fields
    for b in range(fields):
        first = b * size
        call_stage(a[0], first + size * i // pieces, first + size * (i + 1) // pieces, h, a[2], 0, a[5], 0)


@compiled()
def run_pass(frame, code, h, target):  # type: ignore[no-untyped-def]
    """Run one pass over all entries, on threads if there is a team."""
    if frame[TEAM]:
        job, fields = as_i64(frame[TEAM] + 8 * JOB), frame[GROUP_COUNT]
        shares = fields if fields > 0 and frame[COUNT] % fields == 0 else 1
        job[0], job[1], job[2], job[3], job[4], job[5] = code, frame[COUNT], frame[SELF], shares, bits_of(h), target
        deal(frame[TEAM], address_of(pass_piece), min(4 * frame[THREADS], MOST))
    else:
        call_stage(code, 0, frame[COUNT], h, frame[SELF], 0, target, 0)


@compiled()
def finite_piece(job: int, i: int, pieces: int, member: int) -> None:
    """Whether a part of an array is finite."""
    a = as_i64(job)
    first = a[1] * i // pieces
    if not is_finite(a[0] + 8 * first, a[1] * (i + 1) // pieces - first):
        a[2] = 1


@compiled()
def new_state_is_finite(frame):  # type: ignore[no-untyped-def]
    """Whether all of the new state is finite."""
    if frame[TEAM] == 0:
        return is_finite(frame[NEW], frame[SIZE])
    job = as_i64(frame[TEAM] + 8 * JOB)
    job[0], job[1], job[2] = frame[NEW], frame[SIZE], 0
    deal(frame[TEAM], address_of(finite_piece), frame[THREADS])
    return job[2] == 0


@compiled()
def choose_first_step(frame, control):  # type: ignore[no-untyped-def]
    """Starting step: the nonlinear part alone moves the state by one per cent (L is integrated stably)."""
    u, f, interval = frame[OLD], frame[ROWS], abs(control[T_END] - control[TIME])
    size_u, size_f = error_norm(frame, u, u, u), error_norm(frame, f, u, u)
    h = 1e-6 if size_u < 1e-5 or size_f < 1e-5 else 0.01 * size_u / size_f
    if h < 1e-9 * interval:
        h = 1e-9 * interval
    control[STEP] = h if h < interval else interval


@compiled()
def on_ladder(control, t, direction):  # type: ignore[no-untyped-def]
    """Round the step down to a power of 2^(1/4), so that coefficient tables can be used again; end on time."""
    rung = 2.0 ** (math.floor(4.0 * math.log2(control[STEP]) + 1e-9) / 4.0)
    remaining = direction * (control[T_END] - t)
    if rung >= remaining * (1.0 - 1e-10):
        rung = remaining
    elif 2.0 * rung > remaining:
        rung = 0.5 * remaining
    control[STEP] = rung


@compiled()
def has_tables(frame, control, counts, h):  # type: ignore[no-untyped-def]
    """Whether the coefficients belong to the step `h`; those that are cheap are computed here."""
    if abs(h - control[TABLE_STEP]) <= 1e-11 * abs(h):
        return True
    if frame[PREPARE_CODE] == 0:
        counts[STATUS] = WANT_TABLES
        return False
    run_pass(frame, frame[PREPARE_CODE], h, 0)
    control[TABLE_STEP] = h
    return True


@compiled()
def make_step(frame, control, t, t_new, h):  # type: ignore[no-untyped-def]
    """Make one step; return its error, or for a fixed step 0 or NaN."""
    rhs, p, ctx = frame[RHS], frame[PARAMETERS], frame[CONTEXT]
    codes, nodes = as_i64(frame[STAGE_CODES]), as_f64(frame[NODES])
    arguments, targets = as_i64(frame[ARGUMENTS]), as_i64(frame[TARGETS])
    for s in range(frame[STAGE_COUNT]):
        run_pass(frame, codes[s], h, 0)
        call_rhs(rhs, t + nodes[s + 1] * h, frame[arguments[s]], p, frame[ROWS + targets[s]], ctx)
    run_pass(frame, frame[UPDATE_CODE], h, 0)
    call_rhs(rhs, t_new, frame[NEW], p, frame[ROWS + frame[LAST_ROW]], ctx)
    if control[FIXED_STEP] != 0.0:
        return 0.0 if new_state_is_finite(frame) else math.nan
    run_pass(frame, frame[ERROR_CODE], h, 0)
    return error_norm(frame, frame[ERROR], frame[OLD], frame[NEW])


@compiled()
def write_results(frame, counts, t, t_new, h, direction):  # type: ignore[no-untyped-def]
    """Write what was asked for of the step just accepted, before the states trade places."""
    n, times, k = frame[SIZE], as_f64(frame[T_EVAL]), counts[EVALUATED]
    while k < frame[EVAL_COUNT] and direction * (t_new - times[k]) >= 0.0:
        if times[k] == t_new:
            copy(frame[OUT] + 8 * n * k, frame[NEW], n)
        else:
            as_f64(frame[PLACE])[0] = (times[k] - t) / h
            run_pass(frame, frame[POINT_CODE], h, frame[OUT] + 8 * n * k)
        k += 1
    counts[EVALUATED] = k
    store = counts[STORE]
    if store != STORE_NOTHING and (counts[ACCEPTED] % counts[STRIDE] == 0 or counts[STATUS] == FINISHED):
        k = counts[STORED]
        as_f64(frame[BUFFER_T])[k] = t_new
        copy(frame[BUFFER_Y] + 8 * n * k, frame[NEW], n)
        if store == STORE_DENSE:
            passes, codes = frame[DENSE_PASSES], as_i64(frame[DENSE_CODES])
            for j in range(passes):
                run_pass(frame, codes[j], h, frame[BUFFER_Q] + 8 * n * (k * passes + j))
        counts[STORED] = k + 1


@compiled()
def advance_frame(frame, control, h):  # type: ignore[no-untyped-def]
    """Let the new state and its N become the old ones (and the old ones the previous ones)."""
    first, last, place = ROWS, ROWS + frame[LAST_ROW], as_f64(frame[PLACE])
    old, value = frame[OLD], frame[first]
    frame[OLD], frame[first] = frame[NEW], frame[last]
    if frame[HISTORY]:
        frame[NEW], frame[last] = frame[PREVIOUS], frame[last + 1]
        frame[PREVIOUS], frame[last + 1] = old, value
        if place[1] != h:  # the coefficients of a two-step method depend on two steps
            control[TABLE_STEP] = 0.0
    else:
        frame[NEW], frame[last] = old, value
    place[1] = h


@compiled()
def split_loop(words: int) -> None:
    """Advance until the end, a full buffer, a spent budget, missing tables or a failure (``counts[STATUS]``)."""
    frame = as_i64(words)
    control, counts = as_f64(frame[CONTROL]), as_i64(frame[COUNTS])
    fixed = control[FIXED_STEP] != 0.0
    chosen = counts[STATUS] == WANT_TABLES  # this step was rounded before its tables were asked for
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
            choose_first_step(frame, control)
    retried = counts[BUDGET] < 0  # false; as a literal, everything that takes it would be compiled twice
    while counts[BUDGET] > 0:
        if counts[STORE] != STORE_NOTHING and counts[STORED] == frame[BUFFER_SIZE]:
            counts[STATUS] = FULL
            return
        if counts[LADDER] and not fixed and not chosen:
            on_ladder(control, t, direction)
        chosen = False
        t_new = next_time(control, counts, t, direction, retried)
        if math.isnan(t_new):
            counts[STATUS] = STEP_TOO_SMALL
            return
        h = t_new - t
        if fixed and abs(h - control[FIXED_STEP]) < 1e-9 * abs(h):
            h = control[FIXED_STEP]
        control[TRIED] = h
        if not has_tables(frame, control, counts, h):
            return
        error = make_step(frame, control, t, t_new, h)
        counts[NFEV] += frame[STAGE_COUNT] + 1
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
        write_results(frame, counts, t, t_new, h, direction)
        t = t_new
        control[TIME] = t
        advance_frame(frame, control, h)
        if counts[STATUS] == FINISHED:
            return


_recent: OrderedDict[tuple[str, float, bytes], NDArray[Any]] = OrderedDict()
_recent_lock = threading.Lock()


def recent_table(method: SplitMethod, linear: NDArray[Any], h: float) -> NDArray[Any]:
    """Coefficient tables of a step size, kept for the next run of the same equation."""
    assert method.fill is not None
    key = (method.name, h, hashlib.blake2b(linear.tobytes(), digest_size=16).digest())
    with _recent_lock:
        table = _recent.get(key)
    if table is None:
        table = np.empty((method.tables, linear.size), linear.dtype)
        method.fill(linear, h, table)
        with _recent_lock:
            _recent[key] = table
            while sum(t.nbytes for t in _recent.values()) > RECENT_BYTES:
                _recent.popitem(last=False)
    return table


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
        self.team = getattr(bound, "team", None) or Team(threads)
        self._build_frame(u0, atol)
        counts[LADDER] = int(method.fill is not None)
        self._tables: OrderedDict[float, NDArray[Any]] = OrderedDict()
        if method.prepare:
            self._use(np.empty((method.tables, self._count), self.linear.dtype))
        self._point_to_method()
        if threads > 1 and self._count >= PARALLEL_MIN:
            self.frame.words[[TEAM, THREADS]] = self.team.address, threads

    def _build_frame(self, u0: Array, atol: Array) -> None:
        method, n = self.method, self._size
        order = [OLD, NEW, *([PREVIOUS] if method.history else []), SCRATCH, ERROR]
        order += range(ROWS, ROWS + method.rows + len(method.own))
        self.memory = np.zeros(len(order) * n) if method.history else np.empty(len(order) * n)
        self.memory[:n] = u0
        self.frame = Frame(self.control, self.counts, self.bound, self.bound.nonlinear, n, atol)
        words = self.frame.words
        words[COUNT], words[HISTORY], words[LAST_ROW] = self._count, method.history, method.last_row
        self.frame.point(LINEAR, self.linear)
        self.frame.point(PLACE, np.zeros(2))
        start = address(self.memory)
        for k, entry in enumerate(order):
            words[entry] = start + 8 * n * k

    def _point_to_method(self) -> None:
        method, compiled, frame = self.method, self.compiled, self.frame
        frame.point(STAGE_CODES, compiled.stages)
        frame.point(NODES, np.array(method.nodes))
        frame.point(ARGUMENTS, np.array([method.frame_index(a) for a in method.arguments], np.int64))
        frame.point(TARGETS, np.array(method.targets, np.int64))
        words = frame.words
        words[[UPDATE_CODE, ERROR_CODE, PREPARE_CODE]] = compiled.update, compiled.error, compiled.prepare
        words[STAGE_COUNT] = len(compiled.stages)

    def _point_to_dense(self) -> None:
        self.frame.point(DENSE_CODES, self.compiled.dense)
        words = self.frame.words
        words[POINT_CODE], words[DENSE_PASSES] = self.compiled.point, len(self.method.dense_rows)

    def _use(self, table: NDArray[Any]) -> None:
        self._active = table
        first = self.method.frame_index("c0")
        for k in range(len(table)):
            self.frame.words[first + k] = address(table[k])

    def _load_tables(self, h: float) -> None:
        """Make the coefficient tables of step `h` current, computing them if they are not kept."""
        table = self._tables.pop(h, None)
        if table is None:
            table = recent_table(self.method, self.linear, h)
            while self._tables and (len(self._tables) + 1) * table.nbytes > TABLE_BYTES:
                self._tables.popitem(last=False)
        self._tables[h] = table
        self._use(table)
        self.control[TABLE_STEP] = h

    def _array(self, entry: int) -> Array:
        start = (int(self.frame.words[entry]) - address(self.memory)) // 8
        return self.memory[start : start + self._size]

    @property
    def state(self) -> Array:
        """(size,) the state reached; a view that the next call overwrites."""
        return self._array(OLD)

    def advance(self, t_eval: Array, out: Array, buffer_t: Array, buffer_y: Array, buffer_q: Array) -> None:
        """Run the compiled loop until it stops for another reason than missing tables."""
        if (t_eval.size or self.counts[STORE] == STORE_DENSE) and not self.frame.words[POINT_CODE]:
            self._point_to_dense()
        self.frame.direct_output(t_eval, out, buffer_t, buffer_y, buffer_q)
        with self.team.at_work():
            while True:
                split_loop(self.frame.address)
                if self.counts[STATUS] != WANT_TABLES:
                    return
                self._load_tables(float(self.control[TRIED]))

    def interpolate(self, segments: Array, places: Array, starts: Array, steps: Array, rows: Array, out: Array) -> None:
        """Evaluate stored dense output (see `ritz.solvers.dense`)."""
        names = self.method.dense_names
        if not names:
            evaluate_polynomials(segments, places, starts, steps, rows, out)
            return
        frame, place = self.frame.words.copy(), np.zeros(2)
        frame[SELF], frame[PLACE] = address(frame), address(place)
        starts, rows, width = np.ascontiguousarray(starts), np.ascontiguousarray(rows), 8 * self._size
        entries = [self.method.frame_index(name) for name in names]
        run = pass_type()(self.compiled.point)
        for k, s in enumerate(segments):
            frame[OLD] = address(starts) + width * int(s)
            for j, entry in enumerate(entries):
                frame[entry] = address(rows) + width * (int(s) * len(names) + j)
            place[0] = places[k]
            run(0, self._count, float(steps[s]), address(frame), 0, address(out) + width * k, 0)

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
