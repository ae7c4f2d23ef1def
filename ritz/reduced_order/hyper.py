"""Which nonlinear terms are projected exactly, and where the others are sampled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ritz.errors import UnsupportedError
from ritz.reduced_order.estimator import FloatArray, IntArray, check_choice
from ritz.reduced_order.interpolation import DEIM
from ritz.reduced_order.monomials import count

CHOICES = ("auto", "deim", "qdeim")
MAX_DEGREE = 3
MAX_OPERATIONS = 40_000  # multiply-adds of one exact term; about 10 microseconds
MAX_SNAPSHOTS = 400  # of every nonlinear product; more add little to its basis and much to the memory


@dataclass(frozen=True)
class Sampling:
    """Grid points and how each sampled product is rebuilt from its values there.

    Attributes:
        points: (m,) grid indices. projectors: product -> (npoints, m). constants: product -> amplification of the best
            error (see `DEIM.constant_`). modes: product -> number of modes.
    """

    points: IntArray
    projectors: dict[int, FloatArray]
    constants: dict[int, float]
    modes: dict[int, int]


def used_products(form: Any) -> list[int]:
    """Return the products that enter the right-hand side."""
    return sorted({product for _, product, _ in form.outputs})


def split_products(form: Any, rank: int, hyper: str | None) -> tuple[list[int], list[int]]:
    """Return (products projected exactly, products sampled) for a basis of `rank` modes.

    Exact are polynomials of degree at most 3 whose tensor is small: up to about 42 modes for quadratic terms, 21 for
    cubic ones.
    ``hyper="deim"`` or ``"qdeim"`` samples every product; None samples none.

    Raises:
        UnsupportedError: for ``hyper=None`` and a term that is not a polynomial of degree at most 3.
    """
    if hyper is not None:
        check_choice(hyper, CHOICES, "hyper")
    products = used_products(form)
    if hyper in ("deim", "qdeim"):
        return [], products
    polynomials = form.products.polynomials
    exact = [j for j in products if degree_of(polynomials[j]) <= MAX_DEGREE]
    if hyper is None:
        if len(exact) < len(products):
            raise UnsupportedError(
                "hyper=None projects nonlinear terms exactly, which needs polynomials of degree at most "
                f"{MAX_DEGREE} in the fields; {len(products) - len(exact)} of {len(products)} nonlinear terms are not. "
                'Use hyper="auto".'
            )
        return exact, []
    small = [j for j in exact if count(rank, int(degree_of(polynomials[j]))) * rank <= MAX_OPERATIONS]
    return small, [j for j in products if j not in small]


def degree_of(polynomial: Sequence[tuple[Any, Sequence[int]]] | None) -> float:
    """Return the degree of a product as polynomial of the inputs; infinite for anything else."""
    if polynomial is None:
        return np.inf
    return max((len(inputs) for _, inputs in polynomial), default=0)


def product_snapshots(form: Any, products: list[int], runs: Iterable[Any], total: int) -> dict[int, FloatArray]:
    """Return, for each product, its grid values (npoints, k) along solved runs.

    Args:
        form: the point form of the system that was run.
        products: which to keep.
        runs: Solutions with ``t``, ``y`` and ``params``.
        total: number of stored states in all runs, from which the stride is chosen.
    """
    stride = max(1, -(-total // MAX_SNAPSHOTS))
    points = np.arange(form.npoints)
    columns: dict[int, list[FloatArray]] = {j: [] for j in products}
    position = 0
    for run in runs:
        chosen = np.arange(-position % stride, len(run.t), stride)
        position += len(run.t)
        inputs = [np.asarray(a.matmat(np.ascontiguousarray(run.y[:, chosen]))) for a in form.inputs]
        for k, index in enumerate(chosen):
            values = np.array([a[:, k] for a in inputs]).reshape(len(inputs), form.npoints)
            q = form.products(values, points, float(run.t[index]), run.params)
            for j in products:
                columns[j].append(np.array(q[j]))
    return {j: np.stack(c, axis=1) for j, c in columns.items()}


def choose_points(snapshots: dict[int, FloatArray], tol: float, method: str) -> Sampling:
    """Return common sampling points for several products.

    Every product gets a basis of its own within `tol`, and half as many points again as modes; since all products are
    evaluated together, each is then fitted by least squares at the points of all.
    """
    fits: dict[int, DEIM] = {}
    for product, columns in snapshots.items():
        if not columns.any():
            continue
        plain = DEIM(tol=tol, method=method).fit(columns)
        fits[product] = DEIM(method=method, oversampling=-(-plain.basis_.shape[1] // 2)).fit_basis(plain.basis_)
    if not fits:
        return Sampling(np.zeros(0, dtype=np.int64), {}, {}, {})
    points = np.unique(np.concatenate([fit.indices_ for fit in fits.values()]))
    common = {product: fit.with_points(points) for product, fit in fits.items()}
    return Sampling(
        points,
        {j: fit.projector_ for j, fit in common.items()},
        {j: fit.constant_ for j, fit in common.items()},
        {j: fit.basis_.shape[1] for j, fit in common.items()},
    )
