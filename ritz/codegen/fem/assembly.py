"""Programs of a finite-element system: vectors put together, kernels over regions, rows of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ritz.codegen import native
from ritz.codegen.fem.driver import ADD, CLEAR, FIXED, KERNEL, OUT, PLACE, STATE, Step, bits, locate, runner
from ritz.codegen.fem.kernel_base import KernelWriter
from ritz.codegen.fem.kernels import MatrixKernel, VectorKernel, matrix_entries
from ritz.codegen.fem.pattern import Pattern, pattern_of
from ritz.codegen.fem.space import FemSpace, Probe
from ritz.codegen.layout import Array
from ritz.codegen.program import Scheduler
from ritz.codegen.vector_code import Code
from ritz.codegen.vector_program import VectorPrinter
from ritz.errors import RitzError
from ritz.symbolic.graph import Graph, Number

Term = tuple[Number, int]


@dataclass(frozen=True)
class Kernel:
    """A printed kernel.

    Attributes:
        name: of the function.
        region: number of the region.
        text: module in LLVM's language.
        slots: entries of its context.
        tables: per group, float64 data.
        writer: what has printed it.
    """

    name: str
    region: int
    text: str
    slots: list[str]
    tables: list[Array]
    writer: KernelWriter

    @cached_property
    def address(self) -> int:
        """The compiled function."""
        return native.load(self.text, level=2).address(self.name)


@dataclass
class Build:
    """What is being put together for one kind of program."""

    g: Graph
    space: FemSpace
    parameters: Sequence[str]
    schedule: Scheduler
    blocks: Sequence[str]  # names of the state's blocks
    offsets: Mapping[str, int]  # of blocks in the state
    lanes: int
    vectors: dict[int, str] = field(default_factory=dict)

    def terms(self, node: int) -> list[Term]:
        """A node as a sum of multiples of maps and inputs."""
        g = self.g
        if g.op[node] == "add":
            return [(k * c, rest) for n, k in g.args[node][1] for c, rest in [g.split_coefficient(n)]]
        if node == g.zero:
            return []
        return [g.split_coefficient(node)]

    def vector(self, node: int) -> str:
        """Slot of a vector over all unknowns that kernels read."""
        if node not in self.vectors:
            self.vectors[node] = f"vector {len(self.vectors)}"
        return self.vectors[node]

    def region_outputs(
        self, whole: int, scale: Mapping[int, Number] | None
    ) -> dict[int, list[tuple[Probe, bool, int]]]:
        """Integrals below a vector, by region: probe, whether it is weighted, node of the values.

        Args:
            whole: sum of maps from quadrature points to all unknowns.
            scale: field -> factor; fields that are missing are left out. None: everything as it is.
        """
        found: dict[int, list[tuple[Probe, bool, int]]] = {}
        for c, node in self.terms(whole):
            m, below = self.g.args[node]
            probe = self.space.probe_of(m)
            factor = c if scale is None else c * scale.get(probe.field, 0)
            if factor:
                found.setdefault(probe.region, []).append((probe, m.kind == "integrate", self.g.scale(factor, below)))
        return found

    def arguments(self, region: int, nodes: Sequence[int]) -> tuple[Any, ...]:
        """What every kernel writer takes."""
        program = self.schedule(self.g, list(nodes))
        for op, args in zip(program.op, program.args, strict=True):
            if op == "leaf" and self.g.op[args[0]] == "map":
                self.vector(self.g.args[args[0]][1])
        return (
            self.space, self.space.regions[region], self.g, program, self.vectors, self.parameters, self.lanes
        )  # fmt: skip

    def kernel(self, writer: KernelWriter, region: int) -> Kernel:
        """Print a kernel."""
        text = writer.write("kernel")
        tables = [np.concatenate([part for part in block] or [np.zeros(1)]) for block in writer.blocks]
        return Kernel("kernel", region, text, writer.slots, tables, writer)


class FemProgram:
    """The code of one kind of result: a vector with the blocks of the state, or the values of a matrix.

    Attributes:
        kernels: one per region.
        pattern: of the matrix; None for vectors.
    """

    def __init__(self, build: Build, rows: Mapping[str, int], wrt: int | None = None) -> None:
        """Print a program.

        Args:
            build: graph, space and settings.
            rows: block -> node of its row.
            wrt: node of the vector of unknowns to differentiate by, for matrices; None for vectors.
        """
        self.build, self.rows = build, dict(rows)
        g = build.g
        self.sums: dict[int, dict[int, Number]] = {}  # vector of integrals -> field -> factor
        self.plain: list[tuple[str, Number, int]] = []  # block, factor, input
        for name, node in rows.items():
            for c, part in build.terms(node):
                if g.op[part] == "map":
                    m, below = g.args[part]
                    self.sums.setdefault(below, {})[int(m.name.removesuffix(".T").split()[1])] = c
                else:
                    self.plain.append((name, c, part))
        self.kernels: list[Kernel] = []
        self.pattern: Pattern | None = None
        if wrt is None:
            self._vector_kernels()
        else:
            self._matrix_kernels(wrt)
        self._places()

    def _vector_kernels(self) -> None:
        self.results = list(self.sums)
        for k, whole in enumerate(self.results):
            for region, outputs in self.build.region_outputs(whole, None).items():
                arguments = self.build.arguments(region, [node for _, _, node in outputs])
                writer = VectorKernel(*arguments, outputs=[(p, w) for p, w, _ in outputs])
                kernel = self.build.kernel(writer, region)
                kernel.slots[:] = [f"result {k}" if s == "out" else s for s in kernel.slots]
                self.kernels.append(kernel)

    def _matrix_kernels(self, wrt: int) -> None:
        g, space = self.build.g, self.build.space
        self.results = []
        outputs: dict[int, list[tuple[Probe, int]]] = {}
        for whole, scale in self.sums.items():
            for region, found in self.build.region_outputs(whole, scale).items():
                outputs.setdefault(region, []).extend((p, node) for p, _, node in found)
        for region, listed in outputs.items():
            pairs, nodes = matrix_entries(space, g, listed, wrt)
            if pairs:
                writer = MatrixKernel(*self.build.arguments(region, nodes), entries=pairs)
                self.kernels.append(self.build.kernel(writer, region))
        identities = [
            (self.build.offsets[name], self.build.offsets[g.args[part][0].removeprefix("seed ")], float(c), self._length(name))
            for name, c, part in self.plain
        ]  # fmt: skip
        self.pattern = pattern_of(space, [(k.region, k.writer.blocks_of) for k in self.kernels], identities)  # type: ignore[attr-defined]

    def _length(self, name: str) -> int:
        f = self.build.blocks.index(name)
        return len(self.build.space.numbering.free[f])

    # ------------------------------------------------------------------ vectors of all unknowns
    def _places(self) -> None:
        """How every vector that kernels read is put together."""
        self.inputs: list[tuple[str, Number, str, int]] = []  # slot, factor, input, field
        self.given: list[tuple[str, int, Kernel]] = []  # slot, set of prescribed unknowns, code
        for node, slot in self.build.vectors.items():
            for c, part in self.build.terms(node):
                m, below = self.build.g.args[part]
                number = int(m.name.split()[1])
                if m.kind == "extend":
                    for k, leaf in self.build.terms(below):
                        self.inputs.append((slot, c * k, self.build.g.args[leaf][0], number))
                else:
                    self.given.append((slot, number, self._given_kernel(number, self.build.g.scale(c, below))))

    def _given_kernel(self, number: int, node: int) -> Kernel:
        """Code that computes the values of one set of prescribed unknowns."""
        build = self.build
        writer = _PointWriter(build, build.schedule(build.g, [node]))
        text = writer.write("place")
        return Kernel("place", number, text, writer.slots, [], None)  # type: ignore[arg-type]

    @property
    def source(self) -> str:
        """What is computed in every region, as text."""
        parts = []
        for kernel in self.kernels:
            region = self.build.space.regions[kernel.region]
            names = {n: self._leaf_name(n) for n in kernel.writer.leaves}
            where = region.over if region.label is None else f"{region.over} {region.label!r}"
            head = f"{where}: {region.size} x {len(region.weights)} points, quadrature of degree {region.degree}"
            parts.append(f"# {head}\n{kernel.writer.program.text(names)}")
        return "\n\n".join(parts)

    def _leaf_name(self, node: int) -> str:
        g = self.build.g
        if g.op[node] == "input":
            return str(g.args[node][0]).split("@")[0]
        probe = self.build.space.probe_of(g.args[node][0])
        name = self.build.space.names[probe.field]
        sign = "" if len(self.build.space.regions[probe.region].sides) == 1 else ("+" if probe.side > 0 else "-")
        return f"{name}{sign}" if not probe.derivative else f"d{probe.derivative - 1}_{name}{sign}"


class _PointWriter:
    """Writes the loop over a set of prescribed unknowns: ``void place(lo, hi, tables, t, p, ctx)``."""

    def __init__(self, build: Build, program: Any) -> None:
        self.build, self.program, self.slots = build, program, ["target"]

    def write(self, name: str) -> str:
        g, code, head = self.build.g, Code(1), []
        parameters = list(self.build.parameters)

        def base(slot: str) -> str:
            if slot not in self.slots:
                self.slots.append(slot)
            return f"%c{self.slots.index(slot)}"

        with code.loop("%lo", "%hi") as i:

            def leaf(node: int) -> str:
                what, kind = g.args[node]
                if kind == "time":
                    return code.let("insertelement <1 x double> poison, double %t, i32 0")
                if kind == "param":
                    return code.broadcast("%p", parameters.index(what))
                return code.broadcast(base(f"array {what}"), i)

            printer = VectorPrinter(code, leaf)
            (value,) = printer.run(self.program)
            code.store(value, "%c0", i)
        for k in range(len(self.slots)):
            head += [
                f"  %c{k}_at = getelementptr i64, ptr %ctx, i64 {k}",
                f"  %c{k}_in = load i64, ptr %c{k}_at, align 8",
                f"  %c{k} = inttoptr i64 %c{k}_in to ptr",
            ]
        lines = [f"define void @{name}(i64 %lo, i64 %hi, ptr %tables, double %t, ptr %p, ptr %ctx) nounwind {{"]
        return "\n".join([*lines, "entry:", *head, *code.lines, "  ret void", "}", *sorted(printer.declared)]) + "\n"


class FemInstance:
    """A program with its memory: not to be used by two threads at once.

    Attributes:
        address: function ``f(t, u, p, out, ctx)`` in the convention of `ritz.codegen.abi`.
        context: what to pass as its last argument.
        values: of the matrix, one more than its entries.
    """

    def __init__(self, program: FemProgram, seeds: Mapping[str, slice]) -> None:
        self.program, self.seeds = program, dict(seeds)
        self.space, build = program.build.space, program.build
        n = self.space.numbering.size
        self.memory: dict[str, Array] = {slot: np.zeros(n) for slot in build.vectors.values()}
        self.memory |= {f"result {k}": np.zeros(n) for k in range(len(program.results))}
        self.seed = np.zeros(max((s.stop for s in seeds.values()), default=0))
        self.keep: list[Any] = []
        self.steps: list[Step] = []
        self._prepare()
        self._run_kernels()
        self._rows()
        rows = np.array([s.row() for s in self.steps], dtype=np.int64).reshape(-1, 8)
        self._list = np.ascontiguousarray(rows)
        self._head = np.array([len(rows), self._list.ctypes.data], dtype=np.int64)
        self.address, self.context = runner(), self._head.ctypes.data

    # ------------------------------------------------------------------ steps
    def _prepare(self) -> None:
        n = self.space.numbering.size
        build = self.program.build
        for slot in [*build.vectors.values(), *(f"result {k}" for k in range(len(self.program.results)))]:
            self.steps.append(Step((CLEAR, FIXED, self.memory[slot].ctypes.data, n)))
        for slot, factor, name, f in self.program.inputs:
            start, stop = self.space.numbering.offsets[f : f + 2]
            source = self._source(name)
            target = self.memory[slot].ctypes.data + 8 * int(start)
            self.steps.append(Step((ADD, *source, FIXED, target, int(stop - start), bits(float(factor)))))
        for slot, number, kernel in self.program.given:
            given = self.space.numbering.prescribed[number]
            context = [self.memory[slot].ctypes.data + 8 * given.start]
            context += [self._address(s) for s in kernel.slots[1:]]
            self.steps.append(Step((PLACE, kernel.address, len(given.nodes), self._pointer(context))))

    def _source(self, name: str) -> tuple[int, int]:
        if name.startswith("seed "):
            part = self.seeds[name.removeprefix("seed ")]
            return FIXED, self.seed.ctypes.data + 8 * part.start
        return STATE, 8 * self.program.build.offsets[name]

    def _run_kernels(self) -> None:
        if self.program.pattern is not None:
            self.values = np.zeros(self.program.pattern.nnz + 1)
            self.steps.append(Step((CLEAR, FIXED, self.values.ctypes.data, len(self.values))))
        for kernel in self.program.kernels:
            context = self._pointer([self._address(s, kernel) for s in kernel.slots])
            region = self.space.regions[kernel.region]
            for group, table in zip(region.groups, kernel.tables, strict=True):
                self.keep.append(table)
                self.steps.append(Step((KERNEL, kernel.address, group.start, group.stop, table.ctypes.data, context)))

    def _rows(self) -> None:
        build = self.program.build
        if self.program.pattern is not None:
            self.steps.append(Step((CLEAR, OUT, 0, self.program.pattern.nnz)))
            self.steps.append(Step((ADD, FIXED, self.values.ctypes.data, OUT, 0, self.program.pattern.nnz, bits(1.0))))
            return
        size = int(self.space.numbering.offsets[-1])
        self.steps.append(Step((CLEAR, OUT, 0, size)))
        for k, whole in enumerate(self.program.results):
            for f, factor in self.program.sums[whole].items():
                start, stop = (int(x) for x in self.space.numbering.offsets[f : f + 2])
                at = self.memory[f"result {k}"].ctypes.data + 8 * start
                self.steps.append(Step((ADD, FIXED, at, OUT, 8 * start, stop - start, bits(float(factor)))))
        for name, factor, node in self.program.plain:
            source = self._source(build.g.args[node][0])
            length = self.program._length(name)
            self.steps.append(Step((ADD, *source, OUT, 8 * build.offsets[name], length, bits(float(factor)))))

    # ------------------------------------------------------------------ memory
    def _pointer(self, addresses: list[int]) -> int:
        array = np.array(addresses, dtype=np.int64)
        self.keep.append(array)
        return int(array.ctypes.data)

    def _held(self, array: Array, dtype: Any) -> int:
        array = np.ascontiguousarray(array, dtype=dtype)
        self.keep.append(array)
        return int(array.ctypes.data)

    def _address(self, slot: str, kernel: Kernel | None = None) -> int:
        kind, _, rest = slot.partition(" ")
        if slot in self.memory:
            return int(self.memory[slot].ctypes.data)
        if slot == "out":
            return int(self.values.ctypes.data)
        if kind == "array":
            return self._held(self.space.array("coordinate", rest).ravel(), float)
        assert kernel is not None
        region = self.space.regions[kernel.region]
        if slot == "points":
            return self._held(region.mesh.points, float)
        if kind == "geometry":
            return self._held(
                self._table(
                    ("geometry", kernel.region, int(rest)), lambda: region.mesh.geometry[region.cells[int(rest)]]
                ),
                np.int32,
            )
        if kind == "dofs":
            f, s = map(int, rest.split())
            return self._held(self.space.dofs(kernel.region, f, s), np.int32)
        assert slot == "positions" and self.program.pattern is not None
        return self._held(self.program.pattern.positions(kernel.region, kernel.writer.blocks_of), np.int32)  # type: ignore[attr-defined]

    def _table(self, key: Any, make: Any) -> Array:
        return self.space.stored(key, make)

    # ------------------------------------------------------------------ use
    def update(self, p: Mapping[str, float]) -> None:
        """Nothing is stored for a parameter vector: kernels are given it."""

    def set_direction(self, vector: Array, system: str) -> None:
        """Store the direction of a derivative of the system with this name.

        Raises:
            RitzError: the direction has the wrong length.
        """
        if vector.shape != self.seed.shape:
            raise RitzError(
                f"This derivative of {system} takes a direction of length {len(self.seed)}; found {vector.shape}."
            )
        self.seed[:] = vector
