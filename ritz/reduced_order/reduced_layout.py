"""The state of a reduced model: coefficients of modes, read as fields through the basis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ritz.codegen.layout import FieldBlock, StateLayout
from ritz.reduced_order.estimator import FloatArray


class ReducedLayout(StateLayout):
    """Coefficients z of ``u = mean + basis @ z`` in place of the states of another layout.

    Attributes:
        full: the layout of u. basis: (size of u, N). mean: (size of u,).
        test: (size of u, N) with ``z = test.T @ (u - mean)``.
        weights: ones, because the modes are orthonormal: ``sum(z**2)`` is the mean square of the field.
    """

    is_complex = False

    def __init__(self, full: Any, basis: FloatArray, test: FloatArray, mean: FloatArray) -> None:
        self.full, self.basis, self.test, self.mean = full, basis, test, mean
        self.size = basis.shape[1]
        self.fields = (FieldBlock("modes", 0, self.size),)
        self.weights = np.ones(self.size)
        self.coords = full.coords

    @property
    def groups(self) -> npt.NDArray[Any]:
        """All coefficients are one group: small modes are not resolved to more digits than the field needs."""
        return np.array([[0, self.size]], dtype=np.int64)

    def encode(self, u: FloatArray) -> FloatArray:
        """Return the coefficients (N,) or (N, m) of the projection of states (size,) or (size, m)."""
        return np.asarray(self.test.T @ (u - (self.mean if u.ndim == 1 else self.mean[:, None])))

    def decode(self, z: FloatArray) -> FloatArray:
        """Return the states (size,) or (size, m) of coefficients (N,) or (N, m)."""
        return np.asarray(self.basis @ z + (self.mean if z.ndim == 1 else self.mean[:, None]))

    def to_fields(self, u: FloatArray) -> dict[str, npt.NDArray[Any]]:
        """Return the physical values of every field of the full model; time stays the last axis."""
        found: dict[str, npt.NDArray[Any]] = self.full.to_fields(self.decode(np.asarray(u, dtype=np.float64)))
        return found

    def from_fields(self, values: Mapping[str, Any]) -> FloatArray:
        """Return the coefficients of the projection of given fields.

        Raises:
            InitialValueError: as the full layout.
        """
        return self.encode(self.full.from_fields(values))

    def locate(self, index: int) -> str:
        """Return words for a coefficient, for messages."""
        return f"coefficient of mode {index} of {self.size}"
