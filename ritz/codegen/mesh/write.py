"""Fields on meshes for ParaView and other programs, through meshio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import OptionValueError, StorageError
from .lattice import number_second_order, second_order_points
from .mesh import Mesh
from .orders import FILE_NAMES, from_file
from .reference import lagrange, tabulate

Floats = NDArray[np.float64]
Fields = Mapping[str, ArrayLike]


def write_fields(
    path: str | Path,
    mesh: Mesh,
    fields: Fields | None = None,
    *,
    cell_fields: Fields | None = None,
    times: Sequence[float] | None = None,
) -> None:
    """Write a mesh and fields on it to a file that ParaView reads.

    Values at the nodes of second order (see `number_second_order`) give cells of second order, and so does a mesh with
    curved cells; values at vertices beside them are interpolated. Groups of cells are written as cell data.

    Args:
        path: ``.vtu`` or another format of meshio for one moment; ``.pvd`` (with a folder of ``.vtu`` files beside it)
            or ``.xdmf`` (with an ``.h5`` file beside it) for a series in time.
        mesh: the mesh.
        fields: name -> values at the vertices or at the nodes of second order: (nodes,) for a scalar, (nodes, n) for
            a vector, (nodes, n, n) for a tensor; with `times` one such array for each time.
        cell_fields: name -> one value, vector or tensor for each cell, likewise.
        times: the moments of the series, in the user's unit of time.

    Raises:
        OptionValueError: if an array does not fit the mesh or the times, or the format cannot hold a series.
        StorageError: if the file cannot be written.

    Example:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "height.vtu")
        >>> mesh = rz.rectangle(n=4)
        >>> rz.write_fields(path, mesh, {"height": mesh.points[:, 0] ** 2})
        >>> rz.read_mesh(path)
        Mesh(32 triangles, 25 points in 2-D)
    """
    path = Path(path)
    moments = None if times is None else [float(time) for time in times]
    cells = {name: _shaped(name, values, [len(mesh.cells)], moments) for name, values in (cell_fields or {}).items()}
    first, second = mesh.vertex_count, number_second_order(mesh)[1]
    nodes = {name: _shaped(name, values, [first, second], moments) for name, values in (fields or {}).items()}
    fine = mesh.geometry_degree == 2 or any(values.shape[1] != first for values in nodes.values())
    if fine:
        nodes = {name: _interpolated(mesh, values) for name, values in nodes.items()}
    sheet = _Sheet(
        path, mesh, fine, {n: _padded(v) for n, v in nodes.items()}, {n: _padded(v) for n, v in cells.items()}
    )
    try:
        if moments is None:
            sheet.write_one()
        elif path.suffix == ".xdmf":
            sheet.write_xdmf(moments)
        elif path.suffix == ".pvd":
            sheet.write_pvd(moments)
        else:
            raise OptionValueError(f"A series in time goes to a file that ends in .pvd or .xdmf, not {path.name!r}.")
    except OSError as error:
        raise StorageError(f"{str(path)!r} could not be written: {error}.") from error


def _shaped(name: str, values: ArrayLike, counts: list[int], times: list[float] | None) -> Floats:
    """Return values as (times, nodes, ...)."""
    array = np.asarray(values, dtype=np.float64)
    array = array[None] if times is None else array
    moments = 1 if times is None else len(times)
    if array.ndim not in (2, 3, 4) or array.shape[0] != moments or array.shape[1] not in counts:
        before = "" if times is None else f"{moments} (times), "
        raise OptionValueError(
            f"Values of {name!r} have shape ({before}{' or '.join(map(str, dict.fromkeys(counts)))}, ...), but got "
            f"{np.shape(values)}."
        )
    return array


def _interpolated(mesh: Mesh, values: Floats) -> Floats:
    """Return values (times, nodes of second order, ...) from values at vertices."""
    numbers, count = number_second_order(mesh)
    if values.shape[1] == count:
        return values
    weights = tabulate(mesh.cell_type, 1, lagrange(mesh.cell_type, 2).points)[0]
    result = np.empty((len(values), count, *values.shape[2:]))
    result[:, numbers] = np.einsum("nv,tcv...->tcn...", weights, values[:, mesh.cells])
    result[:, : mesh.vertex_count] = values
    return result


def _padded(values: Floats) -> Floats:
    """Return vectors with three and tensors with nine components, as VTK wants them."""
    if values.ndim == 2:
        return values
    missing = [(0, 0), (0, 0), *[(0, max(0, 3 - size)) for size in values.shape[2:]]]
    return np.pad(values, missing).reshape(*values.shape[:2], -1)


class _Sheet:
    """Everything that goes into the files."""

    def __init__(self, path: Path, mesh: Mesh, fine: bool, nodes: Mapping[str, Floats], cells: Mapping[str, Floats]):
        self.path = path
        self.nodes = {name: _padded(values) for name, values in nodes.items()}
        self.cells = {name: _padded(values) for name, values in cells.items()}
        points = second_order_points(mesh) if fine else mesh.points
        self.points = np.pad(points, [(0, 0), (0, 3 - mesh.gdim)])
        degree = 2 if fine else 1
        numbers = number_second_order(mesh)[0] if fine else mesh.cells
        back = np.argsort(from_file(mesh.cell_type, degree))
        self.blocks = [(FILE_NAMES[mesh.cell_type, degree], numbers[:, back])]
        for name, chosen in mesh.cell_groups.items():
            member = np.zeros((1, len(mesh.cells)))
            member[0, chosen] = 1
            self.cells.setdefault(f"group {name}", member)

    def write_one(self, path: Path | None = None, step: int = 0) -> None:
        import meshio

        nodes, cells = self._at(step)
        made = meshio.Mesh(self.points, self.blocks, point_data=nodes, cell_data=cells)
        try:
            made.write(path or self.path)
        except (meshio.WriteError, meshio.ReadError, KeyError) as error:
            raise OptionValueError(
                f"{self.path.name} cannot be written: {error or 'the format does not hold such cells'}. Write a file "
                "that ends in .vtu, .pvd or .xdmf."
            ) from error

    def _at(self, step: int) -> tuple[dict[str, Any], dict[str, list[Any]]]:
        """Return the data of one moment; what has one moment only (the groups) is always the same."""
        cells = {name: [values[min(step, len(values) - 1)]] for name, values in self.cells.items()}
        return {name: values[step] for name, values in self.nodes.items()}, cells

    def write_pvd(self, times: Sequence[float]) -> None:
        folder = self.path.with_suffix("")
        folder.mkdir(exist_ok=True)
        digits = len(str(max(len(times) - 1, 0)))
        lines = []
        for step, time in enumerate(times):
            name = f"{folder.name}_{step:0{digits}d}.vtu"
            self.write_one(folder / name, step)
            lines.append(f'    <DataSet timestep="{time!r}" part="0" file={quoteattr(f"{folder.name}/{name}")}/>')
        head = '<?xml version="1.0"?>\n<VTKFile type="Collection" version="0.1">\n  <Collection>\n'
        self.path.write_text(head + "\n".join(lines) + "\n  </Collection>\n</VTKFile>\n", encoding="utf-8")

    def write_xdmf(self, times: Sequence[float]) -> None:
        import h5py
        import meshio

        writer = meshio.xdmf.TimeSeriesWriter(self.path)
        beside = self.path.with_suffix(".h5")
        # meshio would open this file in the working directory, where the reader does not look for it.
        with h5py.File(beside, "w") as arrays:
            writer.h5_filename, writer.h5_file = beside.name, arrays
            writer.write_points_cells(self.points, self.blocks)
            for step, time in enumerate(times):
                nodes, cells = self._at(step)
                writer.write_data(time, point_data=nodes, cell_data=cells)
            writer.__exit__()
