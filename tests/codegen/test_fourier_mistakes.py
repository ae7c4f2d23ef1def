"""Mistakes with grids, domains and initial data, each with the message a user needs."""

from __future__ import annotations

import numpy as np
import pytest

import ritz as rz
from ritz.errors import DiscretizationError, InitialValueError, OptionError, ResolutionWarning, UnsupportedError

x, y = rz.coords("x y")
u, v = rz.fields("u v")


def burgers(initial, length=2 * rz.pi):
    equation = rz.Eq(rz.dt(u), -u * rz.dx(u) + rz.dx(u, 2) / 10)
    return rz.Problem([equation], domain=rz.Interval(0, length), conditions=[rz.Periodic()], initial={u: initial})


def test_grid_too_small():
    with pytest.raises(DiscretizationError, match="at least 4 points"):
        rz.Fourier(2)
    cubic = rz.Eq(rz.dt(u), -(u**4))
    problem = rz.Problem([cubic], domain=rz.Interval(0, 1), conditions=[rz.Periodic()])
    with pytest.raises(DiscretizationError, match="4 points along x leave no mode .* take at least 6 points"):
        problem.discretize(rz.Fourier(4))


def test_wrong_number_of_axes():
    with pytest.raises(DiscretizationError, match="for 2 axes, but the problem has the axes x"):
        burgers(0).discretize(rz.Fourier(8, 8))


def test_misspelt_options():
    with pytest.raises(OptionError, match="Did you mean 'form_budget'"):
        burgers(0).discretize(rz.Fourier(8), formbudget=1)
    with pytest.raises(OptionError, match="dealias must be"):
        rz.Fourier(8, dealias="no")


def test_initial_array_of_wrong_shape():
    with pytest.raises(InitialValueError, match=r"u have shape \(7,\), but the grid of x has shape \(16,\)"):
        burgers(np.ones(7)).discretize(rz.Fourier(16)).initial_state()


def test_nan_in_values_names_the_place():
    system = burgers(0).discretize(rz.Fourier(16))
    values = np.zeros(16)
    values[3] = np.nan
    with pytest.raises(InitialValueError, match="u are not finite: nan at x = 1.178"):
        system.layout.from_fields({"u": values})


def test_complex_values_for_a_real_field():
    system = burgers(0).discretize(rz.Fourier(16))
    with pytest.raises(InitialValueError, match="Declare it with fields"):
        system.layout.from_fields({"u": 1j * np.ones(16)})


def test_data_that_are_not_periodic_warn():
    with pytest.warns(ResolutionWarning, match="u is not resolved along x.*Are the data periodic"):
        burgers(x).discretize(rz.Fourier(64)).initial_state()


def test_smooth_periodic_data_do_not_warn(recwarn):
    burgers(rz.sin(x)).discretize(rz.Fourier(64)).initial_state()
    assert not [w for w in recwarn if issubclass(w.category, ResolutionWarning)]


def test_initial_values_by_expression_array_and_function_agree():
    grid = 2 * np.pi * np.arange(32) / 32
    states = [
        burgers(value).discretize(rz.Fourier(32)).initial_state()
        for value in (rz.sin(x), np.sin(grid), lambda s: np.sin(s))
    ]
    np.testing.assert_allclose(states[1], states[0], atol=1e-15)
    np.testing.assert_allclose(states[2], states[0], atol=1e-15)


def test_time_derivative_times_field():
    equation = rz.Eq(u * rz.dt(u), rz.dx(u, 2))
    problem = rz.Problem([equation], domain=rz.Interval(0, 1), conditions=[rz.Periodic()])
    with pytest.raises(UnsupportedError, match="Divide the equation so that dt"):
        problem.discretize(rz.Fourier(16))


def test_unknown_in_a_product_defined_by_a_nonlinear_equation():
    w = rz.fields("w")
    equations = [rz.Eq(rz.dt(u), u * w), rz.Eq(rz.lap(w), u**2)]
    problem = rz.Problem(equations, domain=rz.Interval(0, 1), conditions=[rz.Periodic()])
    with pytest.raises(UnsupportedError, match="w stands in a product, but equation 2.*not linear"):
        problem.discretize(rz.Fourier(16))


def test_unknown_that_nothing_determines():
    first, second = rz.Eq(rz.dt(u), rz.dx(v)), rz.Eq(rz.dt(u), rz.dx(v) + u)
    problem = rz.Problem([first, second], domain=rz.Interval(0, 1), conditions=[rz.Periodic()])
    with pytest.raises(UnsupportedError, match="do not determine"):
        problem.discretize(rz.Fourier(16))


def test_dealiasing_by_hand():
    system = burgers(rz.sin(x)).discretize(rz.Fourier(32, dealias=False))
    assert system.space.shape.cutoff == (15,)
    assert burgers(0).discretize(rz.Fourier(32, dealias=0.5)).space.shape.cutoff == (7,)
    assert any("by hand" in c for c in system.lowered.choices)


def test_values_at_any_point():
    system = burgers(rz.sin(x) + rz.cos(3 * x)).discretize(rz.Fourier(32))
    points = np.array([0.1, 1.7, 9.0])
    values = system.layout.evaluate(system.initial_state(), {"x": points})["u"]
    np.testing.assert_allclose(values, np.sin(points) + np.cos(3 * points), atol=1e-14)


def test_blame_names_the_place():
    system = rz.Problem(
        [rz.Eq(rz.dt(u), rz.log(u) + rz.dx(u, 2))], domain=rz.Interval(0, 1), conditions=[rz.Periodic()],
        initial={u: rz.cos(2 * rz.pi * x)},
    ).discretize(rz.Fourier(16))  # fmt: skip
    message = system.explain_nonfinite(0.5, system.initial_state())
    assert "log(u) in the equation of u is nan at t = 0.5 at x = 0.3125" in message


def test_vector_initial_value_may_be_an_expression_of_vectors():
    w = rz.vector_fields("w")
    a = rz.params("a", default=2.0)
    box = rz.Box(x=(0, 2 * rz.pi), y=(0, 2 * rz.pi))
    value = rz.vector(rz.sin(x), 0) + a * rz.vector(rz.sin(y), rz.sin(x))
    problem = rz.Problem([rz.Eq(rz.dt(w), rz.lap(w))], domain=box, conditions=[rz.Periodic()], initial={w: value})
    fields = problem.discretize(rz.Fourier(8, 8)).initial_state()
    system = problem.discretize(rz.Fourier(8, 8))
    X, Y = np.meshgrid(*system.layout.coords.values(), indexing="ij")
    np.testing.assert_allclose(system.to_fields(fields)["w_x"], np.sin(X) + 2 * np.sin(Y), atol=1e-14)
    np.testing.assert_allclose(system.to_fields(fields)["w_y"], 2 * np.sin(X), atol=1e-14)
