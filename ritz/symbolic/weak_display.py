"""Weak forms as text and LaTeX, in the notation of the user."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import sympy as sp

from .boundary_conditions import Label, label_text
from .equation import text_of
from .weak_form import TestFunction, WeakForm

if TYPE_CHECKING:
    from .weak_notation import IntegralTerm

DOMAINS = {"cells": r"\Omega", "boundary": r"\partial\Omega", "facets": r"\mathcal{F}"}
PARTS = {"cells": r"\Omega", "boundary": r"\Gamma", "facets": r"\mathcal{F}"}
ELEMENTS = {"cells": r"\mathrm{d}x", "boundary": r"\mathrm{d}s", "facets": r"\mathrm{d}S"}


def integral_latex(term: IntegralTerm, printer: Any) -> str:
    """Return the LaTeX of one integral."""
    measure = term.measure
    place = DOMAINS[measure.over]
    if measure.on != (None,):
        names = r"\cup ".join(f"{PARTS[measure.over]}_{{{_label_latex(label)}}}" for label in measure.on)
        place = names
    integrand = printer._print(term.integrand)
    if isinstance(term.integrand, sp.Add):
        integrand = rf"\left({integrand}\right)"
    return rf"\int_{{{place}}} {integrand} \,{ELEMENTS[measure.over]}"


def _label_latex(label: Label) -> str:
    text = label if isinstance(label, str) else label_text(label)
    return r"\text{" + text.replace("_", r"\_") + "}"


def weak_text(form: WeakForm) -> str:
    """Return the weak form as lines of text."""
    lines = [f"Find {', '.join(map(str, form.unknowns[: len(form.unknowns) - len(form.rates)]))} such that"]
    lines += [f"  {_sum(_ordered(equation), text_of)} = 0 for all {_tests_in(equation)}" for equation in form.written]
    lines += [f"  {rate} = dt({unknown})" for unknown, rate in form.rates.items()]
    lines += [f"  {line}" for line in (*form.conditions, *form.natural)]
    return "\n".join(lines)


def weak_card(form: WeakForm) -> tuple[str, ...]:
    """Return the lines about a weak form that the card of a problem shows: pairing, equations, conditions."""
    equations = (f"{_sum(_ordered(e), text_of)} = 0 for all {_tests_in(e)}" for e in form.written)
    return (*form.pairing, *equations, *form.conditions, *form.natural)


def weak_latex(form: WeakForm) -> str:
    """Return the weak form as one display formula, with the conditions in words."""
    rows = [
        rf"{_sum(_ordered(equation), sp.latex)} &= 0 \quad \forall\, {_tests_in(equation, latex=True)}"
        for equation in form.written
    ]
    rows += [rf"{sp.latex(rate)} &= \frac{{\partial {sp.latex(unknown)}}}{{\partial t}}"
             for unknown, rate in form.rates.items()]  # fmt: skip
    rows += [rf"&\text{{{_plain(line)}}}" for line in (*form.conditions, *form.natural)]
    return "$$\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}$$"


def _ordered(equation: sp.Expr) -> list[sp.Expr]:
    """Return the integrals of an equation: over cells first, then facets, then the boundary."""
    order = ("cells", "facets", "boundary")
    return sorted(sp.Add.make_args(equation), key=lambda term: (order.index(term.measure.over), text_of(term.measure)))


def _sum(terms: list[sp.Expr], show: Callable[[sp.Expr], str]) -> str:
    """Return a sum of integrals, a minus sign in front of those whose integrand starts with one."""
    text = ""
    for term in terms:
        negative = bool(text) and term.integrand.could_extract_minus_sign()
        shown = show(term.func(-term.integrand, term.measure) if negative else term)
        text += f" {'-' if negative else '+'} {shown}" if text else shown
    return text


def _plain(line: str) -> str:
    for character in "\\{}_^#&%$":
        line = line.replace(character, {"\\": "", "^": r"\^{}"}.get(character, "\\" + character))
    return line


def _tests_in(equation: sp.Expr, latex: bool = False) -> str:
    tests = sorted((s for s in equation.free_symbols if isinstance(s, TestFunction)), key=str)
    return ", ".join(sp.latex(test) if latex else str(test) for test in tests)
