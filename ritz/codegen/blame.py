"""Finding the term, the field and the place of the first value that is not finite."""

from __future__ import annotations

from typing import Any

import numpy as np

from ritz.codegen.instance import evaluate_in
from ritz.symbolic.graph import Graph


def explain_nonfinite(system: Any, t: float, u: Any, p: Any = None) -> str:
    """Words for the first non-finite value of a right-hand side; see `System.explain_nonfinite`."""
    layout = system.layout
    u = np.asarray(u, dtype=float)
    bad = np.flatnonzero(~np.isfinite(u))
    if len(bad):
        return f"The state itself is not finite: {layout.locate(int(bad[0]))} is {u[bad[0]]} at t = {t:.6g}."
    values, roots = system._oracle(t, u, p)
    g: Graph = system.lowered.graph
    order = g.topological(roots)
    results = dict(zip(order, evaluate_in(system.space, g, order, values), strict=True))
    for node in order:
        if g.op[node] == "const" or np.all(np.isfinite(results[node])):
            continue
        where = np.argwhere(~np.isfinite(np.asarray(results[node])))
        place = _place(system, node, where[0] if len(where) else ())
        row = next((name for name, r in zip(layout.names, roots, strict=True) if node in g.topological([r])), "")
        return (
            f"The term {_text(system, node)} in the equation of {row} is {_at(results[node], where)} at "
            f"t = {t:.6g}{place}, where {_operands(system, node, results, where)}."
        )
    return f"Every term is finite at t = {t:.6g}; the step that follows overflows. Take a smaller step or tolerance."


def _text(system: Any, node: int) -> str:
    from ritz.symbolic.sympy_bridge import to_sympy

    g = system.lowered.graph
    import sympy as sp

    leaves = {n: sp.Symbol(_short(system, n)) for n in g.topological([node]) if g.op[n] in ("input", "map", "gather")}
    return str(to_sympy(g, node, leaves))


def _short(system: Any, node: int) -> str:
    """A name for an opaque value: a field on the grid is called like the field."""
    g = system.lowered.graph
    if g.op[node] == "input":
        return str(g.args[node][0])
    if g.op[node] == "map":
        names = [g.args[n][0] for n in g.inputs([node], "state")]
        inner = g.args[node][1]
        if g.op[inner] == "input":
            return str(names[0])
        return f"{g.args[node][0].name}({_text(system, inner)})"
    if g.op[node] == "gather":
        return "_".join([*sorted({g.args[n][0] for n in g.inputs([node], "state")}), "elsewhere"])
    return f"value{node}"


def _at(value: Any, where: Any) -> str:
    array = np.asarray(value)
    return f"{array[tuple(where[0])] if len(where) and array.ndim else array}"


def _operands(system: Any, node: int, results: dict[int, Any], where: Any) -> str:
    g = system.lowered.graph
    parts = []
    for child in g.children(node):
        value = np.asarray(results[child])
        index = tuple(min(i, n - 1) for i, n in zip(where[0], value.shape, strict=True)) if value.ndim else ()
        number = value[index] if value.ndim else value
        parts.append(f"{_text(system, child)} = {number:.6g}")
    return ", ".join(parts) if parts else "it is given"


def _place(system: Any, node: int, index: Any) -> str:
    axes = [a for a in system.lowered.graph.axes[node] if a in system.space.order]
    if not axes or not len(index):
        return ""
    points = [a for a in axes if a.kind == "point"]
    if points and hasattr(system.layout, "index_words"):  # axes are dimensions of arrays, not coordinates
        ordered = sorted(points, key=system.space.order.__getitem__)
        return " at " + system.layout.index_words([int(index[system.space.order[a]]) for a in ordered])
    if points:
        return " at " + ", ".join(
            f"{a.name} = {system.layout.coords[a.name][index[system.space.order[a]]]:.6g}" for a in sorted(points)
        )
    return f", mode {tuple(int(i) for i in index)}"
