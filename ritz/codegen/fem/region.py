"""Where an integral is taken: cells or facets with a quadrature rule, sorted into groups that share tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ritz.codegen.fem.element import (
    SIMPLICES,
    Reference,
    coordinate_element,
    facet_geometry,
    facet_points,
    facet_type,
    quadrature,
)
from ritz.codegen.fem.pullback import CellMap, Part
from ritz.codegen.layout import Array
from ritz.symbolic.graph import Axis


@dataclass(frozen=True)
class Group:
    """Entries ``start <= i < stop`` of a region; they share the points on the reference cell.

    Attributes:
        points: per side, (q, d) quadrature points on the reference cell.
        normals: per side, (d,) outward normal on the reference cell; zeros inside cells.
        ratio: area of the facet on the reference cell per unit of its own reference; 1 inside cells.
        part: of the mesh to which they belong (see `parts`).
    """

    start: int
    stop: int
    points: tuple[Array, ...]
    normals: tuple[Array, ...]
    ratio: float
    part: int = 0


@dataclass(eq=False)
class Region:
    """Cells, boundary facets or interior facets with a quadrature rule.

    Attributes:
        name: unique within a system.
        mesh: the mesh.
        over: ``cells``, ``boundary`` or ``facets``.
        label: what the user asked for, for messages.
        degree: of the quadrature.
        cells: per side, (n,) the cell of each entry; entries of one group stand together.
        entities: (n,) cells or facets, in the same order.
        weights: (q,) of the quadrature on the reference cell or facet.
        factors: (n,) by which the integral over every entry is multiplied; None for 1.
    """

    name: str
    mesh: Any
    over: str
    label: Any
    degree: int
    cells: tuple[Array, ...]
    entities: Array
    weights: Array
    groups: list[Group]
    factors: Array | None = None
    cell: Axis = field(init=False)
    quad: Axis = field(init=False)

    def __post_init__(self) -> None:
        self.cell, self.quad = Axis(f"{self.name}.cell", "cell"), Axis(f"{self.name}.quad", "quad")

    @property
    def size(self) -> int:
        """How many cells or facets there are."""
        return len(self.entities)

    @property
    def sides(self) -> tuple[int, ...]:
        """1, or 1 and -1 on interior facets."""
        return (1, -1)[: len(self.cells)]

    @property
    def is_affine(self) -> bool:
        """Whether the map from the reference cell has a constant derivative."""
        return self.mesh.cell_type in SIMPLICES and self.mesh.geometry_degree == 1

    @cached_property
    def coordinates(self) -> Reference:
        """The element of the map from the reference cell."""
        return coordinate_element(self.mesh.cell_type, self.mesh.geometry_degree)

    def sort_by_part(self, part: Array) -> None:
        """Order the entries of every group by the part they belong to; to be done before anything else is made.

        Args:
            part: (n,) number of the part of every entry.
        """
        groups: list[Group] = []
        order: list[Array] = []
        for group in self.groups:
            mine = part[group.start : group.stop]
            for k in np.unique(mine):
                chosen = group.start + np.flatnonzero(mine == k)
                start = sum(len(o) for o in order)
                order.append(chosen)
                groups.append(replace(group, start=start, stop=start + len(chosen), part=int(k)))
        places = np.concatenate(order) if order else np.zeros(0, dtype=np.int64)
        self.groups, self.entities = groups, self.entities[places]
        self.cells = tuple(cells[places] for cells in self.cells)

    def part(self, chosen: Array, factors: Array | None = None) -> Region:
        """Some entries of the region, in the same groups, all in one part.

        Args:
            chosen: numbers of the entries, increasing.
            factors: of all entries of this region; see there.
        """
        bounds = [np.searchsorted(chosen, (group.start, group.stop)) for group in self.groups]
        groups = [replace(g, start=int(a), stop=int(b), part=0) for g, (a, b) in zip(self.groups, bounds, strict=True)]
        return Region(
            self.name, self.mesh, self.over, self.label, self.degree, tuple(cells[chosen] for cells in self.cells),
            self.entities[chosen], self.weights, groups, None if factors is None else factors[chosen],
        )  # fmt: skip

    # ------------------------------------------------------------------ NumPy: the reference of the tests
    @cached_property
    def geometry(self) -> list[Geometry]:
        """Positions, Jacobians, normals and weights in all quadrature points, per side."""
        return [self._geometry(s) for s in range(len(self.cells))]

    def _geometry(self, s: int) -> Geometry:
        gdim, q = self.mesh.points.shape[1], len(self.weights)
        d = self.mesh.dim
        x, jacobian = np.empty((self.size, q, gdim)), np.empty((self.size, q, gdim, d))
        second = None if self.is_affine else np.empty((self.size, q, gdim, d * (d + 1) // 2))
        normal, scale = np.zeros((self.size, q, gdim)), np.empty((self.size, q))
        nodes = self.mesh.points[self.mesh.geometry[self.cells[s]]]
        for group in self.groups:
            part = slice(group.start, group.stop)
            table = self.coordinates.tabulate(group.points[s], 2)[..., 0]
            x[part] = np.einsum("qa,cai->cqi", table[0], nodes[part])
            jacobian[part] = np.einsum("mqa,cai->cqim", table[1 : 1 + d], nodes[part])
            if second is not None:
                second[part] = np.einsum("mqa,cai->cqim", table[1 + d :], nodes[part])
            scale[part] = self.weights * group.ratio
            normal[part] = group.normals[s]
        cell = CellMap(jacobian, second)
        scale *= np.abs(cell.det)
        if self.over != "cells":
            normal = np.einsum("cqmi,cqm->cqi", cell.inverse, normal)
            length = np.linalg.norm(normal, axis=-1)
            normal, scale = normal / length[..., None], scale * length
        if self.factors is not None:
            scale *= self.factors[:, None]
        return Geometry(x, cell, normal, scale)

    def array(self, what: str, side: int) -> Array:
        """Values of ``x0 x1 x2``, ``n_x n_y n_z``, ``h`` or ``h_facet`` in the quadrature points, (n, q) or (n, 1)."""
        s = 0 if side > 0 else 1
        if what in ("h", "h_facet"):
            sizes = self.mesh.cell_diameters[self.cells[s]] if what == "h" else self.mesh.facet_diameters[self.entities]
            return np.ascontiguousarray(sizes, dtype=float)[:, None]
        if what.startswith("x"):
            return self.geometry[s].x[..., int(what[1:])]
        return self.geometry[s].normal[..., "xyz".index(what[-1])]

    def basis(self, ref: Reference, side: int, part: Part) -> Array:
        """A component of the basis, or a derivative of it, in physical space, (n, q, dim)."""
        s = 0 if side > 0 else 1
        found = np.zeros((self.size, len(self.weights), ref.dim))
        factors = self.geometry[s].map.factors(ref.map, part)
        for group in self.groups:
            here = slice(group.start, group.stop)
            table = ref.rows(group.points[s], [row for row, _ in factors])
            for values, (_, factor) in zip(table, factors, strict=True):
                found[here] += np.broadcast_to(factor, found.shape[:2])[here, :, None] * values
        return found


@dataclass(frozen=True)
class Geometry:
    """What the map from the reference cell is in every quadrature point of every cell."""

    x: Array
    map: CellMap
    normal: Array
    weights: Array


def make_region(mesh: Any, name: str, over: str, label: Any, degree: int, joined: Sequence[Any] = ()) -> Region:
    """The region of an integral.

    Args:
        mesh: the mesh.
        name: of the region, unique.
        over: ``cells``, ``boundary`` or ``facets``.
        label: name or tag of a group, a predicate, a list of these, or None for everywhere.
        degree: of the quadrature.
        joined: labels of periodic boundaries: the whole boundary is what remains without them.

    Raises:
        ConditionError: the label selects nothing (raised by the mesh, which lists its groups).
    """
    if over == "cells":
        cells = np.asarray(mesh.cells_on(label), dtype=np.int64)
        points, weights = quadrature(mesh.cell_type, degree)
        zero = np.zeros(mesh.dim)
        groups = [Group(0, len(cells), (points,), (zero,), 1.0)]
        return Region(name, mesh, over, label, degree, (cells,), cells, weights, groups)
    if over == "facets":
        chosen = mesh.interior_facets if label is None else mesh.facets_on(label, among="interior")
        chosen = np.asarray(chosen, dtype=np.int64)
        return _facets(mesh, name, over, label, degree, chosen[mesh.facet_cells[chosen, 1] >= 0], 2)
    facets = np.asarray(mesh.facets_on(label), dtype=np.int64)
    if label is None and joined:
        facets = np.setdiff1d(facets, np.asarray(mesh.facets_on(list(joined))))
    return _facets(mesh, name, over, label, degree, facets, 1)


def _facets(mesh: Any, name: str, over: str, label: Any, degree: int, facets: Array, sides: int) -> Region:
    kind = mesh.cell_type
    points, weights = quadrature(facet_type(kind), degree)
    vertices, normals, ratios = facet_geometry(kind)
    key = mesh.facet_local[facets, :sides].astype(np.int64)
    orders = np.zeros((len(facets), 1), dtype=np.int64)
    if sides == 2 and len(facets):
        orders = _matching(mesh, facets, vertices)
    rows = np.hstack([key, orders])
    kinds, which = np.unique(rows, axis=0, return_inverse=True)
    order = np.argsort(which.ravel(), kind="stable")
    facets, which = facets[order], which.ravel()[order]
    groups, start = [], 0
    for k, row in enumerate(kinds):
        stop = start + int(np.count_nonzero(which == k))
        at = [facet_points(kind, int(row[0]), points)]
        if sides == 2:
            at.append(facet_points(kind, int(row[1]), points, tuple(map(int, row[2:]))))
        groups.append(Group(start, stop, tuple(at), tuple(normals[f] for f in row[:sides]), float(ratios[int(row[0])])))
        start = stop
    cells = tuple(np.ascontiguousarray(mesh.facet_cells[facets, s], dtype=np.int64) for s in range(sides))
    return Region(name, mesh, over, label, degree, cells, facets, weights, groups)


def _matching(mesh: Any, facets: Array, vertices: list[list[int]]) -> Array:
    """For each facet, the local vertex of the second side that stands where each one of the first side does."""
    size = len(vertices[0])
    seen = np.empty((2, len(facets), size), dtype=np.int64)
    for s in range(2):
        cells, local = mesh.facet_cells[facets, s], mesh.facet_local[facets, s]
        for f, corners in enumerate(vertices):
            at = local == f
            seen[s, at] = mesh.cells[cells[at]][:, corners]
    return np.argmax(seen[0][:, :, None] == seen[1][:, None, :], axis=2)
