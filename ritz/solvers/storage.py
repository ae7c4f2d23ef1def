"""Solutions in NetCDF files.

Layout of a file, version 1: the Dataset of `Solution.to_xarray` (dimensions ``t`` and the coordinates; on a mesh ``t``
and ``node``, with the coordinates of the nodes), and besides it

- ``ritz_state (ritz_index, t)``: the raw state vectors, so that a run can be resumed exactly;
- ``ritz_t_event_i (ritz_event_i)`` and ``ritz_y_event_i (ritz_event_i, ritz_index)``: events, if there were any;
- ``ritz_log_t``, ``ritz_log_fired (ritz_log)``, ``ritz_log_before`` and ``ritz_log_after (ritz_log, ritz_index)``: what
  the events of the problem did, their names as JSON in the attribute ``names`` of the first;
- a complex field ``psi`` is written as the two variables ``psi_re`` and ``psi_im``, each with the attribute
  ``complex_field = "psi"``, because NetCDF has no complex numbers;
- on a mesh ``ritz_mesh_points (ritz_point, ritz_axis)`` and ``ritz_mesh_cells (ritz_cell, ritz_corner)``, the nodes of
  cells in the order of fenics-basix, with the attribute ``ritz_mesh`` (JSON: type of the cells, coordinates, elements);
- attributes ``ritz_format`` (the version of this layout) and ``ritz_catalog`` (JSON: names, axes, labels).

Dense output is not stored; nor are equations, which `load` takes from ``system=``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from ritz.errors import StorageError, UnsupportedError
from ritz.solvers.catalog import Catalog, catalog_of
from ritz.solvers.dataset import require_xarray, to_dataset
from ritz.solvers.jumps import Record
from ritz.solvers.solution import Solution
from ritz.solvers.stored_mesh import described, restored

if TYPE_CHECKING:
    import xarray

FORMAT = 1


def save(solution: Solution, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a Solution to a NetCDF file (see the module for its layout) and return the path.

    The file appears under its name only when it is complete.

    Raises:
        StorageError: if the file exists and `overwrite` is false, or its folder does not exist.

    Example:
        >>> solution.save("run.nc")  # doctest: +SKIP
        >>> rz.load("run.nc")["u"]   # doctest: +SKIP
    """
    target = Path(path)
    if target.exists() and not overwrite:
        raise StorageError(f"{target} exists already. Choose another name or pass overwrite=True.")
    if not target.parent.is_dir():
        raise StorageError(f"The folder {target.parent} of {target.name} does not exist. Create it first.")
    dataset = _file_dataset(solution)
    partial = target.with_name(f".{target.name}.{uuid4().hex[:8]}.part")
    try:
        dataset.to_netcdf(partial, engine="h5netcdf")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def load(path: str | Path, *, system: Any = None) -> Solution:
    """Read a Solution written by `Solution.save`.

    Args:
        path: The NetCDF file.
        system: The System that was advanced, or an equal one; with it the solution has ``solution.system`` again and
            is a start for ``solve(system, span, y0=solution)``. Without it fields, tables, plots and values in points
            work all the same; integrals, fluxes and errors on meshes do not, as equations are not stored.

    Raises:
        StorageError: if there is no such file, or it was not written by Ritz, or by a later version of Ritz.
        UnsupportedError: if `system` has other fields, another grid or another state than the file.
    """
    source = Path(path)
    if not source.is_file():
        raise StorageError(f"There is no file {source}.")
    dataset = _read(source)
    written = dataset.attrs.get("ritz_format")
    if written is None or "ritz_state" not in dataset:
        raise StorageError(
            f"{source} was not written by Solution.save. Open it with xarray.open_dataset({str(source)!r}) instead."
        )
    if int(written) > FORMAT:
        raise StorageError(
            f"{source} has file layout {written}, this version of Ritz reads up to {FORMAT}. Update Ritz."
        )
    solution = _solution_of(dataset)
    if system is not None:
        _check_same(solution, system, source)
        solution.system = system
    return solution


def _file_dataset(solution: Solution) -> xarray.Dataset:
    """Return the Dataset that goes into the file: no complex variables, raw states and events added."""
    dataset = to_dataset(solution)
    dataset.attrs |= {"Conventions": "CF-1.11", "ritz_format": FORMAT, "ritz_catalog": solution.catalog.to_json()}
    for name in [str(n) for n in dataset.data_vars if np.iscomplexobj(dataset[n])]:
        variable = dataset[name].variable
        attrs = variable.attrs | {"complex_field": name}
        dataset[f"{name}_re"] = (variable.dims, variable.values.real, attrs)
        dataset[f"{name}_im"] = (variable.dims, variable.values.imag, attrs)
        dataset = dataset.drop_vars(name)
    system = solution._loaded if solution.system is None else solution.system
    if hasattr(system, "mesh"):
        arrays, dataset.attrs["ritz_mesh"] = described(system)
        dataset["ritz_mesh_points"] = (("ritz_point", "ritz_axis"), arrays["points"])
        dataset["ritz_mesh_cells"] = (("ritz_cell", "ritz_corner"), arrays["cells"])
    dataset["ritz_state"] = (("ritz_index", "t"), solution.y, {"long_name": "raw state vectors"})
    for i, times in enumerate(solution.t_events or ()):
        dataset[f"ritz_t_event_{i}"] = ((f"ritz_event_{i}",), np.asarray(times, dtype=float))
        states = np.asarray((solution.y_events or [])[i]).reshape(len(times), -1) if len(times) else None
        if states is not None:
            dataset[f"ritz_y_event_{i}"] = ((f"ritz_event_{i}", "ritz_index"), states)
    if solution.log:
        names = json.dumps([r.name for r in solution.log])
        dataset["ritz_log_t"] = (("ritz_log",), np.array([r.t for r in solution.log]), {"names": names})
        dataset["ritz_log_fired"] = (("ritz_log",), np.array([r.fired for r in solution.log]))
        dataset["ritz_log_before"] = (("ritz_log", "ritz_index"), np.array([r.before for r in solution.log]))
        dataset["ritz_log_after"] = (("ritz_log", "ritz_index"), np.array([r.after for r in solution.log]))
    return dataset


def _read(source: Path) -> xarray.Dataset:
    """Return the file's Dataset in memory, complex fields put together again."""
    xr = require_xarray()
    try:
        with xr.open_dataset(source, engine="h5netcdf", decode_times=False) as opened:
            dataset = opened.load()
    except Exception as error:  # h5netcdf and h5py raise many kinds
        raise StorageError(f"{source} cannot be read as NetCDF ({error}).") from error
    for name in {str(v.attrs["complex_field"]) for v in dataset.data_vars.values() if "complex_field" in v.attrs}:
        real, imaginary = dataset[f"{name}_re"], dataset[f"{name}_im"]
        dataset[name] = (real.dims, real.values + 1j * imaginary.values)
        dataset = dataset.drop_vars([f"{name}_re", f"{name}_im"])
    return dataset


def _solution_of(dataset: xarray.Dataset) -> Solution:
    """Return the Solution that a file's Dataset describes, without a system."""
    attrs = dataset.attrs
    axes = json.loads(attrs["ritz_catalog"])["axes"]
    catalog = Catalog.from_json(attrs["ritz_catalog"], {axis[0]: dataset[axis[0]].values for axis in axes})
    t_events, y_events = _events_of(dataset)
    solution = Solution(
        t=dataset["t"].values,
        y=dataset["ritz_state"].values,
        t_events=t_events,
        y_events=y_events,
        log=_log_of(dataset),
        message=str(attrs["message"]),
        success=bool(attrs["success"]),
        method=str(attrs["method"]),
        params=np.array(list(json.loads(attrs["parameters"]).values()), dtype=float),
        options=json.loads(attrs["options"]),
        statistics=json.loads(attrs["statistics"]),
        status=int(attrs["status"]),
        nfev=int(attrs["nfev"]),
        njev=int(attrs["njev"]),
        nlu=int(attrs["nlu"]),
    )
    solution._catalog = catalog
    solution._values = {name: dataset[name].values for name in catalog.components}
    if catalog.mesh:
        solution._nodes = {
            name: (str(dims[1]), {str(c): v.values for c, v in dataset.coords.items() if v.dims == dims[1:]})
            for name in catalog.components
            if len(dims := dataset[name].dims) == 2
        }
    if "ritz_mesh" in attrs:
        arrays = {name: dataset[f"ritz_mesh_{name}"].values for name in ("points", "cells")}
        solution._loaded = restored(arrays, attrs["ritz_mesh"], solution.t, solution._values, solution.parameters)
    return solution


def _events_of(dataset: xarray.Dataset) -> tuple[list[NDArray[Any]] | None, list[NDArray[Any]] | None]:
    """Return the stored event times and states, or (None, None) if no event function was given."""
    times: list[NDArray[Any]] = []
    states: list[NDArray[Any]] = []
    size = dataset.sizes["ritz_index"]
    while (name := f"ritz_t_event_{len(times)}") in dataset:
        found = f"ritz_y_event_{len(times)}"
        states.append(dataset[found].values if found in dataset else np.empty((0, size)))
        times.append(dataset[name].values)
    return (times, states) if times else (None, None)


def _log_of(dataset: xarray.Dataset) -> tuple[Record, ...]:
    """Return what the events of the problem did."""
    if "ritz_log_t" not in dataset:
        return ()
    t = dataset["ritz_log_t"]
    columns = [dataset[f"ritz_log_{name}"].values for name in ("before", "after")]
    fired = dataset["ritz_log_fired"].values.tolist()
    rows = zip(t.values.tolist(), json.loads(t.attrs["names"]), *columns, fired, strict=True)
    return tuple(Record(*row) for row in rows)


def _check_same(solution: Solution, system: Any, source: Path) -> None:
    """Raise `UnsupportedError` unless the system has the state, components and grid of the file."""
    size = solution.y.shape[0]
    if int(system.layout.size) != size:
        raise UnsupportedError(
            f"{source} holds states of {size} numbers, the system given has {system.layout.size}. "
            "Discretise the same problem in the same way, or load without system=."
        )
    fields = system.to_fields(np.ascontiguousarray(solution.y[:, -1]), solution.t[-1], solution.params)
    there = catalog_of(system, fields)
    for what, mine, other in (
        ("fields", solution.components, there.components),
        ("coordinates", tuple(solution.coords), tuple(a.name for a in there.axes)),
        ("parameters", solution.catalog.parameters, there.parameters),
    ):
        if mine != other:
            raise UnsupportedError(f"{source} has the {what} {_list(mine)}, the system given has {_list(other)}.")
    if solution.catalog.mesh != there.mesh:
        raise UnsupportedError(
            f"{source} holds values on {solution.catalog.mesh}; the system given has {there.mesh or 'no mesh'}. "
            "Discretise the same problem in the same way."
        )
    for name, (_, places) in (solution._nodes or {}).items():
        for x, here in zip(places.values(), system.layout.grids(name), strict=False):
            if not np.allclose(x, here, rtol=1e-12, atol=1e-12 * float(np.ptp(here) or 1.0)):
                raise UnsupportedError(f"The nodes of {name} in {source} are not those of the system given.")
    for axis in there.axes:
        if not np.allclose(axis.values, solution.coords[axis.name], rtol=1e-12, atol=1e-12 * abs(axis.length)):
            raise UnsupportedError(f"The grid along {axis.name} in {source} is not that of the system given.")


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) if names else "(none)"
