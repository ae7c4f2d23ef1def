"""Reading and checking what the user passes to `solve`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ritz.errors import AccuracyWarning, InitialValueError, OptionError, OptionValueError
from ritz.solvers.buffers import ALPHA, BETA, EXPONENT, GROWTH, SAFETY, SHRINK
from ritz.solvers.methods import Method
from ritz.solvers.solution import Solution

Array = NDArray[np.float64]

FEW = 64  # numbers that Python checks faster than NumPy
_SMALLEST_RTOL = 100 * np.finfo(float).eps
_systems: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def as_system(given: Any) -> Any:
    """The System itself, or the one of a Problem without space (made once per Problem).

    Raises:
        OptionError: for a problem with space, which needs a discretisation, and for anything else.
    """
    if hasattr(given, "rhs") and hasattr(given, "layout"):
        return given
    if not hasattr(given, "discretize"):
        raise OptionError(f"solve() takes a Problem or a System, not {type(given).__name__}.")
    coordinates = getattr(given, "coordinates", ())
    if coordinates:
        names = ", ".join(c.name for c in coordinates)
        sizes = ", ".join(["64"] * len(coordinates))
        raise OptionError(
            f"This problem has space ({names}): choose a discretisation first, e.g. "
            f"solve(problem.discretize(rz.Fourier({sizes})), ...)."
        )
    if given not in _systems:
        from ritz.codegen.pointwise import Pointwise

        _systems[given] = given.discretize(Pointwise())
    return _systems[given]


def read_span(t_span: Any) -> tuple[float, float]:
    """Start and end as finite floats.

    Raises:
        OptionError: not two numbers.
        OptionValueError: infinite or not a number.
    """
    try:
        start, end = t_span
        t0, t_end = float(start), float(end)
    except (TypeError, ValueError):
        raise OptionError(f"t_span must be two numbers (start, end), not {t_span!r}.") from None
    if not (math.isfinite(t0) and math.isfinite(t_end)):
        raise OptionValueError(f"t_span must be finite, not ({t0}, {t_end}).")
    return t0, t_end


def read_steps(
    t0: float, t_end: float, *, dt: float | None, first_step: float | None, max_step: float, max_steps: int | None
) -> float:
    """Check everything about step sizes; return the largest step.

    Raises:
        OptionError: `dt` together with options of the step control.
        OptionValueError: a value that is not positive or does not fit the interval.
    """
    if dt is None and first_step is None and max_steps is None and max_step == math.inf:
        return math.inf
    interval = abs(t_end - t0)
    for name, value in (("dt", dt), ("first_step", first_step), ("max_step", max_step), ("max_steps", max_steps)):
        if value is not None or name == "max_step":
            real_number(name, value)
    if dt is not None:
        if not (dt > 0 and math.isfinite(dt)):
            raise OptionValueError(f"dt must be positive and finite, not {dt!r} (also for backward runs).")
        if first_step is not None or max_step != math.inf:
            raise OptionError("dt fixes the step: leave out first_step and max_step.")
    if first_step is not None and not 0 < first_step <= max(interval, 1e-300):
        raise OptionValueError(
            f"first_step must lie between 0 and {interval:g} (the whole t_span), not {first_step!r}."
        )
    if not max_step > 0:
        raise OptionValueError(f"max_step must be positive, not {max_step!r}.")
    if max_steps is not None and (max_steps != int(max_steps) or max_steps < 1):
        raise OptionValueError(f"max_steps must be a positive whole number, not {max_steps!r}.")
    return float(max_step)


def real_number(name: str, value: Any) -> float:
    """The value of an option as a float.

    Raises:
        OptionError: it is not one real number.
    """
    try:
        return float(value)
    except (TypeError, ValueError):
        raise OptionError(f"{name} must be a number, not {value!r}.") from None


def read_rtol(rtol: Any) -> float:
    """The relative tolerance, at least 100 units in the last place as in SciPy.

    Raises:
        OptionError: not one number.
        OptionValueError: negative or not a number.

    Warns:
        AccuracyWarning: it had to be raised.
    """
    if type(rtol) is float and _SMALLEST_RTOL <= rtol < math.inf:
        return rtol
    if np.ndim(rtol) != 0:
        raise OptionError("rtol must be one number; only atol may differ from component to component.")
    value = real_number("rtol", rtol)
    if not (value >= 0 and math.isfinite(value)):
        raise OptionValueError(f"rtol must be zero or positive, not {rtol!r}.")
    if value < _SMALLEST_RTOL:
        warnings.warn(
            f"rtol = {value:g} is below what double precision allows; {_SMALLEST_RTOL:.3g} is used.",
            AccuracyWarning,
            stacklevel=3,
        )
        return float(_SMALLEST_RTOL)
    return value


def read_atol(atol: Any, size: int, groups: Any) -> Array:
    """The absolute tolerance as an array: one number, or one for each component or field.

    Raises:
        OptionValueError: wrong length, negative or not a number.
    """
    if isinstance(atol, float) and 0.0 <= atol < math.inf:
        return np.array([atol])
    try:
        values = np.atleast_1d(np.asarray(atol, float))
    except (TypeError, ValueError):
        raise OptionError(f"atol must be a number or an array of numbers, not {atol!r}.") from None
    many = size if groups is None else len(groups)
    if values.shape not in ((1,), (many,)):
        what = f"{size} components" if groups is None else f"{many} fields"
        raise OptionValueError(f"atol must be one number or one for each of the {what}, not of shape {values.shape}.")
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise OptionValueError(f"atol must be zero or positive, not {atol!r}.")
    return values


def read_times(t_eval: ArrayLike | None, t0: float, t_end: float) -> Array | None:
    """The times to store, checked to lie in the interval and to run in the direction of integration.

    Raises:
        OptionValueError: a time outside `t_span`, not a number, or out of order.
    """
    if t_eval is None:
        return None
    try:
        times = np.array(t_eval, dtype=float, order="C")
    except (TypeError, ValueError):
        raise OptionError(f"t_eval must be an array of times, not {t_eval!r}.") from None
    if times.ndim != 1:
        raise OptionValueError(f"t_eval must be one-dimensional, not of shape {times.shape}.")
    if times.size == 1 and (t0 <= float(times[0]) <= t_end or t_end <= float(times[0]) <= t0):
        return times
    sign = 1.0 if t_end >= t0 else -1.0
    rising = times.size < 2 or bool(((times[1:] - times[:-1]) * sign > 0).all())
    if rising and (not times.size or (sign * (times[0] - t0) >= 0 and sign * (t_end - times[-1]) >= 0)):
        return times
    low, high = min(t0, t_end), max(t0, t_end)
    outside = times[~((times >= low) & (times <= high))]
    if outside.size:
        raise OptionValueError(f"Values in t_eval are not within t_span = ({t0:g}, {t_end:g}): found {outside[0]:g}.")
    order = "increasing" if t_end >= t0 else "decreasing (the run goes backwards)"
    raise OptionValueError(f"Values in t_eval are not properly sorted: they must be strictly {order}.")


def read_start(system: Any, y0: Any, params: Mapping[Any, float] | None) -> tuple[Array, Array]:
    """Parameter vector and initial state.

    Raises:
        ParameterError: an unknown, missing or out-of-bounds parameter.
        InitialValueError: an initial value of the wrong shape or not finite.
    """
    usual = y0 is None and params is None
    if usual and (known := getattr(system, "_usual_start", None)) is not None:
        return known[0].copy(), known[1]
    resumed = isinstance(y0, Solution)
    p = y0.params if resumed and params is None and y0.params is not None else system.parameter_values(params)
    p = np.ascontiguousarray(p, dtype=float)
    size = system.layout.size
    if y0 is None:
        u0 = np.ascontiguousarray(system.initial_state(p), dtype=float)
        if u0.size <= FEW and all(map(math.isfinite, u0.tolist())) and u0.shape == (size,):
            if usual and hasattr(system, "_usual_start"):
                system._usual_start = (p.copy(), u0)
            return p, u0
    elif resumed:
        if not y0.t.size:
            raise InitialValueError("The Solution to resume from holds no state: its t_eval was not reached.")
        u0 = np.array(y0.y[:, -1], dtype=float)
    elif isinstance(y0, Mapping):
        from ritz.codegen.initial import state_of

        u0 = np.ascontiguousarray(state_of(system, y0, p))
    else:
        u0 = raw_state(y0)
    if resumed and u0.shape != (size,):
        raise InitialValueError(
            f"The Solution to resume from has states of {u0.size} numbers, this system has {size}: it comes from other "
            "equations or another grid. Pass values of fields instead, y0={name: values}."
        )
    if u0.shape != (size,):
        raise InitialValueError(
            f"The initial state must have shape ({size},), one number for each entry of the state vector; found shape "
            f"{u0.shape}. Values of fields go in as a mapping, {{name: values}}."
        )
    if not resumed and hasattr(system.layout, "check_state"):
        system.layout.check_state(u0)
    if not math.isfinite(float(u0.sum())) and not np.isfinite(u0).all():
        bad = int(np.flatnonzero(~np.isfinite(u0))[0])
        raise InitialValueError(f"The initial value is not finite: {system.layout.locate(bad)} is {u0[bad]}.")
    return p, u0


def raw_state(y0: Any) -> Array:
    """A raw initial state as float64.

    Raises:
        InitialValueError: it is not made of real numbers.
    """
    try:
        values = np.asarray(y0)
        if np.iscomplexobj(values):
            raise TypeError
        return np.array(values, dtype=float, ndmin=1)
    except (TypeError, ValueError):
        raise InitialValueError(
            "y0 must be real numbers (a raw state), a mapping from field names to values, or a Solution to resume; "
            f"found {type(y0).__name__}."
        ) from None


def set_controller(control: Array, method: Method) -> None:
    """Set the constants of the step control for the order of a method's error estimate."""
    exponent = 1.0 / (method.error_order + 1)
    control[SAFETY], control[GROWTH], control[SHRINK], control[EXPONENT] = 0.9, 10.0, 0.2, exponent
    control[BETA] = method.memory * exponent
    control[ALPHA] = (1.0 - 0.75 * method.memory) * exponent


def check_callback(callback: Any) -> None:
    """Raise unless `callback` is a function or None.

    Raises:
        OptionError: it is neither.
    """
    if callback is not None and not callable(callback):
        raise OptionError(f"callback must be a function of (t, y), not {type(callback).__name__}.")


def read_threads(threads: Any) -> int:
    """Number of threads, 1 by default.

    Raises:
        OptionValueError: not a positive whole number.
    """
    if threads is None:
        return 1
    if isinstance(threads, (int, np.integer)) and threads >= 1:
        return int(threads)
    raise OptionValueError(f"threads must be a positive whole number, not {threads!r}.")
