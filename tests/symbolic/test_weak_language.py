"""Weak forms typed directly: integrals, sides of facets, numbers, and derivatives pushed down to fields."""

from __future__ import annotations

import pickle

import pytest
import sympy as sp

from ritz.symbolic import notation as rz
from ritz.symbolic.boundary_conditions import Dirichlet
from ritz.symbolic.coordinates import coords, t
from ritz.symbolic.domains import Box
from ritz.symbolic.equation import Eq
from ritz.symbolic.fields import Field, fields, vector_fields
from ritz.symbolic.operators import D, Dt
from ritz.symbolic.parameters import params
from ritz.symbolic.problem import Problem
from ritz.symbolic.regions import Region
from ritz.symbolic.weak_components import push_down
from ritz.symbolic.weak_form import Geometric, Restricted
from ritz.symbolic.weak_notation import (
    average,
    cell_size,
    facet_size,
    integral,
    jump,
    normal,
    numbers,
    side,
    test,
)

x, y = coords("x y")
u, p = fields("u p")
V = vector_fields("V")
k = params("k", default=2)
v = test(u, "v")
MESH = Region("xy", boundaries={"wall": 1, "inlet": 2}, subdomains={"core": 7, "shell": 8})
DIFFUSION = rz.dot(rz.grad(u), rz.grad(v))


def weak(*equations, domain=MESH, conditions=(), **options):
    return Problem(list(equations), domain=domain, conditions=conditions, **options).weak_form()


def slope_of(e: sp.Expr, atom: sp.Expr) -> sp.Expr:
    place = sp.Dummy()
    return e.xreplace({atom: place}).diff(place).xreplace({place: atom})


def test_integrals_add_and_scale():
    equation = k * (integral(DIFFUSION) - 2 * integral(v, on="core")) + integral(u * v, over="boundary", on=2)
    form = weak(Eq(equation, integral(v, on=7)))
    found = {(one.over, one.on): sp.expand(one.integrand) for one in form.integrals}
    assert found["cells", None] == sp.expand(k * (D(u, x) * D(v, x) + D(u, y) * D(v, y)))
    assert found["cells", "core"] == -2 * k * v - v
    assert found["boundary", "inlet"] == u * v
    assert len(found) == len(form.integrals) == 3


def test_lists_of_labels_and_degrees():
    form = weak(integral(DIFFUSION, on=["core", "shell"], degree=3) + integral(u * v, on=lambda x, y: x < 1))
    found = {("predicate" if callable(one.on) else one.on, one.degree) for one in form.integrals}
    assert found == {("core", 3), ("shell", 3), ("predicate", None)}


def test_integrals_compare_print_and_pickle():
    a = integral(DIFFUSION) - integral(k * v, over="boundary", on=["wall", 2], degree=4)
    assert a == integral(DIFFUSION) - integral(k * v, over="boundary", on=["wall", 2], degree=4)
    assert a != integral(DIFFUSION) - integral(k * v, over="boundary", on=["wall", 3], degree=4)
    assert str(integral(-k * v, over="boundary", on=["wall", 2], degree=4)) == (
        "integral(-k*v, over='boundary', on=['wall', 2], degree=4)"
    )
    several = [integral(v, degree=2), integral(v), integral(v, on=lambda x: x < 1), integral(v, on=lambda x: x < 2)]
    assert len(sp.Add(*several).args) == 4  # comparable whatever the labels are
    assert pickle.loads(pickle.dumps(a)) == a
    assert a.xreplace({k: sp.Integer(3)}) == integral(DIFFUSION) - integral(
        3 * v, over="boundary", on=["wall", 2], degree=4
    )
    assert integral(0) == 0
    assert r"\int_{\Gamma_{\text{wall}}\cup \Gamma_{\text{2}}}" in sp.latex(a)


def test_equations_are_summed():
    q = test(p, "q")
    form = weak(integral(DIFFUSION - p * v), integral(p * q - u * q), conditions=[Dirichlet(u, 0)])
    (one,) = form.integrals
    assert sp.expand(one.integrand) == sp.expand(D(u, x) * D(v, x) + D(u, y) * D(v, y) - p * v + p * q - u * q)
    assert form.tests == {v: u, q: p}
    assert len(form.written) == 2


def test_rates_and_initial_values():
    problem = Problem(
        [integral(rz.dt(u, 2) * v + k * rz.dt(u) * v + DIFFUSION)], domain=MESH, initial={u: x, rz.dt(u): y * k},
        conditions=[Dirichlet(u, sp.sin(t), on="wall")],
    )  # fmt: skip
    form, rate = problem.weak_form(), Field("u_t")
    assert form.rates == {u: rate}
    assert form.integrals[0].integrand.coeff(v) == Dt(rate) + k * rate
    assert form.initial == {u: x, rate: k * y}
    assert [(one.field, one.value) for one in form.essential] == [(u, sp.sin(t)), (rate, sp.cos(t))]
    problem.require_initial()
    with pytest.raises(ValueError, match=r"No initial value for dt\(u\)"):
        problem.replace(initial={u: x}).require_initial()


def test_interior_penalty():
    """Every atom on interior facets has a side; the normal is one vector."""
    n = normal()
    flux = rz.dot(average(k * rz.grad(u)), n) * jump(v) + rz.dot(average(rz.grad(v)), n) * jump(u)
    form = weak(integral(DIFFUSION - v) + integral(10 / facet_size() * jump(u) * jump(v) - flux, over="facets"),
                conditions=[Dirichlet(u, 0)])  # fmt: skip
    (facets,) = [one.integrand for one in form.integrals if one.over == "facets"]

    def on(e, s):
        return Restricted(e, s)

    def mean(axis, f):
        return (on(D(f, axis), 1) + on(D(f, axis), -1)) / 2

    nx, ny = on(Geometric("n_x"), 1), on(Geometric("n_y"), 1)
    jumps = on(u, 1) - on(u, -1), on(v, 1) - on(v, -1)
    expected = 10 / Geometric("h_facet") * jumps[0] * jumps[1]
    expected -= k * (nx * mean(x, u) + ny * mean(y, u)) * jumps[1]
    expected -= (nx * mean(x, v) + ny * mean(y, v)) * jumps[0]
    assert sp.expand(facets - expected) == 0


def test_jump_of_a_nonlinear_flux_and_of_vectors():
    W = test(V, "W")
    form = weak(
        integral(rz.inner(rz.grad(V), rz.grad(W)))
        + integral(rz.dot(jump(V), jump(W)) / average(cell_size()) + side(u**2, "+") * jump(v), over="facets")
        + integral(u * v),
        conditions=[Dirichlet(V, 0)],
    )
    (facets,) = [one.integrand for one in form.integrals if one.over == "facets"]
    Vx = form.components[V][0]
    (Wx,) = (part for part, of in form.tests.items() if of == Vx)
    h = (Restricted(Geometric("h"), 1) + Restricted(Geometric("h"), -1)) / 2
    assert sp.simplify(slope_of(facets, Restricted(Vx, -1)) + (Restricted(Wx, 1) - Restricted(Wx, -1)) / h) == 0
    assert sp.expand(facets).coeff(Restricted(v, 1)) == Restricted(u, 1) ** 2


def test_derivative_of_a_product_has_sides():
    form = weak(integral(DIFFUSION) + integral(rz.dot(jump(rz.grad(x * u**2)), normal()) * average(v), over="facets"),
                conditions=[Dirichlet(u, 0)])  # fmt: skip
    (facets,) = [one.integrand for one in form.integrals if one.over == "facets"]
    slope = slope_of(slope_of(facets, Restricted(D(u, x), -1)), Restricted(v, 1))
    assert sp.expand(slope + x * Restricted(u, -1) * Restricted(Geometric("n_x"), 1)) == 0
    assert not facets.xreplace({node: sp.Dummy() for node in facets.atoms(Restricted)}).has(Field, D)


def test_numbers():
    lam = numbers("lam")
    mu = test(lam, "mu")
    form = weak(integral(DIFFUSION - x * v + lam * v + u * mu))
    assert form.numbers == (lam,) and form.tests == {v: u, mu: lam} and set(form.unknowns) == {u, lam}
    assert push_down(D(lam * u, x)) == lam * D(u, x)
    assert numbers("a b")[0] != fields("a") and pickle.loads(pickle.dumps(lam)) == lam


def test_normal_in_boundary_integrals():
    W = test(V, "W")
    push = integral(k * rz.dot(normal(), W), over="boundary", on="wall")
    form = weak(integral(rz.inner(rz.grad(V), rz.grad(W))) + push, conditions=[Dirichlet(V, 0, on="inlet")])
    (load,) = [one.integrand for one in form.integrals if one.over == "boundary"]
    Wx, Wy = form.tests
    assert sp.expand(load) == k * Geometric("n_x") * Wx + k * Geometric("n_y") * Wy


def test_weak_problem_shows_itself():
    problem = Problem([integral((1 + u**2) * DIFFUSION - k * v)], domain=MESH, conditions=[Dirichlet(u, 0, on="wall")])
    card = str(problem.explain())
    assert "Class: nonlinear, steady problem in weak form in 2-D" in card
    assert "integral(-k*v + (u**2 + 1)*dot(grad(u), grad(v))) = 0 for all v" in card
    assert "u = 0 on 'wall'" in card
    assert repr(problem) == "<Problem: u over x, y, 1 parameter (k)>"
    assert "\\int_{\\Omega}" in problem._repr_latex_() and "Weak form" in problem.explain()._repr_html_()
    linear = problem.replace(equations=[integral(DIFFUSION - k * v)], conditions=[Dirichlet(u, 0)])
    assert "Class: linear, steady" in str(linear.explain())


def test_box_with_weak_form_needs_no_conditions_on_its_axes():
    form = weak(integral(DIFFUSION + u * v - v), domain=Box(x=(0, 1), y=(0, 1)))
    assert form.essential == () and form.periodic == ()


EXPRESSIONS = {
    "product": x * u**2 * p,
    "function": sp.sin(u * x) * sp.exp(-p),
    "quotient": u / (1 + p**2 + y),
    "piecewise": sp.Piecewise((u**2, x < 1), (p, True)),
    "power": (1 + u**2) ** sp.Rational(3, 2),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
@pytest.mark.parametrize("axis", [x, y], ids=str)
def test_derivatives_against_sympy(name, axis):
    """With functions put in for the fields, pushing derivatives down is the same as differentiating."""
    e = EXPRESSIONS[name]
    table = {u: sp.cos(x) + x * y, p: x * y**2 - sp.exp(y)}
    made = push_down(D(e, axis))
    slopes = {node: sp.diff(table[node.expr], node.variable) for node in made.atoms(D)}
    assert all(isinstance(node.expr, Field) for node in slopes)
    difference = made.xreplace(slopes).xreplace(table) - sp.diff(e.xreplace(table), axis)
    assert abs(difference.subs({x: 0.3, y: 0.7}).evalf()) < 1e-13


def test_mixed_second_derivatives_are_equal():
    assert push_down(D(D(u, x), y)) == push_down(D(D(u, y), x))
    assert push_down(D(u, x, 2)) == D(u, x, 2)
