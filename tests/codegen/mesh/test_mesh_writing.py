"""Files of fields: what is read back is what was written."""

from __future__ import annotations

import re

import meshio
import numpy as np
import pytest
from mesh_examples import ALL

import ritz as rz
from ritz.codegen.mesh import Mesh, number_second_order, second_order_points
from ritz.errors import OptionValueError, StorageError


@pytest.mark.parametrize("ending", ["vtu", "vtk", "xdmf"])
@pytest.mark.parametrize("name", ALL)
def test_mesh_comes_back(name, ending, tmp_path):
    mesh = ALL[name]()
    rz.write_fields(tmp_path / f"a.{ending}", mesh)
    again = rz.read_mesh(tmp_path / f"a.{ending}")
    assert (again.cell_type, again.geometry_degree) == (mesh.cell_type, mesh.geometry_degree)
    assert again.volumes == pytest.approx(mesh.volumes, rel=1e-12)
    assert again.points[again.geometry] == pytest.approx(mesh.points[mesh.geometry], abs=1e-14)


@pytest.mark.parametrize("name", ALL)
def test_fields_of_second_order(name, tmp_path):
    """Each value stands at the node that it belongs to, whatever the order of nodes in files."""
    mesh = ALL[name]()
    points = second_order_points(mesh)
    at_vertices = points[: mesh.vertex_count, 0]
    rz.write_fields(tmp_path / "a.vtu", mesh, {"place": points, "x": at_vertices})
    found = meshio.read(tmp_path / "a.vtu")
    assert found.cells[0].data.shape[1] == number_second_order(mesh)[0].shape[1]
    assert found.point_data["place"].shape[1:] == (() if mesh.gdim == 0 else (3,))
    assert found.point_data["place"] == pytest.approx(found.points, abs=1e-14)
    if mesh.geometry_degree == 1:
        assert found.point_data["x"] == pytest.approx(found.points[:, 0], abs=1e-14)


def test_cell_fields_and_groups(tmp_path):
    base = rz.rectangle(n=2)
    mesh = Mesh.from_arrays(base.points, base.cells, "triangle", cell_groups={"soft": [1, 3]})
    rz.write_fields(tmp_path / "a.vtu", mesh, cell_fields={"size": mesh.volumes, "stress": np.ones((8, 2, 2))})
    found = meshio.read(tmp_path / "a.vtu")
    assert found.cell_data["size"][0].tolist() == mesh.volumes.tolist()
    assert np.flatnonzero(found.cell_data["group soft"][0]).tolist() == [1, 3]
    assert found.cell_data["stress"][0][0].tolist() == [1, 1, 0, 1, 1, 0, 0, 0, 0]


def series(mesh, times):
    x = mesh.points[: mesh.vertex_count, 0]
    return {"u": np.array([x * t for t in times])}, {"c": np.array([mesh.volumes + t for t in times])}


def test_series_for_paraview(tmp_path):
    mesh, times = rz.rectangle(n=3), [0.0, 0.1, 0.25]
    fields, cells = series(mesh, times)
    rz.write_fields(tmp_path / "run.pvd", mesh, fields, cell_fields=cells, times=times)
    entries = re.findall(r'timestep="([^"]+)" part="0" file="([^"]+)"', (tmp_path / "run.pvd").read_text())
    assert [float(time) for time, _ in entries] == times
    for step, (_, name) in enumerate(entries):
        found = meshio.read(tmp_path / name)
        assert (found.point_data["u"] == fields["u"][step]).all()
        assert (found.cell_data["c"][0] == cells["c"][step]).all()


def test_series_in_xdmf(tmp_path):
    mesh, times = rz.disc(size=0.5, geometry_degree=2), [0.0, 0.1, 0.25]
    fields, cells = series(mesh, times)
    rz.write_fields(tmp_path / "run.xdmf", mesh, fields, cell_fields=cells, times=times)
    with meshio.xdmf.TimeSeriesReader(tmp_path / "run.xdmf") as reader:
        _, blocks = reader.read_points_cells()
        assert blocks[0].type == "triangle6"
        for step, time in enumerate(times):
            found_time, nodes, on_cells = reader.read_data(step)
            assert found_time == time
            assert (nodes["u"][: mesh.vertex_count] == fields["u"][step]).all()
            assert (on_cells["c"][0] == cells["c"][step]).all()


def test_mistakes(tmp_path):
    mesh = rz.rectangle(n=2)
    with pytest.raises(OptionValueError, match=r"'u' have shape \(9 or 25, ...\), but got \(8,\)"):
        rz.write_fields(tmp_path / "a.vtu", mesh, {"u": np.ones(8)})
    with pytest.raises(OptionValueError, match=r"'u' have shape \(2 .times., 9 or 25, ...\), but got \(9,\)"):
        rz.write_fields(tmp_path / "a.pvd", mesh, {"u": np.ones(9)}, times=[0, 1])
    with pytest.raises(OptionValueError, match=r"'c' have shape \(8, ...\), but got \(9,\)"):
        rz.write_fields(tmp_path / "a.vtu", mesh, cell_fields={"c": np.ones(9)})
    with pytest.raises(OptionValueError, match="ends in .pvd or .xdmf, not 'a.vtu'"):
        rz.write_fields(tmp_path / "a.vtu", mesh, {"u": np.ones((1, 9))}, times=[0])
    with pytest.raises(OptionValueError, match="a.nothing cannot be written.* ends in .vtu, .pvd or .xdmf"):
        rz.write_fields(tmp_path / "a.nothing", mesh)
    with pytest.raises(StorageError, match="could not be written"):
        rz.write_fields(tmp_path / "no folder" / "a.vtu", mesh)
