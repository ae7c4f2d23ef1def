"""The normal form: laws that hold by construction, and that no law changes a value."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest
from graph_strategies import NAMES, build, compute, recipes, states
from hypothesis import assume, given, settings

from ritz.symbolic.graph import PARAM, TIME, Axis, Graph
from ritz.symbolic.high_precision import evaluate_mp

HALF = Fraction(1, 2)
POWERS = (Fraction(2), Fraction(3), Fraction(-1), HALF, -HALF, Fraction(1, 3), Fraction(3, 2), Fraction(-2, 3))
quick = settings(max_examples=150, derandomize=True, deadline=None)
REAL = dict(zip(NAMES, ("0.7123", "1.9451", "0.3317"), strict=True))
COMPLEX = dict(zip(NAMES, (("0.71", "1.3"), ("-1.94", "0.4"), ("-0.33", "-2.1")), strict=True))


@pytest.fixture
def g() -> Graph:
    return Graph()


def assert_same_value(recipe, is_complex: bool) -> None:
    g = Graph()
    inputs = states(g, is_complex=is_complex)
    with mpmath.workprec(400):
        if is_complex:
            values = {n: mpmath.mpc(*COMPLEX[n]) for n in NAMES}
        else:
            values = {n: mpmath.mpf(REAL[n]) for n in NAMES}
        try:
            expected = compute(recipe, values)
        except (ZeroDivisionError, OverflowError):
            assume(False)
        assume(mpmath.isfinite(expected) and abs(expected) < 1e30)
        assume(is_complex or isinstance(expected, mpmath.mpf))
    node = build(g, recipe, inputs)
    found = evaluate_mp(g, [node], {inputs[n]: values[n] for n in NAMES}, bits=400)[0]
    if mpmath.isnan(found):  # a root of a negative number on the way: no value in real arithmetic
        assume(False)
    assert abs(complex(found) - complex(expected)) <= 1e-12 * max(1.0, abs(complex(expected)))
    assert abs(mpmath.mpmathify(found) - expected) <= mpmath.mpf(2) ** -250 * (1 + abs(expected))


@quick
@given(recipes(exponents=POWERS))
def test_normal_form_keeps_real_values(recipe):
    assert_same_value(recipe, is_complex=False)


@quick
@given(recipes(exponents=POWERS, functions=False))
def test_normal_form_keeps_complex_values(recipe):
    """Complex points test the branches of roots: sqrt(x**2) must not become x."""
    assert_same_value(recipe, is_complex=True)


@quick
@given(recipes(), recipes(), recipes())
def test_sums_and_products_commute_and_associate(a, b, c):
    g = Graph()
    x, y, z = (build(g, r, states(g)) for r in (a, b, c))
    assert g.sum([x, y]) == g.sum([y, x])
    assert g.product([x, y]) == g.product([y, x])
    assert g.sum([g.sum([x, y]), z]) == g.sum([x, g.sum([y, z])])
    assert g.product([g.product([x, y]), z]) == g.product([x, g.product([y, z])])
    assert g.sub(x, x) == g.zero


@quick
@given(recipes(), recipes())
def test_like_terms_and_factors_meet(a, b):
    g = Graph()
    x, y = (build(g, r, states(g)) for r in (a, b))
    assert g.add([(2, x), (3, x)]) == g.scale(5, x)
    assert g.add([(1, x), (1, y), (-1, x)]) == y
    assume(x != g.zero)
    assert g.mul([(x, 2), (x, 3)]) == g.pow(x, 5)
    assert g.mul([(x, 3), (y, 1), (x, -3)]) == y
    assert g.div(x, x) == g.one


def test_powers_of_the_imaginary_unit(g):
    i = g.imag
    assert g.pow(i, 2) == g.const(-1)
    assert g.pow(i, -1) == g.scale(-1, i)
    assert g.pow(i, 4) == g.one
    root = g.pow(i, HALF)
    assert g.pow(root, 2) == i
    assert g.product([root, i, root]) == g.const(-1)
    assert g.product([i, root]) == g.pow(i, Fraction(3, 2)) != i


def test_roots_open_only_where_it_is_true(g):
    x, y = g.input("x", "state"), g.input("y", "state")
    assert g.pow(g.pow(x, HALF), 2) == x
    assert g.pow(g.pow(x, 2), HALF) != x
    assert g.pow(g.pow(x, HALF), HALF) == g.pow(x, Fraction(1, 4))
    double = g.scale(2, x)
    assert g.product([g.pow(double, HALF), g.pow(double, HALF), y]) == g.mul([(x, 1), (y, 1)], 2)
    assert g.scale(3, g.pow(g.pow(double, HALF), 2)) == g.scale(6, x)
    two = g.pow(g.const(2), HALF)
    assert g.product([two, two, x]) == double


def test_numbers_are_exact_and_zero_stays(g):
    assert g.args[g.add([], Fraction(4, 2))] == 2
    assert g.pow(g.const(Fraction(9, 4)), HALF) == g.const(Fraction(3, 2))
    assert g.op[g.pow(g.const(2), HALF)] == "mul"
    assert g.op[g.pow(g.const(10**400), HALF)] == "mul"
    assert g.op[g.pow(g.zero, -1)] == "mul"  # 1/0 is not given a value
    assert g.const(2.0) == g.const(2)
    assert g.const(0.5) != g.const(HALF)  # a float of the user stays one


def test_a_number_times_a_sum_is_distributed(g):
    x, y = g.input("x", "state"), g.input("y", "state")
    assert g.scale(2, g.sum([x, y])) == g.add([(2, x), (2, y)])


def test_wide_products_stay_whole_but_equal(g):
    xs = [g.input(f"x{i}", "state") for i in range(100)]
    wide, y = g.product(xs), g.input("y", "state")
    assert g.args[g.product([wide, y])] == (1, tuple(sorted([(wide, 1), (y, 1)])))
    assert g.scale(3, g.scale(2, wide)) == g.scale(6, wide)
    assert g.split_coefficient(g.scale(6, wide)) == (6, wide)
    assert g.div(g.product([g.scale(4, wide), y]), wide) == g.scale(4, y)


def test_axes_follow_from_arguments(g):
    x, k = Axis("x", "point"), Axis("kx", "mode")
    u = g.input("u", "state", [x])
    p = g.input("p", "param")
    assert g.axes[g.product([p, u])] == {PARAM, TIME, x}
    assert g.axes[g.gather("pick", u, x, k)] == {TIME, k}
    assert g.axes[g.const(2)] == frozenset()


def test_substitute_into_another_graph(g):
    x, y = g.input("x", "state"), g.input("y", "state")
    node = g.func("sin", g.add([(2, x), (1, y)], 1))
    other = Graph()
    moved = g.substitute([node], {}, into=other)[0]
    assert evaluate_mp(other, [moved], dict.fromkeys(other.inputs([moved]), 1)) == evaluate_mp(g, [node], {x: 1, y: 1})
    assert g.substitute([node], {x: g.zero, y: g.zero}) == [g.func("sin", g.one)]


def test_deep_graphs_do_not_recurse(g):
    node = g.input("x", "state")
    for _ in range(10_000):
        node = g.func("sin", node)
    assert len(g.topological([node])) == 10_001
    assert g.count([node])["func"] == 10_000
