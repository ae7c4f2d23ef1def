"""SymPy's common-subexpression elimination as an engine: the comparison everyone knows, and an independent opinion."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite.cost import CostTable
from ritz.symbolic.rewrite.lowering import POINTWISE, Lowering, pointwise_order
from ritz.symbolic.rewrite.scheduled import Builder, Scheduled
from ritz.symbolic.sympy_bridge import many_to_sympy, to_graph


def schedule_sympy(g: Graph, roots: Sequence[int], cost: CostTable) -> Scheduled:
    """Lower `roots` after ``sympy.cse(..., optimizations="basic")``; nothing is simplified globally.

    Every replacement that SymPy makes is computed once and kept, so its sharing survives.
    """
    order = pointwise_order(g, roots)
    opaque = [n for n in order if g.op[n] not in POINTWISE]
    symbol = {n: sp.Symbol(f"n{n}", real=None if g.is_complex[n] else True) for n in opaque}
    expressions = many_to_sympy(g, roots, symbol)
    replacements, reduced = sp.cse(expressions, symbols=sp.numbered_symbols("t", cls=sp.Dummy), optimizations="basic")
    builder = Builder(g)
    known = {n: builder.leaf(n) for n in opaque}
    scratch = Graph()
    inside = {n: scratch.input(f"n{n}", "cse", g.axes[n], is_complex=g.is_complex[n]) for n in opaque}
    values = {inside[n]: known[n] for n in opaque}
    leaves: dict[sp.Basic, int] = {symbol[n]: inside[n] for n in opaque}
    for k, (name, expression) in enumerate(replacements):
        node = to_graph(scratch, expression, leaves)
        [i] = Lowering(scratch, builder, [node], cost=cost, known=values).run()
        stand_in = scratch.input(f"t{k}", "cse", builder.axes[i], is_complex=builder.is_complex[i])
        leaves[name], values[stand_in] = stand_in, i
    nodes = [to_graph(scratch, e, leaves) for e in reduced]
    return builder.finish(Lowering(scratch, builder, nodes, cost=cost, known=values).run())
