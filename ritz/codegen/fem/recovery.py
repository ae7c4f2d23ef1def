"""Recovered gradients: continuous, and more accurate than those of the elements. Their difference estimates the error.

Around every vertex a polynomial of the degree of the element is fitted to samples of the gradient in the cells of a
patch; between vertices these polynomials are blended by the hat functions.

Sources: O. C. Zienkiewicz, J. Z. Zhu, "The superconvergent patch recovery and a posteriori error estimates", Int. J.
Numer. Meth. Engng 33 (1992) 1331-1364 (samples and patches); A. Naga, Z. Zhang, "A posteriori error estimates based on
the polynomial preserving recovery", SIAM J. Numer. Anal. 42 (2004) 1780-1800 (why polynomials are to be kept).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from ritz.codegen.fem.cellwise import values_in_cells
from ritz.codegen.fem.element import SIMPLICES, coordinate_element, quadrature
from ritz.codegen.layout import Array

DEFICIENT = 1e-11  # eigenvalues of the matrix of a fit, relative, that count as zero
POOR = 1e-7  # the same, below which a patch is widened
WIDEST = 4  # rings of cells around a vertex


def recovery_indicators(
    system: Any, expressions: Sequence[tuple[Any, int]], u: Any, t: float = 0.0, p: Any = None
) -> tuple[Array, Array]:
    """Squared L2 distance between expressions and what is recovered from them, cell by cell.

    Args:
        system: the `FemSystem`.
        expressions: pairs of an expression, usually a gradient, and the degree of the polynomials fitted to it.
        u, t, p: state, time, parameters.

    Returns:
        (cells,) squared distances; (cells,) squared norms of the expressions themselves.
    """
    mesh = system.mesh
    distance, norm = np.zeros(len(mesh.cells)), np.zeros(len(mesh.cells))
    for degree in sorted({k for _, k in expressions}):
        fit = PatchFit(mesh, degree)
        points, weights = quadrature(mesh.cell_type, 2 * degree)
        measure = _measure(mesh, points, weights)
        for expr in (e for e, k in expressions if k == degree):
            samples = values_in_cells(system, expr, fit.places, u, t, p)
            own = values_in_cells(system, expr, points, u, t, p)
            better = fit.values(fit.coefficients(samples), points)
            distance += np.einsum("scq,cq->c", (better - own) ** 2, measure)
            norm += np.einsum("scq,cq->c", own**2, measure)
    return distance, norm


def _measure(mesh: Any, points: Array, weights: Array) -> Array:
    """(cells, q) weights of a quadrature in the cells of a mesh."""
    from ritz.codegen.mesh.geometry import jacobians

    made = jacobians(mesh.points[mesh.geometry], mesh.cell_type, mesh.geometry_degree, points)
    gram = np.einsum("cqgd,cqge->cqde", made, made)
    return np.asarray(weights * np.sqrt(np.linalg.det(gram)))


class PatchFit:
    """Least-squares polynomials on the patches around the vertices of a mesh.

    Args:
        mesh: the mesh.
        degree: of the polynomials.

    Attributes:
        places: (k, dim) reference points where samples are taken: those of the Gauss rule that integrates the square
            of a gradient exactly.

    Example:
        >>> import ritz as rz
        >>> mesh = rz.rectangle(n=3)
        >>> fit = PatchFit(mesh, 1)
        >>> x = mesh.midpoints[None, :, :1]  # (1, cells, 1): samples of the function x
        >>> np.allclose(fit.values(fit.coefficients(x), fit.places), x)
        True
    """

    def __init__(self, mesh: Any, degree: int) -> None:
        self.mesh, self.degree = mesh, degree
        self.places = quadrature(mesh.cell_type, max(2 * degree - 2, 1))[0]
        most = product(range(degree + 1), repeat=mesh.gdim)
        simplex = mesh.cell_type in SIMPLICES
        self.powers = np.array([e for e in most if not simplex or sum(e) <= degree])
        self.centre = mesh.points[: mesh.vertex_count]
        self._fill_patches()

    def _fill_patches(self) -> None:
        """Find the cells of every patch, and the matrix of its fit.

        A patch is what touches the vertex; where this does not determine the polynomial or does so barely, as at
        corners, it is widened by the cells beside it.
        """
        from scipy.sparse import csr_array, diags_array

        mesh, corners = self.mesh, self.mesh.cells.shape[1]
        rows, columns = mesh.cells.ravel(), np.repeat(np.arange(len(mesh.cells)), corners)
        touch = csr_array((np.ones(len(rows)), (rows, columns)), shape=(mesh.vertex_count, len(mesh.cells)))
        patches = touch
        for _ in range(WIDEST):
            pairs = patches.tocoo()
            self.vertices, self.cells = pairs.row, pairs.col
            self.width = np.zeros(mesh.vertex_count)
            np.maximum.at(self.width, self.vertices, mesh.cell_diameters[self.cells])
            self.basis = self._monomials(self._points(self.places)[self.cells], self.vertices)
            m = len(self.powers)
            self.matrix = np.zeros((mesh.vertex_count, m, m))
            np.add.at(self.matrix, self.vertices, np.einsum("nkm,nkl->nml", self.basis, self.basis))
            spread = np.linalg.eigvalsh(self.matrix)
            samples = np.bincount(self.vertices, minlength=mesh.vertex_count) * len(self.places)
            poor = (spread[:, 0] < POOR * spread[:, -1]) | (samples <= m + mesh.dim)
            if not poor.any() or len(pairs.row) == patches.shape[0] * patches.shape[1]:
                return
            widen = diags_array(poor.astype(float)) @ (patches @ (touch.T @ touch))
            patches = (diags_array((~poor).astype(float)) @ patches + widen).tocsr()
            patches.eliminate_zeros()

    def _monomials(self, points: Array, vertices: Array) -> Array:
        """(n, k, m) monomials at points (n, k, gdim) in the coordinates of the patches of vertices (n,)."""
        local = (points - self.centre[vertices][:, None]) / self.width[vertices][:, None, None]
        found = np.ones((*local.shape[:2], len(self.powers)))
        for axis in range(local.shape[2]):
            found *= local[:, :, axis, None] ** self.powers[:, axis]
        return found

    def _points(self, places: Array) -> Array:
        from ritz.codegen.mesh.geometry import map_points

        mesh = self.mesh
        return np.asarray(map_points(mesh.points[mesh.geometry], mesh.cell_type, mesh.geometry_degree, places))

    def coefficients(self, samples: Array) -> Array:
        """(vertices, m, s) coefficients of samples (s, cells, k) in `places`."""
        count, m = self.matrix.shape[:2]
        right = np.zeros((count, m, len(samples)))
        np.add.at(right, self.vertices, np.einsum("nkm,snk->nms", self.basis, samples[:, self.cells]))
        return np.asarray(np.linalg.pinv(self.matrix, rcond=DEFICIENT, hermitian=True) @ right)

    def values(self, coefficients: Array, places: Array) -> Array:
        """(s, cells, k) recovered values in reference points (k, dim)."""
        mesh, points = self.mesh, self._points(places)
        hats = coordinate_element(mesh.cell_type, 1).tabulate(places)[0, :, :, 0]
        found = np.zeros((coefficients.shape[2], len(mesh.cells), len(places)))
        for corner in range(mesh.cells.shape[1]):
            vertices = mesh.cells[:, corner]
            basis = self._monomials(points, vertices)
            found += hats[:, corner] * np.einsum("ckm,cms->sck", basis, coefficients[vertices])
        return found
