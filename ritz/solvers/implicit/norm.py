"""The error norm of `ritz.solve` in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class ErrorNorm:
    """Size of an error relative to the tolerances, as `ritz.solvers.stepping` defines it.

    Args:
        rtol, atol: tolerances; atol is (1,), (size,) or (groups,).
        groups: (groups, 2) blocks of the state that are measured as a whole, or None.
        weights: (size,) quadrature weights for these.
        active: (size,) which unknowns count; None: all. Multipliers without time derivative do not.
    """

    def __init__(self, rtol: float, atol: Array, groups: Any, weights: Array, active: Any = None) -> None:
        self.rtol, self.atol, self.weights = rtol, atol, np.asarray(weights, dtype=float)
        self.active = active
        self.groups = None if groups is None else [(int(a), int(b)) for a, b in groups]

    def __call__(self, error: Array, old: Array, new: Array) -> float:
        """The norm; infinite where a state is not finite."""
        with np.errstate(all="ignore"):
            value = self._components(error, old, new) if self.groups is None else self._fields(error, old, new)
        return value if np.isfinite(value) else np.inf

    def _components(self, error: Array, old: Array, new: Array) -> float:
        scaled = error / (self.atol + self.rtol * np.maximum(np.abs(old), np.abs(new)))
        if self.active is not None:
            scaled = scaled[self.active]
        return float(np.sqrt(scaled @ scaled / max(1, scaled.size)))

    def _fields(self, error: Array, old: Array, new: Array) -> float:
        assert self.groups is not None
        atol = np.broadcast_to(self.atol, (len(self.groups),))
        total, counted = 0.0, 0
        for k, (a, b) in enumerate(self.groups):
            part = slice(a, b) if self.active is None else a + np.flatnonzero(self.active[a:b])
            w = self.weights[part]
            if not w.size:
                continue
            sizes = [float(np.sqrt(w @ x[part] ** 2)) for x in (error, old, new)]
            total += (sizes[0] / (atol[k] + self.rtol * max(sizes[1:]))) ** 2
            counted += 1
        return float(np.sqrt(total / max(1, counted)))

    def tightened(self, rtol: float, like: Array) -> ErrorNorm:
        """The same norm with a relative tolerance of at most `rtol`, and absolute ones to match the size of a state."""
        typical = float(np.sqrt(np.mean(np.square(like)))) if like.size else 0.0
        atol = np.minimum(self.atol, rtol * typical) if typical else self.atol * min(1.0, rtol / max(self.rtol, 1e-300))
        return ErrorNorm(min(self.rtol, rtol), np.maximum(atol, 1e-300), self.groups, self.weights, self.active)
