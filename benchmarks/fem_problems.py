"""Problems of finite-element assembly: the state at which they are assembled, and numbers that check the result.

The state is ``A sin(pi x) sin(pi y) ...`` at the nodes, the same in all components of a vector. The number of a vector
r is ``u . r``, that of a matrix J ``u . J u``; both are integrals of the continuous functions up to the error of
interpolation, and are computed here by Gauss quadrature.
"""

from __future__ import annotations

import itertools

import numpy as np

AMPLITUDE = {"poisson": 1.0, "nonlinear": 1.0, "neohooke": 0.02, "elasticity": 1.0}
MU, LAMBDA = 1.0, 1.25


def bubble(points):
    """The state at points, (n, d) -> (n,), without its amplitude."""
    return np.prod(np.sin(np.pi * points), axis=1)


def _grid(dim):
    x, w = np.polynomial.legendre.leggauss(24)
    x, w = (x + 1) / 2, w / 2
    points = np.array(list(itertools.product(x, repeat=dim)))
    weights = np.prod(list(itertools.product(w, repeat=dim)), axis=1)
    others = [np.prod(np.sin(np.pi * np.delete(points, i, 1)), axis=1) for i in range(dim)]
    slopes = np.stack([np.pi * np.cos(np.pi * points[:, i]) * others[i] for i in range(dim)], axis=1)
    return weights, bubble(points), slopes


def _residual(problem, dim, amplitude, weights, u, slopes):
    """``u . r`` at ``amplitude`` times the state, tested with the state of amplitude 1."""
    a, square = amplitude, np.sum(slopes**2, axis=1)
    if problem == "poisson":
        return weights @ (a * square - u)
    if problem == "nonlinear":
        return weights @ ((1 + (a * u) ** 2) * a * square - u)
    gradient = np.broadcast_to(slopes[:, None, :], (len(u), dim, dim))
    if problem == "elasticity":
        strain = (gradient + gradient.transpose(0, 2, 1)) / 2
        return weights @ (
            a * (2 * MU * np.sum(strain**2, axis=(1, 2)) + LAMBDA * np.trace(strain, axis1=1, axis2=2) ** 2)
        )
    f = np.eye(dim) + a * gradient
    inverse = np.linalg.inv(f).transpose(0, 2, 1)
    stress = MU * (f - inverse) + LAMBDA * np.log(np.linalg.det(f))[:, None, None] * inverse
    return weights @ np.sum(stress * gradient, axis=(1, 2))


def reference(problem, dim, op):
    """The number of a vector or a matrix of a problem."""
    parts, a = _grid(dim), AMPLITUDE[problem]
    if op == "vector":
        return a * _residual(problem, dim, a, *parts)
    h = 1e-4 * a
    slope = (_residual(problem, dim, a + h, *parts) - _residual(problem, dim, a - h, *parts)) / (2 * h)
    return a * a * slope
