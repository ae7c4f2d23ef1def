"""Forms that lose fewer bits in double precision.

Loss is measured, not guessed: a form is run in double precision at sampled points and compared with many digits. To
find good forms among the thousands in an e-graph, every operation is charged the error it would make at some of
these points: its arguments' errors times its condition numbers, plus its own rounding.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ritz.symbolic.high_precision import precise_context, precise_number
from ritz.symbolic.rewrite.cost import CostTable
from ritz.symbolic.rewrite.egglog_backend import EngineError, EqualityGraph
from ritz.symbolic.rewrite.execute import apply_precise, run_numpy, run_precise
from ritz.symbolic.rewrite.extraction import Extractor
from ritz.symbolic.rewrite.facts import Facts
from ritz.symbolic.rewrite.island import MOST_NODES, WIDEST_SUM, Island, cut, splice, widest
from ritz.symbolic.rewrite.rule_language import Rule
from ritz.symbolic.rewrite.rules import algebra
from ritz.symbolic.rewrite.rules.accuracy import ACCURACY
from ritz.symbolic.rewrite.scheduled import Builder, Scheduled
from ritz.symbolic.rewrite.verify import Point

BITS = 400
LOST = 64.0
POINTS = 64
GUIDES = 12
_LARGEST, _SMALLEST = 1.7e308, 2.3e-308
_STEP = 2.0**-100


def wide_points(facts: Mapping[int, Facts], count: int = POINTS, seed: int = 1) -> list[Point]:
    """Points over many orders of magnitude inside the assumptions; every second one of moderate size."""
    rng = random.Random(seed)
    return [{node: _wide(f, rng, k) for node, f in sorted(facts.items())} for k in range(count)]


def _wide(f: Facts, rng: random.Random, k: int) -> Any:
    if not f.real:
        return complex(rng.gauss(0, 1), rng.gauss(0, 1))
    span = 2.0 if k % 2 else 9.0
    size = 10 ** rng.uniform(-span, span)
    if f.low > -math.inf and f.high < math.inf:
        width = f.high - f.low
        near = 10 ** rng.uniform(-12, 0) if k % 2 else rng.random()
        return min(max(f.low + width * near if k % 4 < 2 else f.high - width * near, f.low), f.high)
    if f.low > -math.inf:
        return f.low + size
    if f.high < math.inf:
        return f.high - size
    return size * rng.choice((-1, 1))


class Yardstick:
    """Measures bits lost against exact values of the source.

    Args:
        source: code whose exact values are the truth.
        facts: leaf -> facts; points are drawn from these.
    """

    def __init__(self, source: Scheduled, facts: Mapping[int, Facts]) -> None:
        self.points = wide_points(facts)
        exact = [run_precise(source, p, BITS) for p in self.points]
        self.truth = [[values[r] for r in source.roots] for values in exact]
        self.leaves = {n: np.array([p[n] for p in self.points]) for n in facts}

    def bits(self, s: Scheduled) -> float:
        """Mean over points and results of the bits lost; values outside the range of doubles do not count."""
        found = run_numpy(s, self.leaves)
        lost = []
        for k, column in enumerate(found):
            values = np.broadcast_to(column, (len(self.points),))
            lost += [_bits(v, t[k]) for v, t in zip(values, self.truth, strict=True) if _ordinary(t[k])]
        return float(np.mean(lost)) if lost else 0.0


def _ordinary(truth: Any) -> bool:
    ctx = precise_context(BITS)
    return not (ctx.isnan(truth) or ctx.isinf(truth)) and (truth == 0 or _SMALLEST < abs(truth) < _LARGEST)


def _bits(value: Any, truth: Any) -> float:
    if not np.isfinite(value):
        return LOST
    ctx = precise_context(BITS)
    gap = abs(precise_number(ctx, value) - truth)
    if gap == 0:
        return 0.0
    return min(math.log2(1 + float(gap / abs(truth)) * 2.0**53), LOST) if truth != 0 else LOST


@dataclass(frozen=True, eq=False)
class _Term:
    """A way to compute a class, with its estimated error (in units of rounding) at the guide points."""

    node: int
    arguments: tuple[_Term, ...]
    error: np.ndarray[Any, np.dtype[np.float64]]
    bits: float
    cost: float


class ErrorExtractor:
    """Picks, for every class of an e-graph, the operation with the smallest estimated error.

    Args:
        extractor: the e-graph, with prices for breaking ties.
        leaves: label of a leaf -> its exact values at the guide points.
    """

    def __init__(self, extractor: Extractor, leaves: Mapping[int, Sequence[Any]]) -> None:
        self.extractor, self.leaves = extractor, leaves
        self.ctx = precise_context(200)
        self.count = len(next(iter(leaves.values()), [None]))
        self.value: dict[int, list[Any]] = {}
        extractor.settle(self._evaluate)
        self.best: dict[int, _Term] = {}
        self._factors: dict[int, list[np.ndarray[Any, np.dtype[np.float64]]]] = {}

    def _evaluate(self, i: int) -> bool:
        classes = self.extractor.classes
        op, payload, arguments = classes.nodes[i]
        owner = classes.owner[i]
        if owner in self.value or any(c not in self.value for c in arguments):
            return False
        if op == "const":
            values: Sequence[Any] = [precise_number(self.ctx, payload)] * self.count
        elif op == "leaf":
            label = self.extractor.source.args[payload][0]
            values = self.leaves[label] if label in self.leaves else [self.ctx.mpc(0, 1)] * self.count
        else:
            columns = [self.value[c] for c in arguments]
            name = payload if op == "func" else op
            values = [apply_precise(self.ctx, name, [column[k] for column in columns]) for k in range(self.count)]
        if op != "leaf" and any(self.ctx.isnan(v) for v in values):
            return False  # another member of the class may have a value everywhere
        self.value[owner] = list(values)
        return True

    def code(self) -> Scheduled | None:
        """The code of the best terms; None if a result has no value at a guide point."""
        self.extractor.settle(self._improve)
        roots = self.extractor.classes.roots
        if any(r not in self.best for r in roots):
            return None
        builder = Builder()
        done: dict[int, int] = {}
        stack = [self.best[r] for r in reversed(roots)]
        while stack:
            term = stack[-1]
            missing = [a for a in term.arguments if id(a) not in done]
            if missing:
                stack.extend(missing)
                continue
            op, payload, _ = self.extractor.classes.nodes[term.node]
            done[id(term)] = self.extractor.instruction(builder, op, payload, [done[id(a)] for a in term.arguments])
            stack.pop()
        return builder.finish(done[id(self.best[r])] for r in roots)

    def _improve(self, i: int) -> bool:
        classes = self.extractor.classes
        owner, arguments = classes.owner[i], classes.nodes[i][2]
        if owner not in self.value or any(c not in self.best for c in arguments):
            return False
        if time.monotonic() > self.extractor.deadline and owner in self.best:
            return False
        terms = tuple(self.best[c] for c in arguments)
        error = np.full(self.count, self._own(i))
        for factor, term in zip(self._amplification(i), terms, strict=True):
            error = error + np.where(term.error > 0, factor * term.error, 0.0)
        error = np.where(self._outside(owner), 2.0**LOST, np.minimum(np.nan_to_num(error, nan=2.0**LOST), 2.0**LOST))
        bits = float(np.mean(np.log2(1 + error)))
        cost = self.extractor.price[i] + sum(t.cost for t in terms)
        old = self.best.get(owner)
        if old is not None and (bits > old.bits - 1e-6 and (bits > old.bits + 1e-9 or cost >= old.cost - 1e-9)):
            return False
        self.best[owner] = _Term(i, terms, error, bits, cost)
        return True

    def _own(self, i: int) -> float:
        """Rounding error of the operation itself."""
        op, payload, _ = self.extractor.classes.nodes[i]
        if op == "const":
            return 0.0 if Fraction(float(payload)) == payload else 0.5
        return {"leaf": 0.0, "neg": 0.0, "func": 0.75}.get(op, 0.5)

    def _outside(self, owner: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        return np.array([bool(v != 0 and not _SMALLEST < abs(v) < _LARGEST) for v in self.value[owner]])

    def _amplification(self, i: int) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
        """Per argument its condition number at the guide points."""
        if i in self._factors:
            return self._factors[i]
        op, payload, arguments = self.extractor.classes.nodes[i]
        result = self.value[self.extractor.classes.owner[i]]
        columns = [self.value[c] for c in arguments]
        one = np.ones(self.count)
        if op in ("mul", "div", "neg"):
            factors = [one] * len(columns)
        elif op == "sqrt":
            factors = [one / 2]
        elif op in ("add", "sub"):
            factors = [np.array([_ratio(v, r) for v, r in zip(c, result, strict=True)]) for c in columns]
        else:
            name = payload if op == "func" else op
            factors = [self._slope(name, columns, k, result) for k in range(len(columns))]
        self._factors[i] = factors
        return factors

    def _slope(self, name: str, columns: Sequence[Sequence[Any]], k: int, result: Sequence[Any]) -> Any:
        """Relative change of a function's value by a relative change of its argument `k`."""
        found = []
        for p in range(self.count):
            a = [column[p] for column in columns]
            a[k] = a[k] + a[k] * _STEP  # not a[k] * (1 + _STEP): that factor is one in double precision
            moved = apply_precise(self.ctx, name, a)
            found.append(_ratio(moved - result[p], result[p]) / _STEP if columns[k][p] != 0 else 0.0)
        return np.array(found)


def _ratio(part: Any, whole: Any) -> float:
    if whole == 0:
        return 0.0 if part == 0 else 2.0**LOST
    ratio = float(abs(part / whole))
    return min(ratio, 2.0**LOST) if ratio == ratio else 2.0**LOST


def accurate_forms(
    s: Scheduled, leaves: Mapping[int, Facts], cost: CostTable, deadline: float, rules: Sequence[Rule] = ()
) -> Iterator[tuple[str, Scheduled]]:
    """Yield ``(name, code)`` of forms expected to lose fewer bits; islands with complex values are left alone."""
    guides = wide_points(leaves, GUIDES, seed=2)
    values = [run_precise(s, p, BITS) for p in guides]
    usable = [v for v in values if not any(precise_context(BITS).isnan(v[r]) for r in s.roots)]
    if not usable:
        return
    stages: dict[str, list[tuple[Island, Scheduled]]] = {}
    islands = [island for island in cut(s, leaves) if not any(island.code.is_complex)]
    for k, island in enumerate(islands):
        now = time.monotonic()
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
    if time.monotonic() > deadline:
        return
    graph = EqualityGraph(island.code, facts, books, deadline=deadline, most_nodes=MOST_NODES)
    narrow = widest(island.code) <= WIDEST_SUM
    phases = [
        ("cancellation", ("accuracy",), 2),
        ("cancellation, regrouped", ("accuracy", "reduce", *(("associate",) if narrow else ())), 2),
        ("cancellation, reduced", ("accuracy", "reduce"), 1),
    ]
    for name, phase, repeat in phases:
        graph.phase(phase, repeat, match_limit=150)
        extractor = Extractor(graph.frozen(), island.code, cost, deadline=deadline)
        code = ErrorExtractor(extractor, leaves).code()
        if code is not None:
            yield name, code
        if time.monotonic() > deadline:
            return
