"""Transforms through a library, pruned: only kept columns are transformed, by kernels of one dimension.

A library gives two kinds of kernels, `columns` side by side in an array and `rows` one after the other; all else is
here, in compiled loops that call the kernels by address. A transform has two phases, like a generated one. `outer`
transforms along axis 0, blocks of kept columns at a time; `inner` does all other axes of one plane of the grid after
the other (in two dimensions a plane is a row, and several go together). Between them lies an array with all points
along every axis but the last and a whole row of modes along that one, in which what is not kept stays zero.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod
from typing import Protocol

import numpy as np

from ritz.codegen.loops import as_f64, as_i64, call_line, compiled, double_of
from ritz.codegen.transforms.provider import Phase, Plan, TransformShape, require_double

COLUMNS = 32  # in a block at most
LEVELS = 5  # in two dimensions 2^k rows go together, 16 at most


@dataclass(frozen=True)
class Kernel:
    """A batched transform in one dimension.

    Attributes:
        function: address of a C function ``(handle, source, target)``, safe to call from several threads at once.
        handle: its first argument.
    """

    function: int
    handle: int


class Library(Protocol):
    """What a library has to offer. Kernels do not scale their results and live as long as the process."""

    def columns(self, n: int, count: int, pitch: int, sign: int) -> Kernel:
        """Transform `count` complex columns of length `n` in place, `pitch` numbers from one row to the next.

        The exponent has the given sign, -1 forward.
        """
        ...

    def rows(self, n: int, count: int, pitch: int, sign: int, real: bool) -> Kernel:
        """Transform `count` rows of length `n` that lie `pitch` numbers apart in mode space and n on the grid.

        With `sign` -1 from the grid to modes, else back; modes are left as they are. The grid is `real`, with
        ``n // 2 + 1`` modes a row, or complex.
        """
        ...


# The data of a field are two addresses: of its array between the phases, and of a table of int64 that all fields share.
# The table begins with these entries (sizes are 1 for axes that are not there; bytes of a row of the grid; the
# factor as the bits of a double; functions for rows and for columns along axis 0 and axis 1) and goes on with handles
# for the rows of 1, 2, 4, ... planes and with blocks of columns.
(_N0, _N1, _PITCH, _M0, _M1, _M2, _ROW_BYTES, _FACTOR, _ROWS, _OUTER, _INNER, _COUNTS, _BLOCKS, _HANDLES) = range(14)
_HEADER = _HANDLES + LEVELS
# a block: first column between the phases, first kept column, columns, handles along axis 0 and axis 1 (0 for none)
(_FIRST, _KEPT, _WIDTH, _HANDLE0, _HANDLE1) = range(5)
_BLOCK = 5


@compiled(inline=True)
def _place(i, m, n):  # type: ignore[no-untyped-def]
    """Where the i-th of m kept modes stands among n."""
    return i if i <= m // 2 else i + n - m


@compiled(inline=True)
def _copy(source, target, count, factor):  # type: ignore[no-untyped-def]
    """Copy numbers, times a factor."""
    a, b = as_f64(source), as_f64(target)
    for i in range(count):
        b[i] = factor * a[i]


@compiled(inline=True)
def _clear(target, count):  # type: ignore[no-untyped-def]
    b = as_f64(target)
    for i in range(count):
        b[i] = 0.0


@compiled()
def inverse_outer(plan_: int, source: int, target: int, lo: int, hi: int, scratch: int) -> None:
    """Spread kept columns and transform them along axis 0; a unit is a block of columns at one kept index of axis 1."""
    plan = as_i64(plan_)
    t = as_i64(plan[1])
    leap, stride = 16 * t[_N1] * t[_PITCH], 16 * t[_M1] * t[_M2]
    for u in range(lo, hi):
        i1, k = u // t[_BLOCKS], u % t[_BLOCKS]
        block = as_i64(plan[1] + 8 * (_HEADER + _BLOCK * k))
        base = plan[0] + 16 * (_place(i1, t[_M1], t[_N1]) * t[_PITCH] + block[_FIRST])
        modes = source + 16 * (i1 * t[_M2] + block[_KEPT])
        for i in range(t[_M0]):
            _copy(modes + i * stride, base + _place(i, t[_M0], t[_N0]) * leap, 2 * block[_WIDTH], 1.0)
        for i in range(t[_M0] // 2 + 1, t[_N0] - t[_M0] // 2):
            _clear(base + i * leap, 2 * block[_WIDTH])
        if block[_HANDLE0] != 0:
            call_line(t[_OUTER], block[_HANDLE0], base, base)


@compiled()
def forward_outer(plan_: int, source: int, target: int, lo: int, hi: int, scratch: int) -> None:
    """Transform columns along axis 0 and collect what is wanted."""
    plan = as_i64(plan_)
    t = as_i64(plan[1])
    leap, stride, factor = 16 * t[_N1] * t[_PITCH], 16 * t[_M1] * t[_M2], double_of(t[_FACTOR])
    for u in range(lo, hi):
        i1, k = u // t[_BLOCKS], u % t[_BLOCKS]
        block = as_i64(plan[1] + 8 * (_HEADER + _BLOCK * k))
        base = plan[0] + 16 * (_place(i1, t[_M1], t[_N1]) * t[_PITCH] + block[_FIRST])
        modes = target + 16 * (i1 * t[_M2] + block[_KEPT])
        if block[_HANDLE0] != 0:
            call_line(t[_OUTER], block[_HANDLE0], base, base)
        for i in range(t[_M0]):
            _copy(base + _place(i, t[_M0], t[_N0]) * leap, modes + i * stride, 2 * block[_WIDTH], factor)


@compiled()
def inverse_inner(plan_: int, source: int, target: int, lo: int, hi: int, scratch: int) -> None:
    """Planes of the grid: columns along axis 1, then rows."""
    plan = as_i64(plan_)
    t = as_i64(plan[1])
    rows, leap = t[_N1], 16 * t[_N1] * t[_PITCH]
    for k in range(t[_BLOCKS]):
        block = as_i64(plan[1] + 8 * (_HEADER + _BLOCK * k))
        if block[_HANDLE1] != 0:
            for i in range(lo, hi):
                base = plan[0] + i * leap + 16 * block[_FIRST]
                for j in range(t[_M1] // 2 + 1, rows - t[_M1] // 2):
                    _clear(base + 16 * j * t[_PITCH], 2 * block[_WIDTH])
                call_line(t[_INNER], block[_HANDLE1], base, base)
    i, k = lo, t[_COUNTS] - 1
    while i < hi:
        while i + (1 << k) > hi:
            k -= 1
        call_line(t[_ROWS], t[_HANDLES + k], plan[0] + i * leap, target + i * rows * t[_ROW_BYTES])
        i += 1 << k


@compiled()
def forward_inner(plan_: int, source: int, target: int, lo: int, hi: int, scratch: int) -> None:
    """Planes of the grid: rows, then columns along axis 1."""
    plan = as_i64(plan_)
    t = as_i64(plan[1])
    rows, leap = t[_N1], 16 * t[_N1] * t[_PITCH]
    i, k = lo, t[_COUNTS] - 1
    while i < hi:
        while i + (1 << k) > hi:
            k -= 1
        call_line(t[_ROWS], t[_HANDLES + k], source + i * rows * t[_ROW_BYTES], plan[0] + i * leap)
        i += 1 << k
    for k in range(t[_BLOCKS]):
        block = as_i64(plan[1] + 8 * (_HEADER + _BLOCK * k))
        if block[_HANDLE1] != 0:
            for i in range(lo, hi):
                base = plan[0] + i * leap + 16 * block[_FIRST]
                call_line(t[_INNER], block[_HANDLE1], base, base)


_PHASES = {"inverse": (inverse_outer, inverse_inner), "forward": (forward_outer, forward_inner)}


def plan_of(name: str, library: Library, shape: TransformShape, batch: int, direction: str) -> Plan:
    """A plan for `batch` arrays of this shape with the kernels of a library; `direction` is inverse or forward.

    Raises:
        UnsupportedError: single precision is asked for.
    """
    require_double(shape, name)
    axes = len(shape.points)
    (n0, n1, n2), (m0, m1, m2) = _three(shape.points), _three(shape.modes)
    sign = 1 if direction == "inverse" else -1
    pitch = (n2 // 2 + 1 if shape.real else n2) | 1  # an odd number: columns do not fall on the same lines of the cache
    counts = [1 << k for k in range(LEVELS if axes == 2 else 1) if 1 << k <= n0]
    rows = [library.rows(n2, count * n1, pitch, sign, shape.real) for count in counts]
    blocks, outer, inner = [], 0, 0
    for first, kept, width in _column_blocks(shape):
        handles = [0, 0]
        if axes > 1:
            kernel = library.columns(n0, width, n1 * pitch, sign)
            outer, handles[0] = kernel.function, kernel.handle
        if axes > 2:
            kernel = library.columns(n1, width, pitch, sign)
            inner, handles[1] = kernel.function, kernel.handle
        blocks.append([first, kept, width, *handles])
    factor = struct.unpack("<q", struct.pack("<d", 1.0 / prod(shape.points)))[0]
    row_bytes = (8 if shape.real else 16) * n2
    header = [n0, n1, pitch, m0, m1, m2, row_bytes, factor, rows[0].function, outer, inner, len(rows), len(blocks)]
    handles = [kernel.handle for kernel in rows] + [0] * (LEVELS - len(rows))
    table = np.array([*header, *handles, *np.ravel(blocks)], dtype=np.int64)
    between = np.zeros((batch, n0 * n1 * pitch), dtype=np.complex128)
    plan = np.array([[field.ctypes.data, table.ctypes.data] for field in between], dtype=np.int64)
    first, second = (function.address for function in _PHASES[direction])
    phases = [Phase(first, m1 * len(blocks), planes=False), Phase(second, n0, planes=axes > 1)]
    order = phases if direction == "inverse" else phases[::-1]
    return Plan(tuple(order), plan.ctypes.data, plan.strides[0], 0, (plan, table, between))


def _three(sizes: tuple[int, ...]) -> tuple[int, int, int]:
    """Sizes along axes 0, 1 and 2, where two axes are 0 and 2 and one axis is 2; the others have size 1."""
    return (sizes[0] if len(sizes) > 1 else 1, sizes[1] if len(sizes) > 2 else 1, sizes[-1])


def _column_blocks(shape: TransformShape) -> list[tuple[int, int, int]]:
    """First column between the phases, first kept column and width of every block of kept columns."""
    n, k = shape.points[-1], shape.cutoff[-1]
    ranges = [(0, 0, k + 1)] if shape.real else [(0, 0, k + 1), (n - k, k + 1, k)]
    blocks = []
    for first, kept, count in ranges:
        cuts = np.linspace(0, count, -(-count // COLUMNS) + 1).astype(int)
        blocks += [(first + at, kept + at, end - at) for at, end in zip(cuts[:-1].tolist(), cuts[1:].tolist())]
    return blocks
