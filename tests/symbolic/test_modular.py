"""Exact linear algebra modulo a prime against rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from ritz.symbolic import modular
from ritz.symbolic.modular import PRIME

rng = np.random.default_rng(0)


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=5))
def test_reduced(values: list[int]) -> None:
    assert modular.reduced(np.array(values)).tolist() == [value % PRIME for value in values]


@given(st.fractions(max_denominator=20000, min_value=-1, max_value=1))
def test_rational_round_trip(value: Fraction) -> None:
    assert modular.rational(modular.residue(value)) == value


def test_rational_refuses_large_fractions() -> None:
    assert modular.rational(modular.residue(Fraction(1234, 567)), bound=100) is None
    with pytest.raises(ZeroDivisionError, match="prime"):
        modular.residue(Fraction(1, PRIME))


@pytest.mark.parametrize("size", [5, 1000])
def test_inverse(size: int) -> None:
    values = rng.integers(0, PRIME, size)
    values[0] = 0
    products = modular.reduced(values * modular.inverse(values))
    assert products[0] == 0
    assert np.all(products[1:] == 1)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 10**6))
def test_rank_and_echelon(rows: int, columns: int, seed: int) -> None:
    matrix = np.random.default_rng(seed).integers(-2, 3, (rows, columns))
    exact, pivots = sp.Matrix(matrix).rref()
    reduced, found = modular.echelon(matrix)
    assert tuple(found) == pivots
    assert modular.rank(matrix) == len(pivots)
    assert [[modular.rational(int(x)) for x in row] for row in reduced] == [
        [Fraction(int(x.p), int(x.q)) for x in exact.row(i)] for i in range(rows)
    ]


def test_solve() -> None:
    matrix = np.array([[1, 2, 3], [0, 1, 1], [1, 3, 4]])
    right = np.array([[6], [2], [8]])
    solution = modular.solve(matrix, right)
    assert solution is not None
    np.testing.assert_array_equal(matrix @ solution % PRIME, right)
    assert modular.solve(matrix, np.array([[6], [2], [9]])) is None


def test_solve_stack() -> None:
    matrices = rng.integers(0, PRIME, (4, 6, 3))
    matrices[:, :, 2] = modular.reduced(matrices[:, :, 0] * 7)
    rights = modular.reduced(matrices[:, :, [1]] * 5 + matrices[:, :, [0]])
    solution = modular.solve_stack(matrices, rights)
    assert solution is not None
    np.testing.assert_array_equal(solution[:, :, 0], [[1, 5, 0]] * 4)
    rights[2, 0] += 1
    assert modular.solve_stack(matrices, rights) is None


def test_spans_against_rank() -> None:
    vectors = rng.integers(0, PRIME, (60, 4, 6))
    target = rng.integers(0, PRIME, 6)
    vectors[5, 2] = target
    vectors[6, 1] = modular.reduced(vectors[6, 0] * 3)
    vectors[7, 3] = modular.reduced(vectors[7, 0] + 2 * target)
    vectors[8] = 0
    vectors[9, :2] = target, modular.reduced(target * 9)
    inside, dependent = modular.spans(vectors, target)
    for index, rows in enumerate(vectors):
        rank = modular.rank(rows)
        assert dependent[index] == (rank < 4)
        assert inside[index] == (modular.rank(np.vstack([rows, target])) == rank)
