"""Transforms through rocket-fft (DUCC0 inside Numba), pruned: only kept columns and planes are transformed.

One function per kind, direction and number of axes, compiled when first asked for. In several dimensions all arrays
are seen as ``(batch, n0, n1, n2)``, with ``n0 = 1`` in two. The inverse goes from axis 0 to axis 2; before each axis
the kept modes are spread into a buffer whose other entries stay zero. The forward transform goes the other way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import rocket_fft
from numba import carray, cfunc, njit

from ritz.codegen.abi import MAP_SIGNATURE, as_c128, as_f64, as_i64
from ritz.codegen.transforms.provider import Plan, TransformShape

# plan: batch, n0, n1, n2, m0, m1, m2, threads, then the addresses of seven buffers: 8 and 10 hold modes spread along
# axes 0 and 1 (zero in between), 9, 11 and 12 results along these axes, 13 columns before axis 2, 14 rows of axis 2;
# last the numbers 1, 2 and 3, so that an axis can be named without allocating
_AXES = 15


@njit(cache=True, inline="always")
def _axis(plan_, k):  # type: ignore[no-untyped-def]
    """The array [k] that names axis k, read from the plan at an address."""
    return carray(as_i64(plan_ + 8 * (_AXES + k - 1)), 1)


@njit(cache=True)
def _spread(source_, target_, blocks, m, n, row_):  # type: ignore[no-untyped-def]
    """Copy kept modes (blocks, m, row) into (blocks, n, row); the middle of the target is left alone.

    Both are addresses; complex numbers are copied as pairs, which vectorises.
    """
    source, target, row, k = as_f64(source_), as_f64(target_), 2 * row_, m // 2
    for b in range(blocks):
        head, tail = b * n * row, (b * n + n - k) * row
        first, second = b * m * row, (b * m + k + 1) * row
        for i in range((k + 1) * row):
            target[head + i] = source[first + i]
        for i in range(k * row):
            target[tail + i] = source[second + i]


@njit(cache=True)
def _collect(source_, target_, blocks, n, m, row_):  # type: ignore[no-untyped-def]
    """Copy kept modes out of (blocks, n, row) into (blocks, m, row)."""
    source, target, row, k = as_f64(source_), as_f64(target_), 2 * row_, m // 2
    for b in range(blocks):
        head, tail = b * n * row, (b * n + n - k) * row
        first, second = b * m * row, (b * m + k + 1) * row
        for i in range((k + 1) * row):
            target[first + i] = source[head + i]
        for i in range(k * row):
            target[second + i] = source[tail + i]


@njit(cache=True)
def _inverse_outer(plan_, source, target):  # type: ignore[no-untyped-def]
    """Axes 0 and 1 of the inverse: modes at an address to the first m2 columns (batch, n0, n1, m2) of the target."""
    plan = as_i64(plan_)
    nb, n0, n1, m0, m1, m2, threads = plan[0], plan[1], plan[2], plan[4], plan[5], plan[6], plan[7]
    if n0 > 1:
        _spread(source, plan[8], nb, m0, n0, m1 * m2)
        a = carray(as_c128(plan[8]), (nb, n0, 1, m1 * m2))
        a2 = carray(as_c128(plan[9]), (nb, n0, 1, m1 * m2))
        rocket_fft.c2c(a, a2, _axis(plan_, 1), False, 1.0, threads)
        source = plan[9]
    _spread(source, plan[10], nb * n0, m1, n1, m2)
    rocket_fft.c2c(carray(as_c128(plan[10]), (nb, n0, n1, m2)), target, _axis(plan_, 2), False, 1.0, threads)


@njit(cache=True)
def _forward_outer(plan_, source, target):  # type: ignore[no-untyped-def]
    """Axes 1 and 0 of the forward transform: columns (batch, n0, n1, m2) to modes at an address."""
    plan = as_i64(plan_)
    nb, n0, n1, m0, m1, m2, threads = plan[0], plan[1], plan[2], plan[4], plan[5], plan[6], plan[7]
    rocket_fft.c2c(source, carray(as_c128(plan[11]), (nb, n0, n1, m2)), _axis(plan_, 2), True, 1.0, threads)
    if n0 == 1:
        _collect(plan[11], target, nb, n1, m1, m2)
        return
    _collect(plan[11], plan[9], nb * n0, n1, m1, m2)
    a = carray(as_c128(plan[9]), (nb, n0, 1, m1 * m2))
    a2 = carray(as_c128(plan[12]), (nb, n0, 1, m1 * m2))
    rocket_fft.c2c(a, a2, _axis(plan_, 1), True, 1.0, threads)
    _collect(plan[12], target, nb, n0, m0, m1 * m2)


def _inverse_real_line() -> Any:
    @cfunc(MAP_SIGNATURE, cache=True)
    def inverse(plan_, source, target):  # type: ignore[no-untyped-def]
        plan = as_i64(plan_)
        nb, n, m, half = plan[0], plan[3], plan[6], plan[3] // 2 + 1
        modes, rows = as_c128(source), as_c128(plan[14])
        for b in range(nb):
            for j in range(m):
                rows[b * half + j] = modes[b * m + j]
        rocket_fft.c2r(
            carray(rows, (nb, half)), carray(as_f64(target), (nb, n)), _axis(plan_, 1), False, 1.0, plan[7]
        )  # fmt: skip

    return inverse


def _forward_real_line() -> Any:
    @cfunc(MAP_SIGNATURE, cache=True)
    def forward(plan_, source, target):  # type: ignore[no-untyped-def]
        plan = as_i64(plan_)
        nb, n, m, half = plan[0], plan[3], plan[6], plan[3] // 2 + 1
        modes, rows = as_c128(target), as_c128(plan[14])
        rocket_fft.r2c(
            carray(as_f64(source), (nb, n)), carray(rows, (nb, half)), _axis(plan_, 1), True, 1.0 / n, plan[7]
        )  # fmt: skip
        for b in range(nb):
            for j in range(m):
                modes[b * m + j] = rows[b * half + j]

    return forward


def _inverse_complex_line() -> Any:
    @cfunc(MAP_SIGNATURE, cache=True)
    def inverse(plan_, source, target):  # type: ignore[no-untyped-def]
        plan = as_i64(plan_)
        nb, n, m = plan[0], plan[3], plan[6]
        _spread(source, plan[14], nb, m, n, 1)
        rows = carray(as_c128(plan[14]), (nb, n))
        rocket_fft.c2c(rows, carray(as_c128(target), (nb, n)), _axis(plan_, 1), False, 1.0, plan[7])

    return inverse


def _forward_complex_line() -> Any:
    @cfunc(MAP_SIGNATURE, cache=True)
    def forward(plan_, source, target):  # type: ignore[no-untyped-def]
        plan = as_i64(plan_)
        nb, n, m = plan[0], plan[3], plan[6]
        rows = carray(as_c128(plan[14]), (nb, n))
        rocket_fft.c2c(carray(as_c128(source), (nb, n)), rows, _axis(plan_, 1), True, 1.0 / n, plan[7])
        _collect(plan[14], target, nb, n, m, 1)

    return forward


def _inverse_real_box() -> Any:
    @cfunc(MAP_SIGNATURE, cache=True)
    def inverse(plan_, source, target):  # type: ignore[no-untyped-def]
        plan = as_i64(plan_)
        nb, n0, n1, n2, m2 = plan[0], plan[1], plan[2], plan[3], plan[6]
        rows = carray(as_c128(plan[14]), (nb, n0, n1, n2 // 2 + 1))
        _inverse_outer(plan_, source, rows[:, :, :, :m2])
        rocket_fft.c2r(rows, carray(as_f64(target), (nb, n0, n1, n2)), _axis(plan_, 3), False, 1.0, plan[7])

    return inverse


def _forward_real_box() -> Any:
    @cfunc(MAP_SIGNATURE, cache=True)
    def forward(plan_, source, target):  # type: ignore[no-untyped-def]
        plan = as_i64(plan_)
        nb, n0, n1, n2, m2 = plan[0], plan[1], plan[2], plan[3], plan[6]
        rows = carray(as_c128(plan[14]), (nb, n0, n1, n2 // 2 + 1))
        values = carray(as_f64(source), (nb, n0, n1, n2))
        rocket_fft.r2c(values, rows, _axis(plan_, 3), True, 1.0 / (n0 * n1 * n2), plan[7])
        _forward_outer(plan_, rows[:, :, :, :m2], target)

    return forward


def _inverse_complex_box() -> Any:
    @cfunc(MAP_SIGNATURE, cache=True)
    def inverse(plan_, source, target):  # type: ignore[no-untyped-def]
        plan = as_i64(plan_)
        nb, n0, n1, n2, m2 = plan[0], plan[1], plan[2], plan[3], plan[6]
        _inverse_outer(plan_, source, carray(as_c128(plan[13]), (nb, n0, n1, m2)))
        _spread(plan[13], plan[14], nb * n0 * n1, m2, n2, 1)
        rows, values = carray(as_c128(plan[14]), (nb, n0, n1, n2)), carray(as_c128(target), (nb, n0, n1, n2))
        rocket_fft.c2c(rows, values, _axis(plan_, 3), False, 1.0, plan[7])

    return inverse


def _forward_complex_box() -> Any:
    @cfunc(MAP_SIGNATURE, cache=True)
    def forward(plan_, source, target):  # type: ignore[no-untyped-def]
        plan = as_i64(plan_)
        nb, n0, n1, n2, m2 = plan[0], plan[1], plan[2], plan[3], plan[6]
        rows, values = carray(as_c128(plan[14]), (nb, n0, n1, n2)), carray(as_c128(source), (nb, n0, n1, n2))
        rocket_fft.c2c(values, rows, _axis(plan_, 3), True, 1.0 / (n0 * n1 * n2), plan[7])
        _collect(plan[14], plan[13], nb * n0 * n1, n2, m2, 1)
        _forward_outer(plan_, carray(as_c128(plan[13]), (nb, n0, n1, m2)), target)

    return forward


_MAKERS: dict[tuple[str, bool, bool], Callable[[], Any]] = {
    ("inverse", True, True): _inverse_real_line,
    ("forward", True, True): _forward_real_line,
    ("inverse", False, True): _inverse_complex_line,
    ("forward", False, True): _forward_complex_line,
    ("inverse", True, False): _inverse_real_box,
    ("forward", True, False): _forward_real_box,
    ("inverse", False, False): _inverse_complex_box,
    ("forward", False, False): _forward_complex_box,
}


@cache
def _compiled(direction: str, real: bool, line: bool, shared: bool) -> Any:
    if shared and real and not line:
        from ritz.codegen.transforms import rocket_shared

        return rocket_shared.inverse_real_box if direction == "inverse" else rocket_shared.forward_real_box
    return _MAKERS[direction, real, line]()


def make_plan(shape: TransformShape, batch: int, threads: int, direction: str) -> Plan:
    """Make a plan for `batch` arrays of this shape; `direction` is ``inverse`` or ``forward``."""
    lead = 3 - len(shape.points)
    n0, n1, n2 = (1,) * lead + shape.points
    m0, m1, m2 = (1,) * lead + shape.modes
    row = n2 // 2 + 1 if shape.real else n2
    sizes = [n0 * m1 * m2, n0 * m1 * m2, n0 * n1 * m2, n0 * n1 * m2, n0 * m1 * m2, n0 * n1 * m2, n0 * n1 * row]
    unused = {"inverse": [3, 4], "forward": [0, 2]}[direction] + ([13 - 8] if shape.real else [])
    for i in range(6):
        if lead == 2 or i in unused:
            sizes[i] = 0
    buffers = [np.zeros(batch * size, dtype=np.complex128) for size in sizes]
    numbers = [batch, n0, n1, n2, m0, m1, m2, threads, *(b.ctypes.data for b in buffers), 1, 2, 3]
    plan = np.array(numbers, dtype=np.int64)
    function = _compiled(direction, shape.real, lead == 2, threads > 1)
    return Plan(int(function.address), plan.ctypes.data, (plan, buffers))
