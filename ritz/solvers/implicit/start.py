"""Where a run starts: the time derivative of the first state, and states that satisfy their constraints."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.errors import AccuracyWarning, InitialValueError, LinearSolveError, NonFiniteError
from ritz.solvers.implicit.norm import ErrorNorm
from ritz.solvers.implicit.stage import StageFailure, StageSolver
from ritz.solvers.linear.interface import LinearSolver, as_sparse

Array = NDArray[np.float64]
TINY = 1e-10  # of the interval: length of the steps that make constraints hold


def evolving(mass: Any) -> NDArray[np.bool_] | None:
    """(size,) which unknowns have a time derivative; None: all."""
    if mass is None:
        return None
    filled = np.asarray(abs(as_sparse(mass)).sum(axis=0)).ravel() != 0
    return None if filled.all() else filled


def start_slope(
    stages: StageSolver, u: Array, t: float, interval: float, active: NDArray[np.bool_] | None, norm: ErrorNorm
) -> tuple[Array, Array, str]:
    """State and time derivative at the start.

    Where M is singular the state is brought onto the constraints by two implicit Euler steps of 1e-10 of the interval:
    the first one meets the constraints, the second one finds multipliers that belong to the corrected state.

    Returns:
        State, time derivative, and words on what was changed (empty: nothing).

    Raises:
        NonFiniteError: the right-hand side is not finite.
        InitialValueError: no state near the given one satisfies the constraints.
    """
    f = stages.f(t, u)
    if not np.isfinite(f).all():
        words = stages.system.explain_nonfinite(t, u, stages.p)
        raise NonFiniteError(f"The right-hand side is not finite at the start. {words}")
    if stages.mass is None:
        return u.copy(), f, ""
    if active is None:
        try:
            own = LinearSolver(locate=stages.system.layout.locate, where=" with the mass matrix", probe=True)
            return u.copy(), own.factorise(stages.mass).solve(f), ""
        except LinearSolveError:
            pass  # singular without empty columns: treat it as one with constraints
    return _onto_constraints(stages, u, t, interval, active, norm)


def _onto_constraints(
    stages: StageSolver, u: Array, t: float, interval: float, active: NDArray[np.bool_] | None, norm: ErrorNorm
) -> tuple[Array, Array, str]:
    h = TINY * interval
    try:
        first = stages.solve(t, u, h, u, (t, u), robust=True)
        second = stages.solve(t, first, h, first, (t, first), robust=True)
        slope = _slope(stages, t, h, second)
        if active is not None:  # of a pressure the short step leaves rounding errors only
            slope[~active] = _slope(stages, t, 1e4 * h, second)[~active]
    except StageFailure as failure:
        raise InitialValueError(
            f"The initial values do not satisfy the equations without time derivative, and none near them were found. "
            f"{failure.words} Give initial values of the other unknowns that fit, or a better guess."
        ) from None
    moved = np.abs(second - u)
    still = moved <= 100 * h * np.abs(slope)
    if active is not None:
        still &= active
    second[still], moved[still] = u[still], 0.0  # what moved along the solution only stays
    tolerance = 10 * (norm.rtol * np.abs(u).max(initial=0.0) + float(np.max(norm.atol)))
    if float(moved.max(initial=0.0)) <= max(1e-3 * tolerance, 1e-9 * float(np.abs(u).max(initial=0.0))):
        return second, slope, ""
    place = int(np.argmax(moved))
    words = (
        f"initial values were made consistent with the equations without time derivative: "
        f"{stages.system.layout.locate(place)} from {u[place]:.6g} to {second[place]:.6g}"
    )
    changed = moved if active is None else moved[active]
    if float(changed.max(initial=0.0)) > tolerance:
        warnings.warn(f"The {words}.", AccuracyWarning, stacklevel=5)
    return second, slope, words


def _slope(stages: StageSolver, t: float, h: float, u: Array) -> Array:
    """Time derivative k of a state on the constraints: ``(M - h J) k = f + h df/dt``, up to terms with the tiny h."""
    stages.evaluate(t, u)
    rate = np.asarray(stages.system.time_derivative(t, u, stages.p))
    return stages.factors(h, t, u).solve(stages.f(t, u) + h * rate)
