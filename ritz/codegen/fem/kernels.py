"""Kernels that add up vectors (residuals, products with derivatives) and matrices over a region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ritz.codegen.fem.element import Reference
from ritz.codegen.fem.kernel_base import KernelWriter
from ritz.codegen.fem.kernel_code import UNROLLED
from ritz.codegen.fem.pattern import Block, RowGroup, Side, row_groups
from ritz.codegen.fem.pullback import Part
from ritz.codegen.fem.space import Probe
from ritz.codegen.vector_code import Index, Value
from ritz.symbolic.calculus import sparse_jacobian


class VectorKernel(KernelWriter):
    """Adds ``sum over points of weight * value * probe of each basis function`` to a vector.

    Args:
        outputs: per root of the program, (probe, whether it is weighted).
    """

    def __init__(self, *args: Any, outputs: Sequence[tuple[Probe, bool]]) -> None:
        super().__init__(*args)
        self.outputs = list(outputs)

    def prepare(self) -> None:
        self.gather_fields()
        self.results: dict[tuple[int, int], str] = {}
        for probe, _ in self.outputs:
            key = (probe.field, probe.side)
            if key not in self.results:
                self.results[key] = self.tile(self.space.nodes[probe.field].reference.dim)

    def begin(self) -> None:
        self.load_fields()
        for (f, _), tile in self.results.items():
            self.clear(tile, self.space.nodes[f].reference.dim)

    def at_point(self, q: Index) -> None:
        found = self.run_program(q)
        parts: dict[tuple[int, int], dict[Part, Value]] = {}
        for (probe, weighted), value in zip(self.outputs, found, strict=True):
            value = self.code.mul(value, self.weight) if weighted else value
            row = parts.setdefault((probe.field, probe.side), {})
            row[probe.part] = self.code.add(row.get(probe.part), value)
        groups: dict[Any, list[tuple[int, dict[Part, Value]]]] = {}
        for (f, side), row in parts.items():
            ref = self.space.nodes[f].reference
            groups.setdefault((ref, side), []).append((f, self._pulled(row, ref, side)))
        for (ref, side), members in groups.items():
            rows = sorted({r for _, pulled in members for r in pulled})

            def one(a: Index, ref: Any = ref, rows: Any = rows, members: Any = members, side: int = side) -> None:
                basis = {r: self.basis_value((ref, side), r, q, a) for r in rows}
                for f, pulled in members:
                    tile = self.results[f, side]
                    more = self.combine([(basis[r], v) for r, v in pulled.items()])
                    if more is not None:
                        self.put(self.code.add(self.get(tile, a), more), tile, a)

            self.each(ref.dim, one, UNROLLED)

    def _pulled(self, row: dict[Part, Value], ref: Reference, side: int) -> dict[Part, Value]:
        """Coefficients of the basis and its derivatives on the reference cell."""
        found: dict[Part, Value] = {}
        for part, value in row.items():
            if value is not None:
                for k, factor in self.factors(ref, part, side):
                    found[k] = self.code.add(found.get(k), self.times(factor, value))
        return found

    def finish(self) -> None:
        for (f, side), tile in self.results.items():
            width = self.space.nodes[f].reference.dim
            self.scatter(f"targets {f} {0 if side > 0 else 1}", width, tile, width, "out")


class MatrixKernel(KernelWriter):
    """Adds the derivatives of weighted outputs with respect to the unknowns of fields to the values of a matrix.

    Args:
        entries: per root of the program, (test probe, trial probe).
        alike: which test fields have rows with the same columns, see `row_groups`.
    """

    def __init__(self, *args: Any, entries: Sequence[tuple[Probe, Probe]], alike: Mapping[int, int]) -> None:
        super().__init__(*args)
        self.entries = list(entries)
        self.blocks_of = list(
            dict.fromkeys((test.field, test.side, trial.field, trial.side) for test, trial in self.entries)
        )
        self.row_groups = row_groups(self.blocks_of, alike)
        roots = self.program.roots
        axes = [self.program.axes[r] for r in roots]
        self.is_constant = self.region.is_affine and not any(self.region.quad in a for a in axes)

    def _dims(self, block: Block) -> tuple[int, int]:
        return tuple(self.space.nodes[f].reference.dim for f in (block[0], block[2]))  # type: ignore[return-value]

    def sizes_of(self) -> list[int]:
        """Entries of every block."""
        return [int(np.prod(self._dims(block))) for block in self.blocks_of]

    def prepare(self) -> None:
        self.gather_fields()
        self.starts = np.concatenate([[0], np.cumsum(self.sizes_of())]).astype(int)
        self.matrix = self.tile(int(self.starts[-1]))
        self.pairs: dict[Any, list[int]] = {}
        for k, (f, s, h, r) in enumerate(self.blocks_of):
            key = (self.space.nodes[f].reference, s, self.space.nodes[h].reference, r)
            self.pairs.setdefault(key, []).append(k)

    def begin(self) -> None:
        self.load_fields()
        if not self.is_constant:
            self.clear(self.matrix, int(self.starts[-1]))

    def _points(self) -> None:
        if not self.is_constant:
            super()._points()
            return
        self.weight = self.scale
        for key, members in self.pairs.items():
            self._constant(key, members, self._coefficients(0))

    def at_point(self, q: Index) -> None:
        coefficients = self._coefficients(q)
        for key, members in self.pairs.items():
            self._general(key, members, coefficients, q)

    def _coefficients(self, q: Index) -> dict[Block, dict[tuple[Part, Part], Value]]:
        """Block -> (part of the test basis, of the trial basis) on the reference cell -> coefficient, weighted."""
        found: dict[Block, dict[tuple[Part, Part], Value]] = {b: {} for b in self.blocks_of}
        for (test, trial), value in zip(self.entries, self.run_program(q), strict=True):
            block = (test.field, test.side, trial.field, trial.side)
            found[block][test.part, trial.part] = self.code.mul(value, self.weight)
        return {block: self._pulled(block, entries) for block, entries in found.items()}

    def _pulled(self, block: Block, entries: dict[tuple[Part, Part], Value]) -> dict[tuple[Part, Part], Value]:
        first, second = (self.space.nodes[f].reference for f in (block[0], block[2]))
        half: dict[tuple[Part, Part], Value] = {}
        for (i, j), value in entries.items():
            for k, factor in self.factors(second, j, block[3]):
                half[i, k] = self.code.add(half.get((i, k)), self.times(factor, value))
        whole: dict[tuple[Part, Part], Value] = {}
        for (i, k), value in half.items():
            for m, factor in self.factors(first, i, block[1]):
                whole[m, k] = self.code.add(whole.get((m, k)), self.times(factor, value))
        return whole

    def _general(self, key: Any, members: list[int], coefficients: Any, q: Index) -> None:
        """Products of basis functions in one point."""
        ref, side, other, turn = key
        blocks = [(k, coefficients[self.blocks_of[k]]) for k in members]
        used = [sorted({pair[at] for _, entries in blocks for pair in entries}) for at in (0, 1)]

        def column(b: Index) -> None:
            trial = {j: self.basis_value((other, turn), j, q, b) for j in used[1]}
            partial = {
                (k, i): self.combine([(trial[j], v) for (at, j), v in entries.items() if at == i])
                for k, entries in blocks
                for i in sorted({pair[0] for pair in entries})
            }

            def row(a: Index) -> None:
                test = {i: self.basis_value((ref, side), i, q, a) for i in used[0]}
                for k, _ in blocks:
                    more = self.combine([(test[i], v) for (at, i), v in partial.items() if at == k])
                    if more is None:
                        continue
                    place = self._place(k, a, b, other.dim)
                    self.put(self.code.add(self.get(self.matrix, place), more), self.matrix, place)

            self.each(ref.dim, row, UNROLLED if other.dim <= UNROLLED else 0)

        self.each(other.dim, column, UNROLLED if ref.dim * other.dim * len(members) <= 4 * UNROLLED else 0)

    def _place(self, k: int, a: Index, b: Index, width: int) -> Index:
        return self.code.plus(self.code.plus(self.code.times(a, width), b), int(self.starts[k]))

    def _constant(self, key: Any, members: list[int], coefficients: Any) -> None:
        """Coefficients that are the same in all points: the sum over points is done beforehand."""
        ref, side, other, turn = key
        s, r = (0 if x > 0 else 1 for x in (side, turn))
        blocks = [(k, coefficients[self.blocks_of[k]]) for k in members]
        used = sorted({pair for _, entries in blocks for pair, v in entries.items() if v is not None})

        def contracted(group: Any) -> Any:
            test = ref.rows(group.points[s], [i for i, _ in used])
            trial = other.rows(group.points[r], [j for _, j in used])
            products = np.einsum("q,nqa,nqb->nab", self.region.weights * group.ratio, test, trial)
            return products.reshape(len(used), 1, -1)

        table = self._table(("contracted", key, tuple(used)), contracted)

        def entry(ab: Index) -> None:
            numbers = {pair: self.table_value(table, n, 0, ab) for n, pair in enumerate(used)}
            for k, entries in blocks:
                value = self.combine([(numbers[pair], v) for pair, v in entries.items() if v is not None])
                self.put(value, self.matrix, self.code.plus(ab, int(self.starts[k])))

        self.each(ref.dim * other.dim, entry)

    def finish(self) -> None:
        nowhere = self.tile(1)
        with self.code.loop(0, self.active) as lane:
            cell = self.code.plus(self.start, lane)
            for number, group in enumerate(self.row_groups):
                self._add_rows(number, group, cell, lane, nowhere)

    def _add_rows(self, number: int, group: RowGroup, cell: Index, lane: Index, nowhere: str) -> None:
        """Add rows to the matrix; what has no place there goes nowhere."""
        code, dim = self.code, lambda f: self.space.nodes[f].reference.dim
        height, width = dim(group.tests[0][0]), sum(dim(h) for h, _ in group.trials)
        offsets, values = self.base(f"offsets {number}"), self.base("out")
        tables = [self.base(f"rows {f} {s}") for f, s in group.tests]
        first = [{test: self.blocks_of.index((*test, *trial)) for test in group.tests} for trial in group.trials]

        def row(a: Index) -> None:
            rows = [code.pointer(values, self.entry(table, height, cell, a)) for table in tables]
            start = code.times(code.plus(code.times(cell, height), a), width)
            for (h, _), blocks in zip(group.trials, first, strict=True):

                def column(b: Index, h: int = h, start: Index = start, blocks: dict[Side, int] = blocks) -> None:
                    offset = self.entry(offsets, 1, code.plus(start, b), 0)
                    missing = code.let(f"icmp slt i64 {offset}, 0")
                    for begin, block in zip(rows, blocks.values(), strict=True):
                        there = code.pointer(begin, offset)
                        target = code.let(f"select i1 {missing}, ptr {nowhere}, ptr {there}")
                        k = self._place(block, a, b, dim(h))
                        self.add_to(target, code.pointer(self.matrix, code.plus(code.times(k, self.lanes), lane)))

                self.each(dim(h), column)
                start = code.plus(start, dim(h))

        self.each(height, row, 4 * UNROLLED // (width * len(tables)))


def matrix_entries(
    space: Any, g: Any, outputs: Sequence[tuple[Probe, int]], vector: int
) -> tuple[list[tuple[Probe, Probe]], list[int]]:
    """Derivatives of outputs with respect to the probes of a vector.

    Returns:
        pairs of test and trial probe, and the node of each derivative; pairs that stand together are added.
    """
    roots = [node for _, node in outputs]
    leaves = {
        n: space.probe_of(g.args[n][0])
        for n in g.topological(roots)
        if g.op[n] == "map" and g.args[n][0].kind == "interpolate" and g.args[n][1] == vector
    }
    total: dict[tuple[Probe, Probe], list[int]] = {}
    for (test, _), row in zip(outputs, sparse_jacobian(g, roots, list(leaves)), strict=True):
        for leaf, node in row.items():
            total.setdefault((test, leaves[leaf]), []).append(node)
    pairs = list(total)
    return pairs, [g.sum(nodes) for nodes in total.values()]
