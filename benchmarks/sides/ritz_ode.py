"""Ritz on Lorenz: `solve` as a user calls it; the first call has compiled."""

from __future__ import annotations

import problems
from worker import Ready, serve, versions


def prepare(arguments):
    """Compile, and compute the answer."""
    import ritz as rz

    x, y, z = rz.fields("x y z")
    values = tuple(problems.LORENZ[name] for name in ("sigma", "rho", "beta"))
    sigma, rho, beta = rz.params("sigma rho beta", default=values)
    equations = [
        rz.Eq(rz.dt(x), sigma * (y - x)),
        rz.Eq(rz.dt(y), x * (rho - z) - y),
        rz.Eq(rz.dt(z), x * y - beta * z),
    ]
    problem = rz.Problem(equations, initial=dict(zip((x, y, z), problems.LORENZ["start"])))
    system = problem.discretize(rz.Pointwise())
    tolerance, span = problems.LORENZ["tolerance"], (0.0, problems.LORENZ["end"])
    method = {"method": arguments["method"]} if "method" in arguments else {}

    def run():
        return rz.solve(system, span, rtol=tolerance, atol=tolerance, t_eval=[span[1]], **method)

    def block(count):
        for _ in range(count):
            run()

    solution = run()
    return Ready({"end": solution.y[:, -1]}, block, versions("ritz", "llvmlite") | {"evaluations": int(solution.nfev)})


serve(prepare)
