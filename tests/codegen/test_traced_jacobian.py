"""Compiled Jacobians of traced programs: against differences, by address, in threads, and refusals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import ritz as rz
from ritz.codegen.calling import call_rhs_address
from ritz.codegen.traced.jacobian import _chain_of
from ritz.errors import UnsupportedError

RNG = np.random.default_rng(3)


def reacting(t, u, v, a, b):
    def lap(z):
        return np.roll(z, 1, 0) + np.roll(z, -1, 0) + np.roll(z, 1, 1) + np.roll(z, -1, 1) - 4 * z

    q = u**2 * v
    return b + q - (a + 1) * u + 0.1 * lap(u), a * u - q + 0.1 * lap(v) * np.cos(t)


def walls(t, u, a):
    out = np.zeros_like(u)
    out[1:-1] = a * (u[2:] ** 2 - u[:-2] * u[1:-1])
    return out - np.sin(u) * t


def overlapping(t, u, a):
    """On nine cells a shift by 4 and one by -5 read the same cell: two derivatives are one entry."""
    return np.roll(u, 4) * u + a * np.roll(u, -5) ** 2


def turned(t, u, a):
    return a * u[::-1, ::-1] * u + u[:, ::-1]


CASES = {
    "reacting": (reacting, {"u": (9, 11), "v": (9, 11)}, {"a": 0.3, "b": 1.2}),
    "walls": (walls, {"u": (14,)}, {"a": 0.7}),
    "overlapping": (overlapping, {"u": (9,)}, {"a": 0.7}),
    "turned": (turned, {"u": (9, 10)}, {"a": 0.7}),
}


def system_of(case):
    program, shapes, parameters = CASES[case]
    return rz.trace(program, **shapes, parameters=parameters)


def differences(system, t, u, p):
    h, n = 1e-6, u.size
    return np.stack([(system.rhs(t, u + e, p) - system.rhs(t, u - e, p)) / (2 * h) for e in h * np.eye(n)], axis=1)


@pytest.mark.parametrize("case", CASES)
def test_entries_by_address(case):
    system = system_of(case)
    u = RNG.normal(size=system.layout.size)
    for p in (system.parameter_values(), 2 * system.parameter_values()):
        bound = system.bind_jacobian(p)
        values = np.full(bound.indices.size, np.nan)
        call_rhs_address(bound.address, 0.4, u, bound.p, values, bound.context)
        dense = np.zeros((u.size, u.size))
        columns = np.repeat(np.arange(u.size), np.diff(bound.indptr))
        assert len(set(zip(bound.indices, columns, strict=True))) == bound.indices.size  # every entry once
        dense[bound.indices, columns] = values
        np.testing.assert_allclose(dense, differences(system, 0.4, u, p), atol=1e-7)
        np.testing.assert_array_equal(system.jacobian(0.4, u, p).toarray(), dense)


@pytest.mark.parametrize("case", CASES)
def test_the_product_of_factors_is_the_same(case):
    system = system_of(case)
    u, p = RNG.normal(size=system.layout.size), system.parameter_values()
    by_factors = _chain_of(system).at(0.4, u, p)
    found = system.jacobian(0.4, u, p)
    np.testing.assert_allclose(found.toarray(), by_factors.toarray(), rtol=1e-13, atol=1e-15)
    assert found.nnz == by_factors.nnz


def test_pattern_and_time_derivative():
    system = system_of("walls")
    one, two = system.bind_jacobian(), system.bind_jacobian({"a": 3.0})
    np.testing.assert_array_equal(one.indices, two.indices)
    u = RNG.normal(size=14)
    out = np.empty(14)
    call_rhs_address(one.time_address, 0.4, u, one.p, out, one.time_context)
    np.testing.assert_allclose(out, -np.sin(u), rtol=1e-13)
    assert system_of("turned").bind_jacobian().time_address == 0
    assert one.indices.size <= 3 * 14 + 2  # rows at the walls look one cell further


def test_several_threads_at_once():
    system = system_of("reacting")
    states = RNG.normal(size=(16, system.layout.size))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda u: system.jacobian(0.1, u).toarray(), states))
    for u, jacobian in zip(states, found, strict=True):
        np.testing.assert_array_equal(jacobian, system.jacobian(0.1, u).toarray())


def test_steps_over_whole_arrays_are_refused_by_address():
    def mean(t, u, a):
        return a * np.roll(u, 1) - u.sum() * u

    system = rz.trace(mean, u=(12,), parameters={"a": 0.7})
    with pytest.raises(UnsupportedError, match="The Jacobian of mean is not compiled: .* whole arrays .'sum'."):
        system.bind_jacobian()
    u, p = RNG.normal(size=12), np.array([0.7])
    np.testing.assert_allclose(system.jacobian(0.0, u, p).toarray(), differences(system, 0.0, u, p), atol=1e-7)


def test_a_stiff_run():
    """Diffusion with walls by an implicit method, against the exact decay of the slowest mode."""

    def heat(t, u, a):
        out = np.zeros_like(u)
        out[1:-1] = a * (u[2:] - 2 * u[1:-1] + u[:-2])
        return out

    n = 33
    start = np.sin(np.pi * np.arange(n) / (n - 1))
    system = rz.trace(heat, u=(n,), parameters={"a": 1e3}, initial=start)
    found = rz.solve(system, (0, 0.2), method="ESDIRK4", rtol=1e-6, atol=1e-9)
    rate = 2e3 * (np.cos(np.pi / (n - 1)) - 1)
    np.testing.assert_allclose(found.y[:, -1], np.exp(0.2 * rate) * start, atol=1e-6)
    assert found.success and found.njev >= 1
