"""Sweeps: order, failures that lose nothing, resuming from disk, executors, tables."""

import multiprocessing
import warnings
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import ritz as rz
from ritz.errors import OptionError, ParameterError, SolveError, UnsupportedError
from ritz.reduced_order import sweep as module
from ritz.reduced_order.sweep import SweepWarning, rebuild, recipe_of, solve_record, sweep
from ritz.reduced_order.sweep_store import Record, Store, digest, fingerprint

TIMES = np.linspace(0, 1, 5)


def decay(rate=1.0, start=1.0):
    """x' = -a x^2 + b, with a finite-time blow-up for negative a."""
    x = rz.fields("x")
    a, b = rz.params("a b", default=(rate, 0.0))
    return rz.Problem([rz.Eq(rz.dt(x), -a * x**2 + b)], initial={x: start}).discretize(rz.Pointwise())


@pytest.fixture(scope="module")
def system():
    return decay()


def exact(a):
    return 1 / (1 + a * TIMES)


def test_runs_come_in_the_order_of_their_points(system):
    runs = sweep(system, {"a": (0.5, 2)}, (0, 1), n=7, t_eval=TIMES, rtol=1e-9, atol=1e-12, workers=3)
    assert len(runs) == 7 and runs.names == ("a",) and not runs.failures
    for point, solution in runs:
        np.testing.assert_allclose(solution["x"], exact(point["a"]), rtol=1e-7)
        assert solution.parameters["a"] == point["a"]
    assert runs.snapshots().shape == (1, 35)
    labels, times = runs.labels()
    assert labels[5] == 1 and times[6] == TIMES[1]
    assert runs[3].t is not None and "7 succeeded, 0 failed" in repr(runs)
    part = runs.select([4, 2])
    np.testing.assert_allclose(part.parameters, runs.parameters[[4, 2]])


def test_a_failed_run_loses_no_other(system):
    with pytest.warns(SweepWarning, match=r"1 of 4 runs of the sweep failed"):
        runs = sweep(system, {"a": [1.0, -3.0, 2.0, 0.5]}, (0, 1), t_eval=TIMES, max_steps=5000)
    assert runs.succeeded.tolist() == [0, 2, 3] and runs[1] is None
    (failure,) = runs.failures
    assert failure.index == 1 and failure.parameters == {"a": -3.0} and failure.cause
    assert "point 1 (a=-3)" in str(failure) and "point 1 (a=-3)" in repr(runs)
    table = runs.to_xarray()
    assert table.sizes["a"] == 3
    kept = runs.select([0, 1])
    assert kept.failures[0].index == 1


def test_all_failing_raises_with_the_causes(system):
    with pytest.raises(SolveError, match=r"All 2 runs of the sweep failed:\n  point 0 \(a=-3\)"):
        sweep(system, {"a": [-3.0, -4.0]}, (0, 1), max_steps=5000)


def test_tables(system):
    runs = sweep(system, {"a": (0.5, 2), "b": [0.0, 1.0]}, (0, 1), n=3, t_eval=TIMES)
    table = runs.to_xarray()
    assert dict(table.sizes) == {"a": 3, "b": 2, "t": 5}
    np.testing.assert_allclose(table.x.sel(a=0.5, b=0.0).transpose("t"), runs[0]["x"])
    scattered = sweep(system, {"a": (0.5, 2)}, (0, 1), sampling="latin", n=3, rng=0, t_eval=TIMES).to_xarray()
    assert scattered.sizes["sample"] == 3 and scattered.a.dims == ("sample",)
    uneven = sweep(system, {"a": [0.5, 20]}, (0, 1))
    with pytest.raises(UnsupportedError, match="Give t_eval= to sweep"):
        uneven.to_xarray()


def test_tables_hold_every_run_and_what_the_records_share(system):
    runs = sweep(system, {"a": [2.0, 0.5], "b": [1.0]}, (0, 1), t_eval=TIMES)
    table = runs.select([0, 1]).to_xarray()
    single = runs[0].to_xarray()
    assert set(table.data_vars) == set(single.data_vars) and table.x.attrs == single.x.attrs
    for i, a in enumerate((2.0, 0.5)):
        np.testing.assert_array_equal(table.x.isel(sample=i), runs[i]["x"])
        assert table.a.values[i] == a
    assert table.attrs["method"] == single.attrs["method"] and "parameters" not in table.attrs


def test_finished_runs_are_found_again(system, tmp_path, monkeypatch):
    solved = []

    def counting(system, t_span, point, options):
        solved.append(point["a"])
        return solve_record(system, t_span, point, options)

    monkeypatch.setattr(module, "solve_record", counting)
    first = sweep(system, {"a": [0.5, 1.0]}, (0, 1), t_eval=TIMES, directory=tmp_path)
    more = sweep(decay(), {"a": [1.0, 0.5, 2.0]}, (0, 1), t_eval=TIMES, directory=tmp_path)
    assert sorted(solved) == [0.5, 1.0, 2.0]
    np.testing.assert_array_equal(more[0].y, first[1].y)
    assert more[0].method == first[1].method and more[0].success
    sweep(system, {"a": [0.5]}, (0, 1), t_eval=TIMES, directory=tmp_path, rtol=1e-8)
    sweep(decay(start=2.0), {"a": [0.5]}, (0, 1), t_eval=TIMES, directory=tmp_path)
    assert len(solved) == 5, "another tolerance or start is another run"
    for file in tmp_path.glob("run-*.npz"):
        file.write_bytes(file.read_bytes()[:100])
    sweep(system, {"a": [0.5, 1.0]}, (0, 1), t_eval=TIMES, directory=tmp_path)
    assert len(solved) == 7, "files cut short are run again"
    assert not list(tmp_path.glob(".*.part"))


def test_an_interrupt_keeps_what_was_computed(system, tmp_path, monkeypatch):
    def interrupting(system, t_span, point, options):
        if point["a"] == 2.0:
            raise KeyboardInterrupt
        return solve_record(system, t_span, point, options)

    monkeypatch.setattr(module, "solve_record", interrupting)
    points = {"a": [1.0, 2.0, 0.5, 0.6, 0.7]}
    runs = sweep(system, points, (0, 1), t_eval=TIMES, directory=tmp_path, workers=1)
    assert runs.interrupted and 0 in runs.succeeded and runs[1] is None
    assert all("interrupted" in f.cause for f in runs.failures) and runs.failures
    monkeypatch.setattr(module, "solve_record", solve_record)
    again = sweep(system, points, (0, 1), t_eval=TIMES, directory=tmp_path)
    assert len(again.succeeded) == 5


def test_an_interrupt_inside_the_first_run_stops_the_sweep(system):
    def press(t, y):
        raise KeyboardInterrupt

    runs = sweep(system, {"a": [1.0, 2.0]}, (0, 1), callback=press)
    assert runs.interrupted and not len(runs.succeeded)
    assert "Interrupted at t" in runs.failures[0].cause and runs.failures[0].partial is not None
    assert "the sweep was interrupted" in runs.failures[1].cause


def test_events_and_dense_output_are_kept_in_this_process(system):
    def half(t, y):
        return y[0] - 0.5

    runs = sweep(system, {"a": [1.5, 2.0]}, (0, 1), events=half, dense_output=True)
    assert runs[1].t_events[0] == pytest.approx([0.5], rel=1e-3)
    assert runs[1].sol(0.5) == pytest.approx([0.5], rel=1e-3)


class Elsewhere(Executor):
    """Runs at once, but only what survives pickling: like another process without its start-up time."""

    def __init__(self):
        self.submitted = 0

    def submit(self, function, /, *arguments):
        import pickle

        self.submitted += 1
        function, arguments = pickle.loads(pickle.dumps((function, arguments)))
        future = Future()
        try:
            future.set_result(pickle.loads(pickle.dumps(function(*arguments))))
        except Exception as error:
            future.set_exception(error)
        return future


def test_executors(system):
    here = sweep(system, {"a": (0.5, 2)}, (0, 1), n=3, t_eval=TIMES)
    away = Elsewhere()
    there = sweep(system, {"a": (0.5, 2)}, (0, 1), n=3, t_eval=TIMES, executor=away)
    assert away.submitted == 3
    with ThreadPoolExecutor(2) as pool:
        threads = sweep(system, {"a": (0.5, 2)}, (0, 1), n=3, t_eval=TIMES, executor=pool)
        assert pool.submit(int, 3).result() == 3, "the user's pool stays open"
    for a, b, c in zip(here.solutions, there.solutions, threads.solutions, strict=True):
        np.testing.assert_array_equal(a.y, b.y)
        np.testing.assert_array_equal(a.y, c.y)
        assert b.system is system


@pytest.mark.slow
def test_processes(system):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        away = sweep(system, {"a": (0.5, 2)}, (0, 1), n=3, t_eval=TIMES, executor=pool)
    here = sweep(system, {"a": (0.5, 2)}, (0, 1), n=3, t_eval=TIMES)
    for a, b in zip(here.solutions, away.solutions, strict=True):
        np.testing.assert_array_equal(a.y, b.y)


def test_what_cannot_travel_is_named():
    x = rz.fields("x")
    local = 2.0
    a = rz.params("a", default=1.0)
    problem = rz.Problem([rz.Eq(rz.dt(x), -a * x)], initial={x: lambda: local})
    with pytest.raises(OptionError, match="cannot travel to another process"):
        recipe_of(problem.discretize(rz.Pointwise()))
    import pickle

    again = rebuild(pickle.loads(recipe_of(decay())))
    assert again.rhs(0.0, [2.0])[0] == -4.0


def test_mistakes(system):
    with pytest.raises(ParameterError, match="no parameter 'rate'"):
        sweep(system, {"rate": (0, 1)}, (0, 1))
    with pytest.raises(ParameterError, match="range of a is empty"):
        sweep(system, {"a": (1, 1)}, (0, 1))
    with pytest.raises(OptionError, match="rtoll"):
        sweep(system, {"a": (0.5, 1)}, (0, 1), rtoll=1e-6)
    with pytest.raises(OptionError, match="params= itself"):
        sweep(system, {"a": (0.5, 1)}, (0, 1), params={"b": 1})
    with pytest.raises(OptionError, match="a Problem or a System, not int"):
        sweep(3, {"a": (0.5, 1)}, (0, 1))
    x = rz.fields("x")
    a, b = rz.params("a b")
    bare = rz.Problem([rz.Eq(rz.dt(x), -a * x + b)], initial={x: 1})
    with pytest.raises(ParameterError, match="b has no value"):
        sweep(bare, {"a": (0.5, 1)}, (0, 1))


def test_hashes_know_what_matters(tmp_path):
    one = decay()
    assert fingerprint(one) == fingerprint(decay())
    assert fingerprint(one) != fingerprint(decay(rate=3.0))

    def event(t, y):
        return y[0] - 0.5

    def other(t, y):
        return y[0] - 0.25

    assert digest(event) == digest(event) != digest(other)
    assert digest(np.arange(3.0)) != digest(np.arange(3)) != digest([0, 1, 2])
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    store = Store(tmp_path / "deep" / "er", one, (0, 1), None, {"rtol": 1e-3, "progress": True})
    same = Store(tmp_path, one, (0, 1), None, {"rtol": 1e-3, "progress": False})
    p = one.parameter_values()
    assert store.path(p).name == same.path(p).name
    assert store.load(tmp_path / "nothing.npz") is None
    record = Record(TIMES, np.ones((1, 5)), p, {"success": True})
    store.save(store.path(p), record)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(store.load(store.path(p)).y, record.y)
