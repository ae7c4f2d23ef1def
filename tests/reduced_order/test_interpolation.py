"""Empirical interpolation: identities of EIM, bounds and constants of DEIM and Q-DEIM, gappy recovery."""

import json
from pathlib import Path

import numpy as np
import pytest

from ritz.reduced_order.interpolation import DEIM, EIM, add_points, deim_points, qdeim_points
from ritz.reduced_order.pod import POD

CASES = {c["id"]: c for c in json.loads((Path(__file__).parents[1] / "cases" / "rom.json").read_text())["cases"]}
X = np.linspace(-1, 1, 100)[:, None]


def family(mu):
    """The one-dimensional example of Chaturantabut and Sorensen (2010)."""
    return (1 - X) * np.cos(3 * np.pi * mu * (X + 1)) * np.exp(-(1 + X) * mu)


TRAIN, TEST = family(np.linspace(1, np.pi, 51)), family(np.linspace(1, np.pi, 101))


@pytest.mark.parametrize(
    ("method", "rank", "constant"),
    [
        ("deim", 10, 7.1),
        ("deim", 20, 5.7),
        ("deim", 30, 5.2),
        ("qdeim", 10, 4.9),
        ("qdeim", 20, 4.6),
        ("qdeim", 30, 2.3),
    ],
)
def test_deim_constants_errors_and_bound(method, rank, constant):
    deim = DEIM(rank, method=method).fit(TRAIN)
    assert len(set(deim.indices_)) == rank
    guess = deim.predict(TEST[deim.indices_])
    error = np.linalg.norm(TEST - guess, axis=0)
    assert deim.constant_ == pytest.approx(constant, rel=0.02)
    assert np.abs(guess - TEST)[deim.indices_].max() < 1e-11
    assert (error <= deim.error_bound(TEST) * (1 + 1e-8) + 1e-12).all()
    assert error.mean() == pytest.approx({10: 9.7e-2, 20: 1.5e-5, 30: 8e-14}[rank], rel=1.0)
    assert deim.constant_ <= np.sqrt(100 - rank + 1) * np.sqrt(4.0**rank + 6 * rank - 1) / 3
    np.testing.assert_allclose(deim.basis_ @ deim.transform(TEST[deim.indices_]), guess, atol=1e-11)


def test_training_bound_and_weighted_inner_product():
    weights = np.linspace(0.5, 2, 100)
    deim = DEIM(12, weights=weights).fit(TRAIN)
    rest = TRAIN - deim.predict(TRAIN[deim.indices_])
    assert np.sqrt(np.sum(weights[:, None] * rest**2)) <= deim.error_bound_
    errors = np.sqrt(weights @ rest**2)
    assert (errors <= deim.error_bound(TRAIN) + 1e-13).all()
    assert deim.error_bound(TRAIN[:, 0]).shape == ()


def test_qdeim_depends_on_the_span_only():
    basis = POD(rank=12).fit(TRAIN).components_
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((12, 12)))[0]
    assert set(qdeim_points(basis)) == set(qdeim_points(basis @ turn))


def test_oversampling_lowers_the_constant():
    plain, more = DEIM(15).fit(TRAIN), DEIM(15, oversampling=10).fit(TRAIN)
    assert len(more.indices_) == 25 == len(set(more.indices_))
    assert more.constant_ < 0.8 * plain.constant_
    assert len(add_points(plain.basis_, plain.indices_, 1000)) == 100


def test_added_points_lower_the_trace_as_far_as_any_other_single_row():
    basis = DEIM(12).fit(TRAIN).basis_
    rows = qdeim_points(basis)
    more = add_points(basis, rows, 2)

    def trace(chosen):
        return np.sum(np.linalg.svd(basis[chosen], compute_uv=False) ** -2.0)

    for step in (12, 13):
        others = [trace([*more[:step], i]) for i in set(range(100)) - set(more[:step].tolist())]
        assert trace(more[: step + 1]) == pytest.approx(min(others), rel=1e-6)


def test_gappy_recovers_the_span_from_any_points_of_full_rank():
    rng = np.random.default_rng(1)
    deim = DEIM(8).fit(TRAIN)
    field = deim.basis_ @ rng.standard_normal(8)
    for count in (8, 13, 40):
        rows = rng.choice(100, count, replace=False)
        gappy = deim.with_points(rows)
        assert np.abs(gappy.predict(field[rows]) - field).max() < 1e-12 * gappy.constant_
    with pytest.raises(ValueError, match="8 modes need at least as many points; found 5"):
        deim.with_points(np.arange(5))
    with pytest.raises(ValueError, match="rank deficient"):
        deim.with_points(np.zeros(8))


def test_deim_mistakes():
    with pytest.raises(ValueError, match="depends on the columns before"):
        deim_points(np.ones((5, 2)))
    with pytest.raises(ValueError, match="6 modes cannot be interpolated at 5 points"):
        DEIM().fit_basis(np.eye(5, 6))
    with pytest.raises(ValueError, match="rank=60"):
        DEIM(60).fit(TRAIN)


def test_eim_identities():
    x = np.linspace(0, 1, 300)[:, None]
    data = np.exp(-((x - np.linspace(0, 1, 60)) ** 2) / 0.1)
    eim = EIM(rank=12).fit(data)
    assert eim.errors_[[3, 7, 11]] == pytest.approx([0.396, 6.3e-4, 1.7e-7], rel=0.05)
    assert not np.triu(eim.matrix_, 1).any()
    np.testing.assert_array_equal(np.diag(eim.matrix_), 1.0)
    assert np.abs(eim.matrix_).max() <= 1 + 1e-12
    assert eim.lebesgue_constant_ == pytest.approx(4.3, rel=0.05)
    assert eim.lebesgue_constant_ <= 2**12 - 1
    guess = eim.predict(data[eim.indices_])
    assert np.abs(guess - data).max() == pytest.approx(eim.errors_[-1], rel=1e-3)


def test_eim_is_exact_for_a_family_of_finite_rank():
    x, mu = np.linspace(0, 1, 300)[:, None], np.linspace(0, 1, 20)
    eim = EIM().fit(np.sin(3 * x) * mu + x * mu**2 + 1)
    assert len(eim.indices_) == 3 and eim.errors_[-1] < 1e-14


def test_eim_gaussian_bump_case():
    case = CASES["eim_gaussian_bump"]["reference"]
    data = np.exp(-(((np.linspace(0, 1, 401)[:, None] - np.linspace(0, 1, 201)) / 0.1) ** 2))
    np.testing.assert_allclose(POD(rank=8).fit(data).singular_values_[:8], case["sigma"], rtol=1e-11)
    eim = EIM(rank=20).fit(data)
    for terms, error in case["eim"].items():
        assert error / 2 <= eim.errors_[int(terms) - 1] <= 2 * error


def test_eim_inverse_distance_case():
    case = CASES["eim_inverse_distance"]["reference"]
    x = np.linspace(0, 1, 51)
    mu = np.linspace(-1, -0.01, 25)
    points, places = np.array(np.meshgrid(x, x)).reshape(2, -1), np.array(np.meshgrid(mu, mu)).reshape(2, -1)
    data = 1 / np.sqrt(np.sum((points[:, :, None] - places[:, None, :]) ** 2, axis=0))
    eim = EIM(rank=32).fit(data)
    for terms, error in case.items():
        assert error / 2 <= eim.errors_[int(terms) - 1] <= 2 * error


def test_eim_mistakes():
    with pytest.raises(ValueError, match="nothing to interpolate"):
        EIM().fit(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="between 1 and 3"):
        EIM(rank=9).fit(np.ones((4, 3)))
