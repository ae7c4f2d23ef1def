"""Transforms through rocket-fft (DUCC0 inside Numba), pruned: only kept columns and planes are transformed.

All arrays are seen as ``(batch, n0, n1, n2)`` with leading axes of length one in fewer dimensions. The inverse goes
from axis 0 to axis 2; before each axis the kept modes are spread into a buffer whose other entries stay zero.
"""

from __future__ import annotations

import numpy as np
import rocket_fft
from numba import carray, cfunc, njit

from ritz.codegen.abi import MAP_SIGNATURE, as_c128, as_f64, as_i64
from ritz.codegen.transforms.provider import Plan, TransformShape

# plan: batch, n0, n1, n2, m0, m1, m2, threads, then the addresses of seven buffers: 8 and 10 hold modes spread along
# axes 0 and 1 (zero in between), 9, 11 and 12 results along these axes, 13 columns before axis 2, 14 rows of axis 2


@njit(cache=True, inline="always")
def _spread(source, target):  # type: ignore[no-untyped-def]
    """Copy kept modes along axis 1 of (batch, m, r) into (batch, n, r); the middle of the target is left alone."""
    m, n = source.shape[1], target.shape[1]
    k = m // 2
    for b in range(source.shape[0]):
        for i in range(k + 1):
            for j in range(source.shape[2]):
                target[b, i, j] = source[b, i, j]
        for i in range(k):
            for j in range(source.shape[2]):
                target[b, n - k + i, j] = source[b, k + 1 + i, j]


@njit(cache=True, inline="always")
def _collect(source, target):  # type: ignore[no-untyped-def]
    """Copy kept modes along axis 1 of (batch, n, r) into (batch, m, r)."""
    n, m = source.shape[1], target.shape[1]
    k = m // 2
    for b in range(source.shape[0]):
        for i in range(k + 1):
            for j in range(target.shape[2]):
                target[b, i, j] = source[b, i, j]
        for i in range(k):
            for j in range(target.shape[2]):
                target[b, k + 1 + i, j] = source[b, n - k + i, j]


@njit(cache=True)
def _inverse_outer(plan, source, target):  # type: ignore[no-untyped-def]
    """Axes 0 and 1 of the inverse: (batch, m0, m1, m2) modes to (batch, n0, n1, first m2 of the target's columns)."""
    nb, n0, n1, m0, m1, m2, threads = plan[0], plan[1], plan[2], plan[4], plan[5], plan[6], plan[7]
    middle = source
    if n0 > 1:
        a = carray(as_c128(plan[8]), (nb, n0, m1 * m2))
        a2 = carray(as_c128(plan[9]), (nb, n0, m1 * m2))
        _spread(source.reshape((nb, m0, m1 * m2)), a)
        rocket_fft.c2c(a, a2, np.array([1]), False, 1.0, threads)
        middle = a2.reshape((nb, n0, m1, m2))
    b = carray(as_c128(plan[10]), (nb, n0, n1, m2))
    _spread(middle.reshape((nb * n0, m1, m2)), b.reshape((nb * n0, n1, m2)))
    rocket_fft.c2c(b, target, np.array([2]), False, 1.0, threads)


@njit(cache=True)
def _forward_outer(plan, source, target):  # type: ignore[no-untyped-def]
    """Axes 1 and 0 of the forward transform: columns of (batch, n0, n1, m2) to (batch, m0, m1, m2) modes."""
    nb, n0, n1, m0, m1, m2, threads = plan[0], plan[1], plan[2], plan[4], plan[5], plan[6], plan[7]
    b = carray(as_c128(plan[11]), (nb, n0, n1, m2))
    rocket_fft.c2c(source, b, np.array([2]), True, 1.0, threads)
    if n0 > 1:
        a = carray(as_c128(plan[9]), (nb, n0, m1, m2))
        _collect(b.reshape((nb * n0, n1, m2)), a.reshape((nb * n0, m1, m2)))
        a2 = carray(as_c128(plan[12]), (nb, n0, m1, m2))
        rocket_fft.c2c(a, a2, np.array([1]), True, 1.0, threads)
        _collect(a2.reshape((nb, n0, m1 * m2)), target.reshape((nb, m0, m1 * m2)))
    else:
        _collect(b.reshape((nb * n0, n1, m2)), target.reshape((nb * n0, m1, m2)))


@cfunc(MAP_SIGNATURE, cache=True)
def _inverse_real(plan_, source_, target_):  # type: ignore[no-untyped-def]
    plan = carray(as_i64(plan_), 15)
    nb, n0, n1, n2, m2 = plan[0], plan[1], plan[2], plan[3], plan[6]
    source = carray(as_c128(source_), (nb, plan[4], plan[5], m2))
    target = carray(as_f64(target_), (nb, n0, n1, n2))
    rows = carray(as_c128(plan[14]), (nb, n0, n1, n2 // 2 + 1))
    if n1 > 1:
        _inverse_outer(plan, source, rows[:, :, :, :m2])
    else:
        for b in range(nb):
            for j in range(m2):
                rows[b, 0, 0, j] = source[b, 0, 0, j]
    rocket_fft.c2r(rows, target, np.array([3]), False, 1.0, plan[7])


@cfunc(MAP_SIGNATURE, cache=True)
def _forward_real(plan_, source_, target_):  # type: ignore[no-untyped-def]
    plan = carray(as_i64(plan_), 15)
    nb, n0, n1, n2, m2 = plan[0], plan[1], plan[2], plan[3], plan[6]
    source = carray(as_f64(source_), (nb, n0, n1, n2))
    target = carray(as_c128(target_), (nb, plan[4], plan[5], m2))
    rows = carray(as_c128(plan[14]), (nb, n0, n1, n2 // 2 + 1))
    rocket_fft.r2c(source, rows, np.array([3]), True, 1.0 / (n0 * n1 * n2), plan[7])
    if n1 > 1:
        _forward_outer(plan, rows[:, :, :, :m2], target)
    else:
        for b in range(nb):
            for j in range(m2):
                target[b, 0, 0, j] = rows[b, 0, 0, j]


@cfunc(MAP_SIGNATURE, cache=True)
def _inverse_complex(plan_, source_, target_):  # type: ignore[no-untyped-def]
    plan = carray(as_i64(plan_), 15)
    nb, n0, n1, n2, m2 = plan[0], plan[1], plan[2], plan[3], plan[6]
    source = carray(as_c128(source_), (nb, plan[4], plan[5], m2))
    target = carray(as_c128(target_), (nb, n0, n1, n2))
    columns = carray(as_c128(plan[13]), (nb, n0, n1, m2))
    rows = carray(as_c128(plan[14]), (nb, n0, n1, n2))
    if n1 > 1:
        _inverse_outer(plan, source, columns)
        _spread(columns.reshape((nb * n0 * n1, m2, 1)), rows.reshape((nb * n0 * n1, n2, 1)))
    else:
        _spread(source.reshape((nb, m2, 1)), rows.reshape((nb, n2, 1)))
    rocket_fft.c2c(rows, target, np.array([3]), False, 1.0, plan[7])


@cfunc(MAP_SIGNATURE, cache=True)
def _forward_complex(plan_, source_, target_):  # type: ignore[no-untyped-def]
    plan = carray(as_i64(plan_), 15)
    nb, n0, n1, n2, m2 = plan[0], plan[1], plan[2], plan[3], plan[6]
    source = carray(as_c128(source_), (nb, n0, n1, n2))
    target = carray(as_c128(target_), (nb, plan[4], plan[5], m2))
    columns = carray(as_c128(plan[13]), (nb, n0, n1, m2))
    rows = carray(as_c128(plan[14]), (nb, n0, n1, n2))
    rocket_fft.c2c(source, rows, np.array([3]), True, 1.0 / (n0 * n1 * n2), plan[7])
    if n1 > 1:
        _collect(rows.reshape((nb * n0 * n1, n2, 1)), columns.reshape((nb * n0 * n1, m2, 1)))
        _forward_outer(plan, columns, target)
    else:
        _collect(rows.reshape((nb, n2, 1)), target.reshape((nb, m2, 1)))


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
    plan = np.array([batch, n0, n1, n2, m0, m1, m2, threads, *(b.ctypes.data for b in buffers)], dtype=np.int64)
    functions = {
        ("inverse", True): _inverse_real,
        ("inverse", False): _inverse_complex,
        ("forward", True): _forward_real,
        ("forward", False): _forward_complex,
    }
    return Plan(int(functions[direction, shape.real].address), plan.ctypes.data, (plan, buffers))
