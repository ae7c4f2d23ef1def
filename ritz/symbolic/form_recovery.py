"""From sampled multipliers back to formulas: grid products with rational coefficients and operators in the derivatives.

For a set of grid fields the multipliers of all products solve, at every fixed wave vector ``k`` of the result, a linear
system. The rank of the table [product] x [row, k] is the number of forward transforms; its echelon form gives the
products and a fit gives the operators.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

import numpy as np
import sympy as sp

from ritz.symbolic import modular
from ritz.symbolic.form_assembly import assemble
from ritz.symbolic.form_kernel import CoefficientSampler, Kernel, Piece, random_sums
from ritz.symbolic.form_sharing import Monomial, RowKey, shared_products
from ritz.symbolic.modular import PRIME, Residues
from ritz.symbolic.multiplier import Exponents, Multiplier
from ritz.symbolic.product_form import GridForm, LinearField, ProductForm

Product = Mapping[Monomial, Fraction]  # a grid product: indices of fields -> coefficient
UNKNOWNS = 400  # most terms an operator may be fitted with
COEFFICIENT = 20000  # largest numerator or denominator believed to be one


def monomials(count: int, degrees: Iterable[int]) -> list[Monomial]:
    """All products of `count` fields of the given degrees, lower degrees first."""
    return [m for degree in degrees for m in itertools.combinations_with_replacement(range(count), degree)]


def product_table(kernel: Kernel, fields: Sequence[LinearField], pieces: Sequence[Piece]) -> Residues | None:
    """Multipliers of all products of the fields.

    Args:
        kernel: samples; its counts must exceed the number of products of each degree.
        fields: grid fields.
        pieces: what is to be represented.

    Returns:
        (products, pieces, nk) residues, products as in `monomials`; None if the fields cannot represent the pieces.
    """
    blocks = []
    for degree in kernel.degrees:
        columns = [kernel.product([fields[i] for i in m]) for m in monomials(len(fields), [degree])]
        rights = [kernel.piece(piece, degree) for piece in pieces]
        solution = modular.solve_stack(np.stack(columns, axis=-1), np.stack(rights, axis=-1))
        if solution is None:
            return None
        blocks.append(np.moveaxis(solution, 0, -1))
    return np.concatenate(blocks)


def joint_rank(table: Residues, pieces: Sequence[Piece], seed: int = 31) -> int:
    """Rank of a (products, pieces, nk) table when every coefficient has a random value: forward transforms needed."""
    sampler = CoefficientSampler(seed)
    rows: dict[int, Residues] = {}
    for position, piece in enumerate(pieces):
        part = modular.reduced(table[:, position] * sampler(piece.label))
        rows[piece.row] = modular.reduced(rows[piece.row] + part) if piece.row in rows else part
    return modular.rank(np.concatenate(list(rows.values()), axis=1))


def products_of_table(table: Residues, degrees: Sequence[int], count: int) -> list[Product] | None:
    """The grid products: an echelon basis of the columns of the table, or None if it is not made of small fractions."""
    matrix = table.reshape(len(table), -1).T
    reduced, pivots = modular.echelon(matrix)
    names = monomials(count, degrees)
    products: list[Product] = []
    for row in reduced[: len(pivots)]:
        product = {}
        for column in np.flatnonzero(row):
            value = modular.rational(int(row[column]), COEFFICIENT)
            if value is None:
                return None
            product[names[column]] = value
        products.append(product)
    return products


def recover(
    form: ProductForm, pieces: Sequence[Piece], fields: Sequence[LinearField], products: Sequence[Product]
) -> GridForm | None:
    """The grid form with these products, or None if their multipliers are not operators of the known kind."""
    if not products:
        return assemble(form, (), (), [() for _ in form.rows])
    operators = _operators(form, pieces, fields, products)
    if operators is None:
        return None
    sums: dict[RowKey, dict[Monomial, sp.Expr]] = {}
    for piece, row in zip(pieces, operators, strict=True):
        for operator, product in zip(row, products, strict=True):
            for exponents, value in operator.terms.items():
                group = sums.setdefault((piece.row, Multiplier({exponents: 1})), {})
                for monomial, coefficient in product.items():
                    term = sp.Rational(value * coefficient) * piece.label
                    group[monomial] = group.get(monomial, sp.Integer(0)) + term
    shared, rows = shared_products(len(form.rows), sums)
    return assemble(form, fields, shared, rows)


# ---------------------------------------------------------------------- operators
def _operators(
    form: ProductForm, pieces: Sequence[Piece], fields: Sequence[LinearField], products: Sequence[Product]
) -> list[list[Multiplier]] | None:
    """One operator per piece and product."""
    for basis in _operator_bases(form, pieces, fields, products):
        sums = random_sums(form.dimension, len(basis) + 3, seed=41)
        values = _multiplier_values(form, pieces, fields, products, sums)
        if values is None:
            return None
        columns = np.stack([Multiplier({exponents: 1}).modulo(sums) for exponents in basis], axis=-1)
        weights = modular.solve(columns, values.reshape(len(values), -1))
        if weights is None:
            continue
        fitted = weights.reshape(len(basis), len(products), len(pieces))
        operators = _as_operators(basis, fitted, form.dimension)
        return None if operators is None else _corrected_mean(form, pieces, fields, products, operators)
    return None


def _multiplier_values(
    form: ProductForm,
    pieces: Sequence[Piece],
    fields: Sequence[LinearField],
    products: Sequence[Product],
    sums: Residues,
) -> Residues | None:
    """(nk, products, pieces) residues of the multipliers at the wave vectors `sums`, or None if there are none."""
    matrix, right = _system(form, pieces, fields, products, sums)
    return modular.solve_stack(matrix, right)


def _system(
    form: ProductForm,
    pieces: Sequence[Piece],
    fields: Sequence[LinearField],
    products: Sequence[Product],
    sums: Residues,
) -> tuple[Residues, Residues]:
    """(nk, samples, products) and (nk, samples, pieces): sampled kernels of the products and of the pieces."""
    degrees = sorted({len(m) for product in products for m in product} | set(form.degrees))
    kernel = Kernel(form, sums, dict.fromkeys(degrees, len(products) + 3), seed=42)
    lefts, rights = [], []
    for degree in degrees:
        lefts.append(np.stack([_product_values(kernel, fields, product, degree) for product in products], axis=-1))
        rights.append(np.stack([kernel.piece(piece, degree) for piece in pieces], axis=-1))
    return np.concatenate(lefts, axis=1), np.concatenate(rights, axis=1)


def _product_values(kernel: Kernel, fields: Sequence[LinearField], product: Product, degree: int) -> Residues:
    total = np.zeros((kernel.sums.shape[1], kernel.counts[degree]), dtype=np.int64)
    for monomial, coefficient in product.items():
        if len(monomial) == degree:
            value = kernel.product([fields[i] for i in monomial])
            total = modular.reduced(total + value * modular.residue(coefficient))
    return total


def _as_operators(basis: Sequence[Exponents], weights: Residues, dimension: int) -> list[list[Multiplier]] | None:
    """(basis, products, pieces) residues to one operator per piece and product."""
    operators: list[list[Multiplier]] = []
    for position in range(weights.shape[2]):
        row = []
        for product in range(weights.shape[1]):
            terms = {}
            for exponents, value in zip(basis, weights[:, product, position], strict=True):
                number = modular.rational(int(value), COEFFICIENT)
                if number is None:
                    return None
                terms[exponents] = number
            row.append(Multiplier(terms).simplified(dimension))
        operators.append(row)
    return operators


def _corrected_mean(
    form: ProductForm,
    pieces: Sequence[Piece],
    fields: Sequence[LinearField],
    products: Sequence[Product],
    operators: list[list[Multiplier]],
) -> list[list[Multiplier]] | None:
    """Make the operators right at ``k = 0`` too, where the inverse Laplacian is defined as zero."""
    zero = np.zeros((form.dimension, 1), dtype=np.int64)
    matrix, right = _system(form, pieces, fields, products, zero)
    present = np.array([[modular.residue(op.at_mean) for op in row] for row in operators], dtype=np.int64).T
    given = np.zeros_like(right[0])
    for index in range(len(products)):
        given = modular.reduced(given + matrix[0][:, index, None] * present[index])
    if np.array_equal(given, right[0]):
        return operators
    missing = modular.solve(matrix[0], modular.reduced(right[0] + PRIME - given))
    if missing is None:
        return None
    corrected = []
    for position, row in enumerate(operators):
        numbers = [modular.rational(int(value), COEFFICIENT) for value in missing[:, position]]
        if any(number is None for number in numbers):
            return None
        mean = Multiplier.mean(form.dimension)
        corrected.append([op + mean * (number or 0) for op, number in zip(row, numbers, strict=True)])
    return corrected


def _operator_bases(
    form: ProductForm, pieces: Sequence[Piece], fields: Sequence[LinearField], products: Sequence[Product]
) -> Iterator[list[Exponents]]:
    """Candidate operators, first polynomials, then polynomials over powers of the Laplacian."""
    orders = _order_differences(pieces, fields, products)
    deepest = 1 + max((_depth(term[1:]) for piece in pieces for term in piece.terms), default=0)
    deepest += max((multiplier.depth for item in fields for _, multiplier in item), default=0)
    for depth in range(deepest + 1):
        basis = [
            (*exponents, depth)
            for order in orders
            if order + 2 * depth >= 0
            for exponents in _exponents(form.dimension, order + 2 * depth)
        ]
        if basis and len(basis) <= UNKNOWNS:
            yield basis


def _depth(term: tuple[Multiplier, tuple[LinearField, ...]]) -> int:
    multiplier, factors = term
    return multiplier.depth + sum(max((m.depth for _, m in factor), default=0) for factor in factors)


def _order_differences(
    pieces: Sequence[Piece], fields: Sequence[LinearField], products: Sequence[Product]
) -> list[int]:
    """Orders that an operator between a product and a row can have: every derivative must be accounted for."""
    wanted = {
        order
        for piece in pieces
        for _, multiplier, factors in piece.terms
        for order in _sums_of_orders([multiplier.orders, *map(_field_orders, factors)])
    }
    given = {
        order
        for product in products
        for monomial in product
        for order in _sums_of_orders([_field_orders(fields[index]) for index in monomial])
    }
    return sorted({a - b for a in wanted for b in given})


def _field_orders(item: LinearField) -> tuple[int, ...]:
    return tuple({order for _, multiplier in item for order in multiplier.orders})


def _sums_of_orders(orders: Sequence[Sequence[int]]) -> set[int]:
    return {sum(choice) for choice in itertools.product(*orders)}


def _exponents(dimension: int, order: int) -> Iterator[tuple[int, int, int]]:
    """Exponents ``(a, b, c)`` of total `order`, highest derivative in x first."""
    for a in range(order, -1, -1):
        if dimension == 1:
            if a == order:
                yield a, 0, 0
            continue
        for b in range(order - a, -1, -1):
            if dimension == 3 or a + b == order:
                yield a, b, order - a - b
