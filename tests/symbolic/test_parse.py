"""The parser of string equations: what may be written, and where errors point."""

from __future__ import annotations

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from ritz.errors import ParseError
from ritz.symbolic.coordinates import coords, t
from ritz.symbolic.equation import Eq
from ritz.symbolic.fields import fields, tensor_fields, vector_fields
from ritz.symbolic.notation import (
    component,
    cross,
    curl,
    d,
    div,
    dot,
    dt,
    dx,
    dy,
    dz,
    grad,
    identity,
    inner,
    lap,
    outer,
    sym,
    vector,
)
from ritz.symbolic.parameters import params
from ritz.symbolic.parse import parse, parse_equation, parse_expression

x, y, r = coords("x y r")
u, v, w, psi, p, y1, y2 = fields("u v w psi p y1 y2")
phi = fields("phi", complex=True)
U, B = vector_fields("U B")
S = tensor_fields("S")
nu, k, eps, D_u = params("nu k eps D_u")
SYMBOLS = [x, y, r, u, v, w, psi, p, y1, y2, phi, U, B, S, nu, k, eps, D_u]

EQUATIONS = {
    "dt(u) = nu*lap(u) - u*dx(u)": (dt(u), nu * lap(u) - u * dx(u)),
    "u_t = -u*u_x - u_xxxx": (dt(u), -u * dx(u) - dx(u, 4)),
    "∂t u = ν*Δu - u ∂ₓu": (dt(u), nu * lap(u) - u * dx(u)),
    "∂ₜu = 0": (dt(u), 0),
    "∂u/∂t = ∂²u/∂x² - sin(u)": (dt(u), dx(u, 2) - sp.sin(u)),
    "∂²u/∂t² = ∂²u/∂x∂y": (dt(u, 2), dy(dx(u))),
    "∂U/∂t + (U·∇)U = -∇p + ν∇²U": (dt(U) + dot(U, grad(U)), -grad(p) + nu * lap(U)),
    "∂t U = -U·∇U": (dt(U), -dot(U, grad(U))),
    "∇·U = 0": (div(U), 0),
    "∂t B = ∇×(U×B)": (dt(B), curl(cross(U, B))),
    "u_t = ∇·(k∇u)": (dt(u), div(k * grad(u))),
    "∂t U = ∇·(U⊗U)": (dt(U), div(outer(U, U))),
    "u_t = Δ²u - ∂x^4 u - ∂_xx u": (dt(u), lap(lap(u)) - dx(u, 4) - dx(u, 2)),
    "u_t = -∂x(u²)/2": (dt(u), -dx(u**2) / 2),
    "u_t = ∂x(u)**2 + ∂x u**2": (dt(u), dx(u) ** 2 + dx(u**2)),
    "u_t = k*u - (1 + d_xx)**2*u - u^3": (dt(u), k * u - u - dx(u, 2) - dx(u + dx(u, 2), 2) - u**3),
    "u_t = (k - ∂x)(u*v)": (dt(u), k * u * v - dx(u * v)),
    "u_t = d_xx(u**3-u) - eps*u_xxxx": (dt(u), dx(u**3 - u, 2) - eps * dx(u, 4)),
    "d(y1)/dt = -0.04*y1+1e4*y2*y1": (dt(y1), -0.04 * y1 + 10000 * y2 * y1),
    "dy1/dt = -y2": (dt(y1), -y2),
    "d2u/dt2 = -u": (dt(u, 2), -u),
    "d²u/dt² = -u": (dt(u, 2), -u),
    "d^2(u)/dt^2 = d(u*v)/dx": (dt(u, 2), dx(u * v)),
    "u'' = -u'": (dt(u, 2), -dt(u)),
    "u_t = D_u*u_rr + d(u, r)/r": (dt(u), D_u * d(u, r, 2) + d(u, r) / r),
    "I*phi_t + phi_xx/2 + Abs(phi)**2*phi = 0": (sp.I * dt(phi) + dx(phi, 2) / 2 + sp.Abs(phi) ** 2 * phi, 0),
    "w_t+psi_y*w_x-psi_x*w_y = nu*(w_xx+w_yy)": (
        dt(w) + dy(psi) * dx(w) - dx(psi) * dy(w),
        nu * (dx(w, 2) + dy(w, 2)),
    ),
    "u_t = 2e-5*Laplacian(u) - u*v^2": (dt(u), 2e-5 * lap(u) - u * v**2),
    "u_xt = sin(u)": (dt(dx(u)), sp.sin(u)),
    "dt(u, 2) == d(u, x, 2) + dz(u)": (dt(u, 2), dx(u, 2) + dz(u)),
    "ψ_t = inner(S, sym(grad(U))) + component(U, y)": (
        dt(psi),
        inner(S, sym(grad(U))) + component(U, y),
    ),
    "U_t = vector(0, u) + div(p*identity())": (dt(U), vector(0, u) + div(p * identity())),
    "y₁ = t": (y1, t),
}


@pytest.mark.parametrize("text", EQUATIONS)
def test_equation(text):
    equation = parse_equation(text, SYMBOLS)
    left, right = EQUATIONS[text]
    assert equation == Eq(left, right)
    assert str(equation) == text


EXPRESSIONS = {
    "2*pi/3": 2 * sp.pi / 3,
    "8/3": sp.Rational(8, 3),
    "-2^2": -4,
    "2^-1": sp.Rational(1, 2),
    "2**3**2": 512,
    "- -u": u,
    "u - v - w": u - v - w,
    "u/v/w": u / v / w,
    "u/v*w": u * w / v,
    "-u**2*v": -(u**2) * v,
    "+u": u,
    "u²*v³": u**2 * v**3,
    "x**-1": 1 / x,
    "exp(-x)*ln(y) + log(x, 2)": sp.exp(-x) * sp.log(y) + sp.log(x) / sp.log(2),
    "min(u, v) + max(u, 0)": sp.Min(u, v) + sp.Max(u, 0),
    "arctan(u) + atan2(u, v) + sech(x)": sp.atan(u) + sp.atan2(u, v) + sp.sech(x),
    "abs(u) + conj(phi)": sp.Abs(u) + sp.conjugate(phi),
    "1/(1 + exp(k - u/nu))": 1 / (1 + sp.exp(k - u / nu)),
    "sqrt(1.1/0.9)": sp.sqrt(sp.Float(1.1 / 0.9)),
    "u − v": u - v,
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expression(text):
    assert parse_expression(text, SYMBOLS) == EXPRESSIONS[text]


@pytest.mark.parametrize("text", ["77.27", "0.1", "8.375e-6", "1.1e7", ".5", "3.", "1e4", "12345678901234567890"])
def test_numbers_are_the_doubles_of_python(text):
    number = parse_expression(text)
    assert float(number) == float(text)
    if float(text).is_integer():
        assert number.is_Integer


def test_factors_stay_as_written():
    """77.27*(a + b) is one product, as the user wrote it."""
    assert parse_expression("77.27*(u + v)", SYMBOLS).args == (sp.Float(77.27), u + v)


def test_the_users_own_names_win():
    d_, sin = params("d sin")
    z, lam = fields("z lambda")
    assert parse("d*z + sin", [d_, sin, z]) == d_ * z + sin
    assert parse("d(z)/dt = -d*z*lambda", [d_, z, lam]) == Eq(dt(z), -d_ * z * lam)
    assert parse("dz/dt = -z", [z]).lhs == dt(z)
    assert parse("λ + z_t", [z, lam]) == lam + dt(z)


def test_symbols_may_come_as_a_mapping():
    assert parse("a*b", {"a": u, "b": v}) == u * v


numbers = st.one_of(st.integers(0, 9).map(str), st.sampled_from(["0.5", "2.25", "1e1", "3."]))
texts = st.recursive(
    st.one_of(numbers, st.sampled_from(["u", "v", "x"])),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", " - ", "*", " * ", "-"]), inner).map("".join),
        inner.map(lambda e: f"({e})"),
        inner.map(lambda e: f"-{e}"),
        inner.map(lambda e: f"({e})**2"),
        inner.map(lambda e: f"({e})/4"),
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(texts)
def test_arithmetic_means_what_python_means(text):
    values = {"u": 1.25, "v": -0.5, "x": 3.0}
    expected = eval(text, {"__builtins__": {}}, values)
    found = parse_expression(text, SYMBOLS).subs({u: 1.25, v: -0.5, x: 3.0})
    assert float(found) == pytest.approx(expected, rel=1e-12, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="uvx0.1e+-*/^()=,'∂∇Δ·×² _td", max_size=14))
def test_any_text_is_read_or_refused_politely(text):
    try:
        parse(text, SYMBOLS)
    except ParseError as error:
        assert "^" in str(error)


MISTAKES = {
    "u_t = nuu*u": ("'nuu' is not known. Did you mean 'nu'?", 6),
    "u_t = sinn(u)": ("'sinn' is not known. Did you mean 'sin'?", 6),
    "q_t = 3": ("q is not among the fields given", 0),
    "u_t = sin u": ("needs its argument in brackets: sin(...)", 6),
    "u_t = nu*lap(u": ("Expected ')' to close lap(, but found the end", 14),
    "u_t = (u": ("Expected ')' to close the bracket", 8),
    "u) = 1": ("closes nothing", 1),
    "u_t = 2u": ("'2u' is not a number. Write 2*u", 6),
    "u_t = u v": ("An operator is missing between 'u' and 'v'", 8),
    "u = = 2": ("Expected a number, a name or a bracket, but found '='", 4),
    "u = 1 = 2": ("second '='", 6),
    "u_t = 3 +": ("but found the end", 9),
    "u_t = |u|": ("Write abs(...)", 6),
    "u_t = u[0]": ("Use round brackets", 7),
    "u_t = u; v": ("';' has no meaning here", 7),
    "u_t = 1e999": ("beyond the range of double precision", 6),
    "U_x = 0": ("U is a vector. Write component(U, x)", 0),
    "u(x) = 1": ("u is a field, not a function", 0),
    "u_t = ∂ u": ("Expected a coordinate after '∂'", 8),
    "u_t = Δ": ("has nothing to act on", 6),
    "u_t = dot(u)": ("dot() takes 2 arguments, but got 1", 6),
    "u_t = dx(u, 1.5)": ("must be a whole number", 6),
    "u_t = (1 + d_xx)**0.5*u": ("positive whole power", 16),
    "u_t = " + "(" * 300 + "u" + ")" * 300: ("nested more than", None),
    "__import__('os')": ("is not known", 0),
}


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: text[:24])
def test_mistake_is_pointed_at(text):
    message, place = MISTAKES[text]
    with pytest.raises(ParseError) as error:
        parse(text, SYMBOLS)
    assert message in str(error.value)
    if place is not None:
        carets = str(error.value).splitlines()[-1]
        assert carets.index("^") - 2 == place


def test_equation_and_expression_are_told_apart():
    with pytest.raises(ParseError, match="needs a '='"):
        parse_equation("u + v", SYMBOLS)
    with pytest.raises(ParseError, match="found an equation"):
        parse_expression("u = v", SYMBOLS)
    with pytest.raises(ParseError, match="Expected a string"):
        parse(3)
