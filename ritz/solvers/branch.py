"""What `continuation` returns: a branch of steady states over a parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.errors import OptionError, nearest
from ritz.solvers.solution import Solution

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TurningPoint:
    """Where the parameter turns back along a branch: its value, the state (size,), the arc length reached."""

    parameter: float
    y: Array
    arc: float


@dataclass
class Branch:
    """Steady states ``f(u; p) = 0`` along a curve.

    Attributes:
        parameter: name of the parameter.
        values: (np,) its values, which rise and fall at turning points.
        y: (size, np) raw states.
        arc: (np,) arc length from the start, in scaled units.
        turning_points: where the parameter turns back.
        message: why the curve ends.
        system: the system.
        params: (n_params,) the other parameters; the one that changes has its value at the end.
        statistics: run record: iterations, factorisations, linear solver, seconds.
    """

    parameter: str
    values: Array
    y: Array
    arc: Array
    turning_points: list[TurningPoint]
    message: str
    system: Any
    params: Array
    statistics: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.values.size)

    def __repr__(self) -> str:
        turns = ", ".join(f"{p.parameter:.6g}" for p in self.turning_points) or "none"
        low, high = self.values.min(), self.values.max()
        return (
            f"<Branch of {self.system.name}: {len(self)} states, {self.parameter} from {low:.6g} to {high:.6g}, "
            f"turning points: {turns}>"
        )

    def __getitem__(self, name: Any) -> Array:
        """A field along the branch, (np, *grid)."""
        key, rows = str(name), []
        for index in range(len(self)):  # prescribed values may depend on the parameter
            found = self.system.to_fields(np.ascontiguousarray(self.y[:, index]), 0.0, self._params_at(index))
            if key not in found:
                raise OptionError(f"This branch has no field {key!r}.{nearest(key, found)} It has: {', '.join(found)}.")
            rows.append(found[key])
        return np.stack(rows)

    def _params_at(self, index: int) -> Array:
        """The parameter vector of one state."""
        names = [str(info.name) for info in self.system.parameters]
        params = self.params.copy()
        params[names.index(self.parameter)] = self.values[index]
        return params

    def solution(self, index: int = -1) -> Solution:
        """One state as a `Solution`."""
        return Solution(
            t=np.zeros(1), y=self.y[:, [index]], message=f"{self.parameter} = {self.values[index]:.6g}",
            system=self.system, method="continuation", params=self._params_at(index), statistics={},
        )  # fmt: skip

    def plot(self, quantity: Callable[[Array], float] | None = None, *, ax: Any = None, **kwargs: Any) -> Any:
        """Draw a quantity over the parameter and return the axes.

        Args:
            quantity: function of the raw state (size,); its largest magnitude by default.
            ax: axes to draw into.
            kwargs: passed on to ``ax.plot``.
        """
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1] if ax is None else ax
        of: Callable[[Array], float] = quantity if quantity is not None else (lambda u: float(np.abs(u).max()))
        ax.plot(self.values, [of(u) for u in self.y.T], **{"marker": ".", **kwargs})
        for point in self.turning_points:
            ax.plot(point.parameter, of(point.y), "o", color="black", fillstyle="none")
        ax.set_xlabel(self.parameter)
        ax.set_ylabel("largest magnitude" if quantity is None else getattr(quantity, "__name__", "quantity"))
        return ax
