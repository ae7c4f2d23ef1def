"""What a `Solution` holds, in words: fields, components, axes, equations. Made from a System or read from a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """One coordinate of the grid.

    Attributes:
        name: The user's name of the coordinate.
        values: (n,) grid points, ascending, in the user's unit of length.
        lower: Left end of the domain.
        upper: Right end of the domain; a periodic axis stops one spacing before it.
        periodic: Whether the points are the uniform grid of a periodic axis.
    """

    name: str
    values: NDArray[np.float64]
    lower: float
    upper: float
    periodic: bool

    @property
    def length(self) -> float:
        """Length of the domain along this axis."""
        return self.upper - self.lower


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """Names, shapes and labels of a solution; knows no state and no time.

    Attributes:
        title: Name of the system.
        fields: User field -> its scalar components, in order (a scalar is its own component).
        ranks: User field -> tensor rank (0, 1, 2).
        auxiliary: Components that Ritz introduced (``u_t`` of a second-order equation).
        complex_valued: Components whose physical values are complex.
        axes: The grid, in the order of the array axes; empty for ODEs and on meshes.
        mesh: What mesh and elements there are, in words; empty elsewhere.
        parameters: Parameter names in the order of the parameter vector.
        equations: The user's equations as text.
        latex: Name -> LaTeX, for fields, components, coordinates and parameters.
        units: Name -> unit, where the user gave one.
    """

    title: str
    fields: dict[str, tuple[str, ...]]
    ranks: dict[str, int]
    auxiliary: tuple[str, ...] = ()
    complex_valued: tuple[str, ...] = ()
    axes: tuple[Axis, ...] = ()
    parameters: tuple[str, ...] = ()
    equations: tuple[str, ...] = ()
    latex: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    mesh: str = ""

    @property
    def dimension(self) -> int:
        """Number of space dimensions, 0 for ODEs."""
        return len(self.axes)

    @property
    def components(self) -> tuple[str, ...]:
        """All scalar components, auxiliary ones last."""
        return tuple(dict.fromkeys([c for parts in self.fields.values() for c in parts] + list(self.auxiliary)))

    def stack(self, name: str, values: Mapping[str, NDArray[Any]], lead: int) -> NDArray[Any]:
        """Return a user field from its components: tensor axes follow the first `lead` axes.

        Args:
            name: A user field or a component.
            values: Component -> array of shape (times..., *grid).
            lead: Number of leading time axes (0 or 1).

        Returns:
            (times..., *grid) for scalars and components, (times..., n, *grid) for vectors,
            (times..., n, n, *grid) for tensors of rank 2.
        """
        if name in values:
            return values[name]
        parts = self.fields[name]
        stacked = np.stack([values[part] for part in parts], axis=lead)
        side = isqrt(len(parts))
        if self.ranks.get(name, 1) == 2 and side * side == len(parts):
            return stacked.reshape(*stacked.shape[:lead], side, side, *stacked.shape[lead + 1 :])
        return stacked

    def expand(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the scalar components of the named fields, in order, each once."""
        return tuple(dict.fromkeys(part for name in names for part in self.fields.get(name, (name,))))

    def to_json(self) -> str:
        """Return everything but the grid points as JSON, for file attributes."""
        plain = (
            "title", "fields", "ranks", "auxiliary", "complex_valued", "parameters", "equations", "latex", "units",
            "mesh",
        )  # fmt: skip
        record: dict[str, Any] = {key: getattr(self, key) for key in plain}
        record["axes"] = [[a.name, a.lower, a.upper, a.periodic] for a in self.axes]
        return json.dumps(record, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, points: Mapping[str, NDArray[Any]]) -> Catalog:
        """Return the catalog written by `to_json`; `points` gives the grid points of every axis."""
        record: dict[str, Any] = json.loads(text)
        axes = tuple(Axis(name, np.asarray(points[name]), lo, hi, per) for name, lo, hi, per in record.pop("axes"))
        fields = {name: tuple(parts) for name, parts in record.pop("fields").items()}
        record |= {key: tuple(record[key]) for key in ("auxiliary", "complex_valued", "parameters", "equations")}
        return cls(axes=axes, fields=fields, **record)


def catalog_of(system: Any, values: Mapping[str, NDArray[Any]]) -> Catalog:
    """Return the catalog of a System whose ``to_fields`` yields these component `values` (of any time).

    A system without a problem (a reduced model, a user's own function) has one scalar field per component.
    """
    found = tuple(str(name) for name in values)
    problem = getattr(system, "problem", None)
    form = _symbols_of(system)
    fields, ranks = _user_fields(form, found)
    for name, parts in getattr(system.layout, "components", {}).items():  # arrays with short dimensions
        fields[name], ranks[name] = tuple(parts), min(len(parts) - 1, 1)
    grouped = {part for parts in fields.values() for part in parts}
    auxiliary = {str(f) for f in form.auxiliary} if form is not None else set()
    for name in found:
        if name not in grouped and name not in auxiliary:
            fields[name], ranks[name] = (name,), 0
    return Catalog(
        title=str(getattr(system, "name", "") or "system"),
        fields=fields,
        ranks=ranks,
        auxiliary=tuple(n for n in found if n in auxiliary and n not in grouped),
        complex_valued=tuple(str(name) for name, v in values.items() if np.iscomplexobj(v)),
        axes=_axes(system.layout, form),
        parameters=tuple(str(info.name) for info in system.parameters),
        equations=tuple(problem.equation_lines()) if problem is not None else (),
        latex=_latex(form, found),
        units={str(k): str(v) for k, v in (getattr(problem, "units", None) or {}).items()},
        mesh=getattr(system.layout, "text", ""),
    )


@dataclass(frozen=True, slots=True)
class _Symbols:
    """The user's symbols of a problem on a mesh, as a scalar form has them; what Ritz added is auxiliary."""

    unknowns: tuple[Any, ...]
    components: Mapping[Any, tuple[Any, ...]]
    auxiliary: Mapping[Any, Any]
    coordinates: tuple[Any, ...]
    parameters: tuple[Any, ...]
    bounds: Mapping[Any, tuple[Any, Any]]


def _symbols_of(system: Any) -> Any:
    """Return what names the components of a system: its weak form on a mesh, else the scalar form of its problem."""
    problem, weak = getattr(system, "problem", None), getattr(system, "form", None)
    if problem is None or not hasattr(problem, "scalar_form"):
        return None
    if weak is None:
        return problem.scalar_form()
    added = {part: of for of, parts in weak.components.items() if of not in problem.unknowns for part in parts}
    own = {of: weak.components[of] for of in problem.unknowns}
    return _Symbols(problem.unknowns, own, added, weak.coordinates, weak.parameters, {})


def _user_fields(form: Any, found: tuple[str, ...]) -> tuple[dict[str, tuple[str, ...]], dict[str, int]]:
    """Return the user's fields whose components are all in the state, and their ranks."""
    fields: dict[str, tuple[str, ...]] = {}
    ranks: dict[str, int] = {}
    if form is None:
        return fields, ranks
    auxiliary = set(form.auxiliary)
    for symbol, parts in form.components.items():
        names = tuple(str(part) for part in parts)
        if symbol not in auxiliary and all(name in found for name in names):
            fields[str(symbol)], ranks[str(symbol)] = names, int(getattr(symbol, "rank", 0))
        elif str(symbol) in found:  # a vector element carries all components
            fields[str(symbol)], ranks[str(symbol)] = (str(symbol),), int(getattr(symbol, "rank", 0))
    return fields, ranks


def _axes(layout: Any, form: Any) -> tuple[Axis, ...]:
    """Return the grid axes; an axis is periodic if its uniform grid stops one spacing before the right end."""
    bounds = {str(c): (float(lo), float(hi)) for c, (lo, hi) in form.bounds.items()} if form is not None else {}
    axes: list[Axis] = []
    for name, points in layout.coords.items():
        values = np.asarray(points, dtype=float)
        lower, upper = bounds.get(name, (values[0], values[-1]))
        spacing = (upper - lower) / max(values.size, 1)
        periodic = name in bounds and bool(
            np.allclose(values, lower + spacing * np.arange(values.size), rtol=0, atol=1e-6 * spacing)
        )
        axes.append(Axis(str(name), values, float(lower), float(upper), periodic))
    return tuple(axes)


def _latex(form: Any, found: tuple[str, ...]) -> dict[str, str]:
    """Return the LaTeX of every name, from the user's own symbols where there are any."""
    import sympy as sp

    labels = {name: sp.latex(sp.Symbol(name)) for name in found}
    if form is not None:
        symbols = [*form.components, *form.unknowns, *form.coordinates, *form.parameters]
        labels.update({str(symbol): sp.latex(symbol) for symbol in symbols})
    return labels
