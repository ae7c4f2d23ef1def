"""Terms of strong equations, and what integration by parts makes of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sympy as sp

from . import operators as op
from .classify import differentiates, space_order
from .coordinates import Coordinate
from .fields import Field
from .mesh_operators import Normal
from .tensors import Expander, indices

SLOPES = (op.D, op.Lap, op.Grad, op.Div, op.Curl)
ROUGH = (sp.Piecewise, sp.Heaviside, sp.Abs, sp.sign, sp.Max, sp.Min, sp.floor, sp.ceiling)


@dataclass(frozen=True)
class Term:
    """A term ``coefficient * core`` of an equation; the coefficient is a scalar."""

    coefficient: sp.Expr
    core: sp.Expr

    @property
    def whole(self) -> sp.Expr:
        """The term."""
        return self.coefficient * self.core


@dataclass(frozen=True)
class Flux:
    """A term ``coefficient * (derivative of a flux)`` that is integrated by parts.

    ``integral of term . v = boundary integral of coefficient * (outflow . v) - integral of inside(coefficient * v)``.

    Attributes:
        coefficient: scalar factor outside the derivative.
        outflow: the normal component of the flux, of the rank of the equation.
        inside: test expression -> the flux contracted with its derivative.
        part: index of the component of the test function that the term is multiplied with; None for all.
        multiplier: whether it is the gradient of an unknown that acts as a multiplier.
    """

    coefficient: sp.Expr
    outflow: sp.Expr
    inside: Callable[[sp.Expr], sp.Expr]
    part: tuple[int, ...] | None = None
    multiplier: bool = False

    def weak(self, test: sp.Expr, sign: int) -> sp.Expr:
        """Return ``-sign * inside(coefficient * test)``, constants taken out."""
        constant, varying = split_constant(self.coefficient)
        return (-sign * constant) * self.inside(varying * test)


def split_constant(coefficient: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Return the factors of a coefficient that are constant in space, and the others.

    Example:
        >>> x, u, k = Coordinate("x"), Field("u"), sp.Symbol("k")
        >>> split_constant(2*k*x*u)
        (2*k, u*x)
    """
    constant, varying = coefficient.as_independent(Field, Coordinate, op.Operator, as_Add=False)
    return (-constant, -varying) if varying.could_extract_minus_sign() else (constant, varying)


def split_terms(e: sp.Expr) -> Iterator[Term]:
    """Yield the terms of a sum; products are multiplied out only where a factor is a sum with derivatives in it.

    Example:
        >>> u, k = Field("u"), sp.Symbol("k")
        >>> [str(term.whole) for term in split_terms(k*(op.Lap(u) - u) + (1 + u)**2)]
        ['(u + 1)**2', '-k*u', 'k*lap(u)']
    """
    stack: list[tuple[sp.Expr, sp.Expr]] = [(sp.S.One, e)]
    while stack:
        scale, e = stack.pop()
        if isinstance(e, sp.Add):
            stack.extend((scale, arg) for arg in reversed(e.args))
            continue
        factors = list(sp.Mul.make_args(e))
        place = next((k for k, f in enumerate(factors) if _is_core(f)), None)
        if place is None:
            yield Term(scale, e)
            continue
        core = factors.pop(place)
        scale = scale * sp.Mul(*factors)
        if isinstance(core, sp.Add):
            stack.extend((scale, arg) for arg in reversed(core.args))
        else:
            yield Term(scale, core)


def _is_core(factor: sp.Expr) -> bool:
    return isinstance(factor, (*SLOPES, sp.Add)) and differentiates(factor)


def is_rough(coefficient: sp.Expr) -> bool:
    """Tell whether a coefficient may jump, so that its derivative would lose the jump."""
    return bool(split_constant(coefficient)[1].has(*ROUGH))


def contract(a: sp.Expr, b: sp.Expr, rank: int) -> sp.Expr:
    """Return the full contraction of two tensors of one rank, written as a user would."""
    return a * b if rank == 0 else _scaled(op.Dot if rank == 1 else op.Inner, a, b)


def _scaled(node: type[op.Operator], a: sp.Expr, b: sp.Expr) -> sp.Expr:
    """Return ``node(a, b)`` of a bilinear operator, plain scalar factors taken out."""
    scalars, left = _factors(a)
    more, right = _factors(b)
    return sp.Mul(*scalars, *more) * node(left, right)


def _factors(e: sp.Expr) -> tuple[list[sp.Expr], sp.Expr]:
    """Return scalar factors that are plainly scalars, and the rest."""
    factors = sp.Mul.make_args(e)
    plain = [f for f in factors if not f.has(op.Operator) and not any(getattr(s, "rank", 0) for s in f.free_symbols)]
    return plain, sp.Mul(*(f for f in factors if f not in plain))


def flux_of(term: Term, rank: int, expander: Expander, divergence: bool, pressure: frozenset[Field]) -> Flux | None:
    """Return the flux of a term of an equation of some rank, or None where the term stays as it is.

    Args:
        term: as `split_terms` gives it.
        rank: of the equation.
        expander: over the components of the problem.
        divergence: whether a first-order div(F) is integrated by parts.
        pressure: component fields that act as multipliers.
    """
    core, c, n = term.core, term.coefficient, Normal()
    if not isinstance(core, SLOPES) or not core.has(Field):
        return None
    a = core.args[0]
    inner = differentiates(a)
    loaded = not inner and _holds_only(expander(a).entries, pressure)
    if isinstance(core, op.Lap):
        g = op.Grad(a)
        return Flux(c, op.Dot(n, g), lambda v: contract(g, op.Grad(v), rank + 1))
    if isinstance(core, op.Div) and (inner or divergence):
        return Flux(c, _scaled(op.Dot, n, a), lambda v: contract(a, op.Grad(v), rank + 1))
    if isinstance(core, op.Curl) and inner:
        inside_rank = expander(a).rank
        return Flux(c, _scaled(op.Cross, n, a), lambda v: -contract(a, op.Curl(v), inside_rank))
    if isinstance(core, op.Grad) and (inner or loaded):
        outflow = a * n if rank == 1 else op.Outer(n, a)
        return Flux(c, outflow, lambda v: contract(a, op.Div(v), rank - 1), multiplier=loaded)
    if isinstance(core, op.D) and (core.order > 1 or inner or loaded):
        axis, flux = core.variable, op.D(a, core.variable, core.order - 1)
        outflow = op.Component(n, axis) * flux
        return Flux(c, outflow, lambda v: contract(flux, op.D(v, axis), rank), multiplier=loaded)
    return None


def _holds_only(entries: tuple[sp.Expr, ...], pressure: frozenset[Field]) -> bool:
    fields = {symbol for entry in entries for symbol in entry.free_symbols if isinstance(symbol, Field)}
    return bool(fields) and fields <= pressure


def component_terms(term: Term, expander: Expander) -> Iterator[tuple[tuple[int, ...], Term]]:
    """Yield the terms of the components of a term: index and ``coefficient * D(flux, x)``."""
    value = expander(term.whole)
    for index in indices(value.rank, value.size):
        for part in split_terms(sp.expand_mul(value[index])):
            yield index, part


def is_second_order(term: Term) -> bool:
    """Tell whether second derivatives of fields may stand in a term.

    Example:
        >>> is_second_order(Term(sp.S.One, op.Component(op.Lap(Field("u", 1)), Coordinate("x"))))
        True
    """
    return term.core.has(Field) and space_order(term.whole) > 1 and differentiates(term.whole)
