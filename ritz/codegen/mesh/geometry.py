"""Sizes and shapes of cells: the map from the reference cell, its Jacobian, volumes, diameters, quality."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .reference import lagrange, reference, tabulate

Floats = NDArray[np.float64]
_CHUNK = 200_000  # cells at a time: bounds the memory of tables of Jacobians


def map_points(nodes: Floats, name: str, degree: int, places: Floats) -> Floats:
    """Map reference coordinates into cells.

    Args:
        nodes: (cells, nodes, gdim) coordinates of the Lagrange nodes.
        name: cell type.
        degree: degree of the geometry.
        places: (n, dim), the same in all cells.

    Returns:
        (cells, n, gdim).
    """
    first = nodes[:, :1]  # relative to one node, so that coordinates which all nodes share stay exactly as they are
    return first + np.einsum("qn,cng->cqg", tabulate(name, degree, places)[0], nodes - first)


def jacobians(nodes: Floats, name: str, degree: int, places: Floats) -> Floats:
    """Return dx/dX at the same reference places of all cells: (cells, n, gdim, dim)."""
    if degree == 1 and reference(name).simplex:  # the same everywhere, and quicker than the sum below
        edges = np.swapaxes(nodes[:, 1:] - nodes[:, :1], 1, 2)[:, None]
        return np.broadcast_to(edges, (len(nodes), len(places), *edges.shape[2:]))
    return np.einsum("dqn,cng->cqgd", tabulate(name, degree, places, 1)[1:], nodes)


def determinants(jacobian: Floats) -> Floats:
    """Return the signed ratio of volumes; for cells in a space of more dimensions it has no sign.

    Args:
        jacobian: (..., gdim, dim).

    Example:
        >>> determinants(np.array([[[3.0], [4.0]]]))
        array([5.])
    """
    gdim, dim = jacobian.shape[-2:]
    if gdim != dim:
        gram = np.einsum("...gi,...gj->...ij", jacobian, jacobian)
        return np.sqrt(np.maximum(determinants(gram), 0.0))
    a = [[jacobian[..., i, j] for j in range(dim)] for i in range(dim)]
    if dim == 1:
        return np.asarray(a[0][0])
    if dim == 2:
        return np.asarray(a[0][0] * a[1][1] - a[0][1] * a[1][0])
    return np.asarray(
        a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1])
        - a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0])
        + a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0])
    )


def extreme_determinants(points: Floats, geometry: NDArray[Any], name: str, degree: int) -> tuple[Floats, Floats]:
    """Return the smallest and largest determinant of each cell over its Lagrange nodes."""
    places = lagrange(name, degree).points
    if reference(name).simplex and degree == 1:
        places = places[:1]
    low, high = np.empty(len(geometry)), np.empty(len(geometry))
    for part in _parts(len(geometry)):
        values = determinants(jacobians(points[geometry[part]], name, degree, places))
        low[part], high[part] = values.min(axis=1), values.max(axis=1)
    return low, high


def volumes(points: Floats, geometry: NDArray[Any], name: str, degree: int) -> Floats:
    """Return length, area or volume of each cell, exact for every geometry whose dimension is that of space."""
    from basix import CellType, make_quadrature

    cell = reference(name)
    exact = 0 if cell.simplex and degree == 1 else cell.dim * degree
    places, weights = (np.asarray(part) for part in make_quadrature(CellType[name], exact))
    result = np.empty(len(geometry))
    for part in _parts(len(geometry)):
        values = np.abs(determinants(jacobians(points[geometry[part]], name, degree, places)))
        result[part] = values @ weights
    return result


def diameters(points: Floats, vertices: NDArray[Any]) -> Floats:
    """Return the largest distance between two vertices of each entity."""
    corners = points[vertices]
    largest = np.zeros(len(vertices))
    for i in range(vertices.shape[1]):
        for j in range(i):
            np.maximum(largest, ((corners[:, i] - corners[:, j]) ** 2).sum(axis=1), out=largest)
    return np.sqrt(largest)


def qualities(points: Floats, geometry: NDArray[Any], name: str, degree: int) -> Floats:
    """Return the shape quality of each cell: 1 for a regular cell, 0 or less for a collapsed or tangled one.

    Simplices: the mean ratio [liu1994], of the vertices. Others: the smallest scaled Jacobian of the corners. Both
    are multiplied by the ratio of the smallest to the largest determinant where the geometry is of degree 2.
    """
    cell = reference(name)
    low, high = extreme_determinants(points, geometry, name, degree)
    curved = np.where(low + high < 0, high / np.minimum(low, -1e-300), low / np.maximum(high, 1e-300))
    corners = points[geometry[:, : cell.vertices]]
    if not cell.simplex:
        shape = _scaled_jacobian(corners, name)
        return shape * curved if degree > 1 else shape
    if cell.dim == 1:
        return curved if degree > 1 else np.ones(len(geometry))
    edges = cell.entities[1]
    squares = ((corners[:, edges[:, 0]] - corners[:, edges[:, 1]]) ** 2).sum(axis=(1, 2))
    volume = np.abs(determinants(jacobians(corners, name, 1, cell.corners[:1])))[:, 0] * cell.volume
    regular = {2: 4.0 * np.sqrt(3.0), 3: 12.0 * 3.0 ** (2.0 / 3.0)}[cell.dim]
    shape = regular * volume ** (2.0 / cell.dim) / squares
    return shape * curved if degree > 1 else shape


def _scaled_jacobian(corners: Floats, name: str) -> Floats:
    jacobian = jacobians(corners, name, 1, reference(name).corners)
    lengths = np.sqrt((jacobian**2).sum(axis=2)).prod(axis=2)
    scaled = determinants(jacobian) / np.maximum(lengths, 1e-300)
    turned = scaled.sum(axis=1) < 0
    scaled[turned] *= -1
    return np.asarray(scaled.min(axis=1))


def _parts(count: int) -> list[slice]:
    return [slice(start, start + _CHUNK) for start in range(0, count, _CHUNK)]
