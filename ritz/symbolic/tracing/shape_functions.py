"""NumPy's functions of shapes and positions, entered into the table of `ritz.symbolic.tracing.functions`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ritz.errors import UnsupportedError
from ritz.symbolic.tracing import shapes
from ritz.symbolic.tracing.array import TracedArray, as_traced
from ritz.symbolic.tracing.indexing import put, rearrange, take
from ritz.symbolic.tracing.place import user_line
from ritz.symbolic.tracing.registry import handles
from ritz.symbolic.tracing.tape import Tape
from ritz.symbolic.tracing.ufuncs import elementwise, number


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
