"""Compiled kernels of traced programs against the programs themselves, and everything a System offers."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import ritz as rz
from ritz.codegen.calling import call_rhs_address

RNG = np.random.default_rng(5)
MATRIX = RNG.standard_normal((12, 12))
RIGHT = RNG.standard_normal((14, 14))
FORCING = RNG.standard_normal((12, 14))


def brusselator(t, y, a, b, alpha):
    u, v = y

    def lap(z):
        return np.roll(z, 1, 0) + np.roll(z, -1, 0) + np.roll(z, 1, 1) + np.roll(z, -1, 1) - 4 * z

    q = u**2 * v
    return np.stack([b + q - (a + 1) * u + alpha * lap(u), a * u - q + alpha * lap(v)])


def fluxes(t, u, k):
    flux = np.zeros_like(u, shape=len(u) + 1)
    flux[1:-1] = -k * (u[1:] - u[:-1]) * np.sqrt(1 + u[1:] * u[:-1])
    flux[0] = np.sin(t)
    flux[-1] = flux[-2]
    return -np.diff(flux) + 0.1 * np.gradient(u, 0.5)


def boundaries(t, u, k):
    out = np.empty_like(u)
    out[1:-1, 1:-1] = k * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1])
    out[0], out[-1] = 0.0, u[-2]
    out[1:-1, 0] = k
    out[1:-1, -1] = 2.0
    out[1:-1, -1] -= np.exp(-u[1:-1, 0])
    return np.where(out > 1.5, 1.5 * out, out) + FORCING


def products(t, u, v, k):
    mean = u.mean(axis=0, keepdims=True)
    du = MATRIX @ u + u @ RIGHT - k * (u - mean) + np.einsum("ij,kj,k->ij", u, u, v)
    dv = u @ (u.T @ v) / np.max(np.abs(v)) + v.min() + np.prod(u[3]) + np.sum(v[:3] * v[-3:])
    return {"v": dv, "u": du}


def padded(t, u, k):
    ghost = np.pad(u, 2, mode="wrap")
    edge = np.pad(u, ((1, 1), (0, 0)), mode="edge")
    return k * (ghost[:-4, 2:-2] - ghost[4:, 2:-2]) + edge[2:] * u[::-1] + np.clip(u.T, 0.3, 0.6)


def views(t, y, k):
    out = np.zeros_like(y)
    first, second = out
    first[:] = y[1].T
    second[2:5] = k * y[0, 2:5] % 0.3
    second[5:] += y[0, 5:] // 0.1
    out *= 2.0
    return out


def smoothed(t, u, k):
    for _ in range(4):
        u = 0.25 * (np.roll(u, 1) + 2 * u + np.roll(u, -1))
    return k * np.tanh(u) * np.concatenate([u[20:], u[:20]])


def columns(t, y, k):
    x, p = y[:, 0], y[:, 1]
    return np.stack([p, -k * np.sin(x)], axis=1)


def oscillator(t, x, v, k):
    return v, -k * x + np.cos(t)


PROGRAMS = {
    "brusselator": (brusselator, {"y": (2, 10, 13)}, {"a": 3.4, "b": 1.0, "alpha": 10.0}),
    "fluxes": (fluxes, {"u": (40,)}, {"k": 0.7}),
    "boundaries": (boundaries, {"u": (12, 14)}, {"k": 0.7}),
    "products": (products, {"u": (12, 14), "v": (12,)}, {"k": 0.7}),
    "padded": (padded, {"u": (11, 11)}, {"k": 0.7}),
    "views": (views, {"y": (2, 10, 10)}, {"k": 0.7}),
    "smoothed": (smoothed, {"u": (35,)}, {"k": 0.7}),
    "columns": (columns, {"y": (30, 2)}, {"k": 0.7}),
    "oscillator": (oscillator, {"x": (), "v": ()}, {"k": 0.7}),
    "short": (brusselator, {"y": (2, 3, 4)}, {"a": 3.4, "b": 1.0, "alpha": 10.0}),
}


@pytest.fixture(scope="module")
def systems():
    return {name: rz.trace(f, parameters=p, **shapes) for name, (f, shapes, p) in PROGRAMS.items()}


def expected_rate(name, system, t, u):
    function, shapes, parameters = PROGRAMS[name]
    made = function(t, *system.layout.to_arrays(u).values(), *parameters.values())
    names = list(shapes)
    parts = made if isinstance(made, dict) else dict(zip(names, [made] if len(names) == 1 else made, strict=True))
    return system.layout.from_fields(parts)


def close(found, expected, tol):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tol * np.abs(expected).max())


@pytest.mark.parametrize("name", PROGRAMS)
def test_rate_is_that_of_the_program(name, systems):
    system = systems[name]
    for t in (0.0, 1.3):
        u = RNG.uniform(0.2, 0.9, system.layout.size)
        expected = expected_rate(name, system, t, u)
        close(system.rhs(t, u), expected, 1e-14)
        close(system.rhs_numpy(t, u), expected, 1e-14)


@pytest.mark.parametrize("name", PROGRAMS)
def test_derivatives(name, systems):
    system = systems[name]
    u = RNG.uniform(0.2, 0.9, system.layout.size)
    v, w = RNG.standard_normal((2, system.layout.size))
    jv, wj = system.jvp(0.2, u, v), system.vjp(0.2, u, w)
    h = 1e-6
    slope = (system.rhs(0.2, u + h * v) - system.rhs(0.2, u - h * v)) / (2 * h)
    close(jv, slope, 1e-7)
    assert w @ jv == pytest.approx(wj @ v, rel=1e-11, abs=1e-11 * np.abs(jv).sum())
    matrix = system.jacobian(0.2, u)
    close(matrix @ v, jv, 1e-13)
    other = system.jacobian(0.4, RNG.uniform(0.2, 0.9, system.layout.size))
    assert np.array_equal(matrix.indices, other.indices) and np.array_equal(matrix.indptr, other.indptr)
    p = system.parameter_values()
    dp = RNG.standard_normal(p.size)
    slope = (system.rhs(0.2, u, p + h * dp) - system.rhs(0.2, u, p - h * dp)) / (2 * h)
    np.testing.assert_allclose(system.param_jvp(0.2, u, dp), slope, rtol=0, atol=1e-7 * (1 + np.abs(slope).max()))


def test_jacobian_of_a_stencil_is_sparse(systems):
    assert systems["brusselator"].jacobian(0.0, np.ones(260)).nnz == 260 * 6  # five points and the other field


@pytest.mark.parametrize("name", ["brusselator", "products", "boundaries"])
def test_threads_change_nothing(name):
    function, shapes, parameters = PROGRAMS[name]
    grid = {"y": (2, 80, 70)} if name == "brusselator" else shapes
    system = rz.trace(function, parameters=parameters, **grid)
    u = RNG.uniform(0.2, 0.9, system.layout.size)
    results = []
    for threads in (1, 2, 3):
        bound, out = system.bind(threads=threads), np.zeros(u.size)
        call_rhs_address(bound.rhs, 0.1, u, bound.p, out, bound.context)
        results.append(out)
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])


def test_source_does_not_depend_on_the_grid():
    _, _, parameters = PROGRAMS["brusselator"]
    sources = {
        kind: {rz.trace(brusselator, y=(2, n, n), parameters=parameters).source(kind) for n in (12, 33, 200)}
        for kind in ("rhs", "jvp", "vjp")
    }
    assert {kind: len(found) for kind, found in sources.items()} == {"rhs": 1, "jvp": 1, "vjp": 1}


def test_parameters_do_not_compile_again(systems):
    system = systems["brusselator"]
    before = system.source()
    u = RNG.uniform(0.2, 0.9, 260)
    y = u.reshape(2, 10, 13)
    close(system.rhs(0.0, u, {"a": 1.5}), brusselator(0.0, y, 1.5, 1.0, 10.0).ravel(), 1e-14)
    assert system.source() == before


def test_state_vector_and_its_words(systems):
    layout = systems["brusselator"].layout
    values = RNG.random((2, 10, 13))
    u = layout.from_fields({"y": values})
    assert np.array_equal(u, values.ravel())
    assert np.array_equal(layout.to_fields(u)["y_1"], values[1])
    assert np.array_equal(layout.to_arrays(u)["y"], values)
    assert layout.locate(130 + 13 * 2 + 5) == "y_1[2, 5]"
    assert list(layout.coords) == ["i", "j"]
    last = systems["columns"].layout
    values = RNG.random((30, 2))
    assert np.array_equal(last.to_arrays(last.from_fields({"y": values}))["y"], values)


def test_a_system_travels(systems):
    system = systems["brusselator"]
    again = pickle.loads(pickle.dumps(system))
    u = RNG.random(260)
    assert np.array_equal(again.rhs(0.0, u), system.rhs(0.0, u))


def test_large_sums_are_as_accurate_as_those_of_numpy():
    system = rz.trace(lambda t, u: u - np.mean(u), u=(100_001,))
    u = RNG.random(100_001)
    np.testing.assert_allclose(system.rhs(0.0, u), u - np.mean(u), rtol=0, atol=1e-15)


def test_tensor_trace_is_still_there():
    tensor = rz.tensor_fields("S")
    assert str(rz.trace(tensor)) == "trace(S)"
    with pytest.raises(rz.errors.OptionError, match="takes no parameters="):
        rz.trace(tensor, parameters={"a": 1})
