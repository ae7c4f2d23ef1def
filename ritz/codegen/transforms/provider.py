"""The provider interface, the shape of a transform and its reference implementation in NumPy."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from ritz.codegen import cache
from ritz.errors import OptionError, UnsupportedError, nearest

PRECISIONS = ("double", "single")


@dataclass(frozen=True)
class TransformShape:
    """The sizes of a batched, pruned Fourier transform.

    Attributes:
        points: grid points per axis, one to three axes.
        cutoff: largest kept wave index K per axis; modes ``-K..K`` are kept (``0..K`` on the last axis of a real
            transform), with ``2 K < points``.
        real: whether the grid values are real.
        precision: of grid values and modes, ``"double"`` or ``"single"``; Systems are double.

    Raises:
        OptionError: there is no such precision.
    """

    points: tuple[int, ...]
    cutoff: tuple[int, ...]
    real: bool = True
    precision: str = "double"

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise OptionError(f"The precision of a transform is 'double' or 'single'; found {self.precision!r}.")

    @property
    def modes(self) -> tuple[int, ...]:
        """Kept modes per axis: the shape of a spectral array."""
        full = [2 * k + 1 for k in self.cutoff]
        if self.real:
            full[-1] = self.cutoff[-1] + 1
        return tuple(full)

    def indices(self, axis: int) -> np.ndarray:
        """Wave indices along an axis in storage order: 0, 1, ..., K, -K, ..., -1 (or 0..K)."""
        k = self.cutoff[axis]
        if self.real and axis == len(self.points) - 1:
            return np.arange(k + 1)
        return np.concatenate([np.arange(k + 1), np.arange(-k, 0)])

    def _kept(self) -> Any:
        """Index of the kept modes in a full spectral array."""
        return (..., *np.ix_(*(self.indices(i) for i in range(len(self.points)))))

    def inverse(self, modes: np.ndarray) -> np.ndarray:
        """Grid values of ``(..., *modes)`` spectral values, by NumPy."""
        d = len(self.points)
        shape = list(self.points)
        if self.real:
            shape[-1] = self.points[-1] // 2 + 1
        full = np.zeros(modes.shape[: modes.ndim - d] + tuple(shape), dtype=complex)
        full[self._kept()] = modes
        axes, size = tuple(range(-d, 0)), int(np.prod(self.points))
        if self.real:
            return np.fft.irfftn(full, s=self.points, axes=axes) * size
        return np.fft.ifftn(full, axes=axes) * size

    def forward(self, values: np.ndarray) -> np.ndarray:
        """Kept modes of ``(..., *points)`` grid values, by NumPy; mode 0 is the mean."""
        d = len(self.points)
        axes, size = tuple(range(-d, 0)), int(np.prod(self.points))
        full = (np.fft.rfftn if self.real else np.fft.fftn)(values, axes=axes) / size
        return np.ascontiguousarray(full[self._kept()])


@dataclass(frozen=True)
class Phase:
    """A part of a transform whose units may be done in any order and at the same time.

    Attributes:
        function: address of ``void (plan, source, target, lo, hi, scratch)``, which does the units ``lo <= i < hi``.
        units: how many there are.
        planes: whether a unit is a plane of the grid, that is, one value of its outermost index. The other phases of
            the transform then touch no grid values.
        fewest: units that a call must do at least.
    """

    function: int
    units: int
    planes: bool
    fewest: int = 1


@dataclass(frozen=True)
class Plan:
    """A transform of a batch of fields in one direction.

    Attributes:
        phases: what to run, one after the other.
        address: of the data for the first field that every phase gets as its `plan`.
        stride: bytes between the data of two fields.
        scratch: bytes of scratch memory that a thread needs.
        keep: memory that must stay alive.
    """

    phases: tuple[Phase, ...]
    address: int
    stride: int
    scratch: int
    keep: Any

    def run(self, fields: Sequence[tuple[int, int]]) -> None:
        """Transform, from Python; a source and a target address for each field."""
        memory = np.empty(self.scratch + ALIGNMENT, np.uint8)
        scratch = aligned(memory.ctypes.data)
        for phase in self.phases:
            call = _PHASE(phase.function)
            for b, (source, target) in enumerate(fields):
                call(self.address + b * self.stride, source, target, 0, phase.units, scratch)


_PHASE = ctypes.CFUNCTYPE(None, *[ctypes.c_ssize_t] * 6)
ALIGNMENT = 64  # bytes of a cache line


def aligned(address: int) -> int:
    """The next address at the start of a cache line."""
    return -(-address // ALIGNMENT) * ALIGNMENT


Provider = Callable[[TransformShape, int, str], Plan]
PROVIDERS: dict[str, str | Provider] = {
    "generated": "ritz.codegen.transforms.generated:make_plan",
    "rocket": "ritz.codegen.transforms.rocket:make_plan",
    "mkl": "ritz.codegen.transforms.mkl:make_plan",
    "fftw": "ritz.codegen.transforms.fftw:make_plan",
}
LOADERS = {name: f"ritz.codegen.transforms.{name}:load" for name in ("mkl", "fftw")}
AUTO = "auto"


def register_provider(name: str, make_plan: Provider | str) -> None:
    """Add a transform library under `name`; ``make_plan(shape, batch, direction)`` returns a `Plan`."""
    PROVIDERS[name] = make_plan


def choose_provider(name: str, shape: TransformShape) -> tuple[str, str]:
    """Name of the provider for a shape, and the reason in words.

    Raises:
        OptionError: no provider has this name.
        UnsupportedError: generated transforms are asked for where there are none.
        MissingPackage: the library is not installed.
    """
    from ritz.codegen.transforms.generated import obstacle

    if name not in (AUTO, "generated"):
        provider(name)
        if name in LOADERS:
            return name, f"asked for; the library is {_resolved(LOADERS[name])()[1]}"
        return name, "asked for"
    reason = obstacle(shape)
    if not reason:
        timed = ", the quickest of a few that were timed" if cache.planning() == "measure" else ""
        return "generated", f"made for this grid and this processor{timed}"
    if name == "generated":
        raise UnsupportedError(f"There are no generated transforms for this grid: {reason}. Use transforms='auto'.")
    return "rocket", reason


def require_double(shape: TransformShape, name: str) -> None:
    """Refuse single precision on behalf of a provider that has none.

    Raises:
        UnsupportedError: the shape asks for it.
    """
    if shape.precision != "double":
        raise UnsupportedError(f"{name} transforms are in double precision; found {shape}. Use generated transforms.")


def provider(name: str) -> Provider:
    """Look a provider up by name.

    Raises:
        OptionError: no provider has this name.
    """
    known = [AUTO, *sorted(PROVIDERS)]
    if name not in PROVIDERS:
        raise OptionError(f"There are no transforms called {name!r}.{nearest(name, known)} Known: {', '.join(known)}.")
    entry = PROVIDERS[name]
    return _resolved(entry) if isinstance(entry, str) else entry


def _resolved(entry: str) -> Callable[..., Any]:
    module, attribute = entry.split(":")
    return getattr(import_module(module), attribute)  # type: ignore[no-any-return]
