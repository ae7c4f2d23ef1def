"""Common factors of a sum, taken out greedily in nearly linear time.

The factor that most terms share is taken out of them, then the same is done inside and with the rest. Counts sit in a
heap and are refreshed when they come up; sums inside sums wait on a stack, so depth does not matter. The result depends
on the terms alone, never on hash order.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ritz.symbolic.graph import Graph, Number
from ritz.symbolic.rewrite.cost import DEFAULT, CostTable

Powers = dict[int, Number]
Monomial = tuple[Number, Powers]
Split = Callable[[Number, int], Monomial]


def plain_monomial(g: Graph) -> Split:
    """Takes a term ``k * node`` apart into its factors; what it returns is not to be changed."""

    def split(k: Number, term: int) -> Monomial:
        if g.op[term] == "mul":
            return k * g.args[term][0], dict(g.args[term][1])
        return k, {term: 1}

    return split


@dataclass
class _Sum:
    """A sum under work: its terms by number, who has which factor, and what to do with the result."""

    c0: Number
    terms: dict[int, Monomial] = field(default_factory=dict)
    users: dict[tuple[int, int], dict[int, None]] = field(default_factory=dict)  # (base, sign) -> numbers of terms
    heap: list[tuple[int, float, int, int]] = field(default_factory=list)
    common: Powers = field(default_factory=dict)  # taken out of this sum, in the one around it
    last: int = 0

    def add(self, monomial: Monomial) -> list[tuple[int, int]]:
        """Enter a term; returns the factors that it can share."""
        number, self.last = self.last, self.last + 1
        self.terms[number] = monomial
        keys = []
        for base, e in monomial[1].items():
            if sign := _sign(e):
                key = base, sign
                keys.append(key)
                if key in self.users:
                    self.users[key][number] = None
                else:
                    self.users[key] = {number: None}
        return keys

    def remove(self, number: int) -> Monomial:
        monomial = self.terms.pop(number)
        for base, e in monomial[1].items():
            if sign := _sign(e):
                del self.users[base, sign][number]
        return monomial


class Factoring:
    """Takes common factors out of sums.

    Args:
        g: the graph, which receives the new nodes.
        cost: ranks factors that as many terms share: the one computed most often is taken out, so that what stays
            inside is computed in a shallower loop; among equals the oldest.
        split: takes a term apart; by default into all its factors.

    Example:
        >>> g = Graph()
        >>> x, y, z = (g.input(name, "state") for name in "xyz")
        >>> node = Factoring(g).factored([(2, {x: 1, y: 1}), (1, {x: 1, z: 1})])
        >>> node == g.product([x, g.add([(2, y), (1, z)])])
        True
    """

    def __init__(self, g: Graph, cost: CostTable = DEFAULT, split: Split | None = None) -> None:
        self.g, self.cost, self.split = g, cost, split or plain_monomial(g)

    def factored(self, terms: Iterable[Monomial], c0: Number = 0) -> int:
        """The sum of `terms` and `c0` with common factors taken out until no two terms share one."""
        stack = [self._sum(terms, c0)]
        while True:
            work = stack[-1]
            chosen = self._best(work)
            if chosen is not None:
                stack.append(self._inner(work, chosen))
                continue
            g, done = self.g, stack.pop()
            node = g.add([(k, g.mul(powers.items())) for k, powers in done.terms.values()], done.c0)
            if not stack:
                return node
            whole = self.split(1, g.mul([(node, 1), *done.common.items()]))
            self._push(stack[-1], stack[-1].add(whole))

    def _sum(self, terms: Iterable[Monomial], c0: Number) -> _Sum:
        made = _Sum(c0)
        for monomial in terms:
            made.add(monomial)
        self._push(made, made.users)
        return made

    def _push(self, work: _Sum, keys: Iterable[tuple[int, int]]) -> None:
        for base, sign in keys:
            count = len(work.users[base, sign])
            if count > 1:
                heapq.heappush(work.heap, (-count, -self.cost.weight(self.g.axes[base]), base, -sign))

    def _best(self, work: _Sum) -> tuple[int, int] | None:
        """The base (and sign of its exponent) that most terms share."""
        while work.heap:
            count, _, base, sign = heapq.heappop(work.heap)
            found = len(work.users[base, -sign])
            if found == -count:
                return base, -sign
            self._push(work, [(base, -sign)])
        return None

    def _inner(self, work: _Sum, key: tuple[int, int]) -> _Sum:
        """Take the terms with a factor out of `work` and return what stays of them inside the bracket."""
        inside = [work.remove(number) for number in list(work.users[key])]
        common = _common(inside)
        quotients = [(k, _quotient(powers, common)) for k, powers in inside]
        inner = self._sum([q for q in quotients if q[1]], sum(k for k, p in quotients if not p))
        inner.common = common
        return inner


def _sign(e: Number) -> int:
    if type(e) is int:
        return 1 if e > 0 else -1
    return (1 if e > 0 else -1) if isinstance(e, int) else 0


def _common(terms: Sequence[Monomial]) -> Powers:
    """The factors that all terms have, with the smallest power of each."""
    common = {base: e for base, e in terms[0][1].items() if _sign(e)}
    for _, powers in terms[1:]:
        for base, e in list(common.items()):
            other = powers.get(base, 0)
            if _sign(other) != _sign(e):
                del common[base]
            elif abs(float(other)) < abs(float(e)):
                common[base] = other
    return common


def _quotient(powers: Powers, common: Powers) -> Powers:
    return {base: e - common.get(base, 0) for base, e in powers.items() if e != common.get(base, 0)}
