"""Parts of a mesh that threads work on at once, and what several of them add to one place.

Every entry of a region belongs to one part. To a place in a vector or a matrix that entries of one part alone belong
to, the part adds straight. Of a place that several parts share the first one does so; every other one adds to a number
of its own that stands behind the vector or the values of the matrix, and these are gathered when all parts are done.
No two parts ever write to the same number, and every sum has its fixed order, whichever thread does what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ritz.codegen.fem.region import Region
from ritz.codegen.layout import Array

APART = 8  # doubles in a line of the cache
LONG = 0.7  # extents from this share of the longest one on count as long


def cut(centres: Array, parts: int) -> Array:
    """Number of the part of every point: the set is halved across a long extent again and again.

    Of extents that are about as long as the longest one, that is halved along which the points advance the most slowly
    in their order: unknowns of different parts then seldom lie in one line of the cache.

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
        left, mine = count // 2, centres[points]
        extents, ways = np.ptp(mine, axis=0), np.abs(np.diff(mine, axis=0)).sum(axis=0)
        axis = int(np.argmin(np.where(extents >= LONG * extents.max(), ways, np.inf)))
        at = len(points) * left // count
        order = np.argpartition(mine[:, axis], at)
        stack.append((np.sort(points[order[:at]]), first, left))
        stack.append((np.sort(points[order[at:]]), first + left, count - left))
    return found


def assign(regions: Sequence[Region], parts: int) -> None:
    """Sort the entries of all regions by parts of about the same size; to be done before any program is made."""
    centres = np.concatenate([r.mesh.points[r.mesh.cells[r.cells[0]]].mean(axis=1) for r in regions])
    found, start = cut(centres, parts), 0
    for region in regions:
        stop = start + region.size
        region.sort_by_part(found[start:stop])
        start = stop


@dataclass(frozen=True, eq=False)
class Shares:
    """Where entries add to, and what is to be gathered afterwards.

    Attributes:
        tables: (entries, width) int32 per region or field: where the numbers of every row begin.
        length: of the vector with the numbers behind it.
        targets: (k,) int32 numbers that several parts share, increasing.
        starts: (k + 1,) int32: what belongs to number k stands at ``sources[starts[k]:starts[k + 1]]``, part by part.
        sources: int32.
    """

    tables: tuple[Array, ...]
    length: int
    targets: Array
    starts: Array
    sources: Array


def share(tables: Sequence[tuple[Region, Array]], size: int, kept: int, begins: Array | None = None) -> Shares:
    """Give every part numbers of its own for the rows that it shares with parts before it.

    Args:
        tables: for each kind of entries their region and their rows, (entries, width) int32.
        size: how many rows there are.
        kept: rows from here on are never read: they are not gathered.
        begins: (size + 1,) where the numbers of every row begin; None: a row is one number, as in a vector.
    """
    parts = sorted({group.part for region, _ in tables for group in region.groups})
    first = np.arange(size + 1) if begins is None else begins
    made = [table if begins is None and len(parts) < 2 else first[table].astype(np.int32) for _, table in tables]
    chosen = {
        part: [(k, g) for k, (region, _) in enumerate(tables) for g in region.groups if g.part == part]
        for part in parts
    }
    owner = np.full(size, -1, dtype=np.int32)
    for part in reversed(parts):  # the first part that touches a row is written last
        for k, g in chosen[part]:
            owner[tables[k][1][g.start : g.stop]] = part
    length, lengths, number = int(first[-1]), np.diff(first), np.empty(size, dtype=np.int64)
    pairs = [np.zeros((2, 0), dtype=np.int64)]
    for part in parts[1:]:
        blocks = [(made[k][g.start : g.stop], tables[k][1][g.start : g.stop]) for k, g in chosen[part]]
        foreign = [owner[rows] != part for _, rows in blocks]
        shared = np.unique(np.concatenate([rows[f] for (_, rows), f in zip(blocks, foreign, strict=True)]))
        length += -length % APART + APART
        number[shared] = length + np.cumsum(lengths[shared]) - lengths[shared]
        length += int(lengths[shared].sum())
        for (numbers, rows), f in zip(blocks, foreign, strict=True):
            numbers[f] = number[rows[f]]
        read = shared[shared < kept]
        pairs.append(np.stack([_ranges(first[read], lengths[read]), _ranges(number[read], lengths[read])]))
    places, sources = np.concatenate(pairs, axis=1)
    order = np.argsort(places, kind="stable")
    targets, starts = np.unique(places[order], return_index=True)
    starts = np.append(starts, len(places)).astype(np.int32)
    return Shares(tuple(made), length + APART, targets.astype(np.int32), starts, sources[order].astype(np.int32))


def _ranges(starts: Array, lengths: Array) -> Array:
    """``start, start + 1, ...`` of every range, one range behind the other."""
    ends = np.cumsum(lengths)
    steps = np.arange(ends[-1] if len(ends) else 0)
    return np.repeat(starts - (ends - lengths), lengths) + steps
