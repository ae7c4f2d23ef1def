"""What cannot be traced is refused with the line it stands in and a way out."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

import ritz as rz
from ritz.errors import InitialValueError, OptionError, ParameterError, ProblemError, RitzWarning, UnsupportedError

RANDOM = np.random.default_rng(3)


def branch(t, u):
    if u[0] > 0:
        return u
    return -u


def while_loop(t, u):
    while np.max(u) > 1:
        u = u / 2
    return u


def plain_number(t, u):
    return u * float(np.sum(u))


def plain_array(t, u):
    out = np.zeros(20)
    out[1:] = u[1:] - u[:-1]
    return out


def plain_in_place(t, u):
    out = np.zeros(20)
    out += u
    return out


def random(t, u):
    return u + RANDOM.standard_normal(20)


def changes_input(t, u):
    u[0] = 0.0
    return u


def changes_part_of_input(t, u):
    first = u[:5]
    first *= 2.0
    return u


def whole_numbers(t, u):
    return u.astype(np.int32) * u


def unfilled(t, u):
    out = np.empty_like(u)
    out[1:-1] = u[2:] - u[:-2]
    return out


def one_by_one(t, u):
    return np.array([x**2 for x in u])


def plain_function(t, u):
    return u * math.sin(t)


REFUSED = {
    "math": (plain_function, ["`return u * math.sin(t)`", "np.sin and not math.sin"]),
    "branch": (
        branch,
        [f"line {branch.__code__.co_firstlineno + 1} of test_traced_mistakes.py (`if u[0] > 0:`)", "np.where("],
    ),
    "while": (while_loop, ["`while np.max(u) > 1:`", "np.where"]),
    "float": (plain_number, ["`return u * float(np.sum(u))`", "Leave out float(...)"]),
    "plain array": (plain_array, ["`out[1:] = u[1:] - u[:-1]`", "np.zeros_like(u)"]),
    "plain += ": (plain_in_place, ["`out += u`", "np.zeros_like(u)"]),
    "random": (random, ["random gives another result for u", "drawn outside"]),
    "input": (changes_input, ["changes its argument u in place", "`u[0] = 0.0`", "u = u.copy()"]),
    "view of input": (changes_part_of_input, ["changes its argument u in place", "`first *= 2.0`"]),
    "integers": (whole_numbers, ["astype(int32)", "float64", "np.floor"]),
    "unfilled": (unfilled, ["time derivative of u has entries that come from np.empty_like", "np.zeros_like"]),
    "one by one": (one_by_one, ["runs through the 20 entries", "slices"]),
    "fft": (lambda t, u: np.fft.rfft(u).real, ["np.fft.rfft", "rz.Fourier(...)"]),
    "sort": (lambda t, u: np.sort(u), ["np.sort", "depends on values", "np.maximum"]),
    "cumsum": (lambda t, u: np.cumsum(u), ["np.cumsum", "matrix @ u"]),
    "solve": (lambda t, u: np.linalg.solve(np.eye(20), u), ["np.linalg.solve", "outside the function"]),
    "misspelt ufunc": (lambda t, u: np.spacing(u), ["np.spacing", "is not supported"]),
    "accumulate": (lambda t, u: np.add.accumulate(u), ["np.add.accumulate", "np.sum"]),
    "ufunc dtype": (lambda t, u: np.add(u, u, dtype=np.float32), ["always float64"]),
    "traced index": (lambda t, u: u[u > 0], ["used as an index", "np.where"]),
    "out of bounds": (lambda t, u: u + u[20], ["Index 20 is out of bounds", "length 20", "too small for the stencil"]),
    "several index arrays": (lambda t, u: u[:, None][[1, 2], [0, 0]], ["Several index arrays"]),
    "shapes": (lambda t, u: u[1:] - u, ["(19,) and (20,)", "slice off by one"]),
    "assigned shape": (lambda t, u: assigned(u), ["Values of shape (18,)", "part of shape (19,)"]),
    "reshape": (lambda t, u: u.reshape(2, 10), ["(20,) to (2, 10)", "rz.trace(f, y=(2, 128, 128))"]),
    "complex": (lambda t, u: np.exp(1j * u).real, ["complex128", "only real ones"]),
    "strings": (lambda t, u: u.tolist(), [".tolist", "cannot be traced"]),
    "pad mode": (lambda t, u: np.pad(u, 1, mode="median")[1:-1], ["mode='median'", "wrap"]),
    "roll without axis": (lambda t, u: np.roll(u[:, None] * u, 1)[0], ["Pass axis="]),
    "isnan": (lambda t, u: np.where(np.isnan(u), 0, u), ["np.isnan", "stops by itself"]),
    "einsum": (lambda t, u: np.einsum("ii->i", u[:, None] * u), ["np.einsum('ii->i')", "products and sums"]),
}


def assigned(u):
    out = np.zeros_like(u)
    out[1:] = u[2:]
    return out


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_the_line_and_a_way_out(name):
    program, words = REFUSED[name]
    with pytest.raises(UnsupportedError) as caught:
        rz.trace(program, u=(20,))
    for word in words:
        assert word in str(caught.value)
    assert "line" in str(caught.value) or name in ("random", "unfilled")


def test_too_small_a_grid_for_the_stencil():
    def five_points(t, u):
        out = np.zeros_like(u)
        out[2:-2] = u[4:] - 2 * u[2:-2] + u[:-4]
        return out

    rz.trace(five_points, u=(5,))
    with pytest.raises(UnsupportedError, match="too small for the stencil"):
        rz.trace(lambda t, u: u[3] - u[:3], u=(3,))


@pytest.mark.parametrize(
    "program, fields, words",
    [
        (lambda t, u: u[1:], {"u": (20,)}, "time derivative of u has shape (19,), but u has shape (20,)"),
        (lambda t, u: None, {"u": (20,)}, "returns nothing"),
        (lambda t, u, v: u, {"u": (20,), "v": (20,)}, "must return the time derivatives of u, v"),
        (lambda t, u, v: {"u": u}, {"u": (20,), "v": (20,)}, "returns nothing for 'v'"),
        (lambda t, u, v: {"u": u, "v": v, "w": v}, {"u": (20,), "v": (20,)}, "'w', which is no field"),
        (lambda t, u, a: u, {"u": (20,)}, "'a' is no field or parameter: give it in parameters="),
        (lambda u: u, {"u": (20,), "v": (3,)}, "takes the arguments (u)"),
    ],
)
def test_what_does_not_fit_the_fields(program, fields, words):
    with pytest.raises(ProblemError) as caught:
        rz.trace(program, **fields)
    assert words in str(caught.value)


def test_misspelt_parameter():
    def decay(t, u, rate):
        return -rate * u

    with pytest.raises(ProblemError, match="no argument 'rat'. Did you mean 'rate'"):
        rz.trace(decay, u=(20,), parameters={"rat": 1.0})


def test_a_result_without_the_state_is_warned_about():
    with pytest.warns(RitzWarning, match="does not depend on u at all"):
        rz.trace(lambda t, u: np.ones_like(u), u=(20,))


def test_good_programs_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rz.trace(lambda t, u, a: np.log(u - 2) + a, u=(20,), parameters=["a"])  # NaN on the numbers of the comparison


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({}, OptionError, "shape of every field by name"),
        ({"u": "20"}, OptionError, "takes the shape of an array"),
        ({"u": (20, -1)}, OptionError, "takes the shape of an array"),
        ({"u": (20,), "parameters": {"a": [1, 2]}}, ParameterError, "a must be a number"),
        ({"u": (20,), "parameters": {"a": np.nan}}, ParameterError, "not a finite number"),
        ({"u": (20,), "initial": np.ones(19)}, InitialValueError, "has shape (19,); u has shape (20,)"),
        ({"u": (20,), "initial": {"w": np.ones(20)}}, InitialValueError, "no field 'w'"),
        ({"u": (20,), "coordinates": {"x": np.ones(19)}}, InitialValueError, "do not fit the grid of shape (20,)"),
    ],
)
def test_wrong_options(options, error, words):
    with pytest.raises(error) as caught:
        rz.trace(lambda t, u, a=1.0: u, **options)
    assert words in str(caught.value)


def test_missing_values_when_solving():
    system = rz.trace(lambda t, u, a: -a * u, u=(20,), parameters=["a"])
    with pytest.raises(InitialValueError, match="no initial values of u"):
        rz.solve(system, (0, 1), params={"a": 1.0})
    with pytest.raises(ParameterError, match="a has no value"):
        rz.solve(system, (0, 1), y0={"u": np.ones(20)})


def test_a_shape_of_an_array_argument_is_plain():
    """What NumPy programs do with shapes and lengths works as ever."""

    def program(t, u):
        n, m = u.shape
        assert len(u) == n and u.size == n * m and u.ndim == 2 and u.dtype == float
        return u / np.size(u) + np.shape(u)[0]

    assert np.allclose(rz.trace(program, u=(9, 10)).rhs_numpy(0.0, np.ones(90)), 9 + 1 / 90)
