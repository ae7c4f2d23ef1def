"""What surrounds the loops: storage, callbacks, interrupts, failures, budgets, resuming."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from stepper_reference import reference
from stepper_systems import diffusion, lorenz, pendulum, scalar, split_complex, split_real

from ritz.codegen.loops import as_f64, as_i64, compiled
from ritz.solvers import buffers, driver
from ritz.solvers.frame import Frame
from ritz.solvers.methods import METHODS
from ritz.solvers.solve import solve
from ritz.solvers.stepping import error_norm, exp2, log2

SYSTEMS = [lorenz, split_real]


def test_every_step_is_stored():
    found = solve(lorenz(), (0, 1), rtol=1e-6, atol=1e-8)
    assert found.t[0] == 0 and found.t[-1] == 1
    assert found.y.shape == (3, found.statistics["steps"] + 1)
    assert np.array_equal(found.y[:, 0], lorenz().u0)
    assert found.success and found.status == 0 and "end of the integration interval" in found.message
    assert found.method == "Tsit5" and found.statistics["why"].startswith("Tsit5: no linear part")


@pytest.mark.parametrize("make", SYSTEMS)
def test_full_buffers_and_short_budgets_change_nothing(make, monkeypatch):
    """Many small buffers and one step a call give bitwise the same run."""
    options = dict(rtol=1e-7, atol=1e-9, dense_output=True)
    plain = solve(make(), (0, 1), **options)
    monkeypatch.setattr(buffers, "BUFFER_BYTES", 8 * 7 * 20)
    monkeypatch.setattr(driver, "FIRST_WORK", 1)
    monkeypatch.setattr(driver, "CALL_SECONDS", 0.0)
    pieces = solve(make(), (0, 1), **options)
    assert np.array_equal(plain.t, pieces.t) and np.array_equal(plain.y, pieces.y)
    between = np.linspace(0, 1, 41)
    assert np.array_equal(plain.sol(between), pieces.sol(between))
    assert plain.nfev == pieces.nfev


def test_t_eval():
    times = np.array([0.0, 0.1, 0.25, 1.0])
    found = solve(lorenz(), (0, 1), t_eval=times, rtol=1e-10, atol=1e-12)
    assert np.array_equal(found.t, times)
    np.testing.assert_allclose(found.y, reference(lorenz, times, 1.0), rtol=1e-6)
    assert np.array_equal(found.y[:, 0], lorenz().u0)
    assert solve(lorenz(), (0, 1), t_eval=[]).y.shape == (3, 0)
    within = solve(lorenz(), (0, 1), t_eval=[0.5], rtol=1e-10, atol=1e-12)  # the end itself is not stored
    assert within.y.shape == (3, 1)


def test_dense_output_is_called_like_scipys():
    found = solve(lorenz(), (0, 1), dense_output=True, rtol=1e-9, atol=1e-9)
    assert found.sol(0.5).shape == (3,) and found.sol([0.5, 0.1]).shape == (3, 2)
    np.testing.assert_allclose(found.sol([0.9, 0.3]), reference(lorenz, [0.9, 0.3], 1.0), atol=1e-5)
    assert (found.sol.t_min, found.sol.t_max) == (0.0, 1.0)
    assert found.sol.n_segments == found.statistics["steps"]
    back = solve(lorenz(), (1, 0.5), reference(lorenz, 1.0, 1.0)[:, 0], dense_output=True, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(back.sol([0.9, 0.6]), reference(lorenz, [0.9, 0.6], 1.0), atol=1e-5)
    with pytest.raises(ValueError, match="one-dimensional"):
        found.sol(np.zeros((2, 2)))


def test_fixed_steps_end_exactly():
    found = solve(pendulum(), (0, 1), method="RK4", dt=0.3)
    np.testing.assert_allclose(found.t, [0, 0.3, 0.6, 0.9, 1.0], atol=1e-15)
    assert found.t[-1] == 1.0
    divided = solve(pendulum(), (0, 0.7), method="RK4", dt=0.1)  # 0.7 / 0.1 = 6.999999999999999
    assert len(divided.t) == 8 and divided.t[-1] == 0.7
    tenth = solve(pendulum(), (0, 100), method="Tsit5", dt=0.1, t_eval=[100.0])
    assert tenth.statistics["steps"] == 1000


def test_step_options():
    found = solve(pendulum(), (0, 1), max_step=0.01)
    assert np.diff(found.t).max() <= 0.01 * (1 + 1e-12) and found.statistics["largest_step"] <= 0.01 * (1 + 1e-12)
    first = solve(pendulum(), (0, 1), first_step=1e-3)
    assert np.diff(first.t)[0] == pytest.approx(1e-3)
    capped = solve(split_real(), (0, 1), max_step=0.01)
    assert np.diff(capped.t).max() <= 0.01 * (1 + 1e-12)


def test_callback_sees_every_step_and_can_stop():
    seen = []

    def watch(t, y):
        seen.append((t, float(y[0])))

    found = solve(lorenz(), (0, 1), callback=watch)
    assert np.array_equal([t for t, _ in seen], found.t[1:])
    assert np.array_equal([y for _, y in seen], found.y[0, 1:])
    stopped = solve(lorenz(), (0, 10), callback=lambda t, y: t > 0.5)
    assert stopped.status == 1 and stopped.success and "callback" in stopped.message
    assert stopped.t[-2] <= 0.5 < stopped.t[-1]
    times = solve(lorenz(), (0, 10), callback=lambda t, y: t > 0.5, t_eval=np.linspace(0, 10, 101))
    assert times.t[-1] == pytest.approx(0.5) and times.y.shape == (3, 6)


@pytest.mark.parametrize("t_eval", [None, np.linspace(0, 1, 11)])
def test_interrupt_keeps_what_was_computed(t_eval):
    def press(t, y):
        if t > 0.5:
            raise KeyboardInterrupt

    found = solve(lorenz(), (0, 1), callback=press, t_eval=t_eval)
    assert (found.status, found.success) == (-2, False) and "Interrupted at t" in found.message
    assert found.t.size > 3 and np.isfinite(found.y).all() and found.y.shape[1] == found.t.size


def test_interrupt_in_the_engine(monkeypatch):
    """Ctrl-C arrives when the compiled loop returns: the steps in its buffer are not lost."""
    from ritz.solvers.explicit import ExplicitEngine

    advance = ExplicitEngine.advance

    def interrupted(self, *args):
        advance(self, *args)
        raise KeyboardInterrupt

    monkeypatch.setattr(ExplicitEngine, "advance", interrupted)
    found = solve(lorenz(), (0, 1))
    assert found.status == -2 and found.t[-1] == 1.0 and found.t.size > 5


def test_not_finite_at_the_start():
    for options in ({}, {"dt": 0.1, "method": "RK4"}):
        found = solve(scalar("bad"), (0, 1), **options)
        assert (found.status, found.success) == (-1, False)
        assert "equation 0 is not finite at t = 0" in found.message and np.array_equal(found.t, [0.0])


@pytest.mark.parametrize("options", [{}, {"method": "DOP853"}, {"method": "RK4", "dt": 0.01}])
def test_logarithm_of_a_negative_number_during_the_run(options):
    """u' = log(u) - 2 from u = 1 reaches zero near t = 0.4 with slope minus infinity."""
    found = solve(scalar("log"), (0, 5), **options)
    assert (found.status, found.success) == (-1, False)
    assert "not finite" in found.message or "spacing between numbers" in found.message
    assert found.t.size > 3 and 0 < found.t[-1] < 0.5 and np.isfinite(found.y).all()


def test_blow_up_is_noticed():
    found = solve(scalar("blowup"), (0, 5), rtol=1e-6)
    assert not found.success and found.t[-1] == pytest.approx(1.0, abs=1e-3)
    assert "blow up" in found.message or "not finite" in found.message
    fixed = solve(scalar("blowup"), (0, 5), method="RK4", dt=0.01)
    assert not fixed.success and "smaller dt" in fixed.message and np.isfinite(fixed.y).all()


def test_step_limit():
    found = solve(lorenz(), (0, 100), max_steps=50)
    assert not found.success and "max_steps = 50" in found.message and found.t.size <= 51
    enough = solve(lorenz(), (0, 0.1), max_steps=50)
    assert enough.success


def test_empty_interval():
    found = solve(lorenz(), (1, 1), t_eval=[1.0])
    assert found.success and np.array_equal(found.y[:, 0], lorenz().u0)
    assert solve(split_real(), (1, 1)).y.shape == (2, 1)


def test_resume_from_a_solution():
    p = np.array([10.0, 20.0, 8 / 3])
    first = solve(lorenz(), (0, 1), params=p, rtol=1e-9, atol=1e-9)
    rest = solve(lorenz(), (1, 2), first, rtol=1e-9, atol=1e-9)
    whole = solve(lorenz(), (0, 2), params=p, rtol=1e-9, atol=1e-9)
    assert np.array_equal(rest.params, p) and np.array_equal(rest.y[:, 0], first.y[:, -1])
    np.testing.assert_allclose(rest.y[:, -1], whole.y[:, -1], rtol=1e-4)


def test_too_many_states_are_thinned(monkeypatch):
    monkeypatch.setattr(buffers, "STATE_BYTES", 8 * 3 * 100)
    monkeypatch.setattr(buffers, "BUFFER_BYTES", 8 * 4 * 32)
    found = solve(lorenz(), (0, 10), method="RK4", dt=0.01)
    stride = found.statistics["kept_every"]
    assert stride in (8, 16, 32) and f"every {stride}th step" in found.message
    np.testing.assert_allclose(found.t[1:-1], 0.01 * stride * np.arange(1, found.t.size - 1), atol=1e-12)
    assert found.t[-1] == 10.0 and found.t.size < 300


@compiled()
def _norm(frame: int, err: int, old: int, new: int, result: int):
    as_f64(result)[0] = error_norm(as_i64(frame), err, old, new)


def test_error_norms(rng):
    """Against the formulas: number by number as SciPy, and field by field."""
    err, old, new = rng.standard_normal((3, 6))
    weights, groups = rng.random(6), np.array([[0, 2], [2, 6]])

    def found(groups, atol):
        bound = SimpleNamespace(context=0, p=np.zeros(1), groups=groups, weights=weights)
        control, counts = buffers.new_control()
        buffers.start_control(control, counts, 0, 1, rtol=0.3, max_step=1)
        frame = Frame(control, counts, bound, 0, 6, atol)
        result = np.empty(1)
        _norm(frame.address, *(a.ctypes.data for a in (err, old, new, result)))
        return result[0]

    for atol in (np.linspace(0.1, 0.6, 6), np.array([0.2])):
        expected = np.sqrt(np.mean((err / (atol + 0.3 * np.maximum(np.abs(old), np.abs(new)))) ** 2))
        assert found(None, atol) == pytest.approx(expected, rel=1e-14)

    def size(v, g):
        return np.sqrt(np.sum((weights * v**2)[slice(*g)]))

    for atol in (np.array([0.2]), np.array([0.2, 0.4])):
        ratios = [
            size(err, g) / (a + 0.3 * max(size(old, g), size(new, g)))
            for a, g in zip(np.broadcast_to(atol, 2), groups, strict=True)
        ]
        assert found(groups, atol) == pytest.approx(np.sqrt(np.mean(np.square(ratios))), rel=1e-14)


def test_absolute_tolerance_per_field():
    steps = [
        solve(diffusion(200), (0, 1), rtol=1e-10, atol=atol).statistics["steps"]
        for atol in (1e-4, [1e-4, 1e-4], [1e-4, 1e-7], [1e-7, 1e-7])
    ]
    assert steps[0] == steps[1] < steps[2] <= steps[3]


def test_progress_bar(capsys):
    solve(lorenz(), (0, 1), progress=True)
    assert "steps" in capsys.readouterr().err
    solve(lorenz(), (0, 1))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("method", [m.name for m in METHODS if not m.is_implicit])
def test_all_ways_of_storing_agree(method):
    """Each method: dense output, t_eval and end state of one and the same fixed-step run."""
    times = np.linspace(0, 0.5, 9)
    dense = solve(split_complex(), (0, 0.5), method=method, dt=0.013, dense_output=True)
    points = solve(split_complex(), (0, 0.5), method=method, dt=0.013, t_eval=times)
    np.testing.assert_allclose(dense.sol(times), points.y, atol=1e-12)
    assert np.array_equal(dense.y[:, -1], points.y[:, -1])


@compiled()
def _quick(x_: int, logarithms: int, y_: int, powers: int, n: int):
    x, y = as_f64(x_), as_f64(y_)
    for i in range(n):
        as_f64(logarithms)[i] = log2(x[i])
        as_f64(powers)[i] = exp2(y[i])


def test_quick_logarithm_and_power():
    """The step control needs no more than a few digits of them, but those everywhere."""
    x = np.concatenate([2.0 ** np.linspace(-40, 40, 4001), [1.0, np.sqrt(0.5), np.nextafter(np.sqrt(0.5), 0)]])
    y = np.linspace(-60, 60, x.size)
    logarithms, powers = np.empty((2, x.size))
    _quick(*(a.ctypes.data for a in (x, logarithms, y, powers)), x.size)
    assert np.abs(logarithms - np.log2(x)).max() < 3e-6
    assert np.abs(powers / 2.0**y - 1).max() < 4e-6
