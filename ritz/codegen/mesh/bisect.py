"""Bisection of marked simplices at their longest edges.

All edges of a marked cell are bisected. For good shape the longest edge of every triangle (a cell or a face) that has
a bisected edge is bisected too [rivara1984, plaza2000]; this set of edges grows within the finite set of all edges,
so the search ends. Each simplex is then cut at its longest marked edge, its parts at theirs, and so on. Lengths
(numbers, between equal lengths) put all edges of the mesh into one order, so two cells cut the face between them
alike: the mesh is conforming. In the plane no angle falls below half of the smallest one at the start
[rosenberg1975]; in space no bound is proved, and the tests watch the quality.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .inherit import descend
from .lattice import second_order_points
from .mesh import Mesh

Floats = NDArray[np.float64]


def bisected(mesh: Mesh, cells: NDArray[Any]) -> Mesh:
    """Return the conforming mesh in which all edges of the given cells are bisected."""
    edges = mesh.cell_entities(1)
    rank = _order_of_edges(mesh)
    cut = np.zeros(len(rank), dtype=bool)
    cut[edges[cells]] = True
    _close(cut, rank, _triangles(mesh))
    middle = np.full(len(rank), -1, dtype=np.int64)
    middle[cut] = mesh.vertex_count + np.arange(int(cut.sum()))
    points = second_order_points(mesh)
    vertices = np.concatenate([points[: mesh.vertex_count], points[mesh.vertex_count :][cut]])
    return descend(mesh, vertices, *_parts(mesh, np.where(cut, rank, -1)[edges], middle[edges]))


def _order_of_edges(mesh: Mesh) -> NDArray[np.int64]:
    """Return the place of each edge in the order of lengths; equal lengths (to rounding) are ordered by number."""
    ends = mesh.points[mesh.entities(1)]
    squares = ((ends[:, 0] - ends[:, 1]) ** 2).sum(axis=1)
    level = np.round(np.log(squares) * 1e8).astype(np.int64)
    rank = np.empty(len(level), dtype=np.int64)
    rank[np.argsort(level, kind="stable")] = np.arange(len(level))
    return rank


def _triangles(mesh: Mesh) -> NDArray[Any]:
    """Return the edges of all triangles of the mesh: cells in the plane, faces in space (of an interval, itself)."""
    if mesh.dim < 3:
        return mesh.cell_entities(1)
    faces = mesh.reference.entities[2]
    local = mesh.reference.entities[1]
    of_face = [[e for e, ends in enumerate(local) if set(ends) <= set(face)] for face in faces]
    cell, number = mesh.facet_cells[:, 0], mesh.facet_local[:, 0]
    return np.take_along_axis(mesh.cell_entities(1)[cell], np.array(of_face)[number], axis=1)


def _close(cut: NDArray[np.bool_], rank: NDArray[np.int64], triangles: NDArray[Any]) -> None:
    """Mark the longest edge of every triangle that has a marked one, until nothing changes."""
    longest = np.take_along_axis(triangles, rank[triangles].argmax(axis=1)[:, None], axis=1)[:, 0]
    while True:
        wanted = longest[cut[triangles].any(axis=1)]
        if cut[wanted].all():
            return
        cut[wanted] = True


def _parts(mesh: Mesh, rank: NDArray[np.int64], middle: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any], Floats]:
    """Cut every cell at its longest marked edge, and its parts again until none is left.

    Args:
        mesh: the mesh.
        rank: (cells, edges) place of each edge in the order of lengths, -1 where it is not cut.
        middle: (cells, edges) number of the new vertex on it.

    Returns:
        cells, parents and corners as `descend` takes them.
    """
    ends = mesh.reference.entities[1]
    touching = (ends[None] == np.arange(mesh.reference.vertices)[:, None, None]).any(axis=2)  # (vertices, edges)
    cells, parents = mesh.cells.astype(np.int64), np.arange(len(mesh.cells))
    corners = np.broadcast_to(mesh.reference.corners, (*cells.shape, mesh.dim))
    while (rank >= 0).any():
        split = np.flatnonzero((rank >= 0).any(axis=1))
        whole = np.flatnonzero((rank < 0).all(axis=1))
        edge = rank[split].argmax(axis=1)
        number = middle[split, edge]
        place = 0.5 * corners[split[:, None], ends[edge]].sum(axis=1)
        rows = np.arange(len(split))
        new_cells, new_corners, new_rank = [cells[whole]], [corners[whole]], [rank[whole]]
        for moved in ends[edge].T:  # one end of the edge moves to its middle, then the other
            half, half_corners = cells[split], corners[split]
            half[rows, moved], half_corners[rows, moved] = number, place
            new_cells.append(half)
            new_corners.append(half_corners)
            new_rank.append(np.where(touching[moved], -1, rank[split]))
        kept = np.concatenate([whole, split, split])
        cells, corners, rank = np.concatenate(new_cells), np.concatenate(new_corners), np.concatenate(new_rank)
        parents, middle = parents[kept], middle[kept]
    order = np.argsort(parents, kind="stable")
    return cells[order], parents[order], corners[order]
