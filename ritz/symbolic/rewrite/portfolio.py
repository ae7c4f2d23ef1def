"""The structural engine: every combination of passes that may pay, as code; the caller takes the cheapest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from ritz.symbolic.clock import spent
from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite.cost import CostTable
from ritz.symbolic.rewrite.function_passes import share_angles, share_exponentials
from ritz.symbolic.rewrite.job import Passes
from ritz.symbolic.rewrite.kernels import share_kernels
from ritz.symbolic.rewrite.lowering import pointwise_order, schedule_naive
from ritz.symbolic.rewrite.passes import expand_products, factor_sums
from ritz.symbolic.rewrite.rows import has_shared_quotient, row_passes
from ritz.symbolic.rewrite.scheduled import Scheduled

EXPANSION_UP_TO = 3000
ROWS_ONLY_ABOVE = 2000  # nodes
Pass = Callable[[Graph, list[int]], list[int]]


def structural_forms(g: Graph, roots: Sequence[int], cost: CostTable, deadline: float) -> Iterator[tuple[str, Passes]]:
    """Yield ``(name, passes)`` for the forms that passes lead to, until `deadline` (`ritz.symbolic.clock.spent`).

    Factored rows come first, and are all that is tried for large systems. Then function families are shared, and kept
    if that is cheaper, and sums are factored in several ways; each form is lowered with and without sharing pairs of
    terms.
    """
    best = list(roots)
    small = len(pointwise_order(g, best)) <= ROWS_ONLY_ABOVE
    yield "factored rows", row_passes(g, best, cost=cost, deadline=deadline, every=small)
    if spent() < deadline and has_shared_quotient(g, best):
        passes = row_passes(g, best, keep_quotients=True, cost=cost, deadline=deadline, every=small)
        yield "factored rows, quotients kept", passes
    if spent() > deadline or not small:
        return
    lower = partial(schedule_naive, g, cost=cost)
    plain = lower(best)
    price, before = cost.total(plain), Passes()
    yield "shared pairs", (("shared pairs of terms", lower(best, share=True)),)
    for name, family in (("exponentials", share_exponentials), ("angles", share_angles)):
        new = family(g, best)
        if new == best or spent() > deadline:
            continue
        passes = _with_pairs((*before, (f"shared {name}", lower(new))), lower(new, share=True))
        yield f"shared {name}", passes
        if cost.total(passes[-1][1]) < price:
            best, price, before = new, cost.total(passes[-1][1]), passes[:-1]
    new = share_kernels(g, best)
    if new != best and spent() < deadline:
        kernels = (*before, ("shared kernels", lower(new)))
        yield "shared kernels", _with_pairs(kernels, lower(new, share=True))
        factored = factor_sums(g, new, cost=cost)
        passes = _with_pairs((*kernels, ("common factors", lower(factored))), lower(factored, share=True))
        yield "shared kernels, common factors", passes
    seen = {tuple(best)}
    for names, changes in _factorings(cost, len(pointwise_order(g, best))):
        if spent() > deadline:
            return
        new, passes = best, before
        for name, change in zip(names, changes, strict=True):
            new = change(g, new)
            passes = (*passes, (name, lower(new)))
        if tuple(new) not in seen:
            seen.add(tuple(new))
            yield ", ".join(names), passes
            yield f"{', '.join(names)}, shared pairs", _with_pairs(passes, lower(new, share=True))


def _with_pairs(passes: Passes, code: Scheduled) -> Passes:
    return (*passes, ("shared pairs of terms", code))


def _factorings(cost: CostTable, size: int) -> Iterator[tuple[tuple[str, ...], tuple[Pass, ...]]]:
    factors: Pass = lambda g, r: factor_sums(g, r, cost=cost)  # noqa: E731
    kept: Pass = lambda g, r: factor_sums(g, r, keep_shared=True, cost=cost)  # noqa: E731
    yield ("common factors",), (factors,)
    yield ("common factors, shared products kept",), (kept,)
    if size <= EXPANSION_UP_TO:
        yield ("expanded",), (expand_products,)
        yield ("expanded", "common factors"), (expand_products, factors)
        yield ("expanded", "common factors, shared products kept"), (expand_products, kept)
