"""Galerkin projection of systems on grids: exact tensors, and products interpolated from a few points."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from ritz.reduced_order.estimator import check_choice
from ritz.reduced_order.galerkin import Factor, point_form, project
from ritz.reduced_order.hyper import CHOICES, Sampling, choose_points, decompose, product_snapshots, split_products
from ritz.reduced_order.operators import ReducedOperators
from ritz.reduced_order.pod import POD
from ritz.reduced_order.reduced_layout import ReducedLayout
from ritz.reduced_order.reduced_system import ReducedSystem
from ritz.reduced_order.sweep_result import Sweep

logger = logging.getLogger("ritz.reduced_order")


@dataclass(frozen=True)
class PointProjected:
    """Operators of a basis, from which those of smaller ones are cut."""

    system: Any
    operators: ReducedOperators
    factors: tuple[Factor, ...]
    exact: int
    sampled: dict[int, tuple[int, float]]

    @property
    def improves(self) -> bool:
        """Whether more accuracy changes anything."""
        return bool(self.sampled)

    def model(self, layout: ReducedLayout, *record: Any) -> ReducedSystem:
        """The reduced model in the modes of a layout."""
        return ReducedSystem(self.system, layout, self.operators.truncate(layout.size), self.factors, *record)


class PointProjector:
    """Projects a system with a point form, or a reduced model by its own operators.

    Args:
        system: what is reduced.
        training: its runs.
        pod: the modes.
        hyper: see `ritz.reduce`.

    Raises:
        UnsupportedError: the system gives no point form.
    """

    def __init__(self, system: Any, training: Sweep, pod: POD, hyper: str | None) -> None:
        if hyper is not None:
            check_choice(hyper, CHOICES, "hyper")
        self.system, self.training, self.pod, self.hyper = system, training, pod, hyper
        self.form = None if isinstance(system, ReducedSystem) else point_form(system)
        self._product_pods: dict[int, POD] = {}
        self._seen_products: set[int] = set()
        self._samplings: dict[tuple[tuple[int, ...], float], Sampling] = {}

    def project(self, rank: int, accuracy: float) -> PointProjected:
        """Operators of the first `rank` modes, products interpolated within `accuracy`."""
        basis = self.pod.components_[:, :rank]
        test = self.pod.weights_[:, None] * basis
        if self.form is None:  # a reduced model is reduced by its own operators
            operators = self.system.operators.project(basis, test, self.pod.mean_)
            known = self.system.training
            return PointProjected(self.system, operators, self.system.factors, known.exact, known.sampled)
        exact, sampled = split_products(
            self.form, rank, self.hyper, lambda products: len(self._sampling(products, accuracy).points)
        )
        sampling = self._sampling(sampled, accuracy) if sampled else None
        modes = {} if sampling is None else {j: (sampling.modes[j], sampling.constants[j]) for j in sampling.modes}
        logger.info(
            "projecting on %d modes: %d nonlinear products exact, %d sampled at %d points", rank, len(exact),
            len(sampled), 0 if sampling is None else len(sampling.points),
        )  # fmt: skip
        operators, factors = project(self.form, basis, test, self.pod.mean_, exact, sampling)
        return PointProjected(self.system, operators, factors, len(exact), modes)

    def _sampling(self, products: list[int], accuracy: float) -> Sampling:
        """Return sampling points of these products; snapshots are decomposed once, points found once an accuracy."""
        key = (tuple(products), accuracy)
        if key not in self._samplings:
            new = [j for j in products if j not in self._seen_products]
            if new:
                runs = [solution for _, solution in self.training]
                total = sum(len(run.t) for run in runs)
                self._product_pods |= decompose(product_snapshots(self.form, new, runs, total))
                self._seen_products.update(new)
            pods = {j: self._product_pods[j] for j in products if j in self._product_pods}
            self._samplings[key] = choose_points(pods, accuracy, "deim" if self.hyper == "deim" else "qdeim")
        return self._samplings[key]
