"""The interface: interchangeable engines, known best forms, never worse, budgets, determinism, options."""

import time

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from ritz.errors import OptionError
from ritz.symbolic.graph import PARAM, Axis, Graph
from ritz.symbolic.rewrite import CostTable, Facts, rewrite, rule
from ritz.symbolic.rewrite.egglog_backend import EqualityGraph
from ritz.symbolic.rewrite.execute import run_numpy
from ritz.symbolic.rewrite.facts import infer
from ritz.symbolic.rewrite.lowering import schedule_naive
from ritz.symbolic.rewrite.rules.algebra import ASSOCIATE, EXPAND
from ritz.symbolic.sympy_bridge import to_graph

x, y, z = sp.symbols("x y z")


def graph_of(*expressions):
    """Graph, nodes and leaf nodes (by name) of some SymPy expressions."""
    g = Graph()
    symbols = sorted(set().union(*(sp.sympify(e).free_symbols for e in expressions)), key=str)
    leaves = {s: g.input(s.name, "state") for s in symbols}
    return g, [to_graph(g, e, leaves) for e in expressions], {s.name: n for s, n in leaves.items()}


def total(report):
    return sum(report.after.values())


BEST = [
    ([x * y + x * z], 2, "real"),
    ([sp.exp(x) * sp.exp(y)], 2, "real"),
    ([(x + 1) ** 2 - x**2], 2, "real"),
    ([1 - sp.cos(2 * x)], 4, "real"),
    ([1 - sp.cos(x) ** 2], 2, "real"),
    ([x**3 + 2 * x**2 + 3 * x + 4], 5, "real"),
    ([sp.log(x) + sp.log(y)], 2, "positive"),
    ([sp.sqrt(x) * sp.sqrt(y)], 2, "nonnegative"),
    ([sp.sqrt(sp.Pow(x, 2, evaluate=False))], 0, "positive"),
    ([sp.cosh(x) ** 2 - sp.sinh(x) ** 2], 0, "real"),
    ([sp.sin(x) * sp.cos(y) + sp.cos(x) * sp.sin(y)], 2, "real"),
    ([sp.exp(x), sp.exp(2 * x), sp.exp(-x)], 3, "real"),
    ([x / y, z / y, 1 / y], 3, "nonzero"),
]


@pytest.mark.parametrize(("expressions", "operations", "word"), BEST, ids=lambda v: str(v))
def test_known_best_form_is_found(expressions, operations, word):
    g, roots, leaves = graph_of(*expressions)
    result = rewrite(g, roots, assumptions=dict.fromkeys(leaves.values(), word), budget=10)
    assert total(result.report) <= operations, result.scheduled.text()


def test_side_conditions_are_respected():
    g, roots, leaves = graph_of(sp.log(x) + sp.log(y))
    assert total(rewrite(g, roots).report) == 3
    assert total(rewrite(g, roots, assumptions={leaves["x"]: "positive", leaves["y"]: (1, 2)}).report) == 2


HODGKIN_HUXLEY = [
    (x + 40) / (10 * (1 - sp.exp(-(x + 40) / 10))) * (1 - y) - 4 * sp.exp(-(x + 65) / 18) * y,
    sp.exp(-(x + 65) / 20) * (1 - z) - z / (1 + sp.exp(-(x + 35) / 10)) + sp.exp(-(x + 65) / 80),
]


def test_exponentials_of_one_voltage_are_shared():
    g, roots, _ = graph_of(*HODGKIN_HUXLEY)
    result = rewrite(g, roots)
    assert result.report.before["exp"] == 5 and result.report.after["exp"] == 2


MODELS = {
    "polynomial": [x**3 * y + x**2 * y**2 - 3 * x * y, (x + y) ** 3],
    "rates": HODGKIN_HUXLEY,
    "quotients": [x / (1 + y**2) + z / (1 + y**2), 1 / (1 + y**2) ** 2],
    "angles": [sp.sin(x + y) * z, sp.cos(x + y) * z + sp.sin(2 * x), sp.cos(x)],
    "roots": [sp.sqrt(x**2 + y**2), x / sp.sqrt(x**2 + y**2), sp.Abs(z) ** 3],
    "piecewise": [sp.Piecewise((x**2, x > 0), (x * y, True)), sp.Max(x, y) * x + x],
}


@pytest.mark.parametrize("name", MODELS)
def test_engines_give_equal_results_and_never_worse_code(name):
    values = {"x": 0.7, "y": -1.3, "z": 2.1}
    found = {}
    for engine in ("egraph", "sympy", None):
        g, roots, leaves = graph_of(*MODELS[name])
        result = rewrite(g, roots, rewriter=engine)
        assert result.report.cost_after <= result.report.cost_before * (1 + 1e-12)
        at = {n: values[s] for s, n in leaves.items()}
        found[engine] = [float(v) for v in run_numpy(result.scheduled, at)]
        again = [float(v) for v in run_numpy(schedule_naive(g, result.roots), at)]
        assert again == pytest.approx(found[engine], rel=1e-13)
    assert found["egraph"] == pytest.approx(found[None], rel=1e-13)
    assert found["sympy"] == pytest.approx(found[None], rel=1e-13)


def test_parameters_move_out_of_the_loop():
    g = Graph()
    grid = Axis("x", "point")
    u, v = (g.input(s, "state", [grid]) for s in "uv")
    F, k = (g.input(s, "param") for s in "Fk")
    reaction = [(u, 1), (v, 2)]
    node = g.add([(1, g.mul([*reaction, (F, 1)])), (1, g.mul([*reaction, (k, 1)]))])
    s = rewrite(g, [node]).scheduled
    inside = [i for i in range(len(s)) if grid in s.axes[i] and s.op[i] != "leaf"]
    assert len(inside) == 3
    assert any(s.axes[i] == {PARAM} and s.op[i] == "add" for i in range(len(s)))


def test_own_rule_is_used():
    g, roots, _ = graph_of(sp.sin(x) ** 4 + sp.exp(y))
    quartic = rule("sin(a)**4", "0.375 - cos(2*a)/2 + cos(4*a)/8")
    cheap = CostTable().with_latency(cos=0.01)
    result = rewrite(g, roots, rules=[quartic], cost=cheap)
    assert "sin" not in result.report.after


def test_complex_values_only_see_plain_algebra():
    g = Graph()
    a, b = (g.input(s, "state", is_complex=True) for s in "ab")
    squares = g.sum([g.product([a, b, a]), g.product([a, b, b]), g.func("log", g.func("exp", a))])
    result = rewrite(g, [squares])
    assert result.report.after["log"] == 1 and total(result.report) < sum(result.report.before.values())
    assert run_numpy(result.scheduled, {a: 1 + 4j, b: 2j}) == pytest.approx(
        run_numpy(schedule_naive(g, [squares]), {a: 1 + 4j, b: 2j})
    )


def test_budget_holds_on_a_hard_case():
    g = Graph()
    a = [g.input(f"a{k}", "state") for k in range(6)]
    nest = a[0]
    for k in range(1, 30):
        over = g.func("exp", g.product([nest, a[k % 6]]))
        under = g.sum([g.one, g.pow(a[(k + 1) % 6], 2), nest])
        nest = g.sum([g.div(over, under), g.func("sin", g.sub(nest, a[k % 5]))])
    fourth = [g.pow(g.add([(1, a[0]), (k, g.product([a[1], a[2]])), (-1, a[3])]), 4) for k in range(2)]
    roots = [nest, g.sub(*fourth)]
    rewrite(g, roots[1:], budget=0.1)  # imports of egglog and SciPy are no part of a budget
    start = time.monotonic()
    result = rewrite(g, roots, budget=1.0)
    assert time.monotonic() - start < 10, "ten times the budget would be a broken promise even on a loaded machine"
    assert result.report.cost_after <= result.report.cost_before


def test_the_memory_budget_holds():
    """Regrouping a product of long sums goes on for ever; each step is cut to what is left, or not made."""
    names = sp.symbols("a:8")
    g, roots, _ = graph_of(sum(names) * sum(k * n for k, n in enumerate(names, 2)) * (sum(n**2 for n in names)))
    code = schedule_naive(g, roots)
    facts = {i: f.names() for i, f in enumerate(infer(code, {n: Facts() for n in code.leaves()}))}
    books = {"associate": ASSOCIATE, "expand": EXPAND}

    def grown(most_bytes):
        graph = EqualityGraph(code, facts, books, most_nodes=10**9, most_bytes=most_bytes)
        held = [graph.memory()]
        for _ in range(12):
            if held[-1] > 2**22 or not graph.phase(tuple(books), 1, match_limit=10**6):
                break
            held.append(graph.memory())
        return held

    small = grown(2**20)
    assert small[0] < small[-1] <= 2**20, "it grows, and stays within its budget"
    assert grown(2**29)[-1] > 2**22, "a larger budget is used"
    assert grown(small[0]) == small[:1], "no step is made for which there is no memory"


def test_no_budget_still_gives_checked_code():
    g, roots, _ = graph_of(*HODGKIN_HUXLEY)
    result = rewrite(g, roots, budget=0)
    assert "agrees" in result.report.check


def test_result_is_deterministic():
    def once():
        g, roots, _ = graph_of(x / (1 + y) + z / (1 + y), sp.exp(x) + sp.exp(-x) * y, x * y * z + y * z)
        return str(rewrite(g, roots, budget=30).scheduled)

    assert once() == once()


def test_large_code_is_searched_in_pieces():
    from ritz.symbolic.rewrite.island import LARGEST_ISLAND, cut

    g = Graph()
    xs = [g.input(f"x{i}", "state") for i in range(40)]
    rows = [g.product([g.func("exp", a), g.func("exp", b), g.add([(1, a), (3, b)], 2)]) for a in xs[:13] for b in xs]
    s = schedule_naive(g, rows)
    islands = cut(s, {n: Facts() for n in s.leaves()})
    assert s.operations() > LARGEST_ISLAND
    assert islands and all(i.code.operations() <= LARGEST_ISLAND for i in islands)
    result = rewrite(g, rows, budget=3)
    at = {n: 0.01 * k for k, n in enumerate(xs)}
    assert run_numpy(result.scheduled, at) == pytest.approx(run_numpy(s, at), rel=1e-13)


def test_report_shows_before_and_after():
    g, roots, _ = graph_of(x * y + x * z)
    report = rewrite(g, roots).report
    assert report.before == {"add": 1, "mul": 2} and report.after == {"add": 1, "mul": 1}
    assert "operations 3 -> 2" in str(report) and "agrees with the source" in str(report)
    assert "<table>" in report._repr_html_() and "predicted cost" in report._repr_html_()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"rewriter": "egraf"}, "egraph"),
        ({"goal": "sped"}, "speed"),
        ({"budget": -1}, "budget"),
        ({"assumptions": {2: "positiv"}}, "positive"),
        ({"assumptions": {2: (2, 1)}}, "lower first"),
    ],
)
def test_wrong_option_is_named(options, word):
    g, roots, _ = graph_of(x * y)
    with pytest.raises(OptionError, match=word):
        rewrite(g, roots, **options)


def test_facts_come_from_symbols_and_intervals():
    p = sp.Symbol("p", positive=True)
    assert Facts.of(p).names() == {"real", "pos", "nonneg", "nz"}
    g, roots, leaves = graph_of(sp.sqrt(x - 1), 1 / (x * y), sp.exp(x) - y)
    s = schedule_naive(g, roots)
    known = infer(s, {leaves["x"]: Facts(1, 2), leaves["y"]: Facts.of("negative")})
    names = [known[r].names() for r in s.roots]
    assert "real" in names[0] and {"nz", "negative"} <= names[1] and "pos" in names[2]


numbers = st.integers(-3, 3).filter(bool).map(sp.Integer)
leaves_ = st.sampled_from([x, y, z]) | numbers
trees = st.recursive(
    leaves_,
    lambda e: st.one_of(
        st.tuples(e, e).map(lambda p: p[0] + p[1]),
        st.tuples(e, e).map(lambda p: p[0] * p[1]),
        st.tuples(e, e).map(lambda p: p[0] / (2 + p[1] ** 2)),
        e.map(lambda a: a**2),
        e.map(lambda a: sp.exp(a / 10)),
        e.map(sp.sin),
        e.map(lambda a: sp.sqrt(1 + a**2)),
    ),
    max_leaves=10,
)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(trees, trees)
def test_random_expressions_keep_their_value(first, second):
    g, roots, leaves = graph_of(first, second)
    source = schedule_naive(g, roots)
    values = {"x": 0.6, "y": -1.1, "z": 1.7}
    at = {n: values[s] for s, n in leaves.items()}
    result = rewrite(g, roots, budget=0.5)
    assert result.report.cost_after <= result.report.cost_before
    assert run_numpy(result.scheduled, at) == pytest.approx(run_numpy(source, at), rel=1e-9, abs=1e-9)
