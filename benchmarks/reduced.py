"""A reduced Burgers model with ten modes: seconds per evaluation, and the gain against the compiled full model."""

from __future__ import annotations

import sys

import problems
from common import Side, compare, options

N, RANK = 512, 10


def main() -> int:
    """Run the comparison; return the exit code."""
    given = options(__doc__ or "")
    case = {"n": N, "tolerance": 1e-6}
    sides = [
        Side(f"Ritz, {RANK} modes", "ritz_reduced.py", case | {"rank": RANK}, tolerance=1e-2, stage_goal=10e-6),
        Side(f"Ritz, all {N} points", "ritz_reduced.py", case | {"rank": 0}, tolerance=1e-4),
    ]
    reference = {"field": problems.burgers_reference(N)}
    title = f"Burgers at one viscosity, {N} points, tolerance 1e-6"
    return 0 if compare(title, sides, reference, count=20, unit="solve", given=given) else 1


if __name__ == "__main__":
    sys.exit(main())
