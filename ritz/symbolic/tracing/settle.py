"""Bringing a recorded graph into the form that loops are printed from.

In the settled form every index map stands on a leaf: a state, or a value that is stored between two loops. Pointwise
expressions under an index map are computed again at the place read, if that is cheap, or stored. A scatter without
repetitions becomes a choice between a read and zero. Sums, largest values, matrices and scatters with repetitions stay
maps, between whole buffers.

Reads of a leaf are written as a chain of gathers in one normal form, so that equal reads are one node. Its target is
`TIME` where a fixed position is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ritz.symbolic.graph import TIME, Axis, Graph, LinearMap
from ritz.symbolic.rewrite.lowering import POINTWISE, pointwise_order
from ritz.symbolic.tracing.folding import choose, folded
from ritz.symbolic.tracing.oracle import ends
from ritz.symbolic.tracing.tape import MOST_DIMENSIONS, Array, Tape

AGAIN = 24  # most operations spent on computing values again instead of storing them
LONG = 100  # operations beyond which a value is stored even if it is read once, so that loops stay short
_CHEAP = frozenset(
    {"where", "maximum", "minimum", "abs", "sign", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"}
)


@dataclass(frozen=True)
class Move:
    """What stands at `positions` of an axis, along `target` (None: one position, no axis)."""

    positions: Array
    target: Axis | None


# ---------------------------------------------------------------------- reads in normal form
def decode(g: Graph, node: int) -> tuple[int, dict[Axis, tuple[str, Axis | None]]]:
    """The leaf of a read, and for every axis of it that is not read in place the index map and the target."""
    chain = []
    while g.op[node] == "gather":
        name, below, source, target = g.args[node]
        chain.append((name, source, None if target == TIME else target))
        node = below
    moves: dict[Axis, tuple[str, Axis | None]] = {}
    for name, source, target in reversed(chain):
        spare = next((a for a, (_, t) in moves.items() if t == source and a != source), None)
        if spare is None:
            moves[source] = (name, target)
        else:
            moves[spare] = (moves[spare][0], target)
    return node, moves


def encode(tape: Tape, leaf: int, moves: Mapping[Axis, Move]) -> int:
    """The read of a leaf as a chain of gathers; one that ends on another axis of the leaf goes by way of a spare."""
    g, node = tape.g, leaf
    own = g.axes[leaf]
    waiting = []
    for k, axis in enumerate(sorted(moves)):
        move = moves[axis]
        if move.target == axis and np.array_equal(move.positions, np.arange(tape.size[axis])):
            continue
        target = TIME if move.target is None else move.target
        name = tape.index(move.positions, tape.size[axis])
        if target != axis and target in own and target != TIME:
            spare = tape.axis(2 * MOST_DIMENSIONS + k, tape.size[target])
            node = g.gather(name, node, axis, spare)
            waiting.append((spare, target))
        else:
            node = g.gather(name, node, axis, target)
    for spare, target in waiting:
        node = g.gather(tape.index(np.arange(tape.size[target]), tape.size[target]), node, spare, target)
    return node


# ---------------------------------------------------------------------- the pass
def settle(tape: Tape, roots: Sequence[int]) -> list[int]:
    """Return the roots in settled form, as new nodes of the same graph."""
    return _Settling(tape, roots).run()


class _Settling:
    def __init__(self, tape: Tape, roots: Sequence[int]) -> None:
        self.tape, self.g, self.roots = tape, tape.g, list(roots)
        self.new: dict[int, int] = {}
        self.pulled: dict[tuple[int, Axis, Axis | None, str], int] = {}
        self.readers: dict[int, int] = {}
        self.order = self.g.topological(self.roots)
        in_place = set(self.roots)
        for node in self.order:
            op, args = self.g.op[node], self.g.args[node]
            if op == "gather" or (op == "map" and args[0].kind in ("pick", "scatter")):
                self.readers[args[1]] = self.readers.get(args[1], 0) + 1
            else:
                in_place.update(self.g.children(node))
        for node in in_place & set(self.readers):  # computed where it stands, and again wherever it is read
            self.readers[node] += 1

    def run(self) -> list[int]:
        g = self.g
        for node in self.order:
            if g.op[node] == "gather":
                name, below, source, target = g.args[node]
                self.new[node] = self._pull(below, source, Move(self.tape.indices[name], target))
            elif g.op[node] == "map":
                self.new[node] = self._map(g.args[node][0], g.args[node][1])
            elif g.op[node] == "func":
                name, args = g.args[node]
                self.new[node] = folded(g, name, [self.new[n] for n in args])
            else:
                self.new[node] = g.rebuild(node, self.new)
        return [self.new[r] for r in self.roots]

    def _map(self, m: LinearMap, below: int) -> int:
        tape, g = self.tape, self.g
        name = m.name.removesuffix(".T")
        if m.kind in ("pick", "pick.T"):
            positions = tape.indices[name.removeprefix("pick:").split(",")[0]]
            if m.kind == "pick":
                return self._pull(below, m.source[0], Move(positions, None))
            here = np.arange(tape.size[m.target[0]]) == positions[0]
            return choose(g, tape.condition(here, m.target[0]), self.new[below], g.zero)
        if m.kind == "scatter" and (back := tape.inverse(name)) is not None:
            source, target = ends(m)
            value = self._pull(below, source, Move(back[0], target))
            return choose(g, tape.condition(back[1], target), value, g.zero)
        value = self.new[below]
        if m.kind == "max" and g.op[value] in POINTWISE and TIME in g.axes[value]:
            # derivatives ask which entry is the largest one: computed again, it may differ in the last digit
            value = self.new[below] = self._store(value)
        if m.kind in ("sum", "max"):  # one axis after the other
            for axis in m.source:
                single = LinearMap(f"{m.kind}:{axis.name}", m.kind, (axis,), ())
                value = g.map(tape.buffered(single, tape.looped(g.axes[value])), value)
            return value
        return g.map(tape.buffered(m, tape.looped(g.axes[value])), value)

    # ------------------------------------------------------------------ reading elsewhere
    def _pull(self, below: int, source: Axis, move: Move) -> int:
        """A settled expression read elsewhere along one axis."""
        g, node = self.g, self.new[below]
        if source not in g.axes[node]:
            return node
        key = (node, source, move.target, self.tape.index(move.positions, self.tape.size[source]))
        if key in self.pulled:
            return self.pulled[key]
        readers = max(self.readers.get(below, 1), 1)
        work = self._cost(node) if TIME in g.axes[node] else 0
        if work > LONG or (readers > 1 and readers * work > AGAIN):
            node = self.new[below] = self._store(node)
        moved: dict[int, int] = {}
        for n in pointwise_order(g, [node]):
            if source not in g.axes[n]:
                moved[n] = n
            elif g.op[n] not in POINTWISE:
                moved[n] = self._leaf(n, source, move)
            elif g.op[n] == "func":
                moved[n] = folded(g, g.args[n][0], [moved[k] for k in g.args[n][1]])
            else:
                moved[n] = g.rebuild(n, moved)
        self.pulled[key] = moved[node]
        return moved[node]

    def _leaf(self, leaf: int, source: Axis, move: Move) -> int:
        tape, g = self.tape, self.g
        if g.op[leaf] == "input" and g.args[leaf][1] in ("array", "mask"):
            return self._constant(leaf, source, move)
        base, old = decode(g, leaf)
        moves = {axis: Move(tape.indices[name], target) for axis, (name, target) in old.items()}
        for axis in tape.looped(g.axes[base]):
            here = moves.get(axis) or Move(np.arange(tape.size[axis]), axis)
            if here.target == source:
                moves[axis] = Move(here.positions[move.positions], move.target)
        return encode(tape, base, moves)

    def _constant(self, leaf: int, source: Axis, move: Move) -> int:
        tape, g = self.tape, self.g
        name, kind = g.args[leaf]
        axes = tape.looped(g.axes[leaf])
        values = np.take(tape.arrays[name], move.positions, axis=axes.index(source))
        if move.target is None:
            values = values.reshape([n for a, n in zip(axes, values.shape, strict=True) if a != source])
            new = [a for a in axes if a != source]
        else:
            new = [move.target if a == source else a for a in axes]
        if kind == "mask":
            return tape.mask(values, new[0]) if new else g.const(int(values.reshape(())))
        order = sorted(range(len(new)), key=lambda i: -tape.slot[new[i]])
        return tape.array(np.transpose(values, order), [new[i] for i in order])

    def _store(self, node: int) -> int:
        axes = self.tape.looped(self.g.axes[node])
        name, _ = self.tape._named("stored", node)
        return self.g.map(LinearMap(name, "store", tuple(axes), tuple(axes)), node)

    def _cost(self, node: int) -> int:
        """Operations of a pointwise expression down to its leaves."""
        g, total = self.g, 0
        for n in pointwise_order(g, [node]):
            op, args = g.op[n], g.args[n]
            if op == "add":
                total += len(args[1])
            elif op == "mul":
                total += sum(1 if isinstance(e, int) and e > 0 else 8 for _, e in args[1])
            elif op == "func":
                total += 1 if args[0] in _CHEAP else 16
        return total
