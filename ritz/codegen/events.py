"""Events of a system, compiled: which conditions hold, and what the new values are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.codegen.calling import call_rhs_address
from ritz.codegen.lowered import Lowered

Array = NDArray[np.float64]
PROGRAMS = ("conditions", "event values")


def event_nodes(lowered: Lowered, kind: str) -> dict[str, int]:
    """Outputs of the programs of events, in the order in which `BoundEvents` reads them.

    Args:
        lowered: the model.
        kind: ``conditions``, one number per event that is 1 where it holds and 0 where it does not; or ``event
            values``: per event its level, priority, delay, new values and stops.
    """
    g, nodes = lowered.graph, []
    for event in lowered.events:
        if kind == "conditions":
            nodes.append(g.func("where", event.condition, g.one, g.zero))
        else:
            level = g.zero if event.level is None else event.level
            nodes += [level, event.priority, event.delay, *event.values.values(), *event.stops]
    return {f"event {k}": node for k, node in enumerate(nodes)}


class BoundEvents:
    """The events of a system at one parameter vector; not to be used by two threads at once.

    Attributes:
        forms: the events (`ritz.symbolic.event_form.EventForm`).
        address, context: the conditions as compiled code, in the calling convention of `ritz.codegen.abi`.
    """

    def __init__(self, lowered: Lowered, p: Array, conditions: Any, values: Any) -> None:
        self.forms = lowered.events
        self.address, self.context = conditions.address, conditions.context
        self._keep, self._p = (conditions, values), p
        self._values, self._state = values, lowered.layout.size
        place = {f.name: f.start for f in lowered.layout.fields}
        self._targets = [np.array([place[n] for n in e.values], dtype=np.int64) for e in self.forms]
        self._starts: list[int] = []
        self._size = 0
        for event in self.forms:
            self._starts.append(self._size)
            self._size += 3 + len(event.values) + len(event.stops)

    def conditions(self, t: float, u: Array) -> Array:
        """(events,) 1 where the condition of an event holds, 0 elsewhere."""
        out = np.empty(len(self.forms))
        call_rhs_address(self.address, t, u, self._p, out, self.context)
        return out

    def _all(self, t: float, u: Array) -> Array:
        out = np.empty(self._size)
        call_rhs_address(self._values.address, t, u, self._p, out, self._values.context)
        return out

    def level(self, k: int, t: float, u: Array) -> float:
        """A number that is positive where event k holds and negative where it does not; 0 if there is no such."""
        return float(self._all(t, u)[self._starts[k]])

    def priority(self, k: int, t: float, u: Array) -> float:
        """Priority of event k."""
        return float(self._all(t, u)[self._starts[k] + 1])

    def delay(self, k: int, t: float, u: Array) -> float:
        """Delay of event k."""
        return float(self._all(t, u)[self._starts[k] + 2])

    def new_values(self, k: int, t: float, u: Array) -> Array:
        """What event k assigns, computed from this state."""
        start = self._starts[k] + 3
        return self._all(t, u)[start : start + len(self.forms[k].values)]

    def changed(self, k: int, u: Array, values: Array) -> Array:
        """The state after event k."""
        after = u.copy()
        after[self._targets[k]] = values
        return after

    def stops(self) -> Array:
        """Times, ascending, at which conditions may change whatever the state."""
        found: list[float] = []
        values = self._all(0.0, np.zeros(self._state))  # stops depend on neither
        for start, event in zip(self._starts, self.forms, strict=True):
            first = start + 3 + len(event.values)
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
