"""Implicit methods: coefficients, observed orders from both sides, stiffness, constraints, second-order problems."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from implicit_systems import (
    constrained,
    constrained_reduced,
    energy,
    heat,
    heat_exact,
    oscillator,
    prothero_robinson,
    prothero_robinson_exact,
    stokes_like,
    stokes_like_exact,
)
from model_matrices import fitted_order
from scipy.integrate import solve_ivp

import ritz as rz
from ritz.solvers.implicit.second_order import generalized_alpha
from ritz.solvers.implicit.tableaus import ImplicitTableau
from ritz.solvers.methods import IMPLICIT, METHODS, SECOND_ORDER

FIRST = [m for m in METHODS if m.family == IMPLICIT]
SECOND = [m for m in METHODS if m.family == SECOND_ORDER]
TABLEAUS = [m for m in FIRST if isinstance(m.coefficients, ImplicitTableau) and m.name != "BDF2"]
STEPS = 2.0 ** -np.arange(4, 8)


def name(method):
    return method.name


# ------------------------------------------------------------------------------------------- coefficients


@pytest.mark.parametrize("method", TABLEAUS, ids=name)
def test_coefficients_meet_the_order_conditions(method):
    table = method.coefficients
    a, c, b = table.matrix, table.nodes, table.matrix[-1]
    e = np.ones(table.stages)
    products = {1: [(b @ e, 1)], 2: [(b @ c, 1 / 2)], 3: [(b @ c**2, 1 / 3), (b @ a @ c, 1 / 6)]}
    products[4] = [(b @ c**3, 1 / 4), (b @ (c * (a @ c)), 1 / 8), (b @ a @ c**2, 1 / 12), (b @ a @ a @ c, 1 / 24)]
    for order in range(1, 5):
        defects = [abs(found - wanted) for found, wanted in products[order]]
        if order <= method.order:
            assert max(defects) < 1e-13
    if method.order < 4:
        assert max(abs(f - w) for f, w in products[method.order + 1]) > 1e-3
    assert c[-1] == pytest.approx(1) and not a[0].any()
    if table.error is not None:
        assert abs(table.error.sum()) < 1e-14
        lower = [(table.error @ c, 0), (table.error @ c**2, 0), (table.error @ c**3, 0)]
        assert all(abs(f - w) < 1e-13 for f, w in lower[: method.error_order - 1])
        assert abs(lower[method.error_order - 1][0]) > 1e-3


@pytest.mark.parametrize("method", TABLEAUS, ids=name)
def test_stability(method):
    """A-stable, and all but the trapezoidal rule without memory of infinitely fast modes."""
    table = method.coefficients
    a, b, e = table.matrix, table.matrix[-1], np.ones(table.stages)

    def growth(z):
        return abs(1 + z * b @ np.linalg.solve(np.eye(table.stages) - z * a, e))

    assert max(growth(1j * y) for y in np.geomspace(1e-2, 1e5, 200)) <= 1 + 1e-9
    assert growth(-1e8) == pytest.approx(1.0 if method.name == "CrankNicolson" else 0.0, abs=1e-6)


def test_error_estimate_of_sdirk2_is_exact_for_linear_equations():
    """The ratio of the estimate to the true local error tends to one as the step falls."""
    table = rz.methods()[[m.name for m in METHODS].index("SDIRK2")].coefficients
    z = -1e-3
    stages = np.linalg.solve(np.eye(3) - z * table.matrix, np.ones(3))
    error = stages[-1] - np.exp(z)
    assert (z * table.error @ stages) / error == pytest.approx(1, abs=1e-2)


def test_error_estimate_of_sdirk3_measures_the_third_derivative():
    table = rz.methods()[[m.name for m in METHODS].index("SDIRK3")].coefficients
    z = 1e-2
    stages = np.linalg.solve(np.eye(4) - z * table.matrix, np.ones(4))
    assert z * table.error @ stages == pytest.approx(z**3 / 24, rel=0.05)


@pytest.mark.parametrize("radius", [0.0, 0.5, 0.8, 1.0])
def test_generalized_alpha_damps_fast_modes_by_its_radius(radius):
    """Spectral radius of the amplification of ``u'' = -w^2 u`` for w h = 1e6; at w h = 0.01 hardly any damping."""
    c = generalized_alpha(radius)

    def spectral_radius(wh):
        k = wh**2
        # unknowns (u, h v, h^2 a) new = ... old, from the three equations of the method
        left = np.array([[1, 0, -c.beta], [0, 1, -c.gamma], [k * (1 - c.af), 0, 1 - c.am]])
        right = np.array([[1, 1, 0.5 - c.beta], [0, 1, 1 - c.gamma], [-k * c.af, 0, -c.am]])
        return np.abs(np.linalg.eigvals(np.linalg.solve(left, right))).max()

    assert spectral_radius(1e6) == pytest.approx(radius, abs=1e-2)
    assert spectral_radius(0.01) == pytest.approx(1.0, abs=1e-6)


# ------------------------------------------------------------------------------------------- observed orders


def errors_at_end(system, exact, method, steps, t_end=1.0, **options):
    found = []
    for h in steps:
        solution = rz.solve(system, (0, t_end), method=method.name, dt=h, t_eval=[t_end], **options)
        assert solution.success, solution.message
        found.append(np.abs(solution.y[:, -1] - exact).max())
    return found


@pytest.mark.parametrize("method", FIRST, ids=name)
def test_observed_order(method):
    """A nonlinear problem with time in it, not stiff: the error falls as dt**order, neither slower nor faster."""
    steps = 4 * STEPS if method.order == 4 else STEPS
    errors = errors_at_end(prothero_robinson(1.0), prothero_robinson_exact(1.0), method, steps)
    assert fitted_order(steps, errors) == pytest.approx(method.order, abs=0.2)


STIFF_ORDER = {"BackwardEuler": 1, "CrankNicolson": 2, "SDIRK2": 1, "SDIRK3": 1, "ESDIRK4": 2, "BDF2": 2}


@pytest.mark.parametrize("method", FIRST, ids=name)
def test_order_left_where_the_problem_is_very_stiff(method):
    """The fast unknown follows cos t with the order of the stages, and an error over its rate."""
    steps = 2.0 ** -np.arange(3, 7)
    solutions = [rz.solve(prothero_robinson(1e6), (0, 1), method=method.name, dt=h).y[0, -1] for h in steps]
    errors = np.abs(np.array(solutions) - np.cos(1.0))
    assert fitted_order(steps, errors) == pytest.approx(STIFF_ORDER[method.name], abs=0.15)
    assert errors[0] < 1e-7


@pytest.mark.parametrize("method", FIRST, ids=name)
def test_order_with_a_mass_matrix_and_eliminated_boundary_values(method):
    """Linear elements for the heat equation; boundary values that change in time stand in f.

    The equations are stiff, so the order is that of the stages plus one: 2 for SDIRK3, 3 for ESDIRK4.
    """
    errors = errors_at_end(heat(), heat_exact(1.0), method, STEPS)
    expected = {"SDIRK3": (1.9, 2.6), "ESDIRK4": (2.9, 3.6)}.get(method.name, (method.order - 0.15, method.order + 0.2))
    assert expected[0] < fitted_order(STEPS, errors) < expected[1]


@cache
def constrained_end():
    found = solve_ivp(constrained_reduced, (0, 1), [1.0, 0.0], method="DOP853", rtol=1e-13, atol=1e-14).y[:, -1]
    return np.array([*found, 2 * found[0] + found[1] / 2])


@pytest.mark.parametrize("method", FIRST, ids=name)
def test_order_with_a_constraint(method):
    """A singular mass matrix: all unknowns reach the order of the method, and the constraint holds."""
    steps = 4 * STEPS if method.order == 4 else STEPS
    errors = errors_at_end(constrained(), constrained_end(), method, steps)
    assert fitted_order(steps, errors) == pytest.approx(method.order, abs=0.25)
    u, v, z = rz.solve(constrained(), (0, 1), method=method.name, dt=0.1).y
    assert np.abs(z - 2 * u - v / 2).max() < 1e-9


@pytest.mark.parametrize("method", [m for m in FIRST if m.name != "CrankNicolson"], ids=name)
def test_constraint_of_index_2(method):
    """A pressure and ``B u = 0``: velocities converge, the constraint holds, the pressure converges too."""
    solution = rz.solve(stokes_like(), (0, 1), method=method.name, dt=1 / 64)
    exact = stokes_like_exact(solution.t)
    assert np.abs(solution.y[0] + solution.y[1]).max() < 1e-9
    assert np.abs(solution.y[:2] - exact[:2]).max() < 2e-2 * 10 ** -(method.order - 1)
    assert np.abs(solution.y[2, 1:] - exact[2, 1:]).max() < 3e-2


@pytest.mark.parametrize("method", SECOND, ids=name)
@pytest.mark.parametrize("nonlinear", [0.0, 5.0])
def test_order_of_second_order_methods(method, nonlinear):
    make = oscillator(6, damping=0.5, nonlinear=nonlinear)
    reference = rz.solve(make, (0, 1), method="ESDIRK4", rtol=1e-11, atol=1e-13).y[:, -1]
    steps = 2.0 ** -np.arange(6, 10)
    errors = errors_at_end(make, reference, method, steps)
    assert fitted_order(steps, errors) == pytest.approx(2, abs=0.15)


def test_newmark_keeps_the_energy_and_agrees_with_the_trapezoidal_rule():
    system = oscillator()
    newmark = rz.solve(system, (0, 20), method="Newmark", dt=0.1)
    kept = energy(system, newmark.y)
    assert np.abs(kept / kept[0] - 1).max() < 1e-9
    rule = rz.solve(system, (0, 20), method="CrankNicolson", dt=0.1)
    np.testing.assert_allclose(newmark.y, rule.y, atol=1e-7)


def test_generalized_alpha_loses_energy_of_high_modes_only():
    system = oscillator()
    n = system.layout.size // 2
    x = np.linspace(0, 1, n + 2)[1:-1]
    left = {}
    for mode in (1, n):
        start = np.concatenate([np.sin(mode * np.pi * x), np.zeros(n)])
        for radius in (0.0, 1.0):
            run = rz.solve(system, (0, 10), start, method="GeneralizedAlpha", dt=0.05, spectral_radius=radius)
            values = energy(system, run.y)
            left[mode, radius] = values[-1] / values[0]
    assert 0.85 < left[1, 0.0] < 0.95 and left[n, 0.0] < 1e-3
    assert left[1, 1.0] == pytest.approx(1, abs=0.01) and left[n, 1.0] == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize("method", FIRST, ids=name)
def test_dense_output_meets_the_order_of_a_cubic(method):
    """Between steps the cubic through states and slopes does not spoil the order."""
    between = np.linspace(0, 1, 33)[1::2] + 0.007
    between = between[between < 1]
    errors = []
    for h in STEPS:
        sol = rz.solve(prothero_robinson(1.0), (0, 1), method=method.name, dt=h, dense_output=True).sol
        errors.append(np.abs(sol(between) - prothero_robinson_exact(between)).max())
    assert fitted_order(STEPS, errors) > method.order - 0.25


def test_backward_runs():
    found = rz.solve(
        prothero_robinson(1.0), (1, 0), prothero_robinson_exact(1.0), method="ESDIRK4", rtol=1e-8, atol=1e-9
    )
    np.testing.assert_allclose(found.y[:, -1], [1, 1], atol=1e-7)
