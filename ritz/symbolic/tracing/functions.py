"""NumPy's other functions and the methods of arrays, by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from ritz.errors import UnsupportedError, nearest
from ritz.symbolic.tracing import reductions, shapes
from ritz.symbolic.tracing.array import TracedArray, as_traced, constant
from ritz.symbolic.tracing.indexing import put, rearrange
from ritz.symbolic.tracing.place import user_line
from ritz.symbolic.tracing.registry import HANDLERS, Handler, handles
from ritz.symbolic.tracing.tape import Tape
from ritz.symbolic.tracing.ufuncs import TRUTHS, VALUES, elementwise, number, select


def call(tape: Tape, func: Any, args: Any, kwargs: Any) -> Any:
    """Record a call of a NumPy function; what `TracedArray.__array_function__` does.

    Raises:
        UnsupportedError: the function is not supported; the message names the nearest way.
    """
    from ritz.symbolic.tracing import shape_functions  # enters its functions into the table

    assert shape_functions
    name = func.__name__
    module = getattr(func, "__module__", "numpy") or "numpy"
    if name not in HANDLERS or module.startswith(("numpy.fft", "numpy.linalg", "numpy.random")):
        label = f"{module.replace('numpy', 'np', 1)}.{name}" if module.startswith("numpy") else name
        raise UnsupportedError(f"{label}, used in {user_line()}, cannot be traced. {_advice(module, name)}")
    kwargs = dict(kwargs)
    out = kwargs.pop("out", None)
    kwargs = {k: v for k, v in kwargs.items() if v is not np._NoValue}
    if kwargs.pop("dtype", None) not in (None, float, np.float64, np.dtype(float), "float64"):
        raise UnsupportedError(f"np.{name}(..., dtype=...) in {user_line()}: traced arrays are always float64.")
    try:
        result = HANDLERS[name](tape, *args, **kwargs)
    except TypeError as error:
        if "argument" not in str(error):
            raise
        raise UnsupportedError(f"np.{name} with these options, in {user_line()}, is not supported ({error}).") from None
    return deliver(tape, result, out, True)


def _advice(module: str, name: str) -> str:
    if module.startswith("numpy.fft"):
        return "For spectral derivatives write the equations as rz.Problem and discretise them by rz.Fourier(...)."
    if module.startswith("numpy.linalg"):
        return "Invert or factorise constant matrices outside the function and multiply by them inside."
    if name in ("argmax", "argmin", "argsort", "sort", "nonzero", "searchsorted", "unique", "median", "interp"):
        return "What it does depends on values. Use np.where, np.maximum, np.minimum, np.max or np.clip."
    if name in ("cumsum", "cumprod", "convolve", "correlate", "trapezoid", "trapz"):
        return "Multiply by a constant matrix (matrix @ u), or write the stencil by slices or np.roll."
    hint = nearest(name, [*HANDLERS, *VALUES, *TRUTHS])
    return f"{hint.strip() + ' ' if hint else ''}Supported are indexing, arithmetic, np.roll, np.where, joins and sums."


def deliver(tape: Tape, result: Any, out: Any, where: Any) -> Any:
    """Put a result into ``out=``, where given."""
    target = out[0] if isinstance(out, tuple) else out
    if target is None:
        if where is not True:
            raise UnsupportedError(f"where= without out=, in {user_line()}, leaves entries unset. Use np.where.")
        return result
    if not isinstance(target, TracedArray):
        raise UnsupportedError(
            f"The result goes into an ordinary array (out= or an operator such as +=) in {user_line()}. Make that "
            "array by np.zeros_like(u) or np.empty_like(u) from an argument u."
        )
    if not target.shape:  # a number: x += 1 gives a new one
        return result if where is True else select(tape, where, result, target)
    put(target, Ellipsis, result if where is True else select(tape, where, result, target))
    return target


# ---------------------------------------------------------------------- new arrays
def _like(tape: Tape, a: Any, value: int, shape: Any, is_bool: bool) -> TracedArray:
    wanted = as_traced(tape, a).shape if shape is None else tuple(np.atleast_1d(shape))
    made = shapes.blank(tape, wanted, 0.0, is_bool=is_bool)
    made.assign(np.full_like(made.nodes, value))
    return made


@handles("zeros_like")
def _zeros_like(tape: Tape, a: Any, shape: Any = None, **_: Any) -> TracedArray:
    return _like(tape, a, tape.g.zero, shape, False)


@handles("ones_like")
def _ones_like(tape: Tape, a: Any, shape: Any = None, **_: Any) -> TracedArray:
    return _like(tape, a, tape.g.one, shape, False)


@handles("empty_like")
def _empty_like(tape: Tape, a: Any, shape: Any = None, **_: Any) -> TracedArray:
    return _like(tape, a, tape.unset, shape, False)


@handles("full_like")
def _full_like(tape: Tape, a: Any, fill_value: Any, shape: Any = None, **_: Any) -> TracedArray:
    wanted = as_traced(tape, a).shape if shape is None else tuple(np.atleast_1d(shape))
    return shapes.blank(tape, wanted, number(as_traced(tape, fill_value)))


@handles("copy", "asarray", "ascontiguousarray", "array", "asanyarray")
def _copy(tape: Tape, a: Any, **_: Any) -> TracedArray:
    a = as_traced(tape, a)
    return TracedArray(tape, a.shape, a.nodes, is_bool=a.is_bool)


@handles("shape")
def _shape(tape: Tape, a: Any) -> tuple[int, ...]:
    return as_traced(tape, a).shape


@handles("ndim")
def _ndim(tape: Tape, a: Any) -> int:
    return as_traced(tape, a).ndim


@handles("size")
def _size(tape: Tape, a: Any) -> int:
    return as_traced(tape, a).size


# ---------------------------------------------------------------------- choices
@handles("where")
def _where(tape: Tape, condition: Any, x: Any = None, y: Any = None) -> TracedArray:
    if x is None or y is None:
        raise UnsupportedError(
            f"np.where(condition) in {user_line()} depends on values. Use np.where(condition, a, b)."
        )
    return select(tape, condition, x, y)


@handles("select")
def _select(tape: Tape, condlist: Any, choicelist: Any, default: Any = 0) -> TracedArray:
    result = as_traced(tape, default)
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        result = select(tape, condition, choice, result)
    return result


@handles("clip")
def _clip(tape: Tape, a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> TracedArray:  # noqa: A002
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    result = number(as_traced(tape, a))
    if low is not None:
        result = elementwise(tape, "maximum", [result, number(as_traced(tape, low))])
    return result if high is None else elementwise(tape, "minimum", [result, number(as_traced(tape, high))])


# ---------------------------------------------------------------------- reductions
def _reduction(name: str) -> Handler:
    def handler(tape: Tape, a: Any, axis: Any = None, *, keepdims: bool = False) -> TracedArray:
        return reductions.reduce_array(as_traced(tape, a), name, axis, keepdims)

    return handler


for _name in ("sum", "mean", "prod", "all", "any"):
    handles(_name)(_reduction(_name))
handles("max", "amax")(_reduction("max"))
handles("min", "amin")(_reduction("min"))


@handles("ptp")
def _ptp(tape: Tape, a: Any, axis: Any = None, keepdims: bool = False) -> TracedArray:
    a = as_traced(tape, a)
    return reductions.reduce_array(a, "max", axis, keepdims) - reductions.reduce_array(a, "min", axis, keepdims)


@handles("var")
def _var(tape: Tape, a: Any, axis: Any = None, keepdims: bool = False) -> TracedArray:
    a = number(as_traced(tape, a))
    return reductions.reduce_array((a - reductions.reduce_array(a, "mean", axis, True)) ** 2, "mean", axis, keepdims)


@handles("std")
def _std(tape: Tape, a: Any, axis: Any = None, keepdims: bool = False) -> TracedArray:
    return elementwise(tape, "sqrt", [_var(tape, a, axis, keepdims)])


@handles("dot", "matmul", "inner", "vdot")
def _dot(tape: Tape, a: Any, b: Any, *, _matmul: bool = False) -> TracedArray:
    return reductions.matmul(tape, a, b)


@handles("outer")
def _outer(tape: Tape, a: Any, b: Any) -> TracedArray:
    return rearrange(as_traced(tape, a), [0, None]) * as_traced(tape, b)


@handles("einsum")
def _einsum(tape: Tape, subscripts: str, *operands: Any, optimize: Any = None) -> TracedArray:
    return reductions.einsum(tape, subscripts, *operands)


# ---------------------------------------------------------------------- methods of arrays
_METHODS = (
    "sum mean prod max min ptp var std all any dot clip copy transpose swapaxes squeeze reshape ravel take repeat"
).split()


def method(array: TracedArray, name: str) -> Any:
    """A method of `numpy.ndarray` on a traced array; what `TracedArray.__getattr__` finds.

    Raises:
        UnsupportedError: the method is not supported.
    """
    tape = array.tape
    if name in _METHODS:
        return lambda *args, **kwargs: call(tape, getattr(np, name), (array, *_unpacked(name, args)), kwargs)
    if name == "flatten":
        return lambda *_: shapes.reshape(array, -1)
    if name == "fill":
        return lambda value: put(array, Ellipsis, value)
    if name == "astype":
        return lambda dtype, **_: _astype(array, dtype)
    if name == "real":
        return array
    raise UnsupportedError(f"The array method or attribute .{name}, used in {user_line()}, cannot be traced.")


def _unpacked(name: str, args: Any) -> Any:
    return ((args,) if len(args) > 1 else args) if name == "transpose" else args


def _astype(array: TracedArray, dtype: Any) -> TracedArray:
    if np.dtype(dtype) == np.float64:
        return number(array)
    if np.dtype(dtype) == bool:
        return elementwise(array.tape, "not_equal", [number(array), constant(array.tape, 0.0)])
    raise UnsupportedError(
        f"astype({np.dtype(dtype)}) in {user_line()}: traced arrays are float64, so whole numbers would not wrap "
        "around and single precision would not round as in NumPy. Use np.floor for the integer part."
    )
