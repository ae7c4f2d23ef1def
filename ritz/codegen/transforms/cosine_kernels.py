"""Kernels of cosine and sine transforms, as modules in LLVM's language.

A kernel is ``void lines(plan, source, target, lo, hi, scratch)`` and does the units ``lo <= i < hi``. Several lines are
transformed in the lanes of vectors, two groups at a time as real and imaginary parts of complex ones; where the numbers
of a line follow one another, blocks are transposed on the way. Few such lines are transformed one by one, with their
own numbers in the lanes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ritz.codegen.transforms.cosine_tables import Tables
from ritz.codegen.transforms.line import LineTransform, LineWriter, function, length
from ritz.codegen.transforms.line_passes import choices
from ritz.codegen.transforms.passes import Buffer, Line, radices
from ritz.codegen.vector_code import Code, Index, Pair, Value, constants


def _integers(name: str, values: Sequence[int]) -> str:
    text = ", ".join(f"i64 {v}" for v in values)
    return f"@{name} = internal constant [{len(values)} x i64] [{text}], align 64"


def _constants(tables: Tables, element: str) -> list[str]:
    """The tables of a transform; `mirror` are the places of the modes with the opposite number."""
    period, modes = tables.period, tables.modes
    mirror = [-p[0] % period if tables.forward else -m % period for m, p in enumerate(modes.places)]
    return [
        _integers("value", [place for place, _ in tables.values]),
        constants("sign", [sign for _, sign in tables.values], element),
        _integers("place", [p for places in modes.places for p in places]),
        constants("weight", [w for weights in modes.weights for w in weights], element),
        _integers("mirror", mirror),
    ]


def _weights(code: Code, k: Index, count: int) -> list[Value]:
    base = code.pointer("@weight", code.times(k, count))
    return [code.broadcast(base, j) for j in range(count)]


def _combined(code: Code, a: Value, b: Value, x: Value, y: Value) -> Value:
    return code.add(code.mul(a, x), code.mul(b, y))


@dataclass(frozen=True)
class RowKernel:
    """Lines one after the other, each a real transform of its own; a unit is a line.

    Attributes:
        tables: the transform.
        widest, registers: numbers in the widest vector, and vector registers.
        element: type of the numbers.
    """

    tables: Tables
    widest: int
    registers: int
    element: str

    @cached_property
    def line(self) -> LineTransform:
        """The real transform."""
        period = self.tables.period
        lanes, factors = choices(length(period, True), self.widest, self.registers)[0]
        return LineTransform(period, period // 2, True, self.tables.forward, lanes, factors, self.element)

    @property
    def _size(self) -> int:
        """Numbers in the array of values, and in that of modes, with what vectors reach beyond."""
        return -(-(self.tables.period + 2 + 2 * self.line.lanes) // 16) * 16

    @property
    def scratch(self) -> int:
        """Bytes of scratch memory."""
        return self._writer().used + 2 * self._size * (8 if self.element == "double" else 4)

    def _writer(self) -> LineWriter:
        code = Code(self.line.lanes, self.element)
        first = LineWriter(self.line).used // code.size
        arrays = code.pointer("%scratch", first), code.pointer("%scratch", first + self._size)
        return LineWriter(self.line, code, arrays, 1.0)

    def text(self) -> str:
        """The module."""
        writer, tables = self._writer(), self.tables
        code = writer.code
        values, modes = (writer.grid.base, writer.modes.base)
        with code.loop("%lo", "%hi") as unit:
            source, target = (code.pointer(end, code.times(unit, tables.n)) for end in ("%source", "%target"))
            with code.single():
                if tables.forward:
                    self._picked(code, source, values)
                else:
                    self._modes_in(code, source, modes)
            writer.write()
            with code.single():
                if tables.forward:
                    self._modes_out(code, modes, target)
                else:
                    self._picked(code, values, target)
        return "\n".join([*_constants(tables, self.element), *writer.tables(), function("lines", code), ""])

    def _picked(self, code: Code, source: str, target: str) -> None:
        """Values in another order, with their signs."""
        with code.loop(0, len(self.tables.values)) as k:
            value = code.load(source, code.integer("@value", k))
            code.store(code.mul(code.load("@sign", k), value), target, k)

    def _modes_out(self, code: Code, modes: str, target: str) -> None:
        with code.loop(0, self.tables.n) as k:
            a, b = _weights(code, k, 2)
            at = code.pointer(modes, code.times(code.integer("@place", k), 2))
            code.store(_combined(code, a, b, code.load(at, 0), code.load(at, 1)), target, k)

    def _modes_in(self, code: Code, source: str, modes: str) -> None:
        with code.loop(0, self.tables.period // 2 + 1) as m:
            at = code.times(m, 2)
            x, y = (code.load(source, code.integer("@place", code.plus(at, j))) for j in range(2))
            a, b, c, d = _weights(code, m, 4)
            code.store(_combined(code, a, b, x, y), modes, at)
            code.store(_combined(code, c, d, x, y), modes, code.plus(at, 1))


@dataclass(frozen=True)
class GroupKernel:
    """Several lines: 2 `lanes` of them together, half as real and half as imaginary parts; a unit is a group.

    Attributes:
        tables: the transform.
        count: lines side by side or one after the other, at least 2 `lanes`; the last group may overlap the one before.
        beside: whether lines lie side by side; else they have at least `lanes` numbers.
        lanes, element: numbers in a vector and their type.
    """

    tables: Tables
    count: int
    beside: bool
    lanes: int
    element: str

    @cached_property
    def line(self) -> Line:
        """The complex transform of two lines."""
        period = self.tables.period
        return Line(period, radices(period, self.lanes) or (period,), -1 if self.tables.forward else 1)

    @property
    def groups(self) -> int:
        """How many groups the lines make."""
        return -(-self.count // (2 * self.lanes))

    @property
    def _pitch(self) -> int:
        """Numbers from a number of a line to the next one."""
        return self.count if self.beside else 2 * self.lanes

    @property
    def _buffer(self) -> int:
        return 2 * self.lanes * self.line.places

    @property
    def scratch(self) -> int:
        """Bytes of scratch memory."""
        block = 0 if self.beside else 2 * self.lanes * self.tables.n
        return (2 * self._buffer + block) * (8 if self.element == "double" else 4)

    def text(self) -> str:
        """The module."""
        code, line, tables = Code(self.lanes, self.element), self.line, self.tables
        buffers = [Buffer(code.pointer("%scratch", k * self._buffer), line.block) for k in range(2)]
        last = buffers[(len(line.factors) - 1) % 2]
        with code.loop("%lo", "%hi") as unit:
            block, group = (code.let(f"{op} i64 {unit}, {self.groups}") for op in ("udiv", "urem"))
            at = code.smaller(code.times(group, 2 * self.lanes), self.count - 2 * self.lanes)
            at = code.plus(code.times(block, tables.n * self.count), at if self.beside else code.times(at, tables.n))
            ends = source, target = code.pointer("%source", at), code.pointer("%target", at)
            if not self.beside:
                source = target = code.pointer("%scratch", 2 * self._buffer)
                self._transposed(code, ends[0], source, into=True)
            (self._values_in if tables.forward else self._modes_in)(code, source, buffers[1])
            line.emit(code, "turn", buffers[1].load(code), last.store(code), buffers)
            (self._modes_out if tables.forward else self._values_out)(code, last, target)
            if not self.beside:
                self._transposed(code, ends[1], target, into=False)
        parts = [*_constants(tables, self.element), *line.tables("turn", self.element)]
        return "\n".join([*parts, function("lines", code), ""])

    def _transposed(self, code: Code, lines: str, group: str, into: bool) -> None:
        """Copy numbers of lines one after the other into lines side by side, or back."""
        w, n = self.lanes, self.tables.n

        def step(start: Index, _: bool) -> None:
            for half in range(2):
                rows = code.pointer(lines, code.plus(start, half * w * n)), n
                columns = code.pointer(group, code.plus(code.times(start, 2 * w), half * w)), 2 * w
                (source, leap), (target, pitch) = (rows, columns) if into else (columns, rows)
                for k, value in enumerate(code.transpose([code.load(source, k * leap) for k in range(w)])):
                    code.store(value, target, k * pitch)

        code.pieces(n, w, step)

    def _load(self, code: Code, base: str, k: Index) -> Pair:
        """Number k of all lines."""
        at = code.times(k, self._pitch)
        return code.load(base, at), code.load(base, code.plus(at, self.lanes))

    def _store(self, code: Code, value: Pair, base: str, k: Index) -> None:
        at = code.times(k, self._pitch)
        for part in range(2):
            code.store(value[part], base, code.plus(at, part * self.lanes))

    def _values_in(self, code: Code, source: str, buffer: Buffer) -> None:
        with code.loop(0, self.tables.period) as k:
            a, b = self._load(code, source, code.integer("@value", k))
            sign = code.broadcast("@sign", k)
            buffer.store(code)((code.mul(sign, a), code.mul(sign, b)), k, 0, 0)

    def _values_out(self, code: Code, buffer: Buffer, target: str) -> None:
        with code.loop(0, self.tables.n) as k:
            a, b = buffer.load(code)(code.integer("@value", k), 0, 0)
            sign = code.broadcast("@sign", k)
            self._store(code, (code.mul(sign, a), code.mul(sign, b)), target, k)

    def _modes_out(self, code: Code, buffer: Buffer, target: str) -> None:
        """Both lines' modes are sums and differences of opposite modes."""
        load = buffer.load(code)
        with code.loop(0, self.tables.n) as k:
            (zr, zi), (yr, yi) = (load(code.integer(table, k), 0, 0) for table in ("@place", "@mirror"))
            a, b = (code.scale(0.5, weight) for weight in _weights(code, k, 2))
            first = _combined(code, a, b, code.add(zr, yr), code.sub(zi, yi))
            second = _combined(code, a, b, code.add(zi, yi), code.sub(yr, zr))
            self._store(code, (first, second), target, k)

    def _modes_in(self, code: Code, source: str, buffer: Buffer) -> None:
        """``A + i B`` and, at the opposite mode, ``conj(A) + i conj(B)``."""
        store = buffer.store(code)
        with code.loop(0, self.tables.period // 2 + 1) as m:
            x, y = (self._load(code, source, code.integer("@place", code.plus(code.times(m, 2), j))) for j in range(2))
            a, b, c, d = _weights(code, m, 4)
            (ar, ai), (br, bi) = (
                (_combined(code, a, b, x[part], y[part]), _combined(code, c, d, x[part], y[part])) for part in range(2)
            )
            store((code.add(ar, bi), code.sub(br, ai)), code.integer("@mirror", m), 0, 0)
            store((code.sub(ar, bi), code.add(ai, br)), m, 0, 0)
