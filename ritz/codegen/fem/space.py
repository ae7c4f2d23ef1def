"""The space of a finite-element system: elements, numbering, regions, and every map between them by NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ritz.codegen.fem.dofs import Nodes
from ritz.codegen.fem.moments import Moments, moments
from ritz.codegen.fem.numbering import Numbering
from ritz.codegen.fem.pullback import Axes, Part
from ritz.codegen.fem.region import Region
from ritz.codegen.layout import Array
from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.graph import Axis, Graph, LinearMap

ALL = Axis("dof", "point")  # all degrees of freedom of a system, prescribed ones last


@dataclass(frozen=True)
class Probe:
    """A field or one of its derivatives in the quadrature points of a region.

    Attributes:
        region: number of the region.
        field: number of the scalar field (or vector element).
        side: 1 or -1.
        component: of a vector element; 0 otherwise.
        derivative: numbers of the coordinates along which is differentiated, increasing; empty for the value.
    """

    region: int
    field: int
    side: int
    component: int = 0
    derivative: Axes = ()

    @property
    def part(self) -> Part:
        """Component and derivative."""
        return self.component, self.derivative

    @property
    def prefix(self) -> str:
        """What stands before the name of the field in texts, e.g. ``d01_``; empty for the value."""
        return f"d{''.join(map(str, self.derivative))}_" if self.derivative else ""


@dataclass(eq=False)
class FemSpace:
    """Sizes, arrays and maps of a finite-element system.

    Attributes:
        mesh: the mesh.
        names: of the scalar fields (or vector elements).
        nodes: their degrees of freedom; behind them one number for integrals without test functions.
        numbering: of all unknowns.
        regions: of all integrals.
    """

    mesh: Any
    names: tuple[str, ...]
    nodes: tuple[Nodes, ...]
    numbering: Numbering
    regions: list[Region] = field(default_factory=list)
    probes: dict[str, Probe] = field(default_factory=dict)
    order: dict[Axis, int] = field(default_factory=dict)
    slots: int = 2

    def __post_init__(self) -> None:
        self.state_axes = [Axis(name, "point") for name in (*self.names, "total")]
        self.given_axes = [Axis(f"prescribed{k}", "point") for k in range(len(self.numbering.prescribed))]

    # ------------------------------------------------------------------ maps
    def interpolate(self, probe: Probe) -> LinearMap:
        """From all degrees of freedom to the values of a probe."""
        return self._map("interpolate", probe, transposed=False)

    def integrate(self, probe: Probe) -> LinearMap:
        """From values in quadrature points to the sum of weight * value * probe of each basis function."""
        return self._map("integrate", probe, transposed=True)

    def _map(self, kind: str, probe: Probe, transposed: bool) -> LinearMap:
        name = f"{kind} {probe.region} {probe.field} {probe.side} {probe.component} {probe.prefix}"
        self.probes[name] = probe
        region = self.regions[probe.region]
        source, target = (ALL,), (region.cell, region.quad)
        return LinearMap(name, kind, target, source) if transposed else LinearMap(name, kind, source, target)

    @property
    def total(self) -> int:
        """Number of the field behind all others: one number, the sum of integrals without test functions."""
        return len(self.names)

    def bounds(self, f: int) -> tuple[int, int]:
        """Where the free unknowns of a field stand in the numbering of all."""
        if f == self.total:
            return self.numbering.size - 1, self.numbering.size
        return int(self.numbering.offsets[f]), int(self.numbering.offsets[f + 1])

    def extend(self, f: int) -> LinearMap:
        """From the free unknowns of a field to all."""
        return LinearMap(f"extend {f}", "extend", (self.state_axes[f],), (ALL,))

    def place(self, k: int) -> LinearMap:
        """From a set of prescribed values to all."""
        return LinearMap(f"place {k}", "place", (self.given_axes[k],), (ALL,))

    def probe_of(self, m: LinearMap) -> Probe:
        """What a map of a region is about."""
        return self.probes[m.name.removesuffix(".T")]

    # ------------------------------------------------------------------ sizes and arrays
    def size(self, axis: Axis) -> int:
        """Length of an axis."""
        if axis == ALL:
            return self.numbering.size
        if axis in self.state_axes:
            start, stop = self.bounds(self.state_axes.index(axis))
            return stop - start
        if axis in self.given_axes:
            return len(self.numbering.prescribed[self.given_axes.index(axis)].nodes)
        region = next(r for r in self.regions if axis in (r.cell, r.quad))
        return region.size if axis == region.cell else len(region.weights)

    def array(self, kind: str, name: str) -> Array:
        """Values of an input: ``<what>@<region>@<side>``, ``x<i>@prescribed<k>`` or, of sets of a vector element,
        ``x<i>.<point>@prescribed<k>`` and ``w<i>.<point>@prescribed<k>``."""
        what, place, *rest = name.split("@")
        if place.startswith("prescribed"):
            k, (axis, _, point) = int(place.removeprefix("prescribed")), what[1:].partition(".")
            if not point:
                return np.ascontiguousarray(self.points_of_prescribed(k)[:, int(axis)])
            found = self.moments_of_prescribed(k)
            table = found.points if what[0] == "x" else found.weights
            return np.ascontiguousarray(table[:, int(point), int(axis)])
        return self.regions[int(place)].array(what, int(rest[0]))

    def points_of_prescribed(self, k: int) -> Array:
        """(n, gdim) where the prescribed values of one set stand; moments are said to stand in their first point."""
        given = self.numbering.prescribed[k]
        if not self.nodes[given.field].reference.is_nodal:
            return self.moments_of_prescribed(k).points[:, 0]
        return self.nodes[given.field].points[given.nodes]

    def moments_of_prescribed(self, k: int) -> Moments:
        """What the prescribed degrees of freedom of one set of a vector element are of a field."""
        given = self.numbering.prescribed[k]
        found: Moments = self.stored(
            ("moments", k), lambda: moments(self.mesh, self.nodes[given.field], given.nodes, inside=False)
        )
        return found

    def dofs(self, region: int, f: int, s: int) -> Array:
        """(entries, dim) numbers of the unknowns of a field in every entry of a region, int32; side s is 0 or 1."""
        nodes = self.nodes[f]
        cells = self.regions[region].cells[s]
        found: Array = self.stored(
            ("dofs", region, f, s),
            lambda: np.ascontiguousarray(self.numbering.final[f][nodes.cells[cells]], dtype=np.int32),
        )
        return found

    def corners(self, region: int, s: int) -> Array:
        """(entries, nodes) points of the mesh that carry the coordinates of every entry of a region, int32."""
        where = self.regions[region]
        found: Array = self.stored(
            ("corners", region, s), lambda: np.ascontiguousarray(where.mesh.geometry[where.cells[s]], dtype=np.int32)
        )
        return found

    def stored(self, key: Any, make: Callable[[], Any]) -> Any:
        """Something that several programs need, made once."""
        if key not in self._stored:
            self._stored[key] = make()
        return self._stored[key]

    @cached_property
    def _stored(self) -> dict[Any, Any]:
        return {}

    # ------------------------------------------------------------------ NumPy
    @cached_property
    def _matrices(self) -> dict[str, Any]:
        return {}

    def matrix(self, m: LinearMap) -> Any:
        """The matrix of a probe, (entries * points, unknowns) in rows of points."""
        from scipy.sparse import csr_array

        name = m.name.removesuffix(".T")
        if name not in self._matrices:
            probe = self.probes[name]
            region, nodes = self.regions[probe.region], self.nodes[probe.field]
            values = region.basis(nodes.reference, probe.side, probe.part)
            s = 0 if probe.side > 0 else 1
            columns = np.broadcast_to(self.dofs(probe.region, probe.field, s)[:, None, :], values.shape)
            rows = values.shape[0] * values.shape[1]
            start = np.arange(rows + 1) * values.shape[2]
            self._matrices[name] = csr_array(
                (values.ravel(), columns.ravel(), start), shape=(rows, self.numbering.size)
            )
        return self._matrices[name]

    def numpy_map(self, m: LinearMap) -> Callable[[Array], Array]:
        """A map in NumPy."""
        kind, transposed = m.kind.removesuffix(".T"), m.kind.endswith(".T")
        number = int(m.name.removesuffix(".T").split()[1])
        if kind in ("extend", "place"):
            if kind == "extend":
                start, stop = self.bounds(number)
            else:
                start = self.numbering.prescribed[number].start
                stop = start + self.size(self.given_axes[number])
            return self._part(int(start), int(stop), transposed)
        matrix, region = self.matrix(m), self.regions[number]
        shape = (region.size, len(region.weights))
        weights = region.geometry[0].weights if kind == "integrate" else np.ones(shape)
        if transposed == (kind == "interpolate"):  # to the unknowns
            return lambda v: matrix.T @ (weights * np.broadcast_to(v, shape)).ravel()
        return lambda v: weights * (matrix @ v).reshape(shape)

    def _part(self, start: int, stop: int, transposed: bool) -> Callable[[Array], Array]:
        if transposed:
            return lambda v: v[start:stop]

        def put(v: Array) -> Array:
            whole = np.zeros(self.numbering.size)
            whole[start:stop] = v
            return whole

        return put

    def values(self, g: Graph, roots: Sequence[int], p: Mapping[str, float], t: float) -> dict[int, Any]:
        """Values of every input below `roots` that is no state and no direction."""
        values: dict[int, Any] = {}
        for node in g.inputs(roots):
            name, kind = g.args[node]
            if kind == "param":
                values[node] = p[name]
            elif kind == "time":
                values[node] = t
            elif kind not in ("state", "seed"):
                values[node] = self.array(kind, name)
        return values

    def evaluate(self, g: Graph, roots: Sequence[int], values: Mapping[int, Any]) -> list[Any]:
        """Values of nodes by NumPy."""
        maps = {g.args[n][0] for n in g.topological(roots) if g.op[n] == "map"}
        return evaluate(g, roots, values, {m.name: self.numpy_map(m) for m in maps})
