"""Events of SBML as events of a problem.

Meaning: Hucka et al., SBML Level 3 Version 2 Core (2019), section 4.11. A new value of a species whose symbol means a
concentration becomes an amount with the size that its compartment has after the event. Delays are evaluated when the
trigger fires. Events without priority have priority 0; equal ones act in the order of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ritz.errors import ParseError, UnsupportedError
from ritz.symbolic.event_form import EventForm, complete
from ritz.symbolic.graph import Graph

_TRUTHS = frozenset("lt le gt ge eq ne and or not".split())


def items(listed: Any) -> list[Any]:
    """The elements of a list of libSBML."""
    return [listed.get(k) for k in range(len(listed))]


def label_of(event: Any, number: int) -> str:
    """What messages and logs call an event: its id, its name, or its number from 1."""
    return str(event.getId() or event.getName() or f"event {number}")


def changed_by_events(events: Iterable[Any]) -> set[str]:
    """The variables that events assign."""
    return {a.getVariable() for event in events for a in items(event.getListOfEventAssignments())}


def check_targets(events: Iterable[Any], known: Iterable[str], assigned: Iterable[str]) -> None:
    """Raise where an event assigns what cannot be assigned.

    Args:
        events: the events of the model.
        known: compartments, parameters and species.
        assigned: variables that rules determine at all times.

    Raises:
        ParseError: an assigned variable is determined by a rule.
        UnsupportedError: it is something else than a compartment, parameter or species.
    """
    known, assigned = set(known), set(assigned)
    for number, event in enumerate(events, start=1):
        for variable in sorted(changed_by_events([event])):
            if variable in assigned:
                raise ParseError(
                    f"The event {label_of(event, number)} assigns {variable}, which a rule determines at all times."
                )
            if variable not in known:
                raise UnsupportedError(
                    f"The event {label_of(event, number)} assigns {variable}, which is no compartment, parameter or "
                    "species (a stoichiometry, perhaps); only numbers are supported there."
                )


def read_events(
    g: Graph,
    events: Iterable[Any],
    formula: Callable[[Any, str], int],
    states: Mapping[str, int],
    sizes: Mapping[str, int],
) -> tuple[EventForm, ...]:
    """Write the events of a model as nodes.

    Args:
        g: graph of the equations.
        events: as libSBML gives them.
        formula: (formula, what it belongs to) -> node of its value now.
        states: name -> node of all states.
        sizes: species whose symbol means a concentration -> node of the size of its compartment.

    Raises:
        ParseError: an event has no trigger, or a formula is missing or broken.
    """
    made = []
    for number, event in enumerate(events, start=1):
        name = label_of(event, number)
        trigger = event.getTrigger()
        if trigger is None or trigger.getMath() is None:
            raise ParseError(f"The event {name} has no trigger.")
        given = {}
        for assignment in items(event.getListOfEventAssignments()):
            if assignment.getMath() is None:
                raise ParseError(f"The event {name} gives {assignment.getVariable()} no formula.")
            given[assignment.getVariable()] = formula(assignment.getMath(), f"the event {name}")
        made.append(
            complete(
                g,
                EventForm(
                    name=name,
                    condition=_truth(g, formula(trigger.getMath(), f"the trigger of {name}")),
                    level=None,
                    values=_in_amounts(g, given, states, sizes),
                    priority=_optional(g, event.getPriority(), formula, f"the priority of {name}"),
                    delay=_optional(g, event.getDelay(), formula, f"the delay of {name}"),
                    persistent=not trigger.isSetPersistent() or trigger.getPersistent(),
                    values_at_firing=event.getUseValuesFromTriggerTime(),
                    at_start=trigger.isSetInitialValue() and not trigger.getInitialValue(),
                ),
            )
        )
    names = [event.name for event in made]
    for name in names:
        if names.count(name) > 1:
            raise ParseError(f"Two events are called {name!r}.")
    return tuple(made)


def _optional(g: Graph, element: Any, formula: Callable[[Any, str], int], where: str) -> int:
    return g.zero if element is None or element.getMath() is None else formula(element.getMath(), where)


def _truth(g: Graph, node: int) -> int:
    """A condition; a number counts as true where it is not 0."""
    known = g.op[node] == "func" and g.args[node][0] in _TRUTHS
    return node if known else g.func("ne", node, g.zero)


def _in_amounts(
    g: Graph, given: Mapping[str, int], states: Mapping[str, int], sizes: Mapping[str, int]
) -> dict[str, int]:
    """New values of states: those of concentrations times the size after the event."""
    plain = {states[name]: node for name, node in given.items() if name not in sizes}
    values = dict(given)
    for name in given:
        if name in sizes:
            (size,) = g.substitute([sizes[name]], plain)
            values[name] = g.product([given[name], size])
    return values
