"""Saddle-point systems ``[[A, B^T], [B, -C]]`` by a Krylov method with a block preconditioner.

The ideal preconditioner holds A and the Schur complement ``S = C + B A^-1 B^T``: with it MINRES ends after three steps.
Here A is factorised, or treated by one multigrid cycle where it is large, symmetric and positive definite, and S is
replaced by the matrix that the structure names (for Stokes the mass matrix of the pressure over the viscosity), else
by ``C + B diag(A)^-1 B^T``. Symmetric systems take MINRES with the block diagonal, others GMRES with the triangle.

Source: M. Benzi, G. H. Golub, J. Liesen, "Numerical solution of saddle point problems", Acta Numerica 14 (2005) 1-137,
sections 9 and 10; A. Wathen, D. Silvester, SIAM J. Numer. Anal. 30 (1993) 630-649.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ritz.codegen.structure import Structure
from ritz.errors import OptionValueError
from ritz.solvers.linear.krylov import gmres_solve
from ritz.solvers.linear.table import Array, LinearOptions, NotConverged, SolverInfo, find_solver

LARGE_BLOCK = 60_000  # unknowns of A from which a multigrid cycle replaces its factorisation


class Block:
    """A saddle-point matrix with its preconditioner."""

    iterations = 0

    def __init__(self, matrix: Any, structure: Structure, options: LinearOptions) -> None:
        from scipy.sparse import csr_array

        assert structure.saddle is not None
        n = matrix.shape[0]
        self._first = _indices(structure.saddle.first, n)
        self._second = _indices(structure.saddle.second, n)
        if np.sort(np.concatenate([self._first, self._second])).tolist() != list(range(n)):
            raise OptionValueError(
                f"Structure.saddle must list each of the {n} unknowns once, in `first` or in `second`; found "
                f"{self._first.size} and {self._second.size} of them."
            )
        self._matrix, self._options, self._symmetric = csr_array(matrix), options, structure.symmetric
        self._prepare(structure)

    def _prepare(self, structure: Structure) -> None:
        from scipy.sparse import csc_array, diags_array

        rows: Any = self._matrix
        first, second = self._first, self._second
        a = csc_array(rows[first][:, first])
        upper, lower = csc_array(rows[first][:, second]), csc_array(rows[second][:, first])
        mass = structure.saddle.second_mass if structure.saddle is not None else None
        if mass is None:
            inverse = diags_array(1.0 / np.where(a.diagonal() == 0.0, 1.0, a.diagonal()))
            mass = lower @ (inverse @ upper) - rows[second][:, second]
            sign = np.sign(mass.diagonal().sum())  # the user's equations may have -B in place of B
            mass = mass * (sign if sign else 1.0)
        inner = replace(structure, saddle=None, definite=True)
        self._inner_a = _inner(a, inner, self._options)
        self._inner_s = find_solver("superlu").maker()(
            csc_array(mass), Structure(symmetric=self._symmetric, definite=True), self._options, None
        )
        self._lower = lower
        product = (lower @ upper).diagonal().sum()
        self._sign = -1.0 if product >= 0 else 1.0  # S = D - B A^-1 B^T is negative where the rows are B and B^T

    def _precondition(self, r: Array) -> Array:
        z = np.empty_like(r)
        z[self._first] = self._inner_a(r[self._first])
        if self._symmetric:
            z[self._second] = self._inner_s.solve(r[self._second])
        else:
            rest = r[self._second] - self._lower @ z[self._first]
            z[self._second] = self._sign * self._inner_s.solve(rest)
        return z

    def solve(self, b: Array) -> Array:
        """x of ``A x = b``.

        Raises:
            NotConverged: the tolerance was not reached.
        """
        from scipy.sparse.linalg import LinearOperator

        operator = LinearOperator(self._matrix.shape, matvec=self._precondition, dtype=float)
        if not self._symmetric:
            x, self.iterations = gmres_solve(self._matrix, b, operator, self._options)
            return x
        return self._minres(b, operator)

    def _minres(self, b: Array, operator: Any) -> Array:
        """MINRES, started again from the residual until the residual itself is small.

        MINRES measures the preconditioned residual; its own test is made stricter than what is wanted.
        """
        from scipy.sparse.linalg import minres

        x, r, self.iterations = np.zeros_like(b), b.copy(), 0
        wanted = self._options.rtol * float(np.linalg.norm(b))

        def step(_: Any) -> None:
            self.iterations += 1

        while float(np.linalg.norm(r)) > wanted:
            left, before = self._options.max_iterations - self.iterations, float(np.linalg.norm(r))
            if left <= 0:
                break
            x += minres(
                self._matrix, r, rtol=max(1e-14, 1e-2 * wanted / before), maxiter=left, M=operator, callback=step
            )[0]
            r = b - self._matrix @ x
            if float(np.linalg.norm(r)) > 0.5 * before:
                break
        reached = float(np.linalg.norm(r) / np.linalg.norm(b))
        if reached > max(10 * self._options.rtol, 1e-13):
            raise NotConverged(
                f"MINRES stopped after {self.iterations} iterations at a relative residual of {reached:.3g}"
            )
        return x


def _indices(part: Any, n: int) -> Any:
    return np.arange(n)[part] if isinstance(part, slice) else np.asarray(part)


def _inner(a: Any, structure: Structure, options: LinearOptions) -> Any:
    """A function that applies an approximate inverse of A: a multigrid cycle or its factors."""
    large = a.shape[0] > LARGE_BLOCK and structure.symmetric and find_solver("amg").installed
    if large:
        from ritz.solvers.linear.multigrid import hierarchy

        return hierarchy(a, structure).aspreconditioner().matvec
    info: SolverInfo = find_solver("superlu")
    if structure.symmetric and find_solver("cholmod").installed:
        info = find_solver("cholmod")
    return info.maker()(a, structure, options, None).solve


def block(matrix: Any, structure: Structure, options: LinearOptions, previous: Any) -> Block:
    """Block-preconditioned MINRES or GMRES.

    Raises:
        OptionValueError: the structure names no saddle point.
    """
    if structure.saddle is None:
        raise OptionValueError(
            "linear='block' needs a saddle-point structure (which unknowns are multipliers, such as a pressure); this "
            "system has none. Use 'auto', 'superlu' or 'gmres'."
        )
    return Block(matrix, structure, options)
