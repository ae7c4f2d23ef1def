"""What a line reads and writes: grid values, kept modes, and modes of real values taken apart or put together.

A real line of an even number of points is a complex one of half the length, even points in the real parts: its modes
are put together while the first pass reads them and taken apart after the last one. A real line of an odd number of
points is a complex line without imaginary parts. Modes that are not kept are not read and not written; forward
transforms divide by the number of points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ritz.codegen.transforms.butterfly import root
from ritz.codegen.transforms.line_passes import Masks, Planes
from ritz.codegen.vector_code import Code, Index, Pair, constants


@dataclass(frozen=True)
class Grid:
    """Grid values in a row, complex ones or, of a real line, each two that follow one another."""

    code: Code
    base: str

    def masks(self, first: int) -> Masks:
        """All lanes are there."""
        return ()

    def load(self, index: Index, offset: int, masks: Masks) -> Pair:
        """A vector of numbers."""
        return self.code.unzip(self.code.pointer(self.base, self.code.times(index, 2)), 2 * offset)

    def store(self, value: Pair, index: Index, offset: int, masks: Masks) -> None:
        """Write a vector of numbers."""
        self.code.zip(value, self.code.pointer(self.base, self.code.times(index, 2)), 2 * offset)


@dataclass(frozen=True)
class RealGrid(Grid):
    """Real grid values in a row."""

    def load(self, index: Index, offset: int, masks: Masks) -> Pair:
        """A vector of numbers without imaginary parts."""
        return self.code.load(self.code.pointer(self.base, index), offset), None

    def store(self, value: Pair, index: Index, offset: int, masks: Masks) -> None:
        """Write the real parts."""
        self.code.store(value[0], self.code.pointer(self.base, index), offset)


@dataclass(frozen=True)
class Modes:
    """Kept modes of complex values: 0..K and, behind them, -K..-1.

    Attributes:
        code, base: where they are.
        n: numbers of the line.
        cutoff: K.
        factor: what is written is multiplied by this.
    """

    code: Code
    base: str
    n: int
    cutoff: int
    factor: float = 1.0

    def _lanes(self, wanted: Callable[[int], bool], first: int) -> tuple[bool, ...]:
        return tuple(wanted(k) for k in range(first, first + self.code.lanes))

    def _at(self, index: Index, offset: int) -> tuple[str, int]:
        return self.code.pointer(self.base, self.code.times(index, 2)), 2 * offset

    def masks(self, first: int) -> Masks:
        """Lanes among 0..K, and lanes among -K..-1."""
        low = self._lanes(lambda k: k <= self.cutoff, first)
        return low, self._lanes(lambda k: self.n - self.cutoff <= k < self.n, first)

    @property
    def _shifts(self) -> tuple[int, int]:
        """How far a mode lies from the place that its number says, for both parts."""
        return 0, self.n - 2 * self.cutoff - 1

    def load(self, index: Index, offset: int, masks: Masks) -> Pair:
        """A vector of modes, zero where they are not kept."""
        result: Pair = (None, None)
        for wanted, shift in zip(masks, self._shifts, strict=True):
            result = self.code.cadd(result, self.code.unzip(*self._at(index, offset - shift), doubled(wanted)))
        return result

    def store(self, value: Pair, index: Index, offset: int, masks: Masks) -> None:
        """Write the kept ones."""
        code = self.code
        scaled = code.scale(self.factor, value[0]), code.scale(self.factor, value[1])
        for wanted, shift in zip(masks, self._shifts, strict=True):
            if any(wanted):
                code.zip(scaled, *self._at(index, offset - shift), doubled(wanted))


@dataclass(frozen=True)
class HalfModes(Modes):
    """Kept modes 0..K of real values, as the modes of as many complex numbers."""

    def masks(self, first: int) -> Masks:
        """Real and imaginary parts (that of the mean is none) among 0..K; lanes whose mirror images are among 1..K."""
        low = self._lanes(lambda k: k <= self.cutoff, first)
        parts = doubled(low)
        return parts[:1] + (parts[1] and first > 0,) + parts[2:], self._lanes(self._mirrored, first)

    def _mirrored(self, k: int) -> bool:
        return 0 < self.n - k <= self.cutoff

    def _mirror(self, index: Index, offset: int, wanted: Sequence[bool]) -> Pair:
        """The modes n - k."""
        last = self.n - offset - self.code.lanes + 1
        return self.code.unzip(self.base, self.code.times(self.code.minus(last, index), 2), doubled(wanted)[::-1], True)

    def load(self, index: Index, offset: int, masks: Masks) -> Pair:
        """A vector of modes; those above the middle are the conjugates of others."""
        re, im = self._mirror(index, offset, masks[1])
        return self.code.cadd(self.code.unzip(*self._at(index, offset), masks[0]), (re, self.code.sub(None, im)))

    def store(self, value: Pair, index: Index, offset: int, masks: Masks) -> None:
        """Write the kept ones."""
        code, (wanted, _) = self.code, masks
        if any(wanted):
            scaled = code.scale(self.factor, value[0]), code.scale(self.factor, value[1])
            code.zip(scaled, *self._at(index, offset), wanted[:1] + wanted[:1] + wanted[2:])


@dataclass(frozen=True)
class PackedModes(HalfModes):
    """Kept modes 0..K of real values; what is read are the modes Z of the complex line of half the length n.

    ``Z[k] = X[k] + conj(X[n-k]) + i w (X[k] - conj(X[n-k]))`` with ``w = exp(i pi k / n)``, and the other way round.
    """

    def tables(self, element: str) -> list[str]:
        """The constants w."""
        turns = [root(k, 2 * self.n) for k in range(self.n + self.code.lanes)]
        return [constants(f"half{part}", [t[part] for t in turns], element) for part in range(2)]

    def _turn(self, index: Index, offset: int) -> Pair:
        code = self.code
        return tuple(code.load(code.pointer(f"@half{part}", index), offset) for part in range(2))  # type: ignore[return-value]

    def load(self, index: Index, offset: int, masks: Masks) -> Pair:
        """A vector of Z."""
        code = self.code
        a, (re, im) = code.unzip(*self._at(index, offset), masks[0]), self._mirror(index, offset, masks[1])
        b = re, code.sub(None, im)
        even, odd = code.cadd(a, b), code.csub(a, b)
        turned = code.cmul(odd, self._turn(index, offset))
        return code.sub(even[0], turned[1]), code.add(even[1], turned[0])

    def unpack(self, planes: Planes) -> None:
        """Write the modes of which `planes` hold Z; a number and a vector more than n fit in there.

        Where mode n - k is kept too, it is written together with mode k.
        """
        code, n, w = self.code, self.n, self.code.lanes
        for plane in (planes.re, planes.im):  # Z[n] = Z[0]
            code.copy(plane, 0, n)
        alone, middle = n - self.cutoff, n // 2 + 1  # pairs begin with the first one, and end before the second one
        pairs = middle - alone >= w
        count = alone if pairs else self.cutoff + 1
        whole = count // w * w
        with code.loop(0, whole, w) as start:
            self._unpacked(planes, start)
        if whole < count:
            self._unpacked(planes, whole, doubled(self._lanes(lambda k: k < count, whole)))
        if pairs:
            with code.row(middle - alone) as start:
                self._unpacked(planes, code.plus(start, alone), both=True)

    def _unpacked(self, planes: Planes, start: Index, wanted: Sequence[bool] = (), both: bool = False) -> None:
        """A vector of modes from `start` on; `both` with those at the other end."""
        code, factor = self.code, 0.5 * self.factor
        (zr, zi), (c, s) = planes.load(start, 0), self._turn(start, 0)
        down = code.minus(self.n - code.lanes + 1, start)
        yr, yi = (code.reversed(plane, down) for plane in (planes.re, planes.im))
        odd = code.add(zi, yi), code.sub(yr, zr)
        turned = code.cmul(odd, (c, code.sub(None, s)))
        even = code.add(zr, yr), code.sub(zi, yi)
        re, im = (code.scale(factor, part) for part in code.cadd(even, turned))
        code.zip((re, im), self.base, code.times(start, 2), wanted)
        if both:
            re, im = (code.scale(sign * factor, part) for sign, part in zip((1, -1), code.csub(even, turned)))
            code.zip((re, im), self.base, code.times(down, 2), back=True)


def doubled(lanes: Sequence[bool]) -> tuple[bool, ...]:
    """The same for real and imaginary parts in turn."""
    return tuple(x for x in lanes for _ in range(2))
