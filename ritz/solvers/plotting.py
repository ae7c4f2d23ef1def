"""Pictures of a Solution: which kinds there are and the line plots; images stand in `images`, spectra in `spectra`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ritz.errors import OptionError, UnsupportedError, nearest
from ritz.solvers import figures
from ritz.solvers.catalog import Axis
from ritz.solvers.spectra import between_points

if TYPE_CHECKING:
    from ritz.solvers.solution import Solution

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What to draw: scalar components, times (None: the kind's default), part of complex values, artist options."""

    solution: Solution
    names: tuple[str, ...]
    times: Array | None
    part: str | None
    ax: Any
    kwargs: dict[str, Any]

    def sampled(self, default: ArrayLike) -> tuple[Array, dict[str, Array]]:
        """Return (m,) times and component -> (m, *grid) values: exact with dense output, else the nearest stored."""
        return sample(self.solution, np.asarray(default) if self.times is None else self.times)

    def real(self, values: Array) -> Array:
        """Return the part of (possibly complex) values that is drawn."""
        return figures.part_of(values, self.part)[0]

    def label(self, name: str) -> str:
        """Return the label of a component, or of the part of it that is drawn."""
        return figures.label(self.solution.catalog, name, self.drawn_part(name))

    def drawn_part(self, name: str) -> str | None:
        """Return the part of a component that is drawn, None for a real one."""
        return self.part or ("abs" if name in self.solution.catalog.complex_valued else None)


def sample(solution: Solution, times: Array) -> tuple[Array, dict[str, Array]]:
    """Return (m,) times and component -> (m, *grid): at these times with dense output, else at the nearest stored."""
    from ritz.solvers.solution import nearest_indices

    if solution.sol is not None:
        return times, solution.components_at(times)
    indices = np.array(list(dict.fromkeys(nearest_indices(solution.t, times).tolist())), dtype=int)
    picked = [solution.snapshot(i) for i in indices]
    return solution.t[indices], {name: np.stack([p[name] for p in picked]) for name in picked[0]}


def plot(
    solution: Solution,
    fields: Any = None,
    *,
    kind: str | None = None,
    times: ArrayLike | None = None,
    part: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Any:
    """Draw a solution.

    Args:
        solution: What to draw.
        fields: Name, symbol or several of them; all of the user's fields by default. A vector is drawn by components.
        kind: What to draw; the first one listed is the default.

            - no space: ``"lines"`` over time, ``"phase"`` (two or three fields against each other);
            - 1-D: ``"image"`` over space and time (``"lines"`` for fewer than 12 times, ``"final"`` for one),
              ``"lines"`` (profiles coloured by time), ``"waterfall"`` (profiles one above the other), ``"final"``;
            - 2-D: ``"image"``, one column for each time;
            - 3-D: ``"slices"`` through the middle of the box;
            - periodic grids of any dimension: ``"spectrum"``, the power of the modes over the wavenumber;
            - meshes: colours, arrows, deformed shapes, ...: see `ritz.solvers.mesh_plots.plot`.
        times: Times to show, for kinds that show states; by dense output where there is one, else the nearest
            stored times.
        part: ``"abs"`` (default), ``"real"``, ``"imag"`` or ``"phase"`` of complex fields.
        ax: Axes to draw into, as many as there are panels; a new figure by default.
        **kwargs: Passed on to matplotlib (``plot``, ``imshow`` or ``pcolormesh``).

    Returns:
        The Axes, or an array of them if there are several panels.

    Fields on a coarse periodic grid are drawn through their trigonometric interpolant: what their modes say between
    the grid points.

    Raises:
        OptionError: for an unknown field, kind or part, or a wrong number of axes; names the nearest valid one.
        UnsupportedError: if a time lies outside the run, or a spectrum is asked for on an axis that is not periodic.
    """
    if solution.catalog.mesh:
        from ritz.solvers.mesh_plots import plot as plot_on_mesh

        if part is not None:
            raise OptionError(f"part={part!r} is for complex fields, which meshes do not have. Leave it out.")
        return plot_on_mesh(solution, fields, kind=kind, times=times, ax=ax, **kwargs)
    dimension = solution.catalog.dimension
    drawers = _drawers(dimension)
    chosen = kind or _default_kind(solution)
    if chosen not in drawers:
        space = f"in {dimension} space dimension{'s'[: dimension > 1]}" if dimension else "of an ODE"
        raise OptionError(
            f"There is no picture kind={chosen!r} {space}.{nearest(chosen, drawers)} Kinds: {', '.join(drawers)}."
        )
    wanted = None if times is None else np.atleast_1d(np.asarray(times, dtype=float))
    if wanted is not None and solution.sol is None:
        _check_span(solution, wanted)
    names = solution.select(fields)
    _check_grid(solution, names)
    return drawers[chosen](Request(solution, names, wanted, part, ax, kwargs))


def _check_grid(solution: Solution, names: tuple[str, ...]) -> None:
    """Refuse to draw fields that have another grid than the others (or none) into one picture."""
    grid = tuple(axis.values.size for axis in solution.catalog.axes)
    shapes = {name: np.shape(value) for name, value in solution.snapshot(-1).items()} if len(solution.t) else {}
    for name in names:
        if name in shapes and shapes[name] != grid:
            raise UnsupportedError(
                f"{name} has values of shape {shapes[name]} at a time, the grid of this solution is {grid}. Draw "
                f"solution[{name!r}] by matplotlib, or name the fields to draw."
            )


def _drawers(dimension: int) -> dict[str, Callable[[Request], Any]]:
    """Return kind -> drawing function for a number of space dimensions."""
    from ritz.solvers import images, spectra

    if dimension == 0:
        return {"lines": draw_histories, "phase": draw_phase}
    if dimension == 1:
        return {
            "image": images.draw_space_time, "lines": draw_profiles, "waterfall": draw_waterfall,
            "final": draw_final, "spectrum": spectra.draw_spectrum,
        }  # fmt: skip
    if dimension == 2:
        return {"image": images.draw_images, "final": images.draw_images, "spectrum": spectra.draw_spectrum}
    return {"slices": images.draw_slices, "final": images.draw_slices, "spectrum": spectra.draw_spectrum}


def _default_kind(solution: Solution) -> str:
    dimension, count = solution.catalog.dimension, len(solution.t)
    if dimension == 1:
        return "final" if count == 1 else "lines" if count < 12 else "image"
    return {0: "lines", 2: "image"}.get(dimension, "slices")


def _check_span(solution: Solution, times: Array) -> None:
    """Refuse times outside the run: the nearest stored time would be a wrong picture."""
    low, high = float(np.min(solution.t)), float(np.max(solution.t))
    slack = 1e-9 * max(abs(low), abs(high))
    for t in times:
        if not low - slack <= t <= high + slack:
            raise UnsupportedError(f"times= asks for t = {t:g}, but this solution covers {low:g} to {high:g}.")


def draw_histories(request: Request) -> Any:
    """Draw every component over time in one panel, smoothly where there is dense output."""
    axes = figures.panels(request.ax, 1, 1, (6.4 + 1.2 * (len(request.names) > 5), 3.6))
    ax = axes.item()
    t, values = history(request)
    given = _many_colours(len(request.names))
    for name in request.names:
        ax.plot(t, values[name], **({"label": request.label(name), "linewidth": 1.6} | next(given) | request.kwargs))
    only = request.label(request.names[0]) if len(request.names) == 1 else ""
    figures.name_axes(ax, figures.label(request.solution.catalog, "t"), only)
    ax.set_xlim(*_span(t))
    figures.clean(ax)
    figures.legend(ax, len(request.names))
    return figures.given_back(axes)


def draw_phase(request: Request) -> Any:
    """Draw two or three components against each other, the start marked by a ring, the end by a dot."""
    explicit = len(request.names) in (2, 3)
    names = request.names if explicit else request.names[:3]
    if len(names) < 2:
        raise OptionError(f"kind='phase' needs two or three fields, got {', '.join(names)}.")
    flat = len(names) == 2
    axes = figures.panels(request.ax, 1, 1, (4.8, 4.4), projection=None if flat else "3d")
    ax = axes.item()
    _, values = history(request)
    curves = [values[name] for name in names]
    (line,) = ax.plot(*curves, **({"linewidth": 1.2 if flat else 0.8} | request.kwargs))
    for index, face in ((0, "white"), (-1, line.get_color())):
        ends = [curve[index : index + 1 or None] for curve in curves]
        ax.plot(*ends, "o", markersize=5, markerfacecolor=face, markeredgecolor=line.get_color(), zorder=5)
    for name, setter in zip(names, (ax.set_xlabel, ax.set_ylabel, getattr(ax, "set_zlabel", None)), strict=False):
        if setter is not None:
            setter(request.label(name))
    if flat:
        figures.clean(ax)
    else:
        ax.set_box_aspect(None, zoom=0.85)  # room for the label of the third axis
    return figures.given_back(axes)


def draw_profiles(request: Request) -> Any:
    """Draw profiles over the coordinate, coloured by time, one panel for each component."""
    solution, axis = request.solution, request.solution.catalog.axes[0]
    times, values = request.sampled(np.linspace(solution.t[0], solution.t[-1], min(len(solution.t), 8)))
    axes = figures.panels(request.ax, 1, len(request.names), (5.4, 3.5))
    colours, mappable = figures.time_colours(times)
    for ax, name in zip(axes.flat, request.names, strict=True):
        x, profiles = curves(request, axis, values[name])
        for colour, profile in zip(colours, profiles, strict=True):
            ax.plot(x, profile, **({"color": colour, "linewidth": 1.5} | request.kwargs))
        _profile_axes(ax, request, axis, request.label(name))
    if len(times) > 1:
        figures.colour_bar(axes[0, -1], mappable, figures.label(solution.catalog, "t"))
    return figures.given_back(axes)


def draw_waterfall(request: Request) -> Any:
    """Draw profiles one above the other, each at the height of its time, one panel for each component."""
    solution, axis = request.solution, request.solution.catalog.axes[0]
    times, values = request.sampled(np.linspace(solution.t[0], solution.t[-1], min(len(solution.t), 30)))
    axes = figures.panels(request.ax, 1, len(request.names), (5.0, 4.6))
    gap = abs(times[-1] - times[0]) / max(len(times) - 1, 1) or 1.0
    for ax, name in zip(axes.flat, request.names, strict=True):
        x, profiles = curves(request, axis, values[name])
        lowest, highest = np.nanmin(profiles), np.nanmax(profiles)
        heights = 3.0 * gap * (profiles - lowest) / ((highest - lowest) or 1.0)
        for order, (t, height) in enumerate(zip(times, heights, strict=True)):
            front = 2 * (len(times) - order)
            ax.fill_between(x, t, t + height, color=ax.get_facecolor(), linewidth=0, zorder=front)
            ax.plot(x, t + height, **({"color": "C0", "linewidth": 1.1, "zorder": front + 1} | request.kwargs))
        _profile_axes(ax, request, axis, figures.label(solution.catalog, "t"))
        ax.grid(False)
        ax.set_title(request.label(name), fontsize="medium")
    return figures.given_back(axes)


def draw_final(request: Request) -> Any:
    """Draw the last profile of every component (or those at `times`) in one panel."""
    solution, axis = request.solution, request.solution.catalog.axes[0]
    times, values = request.sampled(solution.t[-1:])
    axes = figures.panels(request.ax, 1, 1, (6.0, 3.6))
    ax = axes.item()
    for name in request.names:
        x, profiles = curves(request, axis, values[name])
        for t, profile in zip(times, profiles, strict=True):
            text = request.label(name) + (f", {figures.time_text(t)}" if len(times) > 1 else "")
            ax.plot(x, profile, **({"label": text, "linewidth": 1.6} | request.kwargs))
    _profile_axes(ax, request, axis, request.label(request.names[0]) if len(request.names) == 1 else "")
    if len(times) == 1:
        ax.set_title(figures.time_text(times[0]), fontsize="medium", loc="right")
    figures.legend(ax, len(request.names) * len(times))
    return figures.given_back(axes)


def curves(request: Request, axis: Axis, values: Array) -> tuple[Array, Array]:
    """Return points and the real (m, points) profiles to draw from (m, n) values on the grid."""
    x, smooth = between_points(values, axis, 1, 512)
    return x, request.real(smooth)


def history(request: Request) -> tuple[Array, dict[str, Array]]:
    """Return (m,) times and component -> (m,) values for curves in time, smooth where there is dense output."""
    solution = request.solution
    if request.times is None and solution.sol is None:
        values = solution.values()
        return solution.t, {name: request.real(values[name]) for name in request.names}
    count = int(np.clip(40 * len(solution.t), 500, 20_000))
    times, values = request.sampled(np.linspace(solution.t[0], solution.t[-1], count))
    return times, {name: request.real(values[name]) for name in request.names}


def _profile_axes(ax: Any, request: Request, axis: Axis, ylabel: str) -> None:
    figures.name_axes(ax, figures.label(request.solution.catalog, axis.name), ylabel)
    ax.set_xlim(axis.lower, axis.upper)
    figures.clean(ax)


def _span(t: Array) -> tuple[float, float]:
    low, high = float(np.min(t)), float(np.max(t))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _many_colours(count: int) -> Any:
    """Yield line options: the user's own colour cycle up to ten lines, evenly spread colours beyond."""
    from matplotlib import colormaps

    for i in range(count):
        yield {} if count <= 10 else {"color": colormaps["turbo"](0.05 + 0.9 * i / (count - 1)), "linewidth": 1.1}
