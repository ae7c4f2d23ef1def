"""The events of a problem during a run: when they fire, in what order they act, what the state is afterwards.

A condition is a truth value. An event fires where it turns from false to true; with ``both`` also the other way round.
Within a step the turn is found on the dense output and bracketed down to a few units in the last place, on the far
side: the condition has turned at the time found. Changes that wait for their delay are carried out at a time at which
the integration pauses, as are turns of relations in time alone.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritz.errors import SolveError, UnsupportedError
from ritz.solvers.crossing import ROUNDING, first_change, state_at, turning

Array = NDArray[np.float64]
#: Places within the first step after a jump at which conditions are looked at: it may turn twice in it.
PLACES: Array = np.exp2(np.arange(-50.0, 0.0, 2.0))
MOST_AT_ONCE = 1000  # changes at one time
CROWD = 10  # firings of one event that are judged together:
CROWDED = 1e-12  # they end the run if they lie within this part of it,
CROWDING = 1e-7  # or within this one and follow each other ever faster


class Record(NamedTuple):
    """One event of a problem that fired, as kept in ``solution.log``.

    Attributes:
        t: when the state changed.
        name: of the event.
        before, after: (size,) raw state on both sides of the change.
        fired: when the condition came true; earlier than `t` where there is a delay.
    """

    t: float
    name: str
    before: Array
    after: Array
    fired: float


class Inside:
    """The dense output of a step, and the conditions on it.

    Args:
        bound: the compiled events.
        t, h: start and length of the step.
        start: (size,) state at its start.
        rows: (degree, size) its polynomials (see `ritz.solvers.crossing`).
    """

    def __init__(self, bound: Any, t: float, h: float, start: Array, rows: Array) -> None:
        self.t, self.h, self.state = t, h, np.empty(start.size)
        self._keep = bound.p, np.ascontiguousarray(start), np.ascontiguousarray(rows), self.state
        addresses = [array.ctypes.data for array in self._keep]
        self._step = np.array([bound.address, bound.context, *addresses, start.size, len(rows)], np.int64)
        self._found = np.zeros(1)

    def at(self, t: float) -> Array:
        """(size,) state at a time within the step."""
        state_at(self._step.ctypes.data, self.t, self.h, t)
        return self.state.copy()

    def first_change(self, places: Array, first: int, held: Array, out: Array) -> int:
        """Index of the first place, from `first` on, at which a condition is not `held`; those there are in `out`."""
        given = places.ctypes.data, places.size, first, held.ctypes.data, held.size, out.ctypes.data
        first_change(self._step.ctypes.data, self.t, self.h, *given, self._found.ctypes.data)
        return int(self._found.view(np.int64)[0])

    def turning(self, a: float, b: float, k: int, before: float, count: int, out: Array) -> float:
        """A time in (a, b] at which condition k turns."""
        given = a, b, k, before, count, out.ctypes.data
        turning(self._step.ctypes.data, self.t, self.h, *given, self._found.ctypes.data)
        return float(self._found[0])


@dataclass
class _Waiting:
    """A change that is to take place."""

    event: int
    fired: float
    due: float
    values: Array | None


class Jumps:
    """The events of a problem along one run.

    Args:
        bound: the compiled events (`ritz.codegen.events.BoundEvents`).
        t0, t_end: the run.
    """

    def __init__(self, bound: Any, t0: float, t_end: float) -> None:
        self.bound, self.t_end = bound, t_end
        self.forms = bound.forms
        self.held = np.zeros(len(self.forms))  # what the compiled loop compares with
        self.log: list[Record] = []
        self.finished = False  # whether a terminal event has acted
        self._stops = [t for t in bound.stops().tolist() if t0 < t < t_end]
        self._pauses = frozenset(self._stops)
        self._waiting: list[_Waiting] = []
        self._recent = [deque[float](maxlen=CROWD) for _ in self.forms]
        self._span = abs(t_end - t0)
        self._out = np.empty(2 * len(self.forms))

    # ------------------------------------------------------------------ times
    def next_stop(self, t: float) -> float:
        """The time after `t` at which the integration has to pause: the end of the run at the latest."""
        while self._stops and self._stops[0] <= t:
            self._stops.pop(0)
        due = [w.due for w in self._waiting]
        return min([self.t_end, *self._stops[:1], *due])

    def begin(self, t: float, u: Array) -> Array | None:
        """Look at the start of a run; returns the state after events that fire there, or None."""
        self.held[:] = self.bound.conditions(t, u)
        fired = [k for k, form in enumerate(self.forms) if form.at_start and self.held[k]]
        return self.fire(t, u, fired) if fired else None

    def find(self, t_old: float, t: float, u: Array, inside: Inside | None, fresh: bool) -> tuple[float, list[int]]:
        """Look at an accepted step.

        Args:
            t_old, t: its ends.
            u: (size,) state at `t`.
            inside: the dense output of the step; None where no condition has changed at its end.
            fresh: whether it is the first one after a jump.

        Returns:
            The first time at which something is to be done, and the events that fire there; `t` and nothing if all
            that has happened is noted. Where there is something to do, `fire` must follow.
        """
        before = t_old
        if inside is not None and fresh:
            places = t_old + PLACES * (t - t_old)
            places = places[places > self._beyond(t_old)]
            k = -1
            while (k := inside.first_change(places, k + 1, self.held, self._out)) < places.size:
                found = self._out[: len(self.forms)].copy()
                fired = self._turned(found)
                if fired:
                    return self._first(fired, float(places[k - 1]) if k else t_old, float(places[k]), inside)
                self._note(found)
            before = float(places[-1]) if places.size else t_old
        found = self._conditions(t, u)
        fired = self._turned(found)
        if fired and inside is not None:
            return self._first(fired, before, t, inside)
        self._note(found, but=fired)
        return t, fired

    def has_work(self, t: float, fired: list[int]) -> bool:
        """Whether the state may change at `t`."""
        return bool(fired) or any(w.due <= t for w in self._waiting)

    def _beyond(self, t: float) -> float:
        return t + ROUNDING * max(abs(t), 1e-12 * self._span)

    def _conditions(self, t: float, u: Array) -> Array:
        """The conditions at a time; where relations in time alone turn, just behind it: strict ones have turned too."""
        found: Array = self.bound.conditions(self._beyond(t) if t in self._pauses else t, u)
        return found

    def _turned(self, found: Array) -> list[int]:
        changes = found - self.held
        return [k for k, form in enumerate(self.forms) if changes[k] > 0 or (form.both and changes[k] < 0)]

    def _note(self, found: Array, but: list[int] | None = None) -> None:
        """Take over conditions; a change that is not persistent is given up where its condition has ceased to hold."""
        for k in range(len(self.forms)):
            if k in (but or ()):
                continue
            if not found[k] and self.held[k] and not self.forms[k].persistent:
                self._waiting = [w for w in self._waiting if w.event != k]
            self.held[k] = found[k]

    def _first(self, fired: list[int], a: float, b: float, inside: Inside) -> tuple[float, list[int]]:
        """The first turn within (a, b], and the events that turn there, up to rounding."""
        count = len(self.forms)
        times = {k: inside.turning(a, b, k, self.held[k], count, self._out) for k in fired}
        first = min(times.values())
        together = [k for k, t in times.items() if t - first <= 4 * ROUNDING * max(abs(a), abs(b))]
        return max(times[k] for k in together), together

    # ------------------------------------------------------------------ changes
    def fire(self, t: float, u: Array, fired: list[int]) -> Array:
        """Let events fire at time `t` and carry out what is due; returns the state afterwards.

        Raises:
            SolveError: events set each other off without end, or ever faster.
        """
        self._note(self._conditions(t, u), but=fired)
        for k in fired:
            self.held[k] = 1.0 - self.held[k] if self.forms[k].both else 1.0
            self._enter(k, t, u)
        for _ in range(MOST_AT_ONCE):
            due = [w for w in self._waiting if w.due <= t]
            if not due:
                return u
            ranks = [self.bound.priority(w.event, t, u) for w in due]
            waiting = due[int(np.argmax(ranks))]
            self._waiting.remove(waiting)
            u = self._act(waiting, t, u)
        name = self.forms[waiting.event].name
        raise SolveError(
            f"At t = {t:.10g} events set each other off without end: {MOST_AT_ONCE} changes, the last one by "
            f"{name!r}. Let what an event assigns make its condition false."
        )

    def _enter(self, k: int, t: float, u: Array) -> None:
        form, recent = self.forms[k], self._recent[k]
        recent.append(t)
        if is_crowd(list(recent), self._span):
            raise SolveError(
                f"The event {form.name!r} fired {CROWD} times between t = {recent[0]:.10g} and t = {t:.10g}, ever "
                "faster: the run cannot get past this point. Change the model there, for example by a further event "
                "that lets the state rest, or stop with a terminal event."
            )
        delay = self.bound.delay(k, t, u)
        if not (delay >= 0 and math.isfinite(delay)):
            raise SolveError(f"The delay of the event {form.name!r} is {delay} at t = {t:.10g}; it must be >= 0.")
        values = self.bound.new_values(k, t, u) if form.values_at_firing else None
        self._waiting.append(_Waiting(k, t, t + delay, values))

    def _act(self, waiting: _Waiting, t: float, u: Array) -> Array:
        k = waiting.event
        form = self.forms[k]
        values = self.bound.new_values(k, t, u) if waiting.values is None else waiting.values
        if not np.isfinite(values).all():
            bad = list(form.values)[int(np.flatnonzero(~np.isfinite(values))[0])]
            raise SolveError(f"The event {form.name!r} gives {bad} a value that is not finite at t = {t:.10g}.")
        after = self.bound.changed(k, u, values)
        self.log.append(Record(t, form.name, u, after, waiting.fired))
        self.finished = self.finished or form.terminal
        found = self._conditions(t, after)
        fired = self._turned(found)
        self._note(found)
        for other in fired:
            self._enter(other, t, after)
        return after


def read_jumps(system: Any, p: Array, engine: Any, method: str, t0: float, t_end: float) -> Jumps | None:
    """The events of a system's problem for one run, or None.

    Raises:
        UnsupportedError: a run backwards in time, or a method that cannot change the state on its way.
    """
    bound = system.bind_events(p) if getattr(system, "has_events", False) else None
    if bound is None:
        return None
    names = ", ".join(repr(form.name) for form in bound.forms[:5])
    if t_end < t0:
        raise UnsupportedError(
            f"The problem has events that change the state ({names}); what was before them does not follow from what "
            "is after them. Integrate forwards in time."
        )
    if not hasattr(engine, "watch"):
        raise UnsupportedError(
            f"The problem has events that change the state ({names}); method {method!r} cannot do that. Use 'Tsit5' "
            "or 'DOP853', for stiff equations 'ESDIRK4'."
        )
    return Jumps(bound, t0, t_end)


def is_crowd(times: list[float], span: float) -> bool:
    """Whether firings of one event at these times, not all at once, will not come to an end.

    Example:
        >>> is_crowd([1 - 0.1**k for k in range(3, 3 + CROWD)], 1.0), is_crowd([0.1 * k for k in range(CROWD)], 1.0)
        (False, False)
        >>> is_crowd([1 - 0.2**k for k in range(12, 12 + CROWD)], 1.0)
        True
    """
    if len(times) < CROWD or times[0] == times[-1]:
        return False
    length, gaps = times[-1] - times[0], np.diff(times)
    return length < CROWDED * span or (length < CROWDING * span and bool((gaps[1:] < gaps[:-1]).all()))
