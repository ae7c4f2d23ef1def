"""The real transforms of `rocket` in several dimensions, with rows and columns dealt out to Numba's threads.

The library's own threads are not used: their waking takes longer than a transform of this size, and they would compete
with those that run the loops. Imported only when threads are asked for.
"""

from __future__ import annotations

import rocket_fft
from numba import carray, cfunc, njit, prange

from ritz.codegen import threads
from ritz.codegen.abi import MAP_SIGNATURE, as_c128, as_f64, as_i64
from ritz.codegen.transforms.rocket import _axis, _collect, _spread

threads.launch()  # has to come before code with parallel loops is loaded from the cache


@njit(cache=True, parallel=True)
def _columns(plan_, source, target, axis, forward):  # type: ignore[no-untyped-def]
    count, width = as_i64(plan_)[7], source.shape[3]
    for c in prange(count):
        lo, hi = width * c // count, width * (c + 1) // count
        if hi > lo:
            part, result = source[:, :, :, lo:hi], target[:, :, :, lo:hi]
            rocket_fft.c2c(part, result, _axis(plan_, axis), forward, 1.0, 1)


@njit(cache=True, parallel=True)
def _rows_back(plan_, rows, values):  # type: ignore[no-untyped-def]
    count, height = as_i64(plan_)[7], rows.shape[0]
    for c in prange(count):
        lo, hi = height * c // count, height * (c + 1) // count
        if hi > lo:
            rocket_fft.c2r(rows[lo:hi], values[lo:hi], _axis(plan_, 1), False, 1.0, 1)


@cfunc(MAP_SIGNATURE, cache=True)
def inverse_real_box(plan_, source, target):  # type: ignore[no-untyped-def]
    """Modes to grid values."""
    plan = as_i64(plan_)
    nb, n0, n1, n2, m0, m1, m2 = plan[0], plan[1], plan[2], plan[3], plan[4], plan[5], plan[6]
    half = n2 // 2 + 1
    if n0 > 1:
        _spread(source, plan[8], nb, m0, n0, m1 * m2)
        a = carray(as_c128(plan[8]), (nb, n0, 1, m1 * m2))
        _columns(plan_, a, carray(as_c128(plan[9]), (nb, n0, 1, m1 * m2)), 1, False)
        source = plan[9]
    _spread(source, plan[10], nb * n0, m1, n1, m2)
    b = carray(as_c128(plan[10]), (nb * n0, n1, 1, m2))
    wide = carray(as_c128(plan[14]), (nb * n0, n1, 1, half))
    _columns(plan_, b, wide[:, :, :, :m2], 1, False)
    rows = carray(as_c128(plan[14]), (nb * n0 * n1, half))
    _rows_back(plan_, rows, carray(as_f64(target), (nb * n0 * n1, n2)))


@njit(cache=True, parallel=True)
def _rows_forth(plan_, values, rows, factor):  # type: ignore[no-untyped-def]
    count, height = as_i64(plan_)[7], rows.shape[0]
    for c in prange(count):
        lo, hi = height * c // count, height * (c + 1) // count
        if hi > lo:
            rocket_fft.r2c(values[lo:hi], rows[lo:hi], _axis(plan_, 1), True, factor, 1)


@cfunc(MAP_SIGNATURE, cache=True)
def forward_real_box(plan_, source, target):  # type: ignore[no-untyped-def]
    """Grid values to modes."""
    plan = as_i64(plan_)
    nb, n0, n1, n2, m0, m1, m2 = plan[0], plan[1], plan[2], plan[3], plan[4], plan[5], plan[6]
    half = n2 // 2 + 1
    rows = carray(as_c128(plan[14]), (nb * n0 * n1, half))
    _rows_forth(plan_, carray(as_f64(source), (nb * n0 * n1, n2)), rows, 1.0 / (n0 * n1 * n2))
    wide = carray(as_c128(plan[14]), (nb * n0, n1, 1, half))
    _columns(plan_, wide[:, :, :, :m2], carray(as_c128(plan[11]), (nb * n0, n1, 1, m2)), 1, True)
    if n0 == 1:
        _collect(plan[11], target, nb, n1, m1, m2)
    else:
        _collect(plan[11], plan[9], nb * n0, n1, m1, m2)
        a = carray(as_c128(plan[9]), (nb, n0, 1, m1 * m2))
        _columns(plan_, a, carray(as_c128(plan[12]), (nb, n0, 1, m1 * m2)), 1, True)
        _collect(plan[12], target, nb, n0, m0, m1 * m2)
