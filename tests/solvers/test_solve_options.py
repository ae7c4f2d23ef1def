"""Mistakes of the user: each raises at once, says what was found and what to write instead."""

from __future__ import annotations

import numpy as np
import pytest
from stepper_systems import diffusion, lorenz, pendulum, split_complex, split_real

from ritz.errors import (
    AccuracyWarning,
    InitialValueError,
    OptionError,
    OptionValueError,
    SolveError,
    UnsupportedError,
)
from ritz.solvers.methods import METHODS, find_method, methods
from ritz.solvers.solve import solve

MISTAKES = {
    "misspelt keyword": (dict(rtoll=1e-3), OptionError, "no option 'rtoll'. Did you mean 'rtol'"),
    "unknown method": (dict(method="Tsit6"), OptionValueError, "unknown method 'Tsit6'. Did you mean 'Tsit5'"),
    "method is no name": (dict(method=4), OptionError, "method must be a name"),
    "stiff method": (dict(method="Radau"), UnsupportedError, "'Radau' of SciPy is not.*'ESDIRK4'.*'BDF2'.*'ETDRK4' or"),
    "split method": (dict(method="ETDRK4"), UnsupportedError, "needs a system du/dt = L u"),
    "no dt": (dict(method="RK4"), OptionError, "'RK4' has no error estimate: pass dt="),
    "negative dt": (dict(dt=-0.1), OptionValueError, "dt must be positive"),
    "NaN dt": (dict(dt=np.nan), OptionValueError, "dt must be positive"),
    "dt and first_step": (dict(dt=0.1, first_step=0.1), OptionError, "dt fixes the step"),
    "first_step too long": (dict(first_step=7.0), OptionValueError, "first_step must lie between 0 and 1"),
    "max_step": (dict(max_step=0.0), OptionValueError, "max_step must be positive"),
    "max_steps": (dict(max_steps=0), OptionValueError, "max_steps must be a positive whole number"),
    "negative rtol": (dict(rtol=-1e-3), OptionValueError, "rtol must be zero or positive"),
    "rtol is a list": (dict(rtol=[1e-3, 1e-3]), OptionError, "rtol must be one number"),
    "negative atol": (dict(atol=-1.0), OptionValueError, "atol must be zero or positive"),
    "atol of wrong length": (dict(atol=[1e-3] * 4), OptionValueError, r"each of the 3 components, not of shape \(4,\)"),
    "t_eval outside": (dict(t_eval=[0.5, 2.0]), OptionValueError, r"not within t_span = \(0, 1\): found 2"),
    "t_eval NaN": (dict(t_eval=[np.nan]), OptionValueError, "not within t_span"),
    "t_eval unsorted": (dict(t_eval=[0.5, 0.2]), OptionValueError, "strictly increasing"),
    "t_eval matrix": (dict(t_eval=[[0.5]]), OptionValueError, "one-dimensional"),
    "callback": (dict(callback=3), OptionError, "callback must be a function"),
    "threads": (dict(threads=0), OptionValueError, "threads must be a positive whole number"),
    "y0 of wrong shape": (dict(y0=[1.0, 2.0]), InitialValueError, r"must have shape \(3,\).*found shape \(2,\)"),
    "y0 not finite": (dict(y0=[1.0, np.nan, 0.0]), InitialValueError, "not finite: component 1 is nan"),
    "y0 complex": (dict(y0=[1j, 0, 0]), InitialValueError, "y0 must be real numbers"),
    "y0 words": (dict(y0="abc"), InitialValueError, "y0 must be real numbers"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistake(case):
    options, error, message = MISTAKES[case]
    with pytest.raises(error, match=message):
        solve(lorenz(), (0, 1), **options)


@pytest.mark.parametrize("span", [(0, np.nan), (0, np.inf)])
def test_span_must_be_finite(span):
    with pytest.raises(ValueError, match="t_span must be finite"):
        solve(lorenz(), span)


@pytest.mark.parametrize("span", [5, (1,), (0, 1, 2), "ab"])
def test_span_must_be_two_numbers(span):
    with pytest.raises(TypeError, match="t_span must be two numbers"):
        solve(lorenz(), span)


def test_backward_times_must_decrease():
    with pytest.raises(ValueError, match="strictly decreasing"):
        solve(lorenz(), (1, 0), t_eval=[0.2, 0.5])


def test_something_that_is_no_system():
    with pytest.raises(OptionError, match="takes a Problem or a System, not function"):
        solve(lambda t, y: -y, (0, 1))


def test_too_small_a_tolerance_is_raised_as_in_scipy():
    with pytest.warns(AccuracyWarning, match="below what double precision allows"):
        found = solve(pendulum(), (0, 0.1), rtol=1e-17, atol=1e-10)
    assert found.success and found.options["rtol"] > 2e-14


def test_unstable_explicit_step_is_refused_before_the_first():
    with pytest.raises(SolveError, match="dt = 0.01 is unstable for RK4.*largest stable dt is about 0.00027") as caught:
        solve(diffusion(), (0, 1), method="RK4", dt=0.01)
    assert "ETDRK4" in str(caught.value)
    stable = solve(diffusion(), (0, 0.01), method="RK4", dt=0.00027, t_eval=[0.01])
    assert stable.success and np.abs(stable.y).max() < 2


def test_an_oscillating_linear_part_counts_too():
    with pytest.raises(SolveError, match="unstable for RK4"):
        solve(split_complex(), (0, 200), method="RK4", dt=0.5)


def test_expensive_explicit_method_is_announced():
    with pytest.warns(AccuracyWarning, match="stability alone takes about .* steps"):
        solve(diffusion(), (0, 1000), method="RK23", max_steps=3)


def test_automatic_choice():
    assert solve(lorenz(), (0, 0.1)).method == "Tsit5"
    tight = solve(lorenz(), (0, 0.1), rtol=1e-10, atol=1e-10)
    assert tight.method == "DOP853" and "order 8" in tight.statistics["why"]
    split = solve(split_real(), (0, 0.1))
    assert split.method == "ETDRK4" and "rates up to 12" in split.statistics["why"]
    assert solve(split_real(), (0, 0.1), dt=0.01).method == "ETDRK4"


def test_list_of_methods():
    listed = methods()
    assert tuple(listed) == METHODS and len({m.name for m in METHODS}) == len(METHODS)
    text = repr(listed)
    assert all(m.name in text and m.summary.endswith(".") for m in METHODS)
    assert listed._repr_html_().count("<tr>") == len(METHODS) + 1
    assert all(find_method(m.name) is m for m in METHODS)


def test_mapping_of_fields_as_initial_value():
    found = solve(split_real(), (0, 0.1), {"u": np.array([0.5, 0.1])})
    assert np.array_equal(found.y[:, 0], [0.5, 0.1])
