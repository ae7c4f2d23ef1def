"""Fluxes through boundaries of problems that evolve in time: what goes in changes what is inside."""

import numpy as np
import pytest

import ritz as rz

x, y = rz.coords("x y")
u = rz.fields("u")


def heated(second: bool = False) -> rz.Problem:
    """A square whose left side is warmed, with a source inside."""
    rate = rz.dt(u, 2) if second else rz.dt(u)
    initial = {u: 0, rz.dt(u): 0} if second else {u: 0}
    return rz.Problem(
        [rz.Eq(rate, rz.lap(u) + x)], domain=rz.rectangle(n=(8, 8)),
        conditions=[rz.Dirichlet(u, rz.t**2, on="left")], initial=initial,
    )  # fmt: skip


def test_heat_that_flows_in_is_heat_that_is_stored():
    system = heated().discretize(rz.FiniteElement(degree=2))
    solution = rz.solve(system, (0, 1), method="SDIRK3", dt=0.02)
    k = 30
    stored = [solution.integrate(u, t=j) for j in (k - 1, k + 1)]
    change = (stored[1] - stored[0]) / (solution.t[k + 1] - solution.t[k - 1])
    assert abs(solution.flux(u, on="left", t=k) + 0.5 - change) < 2e-4 * abs(change)


def test_momentum_of_a_wave_balances():
    system = heated(second=True).discretize(rz.FiniteElement(degree=2))
    solution = rz.solve(system, (0, 1), method="Newmark", dt=0.02)
    k = 30
    speed = rz.fields("u_t")
    stored = [system.integrate(speed, solution.y[:, j], float(solution.t[j])) for j in (k - 1, k + 1)]
    change = (stored[1] - stored[0]) / (solution.t[k + 1] - solution.t[k - 1])
    assert abs(solution.flux(u, on="left", t=k) + 0.5 - change) < 5e-3 * abs(change)


def test_a_rate_is_asked_for():
    system = heated().discretize(rz.FiniteElement(degree=1))
    with pytest.raises(rz.errors.OptionError, match="needs rate="):
        system.flux(u, "left", np.zeros(system.layout.size))
    solution = rz.solve(system, (0, 0.1), method="BackwardEuler", dt=0.05, t_eval=[0.1])
    with pytest.raises(rz.errors.UnsupportedError, match="three stored times at least; this solution has 1"):
        solution.flux(u, on="left")
