"""Sparse Jacobians of traced programs: sparse factors for expressions and maps, multiplied along the chain rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csc_array, csr_array, eye_array, kron

from ritz.codegen.calling import call_rhs_address
from ritz.codegen.layout import Array
from ritz.codegen.traced.compiled_jacobian import CompiledJacobian, Part
from ritz.codegen.traced.space import split
from ritz.errors import UnsupportedError
from ritz.symbolic.calculus import sparse_jacobian
from ritz.symbolic.graph import TIME, Axis, LinearMap
from ritz.symbolic.rewrite.lowering import POINTWISE, pointwise_order
from ritz.symbolic.tracing.oracle import over, spread
from ritz.symbolic.tracing.settle import decode
from ritz.symbolic.tracing.tape import Tape


def jacobian_of(system: Any, t: float, u: Any, p: Any) -> Any:
    """The Jacobian as a `scipy.sparse.csc_array`, (size, size), whose pattern depends on the program only."""
    chain = _chain_of(system)
    if chain.maps:
        matrix: Any = chain.at(t, u, p)
        return matrix
    p = np.ascontiguousarray(system.parameter_vector(p))
    known = system._local.__dict__.setdefault("jacobians", {})
    if known.get("p") != p.tobytes():
        known.update(p=p.tobytes(), bound=system.bind_jacobian(p))
    bound = known["bound"]
    values, state = np.empty(bound.indices.size), np.ascontiguousarray(u, dtype=float)
    call_rhs_address(bound.address, float(t), state, bound.p, values, bound.context)
    return csc_array((values, bound.indices, bound.indptr), shape=(bound.size, bound.size))


def compiled_jacobian_of(system: Any) -> CompiledJacobian:
    """The compiled Jacobian of a system whose expressions read the state alone.

    Raises:
        UnsupportedError: the program has sums over axes, matrix products or values stored between loops.
    """
    chain = _chain_of(system)
    with system._lock:
        if "_compiled_jacobian" not in system.__dict__:
            system.__dict__["_compiled_jacobian"] = CompiledJacobian(system, chain.parts())
    found: CompiledJacobian = system.__dict__["_compiled_jacobian"]
    return found


def _chain_of(system: Any) -> _Chain:
    with system._lock:  # making the factors adds nodes to the graph
        if "_chain" not in system.__dict__:
            system.__dict__["_chain"] = _Chain(system)
    found: _Chain = system.__dict__["_chain"]
    return found


@dataclass(frozen=True)
class _Factor:
    """Derivatives of one expression, over some axes, with respect to what it reads."""

    root: int
    axes: tuple[Axis, ...]
    partials: dict[int, int]


class _Chain:
    """The settled right-hand side with the pointwise derivatives of every array in it."""

    def __init__(self, system: Any) -> None:
        self.system, self.tape = system, system.space.tape
        g = self.g = self.tape.g
        roots = system.space.settle(list(system.lowered.rhs().values()))
        self.maps = [n for n in g.topological(roots) if g.op[n] == "map" and TIME in g.axes[n]]
        self.inner = {n: self._factor(g.args[n][1], g.args[n][0].source) for n in self.maps}
        self.outer = [
            self._factor(root, system._block_axes(name)) for name, root in zip(system.lowered.rhs(), roots, strict=True)
        ]
        self.pattern = self._assembled(None)

    def _factor(self, root: int, axes: Sequence[Axis]) -> _Factor:
        g = self.g
        leaves = [
            n
            for n in _below(self.tape, root)
            if TIME in g.axes[n] and not (g.op[n] == "input" and g.args[n][1] == "time")
        ]
        return _Factor(root, tuple(axes), sparse_jacobian(g, [root], leaves)[0])

    def parts(self) -> list[Part]:
        """All derivatives of the right-hand side by what it reads, where that is the state alone.

        Raises:
            UnsupportedError: there are maps between buffers.
        """
        if self.maps:
            kind = self.g.args[self.maps[0]][0].kind
            raise UnsupportedError(
                f"The Jacobian of {self.system.name} is not compiled: the program has a step over whole arrays "
                f"({kind!r}), whose derivative is a product of sparse matrices. Use system.jacobian, system.jvp or "
                "system.vjp."
            )
        states = {self.system.lowered.states[f.name]: f.start for f in self.system.layout.fields}
        found = []
        for f, factor in zip(self.system.layout.fields, self.outer, strict=True):
            for leaf, node in factor.partials.items():
                base, columns = self._columns(factor, leaf)
                rows = np.arange(f.start, f.stop)
                found.append(Part(node, factor.axes, rows, columns + states[base]))
        return found

    def _columns(self, factor: _Factor, leaf: int) -> tuple[int, Array]:
        """The array that a leaf reads, and for every cell of the expression the place in it."""
        tape, (base, moves) = self.tape, decode(self.g, leaf)
        own = tape.looped(self.g.axes[base])
        places = _places(tape, own, moves, factor.axes)
        columns = np.ravel_multi_index(places, _shape(tape, own)) if own else np.zeros((), dtype=int)
        return base, np.broadcast_to(columns, _shape(tape, factor.axes)).ravel()

    def at(self, t: float, u: Any, p: Any) -> Any:
        """The matrix at a state, zeros of the pattern included."""
        found = self._assembled(self._values(t, u, p)).tocoo()
        whole = self.pattern
        n = self.system.layout.size
        data = np.concatenate([found.data, np.zeros(whole.nnz)])
        rows, columns = (np.concatenate(pair) for pair in zip(found.coords, whole.coords, strict=True))
        return csc_array(coo_array((data, (rows, columns)), shape=(n, n)))

    # ------------------------------------------------------------------ values
    def _values(self, t: float, u: Any, p: Any) -> dict[int, Array]:
        """Values of all leaves, over their own axes."""
        given, _ = self.system._oracle(t, u, p, [f.root for f in [*self.inner.values(), *self.outer]])
        for node in self.maps:
            m, below = self.g.args[node]
            self._read_leaves(below, given)
            (value,) = self.system.space.evaluate([below], given)
            given[node] = self.system.space.numpy_map(m)(value)
        for factor in self.outer:
            self._read_leaves(factor.root, given)
        return given

    def _read_leaves(self, root: int, given: dict[int, Array]) -> None:
        """Values of the reads below an expression."""
        g, tape = self.g, self.tape
        for node in _below(tape, root):
            if g.op[node] != "gather" or node in given:
                continue
            leaf, moves = decode(g, node)
            own, axes = tape.looped(g.axes[leaf]), tape.looped(g.axes[node])
            places = _places(tape, own, moves, axes)
            given[node] = spread(np.broadcast_to(over(given[leaf], own, tape)[places], _shape(tape, axes)), axes, tape)

    # ------------------------------------------------------------------ matrices
    def _assembled(self, values: Mapping[int, Array] | None) -> Any:
        """The product of all factors; without values, of ones: its pattern."""
        n = self.system.layout.size
        known: dict[int, Any] = {}
        for f in self.system.layout.fields:
            ones = eye_array(f.stop - f.start, n, k=f.start, format="csr")
            known[self.system.lowered.states[f.name]] = ones
        for node in self.maps:
            step = _map_matrix(self.tape, self.g.args[node][0], None if values is None else (self, node, values))
            known[node] = step @ self._product(self.inner[node], values, known)
        from scipy.sparse import vstack

        return coo_array(vstack([self._product(f, values, known) for f in self.outer]))

    def _product(self, factor: _Factor, values: Mapping[int, Array] | None, known: Mapping[int, Any]) -> Any:
        tape, g = self.tape, self.g
        rows = int(np.prod(_shape(tape, factor.axes), dtype=int))
        total = csr_array((rows, self.system.layout.size))
        nodes = list(factor.partials.values())
        found = self.system.space.evaluate(nodes, values) if values is not None else [np.ones(())] * len(nodes)
        for leaf, value in zip(factor.partials, found, strict=True):
            base, columns = self._columns(factor, leaf)
            size = int(np.prod(_shape(tape, tape.looped(g.axes[base])), dtype=int))
            data = np.ravel(over(value, factor.axes, tape))
            step = csr_array((data, columns, np.arange(rows + 1)), shape=(rows, size))
            total = total + step @ known[base]
        return total


def _below(tape: Tape, root: int) -> list[int]:
    """The leaves that a settled expression reads."""
    return [n for n in pointwise_order(tape.g, [root]) if tape.g.op[n] not in POINTWISE]


def _shape(tape: Tape, axes: Sequence[Axis]) -> tuple[int, ...]:
    return tuple(tape.size[a] for a in axes)


def _places(
    tape: Tape, own: Sequence[Axis], moves: Mapping[Axis, tuple[str, Axis | None]], axes: Sequence[Axis]
) -> tuple[Array, ...]:
    """Where along each of its own axes an array is read, as arrays that broadcast over `axes`."""
    places = []
    for axis in own:
        name, target = moves.get(axis, ("", axis))
        positions = tape.indices[name] if name else np.arange(tape.size[axis])
        shape = [1] * len(axes)
        if target is not None:
            shape[list(axes).index(target)] = len(positions)
        places.append(positions.reshape(shape))
    return tuple(places)


def _map_matrix(tape: Tape, m: LinearMap, point: Any) -> Any:
    """The matrix of a map between buffers; of ``max`` the derivative at a point, or ones."""
    if m.kind == "store":
        return eye_array(int(np.prod(_shape(tape, m.source), dtype=int)), format="csr")
    outer, n, after, inner = split(tape, m)
    name = tape.origin[m.name]
    if m.kind == "matrix":
        matrix = tape.arrays[name.removesuffix(".T")]
        core: Any = matrix.T if name.endswith(".T") else matrix
        core = core if point is not None else np.ones(core.shape)
    elif m.kind == "scatter":
        core = coo_array((np.ones(n), (tape.indices[name.removesuffix(".T")], np.arange(n))), shape=(after, n))
    else:
        core = np.ones((1, n))
    whole = csr_array(kron(kron(eye_array(outer), csr_array(core)), eye_array(inner)))
    if m.kind != "max" or point is None:
        return whole
    chain, node, values = point
    (x,) = chain.system.space.evaluate([chain.g.args[node][1]], values)
    attained = np.ravel(over(np.equal(x, values[node]).astype(float), m.source, tape))
    scaled = csr_array(whole * attained[None, :])
    share = 1.0 / np.asarray(scaled.sum(axis=1)).ravel()
    return csr_array(scaled * share[:, None])
