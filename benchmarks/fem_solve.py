"""Boundary value problems from the mesh to the solution: Poisson with 250,000 unknowns, elasticity with 45,000."""

from __future__ import annotations

import sys

import numpy as np
from common import Side, compare, options


def main() -> int:
    """Run both comparisons; return the exit code."""
    given = options(__doc__ or "")
    fine = True
    # elasticity: the deflection of the free end on this mesh, on which all agree
    rows = [("poisson", 250, np.ones(1), 1e-6), ("elasticity", 24, np.array([-0.0111322]), 1e-4)]
    for problem, n, value, tolerance in rows:
        data = {"problem": problem, "n": n}
        sides = [
            Side("Ritz", "ritz_fem_solve.py", data, tolerance=tolerance),
            Side("NGSolve", "ngsolve_fem_solve.py", data, "ngsolve", goal=1.0, tolerance=tolerance),
            Side("scikit-fem", "skfem_fem_solve.py", data, "skfem", goal=1.0, tolerance=tolerance),
        ]
        title = f"{problem}: from the mesh to the solution"
        fine = compare(title, sides, {"value": value}, count=1, unit="solve", given=given) and fine
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
