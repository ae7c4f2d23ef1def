"""Coordinates and time: the independent variables of a problem.

Both are SymPy symbols, so everything SymPy does with a real symbol works on them. Two coordinates of the same name are
equal, hence a notebook cell may be run twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from ..errors import ProblemError

RESERVED = frozenset({"t"})


def check_name(name: str, what: str) -> None:
    """Raise unless `name` can name a `what`: a plain identifier that is not kept for time.

    Raises:
        ProblemError: names the offending name and a way out.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise ProblemError(f"A {what} needs a name made of letters, digits and _, but got {name!r}.")
    if name in RESERVED:
        raise ProblemError(f"The name 't' belongs to time (rz.t); choose another name for the {what}.")


def make_symbols(names: str, make: Callable[[str], Any]) -> Any:
    """Make one object per name in `names` (separated by spaces or commas; ``y1:4`` counts); one name gives one object.

    Raises:
        ProblemError: if `names` is empty or no string.
    """
    if not isinstance(names, str) or not names.strip(" ,"):
        raise ProblemError(f"Expected names such as 'u v', but got {names!r}.")

    def build(name: str, **_: object) -> Any:
        return make(name)

    return sp.symbols(names, cls=build)


class Named(sp.Symbol):
    """Base of all symbols of the language; in text they are sorted by name, whatever their kind."""

    @classmethod
    def class_key(cls) -> Any:
        """Return the sort key that all symbols share."""
        return sp.Symbol.class_key()


class Independent(Named):
    """A real independent variable: the common base of `Coordinate` and `Time`."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.name,)


class Coordinate(Independent):
    """A direction of space.

    Args:
        name: what the user calls it; ``x``, ``y`` and ``z`` have the short derivatives `dx`, `dy`, `dz`.

    Raises:
        ProblemError: if the name is no identifier, or is ``t``.

    Example:
        >>> Coordinate("x") == Coordinate("x")
        True
        >>> Coordinate("x").is_real
        True
    """

    def __new__(cls, name: str) -> Coordinate:
        check_name(name, "coordinate")
        return sp.Symbol.__xnew__(cls, name, real=True)


class Time(Independent):
    """The time variable; use the ready-made `t`."""

    def __new__(cls, name: str = "t") -> Time:
        return sp.Symbol.__xnew__(cls, name, real=True)


t = Time("t")


def coords(names: str) -> Any:
    """Make coordinates: one name gives one `Coordinate`, several names a tuple.

    Args:
        names: separated by spaces or commas.

    Raises:
        ProblemError: if a name is no identifier, or is ``t`` (time is `t`, ready-made).

    Example:
        >>> x, y = coords("x y")
        >>> x
        x
    """
    return make_symbols(names, Coordinate)
