"""The error of a reduced model, measured where it was not trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ritz.reduced_order.estimator import FloatArray


@dataclass(frozen=True)
class ErrorEstimate:
    """Relative errors against the full model, in the mean square over space, fields and stored times.

    ``float(estimate)`` is the largest of them.

    Attributes:
        names: (d,) varied parameters.
        parameters: (n, d) held-back points.
        errors: (n,) relative error of the reduced solution at each.
        projections: (n,) relative error of the best approximation in the basis; no reduced model can be better.
        training: relative projection error of all training snapshots.
        tolerance: what was asked for; None when the rank was given.
        held_back: whether the points were held back; else they are training points, and the error is one of
            reproduction.
    """

    names: tuple[str, ...]
    parameters: FloatArray
    errors: FloatArray
    projections: FloatArray
    training: float
    tolerance: float | None = None
    held_back: bool = True

    @property
    def largest(self) -> float:
        """Largest error; the training projection error when none was measured."""
        return float(np.max(self.errors)) if len(self.errors) else self.training

    @property
    def met(self) -> bool:
        """Whether the tolerance holds at every point."""
        return self.tolerance is None or self.largest <= self.tolerance

    def __float__(self) -> float:
        return self.largest

    def __str__(self) -> str:
        if not len(self.errors):
            return f"projection error {self.training:.1e} of the training runs"
        where = "held-back" if self.held_back else "training"
        return f"error {self.largest:.1e} at {len(self.errors)} {where} point{'s' * (len(self.errors) > 1)}"


def relative_error(approximation: FloatArray, reference: FloatArray, weights: FloatArray) -> float:
    """Return the relative error of a trajectory (size, nt) in the weighted mean square; infinite if not finite."""
    if approximation.shape != reference.shape or not np.isfinite(approximation).all():
        return float("inf")
    size = float(np.sum(weights @ reference**2))
    error = float(np.sum(weights @ (approximation - reference) ** 2))
    return float(np.sqrt(error / size)) if size > 0 else float(np.sqrt(error))
