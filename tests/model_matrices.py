"""Matrices of model problems, for the tests of solvers."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import block_array, csc_array, diags_array, eye_array, kron

from ritz.codegen.structure import Saddle, Structure

SPD = Structure(symmetric=True, definite=True)


def second_difference(n: int, h: float | None = None) -> Any:
    """(n, n) matrix of ``-u''`` between two ends where u vanishes."""
    h = 1 / (n + 1) if h is None else h
    return csc_array(diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n)) / h**2)


def laplacian(n: int, dimension: int = 2) -> Any:
    """(n**d, n**d) matrix of ``-lap u`` on the unit square or cube with u = 0 around it."""
    one, unit = second_difference(n), eye_array(n)
    total = one
    for _ in range(dimension - 1):
        total = kron(total, unit) + kron(eye_array(total.shape[0]), one)
    return csc_array(total)


def p1_matrices(n: int) -> tuple[Any, Any]:
    """Stiffness and mass of linear elements on n + 1 equal cells of (0, 1), without the two ends."""
    h = 1 / (n + 1)
    stiffness = second_difference(n) * h
    mass = csc_array(diags_array([1.0, 4.0, 1.0], offsets=[-1, 0, 1], shape=(n, n)) * (h / 6))
    return stiffness, mass


def advection(n: int, speed: float = 30.0) -> Any:
    """``-lap u + speed du/dx``, upwind: unsymmetric."""
    slope = csc_array(diags_array([1.0, -1.0], offsets=[0, -1], shape=(n, n)) * (n + 1))
    return csc_array(laplacian(n) + speed * kron(slope, eye_array(n)))


def stokes(n: int) -> tuple[Any, Structure]:
    """Stokes equations on a staggered grid of n by n cells with walls; the pressure is held by a small penalty.

    Returns:
        The symmetric matrix of ``-lap u + grad p``, ``div u``, and its structure (pressure mass: the identity).
    """
    h = 1 / n
    inner = second_difference(n - 1, h)
    wall = csc_array(diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n)).tolil())
    wall = wall.tolil()
    wall[0, 0] = wall[n - 1, n - 1] = 3.0  # a wall half a cell away
    wall = csc_array(wall) / h**2
    a_u = kron(inner, eye_array(n)) + kron(eye_array(n - 1), wall)
    a_v = kron(wall, eye_array(n - 1)) + kron(eye_array(n), inner)
    gradient = csc_array(diags_array([-1.0, 1.0], offsets=[0, 1], shape=(n - 1, n)) / h)
    g_u, g_v = kron(gradient, eye_array(n)), kron(eye_array(n), gradient)
    penalty = -1e-8 * eye_array(n * n)
    matrix = csc_array(block_array([[a_u, None, g_u], [None, a_v, g_v], [g_u.T, g_v.T, penalty]]))
    m = 2 * n * (n - 1)
    saddle = Saddle(slice(0, m), slice(m, m + n * n), csc_array(eye_array(n * n)))
    return matrix, Structure(symmetric=True, saddle=saddle, dimension=2)


def fitted_order(steps: Any, errors: Any) -> float:
    """Slope of log(error) over log(step) by least squares."""
    return float(np.polyfit(np.log(np.asarray(steps)), np.log(np.asarray(errors)), 1)[0])
