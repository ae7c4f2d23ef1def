"""Solvers of SuiteSparse, reached through kvxopt. The analysis of a pattern is kept for the next matrix with it."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from ritz.codegen.structure import Structure
from ritz.solvers.linear.table import Array, LinearOptions, SingularMatrix


def _converted(matrix: Any) -> Any:
    kvxopt: Any = importlib.import_module("kvxopt")
    coo = matrix.tocoo()
    rows, columns = (kvxopt.matrix(index.astype(np.int64)) for index in coo.coords)
    return kvxopt.spmatrix(kvxopt.matrix(coo.data), rows, columns, matrix.shape)


class _Pattern:
    """What was analysed, and for which pattern."""

    def __init__(self, matrix: Any) -> None:
        self.indptr, self.indices = matrix.indptr, matrix.indices

    def fits(self, matrix: Any) -> bool:
        return np.array_equal(self.indptr, matrix.indptr) and np.array_equal(self.indices, matrix.indices)


class Cholesky:
    """Factors of a symmetric positive definite matrix.

    CHOLMOD writes the numbers over the analysis, so the analysis of `previous` is taken over for good.
    """

    iterations = 0

    def __init__(self, matrix: Any, previous: Any) -> None:
        from scipy.sparse import tril

        self._library: Any = importlib.import_module("kvxopt.cholmod")
        lower = _converted(tril(matrix, format="csc"))
        reused = isinstance(previous, Cholesky) and previous.pattern.fits(matrix)
        self.pattern: _Pattern = previous.pattern if reused else _Pattern(matrix)
        self._factors: Any = previous._factors if reused else self._library.symbolic(lower)
        try:
            self._library.numeric(lower, self._factors)
            self.solve(np.ones(matrix.shape[0]))  # some matrices that are not definite are found out here only
        except ArithmeticError as error:
            place = error.args[0] if error.args and isinstance(error.args[0], int) else None
            raise SingularMatrix(place) from None

    def solve(self, b: Array) -> Array:
        """x of ``A x = b``."""
        kvxopt: Any = importlib.import_module("kvxopt")
        x = kvxopt.matrix(b)
        self._library.solve(self._factors, x)
        return np.array(x).ravel()


class Unsymmetric:
    """LU factors by UMFPACK or KLU."""

    iterations = 0

    def __init__(self, matrix: Any, name: str, previous: Any) -> None:
        self._library, self._name = importlib.import_module(f"kvxopt.{name}"), name
        self._matrix = _converted(matrix)
        fits = isinstance(previous, Unsymmetric) and previous._name == name and previous.pattern.fits(matrix)
        try:
            self.pattern: _Pattern = previous.pattern if fits else _Pattern(matrix)
            self._symbolic = previous._symbolic if fits else self._library.symbolic(self._matrix)
            self._numeric = self._library.numeric(self._matrix, self._symbolic)
        except ArithmeticError:
            raise SingularMatrix from None

    def solve(self, b: Array) -> Array:
        """x of ``A x = b``."""
        kvxopt: Any = importlib.import_module("kvxopt")
        x = kvxopt.matrix(b)
        if self._name == "klu":
            self._library.solve(self._matrix, self._symbolic, self._numeric, x)
        else:
            self._library.solve(self._matrix, self._numeric, x)
        return np.array(x).ravel()


def cholmod(matrix: Any, structure: Structure, options: LinearOptions, previous: Any) -> Cholesky:
    """CHOLMOD."""
    return Cholesky(matrix, previous)


def umfpack(matrix: Any, structure: Structure, options: LinearOptions, previous: Any) -> Unsymmetric:
    """UMFPACK."""
    return Unsymmetric(matrix, "umfpack", previous)


def klu(matrix: Any, structure: Structure, options: LinearOptions, previous: Any) -> Unsymmetric:
    """KLU."""
    return Unsymmetric(matrix, "klu", previous)
