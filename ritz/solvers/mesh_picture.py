"""What every picture on a mesh starts from: a solution at one time, its values in cells, its shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ritz.solvers import figures

if TYPE_CHECKING:
    from ritz.solvers.solution import Solution

Array = NDArray[Any]

FINE = 60_000  # pieces to draw up to which cells are cut finer than they must be


@dataclass
class Picture:
    """What is drawn: a solution at one time, and how.

    Attributes:
        solution, system: whose fields.
        time, state: of the picture.
        deformed: name of the vector field that moves the mesh, or None.
        scale: factor on it.
    """

    solution: Solution
    system: Any
    time: float
    state: Array
    deformed: str | None = None
    scale: float = 1.0

    def values(self, name: Any, places: Array, cells: Array | None = None) -> Array:
        """(components, cells, k) of a field in reference points."""
        from ritz.codegen.fem.cellwise import values_in_cells

        return values_in_cells(self.system, name, places, self.state, self.time, self.solution.params, cells)

    def points(self, places: Array, cells: Array | None = None) -> Array:
        """(cells, k, gdim) where reference points lie, in the deformed mesh if asked for."""
        from ritz.codegen.mesh.geometry import map_points

        mesh = self.system.mesh
        nodes = mesh.geometry if cells is None else mesh.geometry[cells]
        found = np.asarray(map_points(mesh.points[nodes], mesh.cell_type, mesh.geometry_degree, places))
        if self.deformed is not None:
            found = found + self.scale * np.moveaxis(self.values(self.deformed, places, cells), 0, -1)
        return found

    def pieces(self, names: tuple[str, ...]) -> int:
        """Into how many pieces an edge is cut."""
        from ritz.codegen.fem.cellwise import degree_of_fields

        mesh = self.system.mesh
        parts = [part for name in names for part in self.solution.catalog.fields.get(name, (name,))]
        degree = degree_of_fields(self.system, {*names, *parts})
        if degree == 1:
            return 2 if mesh.cell_type == "quadrilateral" and len(mesh.cells) < FINE // 8 else 1
        finer = 2 * degree
        return finer if len(mesh.cells) * finer**2 <= FINE else degree


def box_of(pictures: list[Picture]) -> tuple[Array, Array]:
    """Return the corners of the box that holds all shapes, before and after they moved."""
    mesh = pictures[0].system.mesh
    corners = [mesh.points, *(p.points(mesh.reference.corners).reshape(-1, mesh.gdim) for p in pictures if p.deformed)]
    joined = np.concatenate(corners)
    return joined.min(axis=0), joined.max(axis=0)


def axis_label(solution: Solution, system: Any, index: int) -> str:
    """Return the name of a coordinate in LaTeX."""
    return figures.label(solution.catalog, str(system.form.coordinates[index]))


def title(ax: Any, picture: Picture, text: str, *, loc: str = "center") -> None:
    """Write what is drawn, the time and the factor on the displacement above a panel."""
    parts = [text] if text else []
    if not picture.system.is_steady:
        parts.append(figures.time_text(picture.time))
    if picture.deformed is not None and picture.scale != 1:
        parts.append(f"displacement × {picture.scale:g}")
    ax.set_title(",  ".join(parts), fontsize="medium", loc=loc)


def field_label(solution: Solution, name: str, *, length: bool) -> str:
    """Return the name of a field in LaTeX, between bars for the length of a vector."""
    return figures.label(solution.catalog, name, "abs" if length else None)


def is_vector(solution: Solution, name: str) -> bool:
    """Tell whether a name is a vector field of the user's."""
    return solution.catalog.ranks.get(name, 0) == 1
