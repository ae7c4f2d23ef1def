"""Transforms made for a grid and a processor: LLVM code with explicit vectors (see `ritz.codegen.transforms.box`)."""

from __future__ import annotations

from functools import cache

import numpy as np

from ritz.codegen import native
from ritz.codegen.transforms.box import BoxTransform
from ritz.codegen.transforms.passes import radices
from ritz.codegen.transforms.provider import ALIGNMENT, Phase, Plan, TransformShape, aligned


def obstacle(shape: TransformShape) -> str:
    """Why there are no generated transforms for a shape, in words; empty where there are."""
    if len(shape.points) == 1:
        return "one axis has no rows to lie side by side in a vector"
    odd = [n for n in shape.points if radices(n, 8) is None]
    if odd:
        return f"{odd[0]} points are not a product of two or more factors up to 7 and powers of two"
    return ""


def _lanes(shape: TransformShape, widest: int) -> int:
    """Widest vectors that a grid can fill; those of two doubles always find four points a side."""
    lanes = widest
    while lanes > 2 and not box(shape, "inverse", lanes).fits:
        lanes //= 2
    return lanes


def box(shape: TransformShape, direction: str, lanes: int) -> BoxTransform:
    """The kernels of a transform with vectors of this width."""
    return BoxTransform(shape.points, shape.cutoff, shape.real, direction == "forward", lanes)


@cache
def _loaded(kernels: BoxTransform) -> native.Native:
    return native.load(kernels.text())


def make_plan(shape: TransformShape, batch: int, direction: str) -> Plan:
    """Make a plan for `batch` arrays of this shape; `direction` is ``inverse`` or ``forward``."""
    kernels = box(shape, direction, _lanes(shape, native.lanes()))
    size = 16 * shape.points[0] * kernels.pitch
    between = np.empty(batch * size + ALIGNMENT, dtype=np.uint8)
    plan = aligned(between.ctypes.data) + size * np.arange(batch, dtype=np.int64)
    code = _loaded(kernels)
    columns = -(-kernels.columns // kernels.lanes)
    rows = kernels.group if len(shape.points) == 2 else 1
    outer = Phase(code.address("outer"), columns, planes=False)
    inner = Phase(code.address("inner"), shape.points[0], planes=True, fewest=rows)
    phases = (outer, inner) if direction == "inverse" else (inner, outer)
    return Plan(phases, plan.ctypes.data, plan.strides[0], kernels.scratch, (plan, between, code))
