"""Pictures of a Solution on a mesh: colours, arrows, streamlines, deformed shapes, surfaces of solids, lines in 1-D.

Cells are cut into as many pieces as the degree of the element asks for, and every cell is drawn by itself: curved
cells, quadrilaterals and discontinuous fields look as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ritz.errors import OptionError, OptionValueError, UnsupportedError, nearest
from ritz.solvers import figures
from ritz.solvers.mesh_picture import Picture, axis_label, is_vector, title
from ritz.solvers.mesh_sheets import Sheet, draw_plane, draw_sheet
from ritz.solvers.mesh_skins import draw_surface
from ritz.solvers.on_mesh import mesh_fields, state_at

if TYPE_CHECKING:
    from ritz.solvers.solution import Solution

Array = NDArray[Any]

KINDS = {
    1: ("lines",),
    2: ("image", "contours", "arrows", "streamlines", "components", "mesh"),
    3: ("surface", "components"),
}


def plot(
    solution: Solution,
    fields: Any = None,
    *,
    kind: str | None = None,
    times: ArrayLike | None = None,
    deformed: bool | float = False,
    edges: bool | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Any:
    """Draw a solution on a mesh.

    Args:
        solution: What to draw.
        fields: Name, symbol or several of them; all of the user's fields by default.
        kind: What to draw; by default scalars as colours and vectors as their length with arrows.

            - 1-D: ``"lines"``;
            - 2-D: ``"image"``, ``"contours"`` (filled, with lines), ``"arrows"`` and ``"streamlines"`` over the length
              of a vector, ``"components"`` of a vector, ``"mesh"`` (the deformed mesh alone);
            - 3-D: ``"surface"``, the boundary of the body coloured, ``"components"`` likewise.
        times: Times to show, one row each; the last one by default. In 1-D all are drawn into one panel.
        deformed: True to move the mesh by the displacement, or a factor that exaggerates it; with True a small
            displacement is exaggerated so that it is seen, and the title says by how much.
        edges: Whether the cells are outlined; in 2-D by default for deformed shapes of at most 5000 cells.
        ax: Axes to draw into, as many as there are panels; a new figure by default.
        **kwargs: Passed on to matplotlib (``tripcolor``, ``tricontourf``, ``plot`` or ``Poly3DCollection``).

    Returns:
        The Axes, or an array of them if there are several panels.

    Raises:
        OptionError: an unknown field or kind, a wrong number of axes, no displacement to deform by.
        UnsupportedError: a time outside the run.
    """
    system = mesh_fields(solution, "solution.plot")
    dimension = system.mesh.dim
    kinds = KINDS[dimension]
    if kind is not None and kind not in kinds:
        raise OptionError(
            f"There is no picture kind={kind!r} on a mesh in {dimension}-D.{nearest(kind, kinds)} Kinds: "
            f"{', '.join(kinds)}."
        )
    names = _drawable(solution, system, solution.select_fields(fields), kind)
    moments = [-1] if times is None else [_at(solution, t) for t in np.atleast_1d(np.asarray(times, dtype=float))]
    if deformed and kind in ("arrows", "streamlines"):
        raise OptionError(f"kind={kind!r} is drawn on the mesh as it was. Leave deformed= or kind= out.")
    mover, factor = _mover(solution, system, names, deformed)
    pictures = [Picture(solution, system, *state_at(solution, t), mover, factor) for t in moments]
    if mover is not None and deformed is True:
        scale = _visible(pictures[-1])
        for picture in pictures:
            picture.scale = scale
    if dimension == 1:
        return _lines(pictures, names, ax, kwargs)
    small = dimension == 2 and mover is not None and len(system.mesh.cells) <= 5000
    outlined = small if edges is None else edges
    draw = draw_surface if dimension == 3 else draw_plane
    return draw(pictures, names, kind, outlined, ax, kwargs)


def _at(solution: Solution, t: float) -> Any:
    """Return the time itself with dense output, else the index of the nearest stored one."""
    from ritz.solvers.plotting import _check_span
    from ritz.solvers.solution import nearest_indices

    if solution.sol is not None:
        return float(t)
    _check_span(solution, np.array([t]))
    return int(nearest_indices(solution.t, t)[0])


def _drawable(solution: Solution, system: Any, names: tuple[str, ...], kind: str | None) -> tuple[str, ...]:
    """Return what gets a panel: numbers have no place, components of vectors only where asked for."""
    layout = system.layout
    numbers = {n for n, nodes in zip(layout.names, layout.space.nodes) if nodes.element.family == "Real"}
    found = [name for name in names if not set(solution.catalog.fields.get(name, (name,))) <= numbers]
    if not found:
        raise OptionError(f"{', '.join(names)}: numbers have no place on the mesh. Read them as solution[name].")
    if kind in ("arrows", "streamlines"):
        for name in found:
            if not is_vector(solution, name):
                raise OptionError(f"kind={kind!r} draws vectors, but {name} is a scalar. Name the fields to draw.")
    if kind == "components" or system.mesh.dim == 1:
        return solution.catalog.expand(found)
    tensors = [name for name in found if solution.catalog.ranks.get(name, 0) == 2]
    return tuple(part for name in found for part in (solution.catalog.fields[name] if name in tensors else (name,)))


def _mover(solution: Solution, system: Any, names: tuple[str, ...], deformed: Any) -> tuple[str | None, float]:
    """Return the field that deforms the mesh, and the factor on it."""
    if deformed is False or deformed is None:
        return None, 1.0
    dimension = system.mesh.gdim
    vectors = [n for n in (*names, *solution.fields) if is_vector(solution, n)]
    fitting = [n for n in vectors if len(system.evaluate(n, system.mesh.midpoints[:1], solution.y[:, -1])) == dimension]
    if not fitting:
        raise OptionError(
            f"deformed= moves the mesh by a vector field of {dimension} components; this solution has "
            f"{', '.join(solution.fields)}."
        )
    try:
        factor = 1.0 if deformed is True else float(deformed)
    except (TypeError, ValueError):
        raise OptionValueError(f"deformed= is True or a factor, found {deformed!r}.") from None
    return fitting[0], factor


def _visible(picture: Picture) -> float:
    """Return a factor of 1, 2 or 5 times a power of ten with which the displacement is a tenth of the body or less."""
    corners = picture.system.mesh.reference.corners
    largest = float(np.abs(picture.values(picture.deformed, corners)).max())
    size = float(np.ptp(picture.system.mesh.points, axis=0).max())
    if largest == 0 or largest > 0.02 * size:
        return 1.0
    wanted = 0.1 * size / largest * (1 + 1e-6)  # not short of a round factor by rounding
    power = 10.0 ** np.floor(np.log10(wanted))
    return float(power * max(step for step in (1, 2, 5) if step * power <= wanted))


def _lines(pictures: list[Picture], names: tuple[str, ...], ax: Any, kwargs: dict[str, Any]) -> Any:
    """Profiles over the coordinate; several times in the colours of time."""
    from ritz.codegen.fem.cellwise import subdivision

    solution, system = pictures[0].solution, pictures[0].system
    several = len(pictures) > 1
    axes = figures.panels(ax, 1, len(names) if several else 1, (5.6, 3.5))
    colours, mappable = figures.time_colours(np.array([picture.time for picture in pictures]))
    places = subdivision("interval", max(pictures[0].pieces(names), 8))[0]
    for k, name in enumerate(names):
        panel = axes.flat[k if several else 0]
        for picture, colour in zip(pictures, colours, strict=True):
            x, y = picture.points(places)[..., 0], picture.values(name, places)[0]
            order = np.argsort(x[:, 0])
            x, y = (np.pad(v[order], ((0, 0), (0, 1)), constant_values=np.nan).ravel() for v in (x, y))
            keep = ~_continued(x, y)
            own = {"color": colour} if several else {}
            panel.plot(
                x[keep], y[keep], **({"linewidth": 1.6, "label": figures.label(solution.catalog, name)} | own | kwargs)
            )
        single = several or len(names) == 1
        figures.name_axes(
            panel, axis_label(solution, system, 0), figures.label(solution.catalog, name) if single else ""
        )
        figures.clean(panel)
    if several:
        figures.colour_bar(axes[0, -1], mappable, figures.label(solution.catalog, "t"))
    else:
        figures.legend(axes.item(), len(names))
        title(axes.item(), pictures[0], "", loc="right")
    return figures.given_back(axes)


def _continued(x: Array, y: Array) -> NDArray[np.bool_]:
    """Tell where a gap between cells is none, because the next cell goes on where the last one ended."""
    gap = np.isnan(x)
    before, after = np.roll(y, 1), np.roll(y, -1)
    size = np.nanmax(np.abs(y), initial=1e-300)
    return np.asarray(gap & (np.abs(before - after) < 1e-9 * size))


def animated(
    solution: Solution, name: str, times: Array, ax: Any, kwargs: dict[str, Any]
) -> tuple[Any, Callable[[int], None]]:
    """Return the panel of one field that changes in time, and what shows a frame."""
    system = mesh_fields(solution, "solution.animate")
    if system.mesh.dim == 3:
        raise UnsupportedError(
            "Animations are there on meshes in 1-D and 2-D. Plot times=[...] instead, or write a .pvd."
        )
    pictures = [Picture(solution, system, *state_at(solution, _at(solution, t))) for t in times]
    if system.mesh.dim == 1:
        return _moving_line(pictures, name, ax, kwargs)
    sheets = [Sheet(picture, name) for picture in pictures]
    scale = figures.colour_scale([sheet.colours for sheet in sheets], kwargs)
    artist = draw_sheet(ax, sheets[0], "image", scale)
    figures.colour_bar(ax, artist)
    ax.set_aspect("equal")
    figures.name_axes(ax, axis_label(solution, system, 0), axis_label(solution, system, 1))
    ax.set_title(sheets[0].label, fontsize="medium", loc="left")
    colours = [sheet.colours for sheet in sheets]
    return ax, lambda frame: artist.set_array(colours[frame])


def _moving_line(
    pictures: list[Picture], name: str, ax: Any, kwargs: dict[str, Any]
) -> tuple[Any, Callable[[int], None]]:
    from ritz.codegen.fem.cellwise import subdivision

    solution, system = pictures[0].solution, pictures[0].system
    places = subdivision("interval", max(pictures[0].pieces((name,)), 8))[0]
    x = pictures[0].points(places)[..., 0]
    order = np.argsort(x[:, 0])
    profiles = [picture.values(name, places)[0][order].ravel() for picture in pictures]
    ax.plot(x[order].ravel(), profiles[0], color="0.6", linewidth=1, linestyle="--")
    (line,) = ax.plot(x[order].ravel(), profiles[0], **({"color": "C0", "linewidth": 1.6} | kwargs))
    low, high = min(p.min() for p in profiles), max(p.max() for p in profiles)
    margin = 0.05 * (high - low) or 0.5
    ax.set(xlim=(x.min(), x.max()), ylim=(low - margin, high + margin))
    figures.name_axes(ax, axis_label(solution, system, 0), figures.label(solution.catalog, name))
    figures.clean(ax)
    return ax, lambda frame: line.set_ydata(profiles[frame])
