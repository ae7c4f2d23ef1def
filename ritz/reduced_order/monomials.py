"""Products of reduced coordinates without repetition, in an order that survives truncation of the basis."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from ritz.reduced_order.estimator import FloatArray, IntArray


@cache
def monomials(n: int, degree: int) -> IntArray:
    """Return the index tuples (a <= b <= ...) of all monomials of a degree in n variables, (count, degree).

    They are ordered by their largest index, then the next one: the monomials of the first r variables come first, so
    a smaller basis needs a leading part of the tensor only.

    Example:
        >>> monomials(2, 2).tolist()
        [[0, 0], [0, 1], [1, 1]]
    """
    tuples = sorted(itertools.combinations_with_replacement(range(n), degree), key=lambda m: m[::-1])
    table = np.array(tuples, dtype=np.int64).reshape(len(tuples), degree)
    table.flags.writeable = False
    return table


def count(n: int, degree: int) -> int:
    """Return the number of monomials of a degree in n variables."""
    return math.comb(n + degree - 1, degree)


def monomial_values(z: FloatArray, degree: int) -> FloatArray:
    """Return the values (count,) of all monomials of a degree at the point `z` (n,)."""
    return np.asarray(np.prod(z[monomials(len(z), degree)], axis=1))


def monomial_jacobian(z: FloatArray, degree: int) -> FloatArray:
    """Return the derivatives (count, n) of all monomials of a degree at the point `z` (n,)."""
    table = monomials(len(z), degree)
    result = np.zeros((len(table), len(z)))
    rows = np.arange(len(table))
    for place in range(degree):
        others = np.delete(table, place, axis=1)
        np.add.at(result, (rows, table[:, place]), np.prod(z[others], axis=1))
    return result


def product_columns(factors: Sequence[FloatArray], table: IntArray) -> FloatArray:
    """Return the coefficients of monomials in a product of linear forms, one column a monomial.

    Args:
        factors: d matrices (m, n); row x of factor f is the linear form ``sum_a factors[f][x, a] z_a``.
        table: (k, d) monomials (see `monomials`).

    Returns:
        (m, k) matrix C with ``prod_f (factors[f] @ z)[x] = sum_k C[x, k] z**table[k]``.
    """
    total = np.zeros((len(factors[0]), len(table)))
    for order in itertools.permutations(range(len(factors))):
        total += np.prod([f[:, table[:, place]] for f, place in zip(factors, order, strict=True)], axis=0)
    return total / repetitions(table)


def repetitions(table: IntArray) -> FloatArray:
    """Return, for each monomial (k, d), the number of permutations that leave it as it is."""
    if table.shape[1] < 2:
        return np.ones(len(table))
    return np.array([math.prod(math.factorial(c) for c in np.unique(row, return_counts=True)[1]) for row in table])
