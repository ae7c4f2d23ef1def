"""The steps of a program as the interpreter reads them: seven numbers each (see `ritz.codegen.runtime`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ritz.codegen.runtime import LOOP, PHASE, PLANES
from ritz.codegen.transforms.provider import Plan

NEAR = 4096  # values that steps which go together should touch at a time: they stay in the first or second cache


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        kind, values, numbers: what the interpreter reads; `numbers` are at most four.
        planes: how many planes of the grid the step can be cut into, 0 where it cannot.
        fewest: planes that must be done together.
    """

    kind: int
    values: int
    numbers: tuple[int, ...]
    planes: int = 0
    fewest: int = 1

    @property
    def row(self) -> list[int]:
        """The seven numbers; 0 is the first unit."""
        return [self.kind, self.values, 0, *self.numbers, *[0] * (4 - len(self.numbers))]


def loop_step(address: int, rows: int, values: int, planes: int) -> Step:
    """A stage; `planes` is 0 unless its outermost loops are those over the planes of the grid."""
    return Step(LOOP, values, (address, rows, rows // planes if planes else 0), planes)


def phase_steps(
    plan: Plan, source: int, target: int, strides: tuple[int, int], batch: int, values: int
) -> tuple[list[Step], list[np.ndarray]]:
    """The phases of a transform of `batch` fields that lie `strides` bytes apart; and the records to keep alive."""
    steps, records = [], []
    for phase in plan.phases:
        record = np.array(
            [phase.function, plan.address, source, target, plan.stride, *strides, batch], dtype=np.int64
        )  # fmt: skip
        records.append(record)
        numbers = (record.ctypes.data, phase.units, phase.fewest)
        steps.append(Step(PHASE, values, numbers, phase.units if phase.planes else 0, phase.fewest))
    return steps, records


def encode(steps: Iterable[Step]) -> tuple[np.ndarray, list[np.ndarray]]:
    """All steps as one array, those on the planes of one grid that follow each other put together; arrays to keep."""
    rows: list[list[int]] = []
    keep: list[np.ndarray] = []
    for planes, members in groupby(steps, key=lambda s: s.planes):
        group = list(members)
        if planes and len(group) > 1:
            inner = np.array([s.row for s in group], dtype=np.int64)
            keep.append(inner)
            group = [_together(group, planes, inner.ctypes.data)]
        rows += [s.row for s in group]
    return np.array(rows, dtype=np.int64).reshape(-1), keep


def _together(steps: Sequence[Step], planes: int, address: int) -> Step:
    widest = max(s.values for s in steps) // planes
    size = max(*(s.fewest for s in steps), -(-NEAR // max(widest, 1)))
    return Step(PLANES, sum(s.values for s in steps), (address, len(steps), planes, min(size, planes)))
