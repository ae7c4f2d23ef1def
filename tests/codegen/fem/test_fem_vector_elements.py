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
    weak = rz.integral(rz.dot(s, rz.test(s)) + rz.div(s) * rz.div(rz.test(s)))
    problem = rz.Problem([weak], domain=rz.rectangle(n=(2, 2)), conditions=[rz.Dirichlet(s, (1, 0))])
    with pytest.raises(rz.errors.UnsupportedError, match="the boundary value of s_x can be 0 only"):
        problem.discretize(rz.FiniteElement(elements={s: ("RT", 1)}))
    with pytest.raises(rz.errors.OptionError, match="There is no element 'Raviart'"):
        rz.Element("Raviart", 1)
