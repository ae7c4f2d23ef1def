"""Choosing a method, with the reason in words, and warnings about choices that cannot work."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.errors import AccuracyWarning, OptionError, SolveError, UnsupportedError
from ritz.solvers.buffers import fixed_steps
from ritz.solvers.methods import EXPLICIT, IMEX, Method, find_method

LOOSE = 5e-3  # relative tolerance above which two-step methods of order 2 pay
TIGHT = 1e-8  # relative tolerance below which order 8 pays
LARGE = 40_000_000  # modes beyond which coefficient tables of ETDRK4 for several step sizes take too much memory
MOST_GROWTH = 36.0  # exp(36) is one over the rounding error
GROWTH_LIMIT = 1e6  # growth over the whole run that counts as unstable


def choose(bound: Any, rtol: float, dt: float | None) -> tuple[Method, str]:
    """Pick a method for a bound system.

    Args:
        bound: The system at one parameter point.
        rtol: Relative tolerance.
        dt: Fixed step, or None.

    Returns:
        The method and the reason, a sentence.
    """
    linear = bound.linear if bound.nonlinear else None
    if linear is None or not np.any(linear):
        if dt is None and rtol < TIGHT:
            return find_method("DOP853"), f"DOP853: no linear part to treat apart, and order 8 pays below {TIGHT:g}."
        return find_method("Tsit5"), "Tsit5: no linear part to treat apart, moderate tolerance."
    rate = float(np.abs(linear).max())
    part = f"the linear part is diagonal with rates up to {rate:.3g}"
    if linear.size > LARGE:
        return find_method("ARK4"), f"ARK4: {part}; {linear.size} modes are too many for the tables of ETDRK4."
    return find_method("ETDRK4"), f"ETDRK4: {part} and is integrated exactly."


def choose_implicit(system: Any, rtol: float, dt: float | None) -> tuple[Method, str]:
    """Pick a method for a system with a mass matrix.

    Returns:
        The method and the reason, a sentence.
    """
    if dt is not None and system.rates:
        return find_method(
            "GeneralizedAlpha"
        ), "GeneralizedAlpha: second-order equations with a mass matrix, fixed step."
    if dt is not None:
        return find_method("SDIRK2"), "SDIRK2: a mass matrix, fixed step; L-stable."
    if rtol > LOOSE:
        return find_method("BDF2"), f"BDF2: a mass matrix, tolerance above {LOOSE:g}; one system of equations a step."
    return find_method("ESDIRK4"), "ESDIRK4: a mass matrix; L-stable, order 4 with error control."


def check_choice(method: Method, bound: Any, dt: float | None, mass: Any = None) -> None:
    """Raise where a method cannot be used on a system at all.

    Raises:
        UnsupportedError: a split method on a system without diagonal linear part; an explicit one with a mass matrix.
        OptionError: a fixed-step method without `dt`.
    """
    if mass is not None and not method.is_implicit:
        raise UnsupportedError(
            f"method {method.name!r} is for du/dt = f(t, u); this system has a mass matrix, M du/dt = f(t, u). Use "
            "'ESDIRK4', 'BDF2' or 'auto'."
        )
    if method.needs_split and (bound.linear is None or not bound.nonlinear):
        raise UnsupportedError(
            f"method {method.name!r} needs a system du/dt = L u + N(u) with diagonal L, such as a periodic problem "
            "discretised by Fourier modes; this system has no such part. Use 'Tsit5', 'DOP853' or 'auto'."
        )
    if dt is None and not method.adaptive:
        raise OptionError(f"method {method.name!r} has no error estimate: pass dt=, or use an adaptive method.")


def check_direction(system: Any, bound: Any, t0: float, t_end: float) -> None:
    """Refuse runs in which rounding errors of the fastest modes would swamp everything else.

    Only where the growth of the linear part over the run differs from mode to mode by more than the digits of a
    double: integrating diffusion backwards, or a coefficient whose value turns the problem into an ill-posed one.

    Raises:
        SolveError: names the growth, or the equation and its term.
    """
    if bound.linear is None or t_end == t0:
        return
    growth = np.real(bound.linear) * (t_end - t0)
    largest = float(growth.max(initial=0.0))
    if largest - float(growth.min(initial=0.0)) < MOST_GROWTH or largest < MOST_GROWTH:
        return
    if t_end < t0:
        raise SolveError(
            f"From t = {t0:g} back to t = {t_end:g} the finest modes grow by exp({largest:.3g}): backwards in time "
            "diffusion is ill posed, and rounding errors would swamp the solution. Integrate forwards in time."
        )
    problem = getattr(system, "problem", None)
    if problem is not None:
        from ritz.symbolic.wellposed import check_values

        values = {p.name: float(value) for p, value in zip(system.parameters, bound.p, strict=True)}
        check_values(problem.equations, problem.scalar_form().equations, problem.coordinates, values)


def check_explicit(method: Method, tableau: Any, bound: Any, t0: float, t_end: float, dt: float | None) -> None:
    """Compare an explicit method with the rates of the linear part, before the first step.

    Raises:
        SolveError: a fixed `dt` at which a mode of the linear part grows by 10^6 over the run although it should not;
            the message names the largest stable step.

    Warns:
        AccuracyWarning: stability alone forces an adaptive method to more than a million steps.
    """
    if method.family != EXPLICIT or bound.linear is None or t_end == t0:
        return
    linear = np.asarray(bound.linear, complex) * (1.0 if t_end > t0 else -1.0)
    rate = float(np.abs(linear).max())
    if dt is None:
        steps = rate * abs(t_end - t0) / 3.3
        if steps > 1e6:
            warnings.warn(
                f"{method.name} is explicit and the linear part has rates up to {rate:.3g}: stability alone takes "
                f"about {steps:.1g} steps. 'ETDRK4' or 'ARK4' have no such limit.",
                AccuracyWarning,
                stacklevel=4,
            )
        return
    if stable(tableau, linear, t0, t_end, dt):
        return
    low, high = 0.0, dt
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if stable(tableau, linear, t0, t_end, middle) else (low, middle)
    worst = linear[int(np.abs(linear).argmax())]
    raise SolveError(
        f"dt = {dt:g} is unstable for {method.name}: the linear part has the rate {_plain(worst)}, so dt |rate| = "
        f"{dt * abs(worst):.3g}. The largest stable dt is about {0.97 * low:.3g}. Take that, or method='ETDRK4' or "
        "'ARK4', which have no such limit."
    )


def stable(tableau: Any, linear: NDArray[Any], t0: float, t_end: float, dt: float) -> bool:
    """Whether no mode of ``u' = L u`` grows by `GROWTH_LIMIT` over the run beyond its true growth."""
    with np.errstate(all="ignore"):
        growth = np.abs(tableau.amplification(dt * linear))
        excess = np.log(growth) - np.maximum(0.0, dt * linear.real)
    return bool(np.nanmax(excess) * fixed_steps(t0, t_end, dt) < np.log(GROWTH_LIMIT))


def _plain(value: complex) -> str:
    return f"{value.real:.3g}" if value.imag == 0 else f"{value:.3g}"


def advice(method: Method, bound: Any, dt: float | None) -> str:
    """What to try when a run fails, as a sentence that starts with a space."""
    if dt is not None:
        return f" Try a smaller dt (now {dt:g}), or leave dt out for error control."
    if method.is_implicit:
        return " Check the equations, or loosen rtol and atol."
    if method.family == EXPLICIT and bound.linear is not None and bound.nonlinear:
        return " The system has a linear part that 'ETDRK4' or 'ARK4' would treat stably."
    if method.family == EXPLICIT:
        return " If the equations are stiff take 'ESDIRK4' or 'BDF2'; else check them, or loosen rtol and atol."
    return "" if method.family == IMEX else " Try a smaller rtol, or 'ARK4', which damps fast modes."
