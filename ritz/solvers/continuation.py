"""Pseudo-arclength continuation of steady states, around turning points.

Along the curve (u(s), q(s)) of solutions of ``f(u; q) = 0`` each new point is found by Newton's method on

    ``f(u; q) = 0``,    ``<u', u - u_0> + q' (q - q_0) = ds``

with the unit tangent (u', q') at the last point; the bordered matrix stays regular at turning points. Unknowns are
scaled by their root mean square (again when it has doubled) and the parameter by its span, so that both count alike.

Source: H. B. Keller, "Numerical solution of bifurcation and nonlinear eigenvalue problems", in: P. H. Rabinowitz (ed.),
Applications of Bifurcation Theory (1977) 359-384.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.codegen.structure import Structure
from ritz.errors import ConvergenceError, LinearSolveError, NonFiniteError, OptionError, OptionValueError
from ritz.solvers.branch import Branch, TurningPoint
from ritz.solvers.linear.interface import LinearSolver, as_sparse
from ritz.solvers.linear.table import LinearOptions, read_linear
from ritz.solvers.newton import NewtonOptions, newton, rms
from ritz.solvers.options import as_system, read_start, real_number
from ritz.solvers.steady import SteadyProblem, parameter_index

Array = NDArray[np.float64]
FIRST, LEAST = 0.05, 1e-6  # scaled arc length of the first step, and of the last one tried
QUICK, SLOW = 3, 6  # iterations after which steps grow or shrink
TURN, LANDED = 1e-10, 1e-12  # scaled slope of the parameter at a turning point; its distance from an end
FAILURES = (ConvergenceError, NonFiniteError, LinearSolveError)


@dataclass
class _Point:
    """A point of the curve in scaled units with its unit tangent; `q` is the scaled parameter."""

    u: Array
    q: float
    du: Array
    dq: float
    arc: float


class _Curve:
    """The curve of one system over one parameter."""

    def __init__(self, system: Any, p: Array, index: int, span: tuple[float, float], linear: LinearOptions) -> None:
        self.system, self.p, self.index = system, p.copy(), index
        self.low, self.width = span[0], span[1] - span[0]
        self.scale = 1.0
        self.options = NewtonOptions(max_iterations=12)
        locate = system.layout.locate
        n = system.layout.size
        self.solver = LinearSolver(
            Structure(),
            linear,
            lambda i: locate(i) if i < n else "the parameter",
            where=f" of the branch of {system.name}",
        )
        self.evaluations = 0

    def parameters(self, q: float) -> Array:
        """The parameter vector at a scaled value."""
        p = self.p.copy()
        p[self.index] = self.low + self.width * q
        return p

    def raw(self, point: _Point) -> _Point:
        """The point with its state in the user's units."""
        return replace(point, u=self.scale * point.u)

    def rescaled(self, point: _Point) -> _Point:
        """Measure by this state from now on, if it has grown much; the tangent is made a unit one again."""
        grown = rms(point.u)
        if grown < 2:
            return point
        self.scale *= grown
        length = math.hypot(rms(point.du) / grown, point.dq)
        return replace(point, u=point.u / grown, du=point.du / grown / length, dq=point.dq / length)

    def f(self, x: Array, q: float) -> Array:
        """The right-hand side at a scaled state."""
        self.evaluations += 1
        return np.asarray(self.system.rhs(0.0, self.scale * x, self.parameters(q)))

    def slope(self, x: Array, q: float) -> Array:
        """df/dq by central differences."""
        h = 1e-6
        return (self.f(x, q + h) - self.f(x, q - h)) / (2 * h)

    def bordered(self, x: Array, q: float, du: Array, dq: float) -> Any:
        """Minus the derivative of f and of the arc length condition, (n + 1, n + 1)."""
        from scipy.sparse import block_array, csc_array

        jacobian = as_sparse(self.system.jacobian(0.0, self.scale * x, self.parameters(q))) * self.scale
        column, row = csc_array(-self.slope(x, q)[:, None]), csc_array(-du[None, :] / x.size)
        return csc_array(block_array([[-jacobian, column], [row, csc_array([[-dq]])]]))

    def tangent(self, x: Array, q: float, du: Array, dq: float) -> tuple[Array, float]:
        """Unit tangent, in the direction of (du, dq)."""
        right = np.zeros(x.size + 1)
        right[-1] = -1.0
        z = self.solver.factorise(self.bordered(x, q, du, dq)).solve(right)
        length = math.sqrt(rms(z[:-1]) ** 2 + z[-1] ** 2)
        return z[:-1] / length, float(z[-1] / length)

    def step(self, start: _Point, ds: float) -> tuple[_Point, int]:
        """The point at an arc length `ds` (along the tangent) from another; and the iterations it took."""
        n = start.u.size

        def residual(z: Array) -> Array:
            along = float(start.du @ (z[:n] - start.u)) / n + start.dq * (z[n] - start.q)
            return np.append(self.f(z[:n], float(z[n])), along - ds)

        guess = np.append(start.u + ds * start.du, start.q + ds * start.dq)
        found = newton(
            residual, lambda z: self.bordered(z[:n], float(z[n]), start.du, start.dq), self.solver, guess, self.options,
            blocks=[slice(0, n), slice(n, n + 1)], what=f"the branch of {self.system.name}",
        )  # fmt: skip
        u, q = found.u[:n], float(found.u[n])
        du, dq = self.tangent(u, q, start.du, start.dq)
        return _Point(u, q, du, dq, start.arc + ds), found.iterations

    def between(self, before: _Point, after: _Point, value: Callable[[_Point], float], small: float) -> _Point:
        """The point between two where a value that changes its sign vanishes, by the Illinois method."""
        a, fa, b, fb, found = 0.0, value(before), after.arc - before.arc, value(after), after
        for _ in range(60):
            s = (a * fb - b * fa) / (fb - fa)
            found, _ = self.step(before, s)
            f = value(found)
            if abs(f) < small or b - a < 1e-14:
                break
            if (f > 0) == (fb > 0):
                b, fb, fa = s, f, 0.5 * fa
            else:
                a, fa, fb = s, f, 0.5 * fb
        return found

    def landing(self, before: _Point, after: _Point, end: float) -> _Point:
        """The point between two at a value of the scaled parameter."""
        return self.between(before, after, lambda x: x.q - end, LANDED)


def continuation(
    system: Any,
    parameter: Any,
    span: tuple[float, float],
    y0: Any = None,
    *,
    params: Mapping[Any, float] | None = None,
    max_step: float = 0.2,
    max_points: int = 500,
    linear: str | LinearOptions = "auto",
) -> Branch:
    """Follow steady states over a parameter, around turning points.

    Args:
        system: A System; its right-hand side is to vanish (at t = 0 if it contains time).
        parameter: The parameter, or its name.
        span: Value at the start, and the value at which to stop. The curve also ends where it comes back to the start
            value after a turning point.
        y0: First guess at the start value, as for `ritz.solve`.
        params: Values of other parameters.
        max_step: Largest step along the curve, as part of the span and of the typical size of the state.
        max_points: Number of points after which to stop.
        linear: Solver for the bordered systems, as for `ritz.solve`.

    Returns:
        A `Branch`: values of the parameter, states, turning points, `plot`.

    Raises:
        ConvergenceError: there is no state at the start, or the curve cannot be followed.
        ParameterError: the system has no such parameter.
        OptionValueError: an impossible span or step.

    Example:
        >>> fold = rz.FunctionSystem(lambda t, u, p: p["q"] - u**2 + 0.1 * u**3, 1, parameters={"q": 4.0}, steady=True,
        ...                          initial=[2.5])
        >>> branch = rz.continuation(fold, "q", (4.0, -1.0))
        >>> abs(branch.turning_points[0].parameter) < 1e-8
        True
    """
    started = time.perf_counter()
    system = as_system(system)
    index = parameter_index(system, parameter, "continuation")
    start, end = _read_span(span)
    if not 0 < real_number("max_step", max_step) <= 10:
        raise OptionValueError(f"max_step must lie between 0 and 10, not {max_step!r}.")
    if max_points != int(real_number("max_points", max_points)) or max_points < 2:
        raise OptionValueError(f"max_points must be a whole number above 1, not {max_points!r}.")
    options = read_linear(linear)
    name = str(system.parameters[index].name)
    p, u0 = read_start(system, y0, {**(params or {}), name: start})
    curve = _Curve(system, p, index, (start, end), options)
    first = SteadyProblem.of(system, options, NewtonOptions())
    points, turns, message = _follow(curve, first.solve(u0, p, what=f"the start of the branch of {system.name}").u,
                                     max_step, int(max_points))  # fmt: skip
    values = np.array([start + (end - start) * point.q for point in points])
    p[index] = values[-1]
    return Branch(
        parameter=name, values=values, y=np.stack([x.u for x in points], axis=1),
        arc=np.array([x.arc for x in points]), message=message, system=system, params=p,
        turning_points=[TurningPoint(start + (end - start) * x.q, x.u, x.arc) for x in turns],
        statistics={
            "linear": curve.solver.why, "nfev": curve.evaluations + first.evaluations,
            "nlu": curve.solver.factorised + first.solver.factorised, "seconds": time.perf_counter() - started,
        },
    )  # fmt: skip


def _follow(curve: _Curve, u: Array, max_step: float, max_points: int) -> tuple[list[_Point], list[_Point], str]:
    curve.scale = max(rms(u), 1e-3 * float(np.abs(u).max(initial=0.0))) or 1.0
    x = u / curve.scale
    du, dq = curve.tangent(x, 0.0, np.zeros_like(x), 1.0)
    last, turns = _Point(x, 0.0, du, dq, 0.0), []
    points = [curve.raw(last)]
    ds = min(FIRST, max_step)
    while len(points) < max_points:
        try:
            new, iterations = curve.step(last, ds)
            straight = float(last.du @ new.du) / x.size + last.dq * new.dq
        except FAILURES as error:
            new, iterations, straight, reason = last, 99, 0.0, str(error).splitlines()[0]
        if straight < 0.8:  # not solved, or bent so much that the curve may have been left
            ds *= 0.5
            if ds < LEAST:
                if iterations < 99:
                    reason = "the tangent turns abruptly: a bifurcation or a corner"
                raise ConvergenceError(_lost(curve, points, reason))
            continue
        if last.dq * new.dq < 0:
            turns.append(curve.raw(curve.between(last, new, lambda x: x.dq, TURN)))
        end = 1.0 if new.q >= 1.0 else 0.0 if new.q <= 0.0 and turns else None
        if end is not None:
            points.append(curve.raw(curve.landing(last, new, end)))
            return points, turns, "The parameter reached the end of its span." if end else "Back at the start value."
        if new.q <= -1.0:
            return points, turns, "The parameter went the other way, by as much as its span."
        points.append(curve.raw(new))
        last = curve.rescaled(new)
        ds = min(max_step, ds * (1.5 if iterations <= QUICK else 0.7 if iterations >= SLOW else 1.0))
    return points, turns, f"max_points = {max_points} were computed."


def _lost(curve: _Curve, points: list[_Point], reason: str) -> str:
    name = curve.system.parameters[curve.index].name
    value = curve.low + curve.width * points[-1].q
    return (
        f"The branch of {curve.system.name} cannot be followed beyond {name} = {value:.6g} ({len(points)} points, arc "
        f"length {points[-1].arc:.3g}): steps fell below {LEAST:g}. The last attempt: {reason}"
    )


def _read_span(span: Any) -> tuple[float, float]:
    try:
        start, end = (float(x) for x in span)
    except (TypeError, ValueError):
        raise OptionError(f"span must be two numbers (start, end) of the parameter, not {span!r}.") from None
    if not (math.isfinite(start) and math.isfinite(end) and start != end):
        raise OptionValueError(f"span must be two different finite numbers, not {span!r}.")
    return start, end
