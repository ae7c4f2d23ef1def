"""Proper orthogonal decomposition of snapshots: the best basis of a given size, in a weighted norm."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.linalg as sla

from ritz.errors import AccuracyWarning
from ritz.reduced_order.estimator import (
    Estimator,
    FloatArray,
    Seed,
    as_columns,
    check_choice,
    choose_rank,
    discarded_energy,
)

METHODS = ("svd", "randomized", "snapshots")


def orthonormalize(basis: FloatArray, weights: FloatArray) -> FloatArray:
    """Return a basis of the same span with ``basis.T @ diag(weights) @ basis = I`` to round-off.

    Two passes of QR: one pass leaves an error that grows with the condition number of `basis`, the second removes it.
    Directions and signs of the columns are kept (the triangular factors have a positive diagonal). Rows of weight zero
    carry no norm and are left zero.

    Args:
        basis: (size, r) independent columns.
        weights: (size,) not negative.
    """
    root = np.sqrt(weights)
    q = basis * root[:, None]
    for _ in range(2):
        q, r = np.linalg.qr(q)
        q *= np.where(np.diag(r) < 0, -1.0, 1.0)
    return q / np.where(root > 0, root, np.inf)[:, None]


def leading_singular(
    matrix: FloatArray, rank: int | None, tol: float | None, *, rng: Seed, oversample: int = 10, n_power: int = 2
) -> tuple[FloatArray, FloatArray, float]:
    """Return left singular vectors and values of a matrix from random samples of its range.

    The expected squared error of the sampled range without power steps is at most ``1 + k / (oversample - 1)`` times
    the best one (Halko, Martinsson and Tropp 2011, Theorem 10.5); each power step sharpens it for slowly decaying
    spectra. Without a rank the sample grows until the part outside is below `tol` times the whole.

    Args:
        matrix: (n, m).
        rank: number k of triples wanted; None to let `tol` decide.
        tol: relative Frobenius error at which the sample stops growing.
        rng: seed or generator.
        oversample: extra samples.
        n_power: power steps, each with an orthonormalisation.

    Returns:
        vectors (n, k'), values (k',) and the squared Frobenius norm of what the sample leaves outside.
    """
    generator = np.random.default_rng(rng)
    total = float(np.sum(matrix**2))
    width = (rank if rank is not None else 32) + oversample
    while True:
        if width >= min(matrix.shape):
            left, sigma, _ = svd(matrix)
            return left, sigma, 0.0
        q = np.linalg.qr(matrix @ generator.standard_normal((matrix.shape[1], width)))[0]
        for _ in range(n_power):
            q = np.linalg.qr(matrix @ np.linalg.qr(matrix.T @ q)[0])[0]
        small = q.T @ matrix
        outside = float(np.sum((matrix - q @ small) ** 2))
        if rank is not None or outside <= (tol or 1e-12) ** 2 * total:
            left, sigma, _ = svd(small)
            return q @ left, sigma, outside
        width *= 2


def svd(matrix: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the thin singular value decomposition; tall matrices go through QR first, which costs less."""
    q = None
    if matrix.shape[0] > 2 * matrix.shape[1]:
        q, matrix = np.linalg.qr(matrix)
    try:
        left, sigma, right = sla.svd(matrix, full_matrices=False, check_finite=False)
    except np.linalg.LinAlgError:  # divide and conquer may fail where the slower driver does not
        left, sigma, right = sla.svd(matrix, full_matrices=False, check_finite=False, lapack_driver="gesvd")
    return (left if q is None else q @ left), sigma, right


def field_scales(snapshots: FloatArray, weights: FloatArray, groups: npt.ArrayLike | None) -> FloatArray:
    """Return per row the size of its field relative to the mean over fields, so that no field owns the basis.

    Args:
        snapshots: (size, m).
        weights: (size,) of the norm.
        groups: (n_fields, 2) first row and one past the last of every field; None for one field.

    Returns:
        (size,) scales, constant on each field; 1 for a single field and for fields that are zero.
    """
    scale = np.ones(len(snapshots))
    if groups is None:
        return scale
    blocks = [slice(int(a), int(b)) for a, b in np.asarray(groups)]
    energy = np.array([np.sum(weights[b, None] * snapshots[b] ** 2) for b in blocks])
    present = energy > 1e-28 * energy.max()
    if present.sum() > 1:
        for block, e, there in zip(blocks, energy, present, strict=True):
            scale[block] = np.sqrt(e / energy[present].mean()) if there else 1.0
    return scale


class POD(Estimator):
    """Proper orthogonal decomposition: ``snapshots ~ mean_ + components_ @ coefficients``.

    Among all bases of r columns this one has the smallest sum of squared projection errors over the snapshots, and
    that sum is the sum of the discarded squared singular values (Eckart and Young 1936). Snapshots are *columns*.

    Args:
        rank: number of modes to keep at most; None for no limit.
        tol: relative projection error over all snapshots, ``sqrt(discarded / total energy)``; None for no limit.
            Without rank and tol every mode above round-off is kept.
        method: ``"svd"`` (accurate; the default), ``"randomized"`` (for large snapshot sets; see `leading_singular`)
            or ``"snapshots"`` (eigenvalues of the Gram matrix: quick, but what lies below 1e-8 of the first is lost).
        weights: (size,) inner product ``sum(weights * u * v)``, for example `StateLayout.weights`; None for ones.
        center: subtract the mean of the snapshots. The space is then affine.
        scale_fields: give every field of `groups` the same mean square before the decomposition.
        groups: (n_fields, 2) first and one past the last row of every field.
        rng: seed or `numpy.random.Generator` of the randomised method.

    Attributes:
        components_: (size, r) modes, orthonormal in `weights_`.
        singular_values_: (k,) all that were computed, k >= r, in the norm of `weights_`.
        mean_: (size,) zero unless centred.
        weights_: (size,) weights divided by the squared scale of each field.
        rank_: r.
        projection_error_: sqrt of the sum of squared projection errors of the snapshots.
        relative_error_: the same over the norm of all snapshots.

    Example:
        >>> x = np.linspace(0, 1, 50)[:, None]
        >>> pod = POD(tol=1e-10).fit(np.sin(x + np.linspace(0, 1, 20)))
        >>> pod.rank_
        2
    """

    components_: FloatArray
    singular_values_: FloatArray
    mean_: FloatArray
    weights_: FloatArray
    rank_: int
    projection_error_: float
    relative_error_: float

    def __init__(
        self,
        rank: int | None = None,
        tol: float | None = None,
        method: str = "svd",
        weights: npt.ArrayLike | None = None,
        center: bool = False,
        scale_fields: bool = True,
        groups: npt.ArrayLike | None = None,
        rng: Seed = None,
    ) -> None:
        self.rank, self.tol, self.method, self.weights = rank, tol, method, weights
        self.center, self.scale_fields, self.groups, self.rng = center, scale_fields, groups, rng

    def fit(self, snapshots: npt.ArrayLike, y: Any = None) -> Self:
        """Compute the basis of a snapshot matrix (size, m).

        Raises:
            ValueError: for values that are not finite, a rank above the number of snapshots or of rows, negative
                weights.
        """
        data = as_columns(snapshots, "snapshots")
        check_choice(self.method, METHODS, "method")
        if self.rank is not None and self.rank > min(data.shape):
            raise ValueError(
                f"rank={self.rank} asks for more modes than {data.shape[1]} snapshots of {data.shape[0]} values can "
                f"give. Use rank <= {min(data.shape)} or more snapshots."
            )
        weights = check_weights(self.weights, len(data))
        self.mean_ = data.mean(axis=1) if self.center else np.zeros(len(data))
        if self.center:
            data = data - self.mean_[:, None]
        scale = field_scales(data, weights, self.groups) if self.scale_fields else np.ones(len(data))
        self.weights_ = weights / scale**2
        self._decompose(data)
        return self

    def _decompose(self, data: FloatArray) -> None:
        root = np.sqrt(self.weights_)
        scaled = data * root[:, None]
        floor, outside = max(data.shape) * np.finfo(float).eps, 0.0
        if self.method == "randomized":
            left, sigma, outside = leading_singular(scaled, self.rank, self.tol, rng=self.rng)
        elif self.method == "snapshots":
            values, right = sla.eigh(scaled.T @ scaled)
            sigma = np.sqrt(np.maximum(values[::-1], 0.0))
            floor = np.sqrt(floor)
            left = scaled @ (right[:, ::-1] / np.where(sigma > floor * sigma[0], sigma, np.inf))
        else:
            left, sigma, _ = svd(scaled)
        rank = choose_rank(sigma, outside, self.rank, self.tol, floor)
        if self.rank is not None and rank < self.rank and self.tol is None:
            warnings.warn(
                f"Only {rank} of the {self.rank} modes asked for are above round-off; the snapshots have rank {rank}.",
                AccuracyWarning,
                stacklevel=4,
            )
        modes = left[:, :rank] / np.where(root > 0, root, np.inf)[:, None]
        modes = orthonormalize(modes, self.weights_) if sigma[0] > 0 else np.zeros_like(modes)
        top = np.argmax(np.abs(modes), axis=0)
        self.components_ = modes * np.where(modes[top, np.arange(rank)] < 0, -1.0, 1.0)
        self.singular_values_, self.rank_ = sigma, rank
        tails = discarded_energy(sigma) + outside
        self.projection_error_ = float(np.sqrt(tails[rank]))
        self.relative_error_ = float(np.sqrt(tails[rank] / tails[0])) if tails[0] > 0 else 0.0

    def transform(self, states: npt.ArrayLike) -> FloatArray:
        """Return the coefficients (r,) or (r, m) of the best approximation of states (size,) or (size, m)."""
        return weighted_coefficients(self.components_, self.weights_, self.mean_, states)

    def inverse_transform(self, coefficients: npt.ArrayLike) -> FloatArray:
        """Return the states (size,) or (size, m) of coefficients (r,) or (r, m)."""
        states = self.components_ @ np.asarray(coefficients, dtype=np.float64)
        return states + (self.mean_ if states.ndim == 1 else self.mean_[:, None])

    def fit_transform(self, snapshots: npt.ArrayLike, y: Any = None) -> FloatArray:
        """Fit, then return the coefficients (r, m) of the snapshots."""
        return self.fit(snapshots).transform(snapshots)

    def error(self, states: npt.ArrayLike) -> FloatArray:
        """Return the projection error of each state (size,) or column (size, m) in the norm of `weights_`."""
        rest = np.asarray(states, dtype=np.float64) - self.inverse_transform(self.transform(states))
        return np.asarray(np.sqrt(np.sum((rest.T * rest.T) * self.weights_, axis=-1)))


def weighted_coefficients(
    basis: FloatArray, weights: FloatArray, mean: FloatArray, states: npt.ArrayLike
) -> FloatArray:
    """Return ``basis.T @ diag(weights) @ (states - mean)`` for states (size,) or (size, m)."""
    values = np.asarray(states, dtype=np.float64)
    values = values - (mean if values.ndim == 1 else mean[:, None])
    return np.asarray(basis.T @ (values * (weights if values.ndim == 1 else weights[:, None])))


def check_weights(weights: npt.ArrayLike | None, size: int) -> FloatArray:
    """Return the weights as an array of the right length.

    Raises:
        ValueError: for a wrong shape or a negative weight.
    """
    if weights is None:
        return np.ones(size)
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (size,):
        raise ValueError(f"weights must have one entry for each of the {size} rows; found shape {array.shape}.")
    if not (array >= 0).all():
        raise ValueError(f"weights must not be negative; found {array.min()} in row {int(array.argmin())}.")
    return array
