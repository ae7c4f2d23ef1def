"""Parts of a mesh that threads work on at once: different parts of one round write to different unknowns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ritz.codegen.fem.region import Region
from ritz.codegen.fem.space import FemSpace
from ritz.codegen.layout import Array

ROUNDS = 3  # cuts of cuts; what is left afterwards is done by one thread


def cut(centres: Array, parts: int) -> Array:
    """Number of the part of every point: the set is halved along its longest extent again and again.

    Source: M. J. Berger, S. H. Bokhari, "A partitioning strategy for nonuniform problems on multiprocessors", IEEE
    Trans. Comput. C-36 (1987) 570-580.
    """
    found = np.zeros(len(centres), dtype=np.int64)
    stack = [(np.arange(len(centres)), 0, parts)]
    while stack:
        points, first, count = stack.pop()
        if count == 1 or len(points) < 2:
            found[points] = first
            continue
        left = count // 2
        axis = int(np.argmax(np.ptp(centres[points], axis=0)))
        at = len(points) * left // count
        order = np.argpartition(centres[points, axis], at)
        stack.append((points[order[:at]], first, left))
        stack.append((points[order[at:]], first + left, count - left))
    return found


def assign(space: FemSpace, fields_of: Mapping[int, Sequence[int]], parts: int) -> None:
    """Sort the entries of all regions by parts.

    An entry belongs to a part if all unknowns that it touches are touched by entries of that part only. Those along
    the cuts are cut again, across, and so form the parts of a second round, and of a third one; the few that are left
    have the part -1. Parts of round r have the numbers from ``r * parts``.

    Args:
        space: with its regions, before any program is made.
        fields_of: region -> fields that it touches.
        parts: how many in a round.
    """
    regions = [space.regions[k] for k in fields_of]
    numbers = [_numbers(space, region, fields) for region, fields in zip(regions, fields_of.values(), strict=True)]
    centres = np.concatenate([r.mesh.points[r.mesh.cells[r.cells[0]]].mean(axis=1) for r in regions])
    bounds = np.concatenate([[0], np.cumsum([r.size for r in regions])])
    found = np.full(len(centres), -1)
    for turn in range(ROUNDS):
        left = np.flatnonzero(found < 0)
        if len(left) < 64 * parts and turn:
            break
        part = np.full(len(centres), -1)
        part[left] = cut(centres[left], parts)
        mine = [part[a:b] for a, b in zip(bounds[:-1], bounds[1:], strict=True)]
        shared = _shared(numbers, mine, space.numbering.size, parts)
        touches = np.concatenate([shared[table].any(axis=1) for table in numbers])
        alone = left[~touches[left]]
        found[alone] = turn * parts + part[alone]
    for region, a, b in zip(regions, bounds[:-1], bounds[1:], strict=True):
        region.sort_by_part(found[a:b])


def _numbers(space: FemSpace, region: Region, fields: Sequence[int]) -> Array:
    """(entries, width) all unknowns that every entry of a region touches."""
    tables = [
        space.numbering.final[f][space.nodes[f].cells[cells]] for cells in region.cells for f in fields
    ]  # fmt: skip
    return np.hstack(tables) if tables else np.zeros((region.size, 0), dtype=np.int32)


def _shared(numbers: Sequence[Array], parts_of: Sequence[Array], size: int, parts: int) -> Array:
    """Whether each unknown is touched by entries of several parts; entries of part -1 do not count."""
    lowest, highest = np.full(size, parts), np.full(size, -1)
    for table, part in zip(numbers, parts_of, strict=True):
        chosen = part >= 0
        flat = table[chosen].ravel()
        labels = np.repeat(part[chosen], table.shape[1])
        np.minimum.at(lowest, flat, labels)
        np.maximum.at(highest, flat, labels)
    return highest > lowest
