"""Evaluation of a recorded program by NumPy: slow, and what compiled kernels are tested against."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.graph import Axis, LinearMap
from ritz.symbolic.tracing.tape import SLOTS, Array, Tape


class SlotLayout(tuple[Axis, ...]):
    """Array dimensions of an evaluation: one for each slot, shared by all axes of that slot, the highest slot first."""

    order: dict[Axis, int]

    @classmethod
    def of(cls, tape: Tape) -> SlotLayout:
        """The layout of a program."""
        made = cls([Axis("slot", "point")] * SLOTS)
        made.order = tape.order
        return made

    def index(self, axis: Any, *_: Any) -> int:
        """The dimension of an axis."""
        return self.order[axis]

    def __contains__(self, axis: object) -> bool:
        return axis in self.order


def spread(values: Any, axes: Sequence[Axis], tape: Tape) -> Array:
    """Reshape an array over some axes (outermost first) so that it broadcasts over one dimension for each slot."""
    shape = [1] * SLOTS
    for axis, n in zip(axes, np.shape(values), strict=True):
        shape[tape.order[axis]] = n
    return np.reshape(values, shape)


def over(value: Any, axes: Sequence[Axis], tape: Tape) -> Array:
    """An evaluated array with one dimension for each slot as one over some axes only (outermost first)."""
    full = [1] * SLOTS
    for axis in axes:
        full[tape.order[axis]] = tape.size[axis]
    value = np.asarray(value)
    value = value if value.ndim == SLOTS else value.reshape([1] * SLOTS)
    return np.broadcast_to(value, full).reshape([tape.size[a] for a in axes])


def run(tape: Tape, roots: Sequence[int], values: Mapping[int, Any]) -> list[Array]:
    """Values of nodes, each over the dimensions of the layout.

    Args:
        tape: the recorded program.
        roots: what to compute.
        values: of states, seeds, parameters and time: numbers, or arrays over the node's own axes.
    """
    g = tape.g
    given: dict[int, Any] = {}
    for node in g.inputs(roots):
        name = g.args[node][0]
        found = values[node] if node in values else np.nan if name == "unset" else tape.arrays[name]
        given[node] = found if np.ndim(found) == 0 else spread(found, tape.looped(g.axes[node]), tape)
    return evaluate_spread(tape, roots, given)


def evaluate_spread(tape: Tape, roots: Sequence[int], given: Mapping[int, Any]) -> list[Array]:
    """The same for values that are spread already; any node may be given."""
    g = tape.g
    linear = {g.args[n][0] for n in g.topological(roots, stop=given) if g.op[n] == "map"}
    maps = {m.name: numpy_map(tape, m) for m in linear if m.kind != "scatter"}  # scatters are done there
    sizes = {axis.name: n for axis, n in tape.size.items()}
    found = evaluate(g, roots, given, maps, tape.indices, layout=SlotLayout.of(tape), sizes=sizes)
    return [np.asarray(f) for f in found]


def numpy_map(tape: Tape, m: LinearMap) -> Callable[[Array], Array]:
    """A map between arrays with one dimension for each slot."""
    where = tape.order

    def full(v: Any) -> Array:
        shape = list(np.shape(v)) or [1] * SLOTS
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
    full_name = tape.origin.get(m.name, m.name)
    name = full_name.removesuffix(".T")
    if m.kind in ("pick", "pick.T"):
        position = int(tape.indices[name.removeprefix("pick:").split(",")[0]][0])
        if m.kind == "pick":
            return lambda v: np.take(full(v), [position], axis=dims[0])
        return lambda v: _placed(v, [position], where[m.target[0]], tape.size[m.target[0]])
    source, target = ends(m)
    i, j = where[source], where[target]
    if m.kind == "scatter":
        return lambda v: _placed(np.swapaxes(full(v), i, j), tape.indices[name], j, tape.size[target])
    matrix = tape.arrays[name].T if full_name.endswith(".T") else tape.arrays[name]
    return lambda v: np.swapaxes(np.moveaxis(np.tensordot(matrix, full(v), axes=(1, i)), 0, i), i, j)


def ends(m: LinearMap) -> tuple[Axis, Axis]:
    """Which axis a matrix or scatter reads and which it makes; the others only come along."""
    source = [a for a in m.source if a not in m.target] or list(m.source)
    target = [a for a in m.target if a not in m.source] or list(m.target)
    return source[0], target[0]


def _placed(values: Any, positions: Any, dim: int, length: int) -> Array:
    moved = np.moveaxis(np.asarray(values), dim, 0)
    out = np.zeros((length, *moved.shape[1:]))
    np.add.at(out, np.asarray(positions), moved)
    return np.moveaxis(out, 0, dim)
