"""Pairs of real transforms by MKL and FFTW: whole arrays, planned by the library itself in all dimensions at once.

A pair is a list of calls ``(function, handle, source, target)`` that `run_calls` carries out in a compiled loop.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ritz.codegen.loops import as_i64, call_line, call_phase, compiled
from ritz.codegen.transforms import TransformShape, fftw, mkl, provider
from ritz.codegen.transforms.provider import ALIGNMENT, aligned


@compiled()
def run_calls(calls_: int, number: int, count: int) -> None:
    """`count` times the calls of kernels in a table."""
    for _ in range(count):
        for k in range(number):
            c = as_i64(calls_ + 32 * k)
            call_line(c[0], c[1], c[2], c[3])


@compiled()
def run_phases(calls_: int, number: int, count: int) -> None:
    """`count` times the phases in a table, each as a whole."""
    for _ in range(count):
        for k in range(number):
            c = as_i64(calls_ + 48 * k)
            call_phase(c[0], c[1], c[2], c[3], 0, c[4], c[5])


def array(shape: tuple[int, ...], kind: type) -> np.ndarray:
    """Zeros at the start of a line of the cache."""
    size = prod(shape) * np.dtype(kind).itemsize
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    start = aligned(memory.ctypes.data) - memory.ctypes.data
    return memory[start : start + size].view(kind).reshape(shape)


@dataclass
class Pair:
    """A forward and an inverse transform of a real array.

    Attributes:
        values, modes, back: source, result of the forward transform, result of the inverse one.
        scale: of the forward transform, and of both.
        kept: the modes of NumPy's forward transform that `modes` holds.
        run: ``run(count)`` does as many pairs.
        keep: what has to stay alive.
    """

    values: np.ndarray
    modes: np.ndarray
    back: np.ndarray
    scale: float
    kept: Any = ...
    keep: list[Any] = field(default_factory=list)

    def calls(self, loop: Any, rows: list[list[int]]) -> Pair:
        """Set what `run` does."""
        table = np.array(rows, dtype=np.int64)
        self.keep.append(table)
        self.run = lambda count: loop(table.ctypes.data, len(rows), count)
        self.forward = lambda: loop(table.ctypes.data, len(rows) // 2, 1)
        return self

    def error(self) -> float:
        """Largest error of both results against NumPy, relative to the largest value."""
        self.forward()
        modes = self.modes.copy()  # the inverse transform may use them up
        self.run(1)
        full = np.fft.rfftn(self.values)[self.kept] * self.scale
        there = np.abs(modes - full).max() / np.abs(full).max()
        wanted = self.values
        if self.kept is not ...:
            cut = np.zeros_like(np.fft.rfftn(wanted))
            cut[self.kept] = full / self.scale
            wanted = np.fft.irfftn(cut, s=wanted.shape, axes=range(wanted.ndim))
        back = self.back * (1.0 if self.scale != 1.0 else 1.0 / wanted.size)
        return float(max(there, np.abs(back - wanted).max() / np.abs(wanted).max()))


def _arrays(points: tuple[int, ...], modes: tuple[int, ...]) -> list[np.ndarray]:
    arrays = [array(points, float), array(modes, complex), array(points, float)]
    arrays[0][...] = np.random.default_rng(0).standard_normal(points)
    return arrays


def ritz_pair(points: tuple[int, ...], share: float) -> Pair:
    """Ritz's generated transforms; `share` of the modes is kept along every axis."""
    shape = TransformShape(points, tuple(min(int(share * n / 2), (n - 1) // 2) for n in points))
    pair = Pair(*_arrays(points, shape.modes), 1.0 / prod(points), shape._kept())
    rows = []
    for direction, source, target in (("forward", pair.values, pair.modes), ("inverse", pair.modes, pair.back)):
        plan = provider("generated")(shape, 1, direction)
        scratch = array((plan.scratch + 8,), np.uint8)
        pair.keep += [plan, scratch]
        ends = [plan.address, source.ctypes.data, target.ctypes.data]
        rows += [[phase.function, *ends, phase.units, scratch.ctypes.data] for phase in plan.phases]
    return pair.calls(run_phases, rows)


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _half(points: tuple[int, ...]) -> tuple[int, ...]:
    return (*points[:-1], points[-1] // 2 + 1)


def mkl_pair(points: tuple[int, ...]) -> Pair:
    """MKL, out of place, one descriptor for each direction."""
    library, long = mkl.load()[0], ctypes.c_long
    pair, d = Pair(*_arrays(points, _half(points)), 1.0), len(points)
    strides = [(long * (d + 1))(0, *(a.strides[i] // a.itemsize for i in range(d))) for a in (pair.values, pair.modes)]
    rows = []
    for function, ends in ((library.DftiComputeForward, (0, 1)), (library.DftiComputeBackward, (1, 0))):
        handle = ctypes.c_void_p()
        lengths = long(points[0]) if d == 1 else (long * d)(*points)
        created = library.DftiCreateDescriptor(ctypes.byref(handle), 36, mkl._REAL, long(d), lengths)  # 36: DFTI_DOUBLE
        settings = {mkl._PLACEMENT: mkl._NOT_IN_PLACE, mkl._CONJUGATE_EVEN: mkl._COMPLEX_COMPLEX, mkl._THREADS: 1}
        statuses = [library.DftiSetValue(handle, parameter, long(value)) for parameter, value in settings.items()]
        for parameter, end in zip((mkl._SOURCE_STRIDES, mkl._TARGET_STRIDES), ends):
            statuses.append(library.DftiSetValue(handle, parameter, strides[end]))
        assert not any([created, *statuses, library.DftiCommitDescriptor(handle)]), "MKL refuses the transform"
        source, target = (pair.values, pair.modes) if ends == (0, 1) else (pair.modes, pair.back)
        rows.append([_address(function), handle.value or 0, source.ctypes.data, target.ctypes.data])
    return pair.calls(run_calls, rows)


def fftw_pair(points: tuple[int, ...]) -> Pair:
    """FFTW, out of place, planned with FFTW_MEASURE; only the forward transform keeps its source."""
    library, _ = fftw.load()
    pair, d = Pair(*_arrays(points, _half(points)), 1.0), len(points)
    values, size = pair.values.copy(), (ctypes.c_int * d)(*points)
    rows = []
    for kind, source, target in (("r2c", pair.values, pair.modes), ("c2r", pair.modes, pair.back)):
        planner = getattr(library, f"fftw_plan_dft_{kind}")
        planner.restype, planner.argtypes = ctypes.c_void_p, [ctypes.c_int, *[ctypes.c_void_p] * 3, ctypes.c_uint]
        handle = planner(d, size, source.ctypes.data, target.ctypes.data, fftw._MEASURE)
        function = getattr(library, f"fftw_execute_dft_{kind}")
        rows.append([_address(function), handle, source.ctypes.data, target.ctypes.data])
    pair.values[...] = values  # measuring has overwritten it
    return pair.calls(run_calls, rows)


def folders(pythons: list[str]) -> list[str]:
    """Folders of peers' environments that may hold MKL and FFTW."""
    prefixes = [Path(python).expanduser().parent.parent for python in pythons]
    return [
        str(folder)
        for prefix in prefixes
        for folder in (prefix / "lib", *prefix.glob("lib/python3*/site-packages/pyfftw.libs"))
    ]
