"""Systems for the tests of implicit methods: stiff, with mass matrices, with constraints, of second order."""

from __future__ import annotations

from typing import Any

import numpy as np
from model_matrices import SPD, p1_matrices
from scipy.sparse import block_array, csc_array, diags_array, eye_array

from ritz.codegen.function_system import FunctionSystem
from ritz.codegen.structure import Structure


def prothero_robinson(rate: float) -> FunctionSystem:
    """``u' = -rate (u - cos t) - sin t`` with solution cos t, beside a nonlinear unknown; stiff for large rates."""

    def f(t: float, u: Any) -> Any:
        return np.array([-rate * (u[0] - np.cos(t)) - np.sin(t), -(u[1] ** 2) * u[0] / np.cos(t)])

    def jacobian(t: float, u: Any) -> Any:
        return np.array([[-rate, 0], [-(u[1] ** 2) / np.cos(t), -2 * u[1] * u[0] / np.cos(t)]])

    return FunctionSystem(f, 2, jacobian=jacobian, initial=[1.0, 1.0], name="Prothero-Robinson")


def prothero_robinson_exact(t: Any) -> Any:
    t = np.asarray(t)
    return np.array([np.cos(t), 1 / (1 + t)])


def heat(n: int = 20) -> FunctionSystem:
    """Linear elements for ``u_t = u_xx + s`` with boundary values ``g(t)`` eliminated into f.

    The solution ``(1 + x) sin t + sin(pi x) exp(-t)`` is that of the discrete equations: s is made for them.
    """
    k, m = p1_matrices(n)
    h, x = 1 / (n + 1), np.linspace(0, 1, n + 2)
    left, right = np.eye(1, n, 0)[0], np.eye(1, n, n - 1)[0]
    mode, kx = np.sin(np.pi * x[1:-1]), 2 / h * (1 - np.cos(np.pi * h))

    def f(t: float, u: Any) -> Any:
        # M u' = -K u + K_b g - M_b g' + s; s = (M u' + M_b g') + (K u - K_b g) of the solution
        ends, rates = (np.sin(t), 2 * np.sin(t)), (np.cos(t), 2 * np.cos(t))
        boundary = (left * ends[0] + right * ends[1]) / h - h / 6 * (left * rates[0] + right * rates[1])
        source = h * (1 + x[1:-1]) * np.cos(t) - np.exp(-t) * (m @ mode) + np.exp(-t) * kx * mode
        return -(k @ u) + boundary + source

    return FunctionSystem(
        f, n, jacobian=lambda t, u: -k, mass=m, initial=mode, structure=SPD, name="heat"
    )  # fmt: skip


def heat_exact(t: float, n: int = 20) -> Any:
    x = np.linspace(0, 1, n + 2)[1:-1]
    return (1 + x) * np.sin(t) + np.sin(np.pi * x) * np.exp(-t)


def constrained(start: Any = (1.0, 0.0, 2.0)) -> FunctionSystem:
    """Index 1: ``2 u' = -u z``, ``v' = u - v``, ``0 = z - 2 u - v/2``; z has no time derivative."""

    def f(t: float, y: Any) -> Any:
        u, v, z = y
        return np.array([-u * z, u - v, z - 2 * u - v / 2])

    return FunctionSystem(
        f, 3, mass=diags_array([2.0, 1.0, 0.0]), initial=np.array(start), fields={"u": 1, "v": 1, "z": 1}, name="DAE"
    )


def constrained_reduced(t: float, y: Any) -> Any:
    u, v = y
    return np.array([-u * (2 * u + v / 2) / 2, u - v])


def stokes_like() -> FunctionSystem:
    """Index 2: ``u' = -3 u - B^T p + g(t)``, ``0 = B u``: two velocities, one pressure."""
    b = np.array([[1.0, 1.0]])

    def f(t: float, y: Any) -> Any:
        force = np.array([np.cos(t) + 3 * np.sin(t) + t, -np.cos(t) - 3 * np.sin(t) + t])
        return np.concatenate([-3 * y[:2] - b[0] * y[2] + force, b @ y[:2]])

    return FunctionSystem(f, 3, mass=diags_array([1.0, 1.0, 0.0]), initial=np.zeros(3), name="index 2")


def stokes_like_exact(t: Any) -> Any:
    t = np.asarray(t)
    return np.array([np.sin(t), -np.sin(t), t])


def oscillator(n: int = 12, damping: float = 0.0, nonlinear: float = 0.0) -> FunctionSystem:
    """A string of linear elements, ``M v' = -K u - c M v - e M u^3``, ``u' = v``; u comes first in the state."""
    k, m = p1_matrices(n)
    unit = eye_array(n)
    x = np.linspace(0, 1, n + 2)[1:-1]

    def f(t: float, y: Any) -> Any:
        u, v = y[:n], y[n:]
        return np.concatenate([v, -(k @ u) - damping * (m @ v) - nonlinear * (m @ u**3)])

    def jacobian(t: float, y: Any) -> Any:
        stiffness = -k - 3 * nonlinear * m @ diags_array(y[:n] ** 2)
        return csc_array(block_array([[None, unit], [stiffness, -damping * m]]))

    return FunctionSystem(
        f, 2 * n, jacobian=jacobian, mass=csc_array(block_array([[unit, None], [None, m]])),
        initial=np.concatenate([np.sin(np.pi * x) + 0.3 * np.sin(3 * np.pi * x), np.zeros(n)]),
        fields={"u": n, "u_t": n}, rates=[(slice(0, n), slice(n, 2 * n))], structure=Structure(), name="string",
    )  # fmt: skip


def energy(system: FunctionSystem, y: Any) -> Any:
    """Kinetic and elastic energy of the linear string, (nt,)."""
    n = system.layout.size // 2
    k, m = p1_matrices(n)
    u, v = y[:n], y[n:]
    return 0.5 * np.sum(u * (k @ u), axis=0) + 0.5 * np.sum(v * (m @ v), axis=0)
