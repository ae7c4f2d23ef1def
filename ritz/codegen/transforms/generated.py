"""Transforms made for a grid and a processor: LLVM code with explicit vectors, see `box` and `line`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from ritz.codegen import native
from ritz.codegen.transforms.box import BoxTransform
from ritz.codegen.transforms.line import LineTransform, length
from ritz.codegen.transforms.line_passes import choices
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
        return "" if _lines(shape, "inverse") else f"{n} points are too few or have a prime factor above 7"
    odd = [n for n in shape.points if radices(n, 8) is None]
    if odd:
        return f"{odd[0]} points are not a product of two or more factors up to 7 and powers of two"
    return ""


def _element(shape: TransformShape) -> tuple[str, int]:
    """Type of the numbers, and how many of them a vector register holds."""
    return ("double", native.lanes()) if shape.precision == "double" else ("float", 2 * native.lanes())


def _lines(shape: TransformShape, direction: str) -> list[LineTransform]:
    """Kernels for a transform in one dimension, fewest instructions first, each with another width of the vectors."""
    (points,), (cutoff,) = shape.points, shape.cutoff
    element, lanes = _element(shape)
    plans = choices(length(points, shape.real), lanes, native.registers())
    return [LineTransform(points, cutoff, shape.real, direction == "forward", *plan, element) for plan in plans]


def _boxes(shape: TransformShape, direction: str) -> list[BoxTransform]:
    """Kernels for a transform in several dimensions; vectors of two numbers always find four points a side.

    First the widest vectors that fit with radices by the rule, then with other radices, then narrower vectors.
    """
    element, widest = _element(shape)

    def box(lanes: int, radices_of: Callable[[int, int], tuple[int, ...] | None] | None = None) -> BoxTransform:
        factors = tuple(radices_of(n, lanes) or radices(n, lanes) or () for n in shape.points) if radices_of else ()
        return BoxTransform(shape.points, shape.cutoff, shape.real, direction == "forward", lanes, element, factors)

    widths = [lanes for lanes in (16, 8, 4, 2) if lanes <= widest and (box(lanes).fits or lanes == 2)]
    return [box(widths[0]), *(box(widths[0], other) for other in ORDERS), *(box(lanes) for lanes in widths[1:2])]


def _distinct(boxes: list[BoxTransform]) -> list[BoxTransform]:
    """Those whose radices differ, by what they are and not by how they were chosen."""
    found: dict[object, BoxTransform] = {}
    for box in boxes:
        found.setdefault((box.lanes, tuple(box.line(i).factors for i in range(len(box.points)))), box)
    return list(found.values())


def generated_line(shape: TransformShape, direction: str) -> LineTransform | None:
    """The kernel of a transform in one dimension; None where there is none."""
    candidates = _lines(shape, direction)[:2]
    return quickest(candidates, lambda line: repeated(_line_plan(line), shape, direction)) if candidates else None


def generated_box(shape: TransformShape, direction: str) -> BoxTransform:
    """The kernels of a transform in several dimensions."""
    candidates = _distinct(_boxes(shape, direction))
    return quickest(candidates, lambda kernels: repeated(_box_plan(kernels, 1), shape, direction))


@cache
def _loaded(kernels: BoxTransform | LineTransform) -> native.Native:
    return native.load(kernels.text())


def make_plan(shape: TransformShape, batch: int, direction: str) -> Plan:
    """Make a plan for `batch` arrays of this shape; `direction` is ``inverse`` or ``forward``."""
    line = generated_line(shape, direction) if len(shape.points) == 1 else None
    return _line_plan(line) if line is not None else _box_plan(generated_box(shape, direction), batch)


def _line_plan(line: LineTransform) -> Plan:
    code = _loaded(line)
    return Plan((Phase(code.address("line"), 1, planes=False),), 0, 0, line.scratch, code)


def _box_plan(kernels: BoxTransform, batch: int) -> Plan:
    points, forward = kernels.points, kernels.forward
    size = 2 * kernels.size * points[0] * kernels.pitch
    between = np.empty(batch * size + ALIGNMENT, dtype=np.uint8)
    plan = aligned(between.ctypes.data) + size * np.arange(batch, dtype=np.int64)
    code = _loaded(kernels)
    columns = -(-kernels.columns // kernels.lanes)
    rows = kernels.group if len(points) == 2 else 1
    outer = Phase(code.address("outer"), columns, planes=False)
    inner = Phase(code.address("inner"), points[0], planes=True, fewest=rows)
    phases = (inner, outer) if forward else (outer, inner)
    return Plan(phases, plan.ctypes.data, plan.strides[0], kernels.scratch, (plan, between, code))
