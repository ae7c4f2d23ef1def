"""Operators in the derivatives and the inverse Laplacian."""

from __future__ import annotations

import pickle
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from ritz.symbolic.modular import PRIME
from ritz.symbolic.multiplier import Multiplier

ONE = Multiplier.one()
INVERSE = Multiplier.inverse_laplacian()
exponents = st.tuples(*[st.integers(0, 3)] * 3, st.integers(0, 2))
numbers = st.fractions(min_value=-5, max_value=5, max_denominator=6)
multipliers = st.dictionaries(exponents, numbers, max_size=4).map(Multiplier)
WAVES = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0], [0.5, 2.0, 4.0]])
RESIDUES = np.array([[5, 11, PRIME - 3], [7, 1, 12345], [2, 9, 99]])


@settings(max_examples=40, deadline=None)
@given(multipliers, multipliers, numbers)
def test_algebra_agrees_with_values(left: Multiplier, right: Multiplier, number: Fraction) -> None:
    combined = left * right + number * left - right
    x, y = left.numeric(WAVES), right.numeric(WAVES)
    np.testing.assert_allclose(combined.numeric(WAVES), x * y + float(number) * x - y, rtol=1e-10, atol=1e-9)
    x, y = left.modulo(RESIDUES), right.modulo(RESIDUES)
    scale = number.numerator * pow(number.denominator, -1, PRIME)
    np.testing.assert_array_equal(combined.modulo(RESIDUES), (x * y % PRIME + scale % PRIME * x - y) % PRIME)


@settings(max_examples=40, deadline=None)
@given(multipliers)
def test_simplified_is_equal_away_from_the_mean(multiplier: Multiplier) -> None:
    simple = multiplier.simplified(3)
    np.testing.assert_array_equal(simple.modulo(RESIDUES), multiplier.modulo(RESIDUES))
    assert simple.simplified(3) == simple


def test_equal_operators_become_equal_objects() -> None:
    laplacian = ONE.laplacian(2)
    assert (laplacian * INVERSE).simplified(2) == ONE
    assert (laplacian * INVERSE).simplified(3) != ONE
    left = (ONE - INVERSE.derivative(0, 2)).simplified(2)
    assert left == INVERSE.derivative(1, 2)
    assert hash(left) == hash(INVERSE.derivative(1, 2))
    assert INVERSE.derivative(0, 2).simplified(1) == ONE


def test_values_on_modes() -> None:
    kx, ky = np.meshgrid(np.arange(3.0), np.arange(2.0))
    np.testing.assert_allclose(ONE.derivative(0, 3).numeric([kx, ky]), -1j * kx**3)
    inverse = INVERSE.numeric([kx, ky])
    assert inverse[0, 0] == 0
    np.testing.assert_allclose(inverse[1], -1 / (kx[1] ** 2 + 1))
    np.testing.assert_allclose(ONE.laplacian(2).symbol([kx, ky]), kx**2 + ky**2)
    assert Multiplier.mean(2).numeric([kx, ky])[0, 0] == 1
    np.testing.assert_allclose(Multiplier.mean(2).numeric([kx, ky]).ravel()[1:], 0, atol=1e-15)


def test_waves_are_broadcast() -> None:
    values = ONE.derivative(0).derivative(1).numeric([np.ones((3, 1)), np.ones((1, 4))])
    assert values.shape == (3, 4)


def test_text() -> None:
    assert str(Multiplier()) == "0"
    assert str(ONE) == "1"
    assert str(-ONE) == "-1"
    assert str(ONE.derivative(0, 2) - 2 * INVERSE.derivative(1) * Fraction(1, 3)) == "dx^2 - 2/3*dy*lap^-1"
    assert repr(ONE.derivative(2)) == "Multiplier(dz)"


def test_exact_coefficients_only() -> None:
    assert ONE * sp.Rational(1, 2) == ONE * Fraction(1, 2)  # type: ignore[operator]
    with pytest.raises(TypeError, match="exact"):
        ONE * 0.5  # type: ignore[operator]
    with pytest.raises(ValueError, match="non-negative"):
        Multiplier({(-1, 0, 0, 0): 1})
    with pytest.raises(ValueError, match="axis"):
        ONE.derivative(3)
    with pytest.raises(ValueError, match="wave numbers"):
        ONE.derivative(2).numeric(WAVES[:2])


def test_immutable_and_picklable() -> None:
    operator = ONE.derivative(0) + 3 * INVERSE
    with pytest.raises(AttributeError, match="immutable"):
        operator.terms = {}  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(operator)) == operator


def test_properties() -> None:
    operator = ONE.derivative(0, 3) + INVERSE.derivative(1) + 5 * ONE
    assert operator.orders == (-1, 0, 3)
    assert operator.depth == 1
    assert operator.at_mean == 5
    assert operator
    assert not Multiplier.zero()
