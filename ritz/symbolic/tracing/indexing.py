"""Reading and changing parts of traced arrays: every index becomes one array of positions for each dimension."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ritz.errors import UnsupportedError
from ritz.symbolic.tracing.array import TracedArray, as_traced, axes_of, collapsed, pointwise
from ritz.symbolic.tracing.folding import choose, conjunction
from ritz.symbolic.tracing.place import user_line
from ritz.symbolic.tracing.tape import Array, Tape


@dataclass(frozen=True)
class Selection:
    """A key in full: positions along every old dimension, and which dimensions the result has.

    Attributes:
        positions: one array per old dimension, None for all entries in order.
        dims: per dimension of the result, the old dimension, or None for a new one of length 1.
    """

    positions: tuple[Array | None, ...]
    dims: tuple[int | None, ...]


def is_basic(key: Any) -> bool:
    """Whether NumPy would return a view for this key."""
    parts = key if isinstance(key, tuple) else (key,)
    return all(k is None or k is Ellipsis or isinstance(k, (slice, int, np.integer)) for k in parts)


def read_key(shape: Sequence[int], key: Any) -> Selection:
    """Settle a key against a shape.

    Raises:
        UnsupportedError: an index out of range, more indices than dimensions, or a kind of index not done here.
    """
    parts = list(key) if isinstance(key, tuple) else [key]
    used = sum(k is not None and k is not Ellipsis for k in parts)
    if used > len(shape) or sum(k is Ellipsis for k in parts) > 1:
        raise UnsupportedError(f"{used} indices for an array of shape {tuple(shape)}, in {user_line()}.")
    if not any(k is Ellipsis for k in parts):
        parts.append(Ellipsis)
    at = next(i for i, k in enumerate(parts) if k is Ellipsis)
    parts[at : at + 1] = [slice(None)] * (len(shape) - used)
    positions: list[Array | None] = []
    dims: list[int | None] = []
    arrays = 0
    for k in parts:
        if k is None:
            dims.append(None)
            continue
        d = len(positions)
        found, keeps = _positions(k, shape[d], d)
        arrays += keeps and not isinstance(k, slice)
        positions.append(found)
        if keeps:
            dims.append(d)
    if arrays > 1:
        raise UnsupportedError(
            f"Several index arrays at once, in {user_line()}, are not supported. Index one dimension after the other."
        )
    return Selection(tuple(positions), tuple(dims))


def _positions(key: Any, length: int, dim: int) -> tuple[Array | None, bool]:
    """Positions along one dimension, and whether the dimension stays."""
    if isinstance(key, TracedArray):
        raise UnsupportedError(
            f"A traced array is used as an index in {user_line()}. Which entries are read must not depend on values: "
            "use np.where(condition, a, b)."
        )
    if isinstance(key, slice):
        found = np.arange(length)[key]
        return (None if len(found) == length and key.step in (None, 1) else found), True
    array = np.asarray(key)
    if array.dtype == bool and array.ndim == 1:
        if len(array) != length:
            raise UnsupportedError(f"A mask of {len(array)} entries for a dimension of {length}, in {user_line()}.")
        return np.flatnonzero(array), True
    if array.dtype.kind not in "iu" or array.ndim > 1:
        try:
            array = np.asarray(operator.index(key))
        except TypeError:
            raise UnsupportedError(
                f"The index {key!r} in {user_line()} is not supported: use whole numbers, slices, None, ... or a "
                "one-dimensional array of whole numbers or truth values."
            ) from None
    if array.size and (array.min() < -length or array.max() >= length):
        raise UnsupportedError(
            f"Index {array.max() if array.max() >= length else array.min()} is out of bounds for dimension {dim} of "
            f"length {length}, in {user_line()}. Is the grid too small for the stencil?"
        )
    return np.atleast_1d(array) % max(length, 1), array.ndim == 1


# ---------------------------------------------------------------------- reading
def get(array: TracedArray, key: Any) -> TracedArray:
    """``array[key]`` as a new array."""
    selection = read_key(array.shape, key)
    result = array
    for dim, positions in enumerate(selection.positions):
        if positions is not None:
            result = take(result, dim, positions)
    return rearrange(result, selection.dims)


def take(array: TracedArray, dim: int, positions: Any) -> TracedArray:
    """Entries at some positions (an array of whole numbers) along one dimension."""
    positions = np.asarray(positions, dtype=np.int64)
    tape, n, m = array.tape, array.shape[dim], len(positions)
    shape = (*array.shape[:dim], m, *array.shape[dim + 1 :])
    source, target = axes_of(tape, array.shape)[dim], axes_of(tape, shape)[dim]
    old = np.moveaxis(array.nodes, dim, 0)
    rest = old.shape[1:]
    if source is not None and target is not None:
        new = [[tape.gather(int(x), positions, source, target) for x in old[0].ravel()]]
    elif source is not None:
        new = [[tape.pick(int(x), int(k), source) for x in old[0].ravel()] for k in positions]
    elif target is None:
        new = [list(old[k].ravel()) for k in positions]
    else:  # few entries repeated along a loop
        new = [list(old[0].ravel())]
        for k in range(1, n):
            where = tape.condition(positions == k, target)
            new = [[choose(tape.g, where, int(a), b) for a, b in zip(old[k].ravel(), new[0], strict=True)]]
    nodes = np.array(new, dtype=np.int64).reshape((len(new), *rest)) if m else np.empty((0, *rest), dtype=np.int64)
    return TracedArray(tape, shape, np.moveaxis(nodes, 0, dim), is_bool=array.is_bool)


def rearrange(array: TracedArray, dims: Sequence[int | None]) -> TracedArray:
    """Bring dimensions into an order; None makes one of length 1, those left out must have length 1."""
    tape = array.tape
    if tuple(dims) == tuple(range(array.ndim)):
        return array
    kept = [d for d in dims if d is not None]
    dropped = [d for d in range(array.ndim) if d not in kept]
    shape = tuple(1 if d is None else array.shape[d] for d in dims)
    old, new = axes_of(tape, array.shape), axes_of(tape, shape)
    changes = [(old[d], axis) for d, axis in zip(dims, new, strict=True) if d is not None and axis is not None]
    nodes = np.transpose(array.nodes, [*dropped, *kept]).reshape(collapsed(shape))
    moved = [tape.permute(int(x), changes) for x in nodes.ravel()]  # type: ignore[arg-type]
    return TracedArray(tape, shape, np.array(moved, dtype=np.int64).reshape(nodes.shape), is_bool=array.is_bool)


# ---------------------------------------------------------------------- changing
def put(array: TracedArray, key: Any, value: Any) -> None:
    """``array[key] = value``, kept as a new set of nodes of the same array."""
    tape = array.tape
    selection = read_key(array.shape, key)
    region = tuple(n if p is None else len(p) for n, p in zip(array.shape, selection.positions, strict=True))
    value = _fitted(as_traced(tape, value), selection, region)
    if 0 in region:
        return
    for dim, positions in enumerate(selection.positions):
        if positions is not None:
            value = place(value, dim, positions, array.shape[dim])
    inside = [
        _inside(tape, array.shape, dim, positions)
        for dim, positions in enumerate(selection.positions)
        if positions is not None
    ]
    if inside:
        where = pointwise(tape, lambda *c: conjunction(tape.g, c), inside, is_bool=True)
        value = pointwise(tape, lambda c, a, b: choose(tape.g, c, a, b), [where, value, array], is_bool=array.is_bool)
    array.assign(np.broadcast_to(value.nodes, collapsed(array.shape)))


def _fitted(value: TracedArray, selection: Selection, region: tuple[int, ...]) -> TracedArray:
    """The value with one dimension for each dimension of the array, of the region's length or 1."""
    wanted = tuple(1 if d is None else region[d] for d in selection.dims)
    while value.ndim > len(wanted) and value.shape[0] == 1:
        value = rearrange(value, range(1, value.ndim))
    try:
        fits = np.broadcast_shapes(value.shape, wanted) == wanted
    except ValueError:
        fits = False
    if not fits:
        raise UnsupportedError(
            f"Values of shape {value.shape} are assigned to a part of shape {wanted}, in {user_line()}. Is the grid "
            "too small for the stencil, or a slice off by one?"
        )
    lead = len(wanted) - value.ndim
    known = {d: i - lead for i, d in enumerate(selection.dims) if d is not None and i >= lead}
    return rearrange(value, [known.get(d) for d in range(len(region))])


def place(value: TracedArray, dim: int, positions: Any, length: int) -> TracedArray:
    """Zero along one dimension of some length except at `positions`; a dimension of length 1 is repeated."""
    tape, m = value.tape, value.shape[dim]
    shape = (*value.shape[:dim], length, *value.shape[dim + 1 :])
    source, target = axes_of(tape, value.shape)[dim], axes_of(tape, shape)[dim]
    old = np.moveaxis(value.nodes, dim, 0)
    rest = old.shape[1:]
    if m == 1 and target is not None and len(positions) > 1:  # the caller's condition says where it counts
        return TracedArray(tape, shape, value.nodes, is_bool=value.is_bool)
    if target is None:
        nodes = np.full((length, *rest), tape.g.zero, dtype=np.int64)
        for i, k in enumerate(positions):
            nodes[k] = old[i if m > 1 else 0]
        return TracedArray(tape, shape, np.moveaxis(nodes, 0, dim), is_bool=value.is_bool)
    if source is not None:
        last = {int(k): i for i, k in enumerate(positions)}  # of repeated positions the last one counts
        if len(last) < len(positions):
            kept = sorted(last.values())
            return place(take(value, dim, kept), dim, np.asarray(positions)[kept], length)
        made = [_scattered(tape, int(x), positions, source, target) for x in old[0].ravel()]
    else:
        made = [_several(tape, [int(x) for x in column], positions, target) for column in old.reshape(m, -1).T]
    nodes = np.array(made, dtype=np.int64).reshape((1, *rest))
    return TracedArray(tape, shape, np.moveaxis(nodes, 0, dim), is_bool=value.is_bool)


def _scattered(tape: Tape, node: int, positions: Any, source: Any, target: Any) -> int:
    if source not in tape.g.axes[node]:
        return node  # the same everywhere; the caller's condition says where it counts
    return tape.scatter(node, positions, source, target)


def _several(tape: Tape, nodes: Sequence[int], positions: Any, target: Any) -> int:
    """A few values at a few positions of an axis."""
    total = tape.g.zero
    for node, k in zip(nodes, positions, strict=True):
        where = tape.condition(np.arange(tape.size[target]) == k, target)
        total = choose(tape.g, where, tape.put(node, int(k), target), total)
    return total


def _inside(tape: Tape, shape: Sequence[int], dim: int, positions: Any) -> TracedArray:
    """Where along one dimension the positions are, over all other dimensions of length 1."""
    where = np.zeros(shape[dim], dtype=bool)
    where[positions] = True
    single = tuple(n if d == dim else 1 for d, n in enumerate(shape))
    axis = axes_of(tape, single)[dim]
    nodes = (
        [tape.condition(where, axis)] if axis is not None else [int(tape.g.one if w else tape.g.zero) for w in where]
    )
    return TracedArray(tape, single, nodes, is_bool=True)
