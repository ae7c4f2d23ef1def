"""Direct solvers that SciPy has: dense LU for few unknowns, SuperLU for the rest."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ritz.codegen.structure import Structure
from ritz.solvers.linear.table import Array, LinearOptions, SingularMatrix


class Dense:
    """LU factors of a full matrix."""

    iterations = 0

    def __init__(self, matrix: Any) -> None:
        from scipy.linalg import lapack

        self._solve = lapack.dgetrs
        self._lu, self._pivots, info = lapack.dgetrf(matrix.toarray())
        if info != 0:
            raise SingularMatrix(info - 1 if info > 0 else None)

    def solve(self, b: Array) -> Array:
        """x of ``A x = b``."""
        x, _ = self._solve(self._lu, self._pivots, b)
        return np.asarray(x)


def lapack(matrix: Any, structure: Structure, options: LinearOptions, previous: Any) -> Dense:
    """Dense LU."""
    return Dense(matrix)


class SuperLU:
    """Sparse LU factors."""

    iterations = 0

    def __init__(self, matrix: Any, structure: Structure) -> None:
        from scipy.sparse.linalg import MatrixRankWarning, splu

        settings: dict[str, Any] = {}
        if structure.symmetric and structure.definite:
            settings = dict(permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=dict(SymmetricMode=True))
        elif structure.definite:  # an unsymmetric matrix of symmetric pattern
            settings = dict(permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MatrixRankWarning)
            try:
                self._lu = splu(matrix, **settings)
            except RuntimeError as error:
                if "singular" not in str(error):
                    raise
                raise SingularMatrix from None

    def solve(self, b: Array) -> Array:
        """x of ``A x = b``."""
        return np.asarray(self._lu.solve(b))


def superlu(matrix: Any, structure: Structure, options: LinearOptions, previous: Any) -> SuperLU:
    """SuperLU, in its symmetric mode for symmetric positive definite matrices."""
    return SuperLU(matrix, structure)
