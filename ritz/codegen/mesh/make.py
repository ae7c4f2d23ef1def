"""Meshes of intervals, rectangles and boxes, and of the domains made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import OptionValueError, nearest
from ...symbolic.domains import SIDES, Domain
from .mesh import Mesh
from .reference import DIMENSION, PRODUCTS, SIMPLICES, check_cell_type

_PATTERNS = ("right", "left", "crossed")
# The six tetrahedra of a cube share the diagonal from its first to its last vertex (Kuhn's triangulation); vertices
# count x fastest. Neighbouring cubes cut their common face alike.
_KUHN = np.array([[0, 1, 3, 7], [0, 1, 5, 7], [0, 2, 3, 7], [0, 2, 6, 7], [0, 4, 5, 7], [0, 4, 6, 7]])


def interval(a: float = 0.0, b: float = 1.0, n: int = 16) -> Mesh:
    """Mesh an interval evenly. Its ends are the groups ``left`` and ``right``.

    Args:
        a: lower end, in the user's unit of length.
        b: upper end.
        n: number of cells.

    Raises:
        OptionValueError: if the ends are no finite numbers in rising order, or n is no positive integer.

    Example:
        >>> interval(0, 2, 4)
        Mesh(4 intervals, 5 points in 1-D; facets: left 1, right 2)
    """
    return _grid([(a, b)], [n], "interval")


def rectangle(
    x: tuple[float, float] = (0.0, 1.0),
    y: tuple[float, float] = (0.0, 1.0),
    n: int | Sequence[int] = (16, 16),
    cell: str = "triangle",
    pattern: str = "right",
) -> Mesh:
    """Mesh a rectangle evenly. Its sides are the groups ``left``, ``right``, ``bottom`` and ``top``.

    Args:
        x: left and right end, in the user's unit of length.
        y: bottom and top.
        n: squares along x and y; one number for both.
        cell: triangle or quadrilateral.
        pattern: how triangles cut a square: along the diagonal that rises to the right or to the left, or along both
            (crossed, four triangles).

    Raises:
        OptionValueError: if an argument has an impossible value.

    Example:
        >>> rectangle(x=(0, 2), n=(4, 2), cell="quadrilateral")
        Mesh(8 quadrilaterals, 15 points in 2-D; facets: left 1, right 2, bottom 3, top 4)
    """
    return _grid([x, y], _counts(n, 2), cell, pattern)


def box(
    x: tuple[float, float] = (0.0, 1.0),
    y: tuple[float, float] = (0.0, 1.0),
    z: tuple[float, float] = (0.0, 1.0),
    n: int | Sequence[int] = (8, 8, 8),
    cell: str = "tetrahedron",
) -> Mesh:
    """Mesh a box evenly. Its sides are ``left``, ``right`` (x), ``bottom``, ``top`` (y), ``back``, ``front`` (z).

    Args:
        x: left and right end, in the user's unit of length.
        y: bottom and top.
        z: back and front.
        n: cubes along x, y and z; one number for all.
        cell: tetrahedron (six in a cube) or hexahedron.

    Raises:
        OptionValueError: if an argument has an impossible value.

    Example:
        >>> box(n=2, cell="hexahedron")
        Mesh(8 hexahedra, 27 points in 3-D; facets: left 1, right 2, bottom 3, top 4, back 5, front 6)
    """
    return _grid([x, y, z], _counts(n, 3), cell)


def mesh_of(domain: Domain, n: int | Sequence[int], cell: str | None = None, pattern: str = "right") -> Mesh:
    """Mesh a `Box` or an `Interval` evenly, its axes in the order of the domain.

    Args:
        domain: what to mesh.
        n: cells along each axis (squares and cubes are cut into simplices); one number for all.
        cell: cell type of the dimension of the domain; simplices by default.
        pattern: as for `rectangle`.

    Raises:
        OptionValueError: if the cell type is of another dimension, or n does not fit the axes.

    Example:
        >>> from ritz.symbolic.domains import Box
        >>> mesh_of(Box(x=(0, 1), y=(0, 2)), (2, 4))
        Mesh(16 triangles, 15 points in 2-D; facets: left 1, right 2, bottom 3, top 4)
    """
    bounds = list(domain.bounds.values())
    return _grid(bounds, _counts(n, len(bounds)), cell or SIMPLICES[len(bounds)], pattern)


def _counts(n: int | Sequence[int], axes: int) -> list[int]:
    if isinstance(n, Integral):
        return [int(n)] * axes
    counts = list(n)  # type: ignore[arg-type]
    if len(counts) != axes:
        raise OptionValueError(f"n = {n!r} has {len(counts)} numbers of cells, but there are {axes} axes.")
    return counts


def _axis(bounds: tuple[float, float], count: Any, name: str) -> NDArray[np.float64]:
    if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
        raise OptionValueError(f"The number of cells along {name} is a positive integer, not {count!r}.")
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        raise OptionValueError(f"{name} needs a pair of numbers, e.g. {name}=(0, 1), but got {bounds!r}.") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise OptionValueError(f"{name} = ({low:g}, {high:g}) must be two finite numbers, the smaller one first.")
    return np.linspace(low, high, int(count) + 1)


def _grid(bounds: Sequence[tuple[float, float]], n: Sequence[int], cell: str, pattern: str = "right") -> Mesh:
    dim = len(bounds)
    if DIMENSION[check_cell_type(cell)] != dim:
        fitting = " or ".join(dict.fromkeys([SIMPLICES[dim], PRODUCTS[dim]]))
        raise OptionValueError(f"cell={cell!r} has dimension {DIMENSION[cell]}, but this domain needs {fitting}.")
    if pattern not in _PATTERNS:
        raise OptionValueError(
            f"No pattern {pattern!r}.{nearest(str(pattern), _PATTERNS)} Known: right, left, crossed."
        )
    axes = [_axis(b, count, name) for b, count, name in zip(bounds, n, "xyz")]
    points = np.stack([grid.ravel(order="F") for grid in np.meshgrid(*axes, indexing="ij")], axis=1)
    cubes = _cubes([len(axis) - 1 for axis in axes])
    if cell == "triangle":
        points, cells = _cut_squares(points, cubes, pattern)
    else:
        cells = cubes[:, _KUHN].reshape(-1, 4) if cell == "tetrahedron" else cubes
    sides = {
        name: _at(direction, end)
        for direction, names in enumerate(SIDES[:dim])
        for name, end in zip(names, (axes[direction][0], axes[direction][-1]))
    }
    return Mesh.from_arrays(points, cells, cell, facet_groups=sides)


def _at(direction: int, value: float) -> Any:
    return lambda *x: x[direction] == value


def _cubes(n: Sequence[int]) -> NDArray[np.int64]:
    """Return the vertices of a grid of n[0] x n[1] x ... cubes, x fastest."""
    strides = np.cumprod([1, *(count + 1 for count in n[:-1])])
    first = np.zeros(1, dtype=np.int64)
    for count, stride in zip(n, strides):
        first = (np.arange(count)[:, None] * stride + first).ravel()
    corner = np.zeros(1, dtype=np.int64)
    for stride in strides:
        corner = np.concatenate([corner, corner + stride])
    return first[:, None] + corner


def _cut_squares(
    points: NDArray[np.float64], squares: NDArray[np.int64], pattern: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if pattern == "crossed":
        middles = len(points) + np.arange(len(squares))
        points = np.concatenate([points, points[squares].mean(axis=1)])
        with_middle = np.concatenate([squares, middles[:, None]], axis=1)
        return points, with_middle[:, [[0, 1, 4], [1, 3, 4], [0, 2, 4], [2, 3, 4]]].reshape(-1, 3)
    local = [[0, 1, 3], [0, 2, 3]] if pattern == "right" else [[0, 1, 2], [1, 2, 3]]
    return points, squares[:, local].reshape(-1, 3)
