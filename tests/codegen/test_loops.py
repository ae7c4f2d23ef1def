"""Loops in a small part of Python: compiled they do what Python does, and what is outside of it is refused by name."""

from __future__ import annotations

import cmath
import ctypes
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritz.codegen import loops
from ritz.codegen.loops import as_c128, as_f64, as_i32, as_i64, bits_of, compiled, double_of
from ritz.codegen.loops.function import FAST
from ritz.errors import UnsupportedError

SHIFT = 3
WIDTH = 8 * SHIFT


def address(array):
    return array.ctypes.data


# ---------------------------------------------------------------------- statements against Python
def collatz(n, limit):
    steps = 0
    while n != 1:
        if n % 2 == 0:
            n = n // 2
        else:
            n = 3 * n + 1
        steps += 1
        if steps >= limit:
            break
    return steps


def skipping(n):
    total = 0
    for i in range(n, -n, -3):
        if i % 4 == 1:
            continue
        for j in range(i):
            total += i * j
            if total > 500:
                return total
    return total - SHIFT


def divisions(a, b):
    return a // b, a % b, a - b << 2, (a ^ b) & 255, -a >> 1, ~a | b


def branches(x, y):
    if x < y and not x < 0 or x == y:
        z = 2.0 * x
    elif x < 0:
        z = -x
    else:
        z = y if y > 1 else 0.5
    small, large = min(x, y), max(x, y)
    small, large = large, small
    return z + abs(small) ** 0.5, int(x * 10) / 4, float(int(y)) + (1 if 0 <= x < 1 else 2), large


COMPILED = {f.__name__: compiled()(f) for f in (collatz, skipping, divisions, branches)}
collatz_c, skipping_c, divisions_c, branches_c = COMPILED.values()


@compiled()
def run_whole(source: int, target: int) -> None:
    a, out = as_i64(source), as_i64(target)
    out[0] = collatz_c(a[0], 1000)
    out[1] = skipping_c(a[1])
    out[2], out[3], out[4], out[5], out[6], out[7] = divisions_c(a[2], a[3])


@compiled()
def run_real(source: int, target: int) -> None:
    a, out = as_f64(source), as_f64(target)
    out[0], out[1], out[2], out[3] = branches_c(a[0], a[1])


@given(
    st.integers(1, 10_000), st.integers(-5, 40), st.integers(-1000, 1000), st.integers(-50, 50).filter(lambda b: b != 0)
)
def test_whole_numbers(n, m, a, b):
    source, out = np.array([n, m, a, b]), np.zeros(8, np.int64)
    run_whole(address(source), address(out))
    assert out.tolist() == [collatz(n, 1000), skipping(m), *divisions(a, b)]


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_real_numbers(x, y):
    source, out = np.array([x, y]), np.zeros(4)
    run_real(address(source), address(out))
    np.testing.assert_allclose(out, branches(x, y), rtol=1e-15)


def test_comparisons_of_nan_and_extremes_are_those_of_numpy():
    @compiled()
    def run(source: int, target: int) -> None:
        a, out = as_f64(source), as_f64(target)
        x, y = a[0], a[1]
        out[0], out[1], out[2] = min(x, y), max(x, y), x == x
        out[3], out[4], out[5] = math.isnan(x), math.isfinite(x), x != y

    for x, y in [(np.nan, 1.0), (1.0, np.nan), (2.0, 1.0), (np.inf, 1.0), (-np.inf, np.nan)]:
        source, out = np.array([x, y]), np.zeros(6)
        run(address(source), address(out))
        expected = [np.minimum(x, y), np.maximum(x, y), x == x, np.isnan(x), np.isfinite(x), x != y]
        np.testing.assert_array_equal(out, expected)


# ---------------------------------------------------------------------- numbers
@compiled()
def _complex(source: int, target: int) -> None:
    z, out = as_c128(source), as_c128(target)
    a, b = z[0], z[1]
    out[0], out[1], out[2], out[3] = a + b, a - 2 * b, a * b, a / b
    out[4], out[5], out[6], out[7] = -a, a / 4.0, 1.0 / b, cmath.exp(a)
    out[8] = abs(a)
    out[9] = a if abs(a) > abs(b) else b
    out[9] += 0.5


NUMBERS = st.complex_numbers(min_magnitude=1e-3, max_magnitude=50)


@given(NUMBERS, NUMBERS)
def test_complex_numbers(a, b):
    source, out = np.array([a, b]), np.zeros(10, complex)
    _complex(address(source), address(out))
    larger = (a if abs(a) > abs(b) else b) + 0.5
    expected = [a + b, a - 2 * b, a * b, a / b, -a, a / 4.0, 1.0 / b, cmath.exp(a), abs(a), larger]
    np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-13 * abs(a * b))


def test_complex_division_does_not_overflow_on_the_way():
    source, out = np.array([1e200 + 1e200j, 1e180 - 1e200j]), np.zeros(10, complex)
    _complex(address(source), address(out))
    np.testing.assert_allclose(out[3], source[0] / source[1], rtol=1e-14)


def test_bits():
    @compiled()
    def run(target: int) -> None:
        out = as_f64(target)
        out[0] = double_of(bits_of(1.5) + (1 << 52))
        as_i64(target + 8)[0] = bits_of(-0.0)

    out = np.zeros(2)
    run(address(out))
    assert out[0] == 3.0 and math.copysign(1, out[1]) == -1 and out[1] == 0


@compiled()
def _short(source: int, n: int, target: int) -> None:
    a, out = as_i32(source), as_i32(target)
    for i in range(n):
        out[i] = 3 * a[i] - 1
        out[i] += a[n - 1 - i]
    out[n] = a[0] if n > 2 else a[1]
    as_i64(target + 4 * (n + 1))[0] = a[0] + a[n - 1]


@given(st.lists(st.integers(-(1 << 31), (1 << 31) - 1), min_size=2, max_size=40))
def test_short_integers_are_read_with_their_sign_and_cut_when_they_are_written(values):
    n = len(values) | 1  # so that the sum stands at a multiple of 8
    source = np.resize(np.array(values, np.int32), n)
    out = np.zeros(n + 4, np.int32)
    _short(address(source), n, address(out))
    wide = source.astype(np.int64)
    np.testing.assert_array_equal(out[:n], (3 * wide - 1 + wide[::-1]).astype(np.int32))
    assert out[n] == source[0] and out[n + 3] == 0
    assert out[n + 1 : n + 3].view(np.int64)[0] == wide[0] + wide[-1]


def test_nothing_is_read_where_python_would_not_read():
    @compiled()
    def run(source: int, n: int, target: int) -> None:
        x, out, k = as_f64(source), as_f64(target), 0
        while k < n and x[k] > 0.0:
            k += 1
        out[0] = k
        out[1] = x[k] if k < n else -1.0

    out = np.zeros(2)
    run(0, 0, address(out))  # address 0: a read would end the process
    assert out.tolist() == [0.0, -1.0]
    x = np.array([1.0, 2.0, -3.0])
    run(address(x), 3, address(out))
    assert out.tolist() == [2.0, -3.0]


@pytest.mark.parametrize("flags", ["", FAST])
def test_sums(flags):
    @compiled(flags=flags)
    def run(source: int, n: int, target: int) -> None:
        x, total = as_f64(source), 0.0
        for i in range(n):
            total += x[i]
        as_f64(target)[0] = total

    x, out = np.random.default_rng(0).standard_normal(1001), np.zeros(1)
    run(address(x), x.size, address(out))
    np.testing.assert_allclose(out[0], math.fsum(x), rtol=1e-12)
    if not flags:
        assert out[0] == np.cumsum(x)[-1]  # in order, to the last bit


# ---------------------------------------------------------------------- what the object code depends on
def _scaled(factor, inner):
    @compiled()
    def run(target: int) -> None:
        as_f64(target)[0] = inner(2.0) * factor

    return run


def test_changes_of_constants_and_of_functions_that_are_called_are_seen():
    square, cube = compiled()(lambda x: x * x), compiled()(lambda x: x * x * x)
    digests = {_scaled(f, g).digest for f in (2.0, 3.0) for g in (square, cube)}
    assert len(digests) == 4
    assert _scaled(2.0, square).digest == _scaled(2.0, square).digest


def test_printed_modules_know_functions_that_are_handed_over():
    @compiled()
    def half(x):
        return 0.5 * x

    module = loops.load("def run(at: int):\n    as_f64(at)[0] = half(as_f64(at)[0]) + math.sqrt(4.0)\n", half=half)
    x = np.array([3.0])
    ctypes.CFUNCTYPE(None, ctypes.c_ssize_t)(module.address("run"))(address(x))
    assert x[0] == 3.5


# ---------------------------------------------------------------------- refusals
REFUSED = [
    ("x = [1, 2]", r"The expression '\[1, 2\]'"),
    ("x = unknown + 1", "'unknown' is not known here"),
    ("with a: pass", "The statement 'with a:"),
    ("for x in a:\n        pass", "A loop over something else than range"),
    ("x = 'text'", "The constant 'text'"),
    ("x = 1\n    x = 2.5", "A number of kind float cannot become one of kind int"),
    ("x = as_f64(1.5)", "An address must be an integer, not float"),
    ("x = as_f64(a) + 1", "compute before as_f64 or as_i64"),
    ("as_i32(a)[0] = 0.5", "A number of kind float cannot become one of kind int"),
    ("x = a[0]", r"'a\[0\]' needs an address with a kind and an integer"),
    ("x, y = 1, 2, 3", "3 values for 2 names"),
    ("a + 1", "'a \\+ 1' has no effect"),
    ("x = math.gamma(2.0)", r"The call 'math.gamma\(2.0\)'"),
    ("x = abs(1, 2)", "Abs takes 1 arguments, not 2"),
    ("return a", "by an entry"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text.splitlines()[0] for text, _ in REFUSED])
def test_what_is_not_in_this_part_of_python_is_refused_with_its_place(text, message):
    with pytest.raises(UnsupportedError, match=message) as error:
        loops.load(f"def wrong(a: int):\n    {text}\n")
    assert "compiled function wrong, line" in str(error.value)


def test_entries_need_annotations():
    with pytest.raises(UnsupportedError, match="The parameter b of the compiled function f needs one of .* found list"):
        loops.load("def f(a: int, b: list):\n    pass\n")


def _again(x):
    return _again_c(x)


_again_c = compiled()(_again)


def test_recursion_is_refused():
    @compiled()
    def run(target: int) -> None:
        as_f64(target)[0] = _again_c(1.0)

    with pytest.raises(UnsupportedError, match="_again calls itself"):
        run(0)


def test_python_cannot_run_what_needs_a_compiler():
    with pytest.raises(TypeError, match="as_f64 is for compiled loops only"):
        as_f64(0)
