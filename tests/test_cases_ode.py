"""Reference cases of ordinary differential equations: the end state, most to many digits."""

from __future__ import annotations

import numpy as np
import pytest
from case_tools import cases, largest_error, number, numbers, ode_problem

import ritz as rz

LEFT = {
    "beam_t5": "implicit in the second derivatives: its mass matrix changes with the state",
}
STIFF = {
    "robertson_t40": "rates from 0.04 to 3e7",
    "robertson_t1e11": "eleven decades of time",
    "orego_t30": "the spectral radius reaches 1e5",
    "vdpol_eps1e-6_t2": "a layer of width 1e-6",
    "e5_t1e5": "rates from 1e-10 to 1e9",
    "akzo_dae_t180": "differential-algebraic",
    "plate_t7": "a squared Laplacian, damped: rates from 1 to 1e5",
}  # tests/solvers/test_implicit_runs.py

# error relative to the largest component; the default for problems that do not amplify errors
TOLERANCE = {"arenstorf_1period": 1e-6, "pleiades_t3": 1e-8, "pythagorean_t10": 1e-6}
DEFAULT_TOLERANCE = 1e-9


def chain(case_id: str) -> tuple[list[str], list[str]]:
    """Variables and equations of the two cases that are written with an index."""
    n = 10 if case_id == "detest_c1" else 51
    y = [f"y{i}" for i in range(1, n + 1)]
    if case_id == "detest_c1":
        inner = [f"d({b})/dt = {a} - {b}" for a, b in zip(y, y[1:-1])]
        return y, [f"d({y[0]})/dt = -{y[0]}", *inner, f"d({y[-1]})/dt = {y[-2]}"]
    ends = ["0", *y, "0"]
    return y, [f"d({b})/dt = {a} - 2*{b} + {c}" for a, b, c in zip(ends, y, ends[2:])]


def problem_of(case):
    names, equations = case.get("variables"), case["equations"]
    if case["id"] in ("detest_c1", "detest_c4"):
        names, equations = chain(case["id"])
    return ode_problem(names, equations, case["initial"], case.get("parameters", {}))


def solve_tightly(problem, t_span, scale, **options):
    return rz.solve(problem, t_span, method="DOP853", rtol=1e-12, atol=1e-14 * scale, **options)


def test_every_case_is_tested_or_left_with_a_reason():
    assert set(LEFT) | set(STIFF) <= set(cases("ode"))
    assert len(cases("ode")) - len(LEFT) >= 29


@pytest.mark.parametrize("case_id", [name for name in cases("ode") if name not in LEFT and name not in STIFF])
def test_end_state(case_id):
    case = cases("ode")[case_id]
    reference = numbers(case["reference"])
    t_span = tuple(number(t) for t in case["t_span"])
    solution = solve_tightly(problem_of(case), t_span, max(1e-8, np.abs(reference).max()))
    assert solution.success, solution.message
    assert solution.t[-1] == t_span[1]
    assert largest_error(solution.y[:, -1], reference) < TOLERANCE.get(case_id, DEFAULT_TOLERANCE)


def test_invariant_of_lotka_volterra():
    case = cases("ode")["lotka_volterra_t10"]
    a, b, c, d = (number(case["parameters"][name]) for name in "abcd")
    x, y = solve_tightly(problem_of(case), (0, 10), 1.0).y
    invariant = d * x - c * np.log(x) + b * y - a * np.log(y)
    assert np.ptp(invariant) < 1e-9


def test_pendulum_in_the_coordinates_of_its_constraint():
    """The row is an index-3 system given by its angle; the published values are x and y."""
    solution = solve_tightly(problem_of(cases("ode")["pendulum_dae_t10"]), (0, 10), 1.0)
    angle = solution.y[0, -1]
    assert np.sin(angle) == pytest.approx(0.27508746257611686, abs=1e-9)
    assert -np.cos(angle) == pytest.approx(-0.96141920509912506, abs=1e-9)


@pytest.mark.parametrize("method", ["auto", "RK45", "Tsit5", "RK23"])
def test_default_settings_reach_their_tolerance(method):
    """Usual tolerances, usual accuracy: a hundred times the tolerance at most."""
    case = cases("ode")["brusselator_t20"]
    solution = rz.solve(problem_of(case), (0, 20), method=method, rtol=1e-6, atol=1e-8)
    assert largest_error(solution.y[:, -1], numbers(case["reference"])) < 1e-4
