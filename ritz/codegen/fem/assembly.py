"""Programs of a finite-element system: vectors put together, kernels over regions, rows of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ritz.codegen import native
from ritz.codegen.fem.given import PointWriter
from ritz.codegen.fem.kernel_base import KernelWriter
from ritz.codegen.fem.kernels import MatrixKernel, VectorKernel, matrix_entries
from ritz.codegen.fem.parts import Shares, share
from ritz.codegen.fem.pattern import Pattern, RowGroup, pattern_of
from ritz.codegen.fem.space import FemSpace, Probe
from ritz.codegen.layout import Array
from ritz.codegen.program import Scheduler
from ritz.errors import UnsupportedError
from ritz.symbolic.graph import Graph, Number
from ritz.symbolic.rewrite.scheduled import Scheduled

Term = tuple[Number, int]
Key = tuple[int, int, int]  # region, field, side
STACK = 2**22  # bytes for the matrices of the cells that are worked on at once; half of what a thread usually has


@dataclass(frozen=True)
class Kernel:
    """A printed kernel.

    Attributes:
        name: of the function.
        region: number of the region.
        text: module in LLVM's language.
        slots: entries of its context.
        tables: per group, float64 data.
        program: what is computed in a point.
        row_groups: of the cell matrices, for matrices.
    """

    name: str
    region: int
    text: str
    slots: list[str]
    tables: list[Array]
    program: Scheduled
    row_groups: tuple[RowGroup, ...] = ()

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

    def arguments(self, region: int, nodes: Sequence[int], lanes: int | None = None) -> tuple[Any, ...]:
        """What every kernel writer takes."""
        program = self.schedule(self.g, list(nodes))
        for op, args in zip(program.op, program.args, strict=True):
            if op == "leaf" and self.g.op[args[0]] == "map":
                self.vector(self.g.args[args[0]][1])
        return (
            self.space, self.space.regions[region], self.g, program, self.vectors, self.parameters, lanes or self.lanes
        )  # fmt: skip

    def lanes_for(self, pairs: Sequence[tuple[Probe, Probe]]) -> int:
        """How many cells at once have their matrices on the stack.

        Raises:
            UnsupportedError: not even two.
        """
        nodes = self.space.nodes
        blocks = {(a.field, a.side, b.field, b.side) for a, b in pairs}
        entries = sum(nodes[a].reference.dim * nodes[b].reference.dim for a, _, b, _ in blocks)
        if 2 * 8 * entries > STACK:
            highest = max((nodes[a].element for a, _, _, _ in blocks), key=lambda e: e.degree)
            raise UnsupportedError(
                f"{highest!r} on a {self.space.mesh.cell_type} gives cell matrices of {entries} numbers, more than fit "
                f"on the stack ({STACK // 16}). Take a lower degree and smaller cells."
            )
        lanes = self.lanes
        while 8 * lanes * entries > STACK:
            lanes //= 2
        return lanes

    def kernel(self, writer: KernelWriter, region: int) -> Kernel:
        """Print a kernel."""
        text = writer.write("kernel")
        tables = [np.concatenate(block or [np.zeros(1)]) for block in writer.blocks]
        return Kernel("kernel", region, text, writer.slots, tables, writer.program, tuple(writer.row_groups))


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
                kernel.slots[:] = [s.replace("targets", f"targets {k}") for s in kernel.slots]
                self.kernels.append(kernel)

    def _matrix_kernels(self, wrt: int) -> None:
        g, space = self.build.g, self.build.space
        self.results = []
        outputs: dict[int, list[tuple[Probe, int]]] = {}
        for whole, scale in self.sums.items():
            for region, found in self.build.region_outputs(whole, scale).items():
                outputs.setdefault(region, []).extend((p, node) for p, _, node in found)
        entries = {region: matrix_entries(space, g, listed, wrt) for region, listed in outputs.items()}
        alike = self._alike({region: pairs for region, (pairs, _) in entries.items()})
        for region, (pairs, nodes) in entries.items():
            if pairs:
                arguments = self.build.arguments(region, nodes, self.build.lanes_for(pairs))
                writer = MatrixKernel(*arguments, entries=pairs, alike=alike)
                self.kernels.append(self.build.kernel(writer, region))
        self.pattern = self._pattern()

    def _alike(self, entries: Mapping[int, Sequence[tuple[Probe, Probe]]]) -> dict[int, int]:
        """Test field -> the first one with the same nodes that is coupled with the same fields everywhere."""
        coupled: dict[int, set[Any]] = {}
        for region, pairs in entries.items():
            for test, trial in pairs:
                coupled.setdefault(test.field, set()).add((region, test.side, trial.field, trial.side))
        names, nodes = self.build.space.names, self.build.space.nodes
        for name, _, part in self.plain:
            coupled.setdefault(names.index(name), set()).add(self.build.g.args[part][0])
        return {f: next(e for e in coupled if nodes[e] is nodes[f] and coupled[e] == coupled[f]) for f in coupled}

    def _pattern(self) -> Pattern:
        g, at = self.build.g, self.build.offsets
        identities = [
            (at[name], at[g.args[part][0].removeprefix("seed ")], float(c), self.length(name))
            for name, c, part in self.plain
        ]
        return pattern_of(self.build.space, [(k.region, k.row_groups) for k in self.kernels], identities)

    def shares(self, k: int) -> tuple[list[Key], Shares]:
        """Where the kernels add to in vector `k` of integrals: region, field and side of each table, and the tables."""
        space = self.build.space
        keys = [
            (kernel.region, int(slot.split()[2]), int(slot.split()[3]))
            for kernel in self.kernels
            for slot in kernel.slots
            if slot.startswith(f"targets {k} ")
        ]
        n = space.numbering.size

        def make() -> Shares:
            return share([(space.regions[region], space.dofs(region, f, s)) for region, f, s in keys], n, n)

        return keys, space.stored(("shares", *keys), make)

    def over(self, space: FemSpace, *, plain: bool = True) -> FemProgram:
        """The same kernels over other entries and another numbering.

        Args:
            space: with fields, regions and groups of the same names and order.
            plain: keep the rows that are no integrals, but multiples of inputs.
        """
        made = copy(self)
        starts = {name: space.bounds(f)[0] for f, name in enumerate(space.names)}
        made.build = replace(self.build, space=space, offsets=starts)
        made.plain = list(self.plain) if plain else []
        if self.pattern is not None:
            made.pattern = made._pattern()
        return made

    @property
    def operations(self) -> int:
        """Operations in the quadrature points of all entries."""
        regions = [self.build.space.regions[kernel.region] for kernel in self.kernels]
        return sum(
            r.size * len(r.weights) * (kernel.program.operations() + 2 * r.mesh.dim)
            for r, kernel in zip(regions, self.kernels, strict=True)
        )

    def length(self, name: str) -> int:
        """Length of a block."""
        names = self.build.space.names
        start, stop = self.build.space.bounds(names.index(name) if name in names else len(names))
        return stop - start

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
        writer = PointWriter(build.g, build.parameters, build.schedule(build.g, [node]))
        text = writer.write("place")
        return Kernel("place", number, text, writer.slots, [], writer.program)

    @property
    def source(self) -> str:
        """What is computed in every region, as text."""
        parts = []
        for kernel in self.kernels:
            region = self.build.space.regions[kernel.region]
            names = {n: self._leaf_name(n) for n in kernel.program.leaves()}
            where = region.over if region.label is None else f"{region.over} {region.label!r}"
            head = f"{where}: {region.size} x {len(region.weights)} points, quadrature of degree {region.degree}"
            parts.append(f"# {head}\n{kernel.program.text(names)}")
        return "\n\n".join(parts)

    def _leaf_name(self, node: int) -> str:
        g = self.build.g
        if g.op[node] == "input":
            return str(g.args[node][0]).split("@")[0]
        probe = self.build.space.probe_of(g.args[node][0])
        name = self.build.space.names[probe.field]
        sign = "" if len(self.build.space.regions[probe.region].sides) == 1 else ("+" if probe.side > 0 else "-")
        name += f"[{probe.component}]" if self.build.space.nodes[probe.field].element.is_vector else ""
        return f"{probe.prefix}{name}{sign}"
