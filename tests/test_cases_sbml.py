"""Reaction networks of the SBML test suite as ordinary differential equations in amounts; none of them is stiff."""

from __future__ import annotations

import numpy as np
import pytest
from case_tools import cases, largest_error, numbers, ode_problem

import ritz as rz


@pytest.mark.parametrize("case_id", cases("sbml_kinetics"))
def test_amounts(case_id):
    case = cases("sbml_kinetics")[case_id]
    reference = numbers(case["reference"])
    problem = ode_problem(case["variables"], case["equations"], case["initial"], {})
    scale = float(np.abs(reference).max())
    solution = rz.solve(problem, tuple(case["t_span"]), method="DOP853", rtol=1e-11, atol=1e-13 * scale)
    assert solution.success, solution.message
    assert largest_error(solution.y[:, -1], reference) < 1e-9
