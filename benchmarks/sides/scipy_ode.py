"""SciPy's solve_ivp on Lorenz with the right-hand side as a Python function."""

from __future__ import annotations

import problems
from worker import Ready, serve, versions


def prepare(arguments):
    """Compute the answer."""
    from scipy.integrate import solve_ivp

    tolerance, span = problems.LORENZ["tolerance"], (0.0, problems.LORENZ["end"])

    def run():
        start, method = problems.LORENZ["start"], arguments["method"]
        return solve_ivp(problems.lorenz_rhs, span, start, method=method, rtol=tolerance, atol=tolerance)

    def block(count):
        for _ in range(count):
            run()

    solution = run()
    return Ready({"end": solution.y[:, -1]}, block, versions("scipy", "numpy") | {"evaluations": int(solution.nfev)})


serve(prepare)
