"""A reduced Burgers model with ten modes: seconds per evaluation, and the gain against the compiled full model."""

from __future__ import annotations

import sys

import problems
from common import Side, compare, options

N, RANK, STEPS = 512, 10, 5000


def main() -> int:
    """Run the comparison; return the exit code."""
    given = options(__doc__ or "")
    case = {"n": N, "tolerance": 1e-6}
    reduced, full = f"Ritz, {RANK} modes", f"Ritz, all {N} points"
    steady = [
        Side(reduced, "ritz_reduced.py", case | {"rank": RANK, "steps": STEPS}, tolerance=1e-2, stage_goal=10e-6),
    ]
    whole = [
        Side(reduced, "ritz_reduced.py", case | {"rank": RANK}, tolerance=1e-2),
        Side(full, "ritz_reduced.py", case | {"rank": 0}, tolerance=1e-4),
    ]
    reference = {"field": problems.burgers_reference(N)}
    fine = compare(f"Reduced Burgers, {STEPS} steps of RK4", steady, reference, count=5, unit="solve", given=given)
    title = "Burgers at one viscosity, tolerance 1e-6, a whole solve"
    fine = compare(title, whole, reference, count=20, unit="solve", given=given) and fine
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
