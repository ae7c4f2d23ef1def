"""Whether a reduced model is worth having: its operations against those of the full model, before anything is timed."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ritz.errors import RitzWarning
from ritz.reduced_order.galerkin import point_form
from ritz.reduced_order.hyper import used_products

TRANSFORM = 1.25  # multiply-adds of a real fast transform of n values: 1.25 n log2(n)
MARGIN = 1.5  # both counts foretell the time to about a third, so a smaller advantage counts as none


class NoGainWarning(RitzWarning):
    """A reduced model needs as many operations as the full one, or nearly so; issued by `ritz.reduce`."""


def full_operations(system: Any) -> int:
    """Return about how many multiply-adds one right-hand side takes: transforms, products and the linear part.

    Args:
        system: a System that `ritz.reduce` takes, full or itself reduced.
    """
    operators = getattr(system, "operators", None)
    if operators is not None:
        return int(operators.operations)
    form = point_form(system)
    fields, n = len(form.inputs) + len(used_products(form)), form.npoints
    return int(fields * n * (1 + TRANSFORM * np.log2(max(n, 2)))) + 2 * int(system.layout.size)


def warn_no_gain(model: Any, *, stacklevel: int = 3) -> None:
    """Warn if one evaluation of a reduced model takes as many operations as one of the full model, within `MARGIN`.

    Warns:
        NoGainWarning: with both counts and what may help.
    """
    reduced, full = model.work
    if MARGIN * reduced <= full:
        return
    size = f"{model.size} modes, {model.points} points"
    warnings.warn(
        f"No gain expected: {size}; one evaluation takes {reduced:.2g} multiply-adds, one of the full model about "
        f"{full:.2g}. "
        "The solutions do not lie near a space of few dimensions. Narrow the parameter ranges or the time span, allow "
        "a larger tol=, limit the modes with rank=, or keep the full model.",
        NoGainWarning,
        stacklevel=stacklevel,
    )
