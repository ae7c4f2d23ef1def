"""Events that change the state: closed forms, SciPy with restarts; order, delays, what is stored, mistakes."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

import ritz as rz
from ritz.errors import OptionError, ProblemError, UnsupportedError
from ritz.solvers.methods import EXPLICIT, METHODS

x, y = rz.fields("x y")
g, e = rz.params("g", default=9.81), rz.params("e", default=0.9)
TIGHT = dict(rtol=1e-10, atol=1e-12)


def ball(**options):
    bounce = rz.Event(x, {rz.dt(x): -e * rz.dt(x)}, direction=-1, name="bounce", **options)
    return rz.Problem([rz.Eq(rz.dt(x, 2), -g)], initial={x: 1, rz.dt(x): 0}, events=[bounce])


def bounces(count, g=9.81, e=0.9):
    first = np.sqrt(2 / g)
    return first + np.concatenate([[0], np.cumsum(2 * first * e ** np.arange(1, count))])


def ball_at(t, g=9.81, e=0.9):
    """Height by the closed form."""
    times = bounces(60, g, e)
    k = int(np.searchsorted(times, t, side="right"))
    if k == 0:
        return 1 - 0.5 * g * t**2
    s, v = t - times[k - 1], g * times[0] * e**k
    return v * s - 0.5 * g * s**2


ADAPTIVE = [m.name for m in METHODS if m.family == EXPLICIT and m.adaptive]


@pytest.mark.parametrize("method", ADAPTIVE)
def test_bouncing_ball_with_every_adaptive_method(method):
    times = np.linspace(0, 3, 31)
    found = rz.solve(ball(), (0, 3), method=method, t_eval=times, rtol=1e-9, atol=1e-9)
    assert found.success and len(found.t_events) == 1
    np.testing.assert_allclose(found.t_events[0], bounces(4), atol=1e-7)
    np.testing.assert_allclose(found["x"], [ball_at(t) for t in times], atol=1e-6)
    assert np.abs(found.y_events[0][:, 0]).max() < 1e-12
    assert [record.name for record in found.log] == ["bounce"] * 4


@pytest.mark.parametrize("method", ["BDF2", "SDIRK2", "SDIRK3", "ESDIRK4"])
def test_implicit_methods(method):
    """x' = -10^5 (x - y), y' = 1: x follows y; at y = 1 both are set back."""
    problem = rz.Problem(
        [rz.Eq(rz.dt(x), -100000 * (x - y)), rz.Eq(rz.dt(y), 1)],
        initial={x: 0, y: 0},
        events=[rz.Event(y > 1, {y: y - 1, x: x + 1}, name="back")],
    )
    found = rz.solve(problem, (0, 3.5), method=method, t_eval=[0.5, 1.5, 3.5], rtol=1e-5, atol=1e-7)
    assert found.success, found.message
    np.testing.assert_allclose(found.t_events[0], [1, 2, 3], rtol=1e-9)
    np.testing.assert_allclose(found["y"], 0.5, rtol=1e-9)
    np.testing.assert_allclose(found["x"], 0.5, atol=1e-4)
    assert found.statistics["steps"] < 5000


@pytest.mark.parametrize("method", ["RK4", "Tsit5", "DOP853"])
def test_fixed_steps_return_to_their_grid(method):
    found = rz.solve(ball(), (0, 2), method=method, dt=0.01)
    np.testing.assert_allclose(found.t_events[0], bounces(3), atol=1e-12)
    assert found.y[0, -1] == pytest.approx(ball_at(2.0), abs=1e-11)
    on_grid = np.setdiff1d(found.t, found.t_events[0])
    np.testing.assert_allclose(on_grid, np.arange(201) * 0.01, atol=1e-14)


@pytest.mark.parametrize("order,method", [(4, "RK4"), (5, "Tsit5"), (8, "DOP853")])
def test_order_through_an_event(order, method):
    """x' = -x^2 on the way down to 1/2, where it is set to 2: the error falls as the order says, from both sides."""
    problem = rz.Problem([rz.Eq(rz.dt(x), -(x**2))], initial={x: 1}, events=[rz.Event(x < 0.5, {x: 2})])
    exact = 1 / (0.5 + 0.3)  # reaches 1/2 at t = 1, then 1/x = 1/2 + s
    steps = {4: (8, 32), 5: (8, 32), 8: (2, 5)}[order]
    errors = [abs(rz.solve(problem, (0, 1.3), method=method, dt=1.3 / n).y[0, -1] - exact) for n in steps]
    rate = np.log(errors[0] / errors[1]) / np.log(steps[1] / steps[0])
    least = min(order, 5 if method != "RK4" else 4)  # the event is found on the dense output
    assert least - 1.2 < rate < order + 2.5


def test_dense_output_and_times_are_right_on_both_sides():
    times = np.array([0.0, 0.5, 1.0, 1.5, 2.0])
    problem = rz.Problem([rz.Eq(rz.dt(x), -x)], initial={x: 1}, events=[rz.Event(rz.t >= 1, {x: x + 3}, name="dose")])
    found = rz.solve(problem, (0, 2), t_eval=times, dense_output=True, **TIGHT)
    after = np.exp(-1) + 3
    np.testing.assert_allclose(
        found["x"], [1, np.exp(-0.5), after, after * np.exp(-0.5), after * np.exp(-1)], rtol=1e-9
    )
    assert found.t_events[0].tolist() == [1.0]  # exactly: the integration pauses there
    assert found.y_events[0][0, 0] == pytest.approx(np.exp(-1), rel=1e-9)
    assert float(found.sol(1.0)[0]) == found.log[0].after[0] == found["x"][2]
    assert float(found.sol(np.nextafter(1.0, 0))[0]) == pytest.approx(np.exp(-1), rel=1e-9)
    every = rz.solve(problem, (0, 2), **TIGHT)
    assert np.count_nonzero(every.t == 1.0) == 1 and every["x"][every.t == 1.0] == pytest.approx(after)
    inside = np.linspace(0, 2, 41)
    exact = np.where(inside < 1, np.exp(-inside), after * np.exp(1 - inside))
    np.testing.assert_allclose(found.sol(inside)[0], exact, rtol=1e-8)


@pytest.mark.parametrize("relation", [sp.Gt, sp.Ge])
def test_strict_and_weak_relations_in_time_fire_once_at_the_same_time(relation):
    problem = rz.Problem([rz.Eq(rz.dt(x), 0)], initial={x: 0}, events=[rz.Event(relation(rz.t, 0.7), {x: x + 1})])
    found = rz.solve(problem, (0, 2), t_eval=[0.6, 0.7, 2])
    assert found.t_events[0].tolist() == [0.7] and found["x"].tolist() == [0, 1, 1]


def test_a_window_much_shorter_than_a_step_is_not_missed():
    window = (rz.t > 1) & (rz.t < 1 + 1e-7)
    problem = rz.Problem([rz.Eq(rz.dt(x), 0)], initial={x: 0}, events=[rz.Event(window, {x: x + 1})])
    assert rz.solve(problem, (0, 100)).y[0, -1] == 1


def test_directions_of_expressions_and_relations():
    def firings(when, **options):
        problem = rz.Problem(
            [rz.Eq(rz.dt(x), y), rz.Eq(rz.dt(y), -x)], initial={x: 0, y: 1}, events=[rz.Event(when, **options)]
        )
        return rz.solve(problem, (0.1, 10), {"x": np.sin(0.1), "y": np.cos(0.1)}, **TIGHT).t_events[0]

    up, down = np.pi * np.array([2.0]), np.pi * np.array([1.0, 3.0])
    both = np.sort(np.concatenate([up, down]))
    for when, wanted in ((x, both), (x > 0, up), (x < 0, down)):
        np.testing.assert_allclose(firings(when), wanted, atol=1e-8)
    np.testing.assert_allclose(firings(x, direction=1), up, atol=1e-8)
    np.testing.assert_allclose(firings(x, direction=-1), down, atol=1e-8)
    np.testing.assert_allclose(firings(x > 0, direction=-1), down, atol=1e-8)
    np.testing.assert_allclose(firings(x > 0, direction=0), both, atol=1e-8)
    np.testing.assert_allclose(firings((x > 0) & (y < 0)), [0.5 * np.pi, 2.5 * np.pi], atol=1e-8)
    np.testing.assert_allclose(firings((x > 0.5) | (y < 0)), [np.pi / 6, np.pi * 13 / 6], atol=1e-8)
    np.testing.assert_allclose(firings(~(x > 0)), down, atol=1e-8)


def test_against_scipy_with_restarts():
    """A predator-prey system that is harvested whenever the prey exceeds a level that depends on time."""
    a = rz.params("a", default=1.1)
    level, kept = 1.2 + 0.01 * rz.t, 0.4
    problem = rz.Problem(
        [rz.Eq(rz.dt(x), a * x - x * y), rz.Eq(rz.dt(y), x * y - y)],
        initial={x: 1, y: 0.5},
        events=[rz.Event(x > level, {x: kept * x, y: y + x / 10}, name="harvest")],
    )

    def f(t, u):
        return [1.1 * u[0] - u[0] * u[1], u[0] * u[1] - u[1]]

    def crossing(t, u):
        return u[0] - 1.2 - 0.01 * t

    crossing.terminal, crossing.direction = True, 1
    t, u, times = 0.0, np.array([1.0, 0.5]), []
    while t < 20:
        part = solve_ivp(f, (t, 20), u, method="DOP853", events=crossing, rtol=1e-12, atol=1e-13)
        t, u = part.t[-1], part.y[:, -1]
        if part.status == 1:
            times.append(t)
            u = np.array([kept * u[0], u[1] + u[0] / 10])
    found = rz.solve(problem, (0, 20), rtol=1e-11, atol=1e-12)
    assert len(times) > 2
    np.testing.assert_allclose(found.t_events[0], times, atol=1e-7)
    np.testing.assert_allclose(found.y[:, -1], u, rtol=1e-6)


def test_several_events_at_one_time_act_by_priority_and_see_each_other():
    def last(first, second):
        problem = rz.Problem(
            [rz.Eq(rz.dt(x), 0)],
            initial={x: 1},
            events=[
                rz.Event(rz.t > 1, {x: x + 1}, priority=first, values_from="change", name="add"),
                rz.Event(rz.t >= 1, {x: x * 10}, priority=second, values_from="change", name="times"),
            ],
        )
        found = rz.solve(problem, (0, 2))
        return found.y[0, -1], [r.name for r in found.log]

    assert last(0, 0) == (20, ["add", "times"])
    assert last(2, 1) == (20, ["add", "times"])
    assert last(1, 2) == (11, ["times", "add"])


def test_values_of_one_event_are_assigned_at_once():
    problem = rz.Problem(
        [rz.Eq(rz.dt(x), 0), rz.Eq(rz.dt(y), 0)], initial={x: 1, y: 2}, events=[rz.Event(rz.t > 1, {x: y, y: x})]
    )
    assert rz.solve(problem, (0, 2)).y[:, -1].tolist() == [2, 1]


def test_one_event_sets_off_another_at_the_same_time():
    problem = rz.Problem(
        [rz.Eq(rz.dt(x), 1), rz.Eq(rz.dt(y), 0)],
        initial={x: 0, y: 0},
        events=[rz.Event(y > 2, {y: 0, x: x - 1}, name="second"), rz.Event(x > 1, {y: 3}, name="first")],
    )
    found = rz.solve(problem, (0, 1.5), **TIGHT)
    assert [r.name for r in found.log] == ["first", "second"]
    assert found.log[0].t == found.log[1].t == pytest.approx(1)
    np.testing.assert_allclose(found.y[:, -1], [0.5, 0], atol=1e-9)


def test_delays():
    """x' = 1; once x passes 1, half a unit of time later x drops by the x of one of the two moments."""
    for source, taken in (("firing", 1.0), ("change", 1.5)):
        problem = rz.Problem(
            [rz.Eq(rz.dt(x), 1)],
            initial={x: 0},
            events=[rz.Event(x > 1, {x: x / 4}, delay=sp.Rational(1, 2), values_from=source)],
        )
        found = rz.solve(problem, (0, 2), **TIGHT)
        assert found.t_events[0] == pytest.approx([1.5])
        assert found.log[0].fired == pytest.approx(1)
        assert found.y[0, -1] == pytest.approx(taken / 4 + 0.5, abs=1e-8)


def test_a_change_that_is_not_persistent_is_given_up():
    """sin t > 1/2 holds for 2 pi / 3; a change that waits longer than that does not come."""
    for persistent, delay, count in ((True, 2.2, 2), (False, 2.2, 0), (False, 2.0, 2)):
        problem = rz.Problem(
            [rz.Eq(rz.dt(x), y), rz.Eq(rz.dt(y), -x), rz.Eq(rz.dt(z), 0)],
            initial={x: 0, y: 1, z: 0},
            events=[rz.Event(x > sp.Rational(1, 2), {z: z + 1}, delay=delay, persistent=persistent)],
        )
        found = rz.solve(problem, (0, 12), **TIGHT)
        assert found["z"][-1] == count
        np.testing.assert_allclose(found.t_events[0], (np.pi / 6 + 2 * np.pi * np.arange(count)) + delay, atol=1e-8)


z = rz.fields("z")


def test_start_of_a_run():
    def last(**options):
        problem = rz.Problem([rz.Eq(rz.dt(x), 1)], initial={x: 1}, events=[rz.Event(x > 0.5, {x: x + 5}, **options)])
        found = rz.solve(problem, (0, 1), t_eval=[0, 1], **TIGHT)
        return found["x"].tolist()

    assert last() == pytest.approx([1, 2])
    assert last(at_start=True) == pytest.approx([6, 7])


def test_strict_relation_that_is_just_not_true_at_the_start():
    problem = rz.Problem([rz.Eq(rz.dt(x), 1)], initial={x: 0}, events=[rz.Event(x > 0, {x: x + 5})])
    found = rz.solve(problem, (0, 1), **TIGHT)
    assert len(found.log) == 1 and found.log[0].t < 1e-12 and found["x"][-1] == pytest.approx(6)


def test_terminal_events_stop_after_the_change():
    found = rz.solve(ball(terminal=True), (0, 3), dense_output=True, **TIGHT)
    assert (found.status, found.success, found.message) == (1, True, "A termination event occurred.")
    assert found.t[-1] == found.t_events[0][0] == pytest.approx(bounces(1)[0])
    assert found["x"][-1] == pytest.approx(0, abs=1e-12) and found.y[1, -1] == -0.9 * found.log[0].before[1]
    middle = 0.5 * bounces(1)[0]
    assert found.sol(middle)[0] == pytest.approx(ball_at(middle), abs=1e-9)


def test_functions_of_the_user_see_the_run_too():
    highest = []

    def top(t, u):
        return u[1]

    top.direction = -1
    found = rz.solve(ball(), (0, 2), events=top, callback=lambda t, u: highest.append(t), **TIGHT)
    ends = bounces(3)
    np.testing.assert_allclose(found.t_events[0][-2:], 0.5 * (ends[:-1] + ends[1:]), atol=1e-8)
    np.testing.assert_allclose(found.t_events[1], ends, atol=1e-8)
    assert highest == found.t[1:].tolist()

    def early(t, u):
        return t - 0.2

    early.terminal = True
    stopped = rz.solve(ball(), (0, 2), events=early, **TIGHT)
    assert stopped.t[-1] == pytest.approx(0.2) and not stopped.log


def test_the_first_jump_of_many_steps_and_large_runs():
    """A saw tooth: 1000 jumps, one engine, no growth of the error."""
    problem = rz.Problem([rz.Eq(rz.dt(x), 1)], initial={x: 0}, events=[rz.Event(x > 1, {x: x - 1})])
    found = rz.solve(problem, (0, 1000.5), t_eval=[1000.5])
    assert len(found.log) == 1000 and found["x"][0] == pytest.approx(0.5, abs=1e-9)
    np.testing.assert_allclose(found.t_events[0], np.arange(1, 1001), rtol=1e-12)


def test_runs_that_cannot_go_on():
    found = rz.solve(ball(), (0, 30), rtol=1e-8, atol=1e-8)
    assert found.status == -1 and not found.success
    assert "The event 'bounce' fired 10 times between t = " in found.message
    assert "let the state rest" in found.message.replace("lets", "let")
    assert found.t[-1] == pytest.approx(bounces(400)[-1], abs=1e-4)
    flip = [rz.Event(x > 1, {x: 0}, name="down"), rz.Event(x < 0.5, {x: 2}, name="up")]
    endless = rz.solve(rz.Problem([rz.Eq(rz.dt(x), 1)], initial={x: 0.7}, events=flip), (0, 1))
    assert endless.status == -1 and "events set each other off without end" in endless.message
    assert endless.t[-1] == pytest.approx(0.3)
    relay = [rz.Event(x > 0, {y: -1}, name="back"), rz.Event(x < 0, {y: 1}, name="forth")]
    chatter = rz.solve(
        rz.Problem([rz.Eq(rz.dt(x), y), rz.Eq(rz.dt(y), 0)], initial={x: -1, y: 1}, events=relay), (0, 3)
    )
    assert chatter.status == -1 and "fired 10 times between" in chatter.message
    poisoned = rz.Problem(
        [rz.Eq(rz.dt(x), -1)], initial={x: 1}, events=[rz.Event(rz.t > 2, {x: sp.log(x)}, name="log")]
    )
    assert "The event 'log' gives x a value that is not finite at t = 2." in rz.solve(poisoned, (0, 3)).message


def test_a_ball_that_comes_to_rest():
    """A second event lets the state rest before the bounces come too fast."""
    on = rz.fields("on")
    problem = rz.Problem(
        [rz.Eq(rz.dt(x), on * y), rz.Eq(rz.dt(y), -g * on), rz.Eq(rz.dt(on), 0)],
        initial={x: 1, y: 0, on: 1},
        events=[
            rz.Event(x < 0, {x: 0, y: -e * y}, name="bounce"),
            rz.Event((x < 0) & (sp.Abs(y) < 1e-3), {on: 0, y: 0}, priority=1, persistent=False, name="rest"),
        ],
    )
    found = rz.solve(problem, (0, 30), **TIGHT)
    assert found.success and found["on"][-1] == 0 and found["x"][-1] == pytest.approx(0, abs=1e-6)


def test_problems_made_new_and_displayed():
    problem = ball()
    assert problem.replace(initial={x: 2, rz.dt(x): 0}).events == problem.events
    assert not problem.replace(events=()).events
    assert "Event(x, {dt(x): -e*dt(x)}, name='bounce')" in str(problem) and "bounce" in problem._repr_html_()
    assert problem.parameters == (e, g)
    assert not any("events" in line for line in problem.explain().choices)
    twice = problem.replace(events=[*problem.events, rz.Event(rz.t > 1)])
    assert "events of equal priority act in the order in which they are listed" in twice.explain().choices
    assert "4 of 'bounce'" in repr(rz.solve(problem, (0, 3)))


def test_the_log_is_stored(tmp_path):
    pytest.importorskip("h5netcdf")
    found = rz.solve(ball(), (0, 3), **TIGHT)
    found.save(tmp_path / "ball.nc")
    again = rz.load(tmp_path / "ball.nc")
    for a, b in zip(found.log, again.log, strict=True):
        assert (a.t, a.name, a.fired) == (b.t, b.name, b.fired)
        np.testing.assert_array_equal([a.before, a.after], [b.before, b.after])
    np.testing.assert_array_equal(found.t_events[0], again.t_events[0])


def problem_with(*events, **options):
    return rz.Problem([rz.Eq(rz.dt(x), -x)], initial={x: 1}, events=list(events), **options)


k = rz.params("k", default=1)

MISTAKES = {
    "a parameter": (
        lambda: rz.solve(problem_with(rz.Event(x > k, {k: 2})), (0, 1)),
        r"k is a parameter, .* rz.Eq\(rz.dt\(k\), 0\)",
    ),
    "unknown": (lambda: rz.solve(problem_with(rz.Event(x > 1, {y: 2})), (0, 1)), "gives a new value to y. The state"),
    "twice": (lambda: rz.solve(problem_with(rz.Event(x > 1, {x: 2, "x": 3})), (0, 1)), "gives two new values to x"),
    "strange symbol": (lambda: problem_with(rz.Event(y > 1, {x: 2})), "mentions y, which the equations do not"),
    "equality": (lambda: rz.Event(sp.Eq(x, 3)), "holds at single times only. Write the expression x - 3"),
    "evaluated": (lambda: rz.Event(x == y), "is False: it was evaluated before Ritz could see it"),
    "no condition": (lambda: rz.Event("x > 3"), "must be a relation such as x > 3 or an expression, but got 'x > 3'"),
    "direction": (lambda: rz.Event(x, direction=2), r"The direction of the event at x must be \+1, -1 or 0, but is 2"),
    "then": (lambda: rz.Event(x > 1, [x]), "is given as {unknown: new value}"),
    "value": (lambda: rz.Event(x > 1, {x: "a"}), "new value of x at the event at x > 1 must be a finite number"),
    "delay": (lambda: rz.Event(x > 1, {x: 1}, delay=-1), "delay of the event at x > 1 must not be negative"),
    "source": (lambda: rz.Event(x > 1, {x: 1}, values_from="now"), "must be 'firing' or 'change', but is 'now'"),
    "names": (lambda: problem_with(rz.Event(x, name="a"), rz.Event(x, name="a")), "Two events are named 'a'"),
    "function": (lambda: problem_with(lambda t, u: u[0]), "Functions of .t, y. go into rz.solve"),
    "rate": (lambda: problem_with(rz.Event(rz.dt(x) > 1)), r"contains dt\(x\), which is not part of the state"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(case):
    make, message = MISTAKES[case]
    with pytest.raises(ProblemError, match=message):
        make()


def test_further_mistakes():
    with pytest.raises(OptionError, match="Event has no option 'dely'. Did you mean 'delay'"):
        rz.Event(x > 1, {x: 1}, dely=1)
    with pytest.raises(UnsupportedError, match="events that change the state .'bounce'.; what was before them"):
        rz.solve(ball(), (3, 0))
    u = rz.fields("u")
    with pytest.raises(ProblemError, match="events= works for problems without space, but this one has s"):
        rz.Problem(
            [rz.Eq(rz.dt(u), rz.lap(u))],
            domain=rz.Box(s=(0, 1)),
            conditions=[rz.Periodic()],
            events=[rz.Event(u > 1, {u: 0})],
        )
    unused = rz.params("unused")
    with pytest.raises(ProblemError, match="occurs in no equation, condition, initial value or event"):
        problem_with(parameters=[unused])


@pytest.mark.parametrize("level", [True, False])
def test_times_of_turning_are_exact_and_on_the_far_side(level):
    """On x = t the dense output is exact; without a number that changes sign there is bisection."""
    power = x**3 - 2
    conditions = [power > 0, sp.tanh(50 * (x - 1.7)) > 0, x > sp.Rational(1, 3)]
    if not level:
        conditions = [sp.Ne(sp.sign(power), -1) & c for c in conditions]
    problem = rz.Problem([rz.Eq(rz.dt(x), 1)], initial={x: 0}, events=[rz.Event(c) for c in conditions])
    assert [form.level is not None for form in problem.pointwise_form().events] == [level] * 3
    found = rz.solve(problem, (0, 3))
    root = 2 ** (1 / 3)
    np.testing.assert_allclose(np.concatenate(found.t_events), [root, 1.7, 1 / 3 if level else root], rtol=1e-14)
    bound = problem.discretize(rz.Pointwise()).bind_events()
    for k, record in ((int(r.name.split()[1]) - 1, r) for r in found.log):
        assert bound.conditions(record.t, record.before)[k] == 1
