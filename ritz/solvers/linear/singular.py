"""What to say of a matrix without inverse: which unknown is free, and which condition may be missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Locate = Callable[[int], str]
WORST = 1e14  # condition numbers beyond which a matrix counts as singular


def free_vector(matrix: Any, solve: Callable[[Array], Array]) -> tuple[float, Array]:
    """Estimate the condition number by two steps of inverse iteration.

    Returns:
        A lower bound of ``|A| |A^-1|`` in the maximum norm, and the vector that A nearly annihilates, of length 1.
    """
    size = matrix.shape[0]
    z = np.random.default_rng(3).uniform(0.5, 1.0, size) * np.where(np.arange(size) % 2, 1.0, -1.0)
    z /= np.abs(z).max()
    growth = 0.0
    with np.errstate(all="ignore"):
        for _ in range(2):
            w = solve(z)
            growth = float(np.abs(w).max())
            if not np.isfinite(growth):
                return np.inf, z
            if growth == 0.0:
                return 0.0, z
            z = w / growth
    norm = float(abs(matrix).sum(axis=1).max())
    return norm * growth, z


def empty_place(matrix: Any) -> tuple[str, int] | None:
    """The first row or column without a nonzero entry."""
    filled = abs(matrix)
    for what, axis in (("row", 1), ("column", 0)):
        empty = np.flatnonzero(np.asarray(filled.sum(axis=axis)).ravel() == 0.0)
        if empty.size:
            return what, int(empty[0])
    return None


def null_vector(matrix: Any) -> Array | None:
    """A vector that a singular matrix nearly annihilates, from factors of the matrix with a shift by rounding."""
    from scipy.sparse import csc_array, eye_array
    from scipy.sparse.linalg import splu

    norm = float(abs(matrix).sum(axis=1).max())
    try:
        factors = splu(csc_array(matrix + 1e-10 * (norm or 1.0) * eye_array(matrix.shape[0])))
    except RuntimeError:
        return None
    return free_vector(matrix, factors.solve)[1]


def singular_words(matrix: Any, vector: Array | None, locate: Locate, where: str) -> str:
    """The message for a singular matrix; `where` says of what, e.g. " at t = 0"."""
    head = f"The linear system{where} is singular"
    empty = empty_place(matrix)
    if empty is not None and empty[0] == "row":
        return (
            f"{head}: equation {empty[1]} (the one of {locate(empty[1])}) contains no unknown at this state. Add a "
            "term that depends on it, or start from another state."
        )
    if empty is not None:
        return (
            f"{head}: {locate(empty[1])} enters no equation at this state. Add a condition or a term that determines "
            "it, or start from another state."
        )
    if vector is None:
        return f"{head}. Look for a missing condition or for two equations that say the same."
    largest = int(np.argmax(np.abs(vector)))
    spread = _even(vector)
    what = (
        "all unknowns may be changed by one and the same number without changing the equations"
        if spread
        else f"the equations do not determine {locate(largest)}"
    )
    mend = (
        "Prescribe a value somewhere (a Dirichlet condition, one point is enough), ask for a mean value, or add a term "
        "with the unknown itself."
        if spread
        else f"A condition that fixes {locate(largest)} is missing (a Dirichlet condition; for a solid enough of them "
        "to stop rigid motions; for a pressure its value in one point or its mean), or two equations say the same."
    )
    return f"{head}: {what}. {mend}"


def _even(vector: Array) -> bool:
    return bool(np.ptp(vector) < 1e-6 * np.abs(vector).max())
