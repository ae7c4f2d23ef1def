"""Formulas of model files against Python's own arithmetic, their mistakes, and definitions in any order."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritz.errors import ParseError
from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.graph import Graph
from ritz.symbolic.importers.definitions import Definitions
from ritz.symbolic.importers.infix import names_in, read_formula


def value(text, **names):
    g = Graph()
    leaves = {name: g.input(name, "state") for name in names}
    node = read_formula(g, text, leaves.get)
    return float(evaluate(g, [node], {leaves[n]: v for n, v in names.items()})[0])


atoms = st.sampled_from(["x", "y", "2", "0.5", "3e-1", "(x + 1)", "exp(y)"])
operators = st.sampled_from([" + ", "-", "*", " / ", "^", "*-", "^-"])


@settings(max_examples=200, deadline=None)
@given(atoms, st.lists(st.tuples(operators, atoms), max_size=6), st.booleans())
def test_precedence_is_that_of_python(first, rest, negative):
    text = ("-" if negative else "") + first + "".join(o + a for o, a in rest)
    names = {"x": 1.25, "y": 0.75}
    try:
        wanted = eval(text.replace("^", "**"), {"exp": math.exp, **names})
    except OverflowError:
        return
    if isinstance(wanted, complex) or abs(wanted) > 1e200:
        return
    assert value(text, **names) == pytest.approx(wanted, rel=1e-11, abs=1e-11)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2^3^2", 512),
        ("-2^2", -4),
        ("if(x>=1 && !(y==2) || 0>1, x, y)", 1.5),
        ("max(1, x, 3) - min(x, 0.5) + avg(1, 2, 6) + sum(1, 2)", 3 - 0.5 + 3 + 3),
        ("log10(1000) + log2(8) + ln(_e) + cos(_pi)", 3 + 3 + 1 - 1),
        ("f() + f(x) + pow(x, 2)", 2 * 7 + 2.25),
        ("sqrt(x)^2 + x^0.5^2", 1.5 + 1.5**0.25),
    ],
)
def test_functions(text, wanted):
    assert value(text, x=1.5, y=3.0, f=7.0) == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 +", "ends too early"),
        ("", "is empty"),
        ("x y", "operator is missing before 'y'"),
        ("2 (x)", "operator is missing before"),
        ("foo(x)", "no function 'foo'"),
        ("(x + 1", "never closed"),
        ("x)", "no '[(]' before it"),
        ("exp(1, 2)", "exp takes 1 argument"),
        ("z", "'z' is not defined"),
        ("x $ 2", "'[$]' has no meaning"),
        ("max(1,)", "A value is missing before '[)]'"),
        ("x * / 2", "A value is missing before '/'"),
    ],
)
def test_mistakes_point_at_the_place(text, message):
    with pytest.raises(ParseError, match=message) as caught:
        value(text, x=1.0, y=1.0)
    assert str(caught.value).splitlines()[-1].strip() == "^"


def test_long_formulas_need_no_recursion():
    depth = 5000
    assert value("(" * depth + "x" + "+1)" * depth, x=1.0) == depth + 1
    assert value("-" * 5001 + "x", x=1.0) == -1


def test_names():
    assert names_in("kf*A^2/(Km + f(A)) + 1e5") == ["kf", "A", "Km", "f", "A"]


def test_definitions_in_any_order():
    g = Graph()
    found = Definitions(g)
    for k in range(2000):  # each needs the next one
        needs = [f"v{k + 1}"]
        found.add(f"v{k}", f"line {k}", needs, lambda k=k: g.scale(-1, found.nodes[f"v{k + 1}"]))
    found.add("v2000", "line 2000", [], lambda: g.const(3))
    found.settle()
    assert g.args[found.nodes["v0"]] == 3 and list(found.nodes)[:2] == ["v0", "v1"]
    with pytest.raises(ParseError, match="'v1' is defined twice"):
        found.add("v1", "line 7", [], lambda: 0)
    circle = Definitions(g)
    circle.add("a", "line 1", ["b"], lambda: 0)
    circle.add("b", "line 2", ["a"], lambda: 0)
    with pytest.raises(ParseError, match="in a circle: (a -> b -> a|b -> a -> b)"):
        circle.settle()
