"""Kernels of FFTW (its manual, chapters "Guru Interface" and "New-array Execute Functions")."""

from __future__ import annotations

import ctypes
import threading
from functools import cache
from typing import Any

import numpy as np

from ritz.codegen import cache as disk
from ritz.codegen.transforms.find_library import Wanted
from ritz.codegen.transforms.library import Kernel, plan_of
from ritz.codegen.transforms.provider import Plan, TransformShape
from ritz.errors import RitzError

WANTED = Wanted(
    "FFTW 3",
    "fftw",
    ("libfftw3.so*", "libfftw3-*.so*", "libfftw3.*dylib", "libfftw3-3.dll", "fftw3.dll"),
    ("fftw3", "libfftw3-3"),
    "pyfftw",
    apart=True,  # MKL has functions of these names for callers of FFTW
)

# flags of fftw3.h
_MEASURE, _UNALIGNED, _PRESERVE_INPUT, _ESTIMATE = 0, 1 << 1, 1 << 4, 1 << 6
_lock = threading.Lock()  # FFTW's planner is for one thread at a time


@cache
def load() -> tuple[Any, str]:
    """The library with the types of its functions, and where it was found.

    Raises:
        MissingPackage: it is not installed.
    """
    fftw, place = WANTED.load()
    integer, address = ctypes.c_int, ctypes.c_void_p
    end = [address, address, integer, integer]
    for name, last in {"dft": [integer], "dft_r2c": [], "dft_c2r": []}.items():
        planner = getattr(fftw, f"fftw_plan_many_{name}")
        planner.restype = address
        planner.argtypes = [integer, address, integer, *end, *end, *last, ctypes.c_uint]
    return fftw, place


def _kernel(
    kind: str, n: int, count: int, source: tuple[int, int, int], target: tuple[int, int, int], sign: int, in_place: bool
) -> Kernel:
    """A plan for transforms of length n, and the function that carries it out on other arrays.

    `source` and `target` are stride, distance and size of an array in doubles. On arrays that start at multiples of 16
    bytes FFTW uses vectors; rows of an odd number of real values do not.
    """
    fftw, _ = load()
    flags = (_ESTIMATE if disk.planning() == "estimate" else _MEASURE) | _PRESERVE_INPUT * (not in_place)
    flags |= _UNALIGNED if kind != "dft" and n % 2 else 0
    first = np.zeros(source[2] + 2)
    arrays = [first, first if in_place else np.zeros(target[2] + 2)]
    length, directed = ctypes.c_int(n), [sign] if kind == "dft" else []
    ends = [(a.ctypes.data + a.ctypes.data % 16, None, *sizes[:2]) for a, sizes in zip(arrays, (source, target))]
    with _lock:
        planner = getattr(fftw, f"fftw_plan_many_{kind}")
        handle = planner(1, ctypes.byref(length), count, *ends[0], *ends[1], *directed, flags)
    if not handle:
        raise RitzError(f"FFTW has no plan for {count} transforms of length {n}.")
    return Kernel(ctypes.cast(getattr(fftw, f"fftw_execute_{kind}"), ctypes.c_void_p).value or 0, handle)


@cache
def _columns(n: int, count: int, pitch: int, sign: int, effort: str) -> Kernel:
    array = pitch, 1, 2 * (pitch * (n - 1) + count)
    return _kernel("dft", n, count, array, array, sign, True)


@cache
def _rows(n: int, count: int, pitch: int, sign: int, real: bool, effort: str) -> Kernel:
    grid, modes = (1, n, (1 if real else 2) * n * count), (1, pitch, 2 * pitch * count)
    if sign < 0:
        return _kernel("dft_r2c" if real else "dft", n, count, grid, modes, sign, False)
    return _kernel("dft_c2r" if real else "dft", n, count, modes, grid, sign, False)


class Fftw:
    """FFTW as a `Library`; it plans with the effort that `ritz.cache.planning` sets."""

    def columns(self, n: int, count: int, pitch: int, sign: int) -> Kernel:
        """See `Library`."""
        return _columns(n, count, pitch, sign, disk.planning())

    def rows(self, n: int, count: int, pitch: int, sign: int, real: bool) -> Kernel:
        """See `Library`."""
        return _rows(n, count, pitch, sign, real, disk.planning())


def make_plan(shape: TransformShape, batch: int, direction: str) -> Plan:
    """Make a plan for `batch` arrays of this shape; `direction` is ``inverse`` or ``forward``.

    Raises:
        MissingPackage: FFTW is not installed.
        UnsupportedError: single precision is asked for.
    """
    return plan_of("fftw", Fftw(), shape, batch, direction)
