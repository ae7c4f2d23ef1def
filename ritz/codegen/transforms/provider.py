"""The provider interface, the shape of a transform and its reference implementation in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from ritz.errors import OptionError, nearest


@dataclass(frozen=True)
class TransformShape:
    """The sizes of a batched, pruned Fourier transform.

    Attributes:
        points: grid points per axis, one to three axes.
        cutoff: largest kept wave index K per axis; modes ``-K..K`` are kept (``0..K`` on the last axis of a real
            transform), with ``2 K < points``.
        real: whether the grid values are real.
    """

    points: tuple[int, ...]
    cutoff: tuple[int, ...]
    real: bool = True

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


@dataclass
class Plan:
    """Address of a compiled transform in one direction and of the plan it reads; keeps its memory alive."""

    function: int
    address: int
    keep: Any


Provider = Callable[[TransformShape, int, int, str], Plan]
PROVIDERS: dict[str, str | Provider] = {"rocket": "ritz.codegen.transforms.rocket:make_plan"}


def register_provider(name: str, make_plan: Provider | str) -> None:
    """Add a transform library under `name`; ``make_plan(shape, batch, threads, direction)`` returns a `Plan`."""
    PROVIDERS[name] = make_plan


def provider(name: str) -> Provider:
    """Look a provider up by name.

    Raises:
        OptionError: no provider has this name.
    """
    if name not in PROVIDERS:
        raise OptionError(
            f"There are no transforms called {name!r}.{nearest(name, PROVIDERS)} Known: {', '.join(sorted(PROVIDERS))}."
        )
    entry = PROVIDERS[name]
    if isinstance(entry, str):
        module, attribute = entry.split(":")
        return getattr(import_module(module), attribute)  # type: ignore[no-any-return]
    return entry
