"""Every rule of the books is true where its side conditions hold; no rule can make an identity that is false."""

import json
from pathlib import Path

import pytest
import sympy as sp

from ritz.errors import ParseError, UnsupportedError
from ritz.symbolic.high_precision import precise_context
from ritz.symbolic.rewrite.execute import run_precise
from ritz.symbolic.rewrite.expressions import equal, simplify
from ritz.symbolic.rewrite.facts import Facts
from ritz.symbolic.rewrite.island import prove_equal
from ritz.symbolic.rewrite.points import sample
from ritz.symbolic.rewrite.rule_language import build, names, read_pattern, rule
from ritz.symbolic.rewrite.rules import algebra
from ritz.symbolic.rewrite.rules.accuracy import ACCURACY
from ritz.symbolic.rewrite.rules.arithmetic import ARITHMETIC
from ritz.symbolic.rewrite.rules.special import SPECIAL
from ritz.symbolic.rewrite.scheduled import Builder

ALGEBRA = algebra.REDUCE + algebra.EXPAND + algebra.SHARE + algebra.ASSOCIATE + SPECIAL
BOOKS = ALGEBRA + ACCURACY + ARITHMETIC
WORD = {"pos": "positive", "nonneg": "nonnegative", "nz": "nonzero", "real": "real", "negative": "negative"}
WORD |= {"whole": "integer", "number": "real"}
CASES = json.loads((Path(__file__).parent.parent / "cases" / "symbolic_identities.json").read_text())["cases"]


def code_of(texts, facts):
    """Code with one result per pattern; the leaf of the n-th name in alphabetical order has label n."""
    patterns = [read_pattern(t) if isinstance(t, str) else t for t in texts]
    symbols = sorted(set().union(*(names(p) for p in patterns)))
    builder = Builder()
    values = {s: builder.opaque(k, frozenset(), not facts.get(s, Facts()).real) for k, s in enumerate(symbols)}
    code = builder.finish([*(build(p, values, builder) for p in patterns), *values.values()])
    leaves = {k: facts.get(s, Facts()) for k, s in enumerate(symbols)}
    return code, leaves, len(patterns)


SIGN = {"pos": lambda v: v > 0, "nonneg": lambda v: v >= 0, "negative": lambda v: v < 0}


def holds(fact, value):
    always = {"real": True, "number": True, "whole": True}
    return ({"nz": value != 0} | always)[fact] if fact in ("nz", *always) else SIGN[fact](value)


@pytest.mark.parametrize("r", BOOKS, ids=str)
def test_rule_is_true_where_its_conditions_hold(r):
    words: dict[str, list[str]] = {}
    for fact, pattern in r.when:
        if pattern[0] == "var":
            words.setdefault(pattern[1], []).append(WORD[fact])
    facts = {name: Facts.of(set(w)) for name, w in words.items()}
    code, leaves, count = code_of([r.lhs, r.rhs, *(p for _, p in r.when)], facts)
    ctx = precise_context(200)
    compared = 0
    for point in sample(leaves, 30):
        values = [run_precise(code, point, 1200)[i] for i in code.roots[:count]]
        guards = zip((f for f, _ in r.when), values[2:], strict=True)
        if ctx.isfinite(values[0]) and all(holds(fact, v) for fact, v in guards):
            compared += 1
            assert abs(values[0] - values[1]) <= 2.0**-150 * max(abs(values[0]), abs(values[1]))
    assert compared >= 3


@pytest.mark.parametrize("r", ALGEBRA, ids=str)
def test_rule_without_real_conditions_is_true_for_complex_values(r):
    guarded = set().union(*(names(p) for fact, p in r.when if fact != "nz"))
    facts = {s: Facts.of("positive" if s in guarded else "complex") for s in names(r.lhs)}
    if any(fact == "negative" or fact == "whole" for fact, _ in r.when):
        return
    code, leaves, _ = code_of([r.lhs, r.rhs], facts)
    for point in sample(leaves, 6):
        left, right = (run_precise(code, point, 200)[i] for i in code.roots[:2])
        if precise_context(200).isfinite(left):
            assert abs(left - right) <= 2.0**-150 * max(abs(left), abs(right))


def test_no_function_rule_is_used_on_complex_values():
    code, leaves, _ = code_of(["log(exp(z))", "z"], {"z": Facts.of("complex")})
    assert not prove_equal(pair(code), leaves)


def pair(code):
    """The same code with its first two results only."""
    return type(code)(code.op, code.args, code.axes, code.is_complex, code.roots[:2])


def shown(case):
    known = {"double": "real", "natural": {"integer", "nonnegative"}}
    return equal(case["lhs"], case["rhs"], assumptions={s: known.get(w, w) for s, w in case["assumptions"].items()})


@pytest.mark.parametrize("case", [c for c in CASES if c["valid"] is False], ids=lambda c: c["id"])
def test_false_identity_is_never_made(case):
    assert not shown(case)
    try:
        result = simplify(case["lhs"], assumptions=case["assumptions"])
    except UnsupportedError:
        return
    if case["id"] == "cancel_zero":
        assert result.code.count("/") == 1, "the quotient stays, and with it the pole"
    else:
        assert str(result.expression) != str(sp.sympify(case["rhs"]))


@pytest.mark.parametrize("case", [c for c in CASES if c["valid"] is not False], ids=lambda c: c["id"])
def test_true_identity_is_shown(case):
    assert shown(case)


@pytest.mark.parametrize(
    ("lhs", "rhs", "when", "word"),
    [
        ("x", "x + 0", (), "match everything"),
        ("log(x*y)", "log(x) + log(z)", (), "z"),
        ("sqrt(x**2)", "x", "x is positive", "side condition"),
        ("sqrt(x**2", "x", (), "not an expression"),
        ("x if y else z", "x", (), "neither a sum"),
        ("__import__('os').system(x)", "x", (), "neither a sum"),
    ],
)
def test_unreadable_rule_is_refused(lhs, rhs, when, word):
    with pytest.raises(ParseError, match=word):
        rule(lhs, rhs, when=when)


def test_rule_reads_like_mathematics():
    r = rule("sqrt(x**2)", "x", when="x >= 0")
    assert str(r) == "sqrt(x**2) -> x  when x >= 0"
    assert r.when == (("nonneg", ("var", "x")),)
