"""ETDRK4: phi functions, observed orders on stiff split systems, dense output, error control."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from stepper_reference import fitted_slope, reference
from stepper_systems import diffusion, split_complex, split_mixed, split_real

from ritz.solvers.phi import phi
from ritz.solvers.solve import solve

SPLIT = [split_real, split_complex, split_mixed]
PLACES = [0, 1e-9, -1e-4, 0.3, -1.99, -2.01, 2.01, -40, -700, 5, 1e-6j, 1.99j, 2.01j, 300j, -1 + 2j, -30 - 50j]


def exact_phi(k, z):
    with mp.workdps(60):
        z = mp.mpmathify(z)
        if z == 0:
            return complex(1 / mp.factorial(k))
        return complex((mp.exp(z) - sum(z**j / mp.factorial(j) for j in range(k))) / z**k)


@pytest.mark.parametrize("k", range(4))
def test_phi_functions_to_round_off(k):
    for z in PLACES:
        assert abs(complex(phi(k, z)) - exact_phi(k, z)) <= 1e-14 * abs(exact_phi(k, z)) + 1e-300, z
    assert phi(k, np.linspace(-1, 1, 6).reshape(2, 3)).dtype == float
    with pytest.raises(ValueError, match="k = 0, 1, 2, 3"):
        phi(4, 0.0)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_phi_functions_agree_with_contour_means(k):
    """Mean over a circle of radius 3 around z, which never comes near the removable singularity."""
    circle = 3 * np.exp(2j * np.pi * (np.arange(64) + 0.5) / 64)
    for z in (-0.5, 0.0, 1.2j, -1.5 + 0.5j):
        w = z + circle
        values = (np.exp(w) - sum(w**j / float(mp.factorial(j)) for j in range(k))) / w**k
        assert abs(values.mean() - complex(phi(k, complex(z)))) < 1e-13


@pytest.mark.parametrize("make", SPLIT)
def test_observed_order(make):
    exact = reference(make, 2.0, 2.0)[:, 0]
    steps = 2.0 / np.array([100, 150, 225, 340, 510])
    errors = [np.abs(solve(make(), (0, 2), method="ETDRK4", dt=h).y[:, -1] - exact).max() for h in steps]
    assert fitted_slope(steps, errors) == pytest.approx(4, abs=0.2)


@pytest.mark.parametrize("make", SPLIT)
def test_order_of_the_dense_output(make):
    """One step from exact data: the continuous extension is of order 3, so the error there of order 4."""
    steps = 0.04 / 1.5 ** np.arange(5)
    errors = []
    for h in steps:
        x = np.linspace(0.1, 0.9, 9) * h
        found = solve(make(), (0, h), method="ETDRK4", dt=h, t_eval=x)
        errors.append(np.abs(found.y - reference(make, x, 2.0)).max())
    assert fitted_slope(steps, errors, floor=1e-15) == pytest.approx(4, abs=0.35)


@pytest.mark.parametrize("make", SPLIT)
def test_error_control(make):
    exact = reference(make, 2.0, 2.0)[:, 0]
    tolerances = np.array([1e-4, 1e-5, 1e-6, 1e-7, 1e-8])
    errors = [np.abs(solve(make(), (0, 2), rtol=tol, atol=tol).y[:, -1] - exact).max() for tol in tolerances]
    assert all(error < 10 * tol for error, tol in zip(errors, tolerances, strict=True))
    assert 0.7 < fitted_slope(tolerances, errors) < 1.3


def test_dense_output_and_times_agree():
    """`sol`, `t_eval` and the steps themselves tell the same story, inside and at the ends of steps."""
    times = np.linspace(0, 2, 33)
    run = solve(split_complex(), (0, 2), rtol=1e-8, atol=1e-8, dense_output=True)
    other = solve(split_complex(), (0, 2), rtol=1e-8, atol=1e-8, t_eval=times)
    np.testing.assert_allclose(run.sol(times), other.y, atol=1e-13)
    np.testing.assert_allclose(run.sol(run.t), run.y, atol=1e-13)
    assert run.method == "ETDRK4" and "integrated exactly" in run.statistics["why"]


def test_stiff_linear_part_is_exact():
    """Rates up to 1e4 and steps of 0.05: only the slow nonlinear part limits the step."""
    system = diffusion()
    coarse = solve(system, (0, 1), method="ETDRK4", dt=0.05, t_eval=[1.0])
    fine = solve(system, (0, 1), method="ETDRK4", dt=0.00625, t_eval=[1.0])
    assert np.abs(coarse.y - fine.y).max() < 2e-4
    adaptive = solve(system, (0, 1), rtol=1e-5, atol=1e-7, t_eval=[1.0])
    assert adaptive.statistics["steps"] < 400
    assert np.abs(adaptive.y - fine.y).max() < 1e-3


def test_threads_do_not_change_the_result():
    system = diffusion()
    one, two = (solve(system, (0, 0.3), method="ETDRK4", dt=0.05, threads=n) for n in (1, 2))
    assert np.array_equal(one.y, two.y)


def test_last_step_and_backward():
    exact = reference(split_complex, 2.0, 2.0)[:, 0]
    run = solve(split_complex(), (0, 2), method="ETDRK4", dt=0.0003 * 11)
    assert run.t[-1] == 2.0 and np.abs(run.y[:, -1] - exact).max() < 1e-7
    assert np.diff(run.t)[-1] < 0.0033 * (1 + 1e-9) and np.allclose(np.diff(run.t)[:-1], 0.0033)
    back = solve(split_complex(), (2, 1.5), exact, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(back.y[:, -1], reference(split_complex, 1.5, 2.0)[:, 0], atol=1e-6)
