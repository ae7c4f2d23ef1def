"""POD: best approximation, spectra known in closed form, randomised and streaming variants."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg as sla

from ritz.errors import AccuracyWarning, OptionError
from ritz.reduced_order.estimator import NotFitted
from ritz.reduced_order.incremental import IncrementalPOD
from ritz.reduced_order.pod import POD, leading_singular

CASES = {c["id"]: c for c in json.loads((Path(__file__).parents[1] / "cases" / "rom.json").read_text())["cases"]}


def decaying(rng, rows=200, columns=40, ratio=0.6):
    return rng.standard_normal((rows, columns)) * ratio ** np.arange(columns)


@pytest.mark.parametrize("method", ["svd", "randomized", "snapshots"])
def test_projection_error_is_the_discarded_tail(method):
    """Eckart-Young, in a weighted norm with zero weights among them."""
    rng = np.random.default_rng(0)
    data, weights = decaying(rng), rng.uniform(0.1, 3, 200)
    weights[7] = 0.0
    pod = POD(rank=10, weights=weights, method=method, rng=1).fit(data)
    rest = data - pod.inverse_transform(pod.transform(data))
    energy = float(np.sum(weights[:, None] * rest**2))
    tolerance = {"svd": 1e-13, "randomized": 1e-9, "snapshots": 1e-9}[method]
    assert energy == pytest.approx(pod.projection_error_**2, rel=1e-9)
    assert energy == pytest.approx(np.sum(sla.svdvals(np.sqrt(weights)[:, None] * data)[10:] ** 2), rel=10 * tolerance)
    gram = pod.components_.T @ (weights[:, None] * pod.components_)
    assert np.abs(gram - np.eye(10)).max() < 1e-14
    assert pod.error(data) == pytest.approx(np.sqrt(weights @ rest**2), rel=1e-9)
    assert pod.error(data[:, 3]).shape == ()


def test_tolerance_picks_the_smallest_rank_that_meets_it():
    data = decaying(np.random.default_rng(1))
    pod = POD(tol=1e-3).fit(data)
    sigma = pod.singular_values_
    assert pod.relative_error_ <= 1e-3 < np.sqrt(np.sum(sigma[pod.rank_ - 1 :] ** 2) / np.sum(sigma**2))
    randomized = POD(tol=1e-3, method="randomized", rng=0).fit(data)
    assert randomized.rank_ in (pod.rank_, pod.rank_ + 1)


def test_small_singular_values_survive():
    """The SVD keeps values far below sqrt(eps) of the first; the Gram matrix loses them and says so."""
    rng = np.random.default_rng(2)
    u, v = np.linalg.qr(rng.standard_normal((300, 12)))[0], np.linalg.qr(rng.standard_normal((30, 12)))[0]
    sigma = 10.0 ** -np.arange(12)
    data = u * sigma @ v.T
    np.testing.assert_allclose(POD().fit(data).singular_values_[:12], sigma, rtol=1e-3)
    assert POD(method="snapshots").fit(data).rank_ < 9


def test_centring_and_field_scaling():
    rng = np.random.default_rng(3)
    small, large = rng.standard_normal((30, 3)) @ rng.standard_normal((3, 20)), 1e6 * rng.standard_normal((30, 20))
    data = np.vstack([small, large])
    groups = [(0, 30), (30, 60)]
    unscaled = POD(rank=10, scale_fields=False, groups=groups).fit(data)
    scaled = POD(rank=10, groups=groups).fit(data)

    def lost(pod):
        return np.linalg.norm((data - pod.inverse_transform(pod.transform(data)))[:30]) / np.linalg.norm(small)

    assert lost(scaled) < 0.2 < 0.5 < lost(unscaled)
    assert np.sum(scaled.singular_values_**2) == pytest.approx(np.sum(data**2), rel=1e-12)
    centred = POD(center=True).fit(data + 5.0)
    np.testing.assert_allclose(centred.mean_, data.mean(axis=1) + 5.0)
    np.testing.assert_allclose(centred.inverse_transform(centred.transform(data[:, 0] + 5)), data[:, 0] + 5, rtol=1e-9)
    one = POD(rank=3, groups=[(0, 60)]).fit(data)
    np.testing.assert_array_equal(one.weights_, 1.0)


def test_moving_step_has_the_known_eigenvalues():
    """u(x; mu) = 1 for x < mu: eigenvalues 1/((k-1/2)^2 pi^2), error about 1/(pi sqrt N)."""
    n = 500
    x = (np.arange(n) + 0.5) / n
    pod = POD(rank=50).fit((x[:, None] < x[None, :]) / n)
    exact = 1 / ((np.arange(1, n + 1) - 0.5) ** 2 * np.pi**2)
    np.testing.assert_allclose(pod.singular_values_[:8] ** 2, exact[:8], rtol=3e-3)
    assert pod.projection_error_ == pytest.approx(1 / (np.pi * np.sqrt(50)), rel=1e-2)


def test_front_indicator_case():
    case = CASES["pod_front_indicator"]
    n = 500
    x = (np.arange(n) + 0.5) / n
    kernel = (x[:, None] > x[None, :]) + 0.5 * np.eye(n)
    pod = POD(rank=8, weights=np.full(n, 1 / n)).fit(kernel / np.sqrt(n))
    np.testing.assert_allclose(pod.singular_values_[:8], np.array(case["reference"], dtype=float), rtol=0, atol=1e-5)


def test_shifted_gauss_case():
    case = CASES["pod_periodic_shift_gauss"]
    n = 128
    x = 2 * np.pi * np.arange(n) / n
    k = np.arange(1, 21)
    data = np.einsum("k,kxm->xm", np.exp(-(k**2) / 8), np.cos(k[:, None, None] * (x[:, None] - x[None, :])))
    h = 2 * np.pi / n
    pod = POD(rank=8, weights=np.full(n, h)).fit(data * np.sqrt(h))
    np.testing.assert_allclose(pod.singular_values_[:8], case["reference"], rtol=0, atol=1e-12)


def test_rank_two_case():
    case = CASES["pod_rank2_sine"]["reference"]
    nodes, w = np.polynomial.legendre.leggauss(80)
    nodes, w = (nodes + 1) / 2, w / 2
    pod = POD(weights=w).fit(np.sin(nodes[:, None] + nodes) * np.sqrt(w))
    assert pod.rank_ == case["rank"]
    np.testing.assert_allclose(pod.singular_values_[:2], case["sigma"], rtol=0, atol=1e-12)


def test_randomized_error_stays_below_its_expectation_bound():
    """sigma_j = 1/j, k = 20, p = 10, no power steps: E error^2 <= (1 + k/(p-1)) tail."""
    rng = np.random.default_rng(4)
    n, m, k, p = 300, 200, 20, 10
    sigma = 1 / np.arange(1, m + 1)
    data = np.linalg.qr(rng.standard_normal((n, m)))[0] * sigma @ np.linalg.qr(rng.standard_normal((m, m)))[0].T
    errors = [leading_singular(data, k, None, rng=rng, oversample=p, n_power=0)[2] for _ in range(20)]
    tail = np.sum(sigma[k:] ** 2)
    assert np.mean(errors) <= (1 + k / (p - 1)) * tail
    powered = leading_singular(data, k, None, rng=0, oversample=p, n_power=2)
    assert powered[2] < 1.05 * np.sum(sigma[k + p :] ** 2)
    np.testing.assert_allclose(powered[1][:k], sigma[:k], rtol=1e-2)
    again = leading_singular(data, k, None, rng=0, oversample=p, n_power=2)
    np.testing.assert_array_equal(again[0], powered[0])


@pytest.mark.parametrize("block", [1, 7, 32])
def test_streaming_finds_an_exact_low_rank(block):
    rng = np.random.default_rng(5)
    data = rng.standard_normal((500, 8)) * 2.0 ** -np.arange(8) @ rng.standard_normal((8, 120))
    weights = rng.uniform(0.5, 2, 500)
    pod = IncrementalPOD(tol=1e-12, weights=weights, block=block)
    for part in np.array_split(data, 5, axis=1):
        pod = pod.partial_fit(part)
    batch = POD(rank=8, weights=weights).fit(data)
    assert pod.rank_ == 8 and pod.n_samples_seen_ == 120
    np.testing.assert_allclose(pod.singular_values_, batch.singular_values_[:8], rtol=1e-13)
    root = np.sqrt(weights)[:, None]
    assert sla.subspace_angles(root * pod.components_, root * batch.components_).max() < 1e-12
    assert np.abs(pod.components_.T @ (weights[:, None] * pod.components_) - np.eye(8)).max() < 1e-12


def test_streaming_error_bound_holds_under_truncation():
    rng = np.random.default_rng(6)
    data = decaying(rng, 300, 200, 0.97)
    pod = IncrementalPOD(rank=15, block=8).fit(data)
    error = np.linalg.norm(data - pod.inverse_transform(pod.transform(data)))
    assert POD(rank=15).fit(data).projection_error_ <= error <= pod.error_bound_
    assert pod.energy_ == pytest.approx(np.sum(data**2))
    assert pod.fit(data).n_samples_seen_ == 200


def test_scikit_learn_habits():
    pod = POD(rank=3, tol=1e-2)
    assert pod.get_params()["rank"] == 3 and repr(pod) == "POD(rank=3, tol=0.01)"
    assert pod.set_params(rank=2).rank == 2
    with pytest.raises(NotFitted, match="call fit first"):
        _ = pod.components_
    with pytest.raises(OptionError, match="Did you mean 'rank'"):
        pod.set_params(rnk=2)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = pod.nonsense


def test_mistakes_are_named():
    data = decaying(np.random.default_rng(7))
    with pytest.raises(ValueError, match="rank=41 asks for more modes than 40 snapshots"):
        POD(rank=41).fit(data)
    with pytest.raises(ValueError, match="row 2 of column 5"):
        POD().fit(np.where(np.arange(8000).reshape(200, 40) == 85, np.nan, 1.0))
    with pytest.raises(ValueError, match="must not be negative"):
        POD(weights=-np.ones(200)).fit(data)
    with pytest.raises(ValueError, match="one entry for each of the 200 rows"):
        POD(weights=np.ones(3)).fit(data)
    with pytest.raises(ValueError, match="real view"):
        POD().fit(data + 1j)
    with pytest.raises(ValueError, match="0 <= tol < 1"):
        POD(tol=2.0).fit(data)
    with pytest.raises(ValueError, match="positive whole number"):
        IncrementalPOD(rank=0).fit(data)
    with pytest.raises(ValueError, match="had 200"):
        IncrementalPOD().fit(data).partial_fit(data[:5])
    with pytest.raises(OptionError, match="Did you mean 'randomized'"):
        POD(method="randomised").fit(data)
    with pytest.warns(AccuracyWarning, match="rank 1"):
        assert POD(rank=3).fit(np.ones((10, 5))).rank_ == 1
    zero = POD().fit(np.zeros((10, 5)))
    assert zero.relative_error_ == 0.0 and not zero.components_.any()
