"""Evaluation of a graph with many digits: decides whether a rewritten expression equals its source.

Everything is done by mpmath in one precision; exact rationals of the graph are divided in that precision, never
rounded to a double first. A real function that leaves its real domain gives NaN, as in compiled code.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import mpmath

from ritz.errors import UnsupportedError
from ritz.symbolic.graph import Graph, Number

_local = threading.local()  # an mpmath context changes its own precision while it works: one for each thread

_SAME = {
    "exp": "exp", "log": "ln", "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos",
    "arctan": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh", "expm1": "expm1", "log1p": "log1p", "sign": "sign", "floor": "floor", "ceil": "ceil",
    "erf": "erf", "abs": "fabs", "conj": "conj", "re": "re", "im": "im", "arg": "arg", "arctan2": "atan2",
    "hypot": "hypot", "erfc": "erfc", "gamma": "gamma", "besselj": "besselj", "chebyshevt": "chebyt", "pi": "pi",
    "sin_bounded": "sin", "cos_bounded": "cos",
}  # fmt: skip


def evaluate_mp(g: Graph, roots: Sequence[int], values: Mapping[int, Any], bits: int = 200) -> list[Any]:
    """Evaluate nodes at one point with `bits` bits.

    Args:
        g: the graph.
        roots: nodes wanted.
        values: number of every input below `roots`: int, `Fraction`, float, complex, an mpmath number or a decimal
            string. Any other node, such as a map, may be given instead of being computed.
        bits: working precision of the significand.

    Returns:
        One mpmath number (``mpf`` or ``mpc``) per root; conditions are 1 or 0, and what has no value is NaN or
        infinite. The numbers belong to a context of their own; ``float()`` and ``complex()`` work on them.

    Raises:
        UnsupportedError: names an input without a value, or a map or gather (these have no scalar meaning; give the
            value of that node).

    Example:
        >>> g = Graph()
        >>> x = g.input("x", "state")
        >>> float(evaluate_mp(g, [g.pow(x, -1)], {x: 3})[0] * 3)
        1.0
    """
    ctx = precise_context(bits)
    done = {node: precise_number(ctx, value) for node, value in values.items()}
    for node in g.topological(roots, stop=values):
        if node not in done:
            done[node] = _compute(ctx, g, node, done)
    return [done[r] for r in roots]


def precise_context(bits: int) -> Any:
    """This thread's mpmath context of a precision."""
    contexts = _local.__dict__.setdefault("contexts", {})
    if bits not in contexts:
        contexts[bits] = mpmath.MPContext()
        contexts[bits].prec = bits
    return contexts[bits]


def precise_number(ctx: Any, value: Any) -> Any:
    """A Python, NumPy or mpmath number (or exact fraction) in a context's precision."""
    if isinstance(value, Fraction):
        return ctx.mpf(value.numerator) / value.denominator
    if hasattr(value, "_mpf_"):
        return +ctx.make_mpf(value._mpf_)
    if hasattr(value, "_mpc_"):
        return +ctx.make_mpc(value._mpc_)
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    return ctx.mpc(value) if isinstance(value, complex) else ctx.mpf(value)


def _compute(ctx: Any, g: Graph, node: int, done: Mapping[int, Any]) -> Any:
    op, args = g.op[node], g.args[node]
    if op == "const":
        return precise_number(ctx, args)
    if op == "imag":
        return ctx.mpc(0, 1)
    if op == "add":
        return sum((_scale(ctx, k, done[n]) for n, k in args[1]), precise_number(ctx, args[0]))
    if op == "mul":
        value = precise_number(ctx, args[0]) if args[0] != 1 else 1
        for n, e in args[1]:
            value = value * (done[n] if e == 1 else _power(ctx, done[n], e))
        return value
    if op == "func":
        return precise_function(ctx, args[0], [done[n] for n in args[1]])
    name = args[0].name if op == "map" else args[0]
    raise UnsupportedError(f"No value given for the {op} {name!r}; give the number of that node in values.")


def _scale(ctx: Any, k: Number, value: Any) -> Any:
    if k == 1:
        return value
    if isinstance(k, Fraction):
        return value * k.numerator / k.denominator
    return value * k


def _power(ctx: Any, base: Any, e: Number) -> Any:
    if base == 0 and e < 0:
        return ctx.inf
    if isinstance(e, int):
        return base**e
    if e == Fraction(1, 2):
        return _real(ctx, ctx.sqrt(base), base)
    return _real(ctx, ctx.power(base, precise_number(ctx, e)), base)


def _real(ctx: Any, result: Any, *arguments: Any) -> Any:
    """NaN where real arguments gave a complex result."""
    if isinstance(result, ctx.mpc) and not any(isinstance(a, ctx.mpc) for a in arguments):
        return result.real if result.imag == 0 else ctx.nan
    return result


def precise_function(ctx: Any, name: str, a: list[Any]) -> Any:
    """Value of a graph function; NaN outside its real domain and at poles."""
    if name in _CONDITIONS:
        return ctx.mpf(bool(_CONDITIONS[name](*a)))
    if name == "complex":
        return ctx.mpc(*a)
    if name == "where":
        return a[1] if a[0] != 0 else a[2]
    if name in ("maximum", "minimum"):
        if any(ctx.isnan(v) for v in a):
            return ctx.nan
        return max(a) if name == "maximum" else min(a)
    if any(ctx.isfinite(v) and ctx.mag(v) > _LARGEST_ARGUMENT for v in a) and name not in _HARMLESS:
        return ctx.nan
    try:
        if name == "pow":
            return _real(ctx, ctx.inf if a[0] == 0 and ctx.re(a[1]) < 0 else ctx.power(a[0], a[1]), *a)
        return _real(ctx, getattr(ctx, _SAME[name])(*a), *a)
    except (ZeroDivisionError, ValueError, OverflowError):  # a pole, as in arctanh(1), or an argument without limit
        return ctx.nan


_LARGEST_ARGUMENT = 1024  # binary exponent: beyond the doubles, mpmath would work out every digit of exp(2**9999)
_HARMLESS = ("abs", "sign", "log", "log1p", "arctan", "arctan2", "tanh", "re", "im", "conj", "arg", "erf")

_CONDITIONS: dict[str, Callable[..., bool]] = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "and": lambda a, b: a != 0 and b != 0,
    "or": lambda a, b: a != 0 or b != 0,
    "not": lambda a: a == 0,
}
