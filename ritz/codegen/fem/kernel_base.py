"""What the kernels of a region share: values of fields in quadrature points, and the loop over cells and points.

A kernel is ``void name(i64 lo, i64 hi, ptr tables, double t, ptr p, ptr ctx)``. It works on as many cells at once as a
vector has lanes; the last batch repeats its last cell and leaves it out when results are added up. ``tables`` are the
values of basis functions on the reference cell, which cells of one `Group` share; ``ctx`` holds addresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ritz.codegen.fem.element import Reference
from ritz.codegen.fem.kernel_code import UNROLLED, Key, Number
from ritz.codegen.fem.kernel_geometry import MappedCode
from ritz.codegen.fem.pattern import RowGroup
from ritz.codegen.fem.pullback import Part
from ritz.codegen.fem.region import Region
from ritz.codegen.fem.space import FemSpace, Probe
from ritz.codegen.vector_code import Index, Value
from ritz.codegen.vector_program import VectorPrinter
from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite.scheduled import Scheduled


class KernelWriter(MappedCode):
    """Writes one kernel; subclasses say what is done in a quadrature point and with the results.

    Args:
        space, region: where.
        g: the graph.
        program: straight-line code of a quadrature point.
        vectors: node of a vector of all unknowns -> its slot name.
        parameters: names in the order of the parameter vector.
        lanes: doubles in a vector.

    Attributes:
        row_groups: of cell matrices.
    """

    row_groups: Sequence[RowGroup] = ()

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
        super().__init__(region, lanes)
        self.space, self.g, self.program = space, g, program
        self.vectors, self.parameters = vectors, list(parameters)

    # ------------------------------------------------------------------ the function
    def write(self, name: str) -> str:
        """The text of the kernel."""
        self.weights = self._table("weights", lambda group: (self.region.weights * group.ratio)[None, :, None])
        self.leaves = {args[0] for op, args in zip(self.program.op, self.program.args, strict=True) if op == "leaf"}
        self._read_scalars()
        self.prepare()
        with self.code.loop("%lo", "%hi", self.lanes) as first:
            self._batch(first)
            self.read_corners()
            self._read_sizes()
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
        self.enter(q)
        if not self.region.is_affine:
            self._map(q)
        weight = self.table_value(self.weights, 0, q, 0)
        self.weight = self.times(weight, self.scale)
        self.at_point(q)

    # ------------------------------------------------------------------ inputs
    def _read_scalars(self) -> None:
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

    def _read_sizes(self) -> None:
        """Diameters of cells and facets."""
        self.sizes: dict[int, str] = {}
        for node in self.leaves:
            if self.g.op[node] == "input" and self.g.args[node][0].startswith(("h@", "h_facet@")):
                array = self.base(f"array {self.g.args[node][0]}")

                def read(cell: Index, array: str = array) -> str:
                    return self.code.pointer(array, cell)

                self.sizes[node] = self.gathered(read)

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
                def read(cell: Index) -> str:
                    return self.code.pointer(values, self.entry(numbers, width, cell, a))

                self.put(self.gathered(read), tile, a)

            self.each(width, one)

    def evaluate_probes(self, q: Index) -> dict[int, Value]:
        """Values of all leaves that are fields or derivatives."""
        wanted = self.read_probes()
        groups: dict[Key, dict[tuple[int, int], set[Part]]] = {}
        made: dict[int, list[tuple[Part, Number | Value]]] = {}
        for node, (probe, vector) in wanted.items():
            ref = self.space.nodes[probe.field].reference
            made[node] = self.factors(ref, probe.part, probe.side)
            rows = groups.setdefault((ref, probe.side), {}).setdefault((vector, probe.field), set())
            rows.update(row for row, _ in made[node])
        sums: dict[tuple[int, int, int, Part], Value] = {}
        for (ref, side), members in groups.items():
            self._sums(ref, side, members, q, sums)
        return {
            node: self.combine([(factor, sums[vector, probe.field, probe.side, row]) for row, factor in made[node]])
            for node, (probe, vector) in wanted.items()
        }

    def _sums(self, ref: Reference, side: int, members: Any, q: Index, sums: Any) -> None:
        """Sums of basis functions times unknowns, and of their reference derivatives."""
        key = ref, side
        rows = {member: sorted(wanted) for member, wanted in members.items()}
        needed = sorted({r for list_ in rows.values() for r in list_})
        if ref.dim <= UNROLLED:
            basis = {(r, a): self.basis_value(key, r, q, a) for r in needed for a in range(ref.dim)}
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
            basis = {(r, 0): self.basis_value(key, r, q, a) for r in needed}
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
            value = self.coordinate(s, int(what[1:]), (), q)
        else:
            value = self.normals[s]["xyz".index(what[-1])]
        return "zeroinitializer" if value is None else value
