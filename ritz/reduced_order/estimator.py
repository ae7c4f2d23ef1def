"""What every fitted object of this floor shares: scikit-learn's parameter protocol, without importing it."""

from __future__ import annotations

import inspect
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ritz.errors import OptionError, RitzError, reject_unknown

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Seed = int | np.random.Generator | None


class NotFitted(RitzError, AttributeError):
    """A learned attribute was asked for before ``fit``."""


class Estimator:
    """Stores constructor arguments under their own names; learned attributes end in an underscore."""

    @classmethod
    def _names(cls) -> list[str]:
        return [n for n in inspect.signature(cls.__init__).parameters if n != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor arguments (`deep` is there for scikit-learn and has no effect)."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> Self:
        """Change constructor arguments; fit again for them to have an effect.

        Raises:
            OptionError: for a name that the constructor does not have.
        """
        reject_unknown(params, self._names(), type(self).__name__)
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = {n: p.default for n, p in inspect.signature(type(self).__init__).parameters.items()}
        shown = [f"{n}={v!r}" for n, v in self.get_params().items() if not _same(v, defaults[n])]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __getattr__(self, name: str) -> Any:
        if name.endswith("_") and not name.startswith("_"):
            raise NotFitted(f"{type(self).__name__} has no {name!r} yet: call fit first.")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and not isinstance(a, np.ndarray) and bool(a == b))


def as_columns(data: npt.ArrayLike, what: str) -> FloatArray:
    """Return `data` as a finite float64 matrix with one sample a column.

    Raises:
        ValueError: for a wrong number of dimensions, an empty matrix or a value that is not finite (place named).
    """
    matrix = np.asarray(data)
    if np.iscomplexobj(matrix):
        raise ValueError(f"{what} must be real; pass complex data as a real view (data.view(float)).")
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim == 1:
        matrix = matrix[:, None]
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(f"{what} must be a matrix (size, samples) with at least one sample; found {matrix.shape}.")
    if not np.isfinite(matrix).all():
        row, column = np.argwhere(~np.isfinite(matrix))[0]
        raise ValueError(f"{what} must be finite; found {matrix[row, column]} in row {row} of column {column}.")
    return matrix


def check_choice(value: str, valid: tuple[str, ...], option: str) -> None:
    """Raise `OptionError` unless `value` is one of `valid`."""
    from ritz.errors import nearest

    if value not in valid:
        hint = nearest(str(value), valid)
        raise OptionError(f"{option}={value!r} is not known.{hint} Choose from {', '.join(valid)}.")


def choose_rank(sigma: FloatArray, outside: float, rank: int | None, tol: float | None, floor: float) -> int:
    """Return how many singular values to keep.

    Args:
        sigma: (k,) singular values, decreasing.
        outside: sum of the squared singular values beyond `sigma`.
        rank: keep at most so many; None for no limit.
        tol: keep so many that sqrt(discarded energy / total energy) <= tol; None for no limit.
        floor: relative size below which a singular value is round-off.
    """
    check_rank_and_tol(rank, tol)
    if sigma[0] == 0:
        return 1
    keep = int(np.count_nonzero(sigma > floor * sigma[0]))
    if tol is not None:
        tails = discarded_energy(sigma) + outside
        good = np.flatnonzero(tails <= tol**2 * tails[0])
        keep = min(keep, max(1, int(good[0]))) if good.size else keep
    return keep if rank is None else min(keep, int(rank))


def check_rank_and_tol(rank: int | None, tol: float | None) -> None:
    """Raise `ValueError` for a rank below one or a tolerance outside [0, 1)."""
    if rank is not None and (not isinstance(rank, (int, np.integer)) or rank < 1):
        raise ValueError(f"rank must be a positive whole number; found {rank!r}.")
    if tol is not None and not 0 <= tol < 1:
        raise ValueError(f"tol is relative, 0 <= tol < 1; found {tol!r}.")


def discarded_energy(sigma: FloatArray) -> FloatArray:
    """Return the sums of squares of ``sigma[k:]`` for k = 0 ... len(sigma), added from the smallest up."""
    return np.concatenate([np.cumsum(sigma[::-1] ** 2)[::-1], [0.0]])
