"""The periodic reference problems, written as the textbook writes them: one function a problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from case_tools import cases, number

import ritz as rz

x, y, z = rz.coords("x y z")
PERIODIC = [rz.Periodic()]


def parameter(case_id: str, name: str) -> Any:
    """The parameter of a case as a Ritz parameter."""
    return rz.params(name, default=number(cases("pde_time")[case_id]["parameters"][name]))


def exact(case_id: str, name: str) -> sp.Expr:
    """The closed form of a case over Ritz's coordinates and the time symbol."""
    known = {"x": x, "y": y, "t": rz.t}
    return sp.sympify(cases("pde_time")[case_id]["exact_solution"][name], locals=known)


def at_start(case_id: str, name: str) -> sp.Expr:
    return exact(case_id, name).subs(rz.t, 0)


def line(low: Any, high: Any) -> dict[str, Any]:
    return {"domain": rz.Interval(low, high), "conditions": PERIODIC}


def square(length: Any) -> dict[str, Any]:
    return {"domain": rz.Box(x=(0, length), y=(0, length)), "conditions": PERIODIC}


def kuramoto_sivashinsky(case_id: str) -> rz.Problem:
    u = rz.fields("u")
    equation = rz.Eq(rz.dt(u), -u * rz.dx(u) - rz.dx(u, 2) - rz.dx(u, 4))
    return rz.Problem([equation], **line(0, 32 * sp.pi), initial={u: sp.cos(x / 16) * (1 + sp.sin(x / 16))})


def allen_cahn(case_id: str) -> rz.Problem:
    u, eps = rz.fields("u"), parameter(case_id, "eps")
    equation = rz.Eq(rz.dt(u), eps * rz.dx(u, 2) + u - u**3)
    return rz.Problem([equation], **line(0, 2 * sp.pi), initial={u: sp.sin(x) + sp.Rational(3, 10) * sp.cos(2 * x)})


def korteweg_de_vries(case_id: str) -> rz.Problem:
    u, half = rz.fields("u"), {"kdv_soliton_c1": 20, "kdv_two_soliton_a": 30}[case_id]
    equation = rz.Eq(rz.dt(u) + 6 * u * rz.dx(u) + rz.dx(u, 3), 0)
    return rz.Problem([equation], **line(-half, half), initial={u: at_start(case_id, "u")})


def schroedinger(initial: sp.Expr, low: Any, high: Any) -> rz.Problem:
    psi = rz.fields("psi", complex=True)
    equation = rz.Eq(rz.I * rz.dt(psi) + rz.dx(psi, 2) / 2 + rz.Abs(psi) ** 2 * psi, 0)
    return rz.Problem([equation], **line(low, high), initial={psi: initial})


def nls_bright(case_id: str) -> rz.Problem:
    """The carrier exp(i x / 2) is periodic on this length and the tails are below 1e-10."""
    return schroedinger(at_start(case_id, "psi"), -8 * sp.pi, 8 * sp.pi)


def nls_akhmediev(case_id: str) -> rz.Problem:
    return schroedinger(at_start(case_id, "psi"), 0, 2 * sp.pi)


def nls_two_pulse(case_id: str) -> rz.Problem:
    carrier = sp.exp(6 * sp.I * sp.pi * x / 40)
    return schroedinger(carrier / sp.cosh(x + 4) + 1 / carrier / sp.cosh(x - 4), -20, 20)


def sine_gordon(case_id: str) -> rz.Problem:
    u, half = rz.fields("u"), {"sine_gordon_breather_06": 25, "sine_gordon_kink_antikink_02": 40}[case_id]
    rate = sp.diff(exact(case_id, "u"), rz.t).subs(rz.t, 0)
    equation = rz.Eq(rz.dt(u, 2) - rz.dx(u, 2) + rz.sin(u), 0)
    return rz.Problem([equation], **line(-half, half), initial={u: at_start(case_id, "u"), rz.dt(u): rate})


def burgers(case_id: str) -> rz.Problem:
    u = rz.fields("u")
    nu = parameter(case_id, {"burgers_cole_hopf_a": "nu", "burgers_kt_t1": "eps"}[case_id])
    equation = rz.Eq(rz.dt(u) + u * rz.dx(u), nu * rz.dx(u, 2))
    if case_id == "burgers_cole_hopf_a":
        return rz.Problem([equation], **line(0, 2 * sp.pi), initial={u: at_start(case_id, "u")})
    return rz.Problem([equation], **line(-sp.pi, sp.pi), initial={u: sp.exp(-10 * sp.sin(x / 2) ** 2)})


def advection_diffusion(case_id: str) -> rz.Problem:
    u, c, nu = rz.fields("u"), parameter(case_id, "c"), parameter(case_id, "nu")
    equation = rz.Eq(rz.dt(u) + c * rz.dx(u), nu * rz.dx(u, 2))
    return rz.Problem([equation], **line(-5, 5), initial={u: at_start(case_id, "u")})


def swift_hohenberg(case_id: str) -> rz.Problem:
    u, r = rz.fields("u"), parameter(case_id, "r")
    once = u + rz.dx(u, 2)
    equation = rz.Eq(rz.dt(u), r * u - (once + rz.dx(once, 2)) - u**3)
    return rz.Problem([equation], **line(0, 16 * sp.pi), initial={u: sp.cos(x) / 10 + sp.sin(x / 8) / 20})


def cahn_hilliard(case_id: str) -> rz.Problem:
    u, gamma = rz.fields("u"), parameter(case_id, "gamma")
    equation = rz.Eq(rz.dt(u), rz.dx(u**3 - u, 2) - gamma * rz.dx(u, 4))
    start = sp.Rational(2, 5) * sp.cos(x) + sp.sin(3 * x) / 5
    return rz.Problem([equation], **line(0, 2 * sp.pi), initial={u: start})


def taylor_green_2d(case_id: str) -> rz.Problem:
    u, v, p = rz.fields("u v p")
    nu = parameter(case_id, "nu")
    equations = [
        rz.Eq(rz.dt(u) + u * rz.dx(u) + v * rz.dy(u) + rz.dx(p), nu * rz.lap(u)),
        rz.Eq(rz.dt(v) + u * rz.dx(v) + v * rz.dy(v) + rz.dy(p), nu * rz.lap(v)),
        rz.Eq(rz.dx(u) + rz.dy(v), 0),
    ]
    start = {u: at_start(case_id, "u"), v: at_start(case_id, "v")}
    return rz.Problem(equations, **square(2 * sp.pi), initial=start)


def taylor_green_3d(case_id: str) -> rz.Problem:
    """The same equations in vector notation, with the pressure as an unknown."""
    u, p = rz.vector_fields("u"), rz.fields("p")
    equations = [
        rz.Eq(rz.dt(u) + rz.dot(u, rz.grad(u)) + rz.grad(p), rz.lap(u) / 1600),
        rz.Eq(rz.div(u), 0),
    ]
    start = (sp.sin(x) * sp.cos(y) * sp.cos(z), -sp.cos(x) * sp.sin(y) * sp.cos(z), 0)
    side = (0, 2 * sp.pi)
    return rz.Problem(equations, domain=rz.Box(x=side, y=side, z=side), conditions=PERIODIC, initial={u: start})


def vorticity(case_id: str) -> rz.Problem:
    w, psi = rz.fields("w psi")
    nu = parameter(case_id, "nu")
    equations = [
        rz.Eq(rz.dt(w) + rz.dy(psi) * rz.dx(w) - rz.dx(psi) * rz.dy(w), nu * rz.lap(w)),
        rz.Eq(rz.lap(psi), -w),
    ]
    start = 2 * sp.cos(y) + sp.Rational(3, 10) * sp.sin(2 * x) * sp.cos(y) + sp.sin(x)
    return rz.Problem(equations, **square(2 * sp.pi), initial={w: start})


def gray_scott(case_id: str) -> rz.Problem:
    u, v = rz.fields("u v")
    feed, kill = parameter(case_id, "F"), parameter(case_id, "k")
    equations = [
        rz.Eq(rz.dt(u), 2e-5 * rz.lap(u) - u * v**2 + feed * (1 - u)),
        rz.Eq(rz.dt(v), 1e-5 * rz.lap(v) + u * v**2 - (feed + kill) * v),
    ]
    half, low = sp.Rational(1, 2), sp.Rational(9, 20)
    s = sp.exp(-8 * (sp.sin(sp.pi * (x - half)) ** 2 + sp.Rational(3, 2) * sp.sin(sp.pi * (y - low)) ** 2))
    return rz.Problem(equations, **square(1), initial={u: 1 - s / 2, v: s / 4})


@dataclass(frozen=True)
class PeriodicCase:
    """How a reference case is solved.

    Attributes:
        build: makes the problem from the name of the case.
        modes: points per axis.
        tolerance: largest accepted error, relative to the largest value of the reference.
        options: of `rz.solve`.
        slow: takes more than about 15 s.
    """

    build: Callable[[str], rz.Problem]
    modes: tuple[int, ...]
    tolerance: float
    options: dict[str, Any] = field(default_factory=lambda: {"rtol": 1e-9, "atol": 1e-11})
    slow: bool = False


# Tolerances: the uncertainty of the reference, the tails cut off by the period, and the solver's own 1e-9 over the run.
PERIODIC_CASES = {
    "ks_kt_t20": PeriodicCase(kuramoto_sivashinsky, (256,), 1e-7),
    "allen_cahn_periodic_t10": PeriodicCase(allen_cahn, (256,), 1e-8),
    "kdv_soliton_c1": PeriodicCase(korteweg_de_vries, (256,), 1e-6),
    "kdv_two_soliton_a": PeriodicCase(korteweg_de_vries, (512,), 1e-6),
    "nls_bright_1": PeriodicCase(nls_bright, (512,), 1e-7),
    "nls_akhmediev_a38": PeriodicCase(nls_akhmediev, (128,), 1e-6),
    "nls_two_pulse_t6": PeriodicCase(nls_two_pulse, (512,), 1e-6),
    "sine_gordon_breather_06": PeriodicCase(sine_gordon, (256,), 1e-6),
    "sine_gordon_kink_antikink_02": PeriodicCase(sine_gordon, (512,), 1e-6),
    "burgers_cole_hopf_a": PeriodicCase(burgers, (64,), 1e-8),
    "burgers_kt_t1": PeriodicCase(burgers, (384,), 1e-8),
    "advecting_gaussian_a": PeriodicCase(advection_diffusion, (128,), 1e-9),
    "swift_hohenberg_1d_t20": PeriodicCase(swift_hohenberg, (256,), 1e-7),
    "cahn_hilliard_1d_t1": PeriodicCase(cahn_hilliard, (128,), 1e-7),
    "taylor_green_2d": PeriodicCase(taylor_green_2d, (32, 32), 1e-9),
    "ns2d_shear_t2": PeriodicCase(vorticity, (192, 192), 1e-8),
    "gray_scott_t50": PeriodicCase(gray_scott, (384, 384), 3e-7, {"rtol": 1e-7, "atol": 1e-9}),
    "taylor_green_3d_re1600_t1": PeriodicCase(taylor_green_3d, (32, 32, 32), 1e-6, {"rtol": 1e-6, "atol": 1e-8}),
}

LEFT = {"fisher_kpp_az": "not periodic: 1 on the left, 0 on the right; waits for Chebyshev axes"}
ELSEWHERE = {"nls_mi_k1_A1", "nls_mi_k1_2_A1"}  # growth rates: a test of their own
