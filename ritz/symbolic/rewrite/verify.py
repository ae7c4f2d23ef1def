"""No rewritten form is used before it has agreed with its source at sampled points, computed with many digits."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ritz.symbolic.graph import Graph
from ritz.symbolic.high_precision import evaluate_mp, precise_context
from ritz.symbolic.rewrite.execute import run_precise
from ritz.symbolic.rewrite.facts import Facts
from ritz.symbolic.rewrite.scheduled import Scheduled

BITS = 200
MORE_BITS = 1200
AGREEMENT = 90
POINTS = 8
_FEWER_POINTS_ABOVE = 4000

Point = dict[int, Any]


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


def sample(facts: Mapping[int, Facts], count: int, seed: int = 0) -> list[Point]:
    """Points inside the declared assumptions: uniform inside finite bounds, else spread over magnitudes.

    Args:
        facts: leaf -> what is known about it.
        count: number of points; they depend on nothing but the arguments.
    """
    rng = random.Random(seed)
    return [{node: _draw(f, rng, k) for node, f in sorted(facts.items())} for k in range(count)]


def _draw(f: Facts, rng: random.Random, k: int) -> Any:
    if not f.real:
        return complex(rng.gauss(0, 1), rng.gauss(0, 1))
    if math.isfinite(f.low) and math.isfinite(f.high):
        value = rng.uniform(f.low, f.high)
    elif math.isfinite(f.low):
        value = f.low + _magnitude(rng, k)
    elif math.isfinite(f.high):
        value = f.high - _magnitude(rng, k)
    else:
        value = _magnitude(rng, k) * rng.choice((-1, 1))
    return value if value or not f.nonzero else math.nextafter(0.0, f.high)


def _magnitude(rng: random.Random, k: int) -> float:
    return math.exp(rng.uniform(-1.5, 1.5) if k % 2 else rng.uniform(-4.0, 3.0))


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
