"""The backward differentiation formula of order 2 with variable steps.

With the ratio w of a step to the one before,

    ``u_2 - (1 + w)^2/(1 + 2w) u_1 + w^2/(1 + 2w) u_0 = h (1 + w)/(1 + 2w) u_2'``,

see E. Hairer, S. P. Norsett, G. Wanner, "Solving Ordinary Differential Equations I", section III.5. Its error is
``h^3 u''' (1 + w)^2 / (6 w (1 + 2w))``, and the parabola through three earlier states, extrapolated, errs by
``h (h + h_1) (h + h_1 + h_2) u'''/6`` the other way: their difference gives u''' and the error. The first step is one
of SDIRK2; the parabola of the second step takes the slope at the start for the missing third state. The formula is
stable for w up to 1 + sqrt(2).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ritz.solvers.implicit.runge_kutta import RungeKuttaStepper
from ritz.solvers.implicit.stage import StageSolver
from ritz.solvers.implicit.tableaus import ImplicitTableau, sdirk2

Array = NDArray[np.float64]
GROWTH = 2.0  # largest ratio of steps


def first_step() -> ImplicitTableau:
    """The method of the first step."""
    return sdirk2()


class BDF2Stepper:
    """Steps of BDF2.

    Args:
        stages: solves its equations.
        u, slope: state and time derivative at the start.
    """

    def __init__(self, stages: StageSolver, u: Array, slope: Array) -> None:
        self.stages, self.u, self.slope = stages, u.copy(), slope.copy()
        self._steps: list[float] = []  # of the past, the last one first
        self._past: list[Array] = []  # states before `u`, the last one first
        self._start = self.slope

    def attempt(self, t: float, h: float, *, fixed: bool) -> tuple[Array, Array, Array | None]:
        """One step; see `Stepper`."""
        if not self._past:
            return RungeKuttaStepper(first_step(), self.stages, self.u, self.slope).attempt(t, h, fixed=fixed)
        w = h / self._steps[0]
        a = ((1 + w) ** 2 * self.u - w**2 * self._past[0]) / (1 + 2 * w)
        c = h * (1 + w) / (1 + 2 * w)
        guess, third = self._extrapolated(h)
        new = self.stages.solve(t + h, a, c, guess, (t, self.u), robust=fixed)
        own = (1 + w) ** 2 / (6 * w * (1 + 2 * w)) * h**3
        error = None if fixed else (own / (own + third)) * (new - guess)
        return new, (new - a) / c, error

    def _extrapolated(self, h: float) -> tuple[Array, float]:
        """The parabola through three states at the end of the step, and its error over u'''."""
        h1 = self._steps[0]
        first = (self.u - self._past[0]) / h1
        if len(self._past) > 1:
            h2 = self._steps[1]
            second = (first - (self._past[0] - self._past[1]) / h2) / (h1 + h2)
        else:
            h2 = 0.0
            second = (first - self._start) / h1
        return self.u + h * first + h * (h + h1) * second, h * (h + h1) * (h + h1 + h2) / 6

    def accept(self, t: float, h: float, u: Array, slope: Array) -> None:
        """Take the step."""
        self._past, self._steps = [self.u, *self._past][:2], [h, *self._steps][:2]
        self.u, self.slope = u, slope
