"""Which results depend on which variables, found without building a derivative.

Sets of variables are the bits of one Python integer for each node, so a union is one operation.
"""

from __future__ import annotations

from collections.abc import Sequence

from ritz.symbolic.derivative_rules import differentiable_arguments
from ritz.symbolic.graph import Graph


def pattern(g: Graph, roots: Sequence[int], wrt: Sequence[int]) -> list[tuple[int, ...]]:
    """Columns of the Jacobian of `roots` that may be nonzero.

    Arguments through which no derivative flows (of a comparison, floor, sign; the condition of a where) do not count.
    Maps and gathers are looked through: the entry is then a block.

    Args:
        g: the graph.
        roots: rows.
        wrt: independent nodes, the columns.

    Returns:
        Per root, the increasing positions in `wrt` it depends on. A superset of the keys of
        `ritz.symbolic.calculus.sparse_jacobian`.

    Example:
        >>> g = Graph()
        >>> x, y = g.input("x", "state"), g.input("y", "state")
        >>> pattern(g, [g.product([x, y]), g.func("sin", y)], [x, y])
        [(0, 1), (1,)]
    """
    bits = {node: 1 << i for i, node in enumerate(wrt)}
    for node in g.topological(roots, stop=bits.copy()):
        if node not in bits:
            union = 0
            for n in differentiable_arguments(g, node):
                union |= bits[n]
            bits[node] = union
    return [_positions(bits[r]) for r in roots]


def compressed(rows: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """Return ``(indptr, indices)`` of a pattern, as in compressed sparse row matrices."""
    indptr = [0]
    for row in rows:
        indptr.append(indptr[-1] + len(row))
    return indptr, [column for row in rows for column in row]


def _positions(bits: int) -> tuple[int, ...]:
    found = []
    while bits:
        low = bits & -bits
        found.append(low.bit_length() - 1)
        bits ^= low
    return tuple(found)
