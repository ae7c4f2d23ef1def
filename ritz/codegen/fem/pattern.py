"""Patterns of sparse matrices over the free unknowns, and the places of cell matrices in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ritz.codegen.fem.parts import Shares, share
from ritz.codegen.fem.space import FemSpace
from ritz.codegen.layout import Array
from ritz.codegen.loops import as_i32, compiled

Block = tuple[int, int, int, int]  # test field, its side, trial field, its side
Side = tuple[int, int]  # field and its side


@dataclass(frozen=True)
class RowGroup:
    """Rows of a cell matrix that have their columns at the same places, such as those of all components of a vector.

    Attributes:
        tests: fields, and their side, whose test functions the rows belong to.
        trials: fields, and their side, whose unknowns the columns belong to, one behind the other.
    """

    tests: tuple[Side, ...]
    trials: tuple[Side, ...]

    @property
    def blocks(self) -> list[Block]:
        """All pairs."""
        return [(*test, *trial) for test in self.tests for trial in self.trials]


def row_groups(blocks: Sequence[Block], alike: Mapping[int, int]) -> tuple[RowGroup, ...]:
    """The rows of a cell matrix, put together where their columns stand at the same places.

    Args:
        blocks: of the cell matrix.
        alike: test field -> a number; rows of fields with the same one have the same columns at the same node.
    """
    groups: dict[tuple[int, int], RowGroup] = {}
    for f, s in dict.fromkeys(block[:2] for block in blocks):
        trials = tuple((h, r) for f_, s_, h, r in blocks if (f_, s_) == (f, s))
        known = groups.setdefault((alike[f], s), RowGroup((), trials))
        groups[alike[f], s] = RowGroup((*known.tests, (f, s)), trials)
    return tuple(groups.values())


@dataclass(eq=False)
class Pattern:
    """A fixed pattern by rows.

    Attributes:
        kernels: (region, rows of its cell matrices) of every kernel.
        indptr, indices: int32, columns increasing in every row.
        fixed: entries that no kernel computes: (places, value).
    """

    space: FemSpace
    kernels: Sequence[tuple[int, Sequence[RowGroup]]]
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
        """Where the rows of the cell matrices of every kernel begin, in the order of `keys`.

        Behind the values of the matrix there is place for the rows of what is prescribed.
        """
        longest = int(np.diff(self.indptr).max(initial=0))
        begins = np.append(self.indptr.astype(np.int64), self.nnz + longest)
        regions = self.space.regions
        tables = [(regions[k], np.minimum(self._dofs(k, f, s), self.size)) for k, f, s in self.keys]
        return share(tables, self.size + 1, self.size, begins)

    @cached_property
    def keys(self) -> list[tuple[int, int, int]]:
        """Region, test field and side of the tables of rows."""
        return [(region, *test) for region, groups in self.kernels for group in groups for test in group.tests]

    @cached_property
    def offsets(self) -> dict[tuple[int, int], Array]:
        """Region, number of the group of rows -> places of the columns within their rows.

        (entries, test functions, columns) int32, -1 where there is no such row or column.
        """
        return {(k, i): self._offsets(k, group) for k, groups in self.kernels for i, group in enumerate(groups)}

    def _offsets(self, region: int, group: RowGroup) -> Array:
        rows = np.minimum.reduce([self._dofs(region, f, s) for f, s in group.tests])  # a free one where there is one
        tables = [self._dofs(region, f, s) for f, s in group.trials]
        found = np.empty((*rows.shape, sum(table.shape[1] for table in tables)), dtype=np.int32)
        start = 0
        for columns in tables:
            locate(rows, columns, self.indptr, self.indices, found, start)
            start += columns.shape[1]
        return found

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
    for c in range(cells):
        for a in range(na):
            row = row_of[c * na + a]
            for b in range(nb):
                column, place = column_of[c * nb + b], -1
                if row < free and column < free:
                    place = _search(as_i32(indices), first[row], first[row + 1], column) - first[row]
                target[(c * na + a) * width + b] = place


def locate(rows: Array, columns: Array, indptr: Array, indices: Array, to: Array, start: int) -> None:
    """Places of columns within rows of a sparse matrix.

    Args:
        rows, columns: (cells, na), (cells, nb) int32 numbers of the unknowns; those that are no rows of the matrix have
            the place -1.
        indptr, indices: pattern by rows, int32, columns increasing.
        to: (cells, na, width) int32; entries from `start` on receive the places.
    """
    for array in (rows, columns, indptr, indices, to):
        assert array.dtype == np.int32 and array.flags.c_contiguous
    _locate(
        len(rows), rows.shape[1], columns.shape[1], rows.ctypes.data, columns.ctypes.data, len(indptr) - 1,
        indptr.ctypes.data, indices.ctypes.data, to.shape[2], to.ctypes.data + 4 * start,
    )  # fmt: skip


def pattern_of(
    space: FemSpace,
    kernels: Sequence[tuple[int, Sequence[RowGroup]]],
    identities: Sequence[tuple[int, int, float, int]] = (),
) -> Pattern:
    """The union of the patterns of cell matrices.

    Args:
        space: the space.
        kernels: (region, rows of its cell matrices).
        identities: (first row, first column, value, length) of diagonals that stand apart.
    """
    from scipy.sparse import coo_array, csr_array

    n = int(space.numbering.offsets[-1])
    total = csr_array((n, n), dtype=np.int32)
    for region, groups in kernels:
        for group in groups:
            left, right = (_incidence(space, region, keys, n) for keys in (group.tests, group.trials))
            found = left.T @ right
            found.data[:] = 1
            total = total + found
            total.data[:] = 1
    for top, first, _, length in identities:
        k = np.arange(length)
        total = total + coo_array((np.ones(length, np.int32), (top + k, first + k)), shape=(n, n)).tocsr()
    total = csr_array(total)
    total.sort_indices()
    pattern = Pattern(space, kernels, total.indptr.astype(np.int32), total.indices.astype(np.int32))
    for top, first, value, length in identities:
        offsets = np.empty((length, 1, 1), dtype=np.int32)
        rows = np.arange(top, top + length, dtype=np.int32)[:, None]
        locate(rows, rows + np.int32(first - top), pattern.indptr, pattern.indices, offsets, 0)
        places = pattern.indptr[rows.ravel()] + offsets.ravel()
        pattern.fixed.append((places, value))
    return pattern


def _incidence(space: FemSpace, region: int, keys: Sequence[tuple[int, int]], n: int) -> Any:
    """Which free unknowns stand in which entry of a region."""
    from scipy.sparse import csr_array

    tables = np.hstack([space.dofs(region, f, 0 if side > 0 else 1) for f, side in dict.fromkeys(keys)])
    keep = tables < n
    indptr = np.concatenate([[0], np.cumsum(keep.sum(axis=1))])
    made = csr_array((np.ones(int(indptr[-1]), np.int32), tables[keep], indptr), shape=(len(tables), n))
    return made
