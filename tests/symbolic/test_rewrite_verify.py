"""The check against the source: planted errors are caught, harmless differences are not."""

import math

import pytest
import sympy as sp

from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite import Facts, rewrite, rule
from ritz.symbolic.rewrite.lowering import schedule_naive
from ritz.symbolic.rewrite.points import sample
from ritz.symbolic.rewrite.scheduled import Builder, settle_constants
from ritz.symbolic.rewrite.verify import Reference
from ritz.symbolic.sympy_bridge import to_graph

x, y, z = sp.symbols("x y z")


def graph_of(expression):
    g = Graph()
    leaves = {s: g.input(s.name, "state") for s in sorted(expression.free_symbols, key=str)}
    return g, to_graph(g, expression, leaves), list(leaves.values())


PLANTED = [
    (sp.sin(x) * y, rule("sin(a)", "a")),
    (sp.exp(x) * y, rule("exp(a)", "1 + a + a**2/2")),
    (sp.exp(x + y), rule("exp(a + b)", "a*b")),
    (sp.sqrt(x**2 + y**2), rule("sqrt(a + b)", "a + b")),
    (sp.tanh(x), rule("tanh(a)", "0.9999999999999999*a")),
    (sp.cos(x) + y, rule("cos(a)", "1")),
    (sp.Abs(x * y), rule("abs(a)", "a")),
    (x * y * (1 + z) + x * sp.exp(z), rule("a*b + a*c", "b + c")),
]


@pytest.mark.parametrize(("expression", "bad"), PLANTED, ids=lambda v: str(v))
def test_planted_rule_is_caught(expression, bad):
    g, root, leaves = graph_of(expression)
    result = rewrite(g, [root], rules=[bad], budget=5)
    assert any("rejected" in t.note for t in result.report.trials)
    facts = {n: Facts() for n in leaves}
    assert Reference(g, [root], facts).check(result.scheduled).passed


def test_planted_rule_is_caught_when_accuracy_is_the_goal():
    g, root, _ = graph_of(sp.exp(x) - 1)
    result = rewrite(g, [root], rules=[rule("exp(a) - 1", "a")], goal="accuracy", budget=5)
    assert result.report.after != {}


def test_new_nan_is_rejected():
    g, root, leaves = graph_of(sp.sqrt(x * y))
    builder = Builder(g)
    a, b = (builder.leaf(n) for n in leaves)
    split = builder.finish([builder.mul(builder.sqrt(a), builder.sqrt(b))])
    free = Reference(g, [root], {n: Facts() for n in leaves}, points=20)
    assert "no value" in free.check(split).message
    assert Reference(g, [root], {n: Facts.of("positive") for n in leaves}).check(split).passed


@pytest.mark.parametrize("factor", [1 + 1e-3, 1 + 1e-15])
def test_small_coefficient_error_is_caught(factor):
    g, root, [leaf] = graph_of(3 * x**2)
    builder = Builder(g)
    a = builder.leaf(leaf)
    wrong = builder.finish([builder.mul(builder.const(3 * factor), builder.mul(a, a))])
    check = Reference(g, [root], {leaf: Facts()}).check(wrong)
    assert not check.passed and "off by" in str(check)


def test_heavy_cancellation_is_no_error():
    g, root, leaves = graph_of(sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1 + sp.Rational(1, 10**40) * x)
    builder = Builder(g)
    tiny = builder.finish([builder.mul(builder.leaf(leaves[0]), builder.div(builder.const(1), builder.const(10**40)))])
    assert Reference(g, [root], {leaves[0]: Facts()}).check(tiny).passed
    g, root, leaves = graph_of(sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1)
    builder = Builder(g)
    assert Reference(g, [root], {leaves[0]: Facts()}).check(builder.finish([builder.const(0)])).passed


def test_samples_stay_inside_the_assumptions():
    facts = {0: Facts(-1, 2), 1: Facts.of("negative"), 2: Facts.of("nonzero"), 3: Facts.of("complex"), 4: Facts(low=3)}
    points = sample(facts, 50)
    assert points == sample(facts, 50)
    assert all(-1 <= p[0] <= 2 and p[1] < 0 and p[2] != 0 and p[4] >= 3 for p in points)
    assert all(isinstance(p[3], complex) for p in points)


def test_a_source_without_values_is_reported():
    g, root, leaves = graph_of(sp.log(x))
    result = rewrite(g, [root], assumptions={leaves[0]: (-2, -1)})
    assert "declare bounds" in result.report.check


def test_constants_are_settled_after_the_check():
    g = Graph()
    u = g.input("u", "state")
    code = schedule_naive(g, [g.product([g.func("exp", g.const(3)), u])])
    settled = settle_constants(code)
    assert settled.count() == {"mul": 1}
    assert math.exp(3) in [a[0] for op, a in zip(settled.op, settled.args, strict=True) if op == "const"]
