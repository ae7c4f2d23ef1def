"""Straight-line code as ordinary formulas, for reading."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from ritz.symbolic.rewrite.scheduled import Scheduled

LONGEST = 400
_LEVEL = {"add": 1, "sub": 1, "neg": 1, "mul": 2, "div": 2}
_SIGN = {"add": " + ", "sub": " - ", "mul": "*", "div": "/"}


def infix(s: Scheduled, names: Mapping[int, str]) -> list[str]:
    """One formula per result; what is longer than `LONGEST` characters is cut.

    Args:
        s: the code.
        names: leaf -> name.

    Example:
        >>> from ritz.symbolic.rewrite.rule_language import build, read_pattern
        >>> from ritz.symbolic.rewrite.scheduled import Builder
        >>> b = Builder()
        >>> x = b.opaque(0, frozenset(), False)
        >>> infix(b.finish([build(read_pattern("(x + 1)*x - sin(x)/3"), {"x": x}, b)]), {0: "x"})
        ['x*(x + 1) - 1/3*sin(x)']
    """
    text: list[tuple[str, int]] = []
    for i, (op, args) in enumerate(zip(s.op, s.args, strict=True)):
        parts = [text[k] for k in s.operands(i)]
        if op == "const":
            text.append(_number(args[0]))
        elif op == "leaf":
            text.append((names.get(args[0], f"n{args[0]}"), 4))
        elif op in _SIGN:
            level = _LEVEL[op]
            text.append(_cut(_within(parts[0], level) + _SIGN[op] + _within(parts[1], level + 1), level))
        elif op == "neg":
            text.append(_cut("-" + _within(parts[0], 2), 1))
        else:
            name = args[0] if op == "func" else op
            text.append(_cut(f"{name}({', '.join(t for t, _ in parts)})", 4))
    return [text[r][0] for r in s.roots]


def _within(part: tuple[str, int], level: int) -> str:
    return part[0] if part[1] >= level else f"({part[0]})"


def _cut(text: str, level: int) -> tuple[str, int]:
    return (text, level) if len(text) <= LONGEST else (text[: LONGEST - 3] + "...", 4)


def _number(value: object) -> tuple[str, int]:
    if value == 1j:
        return "i", 4
    if isinstance(value, Fraction):
        return str(value), 2 if value > 0 else 1
    return repr(value), 1 if value < 0 else 4  # type: ignore[operator]
