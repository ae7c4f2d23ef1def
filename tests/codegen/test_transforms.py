"""Pruned transforms of every provider against NumPy, over sizes, batches and kinds."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import ritz as rz
from ritz.codegen import native
from ritz.codegen.transforms import PROVIDERS, TransformShape, choose_provider, provider
from ritz.codegen.transforms.find_library import Wanted
from ritz.codegen.transforms.generated import obstacle
from ritz.codegen.transforms.passes import Line, radices
from ritz.codegen.transforms.provider import _PHASE, aligned
from ritz.errors import MissingPackage, OptionError, UnsupportedError


def present(name):
    try:
        choose_provider(name, TransformShape((8,), (2,)))
    except MissingPackage:
        return False
    return True


LIBRARIES = [
    pytest.param(name, marks=pytest.mark.skipif(not present(name), reason=f"{name} is not installed"))
    for name in ("rocket", "mkl", "fftw")
]


def run(name, shape, direction, source, target, times=1):
    plan = provider(name)(shape, len(source), direction)
    for _ in range(times):
        plan.run([(a.ctypes.data, b.ctypes.data) for a, b in zip(source, target, strict=True)])


@st.composite
def shapes(draw, sizes=None):
    fewest, sizes = (1, st.integers(4, 24)) if sizes is None else (2, sizes)
    points = tuple(draw(st.lists(sizes, min_size=fewest, max_size=3)))
    cutoff = tuple(draw(st.integers(1, (n - 1) // 2)) for n in points)
    return TransformShape(points, cutoff, draw(st.booleans()))


def check(name, shape, batch, seed):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((batch, *shape.points))
    if not shape.real:
        values = values + 1j * rng.standard_normal(values.shape)
    modes = np.zeros((batch, *shape.modes), dtype=complex)
    run(name, shape, "forward", values, modes, times=2)
    np.testing.assert_allclose(modes, shape.forward(values), rtol=0, atol=2e-15 * np.abs(values).max())
    back = np.zeros_like(values)
    run(name, shape, "inverse", modes, back, times=2)
    np.testing.assert_allclose(back, shape.inverse(modes), rtol=0, atol=1e-14)
    again = np.zeros_like(modes)
    run(name, shape, "forward", back, again)
    np.testing.assert_allclose(again, modes, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", LIBRARIES)
@given(shape=shapes(), batch=st.integers(1, 3), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_libraries_against_numpy(name, shape, batch, seed):
    check(name, shape, batch, seed)


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("points", [(200,), (90, 75), (23, 9, 80)])
@pytest.mark.parametrize("real", [True, False])
def test_libraries_with_several_blocks_of_columns_and_groups_of_rows(name, points, real):
    check(name, TransformShape(points, tuple((n - 1) // 2 for n in points), real), 2, 0)


SMOOTH = st.sampled_from([n for n in range(8, 50) if radices(n, 8)] + [64, 81, 96, 100, 128])


@pytest.mark.parametrize("lanes", [2, 4, 8])
@given(shape=shapes(SMOOTH), batch=st.integers(1, 2), seed=st.integers(0, 99))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_generated_against_numpy(lanes, shape, batch, seed):
    """Vectors wider than the processor's are split by LLVM; the code is the same as on a processor that has them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "lanes", lambda: lanes)
        assume(np.prod(shape.points) < 20_000 and not obstacle(shape))
        check("generated", shape, batch, seed)


@pytest.mark.parametrize(
    ("points", "cutoff"), [((256, 256), (85, 85)), ((512, 24), (127, 11)), ((64, 64, 64), (21,) * 3)]
)
def test_generated_transforms_of_long_lines(points, cutoff):
    check("generated", TransformShape(points, cutoff), 1, 0)


@pytest.mark.parametrize("n", [n for n in range(4, 300) if radices(n, 4)] + [1024, 2048, 3600, 8192])
def test_radices_and_gaps(n):
    """The product is n, and no two numbers of a buffer share a place, whichever way a pass names them."""
    for lanes in (4, 8):
        factors = radices(n, lanes)
        assert np.prod(factors) == n and max(factors) <= 8
        line = Line(n, factors, -1)
        if line.block:
            stride = 1
            for r in factors:
                assert (n // r) % line.block == 0
                assert line.block % (stride * r) == 0 or stride % line.block == 0
                stride *= r


@pytest.mark.parametrize("pieces", [[(0, 24), (24, 54)], [(0, 54)], [(29, 54), (16, 29), (0, 16)]])
def test_planes_in_pieces(pieces):
    """Phases of planes may be cut anywhere as long as every piece has the fewest planes."""
    shape = TransformShape((54, 24), (17, 7))
    plan = provider("generated")(shape, 1, "inverse")
    rng = np.random.default_rng(1)
    modes = shape.forward(rng.standard_normal(shape.points))
    target = np.full(shape.points, np.nan)
    outer, inner = plan.phases
    assert inner.planes and inner.fewest <= 16
    scratch = np.empty(plan.scratch + 64, np.uint8)
    memory = aligned(scratch.ctypes.data)
    ends = plan.address, modes.ctypes.data, target.ctypes.data
    _PHASE(outer.function)(*ends, 0, outer.units, memory)
    for lo, hi in pieces:
        _PHASE(inner.function)(*ends, lo, hi, memory)
    np.testing.assert_allclose(target, shape.inverse(modes), rtol=0, atol=1e-14)


def test_modes_are_amplitudes():
    shape = TransformShape((16,), (5,))
    x = 2 * np.pi * np.arange(16) / 16
    modes = shape.forward(3.0 + 2 * np.cos(4 * x))
    np.testing.assert_allclose(modes, [3, 0, 0, 0, 1, 0], atol=1e-15)


def test_unknown_provider_offers_the_nearest():
    with pytest.raises(OptionError, match="Did you mean 'rocket'"):
        provider("rockett")


@pytest.mark.parametrize("broken", [False, True])
def test_a_missing_library_says_what_to_install(broken, tmp_path, monkeypatch):
    monkeypatch.setenv("RITZ_LIBRARIES", str(tmp_path))
    if broken:
        (tmp_path / "libnowhere.so.3").write_text("no library")
    wanted = Wanted("Nowhere's FFT", "mkl", ("libnowhere.so*",), ("nowhere",))
    with pytest.raises(MissingPackage, match=r'pip install "ritz\[mkl\]", or name the folder of libnowhere') as caught:
        wanted.load()
    assert ("libnowhere.so.3 cannot be loaded" in str(caught.value)) == broken


def test_libraries_are_looked_for_in_the_users_folders_first(tmp_path, monkeypatch):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("RITZ_LIBRARIES", os.pathsep.join([str(tmp_path / "a"), "", str(tmp_path / "b")]))
    folders = list(Wanted("", "fftw", (), (), "numpy").folders())
    assert folders[:2] == [tmp_path / "a", tmp_path / "b"]
    assert Path(np.__file__).parent in folders and Path(np.__file__).parent.with_name("numpy.libs") in folders


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ((22,), "22 points are too few or have a prime factor above 7"),
        ((2,), "2 points are too few"),
        ((64, 44), "44 points are not a product"),
        ((64, 5, 64), "5 points are not a product"),
    ],
)
def test_where_there_are_no_generated_transforms(points, why):
    shape = TransformShape(points, tuple((n - 1) // 3 for n in points))
    name, reason = choose_provider("auto", shape)
    assert name == "rocket" and why in reason
    with pytest.raises(UnsupportedError, match=why):
        choose_provider("generated", shape)


@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize("points", [(4, 4), (4, 6), (6, 4), (4, 4, 4), (64, 4, 4), (4, 64, 4), (4, 4, 64)])
def test_smallest_grids(points, real):
    check("generated", TransformShape(points, tuple((n - 1) // 3 for n in points), real), 2, 0)


def test_every_provider_is_listed():
    assert set(PROVIDERS) >= {"generated", "rocket", "mkl", "fftw"}


def heat_and_waves(transforms, threads, points=(48, 36), seed=0):
    x, y = rz.coords("x y")
    u, v = rz.fields("u v")
    start = rz.exp(rz.sin(x) + rz.cos(y))
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), rz.lap(u) / 50 - u * rz.dx(v)), rz.Eq(rz.dt(v), rz.lap(v) / 40 + u * v - v**2)],
        domain=rz.Box(x=(0, 2 * rz.pi), y=(0, 2 * rz.pi)),
        conditions=[rz.Periodic()],
        initial={u: start, v: rz.sin(x + y)},
    )
    system = problem.discretize(rz.Fourier(*points, transforms=transforms))
    return rz.solve(system, (0, 0.2), method="ETDRK4", dt=0.01, t_eval=[0.2], threads=threads).y[:, -1]


@pytest.mark.parametrize("points", [(48, 36), (16, 12), (80, 128)])
def test_providers_and_threads_agree_over_a_run(points):
    reference = heat_and_waves("rocket", 1, points)
    for transforms in ("generated", *filter(present, ("rocket", "mkl", "fftw"))):
        for threads in (1, 2, 3):
            result = heat_and_waves(transforms, threads, points)
            np.testing.assert_allclose(result, reference, rtol=0, atol=1e-13 * np.abs(reference).max())


def test_report_says_which_transforms_are_used():
    x = rz.coords("x")
    u = rz.fields("u")
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), rz.dx(u, 2))], domain=rz.Box(x=(0, 1)), conditions=[rz.Periodic()],
        initial={u: rz.cos(2 * rz.pi * x)},
    )  # fmt: skip
    for n, transforms in ((64, "generated transforms"), (22, "rocket transforms")):
        assert any(transforms in c for c in problem.discretize(rz.Fourier(n)).report().choices)
    for name in filter(present, ("mkl", "fftw")):
        choices = problem.discretize(rz.Fourier(64, transforms=name)).report().choices
        assert any(f"{name} transforms: asked for; the library is" in c and name in c[30:] for c in choices)
