"""Kernels of pruned Fourier transforms in two and three dimensions, as one module in LLVM's language.

A transform has two halves. `outer` transforms along axis 0, columns of numbers side by side in the lanes; `inner` does
all other axes of one plane of the grid after the other, rows of the last axis in the lanes (in two dimensions a plane
is a row, and several go together). Between them lies an array with all points along axis 0 and the kept modes along the
others. Real rows are transformed two at a time, one as the imaginary part of the other.

Both are ``void (plan, source, target, lo, hi, scratch)`` on the columns or planes ``lo <= i < hi``; ``plan[0]`` is the
address of the array between the halves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from ritz.codegen.transforms.passes import Buffer, Line, Load, Store, radices
from ritz.codegen.vector_code import Code, Index, Pair, Value


def whole_lines(count: int, size: int = 8) -> int:
    """Complex numbers in the cache lines that hold `count` of them; `size` bytes for each of their parts."""
    return -(-count * size // 32) * (32 // size)


@dataclass(frozen=True)
class BoxTransform:
    """What the kernels depend on.

    Attributes:
        points, cutoff, real: as in `TransformShape`.
        forward: direction.
        lanes: numbers in a vector.
        element: type of the numbers, ``double`` or ``float``.
        factors: radices of the passes for every axis, first pass first; by `radices` if none are given.
    """

    points: tuple[int, ...]
    cutoff: tuple[int, ...]
    real: bool
    forward: bool
    lanes: int
    element: str = "double"
    factors: tuple[tuple[int, ...], ...] = ()

    @property
    def size(self) -> int:
        """Bytes of a number."""
        return 8 if self.element == "double" else 4

    @property
    def fits(self) -> bool:
        """Whether the grid has enough rows and columns for vectors of this width."""
        rows = self.points[0] if len(self.points) == 2 else self.points[1]
        narrowest = min(self.columns, self.width) if len(self.points) == 3 else self.columns
        shortest = self.points[-1] if self.real else 2 * self.cutoff[-1]
        return narrowest >= self.lanes and rows >= self.group and shortest >= self.lanes <= 2 * self.width

    @property
    def width(self) -> int:
        """Kept modes along the last axis."""
        return self.cutoff[-1] + 1 if self.real else 2 * self.cutoff[-1] + 1

    @property
    def columns(self) -> int:
        """Complex numbers side by side for `outer`."""
        return prod(2 * k + 1 for k in self.cutoff[1:-1]) * self.width

    @property
    def pitch(self) -> int:
        """Complex numbers from one plane to the next in the array between the halves: whole lines of the cache."""
        return whole_lines(self.columns, self.size)

    @property
    def group(self) -> int:
        """Fewest rows that `inner` can do."""
        return self.lanes * (2 if self.real else 1)

    def line(self, axis: int) -> Line:
        """The transform along one axis."""
        n = self.points[axis]
        factors = self.factors[axis] if self.factors else radices(n, self.lanes)
        assert factors is not None
        prune = "last" if self.forward else "first"
        return Line(n, factors, -1 if self.forward else 1, self.cutoff[axis], prune)

    @property
    def buffer(self) -> int:
        """Numbers in one of the two buffers of a line."""
        return 2 * self.lanes * max(self.line(i).places for i in range(len(self.points)))

    @property
    def scratch(self) -> int:
        """Bytes of scratch memory for one thread."""
        plane = 2 * self.points[1] * whole_lines(self.width, self.size) if len(self.points) == 3 else 0
        return self.size * (2 * self.buffer + plane)

    def text(self) -> str:
        """The module."""
        parts = [f"; {'forward' if self.forward else 'inverse'} transform, points {self.points}, kept {self.cutoff}"]
        for axis in range(len(self.points)):
            parts += self.line(axis).tables(f"turn{axis}_", self.element)
        outer, inner = Writer(self), Writer(self)
        outer.outer()
        inner.inner()
        parts.append("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        return "\n".join([*parts, outer.function("outer"), inner.function("inner"), ""])


_ARGUMENTS = "i64 %plan, i64 %source_, i64 %target_, i64 %lo, i64 %hi, i64 %scratch_"
_OPENING = """  %scratch = inttoptr i64 %scratch_ to ptr
  %source = inttoptr i64 %source_ to ptr
  %target = inttoptr i64 %target_ to ptr
  %entries = inttoptr i64 %plan to ptr
  %between = load ptr, ptr %entries, align 8
"""


class Writer:
    """Writes one function of a transform.

    Args:
        box: the transform.
        code: the function, where it is not this transform's own; it begins with ``%scratch``, which holds two buffers.
        prefix: of the names of the tables.
    """

    def __init__(self, box: BoxTransform, code: Code | None = None, prefix: str = "turn") -> None:
        self.box, self.code, self.prefix = box, code or Code(box.lanes, box.element), prefix
        self.halves = [self.code.pointer("%scratch", k * box.buffer) for k in range(2)]

    def function(self, name: str) -> str:
        """The whole function."""
        body = "\n".join(self.code.lines)
        return f"define void @{name}({_ARGUMENTS}) {{\nentry:\n{_OPENING}{body}\n  ret void\n}}"

    def buffers(self, line: Line) -> list[Buffer]:
        """The two buffers, for one line."""
        return [Buffer(base, line.block) for base in self.halves]

    # ------------------------------------------------------------------ halves
    def outer(self) -> None:
        """Axis 0: blocks of columns."""
        box, code = self.box, self.code
        modes, between = ("%target" if box.forward else "%source", box.columns), ("%between", box.pitch)
        with code.loop("%lo", "%hi") as block:
            at = code.smaller(code.times(block, box.lanes), box.columns - box.lanes)
            self.column(0, *((between, modes) if box.forward else (modes, between)), code.times(at, 2))

    def inner(self) -> None:
        """All other axes: planes of the grid."""
        box, code = self.box, self.code
        if len(box.points) == 2:
            self.rows("%between", box.pitch, "%source" if box.forward else "%target", "%lo", "%hi")
            return
        middle, last, pitch = box.points[1], box.points[2] * (1 if box.real else 2), whole_lines(box.width, box.size)
        scratch = code.pointer("%scratch", 2 * box.buffer)
        with code.loop("%lo", "%hi") as plane:
            modes = code.pointer("%between", code.times(plane, 2 * box.pitch))
            grid = code.pointer("%source" if box.forward else "%target", code.times(plane, middle * last))
            if box.forward:
                self.rows(scratch, pitch, grid, 0, middle)
            with code.loop(0, -(-box.width // box.lanes)) as block:
                at = code.times(code.smaller(code.times(block, box.lanes), box.width - box.lanes), 2)
                ends = (scratch, pitch), (modes, box.width)
                self.column(1, *(ends if box.forward else ends[::-1]), at)
            if not box.forward:
                self.rows(scratch, pitch, grid, 0, middle)

    # ------------------------------------------------------------------ columns
    def column(self, axis: int, source_: tuple[str, int], target_: tuple[str, int], at: Index) -> None:
        """Transform as many columns as there are lanes, the first one at number `at` of a row.

        Source and target are given by their address and the complex numbers from one row to the next.
        """
        source, target = ((self.code.pointer(base, at), width) for base, width in (source_, target_))
        self.emit(axis, self.column_source(axis, *source), self.column_target(axis, *target))

    def emit(self, axis: int, load: Load, store: Store) -> None:
        """The passes of the transform along an axis."""
        line = self.box.line(axis)
        line.emit(self.code, f"{self.prefix}{axis}_", load, store, self.buffers(line))

    def unstored(self, axis: int, first: int) -> int:
        """How many modes between the kept ones are left out before the mode `first`."""
        line = self.box.line(axis)
        return line.n - 2 * line.kept - 1 if first > line.kept else 0

    def column_source(self, axis: int, base: str, width: int) -> Load:
        """Reads complex numbers of columns, `width` of them from row to row; kept modes only where they are modes."""
        code, pitch = self.code, 2 * width

        def load(index: Index, offset: int, first: int) -> Pair:
            shift = 0 if self.box.forward else self.unstored(axis, first)
            row = code.pointer(base, code.times(index, pitch))
            code.prefetch(row, (offset - shift) * pitch + 2 * code.lanes)
            return code.split(row, (offset - shift) * pitch)

        return load

    def column_target(self, axis: int, base: str, width: int) -> Store:
        """Writes such numbers."""
        code, pitch = self.code, 2 * width

        def store(value: Pair, index: Index, offset: int, first: int) -> None:
            shift = self.unstored(axis, first) if self.box.forward else 0
            code.join(value, code.pointer(base, code.times(index, pitch)), (offset - shift) * pitch)

        return store

    # ------------------------------------------------------------------ rows
    def rows(self, modes: str, pitch: int, grid: str, lo: Index, hi: Index) -> None:
        """Transform rows of the last axis, in groups; the last group may overlap the one before.

        `pitch` is the number of complex numbers from one row of modes to the next.
        """
        box, code = self.box, self.code
        line = box.line(len(box.points) - 1)
        buffers = self.buffers(line)
        last = buffers[(len(line.factors) - 1) % 2]
        with code.loop(lo, hi, box.group) as row:
            at = code.smaller(row, code.plus(hi, -box.group))
            values = code.pointer(grid, code.times(at, line.n * (1 if box.real else 2)))
            spectrum = (code.pointer(modes, code.times(at, 2 * pitch)), 2 * pitch)
            if box.forward:
                self._grid_in(values, buffers[1], line)
            else:
                self.modes_in(spectrum, buffers[1], line)
            self.emit(len(box.points) - 1, buffers[1].load(code), last.store(code))
            if box.forward:
                self.modes_out(last, spectrum, line)
            else:
                self._grid_out(last, values, line)

    def _gathered(self, base: str, at: Index, pitch: int, first: int) -> list[Value]:
        """Lanes from rows ``first, first + 1, ...`` at position `at`: a vector for each of the numbers in a row."""
        code = self.code
        start = code.pointer(base, at)
        return code.transpose([code.load(start, (first + k) * pitch) for k in range(code.lanes)])

    def _scattered(self, vectors: Sequence[Value], base: str, at: Index, pitch: int, first: int) -> None:
        code = self.code
        start = code.pointer(base, at)
        for k, row in enumerate(code.transpose(vectors)):
            code.store(row, start, (first + k) * pitch)

    def _put(self, value: Pair, buffer: Buffer, index: Index, offset: int) -> None:
        buffer.store(self.code)(value, self.code.plus(index, offset), 0, 0)

    def _grid_in(self, values: str, buffer: Buffer, line: Line) -> None:
        """Grid values of a group of rows into the buffer."""
        code, w, real = self.code, self.box.lanes, self.box.real
        size = w if real else w // 2

        def step(start: Index, _: bool) -> None:
            if real:
                res, ims = (self._gathered(values, start, line.n, k * w) for k in range(2))
            else:
                both = self._gathered(values, code.times(start, 2), 2 * line.n, 0)
                res, ims = both[::2], both[1::2]
            for k in range(size):
                self._put((res[k], ims[k]), buffer, start, k)

        self.code.pieces(line.n, size, step)

    def _grid_out(self, buffer: Buffer, values: str, line: Line) -> None:
        code, w, real = self.code, self.box.lanes, self.box.real
        size = w if real else w // 2
        load = buffer.load(code)

        def get(index: Index, offset: int) -> Pair:
            return load(code.plus(index, offset), 0, 0)

        def step(start: Index, _: bool) -> None:
            pairs = [get(start, k) for k in range(size)]
            if real:
                for part in range(2):
                    self._scattered([z[part] for z in pairs], values, start, line.n, part * w)
            else:
                flat = [part for z in pairs for part in z]
                self._scattered(flat, values, code.times(start, 2), 2 * line.n, 0)

        self.code.pieces(line.n, size, step)

    def modes_in(self, spectrum_: tuple[str, int], buffer: Buffer, line: Line) -> None:
        """Kept modes of a group of rows into the buffer; where real rows go in pairs, as ``a + i b``."""
        code, box, w = self.code, self.box, self.box.lanes
        (spectrum, pitch), half = spectrum_, w // 2

        def pairs(start: Index, first: bool) -> None:
            a, b = (self._gathered(spectrum, code.times(start, 2), pitch, k * w) for k in range(2))
            mirror = line.n if isinstance(start, int) else code.let(f"sub nsw i64 {line.n}, {start}")
            for k in range(half):
                (ar, ai), (br, bi) = a[2 * k : 2 * k + 2], b[2 * k : 2 * k + 2]
                if first and k == 0:
                    self._put((ar, br), buffer, start, 0)
                    continue
                self._put((code.sub(ar, bi), code.add(ai, br)), buffer, start, k)
                self._put((code.add(ar, bi), code.sub(br, ai)), buffer, mirror, -k)

        if box.real:
            self.code.pieces(box.width, half, pairs)
            return
        for first, shift, count in ((0, 0, line.kept + 1), (line.kept + 1, line.n - 2 * line.kept - 1, line.kept)):

            def copy(start: Index, _: bool, first: int = first, shift: int = shift) -> None:
                at = code.plus(start, first)
                both = self._gathered(spectrum, code.times(at, 2), pitch, 0)
                for k in range(half):
                    self._put((both[2 * k], both[2 * k + 1]), buffer, code.plus(at, shift), k)

            self.code.pieces(count, half, copy)

    def modes_out(self, buffer: Buffer, spectrum_: tuple[str, int], line: Line) -> None:
        """Wanted modes of a group of rows out of the buffer, divided by the number of points."""
        code, box, w = self.code, self.box, self.box.lanes
        (spectrum, pitch), half, load = spectrum_, w // 2, buffer.load(code)
        factor = 1.0 / prod(box.points)

        def get(index: Index, offset: int) -> Pair:
            return load(code.plus(index, offset), 0, 0)

        def pairs(start: Index, first: bool) -> None:
            mirror = line.n if isinstance(start, int) else code.let(f"sub nsw i64 {line.n}, {start}")
            a: list[Value] = []
            b: list[Value] = []
            for k in range(half):
                x = get(start, k)
                y = x if first and k == 0 else get(mirror, -k)
                parts = (code.add(x[0], y[0]), code.sub(x[1], y[1]), code.add(x[1], y[1]), code.sub(y[0], x[0]))
                ar, ai, br, bi = (code.scale(0.5 * factor, part) for part in parts)
                a += [ar, ai]
                b += [br, bi]
            self._scattered(a, spectrum, code.times(start, 2), pitch, 0)
            self._scattered(b, spectrum, code.times(start, 2), pitch, w)

        if box.real:
            self.code.pieces(box.width, half, pairs)
            return
        for first, shift, count in ((0, 0, line.kept + 1), (line.kept + 1, line.n - 2 * line.kept - 1, line.kept)):

            def copy(start: Index, _: bool, first: int = first, shift: int = shift) -> None:
                at = code.plus(start, first)
                flat = [code.scale(factor, part) for k in range(half) for part in get(code.plus(at, shift), k)]
                self._scattered(flat, spectrum, code.times(at, 2), pitch, 0)

            self.code.pieces(count, half, copy)
