"""Sums, extremes and products over dimensions, and contractions of two arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ritz.errors import UnsupportedError
from ritz.symbolic.calculus import sum_map
from ritz.symbolic.graph import LinearMap
from ritz.symbolic.tracing.array import TracedArray, as_traced
from ritz.symbolic.tracing.indexing import get, rearrange
from ritz.symbolic.tracing.place import user_line
from ritz.symbolic.tracing.shapes import normal_axis
from ritz.symbolic.tracing.tape import Tape
from ritz.symbolic.tracing.ufuncs import elementwise, number, truth


def reduce_array(array: TracedArray, name: str, axis: Any = None, keepdims: bool = False) -> TracedArray:
    """``np.sum``, ``mean``, ``max``, ``min``, ``prod``, ``all`` or ``any`` over some axes (all by default)."""
    given = range(array.ndim) if axis is None else np.atleast_1d(axis)
    dims = sorted({normal_axis(a, array.ndim) for a in given})
    if name in ("all", "any"):
        extreme = reduce_array(number(truth(array)), "min" if name == "all" else "max", tuple(dims), keepdims)
        return truth(extreme)
    array = number(array)
    if any(array.shape[d] == 0 for d in dims) and name not in ("sum", "prod"):
        raise UnsupportedError(f"np.{name} of no entries (shape {array.shape}), in {user_line()}.")
    count = int(np.prod([array.shape[d] for d in dims], dtype=int))
    for d in dims:
        array = _along(array, "sum" if name == "mean" else name, d)
    if name == "mean":
        array = array * (1.0 / count)
    if keepdims:
        return array
    return rearrange(array, [d for d in range(array.ndim) if d not in dims])


def _along(array: TracedArray, name: str, dim: int) -> TracedArray:
    """Reduce one dimension to length 1."""
    tape, g = array.tape, array.tape.g
    axis = array.axes()[dim]
    shape = (*array.shape[:dim], 1, *array.shape[dim + 1 :])
    if axis is None:
        parts = [get(array, (*[slice(None)] * dim, slice(k, k + 1))) for k in range(array.shape[dim])]
        if not parts:
            return TracedArray(tape, shape, np.full_like(array.nodes, g.one if name == "prod" else g.zero))
        word = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum"}[name]
        total = parts[0]
        for part in parts[1:]:
            total = elementwise(tape, word, [total, part])
        return total
    if name == "prod":  # halves are multiplied until few factors are left
        n = array.shape[dim]
        key = [slice(None)] * dim
        halves = get(array, (*key, slice(0, n // 2))) * get(array, (*key, slice(n // 2, 2 * (n // 2))))
        rest = get(array, (*key, slice(2 * (n // 2), n)))
        whole = _along(halves, "prod", dim)
        return whole * rest if n % 2 else whole
    if name == "sum":
        nodes = [g.map(sum_map([axis]), int(x)) for x in array.nodes.ravel()]
    else:
        sign = 1 if name == "max" else -1
        largest = LinearMap(f"max:{axis.name}", "max", (axis,), ())
        nodes = [
            g.scale(sign, g.map(largest, g.scale(sign, int(x)))) if axis in g.axes[int(x)] else int(x)
            for x in array.nodes.ravel()
        ]
    return TracedArray(tape, shape, np.array(nodes, dtype=np.int64).reshape(array.nodes.shape))


# ---------------------------------------------------------------------- products of arrays
def matmul(tape: Tape, a: Any, b: Any) -> TracedArray:
    """``a @ b`` for arrays of one or two dimensions, or with leading dimensions to broadcast."""
    for known, other in ((a, b), (b, a)):
        if not isinstance(known, TracedArray) and np.ndim(known) == 2 and isinstance(other, TracedArray):
            if known is a and other.ndim in (1, 2):
                return number_matrix(tape, np.asarray(a), other)
            if known is b and other.ndim == 1:
                return number_matrix(tape, np.asarray(b).T, other)
            if known is b and other.ndim == 2:
                return rearrange(number_matrix(tape, np.asarray(b).T, rearrange(other, [1, 0])), [1, 0])
    x, y = as_traced(tape, a), as_traced(tape, b)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    if y.ndim == 1:
        _same(x.shape[-1], y.shape[0])
        return reduce_array(x * y, "sum", -1)
    _same(x.shape[-1], y.shape[-2])
    left = rearrange(x, [*range(x.ndim), None])
    right = rearrange(y, [*range(y.ndim - 2), None, y.ndim - 2, y.ndim - 1])
    return reduce_array(left * right, "sum", -2)


def _same(n: int, m: int) -> None:
    if n != m:
        raise UnsupportedError(f"A product contracts dimensions of lengths {n} and {m}, in {user_line()}.")


def number_matrix(tape: Tape, matrix: Any, array: TracedArray) -> TracedArray:
    """A matrix of numbers times an array, along its first dimension."""
    _same(matrix.shape[1], array.shape[0])
    shape = (matrix.shape[0], *array.shape[1:])
    source = array.axes()[0]
    result = TracedArray(tape, shape, np.zeros([1 if n > 8 else n for n in shape], dtype=int))
    target = result.axes()[0]
    if source is None or target is None:
        rows = as_traced(tape, matrix)
        return reduce_array(
            rearrange(rows, [0, 1, *[None] * (array.ndim - 1)]) * rearrange(array, [None, *range(array.ndim)]), "sum", 1
        )
    m = tape.matrix(matrix, source, target)
    nodes = [tape.g.map(m, int(x)) for x in number(array).nodes.ravel()]
    return TracedArray(tape, shape, np.array(nodes, dtype=np.int64).reshape(array.nodes.shape))


def einsum(tape: Tape, subscripts: str, *operands: Any) -> TracedArray:
    """``np.einsum`` without ellipses and repeated letters inside one operand."""
    text = subscripts.replace(" ", "")
    inputs, _, output = text.partition("->")
    terms = inputs.split(",")
    if "->" not in text:
        letters = "".join(terms)
        output = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    arrays = [as_traced(tape, o) for o in operands]
    if "." in text or len(terms) != len(arrays) or any(len(set(t)) < len(t) for t in terms):
        raise UnsupportedError(
            f"np.einsum({subscripts!r}) in {user_line()} is not supported. Write it by products and sums."
        )
    order = output + "".join(sorted(set("".join(terms)) - set(output)))
    total: TracedArray | None = None
    for term, array in zip(terms, arrays, strict=True):
        if len(term) != array.ndim:
            raise UnsupportedError(
                f"np.einsum({subscripts!r}) in {user_line()}: {term!r} names an array of {array.shape}."
            )
        spread = rearrange(array, [term.index(c) if c in term else None for c in order])
        total = spread if total is None else total * spread
    assert total is not None
    surplus = tuple(range(len(output), len(order)))
    return reduce_array(total, "sum", surplus) if surplus else total
