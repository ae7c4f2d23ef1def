"""Pictures in the plane: colours, contours, arrows, streamlines, deformed shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ritz.solvers import figures
from ritz.solvers.mesh_picture import Picture, axis_label, box_of, field_label, title

if TYPE_CHECKING:
    pass

Array = NDArray[Any]

ARROWS = 18  # along the longer side of the picture


def draw_plane(
    pictures: list[Picture], names: tuple[str, ...], kind: str | None, outlined: bool, ax: Any, kwargs: dict[str, Any]
) -> Any:
    """One row a field and one column a time, or up to three fields beside each other for one time."""
    system = pictures[0].system
    if kind == "mesh":
        names = names[:1]
    several = len(pictures) > 1
    columns = len(pictures) if several else len(names) if ax is not None else min(len(names), 3)
    rows = len(names) if several else -(-len(names) // columns)
    low, high = box_of(pictures)
    extent = np.maximum(high - low, 1e-300)
    axes = figures.panels(ax, rows, columns, figures.image_size(extent[0], extent[1]), fixed_aspect=True)
    panels = [(p, n) for n in names for p in pictures]
    sheets = [Sheet(picture, name) for picture, name in panels]
    scales = {n: figures.colour_scale([sheet.colours for sheet in sheets if sheet.name == n], kwargs) for n in names}
    for panel, sheet in zip(axes.flat, sheets, strict=False):
        picture = sheet.picture
        artist = draw_sheet(panel, sheet, kind, dict(scales[sheet.name]))
        if outlined or kind == "mesh":
            outline(panel, picture, whole=True)
        elif picture.deformed is not None:
            outline(panel, picture, whole=False)
        if artist is not None and (not several or picture is pictures[-1]):  # all times have one scale
            figures.colour_bar(panel, artist)
        panel.set_aspect("equal")
        margin = 0.02 * extent.max()
        panel.set(xlim=(low[0] - margin, high[0] + margin), ylim=(low[1] - margin, high[1] + margin))
        panel.spines[["top", "right"]].set_visible(False)
        figures.name_axes(panel, axis_label(picture.solution, system, 0), axis_label(picture.solution, system, 1))
        title(panel, picture, "" if kind == "mesh" else sheet.label)
        if len(panels) > 1:
            panel.label_outer()
    for panel in axes.flat[len(panels) :]:
        panel.remove()
    kept = axes if axes.size == len(panels) else axes.ravel()[: len(panels)]
    return figures.given_back(kept)


class Sheet:
    """One field of a picture in the plane, cut into triangles.

    Attributes:
        picture, name: whose.
        points: (n, 2) of the vertices of triangles.
        triangles: (m, 3).
        values: (components, n).
        colours: (n,) what is shown as colour: the values of a scalar, the length of a vector.
        label: its name.
    """

    def __init__(self, picture: Picture, name: str) -> None:
        from ritz.codegen.fem.cellwise import subdivision

        mesh = picture.system.mesh
        places, pieces = subdivision(mesh.cell_type, picture.pieces((name,)))
        self.picture, self.name = picture, name
        self.points = picture.points(places).reshape(-1, mesh.gdim)
        self.values = picture.values(name, places).reshape(-1, len(self.points))
        self.triangles = (pieces[None] + len(places) * np.arange(len(mesh.cells))[:, None, None]).reshape(-1, 3)
        self.is_vector = len(self.values) > 1
        self.colours = np.linalg.norm(self.values, axis=0) if self.is_vector else self.values[0]
        self.label = field_label(picture.solution, name, length=self.is_vector)

    def triangulation(self) -> Any:
        """The triangles as matplotlib wants them."""
        from matplotlib.tri import Triangulation

        return Triangulation(self.points[:, 0], self.points[:, 1], self.triangles)


def draw_sheet(ax: Any, sheet: Sheet, kind: str | None, scale: dict[str, Any]) -> Any:
    """Draw a field and return what the colour bar is about; None for the mesh alone."""
    if kind == "mesh":
        return None
    if kind == "contours":
        from matplotlib.ticker import MaxNLocator

        levels = scale.pop("levels", 12)
        if isinstance(levels, int) and "vmin" in scale:
            levels = MaxNLocator(levels).tick_values(scale["vmin"], scale["vmax"])
        triangulation = sheet.triangulation()
        artist = ax.tricontourf(triangulation, sheet.colours, levels, **({"extend": "neither"} | scale))
        ax.tricontour(triangulation, sheet.colours, artist.levels, colors="black", linewidths=0.4, alpha=0.6,
                      linestyles="solid")  # fmt: skip
        return artist
    artist = ax.tripcolor(sheet.triangulation(), sheet.colours, **({"shading": "gouraud", "rasterized": True} | scale))
    if sheet.is_vector and kind in (None, "arrows") and sheet.picture.deformed is None:
        _arrows(ax, sheet)
    elif sheet.is_vector and kind == "streamlines":
        _streamlines(ax, sheet)
    return artist


def _grid(sheet: Sheet, count: int) -> tuple[Array, Array, Array]:
    """Return coordinates of a regular grid over the picture, and the vector on it, NaN outside the mesh."""
    picture = sheet.picture
    low, high = sheet.points.min(axis=0), sheet.points.max(axis=0)
    spacing = float((high - low).max()) / count
    x, y = (np.arange(a + 0.5 * spacing, b, spacing) for a, b in zip(low, high, strict=True))
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    found = picture.system.evaluate(
        sheet.name, points, picture.state, picture.time, picture.solution.params, outside="nan"
    )
    return x, y, np.asarray(found).reshape(len(found), len(y), len(x))


def _arrows(ax: Any, sheet: Sheet) -> None:
    """Lay arrows over the colours, the longest as long as their distance."""
    x, y, (u, v) = _grid(sheet, ARROWS)
    length = np.sqrt(u**2 + v**2)
    largest = np.nanmax(length, initial=0.0)
    shown = length > 0.02 * largest
    if not shown.any():
        return
    spacing = x[1] - x[0] if len(x) > 1 else y[1] - y[0] if len(y) > 1 else 1.0
    points = np.meshgrid(x, y)
    ax.quiver(
        points[0][shown], points[1][shown], u[shown], v[shown], color="white", edgecolor="black", linewidth=0.35,
        angles="xy", scale_units="xy", scale=largest / (1.5 * spacing), width=0.006, pivot="mid", headwidth=4,
        headlength=4.5, headaxislength=4,
    )  # fmt: skip


def _streamlines(ax: Any, sheet: Sheet) -> None:
    """Lay streamlines over the colours."""
    x, y, (u, v) = _grid(sheet, 120)
    ax.streamplot(x, y, np.ma.masked_invalid(u), np.ma.masked_invalid(v), color="white", linewidth=0.8, arrowsize=0.8,
                  density=1.1)  # fmt: skip


def outline(ax: Any, picture: Picture, *, whole: bool) -> None:
    """Draw the edges of all cells, or the boundary of the mesh (faintly where it was before it moved)."""
    from matplotlib.collections import LineCollection

    mesh = picture.system.mesh
    facets = np.arange(mesh.facet_count) if whole else mesh.boundary_facets
    before = Picture(picture.solution, picture.system, picture.time, picture.state)
    if picture.deformed is not None:
        lines = _edges(before, mesh.boundary_facets)
        ax.add_collection(LineCollection(lines, colors="0.55", linewidths=0.8, linestyles="--", zorder=1))
    width = float(np.clip(12.0 / np.sqrt(len(mesh.cells)), 0.15, 0.6))
    ax.add_collection(LineCollection(_edges(picture, facets), colors="black", linewidths=width, alpha=0.5, zorder=2))


def _edges(picture: Picture, facets: Array) -> list[Array]:
    """Return points along facets of a plane mesh."""
    from ritz.codegen.fem.element import facet_points

    mesh = picture.system.mesh
    straight = mesh.geometry_degree == 1 and (picture.deformed is None or picture.pieces((picture.deformed,)) == 1)
    steps = np.linspace(0.0, 1.0, 2 if straight else 9)[:, None]
    lines: list[Array] = []
    owners, local = mesh.facet_cells[facets, 0], mesh.facet_local[facets, 0]
    for number in np.unique(local):
        lines += list(picture.points(facet_points(mesh.cell_type, int(number), steps), owners[local == number]))
    return lines
