"""Steady problems ``f(u; p) = 0``: Newton's method, in one go or along a path of parameters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.errors import ConvergenceError, LinearSolveError, NonFiniteError, OptionError, ParameterError, nearest
from ritz.solvers.linear.interface import LinearSolver
from ritz.solvers.linear.table import LinearOptions
from ritz.solvers.newton import NewtonOptions, NewtonResult, newton
from ritz.solvers.solution import Solution

Array = NDArray[np.float64]
FIRST_INCREMENT, LEAST_INCREMENT = 0.25, 1e-5  # of the whole path
QUICK, SLOW = 4, 8  # iterations after which the increment is doubled, or shortened
FAILURES = (ConvergenceError, NonFiniteError, LinearSolveError)
ADVICE = (
    " Try a better first guess (y0=...), load steps (load=parameter, which is then raised from zero), or "
    "continuation={parameter: (easy value, wanted value)}."
)


@dataclass
class SteadyProblem:
    """``f(u; p) = 0`` of a system, for Newton's method.

    Attributes:
        system: the system; time is taken as 0.
        solver: solves with ``-df/du``.
        options: tolerances of Newton's method.
        evaluations: of the right-hand side.
    """

    system: Any
    solver: LinearSolver
    options: NewtonOptions
    evaluations: int = 0

    @classmethod
    def of(cls, system: Any, linear: LinearOptions, options: NewtonOptions) -> SteadyProblem:
        """The steady problem of a system."""
        solver = LinearSolver(
            system.structure, linear, system.layout.locate, where=f" of the steady problem of {system.name}", probe=True
        )
        return cls(system, solver, options)

    def solve(self, u: Array, p: Array, *, max_iterations: int | None = None, what: str = "") -> NewtonResult:
        """Newton's method from a first guess."""
        system, options = self.system, self.options
        if max_iterations is not None:
            options = NewtonOptions(options.rtol, options.atol, max_iterations)
        result = newton(
            lambda w: np.asarray(system.rhs(0.0, w, p)),
            lambda w: -system.jacobian(0.0, w, p),
            self.solver,
            u,
            options,
            blocks=[slice(f.start, f.stop) for f in system.layout.fields],
            explain=lambda w: str(system.explain_nonfinite(0.0, w, p)),
            what=what or f"the steady problem of {system.name}",
            advice=ADVICE,
        )
        self.evaluations += result.evaluations
        return result


def read_path(
    system: Any, p: Array, load: Any, continuation: Mapping[Any, tuple[float, float]] | None
) -> dict[int, tuple[float, float]] | None:
    """The options ``load`` and ``continuation`` as {index of the parameter: (from, to)}, or None.

    Raises:
        OptionError: both were given, or something that is no path.
        ParameterError: there is no such parameter.
    """
    if load is None and continuation is None:
        return None
    if load is not None and continuation is not None:
        raise OptionError("Pass load=... or continuation={...}, not both.")
    if load is not None:
        index = parameter_index(system, load, "load")
        return {index: (0.0, float(p[index]))}
    if not isinstance(continuation, Mapping) or not continuation:
        raise OptionError(f"continuation must be {{parameter: (from, to)}}, not {continuation!r}.")
    path = {}
    for name, ends in continuation.items():
        try:
            start, end = (float(x) for x in ends)
        except (TypeError, ValueError):
            raise OptionError(f"continuation of {name} must be a pair (from, to), not {ends!r}.") from None
        path[parameter_index(system, name, "continuation")] = (start, end)
    return path


def parameter_index(system: Any, name: Any, option: str) -> int:
    """The place of a parameter in the parameter vector.

    Raises:
        ParameterError: there is none of this name.
    """
    names = [str(info.name) for info in system.parameters]
    if str(name) not in names:
        listed = f"Its parameters: {', '.join(names)}." if names else "It has no parameters."
        raise ParameterError(
            f"{option}: {system.name} has no parameter {str(name)!r}.{nearest(str(name), names)} {listed} Write the "
            "quantity that is to change as a parameter, rz.params(...)."
        )
    return names.index(str(name))


def follow_path(
    problem: SteadyProblem,
    u: Array,
    p: Array,
    path: Mapping[int, tuple[float, float]],
    callback: Callable[[float, Any], Any] | None,
) -> tuple[NewtonResult, list[dict[str, Any]]]:
    """Solve along a path of parameters in increments that follow the work of Newton's method.

    Returns:
        The result at the end, and a row for each increment: share of the path, iterations, residual.

    Raises:
        ConvergenceError: increments became too small; shows those made.
    """
    names = [str(info.name) for info in problem.system.parameters]

    def at(s: float) -> Array:
        q = p.copy()
        for index, (start, end) in path.items():
            q[index] = start + s * (end - start)
        return q

    result = problem.solve(u, at(0.0), what=f"the start of the path of {problem.system.name}")
    rows = [_row(0.0, at(0.0), path, names, result)]
    before: tuple[float, Array] | None = None
    s, ds, last = 0.0, FIRST_INCREMENT, result
    while s < 1.0:
        target = 1.0 if s + 1.01 * ds >= 1.0 else s + ds
        guess = last.u
        if before is not None:
            guess = last.u + (target - s) / (s - before[0]) * (last.u - before[1])
        try:
            result = problem.solve(guess, at(target), max_iterations=min(20, problem.options.max_iterations))
        except FAILURES as error:
            ds *= 0.25
            if ds < LEAST_INCREMENT:
                raise ConvergenceError(_path_words(problem, rows, names, path, at(s), error)) from None
            before = None if rows[-1]["failed"] else before  # the extrapolation itself may be the trouble
            rows[-1]["failed"] += 1
            continue
        before, last, s = (s, last.u), result, target
        rows.append(_row(s, at(s), path, names, result))
        if callback is not None and callback(s, result.u):
            break
        ds *= 2.0 if result.iterations <= QUICK else 0.7 if result.iterations >= SLOW else 1.2
    return last, rows


def _row(s: float, q: Array, path: Any, names: list[str], result: NewtonResult) -> dict[str, Any]:
    values = {names[i]: float(q[i]) for i in path}
    return {
        "load": s, **values, "iterations": result.iterations, "residual": result.history[-1].residual, "failed": 0,
    }  # fmt: skip


def _path_words(problem: SteadyProblem, rows: Any, names: list[str], path: Any, q: Array, error: Exception) -> str:
    parts = [names[i] for i in path]
    lines = ["  " + "  ".join(f"{h:>11}" for h in ("share", *parts, "iterations", "residual"))]
    for row in rows[-12:]:
        cells = [f"{row['load']:.5f}", *[f"{row[n]:.5g}" for n in parts]]
        lines.append("  " + "  ".join(f"{c:>11}" for c in (*cells, row["iterations"], f"{row['residual']:.2e}")))
    where = ", ".join(f"{names[i]} = {q[i]:.6g}" for i in path)
    table = "\n".join(lines)
    return (
        f"The path of {problem.system.name} cannot be followed beyond {where}: increments fell below "
        f"{LEAST_INCREMENT:g} of it.\n{table}\nThe last attempt: {str(error).splitlines()[0]}\nThe solution may turn "
        f"back or bifurcate there: rz.continuation(system, {parts[0]!r}, ...) follows it around turning points."
    )


def solve_steady(
    system: Any,
    u0: Array,
    p: Array,
    *,
    options: NewtonOptions,
    linear: LinearOptions,
    path: Mapping[int, tuple[float, float]] | None,
    callback: Callable[[float, Any], Any] | None,
) -> Solution:
    """Solve ``f(u; p) = 0`` from a first guess; see `ritz.solve`.

    Raises:
        ConvergenceError, LinearSolveError, NonFiniteError: there is no solution to return.
    """
    started = time.perf_counter()
    problem = SteadyProblem.of(system, linear, options)
    steps: list[dict[str, Any]] | None = None
    if path is None:
        result = problem.solve(u0, p)
    else:
        result, steps = follow_path(problem, u0, p, path, callback)
    solver, last = problem.solver, result.history[-1]
    statistics: dict[str, Any] = {
        "why": _why(result, steps),
        "linear": solver.why,
        "linear_iterations": solver.iterations,
        "is_linear": result.is_linear,
        "iterations": result.iterations,
        "residual": last.residual,
        "increment": last.increment,
        "history": [vars(row) for row in result.history],
        "seconds": time.perf_counter() - started,
    }
    if steps is not None:
        statistics["load_steps"] = steps
    return Solution(
        t=np.zeros(1), y=result.u[:, None], nfev=problem.evaluations, njev=solver.factorised, nlu=solver.factorised,
        message=_message(result, steps), system=system, method="Newton", params=p,
        options={"rtol": options.rtol, "atol": options.atol, "max_iterations": options.max_iterations},
        statistics=statistics,
    )  # fmt: skip


def _why(result: NewtonResult, steps: Any) -> str:
    if steps is not None:
        return f"Newton: steady, along a path in {len(steps) - 1} increments."
    return "Newton: steady; linear in the unknowns, one step." if result.is_linear else "Newton: steady."


def _message(result: NewtonResult, steps: Any) -> str:
    last = result.history[-1]
    if result.is_linear and steps is None:
        return f"The equations are linear: one step, residual {last.residual:.3g}."
    path = f" at the end of a path of {len(steps) - 1} increments" if steps is not None else ""
    plural = "" if result.iterations == 1 else "s"
    return f"Newton's method converged in {result.iterations} iteration{plural}{path}, residual {last.residual:.3g}."


def reject_evolution_options(given: Mapping[str, Any]) -> None:
    """Raise for an option that means something in time only.

    Raises:
        OptionError: names it.
    """
    for name, value in given.items():
        if value:
            raise OptionError(
                f"{name} has no meaning for a steady problem: there is no time to step in. Leave it out; options of "
                "steady problems are y0, params, rtol, atol, max_iterations, linear, load, continuation."
            )
