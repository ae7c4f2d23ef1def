"""Reading the leaves of a stage as vectors: lanes are columns of modes, or rows of the grid."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ritz.codegen.vector_code import Code, Index, Pair
from ritz.symbolic.graph import Axis

if TYPE_CHECKING:
    from ritz.codegen.fused.function import Function


class Leaves(ABC):
    """What the leaves of a stage have in common.

    Args:
        function: under construction.
        results: gives the value of a map at this place.
    """

    def __init__(self, function: Function, results: Callable[[int], Pair]) -> None:
        self.function, self.code, self.g = function, function.code, function.program.graph
        self._results = results
        self._pairs: dict[int, Pair] = {}

    def get(self, node: int) -> str:
        """The vector of a leaf."""
        op, args = self.g.op[node], self.g.args[node]
        if op == "input" and args[1] == "part":
            which, leaf = args[0].split()
            return _known(self._pair(int(leaf))[which == "im"])
        if op == "map":
            return _known(self._pair(node)[0])
        name, kind = args
        if kind not in ("time", "param") and not self._axes(node):  # a direction of a parameter
            return self.code.broadcast(self.function.array(name), 0)
        if kind == "time":
            return self.function.time()
        if kind == "param":
            return self.function.parameter(name)
        return self._array(name, node)

    def _pair(self, node: int) -> Pair:
        """Real and imaginary part of a complex leaf."""
        if node not in self._pairs:
            self._pairs[node] = self._results(node) if self.g.op[node] == "map" else self._complex(node)
        return self._pairs[node]

    def _axes(self, node: int) -> list[Axis]:
        order = self.function.program.order
        return sorted((a for a in self.g.axes[node] if a in order), key=order.__getitem__)

    def _complex(self, node: int) -> Pair:
        """Both parts of a complex array; on the grid only transforms give such."""
        raise AssertionError(f"{self.g.args[node][0]} is a complex array on the grid")

    @abstractmethod
    def _array(self, name: str, node: int) -> str:
        """A real array."""


class ModeLeaves(Leaves):
    """Leaves at one index of axis 0 and as many columns as there are lanes, in the order of `Code.split`.

    Args:
        function, results: see `Leaves`.
        row, column: index of axis 0, and the first column.
        columns: how many there are.
    """

    def __init__(
        self, function: Function, results: Callable[[int], Pair], row: Index, column: Index, columns: int
    ) -> None:
        super().__init__(function, results)
        self.row, self.column, self.columns = row, column, columns
        self.place = self.code.plus(self.code.times(row, columns), column)

    def _complex(self, node: int) -> Pair:
        name, kind = self.g.args[node]
        base = self.function.state(name) if kind == "state" else self.function.array(name)
        return self.code.split(base, self.code.times(self.place, 2))

    def _array(self, name: str, node: int) -> str:
        code, axes = self.code, self._axes(node)
        slots = [self.function.program.order[a] for a in axes]
        base = self.function.array(name)
        if slots == [0]:
            return code.broadcast(base, self.row)
        if slots[0] > 0:
            self.function.expand(name, with_first=False)
            return as_split(code, code.load(base, self.column))
        self.function.expand(name, with_first=True)
        return as_split(code, code.load(base, self.place))


class GridLeaves(Leaves):
    """Leaves at a point of the last axis, in as many rows as there are lanes.

    Args:
        function, results: see `Leaves`.
        index: of every axis; of the one that the lanes follow, the first of its rows.
        sizes: of every axis.
    """

    def __init__(
        self, function: Function, results: Callable[[int], Pair], index: Sequence[Index], sizes: Sequence[int]
    ) -> None:
        super().__init__(function, results)
        self.index, self.sizes = index, sizes

    def _array(self, name: str, node: int) -> str:
        code, place, stride, lane = self.code, 0, 1, 0
        at: Index = place
        for axis in reversed(self._axes(node)):
            slot = self.function.program.order[axis]
            if slot == len(self.sizes) - 2:
                lane = stride
            at = code.plus(code.times(self.index[slot], stride), at)
            stride *= self.sizes[slot]
        base = self.function.array(name)
        if lane == 0:
            return code.broadcast(base, at)
        if lane == 1:
            return code.load(base, at)
        return code.gathered(base, at, lane)


class LineModeLeaves(Leaves):
    """Leaves at neighbouring modes of a line.

    Args:
        function, results: see `Leaves`.
        start: the first mode.
        wanted: lanes that are there; empty for all.
    """

    def __init__(
        self, function: Function, results: Callable[[int], Pair], start: Index, wanted: Sequence[bool]
    ) -> None:
        super().__init__(function, results)
        self.start, self.wanted = start, tuple(wanted)

    def _complex(self, node: int) -> Pair:
        name, kind = self.g.args[node]
        base = self.function.state(name) if kind == "state" else self.function.array(name)
        return self.code.unzip(base, self.code.times(self.start, 2), [x for x in self.wanted for _ in range(2)])

    def _array(self, name: str, node: int) -> str:
        base = self.function.array(name)
        if self.wanted:
            return _known(self.code.load_some(base, self.start, self.wanted))
        return self.code.load(base, self.start)


class LineGridLeaves(Leaves):
    """Leaves at neighbouring points of a line.

    Args:
        function, results: see `Leaves`.
        start: the first number.
        part: 0 or 1 where a number is two points: which of them.
    """

    def __init__(self, function: Function, results: Callable[[int], Pair], start: Index, part: int | None) -> None:
        super().__init__(function, results)
        self.start, self.part = start, part

    def _array(self, name: str, node: int) -> str:
        base = self.function.array(name)
        if self.part is None:
            return self.code.load(base, self.start)
        return _known(self.code.unzip(base, self.code.times(self.start, 2))[self.part])


def as_split(code: Code, vector: str) -> str:
    """Bring numbers in a row into the order that `Code.split` gives to complex ones."""
    half = code.lanes // 2
    return code.shuffle(vector, None, [k // 2 + (k % 2) * half for k in range(code.lanes)]) if half else vector


def _known(value: str | None) -> str:
    return "zeroinitializer" if value is None else value
