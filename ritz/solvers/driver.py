"""The Python side of a time integration: calls the compiled loop again and again and looks after everything else.

The loop works for about 0.2 s at a time (or until its buffer is full). In between the driver hands accepted steps to
the callback, looks for events, moves the progress bar and notices Ctrl-C. Whatever ends a run, the steps made so far
are in the result.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ritz.errors import SolveError
from ritz.solvers.buffers import (
    ACCEPTED,
    BUDGET,
    DIVERGED,
    EVALUATED,
    FINISHED,
    NFEV,
    NOT_FINITE,
    REJECTED,
    STATUS,
    STEP,
    STEP_TOO_SMALL,
    STORE,
    STORE_DENSE,
    STORE_NOTHING,
    STORE_STATES,
    STORED,
    STRIDE,
    TIME,
    TRIED,
    StepBuffer,
)  # fmt: skip
from ritz.solvers.dense import DenseOutput
from ritz.solvers.events import Event, EventLog, view_of
from ritz.solvers.jump_run import JumpRun
from ritz.solvers.jumps import Jumps, Record

Array = NDArray[Any]
logger = logging.getLogger("ritz.solvers")

CALL_SECONDS = 0.2
FIRST_WORK = 2_000_000  # numbers touched in the first call, before the speed is known
MOST_STEPS = 1_000_000
_NONE, _NO_STATES, _NO_ROWS = np.empty(0), np.empty((0, 0)), np.empty((0, 0, 0))

REACHED_END = "The solver successfully reached the end of the integration interval."
EVENT_STOP = "A termination event occurred."


class Engine(Protocol):
    """A method at work: what the driver needs of it."""

    rows_per_step: int

    @property
    def state(self) -> Array:
        """(size,) state reached."""
        ...

    def advance(self, t_eval: Array, out: Array, buffer_t: Array, buffer_y: Array, buffer_q: Array) -> None:
        """Run the compiled loop."""
        ...

    def bad_place(self) -> tuple[float, Array]:
        """Time and state where the right-hand side was not finite."""
        ...

    def interpolate(self, segments: Array, places: Array, starts: Array, steps: Array, rows: Array, out: Array) -> None:
        """Evaluate stored dense output."""
        ...


@dataclass
class Request:
    """What the user asked for, checked.

    Attributes:
        system, p: The system and its parameter vector, for messages and user functions.
        t0, t_end: The interval; backwards where ``t_end < t0``.
        u0: (size,) initial state.
        t_eval: Times of the result, in the direction of integration; None for every step.
        dense: Whether to keep dense output.
        events: Parsed events.
        callback: Called as ``callback(t, y)`` after every accepted step; True stops the run.
        progress: Show a bar; None: where someone is watching and the run takes more than a second.
        max_steps: Attempted steps after which to give up.
        advice: What to try when steps become too small or values overflow.
        jumps: The events of the problem, which change the state.
    """

    system: Any
    p: Array
    t0: float
    t_end: float
    u0: Array
    t_eval: Array | None = None
    dense: bool = False
    events: list[Event] = field(default_factory=list)
    callback: Callable[[float, Any], Any] | None = None
    progress: bool | None = None
    max_steps: int | None = None
    advice: str = ""
    jumps: Jumps | None = None


@dataclass
class Result:
    """What a run gave; y is (size, nt)."""

    t: Array
    y: Array
    sol: DenseOutput | None
    t_events: list[Array] | None
    y_events: list[Array] | None
    status: int
    message: str
    success: bool
    stride: int
    log: tuple[Record, ...] = ()


class Run:
    """One run of an engine.

    Args:
        engine: The method at work.
        control, counts: The arrays it shares.
        request: What is wanted.
    """

    def __init__(self, engine: Engine, control: Array, counts: Array, request: Request) -> None:
        self.engine, self.control, self.counts, self.request = engine, control, counts, request
        n = request.u0.size
        needs_rows = request.dense or bool(request.events)
        watching = request.callback is not None or request.jumps is not None
        if needs_rows:
            counts[STORE] = STORE_DENSE
        else:
            counts[STORE] = STORE_STATES if watching or request.t_eval is None else STORE_NOTHING
        self._keep = request.t_eval is None or request.dense
        self.out = np.empty((0 if request.t_eval is None else request.t_eval.size, n))
        self.buffer: StepBuffer | None = None
        if counts[STORE] != STORE_NOTHING:
            rows = engine.rows_per_step if needs_rows or request.jumps is not None else 0
            self.buffer = StepBuffer(n, rows, 64 if request.events else 256)
        self.log = EventLog(request.events, request.system, request.p) if request.events else None
        self._last: tuple[float, Array] = (request.t0, request.u0)
        self.jumps: JumpRun | None = None
        if request.jumps is not None:
            wanted = None if request.t_eval is None else (request.t_eval, self.out)
            self.jumps = JumpRun(request.jumps, engine, control, counts, wanted)
        self._end: tuple[float, Array] | None = None  # where an event or the callback stopped the run
        self._lengths: dict[int, float] = {}  # full lengths of steps that were cut short, by their number
        self._bar: Any = None

    def go(self) -> Result:
        """Run to the end, a stop or a failure."""
        request, counts = self.request, self.counts
        try:
            if self.jumps is not None:
                request.u0 = self.jumps.begin(request.t0, request.u0)
                self._last = (request.t0, request.u0)
            if request.t_eval is not None and request.t_eval.size and request.t_eval[0] == request.t0:
                self.out[0] = request.u0
                counts[EVALUATED] = 1
            if self.log is not None:
                self.log.start(request.t0, request.u0)
            if self.jumps is not None and self.jumps.finished:
                self._end = self._last
                return self._result(1, EVENT_STOP)
            if request.t0 == request.t_end:
                return self._result(0, REACHED_END)
            status, message = self._loop()
        except KeyboardInterrupt:
            self._take()
            status, message = -2, f"Interrupted at t = {self.control[TIME]:.6g}; everything up to there is kept."
        except MemoryError:
            status = -1
            message = (
                f"Out of memory at t = {self.control[TIME]:.6g}; the steps so far are kept. Pass t_eval= with the "
                "times you need instead of keeping every step or dense output."
            )
        finally:
            if self._bar is not None:
                self._bar.close()
        return self._result(status, message)

    def _loop(self) -> tuple[int, str]:
        request, counts = self.request, self.counts
        t_eval = _NONE if request.t_eval is None else request.t_eval
        out, buffer = self.out, self.buffer
        budget = max(1, min(MOST_STEPS, FIRST_WORK // max(1, request.u0.size)))
        began = time.perf_counter()
        while True:
            if request.max_steps is not None:
                budget = min(budget, request.max_steps - int(counts[ACCEPTED] + counts[REJECTED]))
                if budget <= 0:
                    return -1, self._too_many()
            counts[BUDGET] = budget
            start = time.perf_counter()
            if buffer is None:
                self.engine.advance(t_eval, out, _NONE, _NO_STATES, _NO_ROWS)
            else:
                self.engine.advance(t_eval, out, buffer.t, buffer.y, buffer.q)
            status = int(counts[STATUS])
            if buffer is not None and self._take(watch=True):
                if self._failure:
                    return -1, self._failure
                return 1, EVENT_STOP if self._by_event else "Stopped by the callback."
            now = time.perf_counter()
            self._show_progress(now - began)
            if status == FINISHED and self.control[TIME] != request.t_end:
                continue  # a pause, or an event before the end
            if status in (FINISHED, STEP_TOO_SMALL, NOT_FINITE, DIVERGED):
                return self._verdict(status)
            done = max(1, budget - int(counts[BUDGET]))
            budget = max(1, min(MOST_STEPS, 4 * budget, int(CALL_SECONDS * done / max(now - start, 1e-7))))

    # Steps as they come

    def _take(self, watch: bool = False) -> bool:
        """Take the new steps out of the buffer; with `watch` show them to the user; True: stop here."""
        buffer, counts = self.buffer, self.counts
        if buffer is None or not counts[STORED]:
            return False
        count, rows = int(counts[STORED]), self.request.dense
        t, y, q = buffer.take(count, keep_rows=rows)
        counts[STORED] = 0
        if not self._keep:
            buffer.pieces.pop()
        if watch and self.jumps is not None:
            self.jumps.find(self._last, t, y, q)
            if self.jumps.length is not None and self._keep:
                self._lengths[buffer.taken - 1] = self.jumps.length
        stopped = watch and (self.log is not None or self.request.callback is not None) and self._watch(t, y, q)
        if not stopped and watch and self.jumps is not None:
            stopped = self._jump(self.jumps, t, y)
        if not stopped:
            self._last = (float(t[-1]), y[-1])
            if buffer.thin():
                counts[STRIDE] = buffer.stride
        return stopped

    def _jump(self, jumps: JumpRun, t: Array, y: Array) -> bool:
        """Change the state at the end of these steps if events of the problem fire there; True: the run ends there."""
        try:
            jumped = jumps.jump(t, y)
        except SolveError as error:
            self._failure = f"{error} Everything up to there is kept."
            self._end = (float(t[-1]), y[-1].copy())
            return True
        if jumped and self.log is not None:
            self.log.start(float(t[-1]), y[-1])
        if jumps.finished:
            self._end, self._by_event = (float(t[-1]), y[-1].copy()), True
        return jumps.finished

    def _watch(self, times: Array, states: Array, rows: Array) -> bool:
        t_old, y_old = self._last
        for k in range(len(times)):
            t, y = float(times[k]), states[k]
            h = t - t_old
            if k == len(times) - 1 and self.jumps is not None and self.jumps.length is not None:
                h = self.jumps.length
            try:
                stopped = self._show(k, t_old, y_old, t, y, rows, h)
            except Exception as error:
                if not self._shown:
                    raise  # nothing to lose yet, and the user sees the place
                self._finish(k, t, y, h, by_event=False)
                self._failure = (
                    f"An event or the callback raised {type(error).__name__}: {error} at t = {t:.6g}; everything up to "
                    "there is kept."
                )
                logger.exception("%s", self._failure)
                return True
            if stopped:
                return True
            self._shown = True
            t_old, y_old = t, y
        return False

    def _show(self, k: int, t_old: float, y_old: Array, t: float, y: Array, rows: Array, h: float) -> bool:
        """Show step k of the newest piece to the events and the callback; True: the run ends in it."""
        callback = self.request.callback
        if self.log is not None:
            piece = self._piece(t_old, h, y_old, rows[k])
            stop = self.log.step(t_old, t, y, lambda s: piece(np.array([s]))[0])
            if stop is not None:
                self._finish(k, stop, piece(np.array([stop]))[0], h, by_event=True)
                return True
        if callback is not None and callback(t, view_of(self.request.system, y, t, self.request.p)):
            self._finish(k, t, y, h, by_event=False)
            return True
        return False

    def _piece(self, t_old: float, h: float, y_old: Array, rows: Array) -> Callable[[Array], Array]:
        """The state at (k,) times within a step, as a function."""
        starts, steps, coefficients = y_old[None].copy(), np.array([h]), rows[None]

        def interpolate(times: Array) -> Array:
            out = np.empty((times.size, y_old.size))
            segments = np.zeros(times.size, np.int64)
            self.engine.interpolate(segments, (times - t_old) / h, starts, steps, coefficients, out)
            return out

        return interpolate

    _by_event = False
    _shown = False  # whether the user's functions have seen a step without complaint
    _failure = ""  # what they raised later

    def _finish(self, k: int, t: float, y: Array, h: float, *, by_event: bool) -> None:
        """Let the run end in step k of the newest piece, at time `t`."""
        self._end, self._by_event = (t, y.copy()), by_event
        if self._keep and self.buffer is not None:
            times, states, rows = self.buffer.pieces[-1]
            self._lengths[self.buffer.taken - len(times) + k] = h
            times, states = times[: k + 1].copy(), states[: k + 1].copy()
            times[k], states[k] = t, y
            self.buffer.pieces[-1] = (times, states, rows[: k + 1])

    # What came of it

    def _result(self, status: int, message: str) -> Result:
        request, control = self.request, self.control
        t_stop, y_stop = (float(control[TIME]), self.engine.state) if self._end is None else self._end
        sol = None
        if self._keep and self.buffer is not None:
            ts, ys, rows = self.buffer.joined()
            times, states = np.concatenate([[request.t0], ts]), np.concatenate([request.u0[None], ys])
            if times[-1] != t_stop:
                times, states = np.append(times, t_stop), np.concatenate([states, y_stop[None]])
            if request.dense:
                steps = np.diff(times)
                for k, length in self._lengths.items():
                    steps[k] = length
                sol = DenseOutput(times, states[:-1], steps, rows, self.engine.interpolate)
        if request.t_eval is not None:
            k = int(self.counts[EVALUATED])
            if self._end is not None:
                sign = 1.0 if request.t_end >= request.t0 else -1.0
                k = min(k, int(np.count_nonzero(sign * (request.t_eval - t_stop) <= 0)))
            times, states = request.t_eval[:k], self.out[:k]
        t_events, y_events = (None, None) if self.log is None else self.log.arrays(request.u0.size)
        log: tuple[Record, ...] = ()
        if self.jumps is not None:
            log = tuple(self.jumps.jumps.log)
            t_events, y_events = self.jumps.arrays(t_events, y_events, request.u0.size)
        stride = 1 if self.buffer is None else self.buffer.stride
        if stride > 1:
            message += f" To save memory only every {stride}th step is kept; pass t_eval= for the times you need."
        return Result(times, states.T, sol, t_events, y_events, status, message, status >= 0, stride, log)

    def _verdict(self, status: int) -> tuple[int, str]:
        if status == FINISHED:
            return 0, REACHED_END
        t = self.control[TIME]
        if status == DIVERGED:
            return (
                -1,
                f"{getattr(self.engine, 'failure', '')} Everything up to t = {t:.10g} is kept.{self.request.advice}",
            )
        if status == STEP_TOO_SMALL:
            beyond = self._blame_beyond()
            if beyond:
                return (
                    -1,
                    f"{beyond} Steps became ever smaller before it: stopped at t = {t:.10g}; all of them are kept.",
                )
            return -1, (
                f"Required step size is less than spacing between numbers at t = {t:.10g}. The solution may blow up "
                f"there, or the equations are too stiff for this method.{self.request.advice}"
            )
        return -1, f"{self._blame()} Stopped at t = {t:.10g}; everything up to there is kept.{self.request.advice}"

    def _blame(self) -> str:
        """Words for the first value that was not finite."""
        place, state = self.engine.bad_place()
        return self._explain(place, state) or f"The right-hand side is not finite near t = {place:.6g}."

    def _blame_beyond(self) -> str:
        """Words for a term that is not finite straight ahead of the state reached: a logarithm of u near u = 0."""
        rhs, p, t, u = (
            getattr(self.request.system, "rhs", None),
            self.request.p,
            float(self.control[TIME]),
            self.engine.state,
        )
        if rhs is None or not u.size:
            return ""
        slope = np.asarray(rhs(t, u, p))
        steepest = float(np.abs(slope).max())
        if not np.isfinite(steepest):
            return self._explain(t, u.copy())
        if steepest == 0:
            return ""
        far = (2 * float(np.abs(u).max()) + 1e-8 * float(np.abs(self.request.u0).max())) / steepest
        for h in min(far, abs(self.request.t_end - t)) * 0.25 ** np.arange(40, -1, -1):
            signed = float(h) if self.request.t_end >= t else -float(h)
            ahead = u + signed * slope
            try:
                finite = np.isfinite(rhs(t + signed, ahead, p)).all()
            except Exception as error:  # a function of the user's own
                return f"The right-hand side raised {type(error).__name__}: {error} near t = {t + signed:.6g}."
            if not finite:
                return self._explain(t + signed, ahead)
        return ""

    def _explain(self, t: float, state: Array) -> str:
        explain = getattr(self.request.system, "explain_nonfinite", None)
        if explain is None:
            return ""
        try:
            return str(explain(t, state, self.request.p))
        except (ArithmeticError, ValueError, RuntimeError, KeyError) as error:
            logger.warning("could not explain a value that is not finite: %s", error)
            return ""

    def _too_many(self) -> str:
        t, h = self.control[TIME], self.control[STEP]
        return (
            f"max_steps = {self.request.max_steps} steps were made and only t = {t:.6g} was reached "
            f"(step size {abs(h or self.control[TRIED]):.3g}).{self.request.advice}"
        )

    def _show_progress(self, elapsed: float) -> None:
        request = self.request
        if request.progress is False or (request.progress is None and (elapsed < 1.0 or not someone_is_watching())):
            return
        if self._bar is None:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=abs(request.t_end - request.t0), unit="t", bar_format="{l_bar}{bar}|{postfix}")
        done = abs(float(self.control[TIME]) - request.t0)
        self._bar.set_postfix_str(
            f"t = {self.control[TIME]:.4g}, {self.counts[ACCEPTED]} steps, {self.counts[NFEV]} evaluations",
            refresh=False,
        )
        self._bar.update(done - self._bar.n)


def someone_is_watching() -> bool:
    """Whether this is an interactive session (a notebook or a prompt)."""
    return hasattr(sys, "ps1") or "ipykernel" in sys.modules
