"""Which nonlinear terms are projected exactly, and where the others are sampled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ritz.errors import UnsupportedError
from ritz.reduced_order.estimator import FloatArray, IntArray, check_choice, choose_rank
from ritz.reduced_order.interpolation import DEIM, add_points, deim_points, qdeim_points
from ritz.reduced_order.monomials import count
from ritz.reduced_order.pod import POD

CHOICES = ("auto", "deim", "qdeim")
MAX_DEGREE = 3
CHEAP = 40_000  # multiply-adds of an exact tensor that is always taken; about 10 microseconds
MAX_TENSOR = 4_000_000  # entries of an exact tensor at most: 32 MB, and seconds of projection
MAX_OVERSAMPLING = 50  # points beyond one a mode
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


def split_products(
    form: Any, rank: int, hyper: str | None, points: Callable[[list[int]], int] | None = None
) -> tuple[list[int], list[int]]:
    """Return (products projected exactly, products sampled) for a basis of `rank` modes.

    With ``"auto"`` exact are polynomials of degree at most 3 whose tensor is small (up to about 42 modes for quadratic
    terms, 21 for cubic ones), and larger ones where the tensor takes no more operations than sampling them.
    ``hyper="deim"`` or ``"qdeim"`` samples every product; None samples none.

    Args:
        form: point form of the full system.
        rank: number of modes.
        hyper: see above.
        points: number of sampling points that a list of products needs; without it only small tensors are exact.

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
    degrees = {j: int(degree_of(polynomials[j])) for j in exact}
    small = _up_to(degrees, rank, CHEAP)
    if points is None or len(small) == len(exact):
        return small, [j for j in products if j not in small]
    highest = max((degrees[j] for j in small), default=0)
    large = _up_to(degrees, rank, MAX_TENSOR)
    splits = [[j for j in large if degrees[j] <= d] for d in range(MAX_DEGREE, highest, -1)] + [small]
    candidates = [(chosen, [j for j in products if j not in chosen]) for chosen in splits]
    return min(candidates, key=lambda s: operations(form, rank, s[0], s[1], points(s[1]) if s[1] else 0))


def _up_to(degrees: dict[int, int], rank: int, limit: int) -> list[int]:
    return [j for j, degree in degrees.items() if count(rank, degree) * rank <= limit]


def operations(form: Any, rank: int, exact: list[int], sampled: list[int], points: int) -> int:
    """Return the multiply-adds of the nonlinear terms for one evaluation; products of one degree share a tensor."""
    degrees = {int(degree_of(form.products.polynomials[j])) for j in exact}
    tensors = sum(count(rank, degree) * rank for degree in degrees)
    return tensors + (len(form.inputs) + len(sampled)) * points * rank * bool(sampled)


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


def decompose(snapshots: dict[int, FloatArray]) -> dict[int, POD]:
    """Return the modes of every product that is not zero, down to round-off; `choose_points` takes what it needs."""
    return {product: POD().fit(columns) for product, columns in snapshots.items() if columns.any()}


def choose_points(pods: dict[int, POD], tol: float, method: str) -> Sampling:
    """Return common sampling points for several products.

    Every product gets a basis of its own within `tol`. Since all products are evaluated together, each is fitted by
    least squares at the points of all; where these are fewer than half as many again as its modes, more are added.

    Args:
        pods: product -> its modes (see `decompose`).
        tol: relative error of the snapshots' projection.
        method: ``"deim"`` or ``"qdeim"``.
    """
    if not pods:
        return Sampling(np.zeros(0, dtype=np.int64), {}, {}, {})
    bases = {}
    for product, pod in pods.items():
        rank = choose_rank(pod.singular_values_, 0.0, None, tol, 0.0)
        bases[product] = pod.components_[:, : min(rank, pod.rank_)]
    pick = deim_points if method == "deim" else qdeim_points
    points = np.unique(np.concatenate([pick(basis) for basis in bases.values()]))
    for basis in sorted(bases.values(), key=lambda b: -b.shape[1]):
        modes = basis.shape[1]
        points = add_points(basis, points, modes + min(-(-modes // 2), MAX_OVERSAMPLING) - len(points))
    points = np.sort(points)
    fits = {product: DEIM(method=method).fit_basis(basis, points) for product, basis in bases.items()}
    return Sampling(
        points,
        {j: fit.projector_ for j, fit in fits.items()},
        {j: fit.constant_ for j, fit in fits.items()},
        {j: fit.basis_.shape[1] for j, fit in fits.items()},
    )
