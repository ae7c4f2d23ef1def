"""Lorenz to t = 10 at tolerance 1e-6, end to end of the solve call after the first one: Ritz, SciPy, numbalsoda."""

from __future__ import annotations

import sys

import problems
from common import Side, compare, options


def main() -> int:
    """Run the comparison; return the exit code."""
    given = options(__doc__ or "")
    # Lorenz multiplies errors by about a hundred until t = 10
    sides = [
        Side("Ritz", "ritz_ode.py", tolerance=5e-3),
        Side("SciPy solve_ivp, Python function", "scipy_ode.py", {"method": "RK45"}, "scipy", 100.0, tolerance=5e-3),
        Side("numbalsoda, compiled function", "numbalsoda_ode.py", {}, "numbalsoda", 2.0, tolerance=5e-3),
    ]
    reference = {"end": problems.lorenz_reference()}
    return 0 if compare("Lorenz, t = 10, 1e-6", sides, reference, count=100, unit="solve", given=given) else 1


if __name__ == "__main__":
    sys.exit(main())
