"""What is known about values: real or not, bounds, zero or not; from declarations and by interval arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from ritz.errors import OptionError, nearest
from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite.scheduled import Scheduled

_INF = math.inf
_WORDS = ("real", "positive", "nonnegative", "negative", "nonpositive", "nonzero", "integer", "complex")


@dataclass(frozen=True)
class Facts:
    """What is known about one value.

    Attributes:
        low, high: bounds, both included; infinite where unknown.
        nonzero: whether zero is excluded (so ``low=0`` with it means positive).
        real: whether the value exists and is a real number.
        integer: whether the value is a whole number.
    """

    low: float = -_INF
    high: float = _INF
    nonzero: bool = False
    real: bool = True
    integer: bool = False

    def __post_init__(self) -> None:
        if math.isnan(self.low) or math.isnan(self.high) or self.low > self.high:
            raise OptionError(f"Bounds must be two numbers, the lower first; found ({self.low}, {self.high}).")
        if self.low > 0 or self.high < 0:
            object.__setattr__(self, "nonzero", True)

    def names(self) -> frozenset[str]:
        """The facts by the names that side conditions of rules use."""
        if not self.real:
            return frozenset({"nz"} if self.nonzero else ())
        found = {"real", "whole"} if self.integer else {"real"}
        if self.low >= 0:
            found.add("nonneg")
        if self.nonzero:
            found |= {"nz"} | ({"pos"} if self.low >= 0 else set()) | ({"negative"} if self.high <= 0 else set())
        return frozenset(found)

    def allows(self, value: float) -> bool:
        """Whether a number is possible."""
        return self.low <= value <= self.high and not (self.nonzero and value == 0)

    def rounded(self, value: float) -> float:
        """`value`, or a whole number beside it where the facts ask for one."""
        if not self.integer:
            return value
        whole = float(math.floor(value))
        whole = whole if whole >= self.low else whole + 1.0
        return (1.0 if self.high >= 1 else -1.0) if self.nonzero and whole == 0 else whole

    @staticmethod
    def of(value: Any) -> Facts:
        """Read facts from a word, several words, a pair of bounds, or a SymPy symbol with assumptions.

        Args:
            value: ``"positive"``, ``{"real", "nonzero"}``, ``(0, 1)``, ``Facts(...)``, or a symbol (its ``bounds`` are
                used where it has some).

        Raises:
            OptionError: for anything else, naming the known words.

        Example:
            >>> Facts.of((0.1, 2)).names() == {"real", "pos", "nonneg", "nz"}
            True
        """
        if isinstance(value, Facts):
            return value
        if isinstance(value, str):
            value = value.split()
        elif hasattr(value, "is_positive") and hasattr(value, "is_real"):
            return _of_symbol(value)
        elif isinstance(value, tuple | list) and len(value) == 2 and not any(isinstance(v, str) for v in value):
            low, high = (s * _INF if v is None else float(v) for v, s in zip(value, (-1, 1), strict=True))
            return Facts(low, high)
        return _of_words(list(value))


def _of_words(words: list[str]) -> Facts:
    for word in words:
        if word not in _WORDS:
            raise OptionError(f"Unknown assumption {word!r}.{nearest(word, _WORDS)} Known: {', '.join(_WORDS)}.")
    nonzero = bool({"positive", "negative", "nonzero"} & set(words))
    low = 0.0 if {"positive", "nonnegative"} & set(words) else -_INF
    high = 0.0 if {"negative", "nonpositive"} & set(words) else _INF
    return Facts(low, high, nonzero, "complex" not in words, "integer" in words)


def _of_symbol(symbol: Any) -> Facts:
    words = [w for w in _WORDS[:-1] if getattr(symbol, f"is_{w}", None)]
    facts = _of_words(words)
    bounds = getattr(symbol, "bounds", None)
    if bounds is not None:
        box = Facts.of(tuple(bounds))
        facts = replace(facts, low=max(facts.low, box.low), high=min(facts.high, box.high))
    return facts


def leaf_facts(g: Graph, leaves: Iterable[int], assumptions: Mapping[int, Any] | None) -> dict[int, Facts]:
    """Facts of every leaf: declared ones, else real (complex where the graph says so) and unbounded."""
    declared = {node: Facts.of(value) for node, value in (assumptions or {}).items()}
    return {n: declared.get(n, Facts(real=not g.is_complex[n])) for n in leaves}


def infer(s: Scheduled, leaves: Mapping[int, Facts]) -> list[Facts]:
    """Facts of every instruction, by interval arithmetic rounded outwards."""
    known: list[Facts] = []
    for i, (op, args) in enumerate(zip(s.op, s.args, strict=True)):
        if op == "leaf":
            known.append(leaves[args[0]])
        else:
            payload = args[0] if op in ("const", "func") else None
            square = op == "mul" and args[0] == args[1]
            known.append(facts_of(op, payload, [known[k] for k in s.operands(i)], square))
    return known


def facts_of(op: str, payload: Any, operands: list[Facts], square: bool = False) -> Facts:
    """Facts of one operation's result.

    Args:
        op: as in `Scheduled`, leaves excepted.
        payload: the number of a ``const``, the name of a ``func``.
        operands: facts of the operands.
        square: whether both operands of a product are the same value.
    """
    if op == "const":
        return _constant(payload)
    method = _METHODS.get(payload if op == "func" else op)
    if method is None or not all(f.real for f in operands):
        return _without_interval(op, operands)
    found = _square(operands[0]) if square else method(*operands)
    whole = op in ("add", "sub", "mul", "neg") and all(f.integer for f in operands)
    return replace(found, integer=True) if whole else found


def _constant(c: Any) -> Facts:
    if c == 1j:
        return Facts(nonzero=True, real=False)
    v = float(c)
    exact = Fraction(v) == c if math.isfinite(v) else False
    return Facts(v, v, c != 0, integer=v.is_integer()) if exact else Facts(*_out(v, v), c != 0)


def _without_interval(op: str, operands: list[Facts]) -> Facts:
    nonzero = op in ("mul", "div", "neg", "sqrt") and all(f.nonzero for f in operands)
    return Facts(nonzero=nonzero, real=False)


def _out(low: float, high: float, ulps: int = 1) -> tuple[float, float]:
    for _ in range(ulps):
        low, high = math.nextafter(low, -_INF), math.nextafter(high, _INF)
    return (-_INF if math.isnan(low) else low), (_INF if math.isnan(high) else high)


def _made(low: float, high: float, nonzero: bool = False) -> Facts:
    low, high = _out(low, high)
    return Facts(low, high, nonzero)


def _sign_kept(f: Facts, low: bool, high: bool) -> Facts:
    """Undo outward rounding across zero where the sign is certain."""
    return replace(f, low=max(f.low, 0.0) if low else f.low, high=min(f.high, 0.0) if high else f.high)


def _rounded(value: float, exact: Callable[[], Fraction], towards: float) -> float:
    """The value itself where it is exact, else its neighbour in the given direction."""
    if math.isnan(value):
        return towards
    if math.isfinite(value) and exact() == value:
        return value
    return value if value == towards else math.nextafter(value, towards)


def _add(a: Facts, b: Facts) -> Facts:
    low = _rounded(a.low + b.low, lambda: Fraction(a.low) + Fraction(b.low), -_INF)
    high = _rounded(a.high + b.high, lambda: Fraction(a.high) + Fraction(b.high), _INF)
    f = Facts(low, high)
    positive = a.low >= 0 and b.low >= 0
    f = _sign_kept(f, positive, a.high <= 0 and b.high <= 0)
    return replace(f, nonzero=f.nonzero or (positive and (a.nonzero or b.nonzero)))


def _neg(a: Facts) -> Facts:
    return replace(a, low=-a.high, high=-a.low)


def _times(x: float, y: float) -> float:
    return 0.0 if x == 0 or y == 0 else x * y


def _mul(a: Facts, b: Facts) -> Facts:
    corners = [_times(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    f = _made(min(corners), max(corners), a.nonzero and b.nonzero)
    return _sign_kept(f, min(corners) >= 0, max(corners) <= 0)


def _square(a: Facts) -> Facts:
    ends = _times(a.low, a.low), _times(a.high, a.high)
    low = 0.0 if a.low <= 0 <= a.high else min(ends)
    return _sign_kept(_made(low, max(ends), a.nonzero), True, False)


def _div(a: Facts, b: Facts) -> Facts:
    if b.low <= 0 <= b.high and not (b.nonzero and (b.low >= 0 or b.high <= 0)):
        return Facts(nonzero=a.nonzero, real=b.nonzero)
    low = 1 / b.high if b.high not in (0, _INF) else (0.0 if b.high == _INF else -_INF)
    high = 1 / b.low if b.low not in (0, -_INF) else (0.0 if b.low == -_INF else _INF)
    inverse = _sign_kept(_made(low, high, True), b.low >= 0, b.high <= 0)
    return _mul(a, inverse)


def _sqrt(a: Facts) -> Facts:
    if a.low < 0:
        return Facts(nonzero=a.nonzero, real=False)
    return _sign_kept(_made(math.sqrt(a.low), math.sqrt(a.high), a.nonzero), True, False)


def _exp(a: Facts) -> Facts:
    low = 0.0 if a.low < -700 else math.exp(a.low)
    high = _INF if a.high > 700 else math.exp(a.high)
    return Facts(max(math.nextafter(_out(low, high, 2)[0], 0.0), 0.0), _out(low, high, 2)[1], True)


def _log(a: Facts) -> Facts:
    if a.low < 0 or (a.low == 0 and not a.nonzero):
        return Facts(real=False)
    low = -_INF if a.low == 0 else math.log(a.low)
    high = _INF if a.high == _INF else math.log(a.high) if a.high > 0 else -_INF
    return Facts(*_out(low, high, 2))


def _abs(a: Facts) -> Facts:
    low = 0.0 if a.low <= 0 <= a.high else min(abs(a.low), abs(a.high))
    return Facts(low, max(abs(a.low), abs(a.high)), a.nonzero)


def _log1p(a: Facts) -> Facts:
    return _log(_add(a, Facts(1.0, 1.0))) if a.low > -1 else Facts(real=False)


def _hypot(a: Facts, b: Facts) -> Facts:
    return _sqrt(_add(_square(a), _square(b)))


def _pow(a: Facts, b: Facts) -> Facts:
    if a.low > 0 or (a.low == 0 and a.nonzero):
        return Facts(0.0, _INF, True)
    return Facts(0.0, _INF) if a.low == 0 and b.low > 0 else Facts(real=False)


def _maximum(a: Facts, b: Facts) -> Facts:
    low = max(a.low, b.low)
    return Facts(low, max(a.high, b.high), (a.nonzero and a.low >= 0) or (b.nonzero and b.low >= 0))


def _where(condition: Facts, a: Facts, b: Facts) -> Facts:
    return Facts(min(a.low, b.low), max(a.high, b.high), a.nonzero and b.nonzero, a.real and b.real)


def _within(low: float, high: float, nonzero: bool = False) -> Callable[[Facts], Facts]:
    return lambda a: Facts(low, high, nonzero)


_METHODS: dict[str, Callable[..., Facts]] = {
    "add": _add,
    "sub": lambda a, b: _add(a, _neg(b)),
    "neg": _neg,
    "mul": _mul,
    "div": _div,
    "sqrt": _sqrt,
    "fma": lambda a, b, c: _add(_mul(a, b), c),
    "exp": _exp,
    "log": _log,
    "abs": _abs,
    "log1p": _log1p,
    "hypot": _hypot,
    "pow": _pow,
    "maximum": _maximum,
    "minimum": lambda a, b: _neg(_maximum(_neg(a), _neg(b))),
    "where": _where,
    "sin": _within(-1, 1),
    "cos": _within(-1, 1),
    "tanh": _within(-1, 1),
    "cosh": _within(1, _INF, True),
    "arctan": _within(-1.5707963267948968, 1.5707963267948968),
    "sinh": lambda a: Facts(0.0 if a.low >= 0 else -_INF, 0.0 if a.high <= 0 else _INF, a.nonzero),
    "expm1": lambda a: Facts(0.0 if a.low >= 0 else -1.0, 0.0 if a.high <= 0 else _INF, a.nonzero),
}
