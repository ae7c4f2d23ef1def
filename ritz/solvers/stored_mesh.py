"""Fields on a mesh in a file: what is needed to evaluate and to draw them, without the equations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.codegen.fem.dofs import Nodes, number_nodes
from ritz.codegen.fem.element import Element
from ritz.codegen.fem.evaluation import values_at
from ritz.codegen.mesh import Mesh
from ritz.errors import StorageError
from ritz.symbolic.coordinates import Coordinate
from ritz.symbolic.fields import Field

Array = NDArray[Any]


@dataclass(frozen=True)
class StoredSpace:
    """The elements of all blocks of degrees of freedom; `FemSpace` has the same names for them."""

    names: tuple[str, ...]
    nodes: tuple[Nodes, ...]


@dataclass(frozen=True)
class StoredForm:
    """Coordinates and fields; `WeakForm` has the same names for them."""

    coordinates: tuple[Coordinate, ...]
    components: Mapping[Field, tuple[Field, ...]]

    @property
    def unknowns(self) -> tuple[Field, ...]:
        """The fields."""
        return tuple(self.components)


@dataclass(frozen=True)
class StoredModel:
    """Where the degrees of freedom of components are; `FemModel` has the same names.

    Attributes:
        space: elements.
        index: component -> block, component of its element.
    """

    space: StoredSpace
    index: Mapping[Field, tuple[int, int]]

    @property
    def lowering(self) -> StoredModel:
        """Itself."""
        return self


class StoredFields:
    """The fields of a file in the place of the `FemSystem` that they were computed with.

    Args:
        mesh: the mesh.
        record: what `described` has written.
        times: (nt,) stored times.
        values: block -> (nt, n) degrees of freedom, prescribed ones included.
        parameters: name -> value.
    """

    def __init__(
        self,
        mesh: Mesh,
        record: dict[str, Any],
        times: Array,
        values: Mapping[str, Array],
        parameters: dict[str, float],
    ) -> None:
        self.mesh, self.is_steady = mesh, bool(record["steady"])
        self.times, self.parameters = times, parameters
        self.values = {name: np.reshape(rows, (len(times), -1)) for name, rows in values.items()}
        components = {
            Field(name, int(rank)): tuple(map(Field, parts)) if rank else (Field(name),)
            for name, (rank, parts) in record["fields"].items()
        }
        self.form = StoredForm(tuple(map(Coordinate, record["coordinates"])), components)
        names = tuple(record["blocks"])
        elements = [Element(*record["blocks"][name]) for name in names]
        self.model = StoredModel(
            StoredSpace(names, tuple(number_nodes(mesh, element) for element in elements)), _index(names, components)
        )
        self.layout = self  # what pictures read of a layout: names and space
        self.names, self.space = names, self.model.space

    def parameter_vector(self, p: Any = None) -> Array:
        """Values of the parameters of the run."""
        return np.array(list(self.parameters.values()), dtype=float)

    def _named(self, p: Array) -> dict[str, float]:
        return self.parameters

    def to_fields(self, u: Any, t: Any = 0.0, p: Any = None) -> Mapping[str, Array]:
        """Degrees of freedom of every block at a stored time."""
        place = int(np.argmin(np.abs(self.times - float(t))))
        return {name: values[place] for name, values in self.values.items()}

    def evaluate(self, expr: Any, points: Any, u: Any, t: float = 0.0, p: Any = None, **options: Any) -> Array:
        """An expression of the fields in points of the mesh; see `values_at`."""
        return values_at(self, expr, points, u, t, p, **options)


def _index(names: tuple[str, ...], components: Mapping[Field, tuple[Field, ...]]) -> dict[Field, tuple[int, int]]:
    found = {}
    for owner, parts in components.items():
        whole = owner.rank > 0 and owner.name in names  # one element carries all components
        for k, part in enumerate(parts):
            found[part] = (names.index(owner.name), k) if whole else (names.index(part.name), 0)
    return found


def described(system: Any) -> tuple[dict[str, Array], str]:
    """The arrays of a mesh, and what else `StoredFields` needs, as JSON.

    Args:
        system: a `FemSystem` or `StoredFields`.
    """
    space, form = system.model.space, system.form
    record = {
        "cell": system.mesh.cell_type,
        "coordinates": [c.name for c in form.coordinates],
        "blocks": {n: [k.element.family, k.element.degree] for n, k in zip(space.names, space.nodes, strict=False)},
        "fields": {u.name: [u.rank, [part.name for part in parts]] for u, parts in form.components.items()},
        "steady": bool(system.is_steady),
    }
    return {"points": system.mesh.points, "cells": system.mesh.geometry}, json.dumps(record)


def restored(
    arrays: Mapping[str, Array], text: str, times: Array, values: Mapping[str, Array], parameters: dict[str, float]
) -> StoredFields:
    """The fields that `described` has put into a file.

    Raises:
        StorageError: the values do not belong to the mesh.
    """
    record = json.loads(text)
    mesh = Mesh.from_arrays(arrays["points"], arrays["cells"], record["cell"])
    made = StoredFields(mesh, record, times, values, parameters)
    for name, nodes in zip(made.names, made.space.nodes, strict=True):
        if nodes.count != made.values[name].shape[1] or not np.array_equal(mesh.geometry, arrays["cells"]):
            raise StorageError(f"The values of {name} in the file do not belong to the mesh beside them.")
    return made
