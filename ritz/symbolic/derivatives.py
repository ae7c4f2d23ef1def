"""Derivatives of scalar expressions in component form.

Space derivatives of anything with a field stay nodes, brought into one order so that equal mixed derivatives are equal
expressions. Time derivatives are pushed down to the fields by the product and chain rules.
"""

from __future__ import annotations

import sympy as sp
from sympy.functions.elementary.piecewise import ExprCondPair

from ..errors import UnsupportedError
from . import operators as op
from .coordinates import Coordinate, Time, t
from .fields import Field
from .parameters import Parameter


def differentiate(e: sp.Expr, axis: Coordinate, order: int, space: tuple[Coordinate, ...]) -> sp.Expr:
    """Return ``D(e, axis, order)`` with nested derivatives in the order of `space`, constant factors taken out.

    Example:
        >>> x, y = Coordinate("x"), Coordinate("y")
        >>> differentiate(op.D(Field("u"), y), x, 1, (x, y))
        dy(dx(u))
    """
    if isinstance(e, sp.Mul):
        constant, rest = e.as_independent(Field, op.Operator, *space, as_Add=False)
        if constant is not sp.S.One:
            return constant * differentiate(rest, axis, order, space)
    if isinstance(e, op.D) and space.index(e.variable) > space.index(axis):
        return op.D(differentiate(e.expr, axis, order, space), e.variable, e.order)
    return op.D(e, axis, order)


def time_derivative(e: sp.Expr) -> sp.Expr:
    """Return d/dt of a scalar expression; fields become ``Dt(field, n)``.

    Raises:
        UnsupportedError: for a function whose derivative SymPy does not know.

    Example:
        >>> u = Field("u")
        >>> time_derivative(t*u**2)
        2*t*u*dt(u) + u**2
    """
    if isinstance(e, Time):
        return sp.S.One
    if e.is_number or isinstance(e, (Coordinate, Parameter)):
        return sp.S.Zero
    if isinstance(e, (Field, op.Dt)):
        return op.Dt(e)
    if isinstance(e, op.D):
        inner = time_derivative(e.expr)
        return op.D(inner, e.variable, e.order)
    if isinstance(e, sp.Add):
        return sp.Add(*map(time_derivative, e.args))
    if isinstance(e, sp.Piecewise):
        return sp.Piecewise(*(ExprCondPair(time_derivative(value), condition) for value, condition in e.args))
    if not has_time_dependence(e):
        return sp.S.Zero
    return _chain_rule(e)


def has_time_dependence(e: sp.Expr) -> bool:
    """Tell whether `e` varies in time, directly or through a field."""
    return e.has(t, Field)


def _chain_rule(e: sp.Expr) -> sp.Expr:
    places = [sp.Dummy(real=arg.is_real) for arg in e.args]
    outside = e.func(*places)
    terms = []
    for place, arg in zip(places, e.args, strict=True):
        rate = time_derivative(arg)
        if rate == 0:
            continue
        slope = outside.diff(place)
        if slope.has(sp.Derivative):
            raise UnsupportedError(f"The time derivative of {e} is not known. Write it out in the equation.")
        terms.append(slope.subs(dict(zip(places, e.args, strict=True))) * rate)
    return sp.Add(*terms)
