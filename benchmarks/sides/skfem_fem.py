"""scikit-fem: assembly of the residual or the Jacobian on a structured mesh."""

from __future__ import annotations

import numpy as np
from fem_problems import AMPLITUDE, LAMBDA, MU, bubble
from worker import Ready, serve, versions


def prepare(arguments):
    """Set up the basis, and compute the answer."""
    import skfem as fem
    from skfem.helpers import ddot, det, dot, eye, grad, inv, mul, sym_grad, trace, transpose

    problem, op, dim, degree, n = (arguments[key] for key in ("problem", "op", "dim", "degree", "n"))
    lines = np.linspace(0, 1, n + 1)
    mesh = fem.MeshTri.init_tensor(lines, lines) if dim == 2 else fem.MeshTet.init_tensor(lines, lines, lines)
    elements = {(2, 1): fem.ElementTriP1, (2, 2): fem.ElementTriP2, (3, 1): fem.ElementTetP1, (3, 2): fem.ElementTetP2}
    element = elements[dim, degree]()
    vector = problem in ("neohooke", "elasticity")
    orders = {
        "poisson": 2 * degree,
        "nonlinear": 4 * degree - 2,
        "neohooke": 1 if degree == 1 else 4,
        "elasticity": 2 * degree - 2 or 1,
    }
    basis = fem.Basis(mesh, fem.ElementVector(element) if vector else element, intorder=orders[problem])
    u = AMPLITUDE[problem] * bubble(basis.doflocs.T)

    @fem.BilinearForm
    def stiffness(u, v, w):
        if problem == "poisson":
            return dot(grad(u), grad(v))
        return 2 * MU * ddot(sym_grad(u), sym_grad(v)) + LAMBDA * trace(grad(u)) * trace(grad(v))

    @fem.LinearForm
    def load(v, w):
        return 1.0 * v

    @fem.LinearForm
    def residual(v, w):
        if problem == "nonlinear":
            return (1 + w.u**2) * dot(w.u.grad, grad(v)) - v
        f = w.u.grad + eye(1.0 + 0 * w.x[0], 3)
        inverse = transpose(inv(f))
        return ddot(MU * (f - inverse) + LAMBDA * np.log(det(f)) * inverse, grad(v))

    @fem.BilinearForm
    def tangent(u, v, w):
        if problem == "nonlinear":
            return (1 + w.u**2) * dot(grad(u), grad(v)) + 2 * w.u * u * dot(w.u.grad, grad(v))
        f = w.u.grad + eye(1.0 + 0 * w.x[0], 3)
        inverse = inv(f)
        turned, change = transpose(inverse), grad(u)
        part = (MU - LAMBDA * np.log(det(f))) * mul(turned, mul(transpose(change), turned))
        return ddot(MU * change + part + LAMBDA * ddot(turned, change) * turned, grad(v))

    linear = problem in ("poisson", "elasticity")

    def once():
        if linear:
            return stiffness.assemble(basis) if op == "matrix" else load.assemble(basis)
        form = tangent if op == "matrix" else residual
        return form.assemble(basis, u=basis.interpolate(u))

    def block(count):
        for _ in range(count):
            once()

    found = once()
    number = u @ (found @ u) if op == "matrix" else u @ found
    if op == "vector" and problem == "poisson":
        number = u @ (stiffness.assemble(basis) @ u) - number
    return Ready({"number": np.array([number])}, block, versions("scikit-fem") | {"unknowns": int(basis.N)})


serve(prepare)
