"""The state of a traced program: named arrays over grid points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ritz.codegen.layout import Array, FieldBlock, StateLayout
from ritz.errors import InitialValueError, nearest
from ritz.symbolic.tracing.array import looped
from ritz.symbolic.tracing.record import Block, block_key

INDEX_NAMES = "ijklmn"


class ArrayLayout(StateLayout):
    """Arrays by name, each cut along its short dimensions into blocks that are stored one behind the other.

    A field of shape (2, 128, 128) has the blocks ``y_0`` and ``y_1``; where short dimensions come first, the state
    vector is ``y.ravel()``.

    Args:
        shapes: field -> shape.
        blocks: the parts of the state, in order.
        coords: name -> points along the dimensions of the grid; by default indices, named i, j, k.

    Attributes:
        shapes: as given.
        components: field -> names of its blocks.

    Raises:
        InitialValueError: coordinates that do not fit the grid.
    """

    def __init__(
        self, shapes: Mapping[str, Sequence[int]], blocks: Sequence[Block], coords: Mapping[str, Any] | None = None
    ) -> None:
        self.shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self._blocks = {b.name: b for b in blocks}
        made, start = [], 0
        for b in blocks:
            size = int(np.prod(self._grid(b.name), dtype=int))
            made.append(FieldBlock(b.name, start, start + size))
            start += size
        self.fields, self.size = tuple(made), start
        self.weights = np.ones(self.size)
        self.components = {f: tuple(b.name for b in blocks if b.field == f) for f in self.shapes}
        grids = {self._grid(b.name) for b in blocks} - {()}  # numbers beside arrays have no grid
        self.grid = grids.pop() if len(grids) == 1 else ()
        self.coords = self._coordinates(coords)

    def _grid(self, block: str) -> tuple[int, ...]:
        """Lengths of the long dimensions of a block."""
        return tuple(n for n in self.shapes[self._blocks[block].field] if looped(n))

    def _coordinates(self, given: Mapping[str, Any] | None) -> dict[str, Array]:
        if given is None:
            taken = {*self.shapes, *self._blocks}
            names = [n if n not in taken else f"index_{n}" for n in INDEX_NAMES]
            return {names[d]: np.arange(float(n)) for d, n in enumerate(self.grid)}
        found = {str(name): np.asarray(points, dtype=float) for name, points in given.items()}
        if tuple(len(p) for p in found.values()) != self.grid:
            lengths = ", ".join(f"{n}: {len(p)}" for n, p in found.items())
            raise InitialValueError(
                f"The coordinates ({lengths}) do not fit the grid of shape {self.grid}: give one array of points for "
                "each dimension of more than 8 entries, in their order, all fields having the same grid."
            )
        return found

    def to_fields(self, u: Array) -> dict[str, Array]:
        """Values of every block, (*grid) or (*grid, nt)."""
        u = np.asarray(u)
        return {f.name: u[f.start : f.stop].reshape(self._grid(f.name) + u.shape[1:]) for f in self.fields}

    def to_arrays(self, u: Array) -> dict[str, Array]:
        """The arrays as the program sees them: field -> array of its shape, for one state (size,)."""
        out = {name: np.empty(shape) for name, shape in self.shapes.items()}
        for name, part in self.to_fields(u).items():
            block = self._blocks[name]
            out[block.field][block_key(self.shapes[block.field], block.place)] = part
        return out

    def from_fields(self, values: Mapping[str, Any]) -> Array:
        known = {*self.shapes, *self._blocks}
        for name in values:
            if name not in known:
                names = ", ".join(self.shapes)
                raise InitialValueError(f"There is no field {name!r}.{nearest(name, self.shapes)} Fields: {names}.")
        u = np.empty(self.size)
        for f in self.fields:
            block = self._blocks[f.name]
            if f.name in values and f.name not in self.shapes:
                part = self._checked(f.name, values[f.name], self._grid(f.name))
            elif block.field in values:
                whole = self._checked(block.field, values[block.field], self.shapes[block.field])
                part = whole[block_key(whole.shape, block.place)]
            else:
                raise InitialValueError(f"No values were given for {f.name}.")
            u[f.start : f.stop] = np.ravel(part)
        return u

    def _checked(self, name: str, value: Any, shape: tuple[int, ...]) -> Array:
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise InitialValueError(
                f"The initial value of {name} must be an array of real numbers of shape {shape}, found {value!r}."
            )
        if array.ndim and array.shape != shape:
            raise InitialValueError(f"The initial value of {name} has shape {array.shape}; {name} has shape {shape}.")
        full = np.broadcast_to(array.astype(float), shape)
        if not np.all(np.isfinite(full)):
            bad = tuple(int(i) for i in np.argwhere(~np.isfinite(full))[0])
            raise InitialValueError(f"The initial value of {name} is not finite: {full[bad]} at index {bad}.")
        return full

    def index_words(self, index: Sequence[int]) -> str:
        """Words for a place in an array of the program."""
        return f"index {index[0]}" if len(index) == 1 else f"index ({', '.join(map(str, index))})"

    def locate(self, index: int) -> str:
        f = next(f for f in self.fields if f.start <= index < f.stop)
        grid = self._grid(f.name)
        if not grid:
            return f.name
        place = ", ".join(str(int(i)) for i in np.unravel_index(index - f.start, grid))
        return f"{f.name}[{place}]"
