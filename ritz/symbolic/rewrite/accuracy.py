"""The search for forms that lose fewer bits: equality saturation with the accuracy book, extraction by estimated error.

A form may also be searched under the sign of one variable. What is found then is right only where the variable has
that sign; `regimes` puts such pieces together.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ritz.symbolic.clock import spent
from ritz.symbolic.rewrite.cost import CostTable
from ritz.symbolic.rewrite.egglog_backend import EngineError, EqualityGraph
from ritz.symbolic.rewrite.error_extraction import ErrorExtractor
from ritz.symbolic.rewrite.execute import run_precise
from ritz.symbolic.rewrite.extraction import Extractor
from ritz.symbolic.rewrite.facts import Facts
from ritz.symbolic.rewrite.island import MOST_NODES, WIDEST_SUM, Island, cut, splice, widest
from ritz.symbolic.rewrite.points import wide_points
from ritz.symbolic.rewrite.rule_language import Rule
from ritz.symbolic.rewrite.rules import algebra
from ritz.symbolic.rewrite.rules.accuracy import ACCURACY
from ritz.symbolic.rewrite.scheduled import Scheduled
from ritz.symbolic.rewrite.trust import trusted
from ritz.symbolic.rewrite.yardstick import BITS, is_double

GUIDES = 12
_PHASES = (
    ("cancellation", ("accuracy",), 2),
    ("cancellation, regrouped", ("accuracy", "reduce", "associate"), 2),
    ("cancellation, reduced", ("accuracy", "reduce"), 1),
)


@dataclass(frozen=True)
class Side:
    """The points at which a variable is positive (``sign = 1``) or negative (``sign = -1``)."""

    leaf: int
    sign: int

    def facts(self, f: Facts) -> Facts:
        """What is known of the variable there."""
        if self.sign > 0:
            return replace(f, low=max(f.low, 0.0), nonzero=True)
        return replace(f, high=min(f.high, 0.0), nonzero=True)


def sides(leaves: Mapping[int, Facts]) -> list[Side]:
    """The sides of all real variables whose sign is not known."""
    found = []
    for leaf, f in sorted(leaves.items()):
        if f.real and not (f.nonzero and (f.low >= 0 or f.high <= 0)):
            found += [Side(leaf, 1)] if f.high > 0 else []
            found += [Side(leaf, -1)] if f.low < 0 else []
    return found


def accurate_forms(
    s: Scheduled, leaves: Mapping[int, Facts], cost: CostTable, deadline: float, rules: Sequence[Rule] = ()
) -> Iterator[tuple[str, Scheduled]]:
    """Yield ``(name, code)`` of forms expected to lose fewer bits; islands with complex values are left alone.

    Args:
        s: the code to start from.
        leaves: facts of its leaves; the forms are right where these hold.
        cost: breaks ties.
        deadline: value of `ritz.symbolic.clock.spent` at which the search ends.
        rules: own rules, used with the accuracy book.
    """
    usable: list[list[Any]] = []
    for point in wide_points(leaves, 4 * GUIDES, seed=2):
        values = run_precise(s, point, BITS)
        if all(trusted(s, values, BITS)) and all(is_double(values[r]) for r in s.roots):
            usable.append(values)
        if len(usable) == GUIDES:
            break
    if not usable:
        return
    stages: dict[str, list[tuple[Island, Scheduled]]] = {}
    islands = [island for island in cut(s, leaves) if not any(island.code.is_complex)]
    for k, island in enumerate(islands):
        now = spent()
        share = now + (deadline - now) / (len(islands) - k)
        seen = {label: [v[label] for v in usable] for label in island.code.leaves()}
        try:
            for name, code in _searched(island, seen, cost, share, rules):
                stages.setdefault(name, []).append((island, code))
        except EngineError as error:
            logging.getLogger(__name__).warning(
                "an island of %d operations was left as it is: %s", len(island.code), error
            )
    for name, pieces in stages.items():
        whole = splice(s, pieces)
        if whole is not None:
            yield name, whole


def _searched(
    island: Island, leaves: Mapping[int, Sequence[Any]], cost: CostTable, deadline: float, rules: Sequence[Rule]
) -> Iterator[tuple[str, Scheduled]]:
    books: dict[str, Sequence[Rule]] = {
        "accuracy": [*ACCURACY, *rules],
        "reduce": algebra.REDUCE,
        "associate": algebra.ASSOCIATE,
    }
    facts = {i: f.names() for i, f in enumerate(island.facts)}
    if spent() > deadline:
        return
    graph = EqualityGraph(island.code, facts, books, deadline=deadline, most_nodes=MOST_NODES)
    wide = widest(island.code) > WIDEST_SUM
    for name, phase, repeat in _PHASES:
        graph.phase([p for p in phase if not (wide and p == "associate")], repeat, match_limit=150)
        extractor = Extractor(graph.frozen(), island.code, cost, deadline=deadline)
        code = ErrorExtractor(extractor, leaves).code()
        if code is not None:
            yield name, code
        if spent() > deadline:
            return


def sided_forms(
    s: Scheduled, leaves: Mapping[int, Facts], cost: CostTable, deadline: float, rules: Sequence[Rule] = ()
) -> Iterator[tuple[str, Scheduled, Side]]:
    """Yield forms that are right on one side of zero of one variable only, with that side."""
    todo = sides(leaves)
    for k, side in enumerate(todo):
        now = spent()
        if now > deadline:
            return
        share = now + (deadline - now) / (len(todo) - k)
        known = {**leaves, side.leaf: side.facts(leaves[side.leaf])}
        if math.isfinite(share):
            for name, code in accurate_forms(s, known, cost, share, rules):
                yield name, code, side
