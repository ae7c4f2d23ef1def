"""A program with its memory: compiled code, sizes, arrays and plans bound together behind one address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ritz.codegen.calling import call_rhs_address
from ritz.codegen.emit_loops import Emitted, emit
from ritz.codegen.program import MapCall, Program, Stage, is_scalar
from ritz.codegen.scalar_kernel import ScalarKernel
from ritz.errors import RitzError
from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.graph import Axis, Graph, LinearMap

if TYPE_CHECKING:
    from ritz.codegen.fused.build import Fused
    from ritz.codegen.steps import GridArray, Step
    from ritz.codegen.team import Team
    from ritz.codegen.transforms.provider import Plan


class Space(Protocol):
    """What a discretisation knows and a program does not: sizes, arrays and maps."""

    order: Mapping[Axis, int]  # slot of each looped axis; arrays broadcast over the slots
    slots: int

    def size(self, axis: Axis) -> int:
        """Length of an axis."""
        ...

    def array(self, kind: str, name: str) -> np.ndarray:
        """Values of an input that is neither state nor parameter, one dimension per axis."""
        ...

    def plan(self, linear_map: LinearMap, batch: int) -> Plan:
        """The compiled map for a batch of arrays."""
        ...

    def numpy_map(self, linear_map: LinearMap) -> Callable[[np.ndarray], np.ndarray]:
        """The same map in NumPy."""
        ...

    def index(self, name: str) -> np.ndarray:
        """Positions of an index map (int64); only where there are gathers."""
        ...


def spread(array: np.ndarray, axes: Sequence[Axis], space: Space) -> np.ndarray:
    """Reshape an array over `axes` so that it broadcasts over all slots of the space."""
    shape = [1] * space.slots
    for axis, n in zip(sorted(axes, key=space.order.__getitem__), array.shape, strict=True):
        shape[space.order[axis]] = n
    return array.reshape(shape)


def leaf_values(g: Graph, roots: Sequence[int], space: Space, p: Mapping[str, float], t: float = 0.0) -> dict[int, Any]:
    """Values of every input below `roots` that is not a state, for `evaluate`."""
    values: dict[int, Any] = {}
    for node in g.inputs(roots):
        name, kind = g.args[node]
        if kind == "param":
            values[node] = p[name]
        elif kind == "time":
            values[node] = t
        elif kind not in ("state", "seed", "table"):
            axes = [a for a in g.axes[node] if a in space.order]
            values[node] = spread(space.array(kind, name), axes, space)
    return values


def evaluate_in(space: Any, g: Graph, roots: Sequence[int], values: Mapping[int, Any]) -> list[Any]:
    """Values of nodes by plain NumPy, with the maps of a space; inputs are given as `leaf_values` makes them."""
    if hasattr(space, "evaluate"):
        found: list[Any] = space.evaluate(roots, values)
        return found
    return evaluate(g, roots, values, numpy_maps(g, roots, space))


def numpy_maps(g: Graph, roots: Sequence[int], space: Space) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """The NumPy form of every map below `roots`."""
    maps = {g.args[n][0] for n in g.topological(roots) if g.op[n] == "map"}
    return {m.name: space.numpy_map(m) for m in maps}


def is_plane_wise(program: Program, stage: Stage, space: Space) -> bool:
    """Whether a stage loops over all points of the grid and reads no others than the one where it is."""
    g, points = program.graph, [a for a in space.order if a.kind == "point"]
    leaves = [args[0] for op, args in zip(stage.code.op, stage.code.args, strict=True) if op == "leaf"]
    return bool(points) and list(stage.axes) == points and not any(g.op[n] == "gather" for n in leaves)


class CompiledProgram:
    """A program and its code, compiled on first use and shared by all instances.

    Attributes:
        program: the stages and maps.
        emitted: the printed code.
        seeds, directions: parts of the direction of a derivative, and its length.
    """

    def __init__(
        self,
        program: Program,
        title: str,
        parameters: Sequence[str],
        blocks: Sequence[str],
        seeds: Mapping[str, slice],
    ) -> None:
        """Print a program.

        Args:
            program: what to compile.
            title: what it is, in words.
            parameters: names in the order of the parameter vector.
            blocks: names in the order of the state vector.
            seeds: the direction of a derivative as a vector: name of state or parameter -> its part.
        """
        self.program, self.seeds, self.parameters = program, seeds, tuple(parameters)
        self.directions = max((part.stop for part in seeds.values()), default=0)
        self._fused: Fused | str = ""
        self.emitted: Emitted | ScalarKernel = (
            ScalarKernel(program, title, parameters, blocks, list(seeds))
            if is_scalar(program)
            else emit(program, title, parameters)
        )

    @cached_property
    def addresses(self) -> list[int]:
        """The compiled stages, in order."""
        return self.emitted.load()

    def fused(self, space: Space) -> Fused | str:
        """The program as one piece, or in words why it runs step by step; a program serves one space."""
        if not self._fused:
            fuse = None if is_scalar(self.program) else getattr(space, "fuse", None)
            self._fused = fuse(self) if fuse else "it has no transforms"
        return self._fused

    @property
    def is_shareable(self) -> bool:
        """Whether one instance serves several threads at once, because it has no memory that changes between calls."""
        return isinstance(self.emitted, ScalarKernel) and not (
            self.emitted.vectors["scratch"] or self.emitted.vectors["seeds"]
        )

    @property
    def inline(self) -> str:
        """Code of the right-hand side ``@rhs`` that may be compiled into its callers; empty where it is too long."""
        return self.emitted.inline if isinstance(self.emitted, ScalarKernel) else ""


class Instance:
    """One program with memory of its own: not to be used by two threads at once.

    Attributes:
        address: a right-hand side in the calling convention of `ritz.codegen.abi`.
        context: what to pass as its last argument.
        team: the threads that share its loops.
    """

    def __init__(
        self,
        compiled: CompiledProgram,
        space: Space,
        offsets: Mapping[str, int],
        threads: int = 1,
    ) -> None:
        self.compiled, self.space = compiled, space
        program = compiled.program
        self.arrays: dict[str, np.ndarray] = {}
        if isinstance(compiled.emitted, ScalarKernel):
            self.arrays.update({name: np.zeros(n) for name, n in compiled.emitted.vectors.items()})
        fused = compiled.fused(space)
        self.fused = None if isinstance(fused, str) else fused
        self.tables = {name: np.zeros(self._table_shape(name, n)) for name, n in program.tables.items()}
        self._strides: dict[str, int] = {}
        if self.fused is None:
            self._make_buffers()
        else:
            self.arrays.update({n: np.zeros(shape, complex) for n, shape in self.fused.arrays.items()})
        slots = compiled.emitted.slots if self.fused is None else self.fused.slots
        self.entries = np.array([self._entry(name, offsets) for name in slots], dtype=np.int64)
        self._plans: list[Any] = []
        self._tables_of: tuple[float, ...] | None = None
        self._bind(max(threads, 1))

    def _make_buffers(self) -> None:
        """The arrays between loops and maps."""
        for name, (axes, is_complex, batch) in self.compiled.program.buffers.items():
            shape = self._shape(axes)
            self.arrays[name] = np.zeros((batch, *shape), dtype=complex if is_complex else float)
            self._strides[name] = self.arrays[name].nbytes // batch

    def _table_shape(self, name: str, node: int) -> tuple[int, ...]:
        expanded = self.fused.expanded if self.fused else {}
        return expanded.get(name) or self._shape(self.compiled.program.graph.axes[node])

    def _shape(self, axes: Sequence[Axis] | frozenset[Axis]) -> tuple[int, ...]:
        looped = sorted((a for a in axes if a in self.space.order), key=self.space.order.__getitem__)
        return tuple(self.space.size(a) for a in looped)

    def _axis(self, name: str) -> Axis:
        return next(a for a in self.space.order if a.name == name)

    def _entry(self, slot: str, offsets: Mapping[str, int]) -> int:
        kind, _, name = slot.partition(" ")
        if kind == "size":
            return self.space.size(self._axis(name))
        if kind == "offset":
            return offsets[name]
        if kind == "stride":
            return self._strides[name]
        if kind == "array":
            return self._array(name).ctypes.data
        if kind == "index":
            return self.space.index(name).ctypes.data
        if kind == "number":
            stage, _, which = name.partition(" ")
            inside = next(s.interior for s in self.compiled.program.stages if s.name == stage)
            return inside.numbers[which] if inside else 0
        return 0

    def _array(self, name: str) -> np.ndarray:
        if name in self.tables:
            return self.tables[name]
        if name not in self.arrays:
            g = self.compiled.program.graph
            node = next(n for n in range(len(g)) if g.op[n] == "input" and g.args[n][0] == name)
            if g.args[node][1] == "seed":
                self.arrays[name] = np.zeros(self._shape(g.axes[node]), dtype=complex if g.is_complex[node] else float)
            else:
                self.arrays[name] = self._laid_out(name, node)
        return self.arrays[name]

    def _laid_out(self, name: str, node: int) -> np.ndarray:
        """An array of the space as the code reads it."""
        g = self.compiled.program.graph
        values = np.asarray(self.space.array(g.args[node][1], name), dtype=float)
        shape = self._table_shape(name, node)
        if values.shape != shape:
            axes = [a for a in g.axes[node] if a in self.space.order]
            values = np.broadcast_to(spread(values, axes, self.space), self._over_slots(shape)).reshape(shape)
        return np.ascontiguousarray(values)

    def _over_slots(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of an array laid out over the last axes, with one dimension for each slot."""
        return (1,) * (self.space.slots - len(shape)) + shape

    def _bind(self, threads: int) -> None:
        self.team: Team | None = None
        if is_scalar(self.compiled.program):
            self.address = self.compiled.addresses[0]
            self.context = self.entries.ctypes.data
            return
        from ritz.codegen import runtime
        from ritz.codegen.steps import Encoder
        from ritz.codegen.team import Team
        from ritz.codegen.transforms.provider import ALIGNMENT, aligned

        steps = self._loop_steps() if self.fused is None else self._fused_steps()
        code = self._encoded = Encoder(steps, self._grid_arrays(), self.entries.size, self._scratch)
        stride = aligned(code.scratch)
        self._memory = np.empty(threads * stride + ALIGNMENT, np.uint8)
        self.team = Team(threads)
        scratch = aligned(self._memory.ctypes.data)
        head = [len(code.program) // runtime.STRIDE, threads, scratch, stride, self.team.address]
        self._program = np.concatenate([np.array(head, dtype=np.int64), code.program])
        self.address = runtime.runner(threads)
        self.entries[0], self.entries[3] = self._program.ctypes.data, self.address
        self.context = self.entries.ctypes.data

    def _fused_steps(self) -> list[Step]:
        from ritz.codegen.runtime import FUSED
        from ritz.codegen.steps import Step

        assert self.fused is not None
        self._scratch = self.fused.scratch
        return [Step(FUSED, self.fused.values, function) for function in self.fused.functions]

    def _loop_steps(self) -> list[Step]:
        from ritz.codegen.steps import loop_step

        steps: list[Step] = []
        stage, self._scratch = iter(self.compiled.addresses), 0
        for step in self.compiled.program.steps:
            if isinstance(step, MapCall):
                steps += self._map_steps(step)
            else:
                shape = self._shape(step.axes)
                total = int(np.prod(shape))
                flat = step.name in self.compiled.emitted.flat
                rows = total if flat else (shape[0] if shape else 1)
                planes = shape[0] if is_plane_wise(self.compiled.program, step, self.space) else 0
                steps.append(loop_step(next(stage), rows, total, planes, self._touched(step)))
        return steps

    def _map_steps(self, step: MapCall) -> list[Step]:
        """The phases of a batch of maps."""
        from ritz.codegen.steps import phase_steps

        plan = self.space.plan(step.map, step.batch)
        ends = self.arrays[step.source].ctypes.data, self.arrays[step.target].ctypes.data
        strides = self._strides[step.source], self._strides[step.target]
        end = int(step.map.kind == "inverse")
        grid = (step.source, step.target)[end]
        values = self.arrays[grid].size // len(self.arrays[grid]) * step.batch
        self._plans.append(plan)
        self._scratch = max(self._scratch, plan.scratch)
        return phase_steps(plan, ends, strides, step.batch, values, (grid, end))

    def _touched(self, stage: Stage) -> tuple[str, ...]:
        """The buffers that a stage reads or writes."""
        program = self.compiled.program
        leaves = [args[0] for op, args in zip(stage.code.op, stage.code.args, strict=True) if op == "leaf"]
        g = program.graph
        leaves = [int(g.args[n][0].split()[1]) if _is_part(g, n) else n for n in leaves]
        read = [program.map_results[n][0] for n in leaves if n in program.map_results]
        written = [t.array.rsplit("[", 1)[0] for t in stage.targets if not t.array.startswith("out")]
        return tuple(dict.fromkeys([*read, *written]))

    def _grid_arrays(self) -> dict[str, GridArray]:
        """All buffers by name."""
        from ritz.codegen.steps import GridArray

        slots = list(self.compiled.emitted.slots)
        found: dict[str, GridArray] = {}
        for name in self.compiled.program.buffers if self.fused is None else ():
            where = [slots.index(slot) if slot in slots else 0 for slot in (f"array {name}", f"stride {name}")]
            array = self.arrays[name]
            found[name] = GridArray(where[0], where[1], len(array), array[0].nbytes // max(array.shape[1:2], default=1))
        return found

    def add_linear(self, diagonal: np.ndarray) -> int:
        """Give the program a linear part; returns the address of ``L u + N``, with the same context."""
        from ritz.codegen import runtime

        self.linear = np.ascontiguousarray(diagonal, dtype=complex)
        self.entries[1], self.entries[2] = self.linear.ctypes.data, self.linear.size
        return int(runtime.run_split.address)

    def set_direction(self, vector: np.ndarray, system: str) -> None:
        """Store the direction of a derivative of the system with this name.

        Raises:
            RitzError: the direction has the wrong length.
        """
        size = self.compiled.directions
        if vector.shape != (size,):
            raise RitzError(f"This derivative of {system} takes a direction of length {size}; found {vector.shape}.")
        if "seeds" in self.arrays:
            self.arrays["seeds"][...] = vector
            return
        for name, part in self.compiled.seeds.items():
            if (array := self.arrays.get(f"seed {name}")) is not None:
                array.reshape(-1).view(float)[...] = vector[part]

    def update(self, p: Mapping[str, float]) -> None:
        """Compute the tables for a parameter vector; the arrays keep their addresses."""
        program = self.compiled.program
        g, roots = program.graph, list(program.tables.values())
        key = tuple(p.values())
        if key == self._tables_of:
            return
        self._tables_of = key
        if is_scalar(program):
            for prepare in self.compiled.addresses[1:]:
                tables = self.arrays["tables"]
                call_rhs_address(prepare, 0.0, np.empty(0), np.array(key, dtype=float), tables, self.context)
            return
        if not roots:
            return
        values = leaf_values(g, roots, self.space, p)
        results = evaluate_in(self.space, g, roots, values)
        expanded = self.fused.expanded if self.fused else {}
        for (name, array), result in zip(self.tables.items(), results, strict=True):
            full = np.broadcast_to(result, np.broadcast_shapes(np.shape(result), (1,) * self.space.slots))
            if name in expanded:
                full = np.broadcast_to(full, self._over_slots(array.shape))
            array[...] = full.reshape(array.shape) if full.size == array.size else _fit(full, array.shape)


def _is_part(g: Graph, node: int) -> bool:
    """Whether an input is the real or the imaginary part of another node."""
    return g.op[node] == "input" and g.args[node][1] == "part"


def _fit(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Broadcast a value with fewer varying slots into the array that its axes ask for."""
    squeezed = value.reshape([n for n in value.shape if n > 1])
    return np.broadcast_to(squeezed, shape)
