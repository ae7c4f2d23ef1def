"""Linear, nonlinear and source parts of expressions, and the symbols of linear operators.

Nothing is expanded further than needed, so a sum of many products stays readable and cheap.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

import sympy as sp

from . import operators as op
from .coordinates import Coordinate, Time
from .fields import Field

LINEAR = (op.Lap, op.Grad, op.Div, op.Curl, op.Sym, op.Trace, op.Transpose, op.Component)
BILINEAR = (op.Dot, op.Inner, op.Cross, op.Outer)
MOST_EXPANDED_POWER = 6
ORDERS: dict[type, int] = {op.Lap: 2, op.Grad: 1, op.Div: 1, op.Curl: 1}


class Parts(NamedTuple):
    """An expression taken apart: ``linear + nonlinear + source`` equals it.

    Attributes:
        linear: linear in the fields, with coefficients free of them.
        nonlinear: everything else that depends on the fields.
        source: free of the fields.
    """

    linear: sp.Expr
    nonlinear: sp.Expr
    source: sp.Expr


ZERO = Parts(sp.S.Zero, sp.S.Zero, sp.S.Zero)


def split_linear(expr: sp.Expr, fields: Collection[Field]) -> Parts:
    """Split `expr` into parts that are linear in `fields`, nonlinear, and free of them.

    Products are multiplied out only where a factor holds a part free of the fields. A complex conjugate counts as
    nonlinear, since it is not linear over the complex numbers.

    Args:
        expr: scalar, vector or tensor expression of the language.
        fields: with respect to which linearity is meant; other fields count as coefficients.

    Returns:
        (linear, nonlinear, source).

    Example:
        >>> u, F = Field("u"), sp.Symbol("F")
        >>> split_linear(op.Lap(u) - u**3 + F*(1 - u), [u])
        Parts(linear=-F*u + lap(u), nonlinear=-u**3, source=F)
        >>> split_linear(u*(1 - u), [u])
        Parts(linear=u, nonlinear=-u**2, source=0)
    """
    return _Splitter(frozenset(fields)).split(expr)


class _Splitter:
    def __init__(self, fields: frozenset[Field]) -> None:
        self.fields = fields
        self.memo: dict[sp.Expr, Parts] = {}

    def split(self, e: sp.Expr) -> Parts:
        parts = self.memo.get(e)
        if parts is None:
            parts = self.memo[e] = self._split(e)
        return parts

    def _split(self, e: sp.Expr) -> Parts:
        if e in self.fields:
            return Parts(e, sp.S.Zero, sp.S.Zero)
        if self.fields.isdisjoint(e.free_symbols):
            return Parts(sp.S.Zero, sp.S.Zero, e)
        if isinstance(e, sp.Add):
            return Parts(*(sp.Add(*column) for column in zip(*map(self.split, e.args), strict=True)))
        if isinstance(e, sp.Mul):
            return self._product(e)
        if isinstance(e, sp.Pow) and e.exp.is_Integer and 2 <= int(e.exp) <= MOST_EXPANDED_POWER:
            base = self.split(e.base)
            return self._fold([base] * int(e.exp)) if base.source != 0 else Parts(sp.S.Zero, e, sp.S.Zero)
        if isinstance(e, op.Derivative):
            return Parts(*(_applied(part, e) for part in self.split(e.expr)))
        if isinstance(e, LINEAR):
            return Parts(*(_applied(part, e) for part in self.split(e.args[0])))
        if isinstance(e, op.Vector):
            rows = [self.split(arg) for arg in e.args]
            return Parts(*(sp.S.Zero if not any(c) else op.Vector(*c) for c in zip(*rows, strict=True)))
        if isinstance(e, BILINEAR):
            return self._bilinear(e)
        return Parts(sp.S.Zero, e, sp.S.Zero)

    def _product(self, e: sp.Mul) -> Parts:
        constant = [arg for arg in e.args if self.fields.isdisjoint(arg.free_symbols)]
        varying = [self.split(arg) for arg in e.args if not self.fields.isdisjoint(arg.free_symbols)]
        scale = sp.Mul(*constant)
        if len(varying) > 1 and all(part.source == 0 for part in varying):
            return Parts(sp.S.Zero, e, sp.S.Zero)
        folded = self._fold(varying)
        if folded.linear == 0 and folded.source == 0:
            return Parts(sp.S.Zero, e, sp.S.Zero)
        return Parts(*(_scaled(scale, part) for part in folded))

    @staticmethod
    def _fold(factors: list[Parts]) -> Parts:
        """Multiply several split factors."""
        total = factors[0]
        for f in factors[1:]:
            linear = total.linear * f.source + total.source * f.linear
            nonlinear = (
                (total.linear + total.nonlinear) * (f.linear + f.nonlinear)
                + _scaled(f.source, total.nonlinear)
                + _scaled(total.source, f.nonlinear)
            )
            total = Parts(linear, nonlinear, total.source * f.source)
        return total

    def _bilinear(self, e: sp.Expr) -> Parts:
        a, b = (self.split(arg) for arg in e.args)
        if a.source == 0 and b.source == 0:
            return Parts(sp.S.Zero, e, sp.S.Zero)

        def join(left: sp.Expr, right: sp.Expr) -> sp.Expr:
            return sp.S.Zero if left == 0 or right == 0 else e.func(left, right)

        nonlinear = (
            join(a.linear + a.nonlinear, b.linear + b.nonlinear)
            + join(a.nonlinear, b.source)
            + join(a.source, b.nonlinear)
        )
        return Parts(join(a.linear, b.source) + join(a.source, b.linear), nonlinear, join(a.source, b.source))


def _applied(part: sp.Expr, e: sp.Expr) -> sp.Expr:
    return sp.S.Zero if part == 0 else e.func(part, *e.args[1:])


def _scaled(scale: sp.Expr, part: sp.Expr) -> sp.Expr:
    """Multiply term by term, so that sums stay sums."""
    if isinstance(part, sp.Add):
        return sp.Add(*(scale * term for term in part.args))
    return scale * part


@dataclass(frozen=True)
class LinearTerm:
    """One term ``coefficient * dt^time d^orders field`` of a linear scalar expression.

    Attributes:
        field: the scalar field.
        orders: coordinate -> order of the derivative, sorted by name, zero orders left out.
        time: order of the time derivative.
        coefficient: free of fields and coordinates.
    """

    field: Field
    orders: tuple[tuple[Coordinate, int], ...]
    time: int
    coefficient: sp.Expr

    @property
    def order(self) -> int:
        """Total order in space."""
        return sum(n for _, n in self.orders)


def linear_terms(linear: sp.Expr) -> list[LinearTerm] | None:
    """Return the terms of a linear scalar expression in component form, or None if a coefficient varies in space.

    Args:
        linear: as found by `split_linear`, of `D`, `Dt` and scalar fields.

    Example:
        >>> x, u = Coordinate("x"), Field("u")
        >>> [term] = linear_terms(3*op.D(2*op.D(u, x), x))
        >>> term.coefficient, term.order
        (6, 2)
    """
    table = _collect(linear)
    if table is None:
        return None
    return [LinearTerm(f, orders, time, c) for (f, orders, time), c in table.items() if c != 0]


_Table = dict[tuple[Field, tuple[tuple[Coordinate, int], ...], int], sp.Expr]


def _collect(e: sp.Expr) -> _Table | None:
    if e == 0:
        return {}
    if isinstance(e, Field):
        return {(e, (), 0): sp.S.One}
    if isinstance(e, sp.Add):
        return _added([_collect(arg) for arg in e.args])
    if isinstance(e, sp.Mul):
        scale, rest = e.as_independent(Field, op.Operator, as_Add=False)
        if rest == e or scale.has(Coordinate):
            return None
        inner = _collect(rest)
        return None if inner is None else {key: scale * c for key, c in inner.items()}
    if isinstance(e, op.Derivative):
        inner = _collect(e.expr)
        if inner is None:
            return None
        if isinstance(e, op.Dt):
            if any(c.has(Time) for c in inner.values()):
                return None
            return {(f, orders, time + e.order): c for (f, orders, time), c in inner.items()}
        assert isinstance(e, op.D)
        return {(f, _raised(orders, e), time): c for (f, orders, time), c in inner.items()}
    return None


def _raised(orders: tuple[tuple[Coordinate, int], ...], e: op.D) -> tuple[tuple[Coordinate, int], ...]:
    table = dict(orders)
    table[e.variable] = table.get(e.variable, 0) + e.order
    return tuple(sorted(table.items(), key=lambda item: item[0].name))


def _added(tables: list[_Table | None]) -> _Table | None:
    total: _Table = {}
    for table in tables:
        if table is None:
            return None
        for key, c in table.items():
            total[key] = total.get(key, sp.S.Zero) + c
    return total


def space_order(e: sp.Expr) -> int:
    """Return the highest total order of space derivatives in `e`, nested ones added up.

    Example:
        >>> space_order(op.Lap(op.Lap(Field("u"))) + op.D(Field("u"), Coordinate("x")))
        4
    """
    inside = max((space_order(arg) for arg in e.args if isinstance(arg, sp.Basic)), default=0)
    if isinstance(e, op.D):
        return inside + e.order
    if isinstance(e, op.Lap):
        return inside + 2
    return inside + 1 if isinstance(e, (op.Grad, op.Div, op.Curl)) else inside


def orders_of(expr: sp.Expr, field: Field) -> tuple[int, int]:
    """Return the highest orders in time and space of derivatives of anything with `field` in it.

    Example:
        >>> u = Field("u")
        >>> orders_of(op.Dt(u, 2) - op.Lap(u), u)
        (2, 2)
    """
    if not expr.args or not expr.has(field):
        return 0, 0
    inner = [orders_of(arg, field) for arg in expr.args]
    in_time, in_space = max(m for m, _ in inner), max(n for _, n in inner)
    own = expr.order if isinstance(expr, op.D) else ORDERS.get(type(expr), 0)
    return in_time + (expr.order if isinstance(expr, op.Dt) else 0), in_space + own


def differentiates(expr: sp.Expr) -> bool:
    """Tell whether a space derivative of something with a field in it stands in `expr`.

    Example:
        >>> differentiates(op.Grad(Field("u"))), differentiates(op.Grad(Coordinate("x")))
        (True, False)
    """
    return any(node.has(Field) for node in expr.atoms(op.D, *ORDERS))
