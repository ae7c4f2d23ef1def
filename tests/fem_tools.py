"""Small finite-element systems that tests of kernels, spaces and solvers share."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

import ritz as rz

x, y, z = rz.coords("x y z")
u = rz.fields("u")
k = rz.params("k", default=2.0)


def small_mesh(cell: str) -> Any:
    """A mesh with a few cells of a type, moved so that nothing is symmetric."""
    if cell == "interval":
        return rz.interval(0, 2, 5)
    make, n = (rz.rectangle, (4, 3)) if cell in ("triangle", "quadrilateral") else (rz.box, (3, 2, 2))
    mesh = make(n=n, cell=cell)
    points = mesh.points + 0.03 * np.sin(7 * mesh.points[:, ::-1] + np.arange(mesh.points.shape[1]))
    groups = {name: mesh.entities(mesh.dim - 1)[facets] for name, facets in mesh.facet_groups.items()}
    return type(mesh).from_arrays(points, mesh.cells, cell, facet_groups=groups)


def quasilinear(cell: str, *, conditions: Any = None) -> rz.Problem:
    """A nonlinear problem with a function of the coordinates, a flux, and Dirichlet values that move in time."""
    mesh = small_mesh(cell)
    space = (x, y, z)[: mesh.dim]
    left = [rz.Dirichlet(u, x * sum(space) + rz.t, on="left")]
    flux = [rz.Neumann(u, k * rz.exp(-(u**2)), on="right")]
    source = rz.sin(x) * sum(space)
    return rz.Problem(
        [rz.Eq(rz.dt(u), rz.div((k + u**2) * rz.grad(u)) + source)], domain=mesh,
        conditions=left + flux if conditions is None else conditions, initial={u: sum(space)},
    )  # fmt: skip


def interior_penalty(cell: str) -> rz.Problem:
    """The symmetric interior-penalty form of Poisson's equation."""
    mesh, v, n, h = small_mesh(cell), rz.test(u, "v"), rz.normal(), rz.cell_size()
    inside = rz.integral(rz.dot(rz.grad(u), rz.grad(v)) - v)
    jumps = rz.integral(
        -rz.dot(rz.average(rz.grad(u)), rz.side(n, "+")) * rz.jump(v)
        - rz.dot(rz.average(rz.grad(v)), rz.side(n, "+")) * rz.jump(u)
        + 20 / rz.average(h) * rz.jump(u) * rz.jump(v),
        over="facets",
    )
    outside = rz.integral(-rz.dot(rz.grad(u), n) * v - rz.dot(rz.grad(v), n) * u + 20 / h * u * v, over="boundary")
    return rz.Problem([inside + jumps + outside], domain=mesh)


def neo_hooke(cell: str = "tetrahedron") -> rz.Problem:
    """A compressible neo-Hookean body, clamped at one side and pulled at the other."""
    mesh = small_mesh(cell)
    w = rz.vector_fields("w")
    gradient = rz.identity() + rz.transpose(rz.grad(w))
    inverse = rz.transpose(rz.inv(gradient))
    stress = (gradient - inverse) / 2 + rz.log(rz.det(gradient)) * inverse
    zero = (0,) * mesh.dim
    conditions = [rz.Dirichlet(w, zero, on="left"), rz.Neumann(w, (0.1, *zero[1:]), on="right")]
    return rz.Problem([rz.Eq(-rz.div(rz.transpose(stress)), zero)], domain=mesh, conditions=conditions)


def values_of(expression: Any, points: Any) -> np.ndarray:
    """Values of an expression of the coordinates in points (n, dim), by SymPy."""
    axes = (x, y, z)[: points.shape[1]]
    return np.array([float(sp.sympify(expression).subs(dict(zip(axes, point)))) for point in points])


def random_state(system: Any, size: float = 0.1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A state and two directions."""
    rng = np.random.default_rng(3)
    n = system.layout.size
    return size * rng.normal(size=n), rng.normal(size=n), rng.normal(size=n)


def relative(found: Any, expected: Any) -> float:
    """Largest difference, relative to the largest entry."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())
