"""Traced programs in runs, sweeps, tables and pictures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import ritz as rz

N = 16
X = np.arange(N) / N
START = np.stack([22 * X * (1 - X) ** 1.5 + 0 * X[:, None], 27 * X[:, None] * (1 - X[:, None]) ** 1.5 + 0 * X])


def brusselator(t, y, a, b, alpha):
    u, v = y

    def lap(z):
        return np.roll(z, 1, 0) + np.roll(z, -1, 0) + np.roll(z, 1, 1) + np.roll(z, -1, 1) - 4 * z

    q = u**2 * v
    return np.stack([b + q - (a + 1) * u + alpha * lap(u), a * u - q + alpha * lap(v)])


@pytest.fixture(scope="module")
def system():
    parameters = {"a": 3.4, "b": 1.0, "alpha": 1.0}
    return rz.trace(brusselator, y=(2, N, N), parameters=parameters, initial=START, coordinates={"x": X, "z": X})


@pytest.mark.parametrize("method", ["RK45", "DOP853"])
def test_run_agrees_with_scipy(system, method):
    def flat(t, y):
        return brusselator(t, y.reshape(2, N, N), 3.4, 1.0, 1.0).ravel()

    times = np.linspace(0, 1, 5)
    ours = rz.solve(system, (0, 1), method=method, rtol=1e-9, atol=1e-11, t_eval=times)
    theirs = solve_ivp(flat, (0, 1), START.ravel(), method=method, rtol=1e-9, atol=1e-11, t_eval=times)
    np.testing.assert_allclose(ours.y, theirs.y, atol=1e-7)
    assert ours["y"].shape == (5, 2, N, N)
    np.testing.assert_array_equal(ours["y"][:, 1], ours["y_1"])
    np.testing.assert_array_equal(ours["y"][-1].ravel(), ours.y[:, -1])


def test_threads_and_initial_values_by_name(system):
    one = rz.solve(system, (0, 0.2), y0={"y": START}, dt=0.01)
    two = rz.solve(system, (0, 0.2), y0={"y_0": START[0], "y_1": START[1]}, dt=0.01, threads=2)
    np.testing.assert_array_equal(one.y, two.y)


def test_sweep_table_and_names(system):
    runs = rz.sweep(system, {"a": (3.0, 4.0)}, (0, 0.5), n=2, t_eval=[0.0, 0.5], progress=False)
    table = runs.to_xarray()
    assert table["y_0"].dims == ("a", "t", "x", "z")
    single = rz.solve(system, (0, 0.5), params={"a": 4.0}, t_eval=[0.0, 0.5])
    np.testing.assert_allclose(table["y_1"].sel(a=4.0).values, single["y_1"], rtol=1e-12)


def test_pictures_and_files(system, tmp_path):
    solution = rz.solve(system, (0, 0.2), t_eval=[0.0, 0.1, 0.2])
    assert solution.plot("y_0") is not None
    assert solution.plot() is not None
    data = solution.to_xarray()
    np.testing.assert_array_equal(data["x"], X)
    solution.save(tmp_path / "run.nc")
    np.testing.assert_array_equal(rz.load(tmp_path / "run.nc")["y"], solution["y"])


def wave(t, u, v, c):
    return {"u": v, "v": c**2 * (np.roll(u, 1) - 2 * u + np.roll(u, -1))}


def test_one_dimension_with_example_arrays():
    phase = 2 * np.pi * np.arange(50) / 50
    system = rz.trace(wave, u=np.sin(phase), v=np.zeros(50), parameters={"c": 2.0})
    frequency = 2.0 * np.sqrt(2 - 2 * np.cos(2 * np.pi / 50))  # of the difference equation
    solution = rz.solve(system, (0, 3), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(solution["u"][-1], np.cos(3 * frequency) * np.sin(phase), atol=1e-7)
    assert solution.plot("u") is not None
    assert solution.fields == ("u", "v")


def test_numbers_beside_arrays():
    system = rz.trace(lambda t, u, q: (u * q, q - u.mean()), u=(20,), q=())
    solution = rz.solve(system, (0, 1), y0={"u": np.ones(20), "q": 1.0})
    assert solution["u"].shape[1:] == (20,) and solution["q"].ndim == 1
    assert solution.to_xarray()["q"].dims == ("t",)
    with pytest.raises(rz.errors.UnsupportedError, match="q has values of shape"):
        solution.plot()


def test_different_grids_are_told_apart():
    system = rz.trace(lambda t, u, v: (-u, -v), u=np.ones(20), v=np.ones(30))
    solution = rz.solve(system, (0, 1))
    assert solution["u"].shape[1:] == (20,) and solution["v"].shape[1:] == (30,)
    with pytest.raises(rz.errors.UnsupportedError, match="different grids"):
        solution.to_xarray()


def test_first_value_that_is_not_finite_is_named():
    system = rz.trace(lambda t, u: np.log(np.roll(u, 1) - 1), u=(20,))
    solution = rz.solve(system, (0, 1), y0=np.linspace(0.5, 2.0, 20))
    assert not solution.success
    assert "log(u_elsewhere - 1)" in solution.message and "at index 1" in solution.message


def test_ordinary_equations_as_numpy_programs():
    def pendulum(t, y, g):
        angle, speed = y
        return np.array([speed, -g * np.sin(angle)])

    system = rz.trace(pendulum, y=np.array([0.5, 0.0]), parameters={"g": 9.81})
    ours = rz.solve(system, (0, 2), rtol=1e-10, atol=1e-12, t_eval=[2.0])
    theirs = solve_ivp(pendulum, (0, 2), [0.5, 0.0], args=(9.81,), rtol=1e-10, atol=1e-12, t_eval=[2.0])
    np.testing.assert_allclose(ours["y"][-1], theirs.y[:, -1], atol=1e-8)
