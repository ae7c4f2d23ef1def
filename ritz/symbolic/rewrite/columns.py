"""Sums that share their terms, as the equations of a reaction network do: one shared value for each group of terms.

A term that enters several rows has a *column*: the rows with its coefficients there. Terms with proportional columns
enter everything as one sum, their *group*, found in linear time. Inside a group common factors are taken out, with all
factors that depend on parameters alone as one factor; then pairs of groups, and of terms inside the groups, that
several sums have in common are computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ritz.symbolic.graph import TIME, Graph, Number, exact
from ritz.symbolic.rewrite.cost import DEFAULT, CostTable
from ritz.symbolic.rewrite.factoring import Factoring, Monomial, Split, plain_monomial
from ritz.symbolic.rewrite.lowering import Lowering, pointwise_order
from ritz.symbolic.rewrite.scheduled import Builder, Scheduled
from ritz.symbolic.rewrite.sharing import Row, SharedSums

FEWEST_ROWS = 2
Column = tuple[tuple[int, Number], ...]


def schedule_columns(g: Graph, roots: Sequence[int], cost: CostTable = DEFAULT) -> Scheduled | None:
    """Lower roots of which several are sums with common terms.

    Args:
        g: the graph, which receives the groups.
        roots: nodes to compute.
        cost: decides which axes are the shallower ones.

    Returns:
        Code whose roots are in the order of `roots`; None where no term is in two rows.

    Example:
        >>> g = Graph()
        >>> a, b, k, l = (g.input(name, "state") for name in "abkl")
        >>> r, s = g.product([k, a]), g.product([l, a])
        >>> code = schedule_columns(g, [g.add([(1, r), (1, s)]), g.add([(-1, r), (-1, s), (1, b)])])
        >>> code.count()
        {'add': 1, 'mul': 1, 'sub': 1}
    """
    rows = _rows(g, roots)
    groups = _groups(g, rows)
    if len(rows) < FEWEST_ROWS or all(len(column) == 1 for column in groups):
        return None
    factoring = Factoring(g, cost, static_monomial(g))
    shared: dict[int, tuple[Number, Row]] = {node: (g.args[node][0], {}) for node in rows}
    for column, terms in groups.items():
        value = factoring.factored([factoring.split(k, term) for term, k in terms])
        for node, ratio in column:
            shared[node] = _with(g, shared[node], ratio, value, alone=len(column) == 1)
    wanted = [term for _, row in shared.values() for term in row]
    nodes = pointwise_order(g, [*wanted, *(r for r in roots if r not in shared)])
    builder = Builder(g)
    lowering = Lowering(g, builder, roots, cost=cost, sums=SharedSums(g, nodes, shared))
    return builder.finish(lowering.run())


def static_monomial(g: Graph) -> Split:
    """Takes a term apart into its factors, where all factors that do not change in time count as one."""
    plain = plain_monomial(g)

    def split(k: Number, term: int) -> Monomial:
        k, powers = plain(k, term)
        fixed = [(base, e) for base, e in powers.items() if TIME not in g.axes[base]]
        if len(fixed) > 1 or (fixed and fixed[0][1] != 1):
            c, one = g.split_coefficient(g.mul(fixed))
            moving = {base: e for base, e in powers.items() if TIME in g.axes[base]}
            return k * c, {one: 1, **moving}
        return k, powers

    return split


def _rows(g: Graph, roots: Sequence[int]) -> list[int]:
    """The roots that are sums and that nothing else is computed from."""
    below = {child for node in pointwise_order(g, roots) for child in g.children(node)}
    return [n for n in dict.fromkeys(roots) if g.op[n] == "add" and n not in below]


def _groups(g: Graph, rows: Sequence[int]) -> dict[Column, list[tuple[int, Number]]]:
    """Column up to a factor -> its terms, with their factors."""
    columns: dict[int, list[tuple[int, Number]]] = {}
    for node in rows:
        for term, k in g.args[node][1]:
            columns.setdefault(term, []).append((node, k))
    groups: dict[Column, list[tuple[int, Number]]] = {}
    for term, column in columns.items():
        scale = _scale(column)
        key = tuple(column) if scale == 1 else tuple((node, _ratio(k, scale)) for node, k in column)
        groups.setdefault(key, []).append((term, scale))
    return groups


def _scale(column: Sequence[tuple[int, Number]]) -> Number:
    """The coefficient by which a column is divided: the most frequent size, with the sign of the first."""
    sizes = [-k if k < 0 else k for _, k in column]
    size = sizes[0] if len(set(sizes)) == 1 else max(dict.fromkeys(sizes), key=sizes.count)
    return -size if column[0][1] < 0 else size


def _ratio(k: Number, scale: Number) -> Number:
    if scale == -1:
        return -k
    return exact(Fraction(k) / Fraction(scale))


def _with(g: Graph, row: tuple[Number, Row], ratio: Number, value: int, *, alone: bool) -> tuple[Number, Row]:
    """A row with ``ratio * value`` added; the terms of a sum that no other row has become terms of the row."""
    c0, terms = row
    if g.op[value] == "const":
        return c0 + ratio * g.args[value], terms
    if g.op[value] == "add" and alone:
        inner, parts = g.args[value]
        c0 = c0 + ratio * inner
    else:
        k, rest = g.split_coefficient(value)
        parts = ((rest, k),)
    for term, k in parts:
        terms[term] = terms.get(term, 0) + ratio * k
        if terms[term] == 0:
            del terms[term]
    return c0, terms
