"""Values of fields, their derivatives and expressions of them in any points of a mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from ritz.codegen.fem.element import coordinate_element
from ritz.codegen.layout import Array
from ritz.errors import OptionError, UnsupportedError, nearest
from ritz.symbolic.coordinates import Coordinate, Time
from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.fields import Field
from ritz.symbolic.graph import Graph
from ritz.symbolic.operators import D, Operator, as_expression
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
    """An expression of the fields and their first derivatives in points of the mesh.

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
        table = self._table(coordinate_element(mesh.cell_type, mesh.geometry_degree))
        self.x = np.einsum("na,nai->ni", table[0], corners)
        self.jacobian = np.einsum("mna,nai->nim", table[1:], corners)
        self.inverse = np.linalg.inv(self.jacobian)

    def _table(self, ref: Any) -> Array:
        return np.asarray(ref.tabulate(self.places)[..., 0])

    def value(self, entry: sp.Expr) -> Array:
        """Values of a scalar expression."""
        g, values = Graph(), {}
        leaves: dict[sp.Basic, int] = {}
        for atom in sorted(entry.atoms(Field, D, Coordinate, Time, sp.Symbol), key=str):
            if isinstance(atom, Operator) and not (
                isinstance(atom, D) and isinstance(atom.expr, Field) and atom.order == 1
            ):
                raise UnsupportedError(
                    f"{atom} in an expression to be evaluated: first derivatives of fields are there only."
                )
            node = leaves[atom] = g.input(str(atom), "table")
            values[node] = self._atom(atom)
        (found,) = evaluate(g, [to_graph(g, entry, leaves)], values)
        return np.broadcast_to(np.asarray(found, dtype=float), (len(self.cells),))

    def _atom(self, atom: sp.Basic) -> Any:
        if isinstance(atom, Time):
            return self.t
        if isinstance(atom, Coordinate):
            return self.x[:, self.system.form.coordinates.index(atom)]
        if isinstance(atom, D):
            return self._field(atom.expr, 1 + self.system.form.coordinates.index(atom.variable))
        if isinstance(atom, Field):
            return self._field(atom, 0)
        if str(atom) in self.p:
            return self.p[str(atom)]
        raise OptionError(f"{atom} is neither a field, a coordinate nor a parameter of this problem.")

    def _field(self, field: Any, derivative: int) -> Array:
        space = self.system.model.space
        block, component = self.system.model.lowering.index[field]
        nodes = space.nodes[block]
        local = self.fields[space.names[block]][nodes.cells[self.cells]]
        sums = np.einsum("dnav,na->ndv", nodes.reference.tabulate(self.places), local)
        values = (
            sums[:, 0] if derivative == 0 else np.einsum("nmv,nm->nv", sums[:, 1:], self.inverse[:, :, derivative - 1])
        )
        if nodes.reference.map == "contravariant":
            det = np.linalg.det(self.jacobian)
            return np.einsum("nv,nv->n", self.jacobian[:, component], values) / det
        if nodes.reference.map == "covariant":
            return np.einsum("nv,nv->n", self.inverse[:, :, component], values)
        return values[:, 0]
