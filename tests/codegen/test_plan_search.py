"""The search for the quickest kernels of a transform: a fake clock instead of time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from math import prod

import numpy as np
import pytest

import ritz as rz
from ritz.codegen import native
from ritz.codegen.transforms import TransformShape, choose_provider, generated, provider, search
from ritz.codegen.transforms.passes import fours, radices, smallest_first
from ritz.errors import OptionValueError

SHAPE = TransformShape((32, 48), (10, 15))


@pytest.fixture()
def measuring(tmp_path, monkeypatch):
    """An empty cache, planning by "measure", and eight lanes on every machine."""
    monkeypatch.setenv("RITZ_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(native, "lanes", lambda: 8)
    rz.cache.planning("measure")
    yield tmp_path / "kernels"
    rz.cache.planning("estimate")


class Clock:
    """Time that only runs pass: each candidate has its own duration."""

    def __init__(self, monkeypatch, durations):
        self.now, self.durations, self.made = 0.0, durations, []
        monkeypatch.setattr(search, "clock", lambda: self.now)

    def run(self, candidate):
        self.made.append(candidate)

        def run(count):
            self.now += count * self.durations[candidate]

        return run


def plans(folder):
    return list(folder.glob("plan_*.json"))


def test_the_quickest_is_taken_and_remembered(measuring, monkeypatch):
    clock = Clock(monkeypatch, {"a": 3.0, "b": 1.0, "c": 2.0})
    assert search.quickest(["a", "b", "c"], clock.run) == "b" and clock.made == ["a", "b", "c"]
    assert search.quickest(["a", "b", "c"], clock.run) == "b" and len(clock.made) == 3  # from the disk
    assert json.loads(plans(measuring)[0].read_text())["seconds"] == {"'a'": 3.0, "'b'": 1.0, "'c'": 2.0}
    assert search.quickest(["a", "c"], clock.run) == "c" and len(plans(measuring)) == 2


def test_the_rule_stands_unless_clearly_beaten(measuring, monkeypatch):
    clock = Clock(monkeypatch, {"a": 1.0, "b": 0.98})
    assert search.quickest(["a", "b"], clock.run) == "a"


def test_by_default_nothing_is_timed(measuring, monkeypatch):
    clock = Clock(monkeypatch, {"a": 3.0, "b": 1.0})
    rz.cache.planning("estimate")
    assert search.quickest(["a", "b"], clock.run) == "a" and not clock.made and not plans(measuring)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"winner": 3}', '{"winner": "z"}', '{"loser": "b"}', "\x00\xff"])
def test_a_damaged_or_foreign_plan_is_made_again(text, measuring, monkeypatch):
    clock = Clock(monkeypatch, {"a": 3.0, "b": 1.0})
    search.quickest(["a", "b"], clock.run)
    (file,) = plans(measuring)
    file.write_text(text, encoding="latin-1")
    assert search.quickest(["a", "b"], clock.run) == "b" and len(clock.made) == 4
    assert json.loads(file.read_text())["winner"] == "'b'"


def test_a_plan_for_another_processor_is_not_found(measuring, monkeypatch):
    clock = Clock(monkeypatch, {"a": 3.0, "b": 1.0})
    search.quickest(["a", "b"], clock.run)
    monkeypatch.setattr(native, "_processor", lambda: ("another", ""))
    clock.durations["a"] = 0.5
    assert search.quickest(["a", "b"], clock.run) == "a" and len(plans(measuring)) == 2


def test_without_a_place_to_remember_the_rule_decides(measuring, monkeypatch):
    clock = Clock(monkeypatch, {"a": 3.0, "b": 1.0})
    measuring.parent.joinpath("file").write_text("")
    monkeypatch.setenv("RITZ_CACHE_DIR", str(measuring.parent / "file"))
    assert search.quickest(["a", "b"], clock.run) == "a" and not clock.made


def test_a_clock_that_stands_still_leaves_the_rule(measuring, monkeypatch):
    clock = Clock(monkeypatch, {"a": 0.0, "b": 0.0})
    assert search.quickest(["a", "b"], clock.run) == "a"


@pytest.mark.parametrize("direction", ["inverse", "forward"])
@pytest.mark.parametrize("points", [(256,), (32, 48), (64, 64), (16, 32, 24)])
def test_every_candidate_is_the_same_transform(points, direction, measuring):
    shape = TransformShape(points, tuple((n - 1) // 3 for n in points))
    if len(points) == 1:
        plans = [generated._line_plan(k) for k in generated._lines(shape, direction)]
    else:
        plans = [generated._box_plan(k, 1) for k in generated._distinct(generated._boxes(shape, direction))]
    assert 2 <= len(plans) <= 4
    values = np.random.default_rng(0).standard_normal(points)
    modes = shape.forward(values)
    source, wanted = (values, modes) if direction == "forward" else (modes, shape.inverse(modes))
    for plan in plans:
        target = np.full_like(wanted, np.nan)
        plan.run([(source.ctypes.data, target.ctypes.data)])
        np.testing.assert_allclose(target, wanted, rtol=0, atol=1e-14)


def test_the_winner_is_what_a_plan_runs(measuring, monkeypatch):
    """Whichever candidate the clock favours, from timing it in a compiled loop to the plan."""
    candidates = generated._distinct(generated._boxes(SHAPE, "inverse"))
    for favoured in candidates:
        for file in plans(measuring):
            file.unlink()
        turns = iter([1.0 if k == favoured else 2.0 for k in candidates])
        monkeypatch.setattr(search, "measured", lambda runs: [run(2) or next(turns) for run in runs])  # noqa: B023
        assert generated.generated_box(SHAPE, "inverse") == favoured
        assert provider("generated")(SHAPE, 1, "inverse").keep[2] is generated._loaded(favoured)


@pytest.mark.parametrize("n", [n for n in range(4, 200) if radices(n, 8)] + [1024, 3600])
def test_other_radices_have_the_same_product(n):
    for lanes in (4, 8):
        for other in (smallest_first, fours):
            factors = other(n, lanes)
            assert factors is None or prod(factors) == n and max(factors) <= 8 and len(factors) > 1


def test_the_reason_tells_of_timing(measuring):
    assert "timed" in choose_provider("auto", SHAPE)[1]
    rz.cache.planning("estimate")
    assert "timed" not in choose_provider("auto", SHAPE)[1]


def test_planning_is_set_by_name_or_environment(monkeypatch):
    with pytest.raises(OptionValueError, match="planning must be 'estimate' or 'measure'; found 'patient'"):
        rz.cache.planning("patient")
    show = [sys.executable, "-c", "import ritz; print(ritz.cache.planning())"]
    for value, words in (("measure", "measure"), ("", "estimate"), ("often", "RITZ_PLANNING must be")):
        done = subprocess.run(show, env={**os.environ, "RITZ_PLANNING": value}, capture_output=True, text=True)
        assert words in done.stdout + done.stderr
