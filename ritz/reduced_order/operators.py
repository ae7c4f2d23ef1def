"""A projected right-hand side: polynomial tensors and sampled terms, each with a factor of the parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ritz.reduced_order.estimator import FloatArray, IntArray
from ritz.reduced_order.monomials import count, monomial_jacobian, monomial_values, monomials, product_columns

Thetas = Callable[[FloatArray, float], FloatArray]


@dataclass(frozen=True)
class PolynomialTerm:
    """``theta[factor] * sum_k monomial_k(z) tensor[k]``, with all monomials of one degree in N coordinates.

    Attributes:
        degree: 0 to 3. factor: index into the factors. tensor: (count(N, degree), N) one row a monomial.
    """

    degree: int
    factor: int
    tensor: FloatArray


@dataclass(frozen=True)
class SampledTerm:
    """``theta[factor] * sum_s q[product](sample s) matrix[s]``.

    Attributes:
        factor: index into the factors. product: index into the products. matrix: (m, N) one row a sample.
    """

    factor: int
    product: int
    matrix: FloatArray


@dataclass(frozen=True)
class SampledInputs:
    """The grid values that the products need at the samples: ``values @ z + offset``.

    Attributes:
        points: (m,) grid indices. values: (n_inputs, m, N). offset: (n_inputs, m). n_products: products evaluated.
    """

    points: IntArray
    values: FloatArray
    offset: FloatArray
    n_products: int


@dataclass(frozen=True)
class ReducedOperators:
    """The right-hand side of a reduced model in its N coordinates.

    Attributes:
        size: N. polynomial, sampled: its terms. inputs: grid values for the sampled terms, None without any.
    """

    size: int
    polynomial: tuple[PolynomialTerm, ...]
    sampled: tuple[SampledTerm, ...] = ()
    inputs: SampledInputs | None = None

    @property
    def degree(self) -> int:
        """Highest degree of the polynomial part."""
        return max((term.degree for term in self.polynomial), default=0)

    @property
    def points(self) -> int:
        """Number of grid points where the sampled terms are evaluated."""
        return 0 if self.inputs is None else len(self.inputs.points)

    @property
    def operations(self) -> int:
        """Multiply-adds of one evaluation, without the products themselves and the assembly over factors."""
        total = sum(count(self.size, d) * self.size for d in {t.degree for t in self.polynomial})
        if self.inputs is not None:
            products = len({t.product for t in self.sampled})
            total += (len(self.inputs.values) + products) * self.points * self.size
        return total

    def truncate(self, rank: int) -> ReducedOperators:
        """Return the operators of the first `rank` coordinates alone."""
        polynomial = tuple(
            replace(t, tensor=np.ascontiguousarray(t.tensor[: count(rank, t.degree), :rank])) for t in self.polynomial
        )
        sampled = tuple(replace(t, matrix=np.ascontiguousarray(t.matrix[:, :rank])) for t in self.sampled)
        inputs = self.inputs and replace(self.inputs, values=np.ascontiguousarray(self.inputs.values[:, :, :rank]))
        return ReducedOperators(rank, polynomial, sampled, inputs)

    def project(self, basis: FloatArray, test: FloatArray, mean: FloatArray) -> ReducedOperators:
        """Return the operators of ``z = mean + basis @ y`` tested with `test` (both (N, r)): a second reduction."""
        extended = extend(basis, mean)
        terms = []
        for term in self.polynomial:
            table = monomials(self.size, term.degree)
            factors = [extended[table[:, place]] for place in range(term.degree)]
            columns = product_columns(factors, monomials(extended.shape[1], term.degree)) if factors else None
            rows = term.tensor if columns is None else columns.T @ term.tensor
            terms += split_constant(rows @ test, term.degree, term.factor, basis.shape[1])
        sampled = tuple(replace(t, matrix=t.matrix @ test) for t in self.sampled)
        inputs = self.inputs
        if inputs is not None:
            inputs = replace(inputs, values=inputs.values @ basis, offset=inputs.offset + inputs.values @ mean)
        return ReducedOperators(basis.shape[1], merge(terms), sampled, inputs)

    def assemble(self, theta: FloatArray) -> Assembled:
        """Return the operators with the factors multiplied in."""
        tensors = [np.zeros((count(self.size, d), self.size)) for d in range(self.degree + 1)]
        for term in self.polynomial:
            tensors[term.degree] += theta[term.factor] * term.tensor
        weights: dict[int, FloatArray] = {}
        for sample in self.sampled:
            weights[sample.product] = weights.get(sample.product, 0.0) + theta[sample.factor] * sample.matrix
        return Assembled(tensors, weights, self.inputs)


@dataclass(frozen=True)
class Assembled:
    """Reduced operators at one parameter point (and time); the reference that the compiled evaluation is tested by.

    Attributes:
        tensors: by degree, (count, N). weights: product -> (m, N). inputs: as in `ReducedOperators`.
    """

    tensors: list[FloatArray]
    weights: dict[int, FloatArray]
    inputs: SampledInputs | None

    def polynomial(self, z: FloatArray) -> FloatArray:
        """Return the polynomial part (N,)."""
        return np.asarray(sum(monomial_values(z, d) @ tensor for d, tensor in enumerate(self.tensors)))

    def jacobian(self, z: FloatArray) -> FloatArray:
        """Return the derivative (N, N) of the polynomial part."""
        parts = [tensor.T @ monomial_jacobian(z, d) for d, tensor in enumerate(self.tensors)]
        return np.asarray(sum(parts))

    def sampled(self, z: FloatArray, products: Any, t: float, p: FloatArray) -> FloatArray:
        """Return the sampled part (N,), `products` being the kernel of the full model."""
        if self.inputs is None:
            return np.zeros(len(z))
        q = products(self.inputs.values @ z + self.inputs.offset, self.inputs.points, t, p)
        return np.asarray(sum(q[product] @ matrix for product, matrix in self.weights.items()))


def extend(basis: FloatArray, mean: FloatArray) -> FloatArray:
    """Return ``[basis, mean]``: the constant of an affine space is one more coordinate that is always 1."""
    return np.column_stack([basis, mean])


def split_constant(rows: FloatArray, degree: int, factor: int, size: int) -> list[PolynomialTerm]:
    """Return the terms in `size` coordinates of a form in one more, whose value is 1.

    Args:
        rows: (count(size + 1, degree), N).
        degree: of the form.
        factor: of the term.
        size: coordinates that are left.
    """
    if degree == 0:
        return [PolynomialTerm(0, factor, rows)]
    powers = np.sum(monomials(size + 1, degree) == size, axis=1)
    terms = [PolynomialTerm(degree - k, factor, np.ascontiguousarray(rows[powers == k])) for k in range(degree + 1)]
    return [t for t in terms if t.degree == degree or t.tensor.any()]


def merge(terms: Sequence[PolynomialTerm]) -> tuple[PolynomialTerm, ...]:
    """Return the terms with equal degree and factor added up."""
    total: dict[tuple[int, int], FloatArray] = {}
    for term in terms:
        key = (term.degree, term.factor)
        total[key] = total[key] + term.tensor if key in total else term.tensor
    return tuple(PolynomialTerm(degree, factor, tensor) for (degree, factor), tensor in total.items() if tensor.any())
