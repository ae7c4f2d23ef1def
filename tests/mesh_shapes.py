"""Domains of the benchmarks, meshed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import ritz as rz
from ritz.codegen.mesh.lattice import number_second_order, second_order_points


def mapped(mesh: rz.Mesh, move: Callable[..., Any]) -> rz.Mesh:
    """The same cells and groups, the points moved by ``move(x, y, ...)``."""
    groups = {name: mesh.entities(mesh.dim - 1)[facets] for name, facets in mesh.facet_groups.items()}
    points = np.stack(move(*mesh.points.T), axis=1)
    return rz.Mesh.from_arrays(points, mesh.geometry, mesh.cell_type, facet_groups=groups)


def graded(mesh: rz.Mesh, corners: Sequence[Any], rounds: int) -> rz.Mesh:
    """Cells at some points bisected again and again."""
    for _ in range(rounds):
        near = np.zeros(len(mesh.cells), dtype=bool)
        for corner in corners:
            vertex = mesh.nearest_vertex(corner)
            near |= (mesh.cells == vertex).any(axis=1)
        mesh = mesh.refine(near)
    return mesh


def l_shape(n: int, rounds: int) -> rz.Mesh:
    """``[-1, 1]^2`` without the quadrant x > 0, y < 0; n squares along a unit, refined at all corners."""
    square = rz.rectangle(x=(-1, 1), y=(-1, 1), n=2 * n)
    middle = square.midpoints
    kept = square.cells[~((middle[:, 0] > 0) & (middle[:, 1] < 0))]
    outer = [(0, 0), (-1, -1), (0, -1), (-1, 1), (1, 1), (1, 0)]
    mesh = graded(rz.Mesh.from_arrays(square.points, kept, "triangle"), outer, rounds)
    return graded(mesh, [(0, 0)], rounds + 6)


def quarter_annulus(n: int) -> rz.Mesh:
    """Between the ellipses ``x^2/4 + y^2 = 1`` and ``x^2/3.25^2 + y^2/2.75^2 = 1``: cells of second order."""
    flat = rz.rectangle(n=(n, n), cell="quadrilateral")
    s, angle = second_order_points(flat)[:, 0], second_order_points(flat)[:, 1] * np.pi / 2
    points = np.stack([(2 + 1.25 * s) * np.cos(angle), (1 + 1.75 * s) * np.sin(angle)], axis=1)
    names = {"left": "inner", "right": "outer", "bottom": "bottom", "top": "left"}
    groups = {names[name]: flat.entities(1)[facets] for name, facets in flat.facet_groups.items()}
    return rz.Mesh.from_arrays(points, number_second_order(flat)[0], "quadrilateral", facet_groups=groups)


def channel(size: float, at_cylinder: float) -> rz.Mesh:
    """The channel with a cylinder of the DFG benchmark: cells of second order from gmsh."""

    def build(model: Any) -> None:
        pipe, hole = model.occ.addRectangle(0, 0, 0, 2.2, 0.41), model.occ.addDisk(0.2, 0.2, 0, 0.05, 0.05)
        model.occ.cut([(2, pipe)], [(2, hole)])
        model.occ.synchronize()
        boxes = {"cylinder": [(0.1, 0.1, 0.3, 0.3)], "inlet": [(0, 0, 0, 0.41)], "outlet": [(2.2, 0, 2.2, 0.41)]}
        boxes["wall"] = [(0, 0, 2.2, 0), (0, 0.41, 2.2, 0.41)]
        for name, places in boxes.items():
            edges = [
                e
                for a, b, c, d in places
                for e in model.getEntitiesInBoundingBox(a - 1e-6, b - 1e-6, -1, c + 1e-6, d + 1e-6, 1, 1)
            ]
            model.addPhysicalGroup(1, [tag for _, tag in edges], name=name)
        model.mesh.setSize(model.getEntitiesInBoundingBox(0.1, 0.1, -1, 0.3, 0.3, 1, 0), at_cylinder)

    return rz.gmsh_mesh(build, size=size, geometry_degree=2)
