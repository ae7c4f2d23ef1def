"""Linear, nonlinear and source parts; refusal of ill-posed problems."""

from __future__ import annotations

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from ritz.errors import ProblemError
from ritz.symbolic.classify import linear_terms, space_order, split_linear
from ritz.symbolic.conditions import Periodic
from ritz.symbolic.coordinates import coords, t
from ritz.symbolic.domains import Box
from ritz.symbolic.equation import Eq
from ritz.symbolic.fields import fields, vector_fields
from ritz.symbolic.notation import cross, curl, div, dot, dt, dx, dy, grad, lap, vector
from ritz.symbolic.parameters import params
from ritz.symbolic.problem import Problem

x, y = coords("x y")
u, v = fields("u v")
a, b = params("a b", default=(1, 2))
U, V = vector_fields("U V")

leaves = st.sampled_from([u, v, a, b, x, t, sp.Integer(2), sp.Rational(1, 3)])


def grow(children: st.SearchStrategy[sp.Expr]) -> st.SearchStrategy[sp.Expr]:
    return st.one_of(
        st.tuples(children, children).map(lambda p: p[0] + p[1]),
        st.tuples(children, children).map(lambda p: p[0] * p[1]),
        st.tuples(children, st.integers(2, 3)).map(lambda p: p[0] ** p[1]),
        children.map(sp.sin),
    )


expressions = st.recursive(leaves, grow, max_leaves=8)


@settings(max_examples=150, deadline=None)
@given(expressions)
def test_parts_add_up_and_are_what_they_say(expr):
    parts = split_linear(expr, [u, v])
    values = {u: 1.3, v: -0.7, a: 0.9, b: 1.1, x: 0.4, t: 0.2}
    total = sum(parts).subs(values)
    assert complex(total) == pytest.approx(complex(expr.subs(values)), rel=1e-9, abs=1e-9)
    assert not parts.source.has(u, v)
    scale = sp.Symbol("scale")
    scaled = parts.linear.subs({u: scale * u, v: scale * v}, simultaneous=True)
    assert (scaled - scale * parts.linear).expand() == 0
    if parts.nonlinear == 0:
        assert expr.diff(u, u).equals(0) and expr.diff(u, v).equals(0)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (u * (1 - u), (u, -(u**2), 0)),
        ((1 + u) * (1 - u), (0, -(u**2), 1)),
        (a * u * (b - u) * v, (0, a * u * (b - u) * v, 0)),
        ((a + u) ** 2, (2 * a * u, u**2, a**2)),
        (lap(u**2 + a * u + x), (lap(a * u), lap(u**2), lap(x))),
        (dx(u + u**3 + sp.sin(x)), (dx(u), dx(u**3), sp.cos(x))),
        (sp.sin(u) + sp.sin(x), (0, sp.sin(u), sp.sin(x))),
        (u / (1 + x) + 1 / u, (u / (1 + x), 1 / u, 0)),
        (dt(u) + sp.exp(t), (dt(u), 0, sp.exp(t))),
    ],
)
def test_scalar_parts(expr, expected):
    assert split_linear(expr, [u, v]) == expected


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (dot(U, grad(U)), (0, dot(U, grad(U)), 0)),
        (dot(vector(a, 0) + U, grad(V)), (dot(vector(a, 0), grad(V)), dot(U, grad(V)), 0)),
        (curl(cross(U, vector(0, 1))) - 2 * U, (curl(cross(U, vector(0, 1))) - 2 * U, 0, 0)),
        (vector(u, 1 + u * v), (vector(u, 0), vector(0, u * v), vector(0, 1))),
        (div(U * u), (0, div(U * u), 0)),
    ],
)
def test_vector_parts(expr, expected):
    assert split_linear(expr, [u, v, U, V]) == expected


def test_other_fields_count_as_coefficients():
    assert split_linear(u * v, [u]) == (u * v, 0, 0)


def test_a_conjugate_is_not_linear_over_the_complex_numbers():
    psi = fields("psi", complex=True)
    assert split_linear(psi + sp.conjugate(psi), [psi]) == (psi, sp.conjugate(psi), 0)


def test_terms_of_a_linear_operator():
    found = linear_terms(a * dx(3 * dx(u, 2) + dy(u) + v) + dt(v))
    assert found is not None
    table = {(term.field, term.orders, term.time): term.coefficient for term in found}
    assert table == {
        (u, ((x, 3),), 0): 3 * a,
        (u, ((x, 1), (y, 1)), 0): a,
        (v, ((x, 1),), 0): a,
        (v, (), 1): 1,
    }
    assert linear_terms(sp.cos(x) * dx(u)) is None


def test_space_order_adds_up_nested_operators():
    assert space_order(lap(lap(u)) + dx(u)) == 4
    assert space_order(div(u * grad(lap(v)))) == 4
    assert space_order(u * v) == 0


def make(equation: Eq) -> Problem:
    return Problem([equation], domain=Box(x=(0, 1), y=(0, 1)), conditions=Periodic())


nu = params("nu", default=0.1)
wide = params("wide", default=0.1, bounds=(-1, 1))
unsure = params("unsure")
minus = params("minus", bounds=(-2, -1))


@pytest.mark.parametrize(
    ("equation", "term"),
    [
        (Eq(dt(u), -lap(u)), "-dx(u, 2)"),
        (Eq(dt(u) + nu * dx(u, 2), u), "-nu*dx(u, 2)"),
        (Eq(-dt(u), 0.5 * lap(u) - u), "-0.5*dx(u, 2)"),
        (Eq(2 * dt(u), minus * lap(u) + dx(u)), "minus*dx(u, 2)/2"),
        (Eq(dt(u), dx(u, 2) - dy(u, 2)), "-dy(u, 2)"),
        (Eq(dt(u), lap(lap(u)) + lap(u)), "dx(u, 4)"),
        (Eq(dt(u), -dx(u, 6)), "-dx(u, 6)"),
        (Eq(dt(u, 2), -lap(u)), "-dx(u, 2)"),
        (Eq(dt(u), -lap(u) + dx(u, 3) - u * dx(u)), "-dx(u, 2)"),
        (Eq(dt(u), div(grad(u) * (-1 - u + u))), "-dx(u, 2)"),
    ],
)
def test_backward_heat_and_its_like_are_refused(equation, term):
    with pytest.raises(ProblemError) as error:
        make(equation)
    text = str(error.value)
    assert term in text
    assert "Change the sign" in text and "In equation 1:" in text
    assert ("backward heat" in text) == ("2)" in term and not equation.lhs.has(dt(u, 2)))


@pytest.mark.parametrize(
    "equation",
    [
        Eq(dt(u), lap(u)),
        Eq(dt(u), -lap(u) - lap(lap(u)) - u * dx(u)),  # Kuramoto-Sivashinsky
        Eq(dt(u), -nu * lap(u) - lap(lap(u))),
        Eq(dt(u), dx(u, 6)),
        Eq(dt(u), dx(u, 3)),
        Eq(dt(u), -wide * lap(u)),  # sign unknown
        Eq(dt(u), -unsure * lap(u)),
        Eq(dt(u, 2), lap(u)),
        Eq(dt(u, 2), -lap(lap(u))),  # beam
        Eq(dt(u), -lap(u) - lap(u**3)),  # the nonlinear term has the same order
        Eq(dt(u), -sp.cos(x) * lap(u)),
        Eq(dt(u) - dt(lap(u)), -lap(u)),  # the rate has the higher order
        Eq(sp.I * dt(u), lap(u)),
    ],
)
def test_well_posed_or_undecided_problems_pass(equation):
    make(equation)


def test_coupling_of_the_same_order_is_left_alone():
    """The matrix ((-1, 2), (-2, 3)) has eigenvalues 1, 1: diffusion with a wrong sign on the diagonal only."""
    equations = [Eq(dt(u), -lap(u) + 2 * lap(v)), Eq(dt(v), -2 * lap(u) + 3 * lap(v))]
    Problem(equations, domain=Box(x=(0, 1)), conditions=Periodic())


def test_vector_components_are_named():
    with pytest.raises(ProblemError, match="in equation 1, component x"):
        make(Eq(dt(U), -lap(U)))
