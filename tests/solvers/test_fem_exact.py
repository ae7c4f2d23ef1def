"""What finite elements have exactly: polynomials of their degree, symmetry, rigid motions, balances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fem_tools import small_mesh

import ritz as rz

x, y, z = rz.coords("x y z")
u, w = rz.fields("u w")
V = rz.vector_fields("V")
v = rz.test(u, "v")
CELLS = ["interval", "triangle", "quadrilateral", "tetrahedron", "hexahedron"]


def axes_of(mesh: Any) -> tuple[Any, ...]:
    return (x, y, z)[: mesh.dim]


def linear_elasticity(mesh: Any, conditions: Any = (), force: Any = 0, rate: bool = False) -> rz.Problem:
    lam, mu = rz.params("lam mu", default=(1.2, 0.8))
    stress = lam * rz.div(V) * rz.identity() + 2 * mu * rz.sym(rz.grad(V))
    left = rz.div(stress) + rz.vector(*force) if force else rz.div(stress)
    equation = rz.Eq(rz.dt(V), left) if rate else rz.Eq(-left, (0,) * mesh.dim)
    return rz.Problem([equation], domain=mesh, conditions=list(conditions), initial={V: 0} if rate else None)


# ------------------------------------------------------------------------------------------- patch tests
@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_polynomials_of_the_degree_are_exact(cell, degree):
    """Diffusion with a coefficient that varies; on bent cells the linear polynomials only."""
    mesh = small_mesh(cell)
    bent = cell in ("quadrilateral", "hexahedron")
    exact = (1 + sum((k + 1) * a for k, a in enumerate(axes_of(mesh)))) ** (1 if bent else degree)
    k = 1 + x / 3
    source = -sum((k * exact.diff(a)).diff(a) for a in axes_of(mesh))
    problem = rz.Problem([rz.Eq(-rz.div(k * rz.grad(u)), source)], domain=mesh, conditions=[rz.Dirichlet(u, exact)])
    system = problem.discretize(rz.FiniteElement(degree=degree))
    state = rz.solve(system).y[:, -1]
    size = system.error({u: 0}, state)
    assert system.error({u: exact}, state) < 1e-12 * size
    assert system.error({u: exact}, state, norm="H1") < 1e-11 * size


HIGH = [("interval", 10), ("interval", 20), ("interval", 30), ("triangle", 12), ("triangle", 16)]


@pytest.mark.parametrize("cell, degree", HIGH)
def test_polynomials_of_high_degree_are_exact(cell, degree):
    """The mass matrix, of twice the degree, is integrated exactly as well."""
    mesh = small_mesh(cell)
    exact = sum((x - 2 * y if mesh.dim > 1 else x - 1) ** k for k in range(degree + 1))
    source = exact - sum(exact.diff(a, 2) for a in axes_of(mesh))
    problem = rz.Problem([rz.Eq(u - rz.lap(u), source)], domain=mesh, conditions=[rz.Dirichlet(u, exact)])
    system = problem.discretize(rz.FiniteElement(degree=degree))
    state = rz.solve(system).y[:, -1]
    assert system.error({u: exact}, state) < 1e-10 * system.error({u: 0}, state)


def test_cell_matrices_too_large_for_the_stack():
    """Fewer cells at once where one matrix is large, and a message where it is too large."""
    problem = linear_elasticity(small_mesh("quadrilateral"), [rz.Dirichlet(V, (x * y, x - y))])
    system = problem.discretize(rz.FiniteElement(degree=14))
    one = np.ones(system.layout.size)
    change = system.rhs_numpy(0.0, one) - system.rhs_numpy(0.0, 0 * one)
    np.testing.assert_allclose(system.jacobian(0.0, one) @ one, change, atol=1e-10 * np.abs(change).max())
    with pytest.raises(rz.errors.UnsupportedError, match="'Lagrange', 24.*on a quadrilateral gives cell matrices of"):
        problem.discretize(rz.FiniteElement(degree=24)).jacobian(0.0, np.zeros(1))


@pytest.mark.parametrize("degree", [9, 10, 16, 30])
def test_eigenvalues_of_high_degree(degree):
    """``pi^2 j^2 + 1`` on two cells: what is left is rounding, with quadrature that is chosen by default."""
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), rz.lap(u) - u)], domain=rz.Interval(0, 1), conditions=[rz.Dirichlet(u, 0)], initial={u: 0}
    )
    found = rz.eigenvalues(problem.discretize(rz.FiniteElement(2, degree=degree)), 2).eigenvalues
    np.testing.assert_allclose(found, np.pi**2 * np.array([1, 4]) + 1, rtol=1e-9)


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("cell", CELLS[1:])
def test_constant_strain(cell, degree):
    """A linear displacement, prescribed at the boundary, is found inside, with the traction of its stress."""
    mesh = small_mesh(cell)
    space = axes_of(mesh)
    slopes = np.array([[0.02, 0.01, -0.03], [0.005, -0.01, 0.02], [0.01, 0.04, 0.03]])[: mesh.dim, : mesh.dim]
    exact = tuple(sum(float(a) * b for a, b in zip(row, space)) for row in slopes)
    problem = linear_elasticity(mesh, [rz.Dirichlet(V, exact)])
    system = problem.discretize(rz.FiniteElement(degree=degree))
    state = rz.solve(system).y[:, -1]
    assert system.error({V: exact}, state, norm="H1") < 1e-13
    stress = 1.2 * np.trace(slopes) * np.eye(mesh.dim) + 0.8 * (slopes + slopes.T)
    area = [
        system.integrate(rz.integral(rz.component(rz.normal(), a), over="boundary", on="right"), state) for a in space
    ]
    np.testing.assert_allclose(system.flux(V, "right", state), stress @ area, atol=1e-13)


# ------------------------------------------------------------------------------------------- matrices
@pytest.mark.parametrize("cell", CELLS[1:])
def test_free_elasticity_has_the_rigid_motions(cell):
    mesh = small_mesh(cell)
    rigid = 3 if mesh.dim == 2 else 6
    with pytest.raises(rz.errors.ConditionError, match="the body can move as a whole"):
        linear_elasticity(mesh)
    system = linear_elasticity(mesh, rate=True).discretize(rz.FiniteElement(degree=1))
    stiffness = -system.jacobian(0.0, np.zeros(system.layout.size)).toarray()
    values = np.linalg.eigvalsh(stiffness)
    assert np.abs(stiffness - stiffness.T).max() < 1e-14 * values[-1]
    assert np.abs(values[:rigid]).max() < 1e-13 * values[-1] and values[rigid] > 1e-4 * values[-1]


@pytest.mark.parametrize("cell", CELLS)
def test_mass_and_stiffness_are_symmetric_and_weigh_the_domain(cell):
    mesh = small_mesh(cell)
    problem = rz.Problem([rz.Eq(rz.dt(u), rz.lap(u))], domain=mesh, conditions=[rz.Neumann(u, 0)], initial={u: 0})
    system = problem.discretize(rz.FiniteElement(degree=2))
    ones = np.ones(system.layout.size)
    mass, stiffness = system.mass(), -system.jacobian(0.0, ones)
    assert abs(mass - mass.T).max() < 1e-15 and abs(stiffness - stiffness.T).max() < 1e-13
    assert ones @ (mass @ ones) == pytest.approx(mesh.volumes.sum(), rel=1e-13)
    assert np.abs(stiffness @ ones).max() < 1e-12
    values = np.linalg.eigvalsh(stiffness.toarray())
    assert abs(values[0]) < 1e-12 * values[-1] < values[1]
    assert np.linalg.eigvalsh(mass.toarray()).min() > 0


# ------------------------------------------------------------------------------------------- balances
@pytest.mark.parametrize("cell", CELLS[1:])
def test_what_flows_out_is_what_is_made(cell):
    """Fluxes read off the residual balance sources, Neumann and Robin fluxes to rounding, on any mesh."""
    mesh = small_mesh(cell)
    closed = ["bottom", "back", "front"] if mesh.dim == 3 else ["bottom"]
    conditions = [
        rz.Dirichlet(u, x * y, on="left"), rz.Neumann(u, rz.sin(y), on="right"),
        rz.Robin(u, coefficient=2, value=x, on="top"), rz.Neumann(u, 0, on=closed),
    ]  # fmt: skip
    source = rz.exp(x) * (1 + u**2)
    problem = rz.Problem([rz.Eq(-rz.div((1 + u**2) * rz.grad(u)), source)], domain=mesh, conditions=conditions)
    system = problem.discretize(rz.FiniteElement(degree=2, quadrature=8))
    state = rz.solve(system).y[:, -1]
    made = system.integrate(rz.integral(source, degree=8), state)
    given = system.integrate(rz.integral(rz.sin(y), over="boundary", on="right", degree=8), state)
    lost = system.integrate(rz.integral(2 * (u - x), over="boundary", on="top", degree=8), state)
    (through,) = system.flux(u, "left", state)
    assert made + given - lost + through == pytest.approx(0, abs=1e-11)
    assert abs(made) > 1


def test_mass_is_kept_where_nothing_passes_the_boundary():
    """Diffusion and advection in divergence form, closed or periodic: the integral of u does not change."""
    flow = rz.vector(rz.sin(rz.pi * x) * rz.cos(rz.pi * y), -rz.cos(rz.pi * x) * rz.sin(rz.pi * y))
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), rz.div((1 + u**2) * rz.grad(u) / 50 - flow * u))], domain=small_mesh("triangle"),
        conditions=[rz.Neumann(u, 0)], initial={u: rz.exp(-x)},
    )  # fmt: skip
    system = problem.discretize(rz.FiniteElement(degree=2))
    for method in ("ESDIRK4", "BDF2"):
        solution = rz.solve(system, (0, 0.3), method=method, dt=0.03)
        found = [system.integrate(rz.integral(u), state) for state in solution.y.T]
        assert np.ptp(found) < 1e-9 * found[0]


# ------------------------------------------------------------------------------------------- conditions
def test_pure_neumann_with_zero_mean():
    exact = rz.cos(rz.pi * x) * rz.cos(2 * rz.pi * y)
    source = 5 * rz.pi**2 * exact
    problem = rz.Problem([rz.Eq(-rz.lap(u), source)], domain=rz.rectangle(n=12), conditions=[rz.MeanZero(u)])
    system = problem.discretize(rz.FiniteElement(degree=3))
    state = rz.solve(system).y[:, -1]
    assert abs(system.integrate(u, state)) < 1e-13
    assert system.error({u: exact}, state) < 5e-4


def test_incompatible_fluxes_are_told_by_the_multiplier():
    """Sources that do not sum to zero are balanced by the multiplier of the mean, their mean with opposite sign."""
    problem = rz.Problem([rz.Eq(-rz.lap(u), 1)], domain=rz.rectangle(n=6), conditions=[rz.MeanZero(u)])
    system = problem.discretize(rz.FiniteElement(degree=1))
    state = rz.solve(system).y[:, -1]
    assert float(np.ravel(system.to_fields(state)["mean_u"])[0]) == pytest.approx(1.0, abs=1e-12)


def test_point_value_fixes_the_level():
    exact = x**2 - y**2 + 3
    conditions = [rz.Neumann(u, 2, on="right"), rz.Neumann(u, -2, on="top"), rz.PointValue(u, 3, at=(0, 0))]
    problem = rz.Problem([rz.Eq(-rz.lap(u), 0)], domain=rz.rectangle(n=4), conditions=conditions)
    system = problem.discretize(rz.FiniteElement(degree=2))
    assert system.error({u: exact}, rz.solve(system).y[:, -1]) < 1e-12


def test_robin_condition():
    """``u_x + 2 (u - 3 y) = 0`` to the right, by hand for a polynomial."""
    exact = x**2 + y
    conditions = [
        rz.Dirichlet(u, exact, on=["left", "bottom", "top"]), rz.Robin(u, coefficient=2, value=2 + y, on="right"),
    ]  # fmt: skip
    problem = rz.Problem([rz.Eq(-rz.lap(u), -2)], domain=rz.rectangle(n=4), conditions=conditions)
    system = problem.discretize(rz.FiniteElement(degree=2))
    assert system.error({u: exact}, rz.solve(system).y[:, -1]) < 1e-12


def test_mixed_conditions_for_each_component():
    """Rollers at three sides and a pull at the fourth: uniaxial strain, by hand."""
    mesh = rz.rectangle(n=4)
    conditions = [
        rz.Dirichlet(rz.component(V, x), 0, on="left"), rz.Dirichlet(rz.component(V, y), 0, on=["bottom", "top"]),
        rz.Neumann(rz.component(V, x), 0.1, on="right"),
    ]  # fmt: skip
    system = linear_elasticity(mesh, conditions).discretize(rz.FiniteElement(degree=1))
    state = rz.solve(system).y[:, -1]
    assert system.error({V: (0.1 / (1.2 + 1.6) * x, 0)}, state) < 1e-14


def test_global_number_as_a_multiplier():
    """The source strength that makes the mean 1: an unknown number; the exact one is known from the torsion series."""
    strength = rz.numbers("strength")
    q = rz.test(strength, "q")
    form = rz.integral(rz.dot(rz.grad(u), rz.grad(v)) - strength * v + q * (u - 1))
    problem = rz.Problem([form], domain=rz.rectangle(n=6, cell="quadrilateral"), conditions=[rz.Dirichlet(u, 0)])
    system = problem.discretize(rz.FiniteElement(degree=5))
    fields = system.to_fields(rz.solve(system).y[:, -1])
    assert float(np.ravel(fields["strength"])[0]) == pytest.approx(1 / 0.03514425373878843, rel=1e-7)


def test_periodic_in_one_direction_with_values_in_the_other():
    exact = rz.sin(2 * rz.pi * x) * rz.sin(rz.pi * y)
    errors = []
    for n in (8, 16, 32):
        problem = rz.Problem(
            [rz.Eq(-rz.lap(u), 5 * rz.pi**2 * exact)], domain=rz.Box(x=(0, 1), y=(0, 1)),
            conditions=[rz.Periodic("x"), rz.Dirichlet(u, 0, on=["bottom", "top"])],
        )  # fmt: skip
        system = problem.discretize(rz.FiniteElement(n, n, degree=2))
        errors.append(system.error({u: exact}, rz.solve(system).y[:, -1], degree=10))
    assert np.log2(errors[-2] / errors[-1]) == pytest.approx(3, abs=0.1)
    ends = system.to_fields(rz.solve(system).y[:, -1])["u"], system.nodes("u")
    left, right = (np.sort(ends[0][np.isclose(ends[1][:, 0], side)]) for side in (0, 1))
    np.testing.assert_array_equal(left, right)


def test_mesh_with_periodic_groups():
    """A pair of groups of a mesh: a solution that is not zero at the seam."""
    exact = rz.cos(2 * rz.pi * x) * (1 - y)
    source = 4 * rz.pi**2 * exact
    conditions = [rz.Periodic(("left", "right")), rz.Dirichlet(u, exact, on=["bottom", "top"])]
    problem = rz.Problem([rz.Eq(-rz.lap(u), source)], domain=rz.rectangle(n=16), conditions=conditions)
    system = problem.discretize(rz.FiniteElement(degree=3))
    assert system.error({u: exact}, rz.solve(system).y[:, -1]) < 1e-5
