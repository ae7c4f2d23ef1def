"""Parameter points: grids, hypercubes, lists; training and held-back points; mistakes named by the user's symbols."""

from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp

from ritz.errors import OptionError, ParameterError
from ritz.reduced_order.sampling import draw
from ritz.reduced_order.training import training_points

SYSTEM = SimpleNamespace(
    parameters=[
        SimpleNamespace(name="nu", bounds=(0.0, 1.0), default=0.1),
        SimpleNamespace(name="force", bounds=None, default=None),
    ]
)
NU, FORCE = sp.symbols("nu force")


def test_grid_runs_through_all_combinations_last_parameter_fastest():
    found = draw(SYSTEM, {NU: (0, 1), FORCE: [2.0, 3.0]}, n={NU: 3})
    assert found.names == ("nu", "force") and found.shape == (3, 2)
    np.testing.assert_allclose(found.values[:3], [[0, 2], [0, 3], [0.5, 2]])
    np.testing.assert_allclose(found.box, [[0, 1], [2, 3]])
    assert found.point(1) == {"nu": 0.0, "force": 3.0}
    assert len(draw(SYSTEM, {"nu": (0, 1), "force": (0, 1)}, n=(2, 4)).values) == 8
    assert len(draw(SYSTEM, {"nu": (0, 1), "force": 7}).values) == 5


@pytest.mark.parametrize("sampling", ["latin", "sobol"])
def test_random_points_fill_the_box_and_repeat_with_the_seed(sampling):
    ranges = {"nu": (0.2, 0.4), "force": [1, 5, 9]}
    first = draw(SYSTEM, ranges, sampling=sampling, n=12, rng=3)
    second = draw(SYSTEM, ranges, sampling=sampling, n=12, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(first.values, second.values)
    assert first.values.shape == (12, 2) and first.shape is None
    assert set(first.values[:, 1]) == {1, 5, 9}
    cells = np.floor((first.values[:, 0] - 0.2) / 0.2 * 4)
    assert set(cells) == {0, 1, 2, 3}
    assert draw(SYSTEM, ranges, sampling=sampling).values.shape == (20, 2)


def test_listed_points():
    rows = draw(SYSTEM, [{NU: 0.1, FORCE: 1}, {"force": 2, "nu": 0.3}])
    np.testing.assert_allclose(rows.values, [[0.1, 1], [0.3, 2]])
    assert rows.box is None
    array = draw(SYSTEM, ["nu", "force"], sampling=[[0.1, 1], [0.3, 2]])
    np.testing.assert_allclose(array.values, rows.values)
    assert draw(SYSTEM, [NU], sampling=[0.1, 0.2]).values.shape == (2, 1)


@pytest.mark.parametrize(
    ("parameters", "options", "message"),
    [
        ({"nuu": (0, 1)}, {}, r"no parameter 'nuu'. Did you mean 'nu'\? It has: nu, force"),
        ({"nu": (0.5, 0.5)}, {}, r"range of nu is empty: \(0.5, 0.5\)"),
        ({"nu": (0.6, 0.1)}, {}, "low < high"),
        ({"nu": []}, {}, "list of values for nu is empty"),
        ({"nu": (0, 2)}, {}, r"nu = 2 lies outside its bounds \[0, 1\]"),
        ({"nu": (0, np.inf)}, {}, "must be finite"),
        ({"nu": ("a", "b")}, {}, "must hold numbers"),
        ({}, {}, "No parameter to vary"),
        ({"nu": (0, 1)}, {"n": 0}, "positive whole number"),
        ({"nu": (0, 1)}, {"n": (2, 3)}, "along each of nu"),
        ({"nu": (0, 1)}, {"n": 2.5, "sampling": "latin"}, "positive whole number"),
        ([{"nu": 0.1}, {"force": 1}], {}, "Point 1 gives force; point 0 gives nu"),
        ([], {}, "list of points"),
        (["nu"], {"sampling": [[0.1, 0.2]]}, r"array \(n, 1\)"),
        ([{"nu": 0.1, NU: 0.2}], {}, "given twice"),
    ],
)
def test_mistakes(parameters, options, message):
    with pytest.raises(ParameterError, match=message):
        draw(SYSTEM, parameters, **options)


def test_unknown_sampling_is_named():
    with pytest.raises(OptionError, match="Did you mean 'sobol'"):
        draw(SYSTEM, {"nu": (0, 1)}, sampling="sobl")


def test_training_points_hold_the_ends_and_the_held_back_lie_inside():
    one, count = training_points(SYSTEM, {"nu": (0.2, 0.6)}, None, None, 0)
    assert count == 8 and len(one.values) == 10
    assert one.values[0, 0] == 0.2 and one.values[7, 0] == 0.6
    two, count = training_points(SYSTEM, {"nu": (0.2, 0.6), "force": (1, 2)}, 12, 3, 0)
    assert count == 12 and len(two.values) == 15
    corners = {tuple(row) for row in two.values[:12]}
    assert {(0.2, 1.0), (0.6, 2.0)} <= corners
    assert ((two.values >= two.box[:, 0]) & (two.values <= two.box[:, 1])).all()
    mixed, count = training_points(SYSTEM, {"nu": (0.2, 0.6), "force": [1, 2]}, 3, 0, 0)
    assert count == 6 == len(mixed.values) and mixed.box is None
    none, count = training_points(SYSTEM, {}, None, None, 0)
    assert count == 1 and none.values.shape == (1, 0)
    with pytest.raises(ParameterError, match="n_train must be a whole number, at least 1; found 0"):
        training_points(SYSTEM, {"nu": (0, 1)}, 0, None, 0)
    with pytest.raises(OptionError, match="mapping of parameters to ranges, or a Sweep"):
        training_points(SYSTEM, [1, 2], None, None, 0)
    with pytest.raises(ParameterError, match="nu = 2 lies outside its bounds"):
        training_points(SYSTEM, {"nu": (0, 2)}, None, None, 0)
