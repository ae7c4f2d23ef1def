"""A fused program in one dimension as one function in LLVM's language: lanes are neighbours on the line.

The modes of all fields are made side by side; the last pass of the last inverse transform hands its values to the
products, which the first passes of the forward transforms read. Everything lies in scratch memory of a few kilobytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ritz.codegen.fused.chain import Chain
from ritz.codegen.fused.function import Function, Layout
from ritz.codegen.fused.leaves import LineGridLeaves, LineModeLeaves
from ritz.codegen.transforms.line import LineTransform
from ritz.codegen.transforms.line_ends import HalfModes, Modes, PackedModes, doubled
from ritz.codegen.transforms.line_passes import LinePasses, Masks, Planes
from ritz.codegen.vector_code import Index, Pair, Value

Step = Callable[[Index, Sequence[bool]], None]  # the first of a vector of modes, and which lanes are there if not all


@dataclass(frozen=True)
class FusedLine:
    """A fused program on a line.

    Attributes:
        chain: the program.
        line: its inverse transform.
        parameters: names in the order of the parameter vector.
    """

    chain: Chain
    line: LineTransform
    parameters: tuple[str, ...]

    @cached_property
    def layout(self) -> Layout:
        """Entries of the context; complete once `text` is written."""
        return Layout(self.parameters)

    @property
    def packed(self) -> bool:
        """Whether two neighbouring real values are one complex number."""
        return self.line.real and self.line.points % 2 == 0

    @property
    def modes(self) -> int:
        """Kept modes."""
        return self.line.cutoff + 1 if self.line.real else 2 * self.line.cutoff + 1

    @property
    def scratch(self) -> int:
        """Bytes of scratch memory."""
        writer = _Writer(self)
        return writer.used

    def text(self) -> str:
        """The module."""
        writer = _Writer(self)
        writer.write()
        parts = [f"; one round, {self.chain.fields} fields and {self.chain.products} products on {self.line.points}"]
        parts += writer.tables()
        return "\n".join([*parts, writer.function.text("line"), *sorted(writer.function.declared), ""])


class _Writer:
    """Writes the function."""

    def __init__(self, fused: FusedLine) -> None:
        self.fused, self.chain, self.line = fused, fused.chain, fused.line
        self.function = Function(fused.chain.program, fused.layout, fused.line.lanes)
        self.code, self.used = self.function.code, 0
        line = self.line
        self.there, self.back = (LinePasses(line.length, line.factors, sign, line.lanes) for sign in (1, -1))
        self.plane = self._whole(line.length + 1 + line.lanes, odd=True)
        self.buffers = [self._planes(self._array(2 * self.plane)) for _ in range(2)]
        self.fields, self.products = (self._array(2 * self.plane * n) for n in (self.chain.fields, self.chain.products))
        self.width = self._whole(2 * (fused.modes + line.lanes), odd=True)
        self.spectra = self._array(self.width * self.chain.most)

    @staticmethod
    def _whole(count: int, *, odd: bool) -> int:
        """Doubles of whole lines of the cache that hold `count`; an odd number of lines keeps arrays off each other."""
        lines = -(-count // 8)
        return 8 * (lines + (odd and lines % 2 == 0))

    def _array(self, size: int) -> str:
        start, self.used = self.used, self.used + 8 * size
        return self.code.pointer("%scratch", start // 8)

    def _planes(self, base: str) -> Planes:
        return Planes(self.code, base, self.code.pointer(base, self.plane))

    def _grid(self, base: str, f: Index) -> Planes:
        """The grid values of a field or product."""
        return self._planes(self.code.pointer(base, self.code.times(f, 2 * self.plane)))

    def _spectrum(self, f: Index) -> str:
        return self.code.pointer(self.spectra, self.code.times(f, self.width))

    def _ends(self, f: Index) -> Modes:
        """The modes of a field as a transform reads or writes them."""
        line = self.line
        kind = PackedModes if self.fused.packed else HalfModes if line.real else Modes
        return kind(self.code, self._spectrum(f), line.length, line.cutoff, 1.0 / line.points)

    def tables(self) -> list[str]:
        """The constants of the module."""
        ends = self._ends(0)
        more = ends.tables("double") if isinstance(ends, PackedModes) else []
        return [*self.there.tables("there", "double"), *self.back.tables("back", "double"), *more]

    # ------------------------------------------------------------------ the round
    def write(self) -> None:
        """The whole round."""
        code, last = self.code, self.chain.fields - 1
        self._over_modes(self._enter)
        if last:
            with code.loop(0, last) as f:
                self.there.emit(code, "there", self._ends(f), self._grid(self.fields, f), self.buffers)
        self.there.emit(code, "there", self._ends(last), _Products(self), self.buffers)
        with code.loop(0, self.chain.products) as f:
            source, ends = self._grid(self.products, f), self._ends(f)
            if isinstance(ends, PackedModes):
                end = self.buffers[(len(self.line.factors) - 1) % 2]
                self.back.emit(code, "back", source, end, self.buffers)
                ends.unpack(end)
            else:
                self.back.emit(code, "back", source, ends, self.buffers)
        self._over_modes(self._leave)

    def _over_modes(self, step: Step) -> None:
        """Call `step` for vectors of kept modes; with fewer modes than lanes, for those that are there."""
        count, lanes = self.fused.modes, self.line.lanes
        if count < lanes:
            step(0, [k < count for k in range(lanes)])
            return
        with self.code.row(count) as start:
            step(start, ())

    def _enter(self, start: Index, wanted: Sequence[bool]) -> None:
        """Modes of the fields."""
        leaves = LineModeLeaves(self.function, self._no_result, start, wanted)
        values = self.function.run(self.chain.before.code, leaves.get)
        for f in range(self.chain.fields):
            pair = values[2 * f], values[2 * f + 1]
            self.code.zip(pair, self.code.pointer(self._spectrum(f), self.code.times(start, 2)), 0, doubled(wanted))

    def _leave(self, start: Index, wanted: Sequence[bool]) -> None:
        """The results."""
        chain, code = self.chain, self.code

        def result(node: int) -> Pair:
            _, position = chain.program.map_results[node]
            return code.unzip(self._spectrum(position), code.times(start, 2), doubled(wanted))

        leaves = LineModeLeaves(self.function, result, start, wanted)
        values = self.function.run(chain.after.code, leaves.get)
        for k, target in enumerate(chain.after.targets):
            base = code.pointer(self.function.result(target.array[4:]), code.times(start, 2))
            code.zip((values[2 * k], values[2 * k + 1]), base, 0, doubled(wanted))

    @staticmethod
    def _no_result(node: int) -> Pair:
        raise AssertionError(f"node {node} is a transform before the first one")

    def multiply(self, value: Pair, index: Index, offset: int) -> None:
        """The products at a vector of numbers, where the last field has this value."""
        code, chain, line = self.code, self.chain, self.line
        last = chain.fields - 1
        values = {f: self._grid(self.fields, f).load(index, offset) for f in range(last)} | {last: value}

        def products(part: int) -> list[Value]:
            def result(node: int) -> Pair:
                pair = values[chain.program.map_results[node][1]]
                return (pair[part], None) if line.real else pair

            start = code.plus(index, offset)
            leaves = LineGridLeaves(self.function, result, start, part if self.fused.packed else None)
            return self.function.run(chain.middle.code, leaves.get)

        found = [products(part) for part in range(2 if self.fused.packed else 1)]
        for k in range(chain.products):
            pair: Pair = (found[0][k], found[1][k]) if self.fused.packed else (found[0][k], None)
            if not line.real:
                pair = found[0][2 * k], found[0][2 * k + 1]
            self._grid(self.products, k).store(pair, index, offset)


@dataclass(frozen=True)
class _Products:
    """The end of the last inverse transform: its values go into the products."""

    writer: _Writer

    def masks(self, first: int) -> Masks:
        """All lanes are there."""
        return ()

    def load(self, index: Index, offset: int, masks: Masks) -> Pair:
        """Nothing is read."""
        raise AssertionError("products are only written")

    def store(self, value: Pair, index: Index, offset: int, masks: Masks) -> None:
        """Form the products at a vector of numbers."""
        self.writer.multiply(value, index, offset)
