"""What the kernels of a region share: tables, geometry, values of fields in quadrature points, in LLVM's language.

A kernel is ``void name(i64 lo, i64 hi, ptr tables, double t, ptr p, ptr ctx)``. It works on as many cells at once as a
vector has lanes; the last batch repeats its last cell and leaves it out when results are added up. ``tables`` are the
values of basis functions on the reference cell, which cells of one `Group` share; ``ctx`` holds addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ritz.codegen.fem.element import Reference
from ritz.codegen.fem.region import Region
from ritz.codegen.fem.space import FemSpace, Probe
from ritz.codegen.layout import Array
from ritz.codegen.vector_code import Code, Index, Value, literal
from ritz.codegen.vector_program import VectorPrinter
from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite.scheduled import Scheduled

UNROLLED = 12  # basis functions up to which loops over them are written out
Number = float | str  # a number known now, or the name of a vector
Key = tuple[Reference, int]  # an element seen from a side
Part = tuple[int, int]  # component, and 0 for the value or 1 + i for the derivative along coordinate i


@dataclass(frozen=True)
class Table:
    """Numbers on the reference cell, (rows, points, functions); ``fixed`` where they are known when code is printed."""

    offset: int
    data: Array
    known: bool


class KernelWriter:
    """Writes one kernel; subclasses say what is done in a quadrature point and with the results.

    Args:
        space, region: where.
        g: the graph.
        program: straight-line code of a quadrature point.
        vectors: node of a vector of all unknowns -> its slot name.
        parameters: names in the order of the parameter vector.
        lanes: doubles in a vector.

    Attributes:
        slots: names of the entries of the context.
    """

    def __init__(
        self,
        space: FemSpace,
        region: Region,
        g: Graph,
        program: Scheduled,
        vectors: dict[int, str],
        parameters: Sequence[str],
        lanes: int,
    ) -> None:
        self.space, self.region, self.g, self.program = space, region, g, program
        self.vectors, self.parameters = vectors, list(parameters)
        self.code = Code(lanes)
        self.lanes, self.dim = lanes, region.mesh.dim
        self.slots: list[str] = []
        self.head: list[str] = []
        self.tables: dict[Any, Table] = {}
        self.blocks: list[list[Array]] = [[] for _ in region.groups]  # data of the tables, per group
        self.length = 0
        self.declared: set[str] = set()
        self.blocks_of: list[tuple[int, int, int, int]] = []  # of cell matrices
        self._bases: dict[str, str] = {}
        self._allocated = 0

    # ------------------------------------------------------------------ the function
    def write(self, name: str) -> str:
        """The text of the kernel."""
        self.weights = self._table("weights", lambda group: (self.region.weights * group.ratio)[None, :, None])
        self.leaves = {args[0] for op, args in zip(self.program.op, self.program.args, strict=True) if op == "leaf"}
        self._scalars()
        self.prepare()
        with self.code.loop("%lo", "%hi", self.lanes) as first:
            self._batch(first)
            self._cell_values()
            self.begin()
            self._points()
            self.finish()
        arguments = "i64 %lo, i64 %hi, ptr noalias readonly %tables, double %t, ptr noalias readonly %p, "
        arguments += "ptr noalias readonly %ctx"
        lines = [f"define void @{name}({arguments}) nounwind {{", "entry:", *self.head, *self.code.lines]
        return "\n".join([*lines, "  ret void", "}", *sorted(self.declared)]) + "\n"

    def prepare(self) -> None:
        """Reserve memory and tables."""

    def begin(self) -> None:
        """Before the quadrature points of a batch."""

    def at_point(self, q: Index) -> None:
        """In one quadrature point."""

    def finish(self) -> None:
        """Add up the results of a batch."""

    def _points(self) -> None:
        n = len(self.region.weights)
        if n == 1:
            self._point(0)
            return
        with self.code.loop(0, n) as q:
            self._point(q)

    def _point(self, q: Index) -> None:
        if not self.region.is_affine:
            self._map(q)
        weight = self.table_value(self.weights, 0, q, 0)
        self.weight = self.times(weight, self.scale)
        self.at_point(q)

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

    def basis_table(self, key: Key) -> Table:
        """Values and derivatives of a basis on the reference cell, (rows, points, functions); see `Reference.rows`."""
        ref, side = key
        s = 0 if side > 0 else 1
        return self._table(key, lambda group: ref.rows(group.points[s]))

    def factors(self, ref: Reference, part: Part, side: int) -> list[tuple[int, Number | Value]]:
        """A value or derivative in space as a sum over rows of the table of a basis: (row, factor)."""
        s, (component, derivative), d = 0 if side > 0 else 1, part, self.dim
        slopes: list[tuple[int, Number | Value]] = [(0, 1.0)]
        if derivative:
            slopes = [(1 + m, self.inverse[s][m][derivative - 1]) for m in range(d)]
        if ref.map == "identity":
            return slopes
        if ref.map == "contravariant":
            over = self._divide(self._one(), self.det[s])
            turned = [self.code.mul(self.jacobian[s][component][j], over) for j in range(d)]
        else:
            turned = [self.inverse[s][j][component] for j in range(d)]
        return [(j * (1 + d) + row, self.times(factor, turned[j])) for j in range(d) for row, factor in slopes]

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

    # ------------------------------------------------------------------ geometry
    def _scalars(self) -> None:
        """Parameters and time, once per call."""
        self.fixed: dict[int, str] = {}
        for node in sorted(self.leaves):
            if self.g.op[node] != "input":
                continue
            name, kind = self.g.args[node]
            if kind == "time":
                self.fixed[node] = self.splat("%t")
            elif kind == "param":
                k = self.parameters.index(name)
                self.head += [
                    f"  %p{k}_at = getelementptr double, ptr %p, i64 {k}",
                    f"  %p{k} = load double, ptr %p{k}_at, align 8",
                ]
                self.fixed[node] = self.splat(f"%p{k}")
            elif kind == "seed":  # a direction in the parameters
                at = self.base(name)
                self.head.append(f"  %s{node} = load double, ptr {at}, align 8")
                self.fixed[node] = self.splat(f"%s{node}")

    def _cell_values(self) -> None:
        """Corners of the cells, and everything that follows from them alone."""
        width, gdim = self.region.coordinates.dim, self.region.mesh.points.shape[1]
        points = self.base("points")
        self.corners: list[list[list[str]]] = []
        for s in range(len(self.region.sides)):
            numbers = self.base(f"geometry {s}")
            corners = []
            for a in range(width):
                where = [self.entry(numbers, width, cell, a) for cell in self.cells]
                corners.append([self._coordinate(points, where, gdim, i) for i in range(gdim)])
            self.corners.append(corners)
        self.sizes: dict[int, str] = {}
        for node in self.leaves:
            if self.g.op[node] == "input" and self.g.args[node][0].startswith(("h@", "h_facet@")):
                array = self.base(f"array {self.g.args[node][0]}")
                self.sizes[node] = self.gathered(lambda cell, array=array: self.code.pointer(array, cell))  # type: ignore[misc]
        if self.region.factors is not None:
            factors = self.base("factors")
            self.factor = self.gathered(lambda cell: self.code.pointer(factors, cell))
        if self.region.is_affine:
            self._map(0)

    def _coordinate(self, points: str, where: list[str], gdim: int, i: int) -> str:
        result = "poison"
        for lane, node in enumerate(where):
            at = self.code.pointer(points, self.code.plus(self.code.times(node, gdim), i))
            one = self.code.let(f"load double, ptr {at}, align 8")
            result = self.code.let(f"insertelement {self.code.vector} {result}, double {one}, i32 {lane}")
        return result

    def _map(self, q: Index) -> None:
        """Jacobian, its inverse, the measure and the normals of each side."""
        self.jacobian: list[list[list[Value]]] = []
        self.inverse: list[list[list[Value]]] = []
        self.normals: list[list[Value]] = []
        self.det: list[str] = []
        for s, side in enumerate(self.region.sides):
            table = self.basis_table((self.region.coordinates, side))
            jac = [
                [
                    self.combine([(self.table_value(table, 1 + m, q, a), c[i]) for a, c in enumerate(self.corners[s])])
                    for m in range(self.dim)
                ]
                for i in range(self.dim)
            ]
            inverse, det = self._inverted(jac)
            self.jacobian.append(jac)
            self.inverse.append(inverse)
            self.det.append(det)
            if s == 0:
                self.scale = self._absolute(det)
            if self.region.over != "cells":
                self._normal(s, inverse)
        if self.region.factors is not None:
            self.scale = self.code.let(f"fmul contract {self.code.vector} {self.scale}, {self.factor}")

    def _inverted(self, j: list[list[Value]]) -> tuple[list[list[Value]], str]:
        """Inverse and determinant of a small matrix: ``inverse[m][i] = dX_m / dx_i``."""
        c, d = self.code, self.dim
        if d == 1:
            det = j[0][0]
            cofactors: list[list[Value]] = [[None]]
            assert det is not None
            return [[self._divide(self._one(), det)]], det
        if d == 2:
            cofactors = [[j[1][1], c.sub(None, j[0][1])], [c.sub(None, j[1][0]), j[0][0]]]
        else:
            cofactors = [
                [
                    c.sub(
                        c.mul(j[(i + 1) % 3][(m + 1) % 3], j[(i + 2) % 3][(m + 2) % 3]),
                        c.mul(j[(i + 1) % 3][(m + 2) % 3], j[(i + 2) % 3][(m + 1) % 3]),
                    )
                    for i in range(3)
                ]
                for m in range(3)
            ]
        det = self.combine([(j[i][0], cofactors[0][i]) for i in range(d)])
        assert det is not None
        over = self._divide(self._one(), det)
        return [[c.mul(x, over) for x in row] for row in cofactors], det

    def _one(self) -> str:
        return f"<{', '.join([f'double {literal(1.0)}'] * self.lanes)}>"

    def _normal(self, s: int, inverse: list[list[Value]]) -> None:
        table = self._table(f"normal {s}", lambda group: group.normals[s][:, None, None])
        reference = [self.table_value(table, m, 0, 0) for m in range(self.dim)]
        vector = [self.combine([(reference[m], inverse[m][i]) for m in range(self.dim)]) for i in range(self.dim)]
        square = self.combine([(x, x) for x in vector])
        symbol = f"llvm.sqrt.v{self.lanes}f64"
        v = self.code.vector
        self.declared.add(f"declare {v} @{symbol}({v}) nounwind willreturn readnone")
        length = self.code.let(f"call {v} @{symbol}({v} {square})")
        over = self._divide(self._one(), length)
        self.normals.append([self.code.mul(x, over) for x in vector])
        if s == 0:
            scaled = self.code.mul(self.scale, length)
            assert scaled is not None
            self.scale = scaled

    # ------------------------------------------------------------------ fields in a quadrature point
    def gather_fields(self) -> None:
        """Read the unknowns of all fields that the code needs."""
        self.fields: dict[tuple[int, int, int], str] = {}  # (vector, field, side) -> tile
        for probe, vector in self.read_probes().values():
            key = (vector, probe.field, probe.side)
            if key not in self.fields:
                self.fields[key] = self.tile(self.space.nodes[probe.field].reference.dim)

    def read_probes(self) -> dict[int, tuple[Probe, int]]:
        """Leaf -> (probe, node of the vector it is taken of)."""
        found = {}
        for node in sorted(self.leaves):
            if self.g.op[node] == "map":
                m, vector = self.g.args[node]
                found[node] = (self.space.probe_of(m), vector)
        return found

    def load_fields(self) -> None:
        """Fill the tiles of the unknowns of this batch."""
        for (vector, f, side), tile in self.fields.items():
            width = self.space.nodes[f].reference.dim
            numbers, values = self.base(f"dofs {f} {0 if side > 0 else 1}"), self.base(self.vectors[vector])

            def one(
                a: Index, numbers: str = numbers, values: str = values, width: int = width, tile: str = tile
            ) -> None:
                read = lambda cell: self.code.pointer(values, self.entry(numbers, width, cell, a))  # noqa: E731
                self.put(self.gathered(read), tile, a)

            self.each(width, one)

    def evaluate_probes(self, q: Index) -> dict[int, Value]:
        """Values of all leaves that are fields or derivatives."""
        wanted = self.read_probes()
        groups: dict[Key, dict[tuple[int, int], set[int]]] = {}
        made: dict[int, list[tuple[int, Number | Value]]] = {}
        for node, (probe, vector) in wanted.items():
            ref = self.space.nodes[probe.field].reference
            made[node] = self.factors(ref, (probe.component, probe.derivative), probe.side)
            rows = groups.setdefault((ref, probe.side), {}).setdefault((vector, probe.field), set())
            rows.update(row for row, _ in made[node])
        sums: dict[tuple[int, int, int, int], Value] = {}
        for (ref, side), members in groups.items():
            self._sums(ref, side, members, q, sums)
        return {
            node: self.combine([(factor, sums[vector, probe.field, probe.side, row]) for row, factor in made[node]])
            for node, (probe, vector) in wanted.items()
        }

    def _sums(self, ref: Reference, side: int, members: Any, q: Index, sums: Any) -> None:
        """Sums of basis functions times unknowns, and of their reference derivatives."""
        table = self.basis_table((ref, side))
        rows = {member: sorted(wanted) for member, wanted in members.items()}
        needed = sorted({r for list_ in rows.values() for r in list_})
        if ref.dim <= UNROLLED:
            basis = {(r, a): self.table_value(table, r, q, a) for r in needed for a in range(ref.dim)}
            for (vector, f), list_ in rows.items():
                tile = self.fields[vector, f, side]
                u = [self.get(tile, a) for a in range(ref.dim)]
                for r in list_:
                    sums[vector, f, side, r] = self.combine([(basis[r, a], u[a]) for a in range(ref.dim)])
            return
        places = {(m, r): k for k, (m, r) in enumerate((m, r) for m, list_ in rows.items() for r in list_)}
        tile = self.tile(len(places))
        self.clear(tile, len(places))
        with self.code.loop(0, ref.dim) as a:
            basis = {(r, 0): self.table_value(table, r, q, a) for r in needed}
            for member, list_ in rows.items():
                u_a = self.get(self.fields[(*member, side)], a)
                for r in list_:
                    k = places[member, r]
                    self.put(self.code.add(self.get(tile, k), self.times(basis[r, 0], u_a)), tile, k)
        for (member, r), k in places.items():
            sums[(*member, side, r)] = self.get(tile, k)

    def run_program(self, q: Index) -> list[Value]:
        """The code of a quadrature point."""
        probes = self.evaluate_probes(q)

        def leaf(node: int) -> str:
            if node in self.fixed:
                return self.fixed[node]
            if node in self.sizes:
                return self.sizes[node]
            if node in probes:
                value = probes[node]
                if self.g.args[node][0].kind == "integrate.T":
                    value = self.code.mul(value, self.weight)
                return "zeroinitializer" if value is None else value
            return self._geometric(self.g.args[node][0], q)

        printer = VectorPrinter(self.code, leaf)
        found = printer.run(self.program)
        self.declared |= printer.declared
        return found

    def _geometric(self, name: str, q: Index) -> str:
        what, _, side = name.split("@")
        s = 0 if side == "1" else 1
        if what.startswith("x"):
            table = self.basis_table((self.region.coordinates, int(side)))
            pairs = [(self.table_value(table, 0, q, a), c[int(what[1:])]) for a, c in enumerate(self.corners[s])]
            value = self.combine(pairs)
        else:
            value = self.normals[s]["xyz".index(what[-1])]
        return "zeroinitializer" if value is None else value

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
                target = self.code.pointer(values, place)
                source = self.code.pointer(tile, self.code.plus(self.code.times(k, self.lanes), lane))
                old = self.code.let(f"load double, ptr {target}, align 8")
                more = self.code.let(f"load double, ptr {source}, align 8")
                self.code.do(f"store double {self.code.let(f'fadd double {old}, {more}')}, ptr {target}, align 8")

            self.each(count, one)


def _clean(x: float) -> float:
    """A number of a table without the rounding errors of its making."""
    nearest = round(float(x) * 12) / 12
    return nearest if abs(float(x) - nearest) < 1e-14 else float(x)
