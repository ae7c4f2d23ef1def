"""Transforms through rocket-fft (DUCC0 inside Numba), pruned: only kept columns and planes are transformed.

For lengths with large prime factors. In two and three dimensions axis 0 is one phase, whose units are columns, and all
other axes are another, whose units are planes of the grid. Kept modes are spread into buffers whose other entries stay
zero. Functions are compiled when first asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod
from typing import Any

import numpy as np
import rocket_fft
from numba import carray, cfunc, njit

from ritz.codegen.abi import PHASE_SIGNATURE, as_c128, as_f64, as_i64
from ritz.codegen.transforms.provider import Phase, Plan, TransformShape, require_double

# plan of a field: n0, n1, n2, m0, m1, m2 (n1 = m1 = 0 in two dimensions, n0 = m0 = 0 too in one); the addresses of
# modes spread along axis 0, of the array between the phases, of modes spread along axis 1, of columns before axis 2,
# of rows of axis 2; last the numbers 0 and 1, so that an axis can be named without allocating
(_N0, _N1, _N2, _M0, _M1, _M2, _SPREAD0, _BETWEEN, _SPREAD1, _COLUMNS, _ROWS, _AXES) = range(12)
_PLAN = 13


@njit(cache=True, inline="always")
def _axis(plan_, k):  # type: ignore[no-untyped-def]
    """The array [k] that names axis k, read from the plan at an address."""
    return carray(as_i64(plan_ + 8 * (_AXES + k)), 1)


@njit(cache=True)
def _spread(source, target):  # type: ignore[no-untyped-def]
    """Copy kept modes (m, row) to both ends of (n, row); the middle of the target is left alone."""
    m, n, k = source.shape[0], target.shape[0], source.shape[0] // 2
    for i in range(m):
        j = i if i <= k else i + n - m
        for c in range(source.shape[1]):
            target[j, c] = source[i, c]


@njit(cache=True)
def _collect(source, target):  # type: ignore[no-untyped-def]
    """Copy kept modes out of (n, row) into (m, row)."""
    m, n, k = target.shape[0], source.shape[0], target.shape[0] // 2
    for i in range(m):
        j = i if i <= k else i + n - m
        for c in range(target.shape[1]):
            target[i, c] = source[j, c]


# ---------------------------------------------------------------------- axis 0 of several
def _inverse_outer() -> Any:
    @cfunc(PHASE_SIGNATURE, cache=True)
    def outer(plan_, source, target, lo, hi, scratch):  # type: ignore[no-untyped-def]
        plan = as_i64(plan_)
        width = max(plan[_M1], 1) * plan[_M2]
        spread = carray(as_c128(plan[_SPREAD0]), (plan[_N0], width))
        between = carray(as_c128(plan[_BETWEEN]), (plan[_N0], width))
        _spread(carray(as_c128(source), (plan[_M0], width))[:, lo:hi], spread[:, lo:hi])
        rocket_fft.c2c(spread[:, lo:hi], between[:, lo:hi], _axis(plan_, 0), False, 1.0, 1)

    return outer


def _forward_outer() -> Any:
    @cfunc(PHASE_SIGNATURE, cache=True)
    def outer(plan_, source, target, lo, hi, scratch):  # type: ignore[no-untyped-def]
        plan = as_i64(plan_)
        width = max(plan[_M1], 1) * plan[_M2]
        between = carray(as_c128(plan[_BETWEEN]), (plan[_N0], width))
        result = carray(as_c128(plan[_SPREAD0]), (plan[_N0], width))
        rocket_fft.c2c(between[:, lo:hi], result[:, lo:hi], _axis(plan_, 0), True, 1.0, 1)
        _collect(result[:, lo:hi], carray(as_c128(target), (plan[_M0], width))[:, lo:hi])

    return outer


# ---------------------------------------------------------------------- the other axes, plane by plane
@njit(cache=True)
def _columns_of(plan_, plane, forward):  # type: ignore[no-untyped-def]
    """Kept columns (rows, m2) of one plane before axis 2; transformed along axis 1 there is one.

    With `forward` the columns are transformed into the array between the phases instead.
    """
    plan = as_i64(plan_)
    n1, m1, m2 = plan[_N1], plan[_M1], plan[_M2]
    if n1 == 0:
        return carray(as_c128(plan[_BETWEEN] + 16 * plane * m2), (1, m2))
    kept = carray(as_c128(plan[_BETWEEN] + 16 * plane * m1 * m2), (m1, m2))
    spread = carray(as_c128(plan[_SPREAD1] + 16 * plane * n1 * m2), (n1, m2))
    columns = carray(as_c128(plan[_COLUMNS] + 16 * plane * n1 * m2), (n1, m2))
    if forward:
        rocket_fft.c2c(columns, spread, _axis(plan_, 0), True, 1.0, 1)
        _collect(spread, kept)
    else:
        _spread(kept, spread)
        rocket_fft.c2c(spread, columns, _axis(plan_, 0), False, 1.0, 1)
    return columns


@njit(cache=True, inline="always")
def _target_columns(plan_, plane):  # type: ignore[no-untyped-def]
    """Where the forward transform along axis 2 leaves the kept columns of one plane."""
    plan = as_i64(plan_)
    if plan[_N1] == 0:
        return carray(as_c128(plan[_BETWEEN] + 16 * plane * plan[_M2]), (1, plan[_M2]))
    return carray(as_c128(plan[_COLUMNS] + 16 * plane * plan[_N1] * plan[_M2]), (plan[_N1], plan[_M2]))


@njit(cache=True)
def _inverse_real_rows(plan_, target, lo, hi):  # type: ignore[no-untyped-def]
    plan = as_i64(plan_)
    n, m2, count = plan[_N2], plan[_M2], max(plan[_N1], 1)
    half = n // 2 + 1
    rows = carray(as_c128(plan[_ROWS] + 16 * lo * count * half), ((hi - lo) * count, half))
    for plane in range(lo, hi):
        columns, first = _columns_of(plan_, plane, False), (plane - lo) * count
        for i in range(count):
            for j in range(m2):
                rows[first + i, j] = columns[i, j]
    values = carray(as_f64(target + 8 * lo * count * n), ((hi - lo) * count, n))
    rocket_fft.c2r(rows, values, _axis(plan_, 1), False, 1.0, 1)


@njit(cache=True)
def _forward_real_rows(plan_, source, lo, hi):  # type: ignore[no-untyped-def]
    plan = as_i64(plan_)
    n, m2, count = plan[_N2], plan[_M2], max(plan[_N1], 1)
    half, points = n // 2 + 1, max(plan[_N0], 1) * max(plan[_N1], 1) * plan[_N2]
    rows = carray(as_c128(plan[_ROWS] + 16 * lo * count * half), ((hi - lo) * count, half))
    values = carray(as_f64(source + 8 * lo * count * n), ((hi - lo) * count, n))
    rocket_fft.r2c(values, rows, _axis(plan_, 1), True, 1.0 / points, 1)
    for plane in range(lo, hi):
        columns, first = _target_columns(plan_, plane), (plane - lo) * count
        for i in range(count):
            for j in range(m2):
                columns[i, j] = rows[first + i, j]
        if plan[_N1] > 0:
            _columns_of(plan_, plane, True)


@njit(cache=True)
def _inverse_complex_rows(plan_, target, lo, hi):  # type: ignore[no-untyped-def]
    plan = as_i64(plan_)
    n, count = plan[_N2], max(plan[_N1], 1)
    rows = carray(as_c128(plan[_ROWS] + 16 * lo * count * n), ((hi - lo) * count, n))
    for plane in range(lo, hi):
        first = (plane - lo) * count
        _spread(_columns_of(plan_, plane, False).T, rows[first : first + count].T)
    values = carray(as_c128(target + 16 * lo * count * n), ((hi - lo) * count, n))
    rocket_fft.c2c(rows, values, _axis(plan_, 1), False, 1.0, 1)


@njit(cache=True)
def _forward_complex_rows(plan_, source, lo, hi):  # type: ignore[no-untyped-def]
    plan = as_i64(plan_)
    n, count, points = plan[_N2], max(plan[_N1], 1), max(plan[_N0], 1) * max(plan[_N1], 1) * plan[_N2]
    rows = carray(as_c128(plan[_ROWS] + 16 * lo * count * n), ((hi - lo) * count, n))
    values = carray(as_c128(source + 16 * lo * count * n), ((hi - lo) * count, n))
    rocket_fft.c2c(values, rows, _axis(plan_, 1), True, 1.0 / points, 1)
    for plane in range(lo, hi):
        first = (plane - lo) * count
        _collect(rows[first : first + count].T, _target_columns(plan_, plane).T)
        if plan[_N1] > 0:
            _columns_of(plan_, plane, True)


def _inverse_real_box() -> Any:
    @cfunc(PHASE_SIGNATURE, cache=True)
    def inner(plan, source, target, lo, hi, scratch):  # type: ignore[no-untyped-def]
        _inverse_real_rows(plan, target, lo, hi)

    return inner


def _forward_real_box() -> Any:
    @cfunc(PHASE_SIGNATURE, cache=True)
    def inner(plan, source, target, lo, hi, scratch):  # type: ignore[no-untyped-def]
        _forward_real_rows(plan, source, lo, hi)

    return inner


def _inverse_complex_box() -> Any:
    @cfunc(PHASE_SIGNATURE, cache=True)
    def inner(plan, source, target, lo, hi, scratch):  # type: ignore[no-untyped-def]
        _inverse_complex_rows(plan, target, lo, hi)

    return inner


def _forward_complex_box() -> Any:
    @cfunc(PHASE_SIGNATURE, cache=True)
    def inner(plan, source, target, lo, hi, scratch):  # type: ignore[no-untyped-def]
        _forward_complex_rows(plan, source, lo, hi)

    return inner


# ---------------------------------------------------------------------- one dimension
def _inverse_real_line() -> Any:
    @cfunc(PHASE_SIGNATURE, cache=True)
    def line(plan_, source, target, lo, hi, scratch):  # type: ignore[no-untyped-def]
        plan = as_i64(plan_)
        n, half = plan[_N2], plan[_N2] // 2 + 1
        modes, row = as_c128(source), as_c128(plan[_ROWS])
        for j in range(plan[_M2]):
            row[j] = modes[j]
        rocket_fft.c2r(carray(row, (1, half)), carray(as_f64(target), (1, n)), _axis(plan_, 1), False, 1.0, 1)

    return line


def _forward_real_line() -> Any:
    @cfunc(PHASE_SIGNATURE, cache=True)
    def line(plan_, source, target, lo, hi, scratch):  # type: ignore[no-untyped-def]
        plan = as_i64(plan_)
        n, half = plan[_N2], plan[_N2] // 2 + 1
        modes, row = as_c128(target), as_c128(plan[_ROWS])
        rocket_fft.r2c(carray(as_f64(source), (1, n)), carray(row, (1, half)), _axis(plan_, 1), True, 1.0 / n, 1)
        for j in range(plan[_M2]):
            modes[j] = row[j]

    return line


def _inverse_complex_line() -> Any:
    @cfunc(PHASE_SIGNATURE, cache=True)
    def line(plan_, source, target, lo, hi, scratch):  # type: ignore[no-untyped-def]
        plan = as_i64(plan_)
        n, m = plan[_N2], plan[_M2]
        _spread(carray(as_c128(source), (m, 1)), carray(as_c128(plan[_ROWS]), (n, 1)))
        row = carray(as_c128(plan[_ROWS]), (1, n))
        rocket_fft.c2c(row, carray(as_c128(target), (1, n)), _axis(plan_, 1), False, 1.0, 1)

    return line


def _forward_complex_line() -> Any:
    @cfunc(PHASE_SIGNATURE, cache=True)
    def line(plan_, source, target, lo, hi, scratch):  # type: ignore[no-untyped-def]
        plan = as_i64(plan_)
        n, m = plan[_N2], plan[_M2]
        row = carray(as_c128(plan[_ROWS]), (1, n))
        rocket_fft.c2c(carray(as_c128(source), (1, n)), row, _axis(plan_, 1), True, 1.0 / n, 1)
        _collect(carray(as_c128(plan[_ROWS]), (n, 1)), carray(as_c128(target), (m, 1)))

    return line


_MAKERS: dict[tuple[str, str, bool], Callable[[], Any]] = {
    ("inverse", "outer", True): _inverse_outer,
    ("inverse", "outer", False): _inverse_outer,
    ("forward", "outer", True): _forward_outer,
    ("forward", "outer", False): _forward_outer,
    ("inverse", "inner", True): _inverse_real_box,
    ("forward", "inner", True): _forward_real_box,
    ("inverse", "inner", False): _inverse_complex_box,
    ("forward", "inner", False): _forward_complex_box,
    ("inverse", "line", True): _inverse_real_line,
    ("forward", "line", True): _forward_real_line,
    ("inverse", "line", False): _inverse_complex_line,
    ("forward", "line", False): _forward_complex_line,
}


@cache
def _compiled(maker: Callable[[], Any]) -> Any:
    return maker()


def make_plan(shape: TransformShape, batch: int, direction: str) -> Plan:
    """Make a plan for `batch` arrays of this shape; `direction` is ``inverse`` or ``forward``.

    Raises:
        UnsupportedError: single precision is asked for.
    """
    require_double(shape, "rocket")
    axes = len(shape.points)
    (n0, n1, n2), (m0, m1, m2) = _three(shape.points), _three(shape.modes)
    row = n2 // 2 + 1 if shape.real else n2
    planes, across = max(n0, 1), max(n1, 1)
    sizes = [n0 * max(m1, 1) * m2, n0 * max(m1, 1) * m2, n0 * n1 * m2, n0 * n1 * m2, planes * across * row]
    buffers = [np.zeros((batch, size), dtype=np.complex128) for size in sizes]
    plan = np.empty((batch, _PLAN), dtype=np.int64)
    for b in range(batch):
        plan[b] = [n0, n1, n2, m0, m1, m2, *(buffer[b].ctypes.data for buffer in buffers), 0, 1]

    def phase(part: str, units: int, planes: bool) -> Phase:
        return Phase(int(_compiled(_MAKERS[direction, part, shape.real]).address), units, planes)

    if axes == 1:
        phases = [phase("line", 1, False)]
    else:
        phases = [phase("outer", prod(shape.modes[1:]), False), phase("inner", n0, True)]
    order = phases if direction == "inverse" else phases[::-1]
    return Plan(tuple(order), plan.ctypes.data, 8 * _PLAN, 0, (plan, buffers))


def _three(sizes: tuple[int, ...]) -> tuple[int, int, int]:
    """Sizes along axes 0, 1 and 2, where two axes are 0 and 2 and one axis is 2."""
    return (sizes[0] if len(sizes) > 1 else 0, sizes[1] if len(sizes) > 2 else 0, sizes[-1])
