"""Reference cases of periodic partial differential equations: closed forms and converged values."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pytest
import sympy as sp
from case_tools import cases, number, sample
from pde_cases import ELSEWHERE, LEFT, PERIODIC_CASES, exact, schroedinger, x

import ritz as rz
from ritz.errors import ResolutionWarning

NAMED_QUANTITIES = {"ns2d_shear_t2", "taylor_green_3d_re1600_t1", "gray_scott_t50"}
CLOSED_FORMS = [name for name in PERIODIC_CASES if "exact_solution" in cases("pde_time")[name]]


def marked(names):
    slow = pytest.mark.slow
    return [pytest.param(name, marks=[slow] if PERIODIC_CASES[name].slow else []) for name in names]


def times_of(case) -> list[float]:
    """The times at which a case is compared, rising."""
    if isinstance(case["reference"][0], dict):
        return sorted({number(row["at"]["t"]) for row in case["reference"]})
    return [float(case["t_end"])]


@cache
def solved(case_id: str) -> rz.Solution:
    """The solution of a case at its comparison times."""
    how, times = PERIODIC_CASES[case_id], times_of(cases("pde_time")[case_id])
    with warnings.catch_warnings():  # whole-line problems are cut off at a period: their tails do not quite meet
        warnings.simplefilter("ignore", ResolutionWarning)
        system = how.build(case_id).discretize(rz.Fourier(*how.modes))
        solution = rz.solve(system, (0.0, times[-1]), t_eval=times, **how.options)
    assert solution.success, solution.message
    return solution


def bounds_of(solution) -> list[tuple[float, float]]:
    return list(solution.problem.domain.bounds.values())


def field_at(solution, name: str, place: dict[str, str]) -> complex:
    """Value of a field at a place and one of the stored times; a lone unknown may have another name in the case."""
    unknowns = [field.name for field in solution.problem.unknowns]
    name = unknowns[0] if len(unknowns) == 1 else name
    index = int(np.argmin(np.abs(solution.t - number(place["t"]))))
    point = tuple(number(place[c.name]) for c in solution.problem.coordinates)
    return sample(np.asarray(solution[name])[index], bounds_of(solution), point)


def as_value(stored) -> complex:
    return complex(*map(number, stored)) if isinstance(stored, list) else complex(number(stored))


def test_every_case_is_tested_or_left_with_a_reason():
    assert set(PERIODIC_CASES) | set(LEFT) | ELSEWHERE == set(cases("pde_time"))


@pytest.mark.parametrize("case_id", marked(name for name in PERIODIC_CASES if name not in NAMED_QUANTITIES))
def test_values_at_points(case_id):
    rows, solution = cases("pde_time")[case_id]["reference"], solved(case_id)
    pairs = []
    for row in rows:
        place = row["at"]
        for name, stored in row.items():
            if name in ("at", "mean"):
                continue
            if name == "L2_norm":
                values = np.asarray(solution[solution.problem.unknowns[0].name])[-1]
                ((low, high),) = bounds_of(solution)
                pairs.append((np.sqrt(np.mean(np.abs(values) ** 2) * (high - low)), as_value(stored)))
            else:
                pairs.append((field_at(solution, name, place), as_value(stored)))
    found, reference = map(np.array, zip(*pairs, strict=True))
    assert np.abs(found - reference).max() < PERIODIC_CASES[case_id].tolerance * np.abs(reference).max()


@pytest.mark.parametrize("case_id", marked(CLOSED_FORMS))
def test_whole_field_against_the_closed_form(case_id):
    solution = solved(case_id)
    axes = solution.problem.coordinates
    grid = np.meshgrid(*(solution.system.layout.coords[c.name] for c in axes), indexing="ij")
    for unknown in solution.problem.unknowns:
        closed = sp.lambdify([*axes, rz.t], exact(case_id, unknown.name), "numpy")
        values = np.asarray(solution[unknown.name])
        for index, time in enumerate(solution.t):
            expected = np.broadcast_to(closed(*grid, time), grid[0].shape)
            error = np.abs(values[index] - expected).max()
            assert error < PERIODIC_CASES[case_id].tolerance * np.abs(expected).max(), (unknown, time)


@pytest.mark.parametrize("case_id", ["ks_kt_t20", "burgers_cole_hopf_a", "kdv_two_soliton_a", "cahn_hilliard_1d_t1"])
def test_mean_is_conserved(case_id):
    """Equations in divergence form keep the mean to round-off."""
    solution = solved(case_id)
    values = np.asarray(solution["u"])
    start = solution.system.layout.to_fields(solution.system.initial_state(solution.system.parameter_values(None)))
    assert np.abs(values.mean(axis=1) - np.asarray(start["u"]).mean()).max() < 1e-13


@pytest.mark.parametrize("case_id", ["nls_bright_1", "nls_akhmediev_a38", "nls_two_pulse_t6"])
def test_mass_of_schroedinger_is_conserved(case_id):
    solution = solved(case_id)
    start = solution.system.layout.to_fields(solution.system.initial_state(solution.system.parameter_values(None)))
    mass = np.mean(np.abs(np.asarray(solution["psi"])) ** 2, axis=1)
    assert np.abs(mass / np.mean(np.abs(start["psi"]) ** 2) - 1).max() < 1e-7


def test_steps_do_not_dwindle_towards_the_end():
    """The last steps share what remains: none is far below its neighbours, and none is taken twice."""
    system = PERIODIC_CASES["burgers_cole_hopf_a"].build("burgers_cole_hopf_a").discretize(rz.Fourier(64))
    for end in (1e-9, 0.3, 1.0):
        steps = np.diff(rz.solve(system, (0.0, end), method="ETDRK4", rtol=1e-6, atol=1e-8).t)
        assert len(steps) < 100
        assert steps[-1] > 0.2 * steps[-2:].max()


@pytest.mark.parametrize("case_id", ["nls_mi_k1_A1", "nls_mi_k1_2_A1"])
def test_growth_of_the_modulation_instability(case_id):
    """From the growing eigenvector, the side band grows by exp(rate) in a unit of time."""
    case, amplitude = cases("pde_time")[case_id], 1e-6
    k = number(case["parameters"]["k"])
    rate = number(case["reference"])
    wave = amplitude * (1 + sp.I * 2 * rate / k**2) * sp.cos(sp.nsimplify(k) * x)
    problem = schroedinger(1 + wave, 0, 2 * sp.pi / sp.nsimplify(k))
    solution = rz.solve(problem.discretize(rz.Fourier(32)), (0, 2), t_eval=[1, 2], rtol=1e-11, atol=1e-13)
    band = np.abs(np.fft.fft(np.asarray(solution["psi"]), axis=1)[:, 1])
    assert np.log(band[1] / band[0]) == pytest.approx(rate, abs=1e-6)


def test_vorticity_quantities():
    """Mean kinetic energy, mean enstrophy and three values; the energy is the mean of psi w / 2."""
    case, solution = cases("pde_time")["ns2d_shear_t2"], solved("ns2d_shear_t2")
    w = np.asarray(solution["w"])[-1]
    k = np.fft.fftfreq(w.shape[0], 1 / w.shape[0])
    square = k[:, None] ** 2 + k[None, :] ** 2
    modes = np.fft.fft2(w) / w.size
    energy = np.sum(np.abs(modes) ** 2 / np.where(square > 0, square, np.inf)) / 2
    places = [(0, 0), (1, 2), (4, 5)]
    found = [energy, np.mean(w**2) / 2, *(sample(w, bounds_of(solution), place).real for place in places)]
    reference = np.array(case["reference"])
    assert np.abs(found - reference).max() < PERIODIC_CASES["ns2d_shear_t2"].tolerance * np.abs(reference).max()


def test_gray_scott_quantities():
    case, solution = cases("pde_time")["gray_scott_t50"], solved("gray_scott_t50")
    u, v = (np.asarray(solution[name])[-1] for name in "uv")
    values = [sample(f, bounds_of(solution), place).real for place in [(0.5, 0.45), (0.75, 0.6)] for f in (u, v)]
    found = np.array([u.mean(), v.mean(), *values])
    assert np.abs(found - np.array(case["reference"])).max() < PERIODIC_CASES["gray_scott_t50"].tolerance


def energy_and_enstrophy(solution) -> np.ndarray:
    """Means of |u|^2 / 2 and |curl u|^2 / 2 at the last time (of the gradient, as div u = 0)."""
    parts = [np.asarray(solution[f"u_{axis}"])[-1] for axis in "xyz"]
    n = parts[0].shape[0]
    k = np.fft.fftfreq(n, 1 / n)
    square = k[:, None, None] ** 2 + k[None, :, None] ** 2 + k[None, None, :] ** 2
    power = sum(np.abs(np.fft.fftn(part) / part.size) ** 2 for part in parts)
    return np.array([power.sum(), (square * power).sum()]) / 2


def test_taylor_green_quantities():
    name = "taylor_green_3d_re1600_t1"
    found, reference = energy_and_enstrophy(solved(name)), cases("pde_time")[name]["reference"]
    assert found == pytest.approx(reference, rel=PERIODIC_CASES[name].tolerance)
