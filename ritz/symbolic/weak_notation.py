"""What users write in weak forms: test functions, integrals, and quantities of the mesh."""

from __future__ import annotations

from typing import Any, get_args

import sympy as sp

from ..errors import ProblemError, nearest
from .boundary_conditions import Label, label_text, read_labels
from .coordinates import make_symbols
from .equation import text_of
from .fields import Field
from .mesh_operators import Average, Jump, Normal, Side
from .operators import as_expression
from .weak_form import Geometric, NumberField, Over, TestFunction

DIFFERENTIALS = {"cells": "dx", "boundary": "ds", "facets": "dS"}
PLACES = {"cells": "cells", "boundary": "boundary facets", "facets": "interior facets"}


def numbers(names: str) -> Any:
    """Make unknowns that are single numbers, not functions of space: Lagrange multipliers, a mean, a flow rate.

    They stand in weak forms as scalars and have test functions like any other unknown.

    Args:
        names: separated by spaces or commas.

    Raises:
        ProblemError: if a name is no identifier, or is ``t``.

    Example:
        >>> lam = numbers("lam")
        >>> test(lam, "mu")
        mu
    """
    return make_symbols(names, NumberField)


def test(of: Any, name: str | None = None) -> TestFunction:
    """Return a test function of an unknown.

    Args:
        of: the unknown.
        name: what messages and formulas call it; ``v_u`` for an unknown ``u`` by default.

    Raises:
        ProblemError: if `of` is no unknown field.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> u = fields("u")
        >>> test(u), test(u, "v")
        (v_u, v)
    """
    if not isinstance(of, Field) or isinstance(of, TestFunction):
        raise ProblemError(f"rz.test(...) takes an unknown from rz.fields(...), but got {of!r}.")
    return TestFunction(of, name)


test.__test__ = False  # type: ignore[attr-defined]


class Measure(sp.Atom):
    """Where an integral is taken, and with how much care.

    Attributes:
        over: cells, boundary or facets.
        on: names, tags or predicates; ``(None,)`` for everywhere.
        degree: degree of the quadrature, or None.
    """

    over: Over
    on: tuple[Label, ...]
    degree: int | None

    def __new__(cls, over: Over, on: tuple[Label, ...], degree: int | None) -> Measure:
        made = sp.Atom.__new__(cls)
        assert isinstance(made, Measure)
        made.over, made.on, made.degree = over, on, degree
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.over, self.on, self.degree

    def _hashable_content(self) -> tuple[Any, ...]:
        same = tuple(str(id(label)) if callable(label) else "" for label in self.on)
        return self.over, tuple(map(_sort_text, self.on)), same, str(self.degree)

    def sort_key(self, order: Any = None) -> Any:
        """Return a key that orders measures by their words."""
        return self.class_key(), (1, (_sort_text(self),)), sp.S.One.sort_key(), sp.S.One

    def _sympystr(self, *_: Any) -> str:
        on = "" if self.on == (None,) else ", on=" + (
            label_text(self.on[0]) if len(self.on) == 1 else f"[{', '.join(map(label_text, self.on))}]"
        )  # fmt: skip
        over = "" if self.over == "cells" else f", over={self.over!r}"
        return over + on + ("" if self.degree is None else f", degree={self.degree}")


def _sort_text(label: Any) -> str:
    """Return a text that is the same in every run; two labels of different kinds have different ones."""
    return (
        f"predicate {label_text(label)}"
        if callable(label)
        else str(label)
        if isinstance(label, Measure)
        else repr(label)
    )


class IntegralTerm(sp.Expr):
    """An unevaluated integral: an integrand and its `Measure`. Made by `integral`."""

    is_commutative = True

    def __new__(cls, integrand: sp.Expr, measure: Measure) -> sp.Expr:
        if integrand == 0:
            return sp.S.Zero
        made = sp.Expr.__new__(cls, integrand, measure)
        assert isinstance(made, IntegralTerm)
        return made

    @property
    def integrand(self) -> sp.Expr:
        """What is integrated."""
        return self.args[0]

    @property
    def measure(self) -> Measure:
        """Where."""
        return self.args[1]

    def _eval_is_real(self) -> bool | None:
        return True

    def _sympystr(self, printer: Any) -> str:
        return f"integral({printer._print(self.integrand)}{self.measure._sympystr()})"

    def _latex(self, printer: Any) -> str:
        from .weak_display import integral_latex

        return integral_latex(self, printer)


def integral(e: Any, *, over: str = "cells", on: Any = None, degree: int | None = None) -> sp.Expr:
    """Return the integral of `e` over the domain or a part of it, unevaluated; integrals add and scale.

    An equation with integrals is a weak form: ``rz.Problem([a - b])`` means ``a - b = 0`` for all test functions.

    Args:
        e: scalar expression, linear in test functions, with first and second derivatives in space. Second derivatives
            are those inside every cell: they know nothing of the jumps of gradients between cells, as in the residuals
            of stabilised forms and in interior-penalty forms.
        over: ``"cells"``, ``"boundary"``, or ``"facets"`` for interior facets.
        on: name or tag of a group of cells or facets, a predicate ``lambda x, y: ...`` of arrays of coordinates, or a
            list of these; by default everywhere.
        degree: degree of polynomials that the quadrature integrates exactly; by default chosen from the integrand.

    Raises:
        ProblemError: for an unknown `over`, a degree that is no whole number, or nested integrals.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> from ritz.symbolic.notation import dot, grad
        >>> u = fields("u")
        >>> v = test(u, "v")
        >>> integral(dot(grad(u), grad(v))) - 2*integral(v, over="boundary", on="inlet")
        -2*integral(v, over='boundary', on='inlet') + integral(dot(grad(u), grad(v)))
    """
    integrand = as_expression(e, "an integrand")
    if over not in get_args(Over):
        known = ", ".join(map(repr, get_args(Over)))
        raise ProblemError(
            f"rz.integral(..., over={over!r}): over= is one of {known}.{nearest(str(over), get_args(Over))}"
        )
    if integrand.has(IntegralTerm):
        raise ProblemError(f"rz.integral({text_of(integrand)}) has an integral inside. Take it out.")
    if degree is not None and (isinstance(degree, bool) or not isinstance(degree, int) or degree < 0):
        raise ProblemError(f"rz.integral(..., degree={degree!r}): the degree of the quadrature is a whole number.")
    labels = read_labels(on, f"rz.integral({text_of(integrand)}, ...)")
    return IntegralTerm(integrand, Measure(over, labels, degree))  # type: ignore[arg-type]


def normal() -> sp.Expr:
    """Return the outward unit normal, a vector on facets; on interior facets it points from side + to side -.

    Example:
        >>> from ritz.symbolic.notation import dot
        >>> from ritz.symbolic.fields import vector_fields
        >>> dot(vector_fields("u"), normal())
        dot(u, normal())
    """
    return Normal()


def cell_size() -> sp.Expr:
    """Return the diameter of the cell, in the user's unit of length; on interior facets it has two sides.

    Example:
        >>> cell_size()
        h
    """
    return Geometric("h")


def facet_size() -> sp.Expr:
    """Return the diameter of the facet, in the user's unit of length.

    Example:
        >>> facet_size()
        h_facet
    """
    return Geometric("h_facet")


def jump(e: Any) -> sp.Expr:
    """Return ``side(e, "+") - side(e, "-")`` on interior facets.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> jump(fields("u"))
        jump(u)
    """
    return Jump(e)


def average(e: Any) -> sp.Expr:
    """Return the mean of both sides on interior facets.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> average(fields("u"))
        average(u)
    """
    return Average(e)


def side(e: Any, which: str) -> sp.Expr:
    """Return the value of `e` on one side of an interior facet.

    Args:
        e: an expression of any rank.
        which: ``"+"`` (the side that `normal` points away from) or ``"-"``.

    Raises:
        ProblemError: for any other side.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> side(fields("u"), "+")
        side(u, '+')
    """
    if which not in ("+", "-"):
        raise ProblemError(f"rz.side({e}, {which!r}): an interior facet has the sides '+' and '-'.")
    return Side(e, sp.Integer(1 if which == "+" else -1))
