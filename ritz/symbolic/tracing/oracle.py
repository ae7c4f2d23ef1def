"""Evaluation of a recorded program by NumPy: slow, and what compiled kernels are tested against."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.graph import Axis, LinearMap
from ritz.symbolic.tracing.tape import Array, Tape


class SlotLayout(tuple[Axis, ...]):
    """Array dimensions of an evaluation: one for each slot, shared by all axes of that slot, the highest slot first."""

    order: dict[Axis, int]

    @classmethod
    def of(cls, tape: Tape) -> SlotLayout:
        """The layout of all axes of a program."""
        used = sorted(set(tape.slot.values()), reverse=True)
        made = cls(next(a for a, s in tape.slot.items() if s == slot) for slot in used)
        made.order = {axis: used.index(slot) for axis, slot in tape.slot.items()}
        return made

    def index(self, axis: Any, *_: Any) -> int:
        """The dimension of an axis."""
        return self.order[axis]

    def __contains__(self, axis: object) -> bool:
        return axis in self.order


def over(value: Any, axes: Sequence[Axis], tape: Tape, layout: SlotLayout) -> Array:
    """An evaluated array over the dimensions of a layout as one over some axes only (outermost first)."""
    full = [1] * len(layout)
    for axis in axes:
        full[layout.order[axis]] = tape.size[axis]
    value = np.asarray(value)
    value = value if value.ndim == len(layout) else value.reshape([1] * len(layout))
    return np.broadcast_to(value, full).reshape([tape.size[a] for a in axes])


def spread(values: Any, axes: Sequence[Axis], layout: SlotLayout) -> Array:
    """Reshape an array over some axes (outermost first) so that it broadcasts over all dimensions of a layout."""
    shape = [1] * len(layout)
    for axis, n in zip(axes, np.shape(values), strict=True):
        shape[layout.order[axis]] = n
    return np.reshape(values, shape)


def sorted_axes(axes: Any, layout: SlotLayout) -> list[Axis]:
    """The looped ones among some axes, outermost first."""
    return sorted((a for a in axes if a in layout.order), key=layout.order.__getitem__)


def run(tape: Tape, roots: Sequence[int], values: Mapping[int, Any]) -> list[Array]:
    """Values of nodes, each over the dimensions of the layout.

    Args:
        tape: the recorded program.
        roots: what to compute.
        values: of states, seeds, parameters and time: numbers, or arrays over the node's own axes.
    """
    g, layout = tape.g, SlotLayout.of(tape)
    given: dict[int, Any] = {}
    for node in g.inputs(roots):
        name, kind = g.args[node]
        if node in values:
            found = values[node]
        elif name == "unset":
            found = np.nan
        else:
            found = tape.arrays[name]
        given[node] = found if np.ndim(found) == 0 else spread(found, sorted_axes(g.axes[node], layout), layout)
    linear = {g.args[n][0] for n in g.topological(roots) if g.op[n] == "map"}
    maps = {m.name: numpy_map(tape, layout, m) for m in linear if m.kind != "scatter"}  # scatters are done there
    sizes = {axis.name: n for axis, n in tape.size.items()}
    found = evaluate(g, roots, given, maps, tape.indices, layout=layout, sizes=sizes)
    return [np.asarray(f) for f in found]


def numpy_map(tape: Tape, layout: SlotLayout, m: LinearMap) -> Callable[[Array], Array]:
    """A map between arrays over the dimensions of a layout."""
    where = layout.order

    def full(v: Any) -> Array:
        shape = list(np.shape(v)) or [1] * len(layout)
        for axis in m.source:
            shape[where[axis]] = tape.size[axis]
        return np.broadcast_to(v, shape)

    moved = [a for a in m.source if a not in m.target]
    dims = tuple(where[a] for a in moved)
    if m.kind == "store":
        return full
    if m.kind == "sum":
        return lambda v: full(v).sum(axis=dims, keepdims=True)
    if m.kind == "max":
        return lambda v: full(v).max(axis=dims, keepdims=True)
    name = m.name.removesuffix(".T")
    if m.kind in ("pick", "pick.T"):
        position = int(tape.indices[name.removeprefix("pick:").split(",")[0]][0])
        if m.kind == "pick":
            return lambda v: np.take(full(v), [position], axis=dims[0])
        return lambda v: _placed(v, [position], where[m.target[0]], tape.size[m.target[0]])
    if m.kind == "scatter":
        source, target = moved[0], next(a for a in m.target if a not in m.source)
        return lambda v: _placed(
            np.swapaxes(full(v), where[source], where[target]), tape.indices[name], where[target], tape.size[target]
        )
    matrix = tape.arrays[name].T if m.name.endswith(".T") else tape.arrays[name]
    source, target = matrix_axes(m)
    return lambda v: np.swapaxes(
        np.moveaxis(np.tensordot(matrix, full(v), axes=(1, where[source])), 0, where[source]), where[source], where[target]
    )


def matrix_axes(m: LinearMap) -> tuple[Axis, Axis]:
    """Which axis a matrix reads and which it makes; the others only come along."""
    source = [a for a in m.source if a not in m.target] or list(m.source)
    target = [a for a in m.target if a not in m.source] or list(m.target)
    return source[0], target[0]


def _placed(values: Any, positions: Any, dim: int, length: int) -> Array:
    moved = np.moveaxis(np.asarray(values), dim, 0)
    out = np.zeros((length, *moved.shape[1:]))
    np.add.at(out, np.asarray(positions), moved)
    return np.moveaxis(out, 0, dim)
