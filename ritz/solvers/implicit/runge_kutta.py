"""Diagonally implicit Runge-Kutta steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ritz.solvers.implicit.stage import StageSolver
from ritz.solvers.implicit.tableaus import ImplicitTableau

Array = NDArray[np.float64]


class RungeKuttaStepper:
    """Steps with one tableau.

    Slopes are ``k_i = (u_i - a_i) / (c h)`` of the solved stages, so that M is never inverted: where M is singular the
    slopes of multipliers do not enter any equation. The error of the slopes' weights passes through ``W^-1 M`` with the
    factors of the stages, which keeps the estimate bounded for stiff equations (Hairer, Wanner, section IV.8).

    Args:
        tableau: the method.
        stages: solves its stages.
        u, slope: state and time derivative at the start.
    """

    def __init__(self, tableau: ImplicitTableau, stages: StageSolver, u: Array, slope: Array) -> None:
        self.tableau, self.stages, self.u, self.slope = tableau, stages, u.copy(), slope.copy()
        self._before: tuple[float, Array] | None = None  # step and slope before, for the trapezoidal rule

    def attempt(self, t: float, h: float, *, fixed: bool) -> tuple[Array, Array, Array | None]:
        """One step; see `Stepper`."""
        table, stages, u = self.tableau, self.stages, self.u
        c = h * table.diagonal
        slopes, new = [self.slope], u
        for i in range(1, table.stages):
            a = u.copy()
            for j in range(i):
                if table.matrix[i, j] != 0.0:
                    a += (h * table.matrix[i, j]) * slopes[j]
            time = t + h * float(table.nodes[i])
            new = stages.solve(time, a, c, a + c * slopes[-1], (t, u), robust=fixed)
            slopes.append((new - a) / c)
        error = None if fixed else self._error(t, h, c, slopes)
        return new, slopes[-1], error

    def _error(self, t: float, h: float, c: float, slopes: list[Array]) -> Array:
        weights = self.tableau.error
        if weights is None:
            return self._third_derivative(h, slopes)
        difference = np.zeros_like(self.u)
        for weight, k in zip(weights, slopes, strict=True):
            difference += weight * k
        return self._filtered(t, c, h * difference)

    def _third_derivative(self, h: float, slopes: list[Array]) -> Array:
        """``h^3 u'''/12`` of the trapezoidal rule; the first step is judged like one of the implicit Euler method."""
        if self._before is None:
            return 0.5 * h * (slopes[-1] - slopes[0])
        last, slope = self._before
        second = (slopes[-1] - slopes[0]) / h - (slopes[0] - slope) / last
        return h**3 / 12 * 2 / (h + last) * second

    def _filtered(self, t: float, c: float, difference: Array) -> Array:
        factors = self.stages.factors(c, t, self.u)
        return factors.solve(self.stages.times_mass(difference))

    def accept(self, t: float, h: float, u: Array, slope: Array) -> None:
        """Take the step."""
        self._before = (h, self.slope)
        self.u, self.slope = u, slope
