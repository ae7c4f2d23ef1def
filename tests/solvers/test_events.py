"""Events against SciPy: which roots, when runs stop, what is stored."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from stepper_systems import lorenz, pendulum, scalar, split_real

from ritz.errors import OptionError, OptionValueError
from ritz.solvers.solve import solve


def event(index, level=0.0, terminal=None, direction=0):
    def crossing(t, y):
        return y[index] - level

    crossing.terminal, crossing.direction = terminal, direction
    return crossing


CASES = {
    "log": ([event(0), event(1)], (0, 20)),
    "up": ([event(0, direction=1)], (0, 20)),
    "down": ([event(0, direction=-1)], (0, 20)),
    "terminal": ([event(0), event(1, terminal=True)], (0, 20)),
    "third": ([event(0), event(1, terminal=3)], (0, 20)),
    "two terminal": ([event(0, terminal=2), event(1, terminal=2, direction=1)], (0, 20)),
    "backward": ([event(0), event(1, terminal=2)], (20, 0)),
    "none": ([event(0, 100.0)], (0, 5)),
    "many in one step": ([lambda t, y: t - 1.01, lambda t, y: t - 1.02, lambda t, y: t - 1.03], (0, 5)),
}


@pytest.mark.parametrize("times", [None, 40])
@pytest.mark.parametrize("case", CASES)
def test_events_as_in_scipy(case, times):
    events, span = CASES[case]
    t_eval = None if times is None else np.linspace(*span, times)
    system = pendulum()
    options = dict(method="DOP853", rtol=1e-9, atol=1e-9, events=events, t_eval=t_eval, dense_output=True)
    ours, theirs = solve(system, span, **options), solve_ivp(system.rhs, span, system.u0, **options)
    assert (ours.status, ours.success, ours.message) == (theirs.status, theirs.success, theirs.message)
    for a, b, c, d in zip(ours.t_events, theirs.t_events, ours.y_events, theirs.y_events, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
        np.testing.assert_allclose(c.reshape(-1), np.reshape(d, -1), atol=1e-6)
    assert ours.t.shape == theirs.t.shape and ours.y.shape == theirs.y.shape
    np.testing.assert_allclose(ours.t, theirs.t, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours.y, theirs.y, atol=1e-5)
    inside = np.linspace(ours.t[0], ours.t[-1], 50)
    np.testing.assert_allclose(ours.sol(inside), theirs.sol(inside), atol=1e-5)


def test_roots_are_on_the_solution():
    found = solve(lorenz(), (0, 20), events=event(0, terminal=5), rtol=1e-8, atol=1e-8, dense_output=True)
    assert len(found.t_events[0]) == 5
    assert np.abs(found.y_events[0][:, 0]).max() < 1e-10
    assert found.t[-1] == found.t_events[0][-1] and np.array_equal(found.y[:, -1], found.y_events[0][-1])
    np.testing.assert_allclose(found.sol(found.t_events[0]).T, found.y_events[0], atol=1e-12)


@pytest.mark.parametrize("method", ["ETDRK4", "ARK4", "SBDF2"])
def test_events_of_split_methods(method):
    how = dict(dt=0.01) if method == "SBDF2" else dict(rtol=1e-8, atol=1e-8)
    found = solve(split_real(), (0, 6), method=method, events=event(1, 0.1), **how)
    exact = solve(split_real(), (0, 6), method="DOP853", events=event(1, 0.1), rtol=1e-12, atol=1e-12)
    assert len(exact.t_events[0]) >= 1
    np.testing.assert_allclose(found.t_events[0], exact.t_events[0], atol=1e-2 if method == "SBDF2" else 1e-5)


def test_run_ahead_of_a_terminal_event_does_no_harm():
    """u' = u^2 blows up at t = 1, after the event at t = 0.5 and within the same batch of steps."""
    found = solve(scalar("blowup"), (0, 5), events=event(0, 2.0, terminal=True))
    assert found.status == 1 and found.success
    assert found.t[-1] == pytest.approx(0.5, abs=1e-3)
    assert found.y[0, -1] == pytest.approx(2.0)


def test_event_functions_may_ask_for_fields():
    def named(t, y):
        return y["u"][0] - 1.0

    found = solve(pendulum(), (0, 5), events=named)
    assert len(found.t_events[0]) > 0


def test_mistakes():
    with pytest.raises(OptionError, match="events must be functions of .t, y.; number 1 is int"):
        solve(pendulum(), (0, 1), events=[event(0), 3])
    with pytest.raises(OptionError, match=r"event 0 \(crossing\) must return one number; .* shape \(2,\)"):

        def crossing(t, y):
            return y

        solve(pendulum(), (0, 1), events=crossing)
    with pytest.raises(OptionValueError, match="terminal must be True, False or a positive count, not -1"):
        solve(pendulum(), (0, 1), events=event(0, terminal=-1))


def test_arrays_of_one_number_are_fine():
    found = solve(pendulum(), (0, 2), events=lambda t, y: np.array([t - 1.5]))
    assert found.t_events[0] == pytest.approx([1.5])
