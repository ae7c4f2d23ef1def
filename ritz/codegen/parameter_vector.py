"""The parameters of a system as one vector: names, defaults, bounds, and the checks of what a user passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.codegen.parameter_info import ParameterInfo, checked
from ritz.errors import ParameterError, nearest


class ParameterVector:
    """What every system with `name` and `parameters` can do with the values of its parameters."""

    name: Any
    parameters: tuple[ParameterInfo, ...]
    _defaults: NDArray[np.float64] | None = None

    def parameter_values(self, overrides: Mapping[Any, float] | None = None) -> NDArray[np.float64]:
        """The parameter vector: defaults, with some of them replaced.

        Args:
            overrides: parameter (or its name) -> value.

        Raises:
            ParameterError: an unknown name, a value that is not finite or out of bounds, or a parameter without value.
        """
        if overrides is None and self._defaults is not None:
            return self._defaults.copy()
        if overrides is not None and not isinstance(overrides, Mapping):
            raise ParameterError(
                f"Parameters are given by name, e.g. params={{{self.parameters[0].name if self.parameters else 'a'!r}: "
                f"1.0}}; found {overrides!r}."
            )
        given = {str(k): v for k, v in (overrides or {}).items()}
        names = [p.name for p in self.parameters]
        for name in given:
            if name not in names:
                listed = f"Its parameters: {', '.join(names)}." if names else "It has no parameters."
                raise ParameterError(f"{self.name} has no parameter {name!r}.{nearest(name, names)} {listed}")
        values = np.empty(len(names))
        for i, p in enumerate(self.parameters):
            value = given.get(p.name, p.default)
            if value is None:
                raise ParameterError(f"{p.name} has no value. Pass params={{{p.name!r}: ...}} or give it a default.")
            values[i] = checked(p, value)
        if not given:
            self._defaults = values.copy()
        return values

    def parameter_vector(self, p: Any = None) -> NDArray[np.float64]:
        """A parameter vector from a vector, from overrides of the defaults, or from None."""
        if p is None or isinstance(p, Mapping):
            return self.parameter_values(p)
        vector: NDArray[np.float64] = (
            p if type(p) is np.ndarray and p.dtype == float else np.ascontiguousarray(p, dtype=float)
        )
        if vector.shape != (len(self.parameters),):
            names = ", ".join(i.name for i in self.parameters) or "none"
            raise ParameterError(f"The parameters of {self.name} are {names}; found a vector of shape {vector.shape}.")
        return vector

    def _named(self, p: Any) -> dict[str, float]:
        return {info.name: float(v) for info, v in zip(self.parameters, p, strict=True)}
