"""From the user's equations to scalar component equations of first order in time."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from ritz.errors import InitialValueError, ProblemError
from ritz.symbolic.conditions import Periodic
from ritz.symbolic.coordinates import coords, t
from ritz.symbolic.domains import Box, Interval
from ritz.symbolic.equation import Eq
from ritz.symbolic.fields import Field, fields, vector_fields
from ritz.symbolic.notation import cross, curl, div, dot, dt, dx, dy, grad, lap
from ritz.symbolic.operators import D, Dt
from ritz.symbolic.parameters import Parameter, params
from ritz.symbolic.problem import Problem

x, y, z = coords("x y z")
u, v, p = fields("u v p")
PERIODIC = {"conditions": [Periodic()]}
LINE = {"domain": Interval(0, 1), **PERIODIC}
PLANE = {"domain": Box(x=(0, 1), y=(0, 2)), **PERIODIC}
SPACE = {"domain": Box(x=(0, 1), y=(0, 1), z=(0, 1)), **PERIODIC}


def assert_plain(problem: Problem) -> None:
    """Only what a discretisation understands is left."""
    form = problem.scalar_form()
    for equation in form.equations:
        for node in sp.preorder_traversal(equation.expr):
            if isinstance(node, Dt):
                assert isinstance(node.expr, Field) and node.order == 1
            if isinstance(node, Field):
                assert node.rank == 0 and node in form.unknowns
            elif isinstance(node, sp.Symbol):
                assert node == t or node in form.coordinates or isinstance(node, Parameter)
            assert not isinstance(node, sp.Derivative)
            if type(node).__module__.startswith("ritz") and not isinstance(node, sp.Symbol):
                assert isinstance(node, (D, Dt)), node


def test_ordinary_differential_equations_need_no_domain():
    k = params("k", default=2)
    form = Problem([Eq(dt(u), -k * u + sp.sin(t)), Eq(dt(v), u)], initial={u: 1, v: 0}).scalar_form()
    assert form.coordinates == () and form.bounds == {}
    assert form.unknowns == (u, v)
    assert [e.expr for e in form.equations] == [dt(u) + k * u - sp.sin(t), dt(v) - u]
    assert form.initial == {u: 1, v: 0}


def test_sides_do_not_matter():
    left = Problem([Eq(dt(u) - lap(u), u**3)], **LINE).scalar_form()
    right = Problem([Eq(u**3 + lap(u), dt(u))], **LINE).scalar_form()
    assert left.equations[0].expr == -right.equations[0].expr


def test_navier_stokes_in_components():
    w, nu = vector_fields("w"), params("nu", default=0.1)
    problem = Problem([Eq(dt(w) + dot(w, grad(w)), nu * lap(w) - grad(p)), Eq(div(w), 0)], **SPACE)
    form = problem.scalar_form()
    assert_plain(problem)
    assert [f.name for f in form.unknowns] == ["w_x", "w_y", "w_z", "p"]
    assert [e.label for e in form.equations] == [
        "equation 1, component x",
        "equation 1, component y",
        "equation 1, component z",
        "equation 2",
    ]
    assert [e.source for e in form.equations] == [0, 0, 0, 1]
    w_x, w_y, w_z = form.components[w]
    expected = dt(w_x) + w_x * dx(w_x) + w_y * dy(w_x) + w_z * D(w_x, z) + dx(p)
    expected -= nu * (dx(w_x, 2) + dy(w_x, 2) + D(w_x, z, 2))
    assert (form.equations[0].expr - expected).expand() == 0
    assert form.equations[3].expr == dx(w_x) + dy(w_y) + D(w_z, z)


def test_magnetohydrodynamics_keeps_its_second_constraint():
    w, b = vector_fields("w b")
    equations = [
        Eq(dt(w), -dot(w, grad(w)) - grad(p) + cross(curl(b), b) + lap(w)),
        Eq(dt(b), curl(cross(w, b)) + lap(b)),
        Eq(div(w), 0),
        Eq(div(b), 0),
    ]
    problem = Problem(equations, **SPACE)
    assert len(problem.scalar_form().equations) == len(problem.scalar_form().unknowns) + 1
    assert_plain(problem)


def test_vorticity_and_streamfunction():
    w, psi = fields("w psi")
    problem = Problem([Eq(dt(w) + dot(curl(psi), grad(w)), lap(w)), Eq(lap(psi), -w)], **PLANE)
    expr = problem.scalar_form().equations[0].expr
    assert (expr - (dt(w) + dy(psi) * dx(w) - dx(psi) * dy(w) - dx(w, 2) - dy(w, 2))).expand() == 0
    assert problem.unknowns == (w, psi)


def test_second_order_in_time_gets_an_auxiliary_field():
    problem = Problem([Eq(dt(u, 2) + dt(u), lap(u) - sp.sin(u))], initial={u: sp.sin(x), dt(u): 0}, **LINE)
    form = problem.scalar_form()
    u_t = Field("u_t")
    assert form.unknowns == (u, u_t)
    assert form.auxiliary == {u_t: dt(u)}
    assert [e.expr for e in form.equations] == [dt(u) - u_t, dt(u_t) + u_t - dx(u, 2) + sp.sin(u)]
    assert form.initial == {u: sp.sin(x), u_t: 0}
    problem.require_initial()
    assert_plain(problem)


def test_third_order_and_vectors_too():
    w = vector_fields("w")
    problem = Problem([Eq(dt(w, 3), lap(w))], initial={dt(w, 2): (1, 2), "w": (x, y), "w_t": (0, 0)}, **PLANE)
    form = problem.scalar_form()
    assert [f.name for f in form.unknowns] == ["w_x", "w_y", "w_x_t", "w_x_tt", "w_y_t", "w_y_tt"]
    assert {f.name: value for f, value in form.initial.items()} == {
        "w_x": x,
        "w_y": y,
        "w_x_t": 0,
        "w_y_t": 0,
        "w_x_tt": 1,
        "w_y_tt": 2,
    }
    assert_plain(problem)


def test_mixed_space_and_time_derivatives_stay_linear_in_the_rate():
    """Benjamin-Bona-Mahony: u_t - u_xxt + u u_x = 0."""
    problem = Problem([Eq(dt(u) - dt(dx(u, 2)) + u * dx(u), 0)], **LINE)
    assert problem.scalar_form().equations[0].expr == dt(u) - D(dt(u), x, 2) + u * dx(u)


def test_complex_fields_and_squared_moduli():
    psi = fields("psi", complex=True)
    problem = Problem([Eq(sp.I * dt(psi) + dx(psi, 2) / 2 + sp.Abs(psi) ** 2 * psi, 0)], **LINE)
    expr = problem.scalar_form().equations[0].expr
    assert expr == sp.I * dt(psi) + dx(psi, 2) / 2 + psi**2 * sp.conjugate(psi)


def test_high_orders_and_nested_operators():
    problem = Problem([Eq(dt(u), -u - 2 * lap(u) - lap(lap(u)) - dx(u, 6) * 0)], **PLANE)
    expr = problem.scalar_form().equations[0].expr
    expected = dt(u) + u + 2 * dx(u, 2) + 2 * dy(u, 2) + dx(dx(u, 2) + dy(u, 2), 2) + dy(dx(u, 2) + dy(u, 2), 2)
    assert (expr - expected).expand() == 0
    assert_plain(problem)


def test_coefficients_may_vary_in_space_and_time():
    a = params("a", default=1)
    problem = Problem([Eq(dt(u), div((1 + sp.cos(x) / 2) * grad(u)) + a * sp.sin(t) * sp.cos(x))], **LINE)
    assert problem.scalar_form().equations[0].expr.has(D, t, a)
    assert_plain(problem)


def test_vector_initial_values_in_every_form():
    w = vector_fields("w")
    equation = [Eq(dt(w), lap(w))]
    grid = np.arange(32.0).reshape(2, 4, 4)
    for value in [(x, y), [x, y], sp.Matrix([x, y])]:
        assert list(Problem(equation, initial={w: value}, **PLANE).scalar_form().initial.values()) == [x, y]
    first, second = Problem(equation, initial={w: grid}, **PLANE).scalar_form().initial.values()
    np.testing.assert_array_equal(second, grid[1])
    first, second = Problem(equation, initial={w: lambda x, y: (x, x + y)}, **PLANE).scalar_form().initial.values()
    assert (first(1, 2), second(1, 2)) == (1, 3)


def test_initial_arrays_are_copied_and_frozen():
    data = np.ones(8)
    problem = Problem([Eq(dt(u), lap(u))], initial={u: data}, **LINE)
    data[:] = 7
    kept = problem.initial[u]
    assert kept.max() == 1
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 2


def test_a_rate_that_follows_from_the_equations_needs_no_initial_value():
    with pytest.raises(InitialValueError, match="dt\\(u\\) follows from them"):
        Problem([Eq(dt(u), lap(u))], initial={dt(u): 0}, **LINE)


def test_names_of_components_must_be_free():
    w, w_x = vector_fields("w"), fields("w_x")
    with pytest.raises(ProblemError, match="both need the name w_x"):
        Problem([Eq(dt(w), lap(w)), Eq(dt(w_x), 0)], **PLANE)
    u_t = fields("u_t")
    with pytest.raises(ProblemError, match="auxiliary field u_t, but that name is taken"):
        Problem([Eq(dt(u, 2), u_t), Eq(dt(u_t), u)])


def test_doubles_survive():
    k1, k2, k3 = 77.27, 8.375e-6, 0.161
    form = Problem([Eq(dt(u), k1 * u - k2 * u**2), Eq(dt(v), k3 * (u - v))]).scalar_form()
    numbers = {abs(float(n)) for e in form.equations for n in e.expr.atoms(sp.Float)}
    assert numbers == {k1, k2, k3}
