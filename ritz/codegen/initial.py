"""Initial values as a state vector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from ritz.codegen.layout import Array
from ritz.errors import InitialValueError
from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.graph import Graph
from ritz.symbolic.sympy_bridge import to_graph


def initial_state(system: Any, p: Array) -> Array:
    """State vector of the problem's initial values at a parameter vector; see `System.initial_state`."""
    if system.problem is None:
        raise InitialValueError(f"{system.name} comes without initial values; pass y0=... to solve.")
    system.problem.require_initial()
    if not hasattr(system.problem, "scalar_form"):  # no equations: values are numbers and arrays
        return np.asarray(system.layout.from_fields(system.problem.initial), dtype=float)
    return _state(system, _form_of(system, system.problem), p)


def _form_of(system: Any, problem: Any) -> Any:
    """What holds coordinates, parameters and initial values by component: the weak form on a mesh, else the strong."""
    return problem.weak_form() if hasattr(system.layout, "mesh") else problem.scalar_form()


def state_of(system: Any, given: Mapping[Any, Any], p: Array) -> Array:
    """State vector of values that a user gives instead of the problem's, with the same freedom and the same checks.

    Args:
        system: the system.
        given: field (or its name) -> number, array, expression or function; a tuple of these for a vector field.
        p: parameter vector, for expressions that contain parameters.

    Raises:
        InitialValueError: a value is missing, unknown, of the wrong kind or shape, or not finite.
    """
    layout, problem = system.layout, getattr(system, "problem", None)
    by_name = {str(key): value for key, value in given.items()}
    if problem is not None and not hasattr(problem, "scalar_form"):
        return np.asarray(layout.from_fields(by_name), dtype=float)
    plain = all(isinstance(v, (int, float, np.ndarray, np.generic)) for v in by_name.values())
    if problem is None or (plain and set(by_name) == set(getattr(layout, "full", layout).names)):
        return np.asarray(layout.from_fields(by_name), dtype=float)
    changed = problem.replace(initial=dict(given))
    changed.require_initial()
    return _state(system, _form_of(system, changed), p)


def _state(system: Any, form: Any, p: Array) -> Array:
    layout = system.layout
    by_name = {f.name: value for f, value in form.initial.items()}
    named = {i.name: v for i, v in zip(system.parameters, p, strict=True)}
    given = {q: named[q.name] for q in form.parameters if q.name in named}
    full = getattr(layout, "full", layout)  # a reduced layout projects the fields of the full one
    names, carried = full.names, getattr(full, "carried", {})
    surplus = [name for name in by_name if name not in names and name not in sum(carried.values(), ())]
    if surplus:
        raise InitialValueError(
            f"{surplus[0]} has no time derivative in the equations: its values follow from the others at every time. "
            f"Remove {surplus[0]} from the initial values."
        )
    values = {}

    def value_in(name: str, grids: list[Array]) -> Any:
        symbols: dict[Any, Any] = {**dict(zip(form.coordinates, grids, strict=True)), **given}
        return value_on(name, by_name.get(name, sp.S.Zero), symbols, grids)  # multipliers start at 0

    for name in names:
        if name in carried:
            values[name] = full.interpolated(name, value_in)
        else:
            values[name] = value_in(name, layout.grids(name))
    u = layout.from_fields(values)
    if hasattr(layout, "check_resolution"):
        if layout.check_resolution(u):
            layout.check_kept(values, u)
    return u


def value_on(name: str, given: Any, symbols: dict[Any, Any], grids: list[Array]) -> Any:
    """Values of one component on its grid, given as number, array, function or expression of `symbols` (-> arrays)."""
    if isinstance(given, sp.Float | sp.Integer):
        return np.broadcast_to(float(given), grids[0].shape) if grids else np.asarray(float(given))
    if isinstance(given, sp.Basic):
        g = Graph()
        leaves = {s: g.input(str(s), "table") for s in symbols if s in given.free_symbols}
        complex_result = given.has(sp.I)
        (value,) = evaluate(g, [to_graph(g, given, leaves)], {n: symbols[s] for s, n in leaves.items()})
        value = np.asarray(value)
        if complex_result and np.iscomplexobj(value) and np.abs(value.imag).max(initial=0.0) == 0:
            value = value.real
        return np.broadcast_to(value, grids[0].shape) if grids else value
    if callable(given):
        value = np.asarray(given(*grids))
        return np.broadcast_to(value, grids[0].shape) if grids and value.ndim == 0 else value
    return np.asarray(given)
