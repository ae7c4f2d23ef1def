"""Values with many digits are trusted only where enough of the digits are left."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite.execute import run_precise
from ritz.symbolic.rewrite.facts import Facts
from ritz.symbolic.rewrite.lowering import schedule_naive
from ritz.symbolic.rewrite.scheduled import Builder
from ritz.symbolic.rewrite.trust import trusted
from ritz.symbolic.rewrite.yardstick import Yardstick, truth

BITS = 400


def logistic(g, x):
    """``1 - 1/(1 + exp(-x))``."""
    return g.add([(-1, g.div(g.one, g.add([(1, g.func("exp", g.scale(-1, x)))], 1)))], 1)


CASES = {
    "logistic": (lambda g, x: logistic(g, x), lambda x: 1 / (1 + mpmath.exp(x))),
    "powers": (lambda g, x: g.pow(logistic(g, x), 3), lambda x: 1 / (1 + mpmath.exp(x)) ** 3),
    "product": (lambda g, x: g.product([logistic(g, x), g.func("exp", x)]), lambda x: 1 / (1 + mpmath.exp(-x))),
    "quotient": (lambda g, x: g.div(g.one, logistic(g, x)), lambda x: 1 + mpmath.exp(x)),
    "logarithm": (
        lambda g, x: g.func("log", g.add([(1, g.func("exp", g.scale(-1, x)))], 1)),
        lambda x: mpmath.log1p(mpmath.exp(-x)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_trusted_is_right_and_what_is_wrong_is_not_trusted(case):
    """Against a form without cancellation, in a precision where nothing is lost."""
    make, exact = CASES[case]
    g = Graph()
    x = g.input("x", "state")
    code = schedule_naive(g, [make(g, x)])
    answers = set()
    for value in [*np.linspace(-300, 900, 61), 1e6]:
        values = run_precise(code, {x: value}, BITS)
        (known,) = trusted(code, values, BITS)
        with mpmath.workprec(3000):
            right = exact(mpmath.mpf(value))
            gap = abs(mpmath.mpf(values[code.roots[0]]) - right) / abs(right)
        if known:
            assert gap < 2**-60 or abs(right) < 1e-320
        elif gap < 2**-200:
            raise AssertionError(f"at {value} the value is right to {gap} and not trusted")
        answers.add(known)
    assert answers == {True, False}


def test_exact_differences_and_branches_not_taken():
    b = Builder()
    x, y = (b.opaque(k, frozenset(), False) for k in range(2))
    lost = b.sub(b.add(b.const(1), b.func("exp", b.neg(x))), b.const(1))
    code = b.finish([b.sub(x, y), lost, b.func("where", b.func("lt", x, y), lost, y)])
    assert trusted(code, run_precise(code, {0: 1000.0, 1: 1000.0}, BITS), BITS) == [True, False, True]
    assert trusted(code, run_precise(code, {0: 1000.0, 1: 1001.0}, BITS), BITS) == [True, False, False]


def test_divisions_by_zero_are_exact():
    b = Builder()
    x = b.opaque(0, frozenset(), False)
    inverse = b.div(b.const(1), x)
    code = b.finish([inverse, b.div(b.const(1), inverse)])
    assert trusted(code, run_precise(code, {0: 0.0}, BITS), BITS) == [True, True]


def test_the_yardstick_leaves_out_what_is_unknown():
    """Without that the collapsed value, 0, would be the truth, and the good form the bad one."""
    g = Graph()
    x = g.input("x", "state")
    bad = schedule_naive(g, [logistic(g, x)])
    good = schedule_naive(g, [g.div(g.one, g.add([(1, g.func("exp", x))], 1))])
    yardstick = Yardstick(bad, {x: Facts(low=0.0)})
    unknown = np.isnan(yardstick.lost(good)[0])
    size = np.array([p[x] for p in yardstick.points])
    assert unknown[size > 300].all() and not unknown[size < 190].any()
    assert yardstick.bits(good) < 2 < 5 < yardstick.bits(bad)
    assert np.isnan(float(truth(bad, {x: 500.0}, BITS)[0])) and truth(bad, {x: 5.0}, BITS)[0] > 0
