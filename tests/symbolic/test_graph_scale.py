"""Deep and wide graphs: no recursion, and work in proportion to their size (counted, not timed)."""

from __future__ import annotations

import numpy as np
import pytest

from ritz.symbolic.calculus import forward, reverse, sparse_jacobian
from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.graph import Graph
from ritz.symbolic.graph_text import GraphText
from ritz.symbolic.rewrite.lowering import schedule_naive
from ritz.symbolic.rewrite.rows import schedule_rows

DEPTH = 4000


def deep(depth=DEPTH):
    """``v <- sin(v) + v*x``: every step uses the one before twice, so a tree of it would have 2**depth leaves."""
    g = Graph()
    x = g.input("x", "state")
    node = x
    for _ in range(depth):
        node = g.add([(1, g.func("sin", node)), (0.5, g.product([node, g.func("cos", x)]))])
    return g, x, node


def test_walks_and_copies_of_a_deep_shared_graph():
    g, x, node = deep()
    assert list(g.inputs([node])) == [x]
    other = Graph()
    y = other.input("y", "state")
    [copy] = g.substitute([node], {x: y}, other)
    assert len(other) < 5 * DEPTH
    at = 0.3
    np.testing.assert_allclose(evaluate(other, [copy], {y: at}), evaluate(g, [node], {x: at}))
    assert g.substitute([node], {}) == [node]


def test_derivatives_of_a_deep_shared_graph():
    g, x, node = deep(300)
    size = len(g)
    [row] = sparse_jacobian(g, [node], [x])
    assert len(g) < 8 * size
    [tangent], [cotangent] = forward(g, [node], {x: g.one}), reverse(g, [node], [g.one], [x])
    found = evaluate(g, [row[x], tangent, cotangent], {x: 0.3})
    h = 1e-30
    step = evaluate_complex(300, 0.3 + 1j * h).imag / h
    np.testing.assert_allclose(np.real(found), step, rtol=1e-11)


def evaluate_complex(depth, x):
    v = x
    for _ in range(depth):
        v = np.sin(v) + 0.5 * v * np.cos(x)
    return v


def test_code_and_text_of_a_deep_shared_graph():
    g, x, node = deep()
    naive = schedule_naive(g, [node]).operations()
    assert naive < 5 * DEPTH
    assert schedule_rows(g, [node]).operations() <= naive + 2
    text = GraphText(g, [node])
    lines = list(text.definitions([node]))
    assert len(lines) < 2 * DEPTH and sum(map(len, lines)) < 200 * DEPTH
    names = {"sin": np.sin, "cos": np.cos, "x": 0.3}
    for line in lines:
        name, formula = line.split(" = ")
        names[name] = eval(formula, dict(names))
    assert eval(text.of(node), names) == pytest.approx(float(evaluate(g, [node], {x: 0.3})[0]), rel=1e-12)


def test_gradients_are_as_sparse_as_the_equations():
    """A chain in which each row depends on three states: entries and new nodes grow with the rows."""
    g, n = Graph(), 3000
    x = [g.input(f"x{i}", "state") for i in range(n)]
    rows = [g.add([(2, g.product([x[i], x[i - 1]])), (-1, g.product([x[i], x[(i + 1) % n]]))]) for i in range(n)]
    size = len(g)
    found = sparse_jacobian(g, rows, x)
    assert all(len(row) == 3 for row in found)
    assert len(g) < 2 * size


def test_text_is_python():
    g = Graph()
    x, y = g.input("x", "state"), g.input("y", "state")
    node = g.add(
        [
            (-2, g.mul([(x, 2), (y, -1)])),
            (0.25, g.func("exp", g.scale(-1, x))),
            (1, g.mul([(g.add([(1, x), (-1, y)]), -2)], -3)),
        ],
        -7,
    )
    at = {"x": 1.3, "y": 0.4}
    wanted = float(evaluate(g, [node], {x: at["x"], y: at["y"]})[0])
    assert eval(GraphText(g, [node]).of(node), {"exp": np.exp, **at}) == pytest.approx(wanted, rel=1e-14)
