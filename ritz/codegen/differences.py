"""Sparse Jacobians by differences: columns that share no row are perturbed together.

Source: A. R. Curtis, M. J. D. Powell, J. K. Reid, "On the estimation of sparse Jacobian matrices", J. Inst. Maths
Applics 13 (1974) 117-119.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Function = Callable[[Array], Array]
STEP = float(np.finfo(float).eps) ** (1 / 3)  # of central differences


def colours(pattern: Any) -> NDArray[np.int64]:
    """Number the columns of a sparse matrix so that columns with one number share no row.

    Args:
        pattern: (m, n) sparse matrix; only the places of its entries matter.

    Returns:
        (n,) numbers from 0; columns are taken from the fullest to the emptiest.

    Example:
        >>> from scipy.sparse import diags_array
        >>> int(colours(diags_array([1.0, 1.0, 1.0], offsets=[-1, 0, 1], shape=(9, 9))).max()) + 1
        3
    """
    by_columns, by_rows = pattern.tocsc(), pattern.tocsr()
    n = by_columns.shape[1]
    found = np.full(n, -1, np.int64)
    for j in np.argsort(-np.diff(by_columns.indptr), kind="stable"):
        rows = by_columns.indices[by_columns.indptr[j] : by_columns.indptr[j + 1]]
        parts = [by_rows.indices[by_rows.indptr[i] : by_rows.indptr[i + 1]] for i in rows]
        taken = np.unique(found[np.concatenate(parts)]) if parts else np.empty(0, np.int64)
        taken = taken[taken >= 0]
        gaps = np.flatnonzero(taken != np.arange(taken.size))
        found[j] = gaps[0] if gaps.size else taken.size
    return found


def typical_sizes(u: Array) -> Array:
    """A size for each unknown: its own, or for zeros a thousandth of the largest one (of 1 where all are zero)."""
    sizes = np.abs(u)
    return np.where(sizes > 0, sizes, 1e-3 * (float(sizes.max(initial=0.0)) or 1.0))


def steps_at(u: Array, typical: Array) -> Array:
    """Steps of central differences, by the size of each unknown and what it usually is."""
    return np.asarray((u + STEP * np.maximum(np.abs(u), 0.1 * typical)) - u)


def dense_difference(f: Function, u: Array, typical: Array | None = None) -> Array:
    """(m, n) Jacobian of `f` at `u`, column by column."""
    steps, columns = steps_at(u, typical_sizes(u) if typical is None else typical), []
    for j, h in enumerate(steps):
        up, down = u.copy(), u.copy()
        up[j] += h
        down[j] -= h
        columns.append((f(up) - f(down)) / (up[j] - down[j]))
    return np.stack(columns, axis=1)


class ColouredDifferences:
    """The Jacobian of a function in a pattern that is known or found.

    Args:
        size: number of unknowns.
        pattern: (size, size) sparse matrix whose entries mark what may depend on what; None: it is found by
            differences column by column at the first state, and again where a check along a random direction shows
            that something is missing.
    """

    MISSING = 1e-4  # relative mismatch along a direction that shows a gap in the pattern

    def __init__(self, size: int, pattern: Any = None) -> None:
        self.size, self.found = size, pattern is None
        self._direction = np.random.default_rng(7).uniform(0.5, 1.0, size)
        self._pattern: Any = None
        self._typical: Array | None = None  # largest sizes seen: an unknown that is small later is so by chance
        if pattern is not None:
            self._take(pattern)

    @property
    def _sizes(self) -> Array:
        assert self._typical is not None
        return self._typical

    def _take(self, pattern: Any) -> None:
        from scipy.sparse import csc_array

        self._pattern = csc_array(pattern)
        self._pattern.sum_duplicates()
        self._colours = colours(self._pattern)
        self._columns = np.repeat(np.arange(self.size), np.diff(self._pattern.indptr))

    def _extend(self, f: Function, u: Array) -> None:
        """Look for entries at this state and at one beside it."""
        from scipy.sparse import csc_array

        beside = u + 0.01 * self._sizes * self._direction
        marks = (dense_difference(f, u, self._sizes) != 0) | (dense_difference(f, beside, self._sizes) != 0)
        if self._pattern is not None:
            marks |= self._pattern.toarray() != 0
        self._take(csc_array(marks.astype(float)))

    def __call__(self, f: Function, u: Array) -> Any:
        """The (size, size) `scipy.sparse.csc_array` of df/du at `u`."""
        self._typical = typical_sizes(u) if self._typical is None else np.maximum(self._typical, np.abs(u))
        if self._pattern is None:
            self._extend(f, u)
        matrix = self._evaluate(f, u)
        if self.found and self._incomplete(f, u, matrix):
            self._extend(f, u)
            matrix = self._evaluate(f, u)
        return matrix

    def _evaluate(self, f: Function, u: Array) -> Any:
        from scipy.sparse import csc_array

        steps, p = steps_at(u, self._sizes), self._pattern
        data = np.empty(p.indices.size)
        for colour in range(int(self._colours.max(initial=-1)) + 1):
            chosen = self._colours == colour
            up, down = np.where(chosen, u + steps, u), np.where(chosen, u - steps, u)
            change = f(up) - f(down)
            mine = chosen[self._columns]
            columns = self._columns[mine]
            data[mine] = change[p.indices[mine]] / (up - down)[columns]
        return csc_array((data, p.indices, p.indptr), shape=p.shape)

    def _incomplete(self, f: Function, u: Array, matrix: Any) -> bool:
        steps = steps_at(u, self._sizes) * self._direction
        change = f(u + steps) - f(u - steps)
        predicted = 2 * (matrix @ steps)
        scale = 2 * (abs(matrix) @ np.abs(steps)) + np.abs(change)
        return bool(np.any(np.abs(change - predicted) > self.MISSING * np.maximum(scale, 1e-6 * scale.max(initial=0))))
