"""Elements that carry all components of a field: Raviart-Thomas and Nedelec."""

import fem_tools as tools
import numpy as np
import pytest

import ritz as rz

x, y, z = tools.x, tools.y, tools.z
p = rz.fields("p")
s, e = rz.vector_fields("s E")


def poisson(n, degree):
    """``s = -grad(p)``, ``div(s) = f``; the condition p = 0 is the natural one."""
    exact = rz.sin(rz.pi * x) * rz.sin(rz.pi * y)
    w, q = rz.test(s, "w"), rz.test(p, "q")
    weak = rz.integral(rz.dot(s, w) - p * rz.div(w) + (rz.div(s) - 2 * rz.pi**2 * exact) * q)
    problem = rz.Problem([weak], domain=rz.rectangle(n=(n, n)))
    element = rz.FiniteElement(elements={s: ("RT", degree), p: ("DG", degree - 1)})
    return problem.discretize(element, rewriter=None), {p: exact}, {s: (-exact.diff(x), -exact.diff(y))}


@pytest.mark.parametrize("degree", [1, 2])
def test_raviart_thomas_converges_with_its_degree_and_conserves(degree):
    errors = []
    for n in (6, 12):
        system, *exact = poisson(n, degree)
        u = rz.solve(system).final_state
        errors.append([system.error(one, u) for one in exact])
        outflow = system.integrate(rz.integral(rz.dot(rz.normal(), s), over="boundary"), u)
        assert abs(outflow - system.integrate(rz.div(s), u)) < 1e-11  # normal components are continuous
    orders = np.log2(np.array(errors[0]) / errors[1])
    assert np.all(np.abs(orders - degree) < 0.1)


@pytest.mark.parametrize("degree", [1, 2])
def test_nedelec_converges_with_its_degree(degree):
    exact = (rz.sin(rz.pi * y), rz.sin(rz.pi * x))
    v, errors = rz.test(e, "v"), []
    for n in (6, 12):
        source = rz.vector(*((rz.pi**2 + 1) * part for part in exact))
        weak = rz.integral(rz.curl(e) * rz.curl(v) + rz.dot(e, v) - rz.dot(source, v))
        problem = rz.Problem([weak], domain=rz.rectangle(n=(n, n)), conditions=[rz.Dirichlet(e, (0, 0))])
        system = problem.discretize(rz.FiniteElement(elements={e: ("Nedelec", degree)}), rewriter=None)
        u = rz.solve(system).final_state
        errors.append(system.error({e: exact}, u))
    assert abs(np.log2(errors[0] / errors[1]) - degree) < 0.1


@pytest.mark.parametrize("family", ["RT", "Nedelec"])
def test_kernels_of_vector_elements_in_space(family):
    v = rz.test(e, "v")
    inner = rz.div(e) * rz.div(v) if family == "RT" else rz.dot(rz.curl(e), rz.curl(v))
    weak = rz.integral(inner * (1 + rz.dot(e, e)) - rz.dot(e, v) * x)
    problem = rz.Problem([weak], domain=tools.small_mesh("tetrahedron"))
    system = problem.discretize(rz.FiniteElement(elements={e: (family, 2)}), rewriter=None)
    u, direction, w = tools.random_state(system, 0.5)
    assert tools.relative(system.rhs(0, u), system.rhs_numpy(0, u)) < 1e-13
    h = 1e-6
    change = (system.rhs(0, u + h * direction) - system.rhs(0, u - h * direction)) / (2 * h)
    jacobian = system.jacobian(0, u)
    assert tools.relative(jacobian @ direction, change) < 1e-8
    assert tools.relative(system.vjp(0, u, w), jacobian.T @ w) < 1e-12


def test_values_in_points_follow_the_map_of_the_element():
    system, *_ = poisson(8, 2)
    u = rz.solve(system).final_state
    points = np.array([[0.31, 0.22], [0.7, 0.55]])
    found = system.evaluate(s, points, u)
    exact = np.pi * np.array(
        [-np.cos(np.pi * points[:, 0]) * np.sin(np.pi * points[:, 1]),
         -np.sin(np.pi * points[:, 0]) * np.cos(np.pi * points[:, 1])]
    )  # fmt: skip
    assert np.abs(found - exact).max() < 0.05
    divergence = 2 * np.pi**2 * np.prod(np.sin(np.pi * points), axis=1)
    assert np.abs(system.evaluate(rz.div(s), points, u) - divergence).max() < 0.5


@pytest.mark.parametrize("cell, degree", [("triangle", 1), ("triangle", 2), ("tetrahedron", 1), ("tetrahedron", 2)])
@pytest.mark.parametrize("family", ["RT", "Nedelec"])
def test_prescribed_values_of_fields_that_the_element_holds(family, cell, degree):
    """Constants in the lowest degree, linear fields in the next: prescribed, started from, and in the kernels."""
    mesh, w, c = tools.small_mesh(cell), rz.test(e, "w"), rz.params("c", default=2.0)
    field = ((1, -2, 3) if degree == 1 else (1 + x - 2 * y, 3 * x + y - 1, x + 2))[: mesh.dim]
    field = tuple(c * part * (1 + rz.t) for part in field)
    slope = rz.div(e) * rz.div(w) if family == "RT" else rz.inner(rz.curl(e), rz.curl(w))
    weak = rz.integral(rz.dot(rz.dt(e), w) + slope * (1 + rz.dot(e, e)))
    start = tuple(part.subs(rz.t, 0) for part in field)
    problem = rz.Problem([weak], domain=mesh, conditions=[rz.Dirichlet(e, field)], initial={e: start})
    system = problem.discretize(rz.FiniteElement(elements={e: (family, degree)}), rewriter=None)
    state, p, points = system.initial_state(), np.array([2.0]), mesh.points[mesh.cells[:5]].mean(axis=1)
    for t, share in ((0.0, 1.0), (0.5, 1.5)):
        wanted = [2 * share * tools.values_of(part / (c * (1 + rz.t)), points) for part in field]
        assert np.abs(system.evaluate(e, points, share * state, t, p) - np.array(wanted)).max() < 1e-12
    random, _, _ = tools.random_state(system)
    assert tools.relative(system.rhs(0.3, random), system.rhs_numpy(0.3, random)) < 1e-13
    assert tools.relative(system.rhs(0.3, random, [3.0]), system.rhs_numpy(0.3, random, [3.0])) < 1e-13


@pytest.mark.parametrize("degree", [1, 2])
def test_prescribed_flux_of_a_mixed_problem(degree):
    """The normal part of the flux on two sides, the other one natural: orders of the theory."""
    exact = rz.exp(x) * rz.sin(2 * y)
    flux, w, q = (-exact.diff(x), -exact.diff(y)), rz.test(s, "w"), rz.test(p, "q")
    weak = rz.integral(rz.dot(s, w) - p * rz.div(w) + (rz.div(s) - 3 * exact) * q)
    weak += rz.integral(exact * rz.dot(w, rz.normal()), over="boundary")
    errors = []
    for n in (4, 8, 16):
        problem = rz.Problem([weak], domain=rz.rectangle(n=n), conditions=[rz.Dirichlet(s, flux, on=["left", "top"])])
        element = rz.FiniteElement(elements={s: ("RT", degree), p: ("DG", degree - 1)})
        system = problem.discretize(element, rewriter=None)
        u = rz.solve(system).final_state
        errors.append([system.error({p: exact}, u), system.error({s: flux}, u)])
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(orders[-1] - degree) < 0.1), orders


@pytest.mark.parametrize("degree", [1, 2])
def test_prescribed_tangent_of_an_electric_field(degree):
    exact, v, errors = (rz.exp(y) * x, rz.cos(x + y)), rz.test(e, "v"), []
    turned = exact[1].diff(x) - exact[0].diff(y)
    source = (turned.diff(y) + exact[0], -turned.diff(x) + exact[1])
    weak = rz.integral(rz.curl(e) * rz.curl(v) + rz.dot(e, v) - rz.dot(rz.vector(*source), v))
    for n in (4, 8, 16):
        problem = rz.Problem([weak], domain=rz.rectangle(n=n), conditions=[rz.Dirichlet(e, exact)])
        system = problem.discretize(rz.FiniteElement(elements={e: ("Nedelec", degree)}), rewriter=None)
        errors.append(system.error({e: exact}, rz.solve(system).final_state))
    assert abs(np.log2(errors[-2] / errors[-1]) - degree) < 0.1


@pytest.mark.parametrize("family", ["RT", "Nedelec"])
@pytest.mark.parametrize("make", [rz.rectangle, rz.box])
def test_periodic_vector_elements(make, family):
    """The part of the field that the element keeps continuous is the same on both sides."""
    mesh, w = make(n=3), rz.test(e, "w")
    pi = rz.pi
    field = (rz.cos(2 * pi * x) * y, 1 + rz.sin(2 * pi * x), y)[: mesh.dim]
    slope = rz.div(e) * rz.div(w) if family == "RT" else rz.inner(rz.curl(e), rz.curl(w))
    weak = rz.integral(rz.dot(e, w) + slope - rz.dot(rz.vector(*field), w))
    problem = rz.Problem([weak], domain=mesh, conditions=[rz.Periodic(("left", "right"))])
    system = problem.discretize(rz.FiniteElement(elements={e: (family, 2)}), rewriter=None)
    free = problem.replace(conditions=[]).discretize(rz.FiniteElement(elements={e: (family, 2)}), rewriter=None)
    assert system.layout.size < free.layout.size
    state = rz.solve(system).final_state
    inner = np.random.default_rng(0).uniform(0.1, 0.9, (20, mesh.dim))
    low, high = inner.copy(), inner.copy()
    low[:, 0], high[:, 0] = 1e-9, 1 - 1e-9
    kept = [0] if family == "RT" else list(range(1, mesh.dim))  # the normal, or the tangential part
    found = [np.array(system.evaluate(e, points, state))[kept] for points in (low, high)]
    assert np.abs(found[0] - found[1]).max() < 1e-6
    assert np.ptp(found[0]) > 1e-2


def test_periodic_vector_elements_need_vertices_in_order():
    mesh, w = rz.rectangle(n=3), rz.test(e, "w")
    order = np.arange(len(mesh.points))
    ends = np.flatnonzero(mesh.points[:, 0] == 0)
    order[ends] = ends[::-1]  # the other way round on one side
    groups = {name: order[mesh.entities(1)[facets]] for name, facets in mesh.facet_groups.items()}
    points = np.empty_like(mesh.points)
    points[order] = mesh.points
    turned = type(mesh).from_arrays(points, order[mesh.cells], "triangle", facet_groups=groups)
    problem = rz.Problem([rz.integral(rz.dot(e, w))], domain=turned, conditions=[rz.Periodic(("left", "right"))])
    with pytest.raises(rz.errors.DiscretizationError, match="vertices of both be numbered in the same order"):
        problem.discretize(rz.FiniteElement(elements={e: ("RT", 1)}))
    problem.discretize(rz.FiniteElement(degree=2))


@pytest.mark.parametrize("cell", ["triangle", "tetrahedron"])
def test_samples_with_prescribed_values(cell):
    """Also where a sample touches none of them."""
    mesh, w = tools.small_mesh(cell), rz.test(e, "w")
    weak = rz.integral(rz.div(e) * rz.div(w) * (1 + rz.dot(e, e)) + rz.dot(e, w))
    given = [rz.Dirichlet(e, (x, y * rz.t, z)[: mesh.dim], on="left"), rz.Dirichlet(e, 0, on="right")]
    problem = rz.Problem([weak], domain=mesh, conditions=given)
    system = problem.discretize(rz.FiniteElement(elements={e: ("RT", 2)}), rewriter=None)
    state, _, _ = tools.random_state(system)
    for chosen in (np.array([0]), np.arange(system.layout.size)[::7]):
        part = system.sample(dofs=chosen)
        assert tools.relative(part.rhs(0.4, state[part.inputs]), system.rhs(0.4, state)[chosen]) < 1e-12


def test_flux_of_a_prescribed_vector_element():
    """The residual of the flux variable on its boundary is ``-integral(p n)``, whatever way the facets are turned."""
    exact = rz.exp(x) * rz.sin(2 * y)
    flux, w, q = (-exact.diff(x), -exact.diff(y)), rz.test(s, "w"), rz.test(p, "q")
    weak = rz.integral(rz.dot(s, w) - p * rz.div(w) + (rz.div(s) - 3 * exact) * q)
    weak += rz.integral(exact * rz.dot(w, rz.normal()), over="boundary", on=["right", "bottom", "top"])
    problem = rz.Problem([weak], domain=rz.rectangle(n=24), conditions=[rz.Dirichlet(s, flux, on="left")])
    system = problem.discretize(rz.FiniteElement(elements={s: ("RT", 2), p: ("DG", 1)}), rewriter=None)
    found = system.flux(s, "left", rz.solve(system).final_state)
    np.testing.assert_allclose(found, [np.sin(1) ** 2, 0], atol=2e-4)


def test_initial_arrays_of_vector_elements_are_refused():
    weak = rz.integral(rz.dot(rz.dt(s), rz.test(s, "w")))
    problem = rz.Problem([weak], domain=rz.rectangle(n=2), initial={s: (np.zeros(9), 0)})
    system = problem.discretize(rz.FiniteElement(elements={s: ("RT", 1)}))
    with pytest.raises(rz.errors.InitialValueError, match=r"s_x have shape \(9,\), .* has no nodes"):
        system.initial_state()


def test_what_vector_elements_cannot_take_is_said():
    weak = rz.integral(rz.dot(s, rz.test(s)))
    with pytest.raises(rz.errors.UnsupportedError, match="on triangles and tetrahedra, not on a quadrilateral"):
        rz.Problem([weak], domain=rz.rectangle(n=(2, 2), cell="quadrilateral")).discretize(
            rz.FiniteElement(elements={s: ("RT", 1)})
        )
    with pytest.raises(rz.errors.OptionError, match="is for vector fields, but p is none"):
        rz.Problem([rz.integral(p * rz.test(p))], domain=rz.rectangle(n=(2, 2))).discretize(
            rz.FiniteElement(elements={p: ("RT", 1)})
        )
    weak, element = rz.integral(rz.dot(s, rz.test(s)) + rz.div(s) * rz.div(rz.test(s))), {s: ("RT", 1)}
    alone = rz.Problem([weak], domain=rz.rectangle(n=(2, 2)), conditions=[rz.Dirichlet(rz.component(s, x), 0)])
    with pytest.raises(rz.errors.UnsupportedError, match=r"the whole vector \(s_x, s_y\).*found a value of s_x alone"):
        alone.discretize(rz.FiniteElement(elements=element))
    point = alone.replace(conditions=[rz.PointValue(s, (0, 0), at=(0, 0))])
    with pytest.raises(rz.errors.UnsupportedError, match=r"found a value of s_x in a point. Write rz.Dirichlet\(s, "):
        point.discretize(rz.FiniteElement(elements=element))
    with pytest.raises(rz.errors.OptionError, match="There is no element 'Raviart'"):
        rz.Element("Raviart", 1)
