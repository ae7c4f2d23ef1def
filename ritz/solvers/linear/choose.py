"""Choosing a linear solver by size and structure, with the reason in words."""

from __future__ import annotations

from ritz.codegen.structure import Structure
from ritz.solvers.linear.table import find_solver

FEW = 100  # unknowns up to which a dense factorisation is quickest
SOME = 3_000  # ... up to which the choice of a sparse one does not matter
MANY_3D = 30_000  # unknowns in three dimensions from which multigrid beats Cholesky
MANY_2D = 1_000_000  # ... in two dimensions, where factors stay sparse
MANY_SADDLE_3D, MANY_SADDLE_2D = 40_000, 400_000  # ... from which a saddle-point matrix is no longer factorised
MANY_GENERAL = 100_000  # unknowns of unsymmetric matrices for which the second it takes to load MKL is repaid
LAST = 2_000_000  # unknowns beyond which no factorisation is tried


def choose_solver(size: int, entries: int, structure: Structure, *, repeated: bool = False) -> tuple[str, str]:
    """Pick a linear solver.

    Args:
        size: number of unknowns.
        entries: stored entries of the matrix.
        structure: what is known of it.
        repeated: whether many systems are to be solved with every matrix, as in steps of implicit methods.

    Returns:
        Name and reason, a phrase.

    Example:
        >>> choose_solver(3, 9, Structure())
        ('lapack', '3 unknowns: a dense factorisation is quickest')
    """
    if size <= FEW:
        return "lapack", f"{size} unknowns: a dense factorisation is quickest"
    three = structure.dimension == 3 or (structure.dimension is None and structure.block_size == 3)
    if structure.saddle is not None and size > (MANY_SADDLE_3D if three else MANY_SADDLE_2D):
        return "block", f"a saddle point of {size} unknowns: block preconditioning needs no large factorisation"
    if structure.symmetric and structure.definite:
        return _positive_definite(size, three)
    return _general(size, entries, structure, repeated)


def _positive_definite(size: int, three: bool) -> tuple[str, str]:
    what = f"symmetric positive definite, {size} unknowns"
    if size <= SOME:
        return "superlu", f"{what}: few enough for SciPy's own factorisation"
    where = "three dimensions" if three else "this many unknowns"
    if size > (MANY_3D if three else MANY_2D) and find_solver("amg").installed:
        return "amg", f"{what}: factors would fill up in {where}, multigrid does not"
    for name, words in (("cholmod", "sparse Cholesky"), ("pardiso", "sparse Cholesky of MKL")):
        if find_solver(name).installed:
            return name, f"{what}: {words}"
    if size > MANY_3D and find_solver("amg").installed:
        return "amg", f"{what}: multigrid (no Cholesky factorisation is installed: pip install kvxopt)"
    return "superlu", f"{what}: SuperLU in symmetric mode (pip install ritz[solvers] for quicker ones)"


def _general(size: int, entries: int, structure: Structure, repeated: bool) -> tuple[str, str]:
    kind = "symmetric, not definite" if structure.symmetric else "unsymmetric"
    if structure.saddle is not None:
        kind = "a saddle point"
    what = f"{kind}, {size} unknowns"
    if size > LAST:
        return "gmres", f"{what}: too many to factorise"
    if size <= SOME:
        return "superlu", f"{what}: few enough for SciPy's own factorisation"
    if repeated and structure.dimension in (1, 2) and size <= MANY_GENERAL:
        return "superlu", f"{what}, many right-hand sides with each matrix: SuperLU substitutes quickest"
    if find_solver("pardiso").installed and (size > MANY_GENERAL or not find_solver("umfpack").installed):
        return "pardiso", f"{what}: LU of MKL, worth the time it takes to load"
    if find_solver("umfpack").installed:
        if entries < 5 * size and structure.dimension is None:
            return "klu", f"{what}, {entries / size:.1f} entries a row: made for matrices this sparse"
        return "umfpack", f"{what}: multifrontal LU"
    return "superlu", f"{what}: SuperLU (pip install ritz[solvers] for quicker ones)"
