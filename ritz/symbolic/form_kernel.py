"""Kernels of product forms: what a sum of products does to plane waves, sampled modulo a prime.

On a product of plane waves with wave vectors ``p1 .. pd`` a derivative of factor ``j`` multiplies by ``pj`` and a
derivative of the whole product by ``k = p1 + .. + pd``. Two forms are equal exactly when their kernels are equal
rational functions of the wave vectors; equality at random residues decides that up to a chance of ``degree / 2**31``.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import sympy as sp

from ritz.symbolic import modular
from ritz.symbolic.modular import PRIME, Residues
from ritz.symbolic.multiplier import Multiplier
from ritz.symbolic.product_form import LinearField, ProductForm

Factors = tuple[LinearField, ...]
LARGEST = 1000  # numbers with larger numerators or denominators are kept opaque: rational reconstruction stays safe


@dataclass(frozen=True)
class Piece:
    """The part of one row that carries one independent coefficient.

    Attributes:
        row: state index.
        label: 1 or a monomial of parameters, the imaginary unit and awkward numbers; never looked into.
        terms: (rational coefficient, multiplier, factors).
    """

    row: int
    label: sp.Expr
    terms: tuple[tuple[Fraction, Multiplier, Factors], ...]


def exact_coefficient(coefficient: sp.Expr) -> sp.Expr:
    """Expanded, with floats replaced by the shortest decimal numbers that print like them.

    Example:
        >>> exact_coefficient(sp.Float(0.1))
        1/10
    """
    floats = {number: sp.Rational(repr(float(number))) for number in coefficient.atoms(sp.Float)}
    return sp.expand(coefficient.xreplace(floats))


def split_coefficient(coefficient: sp.Expr) -> dict[sp.Expr, Fraction]:
    """Write a coefficient as ``sum(fraction * label)`` with opaque labels.

    Example:
        >>> a = sp.Symbol("a")
        >>> split_coefficient(a / 2 - 3)
        {1: Fraction(-3, 1), a: Fraction(1, 2)}
    """
    parts: dict[sp.Expr, Fraction] = {}
    for term in sp.Add.make_args(exact_coefficient(coefficient)):
        number, label = term.as_coeff_Mul()
        fraction, awkward = _split_number(number)
        label = label * awkward
        parts[label] = parts.get(label, Fraction(0)) + fraction
    return {label: parts[label] for label in sorted(parts, key=sp.default_sort_key) if parts[label]}


def _split_number(number: sp.Expr) -> tuple[Fraction, sp.Expr]:
    """A small fraction and the rest: a sign alone if the number is not a small fraction."""
    if number.is_Rational:
        fraction = Fraction(int(number.p), int(number.q))
        if max(abs(fraction.numerator), fraction.denominator) <= LARGEST:
            return fraction, sp.Integer(1)
        return Fraction(-1 if fraction < 0 else 1), abs(number)
    return Fraction(1), number


def split_rows(form: ProductForm) -> list[Piece]:
    """All pieces of a form, ordered by row and label."""
    pieces = []
    for row, terms in enumerate(form.rows):
        collected: dict[sp.Expr, list[tuple[Fraction, Multiplier, Factors]]] = {}
        for term in terms:
            for label, fraction in split_coefficient(term.coefficient).items():
                collected.setdefault(label, []).append((fraction, term.multiplier, term.factors))
        for label in sorted(collected, key=sp.default_sort_key):
            pieces.append(Piece(row, label, tuple(collected[label])))
    return pieces


class CoefficientSampler:
    """Random residues for parameters and other opaque symbols; the same symbol always gets the same residue."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._known: dict[sp.Expr, int] = {}

    def __call__(self, expression: sp.Expr) -> int:
        """The residue of an expression; sums, products and integer powers are looked into, all else is opaque."""
        return self._value(exact_coefficient(expression))

    def _value(self, expression: sp.Expr) -> int:
        if expression.is_Rational:
            return modular.residue(Fraction(int(expression.p), int(expression.q)))
        if expression.is_Add:
            return sum(self._value(part) for part in expression.args) % PRIME
        if expression.is_Mul:
            product = 1
            for part in expression.args:
                product = product * self._value(part) % PRIME
            return product
        if expression.is_Pow and expression.exp.is_Integer:
            return pow(self._value(expression.base), int(expression.exp), PRIME)
        if expression not in self._known:
            self._known[expression] = int(self._rng.integers(1, PRIME))
        return self._known[expression]


class Kernel:
    """Residues of fields, products and pieces at random wave vectors with prescribed sums.

    Args:
        form: the form whose states are sampled; solenoidal groups are sampled as curls of random potentials.
        sums: (dimension, nk) residues, the wave vectors ``k`` of the products.
        counts: number of samples per degree.
        seed: of the random wave vectors and amplitudes.
    """

    def __init__(self, form: ProductForm, sums: Residues, counts: Mapping[int, int], seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.form = form
        self.sums = sums
        self.degrees = tuple(sorted(counts))
        self.counts = dict(counts)
        self._waves: dict[int, Residues] = {}
        self._amplitudes: dict[int, Residues] = {}
        self._fields: dict[tuple[int, LinearField], Residues] = {}
        self._products: dict[Factors, Residues] = {}
        for degree in self.degrees:
            waves, free = self._drawn(degree, rng)
            self._waves[degree] = waves
            self._amplitudes[degree] = _constrained(form, waves, free)

    def _drawn(self, degree: int, rng: np.random.Generator) -> tuple[Residues, Residues]:
        """Wave vectors (degree, dimension, nk, count) and free amplitudes (degree, states, nk, count)."""
        shape = (self.sums.shape[1], self.counts[degree])
        waves = rng.integers(1, PRIME, (degree, self.form.dimension, *shape))
        waves[-1] = (self.sums[:, :, None] - waves[:-1].sum(axis=0)) % PRIME
        return waves, rng.integers(1, PRIME, (degree, self.form.size, *shape))

    def field(self, degree: int, item: LinearField) -> Residues:
        """(degree, nk, count) residues of a linear field at each of the factors' wave vectors."""
        key = (degree, item)
        if key not in self._fields:
            waves = np.moveaxis(self._waves[degree], 1, 0)
            total = np.zeros(waves.shape[1:], dtype=np.int64)
            for state, multiplier in item:
                values = modular.reduced(multiplier.modulo(waves) * self._amplitudes[degree][:, state])
                total = modular.reduced(total + values)
            self._fields[key] = total
        return self._fields[key]

    def product(self, factors: Sequence[LinearField]) -> Residues:
        """(nk, count) residues of a product, symmetric in the wave vectors of the factors."""
        key = tuple(factors)
        if key not in self._products:
            values = [self.field(len(key), item) for item in key]
            total = np.zeros(values[0].shape[1:], dtype=np.int64)
            for order in itertools.permutations(range(len(key))):
                part = values[0][order[0]]
                for value, wave in zip(values[1:], order[1:], strict=True):
                    part = modular.reduced(part * value[wave])
                total = modular.reduced(total + part)
            self._products[key] = total
        return self._products[key]

    def piece(self, piece: Piece, degree: int) -> Residues:
        """(nk, count) residues of the terms of that degree."""
        total = np.zeros((self.sums.shape[1], self.counts[degree]), dtype=np.int64)
        for fraction, multiplier, factors in piece.terms:
            if len(factors) == degree:
                scale = modular.reduced(multiplier.modulo(self.sums) * modular.residue(fraction))
                total = modular.reduced(total + modular.reduced(scale[:, None] * self.product(factors)))
        return total


class _OneFactorKernel(Kernel):
    """Fixed wave vectors; the amplitudes of the first factor and of all others vary over a table of samples."""

    def _drawn(self, degree: int, rng: np.random.Generator) -> tuple[Residues, Residues]:
        side = self.form.size + 2
        waves = rng.integers(1, PRIME, (degree, self.form.dimension, 1, 1))
        waves[-1] = (self.sums[:, :, None] - waves[:-1].sum(axis=0)) % PRIME
        first = np.repeat(rng.integers(1, PRIME, (1, self.form.size, 1, side)), side, axis=-1)
        others = np.tile(rng.integers(1, PRIME, (degree - 1, self.form.size, 1, side)), side)
        return np.broadcast_to(waves, (*waves.shape[:3], side * side)).copy(), np.concatenate([first, others])


def least_fields(form: ProductForm, pieces: Sequence[Piece]) -> int:
    """A number of grid fields that no form can do without.

    At fixed wave vectors a row is linear in the amplitudes of one factor and sees no more combinations of them than
    there are grid fields.
    """
    side = form.size + 2
    kernel = _OneFactorKernel(form, random_sums(form.dimension, 1, 61), dict.fromkeys(form.degrees, side**2), seed=62)
    tables = [[kernel.piece(piece, degree).reshape(side, side) for piece in pieces] for degree in form.degrees]
    return max(modular.rank(np.concatenate(table, axis=1)) for table in tables)


def random_sums(dimension: int, count: int, seed: int) -> Residues:
    """(dimension, count) random non-zero wave vectors."""
    return np.random.default_rng(seed).integers(1, PRIME, (dimension, count))


def _constrained(form: ProductForm, waves: Residues, amplitudes: Residues) -> Residues:
    """Replace the amplitudes of solenoidal groups by curls of themselves."""
    for group in form.solenoidal:
        if form.dimension == 2:
            potential = amplitudes[:, group[0]].copy()
            amplitudes[:, group[0]] = modular.reduced(waves[:, 1] * potential)
            amplitudes[:, group[1]] = modular.reduced((PRIME - waves[:, 0]) * potential)
        else:
            potentials = amplitudes[:, list(group)].copy()
            for axis, state in enumerate(group):
                second, third = (axis + 1) % 3, (axis + 2) % 3
                gain = modular.reduced(waves[:, second] * potentials[:, third])
                loss = modular.reduced(waves[:, third] * potentials[:, second])
                amplitudes[:, state] = modular.reduced(gain + PRIME - loss)
    return amplitudes
