"""scikit-fem: a boundary value problem from the mesh to the solution."""

from __future__ import annotations

import numpy as np
from fem_problems import LAMBDA, MU
from worker import Ready, serve, versions


def prepare(arguments):
    """Solve once."""
    import skfem as fem
    from skfem.helpers import ddot, dot, grad, sym_grad, trace

    lines = np.linspace(0, 1, arguments["n"] + 1)

    @fem.BilinearForm
    def laplace(u, v, w):
        return dot(grad(u), grad(v))

    @fem.LinearForm
    def source(v, w):
        return 2 * np.pi**2 * np.sin(np.pi * w.x[0]) * np.sin(np.pi * w.x[1]) * v

    @fem.BilinearForm
    def stiffness(u, v, w):
        return 2 * MU * ddot(sym_grad(u), sym_grad(v)) + LAMBDA * trace(grad(u)) * trace(grad(v))

    @fem.LinearForm
    def weight(v, w):
        return -0.01 * v[2]

    def poisson():
        basis = fem.Basis(fem.MeshTri.init_tensor(lines, lines), fem.ElementTriP2())
        u = fem.solve(*fem.condense(laplace.assemble(basis), source.assemble(basis), D=basis.get_dofs()))
        return u, basis.probes(np.array([[0.5], [0.5]])) @ u

    def elasticity():
        mesh = fem.MeshTet.init_tensor(lines, lines, lines).with_boundaries({"left": lambda x: x[0] == 0})
        basis = fem.Basis(mesh, fem.ElementVector(fem.ElementTetP1()))
        u = fem.solve(*fem.condense(stiffness.assemble(basis), weight.assemble(basis), D=basis.get_dofs("left")))
        place = np.flatnonzero(np.all(np.isclose(mesh.p, np.array([[1.0], [0.5], [0.5]])), axis=0))
        return u, u[basis.nodal_dofs[2, place]]

    run = poisson if arguments["problem"] == "poisson" else elasticity

    def block(count):
        for _ in range(count):
            run()

    u, value = run()
    return Ready({"value": np.atleast_1d(value)}, block, versions("scikit-fem", "scipy") | {"unknowns": len(u)})


serve(prepare)
