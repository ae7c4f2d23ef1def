"""`FiniteElement`: the discretisation of problems on meshes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from ritz.codegen.fem.element import HIGHEST, Element
from ritz.errors import DiscretizationError, OptionError, nearest, reject_unknown
from ritz.symbolic.fields import Field
from ritz.symbolic.rewrite.settings import Rewriting
from ritz.symbolic.weak_form import Integral, NumberField, TestFunction, WeakForm

MOST = 3 * HIGHEST  # degree of quadrature that may be asked for


class FiniteElement:
    """Finite elements on the mesh of a problem's domain, or on a mesh of a `Box` or `Interval`.

    Args:
        cells: number of cells along each axis, for a `Box` or `Interval`; a mesh needs none.
        degree: of the polynomials; by default 1, and 2 where a multiplier such as a pressure asks for a mixed element
            (Taylor-Hood), which then has one degree less.
        cell: ``triangle`` or ``quadrilateral``, ``tetrahedron`` or ``hexahedron``, for a `Box`.
        elements: unknown -> `Element`, ``(family, degree)`` or a degree, where it is to differ.
        quadrature: degree of the quadrature of all integrals; by default it is read off every integrand.
        threads: that work on parts of the mesh at once; more than one pays from about 10,000 cells. Results are the
            same to the last bit in every run with as many threads; for another number they differ by rounding.

    Raises:
        OptionError: an unknown keyword or a value that makes no sense.

    Example:
        >>> import ritz as rz
        >>> u = rz.fields("u")
        >>> problem = rz.Problem([rz.Eq(-rz.lap(u), 1)], domain=rz.Box(x=(0, 1), y=(0, 1)),
        ...                      conditions=[rz.Dirichlet(u, 0)])
        >>> system = problem.discretize(rz.FiniteElement(8, 8, degree=2))
        >>> system.layout.size
        225
    """

    def __init__(
        self,
        *cells: int,
        degree: int | None = None,
        cell: str | None = None,
        elements: Mapping[Any, Any] | None = None,
        quadrature: int | None = None,
        threads: int = 1,
        **unknown: Any,
    ) -> None:
        reject_unknown(unknown, ("degree", "cell", "elements", "quadrature", "threads"), "FiniteElement")
        for n in cells:
            if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 1:
                raise OptionError(
                    f"FiniteElement(...) takes numbers of cells such as FiniteElement(32, 32), found {n!r}."
                )
        if quadrature is not None and (not isinstance(quadrature, int) or not 0 <= quadrature <= MOST):
            raise OptionError(f"quadrature= is the degree of the quadrature, 0 to {MOST}, found {quadrature!r}.")
        if not isinstance(threads, int) or isinstance(threads, bool) or not 1 <= threads <= 256:
            raise OptionError(f"threads= is a whole number from 1 on, found {threads!r}.")
        if degree is not None:
            Element("Lagrange", degree)
        self.threads = threads
        self.cells, self.degree, self.cell, self.quadrature = tuple(map(int, cells)), degree, cell, quadrature
        self.elements = {str(k): _element(k, v) for k, v in (elements or {}).items()}

    def __repr__(self) -> str:
        parts = [str(n) for n in self.cells]
        parts += [f"{k}={v!r}" for k, v in (("degree", self.degree), ("cell", self.cell)) if v is not None]
        parts += [f"elements={self.elements!r}"] if self.elements else []
        parts += [f"quadrature={self.quadrature}"] if self.quadrature is not None else []
        return f"FiniteElement({', '.join(parts)})"

    def discretize(self, problem: Any, *, rewriter: str | Rewriting | None = "egraph", **options: Any) -> Any:
        """Return the `FemSystem` of a problem.

        Args:
            problem: on a mesh, a `Box` or an `Interval`.
            rewriter: ``"egraph"``, ``"sympy"``, None, or `ritz.Rewriting` with a goal and own rules.

        Raises:
            DiscretizationError: no domain, or numbers of cells that do not fit it.
            ProblemError: the problem has no weak form; the message says why.
        """
        from ritz.codegen.fem.lower import lower
        from ritz.codegen.fem.system import FemSystem

        reject_unknown(options, {"rewriter"}, "FiniteElement")
        if problem.domain is None:
            raise DiscretizationError("FiniteElement(...) needs a problem with a domain. Use Pointwise() for ODEs.")
        mesh = self._mesh(problem.domain)
        form = with_means(problem.weak_form())
        if self.quadrature is not None:
            form = replace(form, integrals=tuple(replace(i, degree=self.quadrature) for i in form.integrals))
        model = lower(form, mesh, self._chosen(form), self.threads)
        return FemSystem(model, form, problem=problem, discretization=self, rewriter=rewriter, threads=self.threads)

    def _mesh(self, domain: Any) -> Any:
        from ritz.codegen.mesh import mesh_of

        mesh = getattr(domain, "mesh", None)
        if mesh is not None:
            if self.cells or self.cell:
                raise DiscretizationError(
                    f"The domain is a mesh already, so {self!r} must not say how to make one. Leave the numbers of "
                    "cells and cell= out; mesh.refine() makes a finer one."
                )
            return mesh
        if len(self.cells) not in (1, domain.dimension):
            axes = ", ".join(map(str, domain.coordinates))
            example = ", ".join(["32"] * domain.dimension)
            raise DiscretizationError(
                f"The domain has the axes {axes}: give the number of cells along each, e.g. FiniteElement({example}), "
                f"found {self!r}."
            )
        cells = self.cells * (domain.dimension if len(self.cells) == 1 else 1)
        return mesh_of(domain, cells, self.cell) if self.cell else mesh_of(domain, cells)

    def _chosen(self, form: WeakForm) -> dict[str, Element]:
        """Unknown -> element."""
        multipliers = multipliers_of(form)
        degree = self.degree or (2 if multipliers else 1)
        names = {str(u) for u in form.unknowns}
        for given in self.elements:
            if given not in names:
                listed = ", ".join(sorted(names))
                raise OptionError(f"elements= names {given}.{nearest(given, names)} Unknowns: {listed}.")
        of_rate = {str(v): str(u) for u, v in form.rates.items()}
        chosen: dict[str, Element] = {}
        for u in form.unknowns:
            element = self.elements.get(of_rate.get(str(u), str(u)))
            if u in form.numbers:
                element = Element("Real", 0)
            elif element is None:
                lower = u in multipliers and degree > 1
                element = Element("Lagrange", degree - 1 if lower else degree)
            elif element.is_vector and u.rank != 1:
                raise OptionError(f"{element!r} is for vector fields, but {u} is none. Use Lagrange or DG elements.")
            chosen[u.name] = element
        return chosen


def _element(key: Any, value: Any) -> Element:
    if isinstance(value, Element):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Element("Lagrange", value)
    if isinstance(value, tuple | list) and len(value) == 2:
        return Element(*value)
    raise OptionError(f"elements[{key}] must be rz.Element(family, degree) or a degree, found {value!r}.")


def multipliers_of(form: WeakForm) -> set[Field]:
    """Unknowns that do not occur in their own equations, such as a pressure; single numbers are left out."""
    found = set()
    for u in form.unknowns:
        if u in form.numbers or u in form.rates.values():
            continue
        mine = [test for test, c in form.tests.items() if c in form.components[u]]
        others = {test: sp.S.Zero for test in form.tests if test not in mine}
        own = [i.integrand.xreplace(others) for i in form.integrals]
        if not any(e.has(c) for e in own for c in form.components[u]):
            found.add(u)
    return found


def with_means(form: WeakForm) -> WeakForm:
    """The form with a multiplier, a single number, for every field whose mean is to vanish."""
    unknowns, components, tests = list(form.unknowns), dict(form.components), dict(form.tests)
    integrals, numbers = list(form.integrals), list(form.numbers)
    for field in form.mean_zero:
        multiplier = NumberField(f"mean_{field.name}")
        test = TestFunction(multiplier)
        own = next(t for t, c in form.tests.items() if c == field)
        unknowns.append(multiplier)
        components[multiplier], tests[test] = (multiplier,), multiplier
        numbers.append(multiplier)
        integrals.append(Integral(multiplier * own + test * field))
    return replace(
        form, unknowns=tuple(unknowns), components=components, tests=tests, integrals=tuple(integrals),
        numbers=tuple(numbers), mean_zero=(),
    )  # fmt: skip
