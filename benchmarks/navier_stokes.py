"""One ETDRK4 step of 2D Navier-Stokes in vorticity form: Ritz on one and two threads, exponax, MKL in loops by hand."""

from __future__ import annotations

import sys
from argparse import Namespace

import problems
from common import Side, compare, options

TOLERANCE = 1e-7
GOALS = {256: {"exponax": 7.0, "MKL": 2.5}, 512: {"exponax": 4.0, "MKL": 2.0}}
COUNTS = {256: 30, 512: 5}


def one_size(n: int, given: Namespace) -> bool:
    """Run the comparison on n x n points; whether all is well."""
    case, goals = {"problem": "ns", "n": n}, GOALS[n]
    physical, modes = case | {"layout": "physical"}, case | {"layout": "modes"}
    sides = [
        Side("Ritz", "ritz_pde.py", case, tolerance=TOLERANCE),
        Side("exponax, documented loop", "exponax_pde.py", physical, "exponax", goals["exponax"], tolerance=TOLERANCE),
        Side("exponax, state kept in modes", "exponax_pde.py", modes, "exponax", tolerance=TOLERANCE),
        Side("MKL, loops by hand", "mkl_pde.py", case, "mkl_fft", goals["MKL"], tolerance=TOLERANCE),
        Side("Ritz, two threads", "ritz_pde.py", case | {"threads": 2}, None, 1 / 1.7, True, TOLERANCE, cores=2),
    ]
    reference = {"field": problems.ns_reference(n)}
    title = f"2D Navier-Stokes, {n} x {n}, ETDRK4"
    return compare(title, sides, reference, count=COUNTS[n], unit="step", given=given)


def main() -> int:
    """Run the comparisons; return the exit code."""
    given = options(__doc__ or "")
    fine = [one_size(n, given) for n in GOALS]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
