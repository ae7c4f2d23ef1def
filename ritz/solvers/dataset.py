"""A Solution as an `xarray.Dataset`, with its run record in NetCDF-safe attributes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from ritz.errors import MissingPackage, UnsupportedError
from ritz.solvers.catalog import Catalog

if TYPE_CHECKING:
    import xarray

    from ritz.solvers.solution import Solution


def require_xarray() -> Any:
    """Return the xarray module, or raise `MissingPackage` saying how to install it."""
    try:
        import xarray
    except ImportError as error:
        raise MissingPackage("This needs xarray. Install it with: pip install xarray h5netcdf") from error
    return xarray


@cache  # reading the metadata takes a millisecond, and every run of a sweep asks
def ritz_version() -> str:
    """Return the installed version of Ritz."""
    try:
        return version("ritz")
    except PackageNotFoundError:
        return "unknown"


def to_dataset(solution: Solution, fields: Any = None) -> xarray.Dataset:
    """Return the Dataset of `Solution.to_xarray`.

    Args:
        solution: What to convert.
        fields: Name, symbol or several of them; by default all fields and auxiliary components.

    Returns:
        One variable ``(t, *coordinates)`` for each scalar component, complex where the field is. A component of a
        vector says so in ``attrs["vector"]``. Parameters are scalar coordinates. On a mesh the dimensions are
        ``(t, node)``, with the coordinates of the nodes as variables ``x (node)``, ...; components of other elements
        have nodes of their own, ``node_p``, ``x_p``.
    """
    xr = require_xarray()
    catalog = solution.catalog
    names = solution.components if fields is None else solution.select(fields)
    values, dims = solution.values(), ("t", *(axis.name for axis in catalog.axes))
    variables: dict[str, Any] = {}
    nodes = _nodes(solution, names)
    for name in names:
        if name in nodes:
            variables[name] = xr.Variable(("t", nodes[name][0]), values[name], field_attrs(catalog, name))
            continue
        single = values[name].ndim == 1 or (bool(catalog.mesh) and values[name].shape[1:] == (1,))
        if single:  # a number beside fields has no place
            variables[name] = xr.Variable("t", values[name].reshape(-1), field_attrs(catalog, name))
            continue
        own = dims
        if values[name].ndim != len(own):
            raise UnsupportedError(
                f"{name} has values of shape {values[name].shape[1:]}, but the grid has the dimensions {dims[1:]}: the "
                f"fields of this system have different grids. Take them one by one, solution[{name!r}]."
            )
        variables[name] = xr.Variable(own, values[name], field_attrs(catalog, name))
    coords: dict[str, Any] = {"t": xr.Variable("t", np.asarray(solution.t), _described(catalog, "t", "time"))}
    for axis in catalog.axes:
        attrs = _described(catalog, axis.name, axis.name)
        attrs |= {"lower": axis.lower, "upper": axis.upper, "periodic": int(axis.periodic)}
        coords[axis.name] = xr.Variable(axis.name, axis.values, attrs)
    for dim, places in nodes.values():
        coords |= {name: xr.Variable(dim, x, _described(catalog, name, name)) for name, x in places.items()}
    for name, value in solution.parameters.items():
        if name not in variables and name not in coords:
            coords[name] = xr.Variable((), value, _described(catalog, name, f"parameter {name}"))
    return xr.Dataset(variables, coords, run_attrs(solution))


def _nodes(solution: Solution, names: Iterable[str]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return component -> its dimension and the coordinates of its nodes, for fields on a mesh."""
    if not solution.catalog.mesh:
        return {}
    if solution.system is None:
        return dict(solution._nodes or {})
    space, layout = solution.system.form.coordinates, solution.system.layout
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    made: dict[Any, tuple[str, dict[str, Any]]] = {}
    for name in names:
        element = layout.space.nodes[layout.names.index(name)]
        if element.element.family == "Real":
            continue
        if element not in made:
            owner = next((f for f, parts in solution.catalog.fields.items() if name in parts), name)
            end = f"_{owner}" if made else ""
            grids = layout.grids(name) if element.reference.is_nodal else []
            made[element] = (f"node{end}", {f"{c}{end}": grid for c, grid in zip(space, grids, strict=False)})
        found[name] = made[element]
    return found


def field_attrs(catalog: Catalog, name: str) -> dict[str, Any]:
    """Return the attributes of a component: its name, LaTeX, unit and the vector it belongs to."""
    attrs = _described(catalog, name, name)
    if name in catalog.latex:
        attrs["latex"] = catalog.latex[name]
    for user, parts in catalog.fields.items():
        if name in parts and parts != (user,):
            attrs["vector"] = user
            attrs.update({"units": catalog.units[user]} if user in catalog.units else {})
    return attrs


def _described(catalog: Catalog, name: str, long_name: str) -> dict[str, Any]:
    return {"long_name": long_name} | ({"units": catalog.units[name]} if name in catalog.units else {})


def run_attrs(solution: Solution) -> dict[str, Any]:
    """Return the run record as attributes: strings and numbers only; mappings are JSON."""
    catalog = solution.catalog
    attrs = {
        "title": catalog.title,
        "source": f"Ritz {ritz_version()}",
        "equations": "\n".join(catalog.equations),
        "parameters": dump(solution.parameters),
        "method": solution.method,
        "options": dump(dict(solution.options or {})),
        "statistics": dump(dict(solution.statistics or {})),
        "message": solution.message,
        "success": int(solution.success),
        "ritz_version": ritz_version(),
    }
    attrs |= {key: int(getattr(solution, key)) for key in ("status", "nfev", "njev", "nlu")}
    for key in ("rtol", "atol"):
        value = (solution.options or {}).get(key)
        if value is not None:
            attrs[key] = float(value) if np.ndim(value) == 0 else [float(v) for v in value]
    return attrs


def dump(record: dict[str, Any]) -> str:
    """Return a mapping as JSON; arrays become lists, anything else that JSON lacks becomes its text."""
    return json.dumps(record, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)
