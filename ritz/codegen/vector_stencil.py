"""Loops that read elsewhere as vector code in LLVM's language: every lane is another cell of a row.

    for every pair of rows:
        for both rows:                         # where all reads of the row start
            for cells that no block holds:     # one by one, through index arrays
            a block at each end of the row     # its outermost cells through index arrays
            for blocks that are not aligned:
        for aligned blocks of the interior:    # what one row has read the other one needs
            for both rows:

Where the cells outside the interior are few, the blocks at the ends of a row hold them; otherwise they stay outside, as
does a row of less than two blocks. Rows that read each other go in pairs, if both lie in the interior. Functions that
are no instructions are left to printed loops (`ritz.codegen.emit_stencil`), which has vector code for some of them.
Bounds and index arrays come from the context, and so do shifts unless they are small: the text of a local stencil does
not depend on the size of the grid.
"""

from __future__ import annotations

from ritz.codegen import native
from ritz.codegen.emit_loops import ContextSlots
from ritz.codegen.llvm_operations import ARITHMETIC, INTRINSIC, LOGICAL
from ritz.codegen.program import Program, Stage
from ritz.codegen.stencil_reads import Block, Reader, Row
from ritz.codegen.vector_code import Code, Index
from ritz.codegen.vector_program import VectorPrinter
from ritz.symbolic.graph import Axis
from ritz.symbolic.rewrite.scheduled import Scheduled
from ritz.symbolic.tracing.settle import decode

PAIRED_UP_TO = 200  # instructions; more need more registers than there are
WAY = 512  # doubles; cells this far from each other, as those of long rows, share a place in the first cache
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


class VectorStencil:
    """Prints one stage as a function with the calling convention of stages (`ritz.codegen.abi`)."""

    def __init__(self, program: Program, stage: Stage, slots: ContextSlots) -> None:
        assert stage.interior is not None
        self.program, self.stage, self.interior, self.axes = program, stage, stage.interior, stage.axes
        self.code = Code(native.lanes())
        self.lanes = self.code.lanes
        self.reader = Reader(program, stage, slots, self.code)
        self.declared: set[str] = set()
        self.counters: dict[Axis, Index] = {}
        self.leaves = list(dict.fromkeys([*_leaves(stage.code), *_leaves(stage.interior.code)]))
        self.links = self._links()
        self.edges = self._edges()

    def _links(self) -> dict[int, list[str]]:
        """Index maps that lead from a row to the next one (1) or the one before (-1); empty where rows go alone."""
        g, found = self.program.graph, dict[int, list[str]]()
        if len(self.axes) > 1 and len(self.interior.code) <= PAIRED_UP_TO:
            for node in _leaves(self.interior.code):
                for name, target in decode(g, node)[1].values() if g.op[node] == "gather" else ():
                    if target == self.axes[-2] and (shift := self.reader.row_shift(name)) in (-1, 1):
                        found.setdefault(shift, []).append(name)
        return found

    def _edges(self) -> tuple[int, int] | None:
        """Cells outside the interior at the two ends of a row; None if they are many, or rows are not complete."""
        first, rest = (self.interior.numbers[f"{word} {self.axes[-1].name}"] for word in ("from", "rest"))
        return (first, rest) if len(self.axes) > 1 and 2 * max(first, rest) <= self.lanes else None

    # ------------------------------------------------------------------ the function
    def text(self) -> str:
        """The module."""
        self._loops(list(self.axes[:-1]))
        arguments = "i64 %lo, i64 %hi, double %t, ptr noalias readonly %u, ptr noalias readonly %p, ptr noalias %out, "
        lines = [f"define void @{self.stage.name}({arguments}ptr noalias readonly %ctx) nounwind {{", "entry:"]
        lines += [*self.reader.head, *self.code.lines, "  ret void", "}", *sorted(self.declared)]
        return "\n".join(lines) + "\n"

    def _loops(self, axes: list[Axis]) -> None:
        if not axes:
            self._alone(dict(self.counters))
            return
        first = len(axes) == len(self.axes) - 1
        start, stop = ("%lo", "%hi") if first else ("0", self.reader.size(axes[0]))
        if len(axes) == 1 and self.links:
            self._pairs(axes[0], start, stop)
            return
        with self.code.loop(start, stop) as counter:
            self.counters[axes[0]] = counter
            self._loops(axes[1:])

    def _pairs(self, axis: Axis, start: Index, stop: Index) -> None:
        """All rows, two at a time."""
        code = self.code
        with code.loop(start, stop, 2) as first:
            second = code.smaller(code.plus(first, 1), code.let(f"sub nsw i64 {stop}, 1"))
            places = [{**self.counters, axis: row} for row in (first, second)]
            joint = self._all(
                f"icmp ne i64 {first}, {second}",
                f"icmp ne i64 0, {code.let(f'and i64 {self.reader.size(self.axes[-1])}, {WAY - 1}')}",
                *(condition for place in places for condition in self._in_the_interior(place)),
                *(f"icmp eq i64 {self.reader.entry(name, first)}, {second}" for name in self.links.get(1, [])),
                *(f"icmp eq i64 {self.reader.entry(name, second)}, {first}" for name in self.links.get(-1, [])),
            )
            with code.when(joint):
                self._cells([self.reader.row(place, self.leaves, [first, second]) for place in places], "true")
            with code.when(code.let(f"xor i1 {joint}, true")):
                with code.loop(first, code.smaller(code.plus(first, 2), stop)) as row:
                    self._alone({**self.counters, axis: row})

    def _alone(self, place: dict[Axis, Index]) -> None:
        """One row."""
        self._cells([self.reader.row(place, self.leaves, [])], self._all(*self._in_the_interior(place)))

    def _in_the_interior(self, place: dict[Axis, Index]) -> list[str]:
        """Conditions for a row to lie in the interior."""
        bounds = [(axis, w, r) for axis in self.axes[:-1] for w, r in (("from", "sge"), ("to", "slt"))]
        return [f"icmp {r} i64 {place[axis]}, {self.reader.number(f'{w} {axis.name}')}" for axis, w, r in bounds]

    def _all(self, *conditions: str) -> str:
        result = "true"
        for condition in conditions:
            result = self.code.let(f"and i1 {result}, {self.code.let(condition)}")
        return result

    # ------------------------------------------------------------------ cells
    def _bounds(self) -> tuple[Index, Index, Index, Index]:
        """Start and end of a row, and of the cells in it that blocks hold."""
        code, last = self.code, self.axes[-1]
        start, stop = ("%lo", "%hi") if len(self.axes) == 1 else ("0", self.reader.size(last))
        first: Index = start
        end: Index = stop
        if self.edges is None:
            first = self._larger(self.reader.number(f"from {last.name}"), start)
            end = code.smaller(self.reader.number(f"to {last.name}"), stop)
        enough = code.let(f"icmp sge i64 {code.let(f'sub nsw i64 {end}, {first}')}, {2 * self.lanes}")
        left = code.let(f"select i1 {enough}, i64 {first}, i64 {stop}")
        return start, left, code.let(f"select i1 {enough}, i64 {end}, i64 {stop}"), stop

    def _cells(self, rows: list[Row], inside: str) -> None:
        """All cells of some rows; `inside`: whether these lie in the interior."""
        code, n, full = self.code, self.lanes, self.stage.code
        start, left, right, stop = self._bounds()
        gap = code.let(f"sub nsw i64 {right}, {left}")
        with code.loop(start, code.let(f"sub nsw i64 {stop}, {gap}")) as k:
            early = code.let(f"icmp slt i64 {k}, {left}")
            cell = code.let(f"select i1 {early}, i64 {k}, i64 {code.plus(k, gap)}")
            with code.single():
                self._block(full, rows, Block(cell, "cell"))
        first, rest = self.edges or (0, 0)
        with code.when(code.let(f"icmp ne i64 {gap}, 0")):
            self._block(full, rows, Block(left, "left", first))
            self._block(full, rows, Block(code.let(f"sub nsw i64 {right}, {n}"), "right", rest))
        ahead = self._ahead(rows[0], left)
        odd = code.let(f"or i64 {ahead}, {code.let(f'and i64 {gap}, {n - 1}')}")
        nothing = code.let(f"and i1 {inside}, {code.let(f'icmp eq i64 {odd}, 0')}")
        begin = code.let(f"select i1 {nothing}, i64 {right}, i64 {code.plus(left, n)}")
        far = self._larger(code.let(f"sub nsw i64 {gap}, {3 * n}"), f"{n}")
        step = code.let(f"select i1 {inside}, i64 {far}, i64 {n}")
        most = self._larger(code.let(f"sub nsw i64 {right}, {2 * n}"), code.plus(left, first))
        with code.loop(begin, code.let(f"sub nsw i64 {right}, {n}"), step) as place:
            self._block(full, rows, Block(code.smaller(place, most), "inner"))
        begin = code.let(f"select i1 {inside}, i64 {code.plus(code.plus(left, n), ahead)}, i64 {right}")
        with code.loop(begin, code.let(f"sub nsw i64 {right}, {2 * n - 1}"), n) as place:
            self._block(self.interior.code, rows, Block(place, "aligned"))

    def _ahead(self, row: Row, left: Index) -> str:
        """How many cells behind `left` the first result is aligned."""
        address = self.code.pointer(self.reader.target(row, self.stage.targets[0]), left)
        words = self.code.let(f"lshr i64 {self.code.let(f'ptrtoint ptr {address} to i64')}, 3")
        return self.code.let(f"and i64 {self.code.let(f'sub nsw i64 0, {words}')}, {self.lanes - 1}")

    def _block(self, program: Scheduled, rows: list[Row], block: Block) -> None:
        for row in rows:
            printer = VectorPrinter(self.code, lambda node, row=row: self.reader.value(node, row, block))  # type: ignore[misc]
            results = printer.run(program)
            self.declared |= printer.declared
            for target, value in zip(self.stage.targets, results, strict=True):
                self.code.store(value, self.reader.target(row, target), block.place)

    def _larger(self, a: Index, b: Index) -> str:
        more = self.code.let(f"icmp sgt i64 {a}, {b}")
        return self.code.let(f"select i1 {more}, i64 {a}, i64 {b}")


def _leaves(code: Scheduled) -> list[int]:
    return [args[0] for op, args in zip(code.op, code.args, strict=True) if op == "leaf"]
