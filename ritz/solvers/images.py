"""Images of fields: over space and time, on a plane, on slices through a box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ritz.solvers import figures
from ritz.solvers.catalog import Axis
from ritz.solvers.spectra import between_points

if TYPE_CHECKING:
    from ritz.solvers.plotting import Request

Array = NDArray[Any]
PER_ROW = 3  # fields beside each other when there is one time
FINE = 256  # points along an axis below which a periodic field is refined for drawing


def draw_space_time(request: Request) -> Any:
    """Draw each component as an image, time to the right and the coordinate upwards."""
    solution, axis = request.solution, request.solution.catalog.axes[0]
    axes = figures.panels(request.ax, len(request.names), 1, (6.8, 3.1))
    times, values = request.sampled([]) if request.times is not None else (solution.t, solution.values())
    for ax, name in zip(axes.flat, request.names, strict=True):
        x, smooth = between_points(values[name], axis, 1, FINE)
        drawn = request.real(smooth)
        scale = figures.colour_scale([drawn], request.kwargs, request.drawn_part(name))
        picture = image(ax, times, x, drawn, **({"aspect": "auto"} | scale))
        figures.name_axes(ax, "", figures.label(solution.catalog, axis.name))
        figures.colour_bar(ax, picture, request.label(name))
        ax.label_outer()
    axes[-1, 0].set_xlabel(figures.label(solution.catalog, "t"))
    return figures.given_back(axes)


def draw_images(request: Request) -> Any:
    """Draw components on the plane: one row a component and one column a time, or side by side for one time."""
    grid = request.solution.catalog.axes
    times, values = request.sampled(request.solution.t[-1:])
    size = figures.image_size(grid[0].length, grid[1].length)
    drawn = {name: Surfaces(request, name, values[name], grid) for name in request.names}
    if len(times) == 1:
        return _one_time(request, times[0], drawn, size)
    axes = figures.panels(request.ax, len(request.names), len(times), (size[0] - 0.6, size[1]), fixed_aspect=True)
    for row, name in enumerate(request.names):
        for column, t in enumerate(times):
            picture = drawn[name].draw(axes[row, column], column)
            if row == 0:
                axes[row, column].set_title(figures.time_text(t), fontsize="medium")
            axes[row, column].label_outer()
        figures.colour_bar(axes[row, -1], picture, request.label(name))
    return figures.given_back(axes)


def _one_time(request: Request, t: float, drawn: dict[str, Surfaces], size: tuple[float, float]) -> Any:
    """Draw the components at one time side by side, each with its own colours."""
    count = len(request.names)
    columns = count if request.ax is not None else min(count, PER_ROW)
    axes = figures.panels(request.ax, -(-count // columns), columns, size, fixed_aspect=True)
    for ax, name in zip(axes.flat, request.names, strict=False):
        figures.colour_bar(ax, drawn[name].draw(ax, 0))
        ax.set_title(f"{request.label(name)},  {figures.time_text(t)}", fontsize="medium")
    for ax in axes.flat[count:]:
        ax.remove()
    return figures.given_back(axes if axes.size == count else axes.ravel()[:count])


def draw_slices(request: Request) -> Any:
    """Draw each component on the three planes through the middle of the box, one row a component and time."""
    catalog, grid = request.solution.catalog, request.solution.catalog.axes
    times, values = request.sampled(request.solution.t[-1:])
    planes = [(2, (0, 1)), (1, (0, 2)), (0, (1, 2))]  # normal, then the axes to the right and upwards
    widths = [grid[right].length / grid[up].length for _, (right, up) in planes]
    height = 2.8 if max(widths) < 2 else 2.0
    size = (height * sum(widths) / 3 + 0.8, height + 0.6)
    axes = figures.panels(request.ax, len(request.names) * len(times), 3, size, widths=widths, fixed_aspect=True)
    for row, (name, i) in enumerate((name, i) for name in request.names for i in range(len(times))):
        scale = figures.colour_scale([request.real(values[name])], request.kwargs, request.drawn_part(name))
        for ax, (normal, across) in zip(axes[row], planes, strict=True):
            middle = grid[normal].values.size // 2
            cut = np.take(values[name], middle, axis=normal + 1)
            picture = Surfaces(request, name, cut, tuple(grid[a] for a in across), scale).draw(ax, i)
            place = figures.place_text(catalog, grid[normal].name, grid[normal].values[middle])
            ax.set_title(f"{figures.time_text(times[i])},  {place}" if normal == 2 else place, fontsize="medium")
        figures.colour_bar(axes[row, -1], picture, request.label(name), width=0.04 * max(widths) / widths[-1])
    return figures.given_back(axes)


class Surfaces:
    """One component on a plane at several times, refined for drawing, with one scale of colours for all of them."""

    def __init__(
        self,
        request: Request,
        name: str,
        values: Array,
        axes: tuple[Axis, ...],
        scale: dict[str, Any] | None = None,
    ) -> None:
        self.right, values = between_points(values, axes[0], 1, FINE)
        self.up, values = between_points(values, axes[1], 2, FINE)
        self.values = request.real(values)
        self.scale = scale or figures.colour_scale([self.values], request.kwargs, request.drawn_part(name))
        self.labels = [figures.label(request.solution.catalog, axis.name) for axis in axes]

    def draw(self, ax: Any, index: int) -> Any:
        """Draw the state of one time with equal aspect and return the artist."""
        picture = image(ax, self.right, self.up, self.values[index], **({"aspect": "equal"} | self.scale))
        figures.name_axes(ax, self.labels[0], self.labels[1])
        return picture


def image(ax: Any, right: Array, up: Array, values: Array, *, aspect: Any, **kwargs: Any) -> Any:
    """Draw (len(right), len(up)) values, each centred on its point, in a frame that ends at the outer points."""
    if _uniform(right) and _uniform(up):
        extent = (*_edges(right), *_edges(up))
        picture = ax.imshow(values.T, **({"origin": "lower", "extent": extent, "aspect": aspect} | kwargs))
    else:
        picture = ax.pcolormesh(right, up, values.T, **({"shading": "nearest", "rasterized": True} | kwargs))
        ax.set_aspect(aspect)
    if len(right) > 1 and len(up) > 1:
        ax.set(xlim=(np.min(right), np.max(right)), ylim=(np.min(up), np.max(up)))
    return picture


def _uniform(points: Array) -> bool:
    steps = np.diff(points)
    return len(points) < 2 or bool(np.allclose(steps, steps.mean(), rtol=1e-6, atol=0) and steps.mean() > 0)


def _edges(points: Array) -> tuple[float, float]:
    half = 0.5 * (points[-1] - points[0]) / (len(points) - 1) if len(points) > 1 else 0.5
    return float(points[0] - half), float(points[-1] + half)
