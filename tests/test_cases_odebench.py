"""ODEBench: 63 systems with two initial values each, against stored trajectories."""

from __future__ import annotations

import numpy as np
import pytest
from case_tools import largest_error, load, ode_problem

import ritz as rz

SYSTEMS = {system["id"]: system for system in load("odebench")["systems"]}
# The stored trajectories were made at a relative tolerance of 1e-10; chaotic systems amplify that.
TOLERANCE = {55: 1e-5, 56: 1e-3, 59: 1e-5, 61: 1e-5}
DEFAULT_TOLERANCE = 1e-7


def test_all_systems_are_there():
    assert sorted(SYSTEMS) == list(range(1, 64))
    assert all(len(s["initial_values"]) == len(s["reference_t0_10"]) == 2 for s in SYSTEMS.values())


@pytest.mark.parametrize("number", SYSTEMS, ids=lambda n: f"{n}-{SYSTEMS[n]['name'][:40]}")
def test_trajectories(number):
    """One problem serves both initial values: nothing is compiled again for the second."""
    case = SYSTEMS[number]
    names = [f"x{i}" for i in range(case["dim"])]
    equations = [f"d({name})/dt = {rhs}" for name, rhs in zip(names, case["rhs_sympy"], strict=True)]
    used = {name: value for name, value in case["params"].items() if any(name in rhs for rhs in case["rhs_sympy"])}
    problem = ode_problem(names, equations, case["initial_values"][0], used)
    system = problem.discretize(rz.Pointwise())
    for start, reference in zip(case["initial_values"], case["reference_t0_10"], strict=True):
        assert reference["success"]
        times = np.array(reference["t"])
        solution = rz.solve(
            system, (times[0], times[-1]), np.array(start), method="DOP853", t_eval=times, rtol=1e-11, atol=1e-13
        )
        assert solution.success, solution.message
        error = largest_error(solution.y, np.array(reference["y"]).T)
        assert error < TOLERANCE.get(number, DEFAULT_TOLERANCE)
