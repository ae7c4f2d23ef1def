"""Run straight-line code on given values, in double precision or in any precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from ritz.symbolic import evaluate
from ritz.symbolic.high_precision import precise_context, precise_function, precise_number
from ritz.symbolic.rewrite.scheduled import Scheduled

Operation = Callable[[str, list[Any]], Any]


def run_numpy(s: Scheduled, leaves: Mapping[int, Any]) -> list[Any]:
    """Return the roots of `s` in double precision.

    Args:
        s: the code.
        leaves: graph node -> number or array, for every leaf of `s`; arrays broadcast together.

    Returns:
        One number or array per root; what has no value is NaN or infinite.
    """
    with np.errstate(all="ignore"):
        value = _run(s, {k: np.asarray(v)[()] for k, v in leaves.items()}, apply_numpy, number_numpy)
    return [value[r] for r in s.roots]


def run_precise(s: Scheduled, leaves: Mapping[int, Any], bits: int) -> list[Any]:
    """Return every instruction's value at one point with `bits` bits (mpmath numbers)."""
    ctx = precise_context(bits)
    values = {k: precise_number(ctx, v) for k, v in leaves.items()}
    return _run(s, values, lambda op, a: apply_precise(ctx, op, a), lambda c: precise_number(ctx, c))


def _run(s: Scheduled, leaves: Mapping[int, Any], apply: Operation, number: Callable[[Any], Any]) -> list[Any]:
    value: list[Any] = []
    for i, (op, args) in enumerate(zip(s.op, s.args, strict=True)):
        if op == "const":
            value.append(number(args[0]))
        elif op == "leaf":
            value.append(leaves[args[0]])
        else:
            value.append(apply(args[0] if op == "func" else op, [value[k] for k in s.operands(i)]))
    return value


def number_numpy(c: Any) -> Any:
    """A constant as a NumPy scalar."""
    return np.complex128(1j) if c == 1j else np.float64(c)


def apply_numpy(name: str, a: list[Any]) -> Any:
    """One operation or function in double precision."""
    operation = _ARITHMETIC.get(name)
    if operation is not None:
        return operation(*a)
    if name == "div":
        return np.divide(*a)
    if name == "sqrt":
        return np.sqrt(a[0])
    own = code_functions().get(name)
    return own(*a) if own else evaluate.functions()[name](*a)


@lru_cache(maxsize=1)
def code_functions() -> dict[str, Callable[..., Any]]:
    """Functions of straight-line code and of rules that graphs do not contain, as NumPy and SciPy have them."""
    from scipy import special

    return {
        "hypot": np.hypot, "erfc": special.erfc, "gamma": special.gamma, "besselj": special.jv,
        "chebyshevt": special.eval_chebyt, "sin_bounded": np.sin, "cos_bounded": np.cos,
        "pi": lambda: np.float64(np.pi),
    }  # fmt: skip


def apply_precise(ctx: Any, name: str, a: list[Any]) -> Any:
    """One operation or function in a context's precision; what has no value is NaN or infinite."""
    operation = _ARITHMETIC.get(name)
    if operation is not None:
        return operation(*a)
    if name == "div":
        if a[1] == 0:
            return ctx.nan if a[0] == 0 or ctx.isnan(a[0]) else ctx.inf
        return a[0] / a[1]
    if name == "sqrt":
        real = not isinstance(a[0], ctx.mpc)
        return ctx.nan if real and a[0] < 0 else ctx.sqrt(a[0])
    return precise_function(ctx, name, a)


_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "neg": lambda a: -a,
    "fma": lambda a, b, c: a * b + c,
}
