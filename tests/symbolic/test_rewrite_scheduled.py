"""Straight-line code: what the plain lowering makes of a normal form, and that it means the same."""

from fractions import Fraction

import numpy as np
import pytest

from ritz.symbolic.graph import PARAM, Axis, Graph, LinearMap
from ritz.symbolic.rewrite.cost import CostTable
from ritz.symbolic.rewrite.execute import run_numpy
from ritz.symbolic.rewrite.lowering import schedule_naive
from ritz.symbolic.rewrite.scheduled import Builder, raise_to_graph

X = Axis("x", "point")


@pytest.fixture
def g():
    return Graph()


def states(g, names, axes=()):
    return [g.input(name, "state", axes) for name in names.split()]


def test_gray_scott_is_lowered_without_waste(g):
    u, v = states(g, "u v", [X])
    F, k = g.input("F", "param"), g.input("k", "param")
    reaction = g.mul([(u, 1), (v, 2)])
    rows = [
        g.add([(-1, reaction), (1, F), (-1, g.product([F, u]))]),
        g.add([(1, reaction), (-1, g.product([g.sum([F, k]), v]))]),
    ]
    s = schedule_naive(g, rows)
    assert s.count() == {"add": 1, "mul": 4, "sub": 3}
    rate = next(i for i, op in enumerate(s.op) if op == "add")
    assert s.axes[rate] == {PARAM}
    assert run_numpy(s, {u: 1.0, v: 2.0, F: 0.1, k: 0.2}) == pytest.approx([-4.0, 3.4])


def test_parameter_factors_are_hoistable(g):
    (u,) = states(g, "u", [X])
    a, b = g.input("a", "param"), g.input("b", "param")
    s = schedule_naive(g, [g.mul([(a, 1), (u, 1), (b, -1)], 3)])
    looped = [i for i in range(len(s)) if X in s.axes[i] and s.op[i] != "leaf"]
    assert len(looped) == 1 and s.op[looped[0]] == "mul"


def test_two_quotients_share_one_reciprocal(g):
    a, b, d = states(g, "a b d")
    s = schedule_naive(g, [g.div(a, d), g.div(b, d)])
    assert s.count() == {"div": 1, "mul": 2}
    assert schedule_naive(g, [g.div(a, d)]).count() == {"div": 1}


def test_powers_by_squaring_and_roots(g):
    (x,) = states(g, "x")
    assert schedule_naive(g, [g.pow(x, 8), g.pow(x, 9)]).count() == {"mul": 4}
    assert schedule_naive(g, [g.pow(x, Fraction(3, 2))]).count() == {"mul": 1, "sqrt": 1}
    assert schedule_naive(g, [g.pow(x, Fraction(1, 3))]).count() == {"pow": 1}


def test_shared_pairs_are_added_once(g):
    a, b, c, d = states(g, "a b c d")
    rows = [g.sum([a, b, c]), g.add([(2, a), (2, b), (-3, d)]), g.add([(-1, a), (-1, b), (1, c)], 4)]
    plain, shared = schedule_naive(g, rows), schedule_naive(g, rows, share=True)
    assert shared.operations() < plain.operations()
    values = {a: 1.5, b: -2.0, c: 3.25, d: 0.5}
    assert run_numpy(shared, values) == run_numpy(plain, values) == [2.75, -2.5, 7.75]


def test_maps_are_opaque(g):
    (u,) = states(g, "u", [X])
    lap = g.map(LinearMap("lap", "matrix", (X,), (X,)), g.pow(u, 2))
    s = schedule_naive(g, [g.sum([lap, u])])
    assert set(s.leaves()) == {lap, u}
    assert s.count() == {"add": 1}


def test_complex_constants_and_flags(g):
    (z,) = [g.input("z", "state", is_complex=True)]
    s = schedule_naive(g, [g.mul([(g.imag, 1), (z, 1)], 2), g.func("abs", z)])
    assert [s.is_complex[r] for r in s.roots] == [True, False]
    assert run_numpy(s, {z: 3 + 4j}) == [-8 + 6j, 5]


def test_sign_is_carried_into_a_subtraction(g):
    a, b = states(g, "a b")
    assert schedule_naive(g, [g.add([(-1, a), (-1, b)])]).count() == {"add": 1, "neg": 1}
    assert schedule_naive(g, [g.add([(-1, a), (-1, b)], 1)]).count() == {"add": 1, "sub": 1}


def test_code_returns_to_the_same_graph_node(g):
    x, y = states(g, "x y")
    node = g.add([(3, g.mul([(x, 2), (y, -1)])), (Fraction(-1, 3), g.func("sin", g.pow(y, Fraction(1, 2))))], 7)
    assert raise_to_graph(schedule_naive(g, [node], share=True), g) == [node]


def test_lowering_is_deterministic(g):
    x, y, z = states(g, "x y z")
    rows = [g.add([(i + 1, x), (i, y), (1, g.product([x, y, z]))], i) for i in range(5)]
    assert str(schedule_naive(g, rows, share=True)) == str(schedule_naive(g, rows, share=True))


def test_cost_counts_trips_of_axes(g):
    (u,) = states(g, "u", [X])
    p = g.input("p", "param")
    table = CostTable(trips={"x": 10})
    s = schedule_naive(g, [g.product([u, u, p])])
    assert table.total(s) == 20
    s = schedule_naive(g, [g.mul([(u, 1), (p, -1)])], cost=table)
    assert table.total(s) == pytest.approx(8 / 64 + 10 if s.count() == {"div": 1, "mul": 1} else 80)


def test_builder_folds_constants_exactly(g):
    b = Builder(g)
    third = b.div(b.const(1), b.const(3))
    assert b.value(b.add(third, third)) == Fraction(2, 3)
    assert b.value(b.mul(b.const(0.5), b.const(4))) == 2
    x = b.leaf(g.input("x", "state"))
    assert b.sub(b.const(0), b.neg(x)) == x
    assert b.add(x, b.neg(x)) == b.sub(x, x)


def test_long_sums_are_balanced(g):
    xs = states(g, " ".join(f"x{i}" for i in range(64)))
    s = schedule_naive(g, [g.sum(xs)])
    depth = []
    for i in range(len(s)):
        depth.append(1 + max((depth[k] for k in s.operands(i)), default=-1))
    assert s.count() == {"add": 63} and depth[s.roots[0]] < 16
    assert run_numpy(s, dict(zip(xs, np.arange(64.0), strict=True))) == [2016]
