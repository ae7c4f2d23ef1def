"""Writing kernels over cells in LLVM's language: memory, tables on the reference cell, reading and adding by lanes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ritz.codegen.fem.element import Reference
from ritz.codegen.fem.pullback import Part
from ritz.codegen.fem.region import Region
from ritz.codegen.layout import Array
from ritz.codegen.vector_code import Code, Index, Value

UNROLLED = 12  # basis functions up to which loops over them are written out
Number = float | str  # a number known now, or the name of a vector
Key = tuple[Reference, int]  # an element seen from a side


@dataclass(frozen=True)
class Table:
    """Numbers on the reference cell, (rows, points, functions); `known` where they are known when code is printed."""

    offset: int
    data: Array
    known: bool


class CellCode:
    """The body of a kernel under construction.

    Args:
        region: where.
        lanes: doubles in a vector.

    Attributes:
        slots: names of the entries of the context.
        head: what is done once per call.
        blocks: data of the tables, per group of the region.
        declared: declarations that the module needs.
    """

    def __init__(self, region: Region, lanes: int) -> None:
        self.region, self.lanes = region, lanes
        self.code = Code(lanes)
        self.slots: list[str] = []
        self.head: list[str] = []
        self.tables: dict[Any, Table] = {}
        self.blocks: list[list[Array]] = [[] for _ in region.groups]
        self.length = 0
        self.declared: set[str] = set()
        self._bases: dict[str, str] = {}
        self._allocated = 0

    # ------------------------------------------------------------------ context and memory
    def base(self, slot: str) -> str:
        """The pointer in a slot of the context."""
        if slot not in self._bases:
            entry = len(self.slots)
            self.slots.append(slot)
            self.head += [
                f"  %c{entry}_at = getelementptr i64, ptr %ctx, i64 {entry}",
                f"  %c{entry}_in = load i64, ptr %c{entry}_at, align 8",
                f"  %c{entry} = inttoptr i64 %c{entry}_in to ptr",
            ]
            self._bases[slot] = f"%c{entry}"
        return self._bases[slot]

    def tile(self, size: int) -> str:
        """Memory for some vectors on the stack."""
        self._allocated += 1
        name = f"%tile{self._allocated}"
        self.head.append(f"  {name} = alloca double, i64 {max(size, 1) * self.lanes}, align 64")
        return name

    def get(self, tile: str, k: Index) -> str:
        """A vector of a tile."""
        return self.code.load(tile, self.code.times(k, self.lanes))

    def put(self, value: Value, tile: str, k: Index) -> None:
        """Write a vector of a tile."""
        self.code.store(value, tile, self.code.times(k, self.lanes))

    def clear(self, tile: str, size: int) -> None:
        """Zeros in a tile."""
        self.each(size, lambda k: self.put(None, tile, k))

    def each(self, n: int, body: Callable[[Index], None], most: int = 4 * UNROLLED) -> None:
        """Do something for every index, written out where there are few."""
        if n <= most:
            for k in range(n):
                body(k)
        else:
            with self.code.loop(0, n) as index:
                body(index)

    # ------------------------------------------------------------------ arithmetic with known numbers
    def times(self, a: Number | Value, b: Value) -> Value:
        """A number or vector times a vector."""
        if isinstance(a, float):
            return self.code.scale(a, b) if a else None
        return self.code.mul(a, b)

    def combine(self, pairs: Sequence[tuple[Number | Value, Value]]) -> Value:
        """A sum of products."""
        total: Value = None
        for a, b in pairs:
            total = self.code.add(total, self.times(a, b))
        return total

    def splat(self, scalar: str) -> str:
        """A double in all lanes, from its SSA name; written at the head of the function."""
        k = len(self.head)
        v = self.code.vector
        self.head += [
            f"  %i_{k} = insertelement {v} poison, double {scalar}, i32 0",
            f"  %b{k} = shufflevector {v} %i_{k}, {v} poison, <{self.lanes} x i32> zeroinitializer",
        ]
        return f"%b{k}"

    def _absolute(self, value: str) -> str:
        v = self.code.vector
        symbol = f"llvm.fabs.v{self.lanes}f64"
        self.declared.add(f"declare {v} @{symbol}({v}) nounwind willreturn readnone")
        return self.code.let(f"call {v} @{symbol}({v} {value})")

    def _divide(self, a: str, b: str) -> str:
        return self.code.let(f"fdiv contract {self.code.vector} {a}, {b}")

    # ------------------------------------------------------------------ tables
    def _table(self, key: Any, data: Callable[[Any], Array]) -> Table:
        """A table with its data for every group."""
        if key not in self.tables:
            made = [np.ascontiguousarray(data(group), dtype=float) for group in self.region.groups]
            for block, part in zip(self.blocks, made, strict=True):
                block.append(part.ravel())
            known = all(np.array_equal(part, made[0]) for part in made)
            self.tables[key] = Table(self.length, made[0], known)
            self.length += made[0].size
        return self.tables[key]

    def basis_value(self, key: Key, part: Part, q: Index, k: Index) -> Number:
        """Basis function k on the reference cell, or a derivative of it, in a point."""
        ref, side = key
        s, order = 0 if side > 0 else 1, len(part[1])
        table = self._table((key, order), lambda group: ref.rows(group.points[s], ref.parts(order)))
        return self.table_value(table, ref.parts(order).index(part), q, k)

    def table_value(self, table: Table, row: int, q: Index, k: Index) -> Number:
        """An entry: a number where it is known, else a vector that is read."""
        if table.known and isinstance(k, int):
            column = table.data[row, :, k]
            if isinstance(q, int):
                return _clean(column[q])
            if np.ptp(column) <= 1e-14 * max(1.0, float(np.abs(column).max())):
                return _clean(column[0])
        _, points, functions = table.data.shape
        place = self.code.plus(self.code.times(q, functions), k)
        return self.code.broadcast("%tables", self.code.plus(place, table.offset + row * points * functions))

    # ------------------------------------------------------------------ cells
    def _batch(self, start: str) -> None:
        """The cell of every lane."""
        self.start = start
        last = self.code.let("sub nsw i64 %hi, 1")
        self.cells = [self.code.smaller(self.code.plus(start, k), last) for k in range(self.lanes)]
        left = self.code.let(f"sub nsw i64 %hi, {start}")
        self.active = self.code.smaller(left, self.lanes)

    def entry(self, array: str, width: int, cell: Index, k: Index) -> str:
        """An int32 of a table with one row per cell, as an index."""
        place = self.code.plus(self.code.times(cell, width), k)
        at = self.code.let(f"getelementptr i32, ptr {array}, i64 {place}")
        return self.code.let(f"sext i32 {self.code.let(f'load i32, ptr {at}, align 4')} to i64")

    def gathered(self, read: Callable[[Index], str]) -> str:
        """A vector of one double per lane."""
        result = "poison"
        for lane, cell in enumerate(self.cells):
            one = self.code.let(f"load double, ptr {read(cell)}, align 8")
            result = self.code.let(f"insertelement {self.code.vector} {result}, double {one}, i32 {lane}")
        return result

    # ------------------------------------------------------------------ adding up
    def scatter(self, positions: str, width: int, tile: str, count: int, out: str, offset: int = 0) -> None:
        """Add entries of a tile to places that a table names, cell by cell.

        Args:
            positions: slot of the int32 table.
            width: entries of the table per cell.
            tile: the values.
            count: how many of them.
            out: slot of the result.
            offset: where the entries start in a row of the table.
        """
        numbers, values = self.base(positions), self.base(out)
        with self.code.loop(0, self.active) as lane:
            cell = self.code.plus(self.start, lane)
            row = self.code.plus(self.code.times(cell, width), offset)

            def one(k: Index) -> None:
                at = self.code.let(f"getelementptr i32, ptr {numbers}, i64 {self.code.plus(row, k)}")
                place = self.code.let(f"sext i32 {self.code.let(f'load i32, ptr {at}, align 4')} to i64")
                source = self.code.pointer(tile, self.code.plus(self.code.times(k, self.lanes), lane))
                self.add_to(self.code.pointer(values, place), source)

            self.each(count, one)

    def add_to(self, target: str, source: str) -> None:
        """Add the number at an address to that at another."""
        old = self.code.let(f"load double, ptr {target}, align 8")
        more = self.code.let(f"load double, ptr {source}, align 8")
        self.code.do(f"store double {self.code.let(f'fadd double {old}, {more}')}, ptr {target}, align 8")


def _clean(x: float) -> float:
    """A number of a table without the rounding errors of its making."""
    nearest = round(float(x) * 12) / 12
    return nearest if abs(float(x) - nearest) < 1e-14 else float(x)
