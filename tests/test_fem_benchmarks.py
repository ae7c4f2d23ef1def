"""Finite elements against published and independently computed numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from case_tools import cases, number, parameters, reference
from mesh_shapes import channel, graded, l_shape, mapped, quarter_annulus

import ritz as rz

x, y, z = rz.coords("x y z")
u, p = rz.fields("u p")
V = rz.vector_fields("V")


FAMILY = "fem_benchmark"


def test_every_case_is_compared():
    """Each number of the family is read by a test of this folder."""
    texts = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_fem_*.py"))
    assert [case_id for case_id in cases(FAMILY) if f'"{case_id}"' not in texts] == []


# ------------------------------------------------------------------------------------------- one unknown
def poisson(mesh: Any, degree: int) -> Any:
    problem = rz.Problem([rz.Eq(-rz.lap(u), 1)], domain=mesh, conditions=[rz.Dirichlet(u, 0)])
    return problem.discretize(rz.FiniteElement(degree=degree))


def test_torsion_of_a_square():
    system = poisson(graded(rz.rectangle(n=2), [(0, 0), (0, 1), (1, 0), (1, 1)], 12), 8)
    state = rz.solve(system).y[:, -1]
    assert system.integrate(u, state) == pytest.approx(reference(FAMILY, "rectangle_torsion_1x1"), abs=1e-13)


def test_l_shape():
    system = poisson(l_shape(1, 16), 8)
    state = rz.solve(system).y[:, -1]
    expected = reference(FAMILY, "lshape_poisson")
    assert system.integrate(u, state) == pytest.approx(expected, abs=1e-12)
    assert system.integrate(rz.dot(rz.grad(u), rz.grad(u)), state) == pytest.approx(expected, abs=1e-12)


def test_first_eigenvalue_of_the_l_shape():
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), rz.lap(u))], domain=l_shape(1, 24), conditions=[rz.Dirichlet(u, 0)], initial={u: 0}
    )
    found = rz.eigenvalues(problem.discretize(rz.FiniteElement(degree=8)), k=3)
    assert found.eigenvalues[0] == pytest.approx(reference(FAMILY, "lshape_eigenvalue_1"), abs=1e-10)
    assert found.eigenvalues[2] == pytest.approx(2 * np.pi**2, abs=1e-10)  # of the squares that it is made of


def test_conduction_with_convection():
    case = parameters(FAMILY, "nafems_t4")
    k, h = rz.params("k h", default=(case["k"], case["h"]))
    mesh = graded(rz.rectangle(x=(0, 0.6), y=(0, 1), n=(6, 10)), [(0.6, 0), (0.6, 1)], 24)
    conditions = [
        rz.Dirichlet(u, 100, on="bottom"),
        rz.Neumann(u, 0, on="left"),
        rz.Robin(u, coefficient=h, on=["right", "top"]),
    ]
    system = rz.Problem([rz.Eq(-rz.div(k * rz.grad(u)), 0)], domain=mesh, conditions=conditions).discretize(
        rz.FiniteElement(degree=10)
    )
    state = rz.solve(system).y[:, -1]
    found = system.evaluate(u, [(0.6, 0.2), (0.3, 0.5)], state)
    np.testing.assert_allclose(found, reference(FAMILY, "nafems_t4"), rtol=0, atol=2e-9)
    assert round(found[0], 1) == 18.3


def test_transient_conduction():
    problem = rz.Problem(
        [rz.Eq(7200 * 440.5 * rz.dt(u), rz.div(35 * rz.grad(u)))],
        domain=rz.Interval(0, 0.1),
        conditions=[rz.Dirichlet(u, 0, on="left"), rz.Dirichlet(u, 100 * rz.sin(rz.pi * rz.t / 40), on="right")],
        initial={u: 0},
    )
    system = problem.discretize(rz.FiniteElement(10, degree=6))
    solution = rz.solve(system, (0, 32), rtol=1e-10, atol=1e-10)
    found = system.evaluate(u, [0.08], solution.y[:, -1], 32.0)
    assert found == pytest.approx(reference(FAMILY, "nafems_t3"), abs=1e-8)


# ------------------------------------------------------------------------------------------- solids
def plane_stress(young: float, poisson_ratio: float) -> Any:
    strain = rz.sym(rz.grad(V))
    return young / (1 - poisson_ratio**2) * ((1 - poisson_ratio) * strain + poisson_ratio * rz.div(V) * rz.identity())


def test_elliptic_membrane():
    """On curved cells of second order: their ellipses, not the elements, limit the stress on the boundary."""
    case = parameters(FAMILY, "nafems_le1")
    stress = plane_stress(case["E"], case["nu"])
    conditions = [
        rz.Dirichlet(rz.component(V, y), 0, on="bottom"),
        rz.Dirichlet(rz.component(V, x), 0, on="left"),
        rz.Neumann(V, 10 * rz.normal(), on="outer"),
    ]
    problem = rz.Problem([rz.Eq(-rz.div(stress), (0, 0))], domain=quarter_annulus(24), conditions=conditions)
    system = problem.discretize(rz.FiniteElement(degree=4))
    state = rz.solve(system).y[:, -1]
    found = system.evaluate(rz.component(stress, y, y), (2, 0), state)
    assert found == pytest.approx(reference(FAMILY, "nafems_le1"), abs=1e-3)
    assert round(float(found), 1) == 92.7


def test_elliptic_membrane_in_its_own_coordinates():
    """The ellipses exactly: x and y go over the unit square, and the equations are typed in these coordinates."""
    case = parameters(FAMILY, "nafems_le1")
    young, nu, w = case["E"], case["nu"], rz.test(V)
    angle = rz.pi / 2 * y
    place = sp.Matrix([(2 + sp.Rational(5, 4) * x) * rz.cos(angle), (1 + sp.Rational(7, 4) * x) * rz.sin(angle)])
    slopes = place.jacobian([x, y])

    def gradient(field: Any) -> sp.Matrix:
        here = [[rz.d(rz.component(field, a), b) for b in (x, y)] for a in (x, y)]
        return sp.Matrix(here) * slopes.inv()

    strain = (gradient(V) + gradient(V).T) / 2
    stress = young / (1 - nu**2) * ((1 - nu) * strain + nu * strain.trace() * sp.eye(2))
    inside = sum(a * b for a, b in zip(stress, gradient(w), strict=True)) * slopes.det()
    outward = sp.Matrix([slopes[1, 1], -slopes[0, 1]])  # times the length along the outer ellipse
    load = 10 * (outward[0] * rz.component(w, x) + outward[1] * rz.component(w, y))
    conditions = [rz.Dirichlet(rz.component(V, y), 0, on="bottom"), rz.Dirichlet(rz.component(V, x), 0, on="top")]
    problem = rz.Problem(
        [rz.integral(inside) - rz.integral(load, over="boundary", on="right")],
        domain=rz.rectangle(n=6, cell="quadrilateral"), conditions=conditions,
    )  # fmt: skip
    system = problem.discretize(rz.FiniteElement(degree=12))
    found = system.evaluate(stress[1, 1], (0, 0), rz.solve(system).y[:, -1])
    assert found == pytest.approx(reference(FAMILY, "nafems_le1"), abs=1e-6)


def test_cooks_membrane():
    case = parameters(FAMILY, "cook_plane_stress")
    stress = plane_stress(case["E"], case["nu"])
    mesh = mapped(rz.rectangle(n=12), lambda s, t: (48 * s, 44 * s + t * (44 - 28 * s)))
    mesh = graded(mesh, [(0, 44), (0, 0), (48, 44), (48, 60)], 24)
    conditions = [rz.Dirichlet(V, 0, on="left"), rz.Neumann(V, (0, 1 / 16), on="right")]
    problem = rz.Problem([rz.Eq(-rz.div(stress), (0, 0))], domain=mesh, conditions=conditions)
    system = problem.discretize(rz.FiniteElement(degree=6))
    state = rz.solve(system).y[:, -1]
    found = system.evaluate(rz.component(V, y), [(48, 60), (48, 52)], state)
    np.testing.assert_allclose(found, reference(FAMILY, "cook_plane_stress"), rtol=0, atol=6.4e-6)
    assert round(float(found[1]), 2) == 23.97
    assert system.flux(V, "left", state) == pytest.approx([0, -1], abs=1e-9)  # the support carries the load


@pytest.mark.parametrize("cell, degree", [("tetrahedron", 1), ("tetrahedron", 2), ("hexahedron", 1)])
@pytest.mark.parametrize("case_id", ["neo_hookean_uniaxial_1.2_lam1", "neo_hookean_uniaxial_0.7_lam1"])
def test_stretched_cube(case_id, cell, degree):
    """The deformation is homogeneous, so every mesh has it exactly."""
    case, stretch = parameters(FAMILY, case_id), number(case_id.split("_")[3])
    mu, lam, pull = rz.params("mu lam pull", default=(case["mu"], case["lam"], stretch - 1))
    gradient = rz.identity() + rz.grad(V)
    inverse = rz.transpose(rz.inv(gradient))
    stress = mu * (gradient - inverse) + lam * rz.log(rz.det(gradient)) * inverse
    conditions = [
        rz.Dirichlet(rz.component(V, axis), 0, on=side) for axis, side in ((x, "left"), (y, "bottom"), (z, "back"))
    ]
    conditions.append(rz.Dirichlet(rz.component(V, x), pull, on="right"))
    problem = rz.Problem([rz.Eq(-rz.div(stress), (0, 0, 0))], domain=rz.box(n=2, cell=cell), conditions=conditions)
    system = problem.discretize(rz.FiniteElement(degree=degree))
    state = rz.solve(system, load=pull, y0=np.zeros(system.layout.size)).y[:, -1]
    lateral, nominal = reference(FAMILY, case_id)
    here = system.nodes("V_y")
    np.testing.assert_allclose(system.to_fields(state)["V_y"], (lateral - 1) * here[:, 1], atol=1e-11)
    assert system.flux(V, "right", state)[0] == pytest.approx(nominal, abs=1e-11)


# ------------------------------------------------------------------------------------------- flow
def navier_stokes(mesh: Any, nu: Any, conditions: Any, degree: int) -> Any:
    equations = [rz.Eq(rz.dot(V, rz.grad(V)) - nu * rz.lap(V) + rz.grad(p), 0), rz.Eq(rz.div(V), 0)]
    return rz.Problem(equations, domain=mesh, conditions=conditions).discretize(rz.FiniteElement(degree=degree))


@pytest.mark.parametrize(
    "at_cylinder, degree, errors",
    [
        (0.008, 4, (1e-5, 2e-6, 2e-5)),
        pytest.param(0.004, 5, (1e-6, 1e-7, 2e-7), marks=pytest.mark.slow),
    ],
)
def test_flow_past_a_cylinder(at_cylinder, degree, errors):
    """What is left on the fine mesh comes from the circle, which cells of second order have up to the fourth power."""
    nu, profile = rz.params("nu", default=1e-3), 4 * 0.3 * y * (0.41 - y) / 0.41**2
    conditions = [rz.Dirichlet(V, (profile, 0), on="inlet"), rz.Dirichlet(V, 0, on=["wall", "cylinder"])]
    system = navier_stokes(channel(0.05, at_cylinder), nu, conditions, degree)
    state = rz.solve(system).y[:, -1]
    drag, lift = -500 * system.flux(V, "cylinder", state)
    before, behind = system.evaluate(p, [(0.15, 0.2), (0.25, 0.2)], state)
    assert (abs(np.array([drag, lift, before - behind]) - reference(FAMILY, "dfg_2d1")) < errors).all()


def highest(values: Any) -> tuple[float, float]:
    """The largest value of a function on [0, 1] and where it is: the best of many points, and of many around it."""
    low, high = 0.0, 1.0
    for _ in range(2):
        places = np.linspace(low, high, 1001)
        found = values(places)
        best = int(np.argmax(found))
        low, high = places[max(best - 1, 0)], places[min(best + 1, 1000)]
    return float(found[best]), float(places[best])


def extremes(system: Any, state: Any) -> dict[str, float]:
    """Least and largest velocities on the two middle lines of the unit square, and where they are."""

    def along(velocity: Any, places: Any) -> Any:
        points = np.stack([np.full_like(places, 0.5), places], axis=1)
        return system.evaluate(rz.component(V, velocity), points if velocity is x else points[:, ::-1], state)

    (below, y_below) = highest(lambda s: -along(x, s))
    (right, x_right), (left, x_left) = highest(lambda s: -along(y, s)), highest(lambda s: along(y, s))
    return {
        "u_min": -below, "y_u_min": y_below, "v_min": -right, "x_v_min": x_right, "v_max": left, "x_v_max": x_left,
        "u_center_ghia": along(x, np.array([0.5]))[0],
    }  # fmt: skip


def cavity(n: int, degree: int) -> Any:
    """The lid moves with speed 1, its ends included."""

    def bend(s):
        return s - 0.8 * np.sin(2 * np.pi * s) / (2 * np.pi)

    mesh = mapped(rz.rectangle(n=n, pattern="crossed"), lambda s, t: (bend(s), bend(t)))
    nu = rz.params("nu", default=0.01)
    conditions = [
        rz.Dirichlet(V, (1, 0), on="top"),
        rz.Dirichlet(V, 0, on=["left", "right", "bottom"]),
        rz.PointValue(p, 0, at=(0, 0)),
    ]
    return navier_stokes(mesh, nu, conditions, degree)


def test_cavity_at_100():
    system = cavity(16, 5)
    state = rz.solve(system).y[:, -1]
    found, expected = extremes(system, state), reference(FAMILY, "cavity_re100")
    for name in ("u_min", "v_max", "v_min"):
        assert found[name] == pytest.approx(expected[name], abs=2e-6)
    assert found["u_center_ghia"] == pytest.approx(expected["u_center_ghia"], abs=0.004)


@pytest.mark.slow
def test_cavity_at_1000():
    system, path = cavity(24, 5), {"nu": (0.01, 0.001)}
    state = rz.solve(system, continuation=path, params={"nu": 0.001}, y0=np.zeros(system.layout.size)).y[:, -1]
    found, expected = extremes(system, state), reference(FAMILY, "cavity_re1000")
    for name in ("u_min", "v_max", "v_min"):
        assert found[name] == pytest.approx(expected[name], abs=1e-6)
    for name in ("y_u_min", "x_v_max", "x_v_min"):
        assert found[name] == pytest.approx(expected[name], abs=1e-4)
    places, weights = np.polynomial.legendre.leggauss(400)
    below = 0.5652 / 2 * (places + 1)  # up to the centre of the vortex, where the stream function does not change
    speed = system.evaluate(rz.component(V, x), np.stack([np.full(400, 0.5308), below], axis=1), state)
    assert abs(0.5652 / 2 * weights @ speed) == pytest.approx(expected["psi_primary_abs"], abs=1e-7)
