"""Reference solutions and observed orders, for the tests of the integrators."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp


@cache
def _reference(make: Any, t0: float, t_end: float) -> Any:
    system = make()
    return solve_ivp(
        system.rhs, (t0, t_end), system.u0, method="DOP853", rtol=2.3e-14, atol=1e-15, dense_output=True
    ).sol  # fmt: skip


def reference(make: Any, t: Any, t_end: float, t0: float = 0.0) -> np.ndarray:
    """(size, nt) solution of the system `make()` at times within (t0, t_end), to about 1e-13."""
    return np.asarray(_reference(make, t0, t_end)(np.atleast_1d(t)))


def fitted_slope(steps: Any, errors: Any, floor: float = 3e-13) -> float:
    """Slope of log(error) over log(step) by least squares, without errors at the level of rounding."""
    steps, errors = np.asarray(steps), np.asarray(errors)
    good = errors > floor
    assert good.sum() >= 3, errors
    return float(np.polyfit(np.log(steps[good]), np.log(errors[good]), 1)[0])
