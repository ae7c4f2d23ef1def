"""Spectral accuracy: on exact solutions the error falls geometrically with the number of points, down to round-off."""

from __future__ import annotations

import numpy as np
import pytest

import ritz as rz

AXES = rz.coords("x y z")
NU, C, END = 0.5, 0.2, 0.5


def diagonal_burgers(dimension: int) -> rz.Problem:
    """Burgers' equation along the diagonal s = x + y + ... of a box; u depends on s and t only.

    The mean of the derivatives along the axes is u_s, the Laplacian is dimension * u_ss.
    """
    u, axes = rz.fields("u"), AXES[:dimension]
    slope = sum(rz.d(u, axis) for axis in axes) / dimension
    s = sum(axes)
    start = 2 * NU * C * rz.sin(s) / (1 + C * rz.cos(s))
    box = {axis.name: (0, 2 * rz.pi) for axis in axes}
    equation = rz.Eq(rz.dt(u), rz.lap(u) * NU / dimension - u * slope)
    return rz.Problem([equation], domain=rz.Box(**box), conditions=[rz.Periodic()], initial={u: start})


def cole_hopf(s: np.ndarray) -> np.ndarray:
    """-2 nu (log phi)_s with phi = 1 + c exp(-nu t) cos s, a solution of the heat equation."""
    c = C * np.exp(-NU * END)
    return 2 * NU * c * np.sin(s) / (1 + c * np.cos(s))


def error(dimension: int, points: int) -> float:
    """Largest error at the end, relative to the largest value of the solution."""
    system = diagonal_burgers(dimension).discretize(rz.Fourier(*[points] * dimension))
    solution = rz.solve(system, (0, END), method="DOP853", rtol=1e-12, atol=1e-16, t_eval=[END])
    s = sum(np.meshgrid(*system.layout.coords.values(), indexing="ij"))
    exact = cole_hopf(s)
    return float(np.abs(solution["u"][-1] - exact).max() / np.abs(exact).max())


@pytest.mark.filterwarnings("ignore::ritz.errors.ResolutionWarning")
@pytest.mark.parametrize("dimension", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_error_falls_geometrically_until_round_off(dimension):
    points = np.array([9, 15, 21, 27])
    kept = (points - 1) // 3  # of a quadratic nonlinearity
    errors = np.array([error(dimension, int(n)) for n in points])
    # The modes fall like r^-k with the pole of 1/(1 + c cos s) at distance log r = acosh(1/c) from the real axis; the
    # start value, whose pole is nearer, has left its trace in them.
    slope = -np.polyfit(kept, np.log(errors), 1)[0]
    late, early = np.arccosh(np.exp(NU * END) / C), np.arccosh(1 / C)
    assert 0.85 * early < slope < 1.15 * late
    assert error(dimension, 48 if dimension < 3 else 45) < 3e-12


@pytest.mark.parametrize("points", [47, 48, 49, 50, 53])
def test_odd_and_even_grids_are_equally_accurate(points):
    """Up to what an explicit method at the edge of stability makes of a tolerance of 1e-12 a step."""
    assert error(1, points) < 5e-11


@pytest.mark.parametrize("order", [1, 2, 3, 4, 6])
def test_derivatives_of_every_order_to_round_off(order):
    """``u_t = d^n u / dx^n`` for one wave: exact at any number of points that holds it."""
    x, u = rz.coords("x"), rz.fields("u")
    sign = -1 if order == 4 else 1
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), sign * rz.dx(u, order))], domain=rz.Interval(-1, 3), conditions=[rz.Periodic()],
        initial={u: rz.sin(rz.pi * x)},
    )  # fmt: skip
    system = problem.discretize(rz.Fourier(9))
    end = 0.01
    found = rz.solve(system, (0, end))["u"][-1]
    rate = sign * (1j * np.pi) ** order
    exact = np.imag(np.exp(1j * np.pi * system.layout.coords["x"] + rate * end))
    np.testing.assert_allclose(found, exact, atol=1e-13 * np.exp(abs(rate.real) * end))
