"""Steady problems: Newton's method, its stopping rule, load steps, and what is said where there is no solution."""

from __future__ import annotations

import numpy as np
import pytest
from model_matrices import SPD, fitted_order, laplacian, second_difference
from scipy.sparse import csc_array, diags_array
from steady_systems import bratu

import ritz as rz
from ritz.errors import (
    ConvergenceError,
    LinearSolveError,
    NonFiniteError,
    OptionError,
    OptionValueError,
    ParameterError,
    SolveError,
)
from ritz.solvers.linear.interface import LinearSolver
from ritz.solvers.newton import NewtonOptions, newton


def algebraic(f, start, **options) -> rz.FunctionSystem:
    return rz.FunctionSystem(f, len(start), initial=np.array(start, dtype=float), steady=True, **options)


def poisson(n: int = 20) -> rz.FunctionSystem:
    a = laplacian(n)
    return rz.FunctionSystem(
        lambda t, u, p: p["load"] - a @ u, n * n, jacobian=lambda t, u, p: -a, parameters={"load": 1.0}, steady=True,
        structure=SPD, name="Poisson",
    )  # fmt: skip


# ------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize("lam, centre", [(1.0, 0.1405392144004718), (2.0, 0.32895242134111357)])
def test_bratu_against_its_closed_form(lam, centre):
    """Differences of second order: the error at the centre falls as h**2 towards the published value."""
    steps, errors = [], []
    for n in (9, 19, 39, 79):
        solution = rz.solve(bratu(n), params={"lam": lam})
        assert solution.success and solution.y.shape == (n, 1) and solution.t.tolist() == [0.0]
        steps.append(1 / (n + 1))
        errors.append(abs(solution.y[n // 2, 0] - centre))
    assert fitted_order(steps, errors) == pytest.approx(2, abs=0.05)


def test_record_of_a_solve():
    solution = rz.solve(bratu())
    record = solution.statistics
    assert solution.method == "Newton" and record["why"] == "Newton: steady."
    history = record["history"]
    assert [row["iteration"] for row in history] == list(range(record["iterations"] + 1))
    residuals = [row["residual"] for row in history]
    assert all(b < a for a, b in zip(residuals, residuals[1:]))
    assert (
        record["residual"] == residuals[-1] < 1e-10 * residuals[0] and record["increment"] == history[-1]["increment"]
    )
    assert solution.nlu == record["iterations"] and not record["is_linear"]
    assert record["linear"].startswith("lapack")
    assert "converged in" in solution.message and "converged" in repr(solution)


def test_convergence_is_quadratic():
    rows = rz.solve(bratu(), params={"lam": 3.0}, rtol=1e-15).statistics["history"]
    steps = np.array([row["increment"] for row in rows[1:]])
    steps = steps[(steps < 0.3) & (steps > 1e-7)]
    assert steps.size >= 2 and np.all(steps[1:] < 3 * steps[:-1] ** 2)


def test_linear_equations_take_one_step():
    solution = rz.solve(poisson())
    assert solution.statistics["is_linear"] and solution.statistics["iterations"] == solution.nlu == 1
    assert "linear" in solution.message and "linear" in solution.statistics["why"]
    assert solution.y.max() == pytest.approx(0.0736713, rel=1e-2)  # of the unit square under a unit load


def test_start_from_a_solution_costs_nothing():
    first = rz.solve(bratu())
    again = rz.solve(bratu(), y0=first)
    assert again.statistics["iterations"] <= 1 and np.abs(again.y - first.y).max() < 1e-12
    exact = rz.solve(algebraic(lambda t, u: u - 1, [1.0]))
    assert exact.statistics["iterations"] == 0


def test_line_search_makes_newton_global():
    """Newton's method on arctan diverges from 3 with full steps."""
    solution = rz.solve(algebraic(lambda t, u: np.arctan(u), [3.0]))
    assert abs(solution.y[0, 0]) < 1e-9
    assert min(row["damping"] for row in solution.statistics["history"][1:]) < 1


def test_zero_is_a_solution_that_can_be_reached():
    solution = rz.solve(algebraic(lambda t, u: u + u**3, [0.7]))
    assert abs(solution.y[0, 0]) < 1e-10


def test_steps_that_leave_the_domain_are_shortened():
    solution = rz.solve(algebraic(lambda t, u: np.log(u) + 1, [8.0]))
    assert solution.y[0, 0] == pytest.approx(np.exp(-1), rel=1e-9)


def test_bad_scales():
    """Equations whose terms differ by 1e20, and a huge first residual: relative tolerances still mean something."""
    system = algebraic(
        lambda t, u: np.array([1e12 * (u[0] - 2), 1e-8 * (np.exp(u[1]) - 5)]), [0.0, 30.0], fields={"a": 1, "b": 1}
    )
    solution = rz.solve(system)
    np.testing.assert_allclose(solution.y[:, 0], [2, np.log(5)], rtol=1e-6)


def test_steady_state_of_a_system_that_evolves():
    x, y = rz.fields("x y")
    problem = rz.Problem(
        [rz.Eq(rz.dt(x), 1 + x**2 * y - 4 * x), rz.Eq(rz.dt(y), 3 * x - x**2 * y)], initial={x: 1.5, y: 3}
    )
    solution = rz.solve(problem, method="Newton")
    assert solution.final == {"x": pytest.approx(1.0), "y": pytest.approx(3.0)}


def test_mass_matrix_does_not_matter():
    k = second_difference(9)
    system = rz.FunctionSystem(lambda t, u: 1 - k @ u, 9, mass=diags_array(np.full(9, 7.0)), initial=np.zeros(9))
    np.testing.assert_allclose(k @ rz.solve(system, method="Newton").y[:, 0], np.ones(9), rtol=1e-9)


def test_own_tolerances():
    loose = rz.solve(bratu(), rtol=1e-2).statistics
    assert loose["iterations"] < rz.solve(bratu()).statistics["iterations"]
    absolute = rz.solve(bratu(), atol=0.5).statistics
    assert absolute["residual"] <= 0.5 < rz.solve(bratu(), atol=0.0).statistics["history"][0]["residual"]


# ------------------------------------------------------------------------------------------- paths


def test_load_steps_reach_what_one_solve_does_not():
    """An exponential load: at full load Newton's method overflows, along the path each step is easy."""
    system = algebraic(
        lambda t, u, p: p["s"] - u * np.exp(u[::-1] ** 2), [0.0, 0.0], parameters={"s": 1e4}
    )  # fmt: skip
    solution = rz.solve(system, load="s")
    u = solution.y[:, 0]
    np.testing.assert_allclose(u * np.exp(u[::-1] ** 2), 1e4, rtol=1e-7)
    steps = solution.statistics["load_steps"]
    assert steps[0]["load"] == 0 and steps[0]["s"] == 0 and steps[-1]["s"] == 1e4
    assert len(steps) > 3 and all(a["load"] < b["load"] for a, b in zip(steps, steps[1:]))
    assert f"in {len(steps) - 1} increments" in solution.statistics["why"]


def test_continuation_between_two_values_and_its_callback():
    seen = []
    solution = rz.solve(
        bratu(), params={"lam": 9.0}, continuation={"lam": (0.5, 3.4)}, callback=lambda s, u: seen.append(s)
    )
    np.testing.assert_allclose(solution.y, rz.solve(bratu(), params={"lam": 3.4}).y, atol=1e-8)
    assert seen[-1] == 1.0


def test_path_that_ends_shows_how_far_it_came():
    with pytest.raises(
        ConvergenceError, match=r"cannot be followed beyond lam = 3.51(.|\n)*rz.continuation\(system, 'lam'"
    ):
        rz.solve(bratu(), continuation={"lam": (1.0, 5.0)})


# ------------------------------------------------------------------------------------------- no solution


def test_divergence_shows_the_history():
    with pytest.raises(ConvergenceError) as caught:
        rz.solve(bratu(), params={"lam": 6.0})
    text = str(caught.value)
    assert "the steady problem of Bratu" in text and "iteration" in text and "residual" in text
    assert "load" in text and "continuation=" in text and "y0=" in text
    assert len(text.splitlines()) < 25


def test_too_few_iterations():
    with pytest.raises(ConvergenceError, match=r"did not converge in 2 iterations(.|\n)*max_iterations="):
        rz.solve(bratu(), max_iterations=2)


def test_no_real_root():
    with pytest.raises(SolveError, match="no solution near|stuck|singular"):
        rz.solve(algebraic(lambda t, u: u**2 + 1, [0.7]))


def test_wrong_jacobian_is_suspected():
    system = algebraic(lambda t, u: u**3 - 2, [1.0], jacobian=lambda t, u: -3 * np.diag(u**2))
    with pytest.raises(ConvergenceError, match="Jacobian does not fit"):
        rz.solve(system)


def test_first_guess_outside_the_domain():
    with pytest.raises(NonFiniteError, match=r"first guess.*not finite.*right-hand side of u is nan"):
        rz.solve(algebraic(lambda t, u: np.log(u), [-1.0]))


def test_missing_condition():
    n = 50
    a = second_difference(n).tolil()
    a[0, 0] = a[n - 1, n - 1] = a[0, 0] / 2
    a = csc_array(a)
    source = np.cos(np.pi * (np.arange(n) + 0.5) / n)  # with mean zero: consistent, so that a solution exists
    system = rz.FunctionSystem(lambda t, u: source - a @ u, n, jacobian=lambda t, u: -a, steady=True, structure=SPD)
    with pytest.raises(LinearSolveError, match="singular: all unknowns may be changed by one.*Dirichlet"):
        rz.solve(system)


MISTAKES = {
    "t_span": (dict(t_span=(0, 1)), OptionError, r"Bratu is steady.*nothing to integrate over t_span = \(0, 1\)"),
    "method": (dict(method="ESDIRK4"), OptionError, "method 'ESDIRK4' is for problems in time"),
    "dt": (dict(dt=0.1), OptionError, "dt has no meaning for a steady problem"),
    "t_eval": (dict(t_eval=[0.5]), OptionError, "t_eval has no meaning"),
    "iterations": (dict(max_iterations=0), OptionValueError, "max_iterations must be a positive whole number"),
    "iterations, words": (dict(max_iterations="many"), OptionError, "max_iterations must be a number"),
    "atol": (dict(atol=[1e-3, 1e-4]), OptionError, "atol of a steady problem must be one number"),
    "negative atol": (dict(atol=-1), OptionValueError, "atol must be zero or positive"),
    "load": (dict(load="lambda"), ParameterError, "load: Bratu has no parameter 'lambda'. Did you mean 'lam'"),
    "both": (dict(load="lam", continuation={"lam": (0, 1)}), OptionError, "not both"),
    "path": (dict(continuation={"lam": 3}), OptionError, r"continuation of lam must be a pair \(from, to\), not 3"),
    "path of what": (dict(continuation=[0, 1]), OptionError, r"continuation must be \{parameter: \(from, to\)\}"),
    "linear": (dict(linear="superlux"), OptionValueError, "Did you mean 'superlu'"),
    "unknown": (dict(maxiter=3), OptionError, "no option 'maxiter'.*max_iterations"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistake(case):
    options, error, message = MISTAKES[case]
    with pytest.raises(error, match=message):
        rz.solve(bratu(), **options)


def test_newton_for_a_run_in_time():
    x = rz.fields("x")
    with pytest.raises(OptionError, match="finds a steady state: leave t_span out"):
        rz.solve(rz.Problem([rz.Eq(rz.dt(x), -x)], initial={x: 1}), (0, 1), method="Newton")


def test_newton_on_its_own():
    """The bare iteration: a Rosenbrock gradient with its exact derivative."""

    def f(u):
        return np.array([-2 * (1 - u[0]) - 400 * u[0] * (u[1] - u[0] ** 2), 200 * (u[1] - u[0] ** 2)])

    def matrix(u):
        return -np.array([[2 - 400 * u[1] + 1200 * u[0] ** 2, -400 * u[0]], [-400 * u[0], 200.0]])

    result = newton(f, matrix, LinearSolver(), np.array([-1.2, 1.0]), NewtonOptions())
    np.testing.assert_allclose(result.u, [1, 1], rtol=1e-9)
    assert result.evaluations >= result.iterations + 1
