"""Kernels of rocket-fft (DUCC0 inside Numba), for lengths with large prime factors. Compiled when first asked for."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import rocket_fft
from numba import carray, cfunc, types

from ritz.codegen.abi import as_c128, as_f64, as_i64
from ritz.codegen.transforms.library import Kernel, plan_of
from ritz.codegen.transforms.provider import Plan, TransformShape

# what a handle is the address of: length, how many, numbers from row to row, 1 forward or 0, and the numbers 0 and 1,
# so that an axis can be named without allocating
_N, _COUNT, _PITCH, _FORWARD, _AXES = range(5)
_SIGNATURE = types.void(types.intp, types.intp, types.intp)


@cache
def columns_kernel() -> Any:
    """Complex columns, in place."""

    @cfunc(_SIGNATURE, cache=True)
    def columns(handle, source, target):  # type: ignore[no-untyped-def]
        h = as_i64(handle)
        n, count, pitch = h[_N], h[_COUNT], h[_PITCH]
        array = carray(as_c128(source), (n, pitch))[:, :count]
        rocket_fft.c2c(array, array, carray(as_i64(handle + 8 * _AXES), 1), h[_FORWARD] > 0, 1.0, 1)

    return columns


@cache
def complex_rows_kernel() -> Any:
    """Rows of complex values, either way."""

    @cfunc(_SIGNATURE, cache=True)
    def complex_rows(handle, source, target):  # type: ignore[no-untyped-def]
        h = as_i64(handle)
        n, count, pitch, axis = h[_N], h[_COUNT], h[_PITCH], carray(as_i64(handle + 8 * (_AXES + 1)), 1)
        if h[_FORWARD] > 0:
            modes = carray(as_c128(target), (count, pitch))[:, :n]
            rocket_fft.c2c(carray(as_c128(source), (count, n)), modes, axis, True, 1.0, 1)
        else:
            modes = carray(as_c128(source), (count, pitch))[:, :n]
            rocket_fft.c2c(modes, carray(as_c128(target), (count, n)), axis, False, 1.0, 1)

    return complex_rows


@cache
def real_rows_kernel() -> Any:
    """Rows of real values, either way."""

    @cfunc(_SIGNATURE, cache=True)
    def real_rows(handle, source, target):  # type: ignore[no-untyped-def]
        h = as_i64(handle)
        n, count, pitch, axis = h[_N], h[_COUNT], h[_PITCH], carray(as_i64(handle + 8 * (_AXES + 1)), 1)
        if h[_FORWARD] > 0:
            modes = carray(as_c128(target), (count, pitch))[:, : n // 2 + 1]
            rocket_fft.r2c(carray(as_f64(source), (count, n)), modes, axis, True, 1.0, 1)
        else:
            modes = carray(as_c128(source), (count, pitch))[:, : n // 2 + 1]
            rocket_fft.c2r(modes, carray(as_f64(target), (count, n)), axis, False, 1.0, 1)

    return real_rows


@cache
def _handle(n: int, count: int, pitch: int, sign: int) -> np.ndarray:
    return np.array([n, count, pitch, sign < 0, 0, 1], dtype=np.int64)


class Rocket:
    """rocket-fft as a `Library`."""

    def columns(self, n: int, count: int, pitch: int, sign: int) -> Kernel:
        """See `Library`."""
        return Kernel(int(columns_kernel().address), _handle(n, count, pitch, sign).ctypes.data)

    def rows(self, n: int, count: int, pitch: int, sign: int, real: bool) -> Kernel:
        """See `Library`."""
        kernel = real_rows_kernel() if real else complex_rows_kernel()
        return Kernel(int(kernel.address), _handle(n, count, pitch, sign).ctypes.data)


def make_plan(shape: TransformShape, batch: int, direction: str) -> Plan:
    """Make a plan for `batch` arrays of this shape; `direction` is ``inverse`` or ``forward``.

    Raises:
        UnsupportedError: single precision is asked for.
    """
    return plan_of("rocket", Rocket(), shape, batch, direction)
