"""Fewer grid products where products are dependent at fixed wave vectors.

Such dependence (a field next to its curl or its derivatives) leaves the multipliers of the products undetermined. The
choice of lowest rank is sought by minimising a log-det surrogate of the rank with reweighted least squares
[mohan2012], in floating point and from several relative scalings of the fields, as the surrogate has local minima.
What comes out is rounded to fractions; the caller recovers and verifies the form exactly.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ritz.symbolic.clock import spent
from ritz.symbolic.form_kernel import Piece
from ritz.symbolic.form_recovery import Product, monomials
from ritz.symbolic.product_form import LinearField, ProductForm

Real = NDArray[np.float64]
System = tuple[Real, Real]  # orthonormal rows V and right sides Y: the multipliers x at one k are given by V x = Y
STARTS = 8  # relative scalings of the blocks
STEPS = 60  # reweighting steps
SCALE = 10.0
NEGLIGIBLE = 1e-8  # relative eigenvalue that counts as zero
PIVOT = 2e-3
ROUNDING = 2e-3  # the iteration stops short of full precision; the exact recovery decides afterwards
DENOMINATORS = (1, 2, 3, 4, 6, 12)


def low_rank_products(
    form: ProductForm, pieces: Sequence[Piece], blocks: Sequence[Sequence[LinearField]], deadline: float
) -> list[Product] | None:
    """Grid products of few transforms over the fields of some blocks.

    Args:
        form: the form to be represented.
        pieces: its pieces.
        blocks: fields that are scaled together.
        deadline: value of `ritz.symbolic.clock.spent` at which to stop.

    Returns:
        The shortest list of products found, indices counting the fields of the blocks in order, or None.
    """
    fields = [item for block in blocks for item in block]
    systems = _systems(form, pieces, fields, deadline)
    names = monomials(len(fields), form.degrees)
    best: list[Product] | None = None
    for weights in _scalings(len(blocks)):
        if not systems or spent() > deadline:
            break
        scale = np.array([weight for weight, block in zip(weights, blocks, strict=True) for _ in block])
        factor = np.array([np.prod(scale[list(name)]) for name in names])
        solution = _lowest_rank([_rescaled(system, factor) for system in systems], deadline)
        products = None if solution is None else _rounded(solution, factor, names)
        if products is not None and (best is None or len(products) < len(best)):
            best = products
    return best


def _scalings(count: int) -> list[tuple[float, ...]]:
    """Equal scales first, then a fixed selection of unequal ones."""
    every = [weights for weights in itertools.product((1.0, SCALE), repeat=count) if min(weights) < SCALE]
    if len(every) > STARTS:
        picked = np.random.default_rng(0).choice(len(every) - 1, STARTS - 1, replace=False) + 1
        every = [every[0], *(every[index] for index in sorted(picked))]
    return every


# ---------------------------------------------------------------------- sampling
def _systems(
    form: ProductForm, pieces: Sequence[Piece], fields: Sequence[LinearField], deadline: float
) -> list[System]:
    """Linear systems for the multipliers at several random wave vectors; none when time ran out."""
    rng = np.random.default_rng(51)
    count = len(monomials(len(fields), form.degrees))
    systems = []
    for _ in range(max(12, -(-count // max(len(pieces), 1)))):
        if spent() > deadline:
            return []
        sums = rng.standard_normal(form.dimension)
        lefts, rights = [], []
        for degree in form.degrees:
            sample = _Sample(form, sums, degree, len(monomials(len(fields), [degree])) + 6, rng)
            for name in monomials(len(fields), form.degrees):
                own = len(name) == degree
                lefts.append(sample.product([fields[i] for i in name]) if own else np.zeros(sample.count))
            rights.append(np.stack([sample.piece(piece) for piece in pieces], axis=1))
        matrix = np.concatenate([np.stack(lefts[i : i + count], axis=1) for i in range(0, len(lefts), count)])
        systems.append((matrix, np.concatenate(rights)))
    return systems


class _Sample:
    """Real kernels at random wave vectors with one sum, the imaginary unit left out."""

    def __init__(self, form: ProductForm, sums: Real, degree: int, count: int, rng: np.random.Generator) -> None:
        self.sums, self.degree, self.count = sums, degree, count
        self.waves = rng.standard_normal((degree, form.dimension, count))
        self.waves[-1] = sums[:, None] - self.waves[:-1].sum(axis=0)
        self.amplitudes = rng.standard_normal((degree, form.size, count))
        for group in form.solenoidal:
            square = (self.waves**2).sum(axis=1)
            divergence = sum(self.waves[:, axis] * self.amplitudes[:, state] for axis, state in enumerate(group))
            for axis, state in enumerate(group):
                self.amplitudes[:, state] -= self.waves[:, axis] * divergence / square
        self._values: dict[LinearField, Real] = {}

    def field(self, item: LinearField) -> Real:
        if item not in self._values:
            waves = np.moveaxis(self.waves, 1, 0)
            self._values[item] = sum(
                (multiplier.symbol(waves) * self.amplitudes[:, state] for state, multiplier in item),
                np.zeros((self.degree, self.count)),
            )
        return self._values[item]

    def product(self, factors: Sequence[LinearField]) -> Real:
        values = [self.field(item) for item in factors]
        total = np.zeros(self.count)
        for order in itertools.permutations(range(self.degree)):
            total += np.prod([value[wave] for value, wave in zip(values, order, strict=True)], axis=0)
        return total

    def piece(self, piece: Piece) -> Real:
        total = np.zeros(self.count)
        for fraction, multiplier, factors in piece.terms:
            if len(factors) == self.degree:
                total += float(fraction) * multiplier.symbol(self.sums[:, None]) * self.product(factors)
        return total


# ---------------------------------------------------------------------- rank
def _rescaled(system: System, factor: Real) -> System:
    matrix, right = system
    left, values, rows = np.linalg.svd(matrix * factor, full_matrices=False)
    kept = values > 1e-9 * values[0]
    return rows[kept], (left[:, kept].T @ right) / values[kept, None]


def _lowest_rank(systems: Sequence[System], deadline: float) -> Real | None:
    """(products, columns) multipliers at all wave vectors, of locally lowest rank; None when time ran out."""
    count = systems[0][0].shape[1]
    weight, noise = np.eye(count), 1.0
    for step in range(STEPS):
        if spent() > deadline:
            return None
        columns = [weight @ rows.T @ np.linalg.solve(rows @ weight @ rows.T, right) for rows, right in systems]
        solution = np.concatenate(columns, axis=1)
        values, vectors = np.linalg.eigh(solution @ solution.T / np.sum(solution**2))
        noise = max(0.6 * noise, 1e-13)
        sharpness = 0.5 + 0.5 * min(1.0, 2 * step / STEPS)
        weight = (vectors * (values.clip(0) + noise) ** sharpness) @ vectors.T
        weight /= np.trace(weight)
    return solution


def _rounded(solution: Real, factor: Real, names: Sequence[tuple[int, ...]]) -> list[Product] | None:
    """The row echelon form of the products, made of small fractions, or None."""
    values, vectors = np.linalg.eigh(solution @ solution.T)
    rank = int(np.sum(values > NEGLIGIBLE * values[-1]))
    rows = vectors[:, -rank:].T * factor
    rows = np.linalg.svd(rows / np.linalg.norm(rows, axis=1, keepdims=True), full_matrices=False)[2]
    found = 0
    for column in range(rows.shape[1]):
        if found == rank:
            break
        chosen = found + int(np.argmax(np.abs(rows[found:, column])))
        if abs(rows[chosen, column]) < PIVOT:
            rows[found:, column] = 0
            continue
        rows[[found, chosen]] = rows[[chosen, found]]
        rows[found] /= rows[found, column]
        others = np.arange(rank) != found
        rows[others] -= np.outer(rows[others, column], rows[found])
        found += 1
    products = [_fractions(row, names) for row in rows]
    return None if any(product is None for product in products) else [product for product in products if product]


def _fractions(row: Real, names: Sequence[tuple[int, ...]]) -> Product | None:
    product = {}
    for value, name in zip(row, names, strict=True):
        near = (Fraction(round(value * denominator), denominator) for denominator in DENOMINATORS)
        number = next((number for number in near if abs(float(number) - value) <= ROUNDING), None)
        if number is None:
            return None
        if number:
            product[name] = number
    return product
