"""Pictures of meshes: cells by group, boundaries by group, with a legend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import OptionError
from .geometry import map_points
from .mesh import Mesh

Floats = NDArray[np.float64]
_PLAIN = "#4d5866"  # edges and facets in no group
_FACE = "#dfe5ec"
# Nodes around a facet of a solid or a cell of a surface, in the order of fenics-basix.
_AROUND = {
    ("triangle", 1): [0, 1, 2],
    ("triangle", 2): [0, 5, 1, 3, 2, 4],
    ("quadrilateral", 1): [0, 1, 3, 2],
    ("quadrilateral", 2): [0, 4, 1, 6, 3, 7, 2, 5],
}


def plot_mesh(mesh: Mesh, ax: Any = None, *, groups: bool = True, legend: bool = True, **kwargs: Any) -> Any:
    """Draw a mesh; see `Mesh.plot`."""
    spatial = mesh.gdim == 3
    if ax is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(6.4, 1.4) if mesh.gdim == 1 else None, layout="constrained")
        ax = figure.add_subplot(projection="3d") if spatial else figure.add_subplot()
    if spatial != (getattr(ax, "name", "") == "3d"):
        raise OptionError(
            f"A mesh in {mesh.gdim}-D is drawn in {'three' if spatial else 'two'}-dimensional axes: leave `ax` out, or "
            + ("make it with `figure.add_subplot(projection='3d')`." if spatial else "make it with `plt.subplots()`.")
        )
    width = kwargs.pop("linewidth", _width(len(mesh.cells)))
    draw = _draw_surface if spatial and mesh.dim > 1 else _draw_flat
    handles = draw(ax, mesh, groups, width, kwargs)
    if legend and handles:
        ax.legend(handles=handles, frameon=False, loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0.0)
    return ax


def _width(cells: int) -> float:
    """Return the width of lines in points: thinner where there are many."""
    return float(np.clip(12.0 / np.sqrt(max(cells, 1)), 0.15, 0.8))


def _colours(names: Mapping[str, Any], palette: str = "tab10") -> Iterator[tuple[str, Any]]:
    from matplotlib import colormaps

    colours = colormaps[palette]
    return ((name, colours(number % colours.N)) for number, name in enumerate(names))


def curves(mesh: Mesh, facets: NDArray[Any]) -> Floats:
    """Return points along facets of a plane mesh: (facets, 2 or 9 where they are curved, gdim)."""
    steps = np.linspace(0, 1, 2 if mesh.geometry_degree == 1 else 9)[:, None]
    return map_points(mesh.points[mesh.facet_geometry[facets]], "interval", mesh.geometry_degree, steps)


def _draw_flat(ax: Any, mesh: Mesh, groups: bool, width: float, kwargs: dict[str, Any]) -> list[Any]:
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if mesh.dim == 1:
        return _draw_line(ax, mesh, groups, width, kwargs)
    handles: list[Any] = []
    if groups:
        for name, colour in _colours(mesh.cell_groups, "Set2"):
            corners = mesh.points[mesh.geometry[mesh.cell_groups[name]]]
            outline = corners[:, _AROUND[mesh.cell_type, mesh.geometry_degree]]
            ax.add_collection(PolyCollection(list(outline), facecolors=[colour], alpha=0.45, edgecolors="none"))
            handles.append(Patch(facecolor=colour, alpha=0.45, label=f"{name} ({len(corners)} cells)"))
    inner = curves(mesh, np.arange(mesh.facet_count))
    ax.add_collection(LineCollection(list(inner), **{"colors": _PLAIN, "linewidths": width, **kwargs}))
    if groups:
        for name, colour in _colours(mesh.facet_groups):
            lines = curves(mesh, mesh.facet_groups[name])
            ax.add_collection(LineCollection(list(lines), colors=[colour], linewidths=2.0, capstyle="round"))
            handles.append(Line2D([], [], color=colour, linewidth=2.0, label=f"{name} (tag {mesh.facet_tags[name]})"))
    ax.set_aspect("equal")
    ax.set_xlabel("x")
    ax.set_ylabel("y")
    ax.autoscale_view()
    return handles


def _draw_line(ax: Any, mesh: Mesh, groups: bool, width: float, kwargs: dict[str, Any]) -> list[Any]:
    """Draw cells along x as a line with ticks (in the plane or in space along their course)."""
    from matplotlib.lines import Line2D

    points = np.pad(mesh.points, [(0, 0), (0, max(0, 2 - mesh.gdim))])
    for ends in points[mesh.cells]:
        ax.plot(*ends.T, **{"color": _PLAIN, "linewidth": 4 * width, "marker": "|", **kwargs})
    handles = []
    for name, colour in _colours(mesh.facet_groups) if groups else ():
        ax.plot(*points[mesh.entities(0)[mesh.facet_groups[name], 0]].T, "o", color=colour)
        label = f"{name} (tag {mesh.facet_tags[name]})"
        handles.append(Line2D([], [], color=colour, marker="o", linestyle="none", label=label))
    ax.set_xlabel("x")
    if mesh.gdim == 1:
        ax.set_yticks([])
    return handles


def _draw_surface(ax: Any, mesh: Mesh, groups: bool, width: float, kwargs: dict[str, Any]) -> list[Any]:
    """Draw the boundary of a solid, or a surface itself, shaded and coloured by group."""
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Patch
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    if mesh.dim == 3:
        shown, nodes, kind = mesh.boundary_facets, mesh.facet_geometry, mesh.reference.facet
        named, tags, count = mesh.facet_groups, mesh.facet_tags, mesh.facet_count
    else:
        shown, nodes, kind = np.arange(len(mesh.cells), dtype=np.int32), mesh.geometry, mesh.cell_type
        named, tags, count = mesh.cell_groups, mesh.cell_tags, len(mesh.cells)
    colour = np.tile(to_rgba(_FACE), (count, 1))
    handles = []
    for name, own in _colours(named) if groups else ():
        if np.isin(named[name], shown).any():
            colour[named[name]] = own
            handles.append(Patch(facecolor=own, label=f"{name} (tag {tags[name]})"))
    outline = mesh.points[nodes[shown][:, _AROUND[kind, mesh.geometry_degree]]]
    faces = Poly3DCollection(
        list(outline),
        facecolors=_shaded(colour[shown], outline, _inside(mesh)),
        **{"edgecolors": _PLAIN, "linewidths": width, **kwargs},
    )
    ax.add_collection3d(faces)
    _frame(ax, mesh)
    return handles


def _inside(mesh: Mesh) -> Floats | None:
    """Return a point behind each facet of the boundary of a solid."""
    return mesh.midpoints[mesh.facet_cells[mesh.boundary_facets, 0]] if mesh.dim == 3 else None


def _shaded(colour: Floats, outline: Floats, inside: Floats | None) -> Floats:
    """Darken faces that are turned away from the light; surfaces are lit from both sides."""
    normal = np.cross(outline[:, 1] - outline[:, 0], outline[:, -1] - outline[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    if inside is not None:
        behind = ((outline.mean(axis=1) - inside) * normal).sum(axis=1) < 0
        normal[behind] *= -1
    light = normal @ (np.array([0.4, -0.6, 0.7]) / np.linalg.norm([0.4, -0.6, 0.7]))
    light = np.abs(light) if inside is None else 0.5 * (1 + light)
    shaded = colour.copy()
    shaded[:, :3] *= 0.55 + 0.45 * light[:, None]
    return shaded


def _frame(ax: Any, mesh: Mesh) -> None:
    """Set limits, labels and equal scales; short axes get few ticks."""
    from matplotlib.ticker import MaxNLocator

    low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
    longest = float((high - low).max())
    for axis, a, b in zip("xyz", low, high):
        middle, half = (a + b) / 2, max(b - a, 0.05 * longest) / 2
        getattr(ax, f"set_{axis}lim")(middle - half, middle + half)
        getattr(ax, f"set_{axis}label")(axis)
        getattr(ax, f"{axis}axis").set_major_locator(MaxNLocator(1 + round(5 * half / longest)))
    ax.set_aspect("equal")
