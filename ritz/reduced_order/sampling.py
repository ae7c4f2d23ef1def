"""Where in parameter space to run: grids, Latin hypercubes, Sobol' points, or the user's own list."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ritz.errors import ParameterError, nearest
from ritz.reduced_order.estimator import FloatArray, Seed, check_choice

SAMPLINGS = ("grid", "latin", "sobol")


@dataclass(frozen=True)
class Samples:
    """Points in parameter space.

    Attributes:
        names: (d,) parameter names.
        values: (n, d) one point a row.
        box: (d, 2) lower and upper end of the sampled ranges; None when the points were listed by the user.
        shape: number of values along each parameter for a full grid (last one runs fastest), else None.
    """

    names: tuple[str, ...]
    values: FloatArray
    box: FloatArray | None = None
    shape: tuple[int, ...] | None = None

    def point(self, index: int) -> dict[str, float]:
        """Return one point as name -> value."""
        return dict(zip(self.names, self.values[index].tolist(), strict=True))


def draw(
    system: Any,
    parameters: Any,
    *,
    sampling: Any = "grid",
    n: int | Sequence[int] | Mapping[Any, int] | None = None,
    rng: Seed = None,
) -> Samples:
    """Choose parameter points of a system.

    Args:
        system: what will be run; its parameters give the names and bounds that are checked.
        parameters: ``{parameter: range}`` where a range is a tuple ``(low, high)``, a list or array of values, or one
            number held fixed. Or a list of points, each ``{parameter: value}``. Or only the names, with the points in
            `sampling`.
        sampling: ``"grid"`` (all combinations), ``"latin"`` (Latin hypercube), ``"sobol"`` (scrambled Sobol' points;
            best balanced when n is a power of two), or an (n, d) array of points in the order of `parameters`.
        n: number of points; for a grid the number along each range: a whole number, one for each parameter, or
            ``{parameter: number}``. Defaults: 5 along each range of a grid, else 10 for each parameter.
        rng: seed or generator for ``"latin"`` and ``"sobol"``.

    Raises:
        ParameterError: unknown parameter, empty range, value outside the declared bounds or not finite.

    Example:
        >>> from types import SimpleNamespace as Namespace
        >>> system = Namespace(parameters=[Namespace(name="a", bounds=None)])
        >>> draw(system, {"a": (0, 1)}, n=3).values.ravel()
        array([0. , 0.5, 1. ])
    """
    if not isinstance(sampling, str):
        return _checked(system, Samples(tuple(map(str, parameters)), _matrix(sampling, len(parameters))))
    check_choice(sampling, SAMPLINGS, "sampling")
    if not isinstance(parameters, Mapping):
        return _checked(system, _listed(parameters))
    names = tuple(map(str, parameters))
    check_names(system, names)
    ranges = [read_range(name, value) for name, value in zip(names, parameters.values(), strict=True)]
    if not ranges:
        raise ParameterError('No parameter to vary: give at least one range, for example {"a": (0, 1)}.')
    box = np.array([[min(r), max(r)] for r in ranges])
    if sampling == "grid":
        counts = _counts(names, n)
        axes = [np.linspace(*r, counts[i]) if isinstance(r, tuple) else np.asarray(r) for i, r in enumerate(ranges)]
        values = np.array(list(itertools.product(*axes)))
        return _checked(system, Samples(names, values, box, tuple(len(a) for a in axes)))
    count = 10 * len(names) if n is None else n
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ParameterError(f"n must be a positive whole number for sampling={sampling!r}; found {n!r}.")
    unit = _unit_points(sampling, int(count), len(names), rng)
    columns = [_spread(r, unit[:, i]) for i, r in enumerate(ranges)]
    return _checked(system, Samples(names, np.stack(columns, axis=1), box))


def check_names(system: Any, names: Sequence[str]) -> None:
    """Raise `ParameterError` for a name that the system does not have or that is given twice."""
    known = [p.name for p in system.parameters]
    for name in names:
        if name not in known:
            has = f"It has: {', '.join(known)}." if known else "It has no parameters."
            raise ParameterError(f"The system has no parameter {name!r}.{nearest(name, known)} {has}")
    if len(set(names)) < len(names):
        raise ParameterError(f"A parameter is given twice in {', '.join(names)}.")


def read_range(name: str, value: Any) -> tuple[float, float] | list[float]:
    """Return a range as (low, high), or as a list of values.

    Raises:
        ParameterError: for an empty range or list, or an end that is not a finite number.
    """
    items = np.atleast_1d(np.asarray(value, dtype=object)).ravel()
    try:
        numbers = [float(v) for v in items]
    except (TypeError, ValueError) as error:
        raise ParameterError(f"The range of {name} must hold numbers; found {value!r}.") from error
    if not numbers:
        raise ParameterError(f"The list of values for {name} is empty: give at least one.")
    if not all(map(math.isfinite, numbers)):
        raise ParameterError(f"The range of {name} must be finite; found {value!r}.")
    if isinstance(value, tuple) and len(numbers) == 2:
        low, high = numbers
        if not low < high:
            raise ParameterError(
                f"The range of {name} is empty: ({low:g}, {high:g}). Give (low, high) with low < high."
            )
        return low, high
    return numbers


def _unit_points(sampling: str, n: int, d: int, rng: Seed) -> FloatArray:
    """Return (n, d) points in the unit cube."""
    from scipy.stats import qmc

    if sampling == "latin":
        return np.asarray(qmc.LatinHypercube(d, rng=rng).random(n))
    return np.asarray(qmc.Sobol(d, rng=rng).random_base2(max(0, math.ceil(math.log2(n))))[:n])


def _spread(values: tuple[float, float] | list[float], unit: FloatArray) -> FloatArray:
    """Map (n,) unit numbers to a range, or to the items of a list."""
    if isinstance(values, tuple):
        return np.asarray(values[0] + (values[1] - values[0]) * unit)
    return np.asarray(values)[np.minimum((unit * len(values)).astype(int), len(values) - 1)]


def _counts(names: tuple[str, ...], n: Any) -> list[int]:
    if isinstance(n, Mapping):
        given = {str(k): v for k, v in n.items()}
        counts = [given.get(name, 5) for name in names]
    elif n is None or isinstance(n, (int, np.integer)):
        counts = [5 if n is None else n] * len(names)
    else:
        counts = list(n)
    whole = all(isinstance(c, (int, np.integer)) and c >= 1 for c in counts)
    if len(counts) != len(names) or not whole:
        raise ParameterError(f"n={n!r} must give a positive whole number along each of {', '.join(names)}.")
    return [int(c) for c in counts]


def _matrix(points: npt.ArrayLike, d: int) -> FloatArray:
    values = np.asarray(points, dtype=np.float64)
    values = values[:, None] if values.ndim == 1 and d == 1 else values
    if values.ndim != 2 or values.shape[1] != d or not len(values):
        raise ParameterError(f"The points must be an array (n, {d}), one column a parameter; found {values.shape}.")
    return values


def _listed(points: Any) -> Samples:
    rows = list(points)
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise ParameterError("Give ranges {parameter: (low, high)} or a list of points [{parameter: value}, ...].")
    names = tuple(str(k) for k in rows[0])
    table = [{str(k): float(v) for k, v in row.items()} for row in rows]
    for i, row in enumerate(table):
        if set(row) != set(names):
            raise ParameterError(f"Point {i} gives {', '.join(row)}; point 0 gives {', '.join(names)}.")
    return Samples(names, np.array([[row[name] for name in names] for row in table]))


def _checked(system: Any, samples: Samples) -> Samples:
    check_names(system, samples.names)
    info = {p.name: p for p in system.parameters}
    for column, name in enumerate(samples.names):
        values = samples.values[:, column]
        low, high = info[name].bounds or (-math.inf, math.inf)
        wrong = values[~(np.isfinite(values) & (values >= low) & (values <= high))]
        if wrong.size:
            worst = wrong.max() if not wrong.max() <= high else wrong.min()
            raise ParameterError(f"{name} = {worst:g} lies outside its bounds [{low:g}, {high:g}].")
    return samples
