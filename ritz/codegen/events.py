"""Events of a system, compiled: which conditions hold, and what the new values are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.codegen.calling import Caller
from ritz.codegen.lowered import Lowered

Array = NDArray[np.float64]
PROGRAMS = ("conditions", "event values")


def event_nodes(lowered: Lowered, kind: str) -> dict[str, int]:
    """Outputs of the programs of events, in the order in which `BoundEvents` reads them.

    Args:
        lowered: the model.
        kind: ``conditions``, one number per event that is 1 where it holds and 0 where it does not, and then one for
            each that changes sign where it turns (0 where there is none); or ``event values``: per event its priority,
            delay, new values and stops.
    """
    g, nodes = lowered.graph, []
    if kind == "conditions":
        nodes += [g.func("where", event.condition, g.one, g.zero) for event in lowered.events]
        nodes += [g.zero if event.level is None else event.level for event in lowered.events]
    else:
        for event in lowered.events:
            nodes += [event.priority, event.delay, *event.values.values(), *event.stops]
    return {f"event {k}": node for k, node in enumerate(nodes)}


class BoundEvents:
    """The events of a system at one parameter vector; not to be used by two threads at once.

    Attributes:
        forms: the events (`ritz.symbolic.event_form.EventForm`).
        address, context: the conditions as compiled code, in the calling convention of `ritz.codegen.abi`.
        p: parameter vector.
    """

    def __init__(self, lowered: Lowered, p: Array, conditions: Any, values: Any) -> None:
        self.forms, self.p = lowered.events, p
        self.address, self.context = conditions.address, conditions.context
        self._keep = (conditions, values)
        place = {f.name: f.start for f in lowered.layout.fields}
        self._targets = [np.array([place[n] for n in e.values], dtype=np.int64) for e in self.forms]
        self._starts: list[int] = []
        self._size = 0
        for event in self.forms:
            self._starts.append(self._size)
            self._size += 2 + len(event.values) + len(event.stops)
        self._state = np.zeros(lowered.layout.size)
        self._conditions = Caller(conditions, self._state, p, 2 * len(self.forms))
        self._values = Caller(values, self._state, p, self._size)

    def conditions(self, t: float, u: Array) -> Array:
        """(events,) 1 where the condition of an event holds, 0 elsewhere."""
        self._state[:] = u
        return self._conditions(t)[: len(self.forms)].copy()

    def _all(self, t: float, u: Array) -> Array:
        self._state[:] = u
        return self._values(t)

    def priority(self, k: int, t: float, u: Array) -> float:
        """Priority of event k."""
        return float(self._all(t, u)[self._starts[k]])

    def delay(self, k: int, t: float, u: Array) -> float:
        """Delay of event k."""
        return float(self._all(t, u)[self._starts[k] + 1])

    def new_values(self, k: int, t: float, u: Array) -> Array:
        """What event k assigns, computed from this state."""
        start = self._starts[k] + 2
        return self._all(t, u)[start : start + len(self.forms[k].values)].copy()

    def changed(self, k: int, u: Array, values: Array) -> Array:
        """The state after event k."""
        after = u.copy()
        after[self._targets[k]] = values
        return after

    def stops(self) -> Array:
        """Times, ascending, at which conditions may change whatever the state."""
        found: list[float] = []
        values = self._all(0.0, np.zeros(self._state.size))  # stops depend on neither
        for start, event in zip(self._starts, self.forms, strict=True):
            first = start + 2 + len(event.values)
            found += values[first : first + len(event.stops)].tolist()
        return np.unique(np.array([t for t in found if np.isfinite(t)]))


def bind_events(system: Any, p: Any = None) -> BoundEvents | None:
    """The compiled events of a system at one parameter vector, with memory for one user.

    Args:
        system: a `ritz.System`.
        p: parameter vector, or overrides of the defaults.

    Returns:
        None where the problem has no events.
    """
    if not system.lowered.events:
        return None
    values = system.parameter_vector(p).copy()
    made = [system._instance(kind) for kind in PROGRAMS]
    for instance in made:
        instance.update(system._named(values))
    return BoundEvents(system.lowered, values, *made)
