"""Which cell a point lies in, and where.

Cells are sorted by size, each size into a grid of bins about as wide as its cells are; only bins with cells are kept.
A point is tried in the cells of its bins, so the work for a point does not grow with the mesh, however graded it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import MeshError, OptionValueError, UnsupportedError
from .geometry import determinants
from .reference import tabulate

if TYPE_CHECKING:
    from .mesh import Mesh

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_ITERATIONS = 30
_BULGE = 0.5  # how far a quadratic map can leave the box of its nodes, in widths of the box: Lebesgue constant 2


@dataclass(frozen=True)
class _Bins:
    """Cells of similar size, by the bins that their boxes touch.

    Attributes:
        width: width of a bin.
        counts: bins along each axis.
        keys: sorted numbers of bins, one for each pair of bin and cell.
        cells: the cells of these pairs.
    """

    width: float
    counts: Ints
    keys: Ints
    cells: Ints


@dataclass(frozen=True)
class Locator:
    """Bins of all sizes of cells of a mesh; made once, kept by the mesh.

    Attributes:
        origin: where the bins begin.
        low: (cells, dim) lower corners of the boxes of the cells.
        high: (cells, dim) upper corners.
        levels: the bins of each size.
    """

    origin: Floats
    low: Floats
    high: Floats
    levels: tuple[_Bins, ...]


def build_locator(mesh: Mesh) -> Locator:
    """Sort the cells of a mesh into bins."""
    nodes = mesh.points[mesh.geometry]
    low, high = nodes.min(axis=1), nodes.max(axis=1)
    grow = (_BULGE if mesh.geometry_degree == 2 else 0.0) * (high - low).max(axis=1, keepdims=True)
    grow = grow + 2e-6 * (high - low).max(axis=1, keepdims=True)
    low, high = low - grow, high + grow
    size = (high - low).max(axis=1)
    level = np.floor(np.log2(size / size.min())).astype(np.int64)
    origin = low.min(axis=0)
    span = high.max(axis=0) - origin
    levels = []
    for number in np.unique(level):
        cells = np.flatnonzero(level == number)
        width = 1.000001 * float(size[cells].max())  # wider than all boxes
        while np.prod(span / width + 1) > 2.0**62:  # the number of a bin must fit
            width *= 2
        counts = np.floor(span / width).astype(np.int64) + 1
        keys, owners = _touched(low[cells] - origin, high[cells] - origin, width, counts)
        order = np.argsort(keys, kind="stable")
        levels.append(_Bins(width, counts, keys[order], cells[owners[order]]))
    return Locator(origin, low, high, tuple(levels))


def _touched(low: Floats, high: Floats, width: float, counts: Ints) -> tuple[Ints, Ints]:
    """Return pairs of bin and box: a box is no wider than a bin, so it touches at most two along each axis."""
    first = np.floor(low / width).astype(np.int64)
    last = np.minimum(np.floor(high / width).astype(np.int64), counts - 1)
    keys, owners = np.zeros(len(low), dtype=np.int64), np.arange(len(low))
    for axis, count in enumerate(counts):
        start, end = first[owners, axis], last[owners, axis]
        twice = np.flatnonzero(end > start)
        keys = np.concatenate([keys * count + start, keys[twice] * count + end[twice]])
        owners = np.concatenate([owners, owners[twice]])
    return keys, owners


def locate(mesh: Mesh, points: ArrayLike, tolerance: float = 1e-9) -> tuple[NDArray[np.int32], Floats]:
    """Find points in a mesh; see `Mesh.locate`."""
    if not 0 <= tolerance <= 1e-6:
        raise OptionValueError(f"The tolerance is a number from 0 to 1e-6, but got {tolerance!r}.")
    wanted = _checked(mesh, points)
    cells = np.full(len(wanted), -1, dtype=np.int32)
    places = np.full((len(wanted), mesh.dim), np.nan)
    for bins in mesh.locator.levels:
        pending = np.flatnonzero(cells < 0)
        if len(pending):
            _search(mesh, bins, wanted, pending, tolerance, cells, places)
    return cells, places


def _checked(mesh: Mesh, points: ArrayLike) -> Floats:
    if mesh.gdim != mesh.dim:
        raise UnsupportedError(
            f"Points are found only in meshes whose cells have the dimension of space, but these are "
            f"{mesh.cell_type} cells in {mesh.gdim}-D. Take `nearest_vertex`."
        )
    wanted = np.asarray(points, dtype=np.float64)
    if wanted.ndim == 1 and mesh.dim == 1:
        wanted = wanted[:, None]
    if wanted.ndim != 2 or wanted.shape[1] != mesh.dim:
        raise MeshError(f"Points are an array (n, {mesh.dim}) of coordinates, but got shape {wanted.shape}.")
    return wanted


def _search(
    mesh: Mesh, bins: _Bins, wanted: Floats, pending: Ints, tolerance: float, cells: NDArray[np.int32], places: Floats
) -> None:
    """Try the cells of one size, one after the other for all points at once; fill in what is found."""
    with np.errstate(invalid="ignore"):
        index = np.floor((wanted[pending] - mesh.locator.origin) / bins.width)
        there = ((index >= 0) & (index < bins.counts)).all(axis=1)  # false for nan, too
    pending, index = pending[there], index[there].astype(np.int64)
    key = np.zeros(len(pending), dtype=np.int64)
    for axis, count in enumerate(bins.counts):
        key = key * count + index[:, axis]
    start = np.searchsorted(bins.keys, key, side="left")
    end = np.searchsorted(bins.keys, key, side="right")
    low, high = mesh.locator.low, mesh.locator.high
    while True:
        left = start < end
        pending, start, end = pending[left], start[left], end[left]
        if not len(pending):
            return
        tried = bins.cells[start]
        in_box = ((wanted[pending] >= low[tried]) & (wanted[pending] <= high[tried])).all(axis=1)
        hopeful = pending[in_box]
        place, found = pull_back(mesh, tried[in_box], wanted[hopeful])
        inside = found & is_inside(place, mesh.reference.simplex, tolerance)
        cells[hopeful[inside]] = tried[in_box][inside]
        places[hopeful[inside]] = place[inside]
        left = cells[pending] < 0
        pending, start, end = pending[left], start[left] + 1, end[left]


def is_inside(places: Floats, simplex: bool, tolerance: float) -> NDArray[np.bool_]:
    """Tell which reference coordinates (n, dim) lie in the reference cell, up to a tolerance."""
    above = (places >= -tolerance).all(axis=1)
    if simplex:
        return np.asarray(above & (places.sum(axis=1) <= 1 + tolerance))
    return np.asarray(above & (places <= 1 + tolerance).all(axis=1))


def pull_back(mesh: Mesh, cells: NDArray[Any], points: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the reference coordinates of points in given cells.

    Newton's method from the midpoint: one step for straight simplices. For points far outside it need not end.

    Args:
        mesh: the mesh.
        cells: (n,) cell numbers.
        points: (n, dim) coordinates.

    Returns:
        places: (n, dim) reference coordinates.
        found: (n,) whether the map takes them to the points, to rounding.
    """
    nodes = mesh.points[mesh.geometry[cells]]
    if mesh.reference.simplex and mesh.geometry_degree == 1:
        places = _solve(np.swapaxes(nodes[:, 1:] - nodes[:, :1], 1, 2), points - nodes[:, 0])
        return places, np.asarray(np.isfinite(places).all(axis=1))
    places = np.tile(mesh.reference.corners.mean(axis=0), (len(points), 1))
    active = np.arange(len(points))
    found = np.zeros(len(points), dtype=bool)
    for _ in range(_ITERATIONS):
        table = tabulate(mesh.cell_type, mesh.geometry_degree, places[active], 1)
        image = np.einsum("qn,qng->qg", table[0], nodes[active])
        jacobian = np.einsum("dqn,qng->qgd", table[1:], nodes[active])
        step = _solve(jacobian, points[active] - image)
        moved = np.clip(places[active] + step, -1.0, 2.0)
        small = (np.abs(step) < 1e-8).all(axis=1)  # the error left is the square of it
        stuck = (moved == places[active]).all(axis=1) & ~small | np.isnan(moved).any(axis=1)
        places[active] = moved
        found[active[small]] = True
        active = active[~small & ~stuck]
        if not len(active):
            break
    return places, found


def _solve(jacobian: Floats, right: Floats) -> Floats:
    """Solve many small systems by Cramer's rule; singular ones give nan."""
    whole = determinants(jacobian)
    step = np.empty_like(right)
    replaced = jacobian.copy()
    for axis in range(right.shape[1]):
        replaced[..., axis] = right
        step[:, axis] = determinants(replaced)
        replaced[..., axis] = jacobian[..., axis]
    with np.errstate(divide="ignore", invalid="ignore"):
        step /= np.where(whole == 0, np.nan, whole)[:, None]
    return step
