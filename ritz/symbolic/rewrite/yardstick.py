"""Bits lost in double precision, measured: a form is run at sampled points and compared with many digits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ritz.symbolic.high_precision import precise_context, precise_number
from ritz.symbolic.rewrite.execute import run_numpy, run_precise
from ritz.symbolic.rewrite.facts import Facts
from ritz.symbolic.rewrite.points import DECADES, wide_points
from ritz.symbolic.rewrite.scheduled import Scheduled
from ritz.symbolic.rewrite.trust import trusted

BITS = 400
LOST = 64.0
POINTS = 400
FEWEST_POINTS = 8
WORK = 80_000  # operations with many digits that one measurement may take
LARGEST, SMALLEST = 1.7e308, 2.3e-308

Bits = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Gain:
    """Bits won by one form over another, from differences at the same points.

    Attributes:
        mean: bits won on average; negative when lost.
        error: standard error of that mean.
    """

    mean: float
    error: float

    def is_certain(self) -> bool:
        """Whether the first form is better beyond the noise of sampling (two standard errors)."""
        return self.mean > 2 * self.error

    def is_loss(self) -> bool:
        """Whether the first form did worse at these points."""
        return self.mean < -1e-9


class Yardstick:
    """Measures bits lost against exact values of the source.

    Args:
        source: code whose exact values are the truth.
        facts: leaf -> facts; points are drawn from these.
        seed: another seed gives other points.
        points: how many at most; fewer for a large source.
        decades: how far unbounded values reach.
    """

    def __init__(
        self,
        source: Scheduled,
        facts: Mapping[int, Facts],
        *,
        seed: int = 1,
        points: int = POINTS,
        decades: float = DECADES,
    ) -> None:
        count = min(points, max(FEWEST_POINTS, WORK // max(len(source), 1)))
        self.points = wide_points(facts, count, seed, decades)
        self.truth = [truth(source, p, BITS) for p in self.points]
        self.leaves = {n: np.array([p[n] for p in self.points]) for n in facts}

    def lost(self, s: Scheduled) -> Bits:
        """Bits lost, an array (results, points); NaN where the truth is unknown or outside the range of doubles."""
        found = run_numpy(s, self.leaves)
        table = np.empty((len(found), len(self.points)))
        for k, column in enumerate(found):
            values = np.broadcast_to(column, (len(self.points),))
            table[k] = [_bits(v, t[k]) for v, t in zip(values, self.truth, strict=True)]
        return table

    def bits(self, s: Scheduled) -> float:
        """Mean over points and results of the bits lost."""
        return mean(self.lost(s))


def truth(source: Scheduled, point: Mapping[int, float], bits: int) -> list[Any]:
    """The results of code at one point; NaN where too many digits cancel for `bits` to settle them."""
    values = run_precise(source, point, bits)
    known = trusted(source, values, bits)
    return [values[r] if k else precise_context(bits).nan for r, k in zip(source.roots, known, strict=True)]


def mean(table: Bits) -> float:
    """Mean of what was measured; 0 if nothing was."""
    return float(np.nanmean(table)) if np.isfinite(table).any() else 0.0


def gain(new: Bits, old: Bits) -> Gain:
    """Bits that `new` wins over `old`; both from one yardstick."""
    difference = (old - new)[np.isfinite(old) & np.isfinite(new)]
    if not difference.size:
        return Gain(0.0, 0.0)
    return Gain(float(difference.mean()), float(difference.std() / math.sqrt(difference.size)))


def is_double(value: Any) -> bool:
    """Whether a number with many digits is zero or in the range of doubles."""
    return bool(precise_context(BITS).isfinite(value) and (value == 0 or SMALLEST < abs(value) < LARGEST))


def _bits(value: Any, truth: Any) -> float:
    ctx = precise_context(BITS)
    if not is_double(truth):
        return math.nan
    if not np.isfinite(value):
        return LOST
    gap = abs(precise_number(ctx, value) - truth)
    if gap == 0:
        return 0.0
    return min(math.log2(1 + float(gap / abs(truth)) * 2.0**53), LOST) if truth != 0 else LOST
