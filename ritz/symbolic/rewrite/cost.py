"""What a piece of straight-line code costs: latency of each operation times how often its axes make it run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ritz.symbolic.graph import PARAM, TIME, Axis
from ritz.symbolic.rewrite.scheduled import Scheduled

LATENCY: dict[str, float] = {
    "const": 0,
    "leaf": 0,
    "add": 1,
    "sub": 1,
    "mul": 1,
    "neg": 0.5,
    "fma": 1,
    "div": 8,
    "sqrt": 10,
    "abs": 0.5,
    "conj": 0.5,
    "re": 0,
    "im": 0,
    "sign": 2,
    "where": 1,
    "minimum": 1,
    "maximum": 1,
    "exp": 20,
    "exp2": 18,
    "expm1": 28,
    "log": 20,
    "log2": 20,
    "log10": 22,
    "log1p": 26,
    "sin": 25,
    "cos": 25,
    "sin_bounded": 10,
    "cos_bounded": 10,
    "tan": 35,
    "arcsin": 30,
    "arccos": 30,
    "arctan": 30,
    "arctan2": 40,
    "sinh": 35,
    "cosh": 35,
    "tanh": 30,
    "arcsinh": 40,
    "arccosh": 40,
    "arctanh": 35,
    "cbrt": 25,
    "hypot": 15,
    "pow": 40,
    **dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"), 1),
}
"""Default cost of one operation, in units of one addition; functions not listed cost `OTHER_FUNCTION`."""

OTHER_FUNCTION = 40.0
LOOP_TRIPS = 64.0
ONCE_PER_SOLVE = 1 / 64


@dataclass(frozen=True)
class CostTable:
    """Cost of operations and trip counts of axes.

    Attributes:
        latency: operation or function name -> cost of one execution, in units of one addition.
        trips: axis name or kind -> how many values it takes; unlisted looped axes take `LOOP_TRIPS`.

    A value that depends on neither time nor state is computed once a solve and weighs `ONCE_PER_SOLVE` of one that is
    computed at every evaluation; a value without any axis is a number and free.

    Example:
        >>> CostTable().with_latency(div=4).latency["div"]
        4
    """

    latency: Mapping[str, float] = field(default_factory=lambda: LATENCY)
    trips: Mapping[str, float] = field(default_factory=dict)

    def with_latency(self, **changes: float) -> CostTable:
        """Return a table with some latencies replaced (a calibration, for example)."""
        return CostTable({**self.latency, **changes}, self.trips)

    def of(self, op: str, name: str | None = None) -> float:
        """Cost of one execution of `op` (``name`` is the function's name where ``op == "func"``)."""
        return self.latency.get(name or op, OTHER_FUNCTION) if op == "func" else self.latency[op]

    def weight(self, axes: frozenset[Axis]) -> float:
        """How often a value with these axes is computed, relative to one evaluation of a system without loops."""
        if not self.trips:
            return _default_weight(axes)
        return _weight(axes, self.trips)

    def total(self, s: Scheduled) -> float:
        """True cost of the code: every instruction paid once, however often its value is used."""
        return sum(self.instruction(s, i) for i in range(len(s)))

    def instruction(self, s: Scheduled, i: int) -> float:
        """Cost of instruction `i`."""
        op = s.op[i]
        latency = self.latency[op] if op != "func" else self.of(op, s.args[i][0])
        return latency * self.weight(s.axes[i]) * (2.0 if s.is_complex[i] else 1.0) if latency else 0.0


def _weight(axes: frozenset[Axis], trips: Mapping[str, float]) -> float:
    if not axes:
        return 0.0
    weight = 1.0 if TIME in axes else ONCE_PER_SOLVE
    for axis in axes:
        if axis.kind not in (PARAM.kind, TIME.kind):
            weight *= trips.get(axis.name, trips.get(axis.kind, LOOP_TRIPS))
    return weight


@lru_cache(maxsize=4096)
def _default_weight(axes: frozenset[Axis]) -> float:
    return _weight(axes, {})


DEFAULT = CostTable()
