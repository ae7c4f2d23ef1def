"""A spectral right-hand side taken apart at the grid, for reduced models.

    f(u, t; p) = sum_c theta_c(p, t) [ L_c u + B_c q_c(A u, x, t, p) + s_c ]

A brings linear fields of the state to the grid, q is pointwise there, B takes products back to the state. All three
are read off the graph: scalars of parameters and time are separated, what remains is linear in its carrier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ritz.codegen.instance import leaf_values, numpy_maps, spread
from ritz.codegen.layout import Array
from ritz.codegen.point_kernel import PointKernel
from ritz.codegen.realify import realify
from ritz.errors import UnsupportedError
from ritz.symbolic.affine import affine_terms
from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.graph import TIME, Graph


@dataclass(frozen=True)
class ColumnOperator:
    """A linear operator given by its action on one column.

    Attributes:
        shape: (rows, columns).
        apply: (columns,) -> (rows,).
    """

    shape: tuple[int, int]
    apply: Callable[[Array], Array]

    def matvec(self, v: Array) -> Array:
        """Apply to one column."""
        return self.apply(np.asarray(v, dtype=float))

    def matmat(self, v: Array) -> Array:
        """Apply to every column of (columns, k)."""
        return np.stack([self.apply(column) for column in np.asarray(v, dtype=float).T], axis=1)


@dataclass(frozen=True)
class PointForm:
    """The pieces of the formula above.

    Attributes:
        inputs: A, one operator for each real grid field: state -> grid values.
        products: q, compiled; see `PointKernel`.
        outputs: (theta, product, B): grid values -> state.
        linear: (theta, L): state -> state.
        sources: (theta, s): (size,) vectors.
        thetas: ``thetas(p, t)`` gives all factors; the first is the constant 1.
        theta_depends_on_time: whether they change during a run.
        npoints: number of grid points.
    """

    inputs: tuple[ColumnOperator, ...]
    products: PointKernel
    outputs: tuple[tuple[int, int, ColumnOperator], ...]
    linear: tuple[tuple[int, ColumnOperator], ...]
    sources: tuple[tuple[int, Array], ...]
    thetas: Callable[[Any, float], Array]
    theta_depends_on_time: bool
    npoints: int


def make_point_form(system: Any) -> PointForm:
    """Take the right-hand side of a spectral system apart.

    Raises:
        UnsupportedError: the system is no spectral one, a transform is applied to the result of another one, or a
            parameter enters in a way that is not a factor.
    """
    if not system.layout.is_complex:
        raise UnsupportedError(f"{system.name} has no grid: its right-hand side cannot be taken apart at grid points.")
    return _Splitter(system).result()


class _Splitter:
    def __init__(self, system: Any) -> None:
        self.system, self.space, self.layout = system, system.space, system.layout
        self.g: Graph = system.lowered.graph
        self.names = list(system.layout.names)
        self.thetas: list[int] = [self.g.one]
        self.inverse_nodes: list[int] = []
        self.forward_nodes: list[int] = []
        self.pieces: dict[tuple[int, str, int], dict[str, int]] = {}
        self.npoints = int(np.prod(self.space.shape.points))

    # ------------------------------------------------------------------ reading the graph
    def result(self) -> PointForm:
        rows = self._grid_fields_without_parameters(self.system.lowered.rhs())
        for name, root in rows.items():
            split = affine_terms(self.g, root)
            if split.leftover != self.g.zero:
                raise UnsupportedError(
                    f"A parameter enters the equation of {name} inside an operator, not as a factor; such a system "
                    "cannot be reduced by projection of its pieces."
                )
            for theta, rest in split.terms:
                self._sort(name, self._theta(theta), rest)
        inputs, kernel, parts = self._products()
        outputs, linear, sources = [], [], []
        for (theta, kind, carrier), nodes in self.pieces.items():
            if kind == "linear":
                linear.append((theta, self._linear(nodes)))
            elif kind == "source":
                sources.append((theta, self._evaluate_rows(nodes, {})))
            else:
                for product, is_imaginary in parts[carrier]:
                    outputs.append((theta, product, self._output(nodes, carrier, is_imaginary)))
        time_dependent = any(TIME in self.g.axes[n] for n in self.thetas)
        return PointForm(
            tuple(inputs), kernel, tuple(outputs), tuple(linear), tuple(sources), self._theta_values,
            time_dependent, self.npoints,
        )  # fmt: skip

    def _grid_fields_without_parameters(self, rows: Mapping[str, int]) -> dict[str, int]:
        """Pull parameters out of inverse transforms, so that A does not depend on them."""
        g, new = self.g, dict[int, int]()
        for node in g.topological(rows.values()):
            made = g.rebuild(node, new)
            if g.op[made] == "map" and g.args[made][0] == self.space.inverse:
                if any(g.op[n] == "map" for n in g.topological([g.args[made][1]])):
                    raise UnsupportedError(
                        "A transform is applied to the result of another one; this cannot be sampled."
                    )
                split = affine_terms(g, made)
                made = g.sum([g.product([theta, rest]) for theta, rest in split.terms] + [split.leftover])
            new[node] = made
        return {name: new[root] for name, root in rows.items()}

    def _theta(self, node: int) -> int:
        if node not in self.thetas:
            self.thetas.append(node)
        return self.thetas.index(node)

    def _sort(self, name: str, theta: int, rest: int) -> None:
        """Put the terms of a parameter-free row under their carriers."""
        g = self.g
        terms = [(k, n) for n, k in g.args[rest][1]] if g.op[rest] == "add" else [(1, rest)]
        if g.op[rest] == "add" and g.args[rest][0] != 0:
            terms.append((1, g.const(g.args[rest][0])))
        for c, node in terms:
            kind, carrier = self._carrier(node)
            rows = self.pieces.setdefault((theta, kind, carrier), {})
            rows[name] = g.sum([rows.get(name, g.zero), g.scale(c, node)])

    def _carrier(self, node: int) -> tuple[str, int]:
        g = self.g
        found = [
            n for n in g.topological([node], stop=[m for m in g.topological([node]) if g.op[m] == "map"])
            if g.op[n] == "map" and TIME in g.axes[n]
        ]  # fmt: skip
        if len(found) == 1:
            return "product", found[0]
        if any(g.op[n] == "input" and g.args[n][1] == "state" for n in g.topological([node])):
            return "linear", -1
        return "source", -1

    def _products(self) -> tuple[list[ColumnOperator], PointKernel, dict[int, list[tuple[int, bool]]]]:
        """Grid fields and products in real numbers."""
        g = self.g
        carriers = sorted({c for _, kind, c in self.pieces if kind == "product"})
        arguments = [g.args[c][1] for c in carriers]
        fields = [
            n for n in g.topological(arguments)
            if g.op[n] == "map" and g.args[n][0] == self.space.inverse
        ]  # fmt: skip
        inputs: list[ColumnOperator] = []
        leaves: dict[int, int] = {}
        for node in fields:
            for part in ("re", "im") if g.is_complex[node] else ("",):
                leaves[g.func(part, node) if part else node] = len(inputs)
                inputs.append(self._input(node, part))
        roots: list[int] = []
        parts: dict[int, list[tuple[int, bool]]] = {}
        for carrier, (re, im) in zip(carriers, realify(g, arguments, fields), strict=True):
            parts[carrier] = []
            for root, is_imaginary in ((re, False), (im, True)):
                if root != g.zero:
                    parts[carrier].append((len(roots), is_imaginary))
                    roots.append(root)
        coordinates = {n: np.ravel(np.broadcast_to(v, self.space.shape.points)) for n, v in self._coordinates(roots)}
        names = [p.name for p in self.system.parameters]
        return inputs, PointKernel(g, roots, leaves, coordinates, names, self.system.name), parts

    def _coordinates(self, roots: Sequence[int]) -> list[tuple[int, Array]]:
        nodes = list(self.g.inputs(roots, "coordinate"))
        return [
            (n, spread(self.space.array("coordinate", self.g.args[n][0]), list(self._axes(n)), self.space))
            for n in nodes
        ]

    def _axes(self, node: int) -> list[Any]:
        return [a for a in self.g.axes[node] if a in self.space.order]

    # ------------------------------------------------------------------ operators
    def _state_values(self, u: Array) -> dict[int, Array]:
        modes = self.layout.modes(u)
        return {self.system.lowered.states[n]: modes[n] for n in self.names}

    def _input(self, node: int, part: str) -> ColumnOperator:
        g = self.g
        values = leaf_values(g, [node], self.space, {})
        maps = numpy_maps(g, [node], self.space)

        def apply(u: Array) -> Array:
            (grid,) = evaluate(g, [node], {**values, **self._state_values(u)}, maps)
            grid = np.broadcast_to(grid, self.space.shape.points).ravel()
            return np.ascontiguousarray(grid.imag if part == "im" else grid.real)

        return ColumnOperator((self.npoints, self.layout.size), apply)

    def _linear(self, nodes: Mapping[str, int]) -> ColumnOperator:
        size = self.layout.size
        return ColumnOperator((size, size), lambda u: self._evaluate_rows(nodes, self._state_values(u)))

    def _output(self, nodes: Mapping[str, int], carrier: int, is_imaginary: bool) -> ColumnOperator:
        factor = 1j if is_imaginary else 1.0

        def apply(grid: Array) -> Array:
            modes = self.space.shape.forward(factor * grid.reshape(self.space.shape.points))
            return self._evaluate_rows(nodes, {carrier: modes})

        return ColumnOperator((self.layout.size, self.npoints), apply)

    def _evaluate_rows(self, nodes: Mapping[str, int], carriers: Mapping[int, Array]) -> Array:
        """State vector with the given rows, all others zero."""
        g, roots = self.g, list(nodes.values())
        values = dict(carriers)
        for n, v in leaf_values(g, roots, self.space, dict.fromkeys(self.system.lowered.parameters, np.nan)).items():
            values.setdefault(n, v)
        results = evaluate(g, roots, values, numpy_maps(g, roots, self.space))
        blocks = {f.name: f for f in self.layout.fields}
        out = np.zeros(self.layout.size)
        for name, result in zip(nodes, results, strict=True):
            full = np.broadcast_to(result, self.space.shape.modes).astype(complex)
            out[blocks[name].start : blocks[name].stop] = np.ascontiguousarray(full).ravel().view(float)
        return out

    def _theta_values(self, p: Any, t: float) -> Array:
        g = self.g
        named = dict(zip(self.system.lowered.parameters, np.asarray(p, dtype=float), strict=True))
        values = leaf_values(g, self.thetas, self.space, named, t)
        return np.array([float(np.real(v)) for v in evaluate(g, self.thetas, values)])
