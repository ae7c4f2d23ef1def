"""Accuracy as a goal: fewer bits lost, never more, and sound under the declared bounds."""

import numpy as np
import pytest
import sympy as sp

from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite import rewrite
from ritz.symbolic.rewrite.execute import run_numpy
from ritz.symbolic.sympy_bridge import to_graph

x, y = sp.symbols("x y")

UNSTABLE = {
    "log(1+x)": (sp.log(1 + x), "positive"),
    "exp(x)-1": (sp.exp(x) - 1, (-1, 1)),
    "roots": (sp.sqrt(x + 1) - sp.sqrt(x), "positive"),
    "half angle": ((1 - sp.cos(x)) / x**2, (1e-9, 1)),
    "fractions": (1 / (x + 1) - 1 / x, "positive"),
    "logistic": (sp.log((1 + x) / (1 - x)), (0, 0.5)),
    "cosh": (sp.exp(x) - 2 + sp.exp(-x), (1e-9, 1)),
    "squares": ((x + 1) ** 2 - x**2, "real"),
    "sines": (sp.sin(x + y) - sp.sin(x), (1e-9, 1)),
    "root of quadratic": (sp.sqrt(x**2 + y) - x, (1e-3, 1e6)),
}


def accurate(expression, word, **options):
    g = Graph()
    leaves = {s: g.input(s.name, "state") for s in sorted(expression.free_symbols, key=str)}
    root = to_graph(g, expression, leaves)
    facts = dict.fromkeys(leaves.values(), word)
    return rewrite(g, [root], goal="accuracy", assumptions=facts, budget=5, **options)


@pytest.mark.parametrize("name", UNSTABLE)
def test_lost_bits_are_won_back(name):
    report = accurate(*UNSTABLE[name]).report
    assert report.bits_after <= 1.2 < report.bits_before + 0.4
    assert "agrees with the source" in report.check


def test_difference_of_roots_whose_smaller_base_may_be_zero():
    """(x + 1)^(1/y) - x^(1/y) for x >= 0: the form with the larger base taken out has a value at x = 0, too."""
    expression = (1 + x) ** (1 / y) - x ** (1 / y)
    g = Graph()
    leaves = {s: g.input(s.name, "state") for s in (x, y)}
    facts = {leaves[x]: (0, 1e9), leaves[y]: (2, 1e9)}
    result = rewrite(g, [to_graph(g, expression, leaves)], goal="accuracy", assumptions=facts, budget=5)
    assert result.report.bits_after < 5 < 15 < result.report.bits_before
    points = {leaves[x]: np.array([0.0, 45.072536, 1e8]), leaves[y]: np.array([3.0, 23839582.0, 4e7])}
    found = run_numpy(result.scheduled, points)[0]
    np.testing.assert_allclose(found, [1.0, 9.204828e-10, 2.5e-16], rtol=2e-6)


@pytest.mark.parametrize("expression", [x * y + 1, sp.exp(x) * y, x / (1 + y**2)])
def test_good_forms_are_not_made_worse(expression):
    report = accurate(expression, "real").report
    assert report.bits_after <= report.bits_before


def test_without_the_assumption_the_form_stays():
    g = Graph()
    u = g.input("u", "state")
    root = g.sub(g.pow(g.add([(1, g.pow(u, 2))], 1), 1), g.pow(u, 2))
    assert root == g.one
    report = accurate(sp.sqrt(x**2 + y) - x, "real").report
    assert "bits lost" in str(report)


def test_ordinary_names_appear_in_the_code():
    result = accurate(*UNSTABLE["log(1+x)"])
    assert "log1p" in result.scheduled.text()
