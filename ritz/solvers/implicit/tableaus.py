"""Diagonally implicit Runge-Kutta methods, all of them stiffly accurate: the last stage is the new state.

Every tableau has an explicit first stage, whose slope is that of the last stage of the step before: methods without
one (SDIRK) give it no weight in the stages, but may use it in the error estimate.

Sources: R. Alexander, SIAM J. Numer. Anal. 14 (1977) 1006-1021 (SDIRK2, SDIRK3); C. A. Kennedy, M. H. Carpenter, Appl.
Numer. Math. 44 (2003) 139-181 (ESDIRK4: the implicit part of ARK4(3)6L[2]SA). The error estimates of SDIRK2 and SDIRK3
are differences of methods of order 2 for the same stages, made here: that of SDIRK2 is exact to leading order for
linear equations, that of SDIRK3 is h^3 u'''/24 to leading order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ImplicitTableau:
    """A method.

    Attributes:
        matrix: (s, s) lower triangular; the first row is zero, the last one holds the weights.
        nodes: (s,) places of the stages.
        error: (s,) weights of the slopes in the error estimate, or None where it takes slopes of the step before.
    """

    matrix: Array
    nodes: Array
    error: Array | None

    @property
    def diagonal(self) -> float:
        """The common entry on the diagonal."""
        return float(self.matrix[-1, -1])

    @property
    def stages(self) -> int:
        """Number of stages, the explicit one counted."""
        return len(self.nodes)


def _tableau(rows: list[list[float]], error: Array | None) -> ImplicitTableau:
    size = len(rows)
    matrix = np.array([row + [0.0] * (size - len(row)) for row in rows])
    return ImplicitTableau(matrix, matrix.sum(axis=1), error)


@cache
def backward_euler() -> ImplicitTableau:
    """The implicit Euler method; its error estimate is ``h (k_new - k_old) / 2``."""
    return _tableau([[0.0], [0.0, 1.0]], np.array([-0.5, 0.5]))


@cache
def crank_nicolson() -> ImplicitTableau:
    """The trapezoidal rule; its error ``h^3 u'''/12`` is estimated from three slopes."""
    return _tableau([[0.0], [0.5, 0.5]], None)


@cache
def sdirk2() -> ImplicitTableau:
    """L-stable, order 2."""
    g = 1 - np.sqrt(0.5)
    rows = [[0.0], [0.0, g], [0.0, 1 - g, g]]
    made = _tableau(rows, None)
    linear = made.matrix[-1] @ made.matrix @ made.nodes - 1 / 6  # the error of u' = lambda u over (h lambda)^3
    null = np.array([g - 1, 1.0, -g])  # sums to zero, and so with the nodes
    return _tableau(rows, linear / (null @ made.matrix @ made.nodes) * null)


@cache
def sdirk3() -> ImplicitTableau:
    """L-stable, order 3."""
    g = 0.43586652150845899942  # the middle root of g^3 - 3 g^2 + 3 g / 2 - 1/6
    rows = [
        [0.0],
        [0.0, g],
        [0.0, (1 - g) / 2, g],
        [0.0, -(6 * g * g - 16 * g + 1) / 4, (6 * g * g - 20 * g + 5) / 4, g],
    ]
    made, size = _tableau(rows, None), 1 / 24
    conditions = np.array([np.ones(4), made.nodes, made.nodes**2, made.matrix @ made.nodes])
    return _tableau(rows, np.linalg.solve(conditions, [0.0, 0.0, 2 * size, size]))


@cache
def esdirk4() -> ImplicitTableau:
    """ESDIRK4(3)6L[2]SA: L-stable, order 4, stages of order 2."""
    from ritz.solvers.imex import ARK4_TABLEAU

    _, implicit, weights, embedded, nodes = ARK4_TABLEAU.arrays()
    return ImplicitTableau(implicit, nodes, weights - embedded)
