"""Run straight-line code on given values, in double precision or in any precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from ritz.symbolic.rewrite.scheduled import Scheduled

Functions = Mapping[str, Callable[..., Any]]


def execute(s: Scheduled, leaves: Mapping[int, Any], functions: Functions, number: Callable[[Any], Any]) -> list[Any]:
    """Return the value of every instruction.

    Args:
        s: the code.
        leaves: graph node -> value, for every leaf of `s`.
        functions: implementation of every function name, of ``sqrt`` and of ``fma``.
        number: turns an int, Fraction, float or ``1j`` into a value.

    Raises:
        KeyError: a leaf without value, or a function that is not implemented.
    """
    value: list[Any] = []
    for op, args in zip(s.op, s.args, strict=True):
        if op == "const":
            value.append(number(args[0]))
        elif op == "leaf":
            value.append(leaves[args[0]])
        elif op == "add":
            value.append(value[args[0]] + value[args[1]])
        elif op == "sub":
            value.append(value[args[0]] - value[args[1]])
        elif op == "mul":
            value.append(value[args[0]] * value[args[1]])
        elif op == "div":
            value.append(functions["div"](value[args[0]], value[args[1]]))
        elif op == "neg":
            value.append(-value[args[0]])
        elif op == "func":
            value.append(functions[args[0]](*(value[a] for a in args[1:])))
        else:
            value.append(functions[op](*(value[a] for a in args)))
    return value


def run_numpy(s: Scheduled, leaves: Mapping[int, Any]) -> list[Any]:
    """Return the roots of `s` in double precision; values may be arrays that broadcast together."""
    with np.errstate(all="ignore"):
        value = execute(s, {k: np.asarray(v)[()] for k, v in leaves.items()}, NumpyFunctions(), _double)
    return [value[r] for r in s.roots]


def _double(c: Any) -> Any:
    return np.complex128(1j) if c == 1j else np.float64(c)


class NumpyFunctions(dict[str, Callable[..., Any]]):
    """NumPy's functions by name, with the few names that NumPy spells differently."""

    def __init__(self) -> None:
        super().__init__(
            pow=np.power, div=np.divide, fma=lambda a, b, c: a * b + c, lt=np.less, le=np.less_equal, gt=np.greater,
            ge=np.greater_equal, eq=np.equal, ne=np.not_equal, re=np.real, im=np.imag, arg=np.angle, conj=np.conj,
        )
        self.update({"and": np.logical_and, "or": np.logical_or, "not": np.logical_not})

    def __missing__(self, name: str) -> Callable[..., Any]:
        function = getattr(np, name, None)
        if function is None:
            import scipy.special

            function = getattr(scipy.special, name, None)
        if function is None:
            raise KeyError(f"no function {name!r} in NumPy or SciPy")
        self[name] = function
        return function


def precise_functions(ctx: Any) -> dict[str, Callable[..., Any]]:
    """The same functions in an mpmath context; a result outside the reals for real arguments is not a number."""
    nan = ctx.mpf("nan")

    def real(function: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*args: Any) -> Any:
            try:
                result = function(*args)
            except (ValueError, ZeroDivisionError, OverflowError, mpmath.libmp.ComplexResult):
                return nan
            if isinstance(result, ctx.mpc) and not any(isinstance(a, ctx.mpc) for a in args):
                return nan if result.imag else result.real
            return result

        return guarded

    names = "sqrt exp expm1 log log1p sin cos tan sinh cosh tanh cbrt hypot gamma loggamma erf erfc"
    table = {name: getattr(ctx, name) for name in names.split()}
    for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh"):
        table["arc" + name] = getattr(ctx, "a" + name)
    table |= {
        "div": lambda a, b: a / b,
        "fma": lambda a, b, c: a * b + c,
        "pow": lambda a, b: a**b,
        "arctan2": ctx.atan2,
        "log2": lambda x: ctx.log(x, 2),
        "log10": ctx.log10,
        "exp2": lambda x: ctx.mpf(2) ** x,
        "abs": abs,
        "sign": ctx.sign,
        "conj": ctx.conj,
        "re": ctx.re,
        "im": ctx.im,
        "arg": ctx.arg,
        "floor": ctx.floor,
        "ceil": ctx.ceil,
        "minimum": min,
        "maximum": max,
        "sinc": lambda x: ctx.sinc(ctx.pi * x),
        "heaviside": lambda x, h: h if x == 0 else ctx.mpf(x > 0),
        "gammaln": ctx.loggamma,
    }
    safe = {name: real(function) for name, function in table.items()}
    safe |= {
        "where": lambda c, a, b: a if c else b,
        "lt": lambda a, b: a < b,
        "le": lambda a, b: a <= b,
        "gt": lambda a, b: a > b,
        "ge": lambda a, b: a >= b,
        "eq": lambda a, b: a == b,
        "ne": lambda a, b: a != b,
        "and": lambda *a: all(a),
        "or": lambda *a: any(a),
        "not": lambda a: not a,
    }
    return safe


def precise_number(ctx: Any) -> Callable[[Any], Any]:
    """Turn exact and float constants into values of an mpmath context."""

    def number(c: Any) -> Any:
        if c == 1j:
            return ctx.mpc(0, 1)
        if isinstance(c, Fraction):
            return ctx.mpf(c.numerator) / c.denominator
        return ctx.mpf(c)

    return number
