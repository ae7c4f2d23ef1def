"""One Fourier transform of length n with its own numbers side by side in the lanes: Stockham's passes over planes.

In the first pass the lanes are neighbouring butterflies, and what comes out is woven in registers so that it is stored
in a row. In all later passes they run over the stride, which is at least a vector because the first radix is
[vanloan1992, sec. 1.7]. The last vector of a row may overlap the one before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from ritz.codegen.transforms.butterfly import dft, root
from ritz.codegen.vector_code import Code, Index, Pair, constants

RADICES = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 16)
Masks = tuple[tuple[bool, ...], ...]  # which lanes of a vector are there, for each of the parts it is made of


class End(Protocol):
    """Where the numbers of a line come from or go to; one that is only read or only written lacks the other method."""

    def masks(self, first: int) -> Masks:
        """Which lanes are there in the vector that begins with number `first`."""
        ...

    def load(self, index: Index, offset: int, masks: Masks) -> Pair:
        """The vector that begins with number ``index + offset``."""
        ...

    def store(self, value: Pair, index: Index, offset: int, masks: Masks) -> None:
        """Write it."""
        ...


@dataclass(frozen=True)
class Planes:
    """Real and imaginary parts of numbers in arrays of their own."""

    code: Code
    re: str
    im: str

    def masks(self, first: int) -> Masks:
        """All lanes are there."""
        return ()

    def load(self, index: Index, offset: int, masks: Masks = ()) -> Pair:
        """A vector of numbers."""
        code = self.code
        return code.load(code.pointer(self.re, index), offset), code.load(code.pointer(self.im, index), offset)

    def store(self, value: Pair, index: Index, offset: int, masks: Masks = ()) -> None:
        """Write a vector of numbers."""
        for part, plane in zip(value, (self.re, self.im), strict=True):
            self.code.store(part, self.code.pointer(plane, index), offset)


@dataclass(frozen=True)
class LinePasses:
    """The passes of a transform.

    Attributes:
        n: numbers.
        factors: radices, first pass first.
        sign: of the exponent, -1 forward.
        lanes: numbers in a vector.
    """

    n: int
    factors: tuple[int, ...]
    sign: int
    lanes: int

    def tables(self, prefix: str, element: str) -> list[str]:
        """The turning factors of all passes but the last, as constants named ``@prefix<pass>``."""
        lines, length = [], self.n
        for k, r in enumerate(self.factors[:-1]):
            values: list[float] = []
            if k == 0:
                for start in self._starts(length // r):
                    for j in range(1, r):
                        turns = [root(self.sign * j * (start + lane), length) for lane in range(self.lanes)]
                        values += [t[part] for part in range(2) for t in turns]
            else:
                for p in range(length // r):
                    for j in range(1, r):
                        values += root(self.sign * j * p, length)
            lines.append(constants(f"{prefix}{k}", values, element))
            length //= r
        return lines

    def emit(self, code: Code, prefix: str, source: End, sink: End, buffers: Sequence[Planes]) -> None:
        """Write all passes; `source` and `sink` serve the first and the last, buffers the ones between."""
        length, stride, last = self.n, 1, len(self.factors) - 1
        for k, r in enumerate(self.factors):
            read = source if k == 0 else buffers[(k - 1) % 2]
            write = sink if k == last else buffers[k % 2]
            if k == last:
                self._last(code, r, read, write)
            elif k == 0:
                self._first(code, r, f"@{prefix}0", read, buffers[0])
            else:
                self._middle(code, r, length, stride, f"@{prefix}{k}", read, write)
            length //= r
            stride *= r

    # ------------------------------------------------------------------ vectors of a row
    def _starts(self, count: int) -> list[int]:
        """The numbers with which the vectors of a row begin."""
        return [min(start, count - self.lanes) for start in range(0, count, self.lanes)]

    def _vectors(self, code: Code, end: End, r: int) -> Iterator[tuple[Index, Index, list[Masks]]]:
        """Walk over the vectors of a row; gives the vector, its first number and which lanes its legs have.

        Vectors with the same legs share a loop, and those with incomplete ones are on their own.
        """
        count = self.n // r
        legs = [[end.masks(start + i * count) for i in range(r)] for start in self._starts(count)]
        first = 0
        while first < len(legs):
            stop = first + 1
            if not any(is_partial(m) for m in legs[first]):
                while stop < len(legs) and legs[stop] == legs[first]:
                    stop += 1
            if stop == first + 1:
                yield first, self._starts(count)[first], legs[first]
            else:
                with code.loop(first, stop) as k:
                    start = code.times(k, self.lanes)
                    if stop == len(legs) and count % self.lanes:
                        start = code.smaller(start, count - self.lanes)
                    yield k, start, legs[first]
            first = stop

    # ------------------------------------------------------------------ passes
    def _first(self, code: Code, r: int, table: str, source: End, sink: Planes) -> None:
        w, step = self.lanes, self.n // r
        for k, start, legs in self._vectors(code, source, r):
            y = dft(code, [source.load(start, i * step, legs[i]) for i in range(r)], self.sign)
            turns = code.pointer(table, code.times(k, 2 * w * (r - 1)))
            for j in range(1, r):
                y[j] = code.cmul(y[j], (code.load(turns, 2 * w * (j - 1)), code.load(turns, 2 * w * (j - 1) + w)))
            at = code.times(start, r)
            for part, plane in enumerate((sink.re, sink.im)):
                code.store_woven([z[part] for z in y], code.pointer(plane, at))

    def _middle(self, code: Code, r: int, length: int, s: int, table: str, source: End, sink: End) -> None:
        step = self.n // r
        with code.loop(0, length // r) as p:
            base = code.pointer(table, code.times(p, 2 * (r - 1)))
            turns = [(code.broadcast(base, 2 * j), code.broadcast(base, 2 * j + 1)) for j in range(r - 1)]
            before, after = code.times(p, s), code.times(p, s * r)
            with code.row(s) as q:
                at = code.plus(before, q)
                y = dft(code, [source.load(at, i * step, ()) for i in range(r)], self.sign)
                at = code.plus(after, q)
                for j in range(r):
                    sink.store(code.cmul(y[j], turns[j - 1]) if j else y[j], at, j * s, ())

    def _last(self, code: Code, r: int, source: End, sink: End) -> None:
        """The last pass, which may be the first one too."""
        step = self.n // r
        guide = source if len(self.factors) == 1 else sink
        for _, start, legs in self._vectors(code, guide, r):
            read = legs if guide is source else [()] * r
            write = legs if guide is sink else [sink.masks(i * step) for i in range(r)]
            y = dft(code, [source.load(start, i * step, read[i]) for i in range(r)], self.sign)
            for j in range(r):
                sink.store(y[j], start, j * step, write[j])


def is_partial(masks: Masks) -> bool:
    """Whether some lanes are there and others are not."""
    return any(any(mask) and not all(mask) for mask in masks)


@cache
def _operations(r: int) -> tuple[int, int]:
    """Instructions of a butterfly, and of weaving its results."""
    code = Code(8)
    dft(code, [("%a", "%b")] * r, 1)
    butterfly = len(code.lines)
    code.woven(["%a"] * r)
    return butterfly, 2 * (len(code.lines) - butterfly)


def factorize(n: int, lanes: int, registers: int) -> tuple[float, tuple[int, ...]] | None:
    """Radices with the fewest instructions, and how many those are; None where vectors of this width do not fit.

    Args:
        n: length.
        lanes: numbers in a vector; the first radix and the number of first butterflies are at least that.
        registers: vector registers of the processor; what does not fit goes through memory.
    """

    def price(r: int, rest: int) -> float:
        s = n // rest
        butterfly, weaving = _operations(r)
        spilled = max(0, 5 * r // 2 - registers)
        work = butterfly + 4 * r + 8 * spilled
        if s == 1:
            turns = 6 * (r - 1) + weaving if rest > r else 0
            return -(-rest // r // lanes) * (work + turns)
        vectors = -(-s // lanes)
        return rest // r * (vectors * (work + (4 * (r - 1) if rest > r else 0)) + (2 * (r - 1) if rest > r else 0))

    @cache
    def best(rest: int) -> tuple[float, tuple[int, ...]] | None:
        if rest == 1:
            return 0.0, ()
        found = []
        for r in RADICES:
            if rest % r or (rest == n and (min(r, n // r) < lanes and not (r == n and lanes == 1))):
                continue
            after = best(rest // r)
            if after is not None:
                found.append((after[0] + price(r, rest), (r, *after[1])))
        return min(found, default=None)

    return best(n) if n > 1 else None


def choices(n: int, lanes: int, registers: int) -> list[tuple[int, tuple[int, ...]]]:
    """Vectors of at most `lanes` numbers with their radices, fewest instructions first; none for other primes."""
    widths = [lanes >> k for k in range(lanes.bit_length())]
    found = [(*plan, w) for w in widths if (plan := factorize(n, w, registers))]
    return [(width, factors) for _, factors, width in sorted(found, key=lambda f: (f[0], -f[2]))]
