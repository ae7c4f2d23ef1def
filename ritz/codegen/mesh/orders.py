"""Orders of nodes: files count corners around (VTK, meshio, gmsh), fenics-basix counts them as a tensor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .reference import lagrange
from .topology import number_rows

_CORNERS = {
    "interval": [[0], [1]],
    "triangle": [[0, 0], [1, 0], [0, 1]],
    "quadrilateral": [[0, 0], [1, 0], [1, 1], [0, 1]],
    "tetrahedron": [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "hexahedron": [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]],
}
_AROUND = [[0, 1], [1, 2], [2, 3], [3, 0]]
_FACES = [
    [0, 4, 7, 3],
    [1, 2, 6, 5],
    [0, 1, 5, 4],
    [3, 7, 6, 2],
    [0, 3, 2, 1],
    [4, 5, 6, 7],
]  # x low, x high, y low, ...
_SECOND = {  # corners whose mean is the place of a node of second order, in the order of VTK
    "interval": [[0, 1]],
    "triangle": [[0, 1], [1, 2], [2, 0]],
    "quadrilateral": [*_AROUND, [0, 1, 2, 3]],
    "tetrahedron": [[0, 1], [1, 2], [2, 0], [0, 3], [1, 3], [2, 3]],
    "hexahedron": [
        *_AROUND,
        *[[a + 4, b + 4] for a, b in _AROUND],
        *[[a, a + 4] for a in range(4)],
        *_FACES,
        list(range(8)),
    ],
}


@dataclass(frozen=True)
class Kind:
    """A type of cell in files.

    Attributes:
        cell: cell type of Ritz.
        degree: degree of the geometry.
        nodes: how many nodes the file gives; fewer than the element has for serendipity cells.
    """

    cell: str
    degree: int
    nodes: int


KINDS = {
    "line": Kind("interval", 1, 2),
    "line3": Kind("interval", 2, 3),
    "triangle": Kind("triangle", 1, 3),
    "triangle6": Kind("triangle", 2, 6),
    "quad": Kind("quadrilateral", 1, 4),
    "quad8": Kind("quadrilateral", 2, 8),
    "quad9": Kind("quadrilateral", 2, 9),
    "tetra": Kind("tetrahedron", 1, 4),
    "tetra10": Kind("tetrahedron", 2, 10),
    "hexahedron": Kind("hexahedron", 1, 8),
    "hexahedron20": Kind("hexahedron", 2, 20),
    "hexahedron27": Kind("hexahedron", 2, 27),
}
FILE_NAMES = {(kind.cell, kind.degree): name for name, kind in KINDS.items()}  # of the full elements: they come last


@cache
def from_file(cell: str, degree: int) -> NDArray[np.int64]:
    """Return for each node in the order of fenics-basix its place in the order of files.

    Example:
        >>> from_file("quadrilateral", 1)
        array([0, 1, 3, 2])
    """
    corners = np.array(_CORNERS[cell], dtype=float)
    second = [corners[list(of)].mean(axis=0) for of in _SECOND[cell]] if degree == 2 else []
    places = np.array([*corners, *second])
    distance = np.abs(lagrange(cell, degree).points[:, None] - places[None]).max(axis=2)
    order = distance.argmin(axis=1)
    assert distance.min(axis=1).max() < 1e-12 and len(set(order)) == len(places)
    return np.asarray(order)


def complete(
    points: NDArray[np.float64], nodes: NDArray[np.int64], kind: Kind
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Give serendipity cells the nodes in the middle of faces and cells that the full element has.

    The new nodes stand where the map of the serendipity cell puts them, so the shape stays the same.

    Args:
        points: (n, gdim).
        nodes: (cells, nodes of the file), in the order of files.
        kind: what the cells are.

    Returns:
        points and nodes of the full element, in the order of files.
    """
    if kind.nodes == len(lagrange(kind.cell, kind.degree).points):
        return points, nodes
    corners = len(_CORNERS[kind.cell])
    edges = {frozenset(of): corners + place for place, of in enumerate(_SECOND[kind.cell]) if len(of) == 2}
    if kind.cell == "hexahedron":
        sides = [[edges[frozenset(pair)] for pair in zip(face, face[1:] + face[:1])] for face in _FACES]
        middles = 0.5 * points[nodes[:, sides]].sum(axis=2) - 0.25 * points[nodes[:, _FACES]].sum(axis=2)
        first, number = number_rows(np.sort(nodes[:, _FACES].reshape(-1, 4), axis=1))
        of_faces = len(points) + number.reshape(-1, 6)
        points = np.concatenate([points, middles.reshape(-1, points.shape[1])[first]])
    else:
        of_faces = nodes[:, :0]
    weight = 0.5 if kind.cell == "quadrilateral" else 0.25
    on_edges = points[nodes[:, list(edges.values())]].sum(axis=1)
    centres = weight * on_edges - 0.25 * points[nodes[:, :corners]].sum(axis=1)
    own = len(points) + np.arange(len(nodes))[:, None]
    return np.concatenate([points, centres]), np.concatenate([nodes, of_faces, own], axis=1)
