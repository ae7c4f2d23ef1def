"""Projected operators: equal to projecting the full evaluation, in NumPy and compiled, truncated and reduced again."""

import numpy as np
import pytest
from reduction_fakes import POINTS, SIZE, FullModel

from ritz.errors import OptionError, UnsupportedError
from ritz.reduced_order.error_estimate import ErrorEstimate
from ritz.reduced_order.galerkin import factor_values, point_form, project
from ritz.reduced_order.hyper import choose_points, decompose, operations, split_products
from ritz.reduced_order.monomials import count, monomial_jacobian, monomial_values, monomials, product_columns
from ritz.reduced_order.operators import ReducedOperators
from ritz.reduced_order.pod import orthonormalize
from ritz.reduced_order.reduced_layout import ReducedLayout
from ritz.reduced_order.reduced_system import ReducedSystem, Training
from ritz.reduced_order.region import TrainingRegion

RNG = np.random.default_rng(1)
P = np.array([0.7, 1.3])


def reduced(full, rank=5, *, center=True, hyper="auto", oversample_all=True):
    """Project `full` on random modes; sampled products are made exact by taking snapshots that span everything."""
    weights = full.layout.weights
    basis = orthonormalize(RNG.standard_normal((SIZE, rank)), weights)
    mean = RNG.standard_normal(SIZE) / 3 if center else np.zeros(SIZE)
    exact, sampled = split_products(full.form, rank, hyper)
    sampling = None
    if sampled:
        sampling = choose_points(decompose({j: np.eye(POINTS) for j in sampled}), 1e-15, "qdeim")
    test = weights[:, None] * basis
    operators, factors = project(full.form, basis, test, mean, exact, sampling)
    layout = ReducedLayout(full.layout, basis, test, mean)
    region = TrainingRegion(("a",), np.array([[0.0], [2.0]]), np.array([[0.0, 2.0]]), {"b": 1.3}, (0.0, 1.0))
    training = Training((0.0, 1.0), np.linspace(0, 1, 3), {}, np.ones(rank), 10, 2, {}, len(exact))
    nothing = ErrorEstimate(("a",), np.zeros((0, 1)), np.zeros(0), np.zeros(0), 1e-3)
    return ReducedSystem(full, layout, operators, factors, region, training, nothing)


def truth(model, t, z, p):
    layout = model.layout
    return layout.test.T @ model.full.rhs(t, layout.decode(z), p)


def test_monomials_are_complete_and_nested():
    for n, degree in [(2, 0), (4, 0), (4, 1), (4, 2), (5, 3)]:
        table = monomials(n, degree)
        assert table.shape == (count(n, degree), degree)
        assert len({tuple(row) for row in table}) == len(table)
        np.testing.assert_array_equal(table[: count(n - 1, degree)], monomials(n - 1, degree))
    z = RNG.standard_normal(4)
    factors = [RNG.standard_normal((7, 4)) for _ in range(3)]
    direct = np.prod([f @ z for f in factors], axis=0)
    np.testing.assert_allclose(product_columns(factors, monomials(4, 3)) @ monomial_values(z, 3), direct, rtol=1e-13)
    same = [factors[0]] * 3
    np.testing.assert_allclose(product_columns(same, monomials(4, 3)) @ monomial_values(z, 3), (factors[0] @ z) ** 3)
    step = 1e-30j
    for degree in (1, 2, 3):
        exact = np.stack(
            [np.prod((z + step * e)[monomials(4, degree)], axis=1).imag / 1e-30 for e in np.eye(4)], axis=1
        )
        np.testing.assert_allclose(monomial_jacobian(z, degree), exact, rtol=1e-13)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("with_time", [False, True])
def test_reduced_evaluation_equals_projected_full_evaluation(center, with_time):
    model = reduced(FullModel(with_time=with_time), center=center)
    assert model.operators.degree == 3 and model.operators.points == POINTS
    for t in (0.0, 0.4, 0.4, 1.1):
        z = RNG.standard_normal(5)
        expected = truth(model, t, z, P)
        now = model.assembled(P, t)
        slow = now.polynomial(z) + now.sampled(z, model.full.form.products, t, P)
        np.testing.assert_allclose(slow, expected, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(model.rhs(t, z, P), expected, rtol=1e-11, atol=1e-12)


def test_quadratic_tensor_of_burgers_is_exact():
    """Reduced convection u u_x by a symmetric tensor of N^2 (N + 1) / 2 numbers."""
    n, r = 256, 6
    x = np.arange(n) * 2 * np.pi / n
    basis = np.linalg.qr(np.stack([np.cos(k * x + k) for k in range(1, r + 1)], axis=1))[0]
    slope = np.real(np.fft.ifft(1j * np.fft.fftfreq(n, 1 / n)[:, None] * np.fft.fft(basis, axis=0), axis=0))
    tensor = product_columns([basis, slope], monomials(r, 2)).T @ basis
    assert tensor.size == r * r * (r + 1) // 2
    z = RNG.standard_normal(r)
    np.testing.assert_allclose(monomial_values(z, 2) @ tensor, basis.T @ ((basis @ z) * (slope @ z)), atol=1e-15)


def test_a_truncated_model_is_the_model_of_the_smaller_basis():
    full = FullModel()
    large = reduced(full, 6)
    basis, test = large.layout.basis[:, :4], large.layout.test[:, :4]
    exact, sampled = split_products(full.form, 4, "auto")
    sampling = choose_points(decompose({j: np.eye(POINTS) for j in sampled}), 1e-15, "qdeim")
    direct, factors = project(full.form, basis, test, large.layout.mean, exact, sampling)
    cut = large.operators.truncate(4)
    z = RNG.standard_normal(4)
    thetas = factor_values(full.form, factors, P, 0.3)
    products = full.form.products
    for operators in (direct, cut):
        now = operators.assemble(thetas)
        value = now.polynomial(z) + now.sampled(z, products, 0.3, P)
        np.testing.assert_allclose(value, test.T @ full.rhs(0.3, basis @ z + large.layout.mean, P), rtol=1e-11)


def test_operators_can_be_projected_again():
    model = reduced(FullModel(), 6)
    basis = np.linalg.qr(RNG.standard_normal((6, 3)))[0]
    mean = RNG.standard_normal(6) / 3
    twice = model.operators.project(basis, basis, mean)
    y = RNG.standard_normal(3)
    now = twice.assemble(model.factor_values(P, 0.0))
    value = now.polynomial(y) + now.sampled(y, model.full.form.products, 0.0, P)
    np.testing.assert_allclose(value, basis.T @ model.rhs(0.0, basis @ y + mean, P), rtol=1e-11)


def test_derivatives():
    model = reduced(FullModel())
    z, v, w = RNG.standard_normal((3, 5))
    h = 1e-6
    slope = (model.rhs(0.0, z + h * v, P) - model.rhs(0.0, z - h * v, P)) / (2 * h)
    np.testing.assert_allclose(model.jvp(0.0, z, v, P), slope, rtol=1e-7)
    jacobian = model.jacobian(0.0, z, P)
    np.testing.assert_allclose(jacobian @ v, slope, rtol=1e-7)
    np.testing.assert_allclose(model.vjp(0.0, z, w, P), jacobian.T @ w, rtol=1e-12)
    dp = np.array([0.3, -0.2])
    slope = (model.rhs(0.0, z, P + h * dp) - model.rhs(0.0, z, P - h * dp)) / (2 * h)
    np.testing.assert_allclose(model.param_jvp(0.0, z, dp, P), slope, rtol=1e-6)
    np.testing.assert_allclose(model.param_vjp(0.0, z, w, P) @ dp, model.param_jvp(0.0, z, dp, P) @ w, rtol=1e-7)
    assert not model.param_jvp(0.0, z, 0 * dp, P).any()
    exact = reduced(FullModel(products=(0, 1)))
    assert exact.operators.inputs is None
    z = z[: exact.size]
    slope = (exact.rhs(0.0, z + h * v, P) - exact.rhs(0.0, z - h * v, P)) / (2 * h)
    np.testing.assert_allclose(exact.jvp(0.0, z, v, P), slope, rtol=1e-8)


def test_deim_of_a_nonlinear_term_converges_with_its_points():
    full = FullModel(products=(2,))
    rng = np.random.default_rng(2)
    basis = orthonormalize(rng.standard_normal((SIZE, 3)), full.layout.weights)
    test = full.layout.weights[:, None] * basis
    states = basis @ rng.standard_normal((3, 60))
    every = np.arange(POINTS)
    columns = np.stack(
        [full.form.products(np.array([full.a @ u, full.b @ u]), every, 0.0, P)[2] for u in states.T], axis=1
    )
    z = rng.standard_normal(3)
    expected = test.T @ full.rhs(0.0, basis @ z, P)
    errors, points = [], []
    for tol in (1e-1, 1e-2, 1e-6):
        sampling = choose_points(decompose({2: columns}), tol, "deim")
        operators, factors = project(full.form, basis, test, np.zeros(SIZE), [], sampling)
        now = operators.assemble(factor_values(full.form, factors, P, 0.0))
        value = now.polynomial(z) + now.sampled(z, full.form.products, 0.0, P)
        errors.append(np.linalg.norm(value - expected) / np.linalg.norm(expected))
        points.append(operators.points)
    assert errors[0] > errors[1] > errors[2] and errors[2] < 1e-4
    assert points[0] < points[1] <= points[2]


def test_zero_terms_need_no_points():
    sampling = choose_points(decompose({0: np.zeros((POINTS, 4))}), 1e-3, "qdeim")
    assert not len(sampling.points)
    operators, _ = project(
        FullModel(products=(0,)).form, np.eye(SIZE, 2), np.eye(SIZE, 2), np.zeros(SIZE), [], sampling
    )
    assert operators.inputs is None and operators.degree == 1


def test_choice_of_exact_and_sampled_terms():
    form = FullModel().form
    assert split_products(form, 10, "auto") == ([0, 1], [2])
    assert split_products(form, 30, "auto") == ([0], [1, 2])
    assert split_products(form, 100, "auto") == ([], [0, 1, 2])
    assert split_products(form, 30, "auto", lambda sampled: 10) == ([0], [1, 2]), "sampling two costs less"
    assert split_products(form, 30, "auto", lambda sampled: 5000 * len(sampled)) == ([0, 1], [2])
    assert split_products(form, 60, "auto", lambda sampled: 400 * len(sampled)) == ([0], [1, 2])
    assert split_products(form, 60, "auto", lambda sampled: 20 * len(sampled)) == ([], [0, 1, 2])
    assert operations(form, 10, [0, 1], [], 0) == 10 * (55 + 220)
    assert operations(form, 10, [0], [1, 2], 7) == 10 * 55 + (len(form.inputs) + 2) * 7 * 10
    assert split_products(form, 5, "deim") == ([], [0, 1, 2])
    assert split_products(FullModel(products=(0, 1)).form, 100, None) == ([0, 1], [])
    with pytest.raises(UnsupportedError, match=r'1 of 3 nonlinear terms are not\. Use hyper="auto"'):
        split_products(form, 5, None)
    with pytest.raises(OptionError, match="Did you mean 'qdeim'"):
        split_products(form, 5, "q-deim")
    with pytest.raises(UnsupportedError, match="gives no point form"):
        point_form(object())


def test_costs_are_counted():
    operators = ReducedOperators(10, reduced(FullModel(products=(0,)), 10).operators.polynomial)
    assert operators.operations == 10 + 10 * 10 + 55 * 10
