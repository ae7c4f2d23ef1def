"""Empirical cubature against sums that it must meet."""

import numpy as np
import pytest

from ritz.reduced_order.cubature import Cubature


def contributions(rank=12, cells=400, seed=0):
    """Sums whose cells differ smoothly, as in fields, with singular values that fall."""
    x = (np.arange(cells) + 0.5) / cells
    rng = np.random.default_rng(seed)
    functions = np.array([np.cos(k * np.pi * x + rng.random()) * 0.3**k for k in range(rank)])
    return rng.normal(size=(60, rank)) @ functions


@pytest.mark.parametrize("tol", [1e-1, 1e-3, 1e-6, 1e-10])
def test_the_tolerance_is_met_with_few_cells(tol):
    given = contributions()
    rule = Cubature(tol).fit(given)
    assert rule.weights_.min() >= 0
    assert np.array_equal(rule.cells_, np.flatnonzero(rule.weights_))
    sums = given.sum(axis=1)
    error = np.linalg.norm(given @ rule.weights_ - sums) / np.linalg.norm(sums)
    assert error <= tol
    assert np.isclose(rule.error_, error, rtol=1e-6, atol=1e-15)
    assert len(rule.cells_) <= 12


def test_more_accuracy_takes_more_cells():
    given = contributions()
    counts = [len(Cubature(tol).fit(given).cells_) for tol in (1e-1, 1e-3, 1e-6)]
    assert counts == sorted(set(counts))


def test_polynomials_are_integrated_exactly():
    x, w = np.polynomial.legendre.leggauss(60)
    rows = w * np.array([x**k for k in range(8)])
    rule = Cubature(1e-12).fit(rows)
    assert len(rule.cells_) <= 8
    exact = np.array([2 / (k + 1) if k % 2 == 0 else 0 for k in range(8)])
    assert np.abs(rows @ rule.weights_ - exact).max() < 1e-11


def test_sums_that_vanish_need_no_cell():
    rule = Cubature().fit(np.array([[1.0, -1.0], [2.0, -2.0]]))
    assert not rule.weights_.any() and rule.error_ == 0


def test_noise_needs_no_more_cells_than_conditions():
    given = np.random.default_rng(2).normal(size=(30, 200)) + 0.2
    rule = Cubature(1e-9).fit(given)
    assert rule.error_ <= 1e-9
    assert len(rule.cells_) <= 30
