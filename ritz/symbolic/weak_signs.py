"""Signs of fluxes and rates: what "the flux" of an equation means whichever side its terms stand on."""

from __future__ import annotations

import math

import sympy as sp

from . import operators as op
from .coordinates import Coordinate, Time
from .parameters import Parameter
from .tensors import Expander
from .weak_components import push_down
from .weak_form import Geometric
from .weak_pairing import Pair

PLACE, VALUE, SLOPE, STEP = 0.37, 0.53, 0.11, 1e-3  # a generic state at which signs are read


def flux_sign(pair: Pair, outflow: sp.Expr, expander: Expander) -> int:
    """Return the sign with which the gradient of the pair's own unknown enters a normal flux; 0 if not at all.

    Args:
        pair: equation and unknown.
        outflow: ``n . F``, of the rank of the equation.
        expander: over the components of the problem.
    """
    entry, part = push_down(expander(outflow).entries[0]), pair.parts[0]
    total = 0.0
    for axis in expander.space:
        normal: dict[sp.Expr, sp.Expr] = {Geometric(f"n_{other.name}"): sp.Integer(other == axis)
                                          for other in expander.space}  # fmt: skip
        along = entry.xreplace(normal)
        if along.has(op.D(part, axis)):
            low, high = (value_at_generic_state(along.xreplace({op.D(part, axis): sp.Float(SLOPE + step)}))
                         for step in (0.0, STEP))  # fmt: skip
            total += high - low
    return 0 if total != total or abs(total) < 1e-12 else 1 if total > 0 else -1


def rate_sign(pair: Pair, expander: Expander) -> int:
    """Return the sign of the coefficient of the pair's own time derivative of highest order; 0 without any."""
    total = sp.S.Zero
    for entry, part in zip(pair.entries, pair.parts, strict=True):
        order = pair.orders(part)[0]
        if order:
            total += _coefficient(entry, op.Dt(part, order))
    return sign_at_generic_state(total)


def leading_sign(pair: Pair, expander: Expander) -> int:
    """Return the sign with which the pair's own unknown enters an algebraic equation; 1 if not at all."""
    total = sum((_coefficient(e, p) for e, p in zip(pair.entries, pair.parts, strict=True)), sp.S.Zero)
    return sign_at_generic_state(total) or 1


def _coefficient(entry: sp.Expr, of: sp.Expr) -> sp.Expr:
    place = sp.Dummy(real=True)
    return entry.xreplace({of: place}).diff(place).xreplace({place: of})


def sign_at_generic_state(e: sp.Expr) -> int:
    """Return the sign of a scalar at defaults of parameters and a generic state; 0 where it has none.

    Example:
        >>> from ritz.symbolic.fields import Field
        >>> sign_at_generic_state(-Parameter("k", 2)*(1 + Field("u")**2))
        -1
    """
    value = value_at_generic_state(e)
    return 0 if value != value else (value > 0) - (value < 0)


def value_at_generic_state(e: sp.Expr) -> float:
    """Return the value of a scalar at defaults of parameters and a generic state; not a number where it is not real.

    Example:
        >>> value_at_generic_state(Parameter("k", 2) + 1)
        3.0
    """
    slopes: dict[sp.Expr, sp.Expr] = {node: sp.Float(SLOPE) for node in e.atoms(op.D, op.Dt)}
    e = e.xreplace(slopes)
    table: dict[sp.Expr, sp.Expr] = {symbol: sp.Float(_generic(symbol)) for symbol in e.free_symbols}
    try:
        number = complex(e.xreplace(table).evalf())
    except (TypeError, ValueError, ZeroDivisionError):
        return math.nan
    return math.nan if number.imag else number.real


def _generic(symbol: sp.Symbol) -> float:
    if isinstance(symbol, Parameter):
        if symbol.default is not None:
            return symbol.default
        if symbol.bounds is not None and all(abs(b) != float("inf") for b in symbol.bounds):
            return sum(symbol.bounds) / 2
        return -1.0 if symbol.is_negative else 1.0
    return PLACE if isinstance(symbol, (Coordinate, Time)) else VALUE
