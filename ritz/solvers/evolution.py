"""Integration in time: from a system and checked options to a Solution."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import ArrayLike, NDArray

from ritz.errors import OptionError
from ritz.solvers.buffers import ACCEPTED, LARGEST, NFEV, REJECTED, SMALLEST, new_control, start_control
from ritz.solvers.choose import advice, check_choice, check_direction, check_explicit, choose, choose_implicit
from ritz.solvers.driver import Request, Result, Run
from ritz.solvers.engines import idle_engine, idle_key, leave_engine, make_engine
from ritz.solvers.events import parse_events
from ritz.solvers.jumps import read_jumps
from ritz.solvers.linear.table import LinearOptions
from ritz.solvers.methods import EXPLICIT, Method, find_method
from ritz.solvers.options import read_atol, read_span, read_steps, read_threads, read_times, set_controller
from ritz.solvers.solution import Solution

Array = NDArray[Any]
COARSE = 5e-2  # size of the modes at the cut-off, relative to the largest, that makes a result doubtful


@dataclass(slots=True)
class Evolution:
    """Options of a run in time, as the user gave them; see `ritz.solve`."""

    t_span: Any
    method: Any = "auto"
    t_eval: ArrayLike | None = None
    dense_output: bool = False
    events: Any = None
    rtol: float = 1e-3
    atol: ArrayLike = 1e-6
    max_step: float = math.inf
    first_step: float | None = None
    dt: float | None = None
    callback: Callable[[float, Any], Any] | None = None
    progress: bool | None = None
    threads: int | None = None
    max_steps: int | None = None
    linear: LinearOptions | None = None
    spectral_radius: float | None = None
    stage_rtol: float = 1e-10


def solve_in_time(system: Any, u0: Array, p: Array, options: Evolution) -> Solution:
    """Integrate a system; see `ritz.solve`."""
    started = time.perf_counter()
    t0, t_end = read_span(options.t_span)
    largest = read_steps(
        t0, t_end, dt=options.dt, first_step=options.first_step, max_step=options.max_step, max_steps=options.max_steps
    )
    times = read_times(options.t_eval, t0, t_end)
    workers = read_threads(options.threads)
    chosen = None if options.method == "auto" else find_method(options.method)
    mass = system.mass(p)
    request = Request(
        system, p, t0, t_end, u0, times, bool(options.dense_output), parse_events(options.events), options.callback,
        options.progress, options.max_steps,
    )  # fmt: skip
    dt = options.dt
    if chosen.is_implicit if chosen is not None else mass is not None:
        why, record, result, method, figures = _implicit(system, mass, chosen, options, request, largest)
    else:
        why, record, result, method, figures = _compiled(system, mass, chosen, options, request, largest, workers)
    statistics = {
        "why": why,
        "steps": figures.steps,
        "rejected": figures.rejected,
        "smallest_step": figures.smallest if dt is None else dt,
        "largest_step": figures.largest if dt is None else dt,
        "kept_every": result.stride,
        **record,
    }
    njev, nlu = statistics.pop("njev", 0), statistics.pop("nlu", 0)
    statistics["seconds"] = time.perf_counter() - started
    return Solution(
        t=result.t, y=result.y, sol=result.sol, t_events=result.t_events, y_events=result.y_events, log=result.log,
        nfev=figures.nfev, njev=njev, nlu=nlu, status=result.status,
        message=result.message, success=result.success, system=system, method=method.name, params=p,
        options={"rtol": options.rtol, "atol": options.atol, "dt": dt, "method": options.method},
        statistics=statistics,
    )  # fmt: skip


class Figures(NamedTuple):
    """What a run counted and measured."""

    steps: int
    rejected: int
    nfev: int
    smallest: float
    largest: float


def _figures(control: Array, counts: Array) -> Figures:
    steps, rejected, nfev = int(counts[ACCEPTED]), int(counts[REJECTED]), int(counts[NFEV])
    return Figures(steps, rejected, nfev, float(control[SMALLEST]), float(control[LARGEST]))


def _start(control: Array, counts: Array, options: Evolution, request: Request, largest: float, method: Method) -> None:
    """Prepare the arrays that a run shares with its engine."""
    start_control(
        control, counts, request.t0, request.t_end, rtol=options.rtol, max_step=largest,
        first_step=options.first_step, dt=options.dt,
    )  # fmt: skip
    set_controller(control, method)


def _asked(method: Method) -> str:
    return f"{method.name}: asked for."


def _compiled(
    system: Any, mass: Any, chosen: Method | None, options: Evolution, request: Request, largest: float, workers: int
) -> tuple[str, dict[str, Any], Result, Method, Figures]:
    """Run a compiled loop: explicit methods, and those for diagonal linear parts."""
    if options.linear is not None or options.spectral_radius is not None:
        name = "spectral_radius" if options.linear is None else "linear"
        raise OptionError(f"{name} belongs to implicit methods such as 'ESDIRK4' or 'BDF2'; leave it out.")
    p, t0, t_end, u0, dt = request.p, request.t0, request.t_end, request.u0, options.dt
    if mass is not None:
        check_choice(chosen or find_method("Tsit5"), None, dt, mass)
    bound = system.bind(p, threads=workers)
    if chosen is None:
        chosen, why = choose(bound, options.rtol, dt)
    else:
        why = _asked(chosen)
    check_choice(chosen, bound, dt)
    check_direction(system, bound, t0, t_end)
    tolerances = read_atol(options.atol, u0.size, bound.groups)
    if chosen.family == EXPLICIT:
        check_explicit(chosen, chosen.coefficients, bound, t0, t_end, dt)
    key = idle_key(chosen, bound, tolerances)
    engine = idle_engine(key, bound)
    control, counts = new_control() if engine is None else (engine.control, engine.counts)
    _start(control, counts, options, request, largest, chosen)
    if engine is None:
        engine = make_engine(chosen, bound, u0, control, counts, tolerances, workers)
    else:
        engine.restart(u0)
    request.advice = advice(chosen, bound, dt)
    request.jumps = read_jumps(system, p, engine, chosen.name, t0, t_end)
    result = Run(engine, control, counts, request).go()
    if result.status == 0 and hasattr(system.layout, "check_resolution"):
        system.layout.check_resolution(engine.state, limit=COARSE, when=f" at t = {t_end:g}")
    figures = _figures(control, counts)  # the next run with this engine writes over them
    if not options.dense_output:  # its polynomials may need the engine
        leave_engine(engine, key, bound)
    return why, {}, result, chosen, figures


def _implicit(
    system: Any, mass: Any, chosen: Method | None, options: Evolution, request: Request, largest: float
) -> tuple[str, dict[str, Any], Result, Method, Figures]:
    """Run an implicit method."""
    from ritz.solvers.implicit.setup import Task, make_implicit_engine

    if chosen is None:
        chosen, why = choose_implicit(system, options.rtol, options.dt)
    else:
        why = _asked(chosen)
    check_choice(chosen, None, options.dt, mass)
    tolerances = read_atol(options.atol, request.u0.size, system.layout.groups)
    control, counts = new_control()
    _start(control, counts, options, request, largest, chosen)
    task = Task(
        chosen, system, request.p, mass, options.rtol, tolerances, options.linear or LinearOptions(),
        options.stage_rtol, options.spectral_radius,
    )  # fmt: skip
    engine, words = make_implicit_engine(task, request.u0, control, counts)
    request.u0 = engine.state.copy()
    request.advice = advice(chosen, None, options.dt)
    request.jumps = read_jumps(system, request.p, engine, chosen.name, request.t0, request.t_end)
    result = Run(engine, control, counts, request).go()
    stages = engine.stages
    record: dict[str, Any] = {
        "linear": stages.solver.why,
        "linear_iterations": stages.solver.iterations,
        "njev": stages.jacobians,
        "nlu": stages.solver.factorised,
    }
    if words:
        record["start"] = words
    return why, record, result, chosen, _figures(control, counts)
