"""Textbook problems on periodic boxes, as users write them, for the tests of lowering."""

from __future__ import annotations

from typing import Any

import numpy as np

import ritz as rz

x, y, z = rz.coords("x y z")
u, v, w, psi, p, T, h, A, j = rz.fields("u v w psi p T h A j")
q = rz.fields("q", complex=True)
U, B = rz.vector_fields("U B")
nu, a, b = rz.params("nu a b", default=(0.01, 0.3, 0.7))
t = rz.t
LINE = rz.Interval(0, 2 * rz.pi)
SQUARE = rz.Box(x=(0, 2 * rz.pi), y=(0, 2 * rz.pi))
CUBE = rz.Box(x=(0, 2 * rz.pi), y=(0, 2 * rz.pi), z=(0, 2 * rz.pi))


def carried(f: Any) -> Any:
    """Advection of a scalar by the streamfunction psi."""
    return rz.dy(psi) * rz.dx(f) - rz.dx(psi) * rz.dy(f)


def advected(f: Any) -> Any:
    """(u, v) . grad f."""
    return u * rz.dx(f) + v * rz.dy(f)


# name -> (equations, domain, grid, transforms (inverse, forward) of the best form, solenoidal groups of states)
PROBLEMS: dict[str, tuple[list[Any], Any, tuple[int, ...], tuple[int, int] | None, int]] = {
    "burgers": ([rz.Eq(rz.dt(u) + u * rz.dx(u), nu * rz.dx(u, 2))], LINE, (32,), (1, 1), 0),
    "vorticity": ([rz.Eq(rz.dt(w) + carried(w), nu * rz.lap(w)), rz.Eq(rz.lap(psi), -w)], SQUARE, (16, 18), (2, 2), 0),
    "velocity": (
        [
            rz.Eq(rz.dt(u) + advected(u) + rz.dx(p), nu * rz.lap(u)),
            rz.Eq(rz.dt(v) + advected(v) + rz.dy(p), nu * rz.lap(v)),
            rz.Eq(rz.dx(u) + rz.dy(v), 0),
        ],
        SQUARE, (16, 15), (2, 2), 1,
    ),
    "gray_scott": (
        [
            rz.Eq(rz.dt(u), 2e-5 * rz.lap(u) - u * v**2 + a * (1 - u)),
            rz.Eq(rz.dt(v), 1e-5 * rz.lap(v) + u * v**2 - (a + b) * v),
        ],
        SQUARE, (16, 15), (2, 1), 0,
    ),
    "sine_gordon": ([rz.Eq(rz.dt(u, 2), rz.dx(u, 2) - rz.sin(u))], LINE, (32,), None, 0),
    "schroedinger": ([rz.Eq(rz.I * rz.dt(q) + rz.dx(q, 2) / 2 + rz.Abs(q) ** 2 * q, 0)], LINE, (33,), (1, 1), 0),
    "cahn_hilliard": (
        [rz.Eq(rz.dt(u), 3 * u**2 * rz.lap(u) + 6 * u * rz.dot(rz.grad(u), rz.grad(u)) - nu * rz.lap(rz.lap(u)))],
        SQUARE, (16, 16), (1, 1), 0,
    ),
    "long_wave": ([rz.Eq(rz.dt(u) - rz.dt(rz.dx(u, 2)), -rz.dx(u) - u * rz.dx(u))], LINE, (32,), None, 0),
    "shallow_water": (
        [
            rz.Eq(rz.dt(u) + advected(u), -rz.dx(h)),
            rz.Eq(rz.dt(v) + advected(v), -rz.dy(h)),
            rz.Eq(rz.dt(h) + rz.dx(h * u) + rz.dy(h * v), 0),
        ],
        SQUARE, (16, 18), (4, 5), 0,
    ),
    "boussinesq": (
        [
            rz.Eq(rz.dt(w) + carried(w), nu * rz.lap(w) + a * rz.dx(T)),
            rz.Eq(rz.lap(psi), -w),
            rz.Eq(rz.dt(T) + carried(T), nu * rz.lap(T)),
        ],
        SQUARE, (16, 18), (3, 4), 0,
    ),
    "magnetic_2d": (
        [
            rz.Eq(rz.dt(w) + carried(w), rz.dy(A) * rz.dx(j) - rz.dx(A) * rz.dy(j) + nu * rz.lap(w)),
            rz.Eq(rz.lap(psi), -w),
            rz.Eq(j, -rz.lap(A)),
            rz.Eq(rz.dt(A) + carried(A), nu * rz.lap(A)),
        ],
        SQUARE, (16, 18), (4, 3), 0,
    ),
    "navier_stokes_3d": (
        [rz.Eq(rz.dt(U) + rz.dot(U, rz.grad(U)), -rz.grad(p) + nu * rz.lap(U)), rz.Eq(rz.div(U), 0)],
        CUBE, (12, 10, 12), (3, 5), 1,
    ),
    "magnetic_3d": (
        [
            rz.Eq(rz.dt(U) + rz.dot(U, rz.grad(U)), rz.dot(B, rz.grad(B)) - rz.grad(p) + nu * rz.lap(U)),
            rz.Eq(rz.div(U), 0),
            rz.Eq(rz.dt(B) + rz.dot(U, rz.grad(B)), rz.dot(B, rz.grad(U)) + nu * rz.lap(B)),
            rz.Eq(rz.div(B), 0),
        ],
        CUBE, (8, 9, 8), (6, 8), 2,
    ),
    "forced": (
        [rz.Eq(rz.dt(u), -u * rz.dx(u) + nu * rz.dx(u, 2) + a * rz.sin(x) + rz.exp(rz.cos(x)) * u
               + rz.cos(t) * rz.sin(2 * x) + b)],
        LINE, (32,), None, 0,
    ),
    "two_powers": ([rz.Eq(rz.dt(u), a * u**2 + b * u**3 + nu * rz.dx(u, 2))], LINE, (32,), (1, 1), 0),
    "excitable": (
        [rz.Eq(rz.dt(u), nu * rz.lap(u) + u - u**3 / 3 - v + a), rz.Eq(rz.dt(v), 0.08 * (u + 0.7 - b * v))],
        SQUARE, (16, 15), (1, 1), 0,
    ),
}  # fmt: skip


def problem(name: str) -> rz.Problem:
    """One of the problems, without initial values."""
    equations, domain, *_ = PROBLEMS[name]
    return rz.Problem(equations, domain=domain, conditions=[rz.Periodic()], name=name)


def random_state(system: Any, name: str, seed: int = 1) -> np.ndarray:
    """A random state on the kept modes that satisfies the constraints."""
    rng = np.random.default_rng(seed)
    layout, space = system.layout, system.space
    values = {f: 0.1 * rng.standard_normal(space.shape.points) + 0.3 for f in layout.names}
    if not space.shape.real:
        values = {f: g + 0.1j * rng.standard_normal(space.shape.points) for f, g in values.items()}
    state = layout.from_fields(values)
    dim = space.slots
    modes = layout.modes(state)
    waves = np.meshgrid(*(space.wavenumber(i) for i in range(dim)), indexing="ij")
    square = sum(k**2 for k in waves)
    square[(0,) * dim] = 1.0
    for group in range(PROBLEMS[name][4]):
        names = layout.names[group * dim : (group + 1) * dim]
        divergence = sum(k * modes[f] for k, f in zip(waves, names, strict=True)) / square
        for k, f in zip(waves, names, strict=True):
            modes[f] = modes[f] - k * divergence
    return np.concatenate([np.ascontiguousarray(modes[f]).ravel().view(float) for f in layout.names])
