"""What an equation conserves, its discretisation conserves: mass, momentum, energy, enstrophy over a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ritz as rz

x, y, z = rz.coords("x y z")
u, v, h = rz.fields("u v h")
PERIODIC = [rz.Periodic()]
TIGHT = {"rtol": 1e-10, "atol": 1e-13}
SIDE = (0, 2 * rz.pi)


def line(low: Any, high: Any) -> dict[str, Any]:
    return {"domain": rz.Interval(low, high), "conditions": PERIODIC}


def slope(values: np.ndarray, length: float, axis: int = -1) -> np.ndarray:
    """Derivative of periodic grid values along an axis."""
    n = values.shape[axis]
    k = 2j * np.pi / length * np.fft.fftfreq(n, 1 / n)
    k[n // 2] = 0 if n % 2 == 0 else k[n // 2]
    shape = [1] * values.ndim
    shape[axis] = n
    found = np.fft.ifft(np.fft.fft(values, axis=axis) * k.reshape(shape), axis=axis)
    return found if np.iscomplexobj(values) else found.real


def drift(amount: np.ndarray, scale: float | None = None) -> float:
    """Largest change of a (nt,) quantity, relative to its start or to a given scale."""
    return float(np.abs(amount - amount[0]).max() / (scale or abs(amount[0])))


def mean(values: np.ndarray) -> np.ndarray:
    """(nt,) mean over the grid."""
    return values.reshape(len(values), -1).mean(axis=1)


@pytest.mark.parametrize("method", ["auto", "RK45"])
def test_inviscid_burgers(method):
    """Before the shock (t = 1) mean and mean square stay; also by the form found for u u_x."""
    problem = rz.Problem([rz.Eq(rz.dt(u) + u * rz.dx(u), 0)], **line(0, 2 * rz.pi), initial={u: 0.3 + rz.sin(x)})
    for rewriter in ("egraph", None):
        system = problem.discretize(rz.Fourier(128), rewriter=rewriter)
        found = rz.solve(system, (0, 0.6), method=method, **TIGHT)["u"]
        assert drift(mean(found)) < 1e-14
        assert drift(mean(found**2)) < 1e-9


def test_korteweg_de_vries():
    """Two solitons of u_t + 6 u u_x + u_xxx = 0 that pass through each other."""
    start = 2 * rz.cosh(x + 8) ** -2 + rz.cosh((x - 2) / rz.sqrt(2)) ** -2
    problem = rz.Problem([rz.Eq(rz.dt(u) + 6 * u * rz.dx(u) + rz.dx(u, 3), 0)], **line(-20, 20), initial={u: start})
    solution = rz.solve(problem.discretize(rz.Fourier(256)), (0, 4), t_eval=np.linspace(0, 4, 9), **TIGHT)
    found = solution["u"]
    assert drift(mean(found)) < 1e-13
    assert drift(mean(found**2)) < 1e-8
    assert drift(mean(slope(found, 40) ** 2 / 2 - found**3)) < 1e-7


@pytest.mark.parametrize("points", [255, 256])
def test_nonlinear_schroedinger(points):
    """i psi_t + psi_xx / 2 + |psi|^2 psi = 0: mass, momentum and energy of two moving pulses."""
    psi = rz.fields("psi", complex=True)
    length = 16 * np.pi
    wave = rz.exp(rz.I * x / 2)
    start = wave / rz.cosh(x + 5) + rz.exp(-rz.I * x / 4) / rz.cosh(x - 5)
    equation = rz.Eq(rz.I * rz.dt(psi) + rz.dx(psi, 2) / 2 + rz.Abs(psi) ** 2 * psi, 0)
    problem = rz.Problem([equation], **line(-8 * rz.pi, 8 * rz.pi), initial={psi: start})
    solution = rz.solve(problem.discretize(rz.Fourier(points)), (0, 5), t_eval=np.linspace(0, 5, 6), **TIGHT)
    found = solution["psi"]
    assert np.iscomplexobj(found)
    rate = slope(found, length)
    assert drift(mean(np.abs(found) ** 2)) < 1e-8
    assert drift(mean((found.conj() * rate).imag)) < 1e-7
    assert drift(mean(np.abs(rate) ** 2 / 2 - np.abs(found) ** 4 / 2)) < 1e-6


def test_sine_gordon():
    """A kink and an antikink of u_tt - u_xx + sin u = 0."""
    start = 4 * rz.exp(-(x**2) / 8)
    problem = rz.Problem(
        [rz.Eq(rz.dt(u, 2) - rz.dx(u, 2) + rz.sin(u), 0)], **line(-20, 20), initial={u: start, rz.dt(u): 0 * x}
    )
    solution = rz.solve(problem.discretize(rz.Fourier(256)), (0, 10), t_eval=np.linspace(0, 10, 11), **TIGHT)
    found, rate = solution["u"], solution[next(n for n in solution.components if n != "u")]
    assert drift(mean(rate**2 / 2 + slope(found, 40) ** 2 / 2 + 1 - np.cos(found))) < 1e-6


def test_cahn_hilliard():
    """Mass stays, free energy falls at every step."""
    gamma = 0.01
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), rz.lap(u**3 - u) - gamma * rz.lap(rz.lap(u)))], **line(0, 2 * rz.pi),
        initial={u: 0.1 + rz.cos(x) / 20 + rz.sin(3 * x) / 20},
    )  # fmt: skip
    for options in ({}, {"method": "ARK4"}, {"dt": 1e-3}):
        found = rz.solve(problem.discretize(rz.Fourier(96)), (0, 8), **({"rtol": 1e-6, "atol": 1e-8} | options))["u"]
        assert drift(mean(found)) < 1e-13
        energy = mean((found**2 - 1) ** 2 / 4 + gamma / 2 * slope(found, 2 * np.pi) ** 2)
        assert np.all(np.diff(energy) <= 1e-9), options
        assert energy[-1] < 0.6 * energy[0]


def euler() -> rz.Problem:
    w, psi = rz.fields("w psi")
    equations = [
        rz.Eq(rz.dt(w) + rz.dy(psi) * rz.dx(w) - rz.dx(psi) * rz.dy(w), 0),
        rz.Eq(rz.lap(psi), -w),
    ]
    start = 2 * rz.cos(y) + 0.3 * rz.sin(2 * x) * rz.cos(y) + rz.sin(x)
    return rz.Problem(equations, domain=rz.Box(x=SIDE, y=SIDE), conditions=PERIODIC, initial={w: start})


@pytest.mark.parametrize("points", [(48, 48), (45, 50)])
def test_euler_in_two_dimensions(points):
    """Energy and enstrophy, which dealiased modes conserve however coarse the grid."""
    solution = rz.solve(euler().discretize(rz.Fourier(*points)), (0, 2), t_eval=np.linspace(0, 2, 5), **TIGHT)
    found = solution["w"]
    modes = np.fft.fft2(found, norm="forward")
    kx, ky = (np.fft.fftfreq(n, 1 / n) for n in points)
    square = kx[:, None] ** 2 + ky[None, :] ** 2
    square[0, 0] = np.inf
    assert np.abs(mean(found)).max() < 1e-14
    assert drift(mean(found**2)) < 1e-8
    assert drift((np.abs(modes) ** 2 / square).sum(axis=(1, 2))) < 1e-8


@pytest.mark.filterwarnings("ignore::ritz.errors.ResolutionWarning")  # conserved on a coarse grid too
def test_euler_in_three_dimensions():
    """Energy, mean momentum and div u = 0 of the Taylor-Green vortex without viscosity."""
    w, p = rz.vector_fields("w"), rz.fields("p")
    start = (rz.sin(x) * rz.cos(y) * rz.cos(z), -rz.cos(x) * rz.sin(y) * rz.cos(z), 0)
    equations = [rz.Eq(rz.dt(w) + rz.dot(w, rz.grad(w)) + rz.grad(p), 0), rz.Eq(rz.div(w), 0)]
    box = rz.Box(x=SIDE, y=SIDE, z=SIDE)
    system = rz.Problem(equations, domain=box, conditions=PERIODIC, initial={w: start}).discretize(
        rz.Fourier(16, 15, 16)
    )
    found = rz.solve(system, (0, 1), rtol=1e-9, atol=1e-11, t_eval=[0, 0.5, 1])["w"]
    assert drift(mean((found**2).sum(axis=1))) < 1e-8
    assert np.abs(found.mean(axis=(2, 3, 4))).max() < 1e-14
    divergence = sum(slope(found[:, i], 2 * np.pi, axis=i + 1) for i in range(3))
    assert np.abs(divergence).max() < 1e-12


def test_shallow_water():
    """Mass to round-off; energy, cubic in the unknowns, as far as the waves are resolved."""
    g = 9.81
    equations = [
        rz.Eq(rz.dt(h) + rz.dx(h * u) + rz.dy(h * v), 0),
        rz.Eq(rz.dt(u) + u * rz.dx(u) + v * rz.dy(u) + g * rz.dx(h), 0),
        rz.Eq(rz.dt(v) + u * rz.dx(v) + v * rz.dy(v) + g * rz.dy(h), 0),
    ]
    start = {h: 1 + rz.exp(2 * rz.cos(x) + 2 * rz.cos(y) - 4) / 20, u: rz.sin(y) / 10, v: 0 * x}
    problem = rz.Problem(equations, domain=rz.Box(x=SIDE, y=SIDE), conditions=PERIODIC, initial=start)
    solution = rz.solve(problem.discretize(rz.Fourier(48, 48)), (0, 1), t_eval=[0, 0.5, 1], rtol=1e-9, atol=1e-11)
    height, a, b = solution["h"], solution["u"], solution["v"]
    assert drift(mean(height)) < 1e-13
    assert drift(mean(height * (a**2 + b**2) + g * height**2)) < 1e-7
