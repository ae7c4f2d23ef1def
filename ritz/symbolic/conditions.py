"""Boundary conditions."""

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
        axes: coordinates or their names.

    Raises:
        ConditionError: if an axis is neither, or is given twice.

    Example:
        >>> Periodic(), Periodic("x", "y")
        (Periodic(), Periodic('x', 'y'))
    """

    def __init__(self, *axes: Any) -> None:
        names: list[str] = []
        for axis in axes:
            if not isinstance(axis, (str, Coordinate)):
                raise ConditionError(
                    f"Periodic(...) takes coordinates or their names, but got {axis!r}. Write e.g. Periodic('x')."
                )
            names.extend([axis.name] if isinstance(axis, Coordinate) else axis.replace(",", " ").split())
        for name in names:
            if names.count(name) > 1:
                raise ConditionError(f"Periodic(...) names axis {name} twice.")
        self._names = tuple(names)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes; empty for all."""
        return self._names

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
        return tuple(known[name] for name in self._names) if self._names else domain.coordinates

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Periodic) and set(self._names) == set(other._names)

    def __hash__(self) -> int:
        return hash(frozenset(self._names))

    def __repr__(self) -> str:
        return f"Periodic({', '.join(map(repr, self._names))})"


def check_conditions(domain: Domain | None, conditions: Any) -> tuple[Condition, ...]:
    """Return the conditions (one, or an iterable of them) as a tuple when they cover every axis exactly once.

    Raises:
        ConditionError: for something that is no condition, conditions without a domain, an axis without a condition,
            an axis with two.
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
    owner: dict[Coordinate, Condition] = {}
    for condition in given:
        if not isinstance(condition, Periodic):
            raise ConditionError(f"{condition!r} is not a condition that a Box can have; write rz.Periodic('x').")
        for axis in condition.axes(domain):
            if axis in owner:
                raise ConditionError(
                    f"Axis {axis} has two conditions: {owner[axis]!r} and {condition!r}. Keep one of them."
                )
            owner[axis] = condition
    missing = [axis.name for axis in domain if axis not in owner]
    if missing:
        fix = "rz.Periodic()" if len(missing) == domain.dimension else f"rz.Periodic({', '.join(map(repr, missing))})"
        word = "Axis" if len(missing) == 1 else "Axes"
        verb = "has" if len(missing) == 1 else "have"
        raise ConditionError(
            f"{word} {', '.join(missing)} of {domain!r} {verb} no condition. Add {fix} to conditions=[...]."
        )
    return given
