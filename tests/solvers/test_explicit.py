"""Explicit Runge-Kutta methods: coefficients, observed orders, dense output, error control, agreement with SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from stepper_reference import fitted_slope, reference
from stepper_systems import diffusion, lorenz, pendulum, split_real

import ritz as rz
from ritz.solvers.methods import EXPLICIT, METHODS
from ritz.solvers.solve import solve

EXPLICIT_METHODS = [m for m in METHODS if m.family == EXPLICIT]
ADAPTIVE = [m for m in EXPLICIT_METHODS if m.adaptive]
DENSE_ORDER = {"RK4": 3, "RK23": 3, "RK45": 4, "Tsit5": 4, "DOP853": 7}  # of the continuous extension


def name(method):
    return method.name


@pytest.mark.parametrize("method", EXPLICIT_METHODS, ids=name)
def test_coefficients_meet_the_order_conditions(method):
    tableau = method.coefficients
    a, c = tableau.matrix(), np.array(tableau.nodes)
    b = np.zeros(tableau.size)
    b[list(tableau.weights)] = list(tableau.weights.values())
    assert np.abs(a.sum(axis=1) - c).max() < 2e-15
    for q in range(1, method.order + 1):
        assert b @ c ** (q - 1) == pytest.approx(1 / q, abs=2e-14)
    if method.order >= 3:
        assert b @ a @ c == pytest.approx(1 / 6, abs=1e-14)
    if method.order >= 4:
        assert b @ a @ a @ c == pytest.approx(1 / 24, abs=1e-14)
        assert b @ (c * (a @ c)) == pytest.approx(1 / 8, abs=1e-14)
    assert abs(sum(tableau.error.values())) < 1e-15
    # at the end of the step dense output gives the new state
    ends = tableau.dense.sum(axis=1)
    assert np.abs(ends[: tableau.size] - b).max() < 2e-13
    assert np.abs(ends[tableau.size :]).max() < 2e-13


FEWEST_STEPS = {"RK4": 160, "RK23": 80, "RK45": 320, "Tsit5": 320, "DOP853": 12}  # where the leading term rules


@pytest.mark.parametrize("method", EXPLICIT_METHODS, ids=name)
def test_observed_order(method):
    """The Lorenz system (a milder one for order 8): the error falls as dt**order, neither slower nor faster."""
    make = split_real if method.order == 8 else lorenz
    times = np.array([0.25, 0.5, 0.75, 1.0])
    exact = reference(make, times, 1.0)
    steps = 1.0 / (4 * np.round(FEWEST_STEPS[method.name] * 1.35 ** np.arange(5) / 4))
    errors = [np.abs(solve(make(), (0, 1), method=method.name, dt=h, t_eval=times).y - exact).max() for h in steps]
    assert fitted_slope(steps, errors, floor=1e-12 if make is lorenz else 3e-14) == pytest.approx(
        method.order, abs=0.25
    )


@pytest.mark.parametrize("method", EXPLICIT_METHODS, ids=name)
def test_order_of_the_dense_output(method):
    """Within one step from exact data the error is of one order more than the continuous extension."""
    steps = 0.8 / 1.4 ** np.arange(5) if method.order == 8 else 0.2 / 1.5 ** np.arange(5)
    errors = []
    for h in steps:
        x = np.linspace(0.1, 0.9, 9) * h
        found = solve(pendulum(), (0, h), method=method.name, dt=h, t_eval=x)
        errors.append(np.abs(found.y - reference(pendulum, x, 2.0)).max())
    expected = DENSE_ORDER[method.name] + 1
    assert fitted_slope(steps, errors, floor=1e-14) == pytest.approx(expected, abs=0.35)


@pytest.mark.parametrize("method", ADAPTIVE, ids=name)
def test_error_is_proportional_to_the_tolerance(method):
    exact = reference(pendulum, 10.0, 10.0)[:, 0]
    tolerances = np.array([1e-4, 1e-5, 1e-6, 1e-7, 1e-8])
    runs = [solve(pendulum(), (0, 10), method=method.name, rtol=tol, atol=tol) for tol in tolerances]
    errors = [np.abs(run.y[:, -1] - exact).max() for run in runs]
    assert 0.7 < fitted_slope(tolerances, errors) < 1.3
    assert all(error < 100 * tol for error, tol in zip(errors, tolerances, strict=True))
    steps = [run.statistics["steps"] for run in runs]
    assert steps == sorted(steps)


@pytest.mark.parametrize("method", ["RK23", "RK45", "DOP853"])
def test_agrees_with_scipy(method):
    """The same method with the same tolerances: answers closer together than the tolerance, similar cost."""
    system, times = lorenz(), np.linspace(0, 2, 21)
    ours = solve(system, (0, 2), method=method, rtol=1e-7, atol=1e-9, t_eval=times)
    theirs = solve_ivp(system.rhs, (0, 2), system.u0, method=method, rtol=1e-7, atol=1e-9, t_eval=times)
    assert np.abs(ours.y - theirs.y).max() < 2e-5
    assert np.array_equal(ours.t, theirs.t)
    assert 0.6 < ours.nfev / theirs.nfev < 1.6


def test_dop853_makes_the_steps_of_scipy():
    system = lorenz()
    ours = solve(system, (0, 3), method="DOP853", rtol=1e-9, atol=1e-9, dense_output=True)
    theirs = solve_ivp(system.rhs, (0, 3), system.u0, method="DOP853", rtol=1e-9, atol=1e-9, dense_output=True)
    np.testing.assert_allclose(ours.t, theirs.t, rtol=1e-5)  # the step control takes powers to six digits
    between = np.linspace(0, 3, 100)
    np.testing.assert_allclose(ours.sol(between), theirs.sol(between), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("method", ["Tsit5", "DOP853"])
def test_backward_integration(method):
    exact = reference(pendulum, 3.0, 3.0)[:, 0]
    back = solve(pendulum(), (3, 0), exact, method=method, rtol=1e-10, atol=1e-12, t_eval=[2.5, 1.0, 0.0])
    expected = reference(pendulum, [2.5, 1.0, 0.0], 3.0)
    np.testing.assert_allclose(back.y, expected, atol=1e-8)
    fixed = solve(pendulum(), (3, 0), exact, method=method, dt=0.01)
    np.testing.assert_allclose(fixed.y[:, -1], pendulum().u0, atol=1e-7)
    assert fixed.t[0] == 3 and fixed.t[-1] == 0


def test_large_states_take_the_blocked_path():
    """Dense output of a state longer than a block agrees with a run that ends there."""
    system = diffusion(1500, 2)
    options = dict(method="RK45", rtol=1e-6, atol=1e-8)
    between = solve(system, (0, 2e-3), t_eval=[1.1e-3], **options)
    there = solve(system, (0, 1.1e-3), t_eval=[1.1e-3], **options)
    assert np.abs(between.y - there.y).max() < 1e-5


def test_split_systems_run_explicitly_too():
    exact = reference(split_real, 2.0, 2.0)[:, 0]
    found = solve(split_real(), (0, 2), method="Tsit5", rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.y[:, -1], exact, atol=1e-7)


@pytest.mark.parametrize("method", ["Tsit5", "DOP853", "RK45", "RK23", "RK4"])
@pytest.mark.parametrize("unknowns", [1, 3, 8, 9, 13])
def test_all_forms_of_a_step_agree(method, unknowns, monkeypatch):
    """Right-hand side compiled into the step, called from it number by number, and whole vectors with a rest."""
    fields = [rz.fields(f"u{k}") for k in range(unknowns)]
    a = rz.params("a", default=0.7)
    equations = [rz.Eq(rz.dt(f), a * rz.sin(g) - f * g + rz.t) for f, g in zip(fields, fields[1:] + fields[:1])]
    problem = rz.Problem(equations, initial={f: 0.1 * (k + 1) for k, f in enumerate(fields)})
    options = dict(method=method, dense_output=True, dt=0.05)

    def run():
        solution = rz.solve(problem.discretize(rz.Pointwise()), (0, 1.5), **options)
        return solution.y, solution.sol(np.linspace(0, 1.5, 7))

    results = [run()]
    monkeypatch.setattr("ritz.codegen.scalar_kernel.INLINE", 0)
    results.append(run())
    monkeypatch.setattr("ritz.solvers.explicit_step.FEW", 0)
    results.append(run())
    for other in results[1:]:
        for ours, theirs in zip(results[0], other, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)


def test_an_engine_left_over_from_another_run_starts_afresh():
    """Other span, start, direction, fixed and adaptive steps: each as if it were the first run of the system."""

    def runs(fresh):
        x, y = rz.fields("x y")
        problem = rz.Problem([rz.Eq(rz.dt(x), y), rz.Eq(rz.dt(y), -x)], initial={x: 1, y: 0})
        system = problem.discretize(rz.Pointwise())
        for span, options in [((0, 1), {}), ((0, 2), {}), ((2, 0.5), {"y0": [0.3, 0.4]}), ((0, 1), {"dt": 0.1}),
                              ((0, 1), {"rtol": 1e-9}), ((0, 1), {"t_eval": [0.5, 1.0]}), ((0, 1), {"max_steps": 2}),
                              ((0, 1), {"dense_output": True}), ((0, 1), {})]:  # fmt: skip
            if fresh:
                system = problem.discretize(rz.Pointwise())
            yield rz.solve(system, span, method="Tsit5", **options)

    for left, new in zip(runs(False), runs(True), strict=True):
        assert left.message == new.message and left.nfev == new.nfev
        np.testing.assert_array_equal(left.t, new.t)
        np.testing.assert_array_equal(left.y, new.y)
