"""One Fourier transform of length n, as many at a time as a vector has lanes: passes over a buffer.

A pass of radix r reads r numbers that lie a step apart, transforms them in registers, turns them and writes them where
they were; the last pass reads numbers in a row and writes them in their order, elsewhere [vanloan1992, sec. 1.9].
Between them the numbers stay in one buffer ``[n, 2, lanes]``, which is what the first-level cache has room for.
Where only the modes ``-K..K`` are kept, what is zero is not read in the first pass and what is not wanted is not
written in the last one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ritz.codegen.transforms.butterfly import dft, root
from ritz.codegen.vector_code import Code, Index, Pair, constants

Load = Callable[[Index, int, int], Pair]  # (index, constant added to it, smallest value of the sum) -> the number there
Store = Callable[[Pair, Index, int, int], None]


SHORT = 256  # up to here both buffers lie in the first-level cache, and radix 4 needs no more than 16 registers


def radices(n: int, lanes: int) -> tuple[int, ...] | None:
    """Radices of the passes; None where n has a prime factor above 7 or fewer than two factors.

    With 16 registers (vectors of up to 4 doubles) radix 4 is quickest for short lines; for long ones, and with 32
    registers, radix 8 passes over memory less often.
    """
    found: list[int] = []
    rest = n
    for prime in (7, 5, 3):
        while rest % prime == 0:
            found.append(prime)
            rest //= prime
    twos = rest.bit_length() - 1
    if rest != 1 << twos:
        return None
    if twos == 2 and not found:
        return (2, 2)
    if lanes <= 4 and n <= SHORT and twos > 1:
        powers = [8] * (twos % 2) + [4] * ((twos - 3 * (twos % 2)) // 2)
    else:
        count = -(-twos // 3)
        powers = [2 ** (twos // count + (k < twos % count)) for k in range(count)]
    if twos == 3 and not found:
        powers = [4, 2]
    factors = sorted(powers + found, reverse=True)
    return tuple(factors) if len(factors) > 1 else None


def smallest_first(n: int, lanes: int) -> tuple[int, ...] | None:
    """The radices of the rule in the opposite order: the large ones in the last passes."""
    factors = radices(n, lanes)
    return factors[::-1] if factors else None


def fours(n: int, lanes: int) -> tuple[int, ...] | None:
    """More passes with fewer registers: radix 4 as often as possible."""
    factors = radices(n, lanes) or ()
    twos = sum(f.bit_length() - 1 for f in factors if f & (f - 1) == 0)
    found = sorted([4] * (twos // 2) + [2] * (twos % 2) + [f for f in factors if f & (f - 1)], reverse=True)
    return tuple(found) if len(found) > 1 else None


@dataclass(frozen=True)
class Line:
    """A transform of length n.

    Attributes:
        n: numbers.
        factors: radices, first pass first.
        sign: of the exponent, -1 forward.
        kept: K where only the modes -K..K are not zero (first pass) or wanted (last pass).
        prune: "first", "last" or "".
    """

    n: int
    factors: tuple[int, ...]
    sign: int
    kept: int = 0
    prune: str = ""

    @property
    def lengths(self) -> list[int]:
        """Numbers of the transforms that are left before each pass, and 1."""
        found = [self.n]
        for r in self.factors:
            found.append(found[-1] // r)
        return found

    @property
    def block(self) -> int:
        """Numbers between two gaps of a buffer: at most 16, such that gaps fit the legs of all passes; 0 for none."""

        steps = [*self.lengths, self.n // self.factors[-1]]  # the last one is between results of the last pass

        def fits(size: int) -> bool:
            return all(size % step == 0 or step % size == 0 for step in steps)

        return max((size for size in range(2, 17) if fits(size)), default=0)

    @property
    def places(self) -> int:
        """Numbers that a buffer must hold, gaps and one more included."""
        return self.n + 1 + (self.n // self.block if self.block else 0) + 1

    def tables(self, prefix: str, element: str = "double") -> list[str]:
        """The turning factors of all passes but the last, as constants named ``@prefix<pass>``."""
        lines, length = [], self.n
        for k, r in enumerate(self.factors[:-1]):
            values: list[float] = []
            for p in range(length // r):
                for j in range(1, r):
                    values += root(self.sign * j * p, length)
            lines.append(constants(f"{prefix}{k}", values, element))
            length //= r
        return lines

    def is_kept(self, index: int) -> bool:
        """Whether a mode is among -K..K."""
        return index <= self.kept or index >= self.n - self.kept

    def segments(self, r: int) -> list[tuple[int, int, list[bool]]]:
        """Ranges of p with the same legs ``p + i n / r`` kept."""
        step = self.n // r
        result: list[tuple[int, int, list[bool]]] = []
        for p in range(step):
            legs = [self.is_kept(p + i * step) for i in range(r)]
            if result and result[-1][2] == legs:
                result[-1] = (result[-1][0], p + 1, legs)
            else:
                result.append((p, p + 1, legs))
        return result

    def emit(self, code: Code, prefix: str, load: Load, store: Store, buffer: Buffer) -> None:
        """Write all passes; `load` and `store` serve the first and the last, the buffer the ones between."""
        last, read, write = len(self.factors) - 1, buffer.load(code), buffer.store(code)
        for k, r in enumerate(self.factors):
            if k == last:
                self._last(code, r, load if k == 0 else read, store)
            elif k == 0:
                self._first(code, r, f"@{prefix}0", load, write)
            else:
                self._middle(code, r, self.lengths[k], f"@{prefix}{k}", read, write)

    def _first(self, code: Code, r: int, table: str, load: Load, store: Store) -> None:
        step = self.n // r
        parts = self.segments(r) if self.prune == "first" else [(0, step, [True] * r)]
        for start, stop, legs in parts:
            with code.loop(start, stop) as p:
                x = [load(p, i * step, start + i * step) if legs[i] else (None, None) for i in range(r)]
                y = self._turned(code, dft(code, x, self.sign), table, p)
                for j in range(r):
                    store(y[j], p, j * step, start + j * step)

    def _middle(self, code: Code, r: int, length: int, table: str, load: Load, store: Store) -> None:
        """A pass over all transforms of this length that are left, each in its place."""
        step = length // r
        with code.loop(0, step) as p:
            factors = self._factors(code, r, table, p)
            with code.loop(0, self.n, length) as start:
                at = code.plus(start, p)
                y = dft(code, [load(at, i * step, 0) for i in range(r)], self.sign)
                for j in range(r):
                    store(y[j] if j == 0 else code.cmul(y[j], factors[j - 1]), at, j * step, 0)

    def _last(self, code: Code, r: int, load: Load, store: Store) -> None:
        """The pass that brings the results into their order, number ``q + j n / r`` from each place."""
        s = self.n // r
        parts = self.segments(r) if self.prune == "last" else [(0, s, [True] * r)]
        for start, stop, legs in parts:
            with code.loop(start, stop) as q:
                at = self._place(code, q)
                y = dft(code, [load(at, i, 0) for i in range(r)], self.sign)
                for j in range(r):
                    if legs[j]:
                        store(y[j], q, j * s, start + j * s)

    def _place(self, code: Code, q: Index) -> Index:
        """Where the last transform with result q begins: the digits of q in the radices, the other way round."""
        place: Index = 0
        rest = q
        for r, length in zip(self.factors[:-2], self.lengths[1:], strict=False):
            digit = code.let(f"urem i64 {rest}, {r}")
            rest = code.let(f"udiv i64 {rest}, {r}")
            place = code.plus(place, code.times(digit, length))
        return code.plus(place, code.times(rest, self.factors[-1]))

    def _factors(self, code: Code, r: int, table: str, p: Index) -> list[Pair]:
        at = code.times(p, 2 * (r - 1))
        base = code.pointer(table, at)
        return [(code.broadcast(base, 2 * j), code.broadcast(base, 2 * j + 1)) for j in range(r - 1)]

    def _turned(self, code: Code, y: list[Pair], table: str, p: Index) -> list[Pair]:
        factors = self._factors(code, len(y), table, p)
        return [y[0]] + [code.cmul(v, w) for v, w in zip(y[1:], factors)]


@dataclass(frozen=True)
class Buffer:
    """An array ``[n, 2, lanes]`` with a gap after every `block` numbers, 0 for none.

    Legs of a pass lie n / r numbers apart; with gaps they do not fall on the same lines of the first-level cache.
    """

    base: str
    block: int

    def place(self, code: Code, index: Index, offset: int) -> tuple[str, int]:
        """Base and constant index of a number.

        The index lies below `step` in its block of `length` numbers, and the offset is a multiple of `step`, for a pass
        with these numbers: then the gaps before the sum are those before both.
        """
        width = 2 * code.lanes
        start = code.times(index, width)
        if self.block:
            gaps = index // self.block if isinstance(index, int) else code.let(f"udiv i64 {index}, {self.block}")
            start = code.plus(start, code.times(gaps, width))
            offset += offset // self.block
        return code.pointer(self.base, start), offset * width

    def load(self, code: Code) -> Load:
        """Reads numbers."""

        def load(index: Index, offset: int, _: int = 0) -> Pair:
            base, at = self.place(code, index, offset)
            return code.load(base, at), code.load(base, at + code.lanes)

        return load

    def store(self, code: Code) -> Store:
        """Writes numbers."""

        def store(value: Pair, index: Index, offset: int, _: int = 0) -> None:
            base, at = self.place(code, index, offset)
            code.store(value[0], base, at)
            code.store(value[1], base, at + code.lanes)

        return store
