"""A mesh from arrays: checks, numbering, groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import MeshError
from .geometry import extreme_determinants
from .reference import Reference, check_cell_type, lagrange, reference
from .topology import frozen, sort_simplices

if TYPE_CHECKING:
    from .mesh import Mesh

Ints = NDArray[np.int32]
Groups = Mapping[str, Any] | None
Tags = Mapping[str, int] | None


def assemble(
    make: Callable[..., Mesh],
    points: ArrayLike,
    cells: ArrayLike,
    cell_type: str,
    facet_groups: Groups,
    cell_groups: Groups,
    facet_tags: Tags,
    cell_tags: Tags,
) -> Mesh:
    """Return a checked mesh; see `Mesh.from_arrays`."""
    cell = reference(check_cell_type(cell_type))
    coordinates, nodes, degree = _checked(points, cells, cell)
    coordinates, nodes, renumbered = compact(coordinates, nodes, cell.vertices)
    if cell.simplex:
        nodes = sort_simplices(nodes, cell)
    geometry = np.ascontiguousarray(nodes, dtype=np.int32)
    _check_shapes(coordinates, geometry, cell, degree)
    geometry.flags.writeable = coordinates.flags.writeable = False
    mesh = make(coordinates, geometry, cell_type, degree)
    chosen_cells = {name: _cells_of(mesh, name, given) for name, given in (cell_groups or {}).items()}
    chosen_facets = {name: _facets_of(mesh, name, given, renumbered) for name, given in (facet_groups or {}).items()}
    return mesh.regrouped(
        cell_groups=frozen(chosen_cells),
        facet_groups=frozen(chosen_facets),
        cell_tags=numbered_tags(chosen_cells, cell_tags, "cell"),
        facet_tags=numbered_tags(chosen_facets, facet_tags, "facet"),
    )


def _checked(points: ArrayLike, cells: ArrayLike, cell: Reference) -> tuple[NDArray[Any], NDArray[Any], int]:
    coordinates = np.array(points, dtype=np.float64, order="C")
    if coordinates.ndim == 1:
        coordinates = coordinates[:, None]
    nodes = np.asarray(cells)
    if coordinates.ndim != 2 or not cell.dim <= coordinates.shape[1] <= 3:
        raise MeshError(
            f"Points of a mesh of {cell.name}s have shape (n, {cell.dim}) or more columns up to 3, but the array has "
            f"shape {coordinates.shape}."
        )
    sizes = {len(lagrange(cell.name, degree).points): degree for degree in (1, 2)}
    if nodes.ndim != 2 or nodes.shape[1] not in sizes or not len(nodes):
        expected = " or ".join(f"(m, {size}) for degree {degree}" for size, degree in sizes.items())
        raise MeshError(f"Cells of type {cell.name} are an array {expected}, but got shape {nodes.shape}.")
    if not np.issubdtype(nodes.dtype, np.integer):
        raise MeshError(f"Cells are point numbers, that is integers, but the array has dtype {nodes.dtype}.")
    if nodes.min() < 0 or nodes.max() >= len(coordinates):
        worst = int(np.flatnonzero(((nodes < 0) | (nodes >= len(coordinates))).any(axis=1))[0])
        raise MeshError(
            f"Cell {worst} has points {nodes[worst].tolist()}, but the points are 0 to {len(coordinates) - 1}."
        )
    lost = ~np.isfinite(coordinates).all(axis=1)
    if lost.any():
        number = int(np.flatnonzero(lost)[0])
        raise MeshError(f"Point {number} is {coordinates[number].tolist()}: coordinates must be finite.")
    return coordinates, nodes, sizes[nodes.shape[1]]


def compact(
    points: NDArray[Any], nodes: NDArray[Any], vertices: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Drop points that no cell uses and put vertices before other points.

    Returns:
        points, nodes, and the new number of each old point (-1 where it was dropped).
    """
    rank = np.full(len(points), 2, dtype=np.int8)
    rank[nodes] = 1
    rank[nodes[:, :vertices]] = 0
    order = np.argsort(rank, kind="stable")[: int((rank < 2).sum())]
    renumbered = np.full(len(points), -1, dtype=np.int64)
    renumbered[order] = np.arange(len(order))
    return np.ascontiguousarray(points[order]), renumbered[nodes], renumbered


def _check_shapes(points: NDArray[Any], geometry: Ints, cell: Reference, degree: int) -> None:
    """Raise for cells without volume and for cells whose map turns over."""
    low, high = extreme_determinants(points, geometry, cell.name, degree)
    extent = np.ptp(points[geometry[:, : cell.vertices]], axis=1).max(axis=1)
    small = 1e-14 * extent**cell.dim
    flat = np.maximum(np.abs(low), np.abs(high)) <= small
    tangled = (low < -small) & (high > small) | (np.minimum(np.abs(low), np.abs(high)) <= small)
    for broken, what in ((flat, "has no volume"), (tangled, "is tangled: its map from the reference cell turns over")):
        if broken.any():
            number = int(np.flatnonzero(broken)[0])
            where = points[geometry[number, : cell.vertices]].tolist()
            raise MeshError(
                f"Cell {number} ({cell.name}) {what}; {int(broken.sum())} such cells. Its vertices are {where}. "
                "Check the order of its points (quadrilaterals and hexahedra count x fastest) or mesh again."
            )


def _cells_of(mesh: Mesh, name: str, given: Any) -> NDArray[Any]:
    if callable(given):
        return mesh.cells_on(given)
    numbers = np.asarray(given)
    if numbers.dtype == bool and numbers.shape == (len(mesh.geometry),):
        return np.flatnonzero(numbers)
    if not np.issubdtype(numbers.dtype, np.integer) or numbers.ndim != 1 or not len(numbers):
        raise MeshError(f"Group {name!r} of cells is a predicate or an array of cell numbers, not {given!r}.")
    if numbers.min() < 0 or numbers.max() >= len(mesh.geometry):
        raise MeshError(f"Group {name!r} names cell {int(numbers.max())}, but there are {len(mesh.geometry)} cells.")
    return numbers


def _facets_of(mesh: Mesh, name: str, given: Any, renumbered: NDArray[np.int64]) -> NDArray[Any]:
    if callable(given):
        return mesh.facets_on(given)
    corners = mesh.entities(mesh.dim - 1).shape[1]
    rows = np.asarray(given)
    if not np.issubdtype(rows.dtype, np.integer) or rows.ndim != 2 or rows.shape[1] != corners or not len(rows):
        raise MeshError(
            f"Group {name!r} of facets is a predicate or an integer array (k, {corners}) of the vertices of its "
            f"facets, but it has dtype {rows.dtype} and shape {rows.shape}."
        )
    if rows.min() < 0 or rows.max() >= len(renumbered):
        raise MeshError(f"Group {name!r} of facets names point {int(rows.max())}, but there are {len(renumbered)}.")
    known = renumbered[rows]
    found = np.where((known < 0).any(axis=1), -1, mesh.find_facets(np.maximum(known, 0)))
    if (found < 0).any():
        worst = rows[found < 0][0].tolist()
        raise MeshError(
            f"Group {name!r}: {int((found < 0).sum())} of its {len(rows)} facets belong to no {mesh.cell_type}, the "
            f"first has points {worst}. Remove it from the group, or mesh the part beside it."
        )
    return found


def numbered_tags(groups: Mapping[str, Any], tags: Tags, what: str) -> dict[str, int]:
    """Return a tag for every group: the given ones, free numbers from 1 for the rest.

    Raises:
        MeshError: if a tag is given for no group, or twice.

    Example:
        >>> numbered_tags({"in": [], "out": []}, {"out": 1}, "facet")
        {'in': 2, 'out': 1}
    """
    given = {name: int(tag) for name, tag in (tags or {}).items()}
    for name in given:
        if name not in groups:
            raise MeshError(f"Tag {given[name]} is given for {name!r}, but there is no {what} group of that name.")
    if len(set(given.values())) < len(given):
        doubled = [name for name in given if list(given.values()).count(given[name]) > 1]
        raise MeshError(f"The {what} groups {', '.join(map(repr, doubled))} share one tag; give each its own.")
    free = iter(n for n in range(1, len(groups) + len(given) + 1) if n not in given.values())
    return {name: given[name] if name in given else next(free) for name in groups}
