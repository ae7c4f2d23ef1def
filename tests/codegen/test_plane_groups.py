"""Grid values between transforms: in memory of the thread where nothing else needs them, in full arrays elsewhere."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

import ritz as rz
from ritz.codegen.calling import call_rhs_address
from ritz.codegen.runtime import ARRAY, GROUP, PLANES, STRIDE
from ritz.codegen.steps import Encoder, GridArray, loop_step


def system_of(right, points):
    names = "xyz"[: len(points)]
    coords = rz.coords(" ".join(names))
    u, v = rz.fields("u v")
    start = 0.3 * rz.sin(coords[0]) + 0.2 * rz.cos(sum(coords))
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), rz.lap(u) + right(u, v, coords)), rz.Eq(rz.dt(v), rz.lap(v) - u * v)],
        domain=rz.Box(**dict.fromkeys(names, (0, 2 * rz.pi))),
        conditions=[rz.Periodic()],
        initial={u: start, v: 0.5 + start**2},
    )
    return problem.discretize(rz.Fourier(*points, fuse=False))


def filled(instance):
    """Names of the buffers on the grid that hold something, and of those that hold nothing."""
    buffers = instance.compiled.program.buffers
    on_grid = {name for name, (axes, _, _) in buffers.items() if axes and all(a.kind == "point" for a in axes)}
    return {name for name in on_grid if instance.arrays[name].any()}, on_grid


def evaluate(system, threads):
    bound, u = system.bind(threads=threads), system.initial_state()
    out = np.empty_like(u)
    call_rhs_address(bound.rhs, 0.0, u, bound.p, out, bound.context)
    np.testing.assert_allclose(out, system.rhs_numpy(0.0, u), rtol=0, atol=1e-13 * np.abs(out).max())
    return bound.keep


PRODUCTS = [(80, 64), (64, 96), (12, 20, 16), (32, 16, 24)]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("points", PRODUCTS, ids=str)
def test_products_leave_no_values_in_full_arrays(points, threads):
    instance = evaluate(system_of(lambda u, v, x: u * v**2, points), threads)
    kinds = instance._encoded.program.reshape(-1, STRIDE)[:, 0]
    assert PLANES in kinds
    used, on_grid = filled(instance)
    assert on_grid and not used


def words_at(address, count):
    return np.ctypeslib.as_array((ctypes.c_int64 * count).from_address(address))


def test_an_array_that_another_step_reads_is_not_the_threads_own():
    """Two groups on 32 planes; both use `both`, and only one of them each of the others."""
    arrays = {name: GridArray(5 + k, 0, 2, 800) for k, name in enumerate(("first", "both", "second"))}
    steps = [
        loop_step(1, 320, 3200, 32, ("first", "both")),
        loop_step(2, 320, 3200, 32, ("both",)),
        loop_step(3, 70, 70, 0),
        loop_step(4, 320, 3200, 32, ("second", "both")),
        loop_step(5, 320, 3200, 32, ("second",)),
    ]
    code = Encoder(steps, arrays, 9, 100)
    groups = [words_at(int(row[3]), GROUP + ARRAY) for row in code.program.reshape(-1, STRIDE) if row[0] == PLANES]
    assert [(g[1], g[2], g[3]) for g in groups] == [(2, 1, 9), (2, 1, 9)]
    assert [g[GROUP] for g in groups] == [5, 7]  # entries of the context of `first` and `second`
    most = 2 * int(code.program[6]) - 1
    assert code.scratch >= 128 + 2 * min(most, 32) * 800


@pytest.mark.parametrize("threads", [1, 2])
def test_coordinates_on_the_grid_are_read_at_their_place(threads):
    evaluate(system_of(lambda u, v, x: (2 + rz.sin(x[0]) * rz.cos(x[1])) * u * v, (40, 64)), threads)
