"""Implicit methods at work: error control, stiff cases with known answers, output, reuse of factors, failures."""

from __future__ import annotations

import numpy as np
import pytest
from case_tools import cases, largest_error, number, numbers, ode_problem
from implicit_systems import (
    constrained,
    energy,
    heat,
    heat_exact,
    oscillator,
    prothero_robinson,
    prothero_robinson_exact,
)
from model_matrices import SPD, laplacian, second_difference
from scipy.integrate import solve_ivp
from scipy.sparse import block_array, csc_array, diags_array, eye_array, kron

import ritz as rz
from ritz.errors import AccuracyWarning, InitialValueError, OptionError, OptionValueError, UnsupportedError
from ritz.solvers.methods import IMPLICIT, METHODS

FIRST = [m.name for m in METHODS if m.family == IMPLICIT]


def problem_of(case):
    return ode_problem(case["variables"], case["equations"], case["initial"], case.get("parameters", {}))


STIFF = {"robertson_t40": 1e-9, "robertson_t1e11": 1e-16, "orego_t30": 1e-6, "vdpol_eps1e-6_t2": 1e-8, "e5_t1e5": 1e-22}


@pytest.mark.parametrize("method", ["ESDIRK4", "BDF2"])
@pytest.mark.parametrize("case_id", STIFF)
def test_stiff_cases(case_id, method):
    """Published end states, through the compiled sparse Jacobian."""
    case = cases("ode")[case_id]
    rtol = 1e-6 if method == "ESDIRK4" else 1e-5
    t_end = tuple(number(t) for t in case["t_span"])
    solution = rz.solve(problem_of(case), t_end, method=method, rtol=rtol, atol=STIFF[case_id], t_eval=[t_end[1]])
    assert solution.success, solution.message
    reference = numbers(case["reference"])
    assert np.abs(solution.y[:, -1] / reference - 1).max() < (2e-4 if method == "ESDIRK4" else 5e-3)
    assert solution.njev < solution.statistics["steps"]


def test_akzo_nobel():
    """The published index-1 problem; its last equation has no time derivative."""
    case = cases("ode")["akzo_dae_t180"]

    def f(t, y):
        a, b, c, d, e, g = y
        root = np.sqrt(max(b, 0.0))
        r1, r2 = 18.7 * a**4 * root, 0.58 * c * d
        r3, r4, r5 = 0.58 / 34.4 * a * e, 0.09 * a * d**2, 0.42 * g**2 * root
        return np.array(
            [-2 * r1 + r2 - r3 - r4, -0.5 * r1 - r4 - 0.5 * r5 + 3.3 * (0.9 / 737 - b), r1 - r2 + r3, -r2 + r3 - 2 * r4,
             r2 - r3 + r5, 115.83 * a * d - g]
        )  # fmt: skip

    start = numbers(case["initial"])
    start[5] = 115.83 * start[0] * start[3]
    system = rz.FunctionSystem(f, 6, mass=diags_array([1.0] * 5 + [0.0]), initial=start)
    solution = rz.solve(system, (0, 180), rtol=1e-8, atol=1e-10)
    assert solution.method == "ESDIRK4"
    assert largest_error(solution.y[:, -1], numbers(case["reference"])) < 1e-6


@pytest.mark.parametrize("method, options", [("ESDIRK4", {"rtol": 1e-7, "atol": 1e-10}), ("Newmark", {"dt": 5e-3})])
def test_plate(method, options):
    """The published plate under a moving load, a stiff second-order problem of 80 unknowns."""
    case, h = cases("ode")["plate_t7"], 2 / 9
    cross = kron(eye_array(8), second_difference(5, h)) + kron(second_difference(8, h), eye_array(5))
    stiffness = csc_array(100 * cross @ cross)
    x = (np.arange(8) + 1) * h

    def f(t, y):
        load = np.zeros((8, 5))
        load[:, [1, 3]] = 200 * (np.exp(-5 * (t - x - 2) ** 2) + np.exp(-5 * (t - x - 5) ** 2))[:, None]
        return np.concatenate([y[40:], load.ravel() - 1000 * y[40:] - stiffness @ y[:40]])

    unit = eye_array(40)
    jacobian = csc_array(block_array([[None, unit], [-stiffness, -1000 * unit]]))
    system = rz.FunctionSystem(
        f, 80, jacobian=lambda t, y: jacobian, initial=np.zeros(80), rates=[(slice(0, 40), slice(40, 80))]
    )
    w = rz.solve(system, (0, 7), method=method, **options).y[:40, -1].reshape(8, 5)
    found = np.array([w[0, 0], w[3, 2], w[7, 4]])
    assert largest_error(found, np.array(case["reference"])) < 1e-4


@pytest.mark.parametrize("method", FIRST)
@pytest.mark.parametrize("make, exact", [(lambda: prothero_robinson(1e3), prothero_robinson_exact), (heat, heat_exact)])
def test_tolerance_is_met(method, make, exact):
    """Errors at the end are a small multiple of the tolerance and fall with it."""
    errors = []
    for rtol in (1e-3, 1e-5):
        solution = rz.solve(make(), (0, 1), method=method, rtol=rtol, atol=rtol)
        assert solution.success and solution.statistics["rejected"] <= 0.2 * solution.statistics["steps"] + 2
        errors.append(np.abs(solution.y[:, -1] - exact(1.0)).max())
    factor = 60 if method == "BackwardEuler" else 20
    assert errors[0] < factor * 1e-3 and errors[1] < factor * 1e-5 and errors[1] < errors[0]


def test_linear_constant_problem_factorises_once():
    solution = rz.solve(heat(), (0, 1), method="ESDIRK4", dt=0.02)
    assert (solution.njev, solution.nlu) == (1, 1)
    assert solution.nfev < 1.4 * 5 * 50  # hardly more than one evaluation a stage
    bdf = rz.solve(heat(), (0, 1), method="BDF2", dt=0.02)
    assert bdf.njev == 1 and bdf.nlu == 2  # the first step is one of SDIRK2


def test_few_factorisations_with_error_control():
    solution = rz.solve(heat(), (0, 10), method="ESDIRK4", rtol=1e-6, atol=1e-8)
    assert solution.njev == 1 and solution.nlu < 0.7 * solution.statistics["steps"]


def test_automatic_choice():
    assert rz.solve(heat(), (0, 0.1)).statistics["why"].startswith("ESDIRK4: a mass matrix")
    assert rz.solve(heat(), (0, 0.1), rtol=1e-2).method == "BDF2"
    assert rz.solve(heat(), (0, 0.1), dt=0.01).method == "SDIRK2"
    assert rz.solve(oscillator(), (0, 0.1), dt=0.01).method == "GeneralizedAlpha"
    assert rz.solve(prothero_robinson(1.0), (0, 0.1)).method == "Tsit5"
    record = rz.solve(heat(), (0, 0.1)).statistics
    assert record["linear"] == "lapack: 20 unknowns: a dense factorisation is quickest."


@pytest.mark.parametrize("name", ["superlu", "cholmod", "pardiso", "umfpack", "amg"])
def test_linear_solver_can_be_chosen(name):
    """Two-dimensional heat conduction against the exponential of its slowest mode."""
    if not next(s for s in rz.linear_solvers() if s.name == name).installed:
        pytest.skip(f"{name} is not installed")
    n = 25
    a, x = laplacian(n), np.linspace(0, 1, n + 2)[1:-1]
    mode = np.kron(np.sin(np.pi * x), np.sin(np.pi * x))
    rate = 4 * (n + 1) ** 2 * (1 - np.cos(np.pi / (n + 1)))
    system = rz.FunctionSystem(lambda t, u: -a @ u, n * n, jacobian=lambda t, u: -a, initial=mode, structure=SPD)
    solution = rz.solve(system, (0, 0.1), method="ESDIRK4", rtol=1e-7, atol=1e-9, linear=name)
    np.testing.assert_allclose(solution.y[:, -1], mode * np.exp(-0.1 * rate), atol=1e-6)
    assert solution.statistics["linear"] == f"{name}: asked for."
    assert (solution.statistics["linear_iterations"] > 0) == (name == "amg")


def burgers(n: int = 60) -> rz.FunctionSystem:
    """``u' = -u u_x + u_xx / 20`` by central differences: its Jacobian changes with every step."""
    h = 1 / (n + 1)
    slope, second = diags_array([1.0, -1.0], offsets=[1, -1], shape=(n, n)) / (2 * h), second_difference(n)
    places = h * np.arange(1, n + 1)

    def f(t, u):
        return -u * (slope @ u) - second @ u / 20

    def jacobian(t, u):
        return csc_array(-diags_array(slope @ u) - diags_array(u) @ slope - second / 20)

    return rz.FunctionSystem(f, n, jacobian=jacobian, initial=np.sin(2 * np.pi * places), name="burgers")


@pytest.mark.parametrize("method", ["BDF2", "SDIRK2", "BackwardEuler"])
def test_steps_of_given_size_keep_their_factors(method):
    """A slower iteration is cheaper than new factors; the answer is that of Newton's method in every step."""
    run = rz.solve(burgers(), (0, 1), method=method, dt=0.02)
    assert run.nlu <= run.statistics["steps"] / 2 and run.njev <= run.nlu
    exact = rz.solve(burgers(), (0, 1), method=method, dt=0.02, rtol=1e-13)
    assert exact.nfev > run.nfev
    np.testing.assert_allclose(run.y[:, -1], exact.y[:, -1], atol=1e-9)


@pytest.mark.parametrize("rtol", [1e-3, 1e-5, 1e-7])
def test_rtol_of_steps_of_given_size(rtol):
    """It is the tolerance of their equations, of which each step leaves a part."""
    exact = rz.solve(burgers(), (0, 1), method="BDF2", dt=0.02)
    loose = rz.solve(burgers(), (0, 1), method="BDF2", dt=0.02, rtol=rtol)
    error = np.abs(loose.y[:, -1] - exact.y[:, -1]).max() / np.abs(exact.y[:, -1]).max()
    assert 0 < error < 10 * rtol and loose.nfev < exact.nfev


# ------------------------------------------------------------------------------------------- output


@pytest.mark.parametrize("method", FIRST)
@pytest.mark.parametrize("dt", [None, 0.01])
def test_all_ways_of_storing_agree(method, dt):
    times = np.array([0.0, 0.111, 0.3, 0.5])
    options = dict(method=method, dt=dt) if dt else dict(method=method, rtol=1e-5, atol=1e-7)
    dense = rz.solve(prothero_robinson(30.0), (0, 0.5), dense_output=True, **options)
    picked = rz.solve(prothero_robinson(30.0), (0, 0.5), t_eval=times, **options)
    every = rz.solve(prothero_robinson(30.0), (0, 0.5), **options)
    np.testing.assert_allclose(dense.sol(times), picked.y, atol=1e-13)
    assert np.array_equal(every.y, dense.y) and np.array_equal(every.t, dense.t)
    assert np.array_equal(picked.y[:, -1], every.y[:, -1])
    assert every.t.size == every.statistics["steps"] + 1


def test_events_and_callbacks():
    def crosses(t, y):
        return y["u"][0] - np.cos(0.5)

    crosses.terminal = True
    found = rz.solve(prothero_robinson(1e4), (0, 1), method="ESDIRK4", rtol=1e-7, atol=1e-9, events=crosses)
    assert found.status == 1 and found.t_events[0][0] == pytest.approx(0.5, abs=1e-6)
    seen = []
    run = rz.solve(heat(), (0, 1), callback=lambda t, y: seen.append(t), rtol=1e-4)
    assert np.array_equal(seen, run.t[1:])


def test_parameters_change_the_mass_matrix():
    system = rz.FunctionSystem(
        lambda t, u, p: -u, 2, mass=lambda p: diags_array([p["m"], 1.0]), parameters={"m": 2.0}, initial=[1.0, 1.0]
    )
    for m in (2.0, 5.0):
        end = rz.solve(system, (0, 1), params={"m": m}, rtol=1e-8, atol=1e-10).y[:, -1]
        np.testing.assert_allclose(end, np.exp([-1 / m, -1.0]), rtol=1e-6)


def test_resumed_run():
    whole = rz.solve(constrained(), (0, 1), rtol=1e-9, atol=1e-11)
    half = rz.solve(constrained(), (0, 0.5), rtol=1e-9, atol=1e-11)
    rest = rz.solve(constrained(), (0.5, 1), half, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(rest.y[:, -1], whole.y[:, -1], atol=1e-7)


def test_fields_with_weights_measure_errors_as_a_whole():
    """With groups the error is that of a field: single unknowns far below it do not hold up the steps."""
    system = heat()
    alone = rz.solve(system, (0, 1), rtol=1e-4, atol=1e-12).statistics["steps"]
    type(system.layout).groups, kept = property(lambda self: np.array([[0, self.size]])), type(system.layout).groups
    try:
        system.layout.weights = np.full(20, 1 / 20)
        together = rz.solve(system, (0, 1), rtol=1e-4, atol=[1e-12])
    finally:
        type(system.layout).groups = kept
    assert np.abs(together.y[:, -1] - heat_exact(1.0)).max() < 1e-3
    assert together.statistics["steps"] <= alone


# ------------------------------------------------------------------------------------------- constraints


def test_inconsistent_multiplier_is_corrected_and_reported():
    wrong = rz.solve(constrained((1.0, 0.0, 7.0)), (0, 1), rtol=1e-8, atol=1e-10)
    right = rz.solve(constrained(), (0, 1), rtol=1e-8, atol=1e-10)
    assert "z from 7 to 2" in wrong.statistics["start"] and "start" not in right.statistics
    assert wrong.y[2, 0] == pytest.approx(2.0, abs=1e-8)
    np.testing.assert_allclose(wrong.y[:, -1], right.y[:, -1], atol=1e-7)


def test_changed_state_warns():
    """A velocity that violates its constraint has to be projected: that changes the user's data."""
    from implicit_systems import stokes_like

    with pytest.warns(AccuracyWarning, match="initial values were made consistent"):
        found = rz.solve(stokes_like(), (0, 1), [0.5, 0.1, 0.0], method="BDF2")
    assert found.y[0, 0] == pytest.approx(0.2, abs=1e-6) and found.y[1, 0] == pytest.approx(-0.2, abs=1e-6)


def test_constraint_without_solution():
    system = rz.FunctionSystem(
        lambda t, y: np.array([-y[0], y[1] ** 2 + 1 + 0 * y[0]]), 2, mass=diags_array([1.0, 0.0]), initial=[1.0, 3.0],
        fields={"a": 1, "b": 1},
    )  # fmt: skip
    with pytest.raises(InitialValueError, match="do not satisfy the equations without time derivative"):
        rz.solve(system, (0, 1))


# ------------------------------------------------------------------------------------------- failures


def test_strongly_nonlinear_steps_of_given_size_fall_back_on_a_line_search():
    """One step over the whole boundary layer: the modified iteration fails, Newton's method does not."""
    system = rz.FunctionSystem(lambda t, u: -1e4 * np.sinh(3 * (u - 1)), 1, initial=[6.0])
    found = rz.solve(system, (0, 1), method="BackwardEuler", dt=1.0)
    assert found.success and found.y[0, -1] == pytest.approx(1.0, abs=1e-2)


def test_blow_up():
    system = rz.FunctionSystem(lambda t, u: u**2, 1, initial=[1.0], name="blow-up")
    found = rz.solve(system, (0, 2), method="ESDIRK4", rtol=1e-6, atol=1e-8)
    assert not found.success and found.t[-1] == pytest.approx(1.0, abs=1e-3) and np.isfinite(found.y).all()
    fixed = rz.solve(system, (0, 2), method="BackwardEuler", dt=0.2)
    assert not fixed.success and "from t = 0.2 by dt = 0.2 were not solved" in fixed.message
    assert "Try a smaller dt" in fixed.message


def test_logarithm_of_a_negative_number():
    u = rz.fields("u")
    problem = rz.Problem([rz.Eq(rz.dt(u), -1 + rz.log(u) / 10)], initial={u: 1})
    found = rz.solve(problem, (0, 5), method="ESDIRK4")
    assert not found.success and np.isfinite(found.y).all() and found.t[-1] > 0.8
    assert "log(u)" in found.message


def test_max_steps_and_singular_steps():
    few = rz.solve(prothero_robinson(1.0), (0, 1), method="BDF2", rtol=1e-6, max_steps=5)
    assert not few.success and "max_steps = 5" in few.message
    free = rz.FunctionSystem(
        lambda t, y: np.array([-y[0], 0.0]),
        2,
        mass=diags_array([1.0, 0.0]),
        initial=[1.0, 0.0],
        fields={"a": 1, "b": 1},
    )
    with pytest.raises(InitialValueError, match=r"singular: equation 1 \(the one of b\) contains no unknown"):
        rz.solve(free, (0, 1))


MISTAKES = {
    "explicit with a mass matrix": (heat, dict(method="RK45"), UnsupportedError, "has a mass matrix.*'ESDIRK4'"),
    "first order": (heat, dict(method="GeneralizedAlpha", dt=0.1), UnsupportedError, "first derivatives in time only"),
    "no dt": (oscillator, dict(method="GeneralizedAlpha"), OptionError, "pass dt="),
    "no dt, Newmark": (oscillator, dict(method="Newmark"), OptionError, "'Newmark' has no error estimate: pass dt="),
    "radius": (oscillator, dict(method="GeneralizedAlpha", dt=0.1, spectral_radius=2), OptionValueError, "between 0"),
    "radius, other": (oscillator, dict(method="Newmark", dt=0.1, spectral_radius=0.5), OptionError, "belongs to"),
    "linear, explicit": (
        lambda: prothero_robinson(1.0), dict(method="RK45", linear="superlu"), OptionError, "linear belongs to",
    ),
    "linear, unknown": (heat, dict(linear="choldmod"), OptionValueError, "Did you mean 'cholmod'"),
    "method": (heat, dict(method="ESDIRK"), OptionValueError, "Did you mean 'ESDIRK4'"),
    "load": (heat, dict(load="m"), OptionError, "load is for steady problems"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_mistake(case):
    make, options, error, message = MISTAKES[case]
    with pytest.raises(error, match=message):
        rz.solve(make(), (0, 1), **options)


def test_missing_span():
    with pytest.raises(OptionError, match="heat evolves in time: pass t_span.*method='Newton'"):
        rz.solve(heat())


def test_fourier_systems_have_no_sparse_jacobian():
    x = rz.coords("x")
    u = rz.fields("u")
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), rz.dx(u, 2))], domain=rz.Interval(0, 1), conditions=[rz.Periodic()],
        initial={u: rz.sin(2 * rz.pi * x)},
    )  # fmt: skip
    with pytest.raises(UnsupportedError, match="Fourier modes, where it is dense. Use 'ETDRK4'"):
        rz.solve(problem.discretize(rz.Fourier(16)), (0, 1), method="BDF2")


def test_partly_second_order():
    system = oscillator(4)
    wider = rz.FunctionSystem(
        lambda t, y: np.append(system.rhs(t, y[:8]), -y[8]), 9, initial=np.zeros(9), rates=system.rates,
        fields={"u": 4, "u_t": 4, "q": 1},
    )  # fmt: skip
    with pytest.raises(UnsupportedError, match="second derivatives in time of all unknowns; q has none"):
        rz.solve(wider, (0, 1), method="Newmark", dt=0.1)


def test_agrees_with_scipy_on_a_stiff_problem_of_the_users_own():
    def f(t, y):
        return np.array([-50.0 * (y[0] - np.cos(t)) + y[1], -y[1] + np.sin(3 * t) * y[0]])

    ours = rz.solve(rz.FunctionSystem(f, 2, initial=[0.0, 1.0]), (0, 3), method="SDIRK3", rtol=1e-8, atol=1e-10)
    theirs = solve_ivp(f, (0, 3), [0.0, 1.0], method="Radau", rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(ours.y[:, -1], theirs.y[:, -1], atol=1e-7)


def test_energy_of_the_string_with_error_control():
    """ESDIRK4 on a second-order problem written in first order: a mass matrix with two blocks."""
    found = rz.solve(oscillator(), (0, 2), rtol=1e-8, atol=1e-10)
    values = energy(oscillator(), found.y)
    assert np.abs(values / values[0] - 1).max() < 1e-5
