"""Extraction of the form with the smallest estimated rounding error.

Every operation of an e-graph is charged the error it would make at a few guide points: its arguments' errors times its
condition numbers, plus its own rounding. The estimate orders thousands of forms; the yardstick then measures the few
that it picks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ritz.symbolic.clock import spent
from ritz.symbolic.high_precision import precise_context, precise_number
from ritz.symbolic.rewrite.execute import apply_precise
from ritz.symbolic.rewrite.extraction import Extractor
from ritz.symbolic.rewrite.scheduled import Builder, Scheduled
from ritz.symbolic.rewrite.yardstick import LARGEST, LOST, SMALLEST

_STEP = 2.0**-100


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
        if spent() > self.extractor.deadline and owner in self.best:
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
        return np.array([bool(v != 0 and not SMALLEST < abs(v) < LARGEST) for v in self.value[owner]])

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
