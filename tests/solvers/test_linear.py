"""Linear solvers: each against dense arithmetic, the choice, and what is said of singular matrices."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
from model_matrices import SPD, advection, laplacian, p1_matrices, second_difference, stokes
from scipy.sparse import csc_array, diags_array, eye_array, kron

import ritz as rz
from ritz.codegen.structure import Structure
from ritz.errors import LinearSolveError, MissingPackage, OptionError, OptionValueError
from ritz.solvers.linear import choose
from ritz.solvers.linear.interface import LinearSolver, factorise
from ritz.solvers.linear.table import SOLVERS, LinearOptions, SolverInfo, find_solver, read_linear

INSTALLED = [s.name for s in SOLVERS if s.installed and s.name != "block"]
DIRECT = [name for name in INSTALLED if name not in ("amg", "gmres")]
GENERAL = [name for name in INSTALLED if name not in ("amg", "cholmod")]


@pytest.mark.parametrize("name", INSTALLED)
def test_positive_definite(name, rng):
    matrix = laplacian(15)
    b = rng.normal(size=matrix.shape[0])
    x = factorise(matrix, SPD, LinearOptions(name)).solve(b)
    assert np.abs(x - np.linalg.solve(matrix.toarray(), b)).max() < 1e-8 * np.abs(x).max()


@pytest.mark.parametrize("name", GENERAL)
def test_unsymmetric(name, rng):
    matrix = advection(15)
    assert abs(matrix - matrix.T).max() > 1
    b = rng.normal(size=matrix.shape[0])
    x = factorise(matrix, Structure(), LinearOptions(name)).solve(b)
    assert np.abs(x - np.linalg.solve(matrix.toarray(), b)).max() < 1e-8 * np.abs(x).max()


@pytest.mark.parametrize("name", DIRECT)
def test_second_factorisation_with_the_same_pattern(name, rng):
    """What was analysed for one matrix serves the next one, whose numbers differ; then one of another pattern."""
    solver = LinearSolver(SPD, LinearOptions(name))
    b = rng.normal(size=225)
    for matrix in (
        laplacian(15),
        laplacian(15) + 400 * eye_array(225),
        csc_array(kron(second_difference(225), [[1.0]])),
    ):
        x = solver.factorise(matrix).solve(b)
        np.testing.assert_allclose(matrix @ x, b, atol=1e-9)
    assert solver.factorised == 3 and solver.solved == 3


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("with_mass", [True, False])
def test_block_preconditioner(symmetric, with_mass, rng):
    matrix, structure = stokes(12)
    if not symmetric:
        m = 2 * 12 * 11
        matrix = csc_array(matrix + diags_array(np.r_[np.full(m - 1, 9.0), np.zeros(12 * 12)], offsets=1))
        structure = replace(structure, symmetric=False)
    if not with_mass:
        structure = replace(structure, saddle=replace(structure.saddle, second_mass=None))
    b = rng.normal(size=matrix.shape[0])
    b[-144:] -= b[-144:].mean()
    solver = LinearSolver(structure, LinearOptions("block", rtol=1e-10))
    x = solver.factorise(matrix).solve(b)
    assert np.linalg.norm(matrix @ x - b) < 1e-8 * np.linalg.norm(b)
    assert 0 < solver.iterations < 150


def test_block_preconditioner_does_not_depend_on_the_grid(rng):
    """With the mass matrix of the pressure the iterations stay the same when cells are halved."""
    counts = []
    for n in (8, 16, 32):
        matrix, structure = stokes(n)
        b = np.zeros(matrix.shape[0])
        b[: n * (n - 1)] = rng.normal(size=n * (n - 1))
        solver = LinearSolver(structure, LinearOptions("block", rtol=1e-8))
        solver.factorise(matrix).solve(b)
        counts.append(solver.iterations)
    assert max(counts) < 1.6 * min(counts), counts


@pytest.mark.skipif(not find_solver("amg").installed, reason="pyamg is not installed")
def test_multigrid_with_rigid_motions(rng):
    """Near-nullspace vectors and blocks: a chain of springs with two unknowns a node."""
    chain = second_difference(400)
    matrix = csc_array(kron(chain, np.array([[2.0, 1.0], [1.0, 3.0]])))
    kernel = np.tile(np.eye(2), (400, 1))
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    solver = LinearSolver(replace(SPD, block_size=2, near_nullspace=kernel), LinearOptions("amg"))
    b = rng.normal(size=800)
    x = solver.factorise(matrix).solve(b)
    np.testing.assert_allclose(matrix @ x, b, atol=1e-6 * np.abs(b).max())
    assert 0 < solver.iterations < 100
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_multigrid_does_not_depend_on_the_grid(rng):
    counts = []
    for n in (40, 80, 160):
        solver = LinearSolver(SPD, LinearOptions("amg"))
        solver.factorise(laplacian(n)).solve(rng.normal(size=n * n))
        counts.append(solver.iterations)
    assert counts[-1] < 1.8 * counts[0]


def test_inaccurate_factors_are_refined(rng):
    """A solver that loses eight digits still ends with a small residual, and its solutions were checked."""
    matrix, b = laplacian(10), rng.normal(size=100)
    factors = factorise(matrix, SPD, LinearOptions("superlu"))
    exact = factors.raw.solve

    class Sloppy:
        iterations = 0

        def solve(self, b):
            return exact(b) * (1 + 1e-8)

    factors.raw = Sloppy()
    assert np.abs(matrix @ factors.solve(b) - b).max() < 1e-11 * np.abs(b).max()
    Sloppy.solve = lambda self, b: 3 * exact(b)
    with pytest.raises(LinearSolveError, match="to a relative residual of 2 only"):
        factors.solve(b)


# ------------------------------------------------------------------------------------------- the choice


def installed(monkeypatch, *names):
    monkeypatch.setattr(SolverInfo, "installed", property(lambda self: not self.needs or self.needs in names))


CHOICES = {
    "few": (3, Structure(), (), "lapack", "dense"),
    "small": (1000, SPD, ("kvxopt", "pyamg"), "superlu", "few enough"),
    "2D": (100_000, replace(SPD, dimension=2), ("kvxopt", "pyamg", "pypardiso"), "cholmod", "sparse Cholesky"),
    "2D, no CHOLMOD": (100_000, replace(SPD, dimension=2), ("pypardiso",), "pardiso", "Cholesky of MKL"),
    "2D, pyamg only": (100_000, replace(SPD, dimension=2), ("pyamg",), "amg", "pip install kvxopt"),
    "2D, nothing": (100_000, replace(SPD, dimension=2), (), "superlu", r"pip install ritz\[solvers\]"),
    "3D": (100_000, replace(SPD, dimension=3), ("kvxopt", "pyamg", "pypardiso"), "amg", "three dimensions"),
    "3D, medium": (20_000, replace(SPD, block_size=3), ("kvxopt", "pyamg", "pypardiso"), "cholmod", "sparse Cholesky"),
    "unsymmetric": (150_000, Structure(dimension=2), ("kvxopt", "pypardiso"), "pardiso", "unsymmetric"),
    "unsymmetric, medium": (50_000, Structure(dimension=2), ("kvxopt", "pypardiso"), "umfpack", "multifrontal"),
    "unsymmetric, no MKL": (50_000, Structure(dimension=2), ("kvxopt",), "umfpack", "multifrontal"),
    "network": (50_000, Structure(), ("kvxopt",), "klu", "3.0 entries a row"),
    "unsymmetric, nothing": (50_000, Structure(), (), "superlu", "unsymmetric"),
    "huge": (3_000_000, Structure(), ("kvxopt",), "gmres", "too many to factorise"),
    "saddle point": (900_000, stokes(3)[1], (), "block", "saddle point"),
    "small saddle point": (9_000, stokes(3)[1], (), "superlu", "saddle point"),
}


@pytest.mark.parametrize("case", CHOICES)
def test_choice(case, monkeypatch):
    size, structure, packages, name, words = CHOICES[case]
    installed(monkeypatch, *packages)
    chosen, reason = choose.choose_solver(size, 3 * size, structure)
    assert chosen == name
    import re

    assert re.search(words, reason)


@pytest.mark.parametrize(
    "dimension, size, name", [(2, 50_000, "superlu"), (2, 150_000, "pardiso"), (3, 9_000, "umfpack")]
)
def test_choice_for_many_right_hand_sides(dimension, size, name, monkeypatch):
    """In the plane factors are sparse: what counts is how quickly they are substituted into."""
    installed(monkeypatch, "kvxopt", "pypardiso")
    assert choose.choose_solver(size, 30 * size, Structure(dimension=dimension), repeated=True)[0] == name


# ------------------------------------------------------------------------------------------- mistakes


def neumann(n: int):
    matrix = second_difference(n).tolil()
    matrix[0, 0] = matrix[n - 1, n - 1] = matrix[0, 0] / 2
    return csc_array(matrix)


@pytest.mark.parametrize("n", [40, 400])
def test_constant_that_nothing_fixes(n):
    """The system is singular but consistent: a solver would return an arbitrary constant in silence."""
    solver = LinearSolver(SPD, probe=True, where=" of the steady problem")
    with pytest.raises(
        LinearSolveError, match="of the steady problem is singular: all unknowns may be changed by one.*D"
    ):
        solver.factorise(neumann(n)).solve(np.sin(2 * np.pi * (np.arange(n) + 0.5) / n))


@pytest.mark.parametrize("n", [10, 300])
def test_free_unknown_is_named(n):
    matrix = second_difference(n).tolil()
    matrix[n - 1, :] = 0
    matrix[n - 1, n - 1] = 1e-30
    matrix[n - 1, n - 2] = 0
    with pytest.raises(LinearSolveError, match=f"do not determine unknown {n - 1}.*Dirichlet"):
        LinearSolver(probe=True).factorise(csc_array(matrix)).solve(np.ones(n))


def test_empty_row_and_column():
    matrix = second_difference(9).tolil()
    matrix[4, :] = 0
    with pytest.raises(LinearSolveError, match=r"equation 4 \(the one of u\[4\]\) contains no unknown"):
        LinearSolver(locate="u[{}]".format).factorise(csc_array(matrix))
    matrix = second_difference(9).tolil()
    matrix[:, 5] = 0
    with pytest.raises(LinearSolveError, match=r"u\[5\] enters no equation"):
        LinearSolver(locate="u[{}]".format).factorise(csc_array(matrix))


def test_matrix_that_is_not_finite():
    matrix = second_difference(9)
    matrix.data[3] = np.nan
    with pytest.raises(LinearSolveError, match="not finite in the column of unknown 1"):
        LinearSolver().factorise(matrix)


@pytest.mark.parametrize("name", [n for n in DIRECT if n not in ("cholmod",)])
def test_singular_for_every_direct_solver(name):
    matrix = neumann(300)
    with pytest.raises(LinearSolveError, match="singular"):
        LinearSolver(SPD, LinearOptions(name), probe=True).factorise(matrix).solve(np.ones(300))


def test_iteration_that_does_not_converge(rng):
    solver = LinearSolver(SPD, LinearOptions("amg", max_iterations=2))
    with pytest.raises(LinearSolveError, match=r"stopped after 2 iterations.*LinearOptions\('amg', max_iterations="):
        solver.factorise(laplacian(40)).solve(rng.normal(size=1600))


@pytest.mark.parametrize("n", [8, 60])
def test_tangent_that_loses_its_definiteness(n, rng):
    """Positive definite at rest, indefinite where a body buckles: another factorisation takes over, and says so."""
    a, b = csc_array(laplacian(n)), rng.normal(size=n * n)
    solver = LinearSolver(SPD)
    solver.factorise(a).solve(b)
    indefinite = a - 0.31 * a.diagonal().max() * eye_array(n * n)
    x = solver.factorise(indefinite).solve(b)
    assert np.abs(indefinite @ x - b).max() < 1e-9 * np.abs(b).max()
    if n == 60 and find_solver("cholmod").installed:
        assert "(cholmod found the matrix not positive definite)" in solver.why


def test_names():
    assert read_linear("auto") == LinearOptions()
    with pytest.raises(
        OptionValueError, match="unknown linear solver 'super_lu'. Did you mean 'superlu'.*Available: auto"
    ):
        read_linear("super_lu")
    with pytest.raises(OptionError, match="linear must be a name"):
        read_linear(3)
    with pytest.raises(OptionValueError, match="rtol"):
        read_linear(LinearOptions(rtol=-1))
    with pytest.raises(OptionValueError, match="max_iterations"):
        read_linear(LinearOptions(max_iterations=0))
    assert {s.name for s in rz.linear_solvers()} >= {"superlu", "amg", "block"}


def test_missing_package(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"linear='cholmod' needs the package kvxopt.*pip install kvxopt"):
        read_linear("cholmod")


def test_block_needs_a_saddle_point():
    with pytest.raises(OptionValueError, match="needs a saddle-point structure"):
        factorise(laplacian(4), SPD, LinearOptions("block"))
    matrix, structure = stokes(4)
    wrong = replace(structure, saddle=replace(structure.saddle, second=slice(0, 4)))
    with pytest.raises(OptionValueError, match="each of the 40 unknowns once"):
        factorise(matrix, wrong, LinearOptions("block"))


def test_mass_and_stiffness_of_linear_elements():
    """The helper of the other tests: eigenvalues of the pencil are those known for linear elements."""
    from scipy.linalg import eigh

    k, m = (a.toarray() for a in p1_matrices(20))
    theta = np.pi / 21
    assert eigh(k, m)[0][0] == pytest.approx(6 * 21**2 * (1 - np.cos(theta)) / (2 + np.cos(theta)))
