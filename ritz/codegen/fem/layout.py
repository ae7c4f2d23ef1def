"""The state of a finite-element system: the free degrees of freedom of every scalar field, block by block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ritz.codegen.fem.moments import moments
from ritz.codegen.fem.space import FemSpace
from ritz.codegen.layout import Array, FieldBlock, StateLayout
from ritz.errors import InitialValueError


class FemLayout(StateLayout):
    """Blocks of free degrees of freedom, in the order in which the cells of the mesh meet them.

    Prescribed values are no part of the state: `FemSystem.to_fields` puts them back.

    Attributes:
        space: elements, numbering and mesh.
        weights: share of every unknown in the volume of the mesh, for mean squares over space.
        carried: fields that one element carries whole -> their components.
    """

    def __init__(self, space: FemSpace, carried: Mapping[str, tuple[str, ...]] | None = None) -> None:
        offsets = [int(x) for x in space.numbering.offsets]
        self.space, self.carried = space, dict(carried or {})
        self.fields = tuple(FieldBlock(n, *offsets[f : f + 2]) for f, n in enumerate(space.names))
        self.size = offsets[-1]
        self.weights = np.concatenate([_shares(space, f) for f in range(len(space.names))] or [np.zeros(0)])
        self.coords = {}

    @property
    def groups(self) -> Array | None:
        """(fields, 2) start and stop of every block that is not empty."""
        return np.array([[f.start, f.stop] for f in self.fields if f.stop > f.start], dtype=np.int64)

    @property
    def mesh(self) -> Any:
        """The mesh."""
        return self.space.mesh

    @property
    def text(self) -> str:
        """The mesh and the elements in words.

        Example:
            >>> import ritz as rz
            >>> u = rz.fields("u")
            >>> problem = rz.Problem([rz.Eq(-rz.lap(u), 1)], domain=rz.rectangle(n=4),
            ...                      conditions=[rz.Dirichlet(u, 0)])
            >>> problem.discretize(rz.FiniteElement(degree=2)).layout.text
            '32 triangles in 2-D; Lagrange 2: u; 49 free unknowns'
        """
        from ritz.codegen.mesh.card import kind_of

        elements: dict[str, list[str]] = {}
        for name, nodes in zip(self.space.names, self.space.nodes, strict=False):
            if nodes.element.family != "Real":
                elements.setdefault(f"{nodes.element.family} {nodes.element.degree}", []).append(name)
        spoken = ", ".join(f"{element}: {', '.join(names)}" for element, names in elements.items())
        mesh = self.mesh
        cells = kind_of(mesh.cell_type, len(mesh.cells))
        return f"{cells} in {mesh.gdim}-D; {spoken}; {self.size:,} free unknowns"

    def grids(self, name: str) -> list[Array]:
        points = self.space.nodes[self.names.index(name)].points
        return [np.ascontiguousarray(points[:, i]) for i in range(points.shape[1])]

    def interpolated(self, name: str, value: Callable[[str, list[Array]], Any]) -> Array:
        """Degrees of freedom of a field that one element carries whole, from a function of component and coordinates.

        Raises:
            InitialValueError: an array is given, where there are no nodes.
        """
        nodes = self.space.nodes[self.names.index(name)]
        found = moments(self.space.mesh, nodes, np.arange(nodes.count))
        grids = [np.ascontiguousarray(x.ravel()) for x in np.moveaxis(found.points, -1, 0)]
        total = np.zeros(nodes.count)
        for part, weights in zip(self.carried[name], np.moveaxis(found.weights, -1, 0), strict=True):
            values = np.asarray(value(part, grids), dtype=float)
            if values.shape not in ((), grids[0].shape):
                raise InitialValueError(
                    f"The values of {part} have shape {values.shape}, but {nodes.element!r} has no nodes at which they "
                    "could stand. Give an expression of the coordinates, a function of them, or a number."
                )
            total += (weights * np.broadcast_to(values, grids[0].shape).reshape(weights.shape)).sum(axis=1)
        return total

    def to_fields(self, u: Array) -> dict[str, Array]:
        """Degrees of freedom of every field, (nodes,) or (nodes, nt), with zeros where values are prescribed."""
        return self.with_prescribed(u, np.zeros((self.space.numbering.size - self.size, *np.shape(u)[1:])))

    def with_prescribed(self, u: Array, given: Array) -> dict[str, Array]:
        """Degrees of freedom of every field from the free and the prescribed ones."""
        whole = np.concatenate([u, given])
        return {n: whole[table] for n, table in zip(self.space.names, self.space.numbering.final, strict=False)}

    def from_fields(self, values: Mapping[str, Any]) -> Array:
        self.check_names(values)
        u = np.empty(self.size)
        for f, block in enumerate(self.fields):
            count = self.space.nodes[f].count
            value = np.asarray(values[block.name], dtype=float)
            if value.shape not in ((), (count,)):
                raise InitialValueError(
                    f"The values of {block.name} must be one number or one for each of its {count} degrees of freedom; "
                    f"found shape {value.shape}. Expressions of the coordinates are welcome too."
                )
            value = np.broadcast_to(value, (count,))
            if not np.all(np.isfinite(value)):
                raise InitialValueError(f"The values of {block.name} are not all finite.")
            u[block.start : block.stop] = value[self.space.numbering.free[f]]
        return u

    def locate(self, index: int) -> str:
        f = int(np.searchsorted(self.space.numbering.offsets, index, side="right")) - 1
        node = self.space.numbering.free[f][index - int(self.space.numbering.offsets[f])]
        point = self.space.nodes[f].points[node]
        if np.isnan(point).any():
            return self.space.names[f]
        return f"{self.space.names[f]} at ({', '.join(f'{x:.6g}' for x in point)})"


def _shares(space: FemSpace, f: int) -> Array:
    """For every free unknown of a field its part of the volume that they have: each cell deals out its own evenly."""
    start, stop = space.bounds(f)
    numbers = space.numbering.final[f][space.nodes[f].cells]
    each = np.broadcast_to(space.mesh.volumes[:, None] / numbers.shape[1], numbers.shape)
    found = np.bincount(numbers.ravel(), each.ravel(), space.numbering.size)[start:stop]
    return np.asarray(found / found.sum() if found.size else found)
