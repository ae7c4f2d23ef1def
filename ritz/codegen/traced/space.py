"""The space of a traced program: what its axes, index maps, masks and matrices are in numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ritz.codegen.layout import Array
from ritz.codegen.program import Interior, Scheduler
from ritz.codegen.traced.interior import find_interior
from ritz.codegen.transforms.provider import Phase, Plan
from ritz.errors import UnsupportedError
from ritz.symbolic.graph import Axis, Graph, LinearMap
from ritz.symbolic.rewrite.scheduled import Scheduled
from ritz.symbolic.tracing.oracle import ends, evaluate_spread, numpy_map
from ritz.symbolic.tracing.settle import settle
from ritz.symbolic.tracing.tape import SLOTS, Tape


class TracedSpace:
    """Implements `ritz.codegen.instance.Space` for a recorded program.

    Args:
        tape: the record.
    """

    slots = SLOTS

    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    @property
    def order(self) -> Mapping[Axis, int]:
        """Nesting depth of every axis."""
        return self.tape.order

    def size(self, axis: Axis) -> int:
        """Length of an axis."""
        return self.tape.size[axis]

    def array(self, kind: str, name: str) -> Array:
        """Values of a constant array or mask."""
        return self.tape.arrays[name]

    def index(self, name: str) -> Array:
        """Positions of an index map."""
        return self.tape.indices[name]

    def settle(self, roots: Sequence[int]) -> list[int]:
        """Bring nodes into the form that loops are printed from."""
        return settle(self.tape, roots)

    def interior(
        self, g: Graph, axes: tuple[Axis, ...], roots: Sequence[int], code: Scheduled, schedule: Scheduler
    ) -> Interior | None:
        """Where a stage needs no index arrays and masks."""
        return find_interior(self.tape, g, axes, roots, code, schedule)

    def plan(self, linear_map: LinearMap, batch: int) -> Plan:
        """A compiled map, the same for every buffer of a batch."""
        from ritz.codegen.traced import maps

        functions = {
            "sum": maps.sum_along, "max": maps.max_along, "matrix": maps.matrix_along, "scatter": maps.scatter_along,
        }  # fmt: skip
        outer, n, m, inner = split(self.tape, linear_map)
        data = np.zeros(0)
        name = self.tape.origin[linear_map.name]
        if linear_map.kind == "matrix":
            matrix = self.tape.arrays[name.removesuffix(".T")]
            data = np.ascontiguousarray(matrix.T if name.endswith(".T") else matrix)
        elif linear_map.kind == "scatter":
            data = self.tape.indices[name.removesuffix(".T")]
        head = np.array([outer, n, m, inner, data.ctypes.data], dtype=np.int64)
        phase = Phase(int(functions[linear_map.kind].address), m if linear_map.kind == "matrix" else outer, False)
        return Plan((phase,), head.ctypes.data, 0, 0, (head, data))

    def numpy_map(self, linear_map: LinearMap) -> Callable[[Array], Array]:
        """The same map in NumPy."""
        return numpy_map(self.tape, linear_map)

    def evaluate(self, roots: Sequence[int], values: Mapping[int, Any]) -> list[Any]:
        """Values of nodes by NumPy."""
        return list(evaluate_spread(self.tape, roots, values))

    def jacobian(self, system: Any, t: float, u: Any, p: Any) -> Any:
        """Sparse Jacobian of the right-hand side."""
        from ritz.codegen.traced.jacobian import jacobian_of

        return jacobian_of(system, t, u, p)

    def compiled_jacobian(self, system: Any) -> Any:
        """The Jacobian as compiled code (`ritz.codegen.traced.compiled_jacobian`)."""
        from ritz.codegen.traced.jacobian import compiled_jacobian_of

        return compiled_jacobian_of(system)


def split(tape: Tape, m: LinearMap) -> tuple[int, int, int, int]:
    """A map between buffers as (outer, n of the source, n of the target, inner).

    Raises:
        UnsupportedError: it moves entries to another dimension.
    """
    source, target = (
        ends(m) if m.kind in ("matrix", "scatter") else ([a for a in m.source if a not in m.target][0], None)
    )
    if target is not None and tape.slot[source] != tape.slot[target]:
        raise UnsupportedError(f"The map {m.name} transposes and adds up at the same time, which is not supported.")
    axes = tape.looped(m.source)
    at = axes.index(source)
    sizes = [tape.size[a] for a in axes]
    after = 1 if target is None else tape.size[target]
    return int(np.prod(sizes[:at], dtype=int)), sizes[at], after, int(np.prod(sizes[at + 1 :], dtype=int))
