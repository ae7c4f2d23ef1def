"""Tensor expressions in components: ranks are inferred, operators become derivatives of scalars.

`Expander` walks an expression once (shared sub-expressions too) and returns a `Tensor` of scalar expressions that hold
only component fields, parameters, coordinates, time, SymPy functions, ``Dt(field, n)`` and ``D(expr, x, n)``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import sympy as sp
from sympy.functions.elementary.piecewise import ExprCondPair

from ..errors import RankError
from . import operators as op
from .coordinates import Coordinate
from .derivatives import differentiate, time_derivative
from .fields import Field, rank_name

Index = tuple[int, ...]


@dataclass(frozen=True)
class Tensor:
    """Scalar entries of a tensor, last index fastest.

    Attributes:
        rank: number of indices.
        size: values each index takes.
        entries: ``size**rank`` scalar expressions.
    """

    rank: int
    size: int
    entries: tuple[sp.Expr, ...]

    def __getitem__(self, index: Index) -> sp.Expr:
        place = 0
        for i in index:
            place = place * self.size + i
        return self.entries[place]

    @classmethod
    def build(cls, rank: int, size: int, entry: Callable[[Index], sp.Expr]) -> Tensor:
        """Make a tensor from a rule for its entries."""
        return cls(rank, size, tuple(entry(index) for index in indices(rank, size)))

    def map(self, change: Callable[[sp.Expr], sp.Expr]) -> Tensor:
        """Return the tensor with `change` applied to every entry."""
        return Tensor(self.rank, self.size, tuple(change(entry) for entry in self.entries))

    @property
    def is_zero(self) -> bool:
        """Whether every entry is the number zero."""
        return all(entry.is_Number and entry == 0 for entry in self.entries)


def indices(rank: int, size: int) -> Iterator[Index]:
    """Return all indices of a tensor, last index fastest."""
    return itertools.product(range(size), repeat=rank)


class Expander:
    """Turns tensor expressions over given coordinates into components.

    Args:
        space: the coordinates of the domain; empty for ODEs.
        components: user field -> its component fields.

    Example:
        >>> from ritz.symbolic.notation import div
        >>> from ritz.symbolic.coordinates import coords
        >>> from ritz.symbolic.fields import fields, vector_fields
        >>> u = vector_fields("u")
        >>> expander = Expander(coords("x y"), {u: fields("u_x u_y")})
        >>> expander(div(u)).entries
        (dx(u_x) + dy(u_y),)
    """

    def __init__(self, space: tuple[Coordinate, ...], components: Mapping[Field, tuple[Field, ...]]) -> None:
        self.space = space
        self.components = components
        self._memo: dict[sp.Expr, Tensor] = {}
        self._plain = not any(field.rank or field.is_complex_field for field in components)

    def __call__(self, expr: sp.Expr) -> Tensor:
        """Return the components of `expr`.

        Raises:
            RankError: if ranks do not fit; ``error.part`` is the offending sub-expression.
        """
        known = self._memo.get(expr)
        if known is None:
            known = self._memo[expr] = self._expand(expr)
        return known

    def whole(self, expr: sp.Expr) -> Tensor:
        """Return the components of one side of an equation; quick where it holds real scalars without operators."""
        return self.scalar(expr) if self._plain and not expr.has(op.Operator) else self(expr)

    def _expand(self, e: sp.Expr) -> Tensor:
        if isinstance(e, Field):
            return Tensor(e.rank, len(self.space), self.components.get(e, (e,)))
        if e.is_Atom:
            return self.scalar(e)
        if isinstance(e, op.Operator):
            from .tensor_operators import RULES

            return RULES[type(e)](self, e)
        if isinstance(e, sp.Add):
            return self._sum(e)
        if isinstance(e, sp.Mul):
            return self._product(e)
        return self._function(e)

    def scalar(self, e: sp.Expr) -> Tensor:
        """Return `e` as a tensor of rank 0."""
        return Tensor(0, len(self.space), (e,))

    def needs_space(self, e: sp.Expr) -> None:
        """Raise unless there are coordinates, which `e` needs."""
        if not self.space:
            raise located(f"{e} needs a domain. Add domain=rz.Interval(0, L) or domain=rz.Box(x=(0, L), y=(0, L)).", e)

    def _sum(self, e: sp.Add) -> Tensor:
        terms = [(arg, self(arg)) for arg in e.args]
        first, rank = terms[0][0], terms[0][1].rank
        for arg, value in terms[1:]:
            if value.rank != rank:
                a, b = sorted([(rank, first), (value.rank, arg)], key=lambda pair: pair[0])
                raise located(
                    f"Cannot add the {rank_name(a[0])} {a[1]} to the {rank_name(b[0])} {b[1]}. "
                    f"Give every term the same rank{_add_hint(a[1], b[0])}.",
                    a[1],
                )
        if rank == 0:
            return self.scalar(self._rebuilt(e, [value.entries[0] for _, value in terms]))
        return Tensor.build(rank, len(self.space), lambda index: sp.Add(*(value[index] for _, value in terms)))

    def _product(self, e: sp.Mul) -> Tensor:
        factors = [(arg, self(arg)) for arg in e.args]
        tensors = [(arg, value) for arg, value in factors if value.rank]
        if not tensors:
            return self.scalar(self._rebuilt(e, [value.entries[0] for _, value in factors]))
        if len(tensors) > 1:
            (a, _), (b, _) = tensors[:2]
            raise located(
                f"The product of the {rank_name(tensors[0][1].rank)} {a} and the {rank_name(tensors[1][1].rank)} {b} "
                f"is not defined. Write dot({a}, {b}), cross({a}, {b}) or outer({a}, {b}).",
                e,
            )
        scale = sp.Mul(*(value.entries[0] for _, value in factors if not value.rank))
        return tensors[0][1].map(lambda entry: scale * entry)

    def _function(self, e: sp.Expr) -> Tensor:
        """Powers and functions take scalars only."""
        values = []
        for arg in e.args:
            if isinstance(arg, ExprCondPair):
                values.append(ExprCondPair(self._scalar_value(arg.args[0], e), arg.args[1]))
            elif isinstance(arg, sp.Expr):
                values.append(self._scalar_value(arg, e))
            else:
                values.append(arg)
        return self.scalar(squared_modulus(self._rebuilt(e, values)))

    def _scalar_value(self, arg: sp.Expr, e: sp.Expr) -> sp.Expr:
        value = self(arg)
        if value.rank == 0:
            return value.entries[0]
        if isinstance(e, sp.Pow) and arg == e.base:
            fix = f"Write dot({arg}, {arg}) for its square."
        elif isinstance(e, sp.Abs):
            fix = f"Write sqrt(dot({arg}, {arg})) for its length."
        else:
            fix = "Functions act on scalars; take components with component(...)."
        raise located(f"{e} is not defined for the {rank_name(value.rank)} {arg}. {fix}", e)

    @staticmethod
    def _rebuilt(e: sp.Expr, args: list[sp.Basic]) -> sp.Expr:
        """Return `e` with other arguments, or `e` itself where nothing changed."""
        if all(new is old or new == old for new, old in zip(args, e.args, strict=True)):
            return e
        return e.func(*args)

    def derivative(self, e: sp.Expr, axis: Coordinate, order: int = 1) -> sp.Expr:
        """Return the derivative of one scalar entry along `axis`."""
        return differentiate(e, axis, order, self.space)

    def in_time(self, e: sp.Expr, order: int) -> sp.Expr:
        """Return the time derivative of one scalar entry."""
        for _ in range(order):
            e = time_derivative(e)
        return e


def squared_modulus(e: sp.Expr) -> sp.Expr:
    """Return ``Abs(z)**(2k)`` as the polynomial ``(z*conjugate(z))**k``; anything else unchanged.

    Example:
        >>> squared_modulus(sp.Abs(Field("psi", complex=True))**2)
        psi*conjugate(psi)
    """
    if isinstance(e, sp.Pow) and isinstance(e.base, sp.Abs) and e.exp.is_integer and e.exp.is_even:
        z = e.base.args[0]
        return (z * sp.conjugate(z)) ** (e.exp / 2)
    return e


def located(message: str, part: sp.Basic) -> RankError:
    """Return a `RankError` that remembers the sub-expression it is about."""
    error = RankError(message)
    error.part = part  # type: ignore[attr-defined]
    return error


def _add_hint(small: sp.Expr, rank: int) -> str:
    if rank == 1 and isinstance(small, Field):
        return f", e.g. grad({small}) instead of {small}"
    return f", e.g. {small}*identity()" if rank == 2 else ""
