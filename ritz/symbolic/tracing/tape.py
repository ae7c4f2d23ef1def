"""What a recorded program refers to: axes of known length, index maps, masks, constant arrays and matrices.

An axis belongs to a *slot*, the position of an array dimension counted from the right, and to a length, so that arrays
that broadcast against each other share their axes. Names count lengths and maps in the order in which they appear and
do not contain them: the same program on a larger grid gives the same names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ritz.symbolic.graph import Axis, Graph, LinearMap

Array = npt.NDArray[Any]
MOST_DIMENSIONS = 6  # of a recorded array; higher slots are spare
SLOTS = 3 * MOST_DIMENSIONS  # in all; the last third is for reads on their way to an axis
UNROLLED = 8  # longest dimension whose entries are nodes of their own; longer ones are loops


class Tape:
    """The graph of one program and the data that its nodes name.

    Attributes:
        g: the graph.
        size: axis -> length.
        slot: axis -> position from the right of the array dimension it stands for.
        indices: name of an index map -> (target length,) positions along the source axis.
        sources: name of an index map -> length of the source axis.
        arrays: name of a constant -> its values, one dimension per axis; masks hold 0 and 1.
        origin: name of a map between buffers -> name of the map that it applies.
    """

    def __init__(self) -> None:
        self.g = Graph()
        self.size: dict[Axis, int] = {}
        self.slot: dict[Axis, int] = {}
        self.indices: dict[str, Array] = {}
        self.sources: dict[str, int] = {}
        self.arrays: dict[str, Array] = {}
        self.origin: dict[str, str] = {}
        self._order: dict[Axis, int] = {}
        self._lengths: list[int] = []
        self._known: dict[Any, str] = {}

    # ------------------------------------------------------------------ axes
    def axis(self, slot: int, length: int) -> Axis:
        """The axis of a slot and length."""
        if length not in self._lengths:
            self._lengths.append(length)
        axis = Axis(f"s{slot}_{self._lengths.index(length)}", "point")
        self.size[axis], self.slot[axis] = length, slot
        return axis

    @property
    def order(self) -> dict[Axis, int]:
        """The dimension of every axis where arrays have one dimension per slot, the highest slot first."""
        if len(self._order) != len(self.slot):
            self._order = {axis: SLOTS - 1 - slot for axis, slot in self.slot.items()}
        return self._order

    def looped(self, axes: Iterable[Axis]) -> list[Axis]:
        """The axes of this program among some axes, outermost first."""
        return sorted((a for a in axes if a in self.slot), key=lambda a: -self.slot[a])

    @property
    def unset(self) -> int:
        """The node of entries that the program has made but not filled."""
        return self.g.input("unset", "array")

    # ------------------------------------------------------------------ data
    def _named(self, prefix: str, key: Any) -> tuple[str, bool]:
        """A name for a piece of data, and whether it is new."""
        full = (prefix, key)
        if full in self._known:
            return self._known[full], False
        name = self._known[full] = f"{prefix}{sum(p == prefix for p, _ in self._known)}"
        return name, True

    def index(self, positions: Any, source: int) -> str:
        """Name of an index map: position k of the target reads ``positions[k]`` of a source of that length."""
        positions = np.ascontiguousarray(positions, dtype=np.int64)
        name, new = self._named("map", (positions.tobytes(), source))
        if new:
            self.indices[name], self.sources[name] = positions, source
        return name

    def array(self, values: Any, axes: Sequence[Axis]) -> int:
        """The node of a constant over some axes (outermost first); a number where all entries are equal."""
        values = np.ascontiguousarray(values, dtype=float)
        if values.size and np.all(values == values.flat[0]):
            return self.g.const(float(values.flat[0]))
        name, new = self._named("constant", (values.tobytes(), tuple(axes)))
        if new:
            self.arrays[name] = values
        return self.g.input(name, "array", axes)

    def condition(self, where: Any, axis: Axis) -> int:
        """The node that is true where an array of booleans along an axis is."""
        where = np.asarray(where, dtype=bool)
        if where.all() or not where.any():
            return self.g.one if where.all() else self.g.zero
        return self.g.func("gt", self.mask(where.astype(float), axis), self.g.const(0.5))

    def mask(self, values: Array, axis: Axis) -> int:
        """The node of zeros and ones along an axis; a number where all are equal."""
        if np.all(values == values[0]):
            return self.g.const(int(values[0]))
        name, new = self._named("mask", (values.tobytes(), axis))
        if new:
            self.arrays[name] = values
        return self.g.input(name, "mask", [axis])

    def buffered(self, m: LinearMap, axes: Iterable[Axis]) -> LinearMap:
        """A map as one between whole buffers: over all axes that its argument varies over, under a name of its own."""
        source = tuple(self.looped({*m.source, *axes}))
        target = tuple(self.looped({*(a for a in source if a not in m.source), *m.target}))
        kind = m.kind.removesuffix(".T")
        name, _ = self._named(kind, (m.name, source, target))
        self.origin[name] = m.name
        return LinearMap(name, m.kind, source, target)

    def matrix(self, values: Any, source: Axis, target: Axis) -> LinearMap:
        """A dense matrix from one axis to another."""
        values = np.ascontiguousarray(values, dtype=float)
        name, new = self._named("matrix", (values.tobytes(), source, target))
        if new:
            self.arrays[name] = values
        return LinearMap(name, "matrix", (source,), (target,))

    # ------------------------------------------------------------------ maps between axes
    def gather(self, node: int, positions: Any, source: Axis, target: Axis) -> int:
        """Read along `target` what stands at `positions` of `source`; nothing to do where the node does not vary."""
        identity = source == target and np.array_equal(positions, np.arange(self.size[source]))
        if source not in self.g.axes[node] or identity:
            return node
        return self.g.gather(self.index(positions, self.size[source]), node, source, target)

    def scatter(self, node: int, positions: Any, source: Axis, target: Axis) -> int:
        """Zero along `target` except at `positions`, where the entries of `source` stand (added up if repeated)."""
        name = self.index(positions, self.size[target])
        return self.g.map(LinearMap(name + ".T", "scatter", (source,), (target,)), node)

    def pick(self, node: int, position: int, source: Axis) -> int:
        """The entry at one position of an axis."""
        if source not in self.g.axes[node]:
            return node
        name = self.index([position], self.size[source])
        return self.g.map(LinearMap(f"pick:{name},{source.name}", "pick", (source,), ()), node)

    def put(self, node: int, position: int, target: Axis) -> int:
        """Zero along an axis except at one position."""
        name = self.index([position], self.size[target])
        return self.g.map(LinearMap(f"pick:{name},{target.name}.T", "pick.T", (), (target,)), node)

    def permute(self, node: int, changes: Sequence[tuple[Axis, Axis]]) -> int:
        """Rename axes all at once (old, new), both of one length; by way of spare slots where they would meet."""
        straight: list[tuple[Axis, Axis]] = []
        waiting: list[tuple[Axis, Axis]] = []
        for old, new in changes:
            if old == new or old not in self.g.axes[node]:
                continue
            if any(self.slot.get(a) == self.slot[new] for a in self.g.axes[node] if a != old):
                spare = self._spare(node, self.size[old])
                node = self.gather(node, np.arange(self.size[old]), old, spare)
                waiting.append((spare, new))
            else:
                straight.append((old, new))
        for old, new in straight + waiting:
            node = self.gather(node, np.arange(self.size[old]), old, new)
        return node

    def _spare(self, node: int, length: int) -> Axis:
        slot = MOST_DIMENSIONS
        while any(self.slot.get(a) == slot for a in self.g.axes[node]):
            slot += 1
        return self.axis(slot, length)

    def inverse(self, name: str) -> tuple[Array, Array] | None:
        """For a map without repetitions: (source,) position in the target (0 where none), and whether there is one."""
        positions = self.indices[name]
        if len(np.unique(positions)) < len(positions):
            return None
        back = np.zeros(self.sources[name], dtype=np.int64)
        found = np.zeros(self.sources[name], dtype=bool)
        back[positions], found[positions] = np.arange(len(positions)), True
        if found.any():  # entries outside continue the run of their neighbours, so that the map stays affine longer
            back = _continued(back, found, len(positions))
        return back, found


def _continued(back: Array, found: Array, length: int) -> Array:
    """Fill unused entries so that they stay inside the target; what they read is never used."""
    known = np.flatnonzero(found)
    nearest = known[np.clip(np.searchsorted(known, np.arange(len(back))), 0, len(known) - 1)]
    filled: Array = np.where(found, back, np.clip(back[nearest], 0, length - 1))
    return filled
