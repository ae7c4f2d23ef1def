"""Goal and own rules for whole systems."""

import pickle

import numpy as np
import pytest

import ritz as rz
from ritz.errors import OptionError


def system(rewriter):
    x, y = rz.fields("x y")
    right = rz.sqrt(x + 1) - rz.sqrt(x), rz.exp(y) - 1
    problem = rz.Problem([rz.Eq(rz.dt(u), r) for u, r in zip((x, y), right)], initial={x: 1, y: 0})
    return problem.discretize(rz.Pointwise(), rewriter=rewriter)


def test_accuracy_is_a_goal_of_systems():
    # the assumption x > 0 is not known, so only the exponential can be mended
    u = np.array([2.0, 1e-12])
    plain, accurate = system("egraph").rhs(0.0, u), system(rz.Rewriting(goal="accuracy")).rhs(0.0, u)
    exact = np.expm1(1e-12)
    assert abs(accurate[1] - exact) <= 1e-15 * exact < 1e-6 * exact < abs(plain[1] - exact)
    assert accurate[0] == pytest.approx(plain[0], rel=1e-14)


def test_own_rules_reach_the_kernels():
    rule = rz.rule("exp(a) - 1", "expm1(a)")
    report = str(system(rz.Rewriting(rules=[rule], goal="balanced")).report())
    assert "expm1" in report


def test_systems_with_settings_are_pickled():
    settings = rz.Rewriting(goal="balanced", rules=[rz.rule("exp(a) - 1", "expm1(a)")])
    again = pickle.loads(pickle.dumps(system(settings)))
    assert again.rewriter == settings
    assert str(settings) == str(again.rewriter) and "expm1" in str(settings)


WRONG = [({"engine": "egraf"}, "egraph"), ({"goal": "sped"}, "speed"), ({"rules": ["x"]}, "rz.rule")]
WRONG.append(({"budget": -1}, "budget"))


@pytest.mark.parametrize(("options", "word"), WRONG)
def test_wrong_settings_are_named(options, word):
    with pytest.raises(OptionError, match=word):
        rz.Rewriting(**options)
