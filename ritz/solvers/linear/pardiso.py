"""MKL PARDISO, reached through pypardiso."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from ritz.codegen.structure import Structure
from ritz.solvers.linear.table import Array, LinearOptions, SingularMatrix

POSITIVE_DEFINITE, GENERAL = 2, 11  # matrix types of the library
ANALYSE_AND_FACTORISE, FACTORISE, SOLVE = 12, 22, 33  # its phases


class Pardiso:
    """Cholesky or LU factors in memory of the library, freed with this object.

    The analysis of the pattern is taken over from a `previous` one with the same pattern, which is spent then.
    """

    iterations = 0

    def __init__(self, matrix: Any, definite: bool, previous: Any) -> None:
        from pypardiso import PyPardisoSolver
        from pypardiso.pardiso_wrapper import PyPardisoError
        from scipy.sparse import csr_matrix, triu

        self._kind = POSITIVE_DEFINITE if definite else GENERAL
        self._matrix = csr_matrix(triu(matrix) if definite else matrix)
        self._matrix.sort_indices()
        if not np.diff(self._matrix.indptr).all():
            raise SingularMatrix(int(np.flatnonzero(np.diff(self._matrix.indptr) == 0)[0]))
        reused = isinstance(previous, Pardiso) and previous._fits(self)
        if reused:
            self._library = previous._library
        else:
            self._library = PyPardisoSolver(mtype=self._kind)
            weakref.finalize(self._library, _free, self._library.pt, self._kind).atexit = False
        self._library.set_phase(FACTORISE if reused else ANALYSE_AND_FACTORISE)
        try:
            self._library._call_pardiso(self._matrix, np.zeros((matrix.shape[0], 1)))
        except PyPardisoError as error:
            raise SingularMatrix from error

    def _fits(self, other: Pardiso) -> bool:
        a, b = self._matrix, other._matrix
        same = self._kind == other._kind and np.array_equal(a.indptr, b.indptr)
        return same and np.array_equal(a.indices, b.indices)

    def solve(self, b: Array) -> Array:
        """x of ``A x = b``."""
        self._library.set_phase(SOLVE)
        return np.asarray(self._library._call_pardiso(self._matrix, np.ascontiguousarray(b)))


def _free(handle: Any, kind: int) -> None:
    """Give the memory behind a handle back to the library."""
    from pypardiso import PyPardisoSolver
    from scipy.sparse import csr_matrix

    other = PyPardisoSolver(mtype=kind)
    other.pt = handle
    other.set_phase(-1)
    other._call_pardiso(csr_matrix((0, 0)), np.zeros(0))


def pardiso(matrix: Any, structure: Structure, options: LinearOptions, previous: Any) -> Pardiso:
    """PARDISO: Cholesky for symmetric positive definite matrices, LU otherwise."""
    return Pardiso(matrix, structure.symmetric and structure.definite, previous)
