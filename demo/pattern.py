"""First story: the Gray-Scott equations, from the textbook to pictures."""

from __future__ import annotations

import time
from pathlib import Path

import matplotlib.pyplot as plt
import page
from terminal import Say

import ritz as rz

SQUARES = ((1.25, 1.25), (0.55, 0.7), (1.9, 0.5), (0.7, 1.9), (2.0, 1.85))  # centres of the seeds
TIMES = (0, 500, 1000, 2000, 4000)


def gray_scott() -> rz.Problem:
    """Two species on a periodic square, seeded with five soft squares of v in u [pearson1993]."""
    x, y = rz.coords("x y")
    u, v = rz.fields("u v")
    F, k = rz.params("F k", default=(0.037, 0.06), bounds=((0.01, 0.1), (0.03, 0.07)))

    def bump(s, centre):
        return (rz.tanh((s - centre + 0.1) / 0.045) - rz.tanh((s - centre - 0.1) / 0.045)) / 2

    seed = sum(bump(x, a) * bump(y, b) for a, b in SQUARES)
    return rz.Problem(
        [rz.Eq(rz.dt(u), 2e-5 * rz.lap(u) - u * v**2 + F * (1 - u)),
         rz.Eq(rz.dt(v), 1e-5 * rz.lap(v) + u * v**2 - (F + k) * v)],
        domain=rz.Box(x=(0, 2.5), y=(0, 2.5)), conditions=[rz.Periodic()], initial={u: 1 - seed / 2, v: seed / 4},
    )  # fmt: skip


def strip(solution: rz.Solution, path: Path, *, titles: bool = True) -> Path:
    """Draw v at every stored time but the first, side by side."""
    shown = range(1, len(solution.t))
    figure, axes = plt.subplots(1, len(shown), figsize=(3.2 * len(shown), 3.2 + 0.3 * titles), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.01)
    for ax, i in zip(axes, shown):
        ax.imshow(solution["v"][i].T, origin="lower", cmap="magma", vmin=0, vmax=0.4, interpolation="bicubic")
        ax.set_axis_off()
        if titles:
            ax.set_title(f"t = {solution.t[i]:g}", fontsize=11)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def strip_for_docs(solution: rz.Solution, path: Path) -> None:
    """Draw the strip without titles, in 200 colours, so that the repository stays small."""
    from PIL import Image

    strip(solution, path, titles=False)
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(200, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def step_time(system: rz.System, start: rz.Solution, threads: int, steps: int) -> float:
    """Seconds of one step of a fixed-step run that goes on from a solution, compilation left out."""
    t = float(start.t[-1])
    for count in (2, steps):
        run = rz.solve(system, (t, t + count), y0=start, dt=1.0, method="ETDRK4", t_eval=[t + count], threads=threads)
    return float(run.statistics["seconds"]) / steps


def advance(system: rz.System, times: tuple[float, ...], say: Say) -> rz.Solution:
    """Solve, with a line on the terminal at every eighth of the way."""
    end, marks = times[-1], iter(times[-1] * i / 8 for i in range(1, 9))
    state = {"next": next(marks)}

    def report(t: float, y: object) -> None:
        while state["next"] is not None and t >= state["next"]:
            say(f"  t = {state['next']:.0f} of {end:.0f}")
            state["next"] = next(marks, None)

    return rz.solve(system, (0, end), rtol=1e-4, t_eval=times, callback=report, progress=False)


def run(out: Path, say: Say, *, quick: bool) -> tuple[str, rz.Solution]:
    """Tell the story; return its section of the page, and the solution."""
    points, times = (64, (0, 20, 40, 60, 80)) if quick else (256, TIMES)
    say(f"Gray-Scott on {points} x {points} points")
    problem = gray_scott()
    began = time.perf_counter()
    system = problem.discretize(rz.Fourier(points, points))
    rz.solve(system, (0, 1), dt=1.0)
    compiled = time.perf_counter() - began
    say(f"  equations to compiled kernels and a first step: {compiled:.1f} s")
    solution = advance(system, times, say)
    if not solution.success:
        raise SystemExit(f"The Gray-Scott run failed: {solution.message}")
    solution.save(out / "gray_scott.nc", overwrite=True)
    facts = solution.statistics
    say(f"  {facts['steps']} adaptive steps in {facts['seconds']:.1f} s")
    one, two = (step_time(system, solution, threads, 10 if quick else 60) for threads in (1, 2))
    say(f"  one step: {1e3 * one:.2f} ms on one thread, {1e3 * two:.2f} ms on two")
    report = system.report()
    section = page.story(
        "From an equation to pictures: Gray–Scott",
        page.paragraph(
            "Two species diffuse and react; five soft squares of one are dropped into the other. Fronts split, buckle "
            "and fill the plane with a labyrinth. The equations below are all that was written."
        ),
        page.code("\n".join(str(equation) for equation in problem.equations)),
        page.picture(strip(solution, out / "gray_scott.png"), f"The species v on {points} × {points} points."),
        page.numbers([
            (f"{compiled:.1f} s", "from equations to compiled kernels and a first step; less when the cache is warm"),
            (f"{facts['seconds']:.1f} s", f"for {facts['steps']} adaptive {solution.method} steps to t = {times[-1]}"),
            (f"{1e3 * one:.2f} ms", "one fixed step (four evaluations) on one thread"),
            (f"{1e3 * two:.2f} ms", f"the same on two threads: {one / two:.2f} times as fast"),
        ]),
        page.paragraph(f"Method: {facts['why']}"),
        page.folded("What Ritz understood of the problem", str(problem.explain())),
        page.folded("What was done to the equations", str(report)),
        page.folded("The generated kernel", report.source),
    )
    return section, solution
