"""Events with SciPy's meaning: functions of (t, y) whose roots are found on the dense output of a step.

The details follow `scipy.integrate.solve_ivp`: a root lies where the sign changes over an accepted step (a
zero counts as both signs), `direction` picks the kind of crossing, `terminal` is True or the number of roots after
which the run stops, roots are located by Brent's method to four units in the last place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.errors import OptionError, OptionValueError, nearest

Array = NDArray[Any]
Function = Callable[[float, Any], float]


class StateView(np.ndarray):
    """A state that also answers to field names: ``y["u"]`` is the field u, ``y[0]`` the first number."""

    system: Any
    time: Any
    params: Any

    def __array_finalize__(self, source: Any) -> None:
        self.system, self.time, self.params = (getattr(source, n, None) for n in ("system", "time", "params"))

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            fields = self.system.to_fields(np.asarray(self), self.time, self.params)
            if key not in fields:
                raise OptionError(f"There is no field {key!r}.{nearest(key, fields)} Fields: {', '.join(fields)}.")
            return fields[key]
        return super().__getitem__(key)


def view_of(system: Any, state: Array, t: float, p: Any = None) -> StateView:
    """Wrap a state at a time, with the parameter vector, for user functions."""
    view = state.view(StateView)
    view.system, view.time, view.params = system, t, p
    view.flags.writeable = False  # what is stored must not change under the run
    return view


class Event:
    """One event function with its options read and checked.

    Args:
        function: Called as ``function(t, y)``; attributes ``terminal`` and ``direction`` as in SciPy.
        index: Its place in the user's list, for messages.
    """

    def __init__(self, function: Function, index: int) -> None:
        if not callable(function):
            raise OptionError(f"events must be functions of (t, y); number {index} is {type(function).__name__}.")
        self.function = function
        self.label = f"event {index} ({getattr(function, '__name__', type(function).__name__)})"
        self.direction = float(getattr(function, "direction", 0.0) or 0.0)
        terminal = getattr(function, "terminal", None)
        if terminal is None or terminal == 0:
            self.limit = math.inf
        elif int(terminal) == terminal and terminal > 0:
            self.limit = float(terminal)
        else:
            raise OptionValueError(f"{self.label}: terminal must be True, False or a positive count, not {terminal!r}.")
        self.count = 0
        self.times: list[float] = []
        self.states: list[Array] = []

    def value(self, t: float, y: StateView) -> float:
        """The function, checked to give one number."""
        found = self.function(t, y)
        if np.size(found) != 1:
            raise OptionError(f"{self.label} must return one number; it returned an array of shape {np.shape(found)}.")
        try:
            return float(np.asarray(found).reshape(()))
        except (TypeError, ValueError):
            raise OptionError(f"{self.label} must return one number; it returned {found!r}.") from None

    def active(self, before: float, after: float) -> bool:
        """Whether the function crosses zero in the wanted direction."""
        up = before <= 0 <= after
        down = before >= 0 >= after
        return (up and self.direction >= 0) or (down and self.direction <= 0)


def parse_events(events: Function | Iterable[Function] | None) -> list[Event]:
    """Read the `events` option: None, one function or several.

    Raises:
        OptionError: something is not a function.
        OptionValueError: ``terminal`` is neither a truth value nor a positive count.
    """
    if events is None:
        return []
    if not callable(events) and not isinstance(events, Iterable):
        raise OptionError(f"events must be functions of (t, y); found {type(events).__name__}.")
    functions = [events] if callable(events) else list(events)
    return [Event(function, index) for index, function in enumerate(functions)]


class EventLog:
    """Watches events along a run.

    Args:
        events: The events.
        system: Gives user functions access to fields by name.
        p: Its parameter vector.
    """

    def __init__(self, events: Sequence[Event], system: Any, p: Any = None) -> None:
        self.events, self.system, self.p = events, system, p
        self._values: list[float] = []

    def start(self, t: float, y: Array) -> None:
        """Evaluate the functions at the start of the run."""
        self._values = [event.value(t, view_of(self.system, y, t, self.p)) for event in self.events]

    def step(self, t_old: float, t: float, y: Array, interpolate: Callable[[float], Array]) -> float | None:
        """Look at one accepted step.

        Args:
            t_old, t: Its ends.
            y: (size,) state at `t`.
            interpolate: State within the step.

        Returns:
            The time at which the run has to stop, or None.
        """
        before, view = self._values, view_of(self.system, y, t, self.p)
        self._values = [event.value(t, view) for event in self.events]
        crossed = [e for e, a, b in zip(self.events, before, self._values, strict=True) if e.active(a, b)]
        if not crossed:
            return None
        roots = [(self._root(event, t_old, t, interpolate), event) for event in crossed]
        for event in crossed:
            event.count += 1
        stop: float | None = None
        if any(event.count >= event.limit for event in crossed):
            roots.sort(key=lambda pair: pair[0], reverse=t < t_old)
            last = next(k for k, (_, event) in enumerate(roots) if event.count >= event.limit)
            roots, stop = roots[: last + 1], roots[last][0]
        for root, event in roots:
            event.times.append(root)
            event.states.append(interpolate(root))
        return stop

    def _root(self, event: Event, t_old: float, t: float, interpolate: Callable[[float], Array]) -> float:
        from scipy.optimize import brentq

        tolerance = 4 * np.finfo(float).eps

        def function(s: float) -> float:
            return event.value(s, view_of(self.system, interpolate(s), s, self.p))

        a, b = function(t_old), function(t)
        if a * b > 0:  # a root at an end of the step that rounding in the interpolant has moved out of it
            return t_old if abs(a) < abs(b) else t
        return float(brentq(function, t_old, t, xtol=tolerance, rtol=tolerance))

    def arrays(self, size: int) -> tuple[list[Array], list[Array]]:
        """SciPy's ``t_events`` and ``y_events``."""
        times = [np.array(event.times) for event in self.events]
        states = [np.array(event.states).reshape(-1, size) for event in self.events]
        return times, states
