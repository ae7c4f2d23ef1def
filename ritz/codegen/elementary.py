"""Exponential, logarithm, sine and cosine as plain arithmetic, so that loops around them become vector code.

A call into the mathematical library keeps a loop scalar. These functions are inlined, have no branches, and work on as
many numbers at once as the machine has lanes. Errors are below 1.5 units in the last place; infinities, NaN, zero and
subnormal numbers are as in the library. Sine and cosine need an angle that is known to be bounded.

The argument is reduced in several exact steps (Cody and Waite, Software Manual for the Elementary Functions, 1980);
what is left is small enough for a Taylor polynomial.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath

from ritz.codegen.loops.builtins import bits_of, double_of
from ritz.codegen.loops.function import KERNEL, compiled


def _split(value: Any, bits: list[int]) -> list[float]:
    """A number as a sum of doubles: the first ones with few bits, so that their small multiples are exact."""
    parts: list[float] = []
    rest = value
    for count in bits:
        size = Fraction(2) ** (int(mpmath.floor(mpmath.log(rest, 2))) + 1 - count)
        part = int(mpmath.floor(rest / (mpmath.mpf(size.numerator) / size.denominator))) * size
        parts.append(float(part))
        rest = rest - mpmath.mpf(part.numerator) / part.denominator
    return [*parts, float(rest)]


with mpmath.workprec(400):
    _L1, _L2 = _split(mpmath.log(2), [32])
    _P1, _P2, _P3, _P4 = _split(mpmath.pi / 2, [21, 21, 21])
    _LOG2E, _TWO_OVER_PI = float(1 / mpmath.log(2)), float(2 / mpmath.pi)

_ROUND = 1.5 * 2.0**52  # added and subtracted again, it rounds to a whole number; the low bits are that number
_ROUND_BITS = 0x4338000000000000
_ONE_BITS = 0x3FF0000000000000
_ROOT_HALF_BITS = 0x3FE6A09E667F3BCD
ANGLE_LIMIT = 2.0**31  # the exact steps of the reduction hold up to here
(_E2, _E3, _E4, _E5, _E6, _E7, _E8, _E9, _E10, _E11, _E12, _E13) = (1 / math.factorial(k) for k in range(2, 14))
(_S1, _S2, _S3, _S4, _S5, _S6, _S7) = ((-1) ** k / math.factorial(2 * k + 1) for k in range(1, 8))
(_C2, _C3, _C4, _C5, _C6, _C7, _C8) = ((-1) ** k / math.factorial(2 * k) for k in range(2, 9))
(_A1, _A2, _A3, _A4, _A5, _A6, _A7, _A8, _A9, _A10) = (2 / (2 * k + 1) for k in range(1, 11))


@compiled(flags=KERNEL, inline=True)
def exp(x: float) -> float:
    """The exponential."""
    y = min(max(x, -750.0), 710.0)
    t = y * _LOG2E + _ROUND
    n = t - _ROUND
    r = (y - n * _L1) - n * _L2
    z = r * r
    p = (_E2 + r * _E3) + z * ((_E4 + r * _E5) + z * (_E6 + r * _E7))
    q = (_E8 + r * _E9) + z * ((_E10 + r * _E11) + z * (_E12 + r * _E13))
    value = 1.0 + (r + z * (p + z * z * z * q))
    k = bits_of(t) - _ROUND_BITS
    half = (k + 2048 >> 1) - 1024  # two factors, since one would leave the range of doubles
    scaled = value * double_of((half + 1023) << 52) * double_of((k - half + 1023) << 52)
    return scaled if x == x else x


@compiled(flags=KERNEL, inline=True)
def log(x: float) -> float:
    """The natural logarithm; NaN below zero."""
    small = x < 2.2250738585072014e-308
    bits = bits_of(x * 18014398509481984.0 if small else x)
    above = bits + (_ONE_BITS - _ROOT_HALF_BITS)
    power = (above >> 52) & 0x7FF
    f = double_of((above & 0xFFFFFFFFFFFFF) + _ROOT_HALF_BITS) - 1.0
    k = (double_of(power | 0x4330000000000000) - 4503599627370496.0) - (1077.0 if small else 1023.0)
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    odd = _A1 + w * (_A3 + w * (_A5 + w * (_A7 + w * _A9)))
    even = _A2 + w * (_A4 + w * (_A6 + w * (_A8 + w * _A10)))
    r = z * odd + w * even
    h = 0.5 * f * f
    value = k * _L1 - ((h - (s * (h + r) + k * _L2)) - f)
    value = value if x < math.inf else x
    value = value if x > 0.0 else (-math.inf if x == 0.0 else math.nan)
    return value


@compiled(flags=KERNEL, inline=True)
def sin_bounded(x: float) -> float:
    """The sine of an angle below `ANGLE_LIMIT` in size."""
    return _turned(x, 0)


@compiled(flags=KERNEL, inline=True)
def cos_bounded(x: float) -> float:
    """The cosine of an angle below `ANGLE_LIMIT` in size; the work shared with `sin_bounded` is done once."""
    return _turned(x, 1)


@compiled(flags=KERNEL, inline=True)
def _turned(x: float, quarters: int) -> float:
    """The sine of an angle and some quarter turns."""
    t = x * _TWO_OVER_PI + _ROUND
    n = t - _ROUND
    r = (((x - n * _P1) - n * _P2) - n * _P3) - n * _P4
    z = r * r
    w = z * z
    sine = r + r * z * ((_S1 + z * _S2) + w * ((_S3 + z * _S4) + w * ((_S5 + z * _S6) + w * _S7)))
    h = 0.5 * z
    one = 1.0 - h
    tail = w * ((_C2 + z * _C3) + w * ((_C4 + z * _C5) + w * ((_C6 + z * _C7) + w * _C8)))
    cosine = one + (((1.0 - one) - h) + tail)
    quarter = bits_of(t) + quarters
    swap = -(quarter & 1)
    chosen = (bits_of(sine) & ~swap) | (bits_of(cosine) & swap)
    return double_of(chosen ^ ((quarter & 2) << 62))
