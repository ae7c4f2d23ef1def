"""The Brusselator as the NumPy program it is: right-hand sides, or SciPy's solve_ivp on it."""

from __future__ import annotations

import problems
from worker import Ready, serve, versions


def prepare(arguments):
    """Compute the answer."""
    from scipy.integrate import solve_ivp

    n, case = arguments["n"], problems.BRUSSELATOR
    parameters = [case[name] for name in ("a", "b", "alpha")]
    start = problems.brusselator_start(n)
    facts = versions("numpy", "scipy")
    if arguments["what"] == "solve":

        def flat(t, y):
            return problems.brusselator(t, y.reshape(start.shape), *parameters).ravel()

        def run():
            options = {"method": "RK45", "rtol": case["rtol"], "atol": case["atol"], "t_eval": [case["end"]]}
            return solve_ivp(flat, (0.0, case["end"]), start.ravel(), **options)

        def block(count):
            for _ in range(count):
                run()

        solution = run()
        return Ready({"end": solution.y[:, -1]}, block, facts | {"evaluations": int(solution.nfev)})

    def evaluate(count):
        for _ in range(count):
            problems.brusselator(0.0, start, *parameters)

    return Ready({"rate": problems.brusselator(0.0, start, *parameters).ravel()}, evaluate, facts)


serve(prepare)
