"""Derivatives of every function against complex steps and differences, and of random expressions against each other."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from graph_strategies import NAMES, build, recipes, states
from hypothesis import assume, given, settings

from ritz.errors import UnsupportedError
from ritz.symbolic.calculus import forward, gradient, reverse, sparse_jacobian, times_masked
from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.graph import Axis, Graph, LinearMap
from ritz.symbolic.high_precision import evaluate_mp
from ritz.symbolic.sparsity import compressed, pattern

HALF = Fraction(1, 2)
quick = settings(max_examples=80, derandomize=True, deadline=None)

HOLOMORPHIC = dict.fromkeys(
    "exp log sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arctanh expm1 log1p erf".split(), 0.37
) | {"arccosh": 1.9}
KINKED = {"abs": -0.7, "sign": -0.7, "floor": 1.4, "ceil": 1.4, "conj": 0.3, "re": 0.3, "im": 0.3, "arg": 0.3}
BINARY = "pow arctan2 maximum minimum".split()


def central(g: Graph, node: int, values: dict[int, float], x: int, h: float = 1e-20) -> mpmath.mpf:
    """A central difference of step 1e-20 in 200 bits: about twenty correct digits."""
    step = mpmath.mpf(h)
    with mpmath.workprec(250):
        shifted = [{**values, x: mpmath.mpf(values[x]) + s * step} for s in (1, -1)]
        up, down = (evaluate_mp(g, [node], v)[0] for v in shifted)
        return (up - down) / (2 * step)


@pytest.mark.parametrize("name", sorted(HOLOMORPHIC))
def test_function_against_complex_step_and_difference(name):
    g = Graph()
    x = g.input("x", "state")
    node, point = g.func(name, x), HOLOMORPHIC[name]
    first = gradient(g, node, [x])[x]
    second = gradient(g, first, [x])[x]
    value, curvature = (float(v) for v in evaluate(g, [first, second], {x: point}))
    complex_step = evaluate(g, [node], {x: point + 1e-30j})[0].imag / 1e-30
    if name != "erf" and name != "arccosh":  # SciPy's erf and NumPy's arccosh lose the tiny imaginary part
        assert value == pytest.approx(complex_step, rel=1e-13)
    assert value == pytest.approx(float(central(g, node, {x: point}, x)), rel=1e-13)
    assert curvature == pytest.approx(float(central(g, first, {x: point}, x)), rel=1e-13)


@pytest.mark.parametrize("name", sorted(KINKED))
def test_kinked_functions_of_a_real_argument(name):
    g = Graph()
    x = g.input("x", "state")
    node = g.func(name, x)
    found = gradient(g, node, [x]).get(x, g.zero)
    expected = float(central(g, node, {x: KINKED[name]}, x))
    assert float(evaluate(g, [found], {x: KINKED[name]})[0]) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("point", [(0.7, 1.6), (1.6, 0.7)])
def test_functions_of_two_arguments(name, point):
    g = Graph()
    a, b = g.input("a", "state"), g.input("b", "state")
    node, values = g.func(name, a, b), dict(zip((a, b), point, strict=True))
    first = gradient(g, node, [a, b])
    for x in (a, b):
        derivative = first.get(x, g.zero)
        expected = float(central(g, node, values, x))
        assert float(evaluate(g, [derivative], values)[0]) == pytest.approx(expected, rel=1e-12, abs=1e-15)
        for y in (a, b):
            mixed = gradient(g, derivative, [a, b]).get(y, g.zero)
            expected = float(central(g, derivative, values, y))
            assert float(evaluate(g, [mixed], values)[0]) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_every_named_function_has_a_derivative():
    from ritz.symbolic.evaluate import functions

    tested = {*HOLOMORPHIC, *KINKED, *BINARY}
    constant = {"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"}
    assert set(functions()) - tested - constant == {"where", "complex"}
    g = Graph()
    x = g.input("x", "state")
    for name in constant:
        node = g.func(name, *[x] * (1 if name == "not" else 2))
        assert gradient(g, node, [x]) == {}
    with pytest.raises(UnsupportedError, match="'airy'"):
        gradient(g, g.func("airy", x), [x])


@quick
@given(recipes(exponents=(Fraction(2), Fraction(-1), HALF)))
def test_random_expressions_against_differences(recipe):
    g = Graph()
    inputs = states(g)
    node = build(g, recipe, inputs)
    values = dict(zip(inputs.values(), (0.7123, 1.9451, 0.3317), strict=True))
    value = evaluate_mp(g, [node], values)[0]
    assume(mpmath.isfinite(value) and abs(value) < 1e9)
    found = gradient(g, node, inputs.values())
    columns = pattern(g, [node], list(inputs.values()))[0]
    assert {list(inputs.values()).index(n) for n in found} <= set(columns)
    for name in NAMES:
        x = inputs[name]
        expected = central(g, node, values, x)
        derivative = evaluate_mp(g, [found.get(x, g.zero)], values)[0]
        if mpmath.isfinite(expected):
            assert abs(derivative - expected) <= 1e-18 * (1 + abs(expected))


@quick
@given(recipes(exponents=(Fraction(2), Fraction(-1))), recipes())
def test_forward_reverse_and_sparse_agree(a, b):
    g = Graph()
    inputs = states(g)
    roots = [build(g, r, inputs) for r in (a, b)]
    xs = list(inputs.values())
    seeds = {x: g.input("v" + name, "seed") for name, x in inputs.items()}
    weights = [g.input(f"w{i}", "seed") for i in range(2)]
    values = dict(zip([*xs, *seeds.values(), *weights], (0.71, 1.95, 0.33, 0.4, -1.2, 0.9, 1.7, -0.6), strict=True))
    assume(all(mpmath.isfinite(v) and abs(v) < 1e9 for v in evaluate_mp(g, roots, values)))
    tangents = evaluate_mp(g, forward(g, roots, seeds), values)
    cotangents = evaluate_mp(g, reverse(g, roots, weights, xs), values)
    left = sum(evaluate_mp(g, weights, values)[i] * tangents[i] for i in range(2))
    right = sum(c * values[seeds[x]] for c, x in zip(cotangents, xs, strict=True))
    assert abs(left - right) <= 1e-40 * (1 + abs(left))
    rows = [{x: g.mul([(d, 1)]) for x, d in row.items()} for row in sparse_jacobian(g, roots, xs)]
    for i, row in enumerate(rows):
        total = sum(evaluate_mp(g, [d], values)[0] * values[seeds[x]] for x, d in row.items())
        assert abs(total - tangents[i]) <= 1e-40 * (1 + abs(total))


# ---------------------------------------------------------------------- axes, maps, gathers
X, Y, K, S = Axis("x", "point"), Axis("y", "point"), Axis("k", "mode"), Axis("s", "sample")
LAYOUT = (X, Y, K, S)
SIZES = {"x": 4, "y": 3, "k": 5, "s": 6}


def shape(axes) -> tuple[int, ...]:
    return tuple(SIZES[a.name] if a in axes else 1 for a in LAYOUT)


def along(matrix, source, target):
    """Apply a matrix to one dimension of a layout array and put the result on another."""

    def apply(value):
        i, j = LAYOUT.index(source), LAYOUT.index(target)
        return np.swapaxes(np.moveaxis(np.tensordot(matrix, value, axes=(1, i)), 0, i), i, j)

    return apply


@pytest.fixture
def network():
    """Roots that go through broadcasts, a matrix, a gather, a sum and a scatter, with data to evaluate them."""
    g = Graph()
    u, v, p = g.input("u", "state", [X]), g.input("v", "state", [Y]), g.input("p", "param")
    matrix, index = np.random.default_rng(3).standard_normal((5, 4)), np.array([3, 0, 1, 1, 2, 3])
    mixed = g.product([u, g.func("sin", v), p])
    modes = g.map(LinearMap("M", "matrix", (X,), (K,)), g.pow(mixed, 2))
    taken = g.gather("pick", g.func("exp", g.product([p, u])), X, S)
    mean = g.map(LinearMap("sum:x", "sum", (X,), ()), g.add([(1, mixed), (2, p)]))
    scattered = g.map(LinearMap("pick.T", "scatter", (S,), (X,)), g.pow(taken, 3))
    roots = [g.product([modes, p, modes]), g.func("tanh", g.product([taken, p])), g.pow(mean, 2), scattered, p]
    data = {
        "maps": {"M": along(matrix, X, K), "M.T": along(matrix.T, K, X)},
        "gathers": {"pick": index},
        "layout": LAYOUT,
        "sizes": dict(SIZES),
    }
    return g, [u, v, p], roots, data


def random_values(g: Graph, nodes, rng) -> dict[int, np.ndarray]:
    return {n: rng.uniform(0.3, 1.0, shape(g.axes[n])) for n in nodes}


def directional(g, roots, xs, data, values, rng, roots_wanted=None):
    """Return ``(w . J v, v . J^T w)`` and the difference quotient of the first."""
    seeds = {x: g.input(f"d{i}{len(g)}", "seed", g.axes[x]) for i, x in enumerate(xs)}
    weights = [g.input(f"w{i}{len(g)}", "seed", g.axes[r]) for i, r in enumerate(roots)]
    values = {**values, **random_values(g, [*seeds.values(), *weights], rng)}
    tangents = evaluate(g, forward(g, roots, seeds), values, **data)
    cotangents = evaluate(g, reverse(g, roots, weights, xs), values, **data)
    left = sum(np.sum(values[w] * np.broadcast_to(t, shape(g.axes[r]))) for r, w, t in zip(roots, weights, tangents))
    right = 0.0
    for x, c in zip(xs, cotangents):
        assert np.broadcast_shapes(np.shape(c) or (1,) * 4, shape(g.axes[x])) == shape(g.axes[x])
        right += np.sum(values[seeds[x]] * c)
    h = 1e-30
    moved = {**values, **{x: values[x] + 1j * h * values[seeds[x]] for x in xs}}
    steps = [np.imag(r) / h for r in evaluate(g, roots, moved, **data)]
    quotient = sum(np.sum(values[w] * np.broadcast_to(t, shape(g.axes[r]))) for r, w, t in zip(roots, weights, steps))
    return left, right, quotient


def test_dot_product_with_maps_gathers_and_broadcasts(network):
    g, xs, roots, data = network
    rng = np.random.default_rng(5)
    left, right, quotient = directional(g, roots, xs, data, random_values(g, xs, rng), rng)
    assert left == pytest.approx(quotient, rel=1e-12)
    assert left == pytest.approx(right, rel=1e-12)


def test_second_derivatives_through_maps_and_gathers(network):
    """The transpose of a transpose is the map itself: forward over reverse, then reverse over reverse."""
    g, xs, roots, data = network
    rng = np.random.default_rng(6)
    weights = [g.input(f"fixed{i}", "seed", g.axes[r]) for i, r in enumerate(roots)]
    gradients = reverse(g, roots, weights, xs)
    values = random_values(g, [*xs, *weights], rng)
    left, right, quotient = directional(g, gradients, xs, data, values, rng)
    assert left == pytest.approx(quotient, rel=1e-12)
    assert left == pytest.approx(right, rel=1e-12)


def test_reverse_sums_over_axes_the_root_has_but_the_cotangent_lacks():
    g = Graph()
    u, p = g.input("u", "state", [X]), g.input("p", "param")
    (found,) = reverse(g, [g.add([(1, u), (3, p)])], [g.one], [p])
    assert evaluate(g, [found], {u: np.zeros((4, 1, 1, 1))}, layout=LAYOUT, sizes=SIZES)[0].item() == 12.0
    assert reverse(g, [u], [g.one], [p]) == [g.zero]


def test_any_node_may_be_the_variable():
    g = Graph()
    u = g.input("u", "state", [X])
    ux = g.map(LinearMap("D", "matrix", (X,), (X,)), u)
    flux = g.mul([(u, 1), (ux, 2)])
    assert gradient(g, flux, [u, ux]) == {u: g.pow(ux, 2), ux: g.mul([(u, 1), (ux, 1)], 2)}
    assert forward(g, [flux], {ux: g.one}) == [g.mul([(u, 1), (ux, 1)], 2)]
    with pytest.raises(UnsupportedError, match="map 'D'"):
        gradient(g, flux, [u])


# ---------------------------------------------------------------------- complex values
def test_real_sense_derivatives_of_complex_values():
    """Forward against differences, reverse against forward in the pairing Re(w dz)."""
    g = Graph()
    z, r = g.input("z", "state", is_complex=True), g.input("r", "state")
    ez = g.func("exp", g.product([z, r, g.imag]))
    roots = [g.func(name, g.sum([ez, z])) for name in ("conj", "re", "im", "abs", "arg")]
    roots.append(g.product([g.func("abs", ez), g.func("conj", z), ez]))
    v, s = g.input("v", "seed", is_complex=True), g.input("s", "seed")
    weights = [g.input(f"w{i}", "seed", is_complex=True) for i in range(len(roots))]
    rng = np.random.default_rng(2)
    values = {z: 0.4 + 0.9j, r: 0.7, v: -0.3 + 0.8j, s: 1.1}
    values |= {w: complex(*rng.standard_normal(2)) for w in weights}
    tangents = evaluate(g, forward(g, roots, {z: v, r: s}), values)
    h = mpmath.mpf(2) ** -80
    with mpmath.workprec(300):
        ends = []
        for sign in (1, -1):
            moved = {z: mpmath.mpc(values[z]) + sign * h * values[v], r: mpmath.mpf(values[r]) + sign * h * values[s]}
            ends.append([mpmath.mpmathify(x) for x in evaluate_mp(g, roots, moved, bits=300)])
        differences = [complex((a - b) / (2 * h)) for a, b in zip(*ends)]
    np.testing.assert_allclose(tangents, differences, rtol=1e-12)
    cz, cr = evaluate(g, reverse(g, roots, weights, [z, r]), values)
    assert np.isrealobj(cr)
    left = sum((values[w] * t).real for w, t in zip(weights, tangents))
    assert left == pytest.approx((cz * values[v]).real + cr * values[s], rel=1e-12)
    holomorphic = gradient(g, ez, [z])[z]
    assert evaluate(g, [holomorphic], values)[0] == pytest.approx(0.7j * evaluate(g, [ez], values)[0])
    real_variable = evaluate(g, [gradient(g, roots[3], [r])[r]], values)[0]
    assert real_variable == pytest.approx(evaluate(g, forward(g, [roots[3]], {r: g.one}), values)[0], rel=1e-12)
    with pytest.raises(UnsupportedError, match="conj has no complex derivative"):
        gradient(g, roots[0], [z])


def test_packed_pairs_stay_packed_through_complex_maps():
    """Real arithmetic around complex maps: forward and reverse agree, and maps still read packed values."""
    g = Graph()
    a, b = g.input("a", "state", [X]), g.input("b", "state", [X])
    there = LinearMap("C", "matrix", (X,), (K,), complex=True, takes_complex=True)
    back = LinearMap("R", "matrix", (K,), (X,), complex=False, takes_complex=True)
    hat = g.map(there, g.func("complex", g.product([a, b]), g.pow(b, 2)))
    re, im = g.func("re", hat), g.func("im", hat)
    root = g.map(back, g.func("complex", g.product([re, im]), g.pow(im, 2)))
    rng = np.random.default_rng(8)
    c, r = (rng.standard_normal(s) + 1j * rng.standard_normal(s) for s in ((5, 4), (4, 5)))
    real = along(r.real, K, X), along(r.imag, K, X)
    maps = {
        "C": along(c, X, K),
        "C.T": along(c.T, K, X),
        "R": lambda w: real[0](w.real) - real[1](w.imag),
        "R.T": along(r.T, X, K),
    }
    va, vb, w = (g.input(n, "seed", [X]) for n in ("va", "vb", "w"))
    tangent, cotangents = forward(g, [root], {a: va, b: vb})[0], reverse(g, [root], [w], [a, b])
    for node in g.topological([tangent, *cotangents]):
        if g.op[node] == "map" and g.is_complex[g.args[node][1]]:
            assert g.args[g.args[node][1]][0] == "complex"
    values = random_values(g, [a, b, va, vb, w], rng)
    t, ca, cb = evaluate(g, [tangent, *cotangents], values, maps, layout=LAYOUT, sizes=SIZES)
    assert np.sum(values[w] * t) == pytest.approx(np.sum(values[va] * ca + values[vb] * cb), rel=1e-12)
    h = 1e-6
    ends = [
        evaluate(g, [root], {**values, a: values[a] + s * h * values[va], b: values[b] + s * h * values[vb]}, maps,
                 layout=LAYOUT, sizes=SIZES)[0]
        for s in (1, -1)
    ]  # fmt: skip
    np.testing.assert_allclose(t, (ends[0] - ends[1]) / (2 * h), rtol=1e-7, atol=1e-7)


# ---------------------------------------------------------------------- selections and edges
def test_the_branch_not_taken_never_spoils_a_derivative():
    g = Graph()
    x, w = g.input("x", "state"), g.input("w", "seed")
    root = g.func("where", g.func("gt", x, g.zero), g.pow(x, HALF), g.scale(3, x))
    both = g.sum([root, g.func("maximum", root, g.scale(-1, x))])
    nodes = [gradient(g, both, [x])[x], *forward(g, [both], {x: g.one}), *reverse(g, [both], [w], [x])]
    np.testing.assert_allclose(evaluate(g, nodes, {x: 0.0, w: 1.0}), 6.0)
    np.testing.assert_allclose(evaluate(g, nodes, {x: 4.0, w: 1.0}), 0.5)
    assert evaluate(g, [times_masked(g, g.pow(x, -1), g.const(2))], {x: 4.0})[0] == 0.5


def test_hill_function_at_zero_concentration():
    g = Graph()
    x, n = g.input("x", "state"), g.input("n", "param")
    power = g.func("pow", x, n)
    hill = g.div(power, g.add([(1, power)], 1))
    found = gradient(g, hill, [x, n])
    assert evaluate(g, [found[x], found[n]], {x: 0.0, n: 2.5}) == [0.0, 0.0]


def test_products_with_a_zero_factor_have_finite_derivatives():
    g = Graph()
    x, y = g.input("x", "state"), g.input("y", "state")
    found = gradient(g, g.mul([(x, 2), (y, 1)]), [x, y])
    assert evaluate(g, [found[x], found[y]], {x: 0.0, y: 0.0}) == [0.0, 0.0]


# ---------------------------------------------------------------------- size
def test_deep_chain_is_linear_in_depth():
    g = Graph()
    x, a, b = g.input("x", "state"), g.input("a", "param"), g.input("b", "param")
    node = x
    for _ in range(10_000):
        node = g.sum([g.product([a, g.func("sin", node)]), b])
    before = len(g)
    (tangent,) = forward(g, [node], {x: g.one})
    (cotangent,) = reverse(g, [node], [g.one], [x])
    sparse = gradient(g, node, [x, a])
    assert len(g) - before < 200_000
    factors = sum(len(g.args[n][1]) for n in range(before, len(g)) if g.op[n] == "mul")
    assert factors < 5_000_000
    values = {x: 0.3, a: 1.0, b: 0.0}
    results = evaluate(g, [tangent, cotangent, sparse[x]], values)
    np.testing.assert_allclose(results, results[0], rtol=1e-9)
    assert pattern(g, [node], [x, a, b]) == [(0, 1, 2)]


def test_shared_graph_with_astronomically_many_paths():
    g = Graph()
    x, y = g.input("x", "state"), g.input("y", "state")
    node = x
    for _ in range(50):  # sin(n) + cos(n): two uses of every level, 2**50 paths
        node = g.sum([g.func("sin", node), g.func("cos", g.sum([node, y]))])
    before = len(g)
    found = gradient(g, node, [x, y])
    back = reverse(g, [node], [g.one], [x, y])
    assert len(g) - before < 2_000
    values = {x: 0.4, y: 0.2}
    numbers = evaluate(g, [found[x], found[y], *back], values)
    np.testing.assert_allclose(numbers[:2], numbers[2:], rtol=1e-12)
    np.testing.assert_allclose(numbers[0], float(central(g, node, values, x)), rtol=1e-12)


def test_pattern_and_compressed_rows():
    g = Graph()
    x, y, z = (g.input(n, "state") for n in "xyz")
    step = g.func("where", g.func("gt", z, g.zero), x, y)
    rows = pattern(g, [step, g.func("floor", x), g.product([y, z]), g.one], [x, y, z])
    assert rows == [(0, 1), (), (1, 2), ()]
    assert compressed(rows) == ([0, 2, 2, 4, 4], [0, 1, 1, 2])
