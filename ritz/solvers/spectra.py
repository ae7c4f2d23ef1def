"""Spectra of periodic fields: how well the grid resolves them, and a picture."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ritz.errors import ResolutionWarning, UnsupportedError
from ritz.solvers import figures
from ritz.solvers.catalog import Axis, Catalog

if TYPE_CHECKING:
    from ritz.solvers.plotting import Request
    from ritz.solvers.solution import Solution

Array = NDArray[Any]


def shell_spectrum(values: Array, axes: tuple[Axis, ...]) -> tuple[Array, Array]:
    """Return wavenumbers and the power in each shell of wavenumbers.

    Args:
        values: (*grid) real or complex values on a periodic grid.
        axes: The axes of the grid.

    Returns:
        (m,) wavenumbers k, multiples of the smallest one of the box, and (m,) sums of ``|u_k|^2`` over the modes with
        ``k - dk/2 <= |k| < k + dk/2``. The powers add up to the mean of ``|u|^2`` over the domain (Parseval).

    Example:
        >>> x = 2 * np.pi / 8 * np.arange(8)
        >>> k, power = shell_spectrum(np.sin(x), (Axis("x", x, 0.0, 2 * np.pi, True),))
        >>> power.round(12).tolist()
        [0.0, 0.5, 0.0, 0.0, 0.0]
    """
    power = np.abs(np.fft.fftn(values, norm="forward")) ** 2
    waves = [2 * np.pi * np.fft.fftfreq(axis.values.size, axis.length / axis.values.size) for axis in axes]
    length = np.sqrt(sum(np.square(w) for w in np.meshgrid(*waves, indexing="ij")))
    smallest = 2 * np.pi / max(axis.length for axis in axes)
    shells = np.rint(length / smallest).astype(int)
    found = np.bincount(shells.ravel(), power.ravel())
    return smallest * np.arange(found.size), found


def between_points(values: Array, axis: Axis, position: int, points: int) -> tuple[Array, Array]:
    """Return points and values for drawing along one axis.

    A periodic axis is refined by its trigonometric interpolant to at least `points` points, and its right end repeats
    the left one; any other axis, and values that are not finite, keep their points.

    Example:
        >>> x = 2 * np.pi / 4 * np.arange(4)
        >>> fine, sine = between_points(np.sin(x), Axis("x", x, 0.0, 2 * np.pi, True), 0, 8)
        >>> bool(np.allclose(sine, np.sin(fine))), len(fine)
        (True, 9)
    """
    if not axis.periodic:
        return axis.values, values
    moved = np.moveaxis(values, position, -1)
    size = moved.shape[-1]
    count = size * -(-points // size)
    if count > size and np.isfinite(moved).all():
        modes, half = np.fft.fft(moved, norm="forward"), (size - 1) // 2
        padded = np.zeros((*moved.shape[:-1], count), complex)
        padded[..., : half + 1] = modes[..., : half + 1]
        padded[..., count - half :] = modes[..., size - half :]
        if size % 2 == 0:
            padded[..., half + 1] = padded[..., -half - 1] = 0.5 * modes[..., half + 1]
        fine = np.fft.ifft(padded, norm="forward")
        moved = fine if np.iscomplexobj(values) else fine.real
    moved = np.concatenate([moved, moved[..., :1]], axis=-1)
    return np.linspace(axis.lower, axis.upper, moved.shape[-1]), np.moveaxis(moved, -1, position)


def require_periodic(catalog: Catalog, what: str) -> None:
    """Raise `UnsupportedError` unless every axis is periodic."""
    walls = [axis.name for axis in catalog.axes if not axis.periodic]
    if walls or not catalog.axes:
        where = f"{', '.join(walls)} is not periodic" if walls else "an ODE has no space"
        raise UnsupportedError(f"{what} needs a periodic grid along every coordinate, but {where}.")


def draw_spectrum(request: Request) -> Any:
    """Draw the power over the wavenumber: components in one panel, or a panel each, coloured by time."""
    catalog = request.solution.catalog
    require_periodic(catalog, "kind='spectrum'")
    times, values = request.sampled(request.solution.t[-1:])
    several = len(times) > 1
    axes = figures.panels(request.ax, 1, len(request.names) if several else 1, (5.4, 3.7))
    colours, mappable = figures.time_colours(times)
    for i, name in enumerate(request.names):
        ax = axes.flat[i if several else 0]
        for colour, snapshot in zip(colours, values[name], strict=True):
            k, power = shell_spectrum(snapshot if request.part is None else request.real(snapshot), catalog.axes)
            shown = power[1:] > 1e-30 * power.max()  # below is round-off
            line = {"linewidth": 1.5, "label": figures.label(catalog, name, request.part), "markersize": 3}
            line |= {"marker": "o" if len(k) < 40 else ""} | ({"color": colour} if several else {})
            draw = ax.semilogy if catalog.dimension == 1 else ax.loglog
            draw(k[1:][shown], power[1:][shown], **(line | request.kwargs))
    for ax in axes.flat:
        wave = "wavenumber $k$" if catalog.dimension == 1 else r"wavenumber $|\mathbf{k}|$"
        figures.name_axes(ax, wave, "power of the modes")
        figures.clean(ax)
    _titles(request, axes, times, mappable)
    return figures.given_back(axes)


def _titles(request: Request, axes: Array, times: Array, mappable: Any) -> None:
    """Say which component and which time every curve of a spectrum is."""
    if len(times) > 1:
        for ax, name in zip(axes.flat, request.names, strict=True):
            ax.set_title(figures.label(request.solution.catalog, name, request.part), fontsize="medium")
        figures.colour_bar(axes[0, -1], mappable, figures.label(request.solution.catalog, "t"))
        return
    first = figures.label(request.solution.catalog, request.names[0], request.part)
    only = f"{first},  " if len(request.names) == 1 else ""
    axes[0, 0].set_title(only + figures.time_text(times[0]), fontsize="medium", loc="right")
    figures.legend(axes[0, 0], len(request.names))


def check_resolution(solution: Solution, *, tol: float = 1e-3, fields: Any = None) -> dict[str, dict[str, float]]:
    """Warn where the grid is too coarse for what the solution became.

    The measure is the relative size of the highest third of the wavenumbers kept along an axis: the root of their
    share in the variance. It is near round-off for a resolved smooth field and near 1 for one that fills the grid.

    Args:
        solution: A solution on a periodic grid; up to ten of its stored times are looked at.
        tol: A `ResolutionWarning` names every field and axis whose tail is larger.
        fields: Name, symbol or several of them; all fields by default.

    Returns:
        Component -> coordinate -> size of the tail, the largest over the times.

    Raises:
        UnsupportedError: if the grid is not periodic.
    """
    catalog = solution.catalog
    require_periodic(catalog, "check_resolution")
    names = solution.select(fields)
    found = {name: dict.fromkeys((axis.name for axis in catalog.axes), 0.0) for name in names}
    for index in np.unique(np.linspace(0, len(solution.t) - 1, min(len(solution.t), 10)).astype(int)):
        state = solution.snapshot(int(index))
        for name in names:
            for position, axis in enumerate(catalog.axes):
                found[name][axis.name] = max(found[name][axis.name], tail_size(state[name], position))
    for name, tails in found.items():
        for axis in catalog.axes:
            if tails[axis.name] > tol:
                warnings.warn(_advice(name, axis, tails[axis.name], tol), ResolutionWarning, stacklevel=3)
    return found


def _advice(name: str, axis: Axis, tail: float, tol: float) -> str:
    return (
        f"Field {name} is not resolved along {axis.name}: the highest third of its wavenumbers carries {tail:.1e} of "
        f"its size (tol = {tol:g}). Use more than {axis.values.size} points along {axis.name}, or more diffusion."
    )


def tail_size(values: Array, position: int) -> float:
    """Return the relative size of the highest third of the kept wavenumbers along one axis, in [0, 1].

    Dealiased systems keep 2/(d + 1) of the grid's wavenumbers for a nonlinearity of degree d; the band that is kept is
    the smallest of these that holds all modes above round-off. A field of a few exact waves has no tail.
    """
    size = values.shape[position]
    power = np.abs(np.fft.fft(values, axis=position, norm="forward")) ** 2
    power = power.sum(axis=tuple(i for i in range(values.ndim) if i != position))
    half = size // 2
    folded = power[: half + 1].copy()
    folded[1 : (size - 1) // 2 + 1] += power[: size // 2 : -1]
    variance = folded[1:].sum()
    occupied = np.flatnonzero(folded > 1e-26 * folded.max())
    if variance <= 1e-26 * folded[0] or not np.isfinite(variance) or occupied[-1] == 0:
        return 0.0 if np.isfinite(variance) else 1.0
    bands = [int(half * 2 / (degree + 1)) for degree in range(1, 8)]
    band = min((b for b in bands if b >= occupied[-1]), default=half)
    tail = folded[band - band // 3 : band + 1]
    if np.count_nonzero(tail > 1e-26 * folded.max()) < max(2, tail.size // 2):
        return 0.0  # single exact waves, not a spectrum that was cut off
    return float(np.sqrt(tail.sum() / variance))
