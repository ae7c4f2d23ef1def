"""Inner sums that many sums have in common once a factor is taken out: ``a*x + b*x`` and ``a*y + b*y`` share ``a + b``.

For every pair of terms of a sum the common factor is set aside; what is left is a *kernel*, a sum of two quotients up
to a number. The kernel that saves most over all sums becomes a value of its own, and so on (Brayton and McMullen, The
decomposition and factorization of Boolean expressions, ISCAS 1982, for the algebra of kernels; here with numbers and
with exponents). The result depends on the graph alone.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations

from ritz.symbolic.graph import Graph, Number, exact
from ritz.symbolic.rewrite.lowering import POINTWISE, pointwise_order

WIDEST_ROW = 60
WIDEST_INNER = 6
MOST_PAIRS = 100_000
LEAST_USES = 2

Powers = tuple[tuple[int, Number], ...]  # sorted (base, exponent)
Kernel = tuple[Powers, Powers, Number]


@dataclass
class _Row:
    """A sum while it is taken apart: the powers of every term -> its coefficient."""

    terms: dict[Powers, Number] = field(default_factory=dict)

    def add(self, powers: Powers, k: Number) -> None:
        total = exact(self.terms.get(powers, 0) + k)
        if total == 0:
            del self.terms[powers]
        else:
            self.terms[powers] = total


def share_kernels(g: Graph, roots: Sequence[int]) -> list[int]:
    """Take common kernels out of all sums below `roots`.

    Args:
        g: the graph, which receives the new nodes.
        roots: nodes to rewrite.

    Returns:
        Nodes with the values of `roots`; the same ones if no kernel occurs twice.

    Example:
        >>> g = Graph()
        >>> a, b, x, y = (g.input(name, "state") for name in "abxy")
        >>> rows = [g.sum([g.product([a, v]), g.product([b, v])]) for v in (x, y)]
        >>> [g.count(share_kernels(g, rows))[kind] for kind in ("add", "mul")]
        [1, 2]
    """
    order = pointwise_order(g, roots)
    sums = [n for n in order if g.op[n] == "add"]
    users = Counter(child for n in order for child in set(g.children(n)))
    users.update(roots)
    rows = [_row(g, n, users) for n in sums]
    search = _Search(rows)
    search.run()
    if not search.kernels:
        return list(roots)
    return _rebuilt(g, order, dict(zip(sums, rows, strict=True)), search.kernels, roots)


def _row(g: Graph, node: int, users: Counter[int]) -> _Row:
    """The terms of a sum; a term's factor that is a sum itself and used nowhere else is multiplied out."""
    row = _Row()
    c0, terms = g.args[node]
    stack: list[tuple[Number, list[tuple[int, Number]]]] = [(c0, [])] if c0 != 0 else []
    stack += [(k, [(term, 1)]) for term, k in terms]
    while stack:
        k, factors = stack.pop()
        if len(factors) == 1 and factors[0][1] == 1 and g.op[factors[0][0]] == "mul":
            c, factors = g.args[factors[0][0]]
            stack.append((exact(k * c), list(factors)))
            continue
        inner = next((b for b, e in factors if e == 1 and g.op[b] == "add" and users[b] == 1), None)
        if inner is None or len(g.args[inner][1]) > WIDEST_INNER or len(row.terms) + len(stack) > WIDEST_ROW:
            row.add(tuple(sorted(factors)), k)
            continue
        rest = [(b, e) for b, e in factors if b != inner]
        c0, terms = g.args[inner]
        stack += [(exact(k * c0), rest)] if c0 != 0 else []
        for term, c in terms:
            product = g.mul([*rest, (term, 1)], exact(k * c))
            if g.op[product] == "const":  # the factors were reciprocal
                stack.append((g.args[product], []))
                continue
            c, bare = g.split_coefficient(product)
            stack.append((c, list(g.args[bare][1]) if g.op[bare] == "mul" else [(bare, 1)]))
    return row


class _Search:
    """Greedy choice of kernels; a new kernel is a base with a negative number."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        self.rows = rows
        self.kernels: dict[int, Kernel] = {}
        self.uses: dict[Kernel, dict[tuple[int, Powers, Powers], int]] = {}
        self.worth: dict[Kernel, int] = {}
        self.heap: list[tuple[int, int, Kernel]] = []
        self.count = 0

    def run(self) -> None:
        """Extract kernels until none is used `LEAST_USES` times."""
        for r, row in enumerate(self.rows):
            if len(row.terms) <= WIDEST_ROW and self.count < MOST_PAIRS:
                for a, b in combinations(sorted(row.terms), 2):
                    self._enter(r, a, b)
        for kernel in self.uses:
            self._push(kernel)
        while self.heap:
            worth, _, kernel = heapq.heappop(self.heap)
            now = self.worth.get(kernel, 0)
            if len(self.uses.get(kernel, ())) < LEAST_USES or now <= 0:
                continue
            if -worth != now:
                self._push(kernel)
                continue
            self._extract(kernel)

    def _push(self, kernel: Kernel) -> None:
        if len(self.uses[kernel]) >= LEAST_USES:
            self.count += 1
            heapq.heappush(self.heap, (-self.worth[kernel], self.count, kernel))

    def _enter(self, r: int, a: Powers, b: Powers) -> Kernel | None:
        common = _common(a, b)
        if not common:
            return None
        terms = self.rows[r].terms
        ratio = exact(Fraction(terms[b]) / Fraction(terms[a]))
        kernel = (_quotient(a, common), _quotient(b, common), ratio)
        saved = 1 + sum(1 if e == 1 else 2 for _, e in common)
        self.uses.setdefault(kernel, {})[r, a, b] = saved
        self.worth[kernel] = self.worth.get(kernel, 0) + saved
        self.count += 1
        return kernel

    def _leave(self, r: int, gone: Powers) -> None:
        """Forget the pairs of a term that leaves its row."""
        for other in self.rows[r].terms:
            if other != gone:
                a, b = min(gone, other), max(gone, other)
                common = _common(a, b)
                if common:
                    terms = self.rows[r].terms
                    kernel = (
                        _quotient(a, common),
                        _quotient(b, common),
                        exact(Fraction(terms[b]) / Fraction(terms[a])),
                    )
                    self.worth[kernel] = self.worth.get(kernel, 0) - self.uses.get(kernel, {}).pop((r, a, b), 0)

    def _extract(self, kernel: Kernel) -> None:
        new = -1 - len(self.kernels)
        self.kernels[new] = kernel
        for r, a, b in list(self.uses[kernel]):
            terms = self.rows[r].terms
            if a not in terms or b not in terms:
                continue
            k = terms[a]
            for gone in (a, b):
                self._leave(r, gone)
                del terms[gone]
            powers = tuple(sorted([*_common(a, b), (new, 1)]))
            terms[powers] = k
            if self.count < 4 * MOST_PAIRS:
                for other in list(terms):
                    if other != powers:
                        found = self._enter(r, min(other, powers), max(other, powers))
                        if found is not None:
                            self._push(found)


def _common(a: Powers, b: Powers) -> Powers:
    other = dict(b)
    found = []
    for base, e in a:
        f = other.get(base)
        if f is None or not isinstance(e, int) or not isinstance(f, int) or (e > 0) != (f > 0):
            if f != e or f is None:
                continue
        found.append((base, min(e, f) if e > 0 else max(e, f)))
    return tuple(found)


def _quotient(powers: Powers, common: Powers) -> Powers:
    left = dict(powers)
    for base, e in common:
        left[base] = left[base] - e
    return tuple((base, exact(e)) for base, e in sorted(left.items()) if e != 0)


def _rebuilt(
    g: Graph, order: Sequence[int], rows: dict[int, _Row], kernels: dict[int, Kernel], roots: Sequence[int]
) -> list[int]:
    """Nodes of the changed sums; a kernel is made when everything in it is."""
    new: dict[int, int] = {}

    def product(k: Number, powers: Powers) -> tuple[Number, int]:
        return 1, g.mul([(base(b), e) for b, e in powers], k)

    def base(b: int) -> int:
        if b not in new:
            stack = [b]
            while stack:
                first, second, ratio = kernels[stack[-1]]
                missing = [c for c, _ in (*first, *second) if c not in new]
                if missing:
                    stack.extend(missing)
                    continue
                new[stack.pop()] = g.add([product(1, first), product(ratio, second)])
        return new[b]

    for node in order:
        if g.op[node] not in POINTWISE:
            new[node] = node
        elif node in rows:
            new[node] = g.add([product(k, powers) for powers, k in rows[node].terms.items()])
        else:
            new[node] = g.rebuild(node, new)
    return [new[r] for r in roots]
