"""Sums and products that several rows have in common, found pair by pair.

The pair of terms found in most rows becomes a term of its own, and so on until no pair is found twice: the greedy
method for common sub-sums. Counts sit in a heap and are refreshed when they come up. The effort is limited by counted
steps, not by time, so the result depends on the rows alone.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Hashable, Sequence
from fractions import Fraction

from ritz.symbolic.clock import spent
from ritz.symbolic.graph import PARAM, TIME, Axis, Graph, Number

MOST_ROWS = 400  # an entry that more rows have is left alone
MOST_STEPS = 3_000_000  # looks at a neighbour of an entry in a row; about a second

Row = dict[int, Number]
Pair = tuple[int, int, Number]
Made = dict[int, tuple[tuple[int, Number], tuple[int, Number]]]


def share_pairs(
    rows: Sequence[Row], kind: Callable[[int], Hashable], first_new: int, step: int, deadline: float = math.inf
) -> Made:
    """Replace pairs of entries that occur in two or more rows by new entries; `rows` are changed in place.

    Args:
        rows: entry -> coefficient; two rows share a pair when the ratio of its coefficients agrees.
        kind: only entries of equal kind are paired, and the new entry has that kind.
        first_new: number of the first new entry; the next ones follow at distance `step`.
        step: +1 or -1.
        deadline: `ritz.symbolic.clock.spent` after which no more pairs are taken out.

    Returns:
        New entry -> its two ``(entry, coefficient)``; coefficients are relative to the first one's.
    """
    return _Pairing(rows, kind, first_new, step).run(deadline)


class _Pairing:
    def __init__(self, rows: Sequence[Row], kind: Callable[[int], Hashable], first_new: int, step: int) -> None:
        self.rows, self.new, self.step = rows, first_new, step
        self.users: dict[int, set[int]] = {}  # entry -> rows that have it
        for r, row in enumerate(rows):
            for entry in row:
                self.users.setdefault(entry, set()).add(r)
        self.kinds = {entry: kind(entry) for entry in self.users}
        self.heap: list[tuple[int, Pair]] = []
        self.left = MOST_STEPS

    def run(self, deadline: float) -> Made:
        made: Made = {}
        for entry in sorted(self.users):
            self._count(entry, lambda other, entry=entry: other > entry)  # type: ignore[misc]
        heapq.heapify(self.heap)
        while self.heap and spent() < deadline:
            count, key = heapq.heappop(self.heap)
            found = self._rows_with(key)
            if len(found) < 2:
                continue
            if len(found) != -count:
                heapq.heappush(self.heap, (-len(found), key))
                continue
            made[self.new] = ((key[0], 1), (key[1], key[2]))
            self._replace(key, found)
            before = len(self.heap)
            self._count(self.new, lambda other: True)
            fresh = self.heap[before:]
            del self.heap[before:]
            for item in fresh:
                heapq.heappush(self.heap, item)
            self.new += self.step
        return made

    def _count(self, entry: int, wanted: Callable[[int], bool]) -> None:
        """Append the pairs of `entry` with other entries that two or more rows have."""
        users, kind = self.users[entry], self.kinds[entry]
        if not 2 <= len(users) <= MOST_ROWS or self.left <= 0:
            return
        count: dict[tuple[int, Number], int] = {}
        for r in users:
            row = self.rows[r]
            self.left -= len(row)
            k = row[entry]
            for other, coefficient in row.items():
                if other != entry and wanted(other) and len(self.users[other]) > 1 and self.kinds[other] == kind:
                    pair = other, _ratio(coefficient, k)
                    count[pair] = count.get(pair, 0) + 1
        for (other, ratio), n in count.items():
            if n > 1:
                key = (entry, other, ratio) if entry < other else (other, entry, _ratio(1, ratio))
                self.heap.append((-n, key))

    def _rows_with(self, key: Pair) -> list[int]:
        a, b, ratio = key
        fewer, more = self.users[a], self.users[b]
        if len(more) < len(fewer):
            fewer, more = more, fewer
        return [r for r in fewer if r in more and _ratio(self.rows[r][b], self.rows[r][a]) == ratio]

    def _replace(self, key: Pair, found: Sequence[int]) -> None:
        a, b, _ = key
        for r in found:
            row = self.rows[r]
            row[self.new] = row.pop(a)
            del row[b]
        self.users[a].difference_update(found)
        self.users[b].difference_update(found)
        self.users[self.new], self.kinds[self.new] = set(found), self.kinds[a]


def _ratio(over: Number, under: Number) -> Number:
    if over == under:
        return 1
    if under == 1 or under == -1:
        return over * under
    return -1 if over == -under else Fraction(over) / Fraction(under)


class SharedSums:
    """The sums below some roots with common pairs of terms taken out; new terms have negative numbers.

    Args:
        g: the graph.
        nodes: the sums among these are looked at, other nodes are passed over.
        deadline: `ritz.symbolic.clock.spent` after which no more pairs are taken out.
    """

    def __init__(self, g: Graph, nodes: Sequence[int], deadline: float = math.inf) -> None:
        self.g = g
        sums = [n for n in nodes if g.op[n] == "add"]
        rows: list[Row] = [dict(g.args[n][1]) for n in sums]
        self._made = share_pairs(rows, self._kind, -1, -1, deadline)
        self._axes: dict[int, frozenset[Axis]] = {}
        for new, ((a, _), (b, _)) in self._made.items():
            self._axes[new] = self.axes_of(a) | self.axes_of(b)
        self._terms = {n: tuple(row.items()) for n, row in zip(sums, rows, strict=True)}

    def _kind(self, term: int) -> frozenset[Axis]:
        """What has to agree in two terms that are added: the loop in which they are computed."""
        axes = self.g.axes[term]
        return axes - {PARAM} if TIME in axes else axes

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
