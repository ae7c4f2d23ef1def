"""Complex expressions as real pairs, against complex evaluation."""

from __future__ import annotations

import numpy as np
import pytest

from ritz.codegen.realify import realify
from ritz.errors import UnsupportedError
from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.graph import Graph


def build(g: Graph):
    z, c, x = g.input("z", "state", is_complex=True), g.input("c", "state", is_complex=True), g.input("x", "state")
    yield g.mul([(z, 3), (c, -2), (x, 1)], 2)
    yield g.sum([g.product([g.imag, z]), g.func("conj", c), g.const(4)])
    yield g.func("exp", g.product([z, x]))
    yield g.func("sin", z)
    yield g.func("cos", z)
    yield g.func("sinh", z)
    yield g.func("cosh", z)
    yield g.product([g.func("abs", z), c])
    yield g.func("complex", g.func("re", z), x)
    yield g.func("where", g.func("lt", x, g.zero), z, c)
    yield g.product([g.func("sin", x), g.pow(g.sum([z, c]), 2)])


def test_pairs_equal_complex_values():
    g = Graph()
    roots = list(build(g))
    rng = np.random.default_rng(0)
    values = {n: rng.standard_normal(5) for n in g.inputs(roots)}
    values |= {n: v + 1j * rng.standard_normal(5) for n, v in values.items() if g.is_complex[n]}
    expected = evaluate(g, roots, values)
    for (re, im), exact in zip(realify(g, roots), expected, strict=True):
        a, b = evaluate(g, [re, im], values)
        assert not np.iscomplexobj(a) and not np.iscomplexobj(b)
        np.testing.assert_allclose(a + 1j * b, exact, rtol=1e-13)


def test_vanishing_parts_cost_nothing():
    g = Graph()
    z, k = g.input("z", "state", is_complex=True), g.input("k", "wavenumber")
    ((re, im),) = realify(g, [g.product([g.imag, k, z])])
    assert g.count([re, im])["mul"] <= 3
    assert realify(g, [k]) == [(k, g.zero)]


def test_functions_without_a_rule_are_named():
    g = Graph()
    with pytest.raises(UnsupportedError, match="arctan"):
        realify(g, [g.func("arctan", g.input("z", "state", is_complex=True))])
