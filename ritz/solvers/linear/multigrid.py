"""Conjugate gradients preconditioned by smoothed aggregation, from pyamg.

Source of the preconditioner: P. Vanek, J. Mandel, M. Brezina, "Algebraic multigrid by smoothed aggregation for second
and fourth order elliptic problems", Computing 56 (1996) 179-196.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ritz.codegen.structure import Structure
from ritz.solvers.linear.table import Array, LinearOptions, NotConverged

COARSEST = 500  # unknowns solved directly on the last level


def hierarchy(matrix: Any, structure: Structure) -> Any:
    """The levels for a symmetric positive definite matrix.

    Where the unknowns are numbered node by node the nodes are aggregated, not the unknowns; `near_nullspace` is
    represented exactly on all levels.
    """
    import pyamg
    from scipy.sparse import bsr_matrix, csr_matrix

    size, kernel = structure.block_size, structure.near_nullspace
    plain = csr_matrix(matrix)
    plain.sort_indices()
    blocked = size > 1 and plain.shape[0] % size == 0
    made = bsr_matrix(plain, blocksize=(size, size)) if blocked else plain
    if kernel is None and blocked:
        kernel = np.tile(np.eye(size), (plain.shape[0] // size, 1))
    state = np.random.get_state()  # noqa: NPY002 (the library draws from it: leave it as it was)
    np.random.seed(0)  # noqa: NPY002
    try:
        return pyamg.smoothed_aggregation_solver(made, B=kernel, max_coarse=COARSEST, coarse_solver="splu")
    finally:
        np.random.set_state(state)  # noqa: NPY002


class ConjugateGradients:
    """A hierarchy of levels at work."""

    iterations = 0

    def __init__(self, matrix: Any, structure: Structure, options: LinearOptions) -> None:
        from scipy.sparse import csr_array

        self._matrix, self._options = csr_array(matrix), options
        self._preconditioner = hierarchy(matrix, structure).aspreconditioner()

    def solve(self, b: Array) -> Array:
        """x of ``A x = b``.

        Raises:
            NotConverged: the tolerance was not reached.
        """
        from scipy.sparse.linalg import cg

        count = 0

        def step(_: Any) -> None:
            nonlocal count
            count += 1

        options = self._options
        x, code = cg(self._matrix, b, rtol=options.rtol, atol=0.0, maxiter=options.max_iterations,
                     M=self._preconditioner, callback=step)  # fmt: skip
        self.iterations = count
        if code != 0:
            raise NotConverged(_words("Conjugate gradients", self._matrix, x, b, count))
        return np.asarray(x)


def _words(what: str, matrix: Any, x: Array, b: Array, count: int) -> str:
    residual = float(np.linalg.norm(b - matrix @ x) / np.linalg.norm(b))
    return f"{what} stopped after {count} iterations at a relative residual of {residual:.3g}"


def smoothed_aggregation(
    matrix: Any, structure: Structure, options: LinearOptions, previous: Any
) -> ConjugateGradients:
    """Smoothed aggregation with conjugate gradients."""
    return ConjugateGradients(matrix, structure, options)
