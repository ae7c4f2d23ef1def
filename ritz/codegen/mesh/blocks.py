"""A mesh from blocks of cells and named sets of them, as files and mesh generators give them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...errors import MeshError
from .card import kind_of
from .mesh import Mesh
from .orders import KINDS, complete, from_file
from .reference import DIMENSION
from .topology import number_rows

Numbers = NDArray[np.int64]


@dataclass
class Blocks:
    """What a file or a generator gives.

    Attributes:
        source: what it is, for messages.
        points: (n, 1 to 3) coordinates.
        cells: type in the words of meshio and (cells, nodes) of each block, in the order of files.
        sets: (dimension, name) -> block -> numbers of cells in that block.
        tags: (dimension, name) -> tag.
    """

    source: str
    points: NDArray[np.float64]
    cells: list[tuple[str, Numbers]]
    sets: dict[tuple[int, str], dict[int, Numbers]] = field(default_factory=lambda: defaultdict(dict))
    tags: dict[tuple[int, str], int] = field(default_factory=dict)

    def add(self, dim: int, name: str, tag: int | None, block: int, numbers: Numbers) -> None:
        """Put cells of a block into a named set."""
        known = self.sets[dim, name].get(block)
        self.sets[dim, name][block] = numbers if known is None else np.union1d(known, numbers)
        if tag is not None:
            self.tags.setdefault((dim, name), tag)

    def dimension(self, block: int) -> int:
        """Return the dimension of the cells of a block; -1 where Ritz does not know the type, 0 for points."""
        name = self.cells[block][0]
        return 0 if name == "vertex" else DIMENSION[KINDS[name].cell] if name in KINDS else -1


def mesh_from_blocks(given: Blocks) -> Mesh:
    """Return the mesh of the cells of highest dimension; sets of facets become groups.

    Raises:
        MeshError: if there are cells of several types, cells that Ritz does not know, or facets of no cell.
    """
    top = _one_type(given)
    kind = KINDS[given.cells[top[0]][0]]
    dim = DIMENSION[kind.cell]
    numbering, nodes = _joined([given.cells[block][1] for block in top], kind.nodes)
    cell_groups = {
        name: np.concatenate([numbering[top.index(block)][numbers] for block, numbers in parts.items()])
        for (of, name), parts in given.sets.items()
        if of == dim
    }
    facet_groups = {
        name: np.concatenate([_corners(given, block)[numbers] for block, numbers in parts.items()])
        for (of, name), parts in given.sets.items()
        if of == dim - 1
    }
    points, nodes = complete(_flat(given.points, dim), nodes, kind)
    return Mesh.from_arrays(
        points,
        nodes[:, from_file(kind.cell, kind.degree)],
        kind.cell,
        facet_groups=facet_groups,
        cell_groups=cell_groups,
        facet_tags=_tags(given.tags, dim - 1, facet_groups),
        cell_tags=_tags(given.tags, dim, cell_groups),
    )


def _one_type(given: Blocks) -> list[int]:
    """Return the blocks of the highest dimension, which must be of one type."""
    counts: dict[str, int] = defaultdict(int)
    for name, nodes in given.cells:
        counts[name] += len(nodes)
    unknown = [name for name in counts if name not in KINDS and name != "vertex"]
    if unknown:
        raise MeshError(
            f"{given.source} has {_listed(counts)}: cells of type {', '.join(unknown)} are not supported. Ritz "
            f"reads {', '.join(KINDS)}. Mesh again with one of these types."
        )
    dims = [given.dimension(block) if len(nodes) else 0 for block, (_, nodes) in enumerate(given.cells)]
    highest = max(dims, default=0)
    if highest < 1:
        raise MeshError(f"{given.source} has no cells of dimension 1 or more: {_listed(counts) or 'it is empty'}.")
    top = [block for block, dim in enumerate(dims) if dim == highest]
    kinds = dict.fromkeys(given.cells[block][0] for block in top)
    if len(kinds) > 1:
        raise MeshError(
            f"{given.source} mixes cells of dimension {highest}: {_listed({k: counts[k] for k in kinds})}. A mesh has "
            "one type of cell: recombine all cells or none, with one order (in gmsh: Mesh.RecombineAll, "
            "Mesh.SubdivisionAlgorithm, Mesh.ElementOrder)."
        )
    return top


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(_said(name, count) for name, count in counts.items())


def _said(name: str, count: int) -> str:
    if name not in KINDS:
        return f"{count} of type {name}"
    return kind_of(KINDS[name].cell, count) + (" of second order" if KINDS[name].degree == 2 else "")


def _joined(blocks: list[Numbers], width: int) -> tuple[list[Numbers], Numbers]:
    """Join blocks, each cell once; return also the number of each cell of each block in the whole.

    Files of gmsh 2.2 repeat the cells that belong to several groups.
    """
    nodes = np.concatenate([block.reshape(-1, width).astype(np.int64) for block in blocks])
    first, kind = number_rows(np.sort(nodes, axis=1))
    kept = np.sort(first)
    place = np.empty(len(first), dtype=np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    ends = np.cumsum([len(block) for block in blocks])[:-1]
    return np.split(place[kind], ends), nodes[kept]


def _corners(given: Blocks, block: int) -> Numbers:
    """Return the vertices of the cells of a block."""
    name, nodes = given.cells[block]
    if name == "vertex":
        return nodes.reshape(-1, 1).astype(np.int64)
    cell = KINDS[name].cell
    return nodes[:, : len(from_file(cell, 1))].astype(np.int64)


def _flat(points: NDArray[np.float64], dim: int) -> NDArray[np.float64]:
    """Drop trailing coordinates that are zero everywhere, as long as `dim` of them stay."""
    span = float(np.abs(points).max(initial=0.0))
    axes = points.shape[1]
    while axes > dim and not (np.abs(points[:, axes - 1]) > 1e-12 * span).any():
        axes -= 1
    return points[:, :axes]


def _tags(tags: Mapping[tuple[int, str], int], dim: int, groups: Mapping[str, object]) -> dict[str, int]:
    """Return the tags of groups that have one; the later of two equal tags is left to be numbered anew."""
    chosen: dict[str, int] = {}
    for name in groups:
        tag = tags.get((dim, name))
        if tag is not None and tag not in chosen.values():
            chosen[name] = tag
    return chosen
