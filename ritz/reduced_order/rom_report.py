"""A reduced model in words, and its cost against the compiled full model when asked."""

from __future__ import annotations

import html
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ritz.reduced_order.reduced_model import ReducedModel
    from ritz.reduced_order.reduced_system import ReducedSystem


@dataclass(frozen=True)
class Gain:
    """Time of one evaluation of the right-hand side, compiled, on one thread.

    Attributes:
        reduced, full: seconds. ratio: full over reduced.
    """

    reduced: float
    full: float

    @property
    def ratio(self) -> float:
        """How many evaluations of the reduced model fit into one of the full model."""
        return self.full / self.reduced

    def __str__(self) -> str:
        return (
            f"one evaluation: reduced {1e6 * self.reduced:.3g} us, full {1e6 * self.full:.3g} us, gain {self.ratio:.3g}"
        )


def measure_gain(model: ReducedSystem, *, params: Any = None, repeats: int = 7, seconds: float = 0.02) -> Gain:
    """Time one evaluation of the reduced and of the compiled full right-hand side.

    Args:
        model: the reduced model.
        params: where; a training point by default.
        repeats: samples, of which the median is taken.
        seconds: length of a sample.
    """
    p = model.parameter_values(model.training_values if params is None else params)
    times = []
    for system in (model, model.full):
        bound = system.bind(p)
        times.append(_seconds(bound, np.ascontiguousarray(system.initial_state(p)), repeats, seconds))
    return Gain(*times)


def _seconds(bound: Any, u: Any, repeats: int, seconds: float) -> float:
    from ritz.reduced_order.online import evaluate

    out = np.empty_like(u)

    def run(count: int) -> float:
        began = time.perf_counter()
        evaluate(bound.rhs, 0.0, u.ctypes.data, bound.p.ctypes.data, out.ctypes.data, bound.context, count)
        return (time.perf_counter() - began) / count

    run(1)
    count = 1
    while (once := run(count)) * count < 0.25 * seconds:
        count *= 4
    count = max(1, int(seconds / once))
    return float(np.median([run(count) for _ in range(repeats)]))


class ReducedReport:
    """A card in words; it shows itself in a notebook."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text)}</pre>"


def report(model: ReducedModel) -> ReducedReport:
    """Return the card of a reduced model: sizes, terms, accuracy, region, multiply-adds of one evaluation."""
    full, training = model.full, model.training
    reduced_work, full_work = model.work
    region, estimate = model.training_region, model.error_estimate
    lines = [
        f"Reduced model of {getattr(full, 'name', 'a system')}",
        f"  size      {full.layout.size} unknowns -> {model.size} modes, from {training.n_snapshots} snapshots of "
        f"{training.n_train} runs ({training.seconds[0]:.3g} s for the runs, {training.seconds[1]:.3g} s for the rest)",
        f"  terms     {model.terms}",
        f"  online    {reduced_work} multiply-adds for one evaluation; the full model about {full_work:.2g}",
        f"  accuracy  {estimate}" + ("" if estimate.met else f", above the tolerance {estimate.tolerance:g}"),
    ]
    for point, error, best in zip(estimate.parameters, estimate.errors, estimate.projections, strict=True):
        where = ", ".join(f"{n}={v:.4g}" for n, v in zip(estimate.names, point, strict=True))
        lines.append(f"            {where}: {error:.1e} (best possible with these modes {best:.1e})")
    ranges = [f"{low:g} <= {name} <= {high:g}" for name, (low, high) in zip(region.names, region.bounds, strict=True)]
    held = [f"{name} = {value:g}" for name, value in region.fixed.items()]
    times = [] if training.t_span is None else [f"{region.t_span[0]:g} <= t <= {region.t_span[1]:g}"]
    lines.append(f"  trained   {', '.join([*ranges, *held, *times])}")
    return ReducedReport("\n".join(lines))
