"""Second derivatives inside cells: kernels against NumPy, values against differences and polynomials."""

import fem_tools as tools
import numpy as np
import pytest

import ritz as rz
from ritz.codegen.mesh.lattice import number_second_order, second_order_points
from ritz.errors import UnsupportedError

x, y, z, u = tools.x, tools.y, tools.z, tools.u
v = rz.test(u, "v")
e = rz.vector_fields("E")
CELLS = ("triangle", "quadrilateral", "tetrahedron", "hexahedron")


def hessian(w):
    return rz.grad(rz.grad(w))


def curved_mesh(cell):
    """A few cells of second order, all of them bent."""
    straight = tools.small_mesh(cell)
    points = second_order_points(straight)
    points = points + 0.02 * np.sin(5 * points[:, ::-1] + 1)
    return type(straight).from_arrays(points, number_second_order(straight)[0], cell)


def residual_form(mesh):
    """Second derivatives of unknown and test function, alone, mixed, and times functions of the unknown."""
    bent = (1 + u**2) * rz.lap(u) * rz.lap(v) + rz.inner(hessian(u), hessian(v))
    along = rz.dot(rz.grad(u), rz.dot(hessian(u), rz.grad(u)))
    weak = rz.dot(rz.grad(u), rz.grad(v)) - v + 0.1 * bent + 0.01 * along * rz.dx(rz.dx(v))
    return rz.Problem(
        [rz.integral(weak, degree=4)], domain=mesh, conditions=[rz.PointValue(u, 0, at=tuple(mesh.points[0]))]
    )


def penalty_form(mesh):
    """The interior-penalty form of the biharmonic operator, clamped."""
    n = rz.normal()

    def bend(w):
        return rz.dot(n, rz.dot(hessian(w), n))

    def turn(w):
        return rz.dot(rz.grad(w), n)

    def inside(w):
        return rz.dot(rz.jump(rz.grad(w)), rz.side(n, "+"))

    jumps = -rz.average(bend(u)) * inside(v) - rz.average(bend(v)) * inside(u)
    jumps += 20 / rz.facet_size() * inside(u) * inside(v)
    outside = -bend(u) * turn(v) - bend(v) * turn(u) + 20 / rz.facet_size() * turn(u) * turn(v)
    weak = rz.integral(rz.inner(hessian(u), hessian(v)) - v) + rz.integral(jumps, over="facets")
    weak += rz.integral(outside, over="boundary")
    return rz.Problem([weak], domain=mesh, conditions=[rz.PointValue(u, 0, at=tuple(mesh.points[0]))])


def check(system):
    state, d, w = tools.random_state(system)
    assert tools.relative(system.rhs(0, state), system.rhs_numpy(0, state)) < 1e-13
    jacobian, h = system.jacobian(0, state), 1e-6
    change = (system.rhs(0, state + h * d) - system.rhs(0, state - h * d)) / (2 * h)
    assert tools.relative(jacobian @ d, change) < 1e-8
    assert tools.relative(system.jvp(0, state, d), jacobian @ d) < 1e-12
    assert tools.relative(system.vjp(0, state, w), jacobian.T @ w) < 1e-12
    return jacobian


def discretized(problem, **options):
    return problem.discretize(rz.FiniteElement(**options), rewriter=None)


STRAIGHT = [
    ("interval", 3), ("triangle", 2), ("quadrilateral", 1), ("quadrilateral", 3), ("tetrahedron", 2), ("hexahedron", 1),
]  # fmt: skip
CURVED = [("triangle", 1), ("triangle", 3), ("quadrilateral", 2), ("tetrahedron", 2), ("hexahedron", 1)]


@pytest.mark.parametrize("cell, degree", STRAIGHT)
def test_kernels_inside_straight_cells(cell, degree):
    check(discretized(residual_form(tools.small_mesh(cell)), degree=degree))


@pytest.mark.parametrize("cell, degree", CURVED)
def test_kernels_inside_curved_cells(cell, degree):
    check(discretized(residual_form(curved_mesh(cell)), degree=degree))


@pytest.mark.parametrize(
    "cell, make",
    [("triangle", tools.small_mesh), ("quadrilateral", tools.small_mesh), ("triangle", curved_mesh),
     ("tetrahedron", curved_mesh)],
)  # fmt: skip
def test_kernels_on_facets(cell, make):
    jacobian = check(discretized(penalty_form(make(cell)), degree=2))
    assert abs(jacobian - jacobian.T).max() < 1e-12 * abs(jacobian).max()


def shape(mesh, degree, element="Lagrange"):
    """A system of a field that any state may hold."""
    if element == "Lagrange":
        problem = rz.Problem([rz.integral(u * v - v)], domain=mesh)
        return discretized(problem, degree=degree)
    problem = rz.Problem([rz.integral(rz.dot(e, rz.test(e, "w")))], domain=mesh)
    return discretized(problem, elements={e: (element, degree)})


@pytest.mark.parametrize("make", [tools.small_mesh, curved_mesh])
@pytest.mark.parametrize("cell", CELLS)
def test_values_are_those_of_differences(cell, make):
    """Independent of any pull-back: values near a point, found by locating the points."""
    mesh, h = make(cell), 1e-3
    system = shape(mesh, 2)
    state, _, _ = tools.random_state(system)
    middle = mesh.points[mesh.cells[1:4]].mean(axis=1)
    axes = (x, y, z)[: mesh.dim]
    for i, a in enumerate(axes):
        for j, b in enumerate(axes[: i + 1]):
            one, two = h * np.eye(mesh.dim)[i], h * np.eye(mesh.dim)[j]
            found = system.evaluate(rz.d(rz.d(u, a), b), middle, state)
            steps = [(s, t) for s in (1, -1) for t in (1, -1)]
            near = [s * t * system.evaluate(u, middle + s * one + t * two, state) for s, t in steps]
            assert tools.relative(sum(near) / (4 * h**2), found) < 2e-4


@pytest.mark.parametrize("cell", ["interval", *CELLS[:3]])
def test_integrals_of_polynomials(cell):
    """Second-degree elements hold x^2 + 3 x y - y^2 on straight simplices, and on the mapped squares of a lattice."""
    lattice = rz.rectangle if cell in CELLS[:2] else rz.box
    mesh = rz.interval(0, 1, 3) if cell == "interval" else lattice(n=2, cell=cell)
    system = shape(mesh, 2)
    points = system.nodes("u")
    second = points[:, 1] if mesh.dim > 1 else 0 * points[:, 0]
    state = points[:, 0] ** 2 + 3 * points[:, 0] * second - second**2
    assert system.integrate(rz.dx(rz.dx(u)) ** 2, state) == pytest.approx(4, rel=1e-12)
    if mesh.dim > 1:
        assert system.integrate(rz.dx(rz.dy(u)) * rz.dy(rz.dx(u)), state) == pytest.approx(9, rel=1e-12)
        assert system.integrate(rz.dy(rz.dy(u)) ** 2, state) == pytest.approx(4, rel=1e-12)
        assert system.integrate(rz.lap(u), state) == pytest.approx(0, abs=1e-11)
        pulled = system.functional(rz.integral(rz.lap(u) ** 2))
        rng = np.random.default_rng(0)
        direction, h = rng.normal(size=state.size), 1e-4
        change = (pulled(state + h * direction) - pulled(state - h * direction)) / (2 * h)
        assert pulled.gradient(state) @ direction == pytest.approx(change, rel=1e-7)


def test_linear_elements_on_straight_simplices_have_none():
    """They are left out before any code is written, and the choices say so."""
    problem = residual_form(tools.small_mesh("triangle"))
    system = discretized(problem, degree=1)
    assert "d00_" in discretized(problem, degree=2).source("rhs") and "d00_" not in system.source("rhs")
    assert not any(len(probe.derivative) > 1 for probe in system.model.space.probes.values())
    assert any("second derivatives of u vanish" in line for line in system.model.choices)
    assert "d01_" in discretized(residual_form(tools.small_mesh("quadrilateral")), degree=1).source("rhs")


def test_products_of_constant_derivatives_are_summed_beforehand():
    problem = rz.Problem([rz.integral(rz.lap(u) * rz.lap(v) + u * v)], domain=tools.small_mesh("triangle"))
    system = discretized(problem, degree=2)
    assert "return" in system.source("jacobian") and "d00_u" not in system.source("jacobian")
    check(system)


def test_samples_are_rows_of_the_whole():
    system = discretized(penalty_form(tools.small_mesh("triangle")), degree=2)
    state, _, _ = tools.random_state(system)
    chosen = np.array([3, 11, 17])
    part = system.sample(dofs=chosen)
    assert tools.relative(part.rhs(0, state[part.inputs]), system.rhs(0, state)[chosen]) < 1e-12


def test_vector_fields_with_components_of_their_own():
    w = rz.test(e, "w")
    weak = rz.dot(rz.lap(e), rz.lap(w)) + rz.dot(rz.grad(rz.div(e)), rz.grad(rz.div(w))) + rz.dot(e, w)
    check(discretized(rz.Problem([rz.integral(weak)], domain=tools.small_mesh("triangle")), degree=2))


@pytest.mark.parametrize("element", ["RT", "Nedelec"])
@pytest.mark.parametrize("cell", ["triangle", "tetrahedron"])
def test_vector_elements(cell, element):
    """On curved cells what turns the functions varies too; second derivatives are there on straight ones."""
    w, h, degree = rz.test(e, "w"), 1e-5, 2 if cell == "triangle" else 1
    for mesh in (tools.small_mesh(cell), curved_mesh(cell)):
        weak = rz.inner(rz.grad(e), rz.grad(w)) * (1 + rz.dot(e, e)) - x * rz.div(w) + rz.dot(e, w)
        straight = mesh.geometry_degree == 1
        weak += rz.dot(rz.grad(rz.div(e)), rz.grad(rz.div(w))) + rz.dot(rz.lap(e), w) if straight else 0
        system = discretized(rz.Problem([rz.integral(weak, degree=4)], domain=mesh), elements={e: (element, degree)})
        check(system)
        state, _, _ = tools.random_state(system)
        middle = mesh.points[mesh.cells[1:4]].mean(axis=1)
        for i in range(mesh.dim):
            step = h * np.eye(mesh.dim)[i]
            change = (system.evaluate(e, middle + step, state) - system.evaluate(e, middle - step, state)) / (2 * h)
            found = np.reshape(system.evaluate(rz.grad(e), middle, state), (mesh.dim, mesh.dim, -1))[i]
            assert tools.relative(change, found) < 1e-8
    with pytest.raises(UnsupportedError, match="second derivative of E_. is asked for, but on curved cells"):
        system.evaluate(rz.lap(e), middle, state)
    with pytest.raises(UnsupportedError, match="second derivative of E .* on curved cells .* first derivatives only"):
        weak = rz.integral(rz.dot(rz.lap(e) + e, w))
        discretized(rz.Problem([weak], domain=curved_mesh(cell)), elements={e: (element, 2)})
