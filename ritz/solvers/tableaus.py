"""Explicit Runge-Kutta methods as data: weights of the stages, of the error and of the dense output.

A method with S stages is a `Tableau`. The derivative at the end of a step, ``f(t + h, u_new)``, is row S of its stage
derivatives: it is the first derivative of the next step and may serve the error estimate and the dense output, so
every step costs S evaluations. Dense output is ``u(t + x h) = u + h sum_k b_k(x) k_k`` with
``b_k(x) = sum_j dense[k, j] x^(j+1)``; rows beyond S are extra stages, evaluated only when dense output is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ritz.solvers import dop853_coefficients as dop853

Row = dict[int, float]  # stage number -> weight


@dataclass(frozen=True)
class Tableau:
    """An explicit Runge-Kutta method.

    Attributes:
        nodes: (S,) places of the stages within the step, from 0 to 1.
        stages: S rows of weights; row i uses earlier rows only, row 0 is empty.
        weights: Row of the weights that give the new state.
        error: Row of the weights of the error estimate; empty for a method without one.
        error_third: Second estimate of DOP853, empty for the others.
        dense: (rows, degree) coefficients of the dense output.
        extra_nodes: Places of the extra stages of the dense output.
        extra_stages: Rows of the extra stages; stage number S + 1 + i.
    """

    nodes: tuple[float, ...]
    stages: tuple[Row, ...]
    weights: Row
    dense: NDArray[np.float64]
    error: Row
    error_third: Row | None = None
    extra_nodes: tuple[float, ...] = ()
    extra_stages: tuple[Row, ...] = ()

    @property
    def size(self) -> int:
        """S, the number of evaluations a step costs."""
        return len(self.nodes)

    @cached_property
    def dense_rows(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(m,) numbers of the stages that dense output uses and (m, degree) their coefficients."""
        used = np.flatnonzero(np.any(self.dense != 0.0, axis=1)).astype(np.int64)
        return used, np.ascontiguousarray(self.dense[used])

    @cached_property
    def dense_addresses(self) -> tuple[int, int]:
        """Addresses of the two arrays of `dense_rows`."""
        columns, coefficients = self.dense_rows
        return columns.ctypes.data, coefficients.ctypes.data

    def matrix(self) -> NDArray[np.float64]:
        """(S, S) dense matrix of the stage weights."""
        a = np.zeros((self.size, self.size))
        for i, row in enumerate(self.stages):
            for j, value in row.items():
                a[i, j] = value
        return a

    def amplification(self, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Growth of ``u' = lambda u`` in one step at ``z = h lambda``, elementwise."""
        z = np.asarray(z, complex)
        derivatives: list[NDArray[np.complex128]] = []
        for row in self.stages:
            derivatives.append(z * (1 + sum(a * derivatives[j] for j, a in row.items())))
        return np.asarray(1 + sum(b * derivatives[j] for j, b in self.weights.items()))


def _differences(weights: Row, embedded: Row) -> Row:
    return {j: weights.get(j, 0.0) - embedded.get(j, 0.0) for j in sorted({*weights, *embedded})}


# Kutta's method of order 4 with its continuous extension of order 3 (Hairer, Norsett, Wanner, sec. II.6).
RK4 = Tableau(
    nodes=(0.0, 0.5, 0.5, 1.0),
    stages=({}, {0: 0.5}, {1: 0.5}, {2: 1.0}),
    weights={0: 1 / 6, 1: 1 / 3, 2: 1 / 3, 3: 1 / 6},
    error={},
    dense=np.array([[1, -3 / 2, 2 / 3], [0, 1, -2 / 3], [0, 1, -2 / 3], [0, -1 / 2, 2 / 3], [0, 0, 0]]),
)

# Bogacki and Shampine, "A 3(2) pair of Runge-Kutta formulas", Appl. Math. Lett. 2 (1989); dense output: cubic Hermite.
_RK23_WEIGHTS = {0: 2 / 9, 1: 1 / 3, 2: 4 / 9}
RK23 = Tableau(
    nodes=(0.0, 1 / 2, 3 / 4),
    stages=({}, {0: 1 / 2}, {1: 3 / 4}),
    weights=_RK23_WEIGHTS,
    error=_differences(_RK23_WEIGHTS, {0: 7 / 24, 1: 1 / 4, 2: 1 / 3, 3: 1 / 8}),
    dense=np.array([[1, -4 / 3, 5 / 9], [0, 1, -2 / 3], [0, 4 / 3, -8 / 9], [0, -1, 1]]),
)

# Dormand and Prince, "A family of embedded Runge-Kutta formulae", J. Comput. Appl. Math. 6 (1980); dense output of
# order 4 by Shampine, "Some practical Runge-Kutta formulas", Math. Comp. 46 (1986).
_RK45_WEIGHTS = {0: 35 / 384, 2: 500 / 1113, 3: 125 / 192, 4: -2187 / 6784, 5: 11 / 84}
RK45 = Tableau(
    nodes=(0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0),
    stages=(
        {},
        {0: 1 / 5},
        {0: 3 / 40, 1: 9 / 40},
        {0: 44 / 45, 1: -56 / 15, 2: 32 / 9},
        {0: 19372 / 6561, 1: -25360 / 2187, 2: 64448 / 6561, 3: -212 / 729},
        {0: 9017 / 3168, 1: -355 / 33, 2: 46732 / 5247, 3: 49 / 176, 4: -5103 / 18656},
    ),
    weights=_RK45_WEIGHTS,
    error=_differences(
        _RK45_WEIGHTS,
        {0: 5179 / 57600, 2: 7571 / 16695, 3: 393 / 640, 4: -92097 / 339200, 5: 187 / 2100, 6: 1 / 40},
    ),
    dense=np.array(
        [
            [1, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432],
            [0, 0, 0, 0],
            [0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799],
            [0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072],
            [0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632],
            [0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844],
            [0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423],
        ]
    ),
)

# Tsitouras, "Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying assumption", Comput. Math.
# Appl. 62 (2011), with his interpolant of order 4.
TSIT5 = Tableau(
    nodes=(0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0),
    stages=(
        {},
        {0: 0.161},
        {0: -0.008480655492356989, 1: 0.335480655492357},
        {0: 2.8971530571054935, 1: -6.359448489975075, 2: 4.3622954328695815},
        {0: 5.325864828439257, 1: -11.748883564062828, 2: 7.4955393428898365, 3: -0.09249506636175525},
        {
            0: 5.86145544294642, 1: -12.92096931784711, 2: 8.159367898576159, 3: -0.071584973281401,
            4: -0.028269050394068383,
        },
    ),
    weights={
        0: 0.09646076681806523, 1: 0.01, 2: 0.4798896504144996, 3: 1.379008574103742, 4: -3.290069515436081,
        5: 2.324710524099774,
    },
    error={
        0: -0.00178001105222577714, 1: -0.0008164344596567469, 2: 0.007880878010261995, 3: -0.1447110071732629,
        4: 0.5823571654525552, 5: -0.45808210592918697, 6: 0.015151515151515152,
    },
    dense=np.array(
        [
            [1.0, -2.763706197274826, 2.9132554618219126, -1.0530884977290216],
            [0.0, 0.13169999999999998, -0.2234, 0.1017],
            [0.0, 3.9302962368947516, -5.941033872131505, 2.490627285651253],
            [0.0, -12.411077166933676, 30.33818863028232, -16.548102889244902],
            [0.0, 37.50931341651104, -88.1789048947664, 47.37952196281928],
            [0.0, -27.896526289197286, 65.09189467479366, -34.87065786149661],
            [0.0, 1.5, -4.0, 2.5],
        ]
    ),
)  # fmt: skip


def _dop853_dense() -> NDArray[np.float64]:
    """(16, 7) monomial coefficients of the nested form x(F0 + (1-x)(F1 + x(F2 + (1-x)(F3 + ...)))) of the book."""
    weights, last = dop853.WEIGHTS, 12
    forms = np.zeros((7, 16))
    for j, b in weights.items():
        forms[:3, j] += np.array([b, -b, 2 * b])
    forms[1, 0] += 1.0
    forms[2, [0, last]] -= 1.0
    for i, row in enumerate(dop853.DENSE):
        for j, value in row.items():
            forms[3 + i, j] = value
    nested = np.zeros((16, 8))
    for i in range(6, -1, -1):
        nested[:, 0] += forms[i]
        shifted = np.zeros_like(nested)
        shifted[:, 1:] = nested[:, :-1]
        nested = shifted if i % 2 == 0 else nested - shifted
    return nested[:, 1:]


DOP853 = Tableau(
    nodes=dop853.NODES,
    stages=dop853.STAGES,
    weights=dop853.WEIGHTS,
    error=dop853.ERROR_FIFTH,
    error_third=dop853.ERROR_THIRD,
    dense=_dop853_dense(),
    extra_nodes=dop853.EXTRA_NODES,
    extra_stages=dop853.EXTRA_STAGES,
)
