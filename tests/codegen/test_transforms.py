"""Pruned transforms of every provider against NumPy, over sizes, batches and kinds."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritz.codegen.transforms import PROVIDERS, TransformShape, provider
from ritz.errors import OptionError

CALL = ctypes.CFUNCTYPE(None, *[ctypes.c_ssize_t] * 3)


def run(name, shape, direction, source, target, times=1):
    plan = provider(name)(shape, len(source), 1, direction)
    for _ in range(times):
        CALL(plan.function)(plan.address, source.ctypes.data, target.ctypes.data)


@st.composite
def shapes(draw):
    points = tuple(draw(st.lists(st.integers(4, 24), min_size=1, max_size=3)))
    cutoff = tuple(draw(st.integers(1, (n - 1) // 2)) for n in points)
    return TransformShape(points, cutoff, draw(st.booleans()))


@pytest.mark.parametrize("name", PROVIDERS)
@given(shape=shapes(), batch=st.integers(1, 3), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_against_numpy(name, shape, batch, seed):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((batch, *shape.points))
    if not shape.real:
        values = values + 1j * rng.standard_normal(values.shape)
    modes = np.zeros((batch, *shape.modes), dtype=complex)
    run(name, shape, "forward", values, modes, times=2)
    np.testing.assert_allclose(modes, shape.forward(values), rtol=0, atol=2e-15 * np.abs(values).max())
    back = np.zeros_like(values)
    run(name, shape, "inverse", modes, back, times=2)
    np.testing.assert_allclose(back, shape.inverse(modes), rtol=0, atol=1e-14)
    again = np.zeros_like(modes)
    run(name, shape, "forward", back, again)
    np.testing.assert_allclose(again, modes, rtol=0, atol=1e-14)


def test_modes_are_amplitudes():
    shape = TransformShape((16,), (5,))
    x = 2 * np.pi * np.arange(16) / 16
    modes = shape.forward(3.0 + 2 * np.cos(4 * x))
    np.testing.assert_allclose(modes, [3, 0, 0, 0, 1, 0], atol=1e-15)


def test_unknown_provider_offers_the_nearest():
    with pytest.raises(OptionError, match="Did you mean 'rocket'"):
        provider("rockett")


@pytest.mark.parametrize("points", [(12, 10), (9, 15), (8, 6, 10)])
def test_rows_and_columns_shared_by_threads(points):
    shape = TransformShape(points, tuple((n - 1) // 3 for n in points))
    rng = np.random.default_rng(0)
    values = rng.standard_normal((1, *points))
    modes, back = np.zeros((1, *shape.modes), dtype=complex), np.zeros((1, *points))
    for direction, source, target in (("forward", values, modes), ("inverse", modes, back)):
        plan = provider("rocket")(shape, 1, 2, direction)
        for _ in range(2):
            CALL(plan.function)(plan.address, source.ctypes.data, target.ctypes.data)
    np.testing.assert_allclose(modes, shape.forward(values), rtol=0, atol=1e-15)
    np.testing.assert_allclose(back, shape.inverse(modes), rtol=0, atol=1e-14)
