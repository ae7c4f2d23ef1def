"""Kernels of pruned Fourier transforms in one dimension, as a module in LLVM's language.

A line of N = n1 n2 complex numbers is a matrix: columns are transformed as many at a time as a vector has lanes,
turned, transposed in registers, and transformed again, rows in the lanes (Bailey's four steps [bailey1990]). A real
line of n numbers is a complex one of n / 2, even numbers in the real parts, taken apart afterwards.

The kernel is ``void line(plan, source, target, lo, hi, scratch)``; only the addresses matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from ritz.codegen.transforms.passes import Buffer, Line, radices
from ritz.codegen.vector_code import Code, Index, Pair, literal


@dataclass(frozen=True)
class LineTransform:
    """What the kernel depends on.

    Attributes:
        points: n.
        cutoff: K; the modes -K..K are kept, of real values 0..K.
        real, forward: kind and direction.
        lanes: doubles in a vector.
    """

    points: int
    cutoff: int
    real: bool
    forward: bool
    lanes: int

    @cached_property
    def sides(self) -> tuple[int, int] | None:
        """n1 and n2, both whole vectors and as alike as can be; None where there are none."""
        total, odd = divmod(self.points, 2) if self.real else (self.points, 0)
        fewest = self.cutoff + 1 if self.real else self.cutoff
        if odd or fewest < self.lanes:
            return None
        sides = [s for s in range(self.lanes, total, self.lanes) if total % (s * self.lanes) == 0]
        sides = [s for s in sides if radices(s, self.lanes) and radices(total // s, self.lanes)]
        return min(((s, total // s) for s in sides), key=lambda pair: abs(pair[0] - pair[1]), default=None)

    @property
    def scratch(self) -> int:
        """Bytes of scratch memory."""
        return 8 * LineWriter(self).used

    def text(self) -> str:
        """The module."""
        writer = LineWriter(self)
        writer.write()
        return writer.text()


class LineWriter:
    """Writes the kernel."""

    def __init__(self, line: LineTransform) -> None:
        assert line.sides is not None
        self.line, self.code, self.used = line, Code(line.lanes), 0
        self.n1, self.n2 = line.sides
        self.n = self.n1 * self.n2
        sign = -1 if line.forward else 1
        self.first, self.second = (Line(n, radices(n, line.lanes) or (), sign) for n in line.sides)
        self.before, self.after = self._planes(), self._planes()
        self.pair = [Buffer(self._array(2 * line.lanes * self._places), 0) for _ in range(2)]
        self.rows_size = 2 * line.lanes * self.n2
        self.rows = self._array(self.rows_size * (self.n1 // line.lanes))

    @property
    def _places(self) -> int:
        return max(self.n1, self.n2)

    def _array(self, size: int) -> str:
        """An array of doubles in the scratch memory, from the start of a line of the cache."""
        start, self.used = self.used, self.used + -(-size // 8) * 8
        return self.code.pointer("%scratch", start)

    def _planes(self) -> tuple[str, str]:
        """Real and imaginary parts of N + 1 numbers and what a vector reads beyond them."""
        size = self.n + 1 + self.line.lanes
        return self._array(size), self._array(size)

    def text(self) -> str:
        """The whole module."""
        turns = [math.tau * j * k / self.n for k in range(self.n1) for j in range(self.n2)]
        halves = [math.tau * k / self.line.points for k in range(self.n + self.line.lanes)]
        sign = -1 if self.line.forward else 1
        tables = {
            "turn_re": [math.cos(a) for a in turns],
            "turn_im": [sign * math.sin(a) for a in turns],
            "half_re": [math.cos(a) for a in halves],
            "half_im": [math.sin(a) for a in halves],
        }
        parts = [*self.first.tables("first"), *self.second.tables("second")]
        for name, values in tables.items():
            numbers = ", ".join(f"double {literal(v)}" for v in values)
            parts.append(f"@{name} = internal constant [{len(values)} x double] [{numbers}], align 64")
        arguments = "i64 %plan, i64 %source_, i64 %target_, i64 %lo, i64 %hi, i64 %scratch_"
        opening = "\n".join(f"  %{a} = inttoptr i64 %{a}_ to ptr" for a in ("source", "target", "scratch"))
        body = "\n".join(self.code.lines)
        return "\n".join([*parts, f"define void @line({arguments}) {{\nentry:\n{opening}\n{body}\n  ret void\n}}", ""])

    def write(self) -> None:
        """The kernel."""
        if not self.line.forward:
            self._modes_in()
        with self.code.loop(0, self.n2, self.line.lanes) as column:
            self._columns(column)
        with self.code.loop(0, self.n1, self.line.lanes) as row:
            self._rows(row)
        if self.line.forward:
            self._modes_out()

    # ------------------------------------------------------------------ the four steps
    def _columns(self, column: Index) -> None:
        """Transform columns, turn them and leave them transposed."""
        code, w = self.code, self.line.lanes
        last = self.pair[(len(self.first.factors) - 1) % 2]

        def load(index: Index, offset: int, _: int) -> Pair:
            at = code.plus(code.times(index, self.n2), column)
            if self.line.forward:
                return code.unzip(code.pointer("%source", code.times(at, 2)), 2 * offset * self.n2)
            re, im = (code.load(code.pointer(plane, at), offset * self.n2) for plane in self.before)
            return re, im

        self.first.emit(code, "first", load, last.store(code), self.pair)
        get = last.load(code)
        with code.loop(0, self.n1, w) as row:
            block = code.times(row, self.rows_size // w)
            target = Buffer(code.pointer(self.rows, block), 0).store(code)
            turned = []
            for k in range(w):
                at = code.plus(code.times(row, self.n2), column)
                factor = tuple(code.load(code.pointer(t, at), k * self.n2) for t in ("@turn_re", "@turn_im"))
                turned.append(code.cmul(get(row, k, 0), factor))  # type: ignore[arg-type]
            parts = [code.transpose([z[part] for z in turned]) for part in range(2)]
            for k in range(w):
                target((parts[0][k], parts[1][k]), column, k, 0)

    def _rows(self, row: Index) -> None:
        """Transform rows; results come out in their order."""
        code = self.code
        source = Buffer(code.pointer(self.rows, code.times(row, self.rows_size // self.line.lanes)), 0)

        def store(value: Pair, index: Index, offset: int, _: int) -> None:
            at = code.plus(code.times(index, self.n1), row)
            if self.line.forward:
                for part, plane in zip(value, self.after, strict=True):
                    code.store(part, code.pointer(plane, at), offset * self.n1)
            else:
                code.zip(value, code.pointer("%target", code.times(at, 2)), 2 * offset * self.n1)

        self.second.emit(code, "second", source.load(code), store, self.pair)

    # ------------------------------------------------------------------ modes
    def _ranges(self) -> list[tuple[int, int, int]]:
        """Kept modes of complex values: position where they are stored, mode, how many."""
        k = self.line.cutoff
        return [(0, 0, k + 1), (k + 1, self.n - k, k)]

    def _modes_in(self) -> None:
        """Kept modes into planes that are zero elsewhere."""
        code, w, kept = self.code, self.line.lanes, self.line.cutoff
        planes = self.after if self.line.real else self.before
        with code.loop(0, self.n + 1, w) as start:
            for plane in planes:
                code.store(None, plane, start)
        for position, mode, count in [(0, 0, kept + 1)] if self.line.real else self._ranges():

            def copy(start: Index, _: bool, position: int = position, mode: int = mode) -> None:
                value = code.unzip("%source", code.times(code.plus(start, position), 2))
                for part, plane in zip(value, planes, strict=True):
                    code.store(part, plane, code.plus(start, mode))

            code.pieces(count, w, copy)
        if self.line.real:
            code.do(f"store double 0.0, ptr {planes[1]}, align 8")  # the mean is real
            with code.loop(0, self.n, w) as start:
                self._packed(start)

    def _mirror(self, planes: tuple[str, str], start: Index) -> Pair:
        """The numbers N - k for k from `start` on."""
        code = self.code
        down = self.n - self.line.lanes + 1
        at = down - start if isinstance(start, int) else code.let(f"sub nsw i64 {down}, {start}")
        return code.reversed(planes[0], at), code.reversed(planes[1], at)

    def _half(self, start: Index) -> Pair:
        return self.code.load("@half_re", start), self.code.load("@half_im", start)

    def _packed(self, start: Index) -> None:
        """Modes of a real line as those of the complex one of half its length."""
        code = self.code
        a, b = (code.load(plane, start) for plane in self.after), self._mirror(self.after, start)
        (ar, ai), (br, bi), (c, s) = a, b, self._half(start)
        dr, di = code.sub(ar, br), code.add(ai, bi)
        turned = code.cmul((dr, di), (c, s))
        code.store(code.sub(code.add(ar, br), turned[1]), self.before[0], start)
        code.store(code.add(code.sub(ai, bi), turned[0]), self.before[1], start)

    def _modes_out(self) -> None:
        """Wanted modes, divided by the number of points."""
        code, w = self.code, self.line.lanes
        if self.line.real:
            for plane in self.after:  # Z[N] = Z[0]
                value = code.let(f"load double, ptr {plane}, align 8")
                code.do(f"store double {value}, ptr {code.pointer(plane, self.n)}, align 8")
            code.pieces(self.line.cutoff + 1, w, lambda start, _: self._unpacked(start))
            return
        for position, mode, count in self._ranges():

            def copy(start: Index, _: bool, position: int = position, mode: int = mode) -> None:
                at = code.plus(start, mode)
                re, im = (code.scale(1.0 / self.line.points, code.load(plane, at)) for plane in self.after)
                code.zip((re, im), "%target", code.times(code.plus(start, position), 2))

            code.pieces(count, w, copy)

    def _unpacked(self, start: Index) -> None:
        code = self.code
        (zr, zi), (yr, yi), (c, s) = (
            (code.load(plane, start) for plane in self.after), self._mirror(self.after, start), self._half(start)
        )  # fmt: skip
        odd = code.add(zi, yi), code.sub(yr, zr)
        turned = code.cmul(odd, (c, code.sub(None, s)))
        even = code.add(zr, yr), code.sub(zi, yi)
        factor = 0.5 / self.line.points
        re, im = (code.scale(factor, code.add(e, t)) for e, t in zip(even, turned, strict=True))
        code.zip((re, im), "%target", code.times(start, 2))
