"""Finite elements on manufactured solutions: the orders of the theory, from both sides, on three levels and more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from case_tools import load
from convergence_tools import (
    errors_of,
    expression,
    manufactured,
    orders,
    reference_orders,
    steady_orders,
    x,
    y,
)  # fmt: skip

import ritz as rz

u = rz.fields("u")
v = rz.test(u, "v")
TOLERANCE = 0.1
TESTED = {
    "poisson_sine", "nonlinear_poisson_linear", "elasticity_sine", "stokes_polynomial", "biharmonic_sine",
    "helmholtz_k10", "advection_diffusion_supg", "heat_exp", "wave_standing", "poisson_3d",
}  # fmt: skip


def assert_orders(found: np.ndarray, expected: Any, tolerance: float = TOLERANCE) -> None:
    """The order between the two finest levels, and none of the levels before far away."""
    __tracebackhide__ = True
    assert len(found) >= 2
    assert np.abs(found[-1] - expected).max() < tolerance, found
    assert np.abs(found - expected).max() < 5 * tolerance, found


def test_every_case_is_here():
    assert {case["id"] for case in load("fem_manufactured")["cases"]} == TESTED


# ------------------------------------------------------------------------------------------- one unknown
def poisson(domain: Any, exact: Any, source: Any) -> rz.Problem:
    return rz.Problem([rz.Eq(-rz.lap(u), source)], domain=domain, conditions=[rz.Dirichlet(u, exact)])


@pytest.mark.parametrize("degree, sizes", [(1, (8, 16, 32)), (2, (8, 16, 32)), (3, (8, 16, 32))])
@pytest.mark.parametrize("cell", ["triangle", "quadrilateral"])
def test_poisson(cell, degree, sizes):
    case = manufactured("poisson_sine")
    exact, source = expression(case, "u"), expression(case, "f", of="data")

    def make(n):
        return poisson(rz.rectangle(n=n, cell=cell), exact, source).discretize(rz.FiniteElement(degree=degree))

    assert_orders(steady_orders(make, sizes, {u: exact}), reference_orders(case, degree))


@pytest.mark.parametrize("degree, sizes", [(1, (8, 16, 32)), (2, (4, 8, 16)), (3, (4, 8, 16))])
def test_poisson_as_it_is_typed_in_weak_form(degree, sizes):
    case = manufactured("poisson_sine")
    exact, source = expression(case, "u"), expression(case, "f", of="data")
    form = rz.integral(rz.dot(rz.grad(u), rz.grad(v)) - source * v)

    def make(n):
        problem = rz.Problem([form], domain=rz.rectangle(n=n, pattern="crossed"), conditions=[rz.Dirichlet(u, exact)])
        return problem.discretize(rz.FiniteElement(degree=degree))

    assert_orders(steady_orders(make, sizes, {u: exact}), reference_orders(case, degree))


@pytest.mark.parametrize(
    "cell, degree, sizes",
    [
        ("tetrahedron", 1, (6, 12, 24)), ("tetrahedron", 2, (3, 6, 12)), ("tetrahedron", 3, (3, 6, 12)),
        ("hexahedron", 1, (4, 8, 16)), ("hexahedron", 2, (3, 6, 12)), ("hexahedron", 3, (2, 4, 8)),
    ],
)  # fmt: skip
def test_poisson_in_space(cell, degree, sizes):
    case = manufactured("poisson_3d")
    exact, source = expression(case, "u"), expression(case, "f", of="data")

    def make(n):
        return poisson(rz.box(n=n, cell=cell), exact, source).discretize(rz.FiniteElement(degree=degree))

    assert_orders(steady_orders(make, sizes, {u: exact}), reference_orders(case, degree))


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("written", ["strong", "weak"])
def test_nonlinear_poisson_with_a_solution_in_the_space(written, degree):
    case = manufactured("nonlinear_poisson_linear")
    exact, source = expression(case, "u"), expression(case, "f", of="data")
    flux = (1 + u**2) * rz.grad(u)
    strong, weak = rz.Eq(-rz.div(flux), source), rz.integral(rz.dot(flux, rz.grad(v)) - source * v)
    problem = rz.Problem(
        [strong if written == "strong" else weak], domain=rz.rectangle(n=6), conditions=[rz.Dirichlet(u, exact)]
    )
    system = problem.discretize(rz.FiniteElement(degree=degree))
    found = system.to_fields(rz.solve(system, y0=np.ones(system.layout.size)).y[:, -1])["u"]
    here = system.nodes("u")
    np.testing.assert_allclose(found, here[:, 0] + 2 * here[:, 1] + 1, rtol=0, atol=1e-10)


@pytest.mark.parametrize("degree, sizes", [(1, (64, 128, 256)), (2, (32, 64, 128)), (3, (8, 16, 32))])
def test_helmholtz(degree, sizes):
    """Orders once the waves are resolved and the error of their length, of order 2k, has died out."""
    case = manufactured("helmholtz_k10")
    exact, k = expression(case, "u"), rz.params("k", default=10)

    def make(n):
        equation = rz.Eq(-rz.lap(u) - k**2 * u, 0)
        mesh = rz.rectangle(n=n, cell="quadrilateral")
        problem = rz.Problem([equation], domain=mesh, conditions=[rz.Dirichlet(u, exact)])
        return problem.discretize(rz.FiniteElement(degree=degree))

    assert_orders(steady_orders(make, sizes, {u: exact}), reference_orders(case, degree))


@pytest.mark.parametrize("degree, sizes, cell", [(2, (8, 16, 32), "triangle"), (3, (4, 8, 16), "quadrilateral")])
def test_biharmonic_by_interior_penalty(degree, sizes, cell):
    """Continuous elements, gradients made continuous by a penalty; simply supported, so that no facet outside counts.

    Orders k - 1 in the second derivatives and, by duality, min(2 (k - 1), k + 1) in L2: S. C. Brenner, L.-Y. Sung,
    "C0 interior penalty methods for fourth order elliptic boundary value problems on polygonal domains", J. Sci.
    Comput. 22-23 (2005) 83-118.
    """
    case, n = manufactured("biharmonic_sine"), rz.normal()
    exact, source = expression(case, "u"), expression(case, "f", of="data")

    def hessian(w):
        return rz.grad(rz.grad(w))

    def bend(w):
        return rz.average(rz.dot(n, rz.dot(hessian(w), n)))

    def turn(w):
        return rz.dot(rz.jump(rz.grad(w)), rz.side(n, "+"))

    penalty = 4 * degree**2 / rz.facet_size()
    jumps = -bend(u) * turn(v) - bend(v) * turn(u) + penalty * turn(u) * turn(v)
    form = rz.integral(rz.inner(hessian(u), hessian(v)) - source * v) + rz.integral(jumps, over="facets")
    errors = []
    for size in sizes:
        mesh = rz.rectangle(n=size, cell=cell)
        problem = rz.Problem([form], domain=mesh, conditions=[rz.Dirichlet(u, 0)])
        system = problem.discretize(rz.FiniteElement(degree=degree))
        state = rz.solve(system).y[:, -1]
        left = hessian(u - exact)
        bent = system.integrate(rz.integral(rz.inner(left, left), degree=2 * degree + 6), state) ** 0.5
        errors.append([*errors_of(system, state, {u: exact}), bent])
    assert_orders(orders(errors), [min(2 * degree - 2, degree + 1), degree, degree - 1])


@pytest.mark.parametrize("degree, sizes", [(1, (8, 16, 32)), (2, (4, 8, 16)), (3, (4, 8, 16))])
def test_biharmonic_in_mixed_form(degree, sizes):
    case, w = manufactured("biharmonic_sine"), rz.fields("w")
    exact, source = expression(case, "u"), expression(case, "f", of="data")
    expected = [degree + 1, degree] if degree > 2 else reference_orders(case, degree)  # none is listed for degree 3

    def make(n):
        equations = [rz.Eq(-rz.lap(w), source), rz.Eq(-rz.lap(u), w)]
        conditions = [rz.Dirichlet(u, 0), rz.Dirichlet(w, 0)]
        problem = rz.Problem(equations, domain=rz.rectangle(n=n), conditions=conditions)
        return problem.discretize(rz.FiniteElement(degree=degree))

    assert_orders(steady_orders(make, sizes, {u: exact}), expected)
    second = expression(case, "w")
    assert_orders(steady_orders(make, sizes, {w: second}), expected)


# ------------------------------------------------------------------------------------------- several unknowns
def elasticity(domain: Any, exact: Any, force: Any) -> rz.Problem:
    displacement = rz.vector_fields("d")
    lam, mu = rz.params("lam mu", default=(1, 1))
    strain = rz.sym(rz.grad(displacement))
    stress = lam * rz.div(displacement) * rz.identity() + 2 * mu * strain
    return rz.Problem([rz.Eq(-rz.div(stress), force)], domain=domain, conditions=[rz.Dirichlet(displacement, exact)])


@pytest.mark.parametrize("degree, sizes", [(1, (8, 16, 32, 64)), (2, (4, 8, 16)), (3, (4, 8, 16))])
def test_elasticity(degree, sizes):
    case = manufactured("elasticity_sine")
    exact, force = expression(case, "ux", "uy"), expression(case, "fx", "fy", of="data")

    def make(n):
        return elasticity(rz.rectangle(n=n), exact, force).discretize(rz.FiniteElement(degree=degree))

    found = steady_orders(make, sizes, {rz.vector_fields("d"): exact})
    assert_orders(found, reference_orders(case, degree))


def stokes(written: str, domain: Any, force: Any) -> rz.Problem:
    flow, p = rz.vector_fields("V"), rz.fields("p")
    nu = rz.params("nu", default=1)
    if written == "strong":
        equations = [rz.Eq(-nu * rz.lap(flow) + rz.grad(p), force), rz.Eq(rz.div(flow), 0)]
    else:
        w, q = rz.test(flow, "W"), rz.test(p, "q")
        momentum = nu * rz.inner(rz.grad(flow), rz.grad(w)) - p * rz.div(w) - rz.dot(rz.vector(*force), w)
        equations = [rz.integral(momentum - q * rz.div(flow))]
    return rz.Problem(equations, domain=domain, conditions=[rz.Dirichlet(flow, (0, 0)), rz.MeanZero(p)])


def stokes_orders(written: str, degree: int, sizes: Any, more: Any = sp.S.Zero) -> tuple[np.ndarray, list[float]]:
    """Orders of the errors of velocity (L2, H1) and pressure (L2), and those of the theory.

    Args:
        written: strong or weak.
        degree, sizes: of the velocity; cells along an edge.
        more: added to the pressure of the case, its gradient to the force.
    """
    case = manufactured("stokes_polynomial")
    exact, given = expression(case, "ux", "uy"), expression(case, "fx", "fy", of="data")
    force = tuple(f + sp.diff(more, axis) for f, axis in zip(given, (x, y), strict=True))
    flow, p = rz.vector_fields("V"), rz.fields("p")
    errors = []
    for n in sizes:
        system = stokes(written, rz.rectangle(n=n), force).discretize(rz.FiniteElement(degree=degree))
        state = rz.solve(system).y[:, -1]
        pressure = errors_of(system, state, {p: expression(case, "p") + more}, norms=["L2"])
        errors.append(errors_of(system, state, {flow: exact}) + pressure)
    listed = next(row for name, row in case["reference"].items() if name.startswith(f"P{degree}-"))
    return orders(errors), [listed["u_L2"], listed["u_H1"], listed["p_L2"]]


@pytest.mark.parametrize("written", ["strong", "weak"])
@pytest.mark.parametrize("degree, sizes", [(2, (8, 16, 32)), (3, (4, 8, 16))])
def test_stokes_with_taylor_hood_elements(written, degree, sizes):
    """The pressure of this case is a polynomial of degree 2: its error falls faster than the theory has it."""
    found, expected = stokes_orders(written, degree, sizes)
    assert_orders(found[:, :2], expected[:2])
    assert found[-1, 2] > expected[2] - TOLERANCE


@pytest.mark.parametrize("degree, sizes, size", [(2, (8, 16, 32), 10), (3, (8, 16, 32), 2)])
def test_pressure_of_taylor_hood_elements(degree, sizes, size):
    """A pressure that no element holds shows its own order."""
    found, expected = stokes_orders("strong", degree, sizes, size * rz.cos(rz.pi * x) * rz.cos(rz.pi * y))
    assert_orders(found, expected)


# ------------------------------------------------------------------------------------------- advection
def streamline_upwind(n: int, degree: int) -> Any:
    """Elements with the streamline-upwind term of Brooks and Hughes, eq. 3.3.1: the whole residual along the stream.

    The length of a cell is that between nodes.
    """
    case = manufactured("advection_diffusion_supg")
    source, eps = expression(case, "f", of="data"), sp.Rational(1, 100)
    h = sp.Rational(1, n * degree)
    peclet = h / (2 * eps)
    tau = h / 2 * (sp.coth(peclet) - 1 / peclet)
    slope = rz.component(rz.grad(u), x)
    galerkin = eps * rz.dot(rz.grad(u), rz.grad(v)) + slope * v - source * v
    along = float(tau) * (slope - eps * rz.lap(u) - source) * rz.component(rz.grad(v), x)
    problem = rz.Problem(
        [rz.integral(galerkin + along)], domain=rz.rectangle(n=n), conditions=[rz.Dirichlet(u, expression(case, "u"))]
    )
    return problem.discretize(rz.FiniteElement(degree=degree))


@pytest.mark.parametrize(
    "degree, sizes, least, most", [(1, (8, 16, 32), 1.5, 2), (2, (4, 8, 16), 2.5, 3), (3, (4, 8, 16), 3.5, 4)]
)
def test_streamline_upwind_elements(degree, sizes, least, most):
    """Order k + 1/2 to k + 1 in L2 and k along the stream, where the cells are too large for the diffusion."""
    case = manufactured("advection_diffusion_supg")
    exact, listed = expression(case, "u"), case["reference"].get(f"P{degree}", {"L2": f"{least} to {most}"})
    assert listed["L2"] == f"{least} to {most}"
    errors = []
    for n in sizes:
        system = streamline_upwind(n, degree)
        state = rz.solve(system).y[:, -1]
        along = rz.integral(rz.component(rz.grad(u - exact), x) ** 2, degree=2 * degree + 6)
        errors.append([system.error({u: exact}, state, degree=2 * degree + 6), system.integrate(along, state) ** 0.5])
    found = orders(errors)
    assert ((least - TOLERANCE < found[:, 0]) & (found[:, 0] < most + TOLERANCE)).all(), found
    assert_orders(found[:, 1:], listed.get("streamline", degree))


# ------------------------------------------------------------------------------------------- time
def heat(n: int, degree: int) -> Any:
    case = manufactured("heat_exp")
    exact, source = expression(case, "u"), expression(case, "f", of="data")
    problem = rz.Problem(
        [rz.Eq(rz.dt(u) - rz.lap(u), source)], domain=rz.rectangle(n=n), conditions=[rz.Dirichlet(u, exact)],
        initial={u: exact.subs(rz.t, 0)},
    )  # fmt: skip
    return problem.discretize(rz.FiniteElement(degree=degree))


def wave(n: int, degree: int, cell: str = "triangle") -> Any:
    case, c = manufactured("wave_standing"), rz.params("c", default=1)
    exact = expression(case, "u")
    problem = rz.Problem(
        [rz.Eq(rz.dt(u, 2), c**2 * rz.lap(u))], domain=rz.rectangle(n=n, cell=cell), conditions=[rz.Dirichlet(u, 0)],
        initial={u: exact.subs(rz.t, 0), rz.dt(u): 0},
    )  # fmt: skip
    return problem.discretize(rz.FiniteElement(degree=degree))


@pytest.mark.parametrize(
    "degree, sizes, dt", [(1, (8, 16, 32, 64), 0.1), (2, (8, 16, 32), 0.05), (3, (4, 8, 16), 0.05)]
)
def test_heat_in_space(degree, sizes, dt):
    case = manufactured("heat_exp")
    exact = expression(case, "u")
    errors = []
    for n in sizes:
        system = heat(n, degree)
        state = rz.solve(system, (0, 1), method="ESDIRK4", dt=dt).y[:, -1]
        errors.append(errors_of(system, state, {u: exact}, 1.0))
    assert_orders(orders(errors), reference_orders(case, degree))


@pytest.mark.parametrize(
    "degree, sizes, cell",
    [(1, (8, 16, 32), "triangle"), (2, (4, 8, 16), "triangle"), (3, (4, 8, 16), "quadrilateral")],
)
def test_wave_in_space(degree, sizes, cell):
    """Half a period: there the error of the frequency, of higher order, is not seen. At t = 1 it adds to the order."""
    case = manufactured("wave_standing")
    exact, half = expression(case, "u"), 2**-0.5
    errors = []
    for n in sizes:
        system = wave(n, degree, cell)
        solution = rz.solve(system, (0, 1), method="ESDIRK4", dt=half / (35 if degree < 3 else 70), t_eval=[half, 1])
        errors.append(
            [e for t, state in zip(solution.t, solution.y.T) for e in errors_of(system, state, {u: exact}, t)]
        )
    found, expected = orders(errors), reference_orders(case, degree)
    assert_orders(found[:, :2], expected)
    assert (found[-1, 2:] > np.array(expected) - TOLERANCE).all(), found


@pytest.mark.parametrize(
    "make, method, name",
    [
        (heat, "BackwardEuler", "backward Euler"), (heat, "CrankNicolson", "Crank-Nicolson"), (heat, "BDF2", "BDF2"),
        (wave, "Newmark", "leapfrog/Newmark"),
    ],
)  # fmt: skip
def test_order_in_time(make, method, name):
    """Differences between successive step sizes on one mesh: what is left is the error in time."""
    case = manufactured("heat_exp" if make is heat else "wave_standing")
    system = make(6, 1)
    ends = [rz.solve(system, (0, 1), method=method, dt=1 / n).y[:, -1] for n in (80, 160, 320, 640)]
    found = orders([[np.linalg.norm(a - b)] for a, b in zip(ends, ends[1:])])
    assert np.abs(found - case["reference"]["time"][name]).max() < TOLERANCE, found


def test_standing_wave_keeps_its_energy():
    system = wave(8, 2)
    speed = rz.fields("u_t")
    energy = system.functional(rz.integral(speed**2 / 2 + rz.dot(rz.grad(u), rz.grad(u)) / 2))
    solution = rz.solve(system, (0, 1), method="Newmark", dt=0.05)
    found = [energy(state, t) for state, t in zip(solution.y.T, solution.t)]
    assert max(found) - min(found) < 1e-11 * found[0]
    assert found[0] == pytest.approx(np.pi**2 / 4, rel=1e-3)


def test_norms_of_the_exact_solutions():
    """The quadrature of `error`: the norm of the solution itself, the state being zero."""
    for case in load("fem_manufactured")["cases"]:
        if "L2_norm_u" not in case["norms"] or case["id"] == "poisson_3d":
            continue
        t = 1.0 if case["id"] in ("heat_exp", "wave_standing") else 0.0
        exact = expression(case, "u")
        system = poisson(rz.rectangle(n=16), 0, 1).discretize(rz.FiniteElement(degree=1))
        found = system.error({u: exact}, np.zeros(system.layout.size), t, degree=8)
        assert found == pytest.approx(case["norms"]["L2_norm_u"], rel=1e-8), case["id"]
