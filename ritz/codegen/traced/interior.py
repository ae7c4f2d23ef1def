"""The box of a loop nest where nothing is special: masks are constant there and index maps shifts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ritz.codegen.program import Interior, Scheduler
from ritz.symbolic.graph import Axis, Graph
from ritz.symbolic.rewrite.lowering import pointwise_order
from ritz.symbolic.rewrite.scheduled import Scheduled
from ritz.symbolic.tracing.folding import substitute
from ritz.symbolic.tracing.settle import decode
from ritz.symbolic.tracing.tape import Array, Tape


def find_interior(
    tape: Tape, g: Graph, axes: tuple[Axis, ...], roots: Sequence[int], code: Scheduled, schedule: Scheduler
) -> Interior | None:
    """The interior of a stage over some axes; None where the loops need none.

    Along the innermost axis all index maps must be affine, so that neighbouring cells read neighbouring entries; the
    others only need constant masks, since a row is looked up once.
    """
    nodes = pointwise_order(g, roots)
    masks = [n for n in nodes if g.op[n] == "input" and g.args[n][1] == "mask"]
    reads = [n for n in nodes if g.op[n] == "gather"]
    if not masks and not reads:
        return None
    numbers: dict[str, int] = {}
    strides: dict[tuple[str, Axis], int] = {}
    constant: dict[int, int] = {}
    for axis in axes:
        here = [n for n in masks if axis in g.axes[n]]
        maps = _maps_onto(g, reads, axis) if axis == axes[-1] else []
        start, stop = longest_run(
            tape.size[axis], [tape.arrays[g.args[n][0]] for n in here], [tape.indices[m] for m in maps]
        )
        numbers[f"from {axis.name}"], numbers[f"to {axis.name}"] = start, stop
        numbers[f"rest {axis.name}"] = tape.size[axis] - stop
        for n in here:
            constant[n] = g.const(int(tape.arrays[g.args[n][0]][start]))
        for m in maps or _maps_onto(g, reads, axis):
            positions = tape.indices[m]
            first, end = (start, stop) if maps else longest_run(tape.size[axis], [], [positions])
            stride = int(positions[first + 1] - positions[first]) if end - first > 1 else 1
            strides[m, axis] = stride
            numbers[f"shift {m} {axis.name}"] = int(positions[first]) - stride * first
    inner = substitute(g, roots, constant)
    return Interior(code if inner == list(roots) else schedule(g, inner), numbers, strides)


def _maps_onto(g: Graph, reads: Iterable[int], axis: Axis) -> list[str]:
    """Index maps through which some reads follow an axis."""
    return sorted({name for n in reads for name, target in decode(g, n)[1].values() if target == axis})


def longest_run(length: int, masks: Sequence[Array], maps: Sequence[Array]) -> tuple[int, int]:
    """Start and stop of the longest stretch on which masks are constant and index maps keep their usual stride."""
    good = np.ones(max(length - 1, 0), dtype=bool)
    for mask in masks:
        good &= mask[1:] == mask[:-1]
    for positions in maps:
        steps = np.diff(positions)
        values, counts = np.unique(steps, return_counts=True)
        good &= steps == (values[np.argmax(counts)] if len(values) else 1)
    breaks = np.flatnonzero(~good) + 1
    edges = np.concatenate([[0], breaks, [length]])
    longest = int(np.argmax(np.diff(edges)))
    return int(edges[longest]), int(edges[longest + 1])
