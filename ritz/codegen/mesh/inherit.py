"""A mesh made of parts of the cells of another: curved shapes and groups are inherited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .lattice import facet_planes, number_second_order
from .mesh import Ancestry, Mesh
from .reference import lagrange, tabulate
from .topology import frozen

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


def descend(mesh: Mesh, vertices: Floats, cells: NDArray[Any], parents: NDArray[Any], corners: Floats) -> Mesh:
    """Return the mesh of the given parts.

    Args:
        mesh: the coarser mesh.
        vertices: (n, gdim) coordinates of the vertices of the parts.
        cells: (parts, vertices of one) their numbers, each of the n appearing.
        parents: (parts,) the cell that each is a part of.
        corners: (parts, vertices of one, dim) reference coordinates of its vertices in that cell, exact.
    """
    if mesh.reference.simplex:
        order = np.argsort(cells, axis=1)
        cells = np.take_along_axis(cells, order, axis=1)
        corners = np.take_along_axis(corners, order[:, :, None], axis=1)
    ancestry = Ancestry(_frozen(parents.astype(np.int32)), _frozen(corners))
    geometry = _frozen(cells.astype(np.int32))
    made = Mesh(_frozen(vertices), geometry, mesh.cell_type, ancestry=ancestry)
    if mesh.geometry_degree == 2:
        made = _curved(mesh, made)
    return made.regrouped(
        cell_groups=frozen({name: _members(chosen, parents) for name, chosen in mesh.cell_groups.items()}),
        facet_groups=_facet_groups(mesh, made),
        cell_tags=dict(mesh.cell_tags),
        facet_tags=dict(mesh.facet_tags),
    )


def _members(chosen: Ints, parents: NDArray[Any]) -> NDArray[Any]:
    mask = np.zeros(int(parents.max()) + 1, dtype=bool)
    mask[chosen[chosen < len(mask)]] = True
    return np.flatnonzero(mask[parents])


def _curved(coarse: Mesh, fine: Mesh) -> Mesh:
    """Give every part the shape that the quadratic map of its parent has there, which is quadratic itself."""
    ancestry = fine.ancestry
    assert ancestry is not None
    numbers, count = number_second_order(fine)
    one_of = np.empty(count, dtype=np.int64)  # of the places (cell, node) with one number, any
    one_of[numbers.ravel()] = np.arange(numbers.size)
    cell, node = np.divmod(one_of[len(fine.points) :], numbers.shape[1])
    weights = tabulate(fine.cell_type, 1, lagrange(fine.cell_type, 2).points)[0]
    places = np.einsum("nv,nvd->nd", weights[node], ancestry.corners[cell])
    shapes = tabulate(coarse.cell_type, 2, places)[0]
    nodes = coarse.points[coarse.geometry[ancestry.parents[cell]]]
    added = nodes[:, 0] + np.einsum("qn,qng->qg", shapes, nodes - nodes[:, :1])
    curved = replace(
        fine, points=_frozen(np.concatenate([fine.points, added])), geometry=_frozen(numbers), geometry_degree=2
    )
    vars(curved).update(cells=fine.cells, vertex_count=fine.vertex_count, _entities=fine._entities)
    return curved


def _facet_groups(coarse: Mesh, fine: Mesh) -> Mapping[str, Ints]:
    """Return the groups of facets, found in the parts of those cells that have a facet in a group."""
    if not coarse.facet_groups:
        return {}
    assert fine.ancestry is not None
    beside = np.zeros(len(coarse.cells) + 1, dtype=bool)  # the last one stands for no cell
    for chosen in coarse.facet_groups.values():
        beside[coarse.facet_cells[chosen]] = True
    facets = np.flatnonzero(beside[:-1][fine.ancestry.parents[fine.facet_cells[:, 0]]])
    former = facet_parents(coarse, fine, facets)
    groups = {}
    for name, chosen in coarse.facet_groups.items():
        mask = np.zeros(coarse.facet_count + 1, dtype=bool)
        mask[chosen] = True
        groups[name] = facets[mask[former]]
    return frozen(groups)


def facet_parents(coarse: Mesh, fine: Mesh, facets: NDArray[Any]) -> NDArray[np.int64]:
    """Return for facets of the finer mesh the facet of the coarser one that each is a part of, or -1."""
    ancestry = fine.ancestry
    assert ancestry is not None
    slopes, offsets = facet_planes(fine.cell_type)
    cell, local = fine.facet_cells[facets, 0], fine.facet_local[facets, 0]
    own = fine.reference.entities[fine.dim - 1][local]
    places = ancestry.corners[cell[:, None], own]
    on_plane = (places @ slopes.T + offsets == 0).all(axis=1)
    facet = coarse.cell_entities(coarse.dim - 1)[ancestry.parents[cell], on_plane.argmax(axis=1)]
    return np.where(on_plane.any(axis=1), facet, -1).astype(np.int64)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    made = np.ascontiguousarray(array)
    made.flags.writeable = False
    return made
