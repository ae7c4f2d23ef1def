"""Numbering of degrees of freedom on a mesh: first of each field by itself, then of all with constraints taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ritz.codegen.fem.element import SIMPLICES, Element, Reference, coordinate_element, reference
from ritz.codegen.layout import Array


@dataclass(frozen=True, eq=False)
class Nodes:
    """The degrees of freedom of one scalar field (or of one vector element) on a mesh.

    Attributes:
        element: what they belong to.
        reference: the same on the reference cell.
        cells: (cells, dim) their numbers in every cell, int32.
        count: how many there are.
        points: (count, gdim) where they stand; NaN where an element has no points.
    """

    element: Element
    reference: Reference
    cells: Array
    count: int
    points: Array


def number_nodes(mesh: Any, element: Element) -> Nodes:
    """Number the degrees of freedom of an element, in the order in which the cells meet them."""
    ref = reference(element, mesh.cell_type)
    m = len(mesh.cells)
    if element.family == "Real":
        return Nodes(element, ref, np.zeros((m, 1), np.int32), 1, np.full((1, mesh.points.shape[1]), np.nan))
    cells = np.empty((m, ref.dim), dtype=np.int64)
    start = 0
    for d, entities in enumerate(ref.entity_dofs):
        each = len(entities[0]) if entities else 0
        if not each:
            continue
        numbers, vertices = _entities(mesh, d)
        for e, local in enumerate(entities):
            places = np.tile(np.arange(each), (m, 1))
            if each > 1 and 0 < d < mesh.dim and mesh.cell_type not in SIMPLICES:
                places = _oriented(mesh, ref, d, e, local)
            cells[:, local] = start + numbers[:, e, None] * each + places
        start += vertices * each
    cells, count = _by_first_use(cells)
    return Nodes(element, ref, cells, count, _points(mesh, ref, cells, count))


def _entities(mesh: Any, d: int) -> tuple[Array, int]:
    """Number of every entity of dimension d in every cell, and how many there are."""
    if d == mesh.dim:
        return np.arange(len(mesh.cells))[:, None], len(mesh.cells)
    if d == 0:
        return mesh.cells, int(mesh.cells.max()) + 1
    return mesh.cell_entities(d), len(mesh.entities(d))


def _oriented(mesh: Any, ref: Reference, d: int, entity: int, local: list[int]) -> Array:
    """Place of each local degree of freedom inside an edge or face, the same for all cells that share it.

    A point of the entity is known by its weights with respect to the entity's vertices, taken in the order of their
    global numbers: sorting the points by these weights is an order on which all cells agree.
    """
    import basix

    kind = basix.CellType[mesh.cell_type]
    corners = list(map(int, basix.topology(kind)[d][entity]))
    weights = coordinate_element(mesh.cell_type, 1).tabulate(ref.points[local])[0, :, corners, 0].T
    orders, which = np.unique(np.argsort(mesh.cells[:, corners], axis=1), axis=0, return_inverse=True)
    ranks = np.empty((len(orders), len(local)), dtype=np.int64)
    for k, order in enumerate(orders):
        keys = np.round(weights[:, order], 9)
        ranks[k, np.lexsort(keys.T[::-1])] = np.arange(len(local))
    return ranks[which.ravel()]


def _by_first_use(cells: Array) -> tuple[Array, int]:
    """Renumber in the order in which the cells meet the numbers, so that neighbours lie together in memory."""
    flat = cells.ravel()
    values, first, inverse = np.unique(flat, return_index=True, return_inverse=True)
    rank = np.empty(len(values), dtype=np.int32)
    rank[np.argsort(first, kind="stable")] = np.arange(len(values), dtype=np.int32)
    return np.ascontiguousarray(rank[inverse].reshape(cells.shape)), len(values)


def _points(mesh: Any, ref: Reference, cells: Array, count: int) -> Array:
    found = np.full((count, mesh.points.shape[1]), np.nan)
    if ref.is_nodal:
        shape = coordinate_element(mesh.cell_type, mesh.geometry_degree).tabulate(ref.points)[0, :, :, 0]
        shape = np.where(np.abs(shape - np.round(shape)) < 1e-14, np.round(shape), shape)
        found[cells.ravel()] = np.einsum("ka,cai->cki", shape, mesh.points[mesh.geometry]).reshape(-1, found.shape[1])
    return found


def on_facets(mesh: Any, nodes: Nodes, facets: Array) -> Array:
    """Numbers of the degrees of freedom on the closure of some facets, increasing."""
    import basix

    kind = basix.CellType[mesh.cell_type]
    connectivity = basix.cell.sub_entity_connectivity(kind)[mesh.dim - 1]
    owner, local = mesh.facet_cells[facets, 0], mesh.facet_local[facets, 0]
    found = []
    for f, closure in enumerate(connectivity):
        dofs = [k for d in range(mesh.dim) for e in closure[d] for k in nodes.reference.entity_dofs[d][int(e)]]
        found.append(nodes.cells[owner[local == f]][:, dofs].ravel())
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


def identified(nodes: Nodes, pairs: list[tuple[Array, Array]]) -> Array:
    """For every degree of freedom the one that stands for it, after pairs of them were made one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not pairs:
        return np.arange(nodes.count)
    a, b = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(nodes.count, nodes.count))
    _, label = connected_components(graph, directed=False)
    first = np.full(label.max() + 1, nodes.count)
    np.minimum.at(first, label, np.arange(nodes.count))
    return first[label]
