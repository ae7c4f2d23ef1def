"""Galerkin projection of a full right-hand side, read off its structure: nobody writes a restriction by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ritz.errors import UnsupportedError
from ritz.reduced_order.estimator import FloatArray
from ritz.reduced_order.hyper import Sampling
from ritz.reduced_order.monomials import monomials, product_columns
from ritz.reduced_order.operators import (
    PolynomialTerm,
    ReducedOperators,
    SampledInputs,
    SampledTerm,
    extend,
    merge,
    split_constant,
)

BLOCK = 64  # columns taken through the operators at once


@dataclass(frozen=True)
class Factor:
    """A scalar function of parameters and time: a theta of the full form, times the coefficient of a polynomial term.

    Attributes:
        theta: index into the full form's thetas. product, term: where the coefficient stands; -1 for none.
    """

    theta: int
    product: int = -1
    term: int = -1

    def value(self, form: Any, thetas: FloatArray, p: FloatArray, t: float) -> float:
        """Return the number at parameters `p` and time `t`, given all thetas there."""
        if self.product < 0:
            return float(thetas[self.theta])
        coefficient = form.products.polynomials[self.product][self.term][0]
        if callable(coefficient):
            return float(thetas[self.theta] * coefficient(p, t))
        return float(thetas[self.theta] * coefficient)


def factor_values(form: Any, factors: Sequence[Factor], p: FloatArray, t: float) -> FloatArray:
    """Return the values of all factors at one parameter point and time."""
    thetas = np.asarray(form.thetas(p, t), dtype=np.float64)
    return np.array([factor.value(form, thetas, p, t) for factor in factors])


def point_form(system: Any) -> Any:
    """Return the structure of a system's right-hand side that projection needs.

    Raises:
        UnsupportedError: if the system cannot give it.
    """
    form = getattr(system, "point_form", None)
    form = form() if callable(form) else form
    if form is None:
        raise UnsupportedError(
            f"{type(system).__name__} {getattr(system, 'name', '')!r} gives no point form of its right-hand side, so "
            "it cannot be projected. Reduce a system made by problem.discretize(...)."
        )
    return form


class _Collector:
    """Terms and factors as they are found."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.factors: dict[Factor, int] = {}
        self.polynomial: list[PolynomialTerm] = []
        self.sampled: list[SampledTerm] = []

    def index(self, factor: Factor) -> int:
        return self.factors.setdefault(factor, len(self.factors))

    def add(self, rows: FloatArray, degree: int, factor: Factor) -> None:
        self.polynomial += split_constant(rows, degree, self.index(factor), self.size)


def project(
    form: Any, basis: FloatArray, test: FloatArray, mean: FloatArray, exact: Sequence[int], sampling: Sampling | None
) -> tuple[ReducedOperators, tuple[Factor, ...]]:
    """Project a right-hand side on ``u = mean + basis @ z``, tested with `test`.

    Args:
        form: point form of the full system.
        basis: (size, N). test: (size, N), for Galerkin ``weights * basis``. mean: (size,).
        exact: products (polynomials of the inputs) to be projected as tensors.
        sampling: points and projectors of the other products.

    Returns:
        the reduced operators, and the factors that their terms refer to.
    """
    extended = extend(basis, mean)
    found = _Collector(basis.shape[1])
    for theta, operator in form.linear:
        found.add(_tested(operator, extended, test), 1, Factor(theta))
    for theta, source in form.sources:
        found.add((np.asarray(source) @ test)[None, :], 0, Factor(theta))
    inputs = [np.asarray(a.matmat(extended)) for a in form.inputs]
    for product in exact:
        _project_polynomial(form, product, inputs, test, found)
    sampled = None
    if sampling is not None and len(sampling.points):
        sampled = _project_samples(form, sampling, inputs, test, found)
    operators = ReducedOperators(found.size, merge(found.polynomial), tuple(found.sampled), sampled)
    return operators, tuple(found.factors)


def _tested(operator: Any, columns: FloatArray, test: FloatArray) -> FloatArray:
    """Return ``(operator @ columns).T @ test``, a block of columns at a time."""
    parts = [
        np.asarray(operator.matmat(np.ascontiguousarray(columns[:, k : k + BLOCK]))).T @ test
        for k in range(0, columns.shape[1], BLOCK)
    ]
    return np.concatenate(parts)


def _project_polynomial(form: Any, product: int, inputs: list[FloatArray], test: FloatArray, found: _Collector) -> None:
    """Add the tensors of one product: its grid values are polynomials of the coordinates, monomial by monomial."""
    outputs = [(theta, operator) for theta, j, operator in form.outputs if j == product]
    for term, (_, members) in enumerate(form.products.polynomials[product]):
        table = monomials(found.size + 1, len(members))
        factors = [inputs[i] for i in members]
        tensors: list[list[FloatArray]] = [[] for _ in outputs]
        for start in range(0, len(table), BLOCK):
            part = table[start : start + BLOCK]
            columns = product_columns(factors, part) if factors else np.ones((form.npoints, 1))
            for rows, (_, operator) in zip(tensors, outputs, strict=True):
                rows.append(np.asarray(operator.matmat(columns)).T @ test)
        for rows, (theta, _) in zip(tensors, outputs, strict=True):
            found.add(np.concatenate(rows), len(members), Factor(theta, product, term))


def _project_samples(
    form: Any, sampling: Sampling, inputs: list[FloatArray], test: FloatArray, found: _Collector
) -> SampledInputs:
    """Add the sampled products and return the input values at the samples."""
    for theta, product, operator in form.outputs:
        if product in sampling.projectors:
            matrix = _tested(operator, sampling.projectors[product], test)
            found.sampled.append(SampledTerm(found.index(Factor(theta)), product, matrix))
    at_points = np.array([a[sampling.points] for a in inputs])
    return SampledInputs(
        sampling.points,
        np.ascontiguousarray(at_points[:, :, :-1]),
        np.ascontiguousarray(at_points[:, :, -1]),
        1 + max(product for _, product, _ in form.outputs),
    )
