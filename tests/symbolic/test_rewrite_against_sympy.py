"""On every identity the result is at least as simple as what SymPy's `simplify` makes of it, and never wrong."""

import json
from pathlib import Path

import pytest
import sympy as sp

from ritz.errors import UnsupportedError
from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite import schedule_naive
from ritz.symbolic.rewrite.execute import run_precise
from ritz.symbolic.rewrite.expressions import simplify
from ritz.symbolic.rewrite.points import sample
from ritz.symbolic.rewrite.rule_language import names, read_pattern
from ritz.symbolic.sympy_bridge import to_graph

CASES = json.loads((Path(__file__).parent.parent / "cases" / "symbolic_identities.json").read_text())["cases"]
WORDS = {"double": {"real"}, "natural": {"integer", "nonnegative"}, "nonzero": {"real", "nonzero"}}


def words(case):
    return {name: WORDS.get(word, {word}) for name, word in case["assumptions"].items()}


def operations_of_sympy(case):
    """Operations of SymPy's simplified form, in the same counting; None if it has no numerical counterpart."""
    symbols = {
        name: sp.Symbol(name, **({} if said == {"complex"} else dict.fromkeys(said, True)))
        for name, said in words(case).items()
    }
    simpler = sp.simplify(sp.sympify(case["lhs"], locals=symbols))
    g = Graph()
    leaves = {s: g.input(name, "state", is_complex=words(case)[name] == {"complex"}) for name, s in symbols.items()}
    try:
        return schedule_naive(g, [to_graph(g, simpler, leaves)]).operations()
    except UnsupportedError:
        return None


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_at_least_as_simple_and_never_wrong(case):
    here = names(read_pattern(case["lhs"]))
    assumptions = {name: said for name, said in words(case).items() if name in here}
    result = simplify(case["lhs"], assumptions=assumptions, budget=5)
    theirs = operations_of_sympy(case)
    valid = case["valid"] is not False
    if valid and theirs is not None:
        assert result.operations <= theirs, result.code
    if valid:
        assert result.operations <= result.result.job.source.operations()
    job = result.result.job
    for point in sample(job.facts, 12, seed=3):
        source = run_precise(job.source, point, 300)[job.source.roots[0]]
        found = run_precise(result.result.scheduled, point, 300)[result.result.scheduled.roots[0]]
        if abs(source) < 1e300:
            assert abs(source - found) <= 1e-15 * abs(source) + 1e-80  # constants are doubles by now
