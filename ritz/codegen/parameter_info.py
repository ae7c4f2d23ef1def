"""What a System knows about its parameters, and the check of their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ritz.errors import ParameterError


@dataclass(frozen=True)
class ParameterInfo:
    """A number that may change without compiling anything: name, default (or None), bounds (or None)."""

    name: str
    default: float | None
    bounds: tuple[float, float] | None


def parameter_info(name: str, problem: Any) -> ParameterInfo:
    """What the problem (if there is one) says about a parameter."""
    for p in getattr(problem, "parameters", ()):
        if p.name == name:
            default = None if p.default is None else float(p.default)
            return ParameterInfo(name, default, None if p.bounds is None else tuple(map(float, p.bounds)))  # type: ignore[arg-type]
    return ParameterInfo(name, None, None)


def checked(p: ParameterInfo, value: Any) -> float:
    """A value for a parameter as a number.

    Raises:
        ParameterError: it is no finite number or out of bounds.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ParameterError(f"The value of {p.name} must be a number, found {value!r}.") from None
    if not np.isfinite(number):
        raise ParameterError(f"The value of {p.name} is {number}, not a finite number.")
    if p.bounds is not None and not p.bounds[0] <= number <= p.bounds[1]:
        raise ParameterError(
            f"{p.name} = {number:g} is outside its bounds [{p.bounds[0]:g}, {p.bounds[1]:g}]. "
            f"Choose a value inside, or declare {p.name} with wider bounds."
        )
    return number
