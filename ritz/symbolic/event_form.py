"""Events as nodes: what is watched during a run, and what happens when a condition comes true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from ritz.errors import ProblemError, nearest
from ritz.symbolic.calculus import forward
from ritz.symbolic.events import Event
from ritz.symbolic.graph import Graph
from ritz.symbolic.parameters import Parameter
from ritz.symbolic.sympy_bridge import to_graph

_DIFFERENCE = {"gt": (0, 1), "ge": (0, 1), "lt": (1, 0), "le": (1, 0)}


@dataclass(frozen=True)
class EventForm:
    """One event; all nodes belong to the graph of its `PointwiseForm`.

    Attributes:
        name: for messages and logs.
        condition: node, true or false.
        level: node that is positive where the condition holds and negative where it does not, to find the crossing
            quickly; None where there is none.
        values: name of a state -> node of its new value.
        priority: node; of events at one time the highest acts first.
        delay: node, evaluated at firing.
        both: also fires when the condition ceases to hold.
        persistent: a waiting change takes place even if the condition ceases to hold.
        values_at_firing: new values are computed at firing, not at the change.
        at_start: fires at the start of a run if the condition holds there.
        terminal: the run stops after the change.
        stops: nodes without time and state: times at which the condition may change whatever the state.
    """

    name: str
    condition: int
    level: int | None
    values: Mapping[str, int]
    priority: int
    delay: int
    both: bool = False
    persistent: bool = True
    values_at_firing: bool = True
    at_start: bool = False
    terminal: bool = False
    stops: tuple[int, ...] = ()


def complete(g: Graph, event: EventForm) -> EventForm:
    """Add level and stops, which follow from the condition."""
    return replace(event, level=level_of(g, event.condition), stops=stops_of(g, event.condition))


def level_of(g: Graph, condition: int) -> int | None:
    """A node with the sign of a condition: differences for relations, minimum for ``and``, maximum for ``or``.

    Example:
        >>> g = Graph()
        >>> x, y = g.input("x", "state"), g.input("y", "state")
        >>> both = g.func("and", g.func("gt", x, y), g.func("lt", x, g.one))
        >>> level_of(g, both) == g.func("minimum", g.sub(x, y), g.sub(g.one, x))
        True
    """
    found: dict[int, int] = {}
    for node in g.topological([condition]):
        if g.op[node] != "func":
            continue
        name, args = g.args[node]
        if name in _DIFFERENCE:
            a, b = _DIFFERENCE[name]
            found[node] = g.sub(args[a], args[b])
        elif name in ("and", "or", "not") and all(a in found for a in args):
            levels = [found[a] for a in args]
            found[node] = (
                g.scale(-1, levels[0]) if name == "not" else g.func("minimum" if name == "and" else "maximum", *levels)
            )
    return found.get(condition)


def stops_of(g: Graph, condition: int) -> tuple[int, ...]:
    """The times at which relations between affine functions of time change, as nodes."""
    time, stops = g.input("t", "time"), []
    for node in g.topological([condition]):
        if g.op[node] != "func" or g.args[node][0] not in _DIFFERENCE:
            continue
        difference = g.sub(*g.args[node][1])
        if any(g.args[i][1] == "state" for i in g.inputs([difference])):
            continue
        (slope,) = forward(g, [difference], {time: g.one})
        if slope == g.zero or any(g.inputs([slope], "time")):
            continue
        (offset,) = g.substitute([difference], {time: g.zero})
        stops.append(g.scale(-1, g.div(offset, slope)))
    return tuple(dict.fromkeys(stops))


def event_forms(
    g: Graph, events: Sequence[Event], leaves: Mapping[Any, int], targets: Mapping[Any, str]
) -> tuple[EventForm, ...]:
    """Write events as nodes.

    Args:
        g: the graph of the equations.
        events: as the user wrote them.
        leaves: symbols, and time derivatives that are part of the state -> nodes.
        targets: what may be changed, as symbols, time derivatives and names -> name of the state.

    Raises:
        ProblemError: an event changes what is no part of the state, or one thing twice.
    """
    made = []
    for number, event in enumerate(events, start=1):
        values: dict[str, int] = {}
        for key, value in event.then.items():
            name = _target(key, event, targets)
            if name in values:
                raise ProblemError(f"{str(event).capitalize()} gives two new values to {name}. Keep one of them.")
            values[name] = to_graph(g, value, leaves)
        made.append(
            complete(
                g,
                EventForm(
                    name=event.name or f"event {number}",
                    condition=_condition(g, event, leaves),
                    level=None,
                    values=values,
                    priority=to_graph(g, event.priority, leaves),
                    delay=to_graph(g, event.delay, leaves),
                    both=event.direction == 0,
                    persistent=event.persistent,
                    values_at_firing=event.values_from == "firing",
                    at_start=event.at_start,
                    terminal=event.terminal,
                ),
            )
        )
    return tuple(made)


def _condition(g: Graph, event: Event, leaves: Mapping[Any, int]) -> int:
    node = to_graph(g, event.when, leaves)
    if event.is_relation:
        return g.func("not", node) if event.direction < 0 else node
    return g.func("lt" if event.direction < 0 else "gt", node, g.zero)


def _target(key: Any, event: Event, targets: Mapping[Any, str]) -> str:
    found = targets.get(key)
    if found is not None:
        return found
    if isinstance(key, Parameter):
        fix = f"{key} is a parameter, which is constant during a run. Make it an unknown: rz.Eq(rz.dt({key}), 0)."
    else:
        names = sorted({str(k) for k in targets})
        fix = f"The state consists of {', '.join(sorted(set(targets.values())))}.{nearest(str(key), names)}"
    raise ProblemError(f"{str(event).capitalize()} gives a new value to {key}. {fix}")


def symbols_of(events: Sequence[Event]) -> set[sp.Basic]:
    """All symbols that events mention."""
    return {s for event in events for expr in event.expressions() for s in expr.free_symbols}
