"""Small helpers of all pictures: panels, labels, colours. They set properties of artists, never rcParams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.errors import MissingPackage, OptionError
from ritz.solvers.catalog import Catalog

DIVERGING, SEQUENTIAL, CYCLIC = "RdBu_r", "viridis", "twilight"
WIDEST = 14.0  # inches; wider figures are scaled down
PARTS = ("abs", "real", "imag", "phase")


def pyplot() -> Any:
    """Return `matplotlib.pyplot`, or raise `MissingPackage` saying how to install it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingPackage("Pictures need matplotlib. Install it with: pip install 'ritz[plot]'") from error
    return plt


def panels(
    ax: Any,
    rows: int,
    columns: int,
    size: tuple[float, float],
    *,
    projection: str | None = None,
    widths: Any = None,
    fixed_aspect: bool = False,
) -> NDArray[Any]:
    """Return a (rows, columns) array of axes: new ones of the given panel size in inches, or the caller's.

    `widths` are the relative widths of the columns, equal by default; `fixed_aspect` packs panels of equal aspect.

    Raises:
        OptionError: if `ax` does not hold rows * columns axes.
    """
    if ax is not None:
        given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if given.size != rows * columns:
            raise OptionError(
                f"This picture has {rows * columns} panels but ax= holds {given.size} axes. Pass "
                f"plt.subplots({rows}, {columns})[1], choose fewer fields or times, or leave ax out."
            )
        return given.reshape(rows, columns)
    width, height = columns * size[0], rows * size[1]
    shrink = min(1.0, WIDEST / width)
    figure, made = pyplot().subplots(
        rows,
        columns,
        figsize=(width * shrink, max(height * shrink, 1.8)),
        layout="compressed" if fixed_aspect else "constrained",
        squeeze=False,
        subplot_kw={"projection": projection},
        width_ratios=widths,
    )
    return np.asarray(made, dtype=object)


def given_back(axes: NDArray[Any]) -> Any:
    """Return one Axes as itself and several as an array without axes of length one, like ``plt.subplots``."""
    return axes.item() if axes.size == 1 else axes.squeeze()


def image_size(width: float, height: float) -> tuple[float, float]:
    """Return the panel size in inches for a picture of width x height with equal aspect."""
    ratio = float(np.clip(np.sqrt(width / height), 0.4, 2.5))
    return 3.1 * ratio + 1.1, 3.1 / ratio + 0.6


def math(text: str) -> str:
    """Return LaTeX between dollars, or the plain text if matplotlib's own mathematics cannot set it."""
    from matplotlib.mathtext import MathTextParser

    try:
        MathTextParser("path").parse(f"${text}$")
    except (ValueError, RuntimeError):
        return text.replace("$", "").replace("\\", "")
    return f"${text}$"


def place_text(catalog: Catalog, name: str, value: float) -> str:
    """Return ``x = 0.5 m``, the place of a slice."""
    unit = catalog.units.get(name)
    return f"{math(catalog.latex.get(name, name))} = {value:.4g}" + (f" {unit}" if unit else "")


def label(catalog: Catalog, name: str, part: str | None = None) -> str:
    """Return the axis label of a field or coordinate: the user's symbol in LaTeX, the unit in brackets."""
    latex = catalog.latex.get(name, name)
    wrapped = {"abs": rf"|{latex}|", "real": rf"\mathrm{{Re}}\,{latex}", "imag": rf"\mathrm{{Im}}\,{latex}",
               "phase": rf"\arg {latex}"}.get(part or "", latex)  # fmt: skip
    unit = catalog.units.get(name)
    return math(wrapped) + (f" [{unit}]" if unit and part != "phase" else "")


def time_text(t: float) -> str:
    """Return ``t = ...`` with the digits a reader needs.

    Example:
        >>> time_text(2000.0), time_text(2 / 3)
        ('$t = 2000$', '$t = 0.6667$')
    """
    digits = 6 if 1e3 <= abs(t) < 1e6 else 4
    number = f"{t:.{digits}g}"
    if "e" in number:
        mantissa, exponent = number.split("e")
        number = rf"{mantissa} \times 10^{{{int(exponent)}}}"
    return f"$t = {number}$"


def part_of(values: NDArray[Any], part: str | None) -> tuple[NDArray[np.float64], str | None]:
    """Return the real numbers to draw and the part they are; complex values are drawn by modulus unless told."""
    if part is not None and part not in PARTS:
        raise OptionError(f"part={part!r} is not one of {', '.join(PARTS)}.")
    if part is None and not np.iscomplexobj(values):
        return values, None
    part = part or "abs"
    functions: dict[str, Callable[[NDArray[Any]], Any]] = {
        "abs": np.abs, "real": np.real, "imag": np.imag, "phase": np.angle
    }  # fmt: skip
    return np.asarray(functions[part](values)), part


def colour_scale(arrays: Iterable[NDArray[Any]], given: Mapping[str, Any], part: str | None = None) -> dict[str, Any]:
    """Return cmap, vmin and vmax: diverging and symmetric about 0 for signed values, sequential otherwise.

    Whatever the caller has `given` wins. Values count as signed if both signs reach a twentieth of the largest.
    """
    finite = np.concatenate([a[np.isfinite(a)].ravel() for a in arrays])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if part == "phase":
        scale: dict[str, Any] = {"cmap": CYCLIC, "vmin": -np.pi, "vmax": np.pi}
    elif min(-low, high) > 0.05 * max(-low, high):
        largest = max(-low, high)
        scale = {"cmap": DIVERGING, "vmin": -largest, "vmax": largest}
    else:
        if high - low <= 1e-12 * max(abs(low), abs(high)):  # constant up to round-off: do not paint the noise
            margin = 0.5 * abs(high) or 0.5
            low, high = low - margin, high + margin
        scale = {"cmap": SEQUENTIAL, "vmin": low, "vmax": high}
    if "norm" in given:
        del scale["vmin"], scale["vmax"]
    return scale | dict(given)


def time_colours(times: NDArray[Any]) -> tuple[list[Any], Any]:
    """Return one colour for each time, dark to bright, and the mappable for its colour bar."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    first, last = (float(times[0]), float(times[-1])) if len(times) else (0.0, 1.0)
    palette = ListedColormap(colormaps[SEQUENTIAL](np.linspace(0, 0.92, 256)))
    mappable = ScalarMappable(Normalize(first, last if last != first else first + 1), palette)
    return [mappable.to_rgba(t) for t in times], mappable


def colour_bar(ax: Any, mappable: Any, text: str = "", *, width: float = 0.04) -> Any:
    """Add a colour bar exactly as high as the axes, whatever their aspect, with its name on top; return it.

    `width` is measured in widths of the axes.
    """
    bar = ax.figure.colorbar(mappable, cax=ax.inset_axes((1.0 + 0.75 * width, 0.0, width, 1.0)))
    bar.ax.set_title(text, fontsize="medium", loc="left")
    bar.outline.set_linewidth(0.5)
    bar.ax.tick_params(labelsize="small")
    return bar


def name_axes(ax: Any, right: str, up: str) -> None:
    """Label both axes; a short label of the upward axis stands upright."""
    ax.set_xlabel(right)
    if len(up) > 16 or "[" in up:
        ax.set_ylabel(up)
    else:
        ax.set_ylabel(up, rotation=0, labelpad=8, horizontalalignment="right", verticalalignment="center")


def clean(ax: Any) -> None:
    """Take away the upper and right frame lines and lay a faint grid below line plots."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)


def legend(ax: Any, entries: int) -> None:
    """Add a legend that covers no data: above for few entries, at the right for many, none beyond 24."""
    if 1 < entries <= 5:
        ax.legend(
            frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=entries, borderaxespad=0.2,
            handlelength=1.4, columnspacing=1.2,
        )  # fmt: skip
    elif 5 < entries <= 24:
        ax.legend(
            frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), ncols=1 + (entries > 12), fontsize="small"
        )
