"""Printing vector code in LLVM's language: values with explicit lanes, loops, folded zeros and constants."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

Index = int | str  # a number, or the name of one
Value = str | None  # name of a value; None is zero
Pair = tuple[Value, Value]  # real and imaginary part


def literal(x: float) -> str:
    """A double as LLVM reads it, to the last bit."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"


def number(x: float, element: str = "double") -> str:
    """A constant with its type, rounded to the element type (LLVM writes floats as the doubles that equal them)."""
    return f"{element} {literal(x if element == 'double' else struct.unpack('<f', struct.pack('<f', x))[0])}"


def constants(name: str, values: Sequence[float], element: str = "double") -> str:
    """A table of a module."""
    text = ", ".join(number(v, element) for v in values)
    return f"@{name} = internal constant [{len(values)} x {element}] [{text}], align 64"


class Code:
    """The body of one function under construction.

    Args:
        lanes: numbers in a vector, a power of two.
        element: LLVM's name of the type of numbers, ``double`` or ``float``.
        letter: what the names of values begin with.

    Attributes:
        vector: LLVM's name of the vector type.
        lines: what has been written.
    """

    def __init__(self, lanes: int, element: str = "double", letter: str = "v") -> None:
        self.lanes, self.element, self.vector = lanes, element, f"<{lanes} x {element}>"
        self.size, self._letter = 8 if element == "double" else 4, letter
        self.lines: list[str] = []
        self._count = 0
        self._block = "entry"

    # ------------------------------------------------------------------ statements
    def let(self, text: str) -> str:
        """Write an instruction and return the name of its value."""
        self._count += 1
        name = f"%{self._letter}{self._count}"
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Write an instruction without value."""
        self.lines.append(f"  {text}")

    def _label(self, name: str) -> None:
        self.lines.append(f"{name}:")
        self._block = name

    @contextmanager
    def loop(self, start: Index, stop: Index, step: Index = 1) -> Iterator[str]:
        """A loop; gives the name of its index."""
        self._count += 1
        k = self._count
        before = self._block
        self.do(f"br label %head{k}")
        self._label(f"head{k}")
        here = len(self.lines)
        self.lines.append("")
        self.do(f"%more{k} = icmp slt i64 %i{k}, {stop}")
        self.do(f"br i1 %more{k}, label %body{k}, label %after{k}")
        self._label(f"body{k}")
        yield f"%i{k}"
        self.do(f"%next{k} = add nsw i64 %i{k}, {step}")
        self.lines[here] = f"  %i{k} = phi i64 [ {start}, %{before} ], [ %next{k}, %{self._block} ]"
        self.do(f"br label %head{k}")
        self._label(f"after{k}")

    @contextmanager
    def row(self, count: int) -> Iterator[Index]:
        """A loop over the vectors of a row; the last one may overlap the one before."""
        if count == self.lanes:
            yield 0
            return
        with self.loop(0, count, self.lanes) as start:
            yield self.smaller(start, count - self.lanes) if count % self.lanes else start

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """Statements that run if a condition holds."""
        self._count += 1
        k = self._count
        self.do(f"br i1 {condition}, label %then{k}, label %done{k}")
        self._label(f"then{k}")
        yield
        self.do(f"br label %done{k}")
        self._label(f"done{k}")

    @contextmanager
    def single(self) -> Iterator[None]:
        """Vectors of one lane for a while."""
        before = self.lanes, self.vector
        self.lanes, self.vector = 1, f"<1 x {self.element}>"
        try:
            yield
        finally:
            self.lanes, self.vector = before

    # ------------------------------------------------------------------ integers and addresses
    def times(self, a: Index, b: int) -> Index:
        """A product of indices."""
        if isinstance(a, int):
            return a * b
        return a if b == 1 else self.let(f"mul nsw i64 {a}, {b}")

    def plus(self, a: Index, b: Index) -> Index:
        """A sum of indices."""
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        if b == 0 or a == 0:
            return a if b == 0 else b
        return self.let(f"add nsw i64 {a}, {b}")

    def minus(self, a: Index, b: Index) -> Index:
        """A difference of indices."""
        return a - b if isinstance(a, int) and isinstance(b, int) else self.let(f"sub nsw i64 {a}, {b}")

    def smaller(self, a: Index, b: Index) -> Index:
        """The smaller one of two indices."""
        if isinstance(a, int) and isinstance(b, int):
            return min(a, b)
        less = self.let(f"icmp slt i64 {a}, {b}")
        return self.let(f"select i1 {less}, i64 {a}, i64 {b}")

    def pointer(self, base: str, index: Index) -> str:
        """Address of the number with this index."""
        return base if index == 0 else self.let(f"getelementptr {self.element}, ptr {base}, i64 {index}")

    # ------------------------------------------------------------------ memory
    def load(self, base: str, index: Index) -> str:
        """A vector of numbers in a row."""
        return self.let(f"load {self.vector}, ptr {self.pointer(base, index)}, align {self.size}")

    def store(self, value: Value, base: str, index: Index) -> None:
        """Write a vector of numbers in a row."""
        text = "zeroinitializer" if value is None else value
        self.do(f"store {self.vector} {text}, ptr {self.pointer(base, index)}, align {self.size}")

    def copy(self, base: str, source: int, target: int) -> None:
        """Copy one number to another place of an array."""
        value = self.let(f"load {self.element}, ptr {self.pointer(base, source)}, align {self.size}")
        self.do(f"store {self.element} {value}, ptr {self.pointer(base, target)}, align {self.size}")

    def integer(self, table: str, index: Index) -> str:
        """An entry of a table of integers."""
        entry = self.let(f"getelementptr i64, ptr {table}, i64 {index}")
        return self.let(f"load i64, ptr {entry}, align 8")

    def load_some(self, base: str, index: Index, wanted: Sequence[bool]) -> Value:
        """Those numbers of a vector in memory that are wanted, zeros elsewhere; nothing else is read."""
        if all(wanted):
            return self.load(base, index)
        value: Value = None
        for k in (k for k, is_wanted in enumerate(wanted) if is_wanted):
            one = self.let(f"load {self.element}, ptr {self.pointer(base, self.plus(index, k))}, align {self.size}")
            before = value or "zeroinitializer"
            value = self.let(f"insertelement {self.vector} {before}, {self.element} {one}, i32 {k}")
        return value

    def store_some(self, value: Value, base: str, index: Index, wanted: Sequence[bool]) -> None:
        """Write those numbers of a vector that are wanted and nothing else."""
        if all(wanted):
            self.store(value, base, index)
            return
        text = value or "zeroinitializer"
        for k in (k for k, is_wanted in enumerate(wanted) if is_wanted):
            one = self.let(f"extractelement {self.vector} {text}, i32 {k}")
            self.do(f"store {self.element} {one}, ptr {self.pointer(base, self.plus(index, k))}, align {self.size}")

    def prefetch(self, base: str, index: int) -> None:
        """Ask for the line of a number that will soon be read; it need not exist."""
        self.do(f"call void @llvm.prefetch.p0(ptr {self.pointer(base, index)}, i32 0, i32 3, i32 1)")

    def broadcast(self, base: str, index: Index) -> str:
        """One number of memory in all lanes."""
        return self.spread(self.let(f"load {self.element}, ptr {self.pointer(base, index)}, align {self.size}"))

    def gathered(self, base: str, index: Index, stride: int) -> str:
        """A vector of numbers that lie `stride` apart."""
        vector = "poison"
        for lane in range(self.lanes):
            at = self.pointer(base, self.plus(index, lane * stride))
            one = self.let(f"load {self.element}, ptr {at}, align {self.size}")
            vector = self.let(f"insertelement {self.vector} {vector}, {self.element} {one}, i32 {lane}")
        return vector

    def spread(self, one: str) -> str:
        """One number in all lanes."""
        first = self.let(f"insertelement {self.vector} poison, {self.element} {one}, i32 0")
        if self.lanes == 1:
            return first
        return self.let(f"shufflevector {self.vector} {first}, {self.vector} poison, {self._mask([0] * self.lanes)}")

    @staticmethod
    def _mask(lanes: Sequence[int]) -> str:
        return f"<{len(lanes)} x i32> <{', '.join(f'i32 {k}' for k in lanes)}>"

    def shuffle(self, first: Value, second: Value, lanes: Sequence[int]) -> str:
        """Lanes of two vectors, those of the second one counted on."""
        a, b = ("zeroinitializer" if v is None else v for v in (first, second))
        return self.let(f"shufflevector {self.vector} {a}, {self.vector} {b}, {self._mask(lanes)}")

    # ------------------------------------------------------------------ arithmetic
    def add(self, a: Value, b: Value) -> Value:
        """``a + b``."""
        if a is None or b is None:
            return a if b is None else b
        return self.let(f"fadd contract {self.vector} {a}, {b}")

    def sub(self, a: Value, b: Value) -> Value:
        """``a - b``."""
        if b is None:
            return a
        if a is None:
            return self.let(f"fneg contract {self.vector} {b}")
        return self.let(f"fsub contract {self.vector} {a}, {b}")

    def mul(self, a: Value, b: Value) -> Value:
        """``a * b``."""
        return None if a is None or b is None else self.let(f"fmul contract {self.vector} {a}, {b}")

    def scale(self, c: float, a: Value) -> Value:
        """A number times a vector."""
        if a is None or c == 1.0:
            return a
        if c == -1.0:
            return self.sub(None, a)
        return self.let(f"fmul contract {self.vector} {a}, {self._splat(c)}")

    def scaled_sum(self, c: float, a: Value, b: Value) -> Value:
        """``c * a + b`` in one operation, whatever else uses the product."""
        if a is None or b is None:
            return self.add(self.scale(c, a), b)
        kind = f"v{self.lanes}f{8 * self.size}"
        ends = f"{self.vector} {a}, {self.vector} {self._splat(c)}, {self.vector} {b}"
        return self.let(f"call contract {self.vector} @llvm.fmuladd.{kind}({ends})")

    def _splat(self, c: float) -> str:
        return f"<{', '.join([number(c, self.element)] * self.lanes)}>"

    def cadd(self, a: Pair, b: Pair) -> Pair:
        """Complex ``a + b``."""
        return self.add(a[0], b[0]), self.add(a[1], b[1])

    def csub(self, a: Pair, b: Pair) -> Pair:
        """Complex ``a - b``."""
        return self.sub(a[0], b[0]), self.sub(a[1], b[1])

    def cmul(self, a: Pair, w: Pair) -> Pair:
        """Complex ``a * w``."""
        return (
            self.sub(self.mul(a[0], w[0]), self.mul(a[1], w[1])),
            self.add(self.mul(a[1], w[0]), self.mul(a[0], w[1])),
        )

    def store_woven(self, vectors: Sequence[Value], base: str) -> None:
        """Write lane 0 of all vectors, lane 1 of all and so on, in a row."""
        count, w, half = len(vectors), self.lanes, self.lanes // 2
        if count % w or w < 4:
            for k, value in enumerate(self.woven(vectors)):
                self.store(value, base, k * w)
            return
        for block in range(0, count, w):  # the last exchange, of halves of vectors, is done by storing halves
            rows = self.transpose(vectors[block : block + w], half)
            for i, row in enumerate(rows):
                for part in range(2):
                    lane = i % half + part * half
                    self.store_half(row, part, base, lane * count + block + i // half * half)

    def store_half(self, value: Value, part: int, base: str, index: Index) -> None:
        """Write the first (0) or the second (1) half of a vector."""
        half, text = self.lanes // 2, value or "zeroinitializer"
        mask = self._mask(range(part * half, part * half + half))
        piece = self.let(f"shufflevector {self.vector} {text}, {self.vector} poison, {mask}")
        self.do(f"store <{half} x {self.element}> {piece}, ptr {self.pointer(base, index)}, align {self.size}")

    def transpose(self, vectors: Sequence[Value], upto: int = 0) -> list[Value]:
        """Exchange lanes and vectors; as many vectors as lanes. With `upto`, only within blocks of that many."""
        rows, h = list(vectors), 1
        while h < (upto or self.lanes):
            for i in range(self.lanes):
                if not i & h:
                    a, b = rows[i], rows[i + h]
                    low = [k if not k & h else k - h + self.lanes for k in range(self.lanes)]
                    high = [k + h if not k & h else k + self.lanes for k in range(self.lanes)]
                    rows[i], rows[i + h] = self.shuffle(a, b, low), self.shuffle(a, b, high)
            h *= 2
        return rows

    def woven(self, vectors: Sequence[Value]) -> list[Value]:
        """As many vectors that hold lane 0 of all, lane 1 of all and so on."""
        if len(vectors) == 1 or self.lanes == 1:
            return list(vectors)
        prime = next(p for p in range(2, len(vectors) + 1) if len(vectors) % p == 0)
        parts = [self.woven(vectors[k::prime]) for k in range(prime)]
        return [v for group in zip(*parts, strict=True) for v in self._woven(group)]

    def _woven(self, vectors: Sequence[Value]) -> list[Value]:
        """The same, one vector of the result after the other."""
        w = self.lanes
        if all(v is None for v in vectors):
            return list(vectors)
        result: list[Value] = []
        for start in range(0, len(vectors) * w, w):
            wanted = [divmod(start + k, len(vectors)) for k in range(w)]  # lane and vector
            first, *others = dict.fromkeys(source for _, source in wanted)
            value, order = vectors[first], [lane if source == first else k for k, (lane, source) in enumerate(wanted)]
            for other in others or [first]:
                order = [w + lane if source == other else k for k, (lane, source) in zip(order, wanted, strict=True)]
                value, order = self.shuffle(value, vectors[other], order), list(range(w))
            result.append(value)
        return result

    # ------------------------------------------------------------------ rows of numbers in memory
    def pieces(self, count: int, size: int, step: Callable[[Index, bool], None]) -> None:
        """Call `step` for pieces of `size`, the first one apart; the last one may overlap the one before."""
        step(0, True)
        if count > size:
            with self.loop(size, count, size) as start:
                step(self.smaller(start, count - size), False)

    def reversed(self, base: str, index: Index) -> Value:
        """A vector of numbers in a row, the last one first."""
        vector = self.load(base, index)
        return self.shuffle(vector, vector, range(self.lanes - 1, -1, -1))

    def unzip(self, base: str, index: Index, wanted: Sequence[bool] = (), back: bool = False) -> Pair:
        """As many complex numbers in a row as there are lanes, in their order or the last one first.

        `wanted` says which of the real and imaginary parts in a row are read; the others are zero.
        """
        w, order = self.lanes, range(2 * self.lanes)
        a, b = (self.load_some(base, self.plus(index, k), wanted[k : k + w]) for k in (0, w))
        if a is None and b is None:
            return None, None
        re, im = (order[k::2] for k in range(2))
        return self.shuffle(a, b, re[::-1] if back else re), self.shuffle(a, b, im[::-1] if back else im)

    def zip(self, value: Pair, base: str, index: Index, wanted: Sequence[bool] = (), back: bool = False) -> None:
        """Write complex numbers in a row, in the order of the lanes or the last one first; `wanted` as for `unzip`."""
        w = self.lanes
        order = [k // 2 + (k % 2) * w for k in range(2 * w)]
        if back:
            order = [k for pair in zip(order[-2::-2], order[::-2], strict=True) for k in pair]
        for k in (0, w):
            half = wanted[k : k + w]
            self.store_some(self.shuffle(*value, order[k : k + w]), base, self.plus(index, k), half)

    def split(self, base: str, index: Index) -> Pair:
        """As many complex numbers in a row as there are lanes, in an order that `join` knows: quicker than `unzip`."""
        if self.lanes == 1:
            return self.load(base, index), self.load(base, self.plus(index, 1))
        a, b = self.load(base, index), self.load(base, self.plus(index, self.lanes))
        even = [k + (k & 1) * (self.lanes - 1) for k in range(self.lanes)]
        return self.shuffle(a, b, even), self.shuffle(a, b, [k + 1 for k in even])

    def join(self, value: Pair, base: str, index: Index) -> None:
        """Write complex numbers that `split` has read."""
        re, im = value
        if self.lanes == 1:
            self.store(re, base, index)
            self.store(im, base, self.plus(index, 1))
            return
        even = [k + (k & 1) * (self.lanes - 1) for k in range(self.lanes)]
        self.store(self.shuffle(re, im, even), base, index)
        self.store(self.shuffle(re, im, [k + 1 for k in even]), base, self.plus(index, self.lanes))
