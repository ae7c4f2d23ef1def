"""Fields: the unknown functions of a problem, of space and time or (in an ODE) of time alone."""

from __future__ import annotations

from typing import Any

import sympy as sp

from .coordinates import Coordinate, Named, Time, check_name, make_symbols

RANK_NAMES = ("scalar", "vector", "tensor")


def rank_name(rank: int) -> str:
    """Return the word for a tensor rank.

    Example:
        >>> rank_name(1), rank_name(3)
        ('vector', 'rank-3 tensor')
    """
    return RANK_NAMES[rank] if rank < len(RANK_NAMES) else f"rank-{rank} tensor"


class Field(Named):
    """An unknown function, written as a bare symbol.

    Args:
        name: what the user calls it.
        rank: 0 for a scalar, 1 for a vector, 2 for a tensor; the domain decides how many components there are.
        complex: whether values are complex.

    Attributes:
        rank: as given.
        is_complex_field: as `complex`.

    Fields are equal when name, rank and kind are equal. ``u.diff(x)`` is the derivative ``dx(u)``; of a whole
    expression take `d`, `dx`, `dt` and so on, since SymPy's own ``diff`` of a sum cannot know that a field varies.

    Example:
        >>> Field("u").rank, Field("E", rank=1).rank
        (0, 1)
    """

    rank: int
    is_complex_field: bool

    def __new__(cls, name: str, rank: int = 0, complex: bool = False) -> Field:
        check_name(name, "field")
        kind = {"complex": True} if complex else {"real": True}
        field = sp.Symbol.__xnew__(cls, name, **kind)
        field.rank = int(rank)
        field.is_complex_field = bool(complex)
        return field

    def _hashable_content(self) -> tuple[Any, ...]:
        return (*super()._hashable_content(), f"rank {self.rank}")

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.name, self.rank, self.is_complex_field)

    def diff(self, *symbols: Any, **assumptions: Any) -> sp.Expr:
        """Return the derivative; by coordinates and time it stays a derivative of the field."""
        return differentiate_symbolically(self, symbols, lambda rest: super(Field, self).diff(*rest, **assumptions))

    def _latex(self, printer: Any) -> str:
        plain = printer._print_Symbol(self)
        return rf"\boldsymbol{{{plain}}}" if self.rank else str(plain)


def differentiate_symbolically(expr: sp.Expr, symbols: tuple[Any, ...], otherwise: Any) -> sp.Expr:
    """Return the derivative of a field or operator by `symbols`, keeping those by space and time unevaluated."""
    if not symbols or not isinstance(symbols[0], (Coordinate, Time)):
        return otherwise(symbols)
    from .notation import d

    order, rest = 1, symbols[1:]
    if rest and isinstance(rest[0], (int, sp.Integer)):
        order, rest = int(rest[0]), rest[1:]
    result = d(expr, symbols[0], order)
    return result.diff(*rest) if rest else result


def fields(names: str, *, complex: bool = False) -> Any:
    """Make scalar fields: one name gives one `Field`, several names a tuple.

    Args:
        names: separated by spaces or commas; ``"y1:4"`` makes y1, y2, y3.
        complex: whether values are complex (as in Schrödinger's equation).

    Raises:
        ProblemError: if a name is no identifier, or is ``t``.

    Example:
        >>> u, v = fields("u v")
        >>> psi = fields("psi", complex=True)
        >>> u.is_real, psi.is_real is None
        (True, True)
    """
    return make_symbols(names, lambda name: Field(name, 0, complex))


def vector_fields(names: str, *, complex: bool = False) -> Any:
    """Make vector fields, with one component per coordinate of the domain: ``u`` over x, y has ``u_x`` and ``u_y``.

    Example:
        >>> u = vector_fields("u")
        >>> u.rank
        1
    """
    return make_symbols(names, lambda name: Field(name, 1, complex))


def tensor_fields(names: str, *, complex: bool = False) -> Any:
    """Make rank-2 tensor fields: ``S`` over x, y has ``S_xx``, ``S_xy``, ``S_yx``, ``S_yy``.

    Example:
        >>> tensor_fields("S").rank
        2
    """
    return make_symbols(names, lambda name: Field(name, 2, complex))
