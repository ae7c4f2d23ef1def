"""What the degrees of freedom of vector elements are of a given field: weighted sums of its values in a few points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ritz.codegen.fem.dofs import Nodes
from ritz.codegen.fem.element import Reference, coordinate_element
from ritz.codegen.fem.pullback import CellMap
from ritz.codegen.layout import Array


@dataclass(frozen=True)
class Moments:
    """``dof = sum over points q and components c of weights[q, c] * v_c(points[q])``.

    Attributes:
        points: (n, q, gdim).
        weights: (n, q, gdim).
    """

    points: Array
    weights: Array


@lru_cache(maxsize=64)
def functionals(ref: Reference, inside: bool) -> tuple[Array, Array]:
    """Points (dim, q, d) and weights (dim, q, values) on the reference cell of every degree of freedom, by basix.

    Args:
        ref: the element.
        inside: whether those inside the cell count; without them fewer points do, and their own weights are zero.
    """
    made, d = ref.basix, ref.points.shape[1]
    listed = [
        (dof, np.asarray(made.x[n][entity]), np.asarray(made.M[n][entity])[row, :, :, 0].T)
        for n in range(d + int(inside))
        for entity, dofs in enumerate(ref.entity_dofs[n])
        for row, dof in enumerate(dofs)
    ]
    most = max((len(points) for _, points, _ in listed), default=0)
    places, weights = np.zeros((ref.dim, most, d)), np.zeros((ref.dim, most, ref.values))
    for dof, points, weight in listed:
        places[dof] = points[0]
        places[dof, : len(points)], weights[dof, : len(points)] = points, weight
    return places, weights


def moments(mesh: Any, nodes: Nodes, chosen: Array, inside: bool = True) -> Moments:
    """The functionals of some degrees of freedom in space, each seen from one of its cells.

    Args:
        mesh: the mesh.
        nodes: of a vector element.
        chosen: (n,) their numbers.
        inside: as in `functionals`.
    """
    _, first = np.unique(nodes.cells, return_index=True)
    cells, local = np.divmod(first[chosen], nodes.cells.shape[1])
    places, weights = (table[local] for table in functionals(nodes.reference, inside))
    n, most, d = places.shape
    table = coordinate_element(mesh.cell_type, mesh.geometry_degree).tabulate(places.reshape(-1, d))[..., 0]
    corners = mesh.points[mesh.geometry[cells]]
    x, *slopes = np.einsum("mnqa,nai->mnqi", table.reshape(1 + d, n, most, corners.shape[1]), corners)
    map_ = CellMap(np.stack(slopes, axis=-1))
    if nodes.reference.map == "contravariant":
        return Moments(x, np.einsum("nqj,nqjc->nqc", weights, map_.det[..., None, None] * map_.inverse))
    return Moments(x, np.einsum("nqj,nqcj->nqc", weights, map_.jacobian))
