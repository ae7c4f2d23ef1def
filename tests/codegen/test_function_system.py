"""Systems of the user's own functions: derivatives by differences, every kind of method, mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csc_array, diags_array, random_array

import ritz as rz
from ritz.codegen.differences import ColouredDifferences, colours, dense_difference
from ritz.codegen.structure import OrdinaryForm, Structure
from ritz.errors import InitialValueError, OptionError, ParameterError, RitzError, UnsupportedError


def ring(n: int = 12, **options) -> rz.FunctionSystem:
    def f(t, u, p):
        return p["a"] * np.sin(np.roll(u, 1)) - u**3 + np.cos(t)

    return rz.FunctionSystem(f, n, parameters={"a": 2.0}, initial=np.linspace(0.1, 1, n), name="ring", **options)


def ring_jacobian(u, a):
    n = u.size
    exact = np.diag(-3 * u**2)
    exact[np.arange(n), np.arange(n) - 1] += a * np.cos(np.roll(u, 1))
    return exact


# ------------------------------------------------------------------------------------------- derivatives


@pytest.mark.parametrize("given", [True, False])
def test_coloured_differences(given):
    u = np.linspace(-1, 2, 12)
    pattern = csc_array(ring_jacobian(u, 1.0) != 0)
    system = ring(sparsity=pattern if given else None)
    np.testing.assert_allclose(system.jacobian(0.3, u, {"a": 5.0}).toarray(), ring_jacobian(u, 5.0), atol=1e-7)


def test_number_of_evaluations_does_not_grow_with_the_size():
    counts = []
    for n in (100, 1000):
        count = 0

        def f(t, u):
            nonlocal count
            count += 1
            return np.convolve(u**2, [1.0, -2.0, 1.0], "same")

        pattern = diags_array([1.0, 1.0, 1.0], offsets=[-1, 0, 1], shape=(n, n))
        rz.FunctionSystem(f, n, sparsity=pattern).jacobian(0.0, np.ones(n))
        counts.append(count)
    assert counts == [6, 6]


@pytest.mark.parametrize("density", [0.02, 0.1, 0.6])
def test_columns_of_one_colour_share_no_row(density, rng):
    pattern = csc_array(random_array((40, 40), density=density, rng=rng)) != 0
    numbers = colours(csc_array(pattern))
    dense = pattern.toarray().astype(int)
    for colour in range(numbers.max() + 1):
        assert dense[:, numbers == colour].sum(axis=1).max() <= 1
    assert numbers.min() == 0


def test_pattern_grows_when_a_term_wakes_up():
    """A dependence that is zero at the first state is noticed when it is not."""
    differences = ColouredDifferences(2)

    def f(u):
        return np.array([u[0] + np.maximum(u[1] - 5, 0), u[1]])

    assert differences(f, np.array([1.0, 1.0])).toarray() == pytest.approx(np.eye(2))
    assert differences(f, np.array([1.0, 9.0])).toarray() == pytest.approx(np.array([[1, 1], [0, 1]]))


def test_scales_of_the_state():
    """A large and a tiny unknown: each is perturbed by its own size."""

    def f(u):
        return np.array([u[0] ** 2, np.exp(1e8 * u[1])])

    found = dense_difference(f, np.array([1e6, 3e-9]))
    np.testing.assert_allclose(found, [[2e6, 0], [0, 1e8 * np.exp(0.3)]], rtol=1e-8)


def test_products_with_the_jacobian_and_other_derivatives(rng):
    system, u, v, w = ring(), rng.normal(size=12), rng.normal(size=12), rng.normal(size=12)
    j = ring_jacobian(u, 2.0)
    np.testing.assert_allclose(system.jvp(0.0, u, v), j @ v, atol=1e-7)
    np.testing.assert_allclose(system.vjp(0.0, u, w), j.T @ w, atol=1e-7)
    np.testing.assert_allclose(system.time_derivative(0.7, u), np.full(12, -np.sin(0.7)), atol=1e-8)
    np.testing.assert_allclose(system.param_jvp(0.0, u, [1.0]), np.sin(np.roll(u, 1)), atol=1e-8)


def test_jacobian_of_the_user():
    system = ring(jacobian=lambda t, u, p: ring_jacobian(u, p["a"]))
    assert np.array_equal(system.jacobian(0.0, np.ones(12)).toarray(), ring_jacobian(np.ones(12), 2.0))


# ------------------------------------------------------------------------------------------- runs


@pytest.mark.parametrize("method", ["DOP853", "Tsit5", "ESDIRK4", "BDF2", "SDIRK3"])
def test_explicit_and_implicit_methods_agree(method):
    reference = rz.solve(ring(), (0, 2), method="DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
    found = rz.solve(ring(), (0, 2), method=method, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found.y[:, -1], reference, atol=2e-5)


def test_fields_and_parameters():
    system = rz.FunctionSystem(
        lambda t, u, p: -p["k"] * u, 3, parameters={"k": 1.0}, initial=lambda p: np.full(3, p["k"]),
        fields={"a": 1, "b": 2},
    )  # fmt: skip
    solution = rz.solve(system, (0, 1), params={"k": 2.0}, rtol=1e-8, atol=1e-10)
    assert solution["b"].shape == (solution.t.size, 2) and solution["a"].shape == (solution.t.size,)
    assert solution["a"][-1] == pytest.approx(2 * np.exp(-2), rel=1e-6)
    assert rz.solve(system, (0, 1), {"a": 1.0, "b": [2.0, 3.0]}).y[:, 0].tolist() == [1.0, 2.0, 3.0]
    assert system.layout.locate(2) == "b[1]" and system.layout.locate(0) == "a"


def test_error_in_the_function_is_shown():
    def f(t, u):
        if t > 0.3:
            raise ValueError("no data beyond 0.3")
        return -u

    system = rz.FunctionSystem(f, 1, initial=[1.0], name="mine")
    found = rz.solve(system, (0, 1), method="RK45")
    assert not found.success and "raised ValueError: no data beyond 0.3" in found.message
    assert found.t[-1] == pytest.approx(0.3, abs=1e-6)
    with pytest.raises(ValueError, match="no data"):
        rz.solve(system, (0, 1), method="BDF2")


def test_defaults_of_a_system():
    form = OrdinaryForm()
    assert form.mass() is None and form.rates == ()
    assert not form.is_steady and not form.structure.symmetric and form.structure.saddle is None
    x = rz.fields("x")
    system = rz.Problem([rz.Eq(rz.dt(x), -x)], initial={x: 1}).discretize(rz.Pointwise())
    assert system.mass() is None and not system.is_steady and isinstance(system.structure, Structure)


# ------------------------------------------------------------------------------------------- mistakes


def test_mistakes():
    with pytest.raises(OptionError, match="hold 3 unknowns, but size = 2"):
        rz.FunctionSystem(lambda t, u: u, 2, fields={"a": 3})
    with pytest.raises(OptionError, match="functions of"):
        rz.FunctionSystem(3, 2)
    with pytest.raises(RitzError, match=r"must have shape \(2,\); it returned \(3,\)"):
        rz.solve(rz.FunctionSystem(lambda t, u: np.ones(3), 2, initial=[0.0, 0.0], name="mine"), (0, 1), method="BDF2")
    with pytest.raises(RitzError, match=r"Jacobian of mine must have shape \(2, 2\), found \(2, 1\)"):
        rz.FunctionSystem(lambda t, u: u, 2, jacobian=lambda t, u: np.ones((2, 1)), name="mine").jacobian(0, np.ones(2))
    with pytest.raises(OptionError, match=r"mass matrix of mine must have shape \(2, 2\)"):
        rz.FunctionSystem(lambda t, u: u, 2, mass=np.eye(3), name="mine").mass()
    with pytest.raises(InitialValueError, match="no initial state: pass y0="):
        rz.solve(rz.FunctionSystem(lambda t, u: u, 2), (0, 1))
    with pytest.raises(InitialValueError, match=r"shape \(2,\), found \(3,\)"):
        rz.solve(rz.FunctionSystem(lambda t, u: u, 2, initial=np.ones(3)), (0, 1))
    with pytest.raises(ParameterError, match="has no parameter 'b'. Its parameters: a"):
        rz.solve(ring(), (0, 1), params={"b": 1})
    with pytest.raises(UnsupportedError, match="5000 unknowns.*sparsity="):
        rz.FunctionSystem(lambda t, u: u, 5000).jacobian(0, np.ones(5000))
    with pytest.raises(InitialValueError, match="values of b must be one real number or 2"):
        rz.solve(rz.FunctionSystem(lambda t, u: u, 3, fields={"a": 1, "b": 2}), (0, 1), {"a": 1.0, "b": np.ones(3)})
