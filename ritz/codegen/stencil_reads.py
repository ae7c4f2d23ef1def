"""Where the reads of a vectorised loop lie: what is known at the start, for a row, and for a block of its cells."""

from __future__ import annotations

from dataclasses import dataclass, field

from ritz.codegen.emit_loops import ContextSlots
from ritz.codegen.program import Program, Stage, Target
from ritz.codegen.vector_code import Code, Index
from ritz.symbolic.graph import Axis
from ritz.symbolic.tracing.settle import decode

NEAR = 8  # shifts up to which they stand in the text
_LINE = 8  # doubles of a cache line
_START: Index = 0


@dataclass
class Read:
    """Where a leaf lies.

    Attributes:
        row: pointer to the part that the row determines.
        moves: (index array or None, factor) for every axis that follows the cells of the row.
        shift: for one move with factor 1 in the interior: how far from the cell.
        whole: what is read is as long as the row.
    """

    row: str
    moves: list[tuple[str | None, Index]]
    shift: Index | None = None
    whole: bool = False


@dataclass
class Row:
    """One row of cells.

    Attributes:
        place: counters of the axes around the row.
        reads: leaf -> where it lies.
        known: leaf that the row determines -> its double.
        starts: axes of an array that is written -> index at which the row starts.
    """

    place: dict[Axis, Index]
    reads: dict[int, Read] = field(default_factory=dict)
    known: dict[int, str] = field(default_factory=dict)
    starts: dict[tuple[Axis, ...], Index] = field(default_factory=dict)


@dataclass(frozen=True)
class Block:
    """Cells in a row that are computed together.

    Attributes:
        place: the first one.
        kind: ``"cell"``: a single one, read through index arrays; ``"left"``, ``"right"``: a block at an end of the
            row, whose outermost cells are read that way; ``"inner"``: all cells in the interior; ``"aligned"``: these,
            and what is written starts at a cache line, with a block of the row on each side.
        edge: cells at the end that are outside the interior.
    """

    place: Index
    kind: str
    edge: int = 0


class Reader:
    """Prints addresses and loads of one stage.

    Attributes:
        head: instructions at the start of the function.
    """

    def __init__(self, program: Program, stage: Stage, slots: ContextSlots, code: Code) -> None:
        assert stage.interior is not None
        self.program, self.stage, self.slots, self.code, self.g = program, stage, slots, code, program.graph
        self.interior, self.last = stage.interior, stage.axes[-1]
        self.head: list[str] = []
        self._words: dict[str, str] = {}
        self._arrays: dict[str, str] = {}

    # ------------------------------------------------------------------ known at the start
    def word(self, slot: str) -> str:
        """An entry of the context."""
        if slot not in self._words:
            name = f"%c{len(self._words)}"
            self.head.append(f"  {name}_at = getelementptr i64, ptr %ctx, i64 {self.slots.slot(slot)}")
            self.head.append(f"  {name} = load i64, ptr {name}_at, align 8")
            self._words[slot] = name
        return self._words[slot]

    def size(self, axis: Axis) -> str:
        """How many cells lie along an axis."""
        return self.word(f"size {axis.name}")

    def number(self, name: str) -> str:
        """A bound or a shift of the interior."""
        return self.word(f"number {self.stage.name} {name}")

    def _once(self, key: str, text: str) -> str:
        """A value computed at the start."""
        if key not in self._arrays:
            name = f"%a{len(self._arrays)}"
            self.head.append(f"  {name} = {text}")
            self._arrays[key] = name
        return self._arrays[key]

    def _pointer(self, slot: str) -> str:
        return self._once(slot, f"inttoptr i64 {self.word(slot)} to ptr")

    def _offset(self, base: str, name: str) -> str:
        return self._once(f"{base} {name}", f"getelementptr i8, ptr {base}, i64 {self.word(f'offset {name}')}")

    def _batch(self, buffer: str, position: int) -> str:
        array = self._pointer(f"array {buffer}")
        if not position:
            return array
        stride = self._once(f"{buffer} {position}", f"mul i64 {self.word(f'stride {buffer}')}, {position}")
        return self._once(f"array {buffer}[{position}]", f"getelementptr i8, ptr {array}, i64 {stride}")

    def _parameter(self, name: str) -> str:
        at = self._once(f"p {name}", f"getelementptr double, ptr %p, i64 {self.slots.parameters.index(name)}")
        return self._once(f"value {name}", f"load double, ptr {at}, align 8")

    # ------------------------------------------------------------------ known for a row
    def row(self, place: dict[Axis, Index], leaves: list[int], others: list[Index]) -> Row:
        """What all reads of a row have in common.

        Args:
            place: counters of the axes around the row.
            leaves: what is read.
            others: rows of the same group; reads of these are printed as such.
        """
        row = Row(place)
        for node in leaves:
            kind = self.g.args[node][1] if self.g.op[node] == "input" else ""
            if kind == "time":
                row.known[node] = "%t"
            elif kind == "param":
                row.known[node] = self._parameter(self.g.args[node][0])
            else:
                read = self._read(node, place, others)
                if read.moves:
                    row.reads[node] = read
                else:
                    row.known[node] = self.code.let(f"load double, ptr {read.row}, align 8")
        for target in self.stage.targets:
            self.target(row, target)
        return row

    def _read(self, node: int, place: dict[Axis, Index], others: list[Index]) -> Read:
        leaf, moves = decode(self.g, node) if self.g.op[node] == "gather" else (node, {})
        array, own = self._leaf(leaf)
        read = Read("", [])
        base: Index = 0
        factor: Index = 1
        for axis in reversed(own):
            name, target = moves.get(axis, ("", axis))
            if target == self.last:
                read.moves.append((name or None, factor))
                if factor == 1 and (not name or self.interior.strides[name, target] == 1):
                    read.shift, read.whole = (self._shift(name, target) if name else 0), axis == self.last
            else:
                base = self.code.plus(base, self._product(self._position(name, target, place, others), factor))
            factor = self._product(self.size(axis), factor)
        if len(read.moves) != 1:
            read.shift = None
        read.row = self.code.pointer(array, base)
        return read

    def _shift(self, name: str, target: Axis) -> Index:
        """How far from the cell a read lies: a number in the text if it is small, as it is on every grid then."""
        shift = self.interior.numbers[f"shift {name} {target.name}"]
        return shift if abs(shift) <= NEAR else self.number(f"shift {name} {target.name}")

    def row_shift(self, name: str) -> int | None:
        """How many rows away an index map usually leads; None if that is not small."""
        axis = self.stage.axes[-2]
        shift = self.interior.numbers.get(f"shift {name} {axis.name}")
        return shift if shift is not None and abs(shift) <= NEAR and self.interior.strides[name, axis] == 1 else None

    def _position(self, name: str, target: Axis | None, place: dict[Axis, Index], others: list[Index]) -> Index:
        """Position along an axis of a leaf that does not follow the cells of the row."""
        if target is None:
            return self.entry(name, 0)
        here = place[target]
        if not name:
            return here
        if here in others and target == self.stage.axes[-2] and (shift := self.row_shift(name)) is not None:
            other = others.index(here) + shift
            if 0 <= other < len(others):
                return others[other]
        return self.entry(name, here)

    def entry(self, name: str, place: Index) -> str:
        """An entry of an index map."""
        at = self.code.let(f"getelementptr i64, ptr {self._pointer(f'index {name}')}, i64 {place}")
        return self.code.let(f"load i64, ptr {at}, align 8")

    def _leaf(self, leaf: int) -> tuple[str, list[Axis]]:
        """Pointer to an array that is read, and its axes, outermost first."""
        order = sorted((a for a in self.g.axes[leaf] if a in self.program.order), key=self.program.order.__getitem__)
        if self.g.op[leaf] == "map":
            return self._batch(*self.program.map_results[leaf]), order
        name, kind = self.g.args[leaf]
        return self._offset("%u", name) if kind == "state" else self._pointer(f"array {name}"), order

    def target(self, row: Row, target: Target) -> str:
        """Pointer to the row of an array that is written."""
        if target.array.startswith("out"):
            array = self._offset("%out", target.array[4:])
        else:
            buffer, position = target.array[:-1].rsplit("[", 1)
            array = self._batch(buffer, int(position))
        axes = tuple(sorted(target.axes, key=self.stage.axes.index))
        if axes not in row.starts:
            base: Index = 0
            for axis in axes[:-1]:
                base = self.code.plus(self._product(base, self.size(axis)), row.place[axis])
            row.starts[axes] = self._product(base, self.size(axes[-1]))
        return self.code.pointer(array, row.starts[axes])

    def _product(self, a: Index, b: Index) -> Index:
        if isinstance(a, int) and isinstance(b, int):
            return a * b
        if 1 in (a, b):
            return b if a == 1 else a
        return 0 if 0 in (a, b) else self.code.let(f"mul nsw i64 {a}, {b}")

    # ------------------------------------------------------------------ the cells of a block
    def value(self, node: int, row: Row, block: Block) -> str:
        """The vector of a leaf."""
        code = self.code
        if node in row.known:
            return code.spread(row.known[node])
        read = row.reads[node]
        if read.moves == [(None, 1)]:
            return code.load(read.row, block.place)
        if block.kind == "cell" or read.shift is None:
            return self._by_lanes("poison", read, block.place, range(code.lanes))
        if block.kind in ("left", "right"):
            return self._at_the_end(read, block)
        return self._inside(read, block)

    def _by_lanes(self, vector: str, read: Read, place: Index, lanes: range) -> str:
        """A vector with some lanes read through index maps."""
        code = self.code
        for lane in lanes:
            cell, index = code.plus(place, lane), _START
            for name, factor in read.moves:
                position = cell if name is None else self.entry(name, cell)
                index = code.plus(index, self._product(position, factor))
            one = code.let(f"load double, ptr {code.pointer(read.row, index)}, align 8")
            vector = code.let(f"insertelement {code.vector} {vector}, double {one}, i32 {lane}")
        return vector

    def _at_the_end(self, read: Read, block: Block) -> str:
        """A block at an end of the row: nothing beyond the row is read."""
        code, n, edge, shift = self.code, self.code.lanes, block.edge, read.shift
        if not edge:
            return code.load(code.pointer(read.row, block.place), shift or 0)
        if not read.whole or not isinstance(shift, int) or abs(shift) > edge:
            return self._by_lanes("poison", read, block.place, range(n))
        out = -shift if block.kind == "left" else shift  # lanes that would be read beyond the end
        if out <= 0:
            vector = code.load(code.pointer(read.row, block.place), shift)
        else:
            near = code.load(read.row, block.place)
            vector = code.shuffle(near, near, [min(max(lane + shift, 0), n - 1) for lane in range(n)])
        return self._by_lanes(vector, read, block.place, range(edge) if block.kind == "left" else range(n - edge, n))

    def _inside(self, read: Read, block: Block) -> str:
        """A block of the interior.

        A vector as long as a cache line crosses one wherever it is not aligned, and such a load takes twice the time.
        Instead the two aligned ones around it are read, which the neighbours need too.
        """
        code, n, shift = self.code, self.code.lanes, read.shift
        assert shift is not None
        at = code.pointer(read.row, block.place)
        if block.kind == "aligned" and n == _LINE and read.whole and isinstance(shift, int) and 0 < abs(shift) < n:
            low, high = (-n, 0) if shift < 0 else (0, n)
            return code.shuffle(code.load(at, low), code.load(at, high), range(shift - low, shift - low + n))
        return code.load(at, shift)
