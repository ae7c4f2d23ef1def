"""Meshes of every kind that several tests go through."""

from __future__ import annotations

import ritz as rz
from ritz.codegen.mesh import Mesh
from ritz.codegen.mesh.lattice import number_second_order, second_order_points

SIMPLICES = {
    "interval": lambda: rz.interval(0, 3, 3),
    "triangle": lambda: rz.rectangle(x=(0, 2), n=(3, 2)),
    "tetrahedron": lambda: rz.box(n=2),
    "disc": lambda: rz.disc((0.2, 0.1), size=0.4, geometry_degree=2),
}
ALL = SIMPLICES | {
    "quadrilateral": lambda: rz.rectangle(x=(0, 2), n=(3, 2), cell="quadrilateral"),
    "hexahedron": lambda: rz.box(n=2, cell="hexahedron"),
    "bent": lambda: bent("quadrilateral"),
    "bent hexahedra": lambda: bent("hexahedron"),
}


def bent(cell: str) -> Mesh:
    """Cells of second order: a grid of its nodes, moved by a quadratic map."""
    base = rz.rectangle(n=2, cell=cell) if cell == "quadrilateral" else rz.box(n=2, cell=cell)
    points = second_order_points(base)
    points[:, 0] += 0.2 * points[:, 1] ** 2
    groups = {name: base.entities(base.dim - 1)[facets] for name, facets in base.facet_groups.items()}
    return Mesh.from_arrays(points, number_second_order(base)[0], cell, facet_groups=groups)
