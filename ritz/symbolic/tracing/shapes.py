"""Joining, shifting, padding and reshaping traced arrays: all by positions along dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ritz.errors import UnsupportedError
from ritz.symbolic.tracing.array import TracedArray, as_traced, collapsed, constant, looped
from ritz.symbolic.tracing.indexing import get, put, rearrange, take
from ritz.symbolic.tracing.place import user_line
from ritz.symbolic.tracing.tape import Tape


def normal_axis(axis: Any, ndim: int) -> int:
    """An axis counted from the left.

    Raises:
        UnsupportedError: the array has no such axis.
    """
    if not -ndim <= axis < ndim:
        raise UnsupportedError(f"Axis {axis} does not exist: the array in {user_line()} has {ndim} dimensions.")
    return int(axis) % ndim


def axis_or_only(axis: Any, array: TracedArray) -> int:
    """An axis counted from the left; None means the only one (NumPy would flatten the array).

    Raises:
        UnsupportedError: None for an array of several dimensions.
    """
    if axis is None and array.ndim != 1:
        raise UnsupportedError(
            f"Without axis= NumPy flattens the array of shape {array.shape}, in {user_line()}. Pass axis=."
        )
    return 0 if axis is None else normal_axis(axis, array.ndim)


def blank(tape: Tape, shape: Sequence[int], value: Any = 0.0, *, is_bool: bool = False) -> TracedArray:
    """An array filled with one value."""
    start = as_traced(tape, value)
    return TracedArray(tape, shape, np.broadcast_to(start.nodes, collapsed(shape)), is_bool=is_bool)


def transpose(array: TracedArray, axes: Sequence[int] | None = None) -> TracedArray:
    """``np.transpose``."""
    order = list(range(array.ndim))[::-1] if axes is None else [normal_axis(a, array.ndim) for a in axes]
    return rearrange(array, order)


def roll(array: TracedArray, shift: Any, axis: Any = None) -> TracedArray:
    """``np.roll``."""
    axis = axis_or_only(axis, array) if axis is None else axis
    shifts, axes = np.broadcast_arrays(np.atleast_1d(shift), np.atleast_1d(axis))
    for s, a in zip(shifts, axes, strict=True):
        dim = normal_axis(a, array.ndim)
        n = array.shape[dim]
        array = take(array, dim, (np.arange(n) - int(s)) % max(n, 1))
    return array


def flip(array: TracedArray, axis: Any = None) -> TracedArray:
    """``np.flip``."""
    for a in range(array.ndim) if axis is None else np.atleast_1d(axis):
        dim = normal_axis(a, array.ndim)
        array = take(array, dim, np.arange(array.shape[dim])[::-1])
    return array


def concatenate(tape: Tape, arrays: Sequence[Any], axis: int = 0) -> TracedArray:
    """``np.concatenate``."""
    parts = [as_traced(tape, a) for a in arrays]
    dim = normal_axis(axis, parts[0].ndim)
    rests = {(*p.shape[:dim], *p.shape[dim + 1 :]) for p in parts}
    if len(rests) > 1:
        raise UnsupportedError(
            f"Arrays of the shapes {', '.join(str(p.shape) for p in parts)} are joined along axis {axis}, in "
            f"{user_line()}."
        )
    total = sum(p.shape[dim] for p in parts)
    result = blank(
        tape, (*parts[0].shape[:dim], total, *parts[0].shape[dim + 1 :]), is_bool=all(p.is_bool for p in parts)
    )
    start = 0
    for p in parts:
        put(result, (*[slice(None)] * dim, slice(start, start + p.shape[dim])), p)
        start += p.shape[dim]
    return result


def stack(tape: Tape, arrays: Sequence[Any], axis: int = 0) -> TracedArray:
    """``np.stack``."""
    parts = [as_traced(tape, a) for a in arrays]
    if not parts:
        return constant(tape, [])
    if len({p.shape for p in parts}) > 1:
        shapes = ", ".join(str(p.shape) for p in parts)
        raise UnsupportedError(f"Arrays of different shapes {shapes} are stacked in {user_line()}.")
    dim = normal_axis(axis, parts[0].ndim + 1)
    dims: list[int | None] = list(range(parts[0].ndim))
    dims.insert(dim, None)
    return concatenate(tape, [rearrange(p, dims) for p in parts], dim)


def pad(array: TracedArray, pad_width: Any, mode: str = "constant", constant_values: Any = 0.0) -> TracedArray:
    """``np.pad`` in the modes constant, edge, wrap, reflect and symmetric."""
    if mode not in ("constant", "edge", "wrap", "reflect", "symmetric"):
        raise UnsupportedError(
            f"np.pad(..., mode={mode!r}) in {user_line()} is not supported; use constant, edge, wrap, reflect "
            "or symmetric."
        )
    widths = np.broadcast_to(np.asarray(pad_width, dtype=int), (array.ndim, 2))
    for dim, (before, after) in enumerate(widths):
        n = array.shape[dim]
        if mode == "constant":
            shape = (*array.shape[:dim], n + before + after, *array.shape[dim + 1 :])
            grown = blank(array.tape, shape, constant_values)
            put(grown, (*[slice(None)] * dim, slice(before, before + n)), array)
            array = grown
        elif before or after:
            array = take(array, dim, np.pad(np.arange(n), (before, after), mode=mode))  # type: ignore[call-overload]
    return array


def reshape(array: TracedArray, *shape: Any) -> TracedArray:
    """``np.reshape`` where loops keep their dimension: dimensions of length 1 come and go, short ones split and join.

    Raises:
        UnsupportedError: a long dimension would be split or joined with another one.
    """
    wanted = shape[0] if len(shape) == 1 and not np.isscalar(shape[0]) else shape
    try:
        target = np.empty(array.shape, dtype=np.int8).reshape(wanted).shape
    except ValueError as error:
        raise UnsupportedError(f"{error}, in {user_line()}.") from None
    old, new = [n for n in array.shape if looped(n)], [n for n in target if looped(n)]
    if old != new or _between(array.shape) != _between(target):
        raise UnsupportedError(
            f"The reshape from {array.shape} to {target} in {user_line()} splits or joins a dimension of more than 8 "
            "entries. Trace the program with arrays of their natural shape: rz.trace(f, y=(2, 128, 128)) or "
            "rz.trace(f, u=(128, 128), v=(128, 128)); the system flattens them for the solver."
        )
    plain = [d for d in range(array.ndim) if looped(array.shape[d]) or array.shape[d] != 1]
    moved = rearrange(array, plain)
    slim = [n for n in target if n != 1]
    regrouped = _regroup(moved, slim)
    counter = iter(range(len(slim)))
    return rearrange(regrouped, [None if n == 1 else next(counter) for n in target])


def _between(shape: Sequence[int]) -> list[int]:
    """Numbers of entries before, between and after the long dimensions."""
    counts = [1]
    for n in shape:
        if looped(n):
            counts.append(1)
        else:
            counts[-1] *= n
    return counts


def _regroup(array: TracedArray, shape: Sequence[int]) -> TracedArray:
    """Split and join short dimensions; the long ones stay, though their place from the right may change."""
    old, new = array.axes(), TracedArray(array.tape, shape, np.zeros(collapsed(shape), dtype=int)).axes()
    changes = list(zip([a for a in old if a is not None], [a for a in new if a is not None], strict=True))
    nodes = [array.tape.permute(int(x), changes) for x in array.nodes.ravel()]
    return TracedArray(array.tape, shape, np.array(nodes, dtype=np.int64), is_bool=array.is_bool)


def repeat(array: TracedArray, repeats: int, axis: int) -> TracedArray:
    """``np.repeat`` along an axis."""
    dim = normal_axis(axis, array.ndim)
    return take(array, dim, np.repeat(np.arange(array.shape[dim]), repeats))


def split_views(array: TracedArray, sections: Any, axis: int = 0) -> list[TracedArray]:
    """``np.split``."""
    dim = normal_axis(axis, array.ndim)
    pieces = np.split(np.arange(array.shape[dim]), sections)
    return [
        get(array, (*[slice(None)] * dim, slice(int(p[0]), int(p[-1]) + 1) if len(p) else slice(0, 0))) for p in pieces
    ]
