"""No rewritten form is used before it has agreed with its source at sampled points, computed with many digits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ritz.symbolic.graph import Graph
from ritz.symbolic.high_precision import evaluate_mp, precise_context
from ritz.symbolic.rewrite.execute import run_numpy, run_precise
from ritz.symbolic.rewrite.facts import Facts
from ritz.symbolic.rewrite.points import Point, corners, sample, wide_points
from ritz.symbolic.rewrite.scheduled import Scheduled

BITS = 200
MORE_BITS = 1200
AGREEMENT = 90
POINTS = 8
_FEWER_POINTS_ABOVE = 4000


@dataclass(frozen=True)
class Check:
    """Outcome of a comparison with the source.

    Attributes:
        passed: whether all results agreed to `AGREEMENT` bits wherever the source has a value.
        points: sampled points at which the source had values.
        error: largest relative difference met.
        message: what went wrong, in one sentence; empty when passed.
    """

    passed: bool
    points: int
    error: float
    message: str = ""

    def __str__(self) -> str:
        if self.passed:
            return f"agrees with the source at {self.points} points to 2^-{AGREEMENT} ({BITS}-bit arithmetic)"
        return self.message


class Reference:
    """The values of the source at sampled points; made once, used for every candidate.

    Args:
        g: the graph.
        roots: the source.
        facts: leaf -> facts; the points are drawn from these.
        points: how many points; fewer for very large sources.
    """

    def __init__(
        self, g: Graph, roots: Sequence[int], facts: Mapping[int, Facts], *, points: int | None = None, size: int = 0
    ) -> None:
        self.g, self.roots = g, list(roots)
        count = points or (POINTS if size < _FEWER_POINTS_ABOVE else 2)
        self.points = sample(facts, count)
        self._values = [evaluate_mp(g, self.roots, p, BITS) for p in self.points]

    def check(self, s: Scheduled) -> Check:
        """Compare code with the source.

        A result may have a value where the source has none, never the other way round. Where more digits cancelled
        than the working precision can spare, both sides are computed again with `MORE_BITS`.
        """
        compared, worst = 0, 0.0
        for point, values in zip(self.points, self._values, strict=True):
            found = _roots(s, run_precise(s, point, BITS))
            finite = [k for k, v in enumerate(values) if _finite(v)]
            compared += bool(finite)
            for k in finite:
                if not _finite(found[k]):
                    return Check(False, compared, math.inf, f"result {k} has no value at {_shown(point)}")
                error = _difference(found[k], values[k])
                if error > 2.0**-AGREEMENT and not self._agree_precisely(s, k, point):
                    text = f"result {k} is off by a relative {error:.1e} at {_shown(point)}"
                    return Check(False, compared, error, text)
                worst = max(worst, error if error <= 2.0**-AGREEMENT else 0.0)
        if compared == 0:
            return Check(False, 0, math.inf, "the source has no value at any sampled point; declare bounds")
        return Check(True, compared, worst)

    def _agree_precisely(self, s: Scheduled, k: int, point: Point) -> bool:
        """Decide with more digits whether a difference is real or left over from cancellation.

        What changes between two precisions is round-off; a difference of that size is none.
        """
        found, wanted = self._both(s, k, point, MORE_BITS)
        if not (_finite(found) and _finite(wanted)):
            return False
        if _difference(found, wanted) <= 2.0**-AGREEMENT:
            return True
        closer, better = self._both(s, k, point, MORE_BITS + BITS)
        noise = abs(found - closer) + abs(wanted - better)
        return bool(abs(found - wanted) <= 64 * noise)

    def _both(self, s: Scheduled, k: int, point: Point, bits: int) -> tuple[Any, Any]:
        return run_precise(s, point, bits)[s.roots[k]], evaluate_mp(self.g, [self.roots[k]], point, bits)[0]


class Doubles:
    """Where the source is finite in double precision, at points of many sizes; forms must be finite there too.

    Exact agreement does not exclude that an intermediate value overflows.

    Args:
        source: the code that sets the standard.
        facts: leaf -> facts; the points are drawn from these.
    """

    POINTS = 64
    DECADES = 3.0

    def __init__(self, source: Scheduled, facts: Mapping[int, Facts]) -> None:
        inside = wide_points(facts, self.POINTS, seed=5, decades=self.DECADES)
        self.points = [*inside, *corners(facts, 10**self.DECADES)]
        self.leaves = {n: np.array([p[n] for p in self.points]) for n in facts}
        self.finite = self._finite(source)

    def _finite(self, s: Scheduled) -> np.ndarray[Any, np.dtype[np.bool_]]:
        columns = [np.broadcast_to(np.isfinite(c), (len(self.points),)) for c in run_numpy(s, self.leaves)]
        return np.array(columns)

    def check(self, s: Scheduled, check: Check) -> Check:
        """`check` unless the code overflows, or has no value, where the source has one."""
        spoilt = self.finite & ~self._finite(s)
        if not spoilt.any():
            return check
        result, k = (int(v) for v in np.argwhere(spoilt)[0])
        text = f"result {result} overflows in double precision at {_shown(self.points[k])}"
        return Check(False, check.points, math.inf, text)


def removes_pole(source: Scheduled, other: Scheduled, facts: Mapping[int, Facts]) -> bool:
    """Whether `other` has a value where the source divides by zero, as ``1`` has for ``x/x`` at zero.

    Looked for where one leaf is 0, 1 or -1, or all leaves are equal, as far as the facts allow.

    Args:
        source: code as written.
        other: code of the same values.
        facts: leaf -> facts.
    """
    ordinary = sample(facts, 1)[0]
    points = [{**ordinary, n: v} for n, f in facts.items() for v in (0.0, 1.0, -1.0) if f.allows(v)]
    points += [dict.fromkeys(facts, v) for v in (0.5, 2.0, -2.0) if all(f.allows(v) for f in facts.values())]
    for point in points:
        values = run_precise(source, point, BITS)
        divisors = [values[source.args[i][1]] for i, op in enumerate(source.op) if op == "div"]
        if any(d == 0 for d in divisors):
            found = run_precise(other, point, BITS)
            pairs = zip(source.roots, other.roots, strict=True)
            if any(not _finite(values[a]) and _finite(found[b]) for a, b in pairs):
                return True
    return False


def _roots(s: Scheduled, values: Sequence[Any]) -> list[Any]:
    return [values[r] for r in s.roots]


def _finite(value: Any) -> bool:
    ctx = precise_context(BITS)
    return not (ctx.isnan(value) or ctx.isinf(value))


def _difference(found: Any, wanted: Any) -> float:
    gap = abs(found - wanted)
    if gap == 0:
        return 0.0
    size = max(abs(found), abs(wanted))
    return float(gap / size)


def _shown(point: Point) -> str:
    values = [f"{v:.6g}" for _, v in sorted(point.items())]
    return f"({', '.join(values[:6])}{', ...' if len(values) > 6 else ''})"
