"""Nodes of second order of a whole mesh: vertices, middles of edges, and of faces and cells that are products."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .reference import lagrange, reference

if TYPE_CHECKING:
    from .mesh import Mesh

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


def number_second_order(mesh: Mesh) -> tuple[Ints, int]:
    """Number the nodes of second order: vertices first, then edges, then faces, then cells.

    Returns:
        numbers: (cells, nodes) in the order of fenics-basix.
        count: how many nodes there are.

    Example:
        >>> from ritz.codegen.mesh import rectangle
        >>> number_second_order(rectangle(n=1))[1]
        9
    """
    element = lagrange(mesh.cell_type, 2)
    numbers = np.empty((len(mesh.geometry), len(element.points)), dtype=np.int32)
    count = 0
    for dim, of_entities in enumerate(element.entity_dofs):
        if of_entities[0]:
            numbers[:, [node for (node,) in of_entities]] = count + mesh.cell_entities(dim)
            count += len(mesh.entities(dim))
    return numbers, count


def second_order_points(mesh: Mesh) -> Floats:
    """Return the coordinates of these nodes: (count, gdim)."""
    numbers, count = number_second_order(mesh)
    points = np.empty((count, mesh.gdim))
    if mesh.geometry_degree == 2:
        points[numbers] = mesh.points[mesh.geometry]
        return points
    start = 0
    for dim, of_entities in enumerate(lagrange(mesh.cell_type, 2).entity_dofs):
        if of_entities[0]:
            corners = mesh.points[mesh.cells if dim == mesh.dim else mesh.entities(dim)]
            first = corners[:, :1]  # relative to one corner: what all corners share stays exactly as it is
            middles = first[:, 0] + (corners - first).mean(axis=1)
            points[start : start + len(middles)] = middles
            start += len(middles)
    return points


@cache
def facet_planes(name: str) -> tuple[Floats, Floats]:
    """Return slopes (facets, dim) and offsets (facets,) of functions that vanish on the facets of a reference cell.

    Example:
        >>> slopes, offsets = facet_planes("triangle")
        >>> slopes[0] @ [0.5, 0.5] + offsets[0]
        np.float64(0.0)
    """
    cell = reference(name)
    unit = np.eye(cell.dim)
    candidates = [(unit[i], -value) for i in range(cell.dim) for value in (0.0, 1.0)]
    candidates.append((-np.ones(cell.dim), 1.0))
    found = []
    for facet in cell.entities[cell.dim - 1]:
        flat = [(s, o) for s, o in candidates if (cell.corners[facet] @ s + o == 0).all()]
        others = np.delete(cell.corners, facet, axis=0)
        found.append(next((s, o) for s, o in flat if (others @ s + o != 0).all()))
    return np.array([s for s, _ in found]), np.array([o for _, o in found])
