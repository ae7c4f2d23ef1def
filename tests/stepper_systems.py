"""Tiny systems with a hand-written right-hand side, to test the integrators without the code generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from numba import carray, cfunc, njit

from ritz.codegen.abi import RHS_SIGNATURE, as_c128, as_f64
from ritz.codegen.structure import OrdinaryForm

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class HandLayout:
    """The part of a StateLayout that the integrators use."""

    size: int
    is_complex: bool = False
    coords: dict[str, Array] = field(default_factory=dict)

    def to_fields(self, u: Array) -> dict[str, Array]:
        return {"u": u.view(complex) if self.is_complex and u.ndim == 1 else u}

    def from_fields(self, values: dict[str, Any]) -> Array:
        return np.ascontiguousarray(values["u"]).view(float)

    def locate(self, index: int) -> str:
        return f"component {index}"


@dataclass
class HandSystem(OrdinaryForm):
    """A system of a compiled right-hand side (and, for a split one, the nonlinear part and the diagonal)."""

    rhs_function: Any
    u0: Array
    p: Array
    nonlinear_function: Any = None
    linear: Array | None = None
    groups: Array | None = None
    exact: Callable[[float], Array] | None = None
    name: str = "by hand"
    parameters: tuple[Any, ...] = ()
    problem: Any = None

    @property
    def layout(self) -> HandLayout:
        return HandLayout(self.u0.size, self.linear is not None and np.iscomplexobj(self.linear))

    def parameter_values(self, overrides: Any = None) -> Array:
        return self.p.copy() if overrides is None else np.asarray(overrides, float)

    def initial_state(self, p: Array) -> Array:
        return self.u0.copy()

    def linear_diagonal(self, p: Array) -> Array | None:
        return self.linear

    def rhs(self, t: float, u: Array, p: Array | None = None) -> Array:
        out = np.empty_like(u)
        p = self.p if p is None else p
        u = np.ascontiguousarray(u)
        self.rhs_function.ctypes(t, u.ctypes.data, p.ctypes.data, out.ctypes.data, 0)
        return out

    def bind(self, p: Array, *, threads: int = 1) -> SimpleNamespace:
        split = self.nonlinear_function is not None
        return SimpleNamespace(
            rhs=self.rhs_function.address,
            nonlinear=self.nonlinear_function.address if split else 0,
            linear=self.linear, context=0, p=p, size=self.u0.size, groups=self.groups,
            is_complex=self.layout.is_complex, weights=np.ones(self.u0.size) / self.u0.size,
        )  # fmt: skip

    def explain_nonfinite(self, t: float, u: Array, p: Array) -> str:
        bad = np.flatnonzero(~np.isfinite(self.rhs(t, np.array(u), p)))
        return f"equation {bad[0]} is not finite at t = {t:.6g}" if bad.size else ""


@cache
def lorenz() -> HandSystem:
    @cfunc(RHS_SIGNATURE)
    def f(t, u_, p_, out_, ctx):  # type: ignore[no-untyped-def]
        u, p, out = carray(as_f64(u_), 3), carray(as_f64(p_), 3), carray(as_f64(out_), 3)
        out[0] = p[0] * (u[1] - u[0])
        out[1] = u[0] * (p[1] - u[2]) - u[1]
        out[2] = u[0] * u[1] - p[2] * u[2]

    return HandSystem(f, np.array([1.0, 1.0, 1.0]), np.array([10.0, 28.0, 8 / 3]), name="lorenz")


def _split(real_code: Any, linear: Array, u0: Array, name: str, **kwargs: Any) -> HandSystem:
    """Make a split system: `real_code(t, u, out)` gives N on arrays of the type of `linear` or of complex modes."""
    is_complex = np.iscomplexobj(u0)
    m, p = u0.size, np.zeros(1)
    code = njit(real_code)
    read = as_c128 if is_complex else as_f64
    diagonal = linear.astype(complex) if is_complex else linear

    @cfunc(RHS_SIGNATURE)
    def nonlinear(t, u_, p_, out_, ctx):  # type: ignore[no-untyped-def]
        code(t, carray(read(u_), m), carray(read(out_), m))

    @cfunc(RHS_SIGNATURE)
    def rhs(t, u_, p_, out_, ctx):  # type: ignore[no-untyped-def]
        u, out = carray(read(u_), m), carray(read(out_), m)
        code(t, u, out)
        for i in range(m):
            out[i] += diagonal[i] * u[i]

    return HandSystem(rhs, u0.view(float).copy(), p, nonlinear, diagonal, name=name, **kwargs)


@cache
def pendulum() -> HandSystem:
    """A driven, damped pendulum: smooth, with time in the right-hand side."""

    @cfunc(RHS_SIGNATURE)
    def f(t, u_, p_, out_, ctx):  # type: ignore[no-untyped-def]
        u, p, out = carray(as_f64(u_), 2), carray(as_f64(p_), 2), carray(as_f64(out_), 2)
        out[0] = u[1]
        out[1] = -np.sin(u[0]) - p[0] * u[1] + p[1] * np.cos(1.7 * t)

    return HandSystem(f, np.array([1.2, 0.0]), np.array([0.1, 0.6]), name="pendulum")


@cache
def scalar(kind: str) -> HandSystem:
    """One unknown: "decay" u' = -u, "blowup" u' = u^2, "log" u' = log(u) - 2, "bad" never finite."""
    number = {"decay": 0, "blowup": 1, "log": 2, "bad": 3}[kind]

    @cfunc(RHS_SIGNATURE)
    def f(t, u_, p_, out_, ctx):  # type: ignore[no-untyped-def]
        u, out = carray(as_f64(u_), 1), carray(as_f64(out_), 1)
        if number == 0:
            out[0] = -u[0]
        elif number == 1:
            out[0] = u[0] * u[0]
        elif number == 2:
            out[0] = np.log(u[0]) - 2.0
        else:
            out[0] = np.nan

    return HandSystem(f, np.array([1.0]), np.zeros(1), name=kind)


@cache
def diffusion(m: int = 20000, fields: int = 2) -> HandSystem:
    """Many real modes of a stiff diagonal with a weak nonlinearity, in groups, for field-wise norms and threads."""
    size = m * fields

    @cfunc(RHS_SIGNATURE)
    def nonlinear(t, u_, p_, out_, ctx):  # type: ignore[no-untyped-def]
        u, out = carray(as_f64(u_), size), carray(as_f64(out_), size)
        for i in range(size):
            out[i] = np.sin(t) - u[i] * u[(i + m) % size]

    linear = -np.tile(np.linspace(0.0, 1e4, m), fields)

    @cfunc(RHS_SIGNATURE)
    def rhs(t, u_, p_, out_, ctx):  # type: ignore[no-untyped-def]
        u, out = carray(as_f64(u_), size), carray(as_f64(out_), size)
        for i in range(size):
            out[i] = np.sin(t) - u[i] * u[(i + m) % size] + linear[i] * u[i]

    groups = np.array([[k * m, (k + 1) * m] for k in range(fields)])
    u0 = np.cos(np.arange(size)) / (1 - linear)
    return HandSystem(rhs, u0, np.zeros(1), nonlinear, linear, groups, name="diffusion")


@cache
def split_real() -> HandSystem:
    """Two real unknowns, a slow and a fast one, coupled by the nonlinear part, with time in it."""

    def code(t, u, out):  # type: ignore[no-untyped-def]
        out[0] = np.cos(2.0 * t) * u[1] - 0.5 * u[0] * u[0]
        out[1] = 3.0 * u[0] * u[0] - u[1] * u[0] + np.sin(t)

    return _split(code, np.array([-0.5, -12.0]), np.array([1.0, 0.4]), "split real")


def _modes(t, u, out):  # type: ignore[no-untyped-def]
    out[0] = -0.8j * abs(u[0]) ** 2 * u[0] + 0.5 * u[1] * np.cos(t)
    out[1] = u[0] * u[0] - 0.3 * np.conj(u[1]) * u[0]


@cache
def split_complex() -> HandSystem:
    """Two complex modes with a decaying, turning linear part."""
    return _split(_modes, np.array([-0.2 + 2.0j, -4.0 - 9.0j]), np.array([1.0 + 0.5j, 0.3 - 0.2j]), "split complex")


@cache
def split_mixed() -> HandSystem:
    """Two complex modes with a real diagonal, as of a diffusion equation."""
    return _split(_modes, np.array([-0.3, -12.0]), np.array([1.0 + 0.5j, 0.3 - 0.2j]), "split mixed")
