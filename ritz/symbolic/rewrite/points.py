"""Sample points inside the declared assumptions; they depend on nothing but the arguments."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

from ritz.symbolic.rewrite.facts import Facts

DECADES = 9.0

Point = dict[int, Any]


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
    if f.integer:
        value = f.rounded(value)
    return value if value or not f.nonzero else math.nextafter(0.0, f.high)


def _magnitude(rng: random.Random, k: int) -> float:
    return math.exp(rng.uniform(-1.5, 1.5) if k % 2 else rng.uniform(-4.0, 3.0))


def wide_points(facts: Mapping[int, Facts], count: int, seed: int = 1, decades: float = DECADES) -> list[Point]:
    """Points over many orders of magnitude inside the assumptions; every second one of moderate size.

    Args:
        facts: leaf -> facts.
        count: number of points; they depend on nothing but the arguments.
        seed: another seed gives other points.
        decades: sizes of unbounded values lie between ``10**-decades`` and ``10**decades``.
    """
    rng = random.Random(seed)
    return [{node: _wide(f, rng, k, decades) for node, f in sorted(facts.items())} for k in range(count)]


def _wide(f: Facts, rng: random.Random, k: int, decades: float) -> Any:
    if not f.real:
        return complex(rng.gauss(0, 1), rng.gauss(0, 1))
    span = min(2.0, decades) if k % 2 else decades
    size = 10 ** rng.uniform(-span, span)
    if f.integer:
        size = float(math.ceil(rng.uniform(0, 9)))
    if f.low > -math.inf and f.high < math.inf:
        width = f.high - f.low
        if f.low < 0 < f.high and k % 3 == 2:
            return f.rounded(min(max(width * 10 ** rng.uniform(-12, 0) * rng.choice((-1, 1)), f.low), f.high))
        near = 10 ** rng.uniform(-12, 0) if k % 2 else rng.random()
        value = min(max(f.low + width * near if k % 4 < 2 else f.high - width * near, f.low), f.high)
        return f.rounded(value)
    if f.low > -math.inf:
        return f.low + size
    if f.high < math.inf:
        return f.high - size
    return size * rng.choice((-1, 1))


def corners(facts: Mapping[int, Facts], size: float) -> list[Point]:
    """Four points at which real values are as large as the facts (or `size`) allow: of one sign, and alternating."""
    points: list[Point] = []
    for signs in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
        leaves = enumerate(sorted(facts.items()))
        points.append({n: _corner(f, size * signs[k % 2]) for k, (n, f) in leaves})
    return points


def _corner(f: Facts, value: float) -> Any:
    if not f.real:
        return complex(value, value)
    inside = min(max(value, f.low), f.high)
    small = min(1 / abs(value), f.high) if f.high > 0 else max(-1 / abs(value), f.low)
    return f.rounded(inside if inside or not f.nonzero else small)
