"""Parts of a mesh that threads work on at once: entries that touch one part only write to unknowns of that part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ritz.codegen.fem.space import FemSpace
from ritz.codegen.layout import Array


def cut(mesh: Any, parts: int) -> Array:
    """Number of the part of every cell: the mesh is halved along its longest extent again and again.

    Source: M. J. Berger, S. H. Bokhari, "A partitioning strategy for nonuniform problems on multiprocessors", IEEE
    Trans. Comput. C-36 (1987) 570-580.
    """
    centres = mesh.points[mesh.cells].mean(axis=1)
    found = np.zeros(len(centres), dtype=np.int64)
    stack = [(np.arange(len(centres)), 0, parts)]
    while stack:
        cells, first, count = stack.pop()
        if count == 1 or not len(cells):
            found[cells] = first
            continue
        left = count // 2
        axis = int(np.argmax(np.ptp(centres[cells], axis=0)))
        at = len(cells) * left // count
        order = np.argpartition(centres[cells, axis], at)
        stack.append((cells[order[:at]], first, left))
        stack.append((cells[order[at:]], first + left, count - left))
    return found


def assign(space: FemSpace, fields_of: Mapping[int, Sequence[int]], parts: int) -> None:
    """Sort the entries of all regions by parts.

    An entry belongs to a part if all unknowns that it touches are touched by cells of that part only; the others, along
    the cuts, are done afterwards by one thread.

    Args:
        space: with its regions, before any program is made.
        fields_of: region -> fields that it touches.
        parts: how many.
    """
    part = cut(space.mesh, parts)
    shared = {}
    for f in {f for fields in fields_of.values() for f in fields}:
        lowest = np.full(space.numbering.size, parts)
        highest = np.full(space.numbering.size, -1)
        numbers = space.numbering.final[f][space.nodes[f].cells]
        np.minimum.at(lowest, numbers, part[:, None])
        np.maximum.at(highest, numbers, part[:, None])
        shared[f] = lowest != highest
    for k, region in enumerate(space.regions):
        mine = part[region.cells[0]].copy()
        for s, cells in enumerate(region.cells):
            mine[part[cells] != mine] = -1
            for f in fields_of[k]:
                numbers = space.numbering.final[f][space.nodes[f].cells[region.cells[s]]]
                mine[shared[f][numbers].any(axis=1)] = -1
        region.sort_by_part(mine)
