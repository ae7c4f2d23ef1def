"""Loops that read elsewhere as vector code in LLVM's language: every lane is another cell of a row.

    for every row:                       # where all reads of the row start
        for cells outside the interior:  # one by one, through index arrays
        for blocks of the interior:      # every read is a vector of neighbours

Of the blocks of the interior, those between the first and the last one start where the first result is aligned; a row
of less than two blocks counts as outside. Functions that are no instructions are left to printed loops
(`ritz.codegen.emit_stencil`), which has vector code for some of them. Bounds and index arrays come from the context,
and so do shifts unless they are small: the text of a local stencil does not depend on the size of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass

from ritz.codegen import native
from ritz.codegen.emit_loops import ContextSlots
from ritz.codegen.llvm_operations import ARITHMETIC, INTRINSIC, LOGICAL
from ritz.codegen.program import Program, Stage, Target
from ritz.codegen.vector_code import Code, Index
from ritz.codegen.vector_program import VectorPrinter
from ritz.symbolic.graph import Axis
from ritz.symbolic.rewrite.scheduled import Scheduled
from ritz.symbolic.tracing.settle import decode

NEAR = 8  # shifts up to which they stand in the text
_START: Index = 0
_INSTRUCTIONS = {*ARITHMETIC, *INTRINSIC, *LOGICAL, "leaf", "const", "neg", "where", "maximum", "minimum", "sign"}


def fits(program: Program, stage: Stage) -> bool:
    """Whether a stage has an interior and consists of real instructions."""
    if stage.interior is None or not stage.axes or any(len(t.parts) > 1 for t in stage.targets):
        return False
    for code in (stage.code, stage.interior.code):
        names = {args[0] if op == "func" else op for op, args in zip(code.op, code.args, strict=True)}
        if any(code.is_complex) or not names <= _INSTRUCTIONS:
            return False
    return True


@dataclass
class _Read:
    """Where a leaf lies.

    Attributes:
        row: pointer to the part that the row determines.
        moves: (index array or None, factor) for every axis that follows the cells of the row.
        shift: for one move with factor 1 in the interior: how far from the cell.
    """

    row: str
    moves: list[tuple[str | None, Index]]
    shift: Index | None = None


class VectorStencil:
    """Prints one stage as a function with the calling convention of stages (`ritz.codegen.abi`)."""

    def __init__(self, program: Program, stage: Stage, slots: ContextSlots) -> None:
        assert stage.interior is not None
        self.program, self.stage, self.slots, self.g = program, stage, slots, program.graph
        self.interior = stage.interior
        self.code = Code(native.lanes())
        self.lanes = self.code.lanes
        self.head: list[str] = []
        self.declared: set[str] = set()
        self._words: dict[str, str] = {}
        self._arrays: dict[str, str] = {}
        self.counters: dict[Axis, Index] = {}
        self.reads: dict[int, _Read] = {}
        self.rows: dict[int, str] = {}  # leaves that the row determines: doubles

    # ------------------------------------------------------------------ the function
    def text(self) -> str:
        """The module."""
        leaves = [
            args[0]
            for code in (self.stage.code, self.interior.code)
            for op, args in zip(code.op, code.args, strict=True)
            if op == "leaf"
        ]
        self.leaves = list(dict.fromkeys(leaves))
        self._loops(list(self.stage.axes[:-1]))
        arguments = "i64 %lo, i64 %hi, double %t, ptr noalias readonly %u, ptr noalias readonly %p, ptr noalias %out, "
        lines = [f"define void @{self.stage.name}({arguments}ptr noalias readonly %ctx) nounwind {{", "entry:"]
        return "\n".join([*lines, *self.head, *self.code.lines, "  ret void", "}", *sorted(self.declared)]) + "\n"

    def _loops(self, axes: list[Axis]) -> None:
        if not axes:
            self._row()
            return
        first = len(axes) == len(self.stage.axes) - 1
        start, stop = ("%lo", "%hi") if first else ("0", self._size(axes[0]))
        with self.code.loop(start, stop) as counter:
            self.counters[axes[0]] = counter
            self._loops(axes[1:])

    def _row(self) -> None:
        """All cells of one row: those around the interior first, since its first and last block may overlap them."""
        code, last = self.code, self.stage.axes[-1]
        start, stop = ("%lo", "%hi") if len(self.stage.axes) == 1 else ("0", self._size(last))
        self._bases()
        first = self._larger(self._number(f"from {last.name}"), start)
        end = code.smaller(self._number(f"to {last.name}"), stop)
        room = code.let(f"sub nsw i64 {end}, {first}")
        inside = code.let(f"icmp sge i64 {room}, {2 * self.lanes}")
        for axis in self.stage.axes[:-1]:
            for word, relation in (("from", "sge"), ("to", "slt")):
                bound = self._number(f"{word} {axis.name}")
                good = code.let(f"icmp {relation} i64 {self.counters[axis]}, {bound}")
                inside = code.let(f"and i1 {inside}, {good}")
        left = code.let(f"select i1 {inside}, i64 {first}, i64 {stop}")
        right = code.let(f"select i1 {inside}, i64 {end}, i64 {stop}")
        self._around(start, left, right, stop)
        self._inside(left, right)

    def _around(self, start: Index, left: Index, right: Index, stop: Index) -> None:
        """Single cells over ``start <= i < left`` and ``right <= i < stop``."""
        code = self.code
        gap = code.let(f"sub nsw i64 {right}, {left}")
        with code.loop(start, code.let(f"sub nsw i64 {stop}, {gap}")) as k:
            early = code.let(f"icmp slt i64 {k}, {left}")
            place = code.let(f"select i1 {early}, i64 {k}, i64 {code.plus(k, gap)}")
            with code.single():
                self._block(self.stage.code, place, inside=False)

    def _inside(self, left: Index, right: Index) -> None:
        """Blocks over ``left <= i < right``, of two or more: the first, the last, and aligned ones between."""
        code, lanes = self.code, self.lanes
        last = code.let(f"sub nsw i64 {right}, {lanes}")
        apart = self._larger(code.let(f"sub nsw i64 {last}, {left}"), "1")
        with code.loop(left, right, apart) as place:
            self._block(self.interior.code, place, inside=True)
        array, base = self._target(self.stage.targets[0])
        address = code.let(f"ptrtoint ptr {code.pointer(array, code.plus(base, left))} to i64")
        ahead = code.let(f"sub nsw i64 0, {code.let(f'lshr i64 {address}, 3')}")
        aligned = code.plus(left, code.let(f"and i64 {ahead}, {lanes - 1}"))
        with code.loop(aligned, last, lanes) as place:
            self._block(self.interior.code, place, inside=True)

    def _block(self, program: Scheduled, place: Index, *, inside: bool) -> None:
        printer = VectorPrinter(self.code, lambda node: self._value(node, place, inside=inside))
        results = printer.run(program)
        self.declared |= printer.declared
        for target, value in zip(self.stage.targets, results, strict=True):
            array, base = self._target(target)
            self.code.store(value, self.code.pointer(array, base), place)

    # ------------------------------------------------------------------ reading
    def _bases(self) -> None:
        """What all reads of a row have in common."""
        self.reads, self.rows = {}, {}
        self._strides: dict[tuple[Axis, ...], Index] = {}
        for node in self.leaves:
            kind = self.g.args[node][1] if self.g.op[node] == "input" else ""
            if kind == "time":
                self.rows[node] = "%t"
            elif kind == "param":
                self.rows[node] = self._parameter(self.g.args[node][0])
            else:
                read = self._read(node)
                if read.moves:
                    self.reads[node] = read
                else:
                    self.rows[node] = self.code.let(f"load double, ptr {read.row}, align 8")
        for target in self.stage.targets:
            self._target(target)

    def _read(self, node: int) -> _Read:
        leaf, moves = decode(self.g, node) if self.g.op[node] == "gather" else (node, {})
        array, own = self._leaf(leaf)
        last = self.stage.axes[-1]
        read = _Read("", [])
        base: Index = 0
        factor: Index = 1
        for axis in reversed(own):
            name, target = moves.get(axis, ("", axis))
            if target == last:
                read.moves.append((name or None, factor))
                if factor == 1 and (not name or self.interior.strides[name, target] == 1):
                    read.shift = self._shift(name, target) if name else 0
            else:
                base = self.code.plus(base, self._product(self._position(name, target), factor))
            factor = self._product(self._size(axis), factor)
        if len(read.moves) != 1:
            read.shift = None
        read.row = self.code.pointer(array, base)
        return read

    def _shift(self, name: str, target: Axis) -> Index:
        """How far from the cell a read lies: a number in the text if it is small, as it is on every grid then."""
        shift = self.interior.numbers[f"shift {name} {target.name}"]
        return shift if abs(shift) <= NEAR else self._number(f"shift {name} {target.name}")

    def _position(self, name: str, target: Axis | None) -> Index:
        """Position along an axis of a leaf that does not follow the cells of the row."""
        if target is not None and not name:
            return self.counters[target]
        return self._entry(self._pointer(f"index {name}"), 0 if target is None else self.counters[target])

    def _entry(self, array: str, place: Index) -> str:
        at = self.code.let(f"getelementptr i64, ptr {array}, i64 {place}")
        return self.code.let(f"load i64, ptr {at}, align 8")

    def _value(self, node: int, place: Index, *, inside: bool) -> str:
        """The vector of a leaf for the cells from `place` on."""
        code = self.code
        if node in self.rows:
            return code.spread(self.rows[node])
        read = self.reads[node]
        if read.moves == [(None, 1)]:
            return code.load(read.row, place)
        if inside and read.shift is not None:
            return code.load(code.pointer(read.row, place), read.shift)
        result = "poison"
        for lane in range(code.lanes):
            cell, index = code.plus(place, lane), _START
            for name, factor in read.moves:
                position = cell if name is None else self._entry(self._pointer(f"index {name}"), cell)
                index = code.plus(index, self._product(position, factor))
            one = code.let(f"load double, ptr {code.pointer(read.row, index)}, align 8")
            result = code.let(f"insertelement {code.vector} {result}, double {one}, i32 {lane}")
        return result

    def _leaf(self, leaf: int) -> tuple[str, list[Axis]]:
        """Pointer to an array that is read, and its axes, outermost first."""
        order = sorted((a for a in self.g.axes[leaf] if a in self.program.order), key=self.program.order.__getitem__)
        if self.g.op[leaf] == "map":
            return self._batch(*self.program.map_results[leaf]), order
        name, kind = self.g.args[leaf]
        return self._offset("%u", name) if kind == "state" else self._pointer(f"array {name}"), order

    def _target(self, target: Target) -> tuple[str, Index]:
        """Pointer to an array that is written, and the index at which the row starts."""
        if target.array.startswith("out"):
            array = self._offset("%out", target.array[4:])
        else:
            buffer, position = target.array[:-1].rsplit("[", 1)
            array = self._batch(buffer, int(position))
        axes = tuple(sorted(target.axes, key=self.stage.axes.index))
        if axes not in self._strides:
            base: Index = 0
            for axis in axes[:-1]:
                base = self.code.plus(self._product(base, self._size(axis)), self.counters[axis])
            self._strides[axes] = self._product(base, self._size(axes[-1]))
        return array, self._strides[axes]

    # ------------------------------------------------------------------ numbers and addresses known at the start
    def _word(self, slot: str) -> str:
        """An entry of the context."""
        if slot not in self._words:
            name = f"%c{len(self._words)}"
            self.head.append(f"  {name}_at = getelementptr i64, ptr %ctx, i64 {self.slots.slot(slot)}")
            self.head.append(f"  {name} = load i64, ptr {name}_at, align 8")
            self._words[slot] = name
        return self._words[slot]

    def _size(self, axis: Axis) -> str:
        return self._word(f"size {axis.name}")

    def _number(self, name: str) -> str:
        return self._word(f"number {self.stage.name} {name}")

    def _known(self, key: str, text: str) -> str:
        """A value computed at the start."""
        if key not in self._arrays:
            name = f"%a{len(self._arrays)}"
            self.head.append(f"  {name} = {text}")
            self._arrays[key] = name
        return self._arrays[key]

    def _pointer(self, slot: str) -> str:
        return self._known(slot, f"inttoptr i64 {self._word(slot)} to ptr")

    def _offset(self, base: str, name: str) -> str:
        return self._known(f"{base} {name}", f"getelementptr i8, ptr {base}, i64 {self._word(f'offset {name}')}")

    def _batch(self, buffer: str, position: int) -> str:
        array = self._pointer(f"array {buffer}")
        if not position:
            return array
        stride = self._known(f"{buffer} {position}", f"mul i64 {self._word(f'stride {buffer}')}, {position}")
        return self._known(f"array {buffer}[{position}]", f"getelementptr i8, ptr {array}, i64 {stride}")

    def _parameter(self, name: str) -> str:
        at = self._known(f"p {name}", f"getelementptr double, ptr %p, i64 {self.slots.parameters.index(name)}")
        return self._known(f"value {name}", f"load double, ptr {at}, align 8")

    # ------------------------------------------------------------------ indices
    def _larger(self, a: Index, b: Index) -> str:
        more = self.code.let(f"icmp sgt i64 {a}, {b}")
        return self.code.let(f"select i1 {more}, i64 {a}, i64 {b}")

    def _product(self, a: Index, b: Index) -> Index:
        if isinstance(a, int) and isinstance(b, int):
            return a * b
        if 1 in (a, b):
            return b if a == 1 else a
        return 0 if 0 in (a, b) else self.code.let(f"mul nsw i64 {a}, {b}")
