"""Sums and products that several rows have in common, found pair by pair.

The pair of terms found in most rows becomes a term of its own, and so on until no pair is found twice: the greedy
method for common sub-sums. Counts sit in a heap and are refreshed when they come up. The result does not depend on
hash order.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterable, Sequence
from fractions import Fraction
from itertools import combinations

from ritz.symbolic.graph import Axis, Graph, Number

WIDEST_ROW = 200
MOST_PAIRS = 200_000

Row = dict[int, Number]
Pair = tuple[int, int, Number]


def share_pairs(
    rows: Sequence[Row], kind: Callable[[int], Hashable], first_new: int, step: int
) -> dict[int, tuple[tuple[int, Number], tuple[int, Number]]]:
    """Replace pairs of entries that occur in two or more rows by new entries; `rows` are changed in place.

    Args:
        rows: entry -> coefficient; two rows share a pair when the ratio of its coefficients agrees.
        kind: only entries of equal kind are paired, and the new entry has that kind.
        first_new: number of the first new entry; the next ones follow at distance `step`.
        step: +1 or -1.

    Returns:
        New entry -> its two ``(entry, coefficient)``; coefficients are relative to the first one's.
    """
    kinds: dict[int, Hashable] = {}
    where: dict[Pair, set[int]] = {}
    for r, row in enumerate(rows):
        for entry in row:
            if entry not in kinds:
                kinds[entry] = kind(entry)
        if len(row) <= WIDEST_ROW and len(where) < MOST_PAIRS:
            for a, b in combinations(sorted(row), 2):
                if kinds[a] == kinds[b]:
                    where.setdefault((a, b, _ratio(row, a, b)), set()).add(r)
    heap = [(-len(found), key) for key, found in where.items() if len(found) > 1]
    heapq.heapify(heap)
    made: dict[int, tuple[tuple[int, Number], tuple[int, Number]]] = {}
    new = first_new
    while heap:
        count, key = heapq.heappop(heap)
        found = where[key]
        if len(found) < 2:
            continue
        if len(found) != -count:
            heapq.heappush(heap, (-len(found), key))
            continue
        a, b, ratio = key
        kinds[new] = kinds[a]
        made[new] = ((a, 1), (b, ratio))
        for r in sorted(found):
            _replace(rows[r], r, key, new, where, kinds, heap)
        new += step
    return made


def _ratio(row: Row, a: int, b: int) -> Number:
    return Fraction(row[b]) / Fraction(row[a])


def _pairs_with(row: Row, entry: int, kinds: dict[int, Hashable]) -> Iterable[Pair]:
    for other in row:
        if other != entry and kinds[other] == kinds[entry]:
            a, b = min(entry, other), max(entry, other)
            yield a, b, _ratio(row, a, b)


def _replace(
    row: Row,
    r: int,
    key: Pair,
    new: int,
    where: dict[Pair, set[int]],
    kinds: dict[int, Hashable],
    heap: list[tuple[int, Pair]],
) -> None:
    a, b, _ = key
    for old in (a, b):
        for pair in _pairs_with(row, old, kinds):
            if pair in where:
                where[pair].discard(r)
    coefficient = row.pop(a)
    del row[b]
    row[new] = coefficient
    for pair in _pairs_with(row, new, kinds):
        found = where.setdefault(pair, set())
        found.add(r)
        if len(found) > 1:
            heapq.heappush(heap, (-len(found), pair))


class SharedSums:
    """The sums below some roots with common pairs of terms taken out; new terms have negative numbers."""

    def __init__(self, g: Graph, nodes: Sequence[int]) -> None:
        self.g = g
        sums = [n for n in nodes if g.op[n] == "add"]
        rows: list[Row] = [dict(g.args[n][1]) for n in sums]
        self._made = share_pairs(rows, g.axes.__getitem__, -1, -1)
        self._axes: dict[int, frozenset[Axis]] = {}
        for new, ((a, _), _) in self._made.items():
            self._axes[new] = self.axes_of(a)
        self._terms = {n: tuple(row.items()) for n, row in zip(sums, rows, strict=True)}

    def terms(self, node: int) -> tuple[tuple[int, Number], ...]:
        """The terms of a sum, ``(term, coefficient)``."""
        return self._terms[node]

    def axes_of(self, term: int) -> frozenset[Axis]:
        """The axes of a term, a new one included."""
        return self.g.axes[term] if term >= 0 else self._axes[term]

    def pair(self, term: int) -> tuple[tuple[int, Number], tuple[int, Number]]:
        """The two terms that a new term adds."""
        return self._made[term]


class SharedProducts:
    """The products below some roots with common pairs of factors taken out.

    An *atom* is a number for one factor ``(base, exponent)`` with a positive exponent, or for a product of two atoms.
    """

    def __init__(self, g: Graph, nodes: Sequence[int]) -> None:
        self._atoms: dict[tuple[int, Number], int] = {}
        self._factor: list[tuple[int, Number]] = []
        groups: dict[tuple[tuple[int, Number], ...], Row] = {}
        for node in nodes:
            if g.op[node] == "mul":
                by_axes: dict[frozenset[Axis], list[tuple[int, Number]]] = {}
                for base, e in g.args[node][1]:
                    if e > 0:
                        by_axes.setdefault(g.axes[base], []).append((base, e))
                by_axes.setdefault(frozenset(), [])
                for factors in by_axes.values():
                    groups.setdefault(tuple(factors), {self._number(f): 1 for f in factors})
        axes = [g.axes[base] for base, _ in self._factor]
        self._made = share_pairs(list(groups.values()), axes.__getitem__, len(self._factor), 1)
        self._rows = {factors: tuple(row) for factors, row in groups.items()}

    def _number(self, factor: tuple[int, Number]) -> int:
        number = self._atoms.setdefault(factor, len(self._factor))
        if number == len(self._factor):
            self._factor.append(factor)
        return number

    def factors(self, factors: tuple[tuple[int, Number], ...]) -> tuple[int, ...]:
        """The atoms whose product is the product of `factors`."""
        return self._rows[factors]

    def atom(self, number: int) -> tuple[int, Number]:
        """Base and exponent of a simple atom."""
        return self._factor[number]

    def pair(self, number: int) -> tuple[int, int] | None:
        """The two atoms of a new one; None for a simple atom."""
        made = self._made.get(number)
        return (made[0][0], made[1][0]) if made else None
