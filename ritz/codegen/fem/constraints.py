"""Which degrees of freedom conditions are about: those that are one across periodic boundaries, those prescribed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ritz.codegen.fem.dofs import Nodes, on_facets
from ritz.codegen.fem.element import Element
from ritz.codegen.fem.moments import moments
from ritz.codegen.layout import Array
from ritz.errors import DiscretizationError, UnsupportedError
from ritz.symbolic.fields import Field
from ritz.symbolic.weak_form import Essential, Label, WeakForm

Index = Mapping[Field, tuple[int, int]]  # component -> block, component of its element


def periodic_pairs(mesh: Any, nodes: Nodes, labels: Iterable[tuple[Label, Label]]) -> list[tuple[Array, Array]]:
    """Degrees of freedom on pairs of boundaries, each with its image under the translation between them.

    Raises:
        UnsupportedError: discontinuous elements.
        DiscretizationError: the meshes of the boundaries do not match.
    """
    pairs = []
    for a, b in labels:
        if nodes.element.is_discontinuous:
            raise UnsupportedError(
                f"Periodic boundaries are there for continuous elements, not for {nodes.element!r}. Use Lagrange."
            )
        if nodes.element.family == "Real":
            continue
        one, two = (on_facets(mesh, nodes, np.asarray(mesh.facets_on(label))) for label in (a, b))
        pairs.append((one, two[_match(mesh, nodes, one, two, (str(a), str(b)))]))
    return pairs


def _match(mesh: Any, nodes: Nodes, one: Array, two: Array, names: tuple[str, str]) -> Array:
    """For each degree of freedom of one boundary the place of its image among those of the other."""
    from scipy.spatial import cKDTree

    a, b = names
    if len(one) != len(two) or not len(one):
        raise DiscretizationError(
            f"Periodic boundaries {a!r} and {b!r} have {len(one)} and {len(two)} nodes: their meshes must match."
        )
    at, weights = zip(*(_where(mesh, nodes, chosen) for chosen in (one, two)), strict=True)
    shift = at[1].mean(axis=(0, 1)) - at[0].mean(axis=(0, 1))
    scale = max(float(np.ptp(np.vstack([x.reshape(-1, x.shape[-1]) for x in at]), axis=0).max()), 1e-300)
    rows = [
        np.hstack([(x / scale).reshape(len(x), -1), w]) for x, w in zip((at[0] + shift, at[1]), weights, strict=True)
    ]
    distance, place = (np.atleast_1d(np.asarray(x)) for x in cKDTree(rows[1]).query(rows[0]))
    if distance.max() > 1e-8 or len(np.unique(place)) != len(place):
        order = (
            ""
            if nodes.reference.is_nodal
            else (f" {nodes.element!r} asks besides that the vertices of both be numbered in the same order.")
        )
        raise DiscretizationError(
            f"The nodes on {b!r} are not those on {a!r} moved by {tuple(map(float, shift))}: periodic boundaries need "
            f"meshes that match. Build the mesh with periodic boundaries (gmsh: setPeriodic).{order}"
        )
    return place


def _where(mesh: Any, nodes: Nodes, chosen: Array) -> tuple[Array, Array]:
    """What tells degrees of freedom apart: their points (n, q, gdim) and relative weights there (n, any)."""
    if nodes.reference.is_nodal:
        return nodes.points[chosen][:, None], np.zeros((len(chosen), 0))
    found = moments(mesh, nodes, chosen, inside=False)
    return found.points, found.weights.reshape(len(chosen), -1) / np.abs(found.weights).max()


def grouped(
    essential: Iterable[Essential], index: Index, elements: Sequence[Element]
) -> list[tuple[int, list[Essential]]]:
    """Prescribed values with their block: one by one, of vector elements all components of a place together."""
    found: dict[Any, tuple[int, list[Essential]]] = {}
    for k, one in enumerate(essential):
        block = index[one.field][0]
        key = (block, one.on, one.at) if elements[block].is_vector else (k,)
        found.setdefault(key, (block, []))[1].append(one)
    return list(found.values())


def prescribed_places(mesh: Any, nodes: Nodes, members: Sequence[Essential], form: WeakForm) -> Array:
    """Degrees of freedom that one group of prescribed values is about.

    Raises:
        DiscretizationError: there is no node at a point.
        UnsupportedError: an element whose unknowns cannot be prescribed so.
    """
    condition = members[0]
    if nodes.element.is_vector:
        _check_whole(nodes, members, form)
    if condition.at is not None:
        distance = np.linalg.norm(nodes.points - np.asarray(condition.at, dtype=float), axis=1)
        near = int(np.nanargmin(distance))
        if distance[near] > 1e-6 * float(np.ptp(mesh.points, axis=0).max()):
            raise DiscretizationError(
                f"PointValue of {condition.field} at {condition.at}: the nearest node of its element stands at "
                f"{tuple(map(float, nodes.points[near]))}. Give the position of a node, or put a vertex there."
            )
        return np.array([near])
    if nodes.element.is_discontinuous:
        raise UnsupportedError(
            f"Dirichlet values of {condition.field} cannot be imposed on {nodes.element!r}, whose unknowns do not "
            "stand on the boundary. Write them into the weak form (upwind values, SIPG)."
        )
    return on_facets(mesh, nodes, np.asarray(mesh.facets_on(condition.on)))


def _check_whole(nodes: Nodes, members: Sequence[Essential], form: WeakForm) -> None:
    condition = members[0]
    owner, parts = next((u, parts) for u, parts in form.components.items() if condition.field in parts)
    if condition.at is None and len(members) == len(parts):
        return
    found = f"a value of {condition.field} " + ("alone" if condition.at is None else "in a point")
    raise UnsupportedError(
        f"On {nodes.element!r} what is prescribed on a facet is the whole vector ({', '.join(map(str, parts))}), of "
        f"which the element takes its normal or tangential part; found {found}. Write "
        f"rz.Dirichlet({owner}, ({', '.join(['...'] * len(parts))}), on=...)."
    )
