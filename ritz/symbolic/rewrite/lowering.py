"""From the n-ary normal form to straight-line code, well enough that no search is needed for ordinary equations.

Factors and terms are grouped by the axes they vary over and combined from the shallowest group to the deepest, so
that a product of parameters, or a table over one axis, is a value of its own that an outer loop can compute once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from ritz.symbolic.graph import Axis, Graph, Number
from ritz.symbolic.rewrite.cost import DEFAULT, CostTable
from ritz.symbolic.rewrite.scheduled import Builder, Scheduled
from ritz.symbolic.rewrite.sharing import SharedProducts, SharedSums

Axes = frozenset[Axis]
Factor = tuple[int, Number]
POINTWISE = frozenset({"const", "imag", "add", "mul", "func"})
BALANCE_ABOVE = 8


def pointwise_order(g: Graph, roots: Iterable[int], known: Iterable[int] = ()) -> list[int]:
    """Nodes below `roots`, arguments first, not looking inside maps, gathers and `known` nodes."""
    closed = set(known)
    seen: set[int] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            if node not in closed and g.op[node] in POINTWISE:
                stack.extend(g.children(node))
    return sorted(seen)


def schedule_naive(
    g: Graph, roots: Sequence[int], *, share: bool = False, cost: CostTable = DEFAULT, known: Iterable[int] = ()
) -> Scheduled:
    """Lower graph nodes to straight-line code.

    Args:
        g: the graph.
        roots: nodes to compute; maps and gathers below them are opaque leaves.
        share: also compute pairs of terms (factors) that several sums (products) have in common only once.
        cost: decides which axes are the shallower ones.
        known: further nodes to treat as leaves.

    Returns:
        Code whose roots are in the order of `roots`.

    Example:
        >>> g = Graph()
        >>> x = g.input("x", "state")
        >>> schedule_naive(g, [g.add([(3, g.pow(x, 2)), (-1, x)], 2)]).count()
        {'add': 1, 'mul': 2, 'sub': 1}
    """
    builder = Builder(g)
    lowering = Lowering(g, builder, roots, share=share, cost=cost, known={n: builder.leaf(n) for n in known})
    return builder.finish(lowering.run())


class Lowering:
    """Lowers the nodes below some roots into a `Builder`.

    Args:
        g: the graph.
        builder: receives the instructions.
        roots: nodes wanted.
        share: share pairs of terms and of factors between sums and between products.
        cost: weights of the axes.
        known: nodes that are instructions of `builder` already.
        sums: sums with pairs taken out before; by default this is done here if `share` asks for it.
    """

    def __init__(
        self,
        g: Graph,
        builder: Builder,
        roots: Sequence[int],
        *,
        share: bool = False,
        cost: CostTable = DEFAULT,
        known: Mapping[int, int] | None = None,
        sums: SharedSums | None = None,
    ) -> None:
        self.g, self.b, self.roots = g, builder, list(roots)
        self.value: dict[int, int] = dict(known or {})
        self.order = pointwise_order(g, self.roots, self.value)
        self._cost = cost
        self._weights: dict[Axes, tuple[float, list[Axis]]] = {}
        self._divisors = self._count_divisors()
        todo = [n for n in self.order if n not in self.value]
        self.sums = SharedSums(g, todo) if share else sums
        self.products = SharedProducts(g, todo) if share else None

    def _weight(self, axes: Axes) -> tuple[float, list[Axis]]:
        found = self._weights.get(axes)
        if found is None:
            found = self._weights[axes] = self._cost.weight(axes), sorted(axes)
        return found

    def run(self) -> list[int]:
        """Lower everything and return the instructions of the roots."""
        for node in self.order:
            if node not in self.value:
                self.value[node] = self._lower(node)
        return [self.value[r] for r in self.roots]

    def _lower(self, node: int) -> int:
        g, b = self.g, self.b
        op, args = g.op[node], g.args[node]
        if op == "const":
            return b.const(args)
        if op == "imag":
            return b.const(1j)
        if op not in POINTWISE:
            return b.leaf(node)
        if op == "func":
            return b.func(args[0], *(self.value[n] for n in args[1]))
        if op == "mul":
            return self._signed(*self._product(args[0], args[1]))
        terms = self.sums.terms(node) if self.sums else args[1]
        return self._signed(*self._sum(args[0], terms))

    def _signed(self, sign: int, i: int) -> int:
        return self.b.neg(i) if sign < 0 else i

    # ------------------------------------------------------------------ products
    def _count_divisors(self) -> Counter[tuple[Factor, ...]]:
        """How many different products divide by each group of factors: two or more share one reciprocal."""
        count: Counter[tuple[Factor, ...]] = Counter()
        for node in self.order:
            if self.g.op[node] == "mul" and node not in self.value:
                for group in self._grouped(self.g.args[node][1]).values():
                    if divisor := tuple(f for f in group if f[1] < 0):
                        count[divisor] += 1
        return count

    def _grouped(self, factors: Iterable[Factor]) -> dict[Axes, list[Factor]]:
        groups: dict[Axes, list[Factor]] = {}
        for base, e in factors:
            groups.setdefault(self.g.axes[base], []).append((base, e))
        return groups

    def _product(self, c: Number, factors: Sequence[Factor]) -> tuple[int, int]:
        """Return sign and instruction of ``c * prod(base ** e)``."""
        b = self.b
        sign, c = (-1, -c) if c < 0 else (1, c)
        groups = self._grouped(factors)
        total: int | None = None
        for axes in sorted(groups, key=self._weight):
            over, under = self._group(groups[axes])
            if total is None:
                total = self._scaled(c, over, under)
            else:
                total = total if over is None else b.mul(total, over)
                total = total if under is None else b.div(total, under)
        return sign, b.const(c) if total is None else total

    def _scaled(self, c: Number, over: int | None, under: int | None) -> int:
        b = self.b
        if over is None:
            return b.const(c) if under is None else b.div(b.const(c), under)
        whole = over if under is None else b.div(over, under)
        return whole if c == 1 else b.mul(b.const(c), whole)

    def _group(self, factors: list[Factor]) -> tuple[int | None, int | None]:
        """Numerator and denominator of the factors with one set of axes."""
        divisor = tuple([f for f in factors if f[1] < 0])
        under = self._chain([self._power(base, -e) for base, e in divisor]) if divisor else None
        multiplied = [f for f in factors if f[1] > 0] if divisor else factors
        if self.products:
            above = [self._shared_factor(k) for k in self.products.factors(tuple(multiplied))]
        else:
            above = [self._power(base, e) for base, e in multiplied]
        if under is not None and self._divisors[divisor] > 1:
            above.append(self.b.div(self.b.const(1), under))
            under = None
        return self._chain(above), under

    def _shared_factor(self, atom: int) -> int:
        assert self.products is not None
        pair = self.products.pair(atom)
        if pair is None:
            return self._power(*self.products.atom(atom))
        return self.b.mul(self._shared_factor(pair[0]), self._shared_factor(pair[1]))

    def _chain(self, items: Sequence[int]) -> int | None:
        total: int | None = None
        for i in items:
            total = i if total is None else self.b.mul(total, i)
        return total

    def _power(self, base: int, e: Number) -> int:
        """``base ** e`` for ``e > 0``: squaring, square roots, else a call of ``pow``."""
        b, x = self.b, self.value[base]
        if e == 1:
            return x
        if isinstance(e, int):
            return b.power(x, e)
        if isinstance(e, Fraction) and e.denominator in (2, 4):
            root = b.sqrt(x)
            if e.denominator == 4:
                root = b.sqrt(root)
            whole, rest = divmod(e.numerator, e.denominator)
            part = b.power(root, rest)
            return b.mul(b.power(x, whole), part) if whole else part
        return b.func("pow", x, b.const(e))

    # ------------------------------------------------------------------ sums
    def _axes_of(self, term: int) -> Axes:
        return self.sums.axes_of(term) if self.sums else self.g.axes[term]

    def _sum(self, c0: Number, terms: Sequence[tuple[int, Number]]) -> tuple[int, int]:
        """Return sign and instruction of ``c0 + sum(coefficient * term)``; negative terms are shared pairs."""
        groups: dict[Axes, list[tuple[int, Number]]] = {}
        for term, k in terms:
            groups.setdefault(self._axes_of(term), []).append((term, k))
        total: tuple[int, int] | None = None
        for axes in sorted(groups, key=self._weight):
            items = self._terms(groups[axes])
            if total is None and len(groups) > 1 and c0 != 0:
                items.append(self._number(c0))
                c0 = 0
            if total is not None:
                items = [(1, self._signed(*self._accumulate(items)))] if len(items) > 1 else items
                items.insert(0, total)
            total = self._accumulate(items)
        assert total is not None
        return total if c0 == 0 else self._accumulate([total, self._number(c0)])

    def _number(self, c: Number) -> tuple[int, int]:
        return (-1, self.b.const(-c)) if c < 0 else (1, self.b.const(c))

    def _terms(self, terms: list[tuple[int, Number]]) -> list[tuple[int, int]]:
        """Signed instructions of terms with equal axes; those with one common number share its multiplication."""
        common: dict[Number, list[tuple[int, int]]] = {}
        items: list[tuple[int, int]] = []
        for term, k in terms:
            sign, size = (-1, -k) if k < 0 else (1, k)
            if size != 1 and self._is_hoistable(term):
                s, i = self._product(size, self.g.args[term][1])
                items.append((s * sign, i))
            else:
                common.setdefault(size, []).append((sign, self._term(term)))
        for number, members in common.items():
            if number == 1:
                items.extend(members)
            else:
                s, i = self._accumulate(members)
                items.append((s, self.b.mul(self.b.const(number), i)))
        return items

    def _term(self, term: int) -> int:
        if term >= 0:
            return self.value[term]
        assert self.sums is not None
        (a, ca), (c, cc) = self.sums.pair(term)
        if (i := self.value.get(term)) is None:
            i = self.value[term] = self._signed(*self._accumulate(self._terms([(a, ca), (c, cc)])))
        return i

    def _is_hoistable(self, term: int) -> bool:
        """Whether a number can join a factor of `term` that is computed in a shallower loop than `term` itself."""
        if term < 0 or self.g.op[term] != "mul" or term in self.value and self.b.op[self.value[term]] == "leaf":
            return False
        factors = self.g.args[term][1]
        if len(factors) == 1:
            return factors[0][1] == -1 and self._divisors[tuple(factors)] < 2
        return len({self.g.axes[base] for base, _ in factors}) > 1

    def _accumulate(self, items: Sequence[tuple[int, int]]) -> tuple[int, int]:
        """Add signed instructions: a chain when short, halves when long; the sign is -1 when all are negative."""
        if len(items) == 1:
            return items[0]
        if all(sign < 0 for sign, _ in items):
            return -1, self._accumulate([(1, i) for _, i in items])[1]
        if len(items) > BALANCE_ABOVE:
            half = len(items) // 2
            items = [self._accumulate(items[:half]), self._accumulate(items[half:])]
        ordered = sorted(items, key=lambda item: item[0] < 0)
        total = ordered[0][1]
        for sign, i in ordered[1:]:
            total = self.b.sub(total, i) if sign < 0 else self.b.add(total, i)
        return 1, total
