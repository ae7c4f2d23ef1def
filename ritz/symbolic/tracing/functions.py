"""NumPy's other functions and the methods of arrays, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ritz.errors import UnsupportedError, nearest
from ritz.symbolic.tracing import reductions, shapes
from ritz.symbolic.tracing.array import TracedArray, as_traced, constant
from ritz.symbolic.tracing.indexing import put, rearrange, take
from ritz.symbolic.tracing.place import user_line
from ritz.symbolic.tracing.tape import Tape
from ritz.symbolic.tracing.ufuncs import TRUTHS, VALUES, elementwise, number, select

Handler = Callable[..., Any]
_HANDLERS: dict[str, Handler] = {}


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Enter a function ``handler(tape, *arguments)`` under some of NumPy's names."""

    def enter(handler: Handler) -> Handler:
        _HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return enter


def call(tape: Tape, func: Any, args: Any, kwargs: Any) -> Any:
    """Record a call of a NumPy function; what `TracedArray.__array_function__` does.

    Raises:
        UnsupportedError: the function is not supported; the message names the nearest way.
    """
    name = func.__name__
    module = getattr(func, "__module__", "numpy") or "numpy"
    if name not in _HANDLERS or module.startswith(("numpy.fft", "numpy.linalg", "numpy.random")):
        label = f"{module.replace('numpy', 'np', 1)}.{name}" if module.startswith("numpy") else name
        raise UnsupportedError(f"{label}, used in {user_line()}, cannot be traced. {_advice(module, name)}")
    kwargs = dict(kwargs)
    out = kwargs.pop("out", None)
    kwargs = {k: v for k, v in kwargs.items() if v is not np._NoValue}
    if kwargs.pop("dtype", None) not in (None, float, np.float64, np.dtype(float), "float64"):
        raise UnsupportedError(f"np.{name}(..., dtype=...) in {user_line()}: traced arrays are always float64.")
    try:
        result = _HANDLERS[name](tape, *args, **kwargs)
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
    hint = nearest(name, [*_HANDLERS, *VALUES, *TRUTHS])
    return f"{hint.strip() + ' ' if hint else ''}Supported are indexing, arithmetic, np.roll, np.where, np.pad, joins and sums."


def deliver(tape: Tape, result: Any, out: Any, where: Any) -> Any:
    """Put a result into ``out=``, where given."""
    target = out[0] if isinstance(out, tuple) else out
    if target is None:
        if where is not True:
            raise UnsupportedError(f"where= without out=, in {user_line()}, leaves entries unset. Use np.where.")
        return result
    if not isinstance(target, TracedArray):
        raise UnsupportedError(
            f"The result goes into an ordinary array (out= or an operator such as +=) in {user_line()}. Make that array "
            "by np.zeros_like(u) or np.empty_like(u) from an argument u."
        )
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


# ---------------------------------------------------------------------- shapes and positions
@handles("roll")
def _roll(tape: Tape, a: Any, shift: Any, axis: Any = None) -> TracedArray:
    return shapes.roll(as_traced(tape, a), shift, axis)


@handles("flip")
def _flip(tape: Tape, m: Any, axis: Any = None) -> TracedArray:
    return shapes.flip(as_traced(tape, m), axis)


@handles("concatenate")
def _concatenate(tape: Tape, arrays: Any, axis: int = 0) -> TracedArray:
    return shapes.concatenate(tape, arrays, axis)


@handles("stack")
def _stack(tape: Tape, arrays: Any, axis: int = 0) -> TracedArray:
    return shapes.stack(tape, list(arrays), axis)


@handles("append")
def _append(tape: Tape, arr: Any, values: Any, axis: int | None = None) -> TracedArray:
    parts = [_atleast_1d(tape, a) for a in (arr, values)]
    return shapes.concatenate(tape, parts, shapes.axis_or_only(axis, parts[0]))


@handles("hstack")
def _hstack(tape: Tape, tup: Any) -> TracedArray:
    parts = [_atleast_1d(tape, a) for a in tup]
    return shapes.concatenate(tape, parts, 0 if parts[0].ndim == 1 else 1)


@handles("vstack")
def _vstack(tape: Tape, tup: Any) -> TracedArray:
    parts = [_atleast_1d(tape, a) for a in tup]
    return shapes.concatenate(tape, [rearrange(p, [None, 0]) if p.ndim == 1 else p for p in parts], 0)


@handles("atleast_1d")
def _atleast_1d(tape: Tape, a: Any) -> TracedArray:
    a = as_traced(tape, a)
    return rearrange(a, [None]) if a.ndim == 0 else a


@handles("pad")
def _pad(tape: Tape, array: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0.0) -> TracedArray:
    return shapes.pad(as_traced(tape, array), pad_width, mode, constant_values)


@handles("transpose")
def _transpose(tape: Tape, a: Any, axes: Any = None) -> TracedArray:
    return shapes.transpose(as_traced(tape, a), axes)


@handles("swapaxes")
def _swapaxes(tape: Tape, a: Any, axis1: int, axis2: int) -> TracedArray:
    a = as_traced(tape, a)
    order = list(range(a.ndim))
    i, j = shapes.normal_axis(axis1, a.ndim), shapes.normal_axis(axis2, a.ndim)
    order[i], order[j] = order[j], order[i]
    return rearrange(a, order)


@handles("moveaxis")
def _moveaxis(tape: Tape, a: Any, source: int, destination: int) -> TracedArray:
    a = as_traced(tape, a)
    order = [d for d in range(a.ndim) if d != shapes.normal_axis(source, a.ndim)]
    order.insert(shapes.normal_axis(destination, a.ndim), shapes.normal_axis(source, a.ndim))
    return rearrange(a, order)


@handles("expand_dims")
def _expand_dims(tape: Tape, a: Any, axis: int) -> TracedArray:
    a = as_traced(tape, a)
    order: list[int | None] = list(range(a.ndim))
    order.insert(shapes.normal_axis(axis, a.ndim + 1), None)
    return rearrange(a, order)


@handles("squeeze")
def _squeeze(tape: Tape, a: Any, axis: Any = None) -> TracedArray:
    a = as_traced(tape, a)
    gone = [d for d in range(a.ndim) if a.shape[d] == 1] if axis is None else [shapes.normal_axis(axis, a.ndim)]
    return rearrange(a, [d for d in range(a.ndim) if d not in gone])


@handles("reshape")
def _reshape(tape: Tape, a: Any, *shape: Any, order: str = "C") -> TracedArray:
    return shapes.reshape(as_traced(tape, a), *shape)


@handles("ravel")
def _ravel(tape: Tape, a: Any) -> TracedArray:
    return shapes.reshape(as_traced(tape, a), -1)


@handles("broadcast_to")
def _broadcast_to(tape: Tape, array: Any, shape: Any) -> TracedArray:
    array = as_traced(tape, array)
    return elementwise(tape, "add", [number(array), shapes.blank(tape, np.broadcast_shapes(array.shape, shape))])


@handles("repeat")
def _repeat(tape: Tape, a: Any, repeats: int, axis: int | None = None) -> TracedArray:
    a = as_traced(tape, a)
    return shapes.repeat(a, repeats, shapes.axis_or_only(axis, a))


@handles("tile")
def _tile(tape: Tape, A: Any, reps: int) -> TracedArray:  # noqa: N803
    A = as_traced(tape, A)  # noqa: N806
    shapes.axis_or_only(None, A)
    return take(A, A.ndim - 1, np.tile(np.arange(A.shape[-1]), reps))


@handles("take")
def _take(tape: Tape, a: Any, indices: Any, axis: int | None = None) -> TracedArray:
    a = as_traced(tape, a)
    return a[(*[slice(None)] * shapes.axis_or_only(axis, a), indices)]


@handles("split", "array_split")
def _split(tape: Tape, ary: Any, indices_or_sections: Any, axis: int = 0) -> list[TracedArray]:
    return shapes.split_views(as_traced(tape, ary), indices_or_sections, axis)


@handles("diff")
def _diff(tape: Tape, a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> TracedArray:
    a = number(as_traced(tape, a))
    dim = shapes.normal_axis(axis, a.ndim)
    extra = [as_traced(tape, x) for x in (prepend, append) if x is not None]
    if any(x.ndim not in (0, a.ndim) for x in extra):
        raise UnsupportedError(f"np.diff in {user_line()}: prepend and append must be numbers or {a.ndim}-dimensional.")
    one = (*a.shape[:dim], 1, *a.shape[dim + 1 :])
    full = [None if x is None else shapes.blank(tape, one, x) if np.ndim(x) == 0 else x for x in (prepend, append)]
    parts = [x for x in (full[0], a, full[1]) if x is not None]
    a = parts[0] if len(parts) == 1 else shapes.concatenate(tape, parts, dim)
    lead = (slice(None),) * dim
    for _ in range(n):
        a = a[(*lead, slice(1, None))] - a[(*lead, slice(None, -1))]
    return a


@handles("gradient")
def _gradient(tape: Tape, f: Any, *spacing: Any, axis: Any = None) -> Any:
    f = number(as_traced(tape, f))
    dims = list(range(f.ndim)) if axis is None else [shapes.normal_axis(a, f.ndim) for a in np.atleast_1d(axis)]
    steps = [1.0] * len(dims) if not spacing else list(spacing) * (len(dims) if len(spacing) == 1 else 1)
    if len(steps) != len(dims) or any(np.ndim(h) for h in steps):
        raise UnsupportedError(f"np.gradient in {user_line()} takes one constant spacing for each axis.")
    results = []
    for dim, h in zip(dims, steps, strict=True):
        lead = (slice(None),) * dim
        if f.shape[dim] < 2:
            raise UnsupportedError(f"np.gradient in {user_line()} needs two points along axis {dim}.")
        slope = shapes.blank(tape, f.shape)
        if f.shape[dim] > 2:
            put(slope, (*lead, slice(1, -1)), (f[(*lead, slice(2, None))] - f[(*lead, slice(None, -2))]) / (2 * h))
        put(slope, (*lead, 0), (f[(*lead, 1)] - f[(*lead, 0)]) / h)
        put(slope, (*lead, -1), (f[(*lead, -1)] - f[(*lead, -2)]) / h)
        results.append(slope)
    return results[0] if len(dims) == 1 else results


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
        f"astype({np.dtype(dtype)}) in {user_line()}: traced arrays are float64, so whole numbers would not wrap around "
        "and single precision would not round as in NumPy. Use np.floor for the integer part."
    )
