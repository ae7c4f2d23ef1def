"""The sweeps of the reference cases: full values, singular values, and reduced models at held-back parameters."""

import json
import warnings
from pathlib import Path

import mpmath
import numpy as np
import pytest

import ritz as rz

CASES = {c["id"]: c for c in json.loads((Path(__file__).parents[1] / "cases" / "rom.json").read_text())["cases"]}


def burgers(points):
    x, u, nu = rz.coords("x"), rz.fields("u"), rz.params("nu", default=0.05, bounds=(0.01, 1.0))
    problem = rz.Problem(
        [rz.Eq(rz.dt(u) + u * rz.dx(u), nu * rz.dx(u, 2))],
        domain=rz.Box(x=(0, 2 * rz.pi)),
        conditions=[rz.Periodic()],
        initial={u: rz.sin(x)},
    )
    return problem.discretize(rz.Fourier(points))


def burgers_values(runs_or_model, viscosities):
    """u(2, 1) and u(3, 2) for each viscosity."""
    found = []
    for nu in viscosities:
        run = runs_or_model(nu)
        layout = run.system.layout
        states = layout.decode(run.y) if hasattr(layout, "decode") else run.y
        full = layout.full if hasattr(layout, "decode") else layout
        at = {float(t): states[:, i] for i, t in enumerate(run.t)}
        found.append([full.evaluate(at[t], {"x": x})["u"].item() for x, t in ((2.0, 1.0), (3.0, 2.0))])
    return np.array(found)


def cole_hopf(nu, x, t):
    """The closed form of the case: a ratio of Bessel series (Cole 1951), in 30 digits."""
    with mpmath.workdps(30):
        z, decay = 1 / (2 * mpmath.mpf(str(nu))), [mpmath.exp(-mpmath.mpf(str(nu)) * n * n * t) for n in range(101)]
        terms = [mpmath.besseli(n, z) * decay[n] for n in range(101)]
        above = mpmath.fsum(n * terms[n] * mpmath.sin(n * x) for n in range(1, 101))
        below = terms[0] / 2 + mpmath.fsum(terms[n] * mpmath.cos(n * x) for n in range(1, 101))
        return float(above / below / z)


def test_burgers_sweep():
    reference = np.array(CASES["burgers_sweep_a"]["reference"], dtype=float)
    viscosities = [0.02, 0.05, 0.1]
    times = [0.0, 1.0, 2.0]
    runs = rz.sweep(burgers(1536), {"nu": viscosities}, (0, 2), t_eval=times, rtol=1e-13, atol=1e-14)
    found = burgers_values(lambda nu: runs[viscosities.index(nu)], viscosities)
    exact = np.array([[cole_hopf(nu, 2, 1), cole_hopf(nu, 3, 2)] for nu in viscosities])
    np.testing.assert_allclose(found, exact, rtol=0, atol=5e-13)
    # The tabulated value at nu = 0.02, t = 2 differs from its own closed form (and from this run) by 1.1e-11.
    np.testing.assert_allclose(found, reference, rtol=0, atol=2e-11)


def test_burgers_reduced():
    reference = np.array(CASES["burgers_sweep_a"]["reference"], dtype=float)
    rom = rz.reduce(burgers(768), {"nu": (0.02, 0.1)}, (0, 2), tol=2e-4, n_train=12, n_test=3, rng=1)
    assert rom.error_estimate.met and rom.size < 45 and rom.operators.inputs is None
    assert (rom.error_estimate.errors >= rom.error_estimate.projections).all()
    found = burgers_values(lambda nu: rom(nu=nu, t_span=(0, 2), t_eval=[0.0, 1.0, 2.0]), [0.02, 0.05, 0.1])
    np.testing.assert_allclose(found, reference, rtol=0, atol=2e-3)
    with pytest.warns(rz.errors.ExtrapolationWarning, match=r"nu = 0.2 is outside \[0.02, 0.1\]"):
        rom(nu=0.2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rom(nu=0.05)["u"].shape == (101, 768)


@pytest.fixture(scope="module")
def fisher():
    x, u = rz.coords("x"), rz.fields("u")
    diffusivity, rate = rz.params("D r", default=(0.1, 1.0))
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), diffusivity * rz.dx(u, 2) + rate * u * (1 - u))],
        domain=rz.Box(x=(0, 20)),
        conditions=[rz.Periodic()],
        initial={u: rz.exp(-((x - 10) ** 2))},
    )
    return problem.discretize(rz.Fourier(256))


def test_fisher_sweep(fisher):
    case = CASES["fisher_kpp_sweep_a"]
    points = [{"D": d, "r": r} for d, r in case["parameters"]["(D,r)"]]
    runs = rz.sweep(fisher, points, (0, 4), t_eval=np.linspace(0, 4, 21), rtol=1e-11, atol=1e-12)
    layout = fisher.layout
    found = []
    for _, run in runs:
        at = layout.evaluate(run.y[:, -1], {"x": np.array([10.0, 15.0])})["u"]
        found.append([20 * layout.to_fields(run.y[:, -1])["u"].mean(), *at])
    np.testing.assert_allclose(found, case["reference"]["rows"], rtol=0, atol=3e-9)
    pod = rz.POD(rank=16, weights=20 * layout.weights).fit(runs.snapshots())
    np.testing.assert_allclose(pod.singular_values_[:16], case["reference"]["sigma"], rtol=0, atol=5e-9)

    rom = rz.reduce(fisher, runs, tol=5e-2, n_test=1)
    assert rom.error_estimate.parameters.tolist() == [[0.1, 1.0]], "the ends of the ranges are kept for training"
    assert float(rom.error_estimate) < 5e-2
    assert rom.training.n_snapshots == 8 * 21
    with pytest.warns(rz.errors.ExtrapolationWarning, match=r"r = 3 is outside \[0.5, 2\]"):
        rom(D=0.1, r=3.0)


def test_fisher_reduced_at_held_back_parameters(fisher):
    rom = rz.reduce(fisher, {"D": (0.05, 0.2), "r": (0.5, 2.0)}, (0, 4), tol=1e-3, n_train=14, n_test=4)
    assert rom.error_estimate.met and len(rom.error_estimate.errors) == 4
    assert rom.training_region.names == ("D", "r")
    full = rz.solve(fisher, (0, 4), params={"D": 0.13, "r": 1.3}, t_eval=rom.training.t_eval, rtol=1e-8, atol=1e-8)
    error = np.linalg.norm(rom(D=0.13, r=1.3)["u"] - full["u"]) / np.linalg.norm(full["u"])
    assert error < 2e-3
