"""Runs of `rz.solve` on periodic problems: order in time, forms that must agree, grids, threads, parameters."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import ritz as rz

x, y = rz.coords("x y")
u, v = rz.fields("u v")
nu = rz.params("nu", default=0.2, bounds=(1e-3, 10))
PERIODIC = [rz.Periodic()]
CIRCLE = (0, 2 * rz.pi)
SQUARE = {"domain": rz.Box(x=CIRCLE, y=CIRCLE), "conditions": PERIODIC}
TIGHT = {"rtol": 1e-11, "atol": 1e-14}


def largest(found: np.ndarray, wanted: np.ndarray) -> float:
    """Largest difference relative to the largest value."""
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


# ---------------------------------------------------------------------- order in time


@cache
def burgers() -> rz.System:
    equation = rz.Eq(rz.dt(u) + u * rz.dx(u), nu * rz.lap(u) + rz.sin(x) * rz.cos(rz.t))
    problem = rz.Problem([equation], domain=rz.Interval(0, 2 * rz.pi), conditions=PERIODIC, initial={u: 1 + rz.sin(x)})
    return problem.discretize(rz.Fourier(16))


@cache
def schroedinger() -> rz.System:
    psi = rz.fields("psi", complex=True)
    equation = rz.Eq(rz.I * rz.dt(psi) + rz.dx(psi, 2) / 2 + rz.Abs(psi) ** 2 * psi, 0)
    start = 1 + rz.exp(rz.I * x) / 2
    problem = rz.Problem([equation], domain=rz.Interval(0, 2 * rz.pi), conditions=PERIODIC, initial={psi: start})
    return problem.discretize(rz.Fourier(15))


@cache
def reference(make: Any) -> np.ndarray:
    return rz.solve(make(), (0, 1), method="DOP853", rtol=3e-14, atol=1e-15, t_eval=[1.0]).y[:, -1]


STEPS = {
    "RK23": 40,
    "RK4": 20,
    "RK45": 20,
    "Tsit5": 20,
    "DOP853": 5,
    "SBDF2": 160,
    "ARK3": 40,
    "ARK4": 20,
    "ETDRK4": 10,
}


MODAL = [m for m in rz.methods() if not m.is_implicit]  # implicit ones need a sparse Jacobian, which modes have not


@pytest.mark.filterwarnings("ignore::ritz.errors.ResolutionWarning")  # the order on any grid
@pytest.mark.parametrize("make", [burgers, schroedinger], ids=lambda f: f.__name__)
@pytest.mark.parametrize("method", [m.name for m in MODAL])
def test_order_of_every_method(make, method):
    order = next(m.order for m in rz.methods() if m.name == method)
    counts = STEPS[method] * np.array([1, 2, 4] if order < 8 else [1, 1.6, 2.4])
    errors = []
    for n in counts:
        found = rz.solve(make(), (0, 1), method=method, dt=1 / n, t_eval=[1.0])
        assert found.success
        errors.append(largest(found.y[:, -1], reference(make)))
    assert errors[-1] > 1e-14
    observed = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert order - 0.35 < observed < order + 0.8, errors


@pytest.mark.filterwarnings("ignore::ritz.errors.ResolutionWarning")
@pytest.mark.parametrize("method", [m.name for m in MODAL if m.adaptive])
def test_adaptive_error_follows_the_tolerance(method):
    errors = [
        largest(rz.solve(burgers(), (0, 1), method=method, rtol=r, atol=r * 1e-2).y[:, -1], reference(burgers))
        for r in (1e-4, 1e-6, 1e-8)
    ]
    assert errors[0] < 1e-2 and errors[2] < 1e-5
    assert errors[0] > 3 * errors[1] > 9 * errors[2]


# ---------------------------------------------------------------------- forms that must agree


def vorticity() -> rz.Problem:
    w, psi = rz.fields("w psi")
    equations = [
        rz.Eq(rz.dt(w) + rz.dy(psi) * rz.dx(w) - rz.dx(psi) * rz.dy(w), nu / 10 * rz.lap(w)),
        rz.Eq(rz.lap(psi), -w),
    ]
    return rz.Problem(equations, **SQUARE, initial={w: 2 * rz.cos(y) + 0.3 * rz.sin(2 * x) * rz.cos(y) + rz.sin(x)})


def velocity() -> rz.Problem:
    """The same flow: u = psi_y, v = -psi_x with lap psi = -w."""
    p = rz.fields("p")
    equations = [
        rz.Eq(rz.dt(u) + u * rz.dx(u) + v * rz.dy(u) + rz.dx(p), nu / 10 * rz.lap(u)),
        rz.Eq(rz.dt(v) + u * rz.dx(v) + v * rz.dy(v) + rz.dy(p), nu / 10 * rz.lap(v)),
        rz.Eq(rz.dx(u) + rz.dy(v), 0),
    ]
    start = {
        u: -2 * rz.sin(y) - 0.06 * rz.sin(2 * x) * rz.sin(y),
        v: -0.12 * rz.cos(2 * x) * rz.cos(y) - rz.cos(x),
    }
    return rz.Problem(equations, **SQUARE, initial=start)


def reaction() -> rz.Problem:
    equations = [
        rz.Eq(rz.dt(u), nu / 10 * rz.lap(u) - u * v**2 + 0.04 * (1 - u)),
        rz.Eq(rz.dt(v), nu / 20 * rz.lap(v) + u * v**2 - 0.1 * v),
    ]
    return rz.Problem(equations, **SQUARE, initial={u: 1 + rz.cos(x) / 4, v: rz.exp(rz.cos(x) + rz.sin(y)) / 4})


@pytest.mark.parametrize("make", [vorticity, velocity, reaction], ids=lambda f: f.__name__)
def test_rewritten_form_equals_written_form_over_a_run(make):
    problem = make()
    written, found = (
        rz.solve(problem.discretize(rz.Fourier(32, 30), rewriter=r), (0, 1), dt=0.02, t_eval=[0.5, 1.0]).y
        for r in (None, "egraph")
    )
    assert largest(found, written) < 1e-12


def test_velocity_and_pressure_equal_vorticity_and_streamfunction():
    grid = rz.Fourier(32, 32)
    options = {"dt": 0.01, "t_eval": [1.0]}
    w = rz.solve(vorticity().discretize(grid), (0, 1), **options)["w"][-1]
    flow = rz.solve(velocity().discretize(grid), (0, 1), **options)
    k = 1j * np.fft.fftfreq(32, 1 / 32)
    a, b = (np.fft.fft2(flow[name][-1]) for name in "uv")
    curl = np.fft.ifft2(k[:, None] * b - k[None, :] * a).real
    assert largest(curl, w) < 1e-9  # two forms, equal up to the error of the time steps


@pytest.mark.parametrize("dimension", [2, 3])
def test_viscosity_stays_on_the_diagonal_beside_a_pressure(dimension):
    """All of nu lap(u) is integrated stably, and steps keep the divergence at round-off."""
    w, p = rz.vector_fields("w"), rz.fields("p")
    equations = [
        rz.Eq(rz.dt(w) + rz.dot(w, rz.grad(w)) + rz.grad(p), nu * rz.lap(w) - 0.3 * w - 1e-3 * rz.lap(rz.lap(w))),
        rz.Eq(rz.div(w), 0),
    ]
    sides = {"x": CIRCLE, "y": (0, rz.pi), "z": CIRCLE}
    box = rz.Box(**dict(list(sides.items())[:dimension]))
    start = (rz.sin(x) * rz.cos(2 * y), -rz.cos(x) * rz.sin(2 * y) / 2, rz.cos(x))[:dimension]
    problem = rz.Problem(equations, domain=box, conditions=PERIODIC, initial={w: start})
    system = problem.discretize(rz.Fourier(*(12, 13, 12)[:dimension]))
    space = system.space
    k = np.meshgrid(*(space.wavenumber(i) for i in range(dimension)), indexing="ij")
    square = sum(one**2 for one in k)
    for diagonal in system.linear_diagonal().reshape(dimension, *square.shape):
        np.testing.assert_allclose(diagonal, -0.2 * square - 1e-3 * square**2 - 0.3, rtol=1e-12)
    end = rz.solve(system, (0, 1), dt=0.1).y[:, -1]
    divergence = sum(one * modes for one, modes in zip(k, system.layout.modes(end).values(), strict=True))
    assert np.abs(divergence).max() < 1e-15


def test_sides_of_an_equation_do_not_matter():
    flux, spread = u * rz.dx(u), nu * rz.lap(u)
    forms = [
        rz.Eq(rz.dt(u) + flux, spread), rz.Eq(rz.dt(u), spread - flux), rz.Eq(0, spread - flux - rz.dt(u)),
        rz.Eq(3 * flux - 3 * spread, -3 * rz.dt(u)), rz.Eq(spread, flux + rz.dt(u)),
    ]  # fmt: skip
    runs = []
    for form in forms:
        problem = rz.Problem(
            [form], domain=rz.Interval(0, 2 * rz.pi), conditions=PERIODIC, initial={u: rz.sin(x) + rz.cos(2 * x)}
        )
        runs.append(rz.solve(problem.discretize(rz.Fourier(64)), (0, 1), dt=0.02))
    assert {run.method for run in runs} == {"ETDRK4"}
    for run in runs[1:]:
        assert largest(run.y, runs[0].y) < 1e-13


# ---------------------------------------------------------------------- one run or several, one thread or two


@pytest.mark.parametrize("method", [m.name for m in MODAL if m.name != "SBDF2"])
@pytest.mark.filterwarnings("ignore::ritz.errors.ResolutionWarning")
def test_resumed_run_equals_one_run(method):
    """Half of the run, then the rest from its Solution and with its parameters; dt is a binary number."""
    options = {"method": method, "dt": 1 / 64}
    whole = rz.solve(burgers(), (0, 1), params={nu: 0.3}, **options)
    half = rz.solve(burgers(), (0, 0.5), params={nu: 0.3}, **options)
    rest = rz.solve(burgers(), (0.5, 1), half, **options)
    assert rest.parameters == {"nu": 0.3}
    assert largest(rest.y[:, -1], whole.y[:, -1]) < 1e-13


@pytest.mark.filterwarnings("ignore::ritz.errors.ResolutionWarning")
def test_resumed_adaptive_run_stays_within_the_tolerance():
    half = rz.solve(burgers(), (0, 0.37), **TIGHT)
    rest = rz.solve(burgers(), (half.t[-1], 1), half, **TIGHT)
    assert largest(rest.y[:, -1], reference(burgers)) < 1e-9


@pytest.mark.parametrize("method", ["ETDRK4", "ARK4", "Tsit5"])
def test_threads_do_not_change_the_result(method):
    system = vorticity().discretize(rz.Fourier(128, 128))
    one, two = (rz.solve(system, (0, 0.1), method=method, dt=0.01, threads=n, t_eval=[0.1]).y for n in (1, 2))
    assert largest(two, one) < 1e-14


def test_parameters_of_every_solve_count():
    """Decay exp(-nu t): the same compiled system with changing parameters, also back to an earlier value."""
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), nu * rz.lap(u))], domain=rz.Interval(0, 2 * rz.pi), conditions=PERIODIC, initial={u: rz.cos(x)}
    )
    system = problem.discretize(rz.Fourier(16))
    for method in ("ETDRK4", "ARK4", "RK45"):
        for value in (0.2, 1.0, 0.5, 0.2):
            solution = rz.solve(system, (0, 1), params={nu: value}, method=method, **TIGHT)
            assert solution.parameters["nu"] == value
            np.testing.assert_allclose(solution["u"][-1, 0], np.exp(-value), rtol=1e-9)
    state = system.initial_state()
    rates = [system.rhs(0.0, state, {nu: value}) for value in (0.2, 1.0, 0.2)]
    np.testing.assert_allclose(rates[1], 5 * rates[0], rtol=1e-13)
    np.testing.assert_array_equal(rates[2], rates[0])


# ---------------------------------------------------------------------- grids, boxes, complex fields


@pytest.mark.parametrize("points", [(16, 18), (17, 18), (16, 19), (17, 19)], ids=str)
def test_odd_and_even_grids_on_long_boxes(points):
    """A wave that moves and decays in a box of unlike lengths that does not start at zero."""
    p, q = 2 * rz.pi * (x - 3) / 40, 2 * rz.pi * (y + 5) / 8
    box = rz.Box(x=(3, 43), y=(-5, 3))
    equation = rz.Eq(rz.dt(u) + 3 * rz.dx(u) - rz.dy(u), nu * rz.lap(u))
    problem = rz.Problem([equation], domain=box, conditions=PERIODIC, initial={u: 2 + rz.sin(3 * p + 2 * q)})
    system = problem.discretize(rz.Fourier(*points))
    a, b = np.meshgrid(*system.layout.coords.values(), indexing="ij")
    kx, ky = 6 * np.pi / 40, 4 * np.pi / 8
    exact = 2 + np.exp(-0.2 * (kx**2 + ky**2)) * np.sin(kx * (a - 3 - 3) + ky * (b + 5 + 1))
    assert largest(rz.solve(system, (0, 1))["u"][-1], exact) < 1e-13


@pytest.mark.filterwarnings("ignore::ritz.errors.ResolutionWarning")  # the wave is the highest one kept
@pytest.mark.parametrize("points", [16, 17, 18, 19])
def test_plane_wave_of_a_complex_field(points):
    """psi = A exp(i (k x - w t)) with w = k^2 / 2 - A^2 is exact; k = -3 lies on the side of negative wavenumbers."""
    psi = rz.fields("psi", complex=True)
    equation = rz.Eq(rz.I * rz.dt(psi) + rz.dx(psi, 2) / 2 + rz.Abs(psi) ** 2 * psi, 0)
    start = rz.exp(-3 * rz.I * x) / 2
    problem = rz.Problem([equation], domain=rz.Interval(0, 2 * rz.pi), conditions=PERIODIC, initial={psi: start})
    system = problem.discretize(rz.Fourier(points))
    found = rz.solve(system, (0, 1), **TIGHT)["psi"][-1]
    exact = np.exp(1j * (-3 * system.layout.coords["x"] - (4.5 - 0.25))) / 2
    assert largest(found, exact) < 1e-9


def test_real_field_beside_a_complex_one_stays_real():
    """Zakharov's equations: waves E drive a density n, which stays real and keeps its mean."""
    wave, n = rz.fields("E", complex=True), rz.fields("n")
    equations = [
        rz.Eq(rz.I * rz.dt(wave) + rz.dx(wave, 2), n * wave),
        rz.Eq(rz.dt(n, 2), rz.dx(n, 2) + rz.dx(rz.Abs(wave) ** 2, 2)),
    ]
    start = {wave: 1 + rz.cos(x) / 5, n: rz.sin(x) / 10, rz.dt(n): 0}
    problem = rz.Problem(equations, domain=rz.Interval(0, 2 * rz.pi), conditions=PERIODIC, initial=start)
    solution = rz.solve(problem.discretize(rz.Fourier(48)), (0, 1), rtol=1e-9, atol=1e-12)
    density, power = solution["n"], (np.abs(solution["E"]) ** 2).mean(axis=1)
    assert np.abs(np.imag(density)).max() < 1e-12
    assert np.abs(density.mean(axis=1)).max() < 1e-13
    np.testing.assert_allclose(power, power[0], rtol=1e-8)


def test_streamfunction_of_a_field_with_a_mean():
    """The Laplacian has no inverse on the mean: psi gets the mean zero, and a uniform part of w stays where it is."""
    w, psi = rz.fields("w psi")
    equations = [
        rz.Eq(rz.dt(w) + rz.dy(psi) * rz.dx(w) - rz.dx(psi) * rz.dy(w), nu * rz.lap(w)),
        rz.Eq(rz.lap(psi), -w),
    ]
    problem = rz.Problem(equations, **SQUARE, initial={w: 1 + rz.cos(x)})
    found = rz.solve(problem.discretize(rz.Fourier(12, 12)), (0, 1))["w"][-1]
    exact = 1 + np.exp(-0.2) * np.cos(np.arange(12) * 2 * np.pi / 12)
    np.testing.assert_allclose(found, np.broadcast_to(exact[:, None], (12, 12)), atol=1e-13)
