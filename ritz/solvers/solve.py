"""`solve`: from a problem or a system to a Solution."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from numpy.typing import ArrayLike

from ritz.errors import reject_unknown
from ritz.solvers.buffers import ACCEPTED, LARGEST, NFEV, REJECTED, SMALLEST, new_control, start_control
from ritz.solvers.choose import advice, check_choice, check_direction, check_explicit, choose
from ritz.solvers.driver import Request, Run
from ritz.solvers.engines import idle_engine, leave_engine, make_engine
from ritz.solvers.events import parse_events
from ritz.solvers.methods import EXPLICIT, find_method
from ritz.solvers.options import (
    as_system,
    check_callback,
    read_atol,
    read_rtol,
    read_span,
    read_start,
    read_steps,
    read_threads,
    read_times,
    set_controller,
)  # fmt: skip
from ritz.solvers.solution import Solution

COARSE = 5e-2  # size of the modes at the cut-off, relative to the largest, that makes a result doubtful
_OPTIONS = (
    "y0", "params", "method", "t_eval", "dense_output", "events", "rtol", "atol", "max_step", "first_step", "dt",
    "callback", "progress", "threads", "max_steps",
)  # fmt: skip


def solve(
    problem_or_system: Any,
    t_span: tuple[float, float],
    y0: Any = None,
    *,
    params: Mapping[Any, float] | None = None,
    method: str = "auto",
    t_eval: ArrayLike | None = None,
    dense_output: bool = False,
    events: Callable[[float, Any], float] | Iterable[Callable[[float, Any], float]] | None = None,
    rtol: float = 1e-3,
    atol: ArrayLike = 1e-6,
    max_step: float = math.inf,
    first_step: float | None = None,
    dt: float | None = None,
    callback: Callable[[float, Any], Any] | None = None,
    progress: bool | None = None,
    threads: int | None = None,
    max_steps: int | None = None,
    **unknown: Any,
) -> Solution:
    """Integrate a system in time.

    Args:
        problem_or_system: A System, or a Problem of ordinary differential equations.
        t_span: Start and end; an end before the start integrates backwards.
        y0: Initial value instead of the problem's: a (size,) raw state, field name -> values, or a Solution, whose
            last state is taken up (with its parameters, unless `params` is given). Numbers beyond the problem's
            defaults are checked for shape and finiteness.
        params: Parameter (or its name) -> value, for parameters that differ from their defaults.
        method: Name of a method (see `methods`) or "auto"; the reason of the choice is in ``statistics["why"]``.
        t_eval: (nt,) times at which to store the solution; every accepted step by default.
        dense_output: Keep the solution as a function of time, ``solution.sol(t)``.
        events: One or several functions ``event(t, y)`` whose zeros are located; attributes ``terminal`` (True or a
            count) and ``direction`` as in SciPy. ``y[0]`` is a number of the raw state, ``y["u"]`` the field u.
        rtol, atol: Relative and absolute tolerance; the local error is kept below ``atol + rtol * |u|``, number by
            number for ODEs (atol may then be an array) and in the mean over the domain, field by field, for
            discretised equations (atol may then have one entry per field).
        max_step: Largest step.
        first_step: First step; chosen by default.
        dt: Fixed step, no error control. The last step is shortened to end exactly at the end of `t_span`; a dt that
            divides the interval to a relative 1e-9 is taken to divide it.
        callback: Called as ``callback(t, y)`` for every accepted step, in batches of about 0.2 s; True stops the run.
        progress: Show a progress bar; by default in interactive sessions, after one second.
        threads: Threads for large systems; 1 by default.
        max_steps: Give up after so many attempted steps.

    Returns:
        A `Solution`. Failures during the run (values that are not finite, steps that become too small, an interrupt)
        do not raise: ``success`` is False, ``message`` says what happened and the steps made so far are kept. Without
        `t_eval` and `dense_output` at most 1 GiB of states is kept: beyond it every second one is dropped.

    Raises:
        OptionError: an unknown or impossible option; the nearest name is offered.
        UnsupportedError: a method that does not fit the system.
        InitialValueError: an initial value of the wrong shape or not finite.
        SolveError: a fixed step at which an explicit method is unstable on the linear part of the system; diffusion
            run backwards in time.

    Warns:
        ResolutionWarning: the grid does not resolve the initial value or what the solution has become.
        AccuracyWarning: rtol below what double precision allows; an explicit method that needs millions of steps.

    Example:
        >>> import ritz as rz
        >>> x = rz.fields("x")
        >>> problem = rz.Problem([rz.Eq(rz.dt(x), -x)], initial={x: 1})
        >>> solution = rz.solve(problem, (0, 1), rtol=1e-8, atol=1e-8)
        >>> round(float(solution.y[0, -1]), 6)
        0.367879
    """
    started = time.perf_counter()
    if unknown:
        reject_unknown(unknown, _OPTIONS, "solve")
    system = as_system(problem_or_system)
    t0, t_end = read_span(t_span)
    largest = read_steps(t0, t_end, dt=dt, first_step=first_step, max_step=max_step, max_steps=max_steps)
    rtol = read_rtol(rtol)
    p, u0 = read_start(system, y0, params)
    times = read_times(t_eval, t0, t_end)
    check_callback(callback)
    workers = read_threads(threads)
    chosen = None if method == "auto" else find_method(method)
    bound = system.bind(p, threads=workers)
    if chosen is None:
        chosen, why = choose(bound, rtol, dt)
    else:
        why = f"{chosen.name}: asked for."
    check_choice(chosen, bound, dt)
    check_direction(system, bound, t0, t_end)
    tolerances = read_atol(atol, u0.size, bound.groups)
    if chosen.family == EXPLICIT:
        check_explicit(chosen, chosen.coefficients, bound, t0, t_end, dt)
    engine = idle_engine(chosen, bound, tolerances)
    control, counts = new_control() if engine is None else (engine.control, engine.counts)
    start_control(control, counts, t0, t_end, rtol=rtol, max_step=largest, first_step=first_step, dt=dt)
    set_controller(control, chosen)
    if engine is None:
        engine = make_engine(chosen, bound, u0, control, counts, tolerances, workers)
    else:
        engine.restart(u0)
    request = Request(
        system, p, t0, t_end, u0, times, bool(dense_output), parse_events(events), callback, progress, max_steps,
        advice(chosen, bound, dt),
    )  # fmt: skip
    result = Run(engine, control, counts, request).go()
    if result.status == 0 and hasattr(system.layout, "check_resolution"):
        system.layout.check_resolution(engine.state, limit=COARSE, when=f" at t = {t_end:g}")
    nfev, steps, rejected = int(counts[NFEV]), int(counts[ACCEPTED]), int(counts[REJECTED])
    statistics = {
        "why": why,
        "steps": steps,
        "rejected": rejected,
        "smallest_step": float(control[SMALLEST]) if dt is None else dt,
        "largest_step": float(control[LARGEST]) if dt is None else dt,
        "kept_every": result.stride,
        "seconds": time.perf_counter() - started,
    }
    if not dense_output:  # its polynomials may need the engine
        leave_engine(engine, chosen, bound, tolerances)
    return Solution(
        t=result.t, y=result.y, sol=result.sol, t_events=result.t_events, y_events=result.y_events,
        nfev=nfev, status=result.status, message=result.message, success=result.success, system=system,
        method=chosen.name, params=p, options={"rtol": rtol, "atol": atol, "dt": dt, "method": method},
        statistics=statistics,
    )  # fmt: skip
