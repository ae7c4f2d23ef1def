"""Small Fourier transforms in registers, with zeros folded away."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ritz.codegen.vector_code import Code, Pair


def rotated(code: Code, z: Pair, turn: int, n: int, sign: int) -> Pair:
    """``z * exp(sign * 2 pi i * turn / n)``."""
    turn = turn * sign % n
    re, im = z
    if turn * 8 % n:
        angle = 2 * math.pi * turn / n
        c, s = math.cos(angle), math.sin(angle)
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
        column = [rotated(code, inner[j][k], j * k, n, sign) for j in range(b)]
        result[k::a] = dft(code, column, sign)
    return result


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
            angle = 2 * math.pi * (j * k % n) / n
            c, s = math.cos(angle), sign * math.sin(angle)
            even = code.cadd(even, (code.scale(c, sums[j - 1][0]), code.scale(c, sums[j - 1][1])))
            odd = code.cadd(odd, (code.scale(s, differences[j - 1][0]), code.scale(s, differences[j - 1][1])))
        result[k] = (code.sub(even[0], odd[1]), code.add(even[1], odd[0]))
        result[n - k] = (code.add(even[0], odd[1]), code.sub(even[1], odd[0]))
    return result
