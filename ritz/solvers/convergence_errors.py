"""Errors of one solution of a convergence study, on meshes and on grids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ritz.errors import ConditionError, OptionError
from ritz.symbolic.boundary_conditions import MeanZero


def errors_on_mesh(
    solution: Any, exact: Mapping[Any, Any], norms: Sequence[str], sizes: dict[tuple[str, str], float]
) -> dict[tuple[str, str], float]:
    """Return (field, norm) -> error at the end; norms of the exact solution itself go into `sizes`."""
    system = solution.system
    _check_means(solution, exact)
    found: dict[tuple[str, str], float] = {}
    for u, value in exact.items():
        for norm in norms:
            found[u.name, norm] = solution.error({u: value}, norm=norm)
            if (u.name, norm) not in sizes:
                zero = np.zeros(system.layout.size)
                sizes[u.name, norm] = _size(system, u, value, norm, zero, float(solution.t[-1]), solution.params)
    return found


def _size(system: Any, u: Any, value: Any, norm: str, state: Any, t: float, p: Any) -> float:
    from ritz.symbolic.notation import grad, inner
    from ritz.symbolic.operators import as_expression

    e = as_expression(value)
    square = inner(grad(e), grad(e)) if norm == "H1" else inner(e, e) if u.rank else e**2
    return float(np.sqrt(max(system.integrate(square, state, t, p), 0.0)))


def _check_means(solution: Any, exact: Mapping[Any, Any]) -> None:
    """Raise where the exact solution contradicts a mean that is prescribed."""
    from ritz.symbolic.operators import Component, as_expression

    system = solution.system
    for condition in system.problem.conditions:
        if not isinstance(condition, MeanZero):
            continue
        value = as_expression(exact[condition.field])
        part = Component(value, *condition.axes) if condition.axes else value
        state = np.zeros(system.layout.size)
        mean = system.integrate(part, state, float(solution.t[-1]), solution.params) / system.mesh.volumes.sum()
        size = np.sqrt(system.integrate(part**2, state, float(solution.t[-1]), solution.params))
        if abs(mean) > 1e-4 * max(size, 1e-300):
            raise ConditionError(
                f"{condition!r} asks for a mean of zero, but that of the exact solution {value} is {mean:.6g}. "
                "Subtract it."
            )


def errors_on_grid(
    solution: Any, exact: Mapping[Any, Any], norms: Sequence[str], by_default: bool, sizes: dict[tuple[str, str], float]
) -> dict[tuple[str, str], float]:
    """Return (field, "L2") -> root mean square of the error over the grid, times the root of the volume."""
    from ritz.codegen.initial import value_on
    from ritz.symbolic.coordinates import t
    from ritz.symbolic.tensors import Expander

    if "H1" in norms and not by_default:
        raise OptionError("On grids errors are measured in norms=('L2',) only.")
    system, problem = solution.system, solution.problem
    form = problem.scalar_form()
    volume = float(np.prod([axis.length for axis in solution.catalog.axes]))
    named = dict(solution.parameters)
    given = {p: named[p.name] for p in form.parameters}
    expander, values = Expander(problem.coordinates, form.components), solution.snapshot(-1)
    found: dict[tuple[str, str], float] = {}
    for u, value in exact.items():
        entries = expander(_expression(value)).entries
        error = size = 0.0
        for part, entry in zip(form.components[u], entries, strict=True):
            grids = system.layout.grids(part.name)
            symbols = {**dict(zip(problem.coordinates, grids, strict=True)), **given, t: float(solution.t[-1])}
            wanted = np.asarray(value_on(part.name, entry, symbols, grids))
            error += float(np.mean(np.abs(values[part.name] - wanted) ** 2))
            size += float(np.mean(np.abs(wanted) ** 2))
        found[u.name, "L2"] = float(np.sqrt(volume * error))
        sizes.setdefault((u.name, "L2"), float(np.sqrt(volume * size)))
    return found


def _expression(value: Any) -> Any:
    from ritz.symbolic.operators import as_expression

    return as_expression(value)
