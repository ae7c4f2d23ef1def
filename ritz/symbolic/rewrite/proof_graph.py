"""Congruence closure that remembers why: for two equal terms it gives the rewrites that lead from one to the other.

Every term keeps a number of its own. Unions are recorded in a forest whose edges carry their reason: a rule, or
congruence of the arguments (Nieuwenhuis and Oliveras, Proof-producing congruence closure, RTA 2005). The engine is
meant for a handful of rules on small expressions; egglog does the searching.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from ritz.symbolic.graph import Axis
from ritz.symbolic.rewrite.facts import Facts, facts_of
from ritz.symbolic.rewrite.rule_language import Pattern, Rule
from ritz.symbolic.rewrite.scheduled import COMMUTATIVE, Builder, Scheduled

ARITHMETIC = "arithmetic"

Label = tuple[Any, ...]  # ("const", value), ("leaf", number), ("func", name) or (operation,)
Term = tuple[Label, tuple[int, ...]]
Reason = tuple[str, int]  # a rule, and the term that is its left side; None stands for congruence


@dataclass(frozen=True)
class Step:
    """One rewrite of a whole term.

    Attributes:
        rule: the rule.
        before, after: terms.
        backwards: whether the rule was read from right to left.
    """

    rule: str
    before: int
    after: int
    backwards: bool = False


class ProofGraph:
    """Terms, classes of equal terms, and the reasons.

    Args:
        leaves: number of a leaf -> what is known of it.
    """

    def __init__(self, leaves: Mapping[int, Facts]) -> None:
        self.leaves = leaves
        self.terms: list[Term] = []
        self._number: dict[Term, int] = {}
        self._parent: list[int] = []
        self._members: dict[int, list[int]] = {}
        self._users: dict[int, list[int]] = {}
        self._signature: dict[Term, int] = {}
        self._edge: dict[int, tuple[int, Reason | None]] = {}  # towards the root of the forest
        self.facts: dict[int, Facts] = {}
        self.value: dict[int, Fraction] = {}  # of classes that are numbers

    # ------------------------------------------------------------------ terms
    def load(self, s: Scheduled) -> list[int]:
        """Enter all values of a code; returns the terms of its roots. Leaves are known by their labels."""
        found: list[int] = []
        for i, (op, args) in enumerate(zip(s.op, s.args, strict=True)):
            label: Label = (op, args[0]) if op in ("const", "leaf", "func") else (op,)
            found.append(self.add(label, tuple(found[k] for k in s.operands(i))))
        return [found[r] for r in s.roots]

    def add(self, label: Label, arguments: tuple[int, ...] = ()) -> int:
        """The number of a term; a new one joins the class it is congruent to."""
        if label[0] == "const":
            label = ("const", Fraction(label[1]))
        term = (label, arguments)
        if term in self._number:
            return self._number[term]
        t = self._number[term] = len(self.terms)
        self.terms.append(term)
        self._parent.append(t)
        self._members[t], self._users[t] = [t], []
        for a in set(map(self.find, arguments)):
            self._users[a].append(t)
        self._analyse(t)
        other = self._signature.setdefault(self._canonical(t), t)
        if other != t:
            self._merge(t, other, None)
        elif label[0] not in ("const", "leaf"):
            self._work_out(t)
        return t

    def find(self, t: int) -> int:
        """The class of a term."""
        while self._parent[t] != t:
            self._parent[t] = self._parent[self._parent[t]]
            t = self._parent[t]
        return t

    def same(self, a: int, b: int) -> bool:
        """Whether two terms are known to be equal."""
        return self.find(a) == self.find(b)

    def _canonical(self, t: int) -> Term:
        label, arguments = self.terms[t]
        found = tuple(map(self.find, arguments))
        return label, tuple(sorted(found)) if label[0] in COMMUTATIVE else found

    def _analyse(self, t: int) -> None:
        """What interval arithmetic knows of a term, given what is known of its arguments' classes."""
        (op, *payload), arguments = self.terms[t]
        if op == "const":
            self.value[t] = payload[0]
        known = [self.facts[self.find(a)] for a in arguments]
        square = op == "mul" and self.find(arguments[0]) == self.find(arguments[1])
        found = (
            self.leaves[payload[0]] if op == "leaf" else facts_of(op, payload[0] if payload else None, known, square)
        )
        root = self.find(t)
        self.facts[root] = _both(self.facts[root], found) if root in self.facts else found

    def _work_out(self, t: int) -> None:
        """Sums, products and quotients of numbers are numbers."""
        (op, *_), arguments = self.terms[t]
        values = [self.value.get(self.find(a)) for a in arguments]
        if op not in _EXACT or any(v is None for v in values) or (op == "div" and values[1] == 0):
            return
        self.merge(t, self.add(("const", _EXACT[op](*values))), ARITHMETIC)

    # ------------------------------------------------------------------ unions
    def merge(self, a: int, b: int, rule: str) -> None:
        """Make two terms equal by a rule."""
        self._merge(a, b, (rule, a))

    def _merge(self, a: int, b: int, reason: Reason | None) -> None:
        pending = [(a, b, reason)]
        while pending:
            a, b, why = pending.pop()
            into, gone = self.find(b), self.find(a)
            if into == gone:
                continue
            self._connect(a, b, why)
            self._parent[gone] = into
            self._members[into] += self._members.pop(gone)
            self.facts[into] = _both(self.facts[into], self.facts.pop(gone))
            if gone in self.value:
                self.value.setdefault(into, self.value.pop(gone))
            users = self._users.pop(gone)
            self._users[into] += users
            for t in users:
                other = self._signature.setdefault(self._canonical(t), t)
                if not self.same(t, other):
                    pending.append((t, other, None))

    def _connect(self, a: int, b: int, reason: Reason | None) -> None:
        """Turn the path from `a` to the root of its tree round, and hang it under `b`."""
        node, edge = a, self._edge.pop(a, None)
        while edge is not None:
            up, why = edge
            following = self._edge.pop(up, None)
            self._edge[up] = (node, why)
            node, edge = up, following
        self._edge[a] = (b, reason)

    # ------------------------------------------------------------------ rules
    def apply(self, rules: Sequence[Rule], most_terms: int) -> bool:
        """Apply every rule once wherever it matches; False if nothing new came of it or there are too many terms."""
        before = len(self.terms), self._classes()
        for t in range(len(self.terms)):
            self._analyse(t)
        work = [(r, found) for r in rules for found in self._matches(r)]
        for r, found in work:
            if len(self.terms) > most_terms:
                return False
            left, right = self._instance(r.lhs, found), self._instance(r.rhs, found)
            if not self.same(left, right):
                self.merge(left, right, r.text)
        for t in range(len(self.terms)):
            if self.terms[t][1] and self.find(t) not in self.value:
                self._work_out(t)
        return (len(self.terms), self._classes()) != before

    def _classes(self) -> int:
        return len(self._members)

    def _matches(self, r: Rule) -> list[dict[str, int]]:
        """Substitutions (name -> term) for every place where a rule may be applied."""
        found: dict[tuple[tuple[str, int], ...], dict[str, int]] = {}
        for t in list(self._signature.values()):
            for names in self._match_term(r.lhs, t, {}):
                key = tuple(sorted((n, self.find(v)) for n, v in names.items()))
                if key not in found and self._allowed(r, names):
                    found[key] = names
        return list(found.values())

    def _allowed(self, r: Rule, names: Mapping[str, int]) -> bool:
        for fact, pattern in r.when:
            known = self.find(self._instance(pattern, names))
            if fact == "number":
                if known not in self.value:
                    return False
            elif fact not in self.facts[known].names():
                return False
        return True

    def _match(self, p: Pattern, t: int, names: dict[str, int]) -> Iterator[dict[str, int]]:
        if p[0] == "var":
            if p[1] not in names:
                yield {**names, p[1]: t}
            elif self.same(names[p[1]], t):
                yield names
        elif p[0] == "num":
            if self.value.get(self.find(t)) == p[1]:
                yield names
        else:
            for member in self._members[self.find(t)]:
                yield from self._match_term(p, member, names)

    def _match_term(self, p: Pattern, t: int, names: dict[str, int]) -> Iterator[dict[str, int]]:
        label, arguments = self.terms[t]
        parts = p[2:] if p[0] == "func" else p[1:]
        if label[0] != p[0] or len(parts) != len(arguments) or (p[0] == "func" and label[1] != p[1]):
            return
        orders = {arguments, arguments[::-1]} if p[0] in COMMUTATIVE else {arguments}
        for order in sorted(orders):
            yield from self._match_all(parts, order, names)

    def _match_all(
        self, parts: Sequence[Pattern], arguments: Sequence[int], names: dict[str, int]
    ) -> Iterator[dict[str, int]]:
        if not parts:
            yield names
            return
        for found in self._match(parts[0], arguments[0], names):
            yield from self._match_all(parts[1:], arguments[1:], found)

    def _instance(self, p: Pattern, names: Mapping[str, int]) -> int:
        if p[0] == "var":
            return names[p[1]]
        if p[0] == "num":
            return self.add(("const", p[1]))
        parts = p[2:] if p[0] == "func" else p[1:]
        return self.add(("func", p[1]) if p[0] == "func" else (p[0],), tuple(self._instance(q, names) for q in parts))

    # ------------------------------------------------------------------ reasons
    def steps(self, a: int, b: int) -> Iterator[Step]:
        """The rewrites of whole terms that lead from `a` to an equal term `b`; swapped operands are no step."""
        for u, v, reason in self._path(a, b):
            if reason is not None:
                yield Step(reason[0], u, v, backwards=u != reason[1])
            else:
                yield from self._inside(u, v)

    def _inside(self, u: int, v: int) -> Iterator[Step]:
        """Rewrites of one argument after another."""
        label, arguments = self.terms[u]
        target = self.terms[v][1]
        if label[0] in COMMUTATIVE and not all(map(self.same, arguments, target)):
            target = target[::-1]
        now = list(arguments)
        for k, (start, end) in enumerate(zip(arguments, target, strict=True)):
            for step in self.steps(start, end):
                before = self._plain(label, now)
                now[k] = step.after
                yield replace(step, before=before, after=self._plain(label, now))

    def code(self, t: int, leaves: Mapping[int, tuple[frozenset[Axis], bool]], builder: Builder) -> int:
        """Make a term's instructions; `leaves` has axes and complexity of every leaf."""
        for leaf in sorted(leaves):  # the order of operands follows that of the leaves
            builder.opaque(leaf, *leaves[leaf])
        done: dict[int, int] = {}
        stack = [t]
        while stack:
            now = stack[-1]
            label, arguments = self.terms[now]
            missing = [a for a in arguments if a not in done]
            if missing:
                stack.extend(missing)
                continue
            values = [done[a] for a in arguments]
            if label[0] == "const":
                done[now] = builder.const(label[1])
            elif label[0] == "leaf":
                done[now] = builder.opaque(label[1], *leaves[label[1]])
            else:
                done[now] = (
                    builder.func(label[1], *values) if label[0] == "func" else getattr(builder, label[0])(*values)
                )
            stack.pop()
        return done[t]

    def _plain(self, label: Label, arguments: Sequence[int]) -> int:
        """A term for showing: it takes no part in the closure if it is new."""
        term = (label, tuple(arguments))
        if term not in self._number:
            self._number[term] = len(self.terms)
            self.terms.append(term)
            self._parent.append(len(self._parent))
        return self._number[term]

    def _path(self, a: int, b: int) -> list[tuple[int, int, Reason | None]]:
        """Edges of the forest from `a` to `b`."""
        above = {a: 0}
        up: list[tuple[int, int, Reason | None]] = []
        node = a
        while node in self._edge:
            parent, why = self._edge[node]
            up.append((node, parent, why))
            node = parent
            above[node] = len(up)
        down: list[tuple[int, int, Reason | None]] = []
        node = b
        while node not in above:
            parent, why = self._edge[node]
            down.insert(0, (parent, node, why))
            node = parent
        return up[: above[node]] + down


def _both(a: Facts, b: Facts) -> Facts:
    """What is known when both are; contradictions (a value that does not exist) keep the first."""
    low, high = max(a.low, b.low), min(a.high, b.high)
    if low > high:
        return a
    return replace(a, low=low, high=high, nonzero=a.nonzero or b.nonzero, real=a.real or b.real)


_EXACT: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
}
