"""Kernels of pruned Fourier transforms in one dimension, as a module in LLVM's language.

The kernel is ``void line(plan, source, target, lo, hi, scratch)``; only source, target and scratch matter. Its passes
are those of `line_passes`, what it reads and writes is in `line_ends`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ritz.codegen.transforms.line_ends import Grid, HalfModes, Modes, PackedModes, RealGrid
from ritz.codegen.transforms.line_passes import LinePasses, Planes
from ritz.codegen.vector_code import Code

ARGUMENTS = "i64 %plan, i64 %source_, i64 %target_, i64 %lo, i64 %hi, i64 %scratch_"


@dataclass(frozen=True)
class LineTransform:
    """What the kernel depends on.

    Attributes:
        points: grid points.
        cutoff: K; the modes -K..K are kept, of real values 0..K.
        real, forward: kind and direction.
        lanes: numbers in a vector.
        factors: radices of the passes, first one first; their product is `length`.
        element: type of the numbers, ``double`` or ``float``.
    """

    points: int
    cutoff: int
    real: bool
    forward: bool
    lanes: int
    factors: tuple[int, ...]
    element: str = "double"

    @property
    def length(self) -> int:
        """Complex numbers that are transformed."""
        return length(self.points, self.real)

    @property
    def scratch(self) -> int:
        """Bytes of scratch memory."""
        return LineWriter(self).used

    def text(self) -> str:
        """The module."""
        return LineWriter(self).text()


def length(points: int, real: bool) -> int:
    """Complex numbers that are transformed: of real values half as many as points where that is whole."""
    return points // 2 if real and points % 2 == 0 else points


class LineWriter:
    """Writes the kernel, or the same as a part of another one.

    Args:
        line: what to write.
        code: the function, where it is another one.
        ends: addresses of what is read and what is written.
        factor: what a forward transform multiplies by; None for one over the number of points.

    Attributes:
        used: bytes of ``%scratch`` that are taken.
    """

    def __init__(
        self,
        line: LineTransform,
        code: Code | None = None,
        ends: tuple[str, str] = ("%source", "%target"),
        factor: float | None = None,
    ) -> None:
        self.line, self.used = line, 0
        self.code = code or Code(line.lanes, line.element)
        self.passes = LinePasses(line.length, line.factors, -1 if line.forward else 1, line.lanes)
        self.buffers = [self._planes() for _ in range(2)]
        self.modes, self.grid = self._ends(ends, 1.0 / line.points if factor is None else factor)

    def _planes(self) -> Planes:
        """Arrays for the numbers, one more and what a vector reads beyond; they start at other lines of the cache."""
        line, size = self.line, 64 // self.code.size
        starts = []
        for _ in range(2):
            starts.append(self.code.pointer("%scratch", self.used // self.code.size))
            count = -(-(line.length + 1 + line.lanes) // size) + 1
            self.used += 64 * (count + (count + 1) % 2)
        return Planes(self.code, *starts)

    def _ends(self, ends: tuple[str, str], factor: float) -> tuple[Modes, Grid]:
        line = self.line
        grid, modes = ends if line.forward else ends[::-1]
        half = line.real and line.points % 2 == 0
        kind = PackedModes if half else HalfModes if line.real else Modes
        values = (RealGrid if line.real and not half else Grid)(self.code, grid)
        return kind(self.code, modes, line.length, line.cutoff, factor), values

    def tables(self) -> list[str]:
        """The constants of the module."""
        more = self.modes.tables(self.line.element) if isinstance(self.modes, PackedModes) else []
        return [*self.passes.tables("turn", self.line.element), *more]

    def write(self) -> None:
        """The passes."""
        code, line = self.code, self.line
        if not line.forward:
            self.passes.emit(code, "turn", self.modes, self.grid, self.buffers)
        elif isinstance(self.modes, PackedModes):
            last = self.buffers[(len(line.factors) - 1) % 2]
            self.passes.emit(code, "turn", self.grid, last, self.buffers)
            self.modes.unpack(last)
        else:
            self.passes.emit(code, "turn", self.grid, self.modes, self.buffers)

    def text(self) -> str:
        """The whole module."""
        self.write()
        return "\n".join([*self.tables(), function("line", self.code), ""])


def function(name: str, code: Code) -> str:
    """A kernel with this body."""
    opening = "\n".join(f"  %{a} = inttoptr i64 %{a}_ to ptr" for a in ("source", "target", "scratch"))
    body = "\n".join(code.lines)
    return f"define void @{name}({ARGUMENTS}) {{\nentry:\n{opening}\n{body}\n  ret void\n}}"
