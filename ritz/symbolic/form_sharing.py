"""Few grid products for many sums of products: exact elimination over polynomials in the parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

import numpy as np
import sympy as sp

from ritz.symbolic import modular
from ritz.symbolic.form_kernel import CoefficientSampler
from ritz.symbolic.multiplier import Multiplier
from ritz.symbolic.product_form import GridProduct, GridRow

Monomial = tuple[int, ...]  # ascending indices of fields
RowKey = tuple[int, Multiplier]  # (state, multiplier)
Sums = Mapping[RowKey, Mapping[Monomial, sp.Expr]]  # per row and multiplier a sum of products
Vector = tuple[sp.Expr, ...]
ZERO, ONE = sp.Integer(0), sp.Integer(1)


def shared_products(count: int, sums: Sums) -> tuple[list[GridProduct], list[GridRow]]:
    """Choose few grid products whose polynomial combinations give all the sums.

    Args:
        count: number of rows.
        sums: per row and multiplier the sum of products; coefficients are exact, polynomials in the parameters.

    Returns:
        ``(products, rows)``; the products are a basis of the sums, or the single monomials if these are no more.
    """
    sums = {key: {m: c for m, c in group.items() if c != 0} for key, group in sums.items()}
    keys = [key for key, group in sums.items() if group]
    monomials = sorted({monomial for key in keys for monomial in sums[key]}, key=lambda m: (len(m), m))
    matrix = [tuple(sums[key].get(monomial, ZERO) for monomial in monomials) for key in keys]
    basis, combinations = polynomial_basis(matrix, len(monomials))
    products: list[GridProduct] = [
        tuple((coefficient, m) for coefficient, m in zip(vector, monomials, strict=True) if coefficient != 0)
        for vector in basis
    ]
    rows: list[dict[tuple[sp.Expr, int], Multiplier]] = [{} for _ in range(count)]
    for (row, multiplier), combination in zip(keys, combinations, strict=True):
        for index, coefficient in enumerate(combination):
            for label, part in _labels(coefficient):
                known = rows[row].get((label, index), Multiplier.zero())
                rows[row][label, index] = known + multiplier * part
    return products, [_row(entries) for entries in rows]


def _row(entries: Mapping[tuple[sp.Expr, int], Multiplier]) -> GridRow:
    order = sorted(entries, key=lambda key: (key[1], sp.default_sort_key(key[0])))
    return tuple((label, entries[label, index], index) for label, index in order if entries[label, index])


def _labels(coefficient: sp.Expr) -> Iterable[tuple[sp.Expr, Fraction]]:
    """Split into symbolic parts and exact numbers."""
    for term in sp.Add.make_args(sp.expand(coefficient)):
        number, label = term.as_coeff_Mul()
        if number != 0:
            yield label, Fraction(int(number.p), int(number.q))


def polynomial_basis(matrix: Sequence[Vector], columns: int) -> tuple[list[Vector], list[Vector]]:
    """Vectors whose combinations with polynomial coefficients give every row of a matrix; as few as can be found.

    Args:
        matrix: rows of `columns` exact polynomials in the parameters.
        columns: number of columns.

    Returns:
        ``(basis, combinations)`` with ``matrix[i] = sum_j combinations[i][j] * basis[j]``. The basis consists of rows
        of the matrix without their common factor, or of unit vectors if there are no more of these.

    Dependence is first decided with random residues for the parameters, so that symbolic work is done only where a
    row really is a combination of the basis.

    Example:
        >>> a, b = sp.symbols("a b")
        >>> polynomial_basis([(a, b), (2 * a * b, 2 * b**2)], 2)
        ([(a, b)], [(1,), (2*b,)])
    """
    basis: list[Vector] = []
    residues: list[list[int]] = []
    found: dict[int, Vector] = {}
    sampler = CoefficientSampler(seed=21)
    sampled = [[sampler(entry) if entry != 0 else 0 for entry in row] for row in matrix]
    for index in sorted(range(len(matrix)), key=lambda i: (_size(matrix[i]), i)):
        if not any(sampled[index]):
            found[index] = ()
            continue
        combination = _combination(basis, residues, matrix[index], sampled[index])
        if combination is None:
            content, primitive = _primitive(matrix[index])
            basis.append(primitive)
            residues.append([sampler(entry) if entry != 0 else 0 for entry in primitive])
            combination = (*[ZERO] * (len(basis) - 1), content)
        found[index] = combination
    if len(basis) >= columns:
        units = [tuple(ONE if i == j else ZERO for j in range(columns)) for i in range(columns)]
        return units, [tuple(row) for row in matrix]
    return basis, [(*found[i], *[ZERO] * (len(basis) - len(found[i]))) for i in range(len(matrix))]


def _size(vector: Vector) -> int:
    return sum(1 + int(entry.count_ops()) for entry in vector if entry != 0)


def _combination(
    basis: Sequence[Vector], residues: Sequence[Sequence[int]], target: Vector, sampled: Sequence[int]
) -> Vector | None:
    """Polynomial coefficients of the target in the basis, or None."""
    if not basis:
        return None
    columns = np.array(residues, dtype=np.int64).T
    weights = modular.solve(columns, np.array(sampled, dtype=np.int64)[:, None])
    if weights is None:
        return None
    numbers = [modular.rational(int(weight)) for weight in weights[:, 0]]
    if all(number is not None for number in numbers):
        plain: list[sp.Expr] = [
            sp.Rational(number.numerator, number.denominator) for number in numbers if number is not None
        ]
        if _matches(basis, plain, target):
            return tuple(plain)
    support = [int(index) for index in np.flatnonzero(weights[:, 0])]
    equations = modular.echelon(columns[:, support].T)[1]
    system = sp.Matrix([[basis[index][equation] for index in support] for equation in equations])
    values = system.LUsolve(sp.Matrix([target[equation] for equation in equations])) if support else []
    result = [ZERO] * len(basis)
    for index, value in zip(support, values, strict=True):
        result[index] = sp.expand(sp.cancel(value))
        if sp.fraction(sp.together(result[index]))[1].free_symbols:
            return None
    return tuple(result) if _matches(basis, result, target) else None


def _matches(basis: Sequence[Vector], weights: Sequence[sp.Expr], target: Vector) -> bool:
    """Confirm the combination in every column, symbolically."""
    for column, entry in enumerate(target):
        parts = [weight * vector[column] for weight, vector in zip(weights, basis, strict=True) if weight != 0]
        if sp.expand(sum(parts, ZERO) - entry) != 0:
            return False
    return True


def _primitive(vector: Vector) -> tuple[sp.Expr, Vector]:
    """``(content, vector / content)``: the common factor taken out, the first entry without a minus sign."""
    entries = [entry for entry in vector if entry != 0]
    content = entries[0] if len(entries) == 1 else _common_factor(entries)
    quotient = tuple(sp.expand(sp.cancel(entry / content)) if entry != 0 else ZERO for entry in vector)
    if len(entries) > 1 and next(entry for entry in quotient if entry != 0).could_extract_minus_sign():
        return -content, tuple(-entry for entry in quotient)
    return content, quotient


def _common_factor(entries: Sequence[sp.Expr]) -> sp.Expr:
    content = ZERO
    try:
        for entry in entries:
            content = sp.gcd(content, entry)
    except sp.PolynomialError:  # coefficients that are no polynomials in anything, such as Piecewise
        return ONE
    return content
