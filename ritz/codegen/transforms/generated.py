"""Transforms made for a grid and a processor: LLVM code with explicit vectors, see `box` and `line`."""

from __future__ import annotations

from functools import cache

import numpy as np

from ritz.codegen import native
from ritz.codegen.transforms.box import BoxTransform
from ritz.codegen.transforms.line import LineTransform, length
from ritz.codegen.transforms.line_passes import choose
from ritz.codegen.transforms.passes import radices
from ritz.codegen.transforms.provider import ALIGNMENT, Phase, Plan, TransformShape, aligned


def obstacle(shape: TransformShape) -> str:
    """Why there are no generated transforms for a shape, in words; empty where there are."""
    if len(shape.points) == 1:
        (n,) = shape.points
        return "" if generated_line(shape, "inverse") else f"{n} points are too few or have a prime factor above 7"
    odd = [n for n in shape.points if radices(n, 8) is None]
    if odd:
        return f"{odd[0]} points are not a product of two or more factors up to 7 and powers of two"
    return ""


def _element(shape: TransformShape) -> tuple[str, int]:
    """Type of the numbers, and how many of them a vector register holds."""
    return ("double", native.lanes()) if shape.precision == "double" else ("float", 2 * native.lanes())


def generated_line(shape: TransformShape, direction: str) -> LineTransform | None:
    """The kernel of a transform in one dimension, with the vectors and radices that take the fewest instructions."""
    (points,), (cutoff,) = shape.points, shape.cutoff
    element, lanes = _element(shape)
    plan = choose(length(points, shape.real), lanes, native.registers())
    return plan and LineTransform(points, cutoff, shape.real, direction == "forward", *plan, element)


def generated_box(shape: TransformShape, direction: str) -> BoxTransform:
    """The kernels of a transform in several dimensions; vectors of two numbers always find four points a side."""
    element, lanes = _element(shape)
    while True:
        box = BoxTransform(shape.points, shape.cutoff, shape.real, direction == "forward", lanes, element)
        if box.fits or lanes == 2:
            return box
        lanes //= 2


@cache
def _loaded(kernels: BoxTransform | LineTransform) -> native.Native:
    return native.load(kernels.text())


def make_plan(shape: TransformShape, batch: int, direction: str) -> Plan:
    """Make a plan for `batch` arrays of this shape; `direction` is ``inverse`` or ``forward``."""
    line = generated_line(shape, direction) if len(shape.points) == 1 else None
    if line is not None:
        code = _loaded(line)
        return Plan((Phase(code.address("line"), 1, planes=False),), 0, 0, line.scratch, code)
    kernels = generated_box(shape, direction)
    size = 2 * kernels.size * shape.points[0] * kernels.pitch
    between = np.empty(batch * size + ALIGNMENT, dtype=np.uint8)
    plan = aligned(between.ctypes.data) + size * np.arange(batch, dtype=np.int64)
    code = _loaded(kernels)
    columns = -(-kernels.columns // kernels.lanes)
    rows = kernels.group if len(shape.points) == 2 else 1
    outer = Phase(code.address("outer"), columns, planes=False)
    inner = Phase(code.address("inner"), shape.points[0], planes=True, fewest=rows)
    phases = (outer, inner) if direction == "inverse" else (inner, outer)
    return Plan(phases, plan.ctypes.data, plan.strides[0], kernels.scratch, (plan, between, code))
