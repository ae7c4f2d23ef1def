"""Values of fields, their derivatives and expressions of them in any points of a mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from ritz.codegen.fem.element import SIMPLICES, coordinate_element
from ritz.codegen.fem.pullback import Axes, CellMap
from ritz.codegen.layout import Array
from ritz.errors import OptionError, UnsupportedError, nearest
from ritz.symbolic.coordinates import Coordinate, Time
from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.fields import Field
from ritz.symbolic.graph import Graph
from ritz.symbolic.operators import D, as_expression
from ritz.symbolic.sympy_bridge import to_graph
from ritz.symbolic.tensors import Expander, Tensor
from ritz.symbolic.weak_components import push_down


def expander_of(system: Any) -> Expander:
    """What turns expressions of the user's fields into components."""
    form = system.form
    return Expander(form.coordinates, dict(form.components))


def values_at(
    system: Any, expr: Any, points: Any, u: Any, t: float = 0.0, p: Any = None, *, outside: str = "raise"
) -> Array:
    """An expression of the fields and their first and second derivatives in points of the mesh.

    Args:
        system: the `FemSystem`.
        expr: a field, its name, or an expression such as ``dot(grad(u), grad(u))``; a vector gives one row for each
            component.
        points: (n, gdim) or (gdim,).
        u, t, p: state, time, parameters.
        outside: "raise", or "nan" for points outside the mesh.

    Returns:
        (n,) values, or (components, n); without the last axis for a single point. Derivatives jump between cells: the
        value of one of the cells that share a point is taken.

    Raises:
        OptionError: an unknown field, or points outside the mesh.
    """
    points = np.asarray(points, dtype=float)
    single = points.ndim == 1 and system.mesh.points.shape[1] == len(points)
    points = points.reshape(1, -1) if single else points.reshape(len(points), -1)
    cells, places = system.mesh.locate(points)
    missing = cells < 0
    if missing.any() and outside != "nan":
        at = tuple(map(float, points[int(np.argmax(missing))]))
        raise OptionError(
            f"{int(missing.sum())} of {len(points)} points lie outside the mesh, e.g. {at}. Pass outside='nan'."
        )
    entries = components_of(system, expr)
    result = np.full((len(entries.entries), len(points)), np.nan)
    inside = ~missing
    if inside.any():
        reader = _PointReader(system, cells[inside], places[inside], u, t, p)
        for k, entry in enumerate(entries.entries):
            result[k, inside] = reader.value(entry)
    result = result[0] if entries.rank == 0 else result
    return result[..., 0] if single else result


def components_of(system: Any, expr: Any) -> Tensor:
    """The scalar entries of an expression, derivatives pushed down to the fields."""
    form = system.form
    known: dict[str, Field] = {str(f): f for f in form.unknowns}
    known |= {c.name: c for parts in form.components.values() for c in parts}
    if isinstance(expr, str):
        if expr not in known:
            raise OptionError(f"There is no field {expr!r}.{nearest(expr, known)} Fields: {', '.join(known)}.")
        expr = known[expr]
    expr = as_expression(expr)
    for symbol in expr.free_symbols:
        if isinstance(symbol, Field) and symbol.name not in known:
            raise OptionError(f"{symbol} in {expr} is no field of this problem. Fields: {', '.join(known)}.")
    return expander_of(system)(expr).map(push_down)


class _PointReader:
    """Values of atoms in points of given cells."""

    def __init__(self, system: Any, cells: Array, places: Array, u: Any, t: float, p: Any) -> None:
        self.system, self.cells, self.places = system, cells, places
        self.t, self.p = t, system._named(system.parameter_vector(p))
        self.fields = system.to_fields(np.asarray(u, dtype=float), t, p)
        mesh = system.mesh
        corners = mesh.points[mesh.geometry[cells]]
        ref = coordinate_element(mesh.cell_type, mesh.geometry_degree)
        derivatives = np.einsum("mna,nai->mni", ref.tabulate(places, 2)[..., 0], corners)
        affine = mesh.cell_type in SIMPLICES and mesh.geometry_degree == 1
        first, second = np.split(np.moveaxis(derivatives[1:], 0, -1), [mesh.dim], axis=-1)
        self.x, self.map = derivatives[0], CellMap(first, None if affine else second)

    def value(self, entry: sp.Expr) -> Array:
        """Values of a scalar expression."""
        g, values = Graph(), {}
        leaves: dict[sp.Basic, int] = {}
        for atom in sorted(entry.atoms(Field, D, Coordinate, Time, sp.Symbol), key=str):
            node = leaves[atom] = g.input(str(atom), "table")
            values[node] = self._atom(atom)
        (found,) = evaluate(g, [to_graph(g, entry, leaves)], values)
        return np.broadcast_to(np.asarray(found, dtype=float), (len(self.cells),))

    def _atom(self, atom: sp.Basic) -> Any:
        if isinstance(atom, Time):
            return self.t
        if isinstance(atom, Coordinate):
            return self.x[:, self.system.form.coordinates.index(atom)]
        if isinstance(atom, D | Field):
            return self._field(*self._differentiated(atom))
        if str(atom) in self.p:
            return self.p[str(atom)]
        raise OptionError(f"{atom} is neither a field, a coordinate nor a parameter of this problem.")

    def _differentiated(self, atom: Any) -> tuple[Field, Axes]:
        """The field below some derivatives, and the axes of these."""
        inner, axes = atom, []
        while isinstance(inner, D):
            axes += [self.system.form.coordinates.index(inner.variable)] * inner.order
            inner = inner.expr
        if not isinstance(inner, Field) or len(axes) > 2:
            raise UnsupportedError(
                f"{atom} in an expression to be evaluated: derivatives in space, of first and second order, of fields "
                "are there only."
            )
        return inner, tuple(sorted(axes))

    def _field(self, field: Field, derivative: Axes) -> Array:
        space = self.system.model.space
        block, component = self.system.model.lowering.index[field]
        nodes = space.nodes[block]
        if nodes.element.is_vector and len(derivative) > 1 and self.map.second is not None:
            raise UnsupportedError(
                f"A second derivative of {field} is asked for, but on curved cells {nodes.element!r} has first "
                "derivatives only. Use straight cells, or Lagrange elements for its components."
            )
        local = self.fields[space.names[block]][nodes.cells[self.cells]]
        factors = self.map.factors(nodes.reference.map, (component, derivative))
        rows = nodes.reference.rows(self.places, [row for row, _ in factors])
        sums = np.einsum("rna,na->rn", rows, local)
        return np.asarray(sum(total * factor for total, (_, factor) in zip(sums, factors, strict=True)))
