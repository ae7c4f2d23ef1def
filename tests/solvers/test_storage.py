"""Solutions survive the way through a NetCDF file."""

import numpy as np
import pytest
import xarray
from solution_fakes import fake_system, flow_2d, orbit, packet_1d, wave_1d

from ritz.errors import RitzError, StorageError, UnsupportedError
from ritz.solvers.storage import load


@pytest.mark.parametrize("make", [wave_1d, flow_2d, orbit, packet_1d])
def test_round_trip_is_exact(make, tmp_path):
    solution = make()
    again = load(solution.save(tmp_path / "run.nc"))
    assert again.fields == solution.fields and again.components == solution.components
    for name in solution.components:
        np.testing.assert_array_equal(again[name], solution[name])
        assert again[name].dtype == solution[name].dtype
    np.testing.assert_array_equal(again.y, solution.y)
    np.testing.assert_array_equal(again.t, solution.t)
    for key in ("nfev", "status", "message", "success", "method", "parameters", "options", "statistics"):
        assert getattr(again, key) == getattr(solution, key)
    assert again.system is None and repr(again) == repr(solution)


def test_loaded_solution_makes_tables_and_vectors_without_the_system(tmp_path):
    again = load(flow_2d().save(tmp_path / "run.nc"))
    assert again["u"].shape == (3, 2, 24, 12) and again.final["u"].shape == (2, 24, 12)
    xarray.testing.assert_identical(again.to_xarray(), flow_2d().to_xarray())
    np.testing.assert_array_equal(again.at(0.5)["omega"], flow_2d()["omega"][1])


def test_saving_a_loaded_solution_again(tmp_path):
    first = load(packet_1d().save(tmp_path / "a.nc"))
    second = load(first.save(tmp_path / "b.nc"))
    np.testing.assert_array_equal(first["psi"], second["psi"])


def test_events_are_kept(tmp_path):
    solution = orbit(t_events=[np.array([1.0, 2.0]), np.empty(0)], y_events=[np.eye(2), np.empty((0,))])
    again = load(solution.save(tmp_path / "run.nc"))
    assert [e.tolist() for e in again.t_events] == [[1.0, 2.0], []]
    np.testing.assert_array_equal(again.y_events[0], np.eye(2))
    assert again.y_events[1].shape == (0, 2)


def test_file_is_plain_netcdf_for_others(tmp_path):
    with xarray.open_dataset(packet_1d().save(tmp_path / "run.nc"), engine="h5netcdf") as data:
        assert data["psi_re"].dims == ("t", "x") and data["psi_im"].attrs["complex_field"] == "psi"
        assert data.attrs["Conventions"].startswith("CF") and data.attrs["ritz_format"] == 1


def test_nothing_is_overwritten_silently(tmp_path):
    path = wave_1d().save(tmp_path / "run.nc")
    with pytest.raises(StorageError, match="exists already.*overwrite=True") as caught:
        orbit().save(path)
    assert isinstance(caught.value, OSError) and isinstance(caught.value, RitzError)
    orbit().save(path, overwrite=True)
    assert load(path).fields == ("x", "y")
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


def test_saving_into_a_missing_folder(tmp_path):
    with pytest.raises(StorageError, match="folder .* does not exist"):
        wave_1d().save(tmp_path / "nowhere" / "run.nc")


def test_files_of_others_are_refused_with_advice(tmp_path):
    foreign = tmp_path / "foreign.nc"
    xarray.Dataset({"a": ("x", np.arange(3.0))}).to_netcdf(foreign, engine="h5netcdf")
    with pytest.raises(StorageError, match="not written by Solution.save.*xarray.open_dataset"):
        load(foreign)
    (tmp_path / "text.nc").write_text("hello")
    with pytest.raises(StorageError, match="cannot be read as NetCDF"):
        load(tmp_path / "text.nc")
    with pytest.raises(StorageError, match="There is no file"):
        load(tmp_path / "missing.nc")


def test_later_file_layout_is_refused(tmp_path):
    path = wave_1d().save(tmp_path / "run.nc")
    with xarray.open_dataset(path, engine="h5netcdf") as opened:
        data = opened.load()
    data.attrs["ritz_format"] = 99
    data.to_netcdf(tmp_path / "later.nc", engine="h5netcdf")
    with pytest.raises(StorageError, match="layout 99.*Update Ritz"):
        load(tmp_path / "later.nc")


def test_load_attaches_a_matching_system(tmp_path):
    solution = wave_1d()
    again = load(solution.save(tmp_path / "run.nc"), system=solution.system)
    assert again.system is solution.system and again.problem is solution.problem
    np.testing.assert_array_equal(again.final_state, solution.y[:, -1])


@pytest.mark.parametrize(
    ("system", "message"),
    [
        (fake_system("u v", {"x": (0, 2 * np.pi, 32)}, params={"nu": 0.1}), "states of 36 numbers.* has 68"),
        (fake_system("u w", {"x": (0, 2 * np.pi, 16)}, params={"nu": 0.1}), "fields u, v.*u, w"),
        (fake_system("u v", {"x": (0, 1, 16)}, params={"nu": 0.1}), "grid along x"),
        (fake_system("u v", {"x": (0, 2 * np.pi, 16)}), r"parameters nu.*\(none\)"),
    ],
)
def test_load_refuses_another_system(system, message, tmp_path):
    path = wave_1d().save(tmp_path / "run.nc")
    with pytest.raises(UnsupportedError, match=message):
        load(path, system=system)
