"""Random NumPy programs: what is generated from them computes what they compute, and the derivatives fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from traced_tools import program_of, run_text, steps

import ritz as rz
from ritz.codegen.traced.interior import longest_run

SHAPES = st.sampled_from([(9,), (12,), (17,), (9, 11), (10, 10), (3, 12), (12, 2), (5, 4), (2, 9, 10)])
FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def close(found, expected, tol=1e-13):
    size = max(float(np.abs(expected).max()), 1e-300)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tol * max(size, 1.0))


@FEW
@given(st.data())
def test_loops_agree_with_numpy(data):
    shape = data.draw(SHAPES)
    program = program_of(data.draw(steps(shape)))
    system = rz.trace(program, u=shape, parameters={"a": 0.7}, rewriter=None)
    values = np.random.default_rng(data.draw(st.integers(0, 99))).uniform(0.1, 0.9, shape)
    expected = system.layout.from_fields({"u": program(0.0, values, 0.7)})
    u = system.layout.from_fields({"u": values})
    close(system.rhs_numpy(0.0, u), expected)
    close(run_text(system, "rhs", 0.0, u), expected)


@FEW
@given(st.data())
def test_derivatives_of_random_programs(data):
    shape = data.draw(SHAPES)
    program = program_of(data.draw(steps(shape)))
    system = rz.trace(program, u=shape, parameters={"a": 0.7}, rewriter=None)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    u, v, w = rng.uniform(0.1, 0.9, (3, system.layout.size))
    jv = run_text(system, "jvp", 0.0, u, direction=v)
    wj = run_text(system, "vjp", 0.0, u, direction=w)
    matrix = system.jacobian(0.0, u)
    close(matrix @ v, jv, 1e-12)
    close(w @ matrix, wj, 1e-12)
    h = 1e-6
    slope = (system.rhs_numpy(0.0, u + h * v) - system.rhs_numpy(0.0, u - h * v)) / (2 * h)
    np.testing.assert_allclose(jv, slope, rtol=0, atol=1e-6 * max(1.0, np.abs(slope).max()))


@given(
    st.integers(1, 30),
    st.lists(st.integers(0, 29), max_size=3),
    st.sampled_from([1, -1, 2]),
    st.integers(-5, 5),
)
def test_longest_run_is_one_and_no_longer_one_exists(n, cuts, stride, offset):
    mask = np.zeros(n)
    for c in cuts:
        mask[c:] = 1 - mask[c:]
    positions = (stride * np.arange(n) + offset) % (2 * n)
    start, stop = longest_run(n, [mask], [positions])

    def fine(a, b):
        steps_ = np.diff(positions[a:b])
        return len(set(mask[a:b])) <= 1 and (len(steps_) == 0 or len(set(steps_)) == 1)

    assert 0 <= start < stop <= n
    assert fine(start, stop)
    usual = np.diff(positions)
    values, counts = np.unique(usual, return_counts=True)
    for a in range(n):
        for b in range(a + stop - start + 1, n + 1):
            inner = np.diff(positions[a:b])
            assert not (fine(a, b) and np.all(inner == values[np.argmax(counts)]))


@pytest.mark.parametrize("shift", [0, 1, -3, 7, 25])
@pytest.mark.parametrize("axis", [0, 1])
def test_roll_by_any_distance(shift, axis):
    system = rz.trace(lambda t, u: np.roll(u, shift, axis), u=(11, 13), rewriter=None)
    u = np.random.default_rng(0).random((11, 13))
    np.testing.assert_array_equal(run_text(system, "rhs", 0.0, u.ravel()), np.roll(u, shift, axis).ravel())
