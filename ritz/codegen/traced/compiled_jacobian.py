"""Jacobians of stencils as compiled code: one loop stores all partial derivatives, a second one puts them in order.

For programs whose expressions read the state alone, here or elsewhere. Sums over axes, values stored between loops and
matrix products need products of sparse factors, which `ritz.codegen.traced.jacobian` makes in SciPy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.codegen.instance import CompiledProgram, Instance
from ritz.codegen.loops import as_f64, as_i64, call_rhs, compiled
from ritz.codegen.program import Target, build_program
from ritz.symbolic.graph import Axis

Integers = NDArray[np.int64]


@compiled()
def entries_of(t: float, u: int, p: int, out: int, ctx: int) -> None:
    """Compute all partial derivatives and add up those that belong to one entry.

    The context holds the program, its context, the memory of its results, the number of entries, and for the entries
    where the list of their results starts, and that list.
    """
    context = as_i64(ctx)
    call_rhs(context[0], t, u, p, context[2], context[1])
    partial, starts, sources, values = as_f64(context[2]), as_i64(context[4]), as_i64(context[5]), as_f64(out)
    for k in range(context[3]):
        total = partial[sources[starts[k]]]
        for j in range(starts[k] + 1, starts[k + 1]):
            total += partial[sources[j]]
        values[k] = total


@dataclass(frozen=True)
class Part:
    """The derivative of one block of the right-hand side by one read.

    Attributes:
        node: its value over `axes`.
        axes: of the block, outermost first.
        rows, columns: places in the Jacobian, one for every cell.
    """

    node: int
    axes: tuple[Axis, ...]
    rows: Integers
    columns: Integers


class CompiledJacobian:
    """The compiled Jacobian of a traced system, made once.

    Args:
        system: the system.
        parts: all derivatives.

    Attributes:
        indptr, indices: the pattern by columns, int32.
    """

    def __init__(self, system: Any, parts: Sequence[Part]) -> None:
        size = system.layout.size
        rows = np.concatenate([part.rows for part in parts] or [np.zeros(0, np.int64)])
        columns = np.concatenate([part.columns for part in parts] or [np.zeros(0, np.int64)])
        places, inverse = np.unique(columns * size + rows, return_inverse=True)
        self.indices = (places % size).astype(np.int32)
        self.indptr = np.searchsorted(places // size, np.arange(size + 1)).astype(np.int32)
        self._sources: Integers = np.argsort(inverse, kind="stable")
        counts = np.bincount(inverse, minlength=len(places))
        self._starts: Integers = np.concatenate([[0], np.cumsum(counts)])
        self._offsets: dict[str, int] = {f.name: 8 * f.start for f in system.layout.fields}
        outputs, total = [], 0
        for k, part in enumerate(parts):
            outputs.append(Target(f"out part {k}", part.axes, (part.node,)))
            self._offsets[f"part {k}"] = 8 * total
            total += part.rows.size
        self._total, self.system = total, system
        space, names = system.space, [p.name for p in system.parameters]
        program = build_program(
            system.lowered.graph, outputs, space.order, system._scheduler("jacobian"), interior=space.interior
        )
        title = f"jacobian of {system.name}, made by Ritz"
        self.compiled = CompiledProgram(program, title, names, system.layout.names, {})

    def bind(self, p: Mapping[str, float]) -> tuple[int, int, Any]:
        """Fix the parameters: address and context of the function that stores the entries, and what to keep alive."""
        instance = Instance(self.compiled, self.system.space, self._offsets)
        instance.update(p)
        memory = np.zeros(self._total)
        addresses = [a.ctypes.data for a in (self._starts, self._sources)]
        head = [instance.address, instance.context, memory.ctypes.data, self.indices.size, *addresses]
        context = np.array(head, dtype=np.int64)
        return int(entries_of.address), int(context.ctypes.data), (self, instance, memory, context)
