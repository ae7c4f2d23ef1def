"""Stencils as vector code: against NumPy for all kinds of reads, sizes, ranges of rows and places in memory."""

from __future__ import annotations

import ctypes
import mmap
import re
import sys

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import ritz as rz
from ritz.codegen import native
from ritz.codegen.calling import call_rhs_address
from ritz.codegen.stencil_reads import NEAR

RNG = np.random.default_rng(11)
SIZES = (9, 10, 15, 16, 17, 31, 40)


def shifted(t, u, a):
    return a * (np.roll(u, 1, 0) + np.roll(u, -1, 1)) - np.roll(u, (3, -2), (0, 1)) * u


def far(t, u, a):
    return np.roll(u, 9, 1) - a * np.roll(u, -11, 0)


def walls(t, u, a):
    out = np.zeros_like(u)
    out[1:-1, 1:-1] = a * (u[2:, 1:-1] + u[:-2, 1:-1] - 4 * u[1:-1, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2])
    return out - u * (t + 1)


def turned(t, u, a):
    return a * u[::-1, ::-1] + u * np.abs(u[:, ::-1])


def transposed(t, u, a):
    m = min(u.shape)
    out = np.zeros_like(u)
    out[:m, :m] = u[:m, :m].T * a
    return out + np.roll(u, 1, 1)


def every_second(t, u, a):
    half = u[:, ::2]
    out = np.zeros_like(u)
    out[:, : half.shape[1]] = half * a
    return out - np.roll(u, 1, 0)


def chosen(t, u, a):
    left, right = np.roll(u, 1, 1), np.roll(u, -1, 1)
    return np.where(u > a, np.maximum(left, right), np.minimum(left, right)) + np.sqrt(np.abs(u)) * np.sign(left)


def along_rows(t, u, a):
    profile = np.linspace(0, 1, u.shape[1])
    column = np.cos(np.arange(u.shape[0]))[:, None]
    return profile * np.roll(u, 1, 0) + column * np.roll(u, -1, 1) - a * u


def wide(t, u, a):
    return np.roll(u, 2, 0) - a * np.roll(u, -3, 1) * np.roll(u, (-1, 2), (0, 1)) + np.roll(u, 4, 1)


def mirrored_in_the_middle(t, u, a):
    """Row maps that lead to the next row in most places, and elsewhere at an odd and at an even row."""
    below = [min(k + 1, u.shape[0] - 1) for k in range(u.shape[0])]
    below[4], below[7] = 0, 2
    return u[below] - a * np.roll(u, 1, 0) * np.roll(u, 1, 1)


PROGRAMS = (wide, mirrored_in_the_middle, shifted, far, walls, turned, transposed, every_second, chosen, along_rows)


def natives(system):
    return system._compiled("rhs").emitted.native


def evaluate(system, u, t=0.3, place=0):
    """The right-hand side with state and result at any multiple of 8 bytes, and what lies around the result."""
    n = u.size
    memory = np.full(2 * n + 64, np.nan)
    start = (-memory.ctypes.data % 64) // 8 + place
    state, out = memory[start : start + n], memory[start + n + 16 : start + 2 * n + 16]
    state[:] = u.ravel()
    bound = system.bind()
    call_rhs_address(bound.rhs, t, state, bound.p, out, bound.context)
    edges = np.concatenate([memory[start + n : start + n + 16], memory[start + 2 * n + 16 :]])
    assert np.isnan(edges).all() and np.array_equal(state, u.ravel())
    return out.copy()


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("shape", [(9, 9), (9, 31), (31, 9), (16, 17), (20, 40)])
def test_against_numpy(program, shape):
    system = rz.trace(program, u=shape, parameters={"a": 0.7})
    assert natives(system)
    u = RNG.normal(size=shape)
    np.testing.assert_allclose(evaluate(system, u), program(0.3, u, 0.7).ravel(), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("lanes", [2, 4, 8])
def test_vectors_of_any_length(lanes, monkeypatch):
    """What other machines get; LLVM takes long vectors apart where there are none."""
    monkeypatch.setattr(native, "lanes", lambda: lanes)
    for program in PROGRAMS:
        u = RNG.normal(size=(9, 33))
        system = rz.trace(program, u=u.shape, parameters={"a": 0.7})
        assert f"<{lanes} x double>" in "".join(natives(system).values())
        np.testing.assert_allclose(evaluate(system, u), program(0.3, u, 0.7).ravel(), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("columns", [32, 33, 512, 1024])
def test_pairs_of_rows(columns):
    """Pairs, a row that is left over, and rows so far apart that they go alone."""
    u = RNG.normal(size=(9, columns))
    for program in (shifted, walls):
        system = rz.trace(program, u=u.shape, parameters={"a": 0.7})
        np.testing.assert_allclose(evaluate(system, u), program(0.3, u, 0.7).ravel(), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("columns", SIZES)
def test_rows_of_other_lengths(columns):
    """What is read is shorter or longer than the row of results: nothing beyond it may be read."""

    def staggered(t, y, flux, a):
        out = -y * a
        out[:, 1:-1] += flux
        return {"y": out, "flux": y[:, 2:] - y[:, :-2] - np.roll(flux, 1, 1)}

    y, flux = RNG.normal(size=(9, columns + 2)), RNG.normal(size=(9, columns))
    system = rz.trace(staggered, y=y.shape, flux=flux.shape, parameters={"a": 0.7})
    found = system.layout.to_arrays(evaluate(system, np.concatenate([y.ravel(), flux.ravel()])))
    for name, value in staggered(0.3, y, flux, 0.7).items():
        np.testing.assert_allclose(found[name], value, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("size", SIZES)
def test_one_and_three_dimensions(size):
    def line(t, u, a):
        return a * np.diff(u, append=u[:1]) - np.roll(u, 2) * u

    def box(t, u, a):
        return sum(np.roll(u, s, k) for s in (1, -1) for k in range(3)) - 6 * a * u

    u = RNG.normal(size=size)
    system = rz.trace(line, u=(size,), parameters={"a": 0.7})
    np.testing.assert_allclose(evaluate(system, u), line(0.0, u, 0.7), rtol=1e-13, atol=1e-14)
    v = RNG.normal(size=(9, 10, size))
    system = rz.trace(box, u=v.shape, parameters={"a": 0.7})
    np.testing.assert_allclose(evaluate(system, v), box(0.0, v, 0.7).ravel(), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("program", (shifted, walls, turned), ids=lambda f: f.__name__)
def test_the_place_in_memory_changes_no_digit(program):
    u = RNG.normal(size=(12, 29))
    system = rz.trace(program, u=u.shape, parameters={"a": 0.7})
    first = evaluate(system, u)
    for place in range(1, 8):
        np.testing.assert_array_equal(evaluate(system, u, place=place), first)


@pytest.mark.parametrize("program", (shifted, walls, chosen), ids=lambda f: f.__name__)
def test_ranges_of_rows(program):
    """Any split of the rows gives the same, and writes its own rows only."""
    u = RNG.normal(size=(13, 21))
    system = rz.trace(program, u=u.shape, parameters={"a": 0.7})
    instance = system._instance("rhs")
    instance.update(system._named([0.7]))
    (address,) = instance.compiled.addresses
    stage = ctypes.CFUNCTYPE(None, *[ctypes.c_ssize_t] * 2, ctypes.c_double, *[ctypes.c_ssize_t] * 4)(address)
    p, state = np.array([0.7]), u.ravel().copy()
    whole = evaluate(system, u).reshape(u.shape)
    for lo, hi in ((0, 13), (0, 1), (12, 13), (3, 8), (5, 5)):
        out = np.full(u.shape, np.nan)
        stage(lo, hi, 0.3, state.ctypes.data, p.ctypes.data, out.ctypes.data, instance.context)
        np.testing.assert_array_equal(out[lo:hi], whole[lo:hi])
        assert np.isnan(out[:lo]).all() and np.isnan(out[hi:]).all()


def test_threads_give_the_same():
    u = RNG.normal(size=(128, 64))
    system = rz.trace(shifted, u=u.shape, parameters={"a": 0.7})
    out = np.empty((2, u.size))
    for k in range(2):
        bound = system.bind(threads=k + 1)
        call_rhs_address(bound.rhs, 0.3, u.ravel().copy(), bound.p, out[k], bound.context)
    np.testing.assert_array_equal(*out)


def test_the_text_of_a_local_stencil_does_not_depend_on_the_grid():
    def text(program, shape):
        return natives(rz.trace(program, u=shape, parameters={"a": 0.7}))

    assert text(walls, (12, 20)) == text(walls, (50, 33))
    assert NEAR < 9 and text(far, (20, 30)) == text(far, (40, 70))


def test_functions_that_are_no_instructions_are_left_to_printed_loops():
    def heated(t, u, a):
        return np.exp(-a * np.roll(u, 1, 1)) - u

    system = rz.trace(heated, u=(10, 20), parameters={"a": 0.7})
    assert not natives(system) and "def stage0" in system._compiled("rhs").emitted.module
    u = RNG.normal(size=(10, 20))
    np.testing.assert_allclose(system.rhs(0.0, u.ravel()), heated(0.0, u, 0.7).ravel(), rtol=1e-13)
    both = rz.trace(shifted, u=(10, 20), parameters={"a": 0.7})
    assert "def stage0" in both.source() and not both._compiled("rhs").emitted.module


def test_reads_are_vectors_and_sums_are_fused():
    """Only cells at the ends of rows, and those of short rows, are read one by one."""
    system = rz.trace(walls, u=(20, 40), parameters={"a": 0.7})
    (text,) = natives(system).values()
    assert f"load <{native.lanes()} x double>" in text and "fadd contract" in text
    two = re.findall(r"shufflevector <\d+ x double> (%v\d+), <\d+ x double> (%v\d+)", text)
    assert any(a != b for a, b in two) == (native.lanes() == 8)  # neighbours of aligned vectors, without crossing lines


def test_nothing_beyond_the_state_is_read():
    """The state ends at a page that must not be touched, or starts behind one."""
    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, 3 * page)
    first = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protect = getattr(ctypes.CDLL(None), "mprotect", None) if sys.platform != "win32" else None
    if protect is None or page % 4096:
        pytest.skip("pages cannot be protected here")
    for k in (0, 2):
        assert protect(ctypes.c_void_p(first + k * page), ctypes.c_size_t(page), 0) == 0
    try:
        for shape in ((9, 31), (16, 16), (10, 17), (9, 32)):
            size = shape[0] * shape[1]
            for start in (0, page // 8 - size):
                state = np.frombuffer(memory, np.float64, size, page + 8 * start)
                state[:] = RNG.normal(size=size)
                for program in PROGRAMS:
                    system = rz.trace(program, u=shape, parameters={"a": 0.7})
                    bound, out = system.bind(), np.empty(size)
                    call_rhs_address(bound.rhs, 0.3, state, bound.p, out, bound.context)
                    expected = program(0.3, state.reshape(shape), 0.7).ravel()
                    np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-13)
    finally:
        for k in (0, 2):
            protect(ctypes.c_void_p(first + k * page), ctypes.c_size_t(page), mmap.PROT_READ | mmap.PROT_WRITE)


def test_a_whole_run():
    u = RNG.normal(size=(16, 16))
    system = rz.trace(walls, u=u.shape, parameters={"a": 0.1}, initial=u)
    found = rz.solve(system, (0, 1), method="RK45", rtol=1e-8, atol=1e-10)
    exact = solve_ivp(lambda t, v: walls(t, v.reshape(u.shape), 0.1).ravel(), (0, 1), u.ravel(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.y[:, -1], exact.y[:, -1], atol=1e-6)
