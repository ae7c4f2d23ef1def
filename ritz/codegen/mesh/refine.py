"""Refinement of a mesh: which cells, and into what.

Without marks all cells are halved along every axis; a tetrahedron is cut into four at its corners and four of the
octahedron between them, along that of its three diagonals which leaves the best shapes. Marked simplices are bisected
(`bisect.py`).
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import MeshError, UnsupportedError
from .bisect import bisected
from .geometry import qualities
from .inherit import descend
from .lattice import number_second_order, second_order_points
from .mesh import Mesh
from .reference import lagrange, reference


def refine(mesh: Mesh, marked: ArrayLike | None = None) -> Mesh:
    """Refine all cells, or the marked ones; see `Mesh.refine`."""
    if marked is None:
        return _halved(mesh)
    if not mesh.reference.simplex:
        raise UnsupportedError(
            f"Only intervals, triangles and tetrahedra are refined in part, but this mesh has {mesh.cell_type} cells. "
            "Call refine() to halve them all, or make the mesh of simplices."
        )
    cells = _marked_cells(mesh, marked)
    return bisected(mesh, cells)


def _marked_cells(mesh: Mesh, marked: ArrayLike) -> NDArray[np.intp]:
    given = np.asarray(marked)
    if given.dtype == bool and given.shape == (len(mesh.geometry),):
        return np.flatnonzero(given)
    if given.size == 0:
        return np.zeros(0, dtype=np.intp)
    if given.ndim != 1 or not np.issubdtype(given.dtype, np.integer):
        raise MeshError(
            f"Marked cells are cell numbers, or one truth value for each of the {len(mesh.geometry)} cells, but got "
            f"an array of dtype {given.dtype} and shape {given.shape}."
        )
    if given.min() < 0 or given.max() >= len(mesh.geometry):
        worst = given.min() if given.min() < 0 else given.max()
        raise MeshError(f"Cell {worst} is marked, but the cells are 0 to {len(mesh.geometry) - 1}.")
    return given


@cache
def _children(name: str, diagonal: int = 0) -> NDArray[np.intp]:
    """Return the nodes of second order that are the vertices of each child."""
    nodes = lagrange(name, 2).points
    cell = reference(name)
    if name == "triangle":
        return np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2], [3, 4, 5]])
    if name == "tetrahedron":
        corners = [[0, 9, 8, 7], [9, 1, 6, 5], [8, 6, 2, 4], [7, 5, 4, 3]]
        opposite = [(4, 9), (5, 8), (6, 7)]
        p, q = opposite.pop(diagonal)
        (a, c), (b, d) = opposite
        return np.array([*corners, [p, q, a, b], [p, q, b, c], [p, q, c, d], [p, q, d, a]])
    children = []
    for shift in product((0.0, 0.5), repeat=cell.dim):
        places = np.array(shift[::-1]) + 0.5 * cell.corners
        children.append([int(np.abs(nodes - place).sum(axis=1).argmin()) for place in places])
    return np.array(children)


def _halved(mesh: Mesh) -> Mesh:
    numbers, _ = number_second_order(mesh)
    points = second_order_points(mesh)
    name = mesh.cell_type
    count = len(_children(name))
    nodes = np.broadcast_to(_children(name), (len(numbers), *_children(name).shape))
    if name == "tetrahedron":
        tables = np.array([_children(name, diagonal) for diagonal in range(3)])
        worst = np.stack([_worst_inside(points, numbers, table) for table in tables], axis=1)
        nodes = tables[(worst >= worst.max(axis=1, keepdims=True) - 1e-9).argmax(axis=1)]
    cells = numbers[np.arange(len(numbers))[:, None, None], nodes].reshape(-1, nodes.shape[2])
    corners = lagrange(name, 2).points[nodes].reshape(-1, nodes.shape[2], mesh.dim)
    return descend(mesh, points, cells, np.repeat(np.arange(len(numbers)), count), corners)


def _worst_inside(points: NDArray[np.float64], numbers: NDArray[Any], table: NDArray[Any]) -> NDArray[np.float64]:
    """Return the quality of the worst of the four tetrahedra that fill the octahedron inside each cell."""
    inside = numbers[:, table[4:]].reshape(-1, 4)
    return np.asarray(qualities(points, inside, "tetrahedron", 1).reshape(-1, 4).min(axis=1))
