"""NGSolve: a boundary value problem from the mesh to the solution, with its sparse Cholesky factorisation."""

from __future__ import annotations

import numpy as np
from fem_problems import LAMBDA, MU
from worker import Ready, serve, versions


def prepare(arguments):
    """Solve once."""
    import ngsolve as ng
    from ngsolve import BilinearForm, Grad, GridFunction, InnerProduct, LinearForm, Sym, Trace, dx, grad
    from ngsolve.meshes import MakeStructured2DMesh, MakeStructured3DMesh

    ng.SetNumThreads(1)
    n = arguments["n"]

    def solved(space, a, load):
        a.Assemble()
        load.Assemble()
        u = GridFunction(space)
        u.vec.data = a.mat.Inverse(space.FreeDofs(), inverse="sparsecholesky") * load.vec
        return u

    def poisson():
        mesh = MakeStructured2DMesh(quads=False, nx=n, ny=n)
        space = ng.H1(mesh, order=2, dirichlet=".*")
        u, v = space.TnT()
        a, load = BilinearForm(grad(u) * grad(v) * dx, symmetric=True), LinearForm(space)
        load += 2 * np.pi**2 * ng.sin(np.pi * ng.x) * ng.sin(np.pi * ng.y) * v * dx
        return space, solved(space, a, load)(mesh(0.5, 0.5))

    def elasticity():
        mesh = MakeStructured3DMesh(hexes=False, nx=n, ny=n, nz=n)
        space = ng.VectorH1(mesh, order=1, dirichlet="back")  # its name of the face x = 0
        u, v = space.TnT()
        stress = 2 * MU * InnerProduct(Sym(Grad(u)), Sym(Grad(v))) + LAMBDA * Trace(Grad(u)) * Trace(Grad(v))
        a, load = BilinearForm(stress * dx, symmetric=True), LinearForm(space)
        load += -0.01 * v[2] * dx
        return space, solved(space, a, load)(mesh(1.0, 0.5, 0.5))[2]

    run = poisson if arguments["problem"] == "poisson" else elasticity

    def block(count):
        for _ in range(count):
            run()

    space, value = run()
    return Ready({"value": np.atleast_1d(value)}, block, versions("ngsolve") | {"unknowns": space.ndof})


serve(prepare)
