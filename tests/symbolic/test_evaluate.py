"""The NumPy oracle against SymPy and against many digits."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp
from graph_strategies import NAMES, build, recipes, states
from hypothesis import assume, given, settings

from ritz.errors import UnsupportedError
from ritz.symbolic.evaluate import evaluate, functions
from ritz.symbolic.graph import Axis, Graph, LinearMap
from ritz.symbolic.high_precision import evaluate_mp
from ritz.symbolic.sympy_bridge import many_to_sympy

quick = settings(max_examples=60, derandomize=True, deadline=None)
X, Y, S = Axis("x", "point"), Axis("y", "point"), Axis("s", "sample")


@quick
@given(recipes(exponents=(Fraction(2), Fraction(-1))))
def test_agrees_with_lambdify_and_with_many_digits(recipe):
    g = Graph()
    inputs = states(g)
    node = build(g, recipe, inputs)
    rng = np.random.default_rng(1)
    arrays = {n: rng.uniform(0.2, 2.0, 5) for n in NAMES}
    found = evaluate(g, [node], {inputs[n]: arrays[n] for n in NAMES})[0]
    symbols = [sp.Symbol(n) for n in NAMES]
    (expr,) = many_to_sympy(g, [node])
    assume(not expr.has(sp.zoo, sp.nan, sp.oo))
    with np.errstate(all="ignore"):
        try:
            expected = sp.lambdify(symbols, expr, "numpy")(*arrays.values())
        except (ZeroDivisionError, OverflowError):
            return
    finite = np.isfinite(expected)
    np.testing.assert_allclose(np.where(finite, found, 0), np.where(finite, expected, 0), rtol=1e-9, atol=1e-9)
    digits = evaluate_mp(g, [node], {inputs[n]: arrays[n][0] for n in NAMES})[0]
    scale = 1 + sum(abs(v) for v in np.atleast_1d(found)[:1] if np.isfinite(v))
    if mpmath.isfinite(digits) and abs(digits) < 1e12:
        assert abs(float(digits) - np.atleast_1d(found)[0]) < 1e-8 * scale


UNARY = dict.fromkeys("exp sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arctanh sign erf abs".split(), 0.37)
UNARY |= {"log": 1.9, "arccosh": 1.9, "expm1": 1e-9, "log1p": 1e-9, "floor": -1.5, "ceil": -1.5, "conj": 2.0, "re": 2.0}


@pytest.mark.parametrize("name", sorted(UNARY))
def test_every_function_means_the_same_in_both_evaluations(name):
    g = Graph()
    x = g.input("x", "state")
    node = g.func(name, x)
    values = {x: UNARY[name]}
    assert evaluate(g, [node], values)[0] == pytest.approx(float(evaluate_mp(g, [node], values)[0]), rel=4e-16)


BINARY = "arctan2 maximum minimum pow lt le gt ge eq ne and or".split()


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("point", [(0.5, 1.5), (1.5, 0.5), (1.0, 1.0), (0.0, 2.0)])
def test_binary_functions_agree(name, point):
    g = Graph()
    a, b = g.input("a", "state"), g.input("b", "state")
    node = g.func(name, a, b)
    values = dict(zip((a, b), point, strict=True))
    assert float(evaluate(g, [node], values)[0]) == pytest.approx(float(evaluate_mp(g, [node], values)[0]), rel=4e-16)


def test_no_function_is_left_out():
    assert set(functions()) == {*UNARY, *BINARY, "where", "not", "im", "arg", "complex"}


def test_complex_functions_agree():
    g = Graph()
    z = g.input("z", "state", is_complex=True)
    nodes = [g.func(n, z) for n in ("conj", "re", "im", "abs", "arg", "exp", "log", "tanh")]
    nodes += [g.pow(z, Fraction(1, 3)), g.mul([(z, 1), (g.imag, 1)], 2)]
    nodes.append(g.func("complex", g.func("im", z), g.func("re", z)))
    values = {z: -0.4 + 0.9j}
    expected = [complex(v) for v in evaluate_mp(g, nodes, values)]
    np.testing.assert_allclose([complex(v) for v in evaluate(g, nodes, values)], expected, rtol=1e-14)


def test_leaving_the_real_domain_gives_nan_in_both():
    g = Graph()
    x = g.input("x", "state")
    nodes = [g.func("log", x), g.pow(x, Fraction(1, 2)), g.func("arccosh", x), g.func("arcsin", g.scale(3, x))]
    assert all(np.isnan(v) for v in evaluate(g, nodes, {x: -1.0}))
    assert all(mpmath.isnan(v) for v in evaluate_mp(g, nodes, {x: -1}))


def test_poles_are_infinite_and_the_branch_not_taken_is_harmless():
    g = Graph()
    x = g.input("x", "state")
    inverse = g.pow(x, -1)
    chosen = g.func("where", g.func("gt", x, g.zero), inverse, g.one)
    assert evaluate(g, [inverse, chosen], {x: 0.0}) == [np.inf, 1.0]
    assert [float(v) for v in evaluate_mp(g, [inverse, chosen], {x: 0})] == [np.inf, 1.0]


def test_rationals_are_exact_in_high_precision():
    g = Graph()
    x = g.input("x", "state")
    node = g.add([(Fraction(1, 3), x)], Fraction(1, 7))
    value = evaluate_mp(g, [node], {x: Fraction(1, 7)}, bits=300)[0]
    assert abs(value * 21 - 4) < mpmath.mpf(2) ** -290
    assert evaluate_mp(g, [x], {x: "0.1"})[0] * 10 == 1


def test_layout_aligns_axes_for_sums_gathers_and_maps():
    g = Graph()
    u, v, p = g.input("u", "state", [X]), g.input("v", "state", [Y]), g.input("p", "param")
    rng = np.random.default_rng(0)
    a, b, matrix, index = rng.random((4, 1, 1)), rng.random((1, 3, 1)), rng.random((2, 4)), np.array([3, 0, 3])
    product = g.product([u, v, p])
    total = g.map(LinearMap("sum:x", "sum", (X,), ()), product)
    count = g.map(LinearMap("sum:x", "sum", (X,), ()), p)
    taken = g.gather("pick", product, X, S)
    back = g.map(LinearMap("pick.T", "scatter", (S,), (X,)), taken)
    mapped = g.map(LinearMap("M", "matrix", (X,), (S,)), u)
    found = evaluate(
        g,
        [total, count, taken, back, mapped],
        {u: a, v: b, p: 2.0},
        maps={"M": lambda w: np.einsum("sx,xyz->zys", matrix, w)},
        gathers={"pick": index},
        layout=(X, Y, S),
    )
    full = 2 * a[:, :, 0] * b[:, :, 0]
    np.testing.assert_allclose(found[0][0, :, 0], full.sum(axis=0))
    assert found[1].item() == 8.0
    np.testing.assert_allclose(found[2][0], full[index].T)
    expected = np.zeros_like(full)
    expected[[0, 3]] = full[[0, 3]] * np.array([[1], [2]])
    np.testing.assert_allclose(found[3][:, :, 0], expected)
    np.testing.assert_allclose(found[4].ravel(), matrix @ a.ravel())


def test_any_node_may_be_given():
    g = Graph()
    x = g.input("x", "state")
    inner = g.func("sin", x)
    assert evaluate(g, [g.scale(2, inner)], {inner: 3})[0] == 6
    assert evaluate_mp(g, [g.scale(2, inner)], {inner: 3})[0] == 6


def test_missing_data_is_named():
    g = Graph()
    u = g.input("u", "state", [X])
    with pytest.raises(UnsupportedError, match="'u'"):
        evaluate(g, [u], {})
    with pytest.raises(UnsupportedError, match="'Mass'.*Did you mean 'mass'"):
        evaluate(g, [g.map(LinearMap("Mass", "matrix", (X,), (X,)), u)], {u: 1}, maps={"mass": np.negative})
    with pytest.raises(UnsupportedError, match="gather 'i'"):
        evaluate(g, [g.gather("i", u, X, S)], {u: 1})
    with pytest.raises(UnsupportedError, match="'u'"):
        evaluate_mp(g, [u], {})
