"""Streaming POD: snapshots arrive in blocks and are forgotten; what is discarded is accounted for."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ritz.reduced_order.estimator import (
    Estimator,
    FloatArray,
    as_columns,
    check_rank_and_tol,
    choose_rank,
    discarded_energy,
)
from ritz.reduced_order.pod import check_weights, svd, weighted_coefficients


class IncrementalPOD(Estimator):
    """POD of a stream of snapshot blocks, with memory for the basis and one block only.

    Each block updates the decomposition through the singular values of a small matrix (Brand 2002): the part of the
    block inside the basis, and the triangular factor of the part outside. Every truncation adds its discarded norm to
    a running sum, so `error_bound_` bounds the true error of all snapshots seen.

    Args:
        rank: modes to keep at most after each block; None for no limit.
        tol: relative error of one truncation against all energy seen so far; None keeps everything above round-off.
        weights: (size,) of the inner product; None for ones.
        block: columns handled at once; 8 to 32 keep the work in matrix products.

    Attributes:
        components_: (size, r) modes, orthonormal in the weights.
        singular_values_: (r,).
        rank_: r.
        n_samples_seen_: snapshots so far.
        energy_: sum of squared norms of all snapshots so far.
        discarded_energy_: sum of the squared singular values discarded so far.
        error_bound_: upper bound of ``norm(snapshots - their projection)`` (Frobenius, weighted): the sum of the norms
            discarded at each truncation (triangle inequality).

    Example:
        >>> pod = IncrementalPOD(tol=1e-8)
        >>> for block in np.split(np.outer(np.arange(6.0), np.arange(10.0)), 5, axis=1):
        ...     pod = pod.partial_fit(block)
        >>> pod.rank_
        1
    """

    components_: FloatArray
    singular_values_: FloatArray
    rank_: int
    n_samples_seen_: int
    energy_: float
    discarded_energy_: float
    error_bound_: float

    def __init__(
        self,
        rank: int | None = None,
        tol: float | None = None,
        weights: npt.ArrayLike | None = None,
        block: int = 16,
    ) -> None:
        self.rank, self.tol, self.weights, self.block = rank, tol, weights, block

    def fit(self, snapshots: npt.ArrayLike, y: Any = None) -> Self:
        """Forget what was seen, then fit a snapshot matrix (size, m) block by block."""
        self.__dict__.pop("n_samples_seen_", None)
        return self.partial_fit(snapshots)

    def partial_fit(self, snapshots: npt.ArrayLike, y: Any = None) -> Self:
        """Take in further snapshots (size, m).

        Raises:
            ValueError: when the length differs from the one seen before, or a value is not finite.
        """
        data = as_columns(snapshots, "snapshots")
        check_rank_and_tol(self.rank, self.tol)
        if "n_samples_seen_" not in self.__dict__:
            self._root = np.sqrt(check_weights(self.weights, len(data)))
            self._q = np.zeros((len(data), 0))
            self.singular_values_ = np.zeros(0)
            self.n_samples_seen_, self.energy_, self.discarded_energy_, self.error_bound_ = 0, 0.0, 0.0, 0.0
        if len(data) != len(self._root):
            raise ValueError(f"Snapshots have {len(data)} rows; those seen before had {len(self._root)}.")
        for start in range(0, data.shape[1], self.block):
            self._update(data[:, start : start + self.block] * self._root[:, None])
        self.components_ = self._q / np.where(self._root > 0, self._root, np.inf)[:, None]
        self.rank_ = len(self.singular_values_)
        return self

    def _update(self, columns: FloatArray) -> None:
        inside = self._q.T @ columns
        outside = columns - self._q @ inside
        correction = self._q.T @ outside  # the second pass keeps the new directions orthogonal to the old
        inside, outside = inside + correction, outside - self._q @ correction
        new, triangle = np.linalg.qr(outside)
        r = len(self.singular_values_)
        core = np.block([[np.diag(self.singular_values_), inside], [np.zeros((len(triangle), r)), triangle]])
        left, sigma, _ = svd(core)
        self.n_samples_seen_ += columns.shape[1]
        self.energy_ += float(np.sum(columns**2))
        keep = choose_rank(sigma, 0.0, self.rank, self.tol, self.n_samples_seen_ * np.finfo(float).eps)
        lost = float(discarded_energy(sigma)[keep])
        self.discarded_energy_ += lost
        self.error_bound_ += float(np.sqrt(lost))
        self._q = np.hstack([self._q, new]) @ left[:, :keep]
        self.singular_values_ = sigma[:keep]
        if np.abs(self._q.T @ self._q - np.eye(keep)).max() > 1e-12:
            self._reorthonormalize()

    def _reorthonormalize(self) -> None:
        self._q, triangle = np.linalg.qr(self._q)
        left, self.singular_values_, _ = svd(triangle * self.singular_values_)
        self._q = self._q @ left

    def transform(self, states: npt.ArrayLike) -> FloatArray:
        """Return the coefficients (r,) or (r, m) of states (size,) or (size, m)."""
        return weighted_coefficients(self.components_, self._root**2, np.zeros(len(self._root)), states)

    def inverse_transform(self, coefficients: npt.ArrayLike) -> FloatArray:
        """Return the states (size,) or (size, m) of coefficients (r,) or (r, m)."""
        return np.asarray(self.components_ @ np.asarray(coefficients, dtype=np.float64))
