"""Events: conditions at whose coming true the state of a problem changes at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp
from sympy.logic.boolalg import Boolean, BooleanAtom

from ritz.errors import ProblemError, nearest, reject_unknown
from ritz.symbolic.coordinates import Time
from ritz.symbolic.operators import Operator

_OPTIONS = ("direction", "name", "priority", "delay", "persistent", "values_from", "at_start", "terminal")


class Event:
    """What happens when a condition comes true: unknowns get new values at once, and integration goes on from there.

    Args:
        when: a relation such as ``x > 3``, relations joined by ``&``, ``|``, ``~`` (``sympy.And`` and so on), or an
            expression whose zeros are meant. It may contain unknowns, parameters and ``rz.t``.
        then: unknown, its time derivative, or the name of one -> new value, an expression of unknowns, parameters and
            time. All values are computed before any is given. None: the event is noted and nothing changes.
        direction: +1 fires when the relation comes true (an expression rises through zero), -1 when it ceases to hold
            (the expression falls through zero), 0 at both. By default +1 for relations, 0 for expressions.
        name: for messages and ``solution.log``; ``event 1``, ``event 2`` ... by default.
        priority: of events that fire at one time the one of highest priority acts first; the others see what it did.
            Equal ones act in the order in which they are listed. A number or an expression.
        delay: time from firing to the change of the state; a number >= 0 or an expression, evaluated at firing.
        persistent: whether a change that waits (for its delay, or for events of higher priority) takes place even if
            the condition ceases to hold in the meantime.
        values_from: with a delay, whether the new values are those ``"firing"`` or those of the ``"change"`` itself.
        at_start: whether the event fires at the start of a run if the condition holds there. By default the condition
            has to come true during the run.
        terminal: whether the run stops after the change.

    Raises:
        ProblemError: for a condition that is no relation or expression, or an option of the wrong kind.
        OptionError: for a misspelt option.

    Example:
        >>> import ritz as rz
        >>> x, t = rz.fields("x"), rz.t
        >>> tank = rz.Problem(
        ...     [rz.Eq(rz.dt(x), -x)], initial={x: 1}, events=[rz.Event(x < 0.5, {x: x + 0.5}, name="refill")])
        >>> solution = rz.solve(tank, (0, 2), rtol=1e-9, atol=1e-9)
        >>> [(record.name, round(record.t, 6)) for record in solution.log]
        [('refill', 0.693147), ('refill', 1.386294)]
    """

    def __init__(
        self,
        when: Any,
        then: Mapping[Any, Any] | None = None,
        *,
        direction: int | None = None,
        name: str | None = None,
        priority: Any = 0,
        delay: Any = 0,
        persistent: bool = True,
        values_from: str = "firing",
        at_start: bool = False,
        terminal: bool = False,
        **unknown: Any,
    ) -> None:
        reject_unknown(unknown, _OPTIONS, "Event")
        self.when = _condition(when)
        self.name = name
        self.is_relation = not isinstance(self.when, sp.Expr)  # a symbol is a Boolean to SymPy, too
        self.direction = (1 if self.is_relation else 0) if direction is None else direction
        self.then = _values(then, self)
        self.priority, self.delay = _expression(priority, f"priority of {self}"), _expression(delay, f"delay of {self}")
        self.persistent, self.at_start, self.terminal = bool(persistent), bool(at_start), bool(terminal)
        self.values_from = values_from
        if self.direction not in (-1, 0, 1):
            raise ProblemError(f"The direction of {self} must be +1, -1 or 0, but is {direction!r}.")
        if values_from not in ("firing", "change"):
            raise ProblemError(f"values_from of {self} must be 'firing' or 'change', but is {values_from!r}.")
        if self.delay.is_negative:
            raise ProblemError(f"The delay of {self} must not be negative, but is {self.delay}.")

    def __str__(self) -> str:
        return f"the event {self.name!r}" if self.name else f"the event at {self.when}"

    def __repr__(self) -> str:
        changes = ", ".join(f"{key}: {value}" for key, value in self.then.items())
        return f"Event({self.when}, {{{changes}}}{f', name={self.name!r}' if self.name else ''})"

    def expressions(self) -> list[sp.Basic]:
        """Everything in which symbols may stand."""
        return [self.when, *self.then.values(), self.priority, self.delay]


def _condition(when: Any) -> sp.Basic:
    if isinstance(when, (bool, BooleanAtom)):
        raise ProblemError(
            f"The condition of an event is {when}: it was evaluated before Ritz could see it. Write x > 3, or for "
            "x == 3 the expression x - 3, whose zeros are meant."
        )
    if isinstance(when, (sp.Equality, sp.Unequality)):
        raise ProblemError(
            f"The condition {when} of an event holds at single times only. Write the expression {when.lhs - when.rhs}, "
            "whose zeros are meant."
        )
    if isinstance(when, (sp.Expr, Boolean)):
        return when
    raise ProblemError(
        f"The condition of an event must be a relation such as x > 3 or an expression, but got {when!r} of type "
        f"{type(when).__name__}."
    )


def _expression(value: Any, what: str) -> sp.Expr:
    try:
        found = sp.sympify(value, strict=True)
    except sp.SympifyError:
        found = None
    if not isinstance(found, sp.Expr) or found.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
        raise ProblemError(f"The {what} must be a finite number or an expression, but got {value!r}.")
    return found


def _values(then: Any, event: Event) -> dict[Any, sp.Expr]:
    if then is None:
        return {}
    if not isinstance(then, Mapping):
        raise ProblemError(f"What {event} changes is given as {{unknown: new value}}, but got {then!r}.")
    return {key: _expression(value, f"new value of {key} at {event}") for key, value in then.items()}


def check_events(given: Any) -> tuple[Event, ...]:
    """Return ``events=`` as a tuple, every event with a name of its own.

    Raises:
        ProblemError: for something that is no event, or two events of one name.
    """
    events = (given,) if isinstance(given, Event) else tuple(given or ())
    names: list[str] = []
    for number, event in enumerate(events, start=1):
        if not isinstance(event, Event):
            raise ProblemError(
                f"events= of a problem takes rz.Event(condition, {{unknown: new value}}), but got {event!r}. Functions "
                "of (t, y) go into rz.solve(..., events=)."
            )
        name = event.name or f"event {number}"
        if name in names:
            raise ProblemError(f"Two events are named {name!r}. Rename one.")
        names.append(name)
    return events


def check_event_symbols(event: Event, known: set[sp.Basic]) -> None:
    """Raise if an event mentions anything but `known` unknowns, their rates, parameters and time.

    Raises:
        ProblemError: names the symbol.
    """
    for expr in event.expressions():
        rest = expr.xreplace({k: sp.Integer(1) for k in known if isinstance(k, Operator)})
        strange = sorted((s for s in rest.free_symbols if s not in known), key=str)
        operators = sorted(rest.atoms(Operator), key=str)
        if operators:
            raise ProblemError(f"{str(event).capitalize()} contains {operators[0]}, which is not part of the state.")
        if strange:
            names = [str(k) for k in known]
            raise ProblemError(
                f"{str(event).capitalize()} mentions {strange[0]}, which the equations do not."
                f"{nearest(str(strange[0]), names)} An event may contain unknowns, parameters and rz.t."
            )


def check_events_of(problem: Any) -> None:
    """Check the events of a problem whose scalar form is made.

    Raises:
        ProblemError: the problem has space, or an event mentions what the equations do not.
    """
    if not problem.events:
        return
    if problem.coordinates:
        raise ProblemError(
            f"events= works for problems without space, but this one has {', '.join(map(str, problem.coordinates))}. "
            "Pass functions of (t, y) to rz.solve(..., events=) to find times and stop there."
        )
    form = problem.scalar_form()
    known = {*form.unknowns, *form.auxiliary.values(), *problem.parameters, Time()}
    for event in problem.events:
        check_event_symbols(event, known)
