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


def flow():
    """A flow with a pressure, and other conditions for one component than for the other."""
    v, p, y = rz.vector_fields("v"), rz.fields("p"), tools.y
    equations = [rz.Eq(rz.dot(v, rz.grad(v)) - rz.lap(v) + rz.grad(p), 0), rz.Eq(rz.div(v), 0)]
    conditions = [rz.Dirichlet(v, (y * (1 - y), 0), on="left"), rz.Dirichlet(rz.component(v, tools.x), 0, on="top")]
    return rz.Problem(equations, domain=tools.small_mesh("triangle"), conditions=conditions)


def membrane():
    """An equation of second order in time, with its speed as an unknown of its own."""
    u = tools.u
    return rz.Problem(
        [rz.Eq(rz.dt(u, 2), rz.div((1 + u**2) * rz.grad(u)))], domain=tools.small_mesh("triangle"),
        conditions=[rz.Dirichlet(u, 0, on="left")], initial={u: 0, rz.dt(u): 0},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("problem", "options", "together"),
    [
        (tools.neo_hooke(), dict(degree=1), [["w_x", "w_y", "w_z"]]),
        (flow(), dict(degree=2), [["p"], ["v_x", "v_y"]]),
        (membrane(), dict(degree=2), [["u_t"]]),
    ],
    ids=["a body", "a flow", "a membrane"],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_rows_of_components_that_are_coupled_alike_stand_together(problem, options, together, threads):
    system = discretized(problem, threads=threads, **options)
    (u, v, _), e = tools.random_state(system, 0.02), 1e-6
    slope = (system.rhs(0, u + e * v) - system.rhs(0, u - e * v)) / (2 * e)
    assert tools.relative(system.rhs(0, u), system.rhs_numpy(0, u)) < 1e-13
    assert tools.relative(system.jacobian(0, u) @ v, slope) < 1e-8
    names, kernel = system.model.space.names, system._program("jacobian").kernels[0]
    assert sorted(sorted(names[f] for f, _ in group.tests) for group in kernel.row_groups) == together


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


def test_transposed_derivative_of_a_second_order_problem():
    """``du/dt = v`` is a row without integrals; its transpose goes to v."""
    u = rz.fields("u")
    equation = rz.Eq(rz.dt(u, 2), rz.lap(u) - u**3)
    problem = rz.Problem([equation], domain=rz.rectangle(n=(3, 4)), conditions=[rz.Dirichlet(u, 0)])
    system = problem.discretize(rz.FiniteElement(degree=2))
    state, direction, weights = np.random.default_rng(3).standard_normal((3, system.layout.size))
    forward, backward = system.jvp(0.0, state, direction), system.vjp(0.0, state, weights)
    assert forward @ weights == pytest.approx(direction @ backward, rel=1e-12)
    matrix = system.jacobian(0.0, state)
    np.testing.assert_allclose(backward, matrix.T @ weights, rtol=0, atol=1e-12 * np.abs(backward).max())


def test_kernels_can_be_read():
    u = rz.fields("u")
    problem = rz.Problem([rz.Eq(-rz.lap(u), 1)], domain=rz.rectangle(n=(3, 3)), conditions=[rz.Dirichlet(u, 0)])
    assert f"<{native.lanes()} x double>" in discretized(problem).native_source()
