"""A finite-element program with its memory: one list of steps for compiled callers, parts of it for threads."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np

from ritz.codegen.calling import call_rhs_address
from ritz.codegen.fem.assembly import FemProgram, Kernel
from ritz.codegen.fem.driver import ADD, CLEAR, FIXED, KERNEL, OUT, PLACE, STATE, TELL, WIDTH, bits, runner
from ritz.codegen.layout import Array
from ritz.errors import RitzError

Step = tuple[int, ...]


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="ritz-fem")


class FemInstance:
    """A program with its memory: not to be used by two threads at once.

    Args:
        program: the code.
        seeds: the direction of a derivative as a vector: name of state or parameter -> its part.
        threads: that work on parts of the mesh at once.

    Attributes:
        address: function ``f(t, u, p, out, ctx)`` in the convention of `ritz.codegen.abi`, which works alone. The
            result of a matrix program has one number more than the matrix has entries.
        context: what to pass as its last argument.
        length: of the result.
    """

    def __init__(self, program: FemProgram, seeds: Mapping[str, slice], threads: int = 1) -> None:
        self.program, self.seeds = program, dict(seeds)
        self.space, build = program.build.space, program.build
        n = self.space.numbering.size
        self.memory: dict[str, Array] = {slot: np.zeros(n) for slot in build.vectors.values()}
        self.memory |= {f"result {k}": np.zeros(n) for k in range(len(program.results))}
        self.seed = np.zeros(max((s.stop for s in seeds.values()), default=0))
        self.keep: list[Any] = []
        pattern = program.pattern
        self.length = sum(map(program.length, program.rows)) if pattern is None else pattern.nnz + 1
        before, after = self._before(), self._after()
        self.told: list[Step] = []
        kernels = self._kernels()
        before += self.told
        parts = [step for part in sorted(kernels) for step in kernels[part]]
        self.address = runner()
        self.context = self._listed(before + parts + after)
        self.threads = max(min(threads, sum(part >= 0 for part in kernels)), 1)
        if self.threads > 1:
            self._first = self._listed(before)
            self._parts = [self._listed(kernels[part]) for part in sorted(kernels) if part >= 0]
            self._last = self._listed(kernels.get(-1, []) + after)

    # ------------------------------------------------------------------ steps
    def _before(self) -> list[Step]:
        """Put together the vectors that kernels read."""
        n = self.space.numbering.size
        steps: list[Step] = []
        for slot in self.memory:
            steps.append((CLEAR, FIXED, self.memory[slot].ctypes.data, n))
        for slot, factor, name, f in self.program.inputs:
            start, stop = self.space.bounds(f)
            target = self.memory[slot].ctypes.data + 8 * start
            steps.append((ADD, *self._source(name), FIXED, target, stop - start, bits(float(factor))))
        for slot, number, kernel in self.program.given:
            given = self.space.numbering.prescribed[number]
            context = [self.memory[slot].ctypes.data + 8 * given.start]
            context += [self._address(s, kernel) for s in kernel.slots[1:]]
            steps.append((PLACE, kernel.address, len(given.nodes), self._pointer(context)))
        steps.append((CLEAR, OUT, 0, self.length))
        return steps

    def _source(self, name: str) -> tuple[int, int]:
        if name.startswith("seed "):
            part = self.seeds[name.removeprefix("seed ")]
            return FIXED, self.seed.ctypes.data + 8 * part.start
        return STATE, 8 * self.program.build.offsets[name]

    def _kernels(self) -> dict[int, list[Step]]:
        """Part of the mesh -> its calls of kernels; -1: what touches several parts."""
        steps: dict[int, list[Step]] = {}
        for kernel in self.program.kernels:
            context = self._pointer([self._address(s, kernel) for s in kernel.slots])
            if "out" in kernel.slots:
                self.told.append((TELL, context + 8 * kernel.slots.index("out")))
            for group, table in zip(self.space.regions[kernel.region].groups, kernel.tables, strict=True):
                self.keep.append(table)
                call = (KERNEL, kernel.address, group.start, group.stop, table.ctypes.data, context)
                steps.setdefault(group.part, []).append(call)
        return steps

    def _after(self) -> list[Step]:
        """The rows of the result from the sums of integrals and from plain inputs."""
        if self.program.pattern is not None:
            return []
        steps: list[Step] = []
        for k, whole in enumerate(self.program.results):
            for f, factor in self.program.sums[whole].items():
                start, stop = self.space.bounds(f)
                at = self.memory[f"result {k}"].ctypes.data + 8 * start
                to = 8 * self.program.build.offsets[(*self.space.names, "total")[f]]
                steps.append((ADD, FIXED, at, OUT, to, stop - start, bits(float(factor))))
        build = self.program.build
        for name, factor, node in self.program.plain:
            source = self._source(build.g.args[node][0])
            steps.append((ADD, *source, OUT, 8 * build.offsets[name], self.program.length(name), bits(float(factor))))
        return steps

    # ------------------------------------------------------------------ memory
    def _listed(self, steps: list[Step]) -> int:
        rows = np.array([[*s, *[0] * (WIDTH - len(s))] for s in steps], dtype=np.int64).reshape(-1, WIDTH)
        self.keep.append(rows)
        return self._pointer([len(rows), rows.ctypes.data])

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
        assert slot == "positions" and self.program.pattern is not None
        return self._held(self.program.pattern.positions(kernel.region, kernel.blocks), np.int32)

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
        """Compute the result into `out`."""
        if self.threads == 1:
            call_rhs_address(self.address, t, u, p, out, self.context)
            return
        call_rhs_address(self.address, t, u, p, out, self._first)
        pool = _pool(self.threads)
        list(pool.map(lambda part: call_rhs_address(self.address, t, u, p, out, part), self._parts))
        call_rhs_address(self.address, t, u, p, out, self._last)
