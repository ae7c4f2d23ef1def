"""Checks that a grid form computes what a product form says: exactly on kernels, and on random dealiased fields."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from ritz.symbolic import modular
from ritz.symbolic.form_kernel import CoefficientSampler, Kernel, random_sums
from ritz.symbolic.modular import Residues
from ritz.symbolic.product_form import GridForm, LinearField, ProductForm

Modes = NDArray[np.complex128]
LENGTHS = (1.0, 1.3, 0.7)  # unequal, so that a mix-up of axes shows
HIGHEST = {1: 10, 2: 5, 3: 3}  # highest wave index kept, per dimension
SEEDS = (11, 12)


@dataclass(frozen=True)
class CheckResult:
    """Outcome of a check.

    Attributes:
        exact: the kernels agree modulo the prime at random wave vectors, amplitudes and parameters.
        error: largest difference on random dealiased fields, relative to the largest term of the row.
        tolerance: what was allowed.
    """

    exact: bool
    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Both checks passed."""
        return self.exact and self.error <= self.tolerance

    def __bool__(self) -> bool:
        return self.passed


def verify_form(form: ProductForm, grid_form: GridForm, tolerance: float = 1e-12) -> CheckResult:
    """Compare a grid form with its source, exactly on kernels and numerically on random fields.

    Args:
        form: the source.
        grid_form: what is to be checked.
        tolerance: allowed relative difference on random fields; round-off is near 1e-15.

    Returns:
        A result that is true when both checks pass. Every parameter, function of time and the like takes random values.
    """
    exact = all(_kernels_agree(form, grid_form, seed) for seed in SEEDS)
    return CheckResult(exact, field_error(form, grid_form), tolerance)


# ---------------------------------------------------------------------- exact
def _kernels_agree(form: ProductForm, grid_form: GridForm, seed: int) -> bool:
    degrees = {len(term.factors) for row in form.rows for term in row}
    degrees |= {len(factors) for product in grid_form.products for _, factors in product}
    if not degrees:
        return True
    sums = random_sums(form.dimension, 3, seed)
    kernel = Kernel(form, sums, dict.fromkeys(degrees, 4), seed + 1)
    values = CoefficientSampler(seed + 2)
    return all(
        np.array_equal(_written_rows(form, kernel, degree, values), _grid_rows(form, grid_form, kernel, degree, values))
        for degree in sorted(degrees)
    )


def _written_rows(form: ProductForm, kernel: Kernel, degree: int, values: CoefficientSampler) -> Residues:
    """(rows, nk, count) residues of the terms of one degree."""
    out = np.zeros((len(form.rows), kernel.sums.shape[1], kernel.counts[degree]), dtype=np.int64)
    for row, terms in enumerate(form.rows):
        for term in terms:
            if len(term.factors) == degree:
                scale = modular.reduced(term.multiplier.modulo(kernel.sums) * values(term.coefficient))
                out[row] = modular.reduced(out[row] + modular.reduced(scale[:, None] * kernel.product(term.factors)))
    return out


def _grid_rows(
    form: ProductForm, grid_form: GridForm, kernel: Kernel, degree: int, values: CoefficientSampler
) -> Residues:
    shape = (kernel.sums.shape[1], kernel.counts[degree])
    products = []
    for product in grid_form.products:
        total = np.zeros(shape, dtype=np.int64)
        for coefficient, factors in product:
            if len(factors) == degree:
                value = kernel.product([grid_form.fields[index] for index in factors])
                total = modular.reduced(total + modular.reduced(value * values(coefficient)))
        products.append(total)
    out = np.zeros((len(form.rows), *shape), dtype=np.int64)
    for row, terms in enumerate(grid_form.rows):
        for coefficient, multiplier, index in terms:
            scale = modular.reduced(multiplier.modulo(kernel.sums) * values(coefficient))
            out[row] = modular.reduced(out[row] + modular.reduced(scale[:, None] * products[index]))
    return out


# ---------------------------------------------------------------------- numerical
@dataclass
class _Grid:
    """Random dealiased states of a form on a small periodic grid, through numpy.fft."""

    form: ProductForm
    degree: int
    seed: int
    waves: list[NDArray[np.float64]] = field(init=False)
    mask: NDArray[np.bool_] = field(init=False)
    states: list[Modes] = field(init=False)
    cache: dict[LinearField, Modes] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        dim, highest = self.form.dimension, HIGHEST[self.form.dimension]
        n = (self.degree + 1) * highest + 2
        index = np.fft.fftfreq(n, 1 / n)
        axes = np.meshgrid(*[index] * dim, indexing="ij")
        self.waves = [axis * length for axis, length in zip(axes, LENGTHS, strict=False)]
        self.mask = np.all([np.abs(axis) <= highest for axis in axes], axis=0)
        self.states = self._random_states(np.random.default_rng(self.seed))

    def _random_states(self, rng: np.random.Generator) -> list[Modes]:
        is_complex = set(self.form.conjugates.values())
        decay = self.mask / (1 + sum(wave**2 for wave in self.waves)) ** 1.5
        states = []
        for state in range(self.form.size):
            values = rng.standard_normal(self.mask.shape).astype(complex)
            if state in is_complex:
                values += 1j * rng.standard_normal(self.mask.shape)
            states.append(np.fft.fftn(values) * decay)
        for group in self.form.solenoidal:
            self._make_solenoidal(states, group)
        for state in self.form.mean_free:
            states[state].flat[0] = 0
        for pseudo, state in self.form.conjugates.items():
            states[pseudo] = np.fft.fftn(np.conj(np.fft.ifftn(states[state])))
        return states

    def _make_solenoidal(self, states: list[Modes], group: Sequence[int]) -> None:
        """Take the gradient part away; the mean stays, as a mean flow has no divergence."""
        divergence = sum(wave * states[state] for wave, state in zip(self.waves, group, strict=True))
        square = sum(wave**2 for wave in self.waves)
        for wave, state in zip(self.waves, group, strict=True):
            states[state] = states[state] - wave * divergence / np.where(square == 0, 1, square)

    def values(self, item: LinearField) -> Modes:
        """Grid values of a linear field."""
        if item not in self.cache:
            modes = np.zeros(self.mask.shape, dtype=complex)
            for state, multiplier in item:
                modes += multiplier.numeric(self.waves) * self.states[state]
            self.cache[item] = np.fft.ifftn(modes)
        return self.cache[item]

    def product(self, factors: Sequence[LinearField]) -> Modes:
        """Grid values of a product."""
        values = self.values(factors[0])
        for item in factors[1:]:
            values = values * self.values(item)
        return values


def field_error(form: ProductForm, grid_form: GridForm, seed: int = 5) -> float:
    """Largest difference of both forms on random dealiased fields, relative to the largest written term of the row.

    Rows without terms are compared with the scale one. Means of fields and of mean flows are random too.
    """
    degrees = [len(term.factors) for row in form.rows for term in row]
    degrees += [len(factors) for product in grid_form.products for _, factors in product]
    grid = _Grid(form, max(degrees, default=2), seed)
    numbers = _random_values(form, grid_form, seed)
    products = [
        np.fft.fftn(sum(numbers[c] * grid.product([grid_form.fields[i] for i in factors]) for c, factors in product))
        for product in grid_form.products
    ]
    worst = 0.0
    for terms, grid_terms in zip(form.rows, grid_form.rows, strict=True):
        written, scale = np.zeros(grid.mask.shape, dtype=complex), 0.0
        for term in terms:
            part = numbers[term.coefficient] * term.multiplier.numeric(grid.waves)
            part = part * np.fft.fftn(grid.product(term.factors)) * grid.mask
            written, scale = written + part, max(scale, float(np.abs(part).max()))
        found = np.zeros(grid.mask.shape, dtype=complex)
        for coefficient, multiplier, index in grid_terms:
            found += numbers[coefficient] * multiplier.numeric(grid.waves) * products[index] * grid.mask
        worst = max(worst, float(np.abs(written - found).max()) / (scale or 1.0))
    return worst


def _random_values(form: ProductForm, grid_form: GridForm, seed: int) -> Mapping[sp.Expr, complex]:
    """The value of every coefficient for random values of all symbols and unknown functions."""
    coefficients = {term.coefficient for row in form.rows for term in row}
    coefficients |= {coefficient for row in grid_form.rows for coefficient, _, _ in row}
    coefficients |= {coefficient for product in grid_form.products for coefficient, _ in product}
    atoms: set[sp.Expr] = set()
    for coefficient in coefficients:
        atoms |= set(coefficient.atoms(sp.core.function.AppliedUndef))
    functions = sorted(atoms, key=sp.default_sort_key)
    symbols = sorted(set().union(*(c.free_symbols for c in coefficients)), key=sp.default_sort_key)
    rng = np.random.default_rng(seed)
    drawn = [sp.Float(value) for value in rng.uniform(0.5, 1.5, len(functions) + len(symbols))]
    for_functions = dict(zip(functions, drawn, strict=False))
    for_symbols = dict(itertools.islice(zip(symbols, drawn[len(functions) :], strict=True), None))
    return {c: complex(c.subs(for_functions).subs(for_symbols)) for c in coefficients}
