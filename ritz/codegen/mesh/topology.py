"""Topology of a mesh: edges and facets from the vertices of the cells, without a loop over cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import MeshError
from .reference import Reference

Ints = NDArray[np.int32]


def number_rows(rows: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number equal rows of non-negative integers alike.

    Returns:
        first: index of the first row of every kind, in lexicographic order of the kinds.
        number: (rows,) the kind of every row.

    Example:
        >>> number_rows(np.array([[1, 2], [0, 5], [1, 2]]))[1]
        array([1, 0, 1])
    """
    base = int(rows.max()) + 1 if rows.size else 1
    key = rows[:, 0].astype(np.int64)
    span = base
    for column in rows.T[1:]:
        if span > (2**63 - 1) // base:
            key = np.unique(key, return_inverse=True)[1]
            span = int(key.max()) + 1
        key = key * base + column
        span *= base
    _, first, number = np.unique(key, return_index=True, return_inverse=True)
    return first, number


def find_rows(rows: NDArray[np.integer], wanted: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return for each row of `wanted` its index in the distinct `rows`, -1 where there is none.

    Example:
        >>> find_rows(np.array([[0, 1], [1, 2]]), np.array([[1, 2], [0, 3]]))
        array([ 1, -1])
    """
    if not len(wanted):
        return np.zeros(0, dtype=np.int64)
    _, number = number_rows(np.concatenate([rows, wanted]))
    place = np.full(int(number.max()) + 1, -1, dtype=np.int64)
    place[number[: len(rows)]] = np.arange(len(rows))
    return place[number[len(rows) :]]


@dataclass(frozen=True)
class Entities:
    """All entities of one dimension.

    Attributes:
        vertices: (entities, vertices of one), ascending in each row; rows in lexicographic order.
        of_cells: (cells, local entities) numbers of the entities of each cell, in the local order of fenics-basix.
    """

    vertices: Ints
    of_cells: Ints


def number_entities(cells: Ints, cell: Reference, dim: int) -> Entities:
    """Number the entities of dimension `dim` of all cells."""
    if dim == cell.dim:
        return Entities(np.sort(cells, axis=1), np.arange(len(cells), dtype=np.int32)[:, None])
    if dim == 0:
        return Entities(np.arange(int(cells.max()) + 1, dtype=np.int32)[:, None], cells)
    local = cell.entities[dim]
    rows = np.sort(cells[:, local].reshape(-1, local.shape[1]), axis=1)
    first, number = number_rows(rows)
    return Entities(
        np.ascontiguousarray(rows[first]),
        np.ascontiguousarray(number.reshape(len(cells), len(local)).astype(np.int32)),
    )


@dataclass(frozen=True)
class Neighbours:
    """Both sides of every facet.

    Attributes:
        cells: (facets, 2) cell numbers; the second is -1 on the boundary.
        local: (facets, 2) local number of the facet in each of these cells; -1 on the boundary.
    """

    cells: Ints
    local: Ints


def neighbours(facets_of_cells: Ints, count: int) -> Neighbours:
    """Return both sides of each of `count` facets.

    Raises:
        MeshError: if more than two cells share a facet.
    """
    flat = facets_of_cells.ravel()
    order = np.argsort(flat, kind="stable")
    sides = np.bincount(flat, minlength=count)
    if sides.max(initial=0) > 2:
        worst = int(sides.argmax())
        owners = ", ".join(map(str, order[flat[order] == worst] // facets_of_cells.shape[1]))
        raise MeshError(
            f"Cells {owners} share one facet; at most two can meet there. The mesh overlaps itself or has branches: "
            "mesh the parts apart, or remove the doubled cells."
        )
    start = np.concatenate([[0], np.cumsum(sides)[:-1]])
    cells = np.full((count, 2), -1, dtype=np.int32)
    local = np.full((count, 2), -1, dtype=np.int32)
    for side in (0, 1):
        there = sides > side
        owner, number = np.divmod(order[start[there] + side], facets_of_cells.shape[1])
        cells[there, side], local[there, side] = owner, number
    return Neighbours(cells, local)


def sort_simplices(geometry: Ints, cell: Reference) -> Ints:
    """Return the nodes of simplices with ascending vertices, mid-side nodes permuted alike.

    Args:
        geometry: (cells, nodes) of degree 1 or 2, in the order of fenics-basix.

    Example:
        >>> from ritz.codegen.mesh.reference import reference
        >>> sort_simplices(np.array([[2, 0, 1, 5, 6, 7]]), reference("triangle"))
        array([[0, 1, 2, 6, 7, 5]])
    """
    count = cell.vertices
    order = np.argsort(geometry[:, :count], axis=1)
    vertices = np.take_along_axis(geometry[:, :count], order, axis=1)
    if geometry.shape[1] == count:
        return vertices
    if cell.dim == 1:
        return np.concatenate([vertices, geometry[:, count:]], axis=1)
    number = np.zeros((count, count), dtype=np.int64)
    edges = cell.entities[1]
    number[edges[:, 0], edges[:, 1]] = number[edges[:, 1], edges[:, 0]] = np.arange(len(edges))
    old = number[order[:, edges[:, 0]], order[:, edges[:, 1]]]
    return np.concatenate([vertices, np.take_along_axis(geometry[:, count:], old, axis=1)], axis=1)


def frozen(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Ints]:
    """Return the arrays as sorted, distinct, read-only int32 arrays."""
    result = {}
    for name, array in arrays.items():
        kept = np.unique(np.asarray(array)).astype(np.int32)
        kept.flags.writeable = False
        result[name] = kept
    return result
