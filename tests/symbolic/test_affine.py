"""Polynomial and affine structure: found where it is, refused where it is not, and always equal to the source."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from graph_strategies import build, recipes, states
from hypothesis import given, settings

from ritz.errors import UnsupportedError
from ritz.symbolic.affine import AffineSplit, affine_terms, separate
from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.graph import Axis, Graph, LinearMap
from ritz.symbolic.high_precision import evaluate_mp
from ritz.symbolic.polynomial import degree, homogeneous_parts, multilinear_form, polynomial_in

quick = settings(max_examples=80, derandomize=True, deadline=None)
X = Axis("x", "point")
D = LinearMap("D", "matrix", (X,), (X,))


@pytest.fixture
def g() -> Graph:
    return Graph()


def total(g: Graph, split: AffineSplit) -> int:
    return g.sum([*(g.product(pair) for pair in split.terms), split.leftover])


# ---------------------------------------------------------------------- polynomials
@quick
@given(recipes(functions=False))
def test_expansion_equals_its_source(recipe):
    g = Graph()
    inputs = states(g)
    node = build(g, recipe, inputs)
    variables = [inputs["x"], inputs["y"]]
    found = polynomial_in(g, node, variables)
    parts = homogeneous_parts(g, node, variables)
    again = g.sum(g.product([c, *m]) for m, c in found.items())
    values = dict(zip(inputs.values(), (0.71, -1.94, 0.33), strict=True))
    a, b, c = evaluate_mp(g, [node, again, g.sum(parts.values())], values)
    assert abs(a - b) <= 1e-40 * (1 + abs(a))
    assert abs(a - c) <= 1e-40 * (1 + abs(a))
    assert max((len(m) for m in found), default=0) <= degree(g, node, variables)
    for d, part in parts.items():  # homogeneous: doubling the variables multiplies by 2**d
        doubled = {**values, **{v: 2 * values[v] for v in variables}}
        one, two = evaluate_mp(g, [part], values)[0], evaluate_mp(g, [part], doubled)[0]
        assert abs(two - 2**d * one) <= 1e-40 * (1 + abs(two))


def test_coefficients_keep_parameters_and_functions(g):
    u, v, k, x = g.input("u", "state"), g.input("v", "state"), g.input("k", "param"), g.input("x", "coordinate", [X])
    s = g.func("sin", g.product([k, x]))
    node = g.product([s, g.pow(g.add([(1, u), (2, v)], 3), 2)])
    found = polynomial_in(g, node, [u, v])
    factors = {(): 9, (u,): 6, (v,): 12, (u, u): 1, (u, v): 4, (v, v): 4}
    assert found == {m: g.scale(c, s) for m, c in factors.items()}
    assert list(found) == sorted(found, key=len)


def test_what_is_no_polynomial_is_refused(g):
    u, k = g.input("u", "state", [X]), g.input("k", "param")
    for node in (g.func("exp", u), g.pow(u, -1), g.pow(u, Fraction(1, 2)), g.func("pow", u, k)):
        assert degree(g, node, [u]) is None
        assert polynomial_in(g, g.sum([node, u]), [u]) is None
        assert homogeneous_parts(g, node, [u]) is None
        assert degree(g, node, [k]) == (None if node == g.func("pow", u, k) else 0)
    assert polynomial_in(g, g.zero, [u]) == {}
    with pytest.raises(UnsupportedError, match="max_terms"):
        xs = [g.input(f"x{i}", "state") for i in range(9)]
        polynomial_in(g, g.pow(g.sum(xs), 4), xs, max_terms=100)


def test_selection_by_place_is_polynomial_in_the_state(g):
    u, x = g.input("u", "state", [X]), g.input("x", "coordinate", [X])
    inside = g.func("lt", x, g.one)
    node = g.func("where", inside, g.pow(u, 2), g.scale(3, u))
    assert degree(g, node, [u]) == 2
    assert polynomial_in(g, node, [u]) == {
        (u,): g.func("where", inside, g.zero, g.const(3)),
        (u, u): g.func("where", inside, g.one, g.zero),
    }
    assert degree(g, g.func("where", g.func("lt", u, g.one), u, g.zero), [u]) is None


def test_maps_are_linear_for_degrees_and_variables_for_monomials(g):
    u, nu = g.input("u", "state", [X]), g.input("nu", "param")
    ux = g.map(D, u)
    node = g.add([(1, g.product([nu, g.map(D, ux)])), (-1, g.product([u, ux])), (1, g.map(D, g.add([(1, u)], 2)))])
    assert degree(g, node, [u]) == 2
    assert polynomial_in(g, node, [u]) is None
    assert polynomial_in(g, g.product([u, ux]), [u, ux]) == {tuple(sorted((u, ux))): g.one}
    parts = homogeneous_parts(g, node, [u])
    assert parts[2] == g.mul([(u, 1), (ux, 1)], -1)
    assert parts[0] == g.map(D, g.const(2))


def test_multilinear_form_gives_galerkin_tensors(g):
    u = g.input("u", "state", [X])
    a, b = g.input("a", "seed", [X]), g.input("b", "seed", [X])
    quadratic = g.product([u, g.map(D, u)])
    form = multilinear_form(g, quadratic, [{u: a}, {u: b}])
    assert form == g.add([(Fraction(1, 2), g.product([a, g.map(D, b)])), (Fraction(1, 2), g.product([b, g.map(D, a)]))])
    rng = np.random.default_rng(0)
    matrix, basis, q = rng.random((6, 6)), rng.random((6, 3)), rng.random(3)
    maps = {"D": lambda w: matrix @ w}
    columns = [[evaluate(g, [form], {a: basis[:, i], b: basis[:, j]}, maps)[0] for j in range(3)] for i in range(3)]
    tensor = np.einsum("ijn,i,j->n", np.array(columns), q, q)
    np.testing.assert_allclose(tensor, evaluate(g, [quadratic], {u: basis @ q}, maps)[0], rtol=1e-13)
    assert multilinear_form(g, quadratic, [{u: u}, {u: u}]) == quadratic


# ---------------------------------------------------------------------- affine
def test_gray_scott_terms(g):
    u, v, F, k = g.input("u", "state", [X]), g.input("v", "state", [X]), g.input("F", "param"), g.input("k", "param")
    reaction = g.mul([(u, 1), (v, 2)])
    row = g.sum([g.scale(Fraction(1, 50000), g.map(D, u)), g.scale(-1, reaction), g.product([F, g.sub(g.one, u)])])
    split = affine_terms(g, row)
    assert split.leftover == g.zero
    assert dict(split.terms) == {
        g.one: g.add([(Fraction(1, 50000), g.map(D, u)), (-1, reaction)]),
        F: g.sub(g.one, u),
    }
    whole = affine_terms(g, g.product([g.sum([F, k]), v]))
    assert whole.terms == ((g.sum([F, k]), v),)
    merged = affine_terms(g, g.sum([g.product([F, v]), g.mul([(k, 1), (v, 1)], 2)]))
    assert merged.terms == ((g.add([(1, F), (2, k)]), v),)


def test_scalars_pass_through_maps_powers_and_selections(g):
    u, x, p, q = (
        g.input("u", "state", [X]),
        g.input("x", "coordinate", [X]),
        g.input("p", "param"),
        g.input("q", "param"),
    )
    t = g.input("t", "time")
    flux = g.map(D, g.mul([(p, Fraction(1, 2)), (u, 2)]))
    assert affine_terms(g, flux).terms == ((g.pow(p, Fraction(1, 2)), g.map(D, g.pow(u, 2))),)
    square = affine_terms(g, g.pow(g.sum([g.product([p, u]), x]), 2))
    assert square.leftover == g.zero
    assert dict(square.terms) == {g.pow(p, 2): g.pow(u, 2), p: g.mul([(u, 1), (x, 1)], 2), g.one: g.pow(x, 2)}
    inside = g.func("lt", x, g.one)
    chosen = g.func("where", inside, g.product([p, u]), g.product([q, u]))
    assert dict(affine_terms(g, chosen).terms) == {
        p: g.func("where", inside, u, g.zero),
        q: g.func("where", inside, g.zero, u),
    }
    source = g.product([g.func("sin", g.product([p, t])), x])
    assert affine_terms(g, source).terms == ((g.func("sin", g.product([p, t])), x),)


def test_what_is_not_affine_is_left_over(g):
    u, x, p = g.input("u", "state", [X]), g.input("x", "coordinate", [X]), g.input("p", "param")
    gaussian = g.func("exp", g.mul([(g.sub(x, p), 2)], -1))
    split = affine_terms(g, g.sum([gaussian, g.product([p, u]), g.div(u, g.sum([p, u]))]))
    assert split.terms == ((p, u),)
    assert split.leftover == g.sum([gaussian, g.div(u, g.sum([p, u]))])
    behind = affine_terms(g, g.map(D, g.sum([gaussian, g.product([p, u])])))
    assert behind.terms == ((p, g.map(D, u)),)
    assert behind.leftover == g.map(D, gaussian)
    field = g.input("kappa", "param", [X])
    assert affine_terms(g, g.product([field, u])).leftover == g.product([field, u])


@quick
@given(recipes())
def test_affine_split_equals_its_source(recipe):
    g = Graph()
    inputs = {"x": g.input("x", "param"), "y": g.input("y", "time"), "z": g.input("z", "state", [X])}
    node = build(g, recipe, inputs)
    split = affine_terms(g, node)
    values = dict(zip(inputs.values(), (0.71, 1.94, 0.33), strict=True))
    try:
        a, b = evaluate_mp(g, [node, total(g, split)], values)
    except OverflowError:
        return
    assert a == b or abs(a - b) <= 1e-40 * (1 + abs(a))
    for theta, rest in split.terms:
        assert not any(g.args[n][1] == "state" for n in g.inputs([theta]))
        assert all(g.args[n][1] == "state" for n in g.inputs([rest]))
    assert len({theta for theta, _ in split.terms}) == len(split.terms)


def test_complex_scalars_do_not_pass_real_maps(g):
    psi = g.input("psi", "state", [X], is_complex=True)
    p = g.input("p", "param")
    turned = g.product([g.imag, p, psi])
    assert affine_terms(g, turned).terms == ((p, g.product([g.imag, psi])),)
    phase = g.product([g.func("exp", g.product([g.imag, p])), psi])
    assert affine_terms(g, g.func("re", phase)).leftover == g.func("re", phase)
    assert affine_terms(g, g.func("re", turned)).terms == ((p, g.func("re", g.product([g.imag, psi]))),)


def test_separate_splits_products(g):
    u, p, q = g.input("u", "state"), g.input("p", "param"), g.input("q", "param")
    assert separate(g, g.mul([(u, 2), (p, 1), (q, -1)], 3), lambda n: n in (p, q)) == (g.div(p, q), g.mul([(u, 2)], 3))
    assert separate(g, p, lambda n: n == p) == (p, g.one)
    assert separate(g, u, lambda n: n == p) == (g.one, u)
