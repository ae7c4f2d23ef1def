"""Reference cells: vertices, sides and Lagrange nodes in the order of fenics-basix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import OptionValueError, nearest

DIMENSION = {"interval": 1, "triangle": 2, "quadrilateral": 2, "tetrahedron": 3, "hexahedron": 3}
SIMPLICES = {1: "interval", 2: "triangle", 3: "tetrahedron"}
PRODUCTS = {1: "interval", 2: "quadrilateral", 3: "hexahedron"}
_FACETS = {
    "interval": "point",
    "triangle": "interval",
    "quadrilateral": "interval",
    "tetrahedron": "triangle",
    "hexahedron": "quadrilateral",
}


@dataclass(frozen=True)
class Reference:
    """A reference cell.

    Attributes:
        name: interval, triangle, quadrilateral, tetrahedron or hexahedron.
        dim: its dimension.
        simplex: whether it is an interval, triangle or tetrahedron.
        corners: (vertices, dim) coordinates of the vertices.
        entities: for each dimension d, local vertex numbers of its entities, (entities, vertices of one).
        facet: name of the cell that a facet is; ``"point"`` for intervals.
    """

    name: str
    dim: int
    simplex: bool
    corners: NDArray[np.float64]
    entities: tuple[NDArray[np.int32], ...]
    facet: str

    @property
    def vertices(self) -> int:
        """The number of vertices."""
        return len(self.corners)

    @property
    def volume(self) -> float:
        """Length, area or volume of the reference cell."""
        return 1.0 / float(np.prod(np.arange(1, self.dim + 1))) if self.simplex else 1.0


def check_cell_type(name: str) -> str:
    """Return `name` if it is a cell type.

    Raises:
        OptionValueError: with the nearest valid name.

    Example:
        >>> check_cell_type("triangle")
        'triangle'
    """
    if name not in DIMENSION:
        raise OptionValueError(f"No cell type {name!r}.{nearest(str(name), DIMENSION)} Known: {', '.join(DIMENSION)}.")
    return name


@cache
def reference(name: str) -> Reference:
    """Return the reference cell of a cell type.

    Raises:
        OptionValueError: if there is no such cell type.

    Example:
        >>> reference("triangle").entities[1].tolist()
        [[1, 2], [0, 2], [0, 1]]
    """
    from basix import CellType, cell

    kind = CellType[check_cell_type(name)]
    dim = DIMENSION[name]
    entities = tuple(np.array(local, dtype=np.int32) for local in cell.topology(kind))
    return Reference(name, dim, name in SIMPLICES.values(), cell.geometry(kind), entities, _FACETS[name])


@cache
def lagrange(name: str, degree: int) -> Any:
    """Return the basix Lagrange element that carries the coordinates: nodes equally spaced.

    Example:
        >>> lagrange("triangle", 2).points.shape
        (6, 2)
    """
    from basix import CellType, ElementFamily, LagrangeVariant, create_element

    return create_element(ElementFamily.P, CellType[check_cell_type(name)], degree, LagrangeVariant.equispaced)


def tabulate(name: str, degree: int, points: NDArray[np.float64], derivatives: int = 0) -> NDArray[np.float64]:
    """Return values and derivatives of the Lagrange shape functions.

    Args:
        name: cell type.
        degree: degree of the shape functions.
        points: (n, dim) reference coordinates.
        derivatives: 0 for values alone, 1 for first derivatives also.

    Returns:
        (1 or 1 + dim, n, nodes): values, then the derivative along each reference coordinate.

    Example:
        >>> tabulate("interval", 1, np.array([[0.25]]))[0]
        array([[0.75, 0.25]])
    """
    table = lagrange(name, degree).tabulate(derivatives, np.ascontiguousarray(points, dtype=float))
    return np.ascontiguousarray(table[..., 0])


@cache
def nodes_of_entities(name: str, degree: int, dim: int) -> NDArray[np.int32]:
    """Return for each local entity the Lagrange nodes on its closure, in the order of the entity's own nodes.

    Example:
        >>> nodes_of_entities("triangle", 2, 1).tolist()
        [[1, 2, 3], [0, 2, 4], [0, 1, 5]]
    """
    cell = reference(name)
    nodes = lagrange(name, degree).points
    kinds = {2: "interval", 3: "triangle", 4: "quadrilateral", 1: "point", cell.vertices: name}
    found = []
    for entity in cell.entities[dim]:
        kind = kinds[len(entity)] if dim < cell.dim else name
        places = cell.corners[entity] if kind == "point" else _map(kind, degree, cell.corners[entity])
        distance = np.abs(nodes[None] - places[:, None]).max(axis=2)
        found.append(distance.argmin(axis=1))
    return np.array(found, dtype=np.int32)


def _map(kind: str, degree: int, corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the places of an entity's Lagrange nodes in the cell."""
    return tabulate(kind, 1, lagrange(kind, degree).points)[0] @ corners
