"""Moving pictures of a Solution."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.animation import FuncAnimation
from numpy.typing import NDArray

from ritz.errors import OptionError, UnsupportedError
from ritz.solvers import figures
from ritz.solvers.images import Surfaces
from ritz.solvers.mesh_plots import animated
from ritz.solvers.on_mesh import mesh_fields
from ritz.solvers.plotting import Request, curves, history, sample
from ritz.solvers.solution import nearest_indices

if TYPE_CHECKING:
    from ritz.solvers.solution import Solution

Array = NDArray[Any]
Update = Callable[[int], None]  # shows one frame


class Movie(FuncAnimation):
    """An animation that a notebook shows as a player with buttons, if asked to, when it is the result of a cell.

    Attributes:
        figure: The figure it is drawn in.
        html: Whether notebooks show the player; otherwise matplotlib's own setting ``animation.html`` decides.
    """

    figure: Any
    html: bool

    def _repr_html_(self) -> str:
        if not self.html:
            return super()._repr_html_()
        player = self.to_jshtml()
        figures.pyplot().close(self.figure)  # else the notebook would show its last frame once more
        return str(player)


def animate(
    solution: Solution,
    fields: Any = None,
    *,
    kind: str | None = None,
    frames: int = 100,
    interval: float = 50.0,
    part: str | None = None,
    ax: Any = None,
    html: bool = False,
    **kwargs: Any,
) -> Movie:
    """Return an animation over the whole run, evenly spaced in time, with fixed scales.

    An ODE is drawn as growing curves, a 1-D field as a moving profile over its faint start, a 2-D field as an image,
    a 3-D field as an image on the plane through the middle of its last axis.

    Args:
        solution: What to show; with dense output the frames are exact, else the nearest stored times are taken.
        fields: Name, symbol or several of them; all of the user's fields by default.
        kind: For ODEs ``"lines"`` (default) or ``"phase"``.
        frames: Largest number of frames.
        interval: Milliseconds from frame to frame when played.
        part: ``"abs"`` (default), ``"real"``, ``"imag"`` or ``"phase"`` of complex fields.
        ax: Axes to draw into, as many as there are panels; a new figure by default.
        html: Show the result as a player with buttons when it ends a notebook cell.
        **kwargs: Passed on to matplotlib (``plot`` or ``imshow``).

    Returns:
        A `Movie`, which is a `matplotlib.animation.FuncAnimation`; keep it in a variable, and save it with
        ``animation.save("run.gif", writer="pillow")``.

    Raises:
        OptionError: for an unknown field or kind, or a wrong number of axes.
        UnsupportedError: if the solution holds a single time.
    """
    if len(solution.t) < 2:
        raise UnsupportedError(
            "An animation needs at least two stored times. Pass t_eval= or dense_output=True to solve."
        )
    dimension = solution.catalog.dimension
    on_mesh = bool(solution.catalog.mesh)
    if on_mesh:
        dimension = mesh_fields(solution, "solution.animate").mesh.dim
    if kind not in (None, *(("lines", "phase") if dimension == 0 else ())):
        raise OptionError(f"There is no animation kind={kind!r} in {dimension} dimensions. Leave kind out.")
    times = np.linspace(solution.t[0], solution.t[-1], max(int(frames), 2))
    request = Request(solution, solution.select(fields), None, part, ax, kwargs)
    if on_mesh:
        axes, update, times = _on_mesh(request, solution.select_fields(fields), times)
    elif dimension == 0:
        axes, update = (_phase if kind == "phase" else _histories)(request, times)
    else:
        times, values = sample(solution, times)
        axes, update = (_profiles if dimension == 1 else _planes)(request, values)
    title = axes.flat[0].set_title("", fontsize="medium", loc="right")

    def show(frame: int) -> list[Any]:
        update(frame)
        title.set_text(figures.time_text(times[frame]))
        return []

    figure = axes.flat[0].figure
    show(0)
    movie = Movie(figure, show, frames=len(times), interval=interval)
    movie.figure, movie.html = figure, html
    return movie


def _on_mesh(request: Request, names: tuple[str, ...], times: Array) -> tuple[Array, Update, Array]:
    """Fields on a mesh, one panel each."""
    solution = request.solution
    system = mesh_fields(solution, "solution.animate")
    if solution.sol is None:
        times = solution.t[np.array(list(dict.fromkeys(nearest_indices(solution.t, times).tolist())), dtype=int)]
    width, height = (np.ptp(system.mesh.points, axis=0)[:2] + 1e-300) if system.mesh.dim == 2 else (1.6, 1.0)
    size = figures.image_size(width, height) if system.mesh.dim == 2 else (5.6, 3.5)
    axes = figures.panels(request.ax, 1, len(names), size, fixed_aspect=system.mesh.dim == 2)
    updates = [animated(solution, n, times, ax, request.kwargs)[1] for n, ax in zip(names, axes.flat, strict=True)]

    def update(frame: int) -> None:
        for one in updates:
            one(frame)

    return axes, update, times


def _histories(request: Request, times: Array) -> tuple[Array, Update]:
    """Curves over time that grow from frame to frame."""
    axes = figures.panels(request.ax, 1, 1, (6.4, 3.6))
    ax = axes.item()
    t, drawn = history(request)
    shown = _reached(t, times)
    lines = [ax.plot([], [], **({"label": request.label(name)} | request.kwargs))[0] for name in request.names]
    only = request.label(request.names[0]) if len(lines) == 1 else ""
    figures.name_axes(ax, figures.label(request.solution.catalog, "t"), only)
    ax.set(xlim=(np.min(t), np.max(t)), ylim=_range(drawn[name] for name in request.names))
    figures.clean(ax)
    figures.legend(ax, len(lines))

    def update(frame: int) -> None:
        for line, curve in zip(lines, (drawn[name] for name in request.names), strict=True):
            line.set_data(t[: shown[frame]], curve[: shown[frame]])

    return axes, update


def _phase(request: Request, times: Array) -> tuple[Array, Update]:
    """A trajectory in the plane or in space with a dot at its front."""
    names = request.names[:3]
    if len(names) < 2:
        raise OptionError(f"kind='phase' needs two or three fields, got {', '.join(names)}.")
    flat = len(names) == 2
    axes = figures.panels(request.ax, 1, 1, (4.8, 4.4), projection=None if flat else "3d")
    ax = axes.item()
    t, found = history(request)
    drawn, shown = [found[name] for name in names], _reached(t, times)
    empty: list[list[float]] = [[] for _ in names]
    (line,) = ax.plot(*empty, **({"linewidth": 1.0} | request.kwargs))
    (dot,) = ax.plot(*empty, "o", color=line.get_color(), markersize=5)
    for direction, name, curve in zip("xyz", names, drawn, strict=False):
        getattr(ax, f"set_{direction}label")(request.label(name))
        getattr(ax, f"set_{direction}lim")(_range([curve]))
    if flat:
        figures.clean(ax)
    else:
        ax.set_box_aspect(None, zoom=0.85)

    def update(frame: int) -> None:
        stop = shown[frame]
        for artist, start in ((line, 0), (dot, stop - 1)):
            pieces = [curve[start:stop] for curve in drawn]
            if flat:
                artist.set_data(*pieces)
            else:
                artist.set_data_3d(*pieces)

    return axes, update


def _profiles(request: Request, values: dict[str, Array]) -> tuple[Array, Update]:
    """Profiles that move over their faint first state, one panel a component."""
    axis = request.solution.catalog.axes[0]
    axes = figures.panels(request.ax, 1, len(request.names), (5.6, 3.5))
    moving = []
    for ax, name in zip(axes.flat, request.names, strict=True):
        x, profiles = curves(request, axis, values[name])
        ax.plot(x, profiles[0], color="0.6", linewidth=1, linestyle="--")
        (line,) = ax.plot(x, profiles[0], **({"color": "C0", "linewidth": 1.6} | request.kwargs))
        moving.append((line, profiles))
        figures.name_axes(ax, figures.label(request.solution.catalog, axis.name), request.label(name))
        ax.set(xlim=(axis.lower, axis.upper), ylim=_range([profiles]))
        figures.clean(ax)

    def update(frame: int) -> None:
        for line, profiles in moving:
            line.set_ydata(profiles[frame])

    return axes, update


def _planes(request: Request, values: dict[str, Array]) -> tuple[Array, Update]:
    """Images on the plane, in 3-D on the middle plane of the last axis, one panel a component."""
    grid = request.solution.catalog.axes
    size = figures.image_size(grid[0].length, grid[1].length)
    axes = figures.panels(request.ax, 1, len(request.names), size, fixed_aspect=True)
    moving, middle = [], grid[-1].values[grid[-1].values.size // 2]
    for ax, name in zip(axes.flat, request.names, strict=True):
        cut = values[name] if len(grid) == 2 else values[name][..., grid[2].values.size // 2]
        surfaces = Surfaces(request, name, cut, grid[:2])
        picture = surfaces.draw(ax, 0)
        figures.colour_bar(ax, picture)
        place = f",  {figures.place_text(request.solution.catalog, grid[2].name, middle)}" if len(grid) == 3 else ""
        ax.set_title(request.label(name) + place, fontsize="medium", loc="left")
        moving.append((picture, surfaces.values))

    def update(frame: int) -> None:
        for picture, drawn in moving:
            picture.set_array(drawn[frame].T)

    return axes, update


def _reached(t: Array, times: Array) -> NDArray[np.intp]:
    """Return how many of the points of a curve lie before each frame; at least one."""
    forward = 1.0 if t[-1] >= t[0] else -1.0
    slack = 1e-9 * abs(t[-1] - t[0])
    return np.maximum(np.searchsorted(forward * t, forward * times + slack, side="right"), 1)


def _range(arrays: Any) -> tuple[float, float]:
    """Return the limits that hold all finite values, with a small margin."""
    finite = np.concatenate([a[np.isfinite(a)].ravel() for a in arrays])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin
