"""Parameters: numbers that may change from run to run without recompiling anything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import sympy as sp

from ..errors import ParameterError
from .coordinates import Named, check_name, make_symbols

Bounds = tuple[float, float]


class Parameter(Named):
    """A real constant of the model.

    Args:
        name: what the user calls it.
        default: value used where none is given; None means that every run must give one.
        bounds: (lowest, highest) admissible value; checked before every run.
        positive: declare it positive; by default this is read off the bounds.

    Raises:
        ParameterError: if the default is no finite number, a bound is no number, or the default lies outside the
            bounds.

    Two parameters are equal when name, default and bounds are equal: an edited default is a new parameter, so that no
    expression can keep the old one.

    Example:
        >>> F = Parameter("F", 0.037, (0.01, 0.1))
        >>> F.default, F.bounds, F.is_positive
        (0.037, (0.01, 0.1), True)
    """

    default: float | None
    bounds: Bounds | None

    def __new__(cls, name: str, default: Any = None, bounds: Any = None, positive: bool | None = None) -> Parameter:
        check_name(name, "parameter")
        limits = _bounds(name, bounds)
        value = None if default is None else _number(name, default, "default")
        _check_default(name, value, limits, positive)
        parameter = sp.Symbol.__xnew__(cls, name, **_assumptions(limits, positive))
        parameter.default = value
        parameter.bounds = limits
        parameter._positive = positive
        return parameter

    def _hashable_content(self) -> tuple[Any, ...]:
        return (*super()._hashable_content(), repr((self.default, self.bounds)))

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.name, self.default, self.bounds, self._positive)

    def changed(self, **changes: Any) -> Parameter:
        """Return a parameter of the same name with other `default`, `bounds` or `positive`.

        Example:
            >>> Parameter("k", 1).changed(default=2).default
            2.0
        """
        given: dict[str, Any] = {"default": self.default, "bounds": self.bounds, "positive": self._positive}
        return Parameter(self.name, **{**given, **changes})


def _assumptions(bounds: Bounds | None, positive: bool | None) -> dict[str, bool]:
    if positive or (positive is None and bounds is not None and bounds[0] > 0):
        return {"positive": True}
    if bounds is not None and bounds[0] >= 0:
        return {"nonnegative": True}
    if bounds is not None and bounds[1] < 0:
        return {"negative": True}
    return {"real": True}


def _number(name: str, value: Any, what: str, *, infinite: bool = False) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ParameterError(f"The {what} of parameter {name} must be a real number, but got {value!r}.") from None
    if math.isnan(number) or (math.isinf(number) and not infinite):
        raise ParameterError(f"The {what} of parameter {name} must be finite, but got {number}.")
    return number


def _bounds(name: str, bounds: Any) -> Bounds | None:
    if bounds is None:
        return None
    try:
        low, high = bounds
    except (TypeError, ValueError):
        raise ParameterError(
            f"The bounds of parameter {name} must be a pair (lowest, highest), but got {bounds!r}."
        ) from None
    limits = (
        _number(name, low, "lower bound", infinite=True),
        _number(name, high, "upper bound", infinite=True),
    )
    if limits[0] > limits[1]:
        raise ParameterError(
            f"The bounds of parameter {name} are in the wrong order: {limits[0]:g} > {limits[1]:g}. "
            f"Write bounds=({limits[1]:g}, {limits[0]:g})."
        )
    return limits


def _check_default(name: str, value: float | None, bounds: Bounds | None, positive: bool | None) -> None:
    if value is None:
        return
    if bounds is not None and not bounds[0] <= value <= bounds[1]:
        raise ParameterError(
            f"Parameter {name} has default {value:g} outside its bounds [{bounds[0]:g}, {bounds[1]:g}]. "
            "Change the default or widen the bounds."
        )
    if positive and value <= 0:
        raise ParameterError(f"Parameter {name} is declared positive but its default is {value:g}.")


def _is_pair(value: Any) -> bool:
    if not isinstance(value, Sequence) or len(value) != 2:
        return False
    return not any(entry is None or isinstance(entry, Sequence) for entry in value)


def params(names: str, default: Any = None, bounds: Any = None, positive: bool | None = None) -> Any:
    """Make parameters: one name gives one `Parameter`, several names a tuple.

    Args:
        names: separated by spaces or commas.
        default: a number for one name; for several names one value each (None where a run must give it), or one
            number for all.
        bounds: a pair (lowest, highest) for one name; for several names one pair each, or one pair for all.
        positive: declare all of them positive.

    Raises:
        ParameterError: if numbers and names do not match in count, a number is not finite, or a default lies outside
            its bounds.

    Example:
        >>> F, k = params("F k", default=(0.037, 0.06), bounds=((0.01, 0.1), (0.03, 0.07)))
        >>> k.default
        0.06
        >>> params("nu", default=0.1).bounds is None
        True
    """
    collected: list[str] = []
    make_symbols(names, collected.append)
    defaults = _spread(collected, default, "default", single=not isinstance(default, Sequence))
    limits = _spread(collected, bounds, "bounds", single=bounds is None or _is_pair(bounds))
    queue = iter(zip(defaults, limits, strict=True))

    def make(name: str) -> Parameter:
        value, limit = next(queue)
        return Parameter(name, value, limit, positive)

    return make_symbols(names, make)


def _spread(names: list[str], given: Any, what: str, *, single: bool) -> list[Any]:
    """Return one entry of `given` per name; a single value counts for all."""
    if single:
        return [given] * len(names)
    entries = list(given)
    if len(entries) != len(names):
        raise ParameterError(
            f"{len(names)} parameters ({', '.join(names)}) but {len(entries)} {what} values. "
            "Give one per name, in order."
        )
    return entries
