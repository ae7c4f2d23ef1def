"""The steps of a program as the interpreter reads them: seven numbers each (see `ritz.codegen.runtime`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from ritz.codegen.runtime import LOOP, PHASE, PLANES
from ritz.codegen.transforms.provider import ALIGNMENT, Plan, aligned

NEAR = 4096  # values that steps which go together should touch at a time: they stay in the first or second cache


@dataclass(frozen=True)
class GridArray:
    """An array of grid values of one or several fields.

    Attributes:
        slot, stride_slot: entries of the context that hold its address and the bytes from field to field; 0 for none.
        fields, plane: number of fields, bytes of a plane.
    """

    slot: int
    stride_slot: int
    fields: int
    plane: int


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        kind, values, numbers: what the interpreter reads; `numbers` are at most four.
        planes: how many planes of the grid the step can be cut into, 0 where it cannot.
        fewest: planes that must be done together.
        arrays: names of the arrays of grid values that it reads or writes.
        record, grid_end: of a phase, and whether its source (0) or its target (1) is on the grid.
    """

    kind: int
    values: int
    numbers: tuple[int, ...]
    planes: int = 0
    fewest: int = 1
    arrays: tuple[str, ...] = ()
    record: np.ndarray | None = None
    grid_end: int = 0

    @property
    def row(self) -> list[int]:
        """The seven numbers; 0 is the first unit."""
        return [self.kind, self.values, 0, *self.numbers, *[0] * (4 - len(self.numbers))]


def loop_step(address: int, rows: int, values: int, planes: int, arrays: tuple[str, ...] = ()) -> Step:
    """A stage; `planes` is 0 unless its outermost loops are those over the planes of the grid."""
    return Step(LOOP, values, (address, rows, rows // planes if planes else 0), planes, arrays=arrays)


def phase_steps(
    plan: Plan, ends: tuple[int, int], strides: tuple[int, int], batch: int, values: int, grid: tuple[str, int]
) -> list[Step]:
    """The phases of a transform of `batch` fields.

    Args:
        plan, batch: the transform.
        ends, strides: addresses of source and target, and bytes from field to field there.
        values: numbers on the grid.
        grid: name of the array of grid values, and which end it is (0 source, 1 target).
    """
    steps = []
    cut = any(phase.planes for phase in plan.phases)
    for phase in plan.phases:
        record = np.array([phase.function, plan.address, *ends, plan.stride, *strides, batch, 0, 0], dtype=np.int64)
        numbers = (record.ctypes.data, phase.units, phase.fewest)
        touched = (grid[0],) if phase.planes or not cut else ()
        planes = phase.units if phase.planes else 0
        steps.append(Step(PHASE, values, numbers, planes, phase.fewest, touched, record, grid[1]))
    return steps


class Encoder:
    """Turns steps into the arrays that the interpreter reads; those on the planes of one grid are put together.

    Grid values that only such a group touches lie in memory of the thread, as many planes as it does at a time: they
    never leave its cache.

    Args:
        arrays: the arrays of grid values.
        context: entries of the context.
        scratch: bytes of scratch memory that the phases need.

    Attributes:
        program: seven numbers a step.
        scratch: bytes of scratch memory that a thread needs.
    """

    def __init__(self, steps: Sequence[Step], arrays: Mapping[str, GridArray], context: int, scratch: int) -> None:
        self._arrays, self._context, self._first = arrays, context, aligned(scratch)
        self.scratch = scratch
        self.keep: list[Any] = [steps]
        rows: list[list[int]] = []
        for planes, members in groupby(steps, key=lambda s: s.planes):
            group = list(members)
            if planes and len(group) > 1:
                others = {name for s in steps if not any(s is member for member in group) for name in s.arrays}
                group = [self._together(group, planes, others)]
            rows += [s.row for s in group]
        self.program = np.array(rows, dtype=np.int64).reshape(-1)

    def _together(self, steps: Sequence[Step], planes: int, others: set[str]) -> Step:
        widest = max(s.values for s in steps) // planes
        size = min(max(*(s.fewest for s in steps), -(-NEAR // max(widest, 1))), planes)
        inner = np.array([s.row for s in steps], dtype=np.int64)
        own = [name for name in dict.fromkeys(n for s in steps for n in s.arrays) if name not in others]
        record = [inner.ctypes.data, len(steps), len(own), self._context, self._first]
        offset = aligned(8 * self._context)
        for name in own:
            array, most = self._arrays[name], min(2 * size - 1, planes)
            stride = aligned(most * array.plane) + 3 * ALIGNMENT  # fields do not fall on the same lines of the cache
            record += [array.slot, array.stride_slot, offset, array.plane, stride]
            offset += array.fields * stride
        for step in steps:
            if step.record is not None and step.arrays[0] in own:
                step.record[8 + step.grid_end] = 1 + own.index(step.arrays[0])
        self.scratch = max(self.scratch, self._first + offset)
        whole = np.array(record, dtype=np.int64)
        self.keep += [inner, whole]
        return Step(PLANES, sum(s.values for s in steps), (whole.ctypes.data, 0, planes, size))
