"""SymPy in and out of the graph."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import sympy as sp

from ritz.errors import UnsupportedError
from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.graph import Axis, Graph, LinearMap
from ritz.symbolic.sympy_bridge import many_to_sympy, to_graph, to_sympy

x, y = sp.symbols("x y", real=True)
z = sp.Symbol("z")
POINT = {x: 0.731, y: 1.624, z: 0.45 - 0.8j}

EXPRESSIONS = [
    sp.sqrt(x**2 + 2 * y) / 3,
    (x - y) ** 5 / (1 + x) ** sp.Rational(3, 2),
    x**y + 2**x + y**0.5 + x**sp.pi,
    sp.exp(-(x**2)) * sp.log(y) * sp.erf(x) + sp.erfc(y),
    sp.sin(x) + sp.cos(x) * sp.tan(y) + sp.asin(x) + sp.acos(x) + sp.atan(y) + sp.atan2(x, y),
    sp.sinh(x) + sp.cosh(x) * sp.tanh(y) + sp.asinh(x) + sp.acosh(y) + sp.atanh(x),
    sp.sec(x) + sp.csc(x) + sp.cot(x) + sp.sech(x) + sp.csch(x) + sp.coth(x),
    sp.asec(y) + sp.acsc(y) + sp.acot(x) + sp.asech(x) + sp.acsch(x) + sp.acoth(y),
    sp.Abs(x - y) * sp.sign(x - y) + sp.Max(x, y, 1) * sp.Min(x, y) + sp.floor(3 * x) + sp.ceiling(3 * y),
    sp.Heaviside(x - y) + sp.Heaviside(y - x) + sp.sinc(x) + sp.frac(y) + sp.Mod(y, x),
    sp.Piecewise((x, x > y), (y**2, (x < 1) & (y > 1)), (sp.sin(x), True)),
    sp.Piecewise((x, sp.Or(x > y, sp.Not(x <= 0))), (y, True)) + sp.Piecewise((1, sp.Ne(x, y)), (2, True)),
    sp.exp(sp.I * x) + sp.conjugate(z) * sp.re(z) + sp.im(z) * sp.Abs(z) + sp.arg(z) + sp.sqrt(z) / sp.log(z),
    sp.pi * x + sp.E + sp.GoldenRatio + sp.Rational(1, 3) + 0.1,
]


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=lambda e: str(e)[:40])
def test_value_agrees_with_sympy_and_comes_back(expr):
    g = Graph()
    leaves = {s: g.input(s.name, "state", is_complex=s is z) for s in (x, y, z)}
    node = to_graph(g, expr, leaves)
    values = {leaves[s]: v for s, v in POINT.items()}
    expected = complex(expr.subs(POINT).evalf())
    assert complex(evaluate(g, [node], values)[0]) == pytest.approx(expected, rel=1e-13)
    back = to_sympy(g, node, {n: s for s, n in leaves.items()})
    again = to_graph(g, back, leaves)
    assert complex(evaluate(g, [again], values)[0]) == pytest.approx(expected, rel=1e-13)


def test_numbers_keep_their_kind():
    g = Graph()
    assert g.args[to_graph(g, sp.Rational(1, 3), {})] == Fraction(1, 3)
    assert g.args[to_graph(g, 3, {})] == 3
    assert g.args[to_graph(g, sp.Float(0.1), {})] == 0.1
    assert g.args[to_graph(g, sp.pi, {})] == math.pi
    assert g.args[to_graph(g, sp.oo, {})] == math.inf
    assert to_graph(g, sp.I**2, {}) == g.const(-1)
    a = g.input("a", "state")
    assert to_graph(g, sp.Symbol("a") ** 0.5, {sp.Symbol("a"): a}) == g.pow(a, Fraction(1, 2))


def test_leaves_may_be_whole_expressions():
    g = Graph()
    f = sp.Function("f")(x)
    leaf = g.input("f", "state")
    assert to_graph(g, f**2 + 1, {f: leaf}) == g.add([(1, g.pow(leaf, 2))], 1)


def test_unknown_is_asked_before_arguments_are_touched():
    g = Graph()
    f = sp.Function("f")(sp.Symbol("not_a_leaf"))
    seen = []

    def unknown(expr):
        seen.append(expr)
        return g.input("u", "state")

    assert to_graph(g, 2 * f, {}, unknown) == g.scale(2, g.input("u", "state"))
    assert seen == [f]


@pytest.mark.parametrize(
    ("expr", "words"),
    [
        (x + sp.Symbol("temprature"), ["'temprature'", "Did you mean 'temperature'", "x"]),
        (sp.gamma(x), ["gamma", "no numerical counterpart"]),
        (sp.Function("f")(x), ["f(x)", "no numerical counterpart"]),
        (sp.Matrix([x, x]), ["scalar"]),
        (sp.zoo * x, ["zoo"]),
    ],
)
def test_messages_name_the_culprit(expr, words):
    g = Graph()
    leaves = {x: g.input("x", "state"), sp.Symbol("temperature"): g.input("temperature", "state")}
    with pytest.raises(UnsupportedError) as caught:
        to_graph(g, expr, leaves)
    assert all(word in str(caught.value) for word in words)


def test_piecewise_without_default_is_nan_outside():
    g = Graph()
    leaf = g.input("x", "state")
    node = to_graph(g, sp.Piecewise((x, x > 1)), {x: leaf})
    assert math.isnan(evaluate(g, [node], {leaf: 0.5})[0])
    assert to_sympy(g, node, {leaf: x}) == sp.Piecewise((x, x > 1))


def test_equal_parts_are_one_node_and_deep_expressions_convert():
    g = Graph()
    leaf = g.input("x", "state")
    expr = x
    for _ in range(3000):
        expr = sp.Pow(expr, sp.Rational(3, 2), evaluate=False)
    before = len(g)
    node = to_graph(g, expr, {x: leaf})
    assert len(g) - before == 3001  # one node a level, and the exponent
    assert evaluate(g, [node], {leaf: 1.0})[0] == 1.0


def test_maps_and_gathers_come_back_as_functions():
    g = Graph()
    a, b = Axis("x", "point"), Axis("i", "sample")
    u = g.input("u", "state", [a])
    mapped = g.map(LinearMap("F", "matrix", (a,), (b,)), g.pow(u, 2))
    taken = g.gather("pick", u, a, b)
    s = sp.Symbol("u")
    assert many_to_sympy(g, [mapped, taken]) == [sp.Function("F")(s**2), sp.Function("pick")(s)]
    assert to_sympy(g, g.scale(2, mapped), {mapped: x}) == 2 * x
