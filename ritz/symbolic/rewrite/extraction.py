"""Choosing one way to compute every value from an e-graph that holds many.

A value used twice is paid once, so the best choice for each class alone is not the best for all. Here are the
cheapest trees and the greedy method that carries along what is paid already; `exact_extraction` has the optimum for
small e-graphs. The caller scores what they return by the true cost of the code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ritz.symbolic.clock import spent
from ritz.symbolic.graph import Axis
from ritz.symbolic.rewrite.cost import CostTable
from ritz.symbolic.rewrite.egglog_backend import ClassGraph
from ritz.symbolic.rewrite.scheduled import Builder, Scheduled, is_complex_result

Choice = dict[int, int]
_NOTHING: frozenset[Axis] = frozenset()


class Extractor:
    """Extracts code from a finished e-graph.

    Args:
        classes: the e-graph.
        source: the island it was loaded from (leaves are its instructions).
        cost: latencies and trip counts.
        deadline: value of `ritz.symbolic.clock.spent` at which the exact method stops.
    """

    def __init__(
        self, classes: ClassGraph, source: Scheduled, cost: CostTable, *, deadline: float = float("inf")
    ) -> None:
        self.classes, self.source, self.deadline = classes, source, deadline
        self.users: list[set[int]] = [set() for _ in classes.members]
        for i, (_, _, arguments) in enumerate(classes.nodes):
            for c in arguments:
                self.users[c].add(i)
        self._kind = self._axes(cost)
        self.price = [self._price(i, cost) for i in range(len(classes))]

    def _axes(self, cost: CostTable) -> list[tuple[frozenset[Axis], bool] | None]:
        """For every class the least often computed axes (and complexity) among its ways of being computed."""
        kind: list[tuple[frozenset[Axis], bool] | None] = [None] * len(self.classes.members)

        def rank(k: tuple[frozenset[Axis], bool]) -> tuple[float, bool, list[Axis]]:
            return cost.weight(k[0]), k[1], sorted(k[0])

        def update(i: int) -> bool:
            found = self._node_kind(i, kind)
            owner = self.classes.owner[i]
            old = kind[owner]
            if found is None or (old is not None and rank(old) <= rank(found)):
                return False
            kind[owner] = found
            return True

        self.settle(update)
        return kind

    def _node_kind(
        self, i: int, kind: Sequence[tuple[frozenset[Axis], bool] | None]
    ) -> tuple[frozenset[Axis], bool] | None:
        op, payload, arguments = self.classes.nodes[i]
        if op == "const":
            return _NOTHING, False
        if op == "leaf":
            return self.source.axes[payload], self.source.is_complex[payload]
        known = [kind[c] for c in arguments]
        if any(k is None for k in known):
            return None
        axes = _NOTHING.union(*(k[0] for k in known if k))
        return axes, is_complex_result(payload if op == "func" else op, (k[1] for k in known if k))

    def _price(self, i: int, cost: CostTable) -> float:
        op, payload, _ = self.classes.nodes[i]
        kind = self._node_kind(i, self._kind)
        if kind is None:
            return float("inf")
        latency = cost.of(op, payload if op == "func" else None)
        return latency * cost.weight(kind[0]) * (2.0 if kind[1] else 1.0) if latency else 0.0

    def settle(self, update: Callable[[int], bool]) -> None:
        """Call ``update(node)`` until nothing changes; a change in a class wakes the nodes that use it."""
        todo = list(range(len(self.classes)))
        queued = set(todo)
        while todo:
            wake: list[int] = []
            for i in todo:
                queued.discard(i)
                if update(i):
                    for user in sorted(self.users[self.classes.owner[i]]):
                        if user not in queued:
                            queued.add(user)
                            wake.append(user)
            todo = wake

    # ------------------------------------------------------------------ methods
    def trees(self, price: Sequence[float] | None = None) -> Choice:
        """The cheapest tree for every class, sharing ignored."""
        price = self.price if price is None else price
        best: dict[int, float] = {}
        choice: Choice = {}

        def update(i: int) -> bool:
            owner, arguments = self.classes.owner[i], self.classes.nodes[i][2]
            if any(c not in best for c in arguments):
                return False
            total = price[i] + sum(best[c] for c in arguments)
            if total >= best.get(owner, float("inf")) - 1e-12:
                return False
            best[owner], choice[owner] = total, i
            return True

        self.settle(update)
        return choice

    def greedy(self, price: Sequence[float] | None = None) -> Choice:
        """For every class the way whose whole code, shared values paid once, is cheapest given earlier choices."""
        price = self.price if price is None else price
        paid: dict[int, dict[int, float]] = {}
        total: dict[int, float] = {}
        choice: Choice = {}

        def update(i: int) -> bool:
            owner, arguments = self.classes.owner[i], self.classes.nodes[i][2]
            if any(c not in paid or owner in paid[c] for c in arguments) or spent() > self.deadline:
                return False
            old = total.get(owner, float("inf"))
            if price[i] + max((total[c] for c in arguments), default=0.0) >= old - 1e-12:
                return False
            merged: dict[int, float] = {owner: price[i]}
            for c in arguments:
                merged.update(paid[c])
            cost = sum(merged.values())
            if cost >= old - 1e-12:
                return False
            paid[owner], total[owner], choice[owner] = merged, cost, i
            return True

        self.settle(update)
        return choice

    # ------------------------------------------------------------------ results
    def code(self, choice: Mapping[int, int], builder: Builder) -> Scheduled:
        """Return the code of a choice; equal instructions are merged on the way.

        Raises:
            ValueError: the choice computes a value from itself.
        """
        done: dict[int, int] = {}
        open_: set[int] = set()
        stack = list(reversed(self.classes.roots))
        while stack:
            c = stack[-1]
            if c in done:
                stack.pop()
                continue
            op, payload, arguments = self.classes.nodes[choice[c]]
            missing = [a for a in arguments if a not in done]
            if missing:
                open_.add(c)
                if not open_.isdisjoint(missing):
                    raise ValueError("a choice of operations has a circle")
                stack.extend(missing)
                continue
            done[c] = self.instruction(builder, op, payload, [done[a] for a in arguments])
            stack.pop()
        return builder.finish(done[r] for r in self.classes.roots)

    def instruction(self, builder: Builder, op: str, payload: object, arguments: list[int]) -> int:
        """Make one operation of the e-graph in `builder`."""
        if op == "const":
            return builder.const(payload)  # type: ignore[arg-type]
        if op == "leaf":
            return builder.copy(self.source, payload, {})  # type: ignore[arg-type]
        if op == "func":
            return builder.func(str(payload), *arguments)
        return getattr(builder, op)(*arguments)

    def cost_of(self, choice: Mapping[int, int]) -> float:
        """Sum of the prices of everything the roots need under this choice."""
        seen: set[int] = set()
        stack = list(self.classes.roots)
        while stack:
            c = stack.pop()
            if c not in seen:
                seen.add(c)
                stack.extend(self.classes.nodes[choice[c]][2])
        return sum(self.price[choice[c]] for c in seen)
