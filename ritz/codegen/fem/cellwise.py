"""Values of expressions in the same reference points of every cell: what pictures, files and estimates are made of."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ritz.codegen.fem.element import SIMPLICES
from ritz.codegen.fem.evaluation import _PointReader, components_of
from ritz.codegen.layout import Array

CHUNK = 200_000  # points at a time


def values_in_cells(
    system: Any, expr: Any, places: Array, u: Any, t: float = 0.0, p: Any = None, cells: Array | None = None
) -> Array:
    """An expression of the fields and their first and second derivatives, cell by cell.

    Args:
        system: the `FemSystem`.
        expr: a field, its name or an expression; SymPy components too.
        places: (k, dim) reference coordinates.
        u, t, p: state, time, parameters.
        cells: their numbers; all by default.

    Returns:
        (components, cells, k); one component for scalars.

    Example:
        >>> import ritz as rz
        >>> u, x = rz.fields("u"), rz.coords("x")
        >>> problem = rz.Problem([rz.Eq(-rz.lap(u), 0)], domain=rz.interval(0, 2, 2), conditions=[rz.Dirichlet(u, x)])
        >>> system = problem.discretize(rz.FiniteElement(degree=1))
        >>> values_in_cells(system, "u", np.array([[0.0], [0.5]]), np.ones(1)).tolist()
        [[[0.0, 0.5], [1.0, 1.5]]]
    """
    chosen = np.arange(len(system.mesh.cells)) if cells is None else np.asarray(cells)
    entries = components_of(system, expr).entries
    found = np.empty((len(entries), len(chosen), len(places)))
    step = max(CHUNK // max(len(places), 1), 1)
    for start in range(0, len(chosen), step):
        part = chosen[start : start + step]
        reader = _PointReader(system, np.repeat(part, len(places)), np.tile(places, (len(part), 1)), u, t, p)
        for k, entry in enumerate(entries):
            found[k, start : start + step] = reader.value(entry).reshape(len(part), len(places))
    return found


@cache
def subdivision(cell: str, n: int) -> tuple[Array, Array]:
    """A lattice on a reference cell, and what it is cut into.

    Args:
        cell: interval, triangle or quadrilateral.
        n: pieces along an edge.

    Returns:
        points (k, dim); intervals (pieces, 2) or triangles (pieces, 3) of their numbers.

    Example:
        >>> [len(part) for part in subdivision("triangle", 3)]
        [10, 9]
        >>> [len(part) for part in subdivision("quadrilateral", 2)]
        [9, 8]
    """
    if cell == "interval":
        steps = np.arange(n + 1)
        return (steps / n)[:, None], np.stack([steps[:-1], steps[1:]], axis=1)
    simplex = cell in SIMPLICES
    pairs = [(i, j) for j in range(n + 1) for i in range(n + 1 - j * simplex)]
    number = {pair: k for k, pair in enumerate(pairs)}
    pieces = []
    for i, j in pairs:
        if (i + 1, j) in number and (i, j + 1) in number:
            pieces.append([number[i, j], number[i + 1, j], number[i, j + 1]])
        if (i + 1, j) in number and (i, j + 1) in number and (i + 1, j + 1) in number:
            pieces.append([number[i + 1, j], number[i + 1, j + 1], number[i, j + 1]])
    return np.array(pairs, dtype=float) / n, np.array(pieces)


def degree_of_fields(system: Any, names: Any = None) -> int:
    """Highest degree among elements of some components (all by default), at least that of the mesh's geometry."""
    space = system.model.space
    chosen = [n.element.degree for name, n in zip(space.names, space.nodes, strict=False)
              if names is None or name in names]  # fmt: skip
    return max([system.mesh.geometry_degree, 1, *chosen])


def writable(system: Any, names: Any, u: Any, t: float, p: Any) -> tuple[dict[str, Array], dict[str, Array]]:
    """Fields as `ritz.write_fields` takes them: values at nodes for continuous ones, means over cells for others.

    Returns:
        name -> (nodes,) or (nodes, n) at the vertices or at the nodes of degree 2; name -> (cells,) or (cells, n).
    """
    from ritz.codegen.mesh.lattice import number_second_order
    from ritz.codegen.mesh.reference import lagrange

    mesh, space, form = system.mesh, system.model.space, system.form
    parts = {str(f): [c.name for c in form.components[f]] for f in form.unknowns}
    nodal: dict[str, Array] = {}
    cellwise: dict[str, Array] = {}
    for name in names:
        carriers = [c for c in parts.get(name, [name]) if c in space.names] or [name]
        nodes = space.nodes[space.names.index(carriers[0])]
        if nodes.element.family == "Real":
            continue
        if nodes.reference.is_nodal and not nodes.element.is_discontinuous:
            degree = 1 if nodes.element.degree == 1 and mesh.geometry_degree == 1 else 2
            table = mesh.cells if degree == 1 else number_second_order(mesh)[0]
            places = lagrange(mesh.cell_type, degree).points
            values = values_in_cells(system, name, places, u, t, p)
            whole = np.empty((len(values), int(table.max()) + 1))
            whole[:, table] = values
            nodal[name] = _last(whole)
        else:
            middle = mesh.reference.corners.mean(axis=0, keepdims=True)
            cellwise[name] = _last(values_in_cells(system, name, middle, u, t, p)[:, :, 0])
    return nodal, cellwise


def _last(values: Array) -> Array:
    return values[0] if len(values) == 1 else np.ascontiguousarray(values.T)
