"""Galerkin projection of systems on meshes, with integrals over a few cells chosen by empirical cubature."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from ritz.errors import UnsupportedError
from ritz.reduced_order.cubature import Cubature
from ritz.reduced_order.cubature_system import CubatureSystem
from ritz.reduced_order.estimator import FloatArray, check_choice
from ritz.reduced_order.pod import POD
from ritz.reduced_order.reduced_layout import ReducedLayout
from ritz.reduced_order.sweep_result import Sweep

CHOICES = ("auto", "cubature")
MAX_CONDITIONS = 600  # sums that the cells have to meet
MAX_NUMBERS = 40_000_000  # of all contributions together: 320 MB
logger = logging.getLogger("ritz.reduced_order")

State = tuple[float, FloatArray, FloatArray]  # time, state, parameter vector


@dataclass(frozen=True)
class CellProjected:
    """Weights of cells for a basis, and for every smaller one cut from it."""

    projector: CellProjector
    weights: FloatArray
    sampled: dict[int, tuple[int, float]]
    exact: int = 0

    @property
    def improves(self) -> bool:
        """Whether more accuracy changes anything."""
        return self.projector.hyper is not None

    def model(self, layout: ReducedLayout, *record: Any) -> CubatureSystem:
        """The reduced model in the modes of a layout."""
        projector = self.projector
        training = projector.training
        starts = np.stack([layout.encode(np.asarray(run.y)[:, -1]) for _, run in training])
        return CubatureSystem(projector.system, layout, self.weights, starts, *record)


class CellProjector:
    """Projects a system on a mesh.

    Args:
        system: the `FemSystem`.
        training: its runs.
        pod: the modes.
        hyper: ``"auto"`` or ``"cubature"``, or None for all cells.

    Raises:
        UnsupportedError: the system is of second order in time.
    """

    def __init__(self, system: Any, training: Sweep, pod: POD, hyper: str | None) -> None:
        if hyper is not None:
            check_choice(hyper, CHOICES, "hyper")
        if system.rates:
            raise UnsupportedError(
                f"{system.name} is of second order in time; reduced models on meshes are there for steady problems and "
                "problems of first order in time only."
            )
        self.system, self.training, self.pod, self.hyper = system, training, pod, hyper
        self._contributions: tuple[int, FloatArray] | None = None

    def project(self, rank: int, accuracy: float) -> CellProjected:
        """Weights with which all training sums, tested with `rank` modes, are met within `accuracy`."""
        cells = len(self.system.mesh.cells)
        if self.hyper is None:
            return CellProjected(self, np.ones(cells), {}, 1)
        if self._contributions is None or self._contributions[0] != rank:
            self._contributions = (rank, self._of_all_cells(rank))
        rule = Cubature(accuracy).fit(self._contributions[1])
        logger.info("%d of %d cells for %d modes, error of the sums %.1e", len(rule.cells_), cells, rank, rule.error_)
        return CellProjected(self, rule.weights_, {0: (len(rule.cells_), rule.error_)})

    def _of_all_cells(self, rank: int) -> FloatArray:
        """(states * rank, cells) what every cell adds to the projected right-hand side at the training states."""
        from ritz.codegen.fem.contributions import CellContributions

        basis, mean = self.pod.components_[:, :rank], self.pod.mean_
        weighted = self.pod.weights_[:, None] * basis
        apart = CellContributions(self.system, basis)
        rows = []
        for t, u, p in self._states(rank):
            near = mean + basis @ (weighted.T @ (u - mean))
            rows.append(apart(t, near, p))
        return np.concatenate(rows)

    def _states(self, rank: int) -> list[State]:
        """Where cells are compared.

        The sums of a steady problem vanish at its own solutions: solutions at other parameters are taken, as they are
        on the way of Newton's method.
        """
        runs = [solution for _, solution in self.training]
        most = max(1, min(MAX_CONDITIONS, MAX_NUMBERS // len(self.system.mesh.cells)) // rank)
        if self.system.is_steady:
            n = len(runs)
            pairs = [(i, (i + shift) % n) for shift in range(n) for i in range(n)][:most]
            return [(0.0, np.asarray(runs[j].y)[:, -1], runs[i].params) for i, j in pairs]
        every = [(float(t), np.asarray(run.y)[:, k], run.params) for run in runs for k, t in enumerate(run.t)]
        return every[:: max(1, -(-len(every) // most))]
