"""What solvers may know of a system beyond its right-hand side: mass matrix, rates, shape of the Jacobian."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Saddle:
    """Where the unknowns of a saddle-point problem lie: ``[[A, B^T], [B, -C]]`` with a small or zero C.

    Attributes:
        first: (m,) indices of the unknowns of A (a velocity), or a slice.
        second: (k,) indices of the multipliers (a pressure), or a slice.
        second_mass: (k, k) sparse symmetric positive definite matrix that the Schur complement ``C + B A^-1 B^T``
            resembles, such as the mass matrix of the pressure over the viscosity; None: it is approximated from the
            matrix itself.
    """

    first: Any
    second: Any
    second_mass: Any = None


@dataclass(frozen=True, eq=False)
class Structure:
    """Shape of the Jacobian of ``-f``, so that linear solvers can be chosen.

    Attributes:
        symmetric: it equals its transpose.
        definite: its symmetric part is positive definite.
        block_size: unknowns per node, where they are numbered node by node.
        near_nullspace: (size, k) vectors that a large stiffness nearly annihilates (rigid motions), or None.
        saddle: a `Saddle`, or None.
        dimension: of the space that the unknowns live in, or None where that means nothing.
        linear: whether the Jacobian is known not to depend on the state.
    """

    symmetric: bool = False
    definite: bool = False
    block_size: int = 1
    near_nullspace: NDArray[np.float64] | None = None
    saddle: Saddle | None = None
    dimension: int | None = None
    linear: bool = False


class OrdinaryForm:
    """What a system is unless it says otherwise: ``du/dt = f``, all unknowns evolve, nothing known of the Jacobian.

    Attributes:
        is_steady: no unknown has a time derivative: ``f(u) = 0`` is to be solved.
        structure: shape of the Jacobian of ``-f``.
        rates: pairs of slices (u, v) of the state with ``du/dt = v`` as it stands, for second-order problems.
    """

    is_steady: bool = False
    rates: tuple[tuple[slice, slice], ...] = ()

    @property
    def structure(self) -> Structure:
        """Shape of the Jacobian of ``-f``."""
        return Structure()

    def to_fields(self, u: Any, t: Any = 0.0, p: Any = None) -> dict[str, NDArray[Any]]:
        """Values of every field.

        Args:
            u: (size,) state or (size, nt) states.
            t: their time or (nt,) times; matters where values are prescribed.
            p: parameter vector or overrides of the defaults; likewise.

        Returns:
            component -> (*grid) or (*grid, nt).
        """
        found: dict[str, NDArray[Any]] = self.layout.to_fields(u)  # type: ignore[attr-defined]
        return found

    def mass(self, p: NDArray[np.float64] | Mapping[Any, float] | None = None) -> Any:
        """The matrix M of ``M(p) du/dt = f``, sparse (size, size); None for the identity."""
        return None
