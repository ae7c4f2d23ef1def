"""Initial values as a state vector."""

from __future__ import annotations

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
    problem, layout = system.problem, system.layout
    if problem is None:
        raise InitialValueError(f"{system.name} comes without initial values; pass y0=... to solve.")
    problem.require_initial()
    form = problem.scalar_form()
    by_name = {f.name: value for f, value in form.initial.items()}
    grids = list(np.meshgrid(*layout.coords.values(), indexing="ij")) if layout.coords else []
    symbols: dict[Any, Any] = dict(zip(form.coordinates, grids, strict=True))
    named = {i.name: v for i, v in zip(system.parameters, p, strict=True)}
    symbols |= {q: named[q.name] for q in form.parameters if q.name in named}
    values = {name: _value(name, by_name[name], symbols, grids) for name in layout.names}
    u = layout.from_fields(values)
    if hasattr(layout, "check_resolution"):
        layout.check_resolution(u)
    return u


def _value(name: str, given: Any, symbols: dict[Any, Any], grids: list[Array]) -> Any:
    if isinstance(given, sp.Basic):
        g = Graph()
        leaves = {s: g.input(str(s), "table") for s in symbols}
        complex_result = given.has(sp.I)
        (value,) = evaluate(g, [to_graph(g, given, leaves)], {leaves[s]: v for s, v in symbols.items()})
        value = np.asarray(value)
        if complex_result and np.iscomplexobj(value) and np.abs(value.imag).max(initial=0.0) == 0:
            value = value.real
        return np.broadcast_to(value, grids[0].shape) if grids else value
    if callable(given):
        value = np.asarray(given(*grids))
        return np.broadcast_to(value, grids[0].shape) if grids and value.ndim == 0 else value
    return np.asarray(given)
