"""NGSolve: assembly of the residual or the Jacobian on a structured mesh, with its compiled expressions."""

from __future__ import annotations

import numpy as np
from fem_problems import AMPLITUDE, LAMBDA, MU
from worker import Ready, serve, versions


def prepare(arguments):
    """Set up spaces and forms, and compute the answer."""
    import ngsolve as ng
    from ngsolve import (
        BilinearForm,
        Det,
        Grad,
        GridFunction,
        Id,
        InnerProduct,
        LinearForm,
        Sym,
        Trace,
        Variation,
        dx,
        grad,
    )
    from ngsolve.meshes import MakeStructured2DMesh, MakeStructured3DMesh

    ng.SetNumThreads(1)
    problem, op, dim, degree, n = (arguments[key] for key in ("problem", "op", "dim", "degree", "n"))
    if dim == 2:
        mesh = MakeStructured2DMesh(quads=False, nx=n, ny=n)
    else:
        mesh = MakeStructured3DMesh(hexes=False, nx=n, ny=n, nz=n)
    vector = problem in ("neohooke", "elasticity")
    space = (ng.VectorH1 if vector else ng.H1)(mesh, order=degree)
    u, v = space.TnT()
    state = GridFunction(space)
    shape = AMPLITUDE[problem] * ng.sin(np.pi * ng.x) * ng.sin(np.pi * ng.y)
    shape = shape * ng.sin(np.pi * ng.z) if dim == 3 else shape
    state.Set(ng.CF((shape,) * dim) if vector else shape)
    a, load = BilinearForm(space), LinearForm(space)
    linear = problem in ("poisson", "elasticity")
    if problem == "poisson":
        a += grad(u) * grad(v) * dx
        load += v * dx
    elif problem == "elasticity":
        a += (2 * MU * InnerProduct(Sym(Grad(u)), Sym(Grad(v))) + LAMBDA * Trace(Grad(u)) * Trace(Grad(v))) * dx
    elif problem == "nonlinear":
        a += ((1 + u * u) * grad(u) * grad(v) - v).Compile() * dx(bonus_intorder=0 if degree == 1 else 2)
    else:
        f = Id(3) + Grad(u)
        energy = MU / 2 * (InnerProduct(f, f) - 3) - MU * ng.log(Det(f)) + LAMBDA / 2 * ng.log(Det(f)) ** 2
        a += Variation(energy.Compile() * dx)
    result = state.vec.CreateVector()

    def once():
        if linear:
            a.Assemble() if op == "matrix" else load.Assemble()
        elif op == "matrix":
            a.AssembleLinearization(state.vec)
        else:
            a.Apply(state.vec, result)

    def block(count):
        for _ in range(count):
            once()

    once()
    if op == "matrix":
        result.data = a.mat * state.vec
        number = ng.InnerProduct(result, state.vec)
    elif linear:
        a.Assemble()
        result.data = a.mat * state.vec - load.vec
        number = ng.InnerProduct(result, state.vec)
    else:
        number = ng.InnerProduct(result, state.vec)
    return Ready({"number": np.array([number])}, block, versions("ngsolve") | {"unknowns": space.ndof})


serve(prepare)
