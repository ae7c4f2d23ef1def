"""How basis functions and their derivatives on the reference cell become those in space, by NumPy.

With ``x = F(X)``, ``J = dF/dX`` and ``K = J^-1`` a function of x has the derivatives::

    d_i u     = u,m K_mi
    d_i d_j u = u,mn K_mi K_nj - (d_k u) F_k,mn K_mi K_nj

where ``,m`` are derivatives on the reference cell and repeated indices are summed. The last term vanishes where F is
affine. Vector elements are turned besides: ``v = J w / det J`` (contravariant) or ``v = K^T w`` (covariant), and where
F is not affine the first derivatives of that turning count too: with ``G = dJ/dx_i`` they are
``(G - J tr(K G)) / det J`` and ``-(K G K)^T``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations_with_replacement

import numpy as np

from ritz.codegen.layout import Array

Axes = tuple[int, ...]  # along which is differentiated, increasing; empty for the value
Part = tuple[int, Axes]  # component, and the derivative of it


@cache
def partials(dim: int, order: int) -> tuple[Axes, ...]:
    """All derivatives up to an order, in the order of basix.

    Example:
        >>> partials(2, 2)
        ((), (0,), (1,), (0, 0), (0, 1), (1, 1))
    """
    return tuple(axes for n in range(order + 1) for axes in combinations_with_replacement(range(dim), n))


@dataclass(frozen=True)
class CellMap:
    """The map from the reference cell in any points.

    Args:
        jacobian: (..., gdim, dim).
        second: (..., gdim, derivatives) its second derivatives, sorted as in `partials`; None for affine maps.
    """

    jacobian: Array
    second: Array | None = None

    @cached_property
    def inverse(self) -> Array:
        """(..., dim, gdim)."""
        return np.linalg.inv(self.jacobian)

    @cached_property
    def det(self) -> Array:
        """(...,) of the Jacobian."""
        return np.asarray(np.linalg.det(self.jacobian))

    def chain(self, derivative: Axes) -> list[tuple[Axes, Array]]:
        """A derivative in space as a sum of derivatives on the reference cell: (which, factor (...,)).

        Example:
            >>> [(axes, float(factor)) for axes, factor in CellMap(np.array([[2.0]])).chain((0, 0))]
            [((0, 0), 0.25)]
        """
        inverse, dim = self.inverse, self.jacobian.shape[-1]
        if not derivative:
            return [((), np.ones(()))]
        if len(derivative) == 1:
            return [((m,), inverse[..., m, derivative[0]]) for m in range(dim)]
        i, j = derivative
        found: list[tuple[Axes, Array]] = []
        for m, n in combinations_with_replacement(range(dim), 2):
            factor = inverse[..., m, i] * inverse[..., n, j]
            found.append(((m, n), factor if m == n else factor + inverse[..., n, i] * inverse[..., m, j]))
        if self.second is not None:
            bend = sum(self.second[..., k] * factor[..., None] for k, (_, factor) in enumerate(found))
            found += [((m,), -np.einsum("...k,...k->...", inverse[..., m, :], bend)) for m in range(dim)]
        return found

    def factors(self, kind: str, part: Part) -> list[tuple[Part, Array]]:
        """A component of a basis function, or a derivative of it, from those on the reference cell.

        Args:
            kind: ``identity``, ``contravariant`` or ``covariant``.
            part: in space.

        Returns:
            (part on the reference cell, factor (...,)).
        """
        component, derivative = part
        slopes, dim = self.chain(derivative), self.jacobian.shape[-1]
        if kind == "identity":
            return [((0, axes), factor) for axes, factor in slopes]
        if kind == "contravariant":
            turned = self.jacobian[..., component, :] / self.det[..., None]
        else:
            turned = self.inverse[..., :, component]
        found = [((j, axes), factor * turned[..., j]) for j in range(dim) for axes, factor in slopes]
        if derivative and self.second is not None:
            turning = self._turning(kind, component, *derivative)
            found += [((j, ()), turning[..., j]) for j in range(dim)]
        return found

    def _turning(self, kind: str, component: int, axis: int) -> Array:
        """Derivative along `axis` of the row of a turning that makes a component, (..., dim)."""
        assert self.second is not None
        dim = self.jacobian.shape[-1]
        pairs = list(combinations_with_replacement(range(dim), 2))
        places = [[pairs.index((min(p, n), max(p, n))) for n in range(dim)] for p in range(dim)]
        change = np.einsum("...lpn,...n->...lp", self.second[..., places], self.inverse[..., :, axis])
        if kind == "contravariant":
            growth = np.einsum("...pl,...lp->...", self.inverse, change)
            row = change[..., component, :] - self.jacobian[..., component, :] * growth[..., None]
            return np.asarray(row / self.det[..., None])
        return -np.einsum("...jl,...lp,...p->...j", self.inverse, change, self.inverse[..., :, component])
