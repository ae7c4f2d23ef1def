"""From strong to weak form: multiply with a test function, integrate, and move derivatives onto it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import sympy as sp

from ..errors import UnsupportedError
from .classify import space_order
from .equation import Eq, quote, text_of
from .fields import Field
from .operators import Component, Dt
from .tensors import Expander
from .weak_fluxes import (
    Flux,
    Term,
    component_terms,
    contract,
    flux_of,
    is_rough,
    is_second_order,
    split_constant,
    split_terms,
)
from .weak_form import TestFunction
from .weak_notation import integral
from .weak_pairing import Pair, multipliers, pair_equations
from .weak_signs import flux_sign, leading_sign, rate_sign


@dataclass
class Derivation:
    """How one equation becomes weak.

    Attributes:
        pair: the equation and its unknown.
        test: what it is multiplied with: a test function or one component of it.
        kept: terms that are only multiplied.
        fluxes: terms that are integrated by parts.
        sign: the equation is multiplied by it, so that rates and diffusion come out positive.
        outflow: the natural boundary value n . F, in the user's notation; None where there is no flux.
    """

    pair: Pair
    test: sp.Expr
    kept: list[Term] = field(default_factory=list)
    fluxes: list[Flux] = field(default_factory=list)
    sign: int = 1
    outflow: sp.Expr | None = None

    def written(self, expander: Expander) -> sp.Expr:
        """Return the equation as a sum of integrals over cells."""
        total = sp.S.Zero
        for term in self.kept:
            total += self.sign * self._multiplied(term)
        for flux in self.fluxes:
            total += flux.weak(self._test(flux.part, expander), self.sign)
        return integral(total) if total != 0 else sp.S.Zero

    def _multiplied(self, term: Term) -> sp.Expr:
        scale, core = term.coefficient, term.core
        return scale * contract(core, self.test, self.pair.rank)

    def _test(self, part: tuple[int, ...] | None, expander: Expander) -> sp.Expr:
        return self.test if not part else Component(self.test, *(expander.space[i] for i in part))


def derive(
    equations: Sequence[Eq], unknowns: Sequence[Field], expander: Expander, tests: dict[Field, TestFunction]
) -> list[Derivation]:
    """Derive the weak form of strong equations.

    Args:
        equations: of the user.
        unknowns: of the problem.
        expander: over the coordinates and components of the problem, test functions included.
        tests: unknown -> its test function.

    Raises:
        UnsupportedError: for derivatives above second order, or a second derivative that cannot be moved.
    """
    for number, equation in enumerate(equations, start=1):
        _refuse_high_orders(equation, number)
    pairs = pair_equations(equations, unknowns, expander)
    pressure = multipliers(pairs)
    made = [_derivation(pair, equations, expander, tests, pressure) for pair in pairs]
    _make_symmetric(made)
    return made


def _refuse_high_orders(equation: Eq, number: int) -> None:
    order = max(space_order(equation.lhs), space_order(equation.rhs))
    if order > 2:
        raise UnsupportedError(
            f"The equation is of order {order} in space, but finite elements take orders up to two. Write it in mixed "
            f"form: add an unknown for the inner derivative, e.g. w with rz.Eq(w, rz.lap(u)), and put lap(w) where "
            f"lap(lap(u)) stands.\n{quote(equation, number)}"
        )


def _derivation(
    pair: Pair,
    equations: Sequence[Eq],
    expander: Expander,
    tests: dict[Field, TestFunction],
    pressure: frozenset[Field],
) -> Derivation:
    test: sp.Expr = tests[pair.field]
    if pair.target != pair.field:
        test = Component(test, *pair.target.args[1:])
    made = Derivation(pair, test)
    divergence = not (pair.is_constraint and not pair.holds_own)
    for term in split_terms(pair.residual):
        _sort(term, made, expander, divergence, pressure)
    for flux in made.fluxes:
        _check_coefficient(flux, pair, equations)
    _set_sign(made, expander)
    return made


def _sort(term: Term, made: Derivation, expander: Expander, divergence: bool, pressure: frozenset[Field]) -> None:
    flux = flux_of(term, made.pair.rank, expander, divergence, pressure)
    if flux is not None:
        made.fluxes.append(flux)
    elif not is_second_order(term):
        made.kept.append(term)
    else:
        for index, part in component_terms(term, expander):
            flux = flux_of(part, 0, expander, divergence, pressure)
            if flux is None:
                made.kept.append(_placed(part, index, made.pair.rank, expander))
            else:
                unit = _unit(index, expander)
                made.fluxes.append(replace(flux, outflow=flux.outflow * unit, part=index or None))


def _placed(term: Term, index: tuple[int, ...], rank: int, expander: Expander) -> Term:
    return Term(term.coefficient, term.core * _unit(index, expander)) if rank else term


def _unit(index: tuple[int, ...], expander: Expander) -> sp.Expr:
    """Return the basis tensor with a one at `index`; the number one for a scalar."""
    from .operators import Vector

    unit: sp.Expr = sp.S.One
    for i in reversed(index):
        zero = sp.S.Zero if unit == 1 else unit.func(*(sp.S.Zero for _ in unit.args))
        unit = Vector(*(unit if k == i else zero for k in range(len(expander.space))))
    return unit


def _check_coefficient(flux: Flux, pair: Pair, equations: Sequence[Eq]) -> None:
    if not is_rough(flux.coefficient):
        return
    varying = split_constant(flux.coefficient)[1]
    raise UnsupportedError(
        f"The factor {text_of(varying)} stands outside the derivative in {pair.label} and may jump in space, so that "
        "the term cannot be integrated by parts. Write the equation in divergence form, e.g. div(k*grad(u)) instead "
        f"of k*lap(u).\n{quote(equations[pair.source], pair.source + 1, varying)}"
    )


def _set_sign(made: Derivation, expander: Expander) -> None:
    """Choose the sign of the flux F, and of the equation."""
    pair = made.pair
    if not made.fluxes:
        made.sign = rate_sign(pair, expander) or leading_sign(pair, expander)
        return
    outflow = sp.Add(*(flux.coefficient * flux.outflow for flux in made.fluxes))
    sign = flux_sign(pair, outflow, expander)
    if not sign:
        rate = rate_sign(pair, expander)
        first = made.fluxes[0].coefficient
        sign = -rate if rate else -1 if first.could_extract_minus_sign() else 1
    made.sign = -sign
    made.outflow = sp.Add(*(sign * flux.coefficient * flux.outflow for flux in made.fluxes))


def _make_symmetric(made: Sequence[Derivation]) -> None:
    """Give constraints such as div(u) = 0 the sign that makes the whole system symmetric."""
    for constraint in made:
        if constraint.pair.holds_own or not constraint.pair.is_constraint or constraint.fluxes:
            continue
        own = set(constraint.pair.parts)
        for other in made:
            for flux in other.fluxes:
                if flux.multiplier and own & flux.outflow.free_symbols:
                    load = -other.sign * (-1 if flux.coefficient.could_extract_minus_sign() else 1)
                    first = next((term for term in constraint.kept if term.core.has(Field)), None)
                    if first is not None:
                        lead = -1 if first.coefficient.could_extract_minus_sign() else 1
                        constraint.sign = load * lead


def product_rule_notes(made: Sequence[Derivation]) -> list[str]:
    """Return lines about coefficients outside a derivative that vary in space."""
    lines = []
    for one in made:
        for flux in one.fluxes:
            varying = split_constant(flux.coefficient)[1]
            if varying != 1:
                shown = text_of(varying)
                inside = f"({shown})" if isinstance(varying, sp.Add) else shown
                lines.append(
                    f"{one.pair.label}: {shown} stands outside the derivative and is differentiated too "
                    f"(product rule); write div({inside}*grad(...)) if it belongs inside"
                )
    return lines


def is_evolving(pair: Pair) -> bool:
    """Tell whether a time derivative stands in an equation."""
    return any(entry.has(Dt) for entry in pair.entries)
