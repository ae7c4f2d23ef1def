"""One ETDRK4 step of the Taylor-Green vortex in three dimensions: Ritz on one and two threads, exponax."""

from __future__ import annotations

import sys
from argparse import Namespace

import problems
from common import Side, compare, options

TOLERANCE = 1e-7
COUNTS = {64: 5, 128: 1}


def one_size(n: int, given: Namespace) -> bool:
    """Run the comparison on n x n x n points; whether all is well."""
    case = {"problem": "tg", "n": n}
    physical, modes = case | {"layout": "physical"}, case | {"layout": "modes"}
    sides = [
        Side("Ritz", "ritz_pde.py", case, tolerance=TOLERANCE),
        Side("exponax, documented loop", "exponax_pde.py", physical, "exponax", 3.0, tolerance=TOLERANCE),
        Side("exponax, state kept in modes", "exponax_pde.py", modes, "exponax", tolerance=TOLERANCE),
        Side("Ritz, two threads", "ritz_pde.py", case | {"threads": 2}, None, 1 / 1.7, True, TOLERANCE, cores=2),
    ]
    reference = {"field": problems.tg_reference(n)}
    title = f"Taylor-Green vortex, {n} x {n} x {n}, ETDRK4"
    return compare(title, sides, reference, count=COUNTS[n], unit="step", given=given)


def main() -> int:
    """Run the comparisons; return the exit code."""
    given = options(__doc__ or "")
    fine = [one_size(n, given) for n in COUNTS]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
