"""numbalsoda's LSODA on Lorenz with a right-hand side compiled by Numba, called from Python as a user does."""

from __future__ import annotations

import numpy as np
import problems
from worker import Ready, serve, versions


def prepare(arguments):
    """Compile the right-hand side and compute the answer."""
    from numba import cfunc
    from numbalsoda import lsoda, lsoda_sig

    @cfunc(lsoda_sig)
    def rhs(t, u, du, p):
        du[0] = p[0] * (u[1] - u[0])
        du[1] = u[0] * (p[1] - u[2]) - u[1]
        du[2] = u[0] * u[1] - p[2] * u[2]

    start = np.array(problems.LORENZ["start"])
    data = np.array([problems.LORENZ[name] for name in ("sigma", "rho", "beta")])
    times = np.array([0.0, problems.LORENZ["end"]])
    tolerance = problems.LORENZ["tolerance"]

    def run():
        return lsoda(rhs.address, start, times, data=data, rtol=tolerance, atol=tolerance)

    def block(count):
        for _ in range(count):
            run()

    states, success = run()
    if not success:
        raise RuntimeError("numbalsoda failed")
    return Ready({"end": states[-1]}, block, versions("numbalsoda", "numba", "numpy"))


serve(prepare)
