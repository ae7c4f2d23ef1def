"""A Burgers problem with a free viscosity, in full or reduced; a block solves it at one viscosity.

With ``steps`` the steps of RK4 are fixed, so that nothing but evaluations and the loop around them counts.
"""

from __future__ import annotations

import numpy as np
import problems
from worker import Ready, serve, versions


def prepare(arguments):
    """Compile the full model, reduce it if asked to, and compute the answer."""
    import ritz as rz

    n, case = arguments["n"], problems.BURGERS
    rz.coords("x")
    u = rz.fields("u")
    nu = rz.params("nu", default=case["nu"], bounds=case["range"])
    problem = rz.Problem(
        [rz.Eq(rz.dt(u) + u * rz.dx(u), nu * rz.dx(u, 2))],
        domain=rz.Box(x=(0, 2 * rz.pi)),
        conditions=[rz.Periodic()],
        initial={u: problems.burgers_start(n)},
    )
    model = problem.discretize(rz.Fourier(n))
    span, tolerance = (0.0, case["check"]), arguments["tolerance"]
    if arguments["rank"]:
        model = rz.reduce(model, {nu: case["range"]}, span, rank=arguments["rank"], rng=0)

    how = {"rtol": tolerance, "atol": tolerance}
    if "steps" in arguments:
        how = {"method": "RK4", "dt": span[1] / arguments["steps"]}

    def run():
        return rz.solve(model, span, params={"nu": case["nu"]}, t_eval=[span[1]], **how)

    def block(count):
        for _ in range(count):
            run()

    solution = run()
    facts = versions("ritz", "llvmlite") | {"evaluations": int(solution.nfev), "method": str(solution.method)}
    return Ready({"field": np.asarray(solution["u"])[-1]}, block, facts)


serve(prepare)
