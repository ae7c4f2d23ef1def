"""Vector and tensor calculus against tables and identities on given functions."""

from __future__ import annotations

import pytest
import sympy as sp

from ritz.errors import RankError
from ritz.symbolic.conditions import Periodic
from ritz.symbolic.coordinates import coords
from ritz.symbolic.domains import Box
from ritz.symbolic.equation import Eq
from ritz.symbolic.fields import Field, fields, tensor_fields, vector_fields
from ritz.symbolic.notation import (
    component,
    cross,
    curl,
    d,
    det,
    div,
    dot,
    dt,
    dx,
    dy,
    grad,
    identity,
    inner,
    inv,
    lap,
    outer,
    sym,
    tensor,
    trace,
    transpose,
    vector,
)
from ritz.symbolic.operators import D
from ritz.symbolic.problem import Problem
from ritz.symbolic.scalar_form import make_components
from ritz.symbolic.tensors import Expander

x, y, z = coords("x y z")
p, w = fields("p w")
u, v = vector_fields("u v")
S = tensor_fields("S")


def given(field: Field, size: int) -> sp.Expr:
    """A smooth function of its own for every component field."""
    seed = sum(map(ord, field.name))
    terms = [sp.sin((seed % (3 + i)) * axis + i) for i, axis in enumerate((x, y, z)[:size])]
    return sp.Add(*terms) + sp.Mul(*terms) + sp.cos(x * y if size > 1 else x)


def evaluate(expr, space=(x, y, z)) -> list[float]:
    """Components of `expr` with every field replaced by its given function, at one point."""
    known = make_components([p, w, u, v, S], space)
    entries = Expander(space, known)(expr).entries
    values = {part: given(part, len(space)) for parts in known.values() for part in parts}
    point = dict(zip((x, y, z), (0.3, -0.7, 1.1)))

    def plain(e: sp.Expr) -> sp.Expr:
        if isinstance(e, D):
            return sp.diff(plain(e.expr), e.variable, e.order)
        return values.get(e, e) if not e.args else e.func(*(plain(arg) for arg in e.args))

    return [float(plain(entry).subs(point)) for entry in entries]


def agree(left, right, space=(x, y, z)) -> None:
    assert evaluate(left, space) == pytest.approx(evaluate(right, space), rel=1e-9, abs=1e-9)


IDENTITIES = {
    "div of curl": (div(curl(u)), 0 * p),
    "curl of grad": (curl(grad(p)), vector(0, 0, 0)),
    "curl of curl": (curl(curl(u)), grad(div(u)) - lap(u)),
    "div of grad": (div(grad(p)), lap(p)),
    "div of grad of a vector": (div(grad(u)), lap(u)),
    "advection": (dot(u, grad(u)), grad(dot(u, u)) / 2 + cross(curl(u), u)),
    "div of a dyad": (div(outer(u, v)), div(u) * v + dot(u, grad(v))),
    "curl of a cross product": (curl(cross(u, v)), u * div(v) - v * div(u) + dot(v, grad(u)) - dot(u, grad(v))),
    "div of a cross product": (div(cross(u, v)), dot(v, curl(u)) - dot(u, curl(v))),
    "trace of grad": (trace(grad(u)), div(u)),
    "transposed product": (dot(transpose(S), u), dot(u, S)),
    "symmetric part": (2 * sym(grad(u)), grad(u) + transpose(grad(u))),
    "inverse": (dot(inv(S), S), identity()),
    "determinant of the inverse": (det(inv(S)) * det(S), 1 + 0 * p),
    "double contraction": (inner(S, outer(u, v)), dot(u, dot(S, v))),
    "isotropic stress": (div(p * identity()), grad(p)),
    "trace as contraction": (inner(S, identity()), trace(S)),
    "components": (vector(*(component(u, axis) for axis in (x, y, z))), u),
    "rows": (dot(vector(1, 0, 0), S), vector(*(component(S, x, axis) for axis in (x, y, z)))),
    "directional derivative": (dot(u, grad(p)), sum(component(u, a) * d(p, a) for a in (x, y, z))),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_identity_in_three_dimensions(name):
    agree(*IDENTITIES[name])


PLANE = {
    "curl of a vector": (curl(u), dx(component(u, y)) - dy(component(u, x))),
    "curl of a scalar": (curl(p), vector(dy(p), -dx(p))),
    "vorticity of a streamfunction": (curl(curl(p)), -lap(p)),
    "solenoidal": (div(curl(p)), 0 * p),
    "cross of vectors": (cross(u, v), component(u, x) * component(v, y) - component(u, y) * component(v, x)),
    "turned vector": (cross(w, u), vector(-w * component(u, y), w * component(u, x))),
    "turned back": (cross(u, w), -cross(w, u)),
    "Lamb form": (dot(u, grad(u)), grad(dot(u, u)) / 2 + cross(curl(u), u)),
    "determinant": (det(tensor((1, p), (w, 2))), 2 - p * w),
    "inverse": (dot(S, inv(S)), identity()),
}


@pytest.mark.parametrize("name", PLANE)
def test_identity_in_the_plane(name):
    agree(*PLANE[name], space=(x, y))


def test_gradient_puts_the_derivative_first():
    known = make_components([u], (x, y))
    entries = Expander((x, y), known)(grad(u)).entries
    u_x, u_y = known[u]
    assert entries == (dx(u_x), dx(u_y), dy(u_x), dy(u_y))


def test_time_derivatives_go_through_products_functions_and_space_derivatives():
    known = make_components([p, w], (x,))
    expand = Expander((x,), known)
    assert expand(dt(p**2 * w)).entries == (2 * p * w * dt(p) + p**2 * dt(w),)
    assert expand(dt(sp.sin(p))).entries == (sp.cos(p) * dt(p),)
    assert expand(dt(lap(p))).entries == (dx(dt(p), 2),)
    assert expand(dt(p * w, 2)).entries[0].expand() == p * dt(w, 2) + 2 * dt(p) * dt(w) + w * dt(p, 2)


def test_equal_mixed_derivatives_are_equal_expressions():
    expand = Expander((x, y, z), {p: (p,)})
    assert expand(dx(dy(p)) - dy(dx(p))).entries == (0,)
    assert expand(d(dy(dx(p, 2)), z)).entries == expand(dx(dy(d(p, z)), 2)).entries


def test_shared_subexpressions_are_expanded_once():
    """A tower of squares has 2**60 paths but 60 nodes."""
    e = lap(p)
    for _ in range(60):
        e = sp.Mul(e, 1 + e, evaluate=False)
    assert Expander((x,), {p: (p,)})(e).rank == 0


def refuse(rhs, domain=None) -> str:
    with pytest.raises(RankError) as error:
        Problem([Eq(dt(p), rhs)], domain=domain or Box(x=(0, 1), y=(0, 1)), conditions=[Periodic()])
    return str(error.value)


@pytest.mark.parametrize(
    ("rhs", "message"),
    [
        (p + u, "Cannot add the scalar p to the vector u"),
        (p + grad(p), "Cannot add the scalar p to the vector grad(p)"),
        (div(p), "div() takes a vector or a tensor or a rank-3 tensor, but p in div(p) is a scalar"),
        (dot(u, p), "Write * for a product with a scalar"),
        (u * v, "Write dot(u, v), cross(u, v) or outer(u, v)"),
        (u**2, "Write dot(u, u) for its square"),
        (sp.sin(u), "Functions act on scalars"),
        (sp.Abs(u), "Write sqrt(dot(u, u)) for its length"),
        (grad(p), "left side dt(p) is a scalar, but the right side is a vector"),
        (inner(S, u), "inner() takes two tensors of one rank"),
        (trace(u), "trace() takes a tensor, but u in trace(u) is a vector"),
        (cross(S, u), "not defined for a tensor and a vector in 2-D"),
        (dot(u, vector(1, 2, 3)), "has 3 components, but the domain has 2 axes (x, y)"),
        (component(u, x, y), "names 2 axes, but u is a vector"),
        (dot(u, vector(p, u)), "differ in rank"),
    ],
)
def test_wrong_rank_is_refused_in_the_users_words(rhs, message):
    text = refuse(rhs)
    assert message in text
    assert "In equation 1:" in text


def test_rank_error_points_at_the_sub_expression():
    text = refuse(p * div(w) - 3 * p)
    equation, carets = text.splitlines()[-2:]
    start = carets.index("^")
    assert equation[start : start + carets.count("^")] == "div(w)"


def test_curl_needs_more_than_one_dimension():
    assert "needs two or three dimensions" in refuse(curl(p), domain=Box(x=(0, 1)))
