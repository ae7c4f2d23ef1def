"""Ritz: a boundary value problem from the mesh to the solution."""

from __future__ import annotations

import numpy as np
from fem_problems import LAMBDA, MU
from worker import Ready, serve, versions

import ritz as rz


def prepare(arguments):
    """Solve once, with everything that is compiled or loaded for it."""
    x, y, z = rz.coords("x y z")
    n = arguments["n"]

    def poisson():
        u = rz.fields("u")
        source = 2 * rz.pi**2 * rz.sin(rz.pi * x) * rz.sin(rz.pi * y)
        problem = rz.Problem(
            [rz.Eq(-rz.lap(u), source)], domain=rz.rectangle(n=(n, n)), conditions=[rz.Dirichlet(u, 0)]
        )
        solution = rz.solve(problem.discretize(rz.FiniteElement(degree=2)))
        return solution, solution.evaluate(u, (0.5, 0.5))

    def elasticity():
        u = rz.vector_fields("u")
        stress = 2 * MU * rz.sym(rz.grad(u)) + LAMBDA * rz.div(u) * rz.identity()
        problem = rz.Problem(
            [rz.Eq(-rz.div(stress), (0, 0, -0.01))], domain=rz.box(n=(n, n, n)),
            conditions=[rz.Dirichlet(u, (0, 0, 0), on="left")],
        )  # fmt: skip
        solution = rz.solve(problem.discretize(rz.FiniteElement(degree=1)))
        return solution, solution.evaluate(u, (1.0, 0.5, 0.5))[2]

    run = poisson if arguments["problem"] == "poisson" else elasticity

    def block(count):
        for _ in range(count):
            run()

    solution, value = run()
    facts = {"unknowns": len(solution.final_state), "linear": solution.statistics["linear"]}
    return Ready({"value": np.atleast_1d(value)}, block, versions("ritz", "scipy") | facts)


serve(prepare)
