"""Patterns of sparse matrices over the free unknowns, and the places of cell matrices in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ritz.codegen.fem.parts import Shares, share
from ritz.codegen.fem.space import FemSpace
from ritz.codegen.layout import Array
from ritz.codegen.loops import as_i32, compiled

Block = tuple[int, int, int, int]


@dataclass(eq=False)
class Pattern:
    """A fixed pattern by rows.

    Attributes:
        cells: (region, blocks of its cell matrices) of every kernel.
        indptr, indices: int32, columns increasing in every row.
        fixed: entries that no kernel computes: (places, value).
    """

    space: FemSpace
    cells: Sequence[tuple[int, Sequence[Block]]]
    indptr: Array
    indices: Array
    fixed: list[tuple[Array, float]] = field(default_factory=list)

    @property
    def nnz(self) -> int:
        """Number of entries."""
        return len(self.indices)

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.indptr) - 1

    @cached_property
    def shares(self) -> Shares:
        """Where the entries of the cell matrices of every kernel belong, block by block and row by row.

        Behind the values of the matrix there is a place for what belongs to no entry.
        """
        regions = self.space.regions
        tables = [(regions[region], self._places(region, blocks)) for region, blocks in self.cells]
        return share(tables, self.nnz + 1, self.nnz)

    def _places(self, region: int, blocks: Sequence[Block]) -> Array:
        tables = [(self._dofs(region, f, s), self._dofs(region, h, r)) for f, s, h, r in blocks]
        widths = [a.shape[1] * b.shape[1] for a, b in tables]
        to = np.empty((self.space.regions[region].size, sum(widths)), dtype=np.int32)
        start = 0
        for (rows, columns), width in zip(tables, widths, strict=True):
            locate(rows, columns, self.indptr, self.indices, to, start)
            start += width
        return to

    def _dofs(self, region: int, f: int, side: int) -> Array:
        return self.space.dofs(region, f, 0 if side > 0 else 1)

    def matrix(self, values: Array) -> Any:
        """The `scipy.sparse.csr_array` with these values, (nnz,)."""
        from scipy.sparse import csr_array

        for places, value in self.fixed:
            values[places] = value
        return csr_array((values, self.indices, self.indptr), shape=(self.size, self.size))


@compiled()
def _search(indices, low, high, column):  # type: ignore[no-untyped-def]
    """The first of some increasing numbers that is not below another."""
    while low < high:
        middle = (low + high) >> 1
        if indices[middle] < column:
            low = middle + 1
        else:
            high = middle
    return low


@compiled()
def _locate(
    cells: int, na: int, nb: int, rows: int, columns: int, free: int, indptr: int, indices: int, width: int, to: int
) -> None:
    row_of, column_of, first, target = as_i32(rows), as_i32(columns), as_i32(indptr), as_i32(to)
    none = first[free]
    for c in range(cells):
        for a in range(na):
            row = row_of[c * na + a]
            for b in range(nb):
                column, place = column_of[c * nb + b], none
                if row < free and column < free:
                    place = _search(as_i32(indices), first[row], first[row + 1], column)
                target[c * width + a * nb + b] = place


def locate(rows: Array, columns: Array, indptr: Array, indices: Array, to: Array, start: int) -> None:
    """Places of cell matrices in the values of a sparse matrix.

    Args:
        rows, columns: (cells, na), (cells, nb) int32 numbers of the unknowns; those that are no rows of the matrix have
            no place, and get the one behind the last value.
        indptr, indices: pattern by rows, int32, columns increasing.
        to: (cells, width) int32; entries from `start` on receive the places, row by row.
    """
    for array in (rows, columns, indptr, indices, to):
        assert array.dtype == np.int32 and array.flags.c_contiguous
    _locate(
        len(rows), rows.shape[1], columns.shape[1], rows.ctypes.data, columns.ctypes.data, len(indptr) - 1,
        indptr.ctypes.data, indices.ctypes.data, to.shape[1], to.ctypes.data + 4 * start,
    )  # fmt: skip


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
    pattern = Pattern(space, regions, total.indptr.astype(np.int32), total.indices.astype(np.int32))
    for top, first, value, length in identities:
        places = np.empty((length, 1), dtype=np.int32)
        steps = np.arange(length, dtype=np.int32)[:, None]
        locate(
            np.ascontiguousarray(top + steps),
            np.ascontiguousarray(first + steps),
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
