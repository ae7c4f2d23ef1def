"""Eigenvalues by shift and invert: closed forms, published values, mass matrices, constraints, mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from implicit_systems import constrained, heat, oscillator, stokes_like
from model_matrices import SPD, fitted_order, laplacian, p1_matrices, second_difference
from scipy.sparse import csc_array, diags_array
from steady_systems import bratu

import ritz as rz
from ritz.codegen.structure import Structure
from ritz.errors import LinearSolveError, OptionError, OptionValueError, UnsupportedError


def membrane(n: int) -> rz.FunctionSystem:
    a = laplacian(n)
    return rz.FunctionSystem(
        lambda t, u: -a @ u, n * n, jacobian=lambda t, u: -a, initial=np.zeros(n * n), structure=SPD, name="membrane"
    )


def elements(n: int) -> rz.FunctionSystem:
    k, m = p1_matrices(n)
    return rz.FunctionSystem(
        lambda t, u: -k @ u, n, jacobian=lambda t, u: -k, mass=m, initial=np.zeros(n), structure=SPD, name="string"
    )


def advected(n: int, speed: float) -> rz.FunctionSystem:
    """``-u'' + speed u'`` by central differences: real eigenvalues, unsymmetric matrix."""
    slope = csc_array(diags_array([1.0, -1.0], offsets=[1, -1], shape=(n, n)) * ((n + 1) / 2))
    a = second_difference(n) + speed * slope
    return rz.FunctionSystem(lambda t, u: -a @ u, n, jacobian=lambda t, u: -a, initial=np.zeros(n), name="advection")


@pytest.mark.parametrize("n", [10, 30])
def test_square_membrane(n):
    """All eigenvalues of the five-point formula are known; the third and the fourth are equal, up to rounding."""
    pairs = rz.eigenvalues(membrane(n), 6)
    one = 4 * (n + 1) ** 2 * np.sin(np.arange(1, n + 1) * np.pi / (2 * (n + 1))) ** 2
    exact = np.sort(np.add.outer(one, one).ravel())[:6]
    np.testing.assert_allclose(pairs.eigenvalues, exact, rtol=1e-9)
    np.testing.assert_allclose(pairs.vectors.T @ pairs.vectors, np.eye(6), atol=1e-8)
    assert pairs.residuals.max() < 1e-8 and pairs.eigenvalues.dtype == float


@pytest.mark.parametrize("n", [40, 400])
def test_mass_matrix(n):
    """Linear elements: each eigenvalue in closed form; modes are orthonormal in the mass matrix."""
    pairs = rz.eigenvalues(elements(n), 4)
    theta = np.arange(1, 5) * np.pi / (n + 1)
    np.testing.assert_allclose(
        pairs.eigenvalues, 6 * (n + 1) ** 2 * (1 - np.cos(theta)) / (2 + np.cos(theta)), rtol=1e-8
    )
    m = p1_matrices(n)[1]
    np.testing.assert_allclose(pairs.vectors.T @ (m @ pairs.vectors), np.eye(4), atol=1e-7)


def test_order_of_linear_elements():
    steps, errors = [], []
    for n in (10, 20, 40, 80):
        steps.append(1 / (n + 1))
        errors.append(rz.eigenvalues(elements(n), 1).eigenvalues[0] - np.pi**2)
    assert min(errors) > 0 and fitted_order(steps, errors) == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize("n", [60, 500])
def test_unsymmetric(n):
    """``pi^2 j^2 + speed^2/4`` in the limit; the discrete values are known too."""
    pairs = rz.eigenvalues(advected(n, 10.0), 3)
    h = 1 / (n + 1)
    exact = 2 / h**2 * (1 - np.sqrt(1 - (5 * h) ** 2) * np.cos(np.arange(1, 4) * np.pi * h))
    np.testing.assert_allclose(pairs.eigenvalues, exact, rtol=1e-7)
    assert pairs.eigenvalues[0].real == pytest.approx(np.pi**2 + 25, rel=2e-2)


@pytest.mark.parametrize("n", [12, 200])
def test_vibrations_are_imaginary(n):
    """A second-order system in first order: pairs of imaginary eigenvalues, the frequencies of the string."""
    pairs = rz.eigenvalues(oscillator(n), 4, sigma=0.1)
    theta = np.arange(1, 3) * np.pi / (n + 1)
    frequencies = np.sqrt(6 * (n + 1) ** 2 * (1 - np.cos(theta)) / (2 + np.cos(theta)))
    np.testing.assert_allclose(np.sort(np.abs(pairs.eigenvalues.imag)), np.repeat(frequencies, 2), rtol=1e-7)
    assert np.abs(pairs.eigenvalues.real).max() < 1e-6
    near = rz.eigenvalues(oscillator(n), 1, sigma=1j * frequencies[1])
    assert near.eigenvalues[0] == pytest.approx(1j * frequencies[1], rel=1e-7)
    assert np.iscomplexobj(near["u"]) and near["u"].shape == (1, n)


def test_stability_changes_at_the_fold():
    """On the lower branch of Bratu's problem the steady state is stable, on the upper one not."""
    branch = rz.continuation(bratu(30), "lam", (1.0, 5.0))
    signs = [
        rz.eigenvalues(bratu(30), 1, sigma=-100.0, at=branch.y[:, i], params={"lam": branch.values[i]}).eigenvalues[0]
        for i in (0, len(branch) - 1)
    ]
    assert signs[0] > 0 > signs[1]


def test_shift_picks_what_is_near():
    exact = rz.eigenvalues(membrane(12), 144).eigenvalues
    near = rz.eigenvalues(membrane(12), 3, sigma=300.0).eigenvalues
    np.testing.assert_allclose(np.sort(near), np.sort(exact[np.argsort(np.abs(exact - 300))[:3]]), rtol=1e-9)


@pytest.mark.parametrize("n", [10, 30])
@pytest.mark.parametrize(
    "which, take", [("SM", slice(5)), ("SA", slice(5)), ("LA", slice(-1, -6, -1)), ("LM", slice(-1, -6, -1))]
)
def test_ends_of_a_symmetric_spectrum(which, take, n):
    one = 4 * (n + 1) ** 2 * np.sin(np.arange(1, n + 1) * np.pi / (2 * (n + 1))) ** 2
    exact = np.sort(np.add.outer(one, one).ravel())
    pairs = rz.eigenvalues(membrane(n), 5, which=which)
    np.testing.assert_allclose(pairs.eigenvalues, exact[take], rtol=1e-8)
    assert pairs.residuals.max() < 1e-8


@pytest.mark.parametrize("n", [40, 400])
def test_largest_eigenvalues_with_a_mass_matrix(n):
    pairs = rz.eigenvalues(elements(n), 3, which="LR")
    theta = np.arange(n, n - 3, -1) * np.pi / (n + 1)
    exact = 6 * (n + 1) ** 2 * (1 - np.cos(theta)) / (2 + np.cos(theta))
    np.testing.assert_allclose(pairs.eigenvalues, exact, rtol=1e-8)
    assert "with largest real part" in repr(pairs)


@pytest.mark.parametrize("n", [12, 180])
def test_ends_of_an_unsymmetric_spectrum(n):
    """The frequencies of a string are imaginary; those of advection with diffusion real."""
    highest = n * np.pi / (n + 1)
    frequency = np.sqrt(6 * (n + 1) ** 2 * (1 - np.cos(highest)) / (2 + np.cos(highest)))
    pairs = rz.eigenvalues(oscillator(n), 2, which="LI")
    np.testing.assert_allclose(np.sort(pairs.eigenvalues.imag), [-frequency, frequency], rtol=1e-7)
    h, j = 1 / (n + 1), np.array([1, 2])
    for which, modes in (("SR", j), ("LR", n + 1 - j)):
        exact = 2 / h**2 * (1 - np.sqrt(1 - (5 * h) ** 2) * np.cos(modes * np.pi * h))
        np.testing.assert_allclose(rz.eigenvalues(advected(n, 10.0), 2, which=which).eigenvalues, exact, rtol=1e-7)


@pytest.mark.parametrize("n", [60, 400])
def test_smallest_real_part_where_magnitudes_mislead(n):
    """``-u'' - 40 u`` has eigenvalues of both signs: the smallest are the unstable ones, not those next to zero."""
    a = csc_array(second_difference(n) - 40 * diags_array(np.ones(n)))
    system = rz.FunctionSystem(
        lambda t, u: -a @ u, n, jacobian=lambda t, u: -a, initial=np.zeros(n), structure=Structure(symmetric=True)
    )
    exact = 4 * (n + 1) ** 2 * np.sin(np.arange(1, 4) * np.pi / (2 * (n + 1))) ** 2 - 40
    np.testing.assert_allclose(rz.eigenvalues(system, 3, which="SA").eigenvalues, exact, rtol=1e-6)
    assert rz.eigenvalues(system, 1).eigenvalues[0] == pytest.approx(exact[1], rel=1e-6)


def test_mistakes_with_which():
    with pytest.raises(OptionValueError, match="which='SN': it is one of LA, SA, SM, LM, SR, LR, LI"):
        rz.eigenvalues(membrane(10), 2, which="SN")
    with pytest.raises(OptionValueError, match="with a shift the eigenvalues nearest to it are found"):
        rz.eigenvalues(membrane(10), 2, which="SM", sigma=3.0)
    with pytest.raises(OptionValueError, match="eigenvalues of a symmetric problem are real"):
        rz.eigenvalues(membrane(10), 2, which="LI")
    k, m = p1_matrices(400)
    weights = m.toarray()
    weights[0] = weights[:, 0] = 0
    system = rz.FunctionSystem(
        lambda t, u: -k @ u, 400, jacobian=lambda t, u: -k, mass=csc_array(weights), initial=np.zeros(400)
    )
    with pytest.raises(UnsupportedError, match=r"has rows of zeros \(constraints\).*Give sigma near"):
        rz.eigenvalues(system, 2, which="LM")


def test_constraints_have_no_eigenvalues():
    assert rz.eigenvalues(constrained(), 2).eigenvalues.size == 2
    with pytest.raises(OptionValueError, match="2 finite eigenvalues only"):
        rz.eigenvalues(constrained(), 3)
    assert rz.eigenvalues(stokes_like(), 1).eigenvalues[0] == pytest.approx(3.0)


def test_problem_without_space():
    x, y = rz.fields("x y")
    problem = rz.Problem([rz.Eq(rz.dt(x), y), rz.Eq(rz.dt(y), -4 * x - 2 * y)], initial={x: 1, y: 0})
    np.testing.assert_allclose(
        np.sort_complex(rz.eigenvalues(problem, 2).eigenvalues), [1 - 1j * 3**0.5, 1 + 1j * 3**0.5]
    )


def test_modes_are_solutions_to_plot():
    pairs = rz.eigenvalues(elements(40), 2)
    mode = pairs.mode(1)
    np.testing.assert_allclose(mode["u"][0], pairs.vectors[:, 1])
    assert mode.message == f"lambda = {pairs.eigenvalues[1]:.8g}" and pairs["u"].shape == (2, 40)
    assert "2 eigenvalues of string near 0: 9.874" in repr(pairs) and len(pairs) == 2
    with pytest.raises(OptionError, match="no field 'v'"):
        pairs["v"]
    with pytest.raises(OptionValueError, match="part must be"):
        pairs.mode(0, part="both")


def test_zero_is_an_eigenvalue():
    """Free ends: the constant has eigenvalue zero, the shift zero has to be moved; the message says by how much."""
    n = 400
    a = second_difference(n).tolil()
    a[0, 0] = a[n - 1, n - 1] = a[0, 0] / 2
    a = csc_array(a)
    system = rz.FunctionSystem(lambda t, u: -a @ u, n, jacobian=lambda t, u: -a, initial=np.zeros(n), structure=SPD)
    with pytest.raises(LinearSolveError, match="sigma = 0 is an eigenvalue.*e.g. sigma = -0.64"):
        rz.eigenvalues(system)
    found = rz.eigenvalues(system, 2, sigma=-1.0).eigenvalues
    assert abs(found[0]) < 1e-7 and found[1] == pytest.approx(4 * (n + 1) ** 2 * np.sin(np.pi / (2 * n)) ** 2, rel=1e-6)


def test_mistakes():
    with pytest.raises(OptionValueError, match="k must be a whole number from 1 to 100"):
        rz.eigenvalues(membrane(10), 101)
    with pytest.raises(OptionValueError, match="sigma must be real for a symmetric problem"):
        rz.eigenvalues(membrane(10), 2, sigma=1j)
    with pytest.raises(OptionValueError, match="Did you mean 'superlu'"):
        rz.eigenvalues(heat(), 2, linear="suprlu")
    x, u = rz.coords("x"), rz.fields("u")
    line = rz.Problem(
        [rz.Eq(rz.dt(u), rz.dx(u, 2))], domain=rz.Interval(0, 1), conditions=[rz.Periodic()],
        initial={u: rz.sin(2 * rz.pi * x)},
    )  # fmt: skip
    with pytest.raises(UnsupportedError, match="Fourier modes"):
        rz.eigenvalues(line.discretize(rz.Fourier(16)))


def test_structure_is_exported():
    assert rz.Structure is Structure
