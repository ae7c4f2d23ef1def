"""`solve`: from a problem or a system to a Solution."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ritz.errors import OptionError, OptionValueError, reject_unknown
from ritz.solvers.evolution import Evolution, solve_in_time
from ritz.solvers.linear.table import LinearOptions, read_linear
from ritz.solvers.options import as_system, check_callback, read_rtol, read_start, real_number
from ritz.solvers.solution import Solution

_OPTIONS = (
    "y0", "params", "method", "t_eval", "dense_output", "events", "rtol", "atol", "max_step", "first_step", "dt",
    "callback", "progress", "threads", "max_steps", "linear", "spectral_radius", "max_iterations", "load",
    "continuation",
)  # fmt: skip
RTOL, ATOL = 1e-3, 1e-6  # in time
STAGE_RTOL = 1e-10  # of the equations of implicit steps whose size is given


def solve(
    problem_or_system: Any,
    t_span: tuple[float, float] | None = None,
    y0: Any = None,
    *,
    params: Mapping[Any, float] | None = None,
    method: str = "auto",
    t_eval: ArrayLike | None = None,
    dense_output: bool = False,
    events: Callable[[float, Any], float] | Iterable[Callable[[float, Any], float]] | None = None,
    rtol: float | None = None,
    atol: ArrayLike | None = None,
    max_step: float = math.inf,
    first_step: float | None = None,
    dt: float | None = None,
    callback: Callable[[float, Any], Any] | None = None,
    progress: bool | None = None,
    threads: int | None = None,
    max_steps: int | None = None,
    linear: str | LinearOptions = "auto",
    spectral_radius: float | None = None,
    max_iterations: int | None = None,
    load: Any = None,
    continuation: Mapping[Any, tuple[float, float]] | None = None,
    **unknown: Any,
) -> Solution:
    """Integrate a system in time, or solve a steady one.

    Args:
        problem_or_system: A System, or a Problem of ordinary differential equations.
        t_span: Start and end; an end before the start integrates backwards. Left out for steady problems.
        y0: Initial value instead of the problem's: a (size,) raw state, field name -> values, or a Solution, whose
            last state is taken up (with its parameters, unless `params` is given). Numbers beyond the problem's
            defaults are checked for shape and finiteness.
        params: Parameter (or its name) -> value, for parameters that differ from their defaults.
        method: Name of a method (see `methods`) or "auto"; the reason of the choice is in ``statistics["why"]``.
            "Newton" without `t_span` finds a steady state ``f(u) = 0`` of a system that evolves.
        t_eval: (nt,) times at which to store the solution; every accepted step by default.
        dense_output: Keep the solution as a function of time, ``solution.sol(t)``.
        events: One or several functions ``event(t, y)`` whose zeros are located; attributes ``terminal`` (True or a
            count) and ``direction`` as in SciPy. ``y[0]`` is a number of the raw state, ``y["u"]`` the field u. They
            find times and stop runs; events that change the state belong to the problem (`ritz.Event`) and act in
            every run of it. At the time of such an event the solution is the state after it; ``solution.log`` has both.
        rtol, atol: Relative and absolute tolerance, by default 1e-3 and 1e-6; the local error is kept below
            ``atol + rtol * |u|``, number by number for ODEs (atol may then be an array) and in the mean over the
            domain, field by field, for discretised equations (atol may then have one entry per field). Unknowns
            without time derivative (the multipliers of a constraint) do not count. For steady problems the residual is
            made smaller than ``rtol`` times the first one, by default 1e-10 (see `ritz.solvers.newton`), or than atol,
            by default 0.
        max_step: Largest step.
        first_step: First step; chosen by default.
        dt: Fixed step, no error control. The last step is shortened to end exactly at the end of `t_span`; a dt that
            divides the interval to a relative 1e-9 is taken to divide it. The equations of implicit steps are solved
            to rtol, by default 1e-10.
        callback: Called as ``callback(t, y)`` for every accepted step, in batches of about 0.2 s; True stops the run.
        progress: Show a progress bar; by default in interactive sessions, after one second.
        threads: Threads for large systems; 1 by default.
        max_steps: Give up after so many attempted steps.
        linear: Solver for linear systems in implicit methods and steady problems: a name of `linear_solvers`, a
            `LinearOptions`, or "auto"; the choice and its reason are in ``statistics["linear"]``.
        spectral_radius: Of "GeneralizedAlpha": factor by which the fastest modes shrink in a step, 0.8 by default.
        max_iterations: Steady: iterations of Newton's method, at most 50 by default.
        load: Steady: a parameter that is raised from zero to its value in increments that adapt themselves.
        continuation: Steady: parameter -> (from, to), the same for other ends and several parameters at once.

    Returns:
        A `Solution`. Steady problems have one state at t = 0 and the iterations in ``statistics["history"]``; where
        none was found they raise. Failures during a run in time (values that are not finite, steps that become too
        small, an interrupt) do not raise: ``success`` is False, ``message`` says what happened and the steps made so
        far are kept. Without `t_eval` and `dense_output` at most 1 GiB of states is kept: beyond it every second one is
        dropped.

    Raises:
        OptionError: an unknown or impossible option; the nearest name is offered.
        UnsupportedError: a method that does not fit the system.
        MissingPackage: a linear solver that is not installed.
        ConvergenceError: Newton's method did not converge on a steady problem; shows its history.
        LinearSolveError: the linear system of a steady problem is singular; names a condition that may be missing.
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
        >>> cube = rz.FunctionSystem(lambda t, x: x**3 - 8, 1, steady=True, initial=[1.0])
        >>> float(round(rz.solve(cube).y[0, 0], 9))
        2.0
    """
    if unknown:
        reject_unknown(unknown, _OPTIONS, "solve")
    system = as_system(problem_or_system)
    check_callback(callback)
    how = read_linear(linear) if linear != "auto" else None
    if system.is_steady or t_span is None or method == "Newton":
        _check_span(system, t_span, method)
        only_in_time = {
            "t_eval": t_eval is not None, "dense_output": dense_output, "events": events is not None,
            "max_step": max_step != math.inf, "first_step": first_step is not None, "dt": dt is not None,
            "max_steps": max_steps is not None, "spectral_radius": spectral_radius is not None,
        }  # fmt: skip
        return _steady(system, y0, params, only_in_time, rtol, atol, max_iterations, how, load, continuation, callback)
    for name, value in (("max_iterations", max_iterations), ("load", load), ("continuation", continuation)):
        if value is not None:
            raise OptionError(f"{name} is for steady problems; {system.name} is integrated in time. Leave it out.")
    stage_rtol = STAGE_RTOL if rtol is None else read_rtol(rtol)
    rtol = read_rtol(RTOL if rtol is None else rtol)
    p, u0 = read_start(system, y0, params)
    options = Evolution(
        t_span, method, t_eval, dense_output, events, rtol, ATOL if atol is None else atol, max_step, first_step, dt,
        callback, progress, threads, max_steps, how, spectral_radius, stage_rtol,
    )  # fmt: skip
    return solve_in_time(system, u0, p, options)


def _check_span(system: Any, t_span: Any, method: Any) -> None:
    """Check that a time span is there where there is time, and not where there is none.

    Raises:
        OptionError: `t_span` is missing, or means nothing.
    """
    if system.is_steady and t_span is not None:
        raise OptionError(
            f"{system.name} is steady: no unknown has a time derivative, so there is nothing to integrate over "
            f"t_span = {t_span!r}. Call solve(system) without it, or add dt(...) to the equations."
        )
    if system.is_steady and method not in ("auto", "Newton"):
        raise OptionError(f"{system.name} is steady: method {method!r} is for problems in time. Leave it out.")
    if not system.is_steady and method == "Newton" and t_span is not None:
        raise OptionError("method 'Newton' finds a steady state: leave t_span out.")
    if not system.is_steady and t_span is None and method != "Newton":
        raise OptionError(
            f"{system.name} evolves in time: pass t_span, e.g. solve(system, (0, 1)). For a steady state, f(u) = 0, "
            "write solve(system, method='Newton', y0=first_guess)."
        )


def _steady(
    system: Any, y0: Any, params: Any, only_in_time: dict[str, bool], rtol: Any, atol: Any, max_iterations: Any,
    how: LinearOptions | None, load: Any, continuation: Any, callback: Any,
) -> Solution:  # fmt: skip
    from ritz.solvers.newton import NewtonOptions
    from ritz.solvers.steady import read_path, reject_evolution_options, solve_steady

    reject_evolution_options(only_in_time)
    options = NewtonOptions(atol=_read_atol(atol))
    if rtol is not None:
        options = NewtonOptions(read_rtol(rtol), options.atol)
    if max_iterations is not None:
        if max_iterations != int(real_number("max_iterations", max_iterations)) or max_iterations < 1:
            raise OptionValueError(f"max_iterations must be a positive whole number, not {max_iterations!r}.")
        options = NewtonOptions(options.rtol, options.atol, int(max_iterations))
    p, u0 = read_start(system, y0, params)
    path = read_path(system, p, load, continuation)
    linear = how or LinearOptions()
    return solve_steady(system, u0, p, options=options, linear=linear, path=path, callback=callback)


def _read_atol(atol: Any) -> float:
    if atol is None:
        return 0.0
    if np.ndim(atol) != 0:
        raise OptionError("atol of a steady problem must be one number: it bounds the residual as a whole.")
    value = real_number("atol", atol)
    if not (value >= 0 and math.isfinite(value)):
        raise OptionValueError(f"atol must be zero or positive, not {atol!r}.")
    return value
