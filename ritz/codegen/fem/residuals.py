"""Residuals of the strong equations in cells and on facets, which bound the error of a steady problem.

The integrand of a weak form is ``a v + F . grad(v)`` for every test function v. Integrated by parts in each cell, it
leaves ``a - div(F)`` inside, the jump of ``n . F`` between cells, and ``n . F + b`` where the boundary integral is
``b v``. Weighted with the size of cells and facets their squares bound the squared error of the gradient, up to a
constant that depends on the shape of the cells and the coefficients.

Source: R. Verfuerth, "A Review of A Posteriori Error Estimation and Adaptive Mesh-Refinement Techniques", Wiley-Teubner
1996, section 1.2; the degree of the elements enters as in J. M. Melenk, B. I. Wohlmuth, Adv. Comput. Math. 15 (2001)
311-331.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from ritz.codegen.fem.element import quadrature
from ritz.codegen.fem.evaluation import _PointReader
from ritz.codegen.fem.region import Region, make_region
from ritz.codegen.layout import Array
from ritz.errors import UnsupportedError
from ritz.symbolic.fields import Field
from ritz.symbolic.operators import D, Dt
from ritz.symbolic.weak_components import push_down
from ritz.symbolic.weak_form import Geometric, NumberField


@dataclass(frozen=True)
class _Row:
    """The parts of the integrals of one test function: ``value * v + sum(fluxes[i] * dv/dx_i)``, and where."""

    component: Field
    over: str
    on: Any
    value: sp.Expr
    fluxes: tuple[sp.Expr, ...]


def residual_indicators(system: Any, u: Any, t: float = 0.0, p: Any = None) -> tuple[Array, Array]:
    """Squared indicators of every cell, and the squared norm of the fluxes F in it.

    Args:
        system: a steady `FemSystem` with first derivatives in its weak form and integrals over cells and boundaries.
        u, t, p: state, time, parameters.

    Raises:
        UnsupportedError: for other problems, cells or elements; names the recovery instead.
    """
    _check(system)
    return _Estimator(system, u, t, p).run()


def _check(system: Any) -> None:
    form, mesh, other = system.form, system.mesh, " Take method='recovery'."
    if not system.is_steady:
        raise UnsupportedError(f"Residuals are estimated for steady problems, and {system.name} evolves.{other}")
    if mesh.gdim != mesh.dim:
        raise UnsupportedError(
            f"Residuals are estimated where cells fill the space, not for a {mesh.cell_type} in {mesh.gdim}-D.{other}"
        )
    if any(i.over == "facets" for i in form.integrals):
        raise UnsupportedError(f"Residuals are estimated for forms without integrals over interior facets.{other}")
    if form.periodic:
        raise UnsupportedError(f"Residuals are estimated for problems without periodic boundaries.{other}")
    for nodes in system.model.space.nodes[: len(system.model.space.names)]:
        if nodes.element.family not in ("Lagrange", "P", "CG", "Q", "Real"):
            raise UnsupportedError(f"Residuals are estimated for Lagrange elements, not for {nodes.element!r}.{other}")
    for integral in form.integrals:
        if integral.integrand.has(Dt):
            raise UnsupportedError(f"There is a time derivative in {integral.integrand}.{other}")
        for node in integral.integrand.atoms(D):
            if node.order > 1 or isinstance(node.expr, D):
                raise UnsupportedError(f"There is a second derivative, {node}, in the weak form.{other}")


def _rows(system: Any) -> list[_Row]:
    """Take the integrals apart by test functions."""
    form, found = system.form, []
    zero = sp.S.Zero
    for integral in form.integrals:
        for test, component in form.tests.items():
            if isinstance(component, NumberField) or component in form.numbers:
                continue
            value = sp.Dummy()
            slopes = [sp.Dummy() for _ in form.coordinates]
            own = {D(test, x): s for x, s in zip(form.coordinates, slopes, strict=True)}
            e = integral.integrand.xreplace(own).xreplace({test: value})
            e = e.xreplace({D(o, x): zero for o in form.tests if o != test for x in form.coordinates})
            e = e.xreplace({o: zero for o in form.tests if o != test})
            parts = [sp.diff(e, s) for s in (value, *slopes)]
            if any(part != 0 for part in parts):
                found.append(_Row(component, integral.over, integral.on, parts[0], tuple(parts[1:])))
    return found


class _Estimator:
    def __init__(self, system: Any, u: Any, t: float, p: Any) -> None:
        self.system, self.u, self.t, self.p = system, u, t, p
        self.mesh, self.rows = system.mesh, _rows(system)
        space = system.model.space
        self.degrees = {
            name: max(nodes.element.degree, 1) for name, nodes in zip(space.names, space.nodes, strict=False)
        }
        self.degree = max(self.degrees.values())
        self.squares = np.zeros(len(self.mesh.cells))
        self.norms = np.zeros(len(self.mesh.cells))

    def run(self) -> tuple[Array, Array]:
        components = dict.fromkeys(row.component for row in self.rows)
        for component in components:
            rows = [row for row in self.rows if row.component == component]
            self._cells(component, [row for row in rows if row.over == "cells"])
            self._facets(component, rows)
        return self.squares, self.norms

    def _reader(self, cells: Array, places: Array) -> _PointReader:
        """A reader in the same places (k, dim) of cells, one after the other; the size of cells is known to it."""
        made = _PointReader(
            self.system, np.repeat(cells, len(places)), np.tile(places, (len(cells), 1)), self.u, self.t, self.p
        )
        made.p = {**made.p, "h": np.repeat(self.mesh.cell_diameters[cells], len(places))}
        return made

    def _cells(self, component: Field, rows: list[_Row]) -> None:
        """Add ``(h/k)**2`` times the square of ``a - div(F)``."""
        mesh, k = self.mesh, self.degrees[component.name]
        points, weights = quadrature(mesh.cell_type, 2 * self.degree)
        for on in dict.fromkeys(row.on for row in rows):
            cells = np.asarray(mesh.cells_on(on)) if on is not None else np.arange(len(mesh.cells))
            at, shape = self._reader(cells, points), (len(cells), len(points))
            measure = weights * np.abs(at.map.det).reshape(shape)
            residual, square = np.zeros(shape), np.zeros(shape)
            for row in (row for row in rows if row.on == on):
                residual += at.value(row.value).reshape(shape)
                for x, flux in zip(self.system.form.coordinates, row.fluxes, strict=True):
                    residual -= at.value(push_down(D(flux, x))).reshape(shape)
                    square += at.value(flux).reshape(shape) ** 2
            self.norms[cells] += (measure * square).sum(axis=1)
            size = (mesh.cell_diameters[cells] / k) ** 2
            self.squares[cells] += size * (measure * residual**2).sum(axis=1)

    def _facets(self, component: Field, rows: list[_Row]) -> None:
        """Add ``h/k`` times the squares of jumps, half to each side, and of what is left over on the boundary."""
        mesh, k = self.mesh, self.degrees[component.name]
        given = [e for e in self.system.form.essential if e.field == component and e.at is None]
        fixed = [np.asarray(mesh.facets_on(e.on)) for e in given]
        for over in ("facets", "boundary"):
            region = make_region(mesh, over, over, None, 2 * self.degree)
            left = sum((self._outflow(rows, region, s) for s in range(len(region.sides))), np.zeros(()))
            found = mesh.facet_diameters[region.entities] / k * (region.geometry[0].weights * left**2).sum(axis=1)
            if fixed and over == "boundary":
                found[np.isin(region.entities, np.concatenate(fixed))] = 0.0
            for cells in region.cells:
                np.add.at(self.squares, cells, found / len(region.cells))

    def _outflow(self, rows: list[_Row], region: Region, s: int) -> Array:
        """``n . F`` seen from side s, with ``b`` on the boundary: (facets, k)."""
        mesh, found = self.mesh, np.zeros((region.size, len(region.weights)))
        for group in region.groups:
            here = slice(group.start, group.stop)
            cells, facets = region.cells[s][here], region.entities[here]
            at = self._reader(cells, group.points[s])
            normal = region.geometry[s].normal[here].reshape(-1, mesh.gdim)
            names = {Geometric(f"n_{x.name}").name: normal[:, i] for i, x in enumerate(self.system.form.coordinates)}
            at.p = {**at.p, **names, "h_facet": np.repeat(mesh.facet_diameters[facets], len(region.weights))}
            for row in rows:
                if row.over == "cells":
                    value = sum((at.value(f) * normal[:, i] for i, f in enumerate(row.fluxes)), np.zeros(len(normal)))
                    inside = np.isin(cells, mesh.cells_on(row.on)) if row.on is not None else np.ones(len(cells), bool)
                else:
                    value = at.value(row.value)
                    inside = np.isin(facets, mesh.facets_on(row.on))
                found[here] += inside[:, None] * value.reshape(len(cells), -1)
        return found
