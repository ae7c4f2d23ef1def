"""Factored rows: known best forms, networks, values in high precision, order of results, limits that hold."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_networks import DATA, PlainNetwork, random_network

import ritz as rz
from ritz.symbolic.clock import spent
from ritz.symbolic.graph import TIME, Axis, Graph
from ritz.symbolic.rewrite import rewrite
from ritz.symbolic.rewrite.execute import run_numpy
from ritz.symbolic.rewrite.factoring import Factoring
from ritz.symbolic.rewrite.facts import leaf_facts
from ritz.symbolic.rewrite.lowering import schedule_naive
from ritz.symbolic.rewrite.product_sharing import share_products
from ritz.symbolic.rewrite.rows import schedule_rows
from ritz.symbolic.rewrite.sharing import share_pairs
from ritz.symbolic.rewrite.verify import Reference


def network_graph(path):
    problem = rz.read_bionetgen(path)
    form = problem.pointwise_form()
    return problem, form.graph, list(form.derivatives.values())


def agrees(g, roots, code):
    return Reference(g, roots, leaf_facts(g, code.leaves(), None), size=len(code)).check(code)


def per_step(code):
    """Operations at every evaluation: what depends on parameters alone is computed once."""
    return sum(TIME in axes for op, axes in zip(code.op, code.axes, strict=True) if op not in ("const", "leaf"))


def test_all_pairs_of_two_kinds_react():
    """Every A_i binds every B_j: the sums over partners are shared, and k*A_i is multiplied once."""
    n, g = 6, Graph()
    k = g.input("k", "param")
    a, b = ([g.input(f"{name}{i}", "state") for i in range(n)] for name in "ab")
    rates = {(i, j): g.product([k, a[i], b[j]]) for i in range(n) for j in range(n)}
    losses = [g.add([(-1, rates[i, j]) for j in range(n)]) for i in range(n)]
    losses += [g.add([(-1, rates[i, j]) for i in range(n)]) for j in range(n)]
    roots = [*losses, *rates.values()]
    code = schedule_rows(g, roots)
    assert agrees(g, roots, code).passed
    count = code.count()
    assert count["add"] == 2 * (n - 1), "one sum over each kind"
    assert count["mul"] <= n + n * n + 2 * n + 2, "k*a_i, then each rate, then each loss"
    assert schedule_naive(g, roots).operations() > 1.4 * code.operations()


def test_static_factors_count_as_one():
    g = Graph()
    p, q = g.input("p", "param"), g.input("q", "param")
    x, y, z = (g.input(n, "state") for n in "xyz")
    k = g.div(p, q)
    code = schedule_rows(g, [g.sum([g.product([k, x]), g.product([k, y]), g.product([p, z])])])
    assert per_step(code) == 4  # k*(x + y) + p*z
    assert code.count() == {"add": 2, "div": 1, "mul": 2}


def test_quotients_can_be_kept():
    g = Graph()
    v, m, s, k = (g.input(n, "state") for n in "vmsk")
    rate = g.mul([(v, 1), (s, 1), (g.sum([m, s]), -1)])
    roots = [g.add([(-1, rate), (-1, g.product([k, s]))]), g.add([(1, rate), (-1, v)])]
    kept = schedule_rows(g, roots, keep_quotients=True)
    assert kept.count()["div"] == 1 and agrees(g, roots, kept).passed
    assert agrees(g, roots, schedule_rows(g, roots)).passed


@pytest.mark.parametrize("seed", range(12))
def test_random_networks(tmp_path, seed):
    rng = np.random.default_rng(seed)
    path = tmp_path / "random.net"
    path.write_text(random_network(rng, int(rng.integers(3, 12)), int(rng.integers(1, 120))))
    problem, g, roots = network_graph(path)
    for code in (schedule_rows(g, roots), schedule_rows(g, roots, keep_quotients=True)):
        assert agrees(g, roots, code).passed
        plain = PlainNetwork(path)
        x = rng.uniform(0.1, 2, len(plain.species))
        states = dict(zip(problem.pointwise_form().states.values(), x, strict=True))
        params = {g.input(p.name, "param"): p.default for p in problem.parameters}
        np.testing.assert_allclose(run_numpy(code, {**states, **params}), plain.rhs(x), rtol=1e-11, atol=1e-11)


coefficients = st.sampled_from([-2, -1, 1, 2, 3, Fraction(1, 3), 0.5])
monomials = st.dictionaries(st.integers(0, 5), st.sampled_from([1, 1, 1, 2, -1, Fraction(1, 2)]), max_size=3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(coefficients, monomials), min_size=1, max_size=7), min_size=1, max_size=5))
def test_values_stay(rows):
    g = Graph()
    leaves = [g.input(f"x{i}", "state" if i < 4 else "param") for i in range(6)]
    roots = [g.add([(c, g.mul([(leaves[b], e) for b, e in m.items()])) for c, m in row]) for row in rows]
    at = dict(zip(leaves, (0.7, 1.3, 2.1, 0.4, 1.9, 0.6), strict=True))
    facts = leaf_facts(g, leaves, dict.fromkeys(leaves, "positive"))
    wanted = [float(v) for v in run_numpy(schedule_naive(g, roots), at)]
    for code in (schedule_rows(g, roots), schedule_rows(g, roots, keep_quotients=True)):
        assert Reference(g, roots, facts).check(code).passed
        found = [float(v) for v in run_numpy(code, at)]
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-11)


def test_deep_horner_needs_no_recursion():
    g = Graph()
    x = g.input("x", "state")
    node = Factoring(g).factored([(1, {x: e}) for e in range(1, 1200)], 1)
    assert g.count([node])["mul"] == 1198
    assert float(run_numpy(schedule_naive(g, [node]), {x: 1.0})[0]) == 1200


def test_products_in_loops_stay_in_their_loop():
    g = Graph()
    i, j = Axis("i", "point"), Axis("j", "point")
    a, b, c = g.input("a", "state", [i]), g.input("b", "state", [i]), g.input("c", "state", [i, j])
    code = schedule_naive(g, [g.product([a, b, c]), g.product([a, c])])
    again = share_products(code)
    inner = [axes for op, axes in zip(again.op, again.axes, strict=True) if op == "mul" and j in axes]
    assert len(inner) == 2, "a*b is computed outside, and is not pulled into the inner loop"


def test_squares_are_no_pairs():
    g = Graph()
    x, y, z = (g.input(n, "state") for n in "xyz")
    roots = [g.mul([(x, 2), (y, 1)]), g.mul([(x, 1), (y, 1), (z, 1)]), g.mul([(x, 3), (y, 1)])]
    code = share_products(schedule_naive(g, roots))
    assert agrees(g, roots, code).passed


def test_pairs_need_equal_ratios():
    rows = [{1: 1, 2: 2, 3: 5}, {1: 2, 2: 4}, {1: 1, 2: -2}, {1: -1, 2: 2}]
    made = share_pairs(rows, lambda entry: None, 10, 1)
    assert made == {10: ((1, 1), (2, -2)), 11: ((1, 1), (2, 2))}
    assert rows == [{3: 5, 11: 1}, {11: 2}, {10: 1}, {10: -1}]


def test_effort_is_limited_by_steps(monkeypatch):
    from ritz.symbolic.rewrite import sharing

    monkeypatch.setattr(sharing, "MOST_STEPS", 0)
    assert sharing.share_pairs([{1: 1, 2: 1}, {1: 1, 2: 1}], lambda entry: None, 10, 1) == {}


def test_the_result_does_not_depend_on_hash_order(tmp_path):
    path = tmp_path / "random.net"
    path.write_text(random_network(np.random.default_rng(3), 10, 150))
    script = (
        "import ritz as rz; from ritz.symbolic.rewrite.rows import schedule_rows; import sys;"
        "f = rz.read_bionetgen(sys.argv[1]).pointwise_form();"
        "print(schedule_rows(f.graph, list(f.derivatives.values())).text())"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", script, str(path)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(texts) == 1 and len(texts.pop()) > 1000


def test_egf_receptor_network():
    problem, g, roots = network_graph(DATA / "egfr_net.net")
    result = rewrite(g, roots, budget=20)
    assert result.report.chosen == "factored rows"
    assert per_step(schedule_naive(g, roots)) == 14736
    assert per_step(result.scheduled) < 8000
    plain = PlainNetwork(DATA / "egfr_net.net")
    x = plain.start + 1.0
    leaves = dict(zip(problem.pointwise_form().states.values(), x, strict=True))
    leaves |= {g.input(p.name, "param"): p.default for p in problem.parameters}
    wanted = plain.rhs(x)
    np.testing.assert_allclose(run_numpy(result.scheduled, leaves), wanted, rtol=0, atol=1e-13 * np.abs(wanted).max())


def test_b_cell_receptor_network():
    problem, g, roots = network_graph(DATA / "bcr.net")
    code = schedule_rows(g, roots)
    assert per_step(code) < 16500
    plain = PlainNetwork(DATA / "bcr.net")
    x = plain.start + 1.0
    leaves = dict(zip(problem.pointwise_form().states.values(), x, strict=True))
    leaves |= {g.input(p.name, "param"): p.default for p in problem.parameters}
    wanted = plain.rhs(x)
    np.testing.assert_allclose(run_numpy(code, leaves), wanted, rtol=0, atol=1e-13 * np.abs(wanted).max())


def test_a_spent_budget_leaves_valid_code():
    _, g, roots = network_graph(DATA / "egfr_net.net")
    code = schedule_rows(g, roots, deadline=spent() - 1)
    assert agrees(g, roots, code).passed
    result = rewrite(g, roots, budget=0)
    assert result.scheduled.operations() <= schedule_naive(g, roots).operations()
