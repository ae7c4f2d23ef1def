"""A finite-element program with its memory: turns of steps that compiled callers, and threads, run through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ritz.codegen.calling import call_rhs_address
from ritz.codegen.fem.assembly import FemProgram, Kernel
from ritz.codegen.fem.driver import ADD, CLEAR, FIXED, GATHER, KERNEL, OUT, SET, STATE, TELL, TURN, WIDTH, bits, run
from ritz.codegen.fem.parts import Shares
from ritz.codegen.layout import Array
from ritz.codegen.team import Team
from ritz.errors import RitzError

Step = tuple[int, ...]
Pieces = list[list[Step]]


class FemInstance:
    """A program with its memory: not to be used by two threads at once.

    Args:
        program: the code.
        seeds: the direction of a derivative as a vector: name of state or parameter -> its part.
        team: threads that share the pieces of every turn; None to work alone. The result is the same to the last bit.

    Attributes:
        address: function ``f(t, u, p, out, ctx)`` in the convention of `ritz.codegen.abi`. The result of a matrix
            program has some numbers more than the matrix has entries (`Pattern.shares`).
        context: what to pass as its last argument.
        length: of the result.
    """

    def __init__(self, program: FemProgram, seeds: Mapping[str, slice], team: Team | None = None) -> None:
        self.program, self.seeds, self.team = program, dict(seeds), team
        self.space, build = program.build.space, program.build
        n = self.space.numbering.size
        self.shares = [program.shares(k) for k in range(len(program.results))]
        self.memory: dict[str, Array] = {slot: np.zeros(n) for slot in build.vectors.values()}
        self.memory |= {f"result {k}": np.zeros(shares.length) for k, (_, shares) in enumerate(self.shares)}
        self.seed = np.zeros(max((s.stop for s in seeds.values()), default=0))
        self.keep: list[Any] = []
        pattern = program.pattern
        self.length = sum(map(program.length, program.rows)) if pattern is None else pattern.shares.length
        self.slabs = 1 if team is None else team.count
        self._written: set[tuple[int, int]] = set()  # places that have been set, so that more is added to them
        kernels = self._kernels()
        turns = [self._before(), [kernels[part] for part in sorted(kernels)], self._after()]
        if program.pattern is None:
            self._clear_rows(turns[0])
        rows = [self._turn(pieces) for pieces in turns if any(pieces)]
        self.address = run.address
        block = 0 if team is None else team.address
        self.context = self._pointer([block, len(rows), self._pointer([x for row in rows for x in row])])

    # ------------------------------------------------------------------ steps
    def _split(self, pieces: Pieces, count: int, make: Any) -> None:
        """Deal ``make(start, stop)`` out to the pieces of a turn; the same count is always cut at the same places."""
        for i, piece in enumerate(pieces):
            start, stop = count * i // len(pieces), count * (i + 1) // len(pieces)
            if stop > start:
                piece += make(start, stop)

    def _move(self, pieces: Pieces, source: tuple[int, int], target: tuple[int, int], count: int, factor: Any) -> None:
        """Set numbers to a multiple of others; where this has been done already, add it."""
        op = ADD if target in self._written else SET
        self._written.add(target)
        (base, at), (kind, to), number = source, target, bits(float(factor))
        self._split(pieces, count, lambda a, b: [(op, base, at + 8 * a, kind, to + 8 * a, b - a, number)])

    def _clear(self, pieces: Pieces, base: int, at: int, count: int) -> None:
        self._split(pieces, count, lambda a, b: [(CLEAR, base, at + 8 * a, b - a)])

    def _before(self) -> Pieces:
        """Put together the vectors that kernels read, and clear what they add to."""
        pieces: Pieces = [[] for _ in range(self.slabs)]
        pieces[0] += self.told
        for slot, factor, name, f in self.program.inputs:
            start, stop = self.space.bounds(f)
            target = FIXED, self.memory[slot].ctypes.data + 8 * start
            self._move(pieces, self._source(name), target, stop - start, factor)
        for slot, number, kernel in self.program.given:
            given = self.space.numbering.prescribed[number]
            context = [self.memory[slot].ctypes.data + 8 * given.start]
            context += [self._address(s, kernel) for s in kernel.slots[1:]]
            place = kernel.address, self._pointer(context)
            self._split(pieces, len(given.nodes), lambda a, b, f=place: [(KERNEL, f[0], a, b, 0, f[1])])
        for k, (_, shares) in enumerate(self.shares):
            self._clear(pieces, FIXED, self.memory[f"result {k}"].ctypes.data, shares.length)
        if self.program.pattern is not None:
            self._clear(pieces, OUT, 0, self.length)
        return pieces

    def _source(self, name: str) -> tuple[int, int]:
        if name.startswith("seed "):
            part = self.seeds[name.removeprefix("seed ")]
            return FIXED, self.seed.ctypes.data + 8 * part.start
        return STATE, 8 * self.program.build.offsets[name]

    def _kernels(self) -> dict[int, list[Step]]:
        """Part of the mesh -> its calls of kernels."""
        steps: dict[int, list[Step]] = {}
        self.told: list[Step] = []
        for kernel in self.program.kernels:
            context = self._pointer([self._address(s, kernel) for s in kernel.slots])
            if "out" in kernel.slots:
                self.told.append((TELL, context + 8 * kernel.slots.index("out")))
            for group, table in zip(self.space.regions[kernel.region].groups, kernel.tables, strict=True):
                self.keep.append(table)
                call = (KERNEL, kernel.address, group.start, group.stop, table.ctypes.data, context)
                steps.setdefault(group.part, []).append(call)
        return steps

    def _after(self) -> Pieces:
        """Gather what parts of the mesh share; the rows of the result from the sums and from plain inputs."""
        program, build = self.program, self.program.build
        pieces: Pieces = [[] for _ in range(self.slabs)]
        if program.pattern is not None:
            shares = program.pattern.shares
            self._split(pieces, len(shares.targets), lambda a, b: [self._gather(shares, (OUT, 0), a, b)])
            return pieces
        for k, whole in enumerate(program.results):
            at, done = self.memory[f"result {k}"].ctypes.data, 0
            for f, factor in sorted(program.sums[whole].items()):
                start, stop = self.space.bounds(f)
                self._gathered(pieces[:1], k, done, start)
                self._gathered(pieces, k, start, stop)
                to = 8 * build.offsets[(*self.space.names, "total")[f]]
                self._move(pieces, (FIXED, at + 8 * start), (OUT, to), stop - start, factor)
                done = stop
            self._gathered(pieces[:1], k, done, self.space.numbering.size)
        for name, factor, node in program.plain:
            target = OUT, 8 * build.offsets[name]
            self._move(pieces, self._source(build.g.args[node][0]), target, program.length(name), factor)
        return pieces

    def _gathered(self, pieces: Pieces, k: int, start: int, stop: int) -> None:
        """Gather the numbers for a range of places."""
        _, shares = self.shares[k]
        where = FIXED, self.memory[f"result {k}"].ctypes.data

        def make(a: int, b: int) -> list[Step]:
            first, last = np.searchsorted(shares.targets, (start + a, start + b))
            return [self._gather(shares, where, first, last)] if last > first else []

        self._split(pieces, stop - start, make)

    def _gather(self, shares: Shares, where: tuple[int, int], first: int, last: int) -> Step:
        self.keep.append(shares)
        return (
            GATHER, *where, first, last, shares.targets.ctypes.data, shares.starts.ctypes.data,
            shares.sources.ctypes.data,
        )  # fmt: skip

    def _clear_rows(self, pieces: Pieces) -> None:
        """Clear the rows of the result that nothing is written to."""
        for name in self.program.rows:
            at = 8 * self.program.build.offsets[name]
            if (OUT, at) not in self._written:
                self._clear(pieces, OUT, at, self.program.length(name))

    # ------------------------------------------------------------------ memory
    def _turn(self, pieces: Pieces) -> list[int]:
        """Address of the steps of a turn, of the first step of every piece, number of pieces."""
        steps = [[*s, *[0] * (WIDTH - len(s))] for piece in pieces for s in piece]
        starts = np.cumsum([0, *map(len, pieces)])
        row = [self._pointer([x for step in steps for x in step]), self._pointer(starts.tolist()), len(pieces)]
        assert len(row) == TURN
        return row

    def _pointer(self, addresses: list[int]) -> int:
        array = np.array(addresses, dtype=np.int64)
        self.keep.append(array)
        return int(array.ctypes.data)

    def _held(self, array: Array, dtype: Any) -> int:
        array = np.ascontiguousarray(array, dtype=dtype)
        self.keep.append(array)
        return int(array.ctypes.data)

    def _address(self, slot: str, kernel: Kernel) -> int:
        kind, _, rest = slot.partition(" ")
        if slot in self.memory:
            return int(self.memory[slot].ctypes.data)
        if slot == "out":
            return 0  # told at every call
        if kind == "seed":
            return int(self.seed.ctypes.data) + 8 * self.seeds[rest].start
        if kind == "array":
            return self._held(self.space.array("coordinate", rest).ravel(), float)
        region = self.space.regions[kernel.region]
        if slot == "points":
            return self._held(region.mesh.points, float)
        if slot == "factors":
            assert region.factors is not None
            return self._held(region.factors, float)
        if kind == "geometry":
            return self._held(self.space.corners(kernel.region, int(rest)), np.int32)
        if kind == "dofs":
            f, s = map(int, rest.split())
            return self._held(self.space.dofs(kernel.region, f, s), np.int32)
        if kind == "targets":
            k, f, s = map(int, rest.split())
            keys, shares = self.shares[k]
            return self._held(shares.tables[keys.index((kernel.region, f, s))], np.int32)
        pattern = self.program.pattern
        assert pattern is not None and kind in ("rows", "offsets")
        if kind == "offsets":
            return self._held(pattern.offsets[kernel.region, int(rest)], np.int32)
        f, s = map(int, rest.split())
        return self._held(pattern.shares.tables[pattern.keys.index((kernel.region, f, s))], np.int32)

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

    def call(self, t: float, u: Array, p: Array, out: Array) -> None:
        """Compute the result into `out`, (length,)."""
        if self.team is not None:
            self.team.wake()
        call_rhs_address(self.address, t, u, p, out, self.context)
