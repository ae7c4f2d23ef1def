"""Printing loops that read elsewhere: an interior with shifted reads, which vectorises, and the cells around it.

    for i0 in rows of the interior:           # straight-line code with masks decided
        for i1 in columns of the interior:
            ... u[row + i1 + shift] ...
    for i0 in rows:                           # everything else: reads through index arrays
        for i1 in the remaining columns:
            ... u[row + map[i1]] ...

Bounds, shifts and index arrays come from the context, so the text does not depend on the size of the grid.
"""

from __future__ import annotations

from dataclasses import replace

from ritz.codegen.emit_loops import ContextSlots, StagePrinter
from ritz.codegen.program import Program, Stage
from ritz.symbolic.graph import Axis
from ritz.symbolic.tracing.settle import decode


class _Body(StagePrinter):
    """One of the two bodies of a stage."""

    def __init__(self, program: Program, stage: Stage, slots: ContextSlots, *, inside: bool) -> None:
        assert stage.interior is not None
        super().__init__(program, replace(stage, code=stage.interior.code) if inside else stage, slots)
        self.flat, self.depth, self.inside = False, len(stage.axes), inside
        self.lines = [[] for _ in range(self.depth + 1)]
        self.interior = stage.interior
        self._prefixes: dict[str, str] = {}

    def _load(self, node: int, part: str) -> tuple[str, int]:
        if self.g.op[node] != "gather":
            return super()._load(node, part)
        leaf, moves = decode(self.g, node)
        array, own = self._leaf(leaf)
        index, depth = "", 0
        for axis in own:
            name, target = moves.get(axis, ("", axis))
            text, at = self._place(name, target)
            index = text if not index else f"{self._prefix(index, depth, axis)} + {text}"
            depth = max(depth, at)
        return f"{array}[{index or '0'}]", depth

    def _leaf(self, leaf: int) -> tuple[str, list[Axis]]:
        """Variable and axes, outermost first, of an array that is read."""
        order = sorted((a for a in self.g.axes[leaf] if a in self.program.order), key=self.program.order.__getitem__)
        if self.g.op[leaf] == "map":
            buffer, position = self.program.map_results[leaf]
            address = self._batch_address(buffer, position)
            return self._array(f"{buffer}[{position}]", f"{buffer}_{position}", address), order
        return self._input_array(leaf), order

    def _place(self, name: str, target: Axis | None) -> tuple[str, int]:
        """Position along one axis of an array, and the depth at which it is known."""
        if target is None:
            return self._hoisted(f"{name}_first_", f"{self._index_array(name)}[0]"), 0
        depth = self.stage.axes.index(target) + 1
        counter = f"i{depth - 1}"
        if not name:
            return counter, depth
        if not self.inside or target != self.stage.axes[-1]:
            return f"{self._index_array(name)}[{counter}]", depth
        shift = self._hoisted(f"{name}_shift_", self._number(f"shift {name} {target.name}"))
        stride = self.interior.strides[name, target]
        return (f"{counter} + {shift}" if stride == 1 else f"{stride}*{counter} + {shift}"), depth

    def _prefix(self, index: str, depth: int, axis: Axis) -> str:
        """The part of a flat index that outer loops know, in a variable of its own."""
        text = f"({index})*{self._size(axis)}"
        key = f"{depth} {text}"
        if key not in self._prefixes:
            variable = self._prefixes[key] = f"{'row' if self.inside else 'line'}{len(self._prefixes)}_"
            self.lines[depth].append(f"{variable} = {text}")
        return self._prefixes[key]

    def _index_array(self, name: str) -> str:
        return self._hoisted(f"{name}_", f"as_i64({self._context('index ' + name)})")

    def _hoisted(self, variable: str, text: str) -> str:
        line = f"{variable} = {text}"
        if line not in self.setup:
            self.setup.append(line)
        return variable

    def _number(self, name: str) -> str:
        return self._context(f"number {self.stage.name} {name}")

    def bound(self, word: str, axis: Axis) -> str:
        """Variable of a bound of the interior; `word` is ``from`` or ``to``."""
        return self._hoisted(f"{word}_{axis.name}", self._number(f"{word} {axis.name}"))


class StencilPrinter(StagePrinter):
    """Prints a stage with an interior."""

    def __init__(self, program: Program, stage: Stage, slots: ContextSlots) -> None:
        super().__init__(program, stage, slots)
        self.flat = False  # rows and columns are told apart

    def text(self) -> str:
        """The stage as Python source."""
        axes = self.stage.axes
        if not axes:
            body = _Body(self.program, self.stage, self.slots, inside=True)
            body.fill()
            return self.function(["context = as_i64(ctx)", *body.setup, *body.lines[0]])
        inner, outer = (_Body(self.program, self.stage, self.slots, inside=inside) for inside in (True, False))
        for axis in axes:
            inner.bound("from", axis), inner.bound("to", axis)
            outer.bound("from", axis), outer.bound("to", axis)
            outer._size(axis)
        for body in (inner, outer):
            body.fill()
        setup = [*inner.setup, *(line for line in outer.setup if line not in inner.setup)]
        lines = [*setup, *inner.lines[0], *self._inside(inner), *outer.lines[0], *self._around(outer)]
        return self.function(["context = as_i64(ctx)", *lines])

    def _inside(self, body: _Body) -> list[str]:
        lines = []
        for depth, axis in enumerate(self.stage.axes):
            start, stop = f"from_{axis.name}", f"to_{axis.name}"
            if depth == 0:
                start, stop = f"max(lo, {start})", f"min(hi, {stop})"
            lines.append("    " * depth + f"for i{depth} in range({start}, {stop}):")
            lines += ["    " * (depth + 1) + line for line in body.lines[depth + 1]]
        return lines

    def _around(self, body: _Body) -> list[str]:
        """All cells outside the interior: complete rows, and the ends of rows that cross it."""
        axes, last = self.stage.axes, len(self.stage.axes) - 1
        lines = []
        for depth, axis in enumerate(axes[:-1]):
            first, end = ("lo", "hi") if depth == 0 else ("0", f"n_{axis.name}")
            lines.append("    " * depth + f"for i{depth} in range({first}, {end}):")
            lines += ["    " * (depth + 1) + line for line in body.lines[depth + 1]]
        first, end = ("lo", "hi") if last == 0 else ("0", f"n_{axes[-1].name}")
        start, stop = f"from_{axes[-1].name}", f"to_{axes[-1].name}"
        crossing = " and ".join(f"from_{a.name} <= i{d} < to_{a.name}" for d, a in enumerate(axes[:-1])) or "True"
        pad = "    " * last
        lines += [
            f"{pad}left_ = min(max({start}, {first}), {end}) if {crossing} else {end}",
            f"{pad}right_ = max(min({stop}, {end}), left_) if {crossing} else {end}",
            f"{pad}for cell_ in range({first}, {end} - right_ + left_):",
            f"{pad}    i{last} = cell_ if cell_ < left_ else cell_ + right_ - left_",
        ]
        return lines + [f"{pad}    {line}" for line in body.lines[last + 1]]


def printer(program: Program, stage: Stage, slots: ContextSlots) -> StagePrinter:
    """The printer that a stage needs."""
    kind: type[StagePrinter] = StagePrinter if stage.interior is None else StencilPrinter
    return kind(program, stage, slots)
