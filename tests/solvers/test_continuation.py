"""Branches of steady states: turning points with closed forms, both ends, mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from model_matrices import fitted_order
from steady_systems import bratu

import ritz as rz
from ritz.errors import ConvergenceError, OptionError, OptionValueError, ParameterError


def cubic() -> rz.FunctionSystem:
    """``q + u - u^3 = 0``: turning points at u = -+1/sqrt(3), q = +-2/(3 sqrt(3))."""
    return rz.FunctionSystem(
        lambda t, u, p: p["q"] + u - u**3, 1, parameters={"q": 0.0}, steady=True, initial=[-1.5], name="cubic"
    )


def test_s_shaped_curve():
    branch = rz.continuation(cubic(), "q", (-1.0, 1.0))
    np.testing.assert_allclose(branch.values + branch.y[0] - branch.y[0] ** 3, 0, atol=1e-8)
    turns = [(point.parameter, float(point.y[0])) for point in branch.turning_points]
    q = 2 / (3 * np.sqrt(3))
    assert turns == [
        (pytest.approx(q, abs=1e-8), pytest.approx(-1 / np.sqrt(3), abs=1e-5)),
        (pytest.approx(-q, abs=1e-8), pytest.approx(1 / np.sqrt(3), abs=1e-5)),
    ]
    assert branch.values[0] == -1.0 and branch.values[-1] == pytest.approx(1.0, abs=1e-10)
    assert np.all(np.diff(branch.y[0]) > 0)  # the curve is passed through once, in one direction
    assert "end of its span" in branch.message and "turning points: 0.3849, -0.3849" in repr(branch)


def test_fold_of_bratu():
    """Turning point of the differences against the published value of the equation, to second order."""
    steps, errors = [], []
    for n in (19, 39, 79):
        branch = rz.continuation(bratu(n), "lam", (0.2, 5.0))
        assert len(branch.turning_points) == 1
        steps.append(1 / (n + 1))
        errors.append(abs(branch.turning_points[0].parameter - 3.5138307191251612))
    assert errors[-1] < 1e-3 and fitted_order(steps, errors) == pytest.approx(2, abs=0.1)
    assert branch.message == "Back at the start value." and branch.values[-1] == pytest.approx(0.2, abs=1e-9)
    assert branch["u"].shape == (len(branch), 79) and branch.y[:, -1].max() > 5 > branch.y[:, 0].max()


def test_one_state_as_a_solution_and_the_picture():
    branch = rz.continuation(bratu(9), "lam", (0.5, 3.0))
    solution = branch.solution(-1)
    assert solution.parameters["lam"] == pytest.approx(3.0)
    np.testing.assert_allclose(solution["u"][0], rz.solve(bratu(9), params={"lam": 3.0})["u"][0], atol=1e-7)
    ax = rz.continuation(cubic(), "q", (-1.0, 1.0)).plot(lambda u: u[0])
    assert ax.get_xlabel() == "q" and len(ax.lines) == 3
    with pytest.raises(OptionError, match="no field 'v'"):
        branch["v"]


def test_other_parameters_and_symbols():
    x = rz.fields("x")
    a, b = rz.params("a b", default=(1.0, 2.0))
    problem = rz.Problem([rz.Eq(rz.dt(x), a - b * x)], initial={x: 0})
    branch = rz.continuation(problem, a, (1.0, 3.0), params={b: 4.0})
    np.testing.assert_allclose(branch.y[0], branch.values / 4, rtol=1e-8)
    assert branch.turning_points == []


def test_few_points():
    branch = rz.continuation(cubic(), "q", (-1.0, 1.0), max_points=4)
    assert len(branch) == 4 and "max_points = 4" in branch.message


def test_branch_that_ends():
    """``u = log(q)``: there is nothing beyond q = 0."""
    system = rz.FunctionSystem(
        lambda t, u, p: np.sqrt(p["q"]) - u, 1, parameters={"q": 1.0}, steady=True, initial=[1.0], name="root"
    )
    with np.errstate(invalid="ignore"), pytest.raises(ConvergenceError, match="cannot be followed beyond q = "):
        rz.continuation(system, "q", (1.0, -1.0))


MISTAKES = {
    "parameter": (("mu", (0, 1)), {}, ParameterError, "continuation: cubic has no parameter 'mu'. Its parameters: q"),
    "span": (("q", 3), {}, OptionError, r"span must be two numbers \(start, end\)"),
    "equal": (("q", (1, 1)), {}, OptionValueError, "two different finite numbers"),
    "step": (("q", (0, 1)), dict(max_step=-1), OptionValueError, "max_step must lie"),
    "points": (("q", (0, 1)), dict(max_points=1), OptionValueError, "max_points must be a whole number above 1"),
    "start": (("q", (np.nan, 1)), {}, OptionValueError, "finite"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistake(case):
    arguments, options, error, message = MISTAKES[case]
    with pytest.raises(error, match=message):
        rz.continuation(cubic(), *arguments, **options)
