"""Grids, wave numbers and the state vector of a Fourier discretisation."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ritz.codegen.layout import Array, FieldBlock, StateLayout
from ritz.codegen.transforms import Plan, TransformShape, provider
from ritz.errors import InitialValueError, ResolutionWarning
from ritz.symbolic.graph import Axis, LinearMap

if TYPE_CHECKING:
    from ritz.codegen.fused.build import Fused
    from ritz.codegen.instance import CompiledProgram

MOST_DIVERGENCE = 1e-3  # of an initial value that must have none, relative to its derivatives
TAIL_WARNING = 1e-4  # share of the largest mode that may be left at the cut-off


class FourierSpace:
    """Implements `ritz.codegen.instance.Space` for periodic boxes.

    Args:
        names: of the coordinates.
        bounds: start and end of each axis.
        shape: grid points, cut-offs and whether values are real.
        transforms: name of the transform provider.
        fused: whether programs may be compiled as one piece with their transforms.
    """

    def __init__(
        self, names: Sequence[str], bounds: Sequence[tuple[float, float]], shape: TransformShape, transforms: str,
        fused: bool = True,
    ) -> None:  # fmt: skip
        self.names, self.bounds, self.shape, self.transforms = tuple(names), tuple(bounds), shape, transforms
        self.fused = fused
        self.points = tuple(Axis(n, "point") for n in names)
        self.modes = tuple(Axis(f"k{n}", "mode") for n in names)
        self.slots = len(names)
        self.order = {axis: i for axes in (self.points, self.modes) for i, axis in enumerate(axes)}
        real = shape.real
        self.inverse = LinearMap("inverse", "inverse", self.modes, self.points, complex=not real, takes_complex=True)
        self.forward = LinearMap("forward", "forward", self.points, self.modes, complex=True, takes_complex=not real)

    def size(self, axis: Axis) -> int:
        """Length of an axis."""
        sizes = self.shape.points if axis.kind == "point" else self.shape.modes
        return sizes[self.order[axis]]

    def grid(self, axis: int) -> Array:
        """Grid points along an axis; the end point is left out, it is the start."""
        a, b = self.bounds[axis]
        return a + (b - a) / self.shape.points[axis] * np.arange(self.shape.points[axis])

    def wavenumber(self, axis: int) -> Array:
        """Wave numbers of the kept modes along an axis, in radians per unit of length."""
        a, b = self.bounds[axis]
        return 2 * np.pi / (b - a) * self.shape.indices(axis)

    def _square(self) -> Array:
        grids = np.meshgrid(*(self.wavenumber(i) for i in range(self.slots)), indexing="ij")
        return np.asarray(sum(k**2 for k in grids))

    def _is_mean(self) -> Array:
        mean = np.zeros(self.shape.modes)
        mean[(0,) * self.slots] = 1.0
        return mean

    def weights(self) -> Array:
        """Multiplicity of every kept mode: modes stored for their conjugates too count twice."""
        last = self.shape.indices(self.slots - 1)
        one_axis = np.where(last > 0, 2.0, 1.0) if self.shape.real else np.ones(len(last))
        return np.broadcast_to(one_axis, self.shape.modes)

    def array(self, kind: str, name: str) -> Array:
        """Values of a coordinate, of a wave number or of one of the named mode arrays."""
        if kind == "coordinate":
            return self.grid(self.names.index(name))
        size = float(np.prod(self.shape.points))
        if name == "inverse_laplacian":
            square = self._square()
            return -np.divide(1.0, square, out=np.zeros_like(square), where=square > 0)
        if name == "mean_mode":
            return self._is_mean()
        if name == "gather_weight":  # transpose of the inverse transform, relative to the forward one
            return np.ascontiguousarray(self.weights() * size)
        if name == "scatter_weight":  # transpose of the forward transform, relative to the inverse one
            return 1.0 / (self.weights() * size)
        return self.wavenumber([m.name for m in self.modes].index(name))

    def plan(self, linear_map: LinearMap, batch: int) -> Plan:
        """A compiled transform for a batch of fields."""
        return provider(self.transforms)(self.shape, batch, linear_map.kind)

    def fuse(self, compiled: CompiledProgram) -> Fused | str:
        """A program compiled as one piece, transforms included; in words why not, where it has to run step by step."""
        if not self.fused:
            return "fuse=False was asked for"
        if self.transforms != "generated":
            return f"its transforms are not generated ones but {self.transforms}"
        from ritz.codegen.fused.build import fuse

        return fuse(compiled.program, compiled.parameters, self.shape)

    def numpy_map(self, linear_map: LinearMap) -> Callable[[Array], Array]:
        """The transform in NumPy, for values that may have length 1 along some axes."""
        sizes = self.shape.modes if linear_map.kind == "inverse" else self.shape.points
        transform = self.shape.inverse if linear_map.kind == "inverse" else self.shape.forward
        return lambda v: transform(np.broadcast_to(v, np.broadcast_shapes(np.shape(v), sizes)))


class FourierLayout(StateLayout):
    """Kept modes of every field, one field after the other, as pairs of real numbers.

    Args:
        names: of the fields.
        space: grid and modes.
        solenoidal: groups of fields that are the components of a field without divergence, in the order of the axes.
    """

    is_complex = True

    def __init__(self, names: Sequence[str], space: FourierSpace, solenoidal: tuple[tuple[str, ...], ...] = ()) -> None:
        self.space, self.solenoidal = space, solenoidal
        length = 2 * int(np.prod(space.shape.modes))
        self.fields = tuple(FieldBlock(n, i * length, (i + 1) * length) for i, n in enumerate(names))
        self.size = length * len(self.fields)
        self.coords = {n: space.grid(i) for i, n in enumerate(space.names)}
        self.weights = np.tile(np.repeat(space.weights().ravel(), 2), len(self.fields))
        self._named: set[tuple[str, str]] = set()

    @property
    def groups(self) -> Array:
        return np.array([[f.start, f.stop] for f in self.fields], dtype=np.int64)

    def modes(self, u: Array) -> dict[str, Array]:
        """Complex amplitudes of the kept modes of every field; the mean is at index 0.

        `u` is (size,) or (size, nt); the result has the modes first and time last.
        """
        u = np.asarray(u, dtype=float)
        result = {}
        for f in self.fields:
            block = u[f.start : f.stop]
            z = block[0::2] + 1j * block[1::2]
            result[f.name] = z.reshape(self.space.shape.modes + u.shape[1:])
        return result

    def to_fields(self, u: Array) -> dict[str, Array]:
        shape = self.space.shape
        if np.ndim(u) == 1:
            return {name: shape.inverse(z) for name, z in self.modes(u).items()}
        return {name: np.moveaxis(shape.inverse(np.moveaxis(z, -1, 0)), 0, -1) for name, z in self.modes(u).items()}

    def from_fields(self, values: Mapping[str, Any]) -> Array:
        self.check_names(values)
        shape, u = self.space.shape, np.empty(self.size)
        for f in self.fields:
            array = np.asarray(values[f.name])
            if array.ndim and array.shape != shape.points:
                raise InitialValueError(
                    f"The values of {f.name} have shape {array.shape}, but the grid of {', '.join(self.space.names)} "
                    f"has shape {shape.points}. Pass such an array, a SymPy expression or a function."
                )
            if shape.real and np.iscomplexobj(array):
                if np.abs(array.imag).max() > 0:
                    raise InitialValueError(
                        f"The values of {f.name} are complex, but the field is real. "
                        f'Declare it with fields("{f.name}", complex=True).'
                    )
                array = array.real
            full = np.broadcast_to(array, shape.points)
            if not np.all(np.isfinite(full)):
                bad = np.argwhere(~np.isfinite(full))[0]
                raise InitialValueError(
                    f"The values of {f.name} are not finite: {full[tuple(bad)]} at {self._place(bad)}."
                )
            u[f.start : f.stop] = np.ascontiguousarray(shape.forward(full).ravel()).view(float)
        return u

    def evaluate(self, u: Array, points: Mapping[str, Any]) -> dict[str, Array]:
        """Values of every field at any points, by summing its modes.

        Args:
            u: (size,) state vector.
            points: for every coordinate, values that broadcast against each other.

        Example:
            ``layout.evaluate(solution.y[:, -1], {"x": 10.0})["u"]``
        """
        where = np.broadcast_arrays(*(np.asarray(points[n], dtype=float) for n in self.space.names))
        waves = [
            np.exp(1j * np.multiply.outer(x.ravel() - self.space.bounds[i][0], self.space.wavenumber(i)))
            for i, x in enumerate(where)
        ]
        result = {}
        for name, z in self.modes(u).items():
            total = np.broadcast_to(z * self.space.weights(), (waves[0].shape[0], *z.shape))
            for wave in reversed(waves):
                total = np.einsum("q...k,qk->q...", total, wave)
            result[name] = (total.real if self.space.shape.real else total).reshape(where[0].shape)
        return result

    def check_state(self, u: Array) -> None:
        """Raise unless a state can start a run: means of real fields are real, constrained fields have no divergence.

        Raises:
            InitialValueError: the usual cause of the former are grid values passed as a raw state, which may have the
                same length.
        """
        self._check_divergence(u)
        for f in self.fields if self.space.shape.real else ():
            if abs(u[f.start + 1]) > 1e-12 * np.abs(u[f.start : f.stop]).max():
                raise InitialValueError(
                    f"This array is not a state vector: it would give the real field {f.name} a complex mean. A state "
                    f"vector holds Fourier modes; values on the grid go in by name, y0={{{f.name!r}: values}}."
                )

    def _check_divergence(self, u: Array) -> None:
        if not self.solenoidal:
            return
        modes = self.modes(u)
        waves = np.meshgrid(*(self.space.wavenumber(i) for i in range(self.space.slots)), indexing="ij")
        for group in self.solenoidal:
            slopes = [k * modes[name] for k, name in zip(waves, group, strict=True)]
            largest = max(float(np.abs(s).max()) for s in slopes)
            excess = float(np.abs(sum(slopes)).max())
            if excess > MOST_DIVERGENCE * largest:
                names = ", ".join(group)
                raise InitialValueError(
                    f"The initial values of {names} contradict the equation that sets their divergence to zero: its "
                    f"largest mode is {excess / largest:.2g} of that of the derivatives. Start from the curl of a "
                    "potential, or in two dimensions from u = dy(psi), v = -dx(psi)."
                )

    def check_resolution(self, u: Array, *, limit: float = TAIL_WARNING, when: str = "") -> bool:
        """Warn for every field whose modes at the cut-off are not small: a jump, a kink or too small a grid.

        Args:
            u: (size,) state vector.
            limit: largest accepted size of the modes at the cut-off, relative to the largest mode.
            when: words for the message, such as " at t = 3"; with them a field and axis are named once only, so
                that a sweep does not repeat itself.

        Returns:
            Whether every field is resolved.
        """
        resolved = True
        for name, z in self.modes(u).items():
            size, largest = np.abs(z), float(np.abs(z).max())
            for axis, coordinate in enumerate(self.space.names):
                index = np.abs(self.space.shape.indices(axis))
                profile = np.moveaxis(size, axis, 0).reshape(len(index), -1).max(axis=1)
                cutoff = index.max()
                if cutoff < 3:
                    continue
                tail = float(profile[index > 0.9 * cutoff].max())
                if tail > limit * largest:
                    resolved = False
                    if when and (name, coordinate) in self._named:
                        continue
                    self._named.add((name, coordinate))
                    low, high = self.space.bounds[axis]
                    cure = f"Are the data periodic on [{low:g}, {high:g})? If so, take more points."
                    warnings.warn(
                        f"{name} is not resolved along {coordinate}{when}: its modes at the cut-off ({cutoff}) still "
                        f"have {tail / largest:.1e} of the largest amplitude. {'Take more points.' if when else cure}",
                        ResolutionWarning,
                        stacklevel=3,
                    )
        return resolved

    def check_kept(self, values: Mapping[str, Any], u: Array) -> None:
        """Warn for every field that the kept modes do not hold.

        Args:
            values: of every field on the grid.
            u: (size,) state vector made of them.
        """
        for name, kept in self.to_fields(u).items():
            given = np.broadcast_to(np.asarray(values[name]), kept.shape)
            lost, largest = float(np.abs(given - kept).max()), float(np.abs(given).max())
            if lost > 1e-2 * largest:
                points = " x ".join(map(str, self.space.shape.points))
                warnings.warn(
                    f"{name} is not resolved: the modes kept on {points} points miss {lost / largest:.0%} of it. Take "
                    "more points, or smoother data.",
                    ResolutionWarning,
                    stacklevel=3,
                )

    def _place(self, index: Sequence[Any]) -> str:
        return ", ".join(f"{n} = {self.coords[n][i]:.6g}" for n, i in zip(self.space.names, index, strict=True))

    def locate(self, index: int) -> str:
        block = next(f for f in self.fields if f.start <= index < f.stop)
        where = np.unravel_index((index - block.start) // 2, self.space.shape.modes)
        waves = ", ".join(str(self.space.shape.indices(i)[k]) for i, k in enumerate(where))
        return f"field {block.name}, mode ({waves})"

    def place(self, flat: int) -> str:
        """Words for a grid point, from its flat index."""
        return self._place(list(np.unravel_index(flat, self.space.shape.points)))
