"""Inlined elementary functions against many digits, and at every special value against NumPy."""

import math

import mpmath
import numpy as np
import pytest

from ritz.codegen import elementary
from ritz.codegen.loops import as_f64, compiled
from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite import rewrite

POINTS = 1500
SPECIAL = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e308, -1e308, 5e-324, 1e-310, 709.7, 709.8, -745.0, -746.0, -740.0, 1.0]


def over(function):
    @compiled()
    def loop(source: int, target: int, n: int):
        x, out = as_f64(source), as_f64(target)
        for i in range(n):
            out[i] = function(x[i])

    def run(x):
        x, out = np.array(x, dtype=float), np.empty(len(x))
        loop(x.ctypes.data, out.ctypes.data, len(x))
        return out

    return run


RANGES = [
    ("exp", (-700, 709)), ("exp", (-1, 1)), ("log", (0.6, 1.6)), ("log", (1e-3, 1e3)), ("sin_bounded", (-1, 1)),
    ("sin_bounded", (-1e3, 1e3)), ("cos_bounded", (-4, 4)), ("cos_bounded", (-1e9, 1e9)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "ends"), RANGES, ids=str)
def test_error_is_below_two_units_in_the_last_place(name, ends):
    x = np.random.default_rng(3).uniform(*ends, POINTS)
    ctx = mpmath.MPContext()
    ctx.prec = 200
    exact = getattr(ctx, name.removesuffix("_bounded").replace("log", "ln"))
    for point, found in zip(x, over(getattr(elementary, name))(x)):
        truth = exact(ctx.mpf(float(point)))
        assert abs(ctx.mpf(float(found)) - truth) <= 1.5 * 2.0**-52 * abs(truth)


@pytest.mark.parametrize("name", ["exp", "log"])
def test_special_values_are_those_of_numpy(name):
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(over(getattr(elementary, name))(SPECIAL), getattr(np, name)(SPECIAL), rtol=1e-15)


def test_zeros_of_sine_and_cosine_are_exact_to_rounding():
    k = np.arange(1, 2000)
    np.testing.assert_allclose(over(elementary.sin_bounded)(k * math.pi), np.sin(k * math.pi), rtol=1e-13)
    half = (k + 0.5) * math.pi
    np.testing.assert_allclose(over(elementary.cos_bounded)(half), np.cos(half), rtol=1e-13)


def test_only_bounded_angles_are_marked():
    g = Graph()
    x, y = (g.input(name, "state") for name in "xy")
    roots = [g.func("sin", g.sum([x, x])), g.func("cos", y)]
    count = rewrite(g, roots, assumptions={x: (-1, 1)}).report.after
    assert "sin_bounded" in count and "cos" in count and "cos_bounded" not in count
    assert g.op[rewrite(g, roots, assumptions={x: (-1, 1)}).roots[0]] == "func"
