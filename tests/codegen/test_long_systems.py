"""Systems of thousands of operations: right-hand side and derivatives by LLVM, several threads, warm starts."""

from __future__ import annotations

import ctypes
import threading
from fractions import Fraction

import numpy as np
import pytest

import ritz as rz
from ritz.codegen import native
from ritz.codegen.calling import call_rhs_address
from ritz.codegen.layout import PointwiseLayout
from ritz.codegen.lowered import Lowered
from ritz.codegen.scalar_kernel import ScalarKernel
from ritz.codegen.system import System
from ritz.errors import OptionError, RitzError, UnsupportedError
from ritz.symbolic.graph import Graph

SIZE, REACTIONS = 40, 1500
PARAMETERS = {"k": 0.7, "m": 1.3, "a": 0.4}


def network(size=SIZE, reactions=REACTIONS, seed=0) -> System:
    """Random reactions with saturating, thermal and time-dependent rates, each in the equations of three species."""
    rng = np.random.default_rng(seed)
    g = Graph()
    states = {f"x{i}": g.input(f"x{i}", "state") for i in range(size)}
    k, m, a = (g.input(name, "param") for name in PARAMETERS)
    t = g.input("t", "time")
    constants = [g.div(k, m), g.func("exp", g.div(a, m)), g.product([k, a]), m]
    terms: dict[int, list[tuple[int, int]]] = {i: [(1, g.func("sin", t))] for i in range(size)}
    for r in range(reactions):
        i, j, c = (int(v) for v in rng.choice(size, 3, replace=False))
        x, y = states[f"x{i}"], states[f"x{j}"]
        rate = g.product([constants[r % 4], x, y])
        if r % 5 == 0:
            rate = g.div(rate, g.add([(1, x), (1, m)], 1))
        if r % 7 == 0:
            rate = g.product([rate, g.func("where", g.func("gt", x, y), g.func("tanh", y), g.pow(x, Fraction(1, 2)))])
        for species, sign in ((i, -1), (j, -1), (c, 1)):
            terms[species].append((sign, rate))
    rhs = {f"x{i}": g.add(terms[i]) for i in range(size)}
    system = System(
        Lowered(g, None, PointwiseLayout(tuple(states)), states, None, rhs, tuple(PARAMETERS)), rewriter=None
    )
    system.parameters = tuple(type(q)(q.name, PARAMETERS[q.name], None) for q in system.parameters)
    return system


@pytest.fixture(scope="module")
def system():
    return network()


@pytest.fixture(scope="module")
def point():
    rng = np.random.default_rng(1)
    return rng.uniform(0.5, 2.0, SIZE), rng.standard_normal(SIZE), rng.standard_normal(SIZE)


def kernel(system, kind) -> ScalarKernel:
    emitted = system._compiled(kind).emitted
    assert isinstance(emitted, ScalarKernel)
    return emitted


def call(address, t, u, p, size, context):
    out = np.full(size, np.nan)
    function = ctypes.CFUNCTYPE(None, ctypes.c_double, *[ctypes.c_ssize_t] * 4)(address)
    function(t, u.ctypes.data, p.ctypes.data, out.ctypes.data, context)
    return out


def close(found, expected, tolerance=1e-13):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def test_right_hand_side_in_many_functions_equals_numpy(system, point):
    close(system.rhs(0.3, point[0]), system.rhs_numpy(0.3, point[0]))
    made = kernel(system, "rhs")
    assert made.native.parts > 10 and made.native.level == 0
    assert f"{made.native.parts} functions" in str(system.report())


def test_jacobian_equals_differences(system, point):
    u, v, _ = point
    jacobian = system.jacobian(0.3, u)
    step = 1e-6
    slope = (system.rhs_numpy(0.3, u + step * v) - system.rhs_numpy(0.3, u - step * v)) / (2 * step)
    close(jacobian @ v, slope, 1e-8)
    for j in range(0, SIZE, 7):
        e = np.eye(SIZE)[j]
        column = (system.rhs_numpy(0.3, u + step * e) - system.rhs_numpy(0.3, u - step * e)) / (2 * step)
        close(jacobian[:, [j]].toarray()[:, 0], column, 1e-7)


def test_pattern_is_by_columns_and_does_not_change(system, point):
    first, second = system.jacobian(0.0, point[0]), system.jacobian(1.0, 2 * point[0], {"k": 0.1})
    assert first.format == "csc" and first.has_sorted_indices
    np.testing.assert_array_equal(first.indices, second.indices)
    np.testing.assert_array_equal(first.indptr, second.indptr)
    assert abs(first - second).max() > 0


def test_directional_derivatives_equal_the_jacobian(system, point):
    u, v, w = point
    jacobian = system.jacobian(0.3, u)
    close(system.jvp(0.3, u, v), jacobian @ v)
    close(system.vjp(0.3, u, w), jacobian.T @ w)


def test_parameter_derivatives(system, point):
    u, _, w = point
    step, p = 1e-6, system.parameter_vector()
    for i, e in enumerate(np.eye(len(p))):
        slope = (system.rhs_numpy(0.3, u, p + step * e) - system.rhs_numpy(0.3, u, p - step * e)) / (2 * step)
        close(system.param_jvp(0.3, u, e), slope, 1e-8)
        assert system.param_vjp(0.3, u, w)[i] == pytest.approx(system.param_jvp(0.3, u, e) @ w, rel=1e-11)


def test_tables_follow_the_parameters(system, point):
    u = point[0]
    assert kernel(system, "rhs").code.once is not None
    for values in ({}, {"k": 2.0}, {"m": 0.5, "a": -1.0}, {}):
        close(system.rhs(0.3, u, values), system.rhs_numpy(0.3, u, values))
        bound = system.bind(values)
        close(call(bound.rhs, 0.3, u, bound.p, SIZE, bound.context), system.rhs_numpy(0.3, u, values))


def test_bound_jacobian_for_compiled_solvers(system, point):
    u = point[0]
    one, two = system.bind_jacobian(), system.bind_jacobian({"k": 2.0})
    for bound, values in ((one, {}), (two, {"k": 2.0}), (one, {})):
        expected = system.jacobian(0.3, u, values)
        found = call(bound.address, 0.3, u, bound.p, len(bound.indices), bound.context)
        np.testing.assert_array_equal(found, expected.data)
        np.testing.assert_array_equal(bound.indices, expected.indices)
        slope = call(bound.time_address, 0.3, u, bound.p, SIZE, bound.time_context)
        np.testing.assert_allclose(slope, np.cos(0.3), rtol=1e-15)
        assert bound.indptr[-1] == len(bound.indices) and bound.size == SIZE and one.address == bound.address


def test_users_of_long_code_have_memory_of_their_own(system, point):
    one, two = system.bind(), system.bind()
    assert kernel(system, "rhs").native.scratch > 0 and one.rhs == two.rhs and one.context != two.context
    expected = system.rhs(0.3, point[0])
    wrong = []

    def work(scale):
        bound = system.bind()
        u = scale * point[0]
        target = system.rhs_numpy(0.3, u)
        for _ in range(300):
            found = call(bound.rhs, 0.3, u, bound.p, SIZE, bound.context)
            if not np.allclose(found, target, rtol=1e-11, atol=0):
                wrong.append(scale)

    threads = [threading.Thread(target=work, args=(s,)) for s in (0.5, 1.0, 1.5, 2.0)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not wrong
    np.testing.assert_array_equal(system.rhs(0.3, point[0]), expected)


def test_short_code_is_shared():
    x = rz.fields("x")
    system = rz.Problem([rz.Eq(rz.dt(x), -x)], initial={x: 1}).discretize(rz.Pointwise())
    assert system.bind() is system.bind()


def test_solving_a_long_system():
    system = network(12, 200, seed=3)
    u = np.random.default_rng(5).uniform(0.5, 1.0, 12)
    solution = rz.solve(system, (0, 0.1), y0=u, rtol=1e-9, atol=1e-9)
    from scipy.integrate import solve_ivp

    reference = solve_ivp(system.rhs_numpy, (0, 0.1), u, rtol=1e-9, atol=1e-9)
    assert solution.success
    np.testing.assert_allclose(solution.y[:, -1], reference.y[:, -1], rtol=1e-6)


def test_a_second_process_compiles_nothing(tmp_path, monkeypatch, point):
    monkeypatch.setenv("RITZ_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(native, "_loaded", {})
    first = network()
    expected = first.rhs(0.3, point[0]), first.jacobian(0.3, point[0]).data
    native._loaded.clear()
    monkeypatch.setattr(native, "_compile", lambda *_: pytest.fail("compiled again"))
    second = network()
    np.testing.assert_array_equal(second.rhs(0.3, point[0]), expected[0])
    np.testing.assert_array_equal(second.jacobian(0.3, point[0]).data, expected[1])


def test_readable_source_computes_the_same(system, point):
    import math

    u, values = point[0], system.parameter_vector()
    scope = {"math": math, "np": np}
    exec(compile(system.source("rhs"), "source", "exec"), scope)
    tables, out = np.zeros(kernel(system, "rhs").code.tables), np.zeros(SIZE)
    scope["prepare"](values, tables)
    scope["rhs"](0.3, u, values, out, tables)
    close(out, system.rhs_numpy(0.3, u))


def test_directions_of_wrong_length_are_refused(system, point):
    with pytest.raises(RitzError, match="takes a direction of length 40; found"):
        system.jvp(0.0, point[0], np.ones(3))
    with pytest.raises(RitzError, match="takes a direction of length 3; found"):
        system.param_jvp(0.0, point[0], np.ones(4))


def test_jacobian_on_modes_is_refused():
    u, _ = rz.fields("u"), rz.coords("x")
    heat = rz.Problem([rz.Eq(rz.dt(u), rz.lap(u))], domain=rz.Interval(0, 1), conditions=[rz.Periodic()])
    with pytest.raises(UnsupportedError, match="the Jacobian is dense. Use system.jvp"):
        heat.discretize(rz.Fourier(8)).bind_jacobian()


def test_derivative_with_respect_to_time():
    x, y = rz.fields("x y")
    driven = rz.Problem([rz.Eq(rz.dt(x), rz.sin(3 * rz.t) * y), rz.Eq(rz.dt(y), -x)]).discretize(rz.Pointwise())
    np.testing.assert_allclose(driven.time_derivative(0.4, [1.0, 2.0]), [6 * np.cos(1.2), 0.0], rtol=1e-15)
    free = rz.Problem([rz.Eq(rz.dt(x), y), rz.Eq(rz.dt(y), -x)]).discretize(rz.Pointwise())
    np.testing.assert_array_equal(free.time_derivative(0.4, [1.0, 2.0]), 0.0)
    assert free.bind_jacobian().time_address == 0 and driven.bind_jacobian().time_address != 0


def test_constant_entries_and_empty_rows():
    x, y, z = rz.fields("x y z")
    k = rz.params("k", default=3.0)
    system = rz.Problem([rz.Eq(rz.dt(x), -k * x), rz.Eq(rz.dt(y), rz.t), rz.Eq(rz.dt(z), 2 * x - y)]).discretize(
        rz.Pointwise()
    )
    expected = np.array([[-3.0, 0, 0], [0, 0, 0], [2, -1, 0]])
    np.testing.assert_array_equal(system.jacobian(0.0, np.ones(3)).toarray(), expected)
    np.testing.assert_array_equal(system.jvp(0.0, np.ones(3), [1.0, 2.0, 3.0]), expected @ [1, 2, 3])


@pytest.mark.parametrize("kind", ["jvp", "vjp"])
def test_products_by_address(kind):
    x, y = rz.fields("x y")
    k = rz.params("k", default=1.5)
    system = rz.Problem([rz.Eq(rz.dt(x), k * x * y + rz.t), rz.Eq(rz.dt(y), rz.sin(x) - y**2)]).discretize(
        rz.Pointwise()
    )
    u, out = np.array([0.3, -0.8]), np.empty(2)
    jacobian = np.array([[2.0 * u[1], 2.0 * u[0]], [np.cos(u[0]), -2 * u[1]]])
    bound = system.bind_product(kind, {"k": 2.0})
    for direction in np.eye(2):
        bound.direction[:] = direction
        call_rhs_address(bound.address, 0.1, u, bound.p, out, bound.context)
        expected = jacobian @ direction if kind == "jvp" else jacobian.T @ direction
        np.testing.assert_allclose(out, expected, rtol=1e-14)
    with pytest.raises(OptionError, match="kind must be 'jvp' or 'vjp', not 'rhs'"):
        system.bind_product("rhs")
    s = rz.fields("s")
    heat = rz.Problem([rz.Eq(rz.dt(s), rz.lap(s))], domain=rz.Box(x=(0, 1)), conditions=[rz.Periodic()])
    with pytest.raises(UnsupportedError, match=f"The product '{kind}' of s cannot be bound: it has loops"):
        heat.discretize(rz.Fourier(8)).bind_product(kind)
