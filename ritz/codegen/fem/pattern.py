"""Patterns of sparse matrices over the free unknowns, and the places of cell matrices in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ritz.codegen.fem.driver import locate
from ritz.codegen.fem.space import FemSpace
from ritz.codegen.layout import Array

Block = tuple[int, int, int, int]
APART = 8  # doubles in a line of the cache


@dataclass(eq=False)
class Pattern:
    """A fixed pattern by rows.

    Attributes:
        indptr, indices: int32, columns increasing in every row.
        fixed: entries that no kernel computes: (places, value).
    """

    space: FemSpace
    indptr: Array
    indices: Array
    fixed: list[tuple[Array, float]] = field(default_factory=list)

    @property
    def nnz(self) -> int:
        """Number of entries."""
        return len(self.indices)

    @property
    def length(self) -> int:
        """Numbers that kernels write to: the entries, and behind them places for what belongs to no entry.

        Every part of the mesh has such a place of its own, on a line of the cache of its own.
        """
        parts = {group.part for region in self.space.regions for group in region.groups}
        return self.nnz + APART * (max(parts, default=0) + 2)

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.indptr) - 1

    def positions(self, region: int, blocks: Sequence[Block]) -> Array:
        """(entries of the region, width) int32: where the entries of its cell matrices belong."""
        key = ("positions", id(self), region, tuple(blocks))
        found: Array = self.space.stored(key, lambda: self._positions(region, blocks))
        return found

    def _positions(self, region: int, blocks: Sequence[Block]) -> Array:
        tables = [(self._dofs(region, f, s), self._dofs(region, h, r)) for f, s, h, r in blocks]
        widths = [a.shape[1] * b.shape[1] for a, b in tables]
        to = np.empty((self.space.regions[region].size, sum(widths)), dtype=np.int32)
        start = 0
        for (rows, columns), width in zip(tables, widths, strict=True):
            locate(rows, columns, self.size, self.indptr, self.indices, to, start)
            start += width
        for group in self.space.regions[region].groups:
            mine = to[group.start : group.stop]
            mine[mine == self.nnz] += APART * (group.part + 1)
        return to

    def _dofs(self, region: int, f: int, side: int) -> Array:
        return self.space.dofs(region, f, 0 if side > 0 else 1)

    def matrix(self, values: Array) -> Any:
        """The `scipy.sparse.csr_array` with these values, (nnz,)."""
        from scipy.sparse import csr_array

        for places, value in self.fixed:
            values[places] = value
        return csr_array((values, self.indices, self.indptr), shape=(self.size, self.size))


def pattern_of(
    space: FemSpace,
    regions: Sequence[tuple[int, Sequence[Block]]],
    identities: Sequence[tuple[int, int, float, int]] = (),
) -> Pattern:
    """The union of the patterns of cell matrices.

    Args:
        space: the space.
        regions: (region, blocks of its cell matrices).
        identities: (first row, first column, value, length) of diagonals that stand apart.
    """
    from scipy.sparse import coo_array, csr_array

    n = int(space.numbering.offsets[-1])
    total = csr_array((n, n), dtype=np.int32)
    for region, blocks in regions:
        columns_of: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for f, s, h, r in blocks:
            columns_of.setdefault((f, s), []).append((h, r))
        sharing: dict[tuple[tuple[int, int], ...], list[tuple[int, int]]] = {}
        for row, columns in columns_of.items():  # rows of one kind are found together
            sharing.setdefault(tuple(columns), []).append(row)
        for shared, rows in sharing.items():
            left, right = (_incidence(space, region, keys, n) for keys in (rows, shared))
            found = left.T @ right
            found.data[:] = 1
            total = total + found
            total.data[:] = 1
    for top, first, _, length in identities:
        k = np.arange(length)
        total = total + coo_array((np.ones(length, np.int32), (top + k, first + k)), shape=(n, n)).tocsr()
    total = csr_array(total)
    total.sort_indices()
    pattern = Pattern(space, total.indptr.astype(np.int32), total.indices.astype(np.int32))
    for top, first, value, length in identities:
        places = np.empty((length, 1), dtype=np.int32)
        steps = np.arange(length, dtype=np.int32)[:, None]
        locate(
            np.ascontiguousarray(top + steps),
            np.ascontiguousarray(first + steps),
            n,
            pattern.indptr,
            pattern.indices,
            places,
            0,
        )
        pattern.fixed.append((places.ravel(), value))
    return pattern


def _incidence(space: FemSpace, region: int, keys: Sequence[tuple[int, int]], n: int) -> Any:
    """Which free unknowns stand in which entry of a region."""
    from scipy.sparse import csr_array

    tables = np.hstack([space.dofs(region, f, 0 if side > 0 else 1) for f, side in dict.fromkeys(keys)])
    keep = tables < n
    indptr = np.concatenate([[0], np.cumsum(keep.sum(axis=1))])
    made = csr_array((np.ones(int(indptr[-1]), np.int32), tables[keep], indptr), shape=(len(tables), n))
    return made
