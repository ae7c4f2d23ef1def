"""Cutting long straight-line code into parts of bounded size, so that its compilation takes time linear in its length.

The code is put into the order in which its results need it, first result first, so that a value lives shortly; then it
is cut into parts one after the other. A value used by a later part *crosses*: it is kept in a place of a scratch array
from its part to the last one that reads it, after which the place serves another value.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from ritz.symbolic.rewrite.scheduled import Scheduled


@dataclass(frozen=True)
class Partition:
    """Code in parts to be run one after the other.

    Attributes:
        parts: steps of every part: ``i >= 0`` computes instruction `i`, ``~k`` stores the result number `k`.
        place: instruction whose value crosses -> its place in the scratch array.
        places: length of the scratch array.
        part_of: per instruction, the part that computes it; -1 for constants and leaves, which are had anywhere.
    """

    parts: tuple[tuple[int, ...], ...]
    place: dict[int, int]
    places: int
    part_of: tuple[int, ...]


def partition(code: Scheduled, size: int) -> Partition:
    """Put the code in order and cut it.

    Args:
        code: straight-line code.
        size: most steps of a part; a part may end sooner, where a result is complete.

    Example:
        >>> from ritz.symbolic.rewrite.scheduled import Builder
        >>> b = Builder()
        >>> x = b.opaque(0, frozenset(), False)
        >>> y = b.mul(x, x)
        >>> cut = partition(b.finish([y, b.add(x, y)]), 2)
        >>> cut.parts, cut.place
        (((1, -1), (2, -2)), {1: 0})
    """
    operands = [code.operands(i) for i in range(len(code))]
    parts = _cut(depth_first(code, operands), size)
    part_of = [-1] * len(code)
    for number, steps in enumerate(parts):
        for i in steps:
            if i >= 0:
                part_of[i] = number
    place, places = _places(code, operands, parts, part_of)
    return Partition(parts, place, places, tuple(part_of))


def depth_first(code: Scheduled, operands: Sequence[Sequence[int]]) -> list[int]:
    """Steps in the order in which the results need them; of two operands the one that keeps more values alive first.

    Args:
        code: straight-line code.
        operands: per instruction, what it reads.

    Returns:
        steps as in `Partition`: every result is stored as soon as it is known.
    """
    need = _registers(operands)
    done = [not reads for reads in operands]
    steps: list[int] = []
    for k, root in enumerate(code.roots):
        stack = [root]
        while stack:
            i = stack[-1]
            if done[i]:
                stack.pop()
                continue
            missing = [j for j in operands[i] if not done[j]]
            if not missing:
                stack.pop()
                done[i] = True
                steps.append(i)
            elif len(missing) == 1:
                stack.append(missing[0])
            else:
                stack += sorted(missing, key=need.__getitem__)
        steps.append(~k)
    return steps


def _registers(operands: Sequence[Sequence[int]]) -> list[int]:
    """How many values are alive while an instruction is computed, were nothing shared (Sethi and Ullman, J. ACM 17)."""
    need: list[int] = []
    for reads in operands:
        if not reads:
            need.append(0)
        elif len(reads) == 1:
            need.append(need[reads[0]] or 1)
        else:
            ordered = sorted([need[j] for j in reads], reverse=True)
            need.append(max([n + k for k, n in enumerate(ordered)]))
    return need


def _cut(steps: Sequence[int], size: int) -> tuple[tuple[int, ...], ...]:
    parts, start = [], 0
    while start < len(steps):
        end = min(start + size, len(steps))
        if end < len(steps):  # rather where a result is complete
            end = next((e for e in range(end, start + size // 2, -1) if steps[e - 1] < 0), end)
        parts.append(tuple(steps[start:end]))
        start = end
    return tuple(parts)


def _places(
    code: Scheduled, operands: Sequence[Sequence[int]], parts: Sequence[Sequence[int]], part_of: Sequence[int]
) -> tuple[dict[int, int], int]:
    """Places of the values that cross, and how many places are in use at most."""
    last: dict[int, int] = {}  # value that crosses -> the last part that reads it
    for number, steps in enumerate(parts):
        for step in steps:
            for j in operands[step] if step >= 0 else (code.roots[~step],):
                if part_of[j] != number and part_of[j] >= 0:
                    last[j] = number
    place: dict[int, int] = {}
    free: list[int] = []
    expiring: list[list[int]] = [[] for _ in parts]
    count = 0
    for number, steps in enumerate(parts):
        for step in steps:
            if step in last:
                if not free:
                    heapq.heappush(free, count)
                    count += 1
                place[step] = heapq.heappop(free)
                expiring[last[step]].append(place[step])
        for p in expiring[number]:
            heapq.heappush(free, p)
    return place, count
