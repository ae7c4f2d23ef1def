"""Empirical interpolation: a few points of a field fix the whole of it, within a family (EIM, DEIM, Q-DEIM, gappy)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.linalg as sla

from ritz.reduced_order.estimator import Estimator, FloatArray, IntArray, Seed, as_columns, check_choice
from ritz.reduced_order.pod import POD

DEIM_METHODS = ("deim", "qdeim")


def deim_points(basis: FloatArray) -> IntArray:
    """Pick one row for every column of a basis, greedily (Chaturantabut and Sorensen 2010, Algorithm 1).

    Each new row is where the next column differs most from its interpolation by the columns before it.

    Args:
        basis: (n, m) independent columns, m <= n.

    Returns:
        (m,) distinct rows in the order chosen.

    Raises:
        ValueError: if a column depends on those before it.

    Example:
        >>> deim_points(np.eye(4)[:, :2])
        array([0, 1])
    """
    rows: list[int] = []
    for k in range(basis.shape[1]):
        rest = basis[:, k]
        if k:
            rest = rest - basis[:, :k] @ np.linalg.solve(basis[rows, :k], basis[rows, k])
        row = int(np.argmax(np.abs(rest)))
        if abs(rest[row]) <= 1e-14 * np.abs(basis[:, k]).max():
            raise ValueError(f"Column {k} of the basis depends on the columns before it; use an orthonormal basis.")
        rows.append(row)
    return np.array(rows, dtype=np.int64)


def qdeim_points(basis: FloatArray) -> IntArray:
    """Pick one row for every column by QR with column pivoting of the transpose (Drmac and Gugercin 2016).

    The points depend on the span only, not on the basis chosen in it.

    Args:
        basis: (n, m) independent columns, m <= n.

    Returns:
        (m,) distinct rows, most important first.
    """
    pivots = sla.qr(basis.T, mode="r", pivoting=True)[-1]
    return np.asarray(pivots[: basis.shape[1]], dtype=np.int64)


def add_points(basis: FloatArray, rows: IntArray, count: int) -> IntArray:
    """Add rows one by one, each the one that lowers the squared sizes of the fit's errors most.

    The mean squared error of a least-squares fit from noisy values is the trace of ``inv(S.T @ S)``, with ``S =
    basis[rows]``. One row ``b`` more lowers it by ``|inv(S.T @ S) b|^2 / (1 + b.T inv(S.T @ S) b)`` (Sherman and
    Morrison 1950; the A-optimal choice of Atkinson, Donev and Tobias 2007, chapter 10). The inverse is updated, so
    a row costs O(n m).

    Args:
        basis: (n, m) orthonormal columns.
        rows: rows taken already, at least m.
        count: how many to add; stops early when every row is taken.

    Returns:
        all rows, the given ones first.
    """
    taken = [int(row) for row in rows]
    if count <= 0:
        return np.array(taken, dtype=np.int64)
    _, sigma, right = np.linalg.svd(basis[taken], full_matrices=False)
    scaled = right.T / np.maximum(sigma, 1e-7 * sigma[0])
    solved = basis @ (scaled @ scaled.T)  # row i is inv(S.T @ S) b_i
    leverage = np.einsum("ij,ij->i", solved, basis)
    free = np.ones(len(basis), dtype=bool)
    free[taken] = False
    for _ in range(min(count, int(free.sum()))):
        gain = np.einsum("ij,ij->i", solved, solved) / (1 + leverage)
        row = int(np.argmax(np.where(free, gain, -np.inf)))
        reach, share = solved @ basis[row], 1 + leverage[row]
        solved -= np.outer(reach, solved[row] / share)
        leverage -= reach**2 / share
        free[row] = False
        taken.append(row)
    return np.array(taken, dtype=np.int64)


class DEIM(Estimator):
    """Discrete empirical interpolation of a family of fields: ``field ~ projector_ @ field[indices_]``.

    Args:
        rank: number of modes; None lets `tol` decide.
        tol: relative projection error of the snapshots.
        method: ``"qdeim"`` (pivoted QR; smaller constants) or ``"deim"`` (greedy).
        oversampling: extra points beyond one a mode; the coefficients are then a least-squares fit (gappy POD,
            Everson and Sirovich 1995), steadier for noisy data and explicit time stepping.
        weights: (n,) of the inner product of the modes; None for ones.
        rng: seed of the randomised decomposition used for very large snapshot sets; the default is the exact one.

    Attributes:
        basis_: (n, m) modes, orthonormal in the weights.
        indices_: (m + oversampling,) rows.
        projector_: (n, m + oversampling): ``basis_ @ pinv(basis_[indices_])``.
        constant_: how much the interpolation can amplify the best error (the 2-norm of the oblique projection in the
            weights).
        singular_values_: of the snapshots (absent after `fit_basis`).
        error_bound_: constant_ times the projection error of the snapshots: a bound of the interpolation error of all
            of them together (absent after `fit_basis`).

    Example:
        >>> x = np.linspace(0, 1, 200)[:, None]
        >>> family = np.exp(-x * np.linspace(1, 3, 30))
        >>> deim = DEIM(tol=1e-8).fit(family)
        >>> bool(np.abs(deim.predict(family[deim.indices_]) - family).max() < 1e-6)
        True
    """

    basis_: FloatArray
    indices_: IntArray
    projector_: FloatArray
    constant_: float
    singular_values_: FloatArray
    error_bound_: float

    def __init__(
        self,
        rank: int | None = None,
        tol: float | None = None,
        method: str = "qdeim",
        oversampling: int = 0,
        weights: npt.ArrayLike | None = None,
        rng: Seed = None,
    ) -> None:
        self.rank, self.tol, self.method, self.oversampling = rank, tol, method, oversampling
        self.weights, self.rng = weights, rng

    def fit(self, snapshots: npt.ArrayLike, y: Any = None) -> Self:
        """Learn modes and points from snapshots (n, k), one a column.

        Raises:
            ValueError: as `POD.fit`.
        """
        how = "randomized" if self.rng is not None else "svd"
        pod = POD(self.rank, self.tol, method=how, weights=self.weights, rng=self.rng).fit(snapshots)
        self.fit_basis(pod.components_)
        self.singular_values_ = pod.singular_values_
        self.error_bound_ = self.constant_ * pod.projection_error_
        return self

    def fit_basis(self, basis: npt.ArrayLike, rows: npt.ArrayLike | None = None) -> Self:
        """Choose points for given modes (n, m), orthonormal in the weights, or take given ones (gappy POD).

        Raises:
            ValueError: if the modes depend on each other or outnumber the rows.
        """
        check_choice(self.method, DEIM_METHODS, "method")
        modes = as_columns(basis, "basis")
        if modes.shape[1] > modes.shape[0]:
            raise ValueError(f"{modes.shape[1]} modes cannot be interpolated at {modes.shape[0]} points.")
        if rows is not None:
            indices = np.asarray(rows, dtype=np.int64)
            if len(indices) < modes.shape[1]:
                raise ValueError(f"{modes.shape[1]} modes need at least as many points; found {len(indices)}.")
            return self._set(modes, indices)
        chosen = deim_points(modes) if self.method == "deim" else qdeim_points(modes)
        if self.oversampling:
            chosen = add_points(modes, chosen, self.oversampling)
        return self._set(modes, chosen)

    def _set(self, modes: FloatArray, rows: IntArray) -> Self:
        root = np.ones(len(modes)) if self.weights is None else np.sqrt(np.asarray(self.weights, dtype=np.float64))
        left, sigma, right = np.linalg.svd(modes[rows], full_matrices=False)
        if sigma[-1] <= 1e-13 * sigma[0]:
            raise ValueError("The modes cannot be told apart at the points chosen; their rows are rank deficient.")
        inverse = (right.T / sigma) @ left.T
        self.basis_, self.indices_ = modes, rows
        self.projector_ = modes @ inverse
        seen = np.where(root[rows] > 0, root[rows], np.inf)
        self.constant_ = float(np.linalg.norm(inverse / seen, 2)) if self.weights is not None else float(1 / sigma[-1])
        return self

    def with_points(self, rows: npt.ArrayLike) -> DEIM:
        """Return the same modes fitted at other points (gappy POD): at least as many as modes.

        Raises:
            ValueError: if there are too few points or the modes cannot be told apart there.
        """
        return DEIM(**self.get_params()).fit_basis(self.basis_, rows)

    def transform(self, values: npt.ArrayLike) -> FloatArray:
        """Return the mode coefficients from the values (k,) or (k, m) at `indices_`."""
        rows = self.basis_[self.indices_]
        return np.asarray(np.linalg.lstsq(rows, np.asarray(values, dtype=np.float64), rcond=None)[0], dtype=np.float64)

    def predict(self, values: npt.ArrayLike) -> FloatArray:
        """Return the whole field(s) from the values (k,) or (k, m) at `indices_`."""
        return np.asarray(self.projector_ @ np.asarray(values, dtype=np.float64))

    def error_bound(self, fields: npt.ArrayLike) -> FloatArray:
        """Return constant_ times the best-approximation error of each field (n,) or column (n, m).

        The interpolation error is never larger (Chaturantabut and Sorensen 2010, Lemma 3.2).
        """
        values = np.asarray(fields, dtype=np.float64)
        weights = np.ones(len(values)) if self.weights is None else np.asarray(self.weights, dtype=np.float64)
        rest = values - self.basis_ @ (self.basis_.T @ (values.T * weights).T)
        return np.asarray(self.constant_ * np.sqrt(np.sum((rest.T * rest.T) * weights, axis=-1)))


class EIM(Estimator):
    """Empirical interpolation in the maximum norm (Barrault, Maday, Nguyen and Patera 2004).

    Greedy: the worst sample of the family is interpolated next, at the place where its error is largest.

    Args:
        rank: number of terms at most; None for no limit.
        tol: stop when the largest error over the samples falls below ``tol`` times the largest sample value.
            Below 1e-10 round-off enters the triangle, so that is the least ever used.

    Attributes:
        basis_: (n, d) functions, 1 at their own point, 0 at the points before.
        indices_: (d,) points. samples_: (d,) columns of the family that were picked.
        matrix_: (d, d) ``basis_[indices_]``, unit lower triangular, entries at most 1 in size.
        errors_: (d,) largest error over the family after 1 ... d terms.
        lebesgue_constant_: largest sum of the sizes of the cardinal functions, at most ``2**d - 1``.

    Example:
        >>> x, mu = np.linspace(0, 1, 200)[:, None], np.linspace(1, 2, 30)
        >>> eim = EIM(rank=4).fit(np.exp(-mu * x))
        >>> bool(eim.errors_[-1] < 1e-3)
        True
    """

    basis_: FloatArray
    indices_: IntArray
    samples_: IntArray
    matrix_: FloatArray
    errors_: FloatArray
    lebesgue_constant_: float

    def __init__(self, rank: int | None = None, tol: float | None = None) -> None:
        self.rank, self.tol = rank, tol

    def fit(self, family: npt.ArrayLike, y: Any = None) -> Self:
        """Learn from samples (n, k), one member of the family a column.

        Raises:
            ValueError: for values that are not finite, a family of zeros or a rank that is larger than k or n.
        """
        data = as_columns(family, "family")
        limit = min(data.shape) if self.rank is None else self.rank
        if not 1 <= limit <= min(data.shape):
            raise ValueError(f"rank={self.rank} must lie between 1 and {min(data.shape)} for a family of {data.shape}.")
        size = np.abs(data).max()
        if size == 0:
            raise ValueError("Every member of the family is zero: there is nothing to interpolate.")
        floor = max(self.tol or 0.0, 1e-10) * size
        rest, functions = data.copy(), []
        points: list[int] = []
        samples: list[int] = []
        errors: list[float] = []
        while len(points) < limit and (not errors or errors[-1] > floor):
            sample = int(np.argmax(np.abs(rest).max(axis=0)))
            point = int(np.argmax(np.abs(rest[:, sample])))
            function = rest[:, sample] / rest[point, sample]
            function[points] = 0.0  # exactly so: round-off must not creep into the triangle
            rest = rest - np.outer(function, rest[point])
            functions.append(function)
            points.append(point)
            samples.append(sample)
            errors.append(float(np.abs(rest).max()))
        self.basis_, self.errors_ = np.array(functions).T, np.array(errors)
        self.indices_, self.samples_ = np.array(points, dtype=np.int64), np.array(samples, dtype=np.int64)
        self.matrix_ = self.basis_[self.indices_]
        cardinal = sla.solve_triangular(self.matrix_.T, self.basis_.T, lower=False, unit_diagonal=True)
        self.lebesgue_constant_ = float(np.abs(cardinal).sum(axis=0).max())
        return self

    def transform(self, values: npt.ArrayLike) -> FloatArray:
        """Return the coefficients (d,) or (d, m) from the values (d,) or (d, m) at `indices_`."""
        right = np.asarray(values, dtype=np.float64)
        return np.asarray(sla.solve_triangular(self.matrix_, right, lower=True, unit_diagonal=True))

    def predict(self, values: npt.ArrayLike) -> FloatArray:
        """Return the interpolated field(s) (n,) or (n, m) from the values at `indices_`."""
        return np.asarray(self.basis_ @ self.transform(values))
