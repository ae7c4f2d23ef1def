"""Empirical cubature: a few cells with weights that replace the sum over all cells."""

from __future__ import annotations

from typing import Self

import numpy as np

from ritz.reduced_order.estimator import Estimator, FloatArray, as_columns
from ritz.reduced_order.pod import svd

LEAST = 1e-14  # a residual of this share of the sums is round-off
UPRIGHT = 1e-10  # a cell whose cosine with what is missing is smaller cannot help


class Cubature(Estimator):
    """Weights, most of them zero, with ``contributions @ weights_ ~ contributions.sum(axis=1)``.

    A non-negative least-squares problem is solved by the active-set method of Lawson and Hanson (Solving Least Squares
    Problems, 1974, chapter 23), which is stopped as soon as the tolerance is met: cells join one by one, that with the
    largest correlation with what is missing first, and leave again where their weight would become negative. The rows
    are first replaced by their leading right singular vectors, scaled, which changes no residual above `tol`.

    Source: C. Farhat, T. Chapman, P. Avery, "Structure-preserving, stability, and accuracy properties of the
    energy-conserving sampling and weighting method", Int. J. Numer. Meth. Eng. 102 (2015) 1077-1110, algorithm 2.

    Args:
        tol: norm of what is missing, relative to the norm of all sums.

    Attributes:
        weights_: (cells,) not negative.
        cells_: cells with a positive weight, increasing.
        error_: relative residual reached.

    Example:
        >>> import numpy as np
        >>> rows = np.polynomial.legendre.legvander(np.linspace(-1, 1, 101), 4).T
        >>> rule = Cubature(tol=1e-10).fit(rows)
        >>> len(rule.cells_) <= 5, bool(rule.error_ <= 1e-10)
        (True, True)
    """

    def __init__(self, tol: float = 1e-4) -> None:
        self.tol = tol

    def fit(self, contributions: FloatArray) -> Self:
        """Find the weights.

        Args:
            contributions: (conditions, cells): what each cell adds to each sum.
        """
        given = as_columns(contributions, "contributions")
        sums = given.sum(axis=1)
        size = float(np.linalg.norm(sums))
        self.weights_ = np.zeros(given.shape[1])
        if size > 0:
            left, sigma, _ = svd(np.asarray(np.linalg.qr(given.T, mode="r")).T)  # the cells, often many, drop out
            kept = max(1, int(np.count_nonzero(sigma * np.sqrt(given.shape[1]) > 0.01 * self.tol * size)))
            rows = left[:, :kept].T @ given
            self._grow(rows, rows.sum(axis=1), size)
        self.cells_ = np.flatnonzero(self.weights_)
        missing = float(np.linalg.norm(given @ self.weights_ - sums))
        self.error_ = missing / size if size > 0 else 0.0
        return self

    def _grow(self, rows: FloatArray, sums: FloatArray, size: float) -> None:
        weights, active = self.weights_, np.zeros(rows.shape[1], dtype=bool)
        refused = np.zeros(rows.shape[1], dtype=bool)
        missing = sums - rows @ weights
        for _ in range(3 * min(rows.shape)):
            left = float(np.linalg.norm(missing))
            if left <= max(0.9 * self.tol, LEAST) * size:
                return
            gain = np.where(active | refused, -np.inf, rows.T @ missing)
            best = int(np.argmax(gain))
            if not gain[best] > UPRIGHT * left * float(np.linalg.norm(rows[:, best])):
                return
            active[best] = True
            self._settle(rows, sums, active)
            refused[:] = False
            refused[best] = not active[best]  # it left at once: rounding; the next one is tried
            missing = sums - rows @ weights

    def _settle(self, rows: FloatArray, sums: FloatArray, active: np.ndarray) -> None:
        """Least squares on the active cells; those whose weights would become negative leave."""
        weights = self.weights_
        while active.any():
            places = np.flatnonzero(active)
            wanted = np.linalg.lstsq(rows[:, places], sums, rcond=None)[0]
            bad = wanted <= 0
            if not bad.any():
                weights[:] = 0.0
                weights[places] = wanted
                return
            now = weights[places]
            step = float(np.min(now[bad] / np.maximum(now[bad] - wanted[bad], 1e-300)))
            moved = now + step * (wanted - now)
            leaving = bad & (moved <= 1e-15 * max(float(moved.max()), 1e-300))
            moved[leaving] = 0.0
            weights[places] = moved
            active[places[leaving]] = False
