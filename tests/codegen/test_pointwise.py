"""Ordinary differential equations: solved for the time derivatives, compiled, differentiated."""

from __future__ import annotations

import numpy as np
import pytest

import ritz as rz
from ritz.errors import DiscretizationError, InitialValueError, OptionError, ParameterError, RitzError, UnsupportedError

x, y, z = rz.fields("x y z")
s, r, b = rz.params("s r b", default=(10, 28, 8 / 3), bounds=((0, 100), (0, 100), (0, 10)))


def lorenz(**options):
    equations = [rz.Eq(rz.dt(x), s * (y - x)), rz.Eq(rz.dt(y), x * (r - z) - y), rz.Eq(rz.dt(z), x * y - b * z)]
    return rz.Problem(equations, initial={x: 1, y: 2, z: 3}, name="Lorenz").discretize(rz.Pointwise(), **options)


@pytest.mark.parametrize("rewriter", ["egraph", "sympy", None])
def test_rhs_by_every_rewriter(rewriter):
    system = lorenz(rewriter=rewriter)
    u = np.array([1.5, -0.5, 2.0])
    expected = [10 * (-2.0), 1.5 * 26 + 0.5, -0.75 - 8 / 3 * 2]
    np.testing.assert_allclose(system.rhs(0.0, u), expected, rtol=1e-14)
    np.testing.assert_allclose(system.rhs_numpy(0.0, u), expected, rtol=1e-14)


def test_derivatives():
    system = lorenz()
    u, rng = np.array([1.5, -0.5, 2.0]), np.random.default_rng(0)
    v, w = rng.standard_normal((2, 3))
    jacobian = system.jacobian(0.0, u)
    exact = np.array([[-10, 10, 0], [26, -1, -1.5], [-0.5, 1.5, -8 / 3]])
    np.testing.assert_allclose(jacobian.toarray(), exact, rtol=1e-14)
    assert jacobian.nnz == 8
    np.testing.assert_allclose(system.jvp(0.0, u, v), exact @ v, rtol=1e-13)
    np.testing.assert_allclose(system.vjp(0.0, u, w), exact.T @ w, rtol=1e-13)
    assert [q.name for q in system.parameters] == ["b", "r", "s"]
    np.testing.assert_allclose(system.param_jvp(0.0, u, [0, 0, 1]), [-2.0, 0, 0], rtol=1e-13)
    by_parameter = dict(zip([q.name for q in system.parameters], system.param_vjp(0.0, u, w), strict=True))
    assert by_parameter == pytest.approx({"s": -2.0 * w[0], "r": 1.5 * w[1], "b": -2.0 * w[2]})


def test_coupled_time_derivatives_are_solved():
    p, q = rz.fields("p q")
    problem = rz.Problem([rz.Eq(2 * rz.dt(p) + p * rz.dt(q), rz.t), rz.Eq(rz.dt(p) - rz.dt(q), q)])
    system = problem.discretize(rz.Pointwise())
    rate = system.rhs(0.7, [0.4, 0.3])
    assert 2 * rate[0] + 0.4 * rate[1] == pytest.approx(0.7)
    assert rate[0] - rate[1] == pytest.approx(0.3)


def test_algebraic_equation_is_refused_by_name():
    with pytest.raises(UnsupportedError, match="y has no time derivative"):
        rz.Problem([rz.Eq(rz.dt(x), y), rz.Eq(y, x**2)]).discretize(rz.Pointwise())


def test_time_derivative_inside_a_function():
    with pytest.raises(UnsupportedError, match="stands inside a nonlinear expression"):
        rz.Problem([rz.Eq(rz.sin(rz.dt(x)), x)]).discretize(rz.Pointwise())


def test_wrong_discretisation_is_named():
    u = rz.fields("u")
    heat = rz.Problem([rz.Eq(rz.dt(u), rz.lap(u))], domain=rz.Interval(0, 1), conditions=[rz.Periodic()])
    with pytest.raises(DiscretizationError, match="Use Fourier"):
        heat.discretize(rz.Pointwise())
    with pytest.raises(DiscretizationError, match="no space"):
        rz.Problem([rz.Eq(rz.dt(x), -x)]).discretize(rz.Fourier(8))
    with pytest.raises(OptionError, match="rewriter"):
        lorenz(rewritter=None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"S": 1}, "Did you mean 's'"),
        ({"s": -1}, r"s = -1 is outside its bounds \[0, 100\]"),
        ({"s": float("nan")}, "not a finite number"),
        ({"s": "ten"}, "must be a number"),
    ],
)
def test_parameter_mistakes(given, message):
    with pytest.raises(ParameterError, match=message):
        lorenz().parameter_values(given)


def test_parameter_without_value():
    c = rz.params("c")
    system = rz.Problem([rz.Eq(rz.dt(x), -c * x)], initial={x: 1}).discretize(rz.Pointwise())
    with pytest.raises(ParameterError, match="c has no value. Pass params"):
        system.parameter_values()


def test_state_of_wrong_length():
    with pytest.raises(RitzError, match="length 3; found shape"):
        lorenz().rhs(0.0, [1.0, 2.0])


def test_missing_initial_value_is_named():
    with pytest.raises(InitialValueError, match="No initial value for y"):
        rz.Problem([rz.Eq(rz.dt(x), y), rz.Eq(rz.dt(y), -x)], initial={x: 1}).discretize(rz.Pointwise()).initial_state()


def test_blame_names_term_and_operands():
    system = rz.Problem([rz.Eq(rz.dt(x), rz.log(x) * y), rz.Eq(rz.dt(y), -y)]).discretize(rz.Pointwise())
    message = system.explain_nonfinite(2.5, np.array([-1.0, 3.0]))
    assert "log(x) in the equation of x is nan at t = 2.5" in message
    assert "x = -1" in message


def test_a_misspelt_rewriter_is_refused_when_the_system_is_made():
    u = rz.fields("u")
    problem = rz.Problem([rz.Eq(rz.dt(u), -u)], initial={u: 1})
    with pytest.raises(OptionError, match="No rewriter 'egrap'. Did you mean 'egraph'"):
        problem.discretize(rz.Pointwise(), rewriter="egrap")
