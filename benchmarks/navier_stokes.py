"""One ETDRK4 step of 2D Navier-Stokes in vorticity form, 256 x 256: Ritz on one and two threads, exponax."""

from __future__ import annotations

import sys

import problems
from common import Side, compare, options

N = 256

TOLERANCE = 1e-7


def main() -> int:
    """Run the comparison; return the exit code."""
    given = options(__doc__ or "")
    case = {"problem": "ns", "n": N}
    physical, modes = case | {"layout": "physical"}, case | {"layout": "modes"}
    sides = [
        Side("Ritz", "ritz_pde.py", case, tolerance=TOLERANCE),
        Side("exponax, documented loop", "exponax_pde.py", physical, "exponax", 2.0, tolerance=TOLERANCE),
        Side("exponax, state kept in modes", "exponax_pde.py", modes, "exponax", tolerance=TOLERANCE),
        Side("Ritz, two threads", "ritz_pde.py", case | {"threads": 2}, None, 1 / 1.7, True, TOLERANCE, cores=2),
    ]
    reference = {"field": problems.ns_reference(N)}
    title = f"2D Navier-Stokes, {N} x {N}, ETDRK4"
    return 0 if compare(title, sides, reference, count=30, unit="step", given=given) else 1


if __name__ == "__main__":
    sys.exit(main())
