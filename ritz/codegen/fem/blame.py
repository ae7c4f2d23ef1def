"""Finding the term, the field and the place of the first value that is not finite, on a mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from ritz.codegen.layout import Array
from ritz.symbolic.sympy_bridge import to_sympy


def explain_nonfinite(system: Any, t: float, u: Array, p: Any) -> str:
    """Words for the first non-finite value of the residual; see `System.explain_nonfinite`."""
    bad = np.flatnonzero(~np.isfinite(u))
    if len(bad):
        return f"The state itself is not finite: {system.layout.locate(int(bad[0]))} is {u[bad[0]]} at t = {t:.6g}."
    g, space = system.model.graph, system.model.space
    roots = list(system.lowered.rhs().values())
    values = space.values(g, roots, system._named(system.parameter_vector(p)), t)
    for f in system.layout.fields:
        values[system.model.states[f.name]] = u[f.start : f.stop]
    order = g.topological(roots)
    results = dict(zip(order, space.evaluate(g, order, values), strict=True))
    for node in order:
        if g.op[node] in ("const", "map") or np.all(np.isfinite(results[node])):
            continue
        where = np.argwhere(~np.isfinite(np.atleast_1d(results[node])))[0]
        region = next((r for r in space.regions if r.cell in g.axes[node] or r.quad in g.axes[node]), None)
        operands = ", ".join(
            f"{_name(system, n)} = {_at(results[n], where):.6g}" for n in g.children(node) if g.op[n] != "const"
        )
        return (
            f"The term {_text(system, node)} is {_at(results[node], where)} at t = {t:.6g}"
            f"{_place(region, where)}, where {operands}."
        )
    return f"Every term is finite at t = {t:.6g}; the step that follows overflows. Take a smaller step or tolerance."


def _at(value: Any, where: Array) -> float:
    array = np.atleast_1d(np.asarray(value, dtype=float))
    index = tuple(min(int(i), n - 1) for i, n in zip(where[: array.ndim], array.shape, strict=False))
    return float(array[index]) if len(index) == array.ndim else float(array.ravel()[0])


def _place(region: Any, where: Array) -> str:
    if region is None or len(where) < 2:
        return ""
    point = region.geometry[0].x[int(where[0]) % region.size, int(where[1])]
    kind = "cell" if region.over == "cells" else "facet"
    numbers = ", ".join(f"{x:.6g}" for x in point)
    return f" at ({numbers}) in {kind} {int(region.entities[int(where[0]) % region.size])}"


def _text(system: Any, node: int) -> str:
    g = system.model.graph
    leaves = {n: sp.Symbol(_name(system, n)) for n in g.topological([node]) if g.op[n] in ("input", "map")}
    return str(to_sympy(g, node, leaves))


def _name(system: Any, node: int) -> str:
    """A short name: a field or one of its derivatives, an input, or the expression itself."""
    g, space = system.model.graph, system.model.space
    if g.op[node] == "input":
        name = str(g.args[node][0]).split("@")[0]
        return str(system.form.coordinates[int(name[1:])]) if name[0] == "x" and name[1:].isdigit() else name
    if g.op[node] == "map" and g.args[node][0].kind == "interpolate":
        probe = space.probe_of(g.args[node][0])
        name = space.names[probe.field]
        for axis in probe.derivative:
            name = f"d{system.form.coordinates[axis]}({name})"
        return name
    return _text(system, node) if g.op[node] != "map" else "a sum over the mesh"
