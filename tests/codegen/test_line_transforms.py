"""Generated transforms in one dimension: every size against NumPy, their laws, widths of vectors, precisions."""

from __future__ import annotations

import ctypes

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritz.codegen import native
from ritz.codegen.transforms import TransformShape, provider
from ritz.codegen.transforms.butterfly import root
from ritz.codegen.transforms.generated import obstacle
from ritz.codegen.transforms.line import LineTransform
from ritz.codegen.transforms.line_passes import choices, factorize
from ritz.codegen.transforms.provider import _PHASE, aligned
from ritz.codegen.vector_code import Code
from ritz.errors import OptionError, UnsupportedError

ALL = [n for n in range(8, 8193) if choices(n, 8, 32)]
SAMPLE = [*range(8, 33), 35, 45, 49, 63, 64, 75, 81, 96, 105, 125, 128, 243, 245, 256, 343, 360, 512, 625, 1024]
SAMPLE = [n for n in SAMPLE if n in ALL]
LIMIT = {"double": 2e-15, "single": 5e-7}


def transform(shape, direction, source):
    """Transform the arrays of a batch."""
    single = shape.precision == "single"
    kinds = {"real": np.float32 if single else float, "complex": np.complex64 if single else complex}
    into_grid = direction == "inverse"
    kind = kinds["real" if shape.real and into_grid else "complex"]
    source = np.ascontiguousarray(source, kinds["real" if shape.real and not into_grid else "complex"])
    target = np.full((len(source), *(shape.points if into_grid else shape.modes)), np.nan, kind)
    plan = provider("generated")(shape, len(source), direction)
    plan.run([(a.ctypes.data, b.ctypes.data) for a, b in zip(source, target, strict=True)])
    return target


def random_pair(shape, batch=1, seed=0):
    """Grid values, and modes of which those of a real mean are not real."""
    rng = np.random.default_rng(seed)
    values, modes = (rng.standard_normal((2, batch, *size)) for size in (shape.points, shape.modes))
    return values[0] + (0 if shape.real else 1j * values[1]), modes[0] + 1j * modes[1]


def error(found, wanted):
    return np.linalg.norm(found - wanted) / np.linalg.norm(wanted)


def check(shape, batch=1, seed=0):
    """Both directions against NumPy in double precision."""
    values, modes = random_pair(shape, batch, seed)
    if shape.precision == "single":
        values, modes = (a.astype(np.complex64).astype(complex) for a in (values, modes))
        values = values.real if shape.real else values
    limit = LIMIT[shape.precision]
    assert error(transform(shape, "forward", values), shape.forward(values)) < limit
    assert error(transform(shape, "inverse", modes), shape.inverse(modes)) < limit


def shapes_of(n, precision="double"):
    """Real and complex transforms: everything kept, two thirds, the fewest modes."""
    for real in (True, False):
        for cutoff in sorted({(n - 1) // 2, (n - 1) // 3, 1}):
            shape = TransformShape((n,), (cutoff,), real, precision)
            if not obstacle(shape):
                yield shape


@pytest.mark.parametrize("n", SAMPLE)
def test_sizes(n):
    for shape in shapes_of(n):
        check(shape)


@pytest.mark.slow
def test_all_sizes():
    for n in ALL:
        for real in (True, False):
            check(TransformShape((n,), ((n - 1) // 2 if n % 2 else (n - 1) // 3,), real))


@given(
    n=st.sampled_from([n for n in ALL if n <= 200]),
    part=st.floats(0, 1),
    real=st.booleans(),
    batch=st.integers(1, 3),
    precision=st.sampled_from(["double", "single"]),
    width=st.sampled_from([1, 2, 4, 8]),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_any_size_cutoff_batch_and_width(n, part, real, batch, precision, width, seed):
    """Vectors wider than the processor's are split by LLVM; the code is the same as on a processor that has them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "lanes", lambda: width)
        patch.setattr(native, "registers", lambda: 32 if width == 8 else 16)
        check(TransformShape((n,), (round(part * ((n - 1) // 2)),), real, precision), batch, seed)


@pytest.mark.parametrize("n", [15, 16, 90, 128])
@pytest.mark.parametrize("real", [True, False])
def test_laws(n, real):
    """Linearity, Parseval's equation, and back again to where it began."""
    shape = TransformShape((n,), ((n - 1) // 2,), real)
    (u, modes), (v, _) = random_pair(shape, seed=1), random_pair(shape, seed=2)
    a, b = transform(shape, "forward", u), transform(shape, "forward", v)
    assert error(transform(shape, "forward", u - 3 * v), a - 3 * b) < 2e-15
    modes[..., 0] = modes[..., 0].real
    grid = transform(shape, "inverse", modes)
    assert error(transform(shape, "forward", grid), modes) < 2e-15
    weights = np.where(shape.indices(0) == 0, 1, 2) if real else 1
    assert np.sum(np.abs(grid) ** 2) / n == pytest.approx(np.sum(weights * np.abs(modes) ** 2), rel=1e-14)


@pytest.mark.parametrize("n", [21, 64, 100])
def test_modes_of_real_values_are_symmetric(n):
    """The real transform gives half of what the complex one gives, whose other half is conjugate to it."""
    cutoff = (n - 1) // 2
    real, full = (TransformShape((n,), (cutoff,), kind) for kind in (True, False))
    values, _ = random_pair(real)
    half, whole = transform(real, "forward", values)[0], transform(full, "forward", values)[0]
    assert error(whole[: cutoff + 1], half) < 2e-15
    assert error(np.conj(whole[-1 : -cutoff - 1 : -1]), half[1:]) < 2e-15


@pytest.mark.parametrize(
    "points", [(9,), (70,), (256,), (3000,), (16, 16), (64, 48), (9, 15), (12, 24, 32), (8, 8, 8), (4, 4)]
)
def test_single_precision(points):
    for real in (True, False):
        for cutoff in ([(n - 1) // 2 for n in points], [(n - 1) // 3 for n in points]):
            check(TransformShape(points, tuple(cutoff), real, "single"), batch=2)


def test_other_precisions_and_providers_are_refused():
    with pytest.raises(OptionError, match="'double' or 'single'; found 'half'"):
        TransformShape((8,), (2,), precision="half")
    with pytest.raises(UnsupportedError, match="rocket transforms are in double precision"):
        provider("rocket")(TransformShape((8,), (2,), precision="single"), 1, "forward")


@pytest.mark.parametrize("n", [8, 30, 64, 343, 1024, 7560, 8192])
@pytest.mark.parametrize(("lanes", "registers"), [(16, 32), (8, 32), (4, 16), (2, 16), (1, 16)])
def test_factors_fit_the_vectors(n, lanes, registers):
    found = factorize(n, lanes, registers)
    if found is not None:
        _, factors = found
        assert np.prod(factors) == n
        assert lanes == 1 or min(factors[0], n // factors[0]) >= lanes
    else:
        assert lanes > 1 and choices(n, lanes, registers)[0][0] < lanes


@pytest.mark.parametrize("factors", [(8, 8), (4, 16), (16, 4), (4, 4, 4), (8, 2, 4), (4, 2, 2, 2, 2)])
def test_other_factors_give_the_same(factors):
    """A plan may choose any radices that fit; the code of each must be right."""
    shape = TransformShape((64,), (20,), False)
    values, _ = random_pair(shape)
    line = LineTransform(64, 20, False, True, 4, factors)
    target, scratch = np.zeros(shape.modes, complex), np.zeros(line.scratch + 64, np.uint8)
    address = native.load(line.text()).address("line")
    _PHASE(address)(0, values.ctypes.data, target.ctypes.data, 0, 1, aligned(scratch.ctypes.data))
    assert error(target, shape.forward(values[0])) < 2e-15


@pytest.mark.parametrize("n", [7, 8, 24, 1000])
def test_roots_of_unity(n):
    for k in range(-n, 2 * n):
        with mpmath.workprec(100):
            exact = mpmath.expjpi(mpmath.mpf(2 * k) / n)
            assert abs(complex(*root(k, n)) - exact) < 1.6e-16
    assert complex(*root(n, 4 * n)) == 1j


@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
@pytest.mark.parametrize("count", [2, 3, 5, 6, 8, 9, 16])
def test_weaving(lanes, count):
    """Vectors k = 0, 1, ... with lanes l, written one after the other, become the numbers l * count + k in order."""
    code = Code(lanes)
    rows = [code.load("%source", k * lanes) for k in range(count)]
    code.store_woven(rows, "%target")
    body = "\n".join(code.lines)
    address = native.load(f"define void @weave(ptr %source, ptr %target) {{\n{body}\n  ret void\n}}").address("weave")
    source = np.arange(count * lanes, dtype=float)
    target = np.zeros_like(source)
    ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 2)(address)(source.ctypes.data, target.ctypes.data)
    np.testing.assert_array_equal(target, source.reshape(count, lanes).T.reshape(-1))
