"""Scalar integrands brought to atoms: derivatives pushed down to the fields, values on one side of a facet."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp
from sympy.functions.elementary.piecewise import ExprCondPair

from ..errors import UnsupportedError
from . import operators as op
from .coordinates import Coordinate, Time
from .fields import Field
from .parameters import Parameter
from .weak_form import Geometric, NumberField, Restricted


def push_down(e: sp.Expr) -> sp.Expr:
    """Return `e` with every space derivative pushed down to fields by the sum, product and chain rules.

    Second derivatives are left as nodes ``D(u, x, 2)`` and ``D(D(u, x), y)``, those of rates as ``D(Dt(u), x)``.

    Raises:
        UnsupportedError: for a function whose derivative SymPy does not know.

    Example:
        >>> x, u = Coordinate("x"), Field("u")
        >>> push_down(op.D(x*u**2, x))
        u**2 + 2*u*x*dx(u)
    """
    return _PushDown()(e)


class _PushDown:
    def __init__(self) -> None:
        self.memo: dict[sp.Expr, sp.Expr] = {}

    def __call__(self, e: sp.Expr) -> sp.Expr:
        if e.is_Atom or not e.has(op.D):
            return e
        known = self.memo.get(e)
        if known is None:
            known = self.memo[e] = self._made(e)
        return known

    def _made(self, e: sp.Expr) -> sp.Expr:
        if isinstance(e, op.D):
            inner = self(e.expr)
            for _ in range(e.order):
                inner = slope(inner, e.variable)
            return inner
        args = [self(arg) if isinstance(arg, (sp.Expr, ExprCondPair)) else arg for arg in e.args]
        return e if all(new is old for new, old in zip(args, e.args, strict=True)) else e.func(*args)


def slope(e: sp.Expr, axis: Coordinate) -> sp.Expr:
    """Return the derivative along `axis` of an expression whose own derivatives are pushed down.

    Raises:
        UnsupportedError: for the normal, a value on one side of a facet, or a function SymPy cannot differentiate.

    Example:
        >>> x, u = Coordinate("x"), Field("u")
        >>> slope(sp.sin(u), x)
        cos(u)*dx(u)
    """
    if isinstance(e, Coordinate):
        return sp.Integer(int(e == axis))
    if e.is_number or isinstance(e, (Parameter, Time, NumberField)) or e == Geometric("h"):
        return sp.S.Zero
    if isinstance(e, (Geometric, Restricted)):
        raise UnsupportedError(f"{e} cannot be differentiated. Differentiate before taking sides: jump(grad(u)).")
    if isinstance(e, (Field, op.Derivative)):
        return _ordered(e, axis)
    if isinstance(e, sp.Add):
        return sp.Add(*(slope(arg, axis) for arg in e.args))
    if isinstance(e, sp.Piecewise):
        return sp.Piecewise(*(ExprCondPair(slope(value, axis), condition) for value, condition in e.args))
    if not e.has(axis, Field):
        return sp.S.Zero
    return chain_rule(e, lambda arg: slope(arg, axis), f"along {axis}")


def _ordered(e: sp.Expr, axis: Coordinate) -> sp.Expr:
    """Return ``D(e, axis)`` with nested derivatives in the order of their names, so that mixed ones are equal."""
    if isinstance(e, op.D) and isinstance(e.expr, op.D | Field) and e.variable.name > axis.name:
        return op.D(_ordered(e.expr, axis), e.variable, e.order)
    return op.D(e, axis)


def chain_rule(e: sp.Expr, inner: Callable[[sp.Expr], sp.Expr], what: str) -> sp.Expr:
    """Return the derivative of a function or product from the derivatives `inner` of its arguments.

    Raises:
        UnsupportedError: for a function whose derivative SymPy does not know.

    Example:
        >>> u = Field("u")
        >>> chain_rule(u**3, lambda arg: sp.Integer(int(arg == u)), "by u")
        3*u**2
    """
    places = [sp.Dummy(real=arg.is_real) if isinstance(arg, sp.Expr) else arg for arg in e.args]
    outside, back = e.func(*places), dict(zip(places, e.args, strict=True))
    terms = []
    for place, arg in zip(places, e.args, strict=True):
        rate = inner(arg) if isinstance(arg, sp.Expr) else sp.S.Zero
        if rate == 0:
            continue
        partial = outside.diff(place)
        if partial.has(sp.Derivative, sp.Subs):
            raise UnsupportedError(f"The derivative of {e} {what} is not known. Write it out.")
        terms.append(partial.xreplace(back) * rate)
    return sp.Add(*terms)


def restrict(e: sp.Expr, side: int) -> sp.Expr:
    """Return `e` seen from one side of an interior facet: every field, derivative and cell size becomes `Restricted`.

    The normal is one vector for both sides, the outward one of side 1.

    Args:
        e: scalar expression with derivatives pushed down.
        side: 1 or -1.

    Raises:
        UnsupportedError: if `e` has sides already.

    Example:
        >>> u = Field("u")
        >>> restrict(u*Geometric("n_x"), -1)
        n_x(+)*u(-)
    """
    if isinstance(e, Restricted):
        raise UnsupportedError(f"{e} is on one side already. Take jump, average or side once.")
    if isinstance(e, Geometric):
        if e.name == "h_facet":
            return e
        return Restricted(e, 1 if e.name.startswith("n_") else side)
    if isinstance(e, NumberField):
        return e
    if isinstance(e, (Field, op.Derivative)):
        return Restricted(e, side)
    if e.is_Atom or not e.has(Field, Geometric, Restricted):
        return e
    args = [restrict(arg, side) if isinstance(arg, (sp.Expr, ExprCondPair)) else arg for arg in e.args]
    return e.func(*args)
