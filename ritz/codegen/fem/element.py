"""Reference elements: tabulation and numbering of degrees of freedom, by fenics-basix.

Cells follow basix's numbering of vertices, edges and faces. The vertices of simplices are sorted by their global
number, so that neighbours see a shared edge or face in the same direction and no basis function changes its sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ritz.codegen.fem.pullback import Part, partials
from ritz.codegen.layout import Array
from ritz.errors import OptionError, UnsupportedError, nearest

HIGHEST = 30  # degree up to which nodes and quadrature have been tried
SIMPLICES = ("interval", "triangle", "tetrahedron")
FAMILIES = {
    "Lagrange": "P", "P": "P", "CG": "P", "Q": "P", "DG": "P", "DQ": "P", "Raviart-Thomas": "RT", "RT": "RT",
    "Nedelec": "N1E", "N1curl": "N1E", "Real": "Real",
}  # fmt: skip


@dataclass(frozen=True)
class Element:
    """What a field is approximated by on every cell.

    Args:
        family: ``"Lagrange"`` (continuous), ``"DG"`` (Lagrange on each cell alone), ``"RT"`` (Raviart-Thomas, normal
            components continuous), ``"Nedelec"`` (first kind, tangential components continuous) or ``"Real"`` (one
            number for the whole domain).
        degree: of the polynomials; the lowest one is 1 for RT and Nedelec.

    Raises:
        OptionError: an unknown family, or a degree that the family does not have.

    Example:
        >>> Element("Lagrange", 2)
        Element('Lagrange', 2)
    """

    family: str = "Lagrange"
    degree: int = 1

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise OptionError(
                f"There is no element {self.family!r}.{nearest(self.family, FAMILIES)} Families: Lagrange, DG, RT, "
                "Nedelec, Real."
            )
        least = 0 if self.family in ("DG", "DQ", "Real") else 1
        if not isinstance(self.degree, int | np.integer) or not least <= self.degree <= HIGHEST:
            raise OptionError(
                f"The degree of {self.family} elements is a whole number from {least} to {HIGHEST}, "
                f"found {self.degree!r}."
            )

    @property
    def is_vector(self) -> bool:
        """Whether one element carries all components of a vector field."""
        return FAMILIES[self.family] in ("RT", "N1E")

    @property
    def is_discontinuous(self) -> bool:
        """Whether nothing is shared between cells."""
        return self.family in ("DG", "DQ")

    def __repr__(self) -> str:
        return f"Element({self.family!r}, {self.degree})"


class Reference:
    """An element on the reference cell.

    Attributes:
        dim: number of basis functions.
        map: ``identity``, ``contravariant`` (values transform as ``J v / det J``) or ``covariant`` (``J^-T v``).
        points: (k, d) where interpolation evaluates.
        entity_dofs: ``[dimension][entity]`` -> local degrees of freedom.
    """

    def __init__(self, element: Element, cell: str) -> None:
        import basix

        self.element, self.cell = element, cell
        family = FAMILIES[element.family]
        if family in ("RT", "N1E") and cell not in SIMPLICES[1:]:
            raise UnsupportedError(
                f"{element.family} elements are there on triangles and tetrahedra, not on a {cell}. Mesh with those."
            )
        kind = basix.CellType[cell]
        variant = basix.LagrangeVariant.legendre if family in ("RT", "N1E") else basix.LagrangeVariant.gll_warped
        made = basix.create_element(
            basix.ElementFamily["P" if family == "Real" else family], kind, element.degree, variant,
            basix.DPCVariant.unset, family == "Real" or element.is_discontinuous,
        )  # fmt: skip
        self.basix: Any = made
        self.dim, self.points = int(made.dim), np.array(made.points)
        self.entity_dofs = [[list(map(int, d)) for d in entities] for entities in made.entity_dofs]
        self.values = int(np.prod(made.value_shape, dtype=int)) if made.value_shape else 1
        self.map = {"RT": "contravariant", "N1E": "covariant"}.get(family, "identity")

    @property
    def is_nodal(self) -> bool:
        """Whether degrees of freedom are values in `points`."""
        return self.map == "identity"

    def tabulate(self, points: Array, order: int = 1) -> Array:
        """Values and derivatives up to an order, (derivatives, points, dim, values); sorted as in `partials`."""
        return np.ascontiguousarray(self.basix.tabulate(order, np.ascontiguousarray(points)))

    def parts(self, order: int) -> list[Part]:
        """All derivatives of one order of all components."""
        axes = [axes for axes in partials(self.points.shape[1], order) if len(axes) == order]
        return [(component, each) for component in range(self.values) for each in axes]

    def rows(self, points: Array, parts: Sequence[Part]) -> Array:
        """Values of some parts, (parts, points, dim)."""
        order = max((len(axes) for _, axes in parts), default=0)
        table, known = self.tabulate(points, order), partials(self.points.shape[1], order)
        return np.array([table[known.index(axes), :, :, component] for component, axes in parts])


@lru_cache(maxsize=256)
def reference(element: Element, cell: str) -> Reference:
    """The element on a reference cell; made once."""
    return Reference(element, cell)


@lru_cache(maxsize=64)
def coordinate_element(cell: str, degree: int) -> Reference:
    """The Lagrange element that maps the reference cell to a cell of the mesh."""
    return reference(Element("Lagrange", degree), cell)


@lru_cache(maxsize=64)
def facet_type(cell: str) -> str:
    """Type of the facets of a cell."""
    return {"interval": "point", "triangle": "interval", "quadrilateral": "interval", "tetrahedron": "triangle",
            "hexahedron": "quadrilateral"}[cell]  # fmt: skip


@lru_cache(maxsize=256)
def quadrature(cell: str, degree: int) -> tuple[Array, Array]:
    """Points (q, d) and weights (q,) that integrate polynomials of a degree exactly on the reference cell."""
    import basix

    if cell == "point":
        return np.zeros((1, 0)), np.ones(1)
    points, weights = basix.make_quadrature(basix.CellType[cell], max(degree, 0))
    return np.ascontiguousarray(points), np.ascontiguousarray(weights)


@lru_cache(maxsize=64)
def facet_geometry(cell: str) -> tuple[list[list[int]], Array, Array]:
    """Local vertices of every facet, its outward normal on the reference cell and its area there per unit of its own.

    Returns:
        vertices of each facet; normals (facets, d); ratios (facets,) of the facet's area to that of its own reference.
    """
    import basix

    kind = basix.CellType[cell]
    d = len(basix.topology(kind)) - 1
    vertices = [list(map(int, v)) for v in basix.topology(kind)[d - 1]]
    normals = np.array(basix.cell.facet_outward_normals(kind))
    if d == 1:
        return vertices, normals, np.ones(len(vertices))
    jacobians = np.array(basix.cell.facet_jacobians(kind))  # (facets, d, d - 1)
    ratios = np.array([np.sqrt(np.linalg.det(j.T @ j)) for j in jacobians])
    return vertices, normals, ratios


def facet_points(cell: str, facet: int, points: Array, order: tuple[int, ...] | None = None) -> Array:
    """Points of a facet's own reference (q, d - 1) on the reference cell (q, d).

    Args:
        cell: type of the cell.
        facet: local number.
        points: on the reference of the facet.
        order: which local vertex of the facet stands in the place of each; for a neighbour that counts differently.
    """
    import basix

    vertices = facet_geometry(cell)[0][facet]
    corners = np.array(basix.geometry(basix.CellType[cell]))[vertices]
    if order is not None:
        corners = corners[list(order)]
    if points.shape[1] == 0:
        return corners[:1]
    weights = coordinate_element(facet_type(cell), 1).tabulate(points)[0, :, :, 0]
    return np.ascontiguousarray(weights @ corners)
