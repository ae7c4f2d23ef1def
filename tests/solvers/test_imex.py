"""Implicit-explicit methods: coefficients, observed orders, stability for fast modes, dense output."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from stepper_reference import fitted_slope, reference
from stepper_systems import diffusion, split_complex, split_mixed, split_real

from ritz.solvers.imex import ARK3_TABLEAU, ARK4_TABLEAU, dense_weights
from ritz.solvers.solve import solve

SPLIT = [split_real, split_complex, split_mixed]
ORDERS = {"ARK3": 3, "ARK4": 4, "SBDF2": 2}
PAIRS = {"ARK3": ARK3_TABLEAU, "ARK4": ARK4_TABLEAU}


@pytest.mark.parametrize("method", PAIRS)
def test_coefficients_meet_all_coupled_order_conditions(method):
    explicit, implicit, b, embedded, c = PAIRS[method].arrays()
    order = ORDERS[method]
    for a in (explicit, implicit):
        assert np.abs(a.sum(axis=1) - c).max() < 1e-14
    for weights, q in ((b, order), (embedded, order - 1)):
        assert [weights @ c**k for k in range(q)] == pytest.approx([1 / (k + 1) for k in range(q)], abs=1e-14)
        for a in (explicit, implicit):
            if q >= 3:
                assert weights @ a @ c == pytest.approx(1 / 6, abs=1e-14)
            if q >= 4:
                assert weights @ (c * (a @ c)) == pytest.approx(1 / 8, abs=1e-14)
                assert weights @ a @ c**2 == pytest.approx(1 / 12, abs=1e-14)
        if q >= 4:
            for first, second in product((explicit, implicit), repeat=2):
                assert weights @ first @ second @ c == pytest.approx(1 / 24, abs=1e-14)
    assert np.abs(implicit[-1] - b).max() < 1e-14  # stiffly accurate
    assert np.abs(dense_weights(PAIRS[method]).sum(axis=1) - b).max() < 1e-13


@pytest.mark.parametrize("make", SPLIT)
@pytest.mark.parametrize("method", ORDERS)
def test_observed_order(make, method):
    exact = reference(make, 2.0, 2.0)[:, 0]
    steps = 2.0 / (np.array([100, 150, 225, 340, 510]) * (3 if method == "SBDF2" else 1))
    errors = [np.abs(solve(make(), (0, 2), method=method, dt=h).y[:, -1] - exact).max() for h in steps]
    assert fitted_slope(steps, errors) == pytest.approx(ORDERS[method], abs=0.25)


@pytest.mark.parametrize("method", ["ARK3", "ARK4"])
def test_error_control(method):
    exact = reference(split_mixed, 2.0, 2.0)[:, 0]
    tolerances = np.array([1e-4, 1e-5, 1e-6, 1e-7, 1e-8])
    runs = [solve(split_mixed(), (0, 2), method=method, rtol=tol, atol=tol) for tol in tolerances]
    errors = [np.abs(run.y[:, -1] - exact).max() for run in runs]
    assert all(error < 20 * tol for error, tol in zip(errors, tolerances, strict=True))
    assert 0.7 < fitted_slope(tolerances, errors) < 1.3


@pytest.mark.parametrize(("method", "order"), [("ARK3", 3), ("ARK4", 4), ("SBDF2", 2)])
def test_dense_output(method, order):
    """One step from exact data; `sol` agrees with `t_eval`."""
    steps = 0.01 / 1.5 ** np.arange(5)
    errors = []
    for h in steps:
        x = np.linspace(0.1, 0.9, 9) * h
        found = solve(split_complex(), (0, h), method=method, dt=h, t_eval=x)
        errors.append(np.abs(found.y - reference(split_complex, x, 2.0)).max())
    assert fitted_slope(steps, errors, floor=1e-15) == pytest.approx(order, abs=0.4)
    times = np.linspace(0, 1, 33)
    run = solve(split_complex(), (0, 1), method=method, dt=0.03, dense_output=True)
    other = solve(split_complex(), (0, 1), method=method, dt=0.03, t_eval=times)
    np.testing.assert_allclose(run.sol(times), other.y, atol=1e-13)


@pytest.mark.parametrize("method", ORDERS)
def test_fast_modes_are_damped(method):
    """Rates up to 1e4 with steps of 0.02 (h |L| = 200), also within steps."""
    system = diffusion()
    times = np.array([0.513, 1.0])
    found = solve(system, (0, 1), method=method, dt=0.02, t_eval=times)
    exact = solve(system, (0, 1), method="ETDRK4", dt=0.005, t_eval=times)
    assert np.abs(found.y - exact.y).max() < 1e-2
    assert np.isfinite(found.y).all()
