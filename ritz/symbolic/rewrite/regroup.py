"""Chains of products and of sums in straight-line code, grouped anew so that common pairs are computed once.

Lowering decides where numerators, reciprocals and partial sums stand, and equality saturation rearranges them; both
look at one expression at a time. Here every chain is a bag of operands again, whatever they are, and the pair found in
most bags becomes a value of its own, and so on. The result depends on the code alone.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from ritz.symbolic.rewrite.scheduled import Builder, Scheduled

LONGEST_CHAIN = 40
MOST_PAIRS = 100_000
_FAMILY = {"mul": "mul", "add": "sum", "sub": "sum"}

Bag = dict[int, int]  # operand -> exponent in a product, coefficient in a sum
Pair = tuple[str, int, int, int]  # family, two operands, multiple of the second when the first stands once


@dataclass
class _Chain:
    family: str
    bag: Bag


def regroup(s: Scheduled) -> Scheduled:
    """Return code in which chains share pairs of operands.

    Example:
        >>> b = Builder()
        >>> x, y, z, w = (b.opaque(k, frozenset(), False) for k in range(4))
        >>> code = b.finish([b.mul(b.mul(x, y), z), b.mul(x, b.mul(y, w))])
        >>> code.operations(), regroup(code).operations()
        (4, 3)
    """
    chains = _chains(s)
    search = _Search(s, chains)
    search.run()
    return _Rebuilding(s, chains, search.made).run() if search.made else s


def _chains(s: Scheduled) -> dict[int, _Chain]:
    """Last instruction of every chain -> the chain; what is inside a chain is used nowhere else."""
    users: Counter[int] = Counter(k for i in range(len(s)) for k in s.operands(i))
    users.update(s.roots)
    inside: set[int] = set()
    found: dict[int, _Chain] = {}
    for i in range(len(s) - 1, -1, -1):
        family = _FAMILY.get(s.op[i])
        if family is None or i in inside:
            continue
        bag: Bag = {}
        stack = [(i, 1)]
        while stack:
            k, sign = stack.pop()
            same = _FAMILY.get(s.op[k]) == family and s.axes[k] == s.axes[i] and s.is_complex[k] == s.is_complex[i]
            if k == i or (same and users[k] == 1 and len(bag) + len(stack) < LONGEST_CHAIN):
                inside.add(k)
                a, b = s.args[k]
                stack += [(b, -sign if s.op[k] == "sub" else sign), (a, sign)]
            else:
                bag[k] = bag.get(k, 0) + sign
        if all(bag.values()):
            found[i] = _Chain(family, bag)
    return found


class _Search:
    """Greedy sharing of pairs; a new operand has a negative number."""

    def __init__(self, s: Scheduled, chains: Mapping[int, _Chain]) -> None:
        self.s = s
        self.bags = [chain.bag for chain in chains.values()]
        self.family = [chain.family for chain in chains.values()]
        self.kind = {k: (s.axes[k], s.is_complex[k], s.op[k] == "const") for bag in self.bags for k in bag}
        self.where: dict[Pair, set[int]] = {}
        self.made: dict[int, Pair] = {}
        self.heap: list[tuple[int, Pair]] = []

    def run(self) -> None:
        """Make pairs until none is found twice."""
        for r, bag in enumerate(self.bags):
            for a, b in combinations(sorted(bag), 2):
                self._enter(r, a, b)
        while self.heap:
            count, pair = heapq.heappop(self.heap)
            found = self.where[pair]
            if len(found) < 2:
                continue
            if len(found) != -count:
                heapq.heappush(self.heap, (-len(found), pair))
                continue
            self._make(pair)

    def _pair(self, r: int, a: int, b: int) -> Pair | None:
        """The pair that two operands of a bag are; None if they cannot be taken together."""
        if self.kind[a] != self.kind[b]:
            return None
        a, b = min(a, b), max(a, b)
        ratio, rest = divmod(self.bags[r][b], self.bags[r][a])
        return None if rest else (self.family[r], a, b, ratio)

    def _enter(self, r: int, a: int, b: int) -> None:
        pair = self._pair(r, a, b)
        if pair is not None and len(self.where) < MOST_PAIRS:
            found = self.where.setdefault(pair, set())
            found.add(r)
            if len(found) > 1:
                heapq.heappush(self.heap, (-len(found), pair))

    def _make(self, pair: Pair) -> None:
        _, a, b, _ = pair
        new = -1 - len(self.made)
        self.made[new] = pair
        self.kind[new] = self.kind[a]
        for r in sorted(self.where[pair]):
            bag = self.bags[r]
            for old in (a, b):
                for other in bag:
                    if other != old and (gone := self._pair(r, old, other)) is not None and gone in self.where:
                        self.where[gone].discard(r)
            count = bag.pop(a)
            del bag[b]
            bag[new] = count
            for other in bag:
                if other != new:
                    self._enter(r, other, new)


class _Rebuilding:
    """Makes the code again from its bags."""

    def __init__(self, s: Scheduled, chains: Mapping[int, _Chain], made: Mapping[int, Pair]) -> None:
        self.s, self.chains, self.made = s, chains, made
        self.b = Builder()
        self.new: dict[int, int] = {}

    def run(self) -> Scheduled:
        """The new code."""
        s = self.s
        for i in range(len(s)):
            if i in self.chains:
                chain = self.chains[i]
                for k in chain.bag:
                    self._operand(k)
                items = [(self.new[k], n) for k, n in chain.bag.items()]
                self.new[i] = self._product(items) if chain.family == "mul" else self._sum(items)
            elif all(k in self.new for k in s.operands(i)):
                self.new[i] = self.b.copy(s, i, self.new)
        return self.b.finish(self.new[r] for r in s.roots)

    def _operand(self, k: int) -> None:
        stack = [k]
        while stack:
            top = stack[-1]
            if top in self.new:
                stack.pop()
                continue
            family, a, b, ratio = self.made[top]
            missing = [c for c in (a, b) if c not in self.new]
            if missing:
                stack.extend(missing)
                continue
            items = [(self.new[a], 1), (self.new[b], ratio)]
            self.new[stack.pop()] = self._product(items) if family == "mul" else self._sum(items)

    def _product(self, items: list[tuple[int, int]]) -> int:
        total: int | None = None
        for i, n in items:
            power = self.b.power(i, n)
            total = power if total is None else self.b.mul(total, power)
        assert total is not None
        return total

    def _sum(self, items: list[tuple[int, int]]) -> int:
        terms = sorted(((n < 0, i, abs(n)) for i, n in items), key=lambda t: t[0])
        total: int | None = None
        for negative, i, n in terms:
            term = i if n == 1 else self.b.mul(self.b.const(n), i)
            if total is None:
                total = self.b.neg(term) if negative else term
            else:
                total = self.b.sub(total, term) if negative else self.b.add(total, term)
        assert total is not None
        return total
