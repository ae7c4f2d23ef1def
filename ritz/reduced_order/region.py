"""Where a reduced model was trained, and how far a new point lies from there."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ritz.errors import ExtrapolationWarning
from ritz.reduced_order.estimator import FloatArray

SLACK = 1e-9  # relative to the width of the region: round-off of the user's own numbers is not extrapolation


@dataclass(frozen=True)
class TrainingRegion:
    """The parameters and times that a reduced model has seen.

    Attributes:
        names: (d,) parameters that were varied.
        points: (n, d) training points.
        box: (d, 2) ranges that were sampled as a whole; None when the points were listed, the region is then their
            convex hull.
        fixed: parameters that were held, with their values.
        t_span: the time span of the training runs.
    """

    names: tuple[str, ...]
    points: FloatArray
    box: FloatArray | None
    fixed: dict[str, float] = field(default_factory=dict)
    t_span: tuple[float, float] = (0.0, 0.0)

    @property
    def bounds(self) -> FloatArray:
        """(d, 2) lowest and highest training value of each parameter."""
        return np.stack([self.points.min(axis=0), self.points.max(axis=0)], axis=1) if self.box is None else self.box

    def __contains__(self, values: Mapping[str, float]) -> bool:
        return not self.objections(values)

    def nearest(self, values: Mapping[str, float]) -> int:
        """Return the index of the nearest training point."""
        point = np.array([values[name] for name in self.names])
        return int(np.linalg.norm((self.points - point) / self._widths(), axis=1).argmin())

    def distance(self, values: Mapping[str, float]) -> float:
        """Return the distance to the nearest training point, each parameter measured by its training width."""
        point = np.array([values[name] for name in self.names])
        return float(np.linalg.norm((self.points - point) / self._widths(), axis=1).min())

    def _widths(self) -> FloatArray:
        low, high = self.bounds.T
        return np.where(high > low, high - low, np.maximum(np.abs(low), 1.0))

    def objections(self, values: Mapping[str, float]) -> list[str]:
        """Return, in words, in what ways a point lies outside; nothing for a point inside.

        Args:
            values: name -> value for all parameters of the model.
        """
        found = []
        slack = SLACK * self._widths()
        for (low, high), name, s in zip(self.bounds, self.names, slack, strict=True):
            if not low - s <= values[name] <= high + s:
                found.append(f"{name} = {values[name]:g} is outside [{low:g}, {high:g}]")
        for name, held in self.fixed.items():
            if abs(values[name] - held) > SLACK * max(abs(held), 1e-300):
                found.append(f"{name} = {values[name]:g} was held at {held:g}")
        if not found and self.box is None and len(self.names) > 1 and not self._in_hull(values):
            found.append(
                f"the point lies outside the convex hull of the training points, {self.distance(values):.2g} training "
                "widths from the nearest"
            )
        return found

    def _in_hull(self, values: Mapping[str, float]) -> bool:
        """Whether the point is a convex combination of training points (a small linear programme)."""
        from scipy.optimize import linprog

        scaled = (self.points - np.array([values[name] for name in self.names])) / self._widths()
        equations = np.vstack([scaled.T, np.ones(len(scaled))])
        right = np.append(np.zeros(len(self.names)), 1.0)
        return bool(linprog(np.zeros(len(scaled)), A_eq=equations, b_eq=right, method="highs").status == 0)

    def warn(self, values: Mapping[str, float], *, t_span: tuple[float, float] | None = None) -> None:
        """Warn where parameters or times lie outside.

        Warns:
            ExtrapolationWarning: names each parameter, its value and the training range.
        """
        found = self.objections(values)
        if t_span is not None:
            low, high = sorted(self.t_span)
            if min(t_span) < low - SLACK * (high - low) or max(t_span) > high + SLACK * (high - low):
                found.append(f"the times {t_span[0]:g} to {t_span[1]:g} leave the trained span {low:g} to {high:g}")
        if found:
            where = f"The reduced model is used outside its training region: {'; '.join(found)}."
            warnings.warn(f"{where} Its error is unknown there.", ExtrapolationWarning, stacklevel=4)
