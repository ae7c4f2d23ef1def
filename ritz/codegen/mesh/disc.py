"""Meshes of discs: rings of nearly equilateral triangles."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...errors import OptionValueError
from .mesh import Mesh
from .topology import number_rows


def disc(
    center: tuple[float, float] = (0.0, 0.0), radius: float = 1.0, size: float = 0.1, geometry_degree: int = 1
) -> Mesh:
    """Mesh a disc with triangles. Its boundary is the group ``circle``.

    Rings of equal width: the k-th one has 6k points.

    Args:
        center: x and y of the middle.
        radius: radius, in the user's unit of length.
        size: width of a ring at most, that is about the length of an edge.
        geometry_degree: 1 for straight edges, 2 for edges on the boundary that follow the circle to third order.

    Raises:
        OptionValueError: if radius or size is not positive and finite, or the degree is neither 1 nor 2.

    Example:
        >>> disc(radius=2, size=1)
        Mesh(24 triangles, 19 points in 2-D; facets: circle 1)
    """
    for name, value in (("radius", radius), ("size", size)):
        if not (math.isfinite(value) and value > 0):
            raise OptionValueError(f"The {name} of a disc is a positive number, not {value!r}.")
    if geometry_degree not in (1, 2):
        raise OptionValueError(f"geometry_degree is 1 (straight) or 2 (curved), not {geometry_degree!r}.")
    rings = max(1, math.ceil(radius / size * (1 - 1e-12)))
    points = np.concatenate([_ring(k) * (radius * k / rings) for k in range(rings + 1)])
    cells = np.concatenate([_between(k) for k in range(1, rings + 1)])
    outer = _start(rings) + np.arange(6 * rings)
    edge = np.stack([outer, np.roll(outer, -1)], axis=1)
    if geometry_degree == 2:
        points, cells = _curved(points, cells, edge, radius)
    return Mesh.from_arrays(points + np.asarray(center, dtype=float), cells, "triangle", facet_groups={"circle": edge})


def _start(k: int) -> int:
    """Return the number of the first point of ring k: the middle is ring 0."""
    return 3 * k * (k - 1) + 1 if k else 0


def _ring(k: int) -> NDArray[np.float64]:
    angle = 2 * np.pi * np.arange(6 * k) / (6 * k) if k else np.zeros(1)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _between(k: int) -> NDArray[np.int64]:
    """Return the triangles between rings k - 1 and k: in each of six sectors k stand on ring k, k - 1 on ring k - 1."""
    sector = np.arange(6)[:, None]
    inner, outer = max(6 * (k - 1), 1), 6 * k
    step = np.arange(k)
    low = _start(k - 1) + (sector * (k - 1) + step) % inner
    high = _start(k) + (sector * k + step) % outer
    next_high = _start(k) + (sector * k + step + 1) % outer
    next_low = _start(k - 1) + (sector * (k - 1) + step + 1) % inner
    standing = np.stack([low, high, next_high], axis=2).reshape(-1, 3)
    hanging = np.stack([low, next_low, next_high], axis=2)[:, : k - 1].reshape(-1, 3)
    return np.concatenate([standing, hanging])


def _curved(
    points: NDArray[np.float64], cells: NDArray[np.int64], edge: NDArray[np.int64], radius: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Add a node in the middle of every edge; those of the boundary lie on the circle."""
    rows = np.sort(cells[:, [[1, 2], [0, 2], [0, 1]]].reshape(-1, 2), axis=1)
    first, number = number_rows(rows)
    ends = rows[first]
    middles = points[ends].mean(axis=1)
    on_circle = (ends >= edge.min()).all(axis=1)  # the last ring: edges between its points lie on the boundary
    middles[on_circle] *= radius / np.linalg.norm(middles[on_circle], axis=1, keepdims=True)
    return np.concatenate([points, middles]), np.concatenate([cells, len(points) + number.reshape(-1, 3)], axis=1)
