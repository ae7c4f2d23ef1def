"""Sums that share their terms, as the equations of a reaction network do.

Every sum is factored for itself, with all factors that do not change in time counting as one; then pairs of terms that
several sums have in common, those inside brackets included, are added once, and pairs of factors that several products
have in common are multiplied once. In a network of mass action the brackets are sums over partners of a reaction, which
many species share: taking the rates apart again saves more than computing every rate once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from ritz.symbolic.clock import spent
from ritz.symbolic.graph import TIME, Graph, Number
from ritz.symbolic.rewrite.cost import DEFAULT, CostTable
from ritz.symbolic.rewrite.factoring import Factoring, Monomial, Split, plain_monomial
from ritz.symbolic.rewrite.job import Passes
from ritz.symbolic.rewrite.lowering import POINTWISE, Lowering, pointwise_order, schedule_naive
from ritz.symbolic.rewrite.product_sharing import share_products
from ritz.symbolic.rewrite.scheduled import Builder, Scheduled
from ritz.symbolic.rewrite.sharing import SharedSums


def schedule_rows(
    g: Graph,
    roots: Sequence[int],
    *,
    keep_quotients: bool = False,
    cost: CostTable = DEFAULT,
    deadline: float = math.inf,
) -> Scheduled:
    """Lower roots of which several are sums with common terms or factors.

    Args:
        g: the graph, which receives the new nodes.
        roots: nodes to compute.
        keep_quotients: do not take a quotient apart that several sums use: it is computed once as a whole.
        cost: decides which axes are the shallower ones.
        deadline: `ritz.symbolic.clock.spent` after which sums stay as they are.

    Returns:
        Code whose roots are in the order of `roots`.

    Example:
        >>> g = Graph()
        >>> a, b, c, k, l = (g.input(name, "state") for name in "abckl")
        >>> partners = [g.product([k, a, b]), g.product([k, a, c])], [g.product([l, b]), g.product([l, c])]
        >>> schedule_rows(g, [g.sum(terms) for terms in partners]).count()
        {'add': 1, 'mul': 3}
    """
    return row_passes(g, roots, keep_quotients=keep_quotients, cost=cost, deadline=deadline, every=False)[-1][1]


def row_passes(
    g: Graph, roots: Sequence[int], *, keep_quotients: bool = False, cost: CostTable, deadline: float, every: bool
) -> Passes:
    """The passes of `schedule_rows` with what each leaves; without `every` the last one only."""
    factoring = Factoring(g, cost, static_monomial(g))
    users = Counter(child for n in pointwise_order(g, roots) for child in set(g.children(n)))
    new: dict[int, int] = {}
    for node in pointwise_order(g, roots):
        made = g.rebuild(node, new) if g.op[node] in POINTWISE else node
        if g.op[node] == "add" and g.op[made] == "add" and spent() < deadline:
            made = _factored(g, factoring, made, users if keep_quotients and made == node else None)
        new[node] = made
    lowered = [new[r] for r in roots]
    first = (("common factors of each row", schedule_naive(g, lowered, cost=cost)),) if every else ()
    sums = SharedSums(g, pointwise_order(g, lowered), deadline)
    builder = Builder(g)
    code = builder.finish(Lowering(g, builder, lowered, cost=cost, sums=sums).run())
    second = (("shared pairs of terms", code),) if every else ()
    return *first, *second, ("shared pairs of factors", share_products(code, deadline))


def _factored(g: Graph, factoring: Factoring, node: int, users: Counter[int] | None) -> int:
    c0, terms = g.args[node]
    kept: list[tuple[Number, int]] = []
    free: list[Monomial] = []
    for term, k in terms:
        if users is not None and users[term] > 1 and has_quotient(g, term):
            kept.append((k, term))
        else:
            free.append(factoring.split(k, term))
    inside = factoring.factored(free, c0)
    return g.add([*kept, (1, inside)]) if kept else inside


def has_shared_quotient(g: Graph, roots: Sequence[int]) -> bool:
    """Whether several sums use one product that divides by something that changes in time."""
    nodes = pointwise_order(g, roots)
    users = Counter(term for n in nodes if g.op[n] == "add" for term, _ in g.args[n][1])
    return any(count > 1 and has_quotient(g, term) for term, count in users.items())


def has_quotient(g: Graph, term: int) -> bool:
    """Whether a product divides by something that changes in time."""
    return g.op[term] == "mul" and any(e < 0 and TIME in g.axes[base] for base, e in g.args[term][1])


def static_monomial(g: Graph) -> Split:
    """Takes a term apart into its factors, where all factors that do not change in time count as one."""
    plain = plain_monomial(g)
    done: dict[int, Monomial] = {}
    fixed_part: dict[tuple[tuple[int, Number], ...], tuple[Number, int]] = {}

    def factors(term: int) -> Monomial:
        c, powers = plain(1, term)
        fixed = tuple([(base, e) for base, e in powers.items() if TIME not in g.axes[base]])
        if len(fixed) < 2 and (not fixed or fixed[0][1] == 1):
            return c, powers
        if fixed not in fixed_part:
            fixed_part[fixed] = g.split_coefficient(g.mul(fixed))
        k, one = fixed_part[fixed]
        return c * k, {one: 1, **{base: e for base, e in powers.items() if TIME in g.axes[base]}}

    def split(k: Number, term: int) -> Monomial:
        if term not in done:
            done[term] = factors(term)
        c, powers = done[term]
        return k * c, powers

    return split
