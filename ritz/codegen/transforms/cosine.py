"""Cosine and sine transforms along an axis, types I, II and III, on the passes of the Fourier transforms.

Type II is a real transform of the same length of the values in another order, even places first, then the odd ones
backwards [makhoul1980]; type III is the way back. Type I is a real transform of the symmetric or antisymmetric
continuation, which keeps its accuracy where the reduction to half of that length loses digits. Sine transforms are
cosine transforms of values with alternating signs. The definitions are those of SciPy (norm ``"backward"``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import prod

import numpy as np

from ritz.codegen import native
from ritz.codegen.layout import Array
from ritz.codegen.transforms.cosine_kernels import GroupKernel, RowKernel
from ritz.codegen.transforms.cosine_tables import PERIODS, tables
from ritz.codegen.transforms.line import length
from ritz.codegen.transforms.line_passes import choices
from ritz.codegen.transforms.provider import PRECISIONS, Phase, Plan
from ritz.errors import OptionError, UnsupportedError, nearest


@dataclass(frozen=True)
class CosineShape:
    """What a cosine or sine transform depends on.

    Attributes:
        kind: ``"dct1"``, ``"dct2"``, ``"dct3"``, ``"dst1"``, ``"dst2"`` or ``"dst3"``.
        points: the shape of the array.
        axis: along which it is transformed.
        precision: ``"double"`` or ``"single"``.

    Raises:
        OptionError: there is no such kind, axis or precision.
        UnsupportedError: the length of the real transform behind it has a prime factor above 7, or there is none.
    """

    kind: str
    points: tuple[int, ...]
    axis: int = -1
    precision: str = "double"

    def __post_init__(self) -> None:
        if self.kind not in PERIODS:
            hint, known = nearest(self.kind, list(PERIODS)), ", ".join(PERIODS)
            raise OptionError(f"No transform is called {self.kind!r}.{hint} Known: {known}.")
        if not -len(self.points) <= self.axis < len(self.points):
            raise OptionError(f"An array of {len(self.points)} axes has no axis {self.axis}.")
        if self.precision not in PRECISIONS:
            raise OptionError(f"The precision of a transform is 'double' or 'single'; found {self.precision!r}.")
        n, period = self.length, PERIODS[self.kind](self.length)
        if period < 3 or not choices(length(period, True), 1, 16):
            raise UnsupportedError(
                f"There is no generated {self.kind} of {n} points: it is a real transform of length {period}, which "
                "must be 3 or more without prime factors above 7. Take another number of points, or scipy.fft."
            )

    @property
    def length(self) -> int:
        """Points along the axis."""
        return self.points[self.axis]

    @property
    def lines(self) -> tuple[int, int]:
        """Blocks of lines in front of the axis, and lines that lie side by side behind it."""
        axis = self.axis % len(self.points)
        return prod(self.points[:axis]), prod(self.points[axis + 1 :])


@cache
def make_plan(shape: CosineShape) -> Plan:
    """Make a plan; its only phase has units that are blocks of lines."""
    element, widest = ("double", native.lanes()) if shape.precision == "double" else ("float", 2 * native.lanes())
    (blocks, beside), lanes = shape.lines, widest
    kernel: RowKernel | GroupKernel
    count = blocks if beside == 1 else beside
    while lanes > 1 and (2 * lanes > count or lanes > shape.length):
        lanes //= 2
    if beside == 1 and (count == 1 or lanes < widest):  # narrow vectors over lines lose to wide ones within a line
        kernel, units = RowKernel(tables(shape.kind, shape.length), widest, native.registers(), element), blocks
    else:
        kernel = GroupKernel(tables(shape.kind, shape.length), count, beside > 1, lanes, element)
        units = kernel.groups * (blocks if beside > 1 else 1)
    code = native.load(kernel.text())
    return Plan((Phase(code.address("lines"), units, planes=False),), 0, 0, kernel.scratch, code)


def _transformed(kind: str, x: Array, axis: int) -> Array:
    values = np.asarray(x)
    if np.iscomplexobj(values) or not values.ndim:
        raise OptionError(
            f"A {kind} takes an array of real numbers; found {values.dtype} with {values.ndim} axes. Transform real "
            "and imaginary parts one after the other."
        )
    values = np.ascontiguousarray(values, np.float32 if values.dtype == np.float32 else float)
    precision = "single" if values.dtype == np.float32 else "double"
    result = np.empty_like(values)
    if values.size:
        plan = make_plan(CosineShape(kind, values.shape, axis, precision))
        plan.run([(values.ctypes.data, result.ctypes.data)])
    return result


def _kind(name: str, type_: int) -> str:
    if type_ not in (1, 2, 3):
        raise OptionError(f"There are {name} of types 1, 2 and 3; found {type_!r}.")
    return f"{name}{type_}"


def dct(x: Array, type: int = 2, axis: int = -1) -> Array:
    """The cosine transform of `scipy.fft.dct`, of type 1, 2 or 3 and without scaling; float32 stays float32.

    Raises:
        OptionError: there is no such type or axis.
        UnsupportedError: the length does not suit, see `CosineShape`.

    Example:
        >>> import numpy as np
        >>> values = np.cos(np.pi * 3 * (np.arange(8) + 0.5) / 8)
        >>> dct(values).round(12) + 0.0
        array([0., 0., 0., 8., 0., 0., 0., 0.])
    """
    return _transformed(_kind("dct", type), x, axis)


def dst(x: Array, type: int = 2, axis: int = -1) -> Array:
    """The sine transform of `scipy.fft.dst`; like `dct`."""
    return _transformed(_kind("dst", type), x, axis)


def idct(x: Array, type: int = 2, axis: int = -1) -> Array:
    """The inverse of `dct` of this type.

    Example:
        >>> import numpy as np
        >>> bool(np.allclose(idct(dct(np.arange(9.0), type=1), type=1), np.arange(9.0)))
        True
    """
    return _inverse(dct, "dct", x, type, axis)


def idst(x: Array, type: int = 2, axis: int = -1) -> Array:
    """The inverse of `dst` of this type."""
    return _inverse(dst, "dst", x, type, axis)


def _inverse(forward: Callable[[Array, int, int], Array], name: str, x: Array, type_: int, axis: int) -> Array:
    kind = _kind(name, type_)
    result = forward(x, {1: 1, 2: 3, 3: 2}[type_], axis)
    period = PERIODS[kind](result.shape[axis])
    return result / result.dtype.type(period if type_ == 1 else 2 * period)
