"""Newmark's method and the generalised-alpha method for ``u' = v``, ``M v' = f(t, u, v)``.

With ``M a_(1-am) = f(t_(1-af), u_(1-af), v_(1-af))``, where ``x_(1-s) = (1 - s) x_new + s x_old``, and

    ``u_new = u + h v + h^2 ((1/2 - beta) a + beta a_new)``,    ``v_new = v + h ((1 - gamma) a + gamma a_new)``.

Generalised alpha: am = (2r - 1)/(r + 1), af = r/(r + 1), gamma = 1/2 - am + af, beta = (1 - am + af)^2/4, of order 2;
r in [0, 1] is the factor by which the fastest modes shrink in a step. Newmark: am = af = 0, beta = 1/4, gamma = 1/2,
the average acceleration, which keeps the energy of linear systems.

Sources: J. Chung, G. M. Hulbert, J. Appl. Mech. 60 (1993) 371-375; N. M. Newmark, J. Eng. Mech. Div. ASCE 85 (1959)
67-94.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.errors import ConvergenceError, LinearSolveError, NonFiniteError, UnsupportedError
from ritz.solvers.implicit.stage import FULL_NEWTON, SAME, StageFailure, StageSolver
from ritz.solvers.linear.interface import Factors, as_sparse
from ritz.solvers.newton import newton, rms

Array = NDArray[np.float64]
MOST_ITERATIONS, SHARE = 10, 1e-10  # of the modified iteration; increment relative to what the step changes


@dataclass(frozen=True)
class Coefficients:
    """The four numbers of a method."""

    am: float
    af: float
    beta: float
    gamma: float


def generalized_alpha(radius: float = 0.8) -> Coefficients:
    """Generalised alpha with a spectral radius for infinitely fast modes."""
    am, af = (2 * radius - 1) / (radius + 1), radius / (radius + 1)
    return Coefficients(am, af, (1 - am + af) ** 2 / 4, 0.5 - am + af)


NEWMARK = Coefficients(0.0, 0.0, 0.25, 0.5)


def pairs(system: Any, mass: Any, method: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the unknowns u and of their rates v, (m,) each.

    Raises:
        UnsupportedError: the system is not of second order, or only in part.
    """
    n = system.layout.size
    if not system.rates:
        raise UnsupportedError(
            f"method {method!r} is for second-order problems, dt(u, 2) = ...; {system.name} has first derivatives in "
            "time only. Use 'BDF2', 'SDIRK2' or 'ESDIRK4'."
        )
    every = np.arange(n)
    u = np.concatenate([every[a] for a, _ in system.rates])
    v = np.concatenate([every[b] for _, b in system.rates])
    if np.sort(np.concatenate([u, v])).tolist() != every.tolist():
        rest = sorted(set(every.tolist()) - set(u.tolist()) - set(v.tolist()))
        raise UnsupportedError(
            f"method {method!r} needs second derivatives in time of all unknowns; {system.layout.locate(rest[0])} has "
            "none. Use 'SDIRK2' or 'ESDIRK4'."
        )
    if mass is not None:
        m = as_sparse(mass).tocsr()
        coupled = abs(m[v][:, u]).sum() + abs(m[u][:, v]).sum()
        if coupled or abs(m[u][:, u] - _unit(u.size)).max() > 0:
            raise UnsupportedError(
                f"method {method!r} needs rates as they stand, du/dt = v, in the equations of the unknowns; the mass "
                f"matrix of {system.name} mixes them with others. Use 'SDIRK2' or 'ESDIRK4'."
            )
    return u, v


def _unit(n: int) -> Any:
    from scipy.sparse import eye_array

    return eye_array(n, format="csr")


class SecondOrderStepper:
    """Steps of fixed size.

    Args:
        coefficients: the method.
        stages: gives the system, its mass matrix and the linear solver.
        u, slope: state and time derivative at the start.
        places: indices of u and v in the state.
    """

    def __init__(
        self, coefficients: Coefficients, stages: StageSolver, u: Array, slope: Array,
        places: tuple[NDArray[np.int64], NDArray[np.int64]],
    ) -> None:  # fmt: skip
        self.coefficients, self.stages, self.u, self.slope = coefficients, stages, u.copy(), slope.copy()
        self._u, self._v = places
        full = as_sparse(stages.mass).tocsr() if stages.mass is not None else None
        self._mass = _unit(self._u.size) if full is None else full[self._v][:, self._v]
        self._factors: Factors | None = None
        self._h = 0.0

    def _matrix(self, t: float, w: Array, h: float) -> Any:
        """``(1 - am) M - (1 - af) (gamma h df/dv + beta h^2 df/du)`` at a state."""
        c, self.stages.jacobians = self.coefficients, self.stages.jacobians + 1
        rows = as_sparse(self.stages.system.jacobian(t, w, self.stages.p)).tocsr()[self._v]
        stiffness = c.gamma * h * rows[:, self._v] + c.beta * h * h * rows[:, self._u]
        return (1 - c.am) * self._mass - (1 - c.af) * stiffness

    def attempt(self, t: float, h: float, *, fixed: bool) -> tuple[Array, Array, Array | None]:
        """One step; see `Stepper`."""
        c, u, v, a = self.coefficients, self.u[self._u], self.u[self._v], self.slope[self._v]
        time = t + (1 - c.af) * h

        def state(new: Array) -> Array:
            w = np.empty_like(self.u)
            w[self._u] = u + h * v + h * h * ((0.5 - c.beta) * a + c.beta * new)
            w[self._v] = v + h * ((1 - c.gamma) * a + c.gamma * new)
            return w

        def between(new: Array) -> Array:
            return (1 - c.af) * state(new) + c.af * self.u

        def residual(new: Array) -> Array:
            force = self.stages.f(time, between(new))[self._v]
            return np.asarray(force - self._mass @ ((1 - c.am) * new + c.am * a))

        new = self._iterate(residual, lambda b: self._matrix(time, between(b), h), a, h)
        if new is None:
            new = self._full(residual, lambda b: self._matrix(time, between(b), h), a, t + h)
        w = state(new)
        slope = np.empty_like(w)
        slope[self._u], slope[self._v] = w[self._v], new
        return w, slope, None

    def _iterate(self, residual: Any, matrix: Any, a: Array, h: float) -> Array | None:
        """Modified Newton iteration on the acceleration; None where it does not get on."""
        new, before, fresh = a.copy(), np.inf, False
        for _ in range(MOST_ITERATIONS):
            with np.errstate(all="ignore"):
                r = residual(new)
            if not np.isfinite(r).all():
                return None
            try:
                if self._factors is None or abs(h - self._h) > SAME * abs(h):
                    self._factors, self._h, fresh = self.stages.solver.factorise(matrix(new)), h, True
                d = self._factors.solve(r)
            except LinearSolveError as error:
                raise StageFailure(True, None, str(error)) from None
            new = new + d
            size = rms(d)
            if size <= SHARE * rms(new) or size == 0.0:
                return new
            if size > 0.5 * before:
                if fresh:
                    return new if size < 100 * SHARE * rms(new) else None
                self._factors, before = None, np.inf
                continue
            before = size
        self._factors = None
        return None

    def _full(self, residual: Any, matrix: Any, a: Array, t: float) -> Array:
        self._factors = None
        what = f"the step to t = {t:.6g}"
        try:
            return newton(residual, matrix, self.stages.solver, a, FULL_NEWTON, what=what).u
        except (ConvergenceError, LinearSolveError) as error:
            raise StageFailure(True, None, str(error)) from None
        except NonFiniteError as error:
            raise StageFailure(False, None, str(error)) from None

    def accept(self, t: float, h: float, u: Array, slope: Array) -> None:
        """Take the step."""
        self.u, self.slope = u, slope
