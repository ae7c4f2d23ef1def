"""Exact linear algebra modulo the Mersenne prime ``2**31 - 1``.

A rational identity that holds at random points modulo a large prime holds everywhere, up to a chance of about
``degree / 2**31`` [schwartz1980]. Ranks and solvability are therefore decided exactly and cheaply, with plain int64
arrays: the product of two residues fits into 62 bits.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Residues = NDArray[np.int64]

PRIME = 2**31 - 1
MODULUS, BITS = np.uint64(PRIME), np.uint64(31)
FEW = 200  # up to that many inverses are faster one by one


def reduced(values: Residues) -> Residues:
    """Residues in ``[0, PRIME)`` of non-negative int64 values, any shape.

    Faster than ``%``: as ``2**31 = 1`` modulo the prime, the high bits are added to the low ones.

    Example:
        >>> reduced(np.array([PRIME, PRIME + 5, 7]))
        array([0, 5, 7])
    """
    folded = (values & PRIME) + (values >> 31)
    folded = (folded & PRIME) + (folded >> 31)
    return np.where(folded >= PRIME, folded - PRIME, folded)


def power(base: Residues, exponent: int) -> Residues:
    """``base ** exponent`` elementwise for ``exponent >= 0``; `base` holds residues, any shape."""
    result = np.ones_like(base)
    while exponent:
        if exponent & 1:
            result = reduced(result * base)
        base = reduced(base * base)
        exponent >>= 1
    return result


def inverse(values: Residues) -> Residues:
    """Multiplicative inverses elementwise; the inverse of 0 is returned as 0.

    Example:
        >>> inverse(np.array([2, 0])) * 2 % PRIME
        array([1, 0])
    """
    if values.size > FEW:
        return power(values, PRIME - 2)
    found = [pow(int(value), -1, PRIME) if value else 0 for value in values.ravel()]
    return np.array(found, dtype=np.int64).reshape(values.shape)


def residue(value: Fraction | int) -> int:
    """The residue of a rational number.

    Raises:
        ZeroDivisionError: if the prime divides the denominator.

    Example:
        >>> residue(Fraction(1, 2)) * 2 % PRIME
        1
    """
    number = Fraction(value)
    if number.denominator % PRIME == 0:
        raise ZeroDivisionError(f"{value} has no residue modulo {PRIME}: the prime divides its denominator.")
    return number.numerator * pow(number.denominator, -1, PRIME) % PRIME


def rational(value: int, bound: int | None = None) -> Fraction | None:
    """The rational number with small numerator and denominator that has this residue.

    Args:
        value: a residue.
        bound: largest numerator and denominator allowed; by default ``sqrt(PRIME / 2)``, where the answer is unique
            [wang1981].

    Returns:
        The number, or None when no fraction within the bound has this residue.

    Example:
        >>> rational(residue(Fraction(-3, 7)))
        Fraction(-3, 7)
    """
    limit = math.isqrt(PRIME // 2) if bound is None else bound
    old, new, old_t, new_t = PRIME, int(value) % PRIME, 0, 1
    while new > limit:
        quotient = old // new
        old, new = new, old - quotient * new
        old_t, new_t = new_t, old_t - quotient * new_t
    if new_t == 0 or abs(new_t) > limit:
        return None
    return Fraction(new, new_t)


def echelon(matrix: Residues, columns: int | None = None) -> tuple[Residues, list[int]]:
    """Reduced row echelon form.

    Args:
        matrix: (m, n) residues.
        columns: pivots are looked for in the first `columns` columns only (all by default).

    Returns:
        The (m, n) reduced matrix and the list of pivot columns; its length is the rank of the searched columns.

    Example:
        >>> echelon(np.array([[1, 2], [2, 4]]))[1]
        [0]
    """
    work = np.array(matrix, dtype=np.int64) % PRIME
    pivots: list[int] = []
    row = 0
    for column in range(work.shape[1] if columns is None else columns):
        if row == len(work):
            break
        candidates = np.flatnonzero(work[row:, column])
        if not len(candidates):
            continue
        chosen = row + int(candidates[0])
        work[[row, chosen]] = work[[chosen, row]]
        work[row] = work[row] * pow(int(work[row, column]), -1, PRIME) % PRIME
        factors = work[:, column].copy()
        factors[row] = 0
        others = np.flatnonzero(factors)
        work[others] = (work[others] - factors[others, None] * work[row]) % PRIME
        pivots.append(column)
        row += 1
    return work, pivots


def rank(matrix: Residues) -> int:
    """Rank of an (m, n) matrix of residues."""
    return len(echelon(matrix)[1])


def solve(matrix: Residues, right: Residues) -> Residues | None:
    """A solution ``x`` of ``matrix @ x = right``, free unknowns zero, or None if there is none.

    Args:
        matrix: (m, n) residues.
        right: (m, s) residues.

    Returns:
        (n, s) residues.
    """
    unknowns = matrix.shape[1]
    work, pivots = echelon(np.concatenate([matrix, right], axis=1), unknowns)
    if np.any(work[len(pivots) :, unknowns:]):
        return None
    solution = np.zeros((unknowns, right.shape[1]), dtype=np.int64)
    solution[pivots] = work[: len(pivots), unknowns:]
    return solution


def solve_stack(matrices: Residues, rights: Residues) -> Residues | None:
    """Solve many generic systems of one kind at once.

    Args:
        matrices: (b, m, n) residues, whose pivot columns are the same for all b.
        rights: (b, m, s) residues.

    Returns:
        (b, n, s) residues with free unknowns zero, or None if some system has no solution (or its own pivot columns).
    """
    batch, _, unknowns = matrices.shape
    work = np.concatenate([matrices, rights], axis=2)
    everyone = np.arange(batch)
    pivots: list[int] = []
    for column in range(unknowns):
        row = len(pivots)
        if row == work.shape[1]:
            break
        chosen = row + np.argmax(work[:, row:, column] != 0, axis=1)
        found = work[everyone, chosen, column] != 0
        if not found.any():
            continue
        if not found.all():
            return None
        lead = work[everyone, chosen]
        work[everyone, chosen] = work[:, row]
        lead = reduced(lead * inverse(lead[:, column])[:, None])
        work[:, row] = 0
        work[:, :, column:] = reduced(work[:, :, column:] + (PRIME - work[:, :, column, None]) * lead[:, None, column:])
        work[:, row] = lead
        pivots.append(column)
    if np.any(work[:, len(pivots) :, unknowns:]):
        return None
    solution = np.zeros((batch, unknowns, rights.shape[2]), dtype=np.int64)
    solution[:, pivots] = work[:, : len(pivots), unknowns:]
    return solution


def spans(vectors: Residues, target: Residues) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For many sets of vectors at once: is the target in the span, and are the vectors dependent?

    Args:
        vectors: (batch, m, n) residues, m vectors of n entries each; ``n >= m + 1``.
        target: (n,) residues.

    Returns:
        ``(inside, dependent)``, each (batch,). With random samples as entries, ``n >= m + 2`` makes a wrong
        ``inside`` as unlikely as ``1 / PRIME**2``.

    Elimination is fraction-free, so no inverses are needed, and runs over the whole batch in every step. A vector that
    depends on those before it uses up one entry of all others, which leaves enough entries for the decision.
    """
    batch, count, length = vectors.shape
    work = np.empty((count + 1, length, batch), dtype=np.uint64)
    work[:count] = np.moveaxis(vectors, 0, -1)
    work[count] = target[:, None]
    dependent = np.zeros(batch, dtype=bool)
    everyone = np.arange(batch)
    for _ in range(count):
        heads = work[0] % MODULUS
        chosen = np.argmax(heads != 0, axis=0)
        pivot_row = work[:, chosen, everyone]
        work[:, chosen, everyone] = work[:, 0]
        heads[chosen, everyone] = heads[0]
        pivot = pivot_row[0] % MODULUS
        dependent |= pivot == 0
        pivot[pivot == 0] = 1
        work = work[1:, 1:] * pivot + (MODULUS - heads[1:]) * pivot_row[1:, None]
        work = _folded(_folded(work))
    return ~np.any(work[0] % MODULUS, axis=0), dependent


def _folded(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Congruent values, shorter by up to 31 bits; twice gives at most ``PRIME + 7``."""
    return (values & MODULUS) + (values >> BITS)
