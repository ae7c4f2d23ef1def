"""The result of a time integration: SciPy's fields, and the user's fields by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ritz.errors import OptionError, UnsupportedError, nearest
from ritz.solvers.catalog import Catalog, catalog_of
from ritz.solvers.mesh_results import MeshResults

if TYPE_CHECKING:
    import xarray
    from matplotlib.animation import FuncAnimation

    from ritz.solvers.jumps import Record

Array = NDArray[Any]


class Solution(MeshResults):
    """What `ritz.solve` returns: the states at the stored times and everything needed to read them.

    ``solution["u"]`` gives the physical values of a field, time first: ``(nt,)`` for an ODE, ``(nt, *grid)`` for a
    scalar field, ``(nt, n, *grid)`` for a vector field with n components, whose components are also there by their
    own names (``solution["u_x"]``). On a mesh the grid is one axis over the nodes of the element. A symbol is as good
    as its name. Making a Solution only stores references; fields, tables, pictures are computed when first asked for.

    Attributes:
        t: (nt,) stored times.
        y: (size, nt) raw states; for a Fourier system these are modes, not grid values.
        sol: Callable ``sol(t) -> (size,) or (size, nt)`` if dense output was asked for, else None.
        t_events: One array of times for each event function, or None.
        y_events: One (n_events, size) array of raw states for each event function, or None. The events of the problem
            (`ritz.Event`) come behind the functions given to `solve`; their states are those before the change.
        log: What the events of the problem did, in order: `ritz.solvers.jumps.Record` with ``t``, ``name``,
            ``before``, ``after``, ``fired``.
        nfev: Number of evaluations of the right-hand side.
        njev: Number of evaluations of the Jacobian.
        nlu: Number of matrix factorisations.
        status: 0 reached the end, 1 stopped by an event, negative failed.
        message: Why the integration ended.
        success: Whether it ended as asked.
        system: The System that was advanced; None after `load` without one.
        method: Name of the stepper.
        params: (n_params,) parameter values that were used.
        options: Tolerances and other options that were used.
        statistics: Run record: steps, rejected steps, wall time, ...
    """

    __slots__ = (
        "_catalog", "_loaded", "_nodes", "_values", "log", "message", "method", "nfev", "njev", "nlu", "options",
        "params", "sol", "statistics", "status", "success", "system", "t", "t_events", "y", "y_events",
    )  # fmt: skip

    def __init__(
        self,
        *,
        t: Array,
        y: Array,
        sol: Callable[[Any], Array] | None = None,
        t_events: list[Array] | None = None,
        y_events: list[Array] | None = None,
        log: tuple[Record, ...] = (),
        nfev: int = 0,
        njev: int = 0,
        nlu: int = 0,
        status: int = 0,
        message: str = "",
        success: bool = True,
        system: Any = None,
        method: str = "",
        params: Array | None = None,
        options: Mapping[str, Any] | None = None,
        statistics: Mapping[str, Any] | None = None,
    ) -> None:
        self.t = t
        self.y = y
        self.sol = sol
        self.t_events = t_events
        self.y_events = y_events
        self.log = log
        self.nfev = nfev
        self.njev = njev
        self.nlu = nlu
        self.status = status
        self.message = message
        self.success = success
        self.system = system
        self.method = method
        self.params = params
        self.options = options
        self.statistics = statistics
        self._catalog: Catalog | None = None
        self._values: dict[str, Array] | None = None
        self._nodes: dict[str, tuple[str, dict[str, Array]]] | None = None  # of a file: dimension, coordinates
        self._loaded: Any = None  # of a file: `StoredFields`, in the place of a system on a mesh

    # What is in it

    @property
    def catalog(self) -> Catalog:
        """Names, axes, labels and equations."""
        if self._catalog is None:
            names = self._values
            if names is None and self.system is None:  # made by hand: nothing names its rows
                self._catalog = Catalog("a system", {}, {})
                return self._catalog
            if names is None:
                state = self.y[:, -1] if self.y.shape[1] else np.zeros(self.y.shape[0])
                time = self.t[-1] if len(self.t) else 0.0
                names = self.system.to_fields(np.ascontiguousarray(state), time, self.params)
            self._catalog = catalog_of(self.system, names)
        return self._catalog

    @property
    def problem(self) -> Any:
        """The user's Problem, or None."""
        return getattr(self.system, "problem", None)

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the user's fields, in the order of the problem."""
        return tuple(self.catalog.fields)

    @property
    def components(self) -> tuple[str, ...]:
        """Names of all scalar components; auxiliary unknowns (``u_t``) come last."""
        return self.catalog.components

    @property
    def coords(self) -> dict[str, Array]:
        """Coordinate name -> (n,) grid points; empty for ODEs."""
        return {axis.name: axis.values for axis in self.catalog.axes}

    @property
    def parameters(self) -> dict[str, float]:
        """Parameter name -> value used in this run."""
        values = () if self.params is None else self.params
        return {name: float(value) for name, value in zip(self.catalog.parameters, values, strict=False)}

    # Values

    def values(self) -> dict[str, Array]:
        """Return component -> (nt, *grid) physical values of all stored times (computed once, then kept)."""
        if self._values is None:
            found = self.system.to_fields(self.y, self.t, self.params)
            self._values = {str(name): np.moveaxis(np.asarray(v), -1, 0) for name, v in found.items()}
        return self._values

    def __getitem__(self, name: Any) -> Array:
        """Return a field by name or symbol, time first (see the class); eliminated unknowns can be had too.

        Raises:
            OptionError: if there is no such field; the nearest name is offered.
        """
        key = str(name)
        if key in getattr(self.system, "quantities", ()):
            if not self.system.layout.coords:
                return np.asarray(self.system.quantity(key, self.t, self.y, self.params))
            pairs = zip(self.t, self.y.T, strict=True)
            return np.stack([self.system.quantity(key, float(t), u, self.params) for t, u in pairs])
        return self.catalog.stack(self.known(key), self.values(), 1)

    def known(self, name: Any) -> str:
        """Return the name of a field or component, or raise `OptionError` that lists what there is."""
        key, names = str(name), (*self.catalog.fields, *self.catalog.components)
        if key in names:
            return key
        hint = " The stored times are `solution.t`." if key == "t" else nearest(key, names)
        raise OptionError(f"This solution has no field {key!r}.{hint} It has: {', '.join(dict.fromkeys(names))}.")

    def __contains__(self, name: object) -> bool:
        return str(name) in self.catalog.fields or str(name) in self.catalog.components

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def keys(self) -> tuple[str, ...]:
        """Return the field names, so that ``dict(solution)`` works."""
        return self.fields

    def _ipython_key_completions_(self) -> list[str]:
        return list(dict.fromkeys((*self.fields, *self.components)))

    def snapshot(self, index: int = -1) -> dict[str, Array]:
        """Return component -> (*grid) physical values at one stored time, without converting the others."""
        if self._values is not None:
            return {name: values[index] for name, values in self._values.items()}
        if not self.y.shape[1]:
            raise UnsupportedError(
                "This solution holds no stored time (t_eval was empty), so there is nothing to read."
            )
        found = self.system.to_fields(np.ascontiguousarray(self.y[:, index]), self.t[index], self.params)
        return {str(name): np.asarray(values) for name, values in found.items()}

    def _by_user_name(self, values: Mapping[str, Array], lead: int) -> dict[str, Array]:
        return {name: self.catalog.stack(name, values, lead) for name in self.fields}

    @property
    def final(self) -> dict[str, Any]:
        """User field -> values at the last stored time: a number for ODEs, (*grid) or (n, *grid) otherwise."""
        found = self._by_user_name(self.snapshot(-1), 0)
        return {name: value.item() if value.ndim == 0 else value for name, value in found.items()}

    @property
    def final_state(self) -> Array:
        """(size,) raw state at the last stored time, what a resumed run starts from."""
        return np.array(self.y[:, -1])

    def at(self, t: ArrayLike) -> dict[str, Array]:
        """Return the fields at any time of the run, by dense output.

        Args:
            t: A time, or (m,) times.

        Returns:
            User field -> (*grid) for one time, (m, *grid) for several; vectors as in ``solution["u"]``.

        Raises:
            UnsupportedError: outside the computed span, or between stored times without dense output.
        """
        times = np.atleast_1d(np.asarray(t, dtype=float))
        found = self._by_user_name(self.components_at(times), 1)
        return found if np.ndim(t) else {name: values[0] for name, values in found.items()}

    def components_at(self, times: Array) -> dict[str, Array]:
        """Return component -> (m, *grid) at the (m,) given times; errors as in `at`."""
        if self.sol is None:
            indices = self._stored(times)
            picked = [self.snapshot(i) for i in indices]
            return {name: np.stack([p[name] for p in picked]) for name in picked[0]}
        found = self.system.to_fields(self.states_at(times), times, self.params)
        return {str(name): np.moveaxis(np.asarray(v), -1, 0) for name, v in found.items()}

    def states_at(self, times: Array) -> Array:
        """Return (size, m) raw states at the (m,) given times; errors as in `at`."""
        if self.sol is None:
            return np.asarray(self.y[:, self._stored(times)])
        self._slack(times)
        return np.asarray(self.sol(times))

    def _slack(self, times: Array) -> float:
        """Return how far times may be off for rounding; raise where one lies outside the run."""
        span = np.sort(self.t[[0, -1]]) if self.sol is None else _span(self.sol, self.t)
        slack = 1e-12 * max(abs(span[0]), abs(span[1]))
        outside = times[~((times >= span[0] - slack) & (times <= span[1] + slack))]
        if outside.size:
            raise UnsupportedError(
                f"t = {outside[0]:g} lies outside the computed span [{span[0]:g}, {span[1]:g}]. "
                "Solve over a longer t_span, or resume with solve(system, (t, t_end), y0=solution)."
            )
        return float(slack)

    def _stored(self, times: Array) -> NDArray[np.intp]:
        """Return the indices of stored times."""
        slack = self._slack(times)
        indices = nearest_indices(self.t, times)
        missing = times[np.abs(self.t[indices] - times) > slack]
        if missing.size:
            raise UnsupportedError(
                f"t = {missing[0]:g} is not a stored time and this solution has no dense output. "
                "Pass dense_output=True to solve, or list the times you need in t_eval=."
            )
        return indices

    # Other forms

    def to_xarray(self, fields: Any = None) -> xarray.Dataset:
        """Return an `xarray.Dataset` with named dimensions, coordinates and the run record in its attributes.

        Args:
            fields: Name, symbol or several of them; all fields by default.

        The variables are the scalar components, dimensions ``("t", *coordinates)``; the parameters are scalar
        coordinates, so that runs of a sweep can be concatenated. All attributes fit into NetCDF.
        """
        from ritz.solvers.dataset import to_dataset

        return to_dataset(self, fields)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the fields, the raw states and the run record to a NetCDF file; read it with `ritz.load`.

        Raises:
            StorageError: if the file exists and `overwrite` is false.
        """
        from ritz.solvers.storage import save

        return save(self, path, overwrite=overwrite)

    def plot(self, fields: Any = None, *, kind: str | None = None, **kwargs: Any) -> Any:
        """Draw the solution and return the axes; see `ritz.solvers.plotting.plot` for kinds and options."""
        from ritz.solvers.plotting import plot

        return plot(self, fields, kind=kind, **kwargs)

    def animate(self, fields: Any = None, **kwargs: Any) -> FuncAnimation:
        """Return a matplotlib animation over time; see `ritz.solvers.animation.animate` for options."""
        from ritz.solvers.animation import animate

        return animate(self, fields, **kwargs)

    def check_resolution(self, *, tol: float = 1e-3, fields: Any = None) -> dict[str, dict[str, float]]:
        """Warn where the grid is too coarse; see `ritz.solvers.spectra.check_resolution`."""
        from ritz.solvers.spectra import check_resolution

        return check_resolution(self, tol=tol, fields=fields)

    def select(self, fields: Any) -> tuple[str, ...]:
        """Return the scalar components meant by a name, a symbol, several of them or None (all user fields)."""
        return self.catalog.expand(self.select_fields(fields))

    def select_fields(self, fields: Any) -> tuple[str, ...]:
        """Return the fields meant likewise, vectors as they are."""
        if fields is None:
            return self.fields
        several = isinstance(fields, Iterable) and not isinstance(fields, str)
        return tuple(self.known(name) for name in (fields if several else (fields,)))

    def __repr__(self) -> str:
        from ritz.solvers.card import text_card

        return text_card(self)

    def _repr_html_(self) -> str:
        from ritz.solvers.card import html_card

        return html_card(self)


def _span(sol: Any, t: Array) -> Array:
    """Return the ascending span of a dense output, from its own bounds where it states them."""
    bounds = (getattr(sol, "t_min", None), getattr(sol, "t_max", None))
    return np.sort(np.asarray(bounds if None not in bounds else t[[0, -1]], dtype=float))


def nearest_indices(stored: Array, wanted: ArrayLike) -> NDArray[np.intp]:
    """Return the index of the stored time nearest to each wanted one.

    Example:
        >>> nearest_indices(np.array([0.0, 1.0, 2.0]), [0.4, 1.9])
        array([0, 2])
    """
    order = np.argsort(stored, kind="stable")
    ascending, times = np.asarray(stored)[order], np.atleast_1d(np.asarray(wanted, dtype=float))
    right = np.clip(np.searchsorted(ascending, times), 1, max(len(ascending) - 1, 1))
    left_is_nearer = np.abs(ascending[right - 1] - times) <= np.abs(ascending[right % len(ascending)] - times)
    return order[np.where(left_is_nearer, right - 1, right % len(ascending))]
