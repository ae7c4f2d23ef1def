"""From a method and a system to an implicit engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.errors import OptionError, OptionValueError, UnsupportedError
from ritz.solvers.buffers import FIXED_STEP, T_END, TIME
from ritz.solvers.implicit.bdf2 import BDF2Stepper
from ritz.solvers.implicit.engine import ImplicitEngine, Stepper
from ritz.solvers.implicit.norm import ErrorNorm
from ritz.solvers.implicit.runge_kutta import RungeKuttaStepper
from ritz.solvers.implicit.second_order import Coefficients, SecondOrderStepper, generalized_alpha, pairs
from ritz.solvers.implicit.stage import StageSolver
from ritz.solvers.implicit.start import evolving, start_slope
from ritz.solvers.linear.interface import LinearSolver
from ritz.solvers.linear.table import LinearOptions
from ritz.solvers.methods import SECOND_ORDER, Method
from ritz.solvers.options import real_number

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """What an implicit run needs besides the arrays of the driver.

    Attributes:
        method: the method.
        system, p, mass: the system at its parameters, M or None.
        rtol, atol: tolerances.
        linear: how linear systems are solved.
        stage_rtol: relative tolerance of the equations of steps whose size is given.
        spectral_radius: of generalised alpha, or None.
    """

    method: Method
    system: Any
    p: Array
    mass: Any
    rtol: float
    atol: Array
    linear: LinearOptions
    stage_rtol: float = 1e-10
    spectral_radius: float | None = None


def make_implicit_engine(
    task: Task, u0: Array, control: Array, counts: NDArray[np.int64]
) -> tuple[ImplicitEngine, str]:
    """An engine at the start of a run, and words on initial values that had to be changed.

    Raises:
        UnsupportedError: a system without sparse Jacobian, or of the wrong order.
        InitialValueError: no consistent initial values were found.
        OptionValueError: an impossible spectral radius.
    """
    system, mass = task.system, task.mass
    if system.layout.is_complex:
        raise UnsupportedError(
            f"method {task.method.name!r} needs a sparse Jacobian; {system.name} is discretised by Fourier modes, "
            "where it is dense. Use 'ETDRK4' or 'ARK4', which treat the linear part implicitly."
        )
    second = task.method.family == SECOND_ORDER
    places = pairs(system, mass, task.method.name) if second else None
    coefficients = _coefficients(task)
    t0, t_end = float(control[TIME]), float(control[T_END])
    active = evolving(mass)
    norm = ErrorNorm(task.rtol, task.atol, system.layout.groups, system.layout.weights, active)
    every = replace_active(norm)
    fixed = control[FIXED_STEP] != 0.0
    inner = every.tightened(task.stage_rtol, u0) if fixed else every
    stages = StageSolver(system, task.p, mass, _solver(task, places, t_end >= t0), inner)

    def begin(t: float, state: Array) -> tuple[Stepper, str]:
        u, slope, words = _start(stages, state, t, abs(t_end - t0), active, norm, second)
        if places is not None:
            assert isinstance(coefficients, Coefficients)
            return SecondOrderStepper(coefficients, stages, u, slope, places), words
        if task.method.name == "BDF2":
            return BDF2Stepper(stages, u, slope), words
        return RungeKuttaStepper(coefficients, stages, u, slope), words

    stepper, words = begin(t0, u0)
    return ImplicitEngine(stepper, stages, norm, control, counts, begin), words


def replace_active(norm: ErrorNorm) -> ErrorNorm:
    """The norm in which all unknowns count."""
    return ErrorNorm(norm.rtol, norm.atol, norm.groups, norm.weights)


def _start(
    stages: StageSolver, u0: Array, t0: float, interval: float, active: Any, norm: ErrorNorm, second: bool
) -> tuple[Array, Array, str]:
    if not interval:
        return u0.copy(), np.zeros_like(u0), ""
    if not second:
        return start_slope(stages, u0, t0, interval, active, norm)
    own = LinearSolver(locate=stages.system.layout.locate, where=" with the mass matrix")
    keep, stages.solver = stages.solver, own
    try:
        return start_slope(stages, u0, t0, interval, active, norm)
    finally:
        stages.solver = keep


def _solver(task: Task, places: Any, forward: bool) -> LinearSolver:
    """The solver for the matrices of the steps, with what still holds of the structure of ``-J``."""
    system, known = task.system, task.system.structure
    structure = replace(known, saddle=None, definite=known.definite and forward)
    locate = system.layout.locate
    if places is not None:
        rates = places[1]
        structure = replace(structure, near_nullspace=None)
        locate = lambda i: system.layout.locate(int(rates[i]))  # noqa: E731
    return LinearSolver(structure, task.linear, locate, where=f" of a step of {system.name}", repeated=True)


def _coefficients(task: Task) -> Any:
    """What the method is made of, with the spectral radius that the user asked for."""
    radius = task.spectral_radius
    if radius is None:
        return task.method.coefficients
    if task.method.name != "GeneralizedAlpha":
        raise OptionError(f"spectral_radius belongs to method='GeneralizedAlpha', not to {task.method.name!r}.")
    if not 0.0 <= real_number("spectral_radius", radius) <= 1.0:
        raise OptionValueError(f"spectral_radius must lie between 0 (most damping) and 1 (none), not {radius!r}.")
    return generalized_alpha(float(radius))
