"""The equations of a stage, ``M (u - a) = c f(t, u)``, by a modified Newton method with kept factors.

The matrix ``W = M - c J`` is factorised again where c changes, and J is evaluated again where the iteration is slow.
The iteration ends where the error that is left, ``theta / (1 - theta) |d|`` with the observed rate theta, is a small
part of the tolerance (E. Hairer, G. Wanner, "Solving Ordinary Differential Equations II", section IV.8).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.errors import ConvergenceError, LinearSolveError, NonFiniteError
from ritz.solvers.implicit.norm import ErrorNorm
from ritz.solvers.linear.interface import Factors, LinearSolver, as_sparse
from ritz.solvers.newton import NewtonOptions, newton

Array = NDArray[np.float64]
MOST_ITERATIONS = 8
MOST_FIXED = 20  # ... where the size of the step is given: about what new factors cost
MOST_JACOBIANS = 3  # ... evaluated for one stage there
SLOW = 0.7  # rate above which the Jacobian is evaluated again, at the next step
SAME = 1e-8  # relative difference of two steps that are one but for rounding
FULL_NEWTON = NewtonOptions(rtol=1e-10, max_iterations=30)


class StageFailure(Exception):
    """The equations of a stage were not solved; `finite` tells whether values stayed finite."""

    def __init__(self, finite: bool, place: tuple[float, Array] | None = None, words: str = "") -> None:
        super().__init__("stage not solved")
        self.finite, self.place, self.words = finite, place, words


class StageSolver:
    """Solves stages of one run.

    Args:
        system: the system.
        p: (parameters,) values.
        mass: M, sparse, or None for the identity.
        solver: for linear systems with W.
        norm: measures increments.
        share: part of the tolerance that may be left.

    Attributes:
        evaluations, jacobians: of f and J.
    """

    def __init__(
        self, system: Any, p: Array, mass: Any, solver: LinearSolver, norm: ErrorNorm, share: float = 0.02
    ) -> None:
        from scipy.sparse import csc_array, eye_array

        self.system, self.p, self.solver, self.norm, self.share = system, p, solver, norm, share
        self.mass = mass
        self._m = as_sparse(mass) if mass is not None else csc_array(eye_array(system.layout.size))
        self._jacobian: Any = None
        self._fresh = False  # the Jacobian is that of the present step
        self._factors: Factors | None = None
        self._c = 0.0
        self._rate = 1.0  # theta / (1 - theta) of the last iteration that showed one
        self.evaluations = self.jacobians = 0

    def times_mass(self, u: Array) -> Array:
        """M u."""
        return u if self.mass is None else np.asarray(self._m @ u)

    def f(self, t: float, u: Array) -> Array:
        """The right-hand side, counted."""
        self.evaluations += 1
        return np.asarray(self.system.rhs(t, u, self.p))

    def new_step(self) -> None:
        """The state has moved on: a Jacobian evaluated before is not that of the present step."""
        self._fresh = False

    def factors(self, c: float, t: float, u: Array) -> Factors:
        """Factors of W, made again where they have to be."""
        if self._jacobian is None:
            self.evaluate(t, u)
        if self._factors is None or abs(c - self._c) > SAME * abs(c):
            try:
                self._factors = self.solver.factorise(self._m - c * self._jacobian)
            except LinearSolveError as error:
                raise StageFailure(True, (t, u), str(error)) from None
            self._c = c
        return self._factors

    def evaluate(self, t: float, u: Array) -> None:
        """Take the Jacobian at a state; factors have to be made again."""
        self._jacobian = as_sparse(self.system.jacobian(t, u, self.p))
        self.jacobians += 1
        self._fresh, self._factors, self._rate = True, None, 1.0

    def solve(self, t: float, a: Array, c: float, guess: Array, start: tuple[float, Array], robust: bool) -> Array:
        """Solve one stage.

        Args:
            t: time of the stage.
            a, c: as above.
            guess: (size,) first guess.
            start: time and state at the start of the step, where J is evaluated.
            robust: for steps whose size is given: evaluate J in the stage itself where the iteration is slow, and fall
                back on Newton's method with a line search.

        Raises:
            StageFailure: the equations were not solved.
        """
        failure, u = StageFailure(bool(np.isfinite(guess).all()), (t, guess)), guess
        most, jacobians = (MOST_FIXED, MOST_JACOBIANS) if robust else (MOST_ITERATIONS, int(not self._fresh))
        while failure.finite:
            try:
                u, solved = self._iterate(t, a, c, u, start, most)
                if solved:
                    return u
            except StageFailure as error:
                failure = error
            if jacobians == 0 or not failure.finite:
                break
            jacobians -= 1
            self.evaluate(*((t, u) if robust else start))
        if robust:
            return self._full(t, a, c, start[1])
        raise failure

    def _iterate(
        self, t: float, a: Array, c: float, guess: Array, start: tuple[float, Array], most: int
    ) -> tuple[Array, bool]:
        """The modified Newton iteration: the solution and True, or where to go on with another Jacobian and False."""
        factors, u, before = self.factors(c, *start), guess.copy(), 0.0
        self._rate = max(self._rate, 1e-16) ** 0.8  # what was seen long ago counts less
        for k in range(most):
            with np.errstate(all="ignore"):
                r = self.times_mass(a - u) + c * self.f(t, u)
            if not np.isfinite(r).all():
                raise StageFailure(False, (t, u))
            try:
                d = factors.solve(r)
            except LinearSolveError as error:
                raise StageFailure(True, (t, u), str(error)) from None
            u += d
            size = self.norm(d, start[1], u)
            if size == 0.0:
                return u, True
            if k > 0:
                theta = size / before
                if theta >= 1.0:
                    return (u, True) if size < 1e-3 * self.share else (guess, False)
                self._rate = theta / (1.0 - theta)
                left = most - 1 - k
                if theta**left / (1.0 - theta) * size > self.share and self._rate * size > self.share:
                    return u, False
                if theta > SLOW and not self._fresh:
                    return u, False
            if not np.isfinite(size):
                return guess, False
            if self._rate * size < self.share and (k > 0 or self._rate < 0.1):
                return u, True
            before = size
        return u, False

    def _full(self, t: float, a: Array, c: float, start: Array) -> Array:
        """Newton's method with a fresh Jacobian in each iteration and a line search."""
        m, system, p = self._m, self.system, self.p

        def matrix(u: Array) -> Any:
            self.jacobians += 1
            return m - c * as_sparse(system.jacobian(t, u, p))

        self._factors = None
        try:
            result = newton(
                lambda u: self.times_mass(a - u) + c * self.f(t, u), matrix, self.solver, start, FULL_NEWTON,
                what=f"the step to t = {t:.6g}",
            )  # fmt: skip
        except (ConvergenceError, LinearSolveError, NonFiniteError) as error:
            finite = not isinstance(error, NonFiniteError)
            raise StageFailure(finite, (t, start), str(error)) from None
        return result.u
