"""The training region: boxes, hulls, held parameters, times."""

import warnings

import numpy as np
import pytest

from ritz.errors import ExtrapolationWarning
from ritz.reduced_order.region import TrainingRegion

BOX = TrainingRegion(
    ("a", "b"), np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[0.0, 2.0], [1.0, 3.0]]), {"c": 5.0}, (0, 4)
)
HULL = TrainingRegion(("a", "b"), np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), None, {}, (0, 1))


def test_inside_is_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        BOX.warn({"a": 2.0, "b": 1.0, "c": 5.0}, t_span=(0, 4))
        HULL.warn({"a": 0.5, "b": 0.5})
    assert {"a": 0.3, "b": 0.3} in HULL
    assert BOX.distance({"a": 1.0, "b": 1.0, "c": 5.0}) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("region", "point", "message"),
    [
        (BOX, {"a": 2.1, "b": 2.0, "c": 5.0}, r"a = 2.1 is outside \[0, 2\]"),
        (BOX, {"a": 1.0, "b": 2.0, "c": 5.5}, "c = 5.5 was held at 5"),
        (HULL, {"a": 0.9, "b": 0.9}, "outside the convex hull"),
        (HULL, {"a": 0.1, "b": -0.2}, r"b = -0.2 is outside \[0, 1\]"),
    ],
)
def test_outside_warns(region, point, message):
    assert point not in region
    with pytest.warns(ExtrapolationWarning, match=message):
        region.warn(point)


def test_times_outside_warn():
    with pytest.warns(ExtrapolationWarning, match="times 0 to 9 leave the trained span 0 to 4"):
        BOX.warn({"a": 1.0, "b": 2.0, "c": 5.0}, t_span=(0, 9))
