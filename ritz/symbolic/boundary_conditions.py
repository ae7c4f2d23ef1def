"""Conditions on parts of the boundary, in points and on the mean."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import sympy as sp

from ..errors import ConditionError
from .conditions import Condition
from .coordinates import Coordinate
from .equation import text_of
from .fields import Field
from .operators import Component, as_expression

Label = str | int | Callable[..., Any] | None


class UnknownCondition(Condition):
    """A condition on an unknown or one of its components; the base of all in this file.

    Attributes:
        target: the unknown, or ``component(unknown, axis)``, as written.
        field: the unknown.
        axes: which component; empty for all.
    """

    def __init__(self, target: Any) -> None:
        field = target.args[0] if isinstance(target, Component) else target
        if not isinstance(field, Field):
            raise ConditionError(
                f"{type(self).__name__}(...) takes an unknown from rz.fields(...) or one component of it such as "
                f"rz.component(u, x), but got {target!r}."
            )
        self.target: sp.Expr = target
        self.field = field
        self.axes: tuple[Coordinate, ...] = target.args[1:] if isinstance(target, Component) else ()

    @property
    def expressions(self) -> tuple[sp.Expr, ...]:
        """The values in it."""
        return ()

    def _value(self, given: Any, what: str) -> sp.Expr:
        if callable(given) and not isinstance(given, sp.Basic):
            raise ConditionError(
                f"The {what} of {type(self).__name__}({self.target}, ...) must be an expression of the coordinates, "
                f"time and parameters, but got the function {getattr(given, '__name__', given)!r}."
            )
        return as_expression(given, f"the {what} of {type(self).__name__}({self.target}, ...)")


class BoundaryCondition(UnknownCondition):
    """A condition on a part of the boundary.

    Attributes:
        on: names, tags or predicates of the parts; ``(None,)`` for the whole boundary.
    """

    def __init__(self, target: Any, on: Any) -> None:
        super().__init__(target)
        self.on = read_labels(on, f"{type(self).__name__}({self.target}, ...)")

    def _where(self) -> str:
        if self.on == (None,):
            return ""
        shown = ", ".join(map(label_text, self.on))
        return f", on={shown if len(self.on) == 1 else f'[{shown}]'}"


class Prescribed(BoundaryCondition):
    """A value on a part of the boundary: what `Dirichlet` and `Neumann` share.

    Attributes:
        value: as an expression.
    """

    def __init__(self, target: Any, value: Any, *, on: Any = None) -> None:
        super().__init__(target, on)
        self.value = self._value(value, "value")

    @property
    def expressions(self) -> tuple[sp.Expr, ...]:
        """The value."""
        return (self.value,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({text_of(self.target)}, {text_of(self.value)}{self._where()})"


class Dirichlet(Prescribed):
    """The value of an unknown, or of one component, on a part of the boundary.

    Args:
        target: the unknown, or ``rz.component(u, x)``.
        value: expression of coordinates, time and parameters; for a vector a tuple, or 0.
        on: name or tag of a part of the boundary, a predicate ``lambda x, y: ...`` of arrays of coordinates, or a list
            of these; by default the whole boundary.

    Raises:
        ConditionError: if `target` is no unknown or `on` no label.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> Dirichlet(fields("u"), 0, on=["left", 3])
        Dirichlet(u, 0, on=['left', 3])
    """


class Neumann(Prescribed):
    """The flux ``n . F = value`` on a part of the boundary, where the equation of the unknown reads ``... = div(F)``.

    For ``-div(k*grad(u)) = f`` and for ``dt(u) = div(k*grad(u))`` the flux is ``F = k*grad(u)``; for elasticity, with
    ``-div(S) = f``, the value is the traction. `Problem.explain` shows the flux of every equation.

    Args:
        target: the unknown whose equation it is, or ``rz.component(u, x)``.
        value: expression of coordinates, time, parameters, unknowns and ``rz.normal()``; for a vector a tuple, or 0.
        on: as in `Dirichlet`.

    Raises:
        ConditionError: if `target` is no unknown or `on` no label.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> Neumann(fields("u"), 1, on="inlet")
        Neumann(u, 1, on='inlet')
    """


class Robin(BoundaryCondition):
    """The flux ``n . F + coefficient*(u - value) = 0`` on a part of the boundary (see `Neumann` for F).

    Args:
        target: the unknown, or ``rz.component(u, x)``.
        coefficient: transfer coefficient, a scalar expression.
        value: value outside; zero by default.
        on: as in `Dirichlet`.

    Raises:
        ConditionError: if `target` is no unknown or `on` no label.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> Robin(fields("T"), coefficient=750, value=20, on="top")
        Robin(T, coefficient=750, value=20, on='top')
    """

    def __init__(self, target: Any, *, coefficient: Any, value: Any = 0, on: Any = None) -> None:
        super().__init__(target, on)
        self.coefficient = self._value(coefficient, "coefficient")
        self.value = self._value(value, "value")

    @property
    def expressions(self) -> tuple[sp.Expr, ...]:
        """Coefficient and value."""
        return (self.coefficient, self.value)

    def __repr__(self) -> str:
        values = f"coefficient={text_of(self.coefficient)}, value={text_of(self.value)}"
        return f"Robin({text_of(self.target)}, {values}{self._where()})"


class PointValue(UnknownCondition):
    """The value of an unknown in one point, e.g. to fix the level of a pressure.

    Args:
        target: the unknown, or ``rz.component(u, x)``.
        value: expression of time and parameters.
        at: coordinates of the point.

    Raises:
        ConditionError: if `target` is no unknown or `at` no point.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> PointValue(fields("p"), 0, at=(0, 0))
        PointValue(p, 0, at=(0, 0))
    """

    def __init__(self, target: Any, value: Any, *, at: Any) -> None:
        super().__init__(target)
        self.value = self._value(value, "value")
        given = tuple(at) if isinstance(at, (tuple, list)) else (at,)
        try:
            self.at = tuple(float(x) for x in given)
        except (TypeError, ValueError):
            raise ConditionError(
                f"PointValue({self.target}, ...) needs at=(x, y) of numbers, but got {at!r}."
            ) from None
        if not all(map(math.isfinite, self.at)):
            raise ConditionError(f"PointValue({self.target}, ...) needs a finite point, but got {at!r}.")

    @property
    def expressions(self) -> tuple[sp.Expr, ...]:
        """The value."""
        return (self.value,)

    def __repr__(self) -> str:
        point = ", ".join(f"{x:g}" for x in self.at) + ("," if len(self.at) == 1 else "")
        return f"PointValue({text_of(self.target)}, {text_of(self.value)}, at=({point}))"


class MeanZero(UnknownCondition):
    """The mean of an unknown over the domain is zero: fixes what the equations leave open up to a constant.

    Args:
        target: a scalar unknown, or ``rz.component(u, x)``.

    Raises:
        ConditionError: if `target` is no unknown.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> MeanZero(fields("p"))
        MeanZero(p)
    """

    def __repr__(self) -> str:
        return f"MeanZero({text_of(self.target)})"


def read_labels(on: Any, where: str) -> tuple[Label, ...]:
    """Return ``on=`` as a tuple of labels.

    Raises:
        ConditionError: if one is neither name, tag nor predicate.

    Example:
        >>> read_labels("wall", "Dirichlet(u, ...)"), read_labels(None, "Dirichlet(u, ...)")
        (('wall',), (None,))
    """
    labels = tuple(on) if isinstance(on, (list, tuple, set, frozenset)) else (on,)
    if not labels:
        raise ConditionError(f"{where} has an empty list on=[]. Name a boundary, or leave on= out for all of it.")
    result: list[Label] = []
    for label in labels:
        if isinstance(label, sp.Basic) or isinstance(label, bool) or (label is None and len(labels) > 1):
            label = ...
        if label is not None and not isinstance(label, str) and not callable(label):
            try:
                label = operator.index(label)
            except TypeError:
                raise ConditionError(
                    f"{where} has on={on!r}, but a part of the boundary is chosen by a name, a tag, a predicate such "
                    "as `lambda x, y: x < 0.5` of the coordinates, or a list of these."
                ) from None
        if label in result:
            raise ConditionError(f"{where} names {label_text(label)} twice in on={on!r}.")
        result.append(label)
    return tuple(result)


def label_text(label: Label) -> str:
    """Return a label for a message.

    Example:
        >>> label_text("wall"), label_text(3), label_text(None)
        ("'wall'", '3', 'the whole boundary')
    """
    if label is None:
        return "the whole boundary"
    return (
        repr(label)
        if isinstance(label, (str, int))
        else f"the predicate {getattr(label, '__name__', type(label).__name__)}"
    )
