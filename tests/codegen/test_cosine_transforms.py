"""Cosine and sine transforms against SciPy: kinds, lengths, axes, widths of vectors, precisions, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st

from ritz.codegen import native
from ritz.codegen.transforms import cosine
from ritz.codegen.transforms.cosine import CosineShape
from ritz.codegen.transforms.cosine_tables import PERIODS
from ritz.codegen.transforms.line_passes import choices
from ritz.errors import OptionError, UnsupportedError

KINDS = [(name, type_) for name in ("dct", "dst") for type_ in (1, 2, 3)]


def fits(name, type_, n):
    period = PERIODS[f"{name}{type_}"](n)
    return period > 2 and bool(choices(period, 1, 16))


def error(found, wanted):
    return np.linalg.norm(found - wanted) / np.linalg.norm(wanted)


def check(name, type_, x, axis, limit=2e-15):
    """The transform and its inverse; SciPy's in double precision."""
    y = getattr(cosine, name)(x, type_, axis)
    assert y.dtype == x.dtype
    assert error(y, getattr(scipy.fft, name)(x.astype(float), type_, axis=axis)) < limit
    back = getattr(cosine, f"i{name}")(y, type_, axis)
    assert back.dtype == x.dtype and error(back, x) < 2 * limit


@pytest.mark.parametrize(("name", "type_"), KINDS)
def test_lengths(name, type_):
    lengths = [n for n in [*range(2, 34), 47, 49, 63, 64, 65, 99, 127, 128, 129, 500, 511, 513] if fits(name, type_, n)]
    assert len(lengths) > 15
    for n in lengths:
        check(name, type_, np.random.default_rng(n).standard_normal(n), 0)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "type_"), KINDS)
def test_long_lengths(name, type_):
    for n in [n for n in range(600, 4200) if fits(name, type_, n)][::7]:
        check(name, type_, np.random.default_rng(n).standard_normal(n), 0)


@st.composite
def arrays(draw):
    """A kind, and an array whose length along an axis suits it."""
    name, type_ = draw(st.sampled_from(KINDS))
    n = draw(st.sampled_from([n for n in range(2, 60) if fits(name, type_, n)]))
    others = draw(st.lists(st.integers(1, 20), max_size=2))
    axis = draw(st.integers(0, len(others)))
    shape = (*others[:axis], n, *others[axis:])
    return name, type_, np.random.default_rng(draw(st.integers(0, 99))).standard_normal(shape), axis


@given(case=arrays(), width=st.sampled_from([1, 2, 4, 8]), single=st.booleans())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_arrays_axes_widths_and_precisions(case, width, single):
    name, type_, x, axis = case
    cosine.make_plan.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "lanes", lambda: width)
        check(name, type_, x.astype(np.float32) if single else x, axis - x.ndim, 5e-7 if single else 2e-15)
    cosine.make_plan.cache_clear()


@pytest.mark.parametrize(("name", "type_"), KINDS)
def test_rows_in_memory_of_any_order(name, type_):
    """Arrays that are not contiguous, and integers."""
    n = next(n for n in (15, 16, 17) if fits(name, type_, n))
    x = np.random.default_rng(0).integers(-9, 9, (2 * n, 6))[::2].T
    assert error(getattr(cosine, name)(x, type_), getattr(scipy.fft, name)(x.astype(float), type_)) < 2e-15


def test_no_numbers_give_none():
    assert cosine.dct(np.zeros((0, 8))).shape == (0, 8)


@pytest.mark.parametrize("axis", [0, 1])
def test_units_may_be_done_in_pieces(axis):
    """Units of a plan are independent: done backwards, one at a time, they give the same."""
    from ritz.codegen.transforms.provider import _PHASE, aligned

    x = np.random.default_rng(0).standard_normal((24, 40))
    plan = cosine.make_plan(CosineShape("dct2", x.shape, axis))
    target, scratch = np.full_like(x, np.nan), np.zeros(plan.scratch + 64, np.uint8)
    (phase,) = plan.phases
    for unit in reversed(range(phase.units)):
        ends = x.ctypes.data, target.ctypes.data
        _PHASE(phase.function)(0, *ends, unit, unit + 1, aligned(scratch.ctypes.data))
    assert error(target, scipy.fft.dct(x, axis=axis)) < 2e-15


@pytest.mark.parametrize(
    ("call", "kind", "why"),
    [
        (lambda: cosine.dct(np.ones(22)), UnsupportedError, "no generated dct2 of 22 points: .* length 22"),
        (lambda: cosine.dst(np.ones(16), type=1), UnsupportedError, "length 34, which must be 3 or more"),
        (lambda: cosine.dct(np.ones(2)), UnsupportedError, "length 2, which must be 3 or more"),
        (lambda: cosine.dct(np.ones(8), type=4), OptionError, "dct of types 1, 2 and 3; found 4"),
        (lambda: cosine.idst(np.ones(8), type=0), OptionError, "dst of types 1, 2 and 3; found 0"),
        (lambda: cosine.dct(np.ones(8), axis=1), OptionError, "array of 1 axes has no axis 1"),
        (lambda: cosine.dct(np.ones(8) * 1j), OptionError, "real numbers; found complex128"),
        (lambda: cosine.dct(3.0), OptionError, "found float64 with 0 axes"),
        (lambda: CosineShape("dct5", (8,)), OptionError, "No transform is called 'dct5'. Did you mean"),
        (lambda: CosineShape("dct2", (8,), precision="half"), OptionError, "found 'half'"),
    ],
)
def test_refusals(call, kind, why):
    with pytest.raises(kind, match=why):
        call()
