"""Small Fourier transforms in registers, with zeros folded away."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ritz.codegen.vector_code import Code, Pair


def root(k: int, n: int) -> tuple[float, float]:
    """Cosine and sine of ``2 pi k / n``, from an angle of an eighth of a turn at most: accurate to the last bit."""
    octant, rest = divmod(8 * k % (8 * n), n)
    angle = math.pi / 4 * (n - rest if octant % 2 else rest) / n
    c, s = math.cos(angle), math.sin(angle)
    if octant % 2:
        c, s = s, c
    return ((c, s), (-s, c), (-c, -s), (s, -c))[octant // 2]


def rotated(code: Code, z: Pair, turn: int, n: int, sign: int) -> Pair:
    """``z * exp(sign * 2 pi i * turn / n)``."""
    turn = turn * sign % n
    re, im = z
    if turn * 8 % n:
        c, s = root(turn, n)
        return (
            code.sub(code.scale(c, re), code.scale(s, im)),
            code.add(code.scale(c, im), code.scale(s, re)),
        )
    eighth = turn * 8 // n
    if eighth % 2:
        half = math.sqrt(0.5)
        re, im = code.scale(half, code.sub(re, im)), code.scale(half, code.add(re, im))
        eighth -= 1
    quarter = eighth // 2
    if quarter == 1:
        return code.sub(None, im), re
    if quarter == 2:
        return code.sub(None, re), code.sub(None, im)
    if quarter == 3:
        return im, code.sub(None, re)
    return re, im


def dft(code: Code, x: Sequence[Pair], sign: int) -> list[Pair]:
    """``y_k = sum_j x_j exp(sign * 2 pi i j k / n)``.

    Composite lengths by Cooley and Tukey, odd primes by pairing j with n - j.
    """
    n = len(x)
    if n == 1:
        return list(x)
    if n == 2:
        return [code.cadd(*x), code.csub(*x)]
    if n == 4:
        return _four(code, x, sign)
    a = next((a for a in (4, 2, 3, 5, 7) if n % a == 0), n)
    if a == n:
        return _odd(code, x, sign)
    b = n // a
    inner = [dft(code, [x[b * i + j] for i in range(a)], sign) for j in range(b)]
    result: list[Pair] = [(None, None)] * n
    for k in range(a):
        if b == 2 and 8 * k % n == 0 and 8 * k // n % 2:
            result[k::a] = _eighth(code, inner[0][k], inner[1][k], 8 * k // n * sign)
            continue
        column = [rotated(code, inner[j][k], j * k, n, sign) for j in range(b)]
        result[k::a] = dft(code, column, sign)
    return result


def _eighth(code: Code, x: Pair, y: Pair, turn: int) -> list[Pair]:
    """``x + w y`` and ``x - w y``, w an odd number of eighths of a turn: the factor goes into fused operations."""
    re, im = y
    turned = code.sub(re, im), code.add(re, im)  # by one eighth, longer by sqrt 2
    turned = rotated(code, turned, (turn - 1) // 2, 4, 1)
    return [
        (code.scaled_sum(c, turned[0], x[0]), code.scaled_sum(c, turned[1], x[1]))
        for c in (math.sqrt(0.5), -math.sqrt(0.5))
    ]


def _four(code: Code, x: Sequence[Pair], sign: int) -> list[Pair]:
    a, b = code.cadd(x[0], x[2]), code.csub(x[0], x[2])
    c, d = code.cadd(x[1], x[3]), code.csub(x[1], x[3])
    up = (code.sub(b[0], d[1]), code.add(b[1], d[0]))  # b + i d
    down = (code.add(b[0], d[1]), code.sub(b[1], d[0]))
    return [code.cadd(a, c), up if sign > 0 else down, code.csub(a, c), down if sign > 0 else up]


def _odd(code: Code, x: Sequence[Pair], sign: int) -> list[Pair]:
    n, half = len(x), len(x) // 2
    sums = [code.cadd(x[j], x[n - j]) for j in range(1, half + 1)]
    differences = [code.csub(x[j], x[n - j]) for j in range(1, half + 1)]
    total = x[0]
    for pair in sums:
        total = code.cadd(total, pair)
    result = [total] + [(None, None)] * (n - 1)
    for k in range(1, half + 1):
        even: Pair = x[0]
        odd: Pair = (None, None)
        for j in range(1, half + 1):
            c, s = root(j * k, n)
            s *= sign
            even = code.cadd(even, (code.scale(c, sums[j - 1][0]), code.scale(c, sums[j - 1][1])))
            odd = code.cadd(odd, (code.scale(s, differences[j - 1][0]), code.scale(s, differences[j - 1][1])))
        result[k] = (code.sub(even[0], odd[1]), code.add(even[1], odd[0]))
        result[n - k] = (code.add(even[0], odd[1]), code.sub(even[1], odd[0]))
    return result
