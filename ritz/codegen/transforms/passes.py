"""One Fourier transform of length n, as many at a time as a vector has lanes: Stockham's passes over a buffer.

A pass of radix r reads r numbers that lie n / r apart, transforms them in registers, turns them and writes them so that
the last pass leaves everything in natural order [vanloan1992, sec. 1.7]. A buffer holds ``[n, 2, lanes]`` numbers.
Where only the modes ``-K..K`` are kept, what is zero is not read in the first pass and what is not wanted is not
written in the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    def block(self) -> int:
        """Numbers between two gaps of a buffer: a product of the first radices that fits the legs of all passes."""
        found, product = 0, 1
        for r in self.factors[:-1]:
            product *= r
            if product <= 16 and all(self.n // f % product == 0 for f in self.factors):
                found = product
        return found

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

    def emit(self, code: Code, prefix: str, load: Load, store: Store, buffers: Sequence[Buffer]) -> None:
        """Write all passes; `load` and `store` serve the first and the last, buffers the ones between."""
        length, stride, last = self.n, 1, len(self.factors) - 1
        for k, r in enumerate(self.factors):
            read = load if k == 0 else buffers[(k - 1) % 2].load(code)
            write = store if k == last else buffers[k % 2].store(code)
            if k == last:
                self._last(code, r, stride, read, write)
            elif k == 0:
                self._first(code, r, f"@{prefix}0", read, write)
            else:
                self._middle(code, r, length, stride, f"@{prefix}{k}", read, write)
            length //= r
            stride *= r

    def _first(self, code: Code, r: int, table: str, load: Load, store: Store) -> None:
        step = self.n // r
        parts = self.segments(r) if self.prune == "first" else [(0, step, [True] * r)]
        for start, stop, legs in parts:
            with code.loop(start, stop) as p:
                x = [load(p, i * step, start + i * step) if legs[i] else (None, None) for i in range(r)]
                y = self._turned(code, dft(code, x, self.sign), table, p)
                at = code.times(p, r)
                for j in range(r):
                    store(y[j], at, j, start * r + j)

    def _middle(self, code: Code, r: int, length: int, s: int, table: str, load: Load, store: Store) -> None:
        with code.loop(0, length // r) as p:
            factors = self._factors(code, r, table, p)
            source, target = code.times(p, s), code.times(p, s * r)
            with code.loop(0, s) as q:
                at = code.plus(source, q)
                x = [load(at, i * s * (length // r), 0) for i in range(r)]
                y = dft(code, x, self.sign)
                at = code.plus(target, q)
                for j in range(r):
                    store(y[j] if j == 0 else code.cmul(y[j], factors[j - 1]), at, s * j, 0)

    def _last(self, code: Code, r: int, s: int, load: Load, store: Store) -> None:
        parts = self.segments(r) if self.prune == "last" else [(0, s, [True] * r)]
        for start, stop, legs in parts:
            with code.loop(start, stop) as q:
                y = dft(code, [load(q, i * s, start + i * s) for i in range(r)], self.sign)
                for j in range(r):
                    if legs[j]:
                        store(y[j], q, j * s, start + j * s)

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
        """Base and constant index of a number; the offset is whole blocks or stays within the block of the index."""
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
