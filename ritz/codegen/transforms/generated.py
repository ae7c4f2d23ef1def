"""Transforms made for a grid and a processor: LLVM code with explicit vectors, see `box` and `line`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from ritz.codegen import native
from ritz.codegen.transforms.box import BoxTransform
from ritz.codegen.transforms.line import LineTransform
from ritz.codegen.transforms.passes import fours, radices, smallest_first
from ritz.codegen.transforms.provider import ALIGNMENT, Phase, Plan, TransformShape, aligned
from ritz.codegen.transforms.search import quickest, repeated

# Ways to choose radices that are timed against `radices`. Radix 16 is none of them: sixteen complex numbers take all of
# 32 registers, and spills make it slower (8 lanes on Zen 4: by 10 to 70 % on every grid from 64^3 to 512^2).
ORDERS = (smallest_first, fours)


def obstacle(shape: TransformShape) -> str:
    """Why there are no generated transforms for a shape, in words; empty where there are."""
    if len(shape.points) == 1:
        (n,) = shape.points
        return "" if _lines(shape, "inverse") else f"{n} points do not make whole vectors of rows and of columns"
    odd = [n for n in shape.points if radices(n, 8) is None]
    if odd:
        return f"{odd[0]} points are not a product of two or more factors up to 7 and powers of two"
    return ""


def _lines(shape: TransformShape, direction: str) -> list[LineTransform]:
    """Kernels for a transform in one dimension, the widest vectors that fit first."""
    widths = [lanes for lanes in (8, 4, 2) if lanes <= native.lanes()]
    lines = [LineTransform(shape.points[0], shape.cutoff[0], shape.real, direction == "forward", w) for w in widths]
    return [line for line in lines if line.sides is not None]


def _boxes(shape: TransformShape, direction: str) -> list[BoxTransform]:
    """Kernels for a transform in several dimensions; vectors of two doubles always find four points a side.

    First the widest vectors that fit with radices by the rule, then with other radices, then narrower vectors.
    """

    def box(lanes: int, radices_of: Callable[[int, int], tuple[int, ...] | None] | None = None) -> BoxTransform:
        factors = tuple(radices_of(n, lanes) or radices(n, lanes) or () for n in shape.points) if radices_of else ()
        return BoxTransform(shape.points, shape.cutoff, shape.real, direction == "forward", lanes, factors=factors)

    widths = [lanes for lanes in (8, 4, 2) if lanes <= native.lanes() and (box(lanes).fits or lanes == 2)]
    return [box(widths[0]), *(box(widths[0], other) for other in ORDERS), *(box(lanes) for lanes in widths[1:2])]


def _distinct(boxes: list[BoxTransform]) -> list[BoxTransform]:
    """Those whose radices differ, by what they are and not by how they were chosen."""
    found: dict[object, BoxTransform] = {}
    for box in boxes:
        found.setdefault((box.lanes, tuple(box.line(i).factors for i in range(len(box.points)))), box)
    return list(found.values())


def line_kernel(shape: TransformShape, direction: str) -> LineTransform:
    """The kernel of a transform in one dimension."""
    return quickest(_lines(shape, direction)[:2], lambda kernel: repeated(_line_plan(kernel), shape, direction))


def box_kernels(shape: TransformShape, direction: str) -> BoxTransform:
    """The kernels of a transform in several dimensions."""
    candidates = _distinct(_boxes(shape, direction))
    return quickest(candidates, lambda kernels: repeated(_box_plan(kernels, 1), shape, direction))


@cache
def _loaded(kernels: BoxTransform | LineTransform) -> native.Native:
    return native.load(kernels.text())


def make_plan(shape: TransformShape, batch: int, direction: str) -> Plan:
    """Make a plan for `batch` arrays of this shape; `direction` is ``inverse`` or ``forward``."""
    if len(shape.points) == 1:
        return _line_plan(line_kernel(shape, direction))
    return _box_plan(box_kernels(shape, direction), batch)


def _line_plan(line: LineTransform) -> Plan:
    code = _loaded(line)
    return Plan((Phase(code.address("line"), 1, planes=False),), 0, 0, line.scratch, code)


def _box_plan(kernels: BoxTransform, batch: int) -> Plan:
    points, forward = kernels.points, kernels.forward
    size = 16 * points[0] * kernels.pitch
    between = np.empty(batch * size + ALIGNMENT, dtype=np.uint8)
    plan = aligned(between.ctypes.data) + size * np.arange(batch, dtype=np.int64)
    code = _loaded(kernels)
    columns = -(-kernels.columns // kernels.lanes)
    rows = kernels.group if len(points) == 2 else 1
    outer = Phase(code.address("outer"), columns, planes=False)
    inner = Phase(code.address("inner"), points[0], planes=True, fewest=rows)
    phases = (inner, outer) if forward else (outer, inner)
    return Plan(phases, plan.ctypes.data, plan.strides[0], kernels.scratch, (plan, between, code))
