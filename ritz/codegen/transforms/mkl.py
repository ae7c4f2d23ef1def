"""Kernels of Intel's MKL, through its DFTI functions (oneMKL reference, chapter "Fourier Transform Functions")."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from functools import cache
from typing import Any

from ritz.codegen.transforms.find_library import Wanted
from ritz.codegen.transforms.library import Kernel, plan_of
from ritz.codegen.transforms.provider import Plan, TransformShape
from ritz.errors import RitzError

WANTED = Wanted("Intel's MKL", "mkl", ("libmkl_rt.so*", "libmkl_rt*.dylib", "mkl_rt*.dll"), ("mkl_rt",))

# parameters of a descriptor and their values, by the numbers of mkl_dfti.h
_NUMBER, _CONJUGATE_EVEN, _PLACEMENT, _THREADS = 7, 10, 11, 27
_SOURCE_STRIDES, _TARGET_STRIDES, _SOURCE_DISTANCE, _TARGET_DISTANCE = 12, 13, 14, 15
_COMPLEX, _REAL, _COMPLEX_COMPLEX, _IN_PLACE, _NOT_IN_PLACE = 32, 33, 39, 43, 44
_Long = ctypes.c_long  # MKL_LONG


@cache
def load() -> tuple[Any, str]:
    """The library with the types of its functions, and where it was found.

    Raises:
        MissingPackage: it is not installed.
    """
    mkl, place = WANTED.load()
    mkl.DftiErrorMessage.restype, mkl.DftiErrorMessage.argtypes = ctypes.c_char_p, [_Long]
    mkl.DftiCreateDescriptor_d_1d.argtypes = [ctypes.c_void_p, ctypes.c_int, _Long]
    mkl.DftiCommitDescriptor.argtypes = [ctypes.c_void_p]
    for function in (mkl.DftiCreateDescriptor_d_1d, mkl.DftiSetValue, mkl.DftiCommitDescriptor):
        function.restype = _Long
    return mkl, place


def _check(status: int) -> None:
    if status:
        raise RitzError(f"MKL refuses a transform: {load()[0].DftiErrorMessage(status).decode()}")


def _kernel(n: int, real: bool, sign: int, settings: Mapping[int, Any]) -> Kernel:
    """A descriptor for transforms of length n, on one thread, and the function that carries it out.

    Both functions take any number of arguments in C; with addresses only, that is called like any other function.
    """
    mkl, _ = load()
    handle = ctypes.c_void_p()
    _check(mkl.DftiCreateDescriptor_d_1d(ctypes.byref(handle), _REAL if real else _COMPLEX, n))
    for parameter, value in ({_THREADS: 1, _CONJUGATE_EVEN: _COMPLEX_COMPLEX} | dict(settings)).items():
        _check(mkl.DftiSetValue(handle, ctypes.c_int(parameter), value if _is_array(value) else _Long(value)))
    _check(mkl.DftiCommitDescriptor(handle))
    function = mkl.DftiComputeForward if sign < 0 else mkl.DftiComputeBackward
    return Kernel(ctypes.cast(function, ctypes.c_void_p).value or 0, handle.value or 0)


def _is_array(value: Any) -> bool:
    return isinstance(value, ctypes.Array)


@cache
def _columns(n: int, count: int, pitch: int, sign: int) -> Kernel:
    strides = (_Long * 2)(0, pitch)
    settings = {
        _NUMBER: count, _PLACEMENT: _IN_PLACE, _SOURCE_STRIDES: strides, _TARGET_STRIDES: strides,
        _SOURCE_DISTANCE: 1, _TARGET_DISTANCE: 1,
    }  # fmt: skip
    return _kernel(n, False, sign, settings)


@cache
def _rows(n: int, count: int, pitch: int, sign: int, real: bool) -> Kernel:
    distances = (n, pitch) if sign < 0 else (pitch, n)
    settings = {
        _NUMBER: count, _PLACEMENT: _NOT_IN_PLACE,
        _SOURCE_DISTANCE: distances[0], _TARGET_DISTANCE: distances[1],
    }  # fmt: skip
    return _kernel(n, real, sign, settings)


class Mkl:
    """MKL as a `Library`."""

    def columns(self, n: int, count: int, pitch: int, sign: int) -> Kernel:
        """See `Library`."""
        return _columns(n, count, pitch, sign)

    def rows(self, n: int, count: int, pitch: int, sign: int, real: bool) -> Kernel:
        """See `Library`."""
        return _rows(n, count, pitch, sign, real)


def make_plan(shape: TransformShape, batch: int, direction: str) -> Plan:
    """Make a plan for `batch` arrays of this shape; `direction` is ``inverse`` or ``forward``.

    Raises:
        MissingPackage: MKL is not installed.
        UnsupportedError: single precision is asked for.
    """
    return plan_of("mkl", Mkl(), shape, batch, direction)
