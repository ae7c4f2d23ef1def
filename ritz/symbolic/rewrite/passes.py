"""Passes over the whole graph in nearly linear time: common factors, Horner's scheme, expansion.

A pass returns new nodes with the same values. None of them decides whether its result is better; the caller compares
the cost of the code they lead to. Results depend on the graph alone, never on hash order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product

from ritz.symbolic.graph import Graph, Number
from ritz.symbolic.rewrite.cost import DEFAULT, CostTable
from ritz.symbolic.rewrite.factoring import Factoring
from ritz.symbolic.rewrite.lowering import POINTWISE, pointwise_order

WIDEST_EXPANSION = 40
HIGHEST_EXPANSION = 4


def rebuild(g: Graph, roots: Sequence[int], change: Callable[[int], int]) -> list[int]:
    """Rebuild what lies below `roots`; ``change(node)`` may replace each node once its arguments are done."""
    new: dict[int, int] = {}
    for node in pointwise_order(g, roots):
        new[node] = change(g.rebuild(node, new)) if g.op[node] in POINTWISE else node
    return [new[r] for r in roots]


def factor_sums(g: Graph, roots: Sequence[int], *, keep_shared: bool = False, cost: CostTable = DEFAULT) -> list[int]:
    """Take common factors out of every sum, greedily; powers of one value become Horner's scheme.

    Args:
        g: the graph, which receives the new nodes.
        roots: nodes to rewrite.
        keep_shared: leave products alone that other sums use too (they are computed anyway).
        cost: ranks the factors; among equals the one computed most often is taken out, so that what stays inside is
            computed in a shallower loop.

    Returns:
        Nodes with the values of `roots`.

    Example:
        >>> g = Graph()
        >>> x = g.input("x", "state")
        >>> [node] = factor_sums(g, [g.add([(2, g.pow(x, 2)), (3, x)], 1)])
        >>> g.count([node])["mul"]
        2
    """
    users = Counter(child for n in pointwise_order(g, roots) for child in set(g.children(n)))
    factoring = Factoring(g, cost)

    def change(node: int) -> int:
        if g.op[node] != "add":
            return node
        c0, terms = g.args[node]
        kept = [(k, t) for t, k in terms if keep_shared and users[t] > 1]
        free = [factoring.split(k, t) for t, k in terms if not (keep_shared and users[t] > 1)]
        return g.add([*kept, (1, factoring.factored(free))], c0) if kept else factoring.factored(free, c0)

    return rebuild(g, roots, change)


def expand_products(g: Graph, roots: Sequence[int]) -> list[int]:
    """Multiply out products and small whole powers of sums, so that like terms meet and cancel.

    A product that would get more than `WIDEST_EXPANSION` terms is left as it is.
    """

    def change(node: int) -> int:
        if g.op[node] == "add" and any(g.op[t] == "mul" for t, _ in g.args[node][1]):
            c0, terms = g.args[node]
            return g.add([(k, _expanded(g, t)) for t, k in terms], c0)
        return _expanded(g, node)

    return rebuild(g, roots, change)


def _expanded(g: Graph, node: int) -> int:
    if g.op[node] != "mul":
        return node
    c, factors = g.args[node]
    sums: list[list[tuple[Number, int | None]]] = []
    rest: list[tuple[int, Number]] = []
    size = 1
    for base, e in factors:
        if g.op[base] == "add" and isinstance(e, int) and 0 < e <= HIGHEST_EXPANSION:
            c0, terms = g.args[base]
            parts: list[tuple[Number, int | None]] = [(k, t) for t, k in terms]
            sums += [parts + ([(c0, None)] if c0 != 0 else [])] * e
            size *= len(sums[-1]) ** e
        else:
            rest.append((base, e))
    if not sums or size > WIDEST_EXPANSION:
        return node
    total = []
    for combination in product(*sums):
        k, powers = c, list(rest)
        for coefficient, term in combination:
            k = k * coefficient
            if term is not None:
                powers.append((term, 1))
        total.append((1, g.mul(powers, k)))
    return g.add(total)
