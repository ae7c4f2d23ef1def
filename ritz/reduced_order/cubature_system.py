"""A reduced model whose right-hand side is summed over a few weighted cells of a mesh."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ritz.reduced_order.error_estimate import ErrorEstimate
from ritz.reduced_order.estimator import FloatArray
from ritz.reduced_order.reduced_layout import ReducedLayout
from ritz.reduced_order.reduced_model import ReducedModel, Training
from ritz.reduced_order.region import TrainingRegion


class CubatureSystem(ReducedModel):
    """``V^T M V dz/dt = V^T f(mean + V z, t; p)`` with the integrals in f taken over a few cells.

    The mass matrix is projected exactly; where it depends on parameters, anew for every parameter vector.

    Attributes:
        weights: (cells,) of all cells of the mesh, most of them zero.
        sample: the `FemSample` with these weights.
        starts: (runs, N) first guesses for steady problems, one for each training point.

    Example:
        >>> u, k = rz.fields("u"), rz.params("k", default=1.0)
        >>> problem = rz.Problem([rz.Eq(-rz.div((1 + k*u**2)*rz.grad(u)), 5)], domain=rz.rectangle(n=(12, 12)),
        ...                      conditions=[rz.Dirichlet(u, 0)])
        >>> system = problem.discretize(rz.FiniteElement(degree=1))
        >>> rom = rz.reduce(system, {k: (0.1, 10)}, tol=1e-3)
        >>> rom.size < 6, rom.points < 60, rom.error_estimate.met
        (True, True, True)
        >>> bool(abs(rom(k=3.0).y).max() > 0)
        True
    """

    def __init__(
        self,
        full: Any,
        layout: ReducedLayout,
        weights: FloatArray,
        starts: FloatArray,
        training_region: TrainingRegion,
        training: Training,
        error_estimate: ErrorEstimate,
    ) -> None:
        super().__init__(full, layout, training_region, training, error_estimate)
        self.weights, self.starts, self.is_steady = weights, starts, bool(full.is_steady)
        self.sample = full.sample(weights=weights)
        self._trial = np.ascontiguousarray(layout.basis[self.sample.inputs])
        self._test = np.ascontiguousarray(layout.basis[self.sample.rows])
        self._mean = layout.mean[self.sample.inputs]
        self._mass: tuple[bytes, FloatArray] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        layout = self.layout
        state = (self.weights, self.starts, self.training_region, self.training, self.error_estimate)
        return _remake, (self.full, layout.basis, layout.test, layout.mean, *state)

    @property
    def points(self) -> int:
        """Number of cells with a weight."""
        return int(np.count_nonzero(self.weights))

    @cached_property
    def work(self) -> tuple[int, int]:
        """Multiply-adds of one right-hand side, of this model and of the full one, roughly."""
        return self.sample.operations + 2 * self._trial.size, self.full.operations

    @property
    def terms(self) -> str:
        """Over how many cells integrals are taken, in words."""
        cells = len(self.weights)
        if not self.training.sampled:
            return f"integrals over all {cells} cells"
        _, error = self.training.sampled[0]
        return f"integrals over {self.points} of {cells} cells with weights; error of the training sums {error:.1e}"

    def initial_state(self, p: Any = None) -> FloatArray:
        """Return the coefficients (N,) of the full initial state; of the nearest training run for steady ones.

        Warns:
            ExtrapolationWarning: outside the training region.
        """
        values = self._vector(p)
        named, region = self._named(values), self.training_region
        region.warn(named)
        if not self.is_steady:
            return self.layout.encode(np.asarray(self.full.initial_state(values)))
        return self.starts[region.nearest(named)].copy()

    def _local(self, z: Any) -> FloatArray:
        return self._mean + self._trial @ np.asarray(z, dtype=np.float64)

    def rhs(self, t: float, u: FloatArray, p: Any = None) -> FloatArray:
        """Return ``V^T f`` (N,) at coefficients `u` (N,)."""
        return np.asarray(self._test.T @ self.sample.rhs(t, self._local(u), self._vector(p)))

    def jacobian(self, t: float, u: FloatArray, p: Any = None) -> FloatArray:
        """Return the derivative (N, N) of the right-hand side; exact for the weighted sum."""
        matrix = self.sample.jacobian(t, self._local(u), self._vector(p))
        return np.asarray(self._test.T @ (matrix @ self._trial))

    def jvp(self, t: float, u: FloatArray, v: FloatArray, p: Any = None) -> FloatArray:
        """Return the derivative of the right-hand side in the direction `v` (N,)."""
        return np.asarray(self.jacobian(t, u, p) @ np.asarray(v, dtype=np.float64))

    def param_jvp(self, t: float, u: FloatArray, dp: FloatArray, p: Any = None) -> FloatArray:
        """Return the derivative of the right-hand side in the parameter direction `dp`, (N,)."""
        return np.asarray(self._test.T @ self.sample.param_jvp(t, self._local(u), dp, self._vector(p)))

    def time_derivative(self, t: float, u: FloatArray, p: Any = None) -> FloatArray:
        """Return the partial derivative of the right-hand side with respect to time, (N,)."""
        return np.asarray(self._test.T @ self.sample.time_derivative(t, self._local(u), self._vector(p)))

    def mass(self, p: Any = None) -> FloatArray | None:
        """Return ``V^T M V`` (N, N); None for steady problems."""
        if self.is_steady:
            return None
        values = self._vector(p)
        key = values.tobytes()
        if self._mass is None or self._mass[0] != key:
            basis = self.layout.basis
            self._mass = (key, np.asarray(basis.T @ (self.full.mass(values) @ basis)))
        return self._mass[1]

    def to_fields(self, u: FloatArray, t: Any = 0.0, p: Any = None) -> dict[str, Any]:
        """Return the degrees of freedom of every field of the full model, prescribed values included."""
        found: dict[str, Any] = self.full.to_fields(self.layout.decode(np.asarray(u, dtype=np.float64)), t, p)
        return found


def _remake(full: Any, basis: FloatArray, test: FloatArray, mean: FloatArray, *state: Any) -> CubatureSystem:
    """Make a reduced model again from what travels between processes."""
    return CubatureSystem(full, ReducedLayout(full.layout, basis, test, mean), *state)
