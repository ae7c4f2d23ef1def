"""Derivatives of a right-hand side as programs of the same kind: tangents, cotangents, sparse Jacobians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ritz.codegen.lowered import Lowered
from ritz.codegen.program import loop_axes
from ritz.errors import OptionError, UnsupportedError
from ritz.symbolic.calculus import forward, reverse, sparse_jacobian
from ritz.symbolic.graph import Graph


def derivative_nodes(lowered: Lowered, kind: str) -> dict[str, int]:
    """Outputs of a derivative program: block name -> node; directions are the inputs ``seed <name>``.

    Args:
        lowered: the model.
        kind: ``jvp``, ``vjp``, ``param_jvp``, ``time_derivative`` or, without space, ``param_vjp``, whose outputs are
            parameters.
    """
    g, rhs = lowered.graph, lowered.rhs()
    names, roots = list(rhs), list(rhs.values())
    if kind == "time_derivative":
        return dict(zip(names, forward(g, roots, dict.fromkeys(g.inputs(roots, "time"), g.one)), strict=True))
    if kind == "param_vjp":
        weights = [g.input(f"seed {name}", "seed") for name in names]
        wrt = [g.input(name, "param") for name in lowered.parameters]
        return dict(zip(lowered.parameters, reverse(g, roots, weights, wrt), strict=True))
    if kind == "param_jvp":
        params = {g.args[n][0]: n for n in g.inputs(roots, "param")}
        directions = {node: g.input(f"seed {name}", "seed") for name, node in params.items()}
        return dict(zip(names, forward(g, roots, directions), strict=True))
    seeds = {
        name: g.input(f"seed {name}", "seed", loop_axes(g, node), is_complex=g.is_complex[node])
        for name, node in lowered.states.items()
    }
    if kind == "jvp":
        return dict(zip(names, forward(g, roots, {lowered.states[n]: seeds[n] for n in names}), strict=True))
    cotangents = [_cotangent(g, seeds[n], row) for n, row in zip(names, roots, strict=True)]
    if lowered.layout.is_complex:  # the pairing of real coordinates is Re(conj(w) du); reverse mode uses Re(w du)
        cotangents = [g.func("conj", c) for c in cotangents]
    results = reverse(g, roots, cotangents, [lowered.states[n] for n in names])
    results = [_with_transforms(g, r, lowered) for r in results]
    if lowered.layout.is_complex:
        results = [g.func("conj", r) for r in results]
    return dict(zip(names, results, strict=True))


def _cotangent(g: Graph, seed: int, row: int) -> int:
    """The weight of a row; where the row is an unknown as it stands, ``du/dt = v``, it lies like that one."""
    if g.op[row] != "input" or g.axes[row] == g.axes[seed]:
        return seed
    return g.input(g.args[seed][0], "seed", g.axes[row], is_complex=g.is_complex[row])


def _with_transforms(g: Graph, root: int, lowered: Lowered) -> int:
    """Write transposed transforms through the transforms themselves.

    With w the multiplicity of a stored mode and n the number of points, in the pairing ``Re(w dz)``: the transpose of
    the inverse is ``conj(n w forward(conj x))``, of the forward one ``inverse(conj(c) / (n w))`` conjugated.
    """
    space = lowered.space
    if not lowered.layout.is_complex:
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


@dataclass(frozen=True)
class SparseJacobian:
    """The Jacobian of a system without space: entries by columns, in a pattern that never changes.

    Attributes:
        indptr: (size + 1,) where each column starts, int32.
        indices: (entries,) row of every entry, increasing within a column, int32.
        nodes: the entries as nodes of the graph.
    """

    indptr: np.ndarray
    indices: np.ndarray
    nodes: tuple[int, ...]

    def matrix(self, values: np.ndarray) -> Any:
        """The `scipy.sparse.csc_array` with these values, (entries,)."""
        from scipy.sparse import csc_array

        size = len(self.indptr) - 1
        return csc_array((values, self.indices, self.indptr), shape=(size, size))


def depends_on_time(lowered: Lowered) -> bool:
    """Whether the equations contain time itself."""
    return any(True for _ in lowered.graph.inputs(lowered.rhs().values(), "time"))


def sparse_jacobian_of(lowered: Lowered, name: str) -> SparseJacobian:
    """Differentiate every equation of a system without space by the unknowns that it contains.

    Raises:
        UnsupportedError: the system called `name` lives on modes or points.
    """
    if lowered.space is not None and not lowered.layout.is_complex:
        raise UnsupportedError(
            f"The Jacobian of {name} is not compiled: it has loops over grid points. Use system.jacobian, system.jvp "
            "or system.vjp."
        )
    if lowered.space is not None:
        raise UnsupportedError(
            f"{name} is discretised by Fourier modes, where the Jacobian is dense. Use system.jvp, system.vjp "
            "or system.jacobian_operator, which cost about two right-hand sides."
        )
    columns = {node: j for j, node in enumerate(lowered.states[n] for n in lowered.layout.names)}
    rhs = lowered.rhs()
    rows = sparse_jacobian(lowered.graph, [rhs[n] for n in lowered.layout.names], list(columns))
    entries = sorted((columns[v], i, node) for i, row in enumerate(rows) for v, node in row.items())
    counts = np.bincount([j for j, _, _ in entries], minlength=len(columns))
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return SparseJacobian(indptr, np.array([i for _, i, _ in entries], np.int32), tuple(n for _, _, n in entries))


@dataclass(frozen=True)
class BoundJacobian:
    """A compiled Jacobian at one parameter vector with memory of its own: what compiled solvers consume.

    Attributes:
        address: function ``f(t, u, p, values, ctx)`` in the calling convention of `ritz.codegen.abi`; it stores the
            entries, (entries,) float64 and not overlapping `u`, in the order of `indices`.
        context: what to pass as its last argument.
        indptr: (size + 1,) where each column starts, int32.
        indices: (entries,) row of every entry, int32.
        time_address, time_context: the same for the partial derivative with respect to time, (size,) values; 0 where
            the equations do not contain it.
        p: (parameters,) values.
        size: number of unknowns.
    """

    address: int
    context: int
    indptr: np.ndarray
    indices: np.ndarray
    time_address: int
    time_context: int
    p: np.ndarray
    size: int
    keep: Any


@dataclass(frozen=True)
class BoundProduct:
    """A compiled product with the Jacobian or its transpose, at one parameter vector, with memory of its own.

    Attributes:
        address: function ``f(t, u, p, out, ctx)`` in the calling convention of `ritz.codegen.abi`.
        context: what to pass as its last argument.
        direction: (size,) the vector to be multiplied, to be written before every call.
        p: (parameters,) values.
    """

    address: int
    context: int
    direction: np.ndarray
    p: np.ndarray
    keep: Any


def bound_product(system: Any, kind: str, p: np.ndarray) -> BoundProduct:
    """Bind ``jvp`` or ``vjp`` of a system without space.

    Raises:
        OptionError: another kind.
        UnsupportedError: the system has space.
    """
    if kind not in ("jvp", "vjp"):
        raise OptionError(f"kind must be 'jvp' or 'vjp', not {kind!r}.")
    if system.lowered.space is not None:
        raise UnsupportedError(
            f"The product {kind!r} of {system.name} cannot be bound: it has loops over modes or points. Call "
            f"system.{kind} instead."
        )
    address, context, instance = system._ready(kind, p)
    return BoundProduct(address, context, instance.arrays["seeds"], p, instance)
