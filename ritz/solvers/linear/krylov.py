"""GMRES with an incomplete LU factorisation: little memory, no promise."""

from __future__ import annotations

from typing import Any

import numpy as np

from ritz.codegen.structure import Structure
from ritz.solvers.linear.table import Array, LinearOptions, NotConverged, SingularMatrix

RESTART = 60
DROP, FILL = 1e-4, 12.0


class IncompleteLU:
    """GMRES at work, with its preconditioner."""

    iterations = 0

    def __init__(self, matrix: Any, options: LinearOptions) -> None:
        from scipy.sparse.linalg import LinearOperator, spilu

        self._matrix, self._options = matrix, options
        try:
            factors = spilu(matrix, drop_tol=DROP, fill_factor=FILL)
        except RuntimeError as error:
            if "singular" not in str(error):
                raise
            raise SingularMatrix from None
        self._preconditioner = LinearOperator(matrix.shape, matvec=factors.solve, dtype=float)

    def solve(self, b: Array) -> Array:
        """x of ``A x = b``.

        Raises:
            NotConverged: the tolerance was not reached.
        """
        x, self.iterations = gmres_solve(self._matrix, b, self._preconditioner, self._options)
        return x


def gmres_solve(matrix: Any, b: Array, preconditioner: Any, options: LinearOptions) -> tuple[Array, int]:
    """Restarted GMRES; return x and the iterations it took.

    Raises:
        NotConverged: the tolerance was not reached.
    """
    from scipy.sparse.linalg import gmres

    count = 0

    def step(_: Any) -> None:
        nonlocal count
        count += 1

    x, code = gmres(
        matrix, b, rtol=options.rtol, atol=0.0, restart=RESTART, maxiter=-(-options.max_iterations // RESTART),
        M=preconditioner, callback=step, callback_type="pr_norm",
    )  # fmt: skip
    if code != 0:
        residual = float(np.linalg.norm(b - matrix @ x) / np.linalg.norm(b))
        raise NotConverged(f"GMRES stopped after {count} iterations at a relative residual of {residual:.3g}")
    return np.asarray(x), count


def gmres_ilu(matrix: Any, structure: Structure, options: LinearOptions, previous: Any) -> IncompleteLU:
    """GMRES with incomplete LU."""
    return IncompleteLU(matrix, options)
