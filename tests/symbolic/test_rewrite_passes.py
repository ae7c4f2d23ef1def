"""Structural passes: what each one does to a graph, and that values stay."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite.cost import DEFAULT
from ritz.symbolic.rewrite.execute import run_numpy
from ritz.symbolic.rewrite.function_passes import share_angles, share_exponentials, split_argument
from ritz.symbolic.rewrite.lowering import schedule_naive
from ritz.symbolic.rewrite.passes import expand_products, factor_sums
from ritz.symbolic.rewrite.portfolio import structural_forms
from ritz.symbolic.rewrite.sharing import share_pairs
from ritz.symbolic.rewrite.sympy_engine import schedule_sympy
from ritz.symbolic.sympy_bridge import to_graph

x, y, z, w = sp.symbols("x y z w")
AT = {"x": 0.7, "y": -1.3, "z": 2.1, "w": 0.4}


def graph_of(*expressions):
    g = Graph()
    symbols = sorted(set().union(*(sp.sympify(e).free_symbols for e in expressions)), key=str)
    leaves = {s: g.input(s.name, "state") for s in symbols}
    return g, [to_graph(g, e, leaves) for e in expressions], {n: AT[s.name] for s, n in leaves.items()}


def same_values(g, old, new, at):
    before, after = (run_numpy(schedule_naive(g, r), at) for r in (old, new))
    np.testing.assert_allclose(after, before, rtol=1e-13)


@pytest.mark.parametrize(
    ("expression", "count"),
    [
        (x * y**2 * z + x * y**2 * w, {"add": 1, "mul": 3}),
        (x**4 + x**3 + x**2 + x, {"add": 3, "mul": 3}),
        (5 * x**3 - 2 * x**2 + x - 7, {"add": 1, "mul": 4, "sub": 2}),
        (x / w + y / w, {"add": 1, "div": 1}),
        (x * y + x * z + w * y + w * z, {"add": 3, "mul": 2}),
        (2 * x * y + 4 * x * z, {"add": 1, "mul": 3}),
    ],
    ids=str,
)
def test_common_factors_leave_few_operations(expression, count):
    g, roots, at = graph_of(expression)
    new = factor_sums(g, roots)
    found = schedule_naive(g, new)
    assert found.operations() <= sum(count.values()), found.text()
    same_values(g, roots, new, at)


def test_shared_products_can_be_kept():
    g, roots, at = graph_of(x * y + x * z, x * y + w)
    kept = factor_sums(g, roots, keep_shared=True)
    assert kept == roots
    same_values(g, roots, factor_sums(g, roots), at)


def test_expansion_lets_terms_cancel():
    g, [root], _ = graph_of((x + y) ** 3 - (x - y) ** 3)
    [new] = expand_products(g, [root])
    assert g.count([new])["add"] == 1
    g, roots, at = graph_of((x + 1) * (x - 1) * z + z)
    new = expand_products(g, roots)
    assert schedule_naive(g, new).count() == {"mul": 2}
    same_values(g, roots, new, at)


def test_wide_expansion_is_refused():
    g, [root], _ = graph_of((x + y + z + w + 1) ** 4)
    assert expand_products(g, [root]) == [root]


def test_arguments_are_split_the_same_way_for_all_multiples():
    g, [a, b], _ = graph_of(3 - 2 * x + 4 * y, 5 + x - 2 * y)
    (k1, s1, b1), (k2, s2, b2) = split_argument(g, a), split_argument(g, b)
    assert (k1, s1, k2, s2) == (3, -2, 5, 1) and b1 == b2


def test_commensurate_exponentials_become_powers():
    rates = [sp.exp(-(x + 65) / 80), sp.exp(-(x + 65) / 20), sp.exp(-(x + 35) / 10), sp.exp(-x / 18), sp.exp(x / 40)]
    g, roots, at = graph_of(*rates)
    new = share_exponentials(g, roots)
    exps = [n for n in g.topological(new) if g.op[n] == "func" and g.axes[n]]
    assert len(exps) == 2
    same_values(g, roots, new, at)


def test_distant_exponentials_are_left_alone():
    g, roots, _ = graph_of(sp.exp(x), sp.exp(100 * x), sp.exp(2 * x + 500))
    assert share_exponentials(g, roots) == roots


def test_angles_are_reduced_to_single_ones():
    arm = [sp.sin(x), sp.cos(x), sp.sin(y), sp.cos(y), sp.sin(x + y), sp.cos(x + y), sp.sin(2 * x - y), sp.cos(3 * x)]
    g, roots, at = graph_of(*arm)
    new = share_angles(g, roots)
    assert sum(g.op[n] == "func" for n in g.topological(new)) == 4
    same_values(g, roots, new, at)


def test_shifted_angles_are_left_alone():
    g, roots, _ = graph_of(sp.sin(x), sp.sin(x + 1))
    assert share_angles(g, roots) == roots


def test_pairs_are_found_in_scaled_rows():
    rows = [{0: 1, 1: 2, 2: 5}, {0: 3, 1: 6}, {0: -1, 1: -2, 3: 1}, {0: 1, 1: 1}]
    made = share_pairs(rows, lambda entry: None, 10, 1)
    assert made == {10: ((0, 1), (1, Fraction(2)))}
    assert rows == [{2: 5, 10: 1}, {10: 3}, {3: 1, 10: -1}, {0: 1, 1: 1}]


def test_pairs_of_different_kinds_stay_apart():
    rows = [{0: 1, 1: 1}, {0: 1, 1: 1}]
    assert share_pairs(rows, lambda entry: entry, 10, 1) == {}


def network(g, size=12):
    xs = [g.input(f"x{i}", "state") for i in range(size)]
    k = [g.input(f"k{i}", "param") for i in range(size)]
    rates = [g.product([k[i], xs[i], xs[(i + 1) % size]]) for i in range(size)]
    return xs + k, [
        g.add([(1, rates[i - 1]), (-1, rates[i]), (-1, rates[(i + 1) % size]), (1, rates[i - 2])]) for i in range(size)
    ]


def test_reaction_network_gets_cheaper_and_keeps_its_values():
    g = Graph()
    leaves, rows = network(g)
    passes = dict(structural_forms(g, rows, DEFAULT, float("inf")))
    forms = {f"{name}: {pass_}": code for name, made in passes.items() for pass_, code in made}
    plain = schedule_naive(g, rows)
    assert min(map(DEFAULT.total, forms.values())) < DEFAULT.total(plain)
    at = {n: 0.3 + 0.1 * k for k, n in enumerate(leaves)}
    for name, code in forms.items():
        np.testing.assert_allclose(run_numpy(code, at), run_numpy(plain, at), rtol=1e-12, atol=1e-13, err_msg=name)


def test_forms_do_not_depend_on_hash_order():
    def once():
        g = Graph()
        return [(name, str(passes)) for name, passes in structural_forms(g, network(g)[1], DEFAULT, float("inf"))]

    assert once() == once()


def test_sympy_engine_keeps_maps_opaque_and_shares():
    g, roots, at = graph_of(sp.sqrt(x + y) * z + w, sp.sqrt(x + y) * w, (x + y) ** 2)
    code = schedule_sympy(g, roots, DEFAULT)
    assert code.count()["sqrt"] == 1 and set(code.leaves()) == set(at)
    np.testing.assert_allclose(run_numpy(code, at), run_numpy(schedule_naive(g, roots), at), rtol=1e-14)
