"""Checks of one integrand: linear in test functions, orders of derivatives, atoms that its place allows."""

from __future__ import annotations

import sympy as sp

from ..errors import ProblemError, UnsupportedError
from .equation import text_of
from .fields import Field
from .operators import D, Dt
from .weak_form import Geometric, NumberField, Restricted, TestFunction
from .weak_integrals import atoms_of_tests
from .weak_notation import PLACES, IntegralTerm


def check_integrand(integrand: sp.Expr, term: IntegralTerm, derived: bool = False) -> None:
    """Raise unless an integrand is linear in test functions and has the atoms that its place allows.

    Second derivatives are those inside every cell. Typed in a weak form they mean what the user wants, e.g. a residual
    that stabilises; left over from a strong equation they would not, as they miss the jumps of the gradient.

    Args:
        integrand: scalar, derivatives pushed down to fields.
        term: the integral as written, for the place and the message.
        derived: whether it comes from a strong equation.

    Raises:
        ProblemError, UnsupportedError: shows the integral.
    """
    _check_derivatives(integrand, term, derived)
    _check_place(integrand, term)
    _check_linear(integrand, term)


def _in(term: IntegralTerm) -> str:
    return f"\nIn {text_of(term)}"


def _check_derivatives(integrand: sp.Expr, term: IntegralTerm, derived: bool) -> None:
    for node in sorted(integrand.atoms(D), key=str):
        inner, order = node, 0
        while isinstance(inner, D):
            inner, order = inner.expr, order + inner.order
        if isinstance(inner, Dt):
            raise UnsupportedError(
                f"{node} is the space derivative of a rate, which a weak form of first order in time cannot hold. "
                f"Add an unknown for {inner}.{_in(term)}"
            )
        if order > 2:
            raise UnsupportedError(
                f"{node} is a derivative of order {order}, but an integrand holds first and second derivatives. "
                f"Integrate by parts, or add an unknown for the inner derivative.{_in(term)}"
            )
        if order > 1 and derived:
            raise UnsupportedError(
                f"{node} is a second derivative that cannot be integrated by parts. Write the equation in divergence "
                f"form, add an unknown for the inner derivative, or write the weak form yourself.{_in(term)}"
            )


def _check_place(integrand: sp.Expr, term: IntegralTerm) -> None:
    over = term.measure.over
    if over != "facets" and integrand.has(Restricted):
        raise ProblemError(
            f"jump, average and side compare two cells, so they belong to interior facets: write "
            f"rz.integral(..., over='facets') instead of {PLACES[over]}.{_in(term)}"
        )
    if over == "cells":
        for symbol in sorted(integrand.free_symbols, key=str):
            if isinstance(symbol, Geometric) and symbol.name != "h":
                what = "The size of a facet" if symbol.name == "h_facet" else "The normal"
                raise ProblemError(
                    f"{what} exists on facets only, not inside cells. Write over='boundary' or over='facets'."
                    f"{_in(term)}"
                )
    loose = _loose(integrand) if over == "facets" else None
    if loose is not None:
        raise ProblemError(
            f"{loose} has two values on an interior facet. Write jump({loose}), average({loose}) or "
            f"side({loose}, '+').{_in(term)}"
        )


def _loose(integrand: sp.Expr) -> sp.Basic | None:
    """Return a field that stands on an interior facet without side."""
    stack: list[sp.Basic] = [integrand]
    while stack:
        node = stack.pop()
        if isinstance(node, (Restricted, NumberField)) or (
            isinstance(node, TestFunction) and isinstance(node.of, NumberField)
        ):
            continue
        if isinstance(node, Field) or node == Geometric("h"):
            return node
        stack.extend(node.args)
    return None


def _check_linear(integrand: sp.Expr, term: IntegralTerm) -> None:
    atoms = sorted(atoms_of_tests(integrand), key=str)
    places: dict[sp.Expr, sp.Expr] = {atom: sp.Dummy(real=True) for atom in atoms}
    marked, dummies = integrand.xreplace(places), set(places.values())
    if _is_linear(marked, dummies):
        return
    marked = sp.expand(marked)
    nothing: dict[sp.Expr, sp.Expr] = dict.fromkeys(dummies, sp.S.Zero)
    rest = marked.xreplace(nothing)
    if rest != 0:
        raise ProblemError(
            f"The term {text_of(rest)} holds no test function, but every term of a weak form is multiplied with one."
            f"{_in(term)}"
        )
    for atom, place in places.items():
        if marked.diff(place).free_symbols & dummies:
            test = next(symbol for symbol in atom.free_symbols if isinstance(symbol, TestFunction))
            raise ProblemError(
                f"The integrand is not linear in the test function {test}. A test function stands once, as a factor, "
                f"in every term.{_in(term)}"
            )


def _is_linear(e: sp.Expr, dummies: set[sp.Expr]) -> bool:
    """Tell whether every term is one of `dummies` times what is free of them, as far as is seen without expanding."""
    if e in dummies:
        return True
    if isinstance(e, sp.Add):
        return all(_is_linear(arg, dummies) for arg in e.args)
    if isinstance(e, sp.Mul):
        holding = [factor for factor in e.args if factor.free_symbols & dummies]
        return len(holding) == 1 and _is_linear(holding[0], dummies)
    return e == 0
