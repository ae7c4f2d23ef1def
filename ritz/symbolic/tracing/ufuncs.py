"""NumPy's element-wise functions on traced arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from ritz.errors import UnsupportedError, nearest
from ritz.symbolic.graph import Graph
from ritz.symbolic.tracing.array import TracedArray, as_traced, pointwise
from ritz.symbolic.tracing.folding import folded
from ritz.symbolic.tracing.place import user_line
from ritz.symbolic.tracing.tape import Tape

Build = Callable[..., int]
HALF = Fraction(1, 2)

_SAME = (
    "exp log sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh expm1 log1p sign maximum "
    "minimum floor ceil"
).split()


def _function(name: str) -> Build:
    return lambda g, *a: g.func(name, *a)


def _power(g: Graph, base: int, exponent: int) -> int:
    if g.op[exponent] == "const":
        e = g.args[exponent]
        if isinstance(e, float) and (2 * e).is_integer():
            e = Fraction(e)
        return g.pow(base, e) if isinstance(e, (int, Fraction)) else g.func("pow", base, exponent)
    if g.op[base] == "const" and g.args[base] > 0:
        return g.func("exp", g.scale(math.log(g.args[base]), exponent))
    return g.func("pow", base, exponent)


def _floor_divide(g: Graph, a: int, b: int) -> int:
    return g.func("floor", g.div(a, b))


def _remainder(g: Graph, a: int, b: int) -> int:
    return g.sub(a, g.product([b, _floor_divide(g, a, b)]))


def _exclusive_or(g: Graph, a: int, b: int) -> int:
    return folded(g, "and", [folded(g, "or", [a, b]), folded(g, "not", [folded(g, "and", [a, b])])])


def _choice(name: str) -> Build:
    return lambda g, *a: folded(g, name, list(a))


VALUES: dict[str, Build] = {
    **{name: _function(name) for name in _SAME},
    "add": lambda g, a, b: g.sum([a, b]),
    "subtract": lambda g, a, b: g.sub(a, b),
    "multiply": lambda g, a, b: g.product([a, b]),
    "divide": lambda g, a, b: g.div(a, b),
    "true_divide": lambda g, a, b: g.div(a, b),
    "negative": lambda g, a: g.scale(-1, a),
    "positive": lambda g, a: a,
    "square": lambda g, a: g.pow(a, 2),
    "sqrt": lambda g, a: g.pow(a, HALF),
    "cbrt": lambda g, a: g.product([g.func("sign", a), g.func("pow", g.func("abs", a), g.const(1 / 3))]),
    "reciprocal": lambda g, a: g.pow(a, -1),
    "power": _power,
    "float_power": _power,
    "exp2": lambda g, a: g.func("exp", g.scale(math.log(2.0), a)),
    "log2": lambda g, a: g.scale(1 / math.log(2.0), g.func("log", a)),
    "log10": lambda g, a: g.scale(1 / math.log(10.0), g.func("log", a)),
    "absolute": _function("abs"),
    "abs": _function("abs"),
    "fabs": _function("abs"),
    "hypot": lambda g, a, b: g.pow(g.sum([g.pow(a, 2), g.pow(b, 2)]), HALF),
    "fmax": _function("maximum"),
    "fmin": _function("minimum"),
    "floor_divide": _floor_divide,
    "remainder": _remainder,
    "mod": _remainder,
    "clip": lambda g, a, low, high: g.func("minimum", g.func("maximum", a, low), high),
    "heaviside": lambda g, a, half: folded(
        g, "where", [g.func("eq", a, g.zero), half, g.func("where", g.func("gt", a, g.zero), g.one, g.zero)]
    ),
    "conjugate": lambda g, a: a,
    "deg2rad": lambda g, a: g.scale(math.pi / 180, a),
    "rad2deg": lambda g, a: g.scale(180 / math.pi, a),
}
TRUTHS: dict[str, Build] = {
    "less": _choice("lt"),
    "less_equal": _choice("le"),
    "greater": _choice("gt"),
    "greater_equal": _choice("ge"),
    "equal": _choice("eq"),
    "not_equal": _choice("ne"),
    "logical_and": _choice("and"),
    "logical_or": _choice("or"),
    "logical_not": _choice("not"),
    "logical_xor": _exclusive_or,
    "bitwise_and": _choice("and"),
    "bitwise_or": _choice("or"),
    "invert": _choice("not"),
    "bitwise_xor": _exclusive_or,
}
_TAKES_TRUTHS = frozenset(n for n in TRUTHS if n.startswith(("logical", "bitwise", "invert")))
_REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}


def apply(tape: Tape, ufunc: Any, how: str, inputs: Any, out: Any, kwargs: dict[str, Any]) -> Any:
    """Record a call of a ufunc; what `TracedArray.__array_ufunc__` does.

    Raises:
        UnsupportedError: the function or one of its options is not supported, or the result would go into an ordinary
            array.
    """
    from ritz.symbolic.tracing import functions

    name = ufunc.__name__
    if how == "reduce" and name in _REDUCTIONS:
        if len(inputs) == 1:
            kwargs.setdefault("axis", 0)
        return functions.call(tape, getattr(np, _REDUCTIONS[name]), inputs, {**kwargs, "out": out})
    if name == "matmul" and how == "__call__":
        return functions.call(tape, np.dot, inputs, {"out": out, "_matmul": True, **kwargs})
    if how != "__call__":
        raise UnsupportedError(f"np.{name}.{how}, used in {user_line()}, is not supported. Use slices and np.sum.")
    where = kwargs.pop("where", True)
    kwargs.pop("casting", None), kwargs.pop("order", None), kwargs.pop("subok", None)
    if kwargs.pop("dtype", None) not in (None, float, np.float64, np.dtype(float)):
        raise UnsupportedError(f"np.{name}(..., dtype=...) in {user_line()}: traced arrays are always float64.")
    if kwargs:
        raise UnsupportedError(f"np.{name} with the option {next(iter(kwargs))!r}, in {user_line()}, is not supported.")
    result = elementwise(tape, name, [as_traced(tape, x) for x in inputs])
    return functions.deliver(tape, result, out, where)


def elementwise(tape: Tape, name: str, arrays: list[TracedArray]) -> TracedArray:
    """One element-wise function, by NumPy's name.

    Raises:
        UnsupportedError: there is no such function here; the nearest one is named.
    """
    g = tape.g
    if name in ("isfinite", "isnan", "isinf"):
        raise UnsupportedError(
            f"np.{name} in {user_line()} is not supported: a run stops by itself at the first value that is not finite."
        )
    if name not in VALUES and name not in TRUTHS:
        raise UnsupportedError(
            f"np.{name}, used in {user_line()}, is not supported.{nearest(name, [*VALUES, *TRUTHS])} "
            "Write it through arithmetic, np.where and the elementary functions."
        )
    if name in TRUTHS:
        if name in _TAKES_TRUTHS:
            if name.startswith(("bitwise", "invert")) and not all(a.is_bool for a in arrays):
                raise UnsupportedError(f"np.{name} in {user_line()} takes truth values; traced numbers are float64.")
            arrays = [truth(a) for a in arrays]
        else:
            arrays = [number(a) for a in arrays]
        return pointwise(tape, lambda *n: TRUTHS[name](g, *n), arrays, is_bool=True)
    if all(a.is_bool for a in arrays) and name in ("add", "multiply", "maximum", "minimum"):
        build = TRUTHS["logical_or" if name in ("add", "maximum") else "logical_and"]
        return pointwise(tape, lambda *n: build(g, *n), arrays, is_bool=True)
    return pointwise(tape, lambda *n: VALUES[name](g, *n), [number(a) for a in arrays])


def truth(array: TracedArray) -> TracedArray:
    """Truth values of numbers: not zero."""
    if array.is_bool:
        return array
    g = array.tape.g
    return pointwise(array.tape, lambda n: folded(g, "ne", [n, g.zero]), [array], is_bool=True)


def number(array: TracedArray) -> TracedArray:
    """Truth values as 0 and 1."""
    if not array.is_bool:
        return array
    g = array.tape.g
    return pointwise(array.tape, lambda n: folded(g, "where", [n, g.one, g.zero]), [array])


def select(tape: Tape, condition: Any, then: Any, otherwise: Any) -> TracedArray:
    """``np.where`` with three arguments."""
    c, a, b = truth(as_traced(tape, condition)), as_traced(tape, then), as_traced(tape, otherwise)
    if not (a.is_bool and b.is_bool):
        a, b = number(a), number(b)
    return pointwise(tape, lambda *n: folded(tape.g, "where", list(n)), [c, a, b], is_bool=a.is_bool)
