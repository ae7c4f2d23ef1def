"""The card of a problem: class, orders, linear and nonlinear parts, scales, and every default chosen."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy as sp

from .checks import match
from .classify import LinearTerm, Parts, linear_terms, orders_of, space_order, split_linear
from .display import problem_repr
from .equation import Eq, equation_name, text_of
from .fields import Field, rank_name
from .operators import D, Dt
from .parameters import Parameter
from .scalar_form import ScalarEquation, is_divergence_constraint, time_orders
from .weak_form import Restricted

if TYPE_CHECKING:
    from .problem import Problem


@dataclass(frozen=True)
class EquationCard:
    """What one equation is.

    Attributes:
        name: "equation 2", or the user's label.
        left: what stands alone on the left: a time derivative, or 0 for a constraint.
        parts: the right side taken apart, whichever side its terms were written on.
        order: highest order of space derivatives.
    """

    name: str
    left: sp.Expr
    parts: Parts
    order: int


@dataclass(frozen=True)
class Explanation:
    """The card of a problem; shows itself as text, HTML and LaTeX.

    Attributes:
        title: one line.
        kind: the class of the problem, in words.
        unknowns: per unknown: field, word for its rank, order in time, order in space.
        equations: per equation.
        scales: lines about characteristic scales, from parameter defaults and the size of the domain.
        choices: lines about every default chosen.
        weak: for problems with boundaries, the weak form and what holds where nothing is prescribed; else empty.

    Example:
        >>> from ritz.symbolic.notation import dt
        >>> from ritz.symbolic.fields import fields
        >>> from ritz.symbolic.problem import Problem
        >>> x = fields("x")
        >>> print(Problem([Eq(dt(x) + x**3, 2*x)]).explain().equations[0].parts)
        Parts(linear=2*x, nonlinear=-x**3, source=0)
    """

    title: str
    kind: str
    unknowns: tuple[tuple[Field, str, int, int], ...]
    equations: tuple[EquationCard, ...]
    scales: tuple[str, ...]
    choices: tuple[str, ...]
    weak: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [self.title, f"Class: {self.kind}", "Unknowns:"]
        lines += [f"  {f}: {word}, order {m} in time, {n} in space" for f, word, m, n in self.unknowns]
        for card in self.equations:
            lines.append(f"{card.name.capitalize()}:  {text_of(card.left)} =")
            parts = zip(LABELS, card.parts, strict=True)
            lines += [f"  {label:<11}{text_of(part)}" for label, part in parts if part != 0]
        lines += _section("Weak form", self.weak) + _section("Scales", self.scales) + _section("Choices", self.choices)
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_latex_(self) -> str:
        if not self.equations:
            return ""
        rows = []
        for card in self.equations:
            parts = [
                rf"\underbrace{{{sp.latex(part)}}}_{{\text{{{label}}}}}"
                for label, part in zip(LABELS, card.parts, strict=True)
                if part != 0
            ]
            rows.append(f"{sp.latex(card.left)} &= {' + '.join(parts) or '0'}")
        return "$$\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}$$"

    def _repr_html_(self) -> str:
        unknowns = "".join(
            f"<tr><td>{html.escape(str(f))}</td><td>{word}</td><td>{m}</td><td>{n}</td></tr>"
            for f, word, m, n in self.unknowns
        )
        head = "<tr><th>unknown</th><th>rank</th><th>order in time</th><th>order in space</th></tr>"
        lists = zip(("Weak form", "Scales", "Choices"), (self.weak, self.scales, self.choices), strict=True)
        return (
            f"<div><b>{html.escape(self.title)}</b><br>{html.escape(self.kind)}<table>{head}{unknowns}</table>"
            f"{self._repr_latex_()}{''.join(_list(title, lines) for title, lines in lists)}</div>"
        )


LABELS = ("linear", "nonlinear", "source")


def _section(title: str, lines: Iterable[str]) -> list[str]:
    entries = [f"  {line}" for line in lines]
    return [f"{title}:", *entries] if entries else []


def _list(title: str, lines: tuple[str, ...]) -> str:
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f"<p>{title}</p><ul>{items}</ul>" if items else ""


def explain(problem: Problem) -> Explanation:
    """Return the card of `problem`."""
    from .weak_display import weak_card

    strong = () if problem.is_weak else problem.equations
    cards = tuple(_card(problem, equation, number) for number, equation in enumerate(strong, start=1))
    boundaries = problem.is_weak or problem.has_boundaries
    return Explanation(
        title=problem_repr(problem).strip("<>"),
        kind=_weak_kind(problem) if problem.is_weak else _kind(problem, cards),
        unknowns=tuple(_unknown(problem, field) for field in problem.unknowns),
        equations=cards,
        scales=tuple(_scales(problem)),
        choices=tuple(_choices(problem)),
        weak=weak_card(problem.weak_form()) if boundaries else (),
    )


def isolate(expr: sp.Expr, fields: Iterable[Field]) -> tuple[sp.Expr, Parts]:
    """Bring ``expr = 0`` into the form ``rate = linear + nonlinear + source``.

    Returns:
        The time derivative that stands alone, or 0 where there is none or more than one, and the right side in parts.

    Example:
        >>> u, k = Field("u"), sp.Symbol("k")
        >>> isolate(2*Dt(u) + k*u - u**2, [u])
        (dt(u), Parts(linear=-k*u/2, nonlinear=u**2/2, source=0))
    """
    parts = split_linear(expr, list(fields))
    terms = sp.Add.make_args(parts.linear)
    rates = [term for term in terms if term.has(Dt)]
    if len(rates) == 1 and not parts.nonlinear.has(Dt):
        scale, rate = rates[0].as_independent(Dt, as_Add=False)
        if isinstance(rate, Dt):
            rest = sp.Add(*(term for term in terms if term is not rates[0]))
            return rate, Parts(*(_divided(part, -scale) for part in (rest, parts.nonlinear, parts.source)))
    return sp.S.Zero, parts


def _divided(part: sp.Expr, scale: sp.Expr) -> sp.Expr:
    return sp.Add(*(term / scale for term in sp.Add.make_args(part)))


def _card(problem: Problem, equation: Eq, number: int) -> EquationCard:
    left, parts = isolate(equation.lhs - equation.rhs, problem.unknowns)
    order = max(space_order(equation.lhs), space_order(equation.rhs))
    return EquationCard(equation_name(equation, number), left, parts, order)


def _unknown(problem: Problem, field: Field) -> tuple[Field, str, int, int]:
    orders = [orders_of(side, field) for e in problem.equations for side in (e.lhs, e.rhs)]
    word = ("complex " if field.is_complex_field else "") + rank_name(field.rank)
    return field, word, max(m for m, _ in orders), max(n for _, n in orders)


def _kind(problem: Problem, cards: tuple[EquationCard, ...]) -> str:
    linearity = "nonlinear" if any(card.parts.nonlinear != 0 for card in cards) else "linear"
    moving = sum(card.left != 0 or any(part.has(Dt) for part in card.parts) for card in cards)
    standing = len(cards) - moving
    word = "ordinary differential equation" if problem.domain is None else "evolution equation"
    if not moving:
        word = "algebraic equation" if problem.domain is None else "steady differential equation"
        moving, standing = standing, 0
    count = f"{moving} {word}{'s' if moving > 1 else ''}"
    if standing:
        count += f" and {standing} constraint{'s' if standing > 1 else ''}"
    space = f" in {problem.domain.dimension}-D" if problem.domain is not None else ""
    return f"{linearity}, {count}{space}"


def _weak_kind(problem: Problem) -> str:
    """Return the class of a problem in weak form, in words."""
    form = problem.weak_form()
    fields = [part for parts in form.components.values() for part in parts]
    integrands = [integrand.xreplace({node: node.expr for node in integrand.atoms(Restricted)})
                  for integrand in (one.integrand for one in form.integrals)]  # fmt: skip
    nonlinear = any(split_linear(integrand, fields).nonlinear != 0 for integrand in integrands)
    word = "evolution" if form.evolving else "steady"
    space = f" in {problem.domain.dimension}-D" if problem.domain is not None else ""
    return f"{'nonlinear' if nonlinear else 'linear'}, {word} problem in weak form{space}"


def _scales(problem: Problem) -> list[str]:
    """Return lines with the time scale of every linear term whose coefficient is known."""
    defaults = {p: p.default for p in problem.parameters if p.default is not None}
    lines: list[str] = []
    if problem.domain is not None:
        lines += [f"length of the domain along {axis}: {length:g}" for axis, length in problem.domain.lengths.items()]
    for equation in problem._form.equations:
        for rate, term in _linear_rates(equation, problem._form.unknowns):
            line = _scale_line(problem, rate, term, defaults)
            if line and line not in lines:
                lines.append(line)
    return lines


def _linear_rates(equation: ScalarEquation, unknowns: tuple[Field, ...]) -> list[tuple[Field, LinearTerm]]:
    """Return the linear terms of an evolution equation in its own field."""
    rate, parts = isolate(equation.expr, unknowns)
    terms = linear_terms(parts.linear)
    if not isinstance(rate, Dt) or terms is None:
        return []
    return [(rate.args[0], term) for term in terms if term.field == rate.args[0] and not term.time]


def _scale_line(problem: Problem, field: Field, term: LinearTerm, defaults: dict[Parameter, float]) -> str | None:
    value = term.coefficient.subs(defaults)
    if not value.is_number or value == 0:
        return None
    size, shown = abs(complex(value)), term.coefficient * _derivative_of(term)
    length = 1.0
    if problem.domain is not None:
        for axis, n in term.orders:
            if axis not in problem.domain.lengths:
                return None
            length *= (problem.domain.lengths[axis] / (2 * math.pi)) ** n
    where = " for the longest wave" if term.orders else ""
    return f"{text_of(shown)} acts on {field} within time {length / size:.3g}{where}"


def _derivative_of(term: LinearTerm) -> sp.Expr:
    e: sp.Expr = term.field
    for axis, n in term.orders:
        e = D(e, axis, n)
    return e


def _choices(problem: Problem) -> list[str]:
    form = problem._form
    several = len({str(event.priority) for event in problem.events}) < len(problem.events)
    lines = ["events of equal priority act in the order in which they are listed"] if several else []
    for helper, meaning in form.auxiliary.items():
        lines.append(f"{helper} = {meaning} is an auxiliary field, so that the equations are of first order in time")
    owner = match(form.equations, form.unknowns)
    evolving = time_orders(form.equations)
    for i, equation in enumerate(form.equations):
        if i not in owner and is_divergence_constraint(equation):
            lines.append(f"{equation.label} is kept as a further constraint")
    algebraic = [] if problem.is_weak else [field for field in form.unknowns if field not in evolving]
    if algebraic:
        names = ", ".join(map(str, algebraic))
        lines.append(f"{names}: no time derivative, so found from the other unknowns at every time")
    guessed = [str(field) for field in algebraic if field in form.initial]
    if guessed:
        lines.append(f"the initial value of {', '.join(guessed)} is only a first guess")
    if len(problem.parameters) > 1 and problem._declared is None:
        lines.append(f"parameters are ordered by name: {', '.join(map(str, problem.parameters))}")
    if len(problem.unknowns) > 1 and problem._chosen is None:
        lines.append(f"unknowns are ordered as their equations: {', '.join(map(str, problem.unknowns))}")
    missing = [str(p) for p in problem.parameters if p.default is None]
    if missing:
        lines.append(f"{', '.join(missing)}: no default, so every run must give a value")
    return lines
