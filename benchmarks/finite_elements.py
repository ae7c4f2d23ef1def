"""Assembly of finite elements: matrices and vectors of linear, quasilinear and hyperelastic problems."""

from __future__ import annotations

import sys

import numpy as np
from common import Side, compare, options
from fem_problems import reference

# problem, dimension, degree, cells along an axis, what, goal against every peer, units in a block
ROWS = [
    ("poisson", 2, 1, 512, "matrix", 5.0, 4), ("poisson", 2, 1, 512, "vector", 2.0, 4),
    ("poisson", 2, 2, 256, "matrix", 2.0, 4), ("poisson", 2, 2, 256, "vector", 2.0, 4),
    ("poisson", 3, 1, 40, "matrix", 5.0, 4), ("poisson", 3, 1, 40, "vector", 2.0, 4),
    ("poisson", 3, 2, 18, "matrix", 2.0, 4), ("poisson", 3, 2, 18, "vector", 2.0, 4),
    ("nonlinear", 2, 1, 512, "vector", 3.0, 4), ("nonlinear", 2, 1, 512, "matrix", 5.0, 4),
    ("nonlinear", 2, 2, 256, "vector", 3.0, 4), ("nonlinear", 2, 2, 256, "matrix", 5.0, 4),
    ("neohooke", 3, 1, 26, "vector", 2.0, 2), ("neohooke", 3, 1, 26, "matrix", 5.0, 2),
    ("neohooke", 3, 2, 12, "vector", 2.0, 2), ("neohooke", 3, 2, 12, "matrix", 5.0, 2),
]  # fmt: skip
THREADED = {("nonlinear", 2, 2), ("neohooke", 3, 1), ("neohooke", 3, 2)}  # bound by arithmetic
TOLERANCE = 1e-2  # of the numbers: the peers' meshes and quadratures differ by so much at most


def main() -> int:
    """Run all rows; return the exit code."""
    given, fine = options(__doc__ or ""), True
    for problem, dim, degree, n, op, goal, count in ROWS:
        data = {"problem": problem, "dim": dim, "degree": degree, "n": n, "op": op, "threads": 1}
        sides = [Side("Ritz", "ritz_fem.py", data, tolerance=TOLERANCE)]
        if (problem, dim, degree) in THREADED:
            two = {**data, "threads": 2}
            # a ratio below one: two threads over one
            sides.append(
                Side("Ritz, two threads", "ritz_fem.py", two, goal=1 / 1.7, at_most=True, tolerance=TOLERANCE, cores=2)
            )
        sides.append(Side("NGSolve", "ngsolve_fem.py", data, "ngsolve", goal=goal, tolerance=TOLERANCE))
        sides.append(Side("scikit-fem", "skfem_fem.py", data, "skfem", goal=goal, tolerance=TOLERANCE))
        expected = {"number": np.array([reference(problem, dim, op)])}
        title = f"{problem} P{degree}, {dim}D, {n}^{dim} cubes: {op}"
        fine = compare(title, sides, expected, count=count, unit="assembly", given=given) and fine
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
