"""How far a value computed with many digits can be trusted.

Digits that cancel are gone: ``1 - 1/(1 + exp(-1000))`` is zero with any usual number of digits. Absolute errors are
followed through the code to first order, as powers of two (Higham, Accuracy and Stability of Numerical Algorithms,
SIAM 2002, chapter 3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ritz.symbolic.high_precision import precise_context
from ritz.symbolic.rewrite.scheduled import Scheduled

SPARE = 120  # bits that must be right: those of a double, and some for functions that magnify errors
_FLAT = {"log", "log2", "log10"}  # relative errors of the argument are absolute ones of the result
BELOW_DOUBLES = -1200.0  # exponent of what is zero for doubles


def trusted(s: Scheduled, values: Sequence[Any], bits: int) -> list[bool]:
    """Which roots are right to many more digits than a double has.

    Args:
        s: the code.
        values: of all its instructions, from `run_precise` with `bits` bits.
        bits: of the mantissa.

    Example:
        >>> from ritz.symbolic.graph import Graph
        >>> from ritz.symbolic.rewrite.execute import run_precise
        >>> from ritz.symbolic.rewrite.lowering import schedule_naive
        >>> g = Graph()
        >>> x = g.input("x", "state")
        >>> code = schedule_naive(g, [g.add([(1, g.func("exp", x))], -1)])
        >>> [trusted(code, run_precise(code, {x: v}, 400), 400) for v in (1e-9, 1e-99)]
        [[True], [False]]
    """
    ctx = precise_context(bits)
    size = [float(ctx.mag(v)) if ctx.isfinite(v) else math.inf for v in values]
    error: list[float] = []
    for i, op in enumerate(s.op):
        error.append(-math.inf if op in ("const", "leaf") else _error(s, i, op, size, error, values, bits))
    return [error[r] < math.inf and error[r] <= max(size[r] - SPARE, BELOW_DOUBLES) for r in s.roots]


def _error(
    s: Scheduled, i: int, op: str, size: Sequence[float], error: Sequence[float], values: Sequence[Any], bits: int
) -> float:
    """Exponent of the absolute error of an instruction; an infinite value, as of a division by zero, is exact."""
    operands, name = list(s.operands(i)), s.args[i][0] if op == "func" else op
    finite = size[i] < math.inf
    rounding = size[i] - bits if finite else -math.inf
    if op in ("add", "sub"):
        return max(rounding, *(error[k] for k in operands))
    if op in ("mul", "fma"):
        a, b = operands[:2]
        products = _product(error[a], size[b]), _product(error[b], size[a])
        return max(rounding, *products, *(error[k] for k in operands[2:]))
    if name == "where":
        operands = [operands[0], operands[1] if values[operands[0]] else operands[2]]
    relative = max((error[k] - size[k] for k in operands if error[k] > -math.inf), default=-math.inf)
    if relative >= 0:
        return math.inf
    if not finite:
        return -math.inf
    whole = 0.0 if name in _FLAT else size[i]
    return max(rounding, relative + whole if whole > -math.inf else relative)


def _product(error: float, size: float) -> float:
    return -math.inf if -math.inf in (error, size) else error + size
