"""Weak forms derived from strong equations: Green's identity, natural conditions, pairing, rates."""

from __future__ import annotations

import pickle

import pytest
import sympy as sp

from ritz.symbolic import notation as rz
from ritz.symbolic.boundary_conditions import Dirichlet, MeanZero, Neumann, PointValue, Robin
from ritz.symbolic.conditions import Periodic
from ritz.symbolic.coordinates import coords, t
from ritz.symbolic.domains import Box, Interval
from ritz.symbolic.equation import Eq
from ritz.symbolic.fields import Field, fields, vector_fields
from ritz.symbolic.mesh_operators import Normal
from ritz.symbolic.operators import D, Dt
from ritz.symbolic.parameters import params
from ritz.symbolic.problem import Problem
from ritz.symbolic.regions import Region
from ritz.symbolic.tensors import Expander
from ritz.symbolic.weak_components import push_down
from ritz.symbolic.weak_derivation import derive
from ritz.symbolic.weak_form import Essential, Geometric, Integral, TestFunction
from ritz.symbolic.weak_integrals import components_of_tests

x, y = coords("x y")
u, p, w = fields("u p w")
V, s = vector_fields("V s")
k, mu, lam = params("k mu lam", default=(2, 1, 3), positive=True)
PLANE = Box(x=(0, 1), y=(0, 1))
PARTS = {u: (u,), p: (p,), w: (w,), V: (Field("V_x"), Field("V_y")), s: (Field("s_x"), Field("s_y"))}
STRAIN = rz.sym(rz.grad(V))

TRIAL = {
    "u": x**2 * y + x, "p": x + 3 * y**2, "w": x * y, "V_x": x**2 + y, "V_y": x * y**2 - x, "s_x": x * y, "s_y": y - x,
}  # fmt: skip
WEIGHT = {
    "v_u": x * y + 1, "v_p": y - x, "v_w": x + y**2, "v_V_x": x * y, "v_V_y": 1 + x**2, "v_s_x": y, "v_s_y": x - 1,
}  # fmt: skip


def evaluated(e: sp.Expr, normal: tuple[int, int] = (0, 0)) -> sp.Expr:
    """Polynomials put in for all fields, derivatives done."""
    table = {f: value for f in e.atoms(Field) for value in [{**TRIAL, **WEIGHT}[f.name]]}
    table |= {Geometric("n_x"): normal[0], Geometric("n_y"): normal[1]}
    inner = {node: sp.diff(evaluated(node.expr), node.variable, node.order) for node in e.atoms(D)}
    return e.xreplace(inner).xreplace(table)


def over_square(e: sp.Expr) -> sp.Expr:
    return sp.integrate(sp.expand(evaluated(e)), (x, 0, 1), (y, 0, 1))


def over_boundary(e: sp.Expr) -> sp.Expr:
    total = sp.S.Zero
    for axis, other, end, normal in ((x, y, 0, (-1, 0)), (x, y, 1, (1, 0)), (y, x, 0, (0, -1)), (y, x, 1, (0, 1))):
        total += sp.integrate(sp.expand(evaluated(e, normal).subs(axis, end)), (other, 0, 1))
    return total


EQUATIONS = {
    "heat": [Eq(-rz.div((1 + u**2) * rz.grad(u)), x)],
    "laplacian": [Eq(k * rz.lap(u) + u - u**3)],
    "sum inside a product": [Eq(k * (rz.lap(u) - u), x)],
    "coefficient outside": [Eq(-(1 + x) * rz.lap(u) + u * rz.dx(u), 1)],
    "coefficient with the unknown": [Eq(u * rz.lap(u), 1)],
    "axes one by one": [Eq(rz.dx((1 + x) * rz.dx(u)) + 2 * rz.dy(u, 2) + rz.dx(rz.dy(u)))],
    "advection in conservation form": [Eq(rz.div(u * rz.vector(1, x)) - k * rz.lap(u), 1)],
    "Stokes": [Eq(-k * rz.lap(V) + rz.grad(p), (0, x)), Eq(rz.div(V))],
    "Navier-Stokes": [Eq(rz.dot(V, rz.grad(V)) - rz.div(2 * k * STRAIN), -rz.grad(p)), Eq(rz.div(V))],
    "elasticity": [Eq(-rz.div(lam * rz.div(V) * rz.identity() + 2 * mu * STRAIN), (x, y))],
    "Navier's equation": [Eq((lam + mu) * rz.grad(rz.div(V)) + mu * rz.lap(V), (1, 0))],
    "Maxwell": [Eq(rz.curl(k * rz.curl(V)) + V, (1, x))],
    "by components": [Eq(rz.vector(rz.lap(rz.component(V, x)), rz.lap(rz.component(V, y))), (x, y))],
    "component of a Laplacian": [Eq(-rz.component(rz.lap(V), x) + p), Eq(rz.component(V, y) - p), Eq(rz.lap(p))],
    "mixed Poisson": [Eq(s, k * rz.grad(u)), Eq(-rz.div(s), x)],
    "biharmonic": [Eq(w, -rz.lap(u)), Eq(-rz.lap(w), 1)],
    "nearly incompressible": [Eq(-rz.div(2 * mu * STRAIN) + rz.grad(p), (0, 1)), Eq(rz.div(V) + p / lam)],
}


@pytest.mark.parametrize("name", EQUATIONS)
def test_greens_identity(name):
    """Weak form minus natural boundary term equals residual times test function, for polynomials on the square."""
    equations = EQUATIONS[name]
    unknowns = [f for f in (V, s, u, p, w) if any((e.lhs - e.rhs).has(f) for e in equations)]
    tests = {f: TestFunction(f) for f in unknowns}
    parts = {f: PARTS[f] for f in unknowns}
    expander = Expander((x, y), {**parts, **components_of_tests(tests.values(), parts, (x, y))})
    for one in derive(equations, unknowns, expander, tests):
        (integrand,) = expander(one.written(expander).integrand).entries
        entries, weights = one.pair.entries, expander(one.test).entries
        strong = sum(over_square(e * v) for e, v in zip(entries, weights, strict=True))
        outflow = expander(one.outflow).entries if one.outflow is not None else (sp.S.Zero,) * len(weights)
        boundary = sum(over_boundary(e * v) for e, v in zip(outflow, weights, strict=True))
        numbers = {q: sp.Rational(q.default) for q in (k, mu, lam)}
        assert sp.expand((over_square(integrand) - boundary - one.sign * strong).subs(numbers)) == 0
        assert not any(isinstance(d.expr, D) or d.order > 1 for d in push_down(integrand).atoms(D))


def weak(equations, *conditions, domain=PLANE, **options):
    return Problem(equations, domain=domain, conditions=conditions, **options).weak_form()


def cells(form) -> sp.Expr:
    (integrand,) = [one.integrand for one in form.integrals if one.over == "cells"]
    return sp.expand(integrand)


def test_components_of_poisson():
    form = weak([Eq(-rz.div((1 + u**2) * rz.grad(u)), x * y)], Dirichlet(u, t * y, on="left"))
    v = TestFunction(u)
    expected = (1 + u**2) * (D(u, x) * D(v, x) + D(u, y) * D(v, y)) - x * y * v
    assert cells(form) == sp.expand(expected)
    assert form.unknowns == (u,) and form.tests == {v: u} and form.components == {u: (u,)}
    assert form.essential == (Essential(u, t * y, "left"),)
    assert len(form.integrals) == 1


@pytest.mark.parametrize(
    "equation",
    [
        Eq(-rz.div(k * rz.grad(u)), 1),
        Eq(rz.div(k * rz.grad(u)) + 1),
        Eq(rz.dt(u), rz.div(k * rz.grad(u))),
        Eq(rz.dt(u) - k * rz.lap(u)),
        Eq(k * rz.lap(u) - rz.dt(u)),
        Eq(-1, rz.div(k * rz.grad(u))),
        Eq(rz.div(-k * rz.grad(u)), 1),
    ],
    ids=str,
)
def test_flux_has_one_meaning(equation):
    """However the equation is written, the flux is k grad(u), the matrix positive, and Neumann data a source."""
    form = weak(
        [equation], Dirichlet(u, 0, on="left"), Neumann(u, 5, on="right"), Robin(u, coefficient=7, value=y, on=4)
    )
    v = TestFunction(u)
    stiffness = cells(form).coeff(D(u, x)).coeff(D(v, x))
    boundary = {one.on: sp.expand(one.integrand) for one in form.integrals if one.over == "boundary"}
    assert stiffness == k
    assert boundary == {"right": -5 * v, "top": sp.expand(7 * (u - y) * v)}
    assert "its flux n . F is k*dot(normal(), grad(u))" in form.pairing[0]


def test_natural_boundaries_are_listed():
    form = weak([Eq(-rz.lap(u), 1)], Periodic("y"), Dirichlet(u, 0, on="left"))
    assert form.natural == ("natural for u: n . F = 0 on 'right', where n . F = dot(normal(), grad(u))",)
    assert form.periodic == (("bottom", "top"),)
    shown = str(
        Problem([Eq(-rz.lap(u), 1)], domain=PLANE, conditions=[Periodic("y"), Dirichlet(u, 0, on="left")]).explain()
    )
    assert "natural for u: n . F = 0 on 'right'" in shown
    assert "equation 1 determines u" in shown


def test_traction_of_elasticity():
    stress = lam * rz.div(V) * rz.identity() + 2 * mu * STRAIN
    form = weak(
        [Eq(-rz.div(stress), (0, 0))], Dirichlet(rz.component(V, x), 0, on="left"),
        Dirichlet(rz.component(V, "y"), 0, on="bottom"), Neumann(V, (0, y), on="right"),
        Neumann(rz.component(V, y), 3, on="top"), Robin(V, coefficient=k, value=(1, 0), on=lambda x, y: x > 2),
    )  # fmt: skip
    vx, vy = form.tests
    Vx, Vy = form.components[V]
    boundary = [(one.on, sp.expand(one.integrand)) for one in form.integrals if one.over == "boundary"]
    assert boundary[0] == ("right", -y * vy)
    assert boundary[1] == ("top", -3 * vy)
    assert callable(boundary[2][0]) and boundary[2][1] == sp.expand(k * ((Vx - 1) * vx + Vy * vy))
    assert [(one.field, one.on) for one in form.essential] == [(Vx, "left"), (Vy, "bottom")]
    hooke = (lam + 2 * mu) * D(Vx, x) + lam * D(Vy, y)
    assert sp.expand(cells(form).coeff(D(vx, x)) - hooke) == 0
    assert any(line.startswith("natural for V_y: this part of n . F = 0 on 'left'") for line in form.natural)


def test_pressure_load_along_the_normal():
    form = weak([Eq(-rz.lap(V), (0, 0))], Dirichlet(V, 0, on="left"), Neumann(V, -k * Normal(), on="right"))
    vx, vy = form.tests
    (load,) = [one.integrand for one in form.integrals if one.over == "boundary"]
    assert sp.expand(load) == k * Geometric("n_x") * vx + k * Geometric("n_y") * vy


def test_stokes_is_symmetric():
    form = weak([Eq(-k * rz.lap(V) + rz.grad(p), (0, 1)), Eq(rz.div(V))], Dirichlet(V, 0), MeanZero(p))
    (Vx, Vy), vp = form.components[V], TestFunction(p)
    vx, vy = (test for test, of in form.tests.items() if of in (Vx, Vy))
    swap = {Vx: vx, Vy: vy, vx: Vx, vy: Vy, p: vp, vp: p}
    bilinear = sp.expand(cells(form) + vy)  # the load is -vy
    assert sp.expand(bilinear.xreplace(swap) - bilinear) == 0
    assert form.mean_zero == (p,)
    assert cells(form).coeff(D(vx, x)).has(p)


@pytest.mark.parametrize(
    ("equations", "pairing"),
    [
        ([Eq(rz.div(V)), Eq(-rz.lap(V) + rz.grad(p), (0, 1))], [p, V]),
        ([Eq(rz.dt(p), rz.lap(u)), Eq(u, p**3 - p - rz.lap(p))], [p, u]),
        ([Eq(w, -rz.lap(u)), Eq(-rz.lap(w), 1)], [u, w]),
        ([Eq(s, rz.grad(u)), Eq(rz.div(s), 1)], [s, u]),
        (
            [Eq(rz.lap(rz.component(V, y)), 1), Eq(rz.lap(rz.component(V, x)), 2)],
            [rz.component(V, y), rz.component(V, x)],
        ),
    ],
    ids=str,
)
def test_pairing(equations, pairing):
    unknowns = [f for f in (V, s, u, p, w) if any((e.lhs - e.rhs).has(f) for e in equations)]
    parts = {f: PARTS[f] for f in unknowns}
    tests = {f: TestFunction(f) for f in unknowns}
    expander = Expander((x, y), {**parts, **components_of_tests(tests.values(), parts, (x, y))})
    assert [one.pair.target for one in derive(equations, unknowns, expander, tests)] == pairing


def test_gradient_of_a_pressure_is_integrated_but_that_of_an_evolving_field_is_not():
    sound = weak([Eq(rz.dt(p) + rz.div(V)), Eq(rz.dt(V) + rz.grad(p))], Dirichlet(V, 0, on="left"))
    assert cells(sound).has(D(p, x)) and not cells(sound).has(D(sound.components[V][0], x))
    stokes = weak([Eq(rz.dt(V) - rz.lap(V) + rz.grad(p)), Eq(rz.div(V))], Dirichlet(V, 0, on="left"))
    assert not cells(stokes).has(D(p, x))


def test_second_order_in_time():
    start = {u: x, rz.dt(u): y}
    form = weak([Eq(rz.dt(u, 2) + k * rz.dt(u), rz.lap(u))], Dirichlet(u, sp.sin(t) * y, on="left"), initial=start)
    rate, v = Field("u_t"), TestFunction(u)
    assert form.rates == {u: rate} and form.unknowns == (u, rate) and form.components[rate] == (rate,)
    assert cells(form).coeff(v) == Dt(rate) + k * rate
    assert form.essential == (Essential(u, sp.sin(t) * y, "left"), Essential(rate, sp.cos(t) * y, "left"))
    assert form.initial == {u: x, rate: y} and form.evolving == (u, rate)


def test_vector_rates_are_named_as_in_the_scalar_form():
    problem = Problem(
        [Eq(rz.dt(V, 2), rz.lap(V))], domain=PLANE, conditions=[Dirichlet(V, 0)], initial={V: (x, y), rz.dt(V): (0, 0)}
    )
    form = problem.weak_form()
    assert tuple(problem.scalar_form().auxiliary) == form.components[form.rates[V]]
    problem.require_initial()


def test_one_dimension_and_point_values():
    form = weak([Eq(-rz.dx(k * rz.dx(u)), x)], PointValue(u, 1, at=0.5), domain=Interval(0, 1))
    assert form.essential == (Essential(u, sp.S.One, at=(0.5,)),)
    assert sp.expand(cells(form)) == k * D(u, x) * D(TestFunction(u), x) - x * TestFunction(u)


def test_parameters_of_conditions_are_parameters_of_the_problem():
    problem = Problem([Eq(-rz.lap(u), 1)], domain=PLANE, conditions=[Dirichlet(u, k, on="left")])
    assert problem.parameters == (k,) and problem.weak_form().parameters == (k,)


def test_region_and_periodic_pairs():
    region = Region("xy", boundaries={"a": 1, "b": 2, "wall": 3})
    form = weak([Eq(rz.dt(u), rz.lap(u))], Periodic(("a", "b")), domain=region)
    assert form.periodic == (("a", "b"),)
    assert "natural for u: n . F = 0 on 'wall', the rest of the boundary" in form.natural[0]
    assert region == region and region != Region("xy", boundaries={"a": 1, "b": 2, "wall": 3})


def test_whole_boundary_beside_periodic_axes():
    """A condition without on= stands on what is not periodic."""
    form = weak([Eq(-rz.lap(u), 1)], Periodic("x"), Dirichlet(u, y))
    assert [one.on for one in form.essential] == ["bottom", "top"]
    form = weak([Eq(-rz.lap(u), 1)], Periodic("y"), Robin(u, coefficient=k, value=x))
    assert [one.on for one in form.integrals if one.over == "boundary"] == ["left", "right"]
    assert "+ k*(u - x) = 0 on the whole boundary" in form.natural[0]


def test_mesh_stands_for_its_region():
    class Mesh:
        def as_domain(self):
            return Region("xy", boundaries={"wall": 1}, mesh=self)

    mesh = Mesh()
    problem = Problem([Eq(-rz.lap(u), 1)], domain=mesh, conditions=[Dirichlet(u, 0, on="wall")])
    assert problem.domain.mesh is mesh
    assert problem.replace(name="again").domain == problem.domain
    assert "Region(x, y; boundaries: wall (1))" in str(problem)
    problem.explain()


def test_same_equation_for_fourier_and_finite_elements():
    problem = Problem([Eq(rz.dt(u), k * rz.lap(u) - u)], domain=PLANE, conditions=[Periodic()])
    assert problem._weak is None  # not made before it is asked for
    assert problem.weak_form().periodic == (("left", "right"), ("bottom", "top"))


def test_product_rule_is_told():
    form = weak([Eq(-(1 + x**2) * rz.lap(u), 1)], Dirichlet(u, 0))
    assert "x**2 + 1 stands outside the derivative" in form.pairing[1]
    v = TestFunction(u)
    assert cells(form).coeff(D(u, x)).coeff(v) == 2 * x


def test_display_and_pickle():
    form = weak([Eq(-k * rz.lap(V) + rz.grad(p), (0, 1)), Eq(rz.div(V))], Dirichlet(V, 0, on="left"))
    text = str(form)
    assert "integral(k*inner(grad(V), grad(v_V)) - p*div(v_V) - dot(vector(0, 1), v_V)) = 0 for all v_V" in text
    assert "V = 0 on 'left'" in text and "natural for V: n . F = 0 on 'right', 'bottom', 'top'" in text
    shown = form._repr_latex_()
    assert r"\int_{\Omega}" in shown and r"\nabla \boldsymbol{V}" in shown and r"\forall" in shown
    assert shown.count("{") == shown.count("}")
    assert pickle.loads(pickle.dumps(form)) == form


def test_integrals_hold_documented_atoms_only():
    form = weak([Eq(rz.dt(u), rz.div(sp.sin(u * x) * rz.grad(u**2)))], Dirichlet(u, 0, on="left"))
    for one in form.integrals:
        assert isinstance(one, Integral)
        for node in one.integrand.atoms(D):
            assert node.order == 1 and isinstance(node.expr, Field)
        for node in one.integrand.atoms(Dt):
            assert node.order == 1 and isinstance(node.expr, Field)
