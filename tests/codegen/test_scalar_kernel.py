"""Code without loops through LLVM: every operation against NumPy, any cut, any length."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from graph_strategies import build, recipes
from hypothesis import given, settings
from hypothesis import strategies as st

from ritz.codegen import emit_llvm, native
from ritz.codegen.llvm_operations import LIBRARY
from ritz.codegen.partition import depth_first, partition
from ritz.errors import UnsupportedError
from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite.lowering import schedule_naive
from ritz.symbolic.rewrite.scheduled import Builder

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.7, 1e-300, 1e300, np.inf, -np.inf, np.nan]
UNARY = (
    "exp log sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh expm1 log1p abs sign floor ceil "
    "erf"
).split()
BINARY = "arctan2 maximum minimum pow lt le gt ge eq ne and or".split()


def run(code, inputs, values, *, part=emit_llvm.PART, stack=emit_llvm.STACK, level=None):
    """Compile code and call it; `inputs` are the leaves in the order of `values`."""
    index = {node: i for i, node in enumerate(inputs)}
    keep = emit_llvm.PART, emit_llvm.STACK
    emit_llvm.PART, emit_llvm.STACK = part, stack
    try:
        text = emit_llvm.emit(code, lambda node: ("u", index[node]), "rhs")
    finally:
        emit_llvm.PART, emit_llvm.STACK = keep
    module = native.load(text.text, level=text.level if level is None else level)
    call = ctypes.CFUNCTYPE(None, ctypes.c_double, *[ctypes.c_ssize_t] * 4)(module.address("rhs"))
    u, out, scratch = np.array(values, float), np.full(len(code.roots), 7.0), np.full(text.scratch + 1, np.nan)
    context = np.zeros(7, np.int64)
    context[6] = scratch.ctypes.data
    call(0.0, u.ctypes.data, 0, out.ctypes.data, context.ctypes.data)
    return out, text


def same(found, expected):
    expected = np.array([float(e) for e in expected])
    np.testing.assert_allclose(found, expected, rtol=2e-15 * 50, atol=0)  # NaN and infinities must be the same too


@pytest.mark.parametrize("level", [0, 2])
def test_functions_of_one_argument_are_numpys_also_for_special_values(level):
    g = Graph()
    xs = [g.input(f"x{i}", "state") for i in range(len(SPECIAL))]
    roots = [g.func(name, x) for name in UNARY for x in xs] + [g.pow(x, e) for x in xs for e in (-3, -1, 2, 5)]
    found, _ = run(schedule_naive(g, roots), xs, SPECIAL, level=level)
    same(found, evaluate(g, roots, dict(zip(xs, SPECIAL, strict=True))))


@pytest.mark.parametrize("level", [0, 2])
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_arguments(name, level):
    g = Graph()
    xs = [g.input(f"x{i}", "state") for i in range(len(SPECIAL))]
    value = dict(zip(xs, SPECIAL, strict=True))
    pairs = [(a, b) for a in xs for b in xs]
    if name == "pow":  # here NumPy returns the square root, against the C standard
        pairs = [(a, b) for a, b in pairs if (value[a], value[b]) != (-np.inf, 0.5)]
    roots = [g.func(name, a, b) for a, b in pairs]
    found, _ = run(schedule_naive(g, roots), xs, SPECIAL, level=level)
    same(found, evaluate(g, roots, value))


def test_signs_of_zero_survive():
    b = Builder()
    x, y = (b.opaque(i, frozenset(), False) for i in range(2))
    code = b.finish([b.neg(x), b.mul(x, y), b.div(x, y), b.sqrt(y), b.func("floor", y), b.func("sin", y)])
    found, _ = run(code, [0, 1], [0.0, -0.0])
    assert np.signbit(found).tolist() == [True, True, np.signbit(found[2]), True, True, True]


@pytest.mark.parametrize("level", [0, 2])
def test_truth_values_are_numbers_and_numbers_are_truth_values(level):
    g = Graph()
    x, y, z = xs = [g.input(name, "state") for name in "xyz"]
    less, more = g.func("lt", x, y), g.func("gt", x, z)
    roots = [
        g.product([less, z]), g.sum([less, more]), g.func("where", x, y, z), g.func("where", less, less, more),
        g.func("not", x), g.func("and", less, g.func("not", more)), g.func("exp", g.sum([more, y])), less,
    ]  # fmt: skip
    code = schedule_naive(g, roots)
    for values in [(1.0, 2.0, 3.0), (0.0, 2.0, -3.0), (np.nan, 2.0, 3.0)]:
        for part in (1, 3, 300):
            found, _ = run(code, xs, values, part=part, level=level)
            same(found, evaluate(g, roots, dict(zip(xs, values, strict=True))))


def test_functions_of_the_library_without_a_numpy_name_in_graphs():
    b = Builder()
    x, y = (b.opaque(i, frozenset(), False) for i in range(2))
    names = ["exp2", "log2", "log10", "cbrt"]
    bounded = [b.func("sin_bounded", x), b.func("cos_bounded", y), b.func("sin", x)]
    code = b.finish([*(b.func(n, x) for n in names), b.func("hypot", x, y), b.fma(x, y, x), b.sqrt(x), *bounded])
    found, _ = run(code, [0, 1], [2.7, -1.3])
    np.testing.assert_allclose(found[-3:], [np.sin(2.7), np.cos(-1.3), np.sin(2.7)], rtol=1e-15)
    found = found[:-3]
    hypot, fma, root = np.hypot(2.7, 1.3), 2.7 * -1.3 + 2.7, np.sqrt(2.7)
    np.testing.assert_allclose(found, [*(getattr(np, n)(2.7) for n in names), hypot, fma, root], rtol=1e-14)


def test_every_library_function_is_in_this_process():
    text = "\n".join(f"declare double @{symbol}(double)" for symbol in dict.fromkeys(LIBRARY.values()))
    native.load(text + "\ndefine void @nothing() { ret void }")


numbers = st.floats(-3, 3, allow_nan=False)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(recipes(size=12), min_size=1, max_size=4), st.tuples(numbers, numbers, numbers), st.integers(1, 9),
    st.sampled_from([0, 2]), st.sampled_from([0, 256]),
)  # fmt: skip
def test_any_expression_in_parts_of_any_size(recipe_list, values, part, level, stack):
    g = Graph()
    inputs = {name: g.input(name, "state") for name in "xyz"}
    roots = [build(g, r, inputs) for r in recipe_list]
    code = schedule_naive(g, roots)
    xs = list(inputs.values())
    found, _ = run(code, xs, values, part=part, level=level, stack=stack)
    expected = np.array([float(e) for e in evaluate(g, roots, dict(zip(xs, values, strict=True)))])
    scale = max(1.0, *np.abs(expected[np.isfinite(expected)]), 1.0)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12 * scale)


def test_steps_are_complete_and_in_order():
    code = _chain(40)
    steps = depth_first(code, [code.operands(i) for i in range(len(code))])
    done = {i for i, op in enumerate(code.op) if op in ("const", "leaf")}
    for step in steps:
        needed = code.operands(step) if step >= 0 else (code.roots[~step],)
        assert done.issuperset(needed)
        done.add(step)
    assert sorted(~s for s in steps if s < 0) == list(range(len(code.roots)))
    assert len(steps) == len(set(steps)) == code.operations() + len(code.roots)


@pytest.mark.parametrize("size", [1, 7, 300])
def test_places_of_crossing_values_never_clash(size):
    code = _chain(60)
    cut = partition(code, size)
    held: dict[int, int] = {}  # place -> instruction, as the program runs
    for number, steps in enumerate(cut.parts):
        for step in steps:
            for j in code.operands(step) if step >= 0 else (code.roots[~step],):
                if cut.part_of[j] not in (-1, number):
                    assert held[cut.place[j]] == j
            if step in cut.place:
                held[cut.place[step]] = step
    assert all(len(p) <= size for p in cut.parts) and (not cut.place or max(cut.place.values()) < cut.places)


def _chain(n):
    """Sums that all use values made long before them."""
    b = Builder()
    x = [b.opaque(i, frozenset(), False) for i in range(5)]
    values = [b.mul(x[i % 5], x[(2 * i) % 5]) for i in range(5)]
    for i in range(n):
        values.append(b.add(b.mul(values[i], x[i % 5]), values[-1]))
    return b.finish(values[::3])


def test_scratch_is_on_the_stack_where_it_is_small():
    code = _chain(60)
    small, text = run(code, range(5), [0.1, 0.2, 0.3, 0.4, 0.5], part=5)
    large, text_large = run(code, range(5), [0.1, 0.2, 0.3, 0.4, 0.5], part=5, stack=0)
    assert text.scratch == 0 and text_large.scratch > 0 and text.parts == text_large.parts > 1
    np.testing.assert_array_equal(small, large)


def test_deep_code_needs_no_recursion():
    b = Builder()
    x, y = (b.opaque(i, frozenset(), False) for i in range(2))
    value = x
    for _ in range(20_000):
        value = b.mul(b.add(value, y), x)
    found, text = run(b.finish([value]), [0, 1], [0.5, 1.0])
    assert found[0] == pytest.approx(1.0) and text.parts > 50 and text.level == 0


def test_unknown_functions_and_complex_values_are_refused_by_name():
    b = Builder()
    x = b.opaque(0, frozenset(), False)
    with pytest.raises(UnsupportedError, match="no compiled form of the function 'arctan3'. Did you mean 'arctan"):
        run(b.finish([b.func("arctan3", x)]), [0], [1.0])
    with pytest.raises(UnsupportedError, match="must be real"):
        run(b.finish([b.mul(x, b.const(1j))]), [0], [1.0])
