"""`LinearSolver`: factorises one matrix after the other, checks every solution, and keeps count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.codegen.structure import Structure
from ritz.errors import LinearSolveError
from ritz.solvers.linear.choose import choose_solver
from ritz.solvers.linear.singular import WORST, free_vector, null_vector, singular_words
from ritz.solvers.linear.table import LinearOptions, NotConverged, Raw, SingularMatrix, find_solver

Array = NDArray[np.float64]
GOOD, BAD = 1e-11, 1e-6  # relative residuals: above the first a solution is refined, above the second refused
PROBE = 200_000  # unknowns up to which the first matrix is looked at for being singular


def as_sparse(matrix: Any) -> Any:
    """A matrix in compressed columns with sorted indices, float64."""
    from scipy.sparse import csc_array, issparse

    given: Any = matrix if issparse(matrix) else np.asarray(matrix, dtype=float)
    found = csc_array(given)
    if not found.has_sorted_indices:
        found = found.sorted_indices()
    return found


@dataclass
class LinearSolver:
    """Solves ``A x = b`` for a sequence of matrices with one structure.

    Args:
        structure: what is known of the matrices.
        options: which solver, tolerances.
        locate: names an unknown by its index, for messages.
        where: a phrase for messages, such as " of the steady problem".
        probe: look at the first matrix for being singular.
        repeated: whether many systems are to be solved with every matrix.

    Attributes:
        name, reason: the solver and why.
        factorised, solved, iterations: how often, and iterations of iterative solvers in all.
    """

    structure: Structure = field(default_factory=Structure)
    options: LinearOptions = field(default_factory=LinearOptions)
    locate: Callable[[int], str] = "unknown {}".format
    where: str = ""
    probe: bool = False
    repeated: bool = False
    name: str = ""
    reason: str = ""
    factorised: int = 0
    solved: int = 0
    iterations: int = 0
    _raw: Any = None

    def factorise(self, matrix: Any) -> Factors:
        """Factorise a matrix or prepare an iteration; the factors before it are spent.

        Raises:
            LinearSolveError: the matrix is singular; names an unknown and the condition that may be missing.
            MissingPackage: the solver asked for is not installed.
        """
        a = as_sparse(matrix)
        if not self.name:
            self._choose(a)
        self.factorised += 1
        if not np.isfinite(a.data).all():
            place = int(np.repeat(np.arange(a.shape[1]), np.diff(a.indptr))[~np.isfinite(a.data)][0])
            raise LinearSolveError(
                f"The matrix of the linear system{self.where} is not finite in the column of {self.locate(place)}."
            )
        try:
            self._raw = find_solver(self.name).maker()(a, self.structure, self.options, self._raw)
        except SingularMatrix as error:
            self._raw = None
            if self._gives_up_definite(a):
                return self.factorise(a)
            vector = null_vector(a)
            if vector is None and error.place is not None:
                vector = np.eye(1, a.shape[0], error.place)[0]
            raise LinearSolveError(singular_words(a, vector, self.locate, self.where)) from None
        factors = Factors(a, self._raw, self)
        if self.probe and self.factorised == 1 and a.shape[0] <= PROBE and self.name not in ("amg", "gmres", "block"):
            self._look(a, self._raw)
        return factors

    def _choose(self, a: Any) -> None:
        if self.options.name == "auto":
            self.name, self.reason = choose_solver(a.shape[0], a.nnz, self.structure, repeated=self.repeated)
        else:
            self.name, self.reason = self.options.name, "asked for"

    def _gives_up_definite(self, a: Any) -> bool:
        """Whether a tangent that changes with the state has lost its definiteness, and another solver was chosen."""
        if self.options.name != "auto" or not self.structure.definite or self.structure.linear:
            return False
        self.structure = replace(self.structure, definite=False)
        before = self.name
        self.name, reason = choose_solver(a.shape[0], a.nnz, self.structure, repeated=self.repeated)
        self.reason = f"{reason} ({before} found the matrix not positive definite)"
        self.factorised -= 1
        return True

    def _look(self, a: Any, raw: Raw) -> None:
        condition, vector = free_vector(a, raw.solve)
        if condition > WORST:
            raise LinearSolveError(singular_words(a, vector, self.locate, self.where))

    @property
    def why(self) -> str:
        """Solver and reason, for the record of a run."""
        return f"{self.name}: {self.reason}." if self.name else "no linear system was solved"


@dataclass
class Factors:
    """A matrix ready to be solved with."""

    matrix: Any
    raw: Raw
    solver: LinearSolver

    def solve(self, b: Array) -> Array:
        """x of ``A x = b``, (size,), with its residual checked and refined once or twice where it needs it.

        Raises:
            LinearSolveError: the residual stays above 1e-6 of the right-hand side, or an iteration did not converge.
        """
        solver, a = self.solver, self.matrix
        solver.solved += 1
        size = float(np.abs(b).max(initial=0.0))
        if size == 0.0:
            return np.zeros_like(b)
        x = self._once(b)
        good = GOOD if self.raw.iterations == 0 else max(GOOD, 10 * solver.options.rtol)
        reached = np.inf
        for _ in range(3):
            r = b - a @ x
            now = float(np.abs(r).max()) / size
            if now <= good or not now < 0.5 * reached:
                reached = min(now, reached) if np.isfinite(now) else now
                break
            reached = now
            if not np.isfinite(now):
                break
            x = x + self._once(r)
        if not reached <= BAD:
            condition, vector = free_vector(a, self.raw.solve) if self.raw.iterations == 0 else (0.0, None)
            if condition > 1e-2 * WORST or not np.isfinite(reached):
                raise LinearSolveError(singular_words(a, vector, solver.locate, solver.where))
            raise LinearSolveError(
                f"The linear system{solver.where} was solved by {solver.name} to a relative residual of {reached:.3g} "
                "only. Check the scales of the equations, or take linear='superlu'."
            )
        return x

    def _once(self, b: Array) -> Array:
        solver = self.solver
        try:
            x = self.raw.solve(b)
        except NotConverged as error:
            kind = "positive definite" if solver.structure.definite else "regular"
            raise LinearSolveError(
                f"{error} in the linear system{solver.where} (linear={solver.name!r}: {solver.reason}). Allow more "
                f"iterations, linear=rz.LinearOptions({solver.name!r}, max_iterations=...), check that the problem is "
                f"{kind} (are conditions missing?), or take linear='superlu'."
            ) from None
        solver.iterations += self.raw.iterations
        return x


def factorise(matrix: Any, structure: Structure | None = None, options: LinearOptions | None = None) -> Factors:
    """Factorise one matrix.

    Args:
        matrix: (n, n) sparse or dense, float64.
        structure: what is known of it.
        options: which solver; chosen by size and structure by default.

    Returns:
        An object with ``solve(b)``.

    Raises:
        LinearSolveError: the matrix is singular.

    Example:
        >>> factorise(np.diag([1.0, 4.0])).solve(np.array([2.0, 2.0]))
        array([2. , 0.5])
    """
    return LinearSolver(structure or Structure(), options or LinearOptions()).factorise(matrix)
