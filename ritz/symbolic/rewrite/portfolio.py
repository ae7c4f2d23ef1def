"""The structural engine: every combination of passes that may pay, as code; the caller takes the cheapest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite.cost import CostTable
from ritz.symbolic.rewrite.function_passes import share_angles, share_exponentials
from ritz.symbolic.rewrite.kernels import share_kernels
from ritz.symbolic.rewrite.lowering import pointwise_order, schedule_naive
from ritz.symbolic.rewrite.passes import expand_products, factor_sums
from ritz.symbolic.rewrite.rows import has_shared_quotient, schedule_rows
from ritz.symbolic.rewrite.scheduled import Scheduled

EXPANSION_UP_TO = 3000
ROWS_ONLY_ABOVE = 2000  # nodes
Pass = Callable[[Graph, list[int]], list[int]]


def structural_forms(
    g: Graph, roots: Sequence[int], cost: CostTable, deadline: float
) -> Iterator[tuple[str, Scheduled]]:
    """Yield ``(name, code)`` for the forms reached by the passes, until `deadline` (`time.monotonic`).

    Factored rows come first, and are all that is tried for large systems. Then function families are shared, and kept
    if that is cheaper, and sums are factored in several ways; each form is lowered with and without sharing pairs of
    terms.
    """
    best = list(roots)
    yield "factored rows", schedule_rows(g, best, cost=cost, deadline=deadline)
    if time.monotonic() < deadline and has_shared_quotient(g, best):
        yield "factored rows, quotients kept", schedule_rows(g, best, keep_quotients=True, cost=cost, deadline=deadline)
    if time.monotonic() > deadline or len(pointwise_order(g, best)) > ROWS_ONLY_ABOVE:
        return
    price = cost.total(schedule_naive(g, best, cost=cost))
    yield "shared pairs", schedule_naive(g, best, share=True, cost=cost)
    for name, family in (("exponentials", share_exponentials), ("angles", share_angles)):
        new = family(g, best)
        if new == best or time.monotonic() > deadline:
            continue
        code = schedule_naive(g, new, share=True, cost=cost)
        yield f"shared {name}", code
        if cost.total(code) < price:
            best, price = new, cost.total(code)
    new = share_kernels(g, best)
    if new != best and time.monotonic() < deadline:
        for name, roots_ in (
            ("shared kernels", new),
            ("shared kernels, common factors", factor_sums(g, new, cost=cost)),
        ):
            code = schedule_naive(g, roots_, share=True, cost=cost)
            yield name, code
    seen = {tuple(best)}
    for name, change in _factorings(cost, len(pointwise_order(g, best))):
        if time.monotonic() > deadline:
            return
        new = change(g, best)
        if tuple(new) not in seen:
            seen.add(tuple(new))
            yield name, schedule_naive(g, new, cost=cost)
            yield f"{name}, shared pairs", schedule_naive(g, new, share=True, cost=cost)


def _factorings(cost: CostTable, size: int) -> Iterator[tuple[str, Pass]]:
    yield "common factors", lambda g, r: factor_sums(g, r, cost=cost)
    yield "common factors, shared products kept", lambda g, r: factor_sums(g, r, keep_shared=True, cost=cost)
    if size <= EXPANSION_UP_TO:
        yield "expanded", expand_products
        yield "expanded, common factors", lambda g, r: factor_sums(g, expand_products(g, r), cost=cost)
        yield (
            "expanded, common factors, shared products kept",
            lambda g, r: factor_sums(g, expand_products(g, r), keep_shared=True, cost=cost),
        )
