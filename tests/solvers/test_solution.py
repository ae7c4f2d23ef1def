"""Solution: access by name, dense output, tables, cards."""

import subprocess
import sys

import numpy as np
import pytest
import sympy as sp
from solution_fakes import fake_solution, fake_system, flow_2d, orbit, packet_1d, wave_1d

from ritz.errors import OptionError, UnsupportedError
from ritz.solvers.solution import Solution, nearest_indices


def test_scalar_field_has_time_first():
    solution = wave_1d(nt=5)
    x, t = solution.coords["x"], solution.t
    np.testing.assert_allclose(solution["u"], np.sin(x[None, :] - t[:, None]), atol=1e-14)
    np.testing.assert_array_equal(solution[sp.Symbol("u")], solution["u"])


def test_ode_fields_are_one_dimensional():
    solution = orbit()
    np.testing.assert_allclose(solution["y"], np.cos(solution.t + 1))
    assert solution.coords == {} and solution.fields == ("x", "y")


def test_vector_field_is_stacked_and_its_components_have_names():
    solution = flow_2d(nt=3)
    assert solution.fields == ("omega", "u") and solution.components == ("omega", "u_x", "u_y")
    assert solution["u"].shape == (3, 2, 24, 12)
    np.testing.assert_array_equal(solution["u"][:, 1], solution["u_y"])
    assert solution.final["u"].shape == (2, 24, 12) and solution.final["omega"].shape == (24, 12)


def test_tensor_field_has_two_tensor_axes():
    system = fake_system("S_xx S_xy S_yx S_yy", {"x": (0, 1, 4), "y": (0, 1, 4)}, vectors={"S": "S_xx S_xy S_yx S_yy"})
    solution = fake_solution(
        system, np.arange(3.0), lambda t, x, y: {n: i for i, n in enumerate(("S_xx", "S_xy", "S_yx", "S_yy"))}
    )
    assert solution["S"].shape == (3, 2, 2, 4, 4)
    np.testing.assert_allclose(solution["S"][0, :, :, 0, 0], [[0, 1], [2, 3]], atol=1e-14)


def test_auxiliary_unknowns_are_reachable_but_not_listed_as_fields():
    system = fake_system("u u_t", {"x": (0, 1, 8)}, auxiliary="u_t")
    solution = fake_solution(system, np.arange(2.0), lambda t, x: {"u": t, "u_t": 1})
    assert solution.fields == ("u",) and solution.components == ("u", "u_t")
    np.testing.assert_allclose(solution["u_t"], 1)
    assert list(solution.to_xarray()) == ["u", "u_t"]


def test_complex_field_stays_complex():
    solution = packet_1d()
    x = solution.coords["x"]
    np.testing.assert_allclose(solution["psi"][-1], np.exp(1j * (2 * x - 1)), atol=1e-14)
    assert solution.to_xarray()["psi"].dtype == complex


def test_final_of_an_ode_is_numbers():
    final = orbit().final
    assert final == pytest.approx({"x": np.cos(6), "y": np.cos(7)}) and type(final["x"]) is float


def test_system_without_problem_names_fields_by_its_layout():
    system = fake_system("a b")
    system.problem = None
    solution = fake_solution(system, np.arange(3.0), lambda t: {"a": t, "b": 2 * t})
    assert solution.fields == ("a", "b") and solution.final == {"a": 2.0, "b": 4.0}


def test_it_is_a_mapping_of_fields():
    solution = flow_2d()
    assert "u" in solution and "u_x" in solution and "w" not in solution
    assert list(solution) == ["omega", "u"] and set(dict(solution)) == {"omega", "u"}
    assert solution._ipython_key_completions_() == ["omega", "u", "u_x", "u_y"]


def test_parameters_by_name():
    assert flow_2d().parameters == {"F": 1.0, "k": 2.0}


def test_final_and_snapshot_convert_one_state_only():
    solution = wave_1d(nt=50)
    solution.catalog  # noqa: B018  (reads the names once)
    before = solution.system.layout.conversions
    _ = solution.final, solution.snapshot(3)
    assert solution.system.layout.conversions - before == 2


def test_values_are_converted_once():
    solution = wave_1d(nt=5)
    assert solution["u"] is not None and solution["v"] is not None
    count = solution.system.layout.conversions
    _ = solution["u"], solution.final, solution.to_xarray()
    assert solution.system.layout.conversions == count


def test_unknown_field_offers_the_nearest_name():
    with pytest.raises(OptionError, match="no field 'omeg'. Did you mean 'omega'.*omega, u, u_x, u_y"):
        flow_2d()["omeg"]
    with pytest.raises(OptionError, match="stored times are `solution.t`"):
        flow_2d()["t"]


def test_dense_output_between_stored_times():
    solution = wave_1d(nt=3, dense=True)
    x = solution.coords["x"]
    np.testing.assert_allclose(solution.at(0.7)["u"], np.sin(x - 0.7), atol=1e-14)
    assert solution.at([0.1, 0.2, 0.3])["v"].shape == (3, 16)
    assert flow_2d(dense=True).at(0.5)["u"].shape == (2, 24, 12)


def test_without_dense_output_only_stored_times():
    solution = wave_1d(nt=3)
    np.testing.assert_array_equal(solution.at(1.0)["u"], solution["u"][1])
    with pytest.raises(UnsupportedError, match="t = 0.7 is not a stored time.*dense_output=True"):
        solution.at(0.7)


@pytest.mark.parametrize("dense", [True, False])
def test_times_outside_the_run_are_refused(dense):
    with pytest.raises(UnsupportedError, match=r"t = 3 lies outside the computed span \[0, 2\].*resume"):
        wave_1d(dense=dense).at([1.0, 3.0])
    with pytest.raises(UnsupportedError, match="t = nan"):
        wave_1d(dense=dense).at(np.nan)


def test_backward_runs_are_read_the_same_way():
    system = fake_system("a")
    solution = fake_solution(system, np.linspace(1, 0, 5), lambda t: {"a": t})
    assert solution.at(0.25)["a"] == pytest.approx(0.25)
    assert solution.final["a"] == pytest.approx(0)


def test_nearest_indices_matches_brute_force():
    rng = np.random.default_rng(1)
    stored, wanted = rng.random(17), rng.random(40) * 1.4 - 0.2
    brute = np.argmin(abs(stored[None, :] - wanted[:, None]), axis=1)
    np.testing.assert_array_equal(nearest_indices(stored, wanted), brute)
    assert nearest_indices(np.array([2.0]), [1.0, 5.0]).tolist() == [0, 0]


def test_xarray_has_named_dimensions_coordinates_and_run_record():
    data = flow_2d().to_xarray()
    assert data["u_x"].dims == ("t", "x", "y") and data["u_x"].attrs["vector"] == "u"
    assert data["x"].attrs["units"] == "m" and float(data["F"]) == 1.0
    assert data.attrs["equations"] == "dt(u) = lap(u)" and data.attrs["method"] == "RK45"
    assert data.attrs["rtol"] == 1e-6 and '"steps": 120' in data.attrs["statistics"]
    assert data.attrs["ritz_version"] and data.attrs["success"] == 1
    np.testing.assert_array_equal(data["omega"].sel(t=0.5), flow_2d()["omega"][1])


def test_xarray_of_some_fields_and_straight_to_netcdf(tmp_path):
    data = flow_2d().to_xarray("u")
    assert list(data) == ["u_x", "u_y"]
    data.to_netcdf(tmp_path / "plain.nc", engine="h5netcdf")


def test_runs_of_a_sweep_concatenate_along_a_parameter():
    import xarray

    both = xarray.concat([wave_1d().to_xarray(), wave_1d(params=np.array([0.2])).to_xarray()], "nu")
    assert both["nu"].values.tolist() == [0.1, 0.2] and both["u"].dims[0] == "nu"


def test_text_card():
    text = repr(flow_2d())
    assert text.startswith("Solution of fake: success")
    for part in (
        "t = 0 to 1, 3 stored",
        "omega, u on a grid x: 24, y: 12",
        "120 steps (3 rejected)",
        "12.3 ms",
        "F = 1",
    ):
        assert part in text
    failed = repr(wave_1d(success=False, message="Step size became too small <here>."))
    assert "did not finish" in failed and "Step size" in failed


def test_html_card_escapes_text():
    html = wave_1d(success=False, message="a < b & c")._repr_html_()
    assert "a &lt; b &amp; c" in html and "did not finish" in html


def test_empty_solution_still_shows_itself():
    solution = wave_1d(t=np.empty(0), y=np.empty((36, 0)))
    assert "none stored" in repr(solution)
    with pytest.raises(UnsupportedError, match="no stored time"):
        solution.final  # noqa: B018


def test_scipy_fields_have_their_defaults():
    solution = Solution(t=np.zeros(1), y=np.zeros((1, 1)))
    assert (solution.sol, solution.t_events, solution.njev, solution.nlu, solution.success) == (None, None, 0, 0, True)
    assert repr(solution).startswith("Solution of a system: success") and solution.fields == ()
    with pytest.raises(OptionError, match="no field 'u'"):
        solution["u"]


def test_importing_solution_loads_no_heavy_package():
    code = (
        "import sys, ritz.solvers.solution; "
        "print([m for m in ('numba', 'matplotlib', 'xarray', 'egglog', 'sympy') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
