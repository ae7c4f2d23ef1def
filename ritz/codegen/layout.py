"""The state vector and what its entries mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ritz.errors import InitialValueError, nearest

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class FieldBlock:
    """A contiguous piece of the state vector: entries ``start <= i < stop`` (float64) belong to one scalar field."""

    name: str
    start: int
    stop: int


class StateLayout(ABC):
    """How fields lie in the float64 state vector.

    Attributes:
        fields: the blocks, in order.
        size: length of the vector.
        is_complex: whether the vector is the real view of complex modes (re, im, re, im, ...).
        weights: (size,) so that ``sum(weights * u * v)`` over a block is the mean over the domain of the product of
            two fields; ones for ODEs.
        coords: grid points of every coordinate, in its unit; empty for ODEs.
    """

    fields: tuple[FieldBlock, ...]
    size: int
    is_complex: bool = False
    weights: Array
    coords: dict[str, Array]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fields, in order."""
        return tuple(f.name for f in self.fields)

    @property
    def groups(self) -> Array | None:
        """(fields, 2) start and stop of the blocks for field-wise error norms; None for component-wise ones."""
        return None

    @abstractmethod
    def to_fields(self, u: Array) -> dict[str, Array]:
        """Physical values of every field; `u` is (size,) or (size, nt), time stays the last axis."""

    @abstractmethod
    def from_fields(self, values: Mapping[str, Any]) -> Array:
        """State vector of physical values; every field must be given.

        Raises:
            InitialValueError: a field is missing, unknown, has the wrong shape or is not finite.
        """

    @abstractmethod
    def locate(self, index: int) -> str:
        """Words for an entry of the state vector, for messages."""

    def grids(self, name: str) -> list[Array]:
        """Coordinates of the points where a field's values stand, one array per axis; empty for ODEs."""
        return list(np.meshgrid(*self.coords.values(), indexing="ij")) if self.coords else []

    def check_names(self, values: Mapping[str, Any]) -> None:
        """Raise unless exactly the fields of this layout are given."""
        names = self.names
        for name in values.keys() - set(names):
            raise InitialValueError(f"There is no field {name!r}.{nearest(name, names)} Fields: {names}.")
        missing = [n for n in names if n not in values]
        if missing:
            raise InitialValueError(f"No values were given for {', '.join(missing)}.")


class PointwiseLayout(StateLayout):
    """One number per unknown: ordinary differential equations."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.fields = tuple(FieldBlock(n, i, i + 1) for i, n in enumerate(names))
        self.size = len(names)
        self.weights = np.ones(self.size)
        self.coords = {}

    def to_fields(self, u: Array) -> dict[str, Array]:
        return {f.name: u[f.start] for f in self.fields}

    def from_fields(self, values: Mapping[str, Any]) -> Array:
        self.check_names(values)
        u = np.empty(self.size)
        for f in self.fields:
            value = np.asarray(values[f.name])
            if value.size != 1:
                raise InitialValueError(f"The initial value of {f.name} must be one number, found shape {value.shape}.")
            if value.dtype.kind not in "biuf":
                found = values[f.name]
                raise InitialValueError(f"The initial value of {f.name} must be a real number, found {found!r}.")
            u[f.start] = value.reshape(())
        bad = [f.name for f in self.fields if not np.isfinite(u[f.start])]
        if bad:
            raise InitialValueError(
                f"The initial value of {bad[0]} is {u[self.names.index(bad[0])]}, not a finite number."
            )
        return u

    def locate(self, index: int) -> str:
        return f"{self.names[index]}"
