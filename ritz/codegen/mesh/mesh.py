"""Meshes: points, cells, facets and named groups. Immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import geometry as shapes
from .assemble import assemble
from .labels import Choice, Label
from .reference import Reference, nodes_of_entities, reference
from .topology import Entities, Neighbours, find_rows, neighbours, number_entities

if TYPE_CHECKING:
    from .locate import Locator

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ancestry:
    """Where the cells of a refined mesh came from.

    Attributes:
        parents: (cells,) number of the cell of the coarser mesh that each cell is a part of.
        corners: (cells, vertices, dim) reference coordinates of its vertices in that cell.
    """

    parents: Ints
    corners: Floats


@dataclass(frozen=True, eq=False, repr=False)
class Mesh:
    """A mesh of one type of cell with named groups of cells and facets.

    Make one with `rectangle`, `disc`, `read_mesh`, `Mesh.from_arrays`, ...; the constructor takes arrays as they are.

    Attributes:
        points: (n, gdim) coordinates, vertices of cells first.
        geometry: (cells, nodes) numbers of the points that carry the coordinates of each cell, in the order of the
            Lagrange nodes of fenics-basix. The vertices of simplices ascend.
        cell_type: interval, triangle, quadrilateral, tetrahedron or hexahedron.
        geometry_degree: 1, or 2 for curved cells.
        cell_groups: name -> sorted cell numbers.
        facet_groups: name -> sorted facet numbers.
        cell_tags: name -> tag, of the same names.
        facet_tags: name -> tag, of the same names.
        ancestry: where the cells came from, of a refined mesh.

    Example:
        >>> from ritz.codegen.mesh import rectangle
        >>> mesh = rectangle(n=(2, 2))
        >>> mesh
        Mesh(8 triangles, 9 points in 2-D; facets: left 1, right 2, bottom 3, top 4)
        >>> mesh.facets_on("left")
        array([1, 8], dtype=int32)
    """

    points: Floats
    geometry: Ints
    cell_type: str
    geometry_degree: int = 1
    cell_groups: Mapping[str, Ints] = field(default_factory=dict)
    facet_groups: Mapping[str, Ints] = field(default_factory=dict)
    cell_tags: Mapping[str, int] = field(default_factory=dict)
    facet_tags: Mapping[str, int] = field(default_factory=dict)
    ancestry: Ancestry | None = None

    @classmethod
    def from_arrays(
        cls,
        points: ArrayLike,
        cells: ArrayLike,
        cell_type: str,
        *,
        facet_groups: Mapping[str, Any] | None = None,
        cell_groups: Mapping[str, Any] | None = None,
        facet_tags: Mapping[str, int] | None = None,
        cell_tags: Mapping[str, int] | None = None,
    ) -> Mesh:
        """Make a mesh from arrays. Points that no cell uses are dropped.

        Args:
            points: (n, gdim) coordinates.
            cells: (m, nodes) point numbers in the order of fenics-basix, vertices first: quadrilaterals and
                hexahedra count x fastest. As many nodes as vertices, or as nodes of degree 2.
            cell_type: interval, triangle, quadrilateral, tetrahedron or hexahedron.
            facet_groups: name -> (k, vertices of a facet) point numbers, or a predicate of coordinates that chooses
                from the boundary.
            cell_groups: name -> cell numbers, or a predicate of coordinates.
            facet_tags: name -> tag; groups without one are numbered on.
            cell_tags: likewise for groups of cells.

        Raises:
            MeshError: if numbers are out of range, cells are flat or tangled, or a group has facets of no cell.

        Example:
            >>> Mesh.from_arrays([[0, 0], [1, 0], [0, 1]], [[0, 1, 2]], "triangle", facet_groups={"base": [[0, 1]]})
            Mesh(1 triangle, 3 points in 2-D; facets: base 1)
        """
        return assemble(cls, points, cells, cell_type, facet_groups, cell_groups, facet_tags, cell_tags)

    def regrouped(self, **groups: Any) -> Mesh:
        """Return the same mesh with other groups, tags or ancestry; what is known of its shape is kept.

        Args:
            groups: new values of ``cell_groups``, ``facet_groups``, ``cell_tags``, ``facet_tags`` or ``ancestry``.
        """
        made = replace(self, **groups)
        for name, value in vars(self).items():
            vars(made).setdefault(name, value)  # all that is cached follows from points and cells alone
        return made

    @property
    def reference(self) -> Reference:
        """The reference cell."""
        return reference(self.cell_type)

    @property
    def dim(self) -> int:
        """Dimension of the cells."""
        return self.reference.dim

    @property
    def gdim(self) -> int:
        """Dimension of the space of the points."""
        return int(self.points.shape[1])

    @cached_property
    def cells(self) -> Ints:
        """(cells, vertices) vertex numbers in the local order of fenics-basix."""
        return _frozen(self.geometry[:, : self.reference.vertices])

    @cached_property
    def vertex_count(self) -> int:
        """How many points are vertices of cells; these come first."""
        return int(self.cells.max()) + 1

    @cached_property
    def _entities(self) -> dict[int, Entities]:
        return {}

    def _numbered(self, dim: int) -> Entities:
        if dim not in self._entities:
            made = number_entities(self.cells, self.reference, dim)
            self._entities[dim] = Entities(_frozen(made.vertices), _frozen(made.of_cells))
        return self._entities[dim]

    def entities(self, dim: int) -> Ints:
        """Return the entities of dimension `dim`: (entities, vertices of one), ascending in each row.

        Example:
            >>> from ritz.codegen.mesh import rectangle
            >>> rectangle(n=(1, 1)).entities(1).tolist()
            [[0, 1], [0, 2], [0, 3], [1, 3], [2, 3]]
        """
        return self._numbered(dim).vertices

    def cell_entities(self, dim: int) -> Ints:
        """Return the entities of dimension `dim` of each cell: (cells, local), in the order of fenics-basix."""
        return self._numbered(dim).of_cells

    @cached_property
    def _neighbours(self) -> Neighbours:
        made = neighbours(self.cell_entities(self.dim - 1), len(self.entities(self.dim - 1)))
        return Neighbours(_frozen(made.cells), _frozen(made.local))

    @property
    def facet_count(self) -> int:
        """The number of facets."""
        return len(self.entities(self.dim - 1))

    @property
    def facet_cells(self) -> Ints:
        """(facets, 2) cells on both sides of each facet; the second is -1 on the boundary."""
        return self._neighbours.cells

    @property
    def facet_local(self) -> Ints:
        """(facets, 2) local number of the facet in each of its cells; -1 on the boundary."""
        return self._neighbours.local

    @cached_property
    def boundary_facets(self) -> Ints:
        """Sorted numbers of the facets with one cell."""
        return _frozen(np.flatnonzero(self.facet_cells[:, 1] < 0))

    @cached_property
    def interior_facets(self) -> Ints:
        """Sorted numbers of the facets between two cells."""
        return _frozen(np.flatnonzero(self.facet_cells[:, 1] >= 0))

    def find_facets(self, vertices: ArrayLike) -> NDArray[np.int64]:
        """Return the number of each facet given by its vertices (k, vertices of a facet); -1 where there is none."""
        wanted = np.sort(np.asarray(vertices, dtype=np.int64).reshape(-1, self.entities(self.dim - 1).shape[1]), axis=1)
        return find_rows(self.entities(self.dim - 1), wanted)

    def facets_on(self, label: Label = None, among: Literal["boundary", "interior"] = "boundary") -> Ints:
        """Return the sorted numbers of the facets that carry a label.

        Args:
            label: name or tag of a group; a predicate of arrays of coordinates, true at all vertices and at the
                midpoint of a facet; a list of these; or None for all.
            among: where predicates and None choose from. Groups are whole wherever their facets are.

        Raises:
            MeshError: if there is no such group, a predicate fails or nothing is chosen.

        Example:
            >>> from ritz.codegen.mesh import rectangle
            >>> len(rectangle(n=(4, 4)).facets_on(["left", lambda x, y: y > 0.9]))
            8
        """
        facets = self.boundary_facets if among == "boundary" else self.interior_facets
        return Choice(
            "boundary", self.facet_groups, self.facet_tags, facets, lambda: self._facet_places(facets)
        ).select(label)

    def cells_on(self, label: Label = None) -> Ints:
        """Return the sorted numbers of the cells that carry a label, which is as for `facets_on`."""
        return Choice("cell", self.cell_groups, self.cell_tags, self._all_cells, self._cell_places).select(label)

    @cached_property
    def _all_cells(self) -> Ints:
        return _frozen(np.arange(len(self.geometry)))

    def _cell_places(self) -> Floats:
        return np.concatenate([self.points[self.cells], self.midpoints[:, None]], axis=1)

    def _facet_places(self, facets: Ints) -> Floats:
        ends = self.points[self.entities(self.dim - 1)[facets]]
        return np.concatenate([ends, self._midpoints_of(facets)[:, None]], axis=1)

    @cached_property
    def midpoints(self) -> Floats:
        """(cells, gdim) images of the reference midpoints."""
        middle = self.reference.corners.mean(axis=0, keepdims=True)
        nodes = self.points[self.geometry]
        return _frozen_floats(shapes.map_points(nodes, self.cell_type, self.geometry_degree, middle)[:, 0])

    @cached_property
    def facet_midpoints(self) -> Floats:
        """(facets, gdim) images of the reference midpoints of the facets."""
        return _frozen_floats(self._midpoints_of(np.arange(self.facet_count)))

    def _midpoints_of(self, facets: NDArray[Any]) -> Floats:
        nodes = self.points[self.facet_geometry[facets]]
        if self.dim == 1:
            return np.asarray(nodes[:, 0])
        middle = reference(self.reference.facet).corners.mean(axis=0, keepdims=True)
        return shapes.map_points(nodes, self.reference.facet, self.geometry_degree, middle)[:, 0]

    @cached_property
    def facet_geometry(self) -> Ints:
        """(facets, nodes of one) the points that carry the coordinates of each facet, in the order of basix."""
        nodes = nodes_of_entities(self.cell_type, self.geometry_degree, self.dim - 1)
        return _frozen(np.take_along_axis(self.geometry[self.facet_cells[:, 0]], nodes[self.facet_local[:, 0]], axis=1))

    def nearest_vertex(self, point: ArrayLike) -> int:
        """Return the vertex next to a point.

        Example:
            >>> from ritz.codegen.mesh import rectangle
            >>> rectangle(n=(2, 2)).nearest_vertex((0.9, 0.1))
            2
        """
        offset = self.points[: self.vertex_count] - np.asarray(point, dtype=float).reshape(self.gdim)
        return int((offset**2).sum(axis=1).argmin())

    @cached_property
    def volumes(self) -> Floats:
        """(cells,) length, area or volume of each cell."""
        return _frozen_floats(shapes.volumes(self.points, self.geometry, self.cell_type, self.geometry_degree))

    @cached_property
    def cell_diameters(self) -> Floats:
        """(cells,) largest distance between two vertices."""
        return _frozen_floats(shapes.diameters(self.points, self.cells))

    @cached_property
    def facet_diameters(self) -> Floats:
        """(facets,) largest distance between two vertices; in one dimension the smaller of the cells beside."""
        if self.dim > 1:
            return _frozen_floats(shapes.diameters(self.points, self.entities(self.dim - 1)))
        beside = np.where(self.facet_cells < 0, self.facet_cells[:, :1], self.facet_cells)
        return _frozen_floats(self.cell_diameters[beside].min(axis=1))

    @cached_property
    def quality(self) -> Floats:
        """(cells,) shape of each cell: 1 for a regular one, 0 for a flat one (see `geometry.qualities`)."""
        return _frozen_floats(shapes.qualities(self.points, self.geometry, self.cell_type, self.geometry_degree))

    def as_domain(self) -> Any:
        """Return the region that the mesh fills: coordinates x, y, z and the names and tags of the groups."""
        from ...symbolic.coordinates import Coordinate
        from ...symbolic.regions import Region

        axes = tuple(Coordinate(name) for name in "xyz"[: self.gdim])
        named = np.concatenate([np.empty(0, dtype=np.int32), *self.facet_groups.values()])
        complete = bool(np.isin(self.boundary_facets, named).all())
        return Region(axes, dict(self.facet_tags), dict(self.cell_tags), mesh=self, complete=complete)

    def refine(self, marked: ArrayLike | None = None) -> Mesh:
        """Return a finer mesh of the same shape; groups are inherited, ``ancestry`` tells where cells came from.

        Args:
            marked: numbers of the cells to refine, or one truth value for each cell. Neighbours are bisected as far
                as a conforming mesh needs it [rivara1984, plaza2000]. By default all cells are halved along each
                axis.

        Raises:
            UnsupportedError: if quadrilaterals or hexahedra are marked: these are refined all or none.
            MeshError: if a number is out of range.

        Example:
            >>> from ritz.codegen.mesh import rectangle
            >>> mesh = rectangle(n=2)
            >>> mesh.refine()
            Mesh(32 triangles, 25 points in 2-D; facets: left 1, right 2, bottom 3, top 4)
            >>> fine = mesh.refine([0])
            >>> len(fine.cells), fine.ancestry.parents.tolist()
            (15, [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 4, 5, 6, 7])
        """
        from .refine import refine

        return refine(self, marked)

    @cached_property
    def locator(self) -> Locator:
        """Bins of cells, in which `locate` searches."""
        from .locate import build_locator

        return build_locator(self)

    def locate(self, points: ArrayLike, tolerance: float = 1e-9) -> tuple[Ints, Floats]:
        """Find points in the mesh.

        Args:
            points: (n, dim) coordinates.
            tolerance: how far outside the reference cell a point may be, in reference coordinates; at most 1e-6.

        Returns:
            cells: (n,) the cell that each point lies in (any of those that share it), -1 outside the mesh.
            places: (n, dim) reference coordinates in that cell, nan outside.

        Raises:
            UnsupportedError: if the mesh is a surface or a curve in a space of more dimensions.
            MeshError: if the array has another shape.

        Example:
            >>> from ritz.codegen.mesh import rectangle
            >>> cells, places = rectangle(n=2).locate([(0.7, 0.1), (2, 2)])
            >>> cells.tolist(), places[0].round(12).tolist()
            ([2, -1], [0.2, 0.2])
        """
        from .locate import locate

        return locate(self, points, tolerance)

    def plot(self, ax: Any = None, *, groups: bool = True, legend: bool = True, **kwargs: Any) -> Any:
        """Draw the mesh with its groups in colour: cells and edges in the plane, the boundary in space.

        Args:
            ax: Matplotlib axes, three-dimensional for meshes in space; new ones by default.
            groups: whether groups of cells and facets are coloured.
            legend: whether their names and tags are listed beside the picture.
            kwargs: go to the collection of edges or faces (``linewidth``, ``colors``, ``alpha``, ...).

        Returns:
            The axes.

        Example:
            >>> ax = rz.disc(size=0.5).plot()
            >>> [text.get_text() for text in ax.get_legend().get_texts()]
            ['circle (tag 1)']
        """
        from .plot import plot_mesh

        return plot_mesh(self, ax, groups=groups, legend=legend, **kwargs)

    def save(self, path: str | Path) -> None:
        """Write the mesh with its groups and tags to an ``.npz`` file, for `read_mesh`.

        Raises:
            MeshError: if the path does not end in ``.npz``.
        """
        from .storage import save_mesh

        save_mesh(self, path)

    def __repr__(self) -> str:
        from .card import one_line

        return one_line(self)

    def _repr_html_(self) -> str:
        from .card import card

        return card(self)


def _frozen(array: NDArray[Any]) -> Ints:
    made = np.ascontiguousarray(array, dtype=np.int32)
    made.flags.writeable = False
    return made


def _frozen_floats(array: NDArray[Any]) -> Floats:
    made = np.ascontiguousarray(array, dtype=np.float64)
    made.flags.writeable = False
    return made
