"""Second story: a parameter sweep of the Burgers equations in the plane, and the reduced model made of it."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import page
from terminal import Say

import ritz as rz
from ritz.reduced_order.error_estimate import relative_error

SPAN, SAVED = (0.0, 3.0), 31
RANGES = {"nu": (0.15, 0.5), "a": (0.2, 1.0)}
OUTSIDE = {"nu": 0.08, "a": 0.6}


def burgers_2d() -> rz.Problem:
    """Vortices on a periodic square, driven by crossed shears of strength a, viscosity nu."""
    x, y = rz.coords("x y")
    u = rz.vector_fields("u")
    nu, a = rz.params("nu a", default=(0.3, 0.6), bounds=((0.05, 1), (0, 2)))
    drive = rz.vector(rz.sin(y), rz.sin(x))
    side = (0, 2 * rz.pi)
    return rz.Problem(
        [rz.Eq(rz.dt(u) + rz.dot(u, rz.grad(u)), nu * rz.lap(u) + a * drive)],
        domain=rz.Box(x=side, y=side), conditions=[rz.Periodic()],
        initial={u: rz.vector(rz.sin(x) * rz.cos(y), -rz.cos(x) * rz.sin(y))},
    )  # fmt: skip


@dataclass(frozen=True)
class Test:
    """Both models at parameters that neither the basis nor the tolerance has seen.

    Attributes:
        points: (n, 2) parameters. errors: (n,) relative errors.
        full, reduced: seconds of one whole solve, the median over the points.
        pair: both solutions at the first point.
    """

    points: np.ndarray
    errors: np.ndarray
    full: float
    reduced: float
    pair: tuple[rz.Solution, rz.Solution]


def measure(system: rz.System, rom: object, count: int) -> Test:
    """Solve both models at random parameters inside the region, at the same tolerances."""
    low, high = np.array(list(RANGES.values())).T
    points = np.random.default_rng(12).uniform(low, high, (count, 2))
    times = np.linspace(*SPAN, SAVED)
    options = {"t_eval": times, "rtol": 1e-5, "atol": 1e-5}
    errors, seconds, pairs = [], [], []
    for model in (system, rom):
        rz.solve(model, SPAN, **options)  # compiles
    for point in points:
        given = dict(zip(RANGES, point.tolist()))
        pairs.append(tuple(rz.solve(model, SPAN, params=given, **options) for model in (system, rom)))
        full, reduced = pairs[-1]
        errors.append(relative_error(rom.layout.decode(reduced.y), full.y, system.layout.weights))
        seconds.append([solution.statistics["seconds"] for solution in pairs[-1]])
    median = np.median(seconds, axis=0)
    return Test(points, np.array(errors), float(median[0]), float(median[1]), pairs[0])


def speed(solution: rz.Solution) -> np.ndarray:
    """(nx, ny) speed at the end of a run."""
    return np.hypot(*solution["u"][-1])


def draw_fields(runs: rz.Sweep, path: Path) -> Path:
    """Draw the final speed of six training runs."""
    figure, axes = plt.subplots(1, 6, figsize=(13, 2.55), layout="constrained")
    order = np.sort(np.arange(6) * 7 % len(runs))
    for ax, i in zip(axes, order):
        ax.imshow(speed(runs[i]).T, origin="lower", cmap="magma", vmin=0, vmax=2.4, interpolation="bicubic")
        ax.set_axis_off()
        ax.set_title(", ".join(f"{'ν' if k == 'nu' else k} = {v:.2f}" for k, v in runs.point(i).items()), fontsize=10)
    return _save(figure, path)


def draw_comparison(test: Test, path: Path) -> Path:
    """Draw full model, reduced model and their difference at one parameter point."""
    full, reduced = (speed(solution) for solution in test.pair)
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    panels = {"full model": full, "reduced model": reduced, "difference": reduced - full}
    for ax, (title, values) in zip(axes, panels.items()):
        cmap = "RdBu_r" if title == "difference" else "magma"
        top = np.abs(values).max()
        limits = {"vmin": -top, "vmax": top} if title == "difference" else {"vmin": 0, "vmax": full.max()}
        image = ax.imshow(values.T, origin="lower", cmap=cmap, interpolation="bicubic", **limits)
        ax.set_axis_off()
        ax.set_title(title, fontsize=11)
        figure.colorbar(image, ax=ax, shrink=0.85)
    return _save(figure, path)


def energies(rom: object, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sweep the reduced model over a grid of parameters; return nu, a and the final energy (len(a), len(nu)).

    The modes are orthonormal in the mean over the square: the energy is half the squared length of the coefficients.
    """
    runs = rz.sweep(rom, RANGES, SPAN, sampling="grid", n=side, t_eval=[SPAN[1]], progress=False)
    energy = 0.5 * np.sum(runs.snapshots() ** 2, axis=0)
    nu, a = (np.unique(column) for column in runs.parameters.T)
    return nu, a, energy.reshape(side, side).T


def draw_map(nu: np.ndarray, a: np.ndarray, energy: np.ndarray, test: Test, path: Path) -> Path:
    """Draw the kinetic energy at the end over the parameters."""
    figure, ax = plt.subplots(figsize=(9, 3.8), layout="constrained")
    filled = ax.contourf(nu, a, energy, 24, cmap="magma")
    figure.colorbar(filled, ax=ax, label="mean kinetic energy at t = 3")
    ax.scatter(*test.points.T, marker="x", color="white", s=36, clip_on=False, zorder=3)
    ax.set_xlabel("viscosity ν")
    ax.set_ylabel("drive a")
    return _save(figure, path)


def _save(figure: plt.Figure, path: Path) -> Path:
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def extrapolation(system: rz.System, rom: object) -> tuple[str, float]:
    """Use the reduced model outside its region; return its warning and its true error there."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        reduced = rom(**OUTSIDE)
    full = rz.solve(system, SPAN, params=OUTSIDE, t_eval=reduced.t, rtol=1e-5, atol=1e-5)
    error = relative_error(rom.layout.decode(reduced.y), full.y, system.layout.weights)
    return next((str(w.message) for w in caught if issubclass(w.category, rz.errors.RitzWarning)), "none"), error


def run(out: Path, say: Say, *, quick: bool) -> str:
    """Tell the story; return its section of the page."""
    points, grid, side = (32, [3, 3], 5) if quick else (128, [5, 4], 40)
    count = grid[0] * grid[1]
    say(f"Burgers in the plane on {points} x {points} points: a sweep of {count} runs")
    system = burgers_2d().discretize(rz.Fourier(points, points))
    times = np.linspace(*SPAN, SAVED)
    began = time.perf_counter()
    runs = rz.sweep(
        system, RANGES, SPAN, sampling="grid", n=grid, t_eval=times, rtol=1e-6, atol=1e-8, progress=False
    )
    swept = time.perf_counter() - began
    say(f"  {len(runs.succeeded)} runs on all cores in {swept:.1f} s")
    began = time.perf_counter()
    rom = rz.reduce(system, runs, tol=2e-2 if quick else 2e-3, n_test=2 if quick else 4)
    reduced = time.perf_counter() - began
    say(f"  {system.layout.size} unknowns reduced to {rom.size} modes in {reduced:.1f} s: {rom.error_estimate}")
    test = measure(system, rom, 3 if quick else 7)
    say(f"  one solve: full {1e3 * test.full:.0f} ms, reduced {1e3 * test.reduced:.2f} ms")
    began = time.perf_counter()
    energy = energies(rom, side)
    mapped = time.perf_counter() - began
    say(f"  a map of {side * side} parameter points by the reduced model in {mapped:.1f} s")
    warning, outside = extrapolation(system, rom)
    form = system.lowered.forms[0].report
    return page.story(
        "From a sweep to a reduced model: Burgers in the plane",
        page.paragraph(
            "A vector equation with two parameters, viscosity and drive, is solved at a handful of parameter points. "
            "Their states span a small space; the equations are projected on it, exactly, because they are polynomial. "
            f"The full model is compiled as well, and was rewritten first: {sum(form.written)} transforms became "
            f"{sum(form.found)}, since u·∇u is half the gradient of |u|² plus vorticity times a turned velocity."
        ),
        page.picture(draw_fields(runs, out / "burgers_runs.png"), "Speed at t = 3 in six of the runs."),
        page.numbers(_numbers(system, rom, test, (swept, reduced, mapped))),
        page.picture(
            _save(rom.plot()[0].figure, out / "burgers_modes.png"),
            "Left: singular values of all snapshots. Right: errors of the runs that were held back.",
        ),
        page.picture(
            draw_comparison(test, out / "burgers_error.png"), "Speed at t = 3, at parameters that were not trained."
        ),
        page.picture(
            draw_map(*energy, test, out / "burgers_map.png"),
            f"{side * side} runs of the reduced model, made in {mapped:.1f} s. Crosses: compared with the full model.",
        ),
        page.heading("Outside the region it was trained in"),
        page.paragraph(
            f"At ν = {OUTSIDE['nu']:g}, a = {OUTSIDE['a']:g} the reduced model answers, and warns. Its true relative "
            f"error there is {outside:.1e}."
        ),
        page.code(warning),
        page.folded("Card of the reduced model", str(rom.report())),
        page.folded("What was done to the equations of the full model", str(system.report())),
    )


def _numbers(system: rz.System, rom: object, test: Test, work: tuple[float, float, float]) -> list[tuple[str, str]]:
    """Return the figures of the story with their words; `work`: seconds of the sweep, the reduction, the map."""
    gain, form, (swept, reduced, mapped) = rom.measure_gain(), system.lowered.forms[0].report, work
    full, small = 1e3 * test.full, 1e3 * test.reduced
    return [
        (f"{system.layout.size} → {rom.size}", "unknowns of the full and of the reduced model"),
        (f"{test.errors.max():.1e}", f"largest relative error at {len(test.points)} parameter points never seen"),
        (f"{full / small:.0f}×", f"a whole solve: {full:.0f} ms full, compiled; {small:.2f} ms reduced"),
        (
            f"{gain.ratio:.0f}×",
            f"one evaluation: {1e6 * gain.full:.0f} µs full, compiled; {1e6 * gain.reduced:.2f} µs reduced",
        ),
        (f"{sum(form.written)} → {sum(form.found)}", "transforms in one evaluation of the full model, by rewriting"),
        (f"{swept:.1f} s", "for the sweep of the full model on all cores"),
        (f"{reduced:.1f} s", "for modes, projection and the error at runs held back"),
        (f"{mapped:.1f} s", "for the map below, by the reduced model"),
    ]
