"""Ritz: assembly of the residual or the Jacobian on a structured mesh."""

from __future__ import annotations

import numpy as np
from fem_problems import AMPLITUDE, LAMBDA, MU, bubble
from worker import Ready, serve, versions

import ritz as rz


def make_system(problem, dim, degree, n, threads):
    """The problem with homogeneous Dirichlet values, its matrix pattern and kernels made."""
    mesh = (rz.rectangle if dim == 2 else rz.box)(n=(n,) * dim)
    u = rz.fields("u") if problem in ("poisson", "nonlinear") else rz.vector_fields("u")
    zero = 0 if not u.rank else (0,) * dim
    if problem == "poisson":
        equation = rz.Eq(-rz.lap(u), 1)
    elif problem == "nonlinear":
        equation = rz.Eq(-rz.div((1 + u**2) * rz.grad(u)), 1)
    elif problem == "elasticity":
        strain = rz.sym(rz.grad(u))
        equation = rz.Eq(-rz.div(2 * MU * strain + LAMBDA * rz.div(u) * rz.identity()), zero)
    else:
        f = rz.identity() + rz.transpose(rz.grad(u))
        inverse = rz.transpose(rz.inv(f))
        stress = MU * (f - inverse) + LAMBDA * rz.log(rz.det(f)) * inverse
        equation = rz.Eq(-rz.div(rz.transpose(stress)), zero)
    made = rz.Problem([equation], domain=mesh, conditions=[rz.Dirichlet(u, zero)])
    return made.discretize(rz.FiniteElement(degree=degree, threads=threads))


def prepare(arguments):
    """Compile, and compute the answer."""
    problem, op = arguments["problem"], arguments["op"]
    system = make_system(problem, *(arguments[key] for key in ("dim", "degree", "n", "threads")))
    fields = {f.name: AMPLITUDE[problem] * bubble(system.nodes(f.name)) for f in system.layout.fields}
    u = system.layout.from_fields(fields)

    def once():
        return system.jacobian(0.0, u) if op == "matrix" else system.rhs(0.0, u)

    def block(count):
        for _ in range(count):
            once()

    found = once()
    number = -(u @ (found @ u)) if op == "matrix" else -(u @ found)
    facts = {"unknowns": system.layout.size, "choices": list(system.lowered.choices)}
    return Ready({"number": np.array([number])}, block, versions("ritz", "llvmlite") | facts)


serve(prepare)
