"""The three functions of a fused program in two or three dimensions, as one module in LLVM's language.

`enter` makes the modes of all fields on a block of columns and transforms them along axis 0; `cross` does all other
axes of a few rows (in three dimensions, of a plane), there and back, with the products between; `leave` transforms
columns along axis 0 and combines what comes out. Between them lie arrays with all points along axis 0 and the kept
modes along the others. Each is ``void (lo, hi, t, u, p, out, ctx, scratch)`` on the units ``lo <= i < hi``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from ritz.codegen.fused.chain import Chain
from ritz.codegen.fused.function import Function, Layout
from ritz.codegen.fused.leaves import GridLeaves, ModeLeaves
from ritz.codegen.transforms.box import BoxTransform, Writer, whole_lines
from ritz.codegen.transforms.passes import Buffer, Load, Store
from ritz.codegen.vector_code import Code, Index, Pair

Spectrum = Callable[[Index], tuple[str, int]]  # number of a field -> its modes, and doubles from row to row

FIELDS, PRODUCTS = "fused_fields", "fused_products"  # names of the arrays between the functions


@dataclass(frozen=True)
class FusedBox:
    """A fused program on a box.

    Attributes:
        chain: the program.
        box: its inverse transform.
        parameters: names in the order of the parameter vector.
    """

    chain: Chain
    box: BoxTransform
    parameters: tuple[str, ...]

    @cached_property
    def layout(self) -> Layout:
        """Entries of the context, and arrays to be laid out anew; complete once `text` is written."""
        return Layout(self.parameters)

    @property
    def blocks(self) -> int:
        """Units of `enter` and `leave`: blocks of columns."""
        return -(-self.box.columns // self.box.lanes)

    @property
    def rows(self) -> int:
        """Rows of a plane, over which lanes run."""
        return self.box.points[-2]

    @property
    def groups(self) -> int:
        """Groups of rows in a plane."""
        return -(-self.rows // self.box.group)

    @property
    def crossings(self) -> int:
        """Units of `cross`: groups of rows, or planes."""
        return self.groups if len(self.box.points) == 2 else self.box.points[0]

    @property
    def in_place(self) -> bool:
        """Whether products may take the place of fields: no row is done twice."""
        return self.rows % self.box.group == 0

    @property
    def between(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the arrays between the functions, complex numbers."""
        shape = self.box.points[0], self.box.pitch
        if self.in_place:
            return {FIELDS: (self.chain.most, *shape)}
        return {FIELDS: (self.chain.fields, *shape), PRODUCTS: (self.chain.products, *shape)}

    @property
    def products_array(self) -> str:
        """The array that `cross` writes and `leave` reads."""
        return FIELDS if self.in_place else PRODUCTS

    @property
    def modes(self) -> int:
        """Kept modes along axis 0."""
        return 2 * self.box.cutoff[0] + 1

    @property
    def column_size(self) -> int:
        """Doubles of a field on a block of columns."""
        return 2 * self.box.lanes * self.modes

    @property
    def row_size(self) -> int:
        """Doubles of a field on a group of rows."""
        return 2 * self.box.lanes * self.box.line(len(self.box.points) - 1).places

    @property
    def plane_size(self) -> int:
        """Doubles of the modes of a field on a plane, in three dimensions."""
        return 2 * self.box.points[1] * whole_lines(self.box.width) if len(self.box.points) == 3 else 0

    @property
    def planes(self) -> int:
        """Planes of modes that `cross` keeps."""
        return self.chain.most if self.in_place else self.chain.fields + self.chain.products

    @property
    def scratch(self) -> int:
        """Bytes of scratch memory for one thread."""
        columns = self.chain.most * self.column_size
        rows = self.chain.most * self.row_size + self.planes * self.plane_size
        return 8 * (2 * self.box.buffer + max(columns, rows))

    def text(self) -> str:
        """The module."""
        parts = [f"; one round, {self.chain.fields} fields and {self.chain.products} products on {self.box.points}"]
        forward = replace(self.box, forward=True)
        for axis in range(len(self.box.points)):
            parts += self.box.line(axis).tables(f"there{axis}_") + forward.line(axis).tables(f"back{axis}_")
        declared: set[str] = {"declare void @llvm.prefetch.p0(ptr, i32, i32, i32)"}
        for name in ("enter", "cross", "leave"):
            writer = _Writer(self)
            getattr(writer, name)()
            parts.append(writer.function.text(name))
            declared |= writer.function.declared
        return "\n".join([*parts, *sorted(declared), ""])


class _Writer:
    """Writes one of the functions."""

    def __init__(self, fused: FusedBox) -> None:
        self.fused, self.chain, self.box = fused, fused.chain, fused.box
        self.function = Function(fused.chain.program, fused.layout, fused.box.lanes)
        self.code: Code = self.function.code
        self.there = Writer(fused.box, self.code, "there")
        self.back = Writer(replace(fused.box, forward=True), self.code, "back")
        self.free = self.code.pointer("%scratch", 2 * fused.box.buffer)

    # ------------------------------------------------------------------ columns
    def enter(self) -> None:
        """Modes of the fields, transformed along axis 0."""
        fused, code = self.fused, self.code
        with code.loop("%lo", "%hi") as block:
            column = self._column(block)
            with code.loop(0, fused.modes) as row:
                leaves = ModeLeaves(self.function, self._no_result, row, column, self.box.columns)
                values = self.function.run(self.chain.before.code, leaves.get)
                for k in range(self.chain.fields):
                    self._block(k).store(code)((values[2 * k], values[2 * k + 1]), row, 0, 0)
            with code.loop(0, self.chain.fields) as f:
                target = self._between(f, column, FIELDS)
                self.there.emit(0, self._block_source(f), self.there.column_target(0, target, self.box.pitch))

    def leave(self) -> None:
        """Products transformed along axis 0, and the results."""
        fused, code = self.fused, self.code
        with code.loop("%lo", "%hi") as block:
            column = self._column(block)
            with code.loop(0, self.chain.products) as f:
                source = self._between(f, column, fused.products_array)
                self.back.emit(0, self.back.column_source(0, source, self.box.pitch), self._block_target(f))
            with code.loop(0, fused.modes) as row:
                self._combine(row, column)

    def _combine(self, row: Index, column: Index) -> None:
        code, chain = self.code, self.chain

        def result(node: int) -> Pair:
            _, position = chain.program.map_results[node]
            return self._block(position).load(code)(row, 0, 0)

        leaves = ModeLeaves(self.function, result, row, column, self.box.columns)
        values = self.function.run(chain.after.code, leaves.get)
        for k, target in enumerate(chain.after.targets):
            base = self.function.result(target.array[4:])
            code.join((values[2 * k], values[2 * k + 1]), base, code.times(leaves.place, 2))

    def _column(self, block: Index) -> Index:
        """The first column of a block; the last block overlaps the one before."""
        code, box = self.code, self.box
        return code.smaller(code.times(block, box.lanes), box.columns - box.lanes)

    def _block(self, f: Index) -> Buffer:
        """The modes of a field on a block of columns."""
        return Buffer(self.code.pointer(self.free, self.code.times(f, self.fused.column_size)), 0)

    def _block_source(self, f: Index) -> Load:
        """Reads them as the first pass asks for them."""
        load = self._block(f).load(self.code)
        return lambda index, offset, first: load(index, offset - self.there.unstored(0, first), 0)

    def _block_target(self, f: Index) -> Store:
        """Writes them as the last pass has them."""
        store = self._block(f).store(self.code)
        return lambda value, index, offset, first: store(value, index, offset - self.back.unstored(0, first), 0)

    def _between(self, f: Index, column: Index, name: str) -> str:
        """Where a field lies between the functions, from a column on."""
        code, size = self.code, 2 * self.box.points[0] * self.box.pitch
        return code.pointer(self.function.array(name), code.plus(code.times(f, size), code.times(column, 2)))

    @staticmethod
    def _no_result(node: int) -> Pair:
        raise AssertionError(f"node {node} is a transform before the first one")

    # ------------------------------------------------------------------ rows
    def cross(self) -> None:
        """Fields to the grid, products back: groups of rows, or planes."""
        code, pitch = self.code, self.box.pitch
        if len(self.box.points) == 2:
            with code.loop("%lo", "%hi") as group:
                row = self._row(group)
                at = code.times(row, 2 * pitch)
                self._group(
                    lambda f: (code.pointer(self._between(f, 0, FIELDS), at), 2 * pitch),
                    lambda f: (code.pointer(self._between(f, 0, self.fused.products_array), at), 2 * pitch),
                    [row],
                )
            return
        with code.loop("%lo", "%hi") as plane:
            self._plane(plane)

    def _row(self, group: Index) -> Index:
        code, size = self.code, self.box.group
        return code.smaller(code.times(group, size), self.fused.rows - size)

    def _plane(self, plane: Index) -> None:
        """One plane: columns along axis 1, rows there and back, columns again."""
        code, box, width = self.code, self.box, whole_lines(self.box.width)
        at = code.times(plane, 2 * box.pitch)
        with code.loop(0, self.chain.fields) as f:
            modes = code.pointer(self._between(f, 0, FIELDS), at)
            self._columns(self.there, (modes, box.width), (self._kept(f), width))
        with code.loop(0, self.fused.groups) as group:
            row = self._row(group)
            start = code.times(row, 2 * width)
            self._group(
                lambda f: (code.pointer(self._kept(f), start), 2 * width),
                lambda f: (code.pointer(self._kept(f, products=True), start), 2 * width),
                [plane, row],
            )
        with code.loop(0, self.chain.products) as f:
            modes = code.pointer(self._between(f, 0, self.fused.products_array), at)
            self._columns(self.back, (self._kept(f, products=True), width), (modes, box.width))

    def _columns(self, writer: Writer, source: tuple[str, int], target: tuple[str, int]) -> None:
        code, box = self.code, self.box
        with code.loop(0, -(-box.width // box.lanes)) as block:
            at = code.times(code.smaller(code.times(block, box.lanes), box.width - box.lanes), 2)
            writer.column(1, source, target, at)

    def _kept(self, f: Index, *, products: bool = False) -> str:
        """The modes of a field on a plane, in scratch memory."""
        code, fused = self.code, self.fused
        start = self.chain.most * fused.row_size
        if products and not fused.in_place:
            start += self.chain.fields * fused.plane_size
        return code.pointer(self.free, code.plus(code.times(f, fused.plane_size), start))

    def _group(self, fields: Spectrum, products: Spectrum, place: list[Index]) -> None:
        """A group of rows: fields to the grid, the products there, and their modes."""
        code, last = self.code, len(self.box.points) - 1
        line = self.box.line(last)
        pair = self.there.buffers(line)
        with code.loop(0, self.chain.fields) as f:
            self.there.modes_in(fields(f), pair[1], line)
            self.there.emit(last, pair[1].load(code), self._grid(f).store(code))
        with code.loop(0, line.n) as x:
            self._multiply(x, place)
        line = self.back.box.line(last)
        end = pair[(len(line.factors) - 1) % 2]
        with code.loop(0, self.chain.products) as f:
            self.back.emit(last, self._grid(f).load(code), end.store(code))
            self.back.modes_out(end, products(f), line)

    def _grid(self, f: Index) -> Buffer:
        """The grid values of a field in a group of rows."""
        code, fused = self.code, self.fused
        block = self.box.line(len(self.box.points) - 1).block
        return Buffer(code.pointer(self.free, code.times(f, fused.row_size)), block)

    def _multiply(self, x: Index, place: list[Index]) -> None:
        """The products at one point of all rows of a group; they take the place of the fields."""
        code, chain, box = self.code, self.chain, self.box
        values = {f: self._grid(f).load(code)(x, 0, 0) for f in range(chain.fields)}

        def products(rows: int) -> list[str | None]:
            def result(node: int) -> Pair:
                pair = values[chain.program.map_results[node][1]]
                return (pair[rows], None) if box.real else pair

            index = [*place[:-1], code.plus(place[-1], rows * box.lanes), x]
            return self.function.run(chain.middle.code, GridLeaves(self.function, result, index, box.points).get)

        found = [products(rows) for rows in range(2 if box.real else 1)]
        for k in range(chain.products):
            pair = (found[0][k], found[1][k]) if box.real else (found[0][2 * k], found[0][2 * k + 1])
            self._grid(k).store(code)(pair, x, 0, 0)
