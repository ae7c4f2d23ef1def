"""One numbering for all unknowns of a system: the free ones, field by field, the prescribed ones, one number more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ritz.codegen.fem.dofs import Nodes
from ritz.codegen.layout import Array


@dataclass(frozen=True, eq=False)
class Prescribed:
    """Degrees of freedom of one field that follow one expression.

    Attributes:
        field: number of the field.
        nodes: their numbers within the field.
        start: number of the first one in the numbering of all; they stand one behind the other.
        condition: number of the condition they come from.
    """

    field: int
    nodes: Array
    start: int
    condition: int


@dataclass(frozen=True, eq=False)
class Numbering:
    """The numbering of all unknowns.

    Attributes:
        final: per field, (count,) the number of every degree of freedom in the numbering of all, int32; behind the
            fields that of the last number.
        free: per field, the free degrees of freedom in their order; field f has the numbers from ``offsets[f]``.
        offsets: (fields + 1,) where the free unknowns of every field start.
        prescribed: the others.
        size: number of all, the last one included: it is no unknown, integrals without test functions are added there.
    """

    final: tuple[Array, ...]
    free: tuple[Array, ...]
    offsets: Array
    prescribed: tuple[Prescribed, ...]
    size: int


def number_all(
    nodes: Sequence[Nodes], stands_for: Sequence[Array], conditions: Sequence[tuple[int, Array]]
) -> Numbering:
    """Number the unknowns of all fields.

    Args:
        nodes: per field.
        stands_for: per field, the degree of freedom that stands for each (see `identified`).
        conditions: per condition, (field, its degrees of freedom); where two meet, the later one holds.
    """
    owner = [np.full(n.count, -1) for n in nodes]
    for k, (f, places) in enumerate(conditions):
        owner[f][stands_for[f][places]] = k
    final = [np.full(n.count, -1, dtype=np.int32) for n in nodes]
    free, offsets, start = [], [0], 0
    for f, n in enumerate(nodes):
        mine = np.flatnonzero((stands_for[f] == np.arange(n.count)) & (owner[f] < 0))
        final[f][mine] = np.arange(start, start + len(mine))
        free.append(mine)
        start += len(mine)
        offsets.append(start)
    prescribed = []
    for k, (f, _) in enumerate(conditions):
        mine = np.flatnonzero(owner[f] == k)
        final[f][mine] = np.arange(start, start + len(mine))
        prescribed.append(Prescribed(f, mine, start, k))
        start += len(mine)
    complete = tuple(table[same] for table, same in zip(final, stands_for, strict=True))
    last = np.array([start], dtype=np.int32)
    kept = tuple(p for p in prescribed if len(p.nodes))
    return Numbering((*complete, last), tuple(free), np.array(offsets), kept, start + 1)
