"""Orders of finite elements in time with moving boundary values, of discontinuous elements, and against Fourier."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fem_tools import small_mesh

import ritz as rz

x, y = rz.coords("x y")
u = rz.fields("u")
v = rz.test(u, "v")
IMPLICIT = {"ESDIRK4": 4, "SDIRK3": 3, "SDIRK2": 2, "BDF2": 2, "CrankNicolson": 2, "BackwardEuler": 1}
SECOND_ORDER = {"Newmark": 2, "GeneralizedAlpha": 2}


def orders(errors: Any) -> np.ndarray:
    """Observed orders between levels that halve the step."""
    errors = np.asarray(errors)
    return np.log2(errors[:-1] / errors[1:])


# ------------------------------------------------------------------------------------------- time
@pytest.mark.parametrize("method, order", IMPLICIT.items())
def test_boundary_values_that_move(method, order):
    """A solution in the space at all times: the error is that of the stepper, whose full order has to be there."""
    exact = (1 + x + y**2) * rz.exp(-rz.t) + x * rz.sin(3 * rz.t)
    source = exact.diff(rz.t) - exact.diff(x, 2) - exact.diff(y, 2)
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), rz.lap(u) + source)], domain=rz.rectangle(n=3),
        conditions=[rz.Dirichlet(u, exact, on=["left", "top", "bottom"]), rz.Neumann(u, exact.diff(x), on="right")],
        initial={u: exact.subs(rz.t, 0)},
    )  # fmt: skip
    system = problem.discretize(rz.FiniteElement(degree=2))
    errors = []
    for steps in (40, 80, 160, 320):
        state = rz.solve(system, (0, 1), method=method, dt=1 / steps).y[:, -1]
        errors.append(system.error({u: exact}, state, 1.0))
    assert abs(orders(errors)[-1] - order) < 0.15, orders(errors)
    assert errors[-1] < 1e-2


@pytest.mark.parametrize("method, order", SECOND_ORDER.items())
def test_boundary_values_that_move_in_a_wave(method, order):
    exact = (1 + x + y**2) * rz.cos(rz.t) + x * rz.sin(2 * rz.t)
    source = exact.diff(rz.t, 2) - exact.diff(x, 2) - exact.diff(y, 2)
    problem = rz.Problem(
        [rz.Eq(rz.dt(u, 2), rz.lap(u) + source)], domain=rz.rectangle(n=3), conditions=[rz.Dirichlet(u, exact)],
        initial={u: exact.subs(rz.t, 0), rz.dt(u): exact.diff(rz.t).subs(rz.t, 0)},
    )  # fmt: skip
    system = problem.discretize(rz.FiniteElement(degree=2))
    errors = []
    for steps in (40, 80, 160, 320):
        state = rz.solve(system, (0, 1), method=method, dt=1 / steps).y[:, -1]
        errors.append(system.error({u: exact}, state, 1.0))
    assert abs(orders(errors)[-1] - order) < 0.15, orders(errors)


# ------------------------------------------------------------------------------------------- Fourier
@pytest.mark.parametrize("equation", ["linear diffusion", "nonlinear diffusion"])
def test_one_equation_by_fourier_and_by_finite_elements(equation):
    """The same cell but for the discretisation: the difference is the error of the elements, of order k + 1."""
    diffusion = rz.lap(u) / 50 if equation == "linear diffusion" else rz.div((1 + u**2) * rz.grad(u)) / 50
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), diffusion - u * rz.dx(u) / 3 - rz.dy(u) / 5)], domain=rz.Box(x=(0, 2), y=(0, 1)),
        conditions=[rz.Periodic()], initial={u: rz.sin(rz.pi * x) + rz.cos(2 * rz.pi * y) / 2},
    )  # fmt: skip
    spectral = problem.discretize(rz.Fourier(96, 96))
    end = rz.solve(spectral, (0, 0.5), rtol=1e-8, atol=1e-9)
    grid = np.asarray(end["u"])[-1, ::2, ::2]
    points = np.stack(np.meshgrid(*(np.arange(48) / 48 * length for length in (2, 1)), indexing="ij"), axis=-1)
    errors = []
    for n in (8, 16, 32):
        system = problem.discretize(rz.FiniteElement(n, n, degree=2))
        state = rz.solve(system, (0, 0.5), method="ESDIRK4", rtol=1e-7, atol=1e-8).y[:, -1]
        found = system.evaluate(u, points.reshape(-1, 2), state, 0.5)
        errors.append(np.sqrt(np.mean((found - grid.ravel()) ** 2)))
    assert abs(orders(errors)[-1] - 3) < 0.4, (orders(errors), errors)
    assert errors[-1] < 2e-4


# ------------------------------------------------------------------------------------------- discontinuous elements
def upwind(n: int, degree: int, mesh: Any = None) -> tuple[Any, Any]:
    """``b . grad(u) + u = f`` by the upwind method of Lesaint and Raviart (1974)."""
    b, exact = rz.vector(1, 0.6), rz.sin(2 * x + y) + x * y
    source = exact.diff(x) + 0.6 * exact.diff(y) + exact
    normal = rz.normal()
    out = rz.dot(b, normal)
    across = rz.dot(b, rz.side(normal, "+"))
    from_above = (across + rz.Abs(across)) / 2 * rz.side(u, "+") + (across - rz.Abs(across)) / 2 * rz.side(u, "-")
    form = (
        rz.integral(-u * rz.dot(b, rz.grad(v)) + u * v - source * v)
        + rz.integral(from_above * rz.jump(v), over="facets")
        + rz.integral(((out + rz.Abs(out)) / 2 * u + (out - rz.Abs(out)) / 2 * exact) * v, over="boundary")
    )
    problem = rz.Problem([form], domain=mesh or rz.rectangle(n=n))
    return problem.discretize(rz.FiniteElement(elements={u: rz.Element("DG", degree)})), exact


@pytest.mark.parametrize("degree", [0, 1, 2])
def test_upwind_elements(degree):
    """At least k + 1/2 on any mesh, k + 1 on these."""
    errors = []
    for n in (8, 16, 32):
        system, exact = upwind(n, degree)
        errors.append(system.error({u: exact}, rz.solve(system).y[:, -1]))
    assert degree + 0.5 - 0.05 < orders(errors)[-1] < degree + 1.1, orders(errors)


def test_upwind_elements_keep_the_balance_in_every_cell():
    """With a test function that is one in a single cell: what flows in, out and is lost."""
    system, _ = upwind(4, 1)
    state = rz.solve(system).y[:, -1]
    ones = np.ones(system.layout.size)
    assert abs(ones @ system.rhs(0.0, state)) < 1e-13


def interior_penalty(n: int, degree: int, exact: Any) -> Any:
    """The symmetric interior-penalty method of Arnold, SIAM J. Numer. Anal. 19 (1982) 742."""
    normal, h, weight = rz.normal(), rz.cell_size(), 10 * degree**2
    across = rz.side(normal, "+")
    flux = rz.dot(rz.average(rz.grad(u)), across)
    source = -exact.diff(x, 2) - exact.diff(y, 2)
    form = (
        rz.integral(rz.dot(rz.grad(u), rz.grad(v)) - source * v)
        - rz.integral(flux * rz.jump(v) + rz.dot(rz.average(rz.grad(v)), across) * rz.jump(u), over="facets")
        + rz.integral(weight / rz.average(h) * rz.jump(u) * rz.jump(v), over="facets")
        - rz.integral(rz.dot(rz.grad(u), normal) * v + rz.dot(rz.grad(v), normal) * (u - exact), over="boundary")
        + rz.integral(weight / h * (u - exact) * v, over="boundary")
    )
    problem = rz.Problem([form], domain=rz.rectangle(n=n))
    return problem.discretize(rz.FiniteElement(elements={u: rz.Element("DG", degree)}))


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_interior_penalty_elements(degree):
    exact = rz.sin(rz.pi * x) * rz.exp(y)
    errors = []
    for n in (6, 12, 24):
        system = interior_penalty(n, degree, exact)
        state = rz.solve(system).y[:, -1]
        errors.append([system.error({u: exact}, state, norm=norm) for norm in ("L2", "H1")])
    assert np.abs(orders(errors)[-1] - [degree + 1, degree]).max() < 0.1, orders(errors)
    jacobian = system.jacobian(0.0, state)
    assert abs(jacobian - jacobian.T).max() < 1e-10 * abs(jacobian).max()


def test_interior_penalty_elements_hold_polynomials():
    exact = 1 + x - 2 * y + x * y + y**2
    system = interior_penalty(3, 2, exact)
    assert system.error({u: exact}, rz.solve(system).y[:, -1]) < 1e-11


# ------------------------------------------------------------------------------------------- curved cells
def test_curved_cells_keep_the_order():
    """Poisson on a disc: straight edges hold quadratic elements back to order 2, curved ones do not."""
    exact = (1 - x**2 - y**2) * rz.exp(x)
    source = -exact.diff(x, 2) - exact.diff(y, 2)
    found = {}
    for geometry in (1, 2):
        errors = []
        for size in (0.2, 0.1, 0.05):
            mesh = rz.disc(size=size, geometry_degree=geometry)
            problem = rz.Problem([rz.Eq(-rz.lap(u), source)], domain=mesh, conditions=[rz.Dirichlet(u, 0)])
            system = problem.discretize(rz.FiniteElement(degree=2))
            errors.append(system.error({u: exact}, rz.solve(system).y[:, -1]))
        found[geometry] = orders(errors)[-1]
    assert abs(found[1] - 2) < 0.15 and abs(found[2] - 3) < 0.15, found


def test_refined_meshes_agree_with_made_ones():
    """Halving a mesh of cells in general position: the order on its offspring."""
    exact = rz.sin(2 * x) * rz.cos(y)
    mesh, errors = small_mesh("triangle"), []
    for _ in range(4):
        problem = rz.Problem([rz.Eq(-rz.lap(u), 5 * exact)], domain=mesh, conditions=[rz.Dirichlet(u, exact)])
        system = problem.discretize(rz.FiniteElement(degree=2))
        errors.append(system.error({u: exact}, rz.solve(system).y[:, -1]))
        mesh = mesh.refine()
    assert abs(orders(errors)[-1] - 3) < 0.1, orders(errors)
