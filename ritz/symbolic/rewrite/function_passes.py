"""Fewer calls of exponentials and of sines: members of one family are computed from one another."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ritz.symbolic.graph import Graph, Number
from ritz.symbolic.rewrite.lowering import pointwise_order
from ritz.symbolic.rewrite.passes import rebuild

HIGHEST_POWER = 8
LARGEST_SHIFT = 30
HIGHEST_MULTIPLE = 4


def split_argument(g: Graph, node: int) -> tuple[Number, Number, int]:
    """Return ``(k, s, b)`` with ``node == k + s*b``, `k` and `s` numbers, the same `b` for all multiples.

    Example:
        >>> g = Graph()
        >>> v = g.input("v", "state")
        >>> split_argument(g, g.add([(-2, v)], 3))[:2]
        (3, -2)
    """
    if g.op[node] != "add":
        s, b = g.split_coefficient(node)
        return 0, s, b
    c0, terms = g.args[node]
    s = terms[0][1]
    if len(terms) == 1:
        return c0, s, terms[0][0]
    return c0, s, g.add([(Fraction(k) / Fraction(s), t) for t, k in terms])


def share_exponentials(g: Graph, roots: Sequence[int]) -> list[int]:
    """Compute ``exp(k + s*b)`` for commensurate `s` as whole powers of one exponential.

    Powers above `HIGHEST_POWER` and shifts `k` beyond `LARGEST_SHIFT` (which could overflow) are left alone.
    """
    families: dict[int, dict[Fraction, None]] = {}
    for node in pointwise_order(g, roots):
        if g.op[node] == "func" and g.args[node][0] == "exp" and not g.is_complex[node]:
            k, s, b = split_argument(g, g.args[node][1][0])
            if g.op[b] != "const" and -LARGEST_SHIFT <= k <= LARGEST_SHIFT:
                families.setdefault(b, {})[Fraction(s)] = None
    unit = {(b, s): u for b, scales in families.items() for s, u in _units(list(scales)).items()}

    def change(node: int) -> int:
        if g.op[node] != "func" or g.args[node][0] != "exp" or g.is_complex[node]:
            return node
        k, s, b = split_argument(g, g.args[node][1][0])
        u = unit.get((b, Fraction(s)))
        if u is None or not -LARGEST_SHIFT <= k <= LARGEST_SHIFT:
            return node
        one = g.func("exp", g.scale(u, b))
        shift = [(g.func("exp", g.const(k)), 1)] if k != 0 else []
        return g.mul([(one, int(Fraction(s) / u)), *shift])

    return rebuild(g, roots, change)


def _units(scales: list[Fraction]) -> dict[Fraction, Fraction]:
    """For every scale the one whose whole power it is: the smallest scales first take all they can."""
    left = sorted(scales, key=lambda s: (abs(s), s < 0))
    unit: dict[Fraction, Fraction] = {}
    while left:
        base = left[0]
        own = [s for s in left if (s / base).denominator == 1 and abs(s / base) <= HIGHEST_POWER]
        unit.update(dict.fromkeys(own, base))
        left = [s for s in left if s not in unit]
    return unit


def share_angles(g: Graph, roots: Sequence[int]) -> list[int]:
    """Write sines and cosines of whole combinations of angles by those of the single angles."""
    angles: dict[int, dict[Fraction, None]] = {}
    for node in pointwise_order(g, roots):
        if g.op[node] == "func" and g.args[node][0] in ("sin", "cos"):
            for term, k in _combination(g, g.args[node][1][0]) or ():
                angles.setdefault(term, {})[abs(Fraction(k))] = None
    unit = {term: min(scales) for term, scales in angles.items()}

    def change(node: int) -> int:
        if g.op[node] != "func" or g.args[node][0] not in ("sin", "cos"):
            return node
        parts = []
        for term, k in _combination(g, g.args[node][1][0]) or ():
            n = Fraction(k) / unit.get(term, Fraction(k))
            if n.denominator != 1 or abs(n) > HIGHEST_MULTIPLE:
                return node
            parts.append((g.scale(unit.get(term, Fraction(k)), term), int(n)))
        if not parts or (len(parts) == 1 and parts[0][1] == 1):
            return node
        sine, cosine = _sine_cosine(g, parts)
        return sine if g.args[node][0] == "sin" else cosine

    return rebuild(g, roots, change)


def _combination(g: Graph, argument: int) -> list[tuple[int, Number]] | None:
    """Terms with their coefficients; None if a number is added (its sine would be no whole multiple)."""
    if g.op[argument] == "const":
        return None
    if g.op[argument] == "add":
        c0, terms = g.args[argument]
        return list(terms) if c0 == 0 else None
    s, b = g.split_coefficient(argument)
    return [(b, s)]


def _sine_cosine(g: Graph, parts: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Sine and cosine of ``sum(n * angle)`` by the addition theorems."""
    sine, cosine = g.zero, g.one
    for angle, n in parts:
        s, c = _multiple(g, angle, abs(n))
        s = g.scale(-1, s) if n < 0 else s
        sine, cosine = _added(g, (sine, cosine), (s, c))
    return sine, cosine


def _multiple(g: Graph, angle: int, n: int) -> tuple[int, int]:
    s, c = g.func("sin", angle), g.func("cos", angle)
    if n == 1:
        return s, c
    if n % 2 == 0:
        s, c = _multiple(g, angle, n // 2)
        return g.mul([(s, 1), (c, 1)], 2), g.add([(-2, g.pow(s, 2))], 1)
    return _added(g, _multiple(g, angle, n - 1), (s, c))


def _added(g: Graph, x: tuple[int, int], y: tuple[int, int]) -> tuple[int, int]:
    (sx, cx), (sy, cy) = x, y
    sine = g.add([(1, g.product([sx, cy])), (1, g.product([cx, sy]))])
    cosine = g.add([(1, g.product([cx, cy])), (-1, g.product([sx, sy]))])
    return sine, cosine
