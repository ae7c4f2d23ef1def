"""Mistakes that show only when a problem is run: each message names what, where and what to do; nothing is lost."""

from __future__ import annotations

import logging
from functools import cache

import numpy as np
import pytest

import ritz as rz
from ritz.errors import (
    DiscretizationError,
    InitialValueError,
    OptionError,
    OptionValueError,
    ParameterError,
    ProblemError,
    ResolutionWarning,
    RitzError,
    SolveError,
    UnsupportedError,
)

x = rz.coords("x")
u, v = rz.fields("u v")
w = rz.vector_fields("w")
a = rz.params("a", default=1.0, bounds=(0.1, 2.0))
nu = rz.params("nu", default=0.1)
LINE = {"domain": rz.Interval(0, 2 * rz.pi), "conditions": [rz.Periodic()]}


@cache
def decay() -> rz.Problem:
    return rz.Problem([rz.Eq(rz.dt(u), -a * u)], initial={u: 1})


@cache
def blow_up() -> rz.Problem:
    """Exact solution 1/(1 - t)."""
    return rz.Problem([rz.Eq(rz.dt(u), u**2)], initial={u: 1})


@cache
def logarithm() -> rz.Problem:
    """Sinks through zero near t = 0.9."""
    return rz.Problem([rz.Eq(rz.dt(u), -1 + rz.log(u) / 10)], initial={u: 1})


@cache
def burgers(points: int = 64) -> rz.System:
    equation = rz.Eq(rz.dt(u), nu * rz.lap(u) - u * rz.dx(u))
    return rz.Problem([equation], **LINE, initial={u: rz.sin(x)}).discretize(rz.Fourier(points))


@cache
def heat(points: int = 64) -> rz.System:
    return rz.Problem([rz.Eq(rz.dt(u), a * rz.lap(u))], **LINE, initial={u: rz.cos(x)}).discretize(rz.Fourier(points))


@cache
def logarithm_in_space() -> rz.System:
    """The minimum at x = pi sinks through zero near t = 0.64."""
    equation = rz.Eq(rz.dt(u), rz.lap(u) / 10 - 1 + rz.log(u) / 10)
    start = 1 + 3 * rz.cos(x) / 10
    return rz.Problem([equation], **LINE, initial={u: start}).discretize(rz.Fourier(32))


def kept(solution: rz.Solution, until: float) -> bool:
    """Whether all stored values are finite and reach a time."""
    return bool(np.isfinite(solution.y).all()) and solution.t.size == solution.y.shape[1] and solution.t[-1] >= until


# ---------------------------------------------------------------------- values that stop being finite


@pytest.mark.parametrize("options", [{}, {"dt": 0.01}, {"method": "DOP853", "rtol": 1e-9}], ids=str)
def test_logarithm_of_a_negative_number_in_an_ode(options):
    solution = rz.solve(logarithm(), (0, 5), **options)
    assert solution.status == -1 and not solution.success
    assert "term log(u) in the equation of u is nan at t = 0.9" in solution.message and "u = -" in solution.message
    assert "kept" in solution.message and kept(solution, 0.9)


@pytest.mark.parametrize("options", [{}, {"method": "ARK4"}, {"method": "Tsit5"}, {"dt": 0.01}], ids=str)
def test_logarithm_of_a_negative_number_on_a_grid(options):
    solution = rz.solve(logarithm_in_space(), (0, 5), **options)
    assert solution.status == -1
    assert "term log(u) in the equation of u is nan at t = 0.63" in solution.message
    assert "x = 3.14159" in solution.message
    assert kept(solution, 0.6)


def test_requested_times_before_the_failure_are_kept():
    solution = rz.solve(logarithm(), (0, 5), t_eval=np.linspace(0, 5, 51))
    assert solution.status == -1
    np.testing.assert_allclose(solution.t, np.linspace(0, 0.9, 10), atol=1e-12)


@pytest.mark.parametrize("start, term", [(-1, "log"), (0, "1/u")])
def test_right_hand_side_undefined_at_the_start(start, term):
    rhs = rz.log(u) if term == "log" else 1 / u
    solution = rz.solve(rz.Problem([rz.Eq(rz.dt(u), rhs)], initial={u: start}), (0, 1))
    assert solution.status == -1 and term in solution.message and f"u = {start}" in solution.message
    assert solution.t.tolist() == [0.0]


@pytest.mark.parametrize("options", [{}, {"t_eval": [0.0, 0.5, 2.0]}, {"dt": 0.01}, {"dense_output": True}], ids=str)
def test_blow_up_ends_with_a_message(options):
    solution = rz.solve(blow_up(), (0, 20), **options)
    assert solution.status == -1
    assert "blow up" in solution.message or "u**2 in the equation of u is inf" in solution.message
    assert kept(solution, 0.5)
    assert solution.t[-1] < 1.5


def test_blow_up_names_no_innocent_term():
    message = rz.solve(blow_up(), (0, 2)).message
    assert "may blow up there" in message and "term" not in message


def test_overflow_of_a_linear_mode_is_a_failure():
    """Nothing but the linear part grows: its error estimate is zero even where the state is infinite."""
    system = rz.Problem(
        [rz.Eq(rz.dt(u), 50 * u + rz.lap(u))], **LINE, initial={u: 1 + rz.cos(x)}
    ).discretize(rz.Fourier(16))  # fmt: skip
    for method in ("ETDRK4", "ARK4", "Tsit5"):
        solution = rz.solve(system, (0, 20), method=method, max_steps=20_000)
        assert solution.status == -1 and kept(solution, 3.0), method


# ---------------------------------------------------------------------- problems that cannot be run this way


def test_unstable_fixed_step_is_refused_with_the_largest_stable_one():
    with pytest.raises(SolveError, match=r"dt = 0.1 is unstable for RK45.*largest stable dt is about 0\.00.*'ETDRK4'"):
        rz.solve(heat(), (0, 1), method="RK45", dt=0.1)


def test_unstable_nonlinear_term_stops_with_advice():
    diffusion = rz.Eq(rz.dt(u), rz.dx((1 + 20 * u**2) * rz.dx(u)))
    system = rz.Problem([diffusion], **LINE, initial={u: rz.cos(x)}).discretize(rz.Fourier(64))
    solution = rz.solve(system, (0, 5), method="RK45", dt=0.005)
    assert solution.status == -1 and "Try a smaller dt (now 0.005)" in solution.message
    assert np.isfinite(solution.y).all()


def test_backward_heat_equation():
    with pytest.raises(ProblemError, match="backward heat equation"):
        rz.Problem([rz.Eq(rz.dt(u), -rz.lap(u))], **LINE, initial={u: rz.cos(x)})


def test_parameter_value_that_makes_a_backward_heat_equation():
    with pytest.raises(ProblemError, match=r"At nu = -0.1: This is a backward heat equation(.|\n)*nu\*lap\(u\)"):
        rz.solve(burgers(), (0, 1), params={nu: -0.1})


def test_diffusion_backwards_in_time():
    with pytest.raises(SolveError, match="From t = 1 back to t = 0 the finest modes grow by exp.*Integrate forwards"):
        rz.solve(heat(), (1, 0))


def test_waves_run_backwards():
    wave = rz.Problem([rz.Eq(rz.dt(u), -rz.dx(u))], **LINE, initial={u: rz.cos(x)}).discretize(rz.Fourier(32))
    solution = rz.solve(wave, (1, 0))
    np.testing.assert_allclose(solution["u"][-1], np.cos(wave.layout.coords["x"] + 1), atol=1e-12)


def test_problem_with_space_needs_a_grid():
    with pytest.raises(OptionError, match=r"has space \(x\).*problem.discretize\(rz.Fourier\(64\)\)"):
        rz.solve(burgers().problem, (0, 1))


def test_things_that_are_no_problem():
    with pytest.raises(OptionError, match="takes a Problem or a System, not function"):
        rz.solve(lambda t, y: -y, (0, 1), [1])
    with pytest.raises(OptionError, match="not Eq"):
        rz.solve(rz.Eq(rz.dt(u), u), (0, 1))


@pytest.mark.parametrize("points, message", [(3, "at least 4 points"), (6, r"6 points along x.*at least 9")])
def test_too_small_a_grid(points, message):
    steep = rz.Problem([rz.Eq(rz.dt(u), rz.lap(u) - u**7)], **LINE, initial={u: rz.cos(x)})
    with pytest.raises(DiscretizationError, match=message):
        steep.discretize(rz.Fourier(points))


def test_initial_value_that_the_grid_cannot_hold():
    peaks = rz.exp(-200 * rz.cos(x) ** 2)  # even symmetry: the highest mode kept is empty, and still 60 % are lost
    equation = rz.Eq(rz.dt(u), rz.lap(u) + u - u**3)
    system = rz.Problem([equation], **LINE, initial={u: peaks}).discretize(rz.Fourier(16))
    with pytest.warns(ResolutionWarning, match="modes kept on 16 points miss .*Take more points"):
        rz.solve(system, (0, 0.1))


def test_solution_that_outgrows_the_grid():
    with pytest.warns(ResolutionWarning, match=r"u is not resolved along x at t = 3: .*Take more points\.$"):
        rz.solve(burgers(32), (0, 3), params={nu: 1e-3})


def test_resolved_run_is_silent(recwarn):
    rz.solve(burgers(), (0, 1))
    assert not list(recwarn)


# ---------------------------------------------------------------------- parameters


@pytest.mark.parametrize(
    "params, message",
    [
        ({a: 5}, r"a = 5 is outside its bounds \[0.1, 2\]"),
        ({"a": 0.0}, "a = 0 is outside"),
        ({"b": 1}, "no parameter 'b'.*Its parameters: a"),
        ({u: 1}, "no parameter 'u'"),
        ({a: np.nan}, "a is nan, not a finite number"),
        ({a: "one"}, "must be a number, found 'one'"),
        ({a: 1 + 2j}, "must be a number"),
        ((1.0,), r"given by name, e.g. params=\{'a': 1.0\}; found \(1.0,\)"),
        (1.0, "given by name"),
    ],
    ids=str,
)
def test_parameter_mistakes(params, message):
    for problem in (decay(), heat()):
        with pytest.raises(ParameterError, match=message):
            rz.solve(problem, (0, 1), params=params)


def test_parameter_without_value():
    q = rz.params("q")
    with pytest.raises(ParameterError, match=r"q has no value. Pass params=\{'q': ...\}"):
        rz.solve(rz.Problem([rz.Eq(rz.dt(u), -q * u)], initial={u: 1}), (0, 1))


# ---------------------------------------------------------------------- options


@pytest.mark.parametrize(
    "options, message",
    [
        ({"rtoll": 1e-3}, "no option 'rtoll'. Did you mean 'rtol'"),
        ({"teval": [1]}, "Did you mean 't_eval'"),
        ({"args": (1,)}, "Did you mean 'params'"),
        ({"method": "RK54"}, "unknown method 'RK54'. Did you mean 'RK4"),
        ({"method": "etdrk4"}, "Did you mean 'ETDRK4'"),
        ({"method": None}, "must be a name"),
        ({"rtol": -1}, "rtol must be zero or positive"),
        ({"rtol": np.nan}, "rtol must be"),
        ({"rtol": "small"}, "rtol must be"),
        ({"rtol": [1e-3, None]}, "rtol must be"),
        ({"atol": -1}, "atol must be zero or positive"),
        ({"atol": "x"}, "atol must be"),
        ({"atol": [1, 2]}, "one for each of the 1 components"),
        ({"dt": 0}, "dt must be"),
        ({"dt": "a"}, "dt must be"),
        ({"first_step": 2}, "first_step must lie between 0 and 1"),
        ({"first_step": "a"}, "first_step must"),
        ({"max_step": 0}, "max_step must be positive"),
        ({"max_step": None}, "max_step must be"),
        ({"max_steps": 0}, "max_steps must be"),
        ({"max_steps": "a"}, "max_steps must be"),
        ({"threads": 0}, "threads must be"),
        ({"t_eval": [2]}, r"not within t_span = \(0, 1\): found 2"),
        ({"t_eval": [0.5, 0.2]}, "strictly increasing"),
        ({"t_eval": [np.nan]}, "found nan"),
        ({"t_eval": "a"}, "t_eval must be"),
        ({"callback": 3}, "callback must be a function"),
        ({"events": 3}, "events must be functions"),
        ({"events": u - 1}, "events must be functions"),
        ({"events": lambda t, y: None}, "must return one number; it returned None"),
        ({"events": lambda t, y: [1, 2]}, "must return one number"),
        ({"events": lambda t, y: y["w"]}, "no field 'w'.*Fields: u"),
    ],
    ids=lambda value: str(value).partition(" at 0x")[0][:40],
)
def test_option_mistakes(options, message):
    with pytest.raises(OptionError, match=message):
        rz.solve(decay(), (0, 1), **options)


@pytest.mark.parametrize("span", [(0, np.nan), (0, np.inf), (0,), 5, (0, 1, 2), ("a", 1), (0, 1j), None], ids=str)
def test_impossible_span(span):
    with pytest.raises(OptionError, match="t_span must be|pass t_span"):
        rz.solve(decay(), span)


def test_reversed_and_empty_span():
    backwards = rz.solve(decay(), (1, 0), [1.0], rtol=1e-8, atol=1e-10)
    assert backwards.success and backwards.y[0, -1] == pytest.approx(np.e, rel=1e-7)
    with pytest.raises(OptionValueError, match=r"decreasing \(the run goes backwards\)"):
        rz.solve(decay(), (1, 0), t_eval=[0.2, 0.5])
    nothing = rz.solve(decay(), (0.5, 0.5))
    assert nothing.success and nothing.t.tolist() == [0.5] and nothing.y.tolist() == [[1.0]]


def test_methods_that_do_not_fit():
    with pytest.raises(UnsupportedError, match="'ETDRK4' needs a system.*Use 'Tsit5'"):
        rz.solve(decay(), (0, 1), method="ETDRK4")
    with pytest.raises(UnsupportedError, match="'BDF' of SciPy is not available.*'ESDIRK4'.*'BDF2'"):
        rz.solve(decay(), (0, 1), method="BDF")
    with pytest.raises(OptionError, match="'RK4' has no error estimate: pass dt="):
        rz.solve(decay(), (0, 1), method="RK4")


def test_step_limit_keeps_the_steps():
    stiff = rz.Problem([rz.Eq(rz.dt(u), -1e8 * (u - rz.cos(rz.t)))], initial={u: 0})
    solution = rz.solve(stiff, (0, 1), max_steps=500)
    assert solution.status == -1 and "max_steps = 500 steps were made and only t = " in solution.message
    assert 400 < solution.t.size <= 501


# ---------------------------------------------------------------------- initial values and results


@pytest.mark.parametrize(
    "y0, message",
    [
        ([1, 2], r"shape \(1,\)"),
        (np.nan, "not finite: u is nan"),
        ([np.inf], "not finite: u is inf"),
        ("one", "must be real numbers"),
        ([1 + 1j], "must be real numbers"),
        ({"u": np.nan}, "nan"),
        ({"w": 1}, "w, which is not an unknown"),
        ({u: [1, 2]}, "one number, found shape"),
        ({u: "a"}, "string 'a'"),
        ({u: 1j}, "complex, but u is a real field"),
        ({}, "No initial value for u"),
        ({u: x}, "depends on the coordinate x"),
    ],
    ids=str,
)
def test_initial_value_mistakes(y0, message):
    with pytest.raises(InitialValueError, match=message):
        rz.solve(decay(), (0, 1), y0)


def test_initial_value_mistakes_on_a_grid():
    grid = heat().layout.coords["x"]
    for y0, message in [
        ({"u": np.ones(32)}, r"shape \(32,\), but the grid of x has shape \(64,\)"),
        ({"u": np.where(grid > 1, np.nan, 1)}, "not finite: nan at x = 1.0"),
        ({"w": np.ones(64)}, "w, which is not an unknown"),
        ({u: 1j * np.ones(64)}, 'fields."u", complex=True'),
        (np.ones(32), "shape"),
        (np.cos(grid), r"not a state vector.*y0=\{'u': values\}"),  # as many grid points as numbers in the state
        (rz.solve(heat(32), (0, 0.1)), "another grid"),
    ]:
        with pytest.raises(InitialValueError, match=message):
            rz.solve(heat(), (0, 1), y0)


def test_initial_values_in_every_form_agree():
    grid = heat().layout.coords["x"]
    wanted = rz.solve(heat(), (0, 1), {"u": np.sin(grid)}).y
    for y0 in ({u: rz.sin(x)}, {u: np.sin}, {"u": lambda s: np.sin(s)}, {u: a * rz.sin(x)}):
        np.testing.assert_allclose(rz.solve(heat(), (0, 1), y0).y, wanted, atol=1e-14)


def test_vector_initial_value_by_the_name_of_the_field():
    y = rz.coords("y")
    system = rz.Problem(
        [rz.Eq(rz.dt(w), rz.lap(w))], domain=rz.Box(x=(0, 2 * rz.pi), y=(0, 2 * rz.pi)), conditions=[rz.Periodic()],
        initial={w: (rz.sin(x), rz.cos(y))},
    ).discretize(rz.Fourier(8, 8))  # fmt: skip
    first = rz.solve(system, (0, 1))
    again = rz.solve(system, (0, 1), {w: first["w"][0]})
    np.testing.assert_allclose(again.y[:, -1], first.y[:, -1], atol=1e-14)
    with pytest.raises(InitialValueError, match="w needs 2 components"):
        rz.solve(system, (0, 1), {w: (rz.sin(x),)})


def test_missing_initial_value():
    nothing = rz.Problem([rz.Eq(rz.dt(u), -a * u)])
    with pytest.raises(InitialValueError, match=r"No initial value for u.*initial=\{u: ...\}"):
        rz.solve(nothing, (0, 1))
    assert rz.solve(nothing, (0, 1), [1.0]).success


def test_unknown_names_in_a_solution():
    solution = rz.solve(heat(), (0, 0.1))
    for name, message in [("w", "no field 'w'. It has: u"), ("U", "Did you mean 'u'"), ("t", "`solution.t`")]:
        with pytest.raises(OptionError, match=message):
            solution[name]
    with pytest.raises(UnsupportedError, match="outside the computed span"):
        solution.at(2.0)
    with pytest.raises(UnsupportedError, match="dense_output=True"):
        solution.at(0.0123)


# ---------------------------------------------------------------------- the user's own functions


def after(time: float, error: BaseException):
    """A callback or event that raises once a time is reached."""

    def function(t, y):
        if t > time:
            raise error
        return 0.0

    return function


@pytest.mark.parametrize("where", ["callback", "events"])
def test_interrupt_in_a_user_function_keeps_the_results(where):
    solution = rz.solve(decay(), (0, 1), max_step=0.01, **{where: after(0.5, KeyboardInterrupt())})
    assert solution.status == -2 and not solution.success and "Interrupted" in solution.message
    assert kept(solution, 0.5)
    np.testing.assert_allclose(solution.y[0], np.exp(-solution.t), rtol=1e-3)


@pytest.mark.parametrize("where", ["callback", "events"])
def test_error_in_a_user_function_keeps_the_results(where, caplog):
    with caplog.at_level(logging.ERROR):
        solution = rz.solve(decay(), (0, 1), max_step=0.01, **{where: after(0.5, ZeroDivisionError("oops"))})
    assert solution.status == -1 and "ZeroDivisionError: oops at t = 0.5" in solution.message
    assert 0.5 <= solution.t[-1] <= 0.52
    assert kept(solution, 0.5)
    assert "ZeroDivisionError" in caplog.text  # with the traceback


@pytest.mark.parametrize("where", ["callback", "events"])
def test_function_that_never_worked_is_raised(where):
    with pytest.raises(TypeError, match="positional argument"):
        rz.solve(decay(), (0, 1), **{where: lambda t: 0.0})


def test_callback_stops_the_run():
    solution = rz.solve(decay(), (0, 1), max_step=0.01, callback=lambda t, y: t > 0.3, t_eval=np.linspace(0, 1, 11))
    assert solution.status == 1 and solution.success and "callback" in solution.message
    np.testing.assert_allclose(solution.t, [0, 0.1, 0.2, 0.3], atol=1e-12)


def test_callback_cannot_change_the_stored_states():
    with pytest.raises(ValueError, match="read-only"):
        rz.solve(decay(), (0, 1), callback=lambda t, y: y.__setitem__(0, 5.0))


def test_failed_points_of_a_sweep_are_listed():
    problem = rz.Problem([rz.Eq(rz.dt(u), -rz.log(u - a))], initial={u: 1.5})
    with pytest.warns(UserWarning, match="1 of 3 runs"):
        runs = rz.sweep(problem, {a: [1.0, 1.2, 1.9]}, (0, 1))
    assert len(runs.failures) == 1 and "log(-a + u)" in str(runs.failures)
    with pytest.raises(RitzError, match="a = 5 lies outside its bounds"):
        rz.sweep(problem, {a: [1.0, 5.0]}, (0, 1))
    with pytest.raises(RitzError, match="Did you mean 'rtol'"):
        rz.sweep(problem, {a: [1.0]}, (0, 1), rtoll=1)


def flow(initial: dict) -> rz.Problem:
    """Velocity and pressure in two dimensions."""
    p = rz.fields("p")
    equations = [rz.Eq(rz.dt(w) + rz.dot(w, rz.grad(w)) + rz.grad(p), nu * rz.lap(w)), rz.Eq(rz.div(w), 0)]
    box = rz.Box(x=(0, 2 * rz.pi), y=(0, 2 * rz.pi))
    return rz.Problem(equations, domain=box, conditions=[rz.Periodic()], initial=initial)


def test_initial_velocity_with_divergence():
    y = rz.coords("y")
    system = flow({w: (rz.sin(x), rz.sin(y))}).discretize(rz.Fourier(16, 16))
    with pytest.raises(InitialValueError, match="w_x, w_y contradict the equation that sets their divergence to zero"):
        rz.solve(system, (0, 1))
    assert rz.solve(system, (0, 1), {w: (rz.sin(y), rz.sin(x))}).success


def test_initial_value_of_an_unknown_that_follows_from_the_others():
    y, p = rz.coords("y"), rz.fields("p")
    system = flow({w: (rz.sin(y), rz.sin(x)), p: 1}).discretize(rz.Fourier(16, 16))
    with pytest.raises(InitialValueError, match="p has no time derivative.*Remove p from the initial values"):
        rz.solve(system, (0, 1))
