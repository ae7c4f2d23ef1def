"""Conditions that belong to axes or pairs of boundaries, and the check of where conditions stand."""

from __future__ import annotations

from typing import Any

from ..errors import ConditionError, nearest
from .coordinates import Coordinate
from .domains import Domain


class Condition:
    """Base class of boundary conditions."""


class Periodic(Condition):
    """Everything repeats along the given axes; without arguments along all axes of the domain.

    Args:
        axes: coordinates or their names; or pairs of boundary names such as ``("left", "right")``, which on a mesh
            are matched facet by facet.

    Raises:
        ConditionError: if an axis is neither, or is given twice.

    Example:
        >>> Periodic(), Periodic("x", "y"), Periodic(("left", "right"))
        (Periodic(), Periodic('x', 'y'), Periodic(('left', 'right')))
    """

    def __init__(self, *axes: Any) -> None:
        names: list[str] = []
        pairs: list[tuple[str, str]] = []
        for axis in axes:
            if isinstance(axis, (tuple, list)):
                pairs.append(_pair(axis))
            elif isinstance(axis, (str, Coordinate)):
                names.extend([axis.name] if isinstance(axis, Coordinate) else axis.replace(",", " ").split())
            else:
                raise ConditionError(
                    f"Periodic(...) takes coordinates or their names, but got {axis!r}. Write e.g. Periodic('x')."
                )
        for name in names:
            if names.count(name) > 1:
                raise ConditionError(f"Periodic(...) names axis {name} twice.")
        self._names = tuple(names)
        self._pairs = tuple(pairs)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes; empty for all."""
        return self._names

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Pairs of boundaries that are one."""
        return self._pairs

    def axes(self, domain: Domain) -> tuple[Coordinate, ...]:
        """Return the periodic axes of `domain`.

        Raises:
            ConditionError: if the domain lacks a named axis; offers the nearest name.
        """
        known = {axis.name: axis for axis in domain}
        for name in self._names:
            if name not in known:
                raise ConditionError(
                    f"{self!r} names axis {name!r}, but {domain!r} has the axes {', '.join(known)}."
                    f"{nearest(name, known)} Name one of these, or write Periodic() for all."
                )
        ends = {frozenset(pair): axis for axis, pair in domain.sides.items()}
        paired = tuple(ends[frozenset(pair)] for pair in self._pairs if frozenset(pair) in ends)
        if not self._names and not self._pairs:
            return domain.coordinates
        return tuple(known[name] for name in self._names) + paired

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, Periodic) and set(self._names) == set(other._names)
        return same and set(self._pairs) == set(other._pairs)  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((frozenset(self._names), frozenset(self._pairs)))

    def __repr__(self) -> str:
        return f"Periodic({', '.join(map(repr, (*self._names, *self._pairs)))})"


def _pair(given: Any) -> tuple[str, str]:
    if len(given) != 2 or not all(isinstance(name, (str, int)) for name in given) or given[0] == given[1]:
        raise ConditionError(
            f"Periodic({given!r}) needs a pair of different boundaries. Write e.g. Periodic(('left', 'right'))."
        )
    return given[0], given[1]


def check_conditions(domain: Domain | None, conditions: Any, natural: bool = False) -> tuple[Condition, ...]:
    """Return the conditions (one, or an iterable of them) as a tuple when they fit the domain.

    Without any condition on boundaries, every axis of a box must be periodic: nothing else is sure to be meant. With
    one, or with equations in weak form, boundaries without a condition are natural.

    Args:
        domain: where the equations hold.
        conditions: as the user gave them.
        natural: whether boundaries may be left without conditions.

    Raises:
        ConditionError: for something that is no condition, conditions without a domain, an axis without a condition,
            an axis with two, a boundary that the domain does not have.
    """
    given = (conditions,) if isinstance(conditions, (Condition, str)) else tuple(conditions)
    for condition in given:
        if not isinstance(condition, Condition):
            raise ConditionError(
                f"conditions= must hold conditions such as rz.Periodic() or rz.Periodic('x'), but got {condition!r}."
            )
    if domain is None:
        if given:
            raise ConditionError(
                f"There are conditions ({given[0]!r}) but no domain. Add domain=rz.Box(x=(0, L)) or leave them out."
            )
        return ()
    owner = _periodic_axes(domain, given)
    if any(not isinstance(condition, Periodic) for condition in given):
        from .condition_checks import check_places

        check_places(domain, given)
    elif domain.sides and not natural:
        _require_all(domain, owner)
    return given


def periodic_axes(domain: Domain, conditions: tuple[Condition, ...]) -> tuple[Coordinate, ...]:
    """Return the axes of `domain` along which everything repeats.

    Example:
        >>> from ritz.symbolic.domains import Box
        >>> periodic_axes(Box(x=(0, 1), y=(0, 1)), (Periodic("y"),))
        (y,)
    """
    if not domain.sides:
        return ()
    return tuple(axis for c in conditions if isinstance(c, Periodic) for axis in c.axes(domain))


def periodic_pairs(domain: Domain, conditions: tuple[Condition, ...]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of boundaries that are one, with the names of the domain.

    Example:
        >>> from ritz.symbolic.domains import Box
        >>> periodic_pairs(Box(x=(0, 1), y=(0, 1)), (Periodic("y"),))
        (('bottom', 'top'),)
    """
    if domain.sides:
        return tuple(domain.sides[axis] for axis in periodic_axes(domain, conditions))
    return tuple(pair for c in conditions if isinstance(c, Periodic) for pair in c.pairs)


def _periodic_axes(domain: Domain, given: tuple[Condition, ...]) -> dict[Coordinate, Condition]:
    owner: dict[Coordinate, Condition] = {}
    for condition in given:
        if not isinstance(condition, Periodic):
            continue
        _check_pairs(domain, condition)
        for axis in condition.axes(domain) if domain.sides else ():
            if axis in owner:
                raise ConditionError(
                    f"Axis {axis} has two conditions: {owner[axis]!r} and {condition!r}. Keep one of them."
                )
            owner[axis] = condition
    return owner


def _check_pairs(domain: Domain, condition: Periodic) -> None:
    if not domain.sides and (condition.names or not condition.pairs):
        known = ", ".join(map(repr, domain.boundaries)) or "none"
        raise ConditionError(
            f"{condition!r} names axes, but {domain!r} is known by its mesh. Name pairs of its boundaries ({known}), "
            "e.g. Periodic(('left', 'right'))."
        )
    for pair in condition.pairs:
        for name in pair:
            from .condition_checks import check_boundary

            check_boundary(domain, name, repr(condition))
        if domain.sides and frozenset(pair) not in map(frozenset, domain.sides.values()):
            pairs = ", ".join(map(repr, domain.sides.values()))
            raise ConditionError(f"{condition!r} does not name the two ends of an axis. {domain!r} has {pairs}.")


def _require_all(domain: Domain, owner: dict[Coordinate, Condition]) -> None:
    missing = [axis.name for axis in domain if axis not in owner]
    if missing:
        fix = "rz.Periodic()" if len(missing) == domain.dimension else f"rz.Periodic({', '.join(map(repr, missing))})"
        word = "Axis" if len(missing) == 1 else "Axes"
        verb = "has" if len(missing) == 1 else "have"
        raise ConditionError(
            f"{word} {', '.join(missing)} of {domain!r} {verb} no condition. Add {fix} to conditions=[...]."
        )
