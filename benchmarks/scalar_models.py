"""Scalar models, one evaluation in a compiled loop over points: rewritten code against the code of ``sympy.cse``."""

from __future__ import annotations

import sys

import numpy as np
import sympy as sp
from common import Side, compare, options
from models import MODELS

BUDGET = 10.0  # seconds of search for one model


def reference(name: str) -> dict[str, np.ndarray]:
    """The expressions themselves, evaluated by NumPy at the points of the sides."""
    from sides.scalar_kernel import points

    expressions, ranges = MODELS[name]()
    function = sp.lambdify(list(ranges), expressions, "numpy")
    columns = points(ranges).T
    return {"results": np.transpose([np.broadcast_to(row, columns.shape[1:]) for row in function(*columns)])}


def main() -> int:
    """Run the comparisons; return the exit code."""
    given = options(__doc__ or "")
    fine = True
    for name in MODELS:
        arguments = {"model": name, "budget": BUDGET}
        sides = [
            Side("Ritz", "scalar_kernel.py", arguments | {"method": "ritz"}, tolerance=1e-10),
            Side("sympy.cse", "scalar_kernel.py", arguments | {"method": "cse"}, "sympy", 1.2, tolerance=1e-10),
            Side("sympy.cse, basic", "scalar_kernel.py", arguments | {"method": "cse basic"}, "sympy", tolerance=1e-10),
            Side(
                "sympy.cse, Ritz's sin and cos",
                "scalar_kernel.py",
                arguments | {"method": "cse inlined"},
                "sympy",
                tolerance=1e-10,
            ),
        ]
        fine = compare(name, sides, reference(name), count=2000, unit="block of 256 points", given=given) and fine
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
