"""One ETDRK4 step of Gray-Scott, 256 x 256: Ritz on one and two threads, exponax, MKL in loops by hand.

The ratios are formed with as many modes in Ritz as the others keep (two thirds). Ritz by default keeps the half that is
free of aliasing for cubic products: less work, less resolution; that is the last row.
"""

from __future__ import annotations

import sys

import problems
from common import Side, compare, options

N = 256
TOLERANCE = 1e-4  # the reference keeps two thirds of the modes and has a quarter of the step


def main() -> int:
    """Run the comparison; return the exit code."""
    given = options(__doc__ or "")
    case = {"problem": "gs", "n": N, "dealias": 2 / 3}
    physical, modes = case | {"layout": "physical"}, case | {"layout": "modes"}
    sides = [
        Side("Ritz", "ritz_pde.py", case, tolerance=TOLERANCE),
        Side("exponax, documented loop", "exponax_pde.py", physical, "exponax", 4.0, tolerance=TOLERANCE),
        Side("exponax, state kept in modes", "exponax_pde.py", modes, "exponax", tolerance=TOLERANCE),
        Side("MKL, loops by hand", "mkl_pde.py", case, "mkl_fft", 2.0, tolerance=TOLERANCE),
        Side("Ritz, two threads", "ritz_pde.py", case | {"threads": 2}, None, 1 / 1.7, True, TOLERANCE, cores=2),
        Side("Ritz, free of aliasing", "ritz_pde.py", case | {"dealias": "auto"}, tolerance=1e-3),
    ]
    reference = {"field": problems.gs_reference(N)}
    title = f"Gray-Scott, {N} x {N}, ETDRK4"
    return 0 if compare(title, sides, reference, count=30, unit="step", given=given) else 1


if __name__ == "__main__":
    sys.exit(main())
