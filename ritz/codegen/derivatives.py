"""Derivatives of a right-hand side as programs of the same kind: tangents, cotangents, sparse Jacobians."""

from __future__ import annotations

from typing import Any

import numpy as np

from ritz.codegen.lowered import Lowered
from ritz.errors import UnsupportedError
from ritz.symbolic.calculus import forward, reverse, sparse_jacobian
from ritz.symbolic.graph import Graph


def derivative_nodes(lowered: Lowered, kind: str) -> dict[str, int]:
    """Outputs of a derivative program: block name -> node; directions are the inputs ``seed <name>``.

    Args:
        lowered: the model.
        kind: ``jvp``, ``vjp`` or ``param_jvp``.
    """
    g, rhs = lowered.graph, lowered.rhs()
    names, roots = list(rhs), list(rhs.values())
    if kind == "param_jvp":
        params = {g.args[n][0]: n for n in g.inputs(roots, "param")}
        directions = {node: g.input(f"seed {name}", "seed") for name, node in params.items()}
        return dict(zip(names, forward(g, roots, directions), strict=True))
    seeds = {
        name: g.input(
            f"seed {name}", "seed", [a for a in g.axes[node] if a.kind == "mode"], is_complex=g.is_complex[node]
        )
        for name, node in lowered.states.items()
    }
    if kind == "jvp":
        return dict(zip(names, forward(g, roots, {lowered.states[n]: seeds[n] for n in names}), strict=True))
    cotangents = [seeds[n] for n in names]
    if lowered.layout.is_complex:  # the pairing of real coordinates is Re(conj(w) du); reverse mode uses Re(w du)
        cotangents = [g.func("conj", c) for c in cotangents]
    results = reverse(g, roots, cotangents, [lowered.states[n] for n in names])
    results = [_with_transforms(g, r, lowered) for r in results]
    if lowered.layout.is_complex:
        results = [g.func("conj", r) for r in results]
    return dict(zip(names, results, strict=True))


def _with_transforms(g: Graph, root: int, lowered: Lowered) -> int:
    """Write transposed transforms through the transforms themselves.

    With w the multiplicity of a stored mode and n the number of points, in the pairing ``Re(w dz)``: the transpose of
    the inverse is ``conj(n w forward(conj x))``, of the forward one ``inverse(conj(c) / (n w))`` conjugated.
    """
    space = lowered.space
    if space is None:
        return root
    gather = g.input("gather_weight", "wavenumber", space.modes)
    scatter = g.input("scatter_weight", "wavenumber", space.modes)
    new: dict[int, int] = {}
    for node in g.topological([root]):
        if g.op[node] == "map" and g.args[node][0].name == "inverse.T":
            value = g.func("conj", new[g.args[node][1]])
            new[node] = g.func("conj", g.product([gather, g.map(space.forward, value)]))
        elif g.op[node] == "map" and g.args[node][0].name == "forward.T":
            value = g.product([scatter, g.func("conj", new[g.args[node][1]])])
            new[node] = g.func("conj", g.map(space.inverse, value))
        else:
            new[node] = g.rebuild(node, new)
    return new[root]


def sparse_jacobian_of(system: Any, t: float, u: Any, p: Any) -> Any:
    """Sparse Jacobian of a pointwise system, evaluated on the graph; its pattern is that of the equations."""
    from scipy.sparse import csc_array

    from ritz.symbolic.evaluate import evaluate

    if system.layout.is_complex:
        raise UnsupportedError(
            f"{system.name} is discretised by Fourier modes, where the Jacobian is dense. Use system.jvp, system.vjp "
            "or system.jacobian_operator, which cost about two right-hand sides."
        )
    g = system.lowered.graph
    if "_jacobian_entries" not in system.__dict__:
        wrt = [system.lowered.states[n] for n in system.layout.names]
        system.__dict__["_jacobian_entries"] = _entries(g, system, wrt)
    rows, columns, nodes = system.__dict__["_jacobian_entries"]
    values, _ = system._oracle(t, u, p)
    data = [float(v) for v in evaluate(g, nodes, values)]
    n = system.layout.size
    return csc_array((np.array(data), (rows, columns)), shape=(n, n))


def _entries(g: Graph, system: Any, wrt: list[int]) -> tuple[list[int], list[int], list[int]]:
    gradients = sparse_jacobian(g, list(system.lowered.rhs().values()), wrt)
    column = {node: j for j, node in enumerate(wrt)}
    triples = [(i, column[v], d) for i, row in enumerate(gradients) for v, d in row.items()]
    rows, columns, nodes = zip(*triples, strict=True) if triples else ((), (), ())
    return list(rows), list(columns), list(nodes)
