"""Domains: where the equations hold."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import sympy as sp

from ..errors import ProblemError
from .coordinates import Coordinate

SIDES = (("left", "right"), ("bottom", "top"), ("back", "front"))  # ends of the first, second, third axis


class Domain:
    """A product of intervals; the base class of `Box`, `Interval` and `Region`. Immutable.

    Attributes:
        coordinates: the axes, in the order given.
        bounds: coordinate -> (lower, upper) as floats, in the user's unit of length.
        written: coordinate -> (lower, upper) as SymPy numbers, as the user wrote them.
        boundaries: name of a part of the boundary -> its tag: ``left right`` for the first axis, ``bottom top`` for
            the second, ``back front`` for the third.
        subdomains: name of a part of the inside -> its tag; none in a product of intervals.
    """

    def __init__(self, axes: Mapping[Coordinate, Any]) -> None:
        if not axes:
            raise ProblemError(f"{type(self).__name__} needs at least one axis, e.g. Box(x=(0, 1), y=(0, 2)).")
        if len(axes) > 3:
            raise ProblemError(f"A domain has at most three axes, but got {len(axes)}: {', '.join(map(str, axes))}.")
        self._written = {axis: _bounds(axis, bounds) for axis, bounds in axes.items()}
        self._bounds = {axis: (float(low), float(high)) for axis, (low, high) in self._written.items()}

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """The axes, in the order given."""
        return tuple(self._written)

    @property
    def bounds(self) -> dict[Coordinate, tuple[float, float]]:
        """Coordinate -> (lower, upper), as floats."""
        return dict(self._bounds)

    @property
    def written(self) -> dict[Coordinate, tuple[sp.Expr, sp.Expr]]:
        """Coordinate -> (lower, upper), as SymPy numbers."""
        return dict(self._written)

    @property
    def lengths(self) -> dict[Coordinate, float]:
        """Coordinate -> upper - lower."""
        return {axis: high - low for axis, (low, high) in self._bounds.items()}

    @property
    def sides(self) -> dict[Coordinate, tuple[str, str]]:
        """Coordinate -> names of its two ends; empty where the domain is no product of intervals."""
        return dict(zip(self._written, SIDES, strict=False))

    @property
    def boundaries(self) -> dict[str, int]:
        """Name of a part of the boundary -> its tag."""
        names = [name for pair in self.sides.values() for name in pair]
        return {name: tag for tag, name in enumerate(names, start=1)}

    @property
    def subdomains(self) -> dict[str, int]:
        """Name of a part of the inside -> its tag."""
        return {}

    @property
    def complete(self) -> bool:
        """Whether the named boundaries together are the whole boundary."""
        return True

    @property
    def dimension(self) -> int:
        """The number of axes."""
        return len(self.coordinates)

    def _key(self) -> Any:
        return tuple(self._written.items())

    def __iter__(self) -> Iterator[Coordinate]:
        return iter(self.coordinates)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Domain) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        axes = (f"{axis}=({_text(low)}, {_text(high)})" for axis, (low, high) in self._written.items())
        return f"Box({', '.join(axes)})"

    def _latex(self, *_: Any) -> str:
        return r" \times ".join(
            rf"{sp.latex(axis)} \in \left({sp.latex(low)}, {sp.latex(high)}\right)"
            for axis, (low, high) in self._written.items()
        )


class Box(Domain):
    """A box in one, two or three dimensions.

    Args:
        mapping: optional coordinate -> (lower, upper), for coordinates already at hand.
        axes: coordinate name = (lower, upper); numbers or SymPy numbers such as ``10*pi``.

    Raises:
        ProblemError: if an axis is no pair of finite numbers in rising order, or appears twice.

    Example:
        >>> Box(x=(0, 2.5), y=(0, 2*sp.pi))
        Box(x=(0, 2.5), y=(0, 2*pi))
        >>> Box(x=(0, 2)).lengths
        {x: 2.0}
    """

    def __init__(self, mapping: Mapping[Any, Any] | None = None, /, **axes: Any) -> None:
        given: dict[Coordinate, Any] = {}
        for key, bounds in [*(mapping or {}).items(), *axes.items()]:
            axis = key if isinstance(key, Coordinate) else Coordinate(key)
            if axis in given:
                raise ProblemError(f"Axis {axis} of the box is given twice.")
            given[axis] = bounds
        super().__init__(given)


class Interval(Domain):
    """An interval of one coordinate: ``Interval(0, L)`` along x, ``Interval(r, 0, L)`` along another one.

    Raises:
        ProblemError: if the bounds are no finite numbers in rising order.

    Example:
        >>> Interval(0, 32*sp.pi)
        Interval(x, 0, 32*pi)
    """

    def __init__(self, *arguments: Any) -> None:
        if len(arguments) == 2:
            axis, (low, high) = Coordinate("x"), arguments
        elif len(arguments) == 3:
            axis, low, high = arguments
            axis = axis if isinstance(axis, Coordinate) else Coordinate(axis)
        else:
            raise ProblemError(f"Write Interval(lower, upper) or Interval(x, lower, upper), not Interval{arguments!r}.")
        super().__init__({axis: (low, high)})

    def __repr__(self) -> str:
        ((axis, (low, high)),) = self._written.items()
        return f"Interval({axis}, {_text(low)}, {_text(high)})"


def _text(number: sp.Expr) -> str:
    return str(sp.sstr(number, full_prec=False))


def _bounds(axis: Coordinate, bounds: Any) -> tuple[sp.Expr, sp.Expr]:
    """Return checked bounds of one axis as SymPy numbers."""
    try:
        low, high = (sp.sympify(bound, strict=True) for bound in bounds)
        numbers = float(low), float(high)
    except (TypeError, ValueError, sp.SympifyError):
        raise ProblemError(f"Axis {axis} needs a pair of numbers, e.g. {axis}=(0, 1), but got {bounds!r}.") from None
    if not all(math.isfinite(number) for number in numbers):
        raise ProblemError(f"Axis {axis} must be bounded, but got ({low}, {high}). Truncate it to a finite interval.")
    if numbers[0] >= numbers[1]:
        raise ProblemError(f"Axis {axis} runs from {low} to {high}: the lower bound must come first and be smaller.")
    return low, high
