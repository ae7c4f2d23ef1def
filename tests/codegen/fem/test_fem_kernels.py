"""Kernels of finite elements against sparse matrices of basis functions in NumPy, and against differences."""

import fem_tools as tools
import numpy as np
import pytest

import ritz as rz
from ritz.codegen import native

CELLS = ("interval", "triangle", "quadrilateral", "tetrahedron", "hexahedron")


def discretized(problem, **options):
    """A system whose code is not searched for better forms: many are made here, and searching takes longest."""
    return problem.discretize(rz.FiniteElement(**options), rewriter=None)


def check(system, t=0.3, size=0.1):
    u, v, w = tools.random_state(system, size)
    f = lambda state: system.rhs(t, state)  # noqa: E731
    assert tools.relative(f(u), system.rhs_numpy(t, u)) < 1e-13
    jacobian, e = system.jacobian(t, u), 1e-6
    assert tools.relative(jacobian @ v, (f(u + e * v) - f(u - e * v)) / (2 * e)) < 1e-8
    assert tools.relative(system.jvp(t, u, v), jacobian @ v) < 1e-12
    assert tools.relative(system.vjp(t, u, w), jacobian.T @ w) < 1e-12
    return jacobian


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_a_nonlinear_problem_on_every_cell(cell, degree):
    system = discretized(tools.quasilinear(cell), degree=degree)
    check(system)
    u, _, _ = tools.random_state(system)
    h = 1e-6
    slope = (system.rhs(0.3 + h, u) - system.rhs(0.3 - h, u)) / (2 * h)
    assert tools.relative(system.time_derivative(0.3, u), slope) < 1e-7
    p = np.array([2.0])
    slope = (system.rhs(0.3, u, p + h) - system.rhs(0.3, u, p - h)) / (2 * h)
    assert tools.relative(system.param_jvp(0.3, u, [1.0]), slope) < 1e-7
    mass = system.mass()
    assert abs(mass - mass.T).max() < 1e-15
    assert np.all(np.linalg.eigvalsh(mass.toarray()) > 0)


@pytest.mark.parametrize("degree", [0, 1, 2])
@pytest.mark.parametrize("cell", CELLS[1:])
def test_interior_facets_on_every_cell(cell, degree):
    problem = tools.interior_penalty(cell)
    jacobian = check(discretized(problem, elements={tools.u: rz.Element("DG", degree)}))
    assert abs(jacobian - jacobian.T).max() < 1e-12


@pytest.mark.parametrize("cell", ["triangle", "hexahedron", "tetrahedron"])
def test_a_vector_field_with_functions_of_its_gradient(cell):
    jacobian = check(tools.neo_hooke(cell).discretize(rz.FiniteElement(degree=1)), size=0.02)
    assert abs(jacobian - jacobian.T).max() < 1e-13
    check(tools.neo_hooke(cell).discretize(rz.FiniteElement(degree=2)), size=0.01)


@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
def test_any_width_of_vectors_gives_the_same(monkeypatch, lanes):
    monkeypatch.setattr(native, "lanes", lambda: lanes)
    check(discretized(tools.quasilinear("triangle"), degree=2))
    check(discretized(tools.interior_penalty("tetrahedron"), elements={tools.u: rz.Element("DG", 1)}))


def test_curved_cells_know_the_area_and_the_length_of_a_disc():
    v = rz.test(tools.u, "v")
    for degree, bound in ((1, 3e-2), (2, 2e-5)):
        mesh = rz.disc(size=0.15, geometry_degree=degree)
        problem = rz.Problem([rz.integral(tools.u * v - v) + rz.integral(v * tools.u, over="boundary")], domain=mesh)
        system = problem.discretize(rz.FiniteElement(degree=2))
        zero, one = np.zeros(system.layout.size), np.ones(system.layout.size)
        assert abs(system.rhs(0, zero).sum() - np.pi) < bound
        assert abs(one @ system.jacobian(0, zero) @ one + 3 * np.pi) < 2 * bound


def test_values_that_do_not_change_within_a_cell_are_summed_beforehand():
    problem = rz.Problem(
        [rz.Eq(-rz.lap(tools.u), 1)], domain=rz.Box(x=(0, 1), y=(0, 1)), conditions=[rz.Dirichlet(tools.u, 0)]
    )
    system = problem.discretize(rz.FiniteElement(4, 4, degree=2))
    assert "contracted" not in system.source()
    assert system.source("jacobian").strip().endswith("return (-1), (-1)")
    check(system)
