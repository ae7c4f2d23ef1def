"""Pictures of solids: the boundary in colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ritz.solvers import figures
from ritz.solvers.mesh_picture import Picture, axis_label, box_of, field_label, is_vector, title

if TYPE_CHECKING:
    pass

Array = NDArray[Any]

FACES = 40_000  # up to which facets are cut so that colours look smooth


def draw_surface(
    pictures: list[Picture], names: tuple[str, ...], kind: str | None, outlined: bool, ax: Any, kwargs: dict[str, Any]
) -> Any:
    """The boundary of the body in colours: one row a field and one column a time."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    axes = figures.panels(ax, len(names), len(pictures), (5.2, 4.2), projection="3d")
    low, high = box_of(pictures)
    for row, name in enumerate(names):
        skins = [Skin(picture, name, whole=outlined) for picture in pictures]
        scale = figures.colour_scale([skin.colours for skin in skins], kwargs)
        given = {key: scale.pop(key) for key in ("cmap", "vmin", "vmax", "norm") if key in scale}
        norm = given.get("norm") or Normalize(given["vmin"], given["vmax"])
        mappable = ScalarMappable(norm, given["cmap"])
        for column, skin in enumerate(skins):
            panel = axes[row, column]
            colours = _lit(mappable.to_rgba(skin.colours), skin.faces, skin.inside)
            options = {"linewidths": 0.25, "edgecolors": "black" if outlined else colours}
            faces = Poly3DCollection(skin.faces, facecolors=colours, **(options | scale))
            panel.add_collection3d(faces)
            _room(panel, low, high, [axis_label(pictures[0].solution, pictures[0].system, i) for i in range(3)])
            title(panel, pictures[column], skin.label)
            bar = panel.figure.colorbar(mappable, ax=panel, shrink=0.6, pad=0.12)
            bar.outline.set_linewidth(0.5)
            bar.ax.tick_params(labelsize="small")
    return figures.given_back(axes)


class Skin:
    """One field on the boundary of a solid, cut into triangles: (n, 3, 3) faces, (n,) colours, a label."""

    def __init__(self, picture: Picture, name: str, *, whole: bool = False) -> None:
        from ritz.codegen.fem.cellwise import subdivision
        from ritz.codegen.fem.element import facet_points, facet_type

        mesh = picture.system.mesh
        pieces = max(picture.pieces((name,)), 3)  # every piece has one colour
        if whole or len(mesh.boundary_facets) * pieces**2 > FACES:
            pieces = 1
        shape, cut = subdivision(facet_type(mesh.cell_type), pieces)
        owners, local = mesh.facet_cells[mesh.boundary_facets, 0], mesh.facet_local[mesh.boundary_facets, 0]
        faces, colours, inside = [], [], []
        for number in np.unique(local):
            places, cells = facet_points(mesh.cell_type, int(number), shape), owners[local == number]
            values = picture.values(name, places, cells)
            colour = np.linalg.norm(values, axis=0) if len(values) > 1 else values[0]
            faces.append(picture.points(places, cells)[:, cut].reshape(-1, 3, mesh.gdim))
            colours.append(colour[:, cut].mean(axis=-1).ravel())
            middle = picture.points(mesh.reference.corners.mean(axis=0, keepdims=True), cells)[:, 0]
            inside.append(np.repeat(middle, len(cut), axis=0))
        self.faces, self.colours, self.inside = map(np.concatenate, (faces, colours, inside))
        self.label = field_label(picture.solution, name, length=is_vector(picture.solution, name))


def _lit(colours: Array, faces: Array, inside: Array) -> Array:
    """Darken faces that are turned away from the light, a little."""
    normal = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    normal[((faces.mean(axis=1) - inside) * normal).sum(axis=1) < 0] *= -1
    light = 0.5 * (1 + normal @ (np.array([0.4, -0.6, 0.7]) / np.linalg.norm([0.4, -0.6, 0.7])))
    found = colours.copy()
    found[:, :3] *= (0.72 + 0.28 * light)[:, None]
    return found


def _room(ax: Any, low: Array, high: Array, labels: list[str]) -> None:
    """Set limits, labels and equal scales; short axes get few ticks."""
    from matplotlib.ticker import MaxNLocator

    longest = float((high - low).max())
    for axis, a, b, text in zip("xyz", low, high, labels, strict=True):
        half = max(b - a, 0.05 * longest) / 2
        getattr(ax, f"set_{axis}lim")((a + b) / 2 - half, (a + b) / 2 + half)
        getattr(ax, f"set_{axis}label")(text)
        getattr(ax, f"{axis}axis").set_major_locator(MaxNLocator(1 + round(5 * half / longest)))
    ax.set_aspect("equal")
