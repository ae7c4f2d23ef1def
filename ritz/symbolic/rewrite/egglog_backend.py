"""Everything that is written in egglog's own language; works with egglog 13 and 14.

A program is loaded as text: declarations and rules once, then one rule whose actions build the whole island, since
building it node by node through typed objects is a hundred times slower. Numbers are exact rationals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ritz.symbolic.clock import spent
from ritz.symbolic.graph import Number
from ritz.symbolic.rewrite.egglog_rules import COMMUTE, FACT_RULES, FOLD
from ritz.symbolic.rewrite.rule_language import FACTS, Pattern, Rule
from ritz.symbolic.rewrite.scheduled import Scheduled

CONSTRUCTOR = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "neg": "Neg", "sqrt": "Sqrt", "fma": "Fma"}
ARITY = {"add": 2, "sub": 2, "mul": 2, "div": 2, "neg": 1, "sqrt": 1, "fma": 3}
_FUNCTION = "F_"
BYTES_A_ROW = 400  # of a table: 190 to store it, the rest to look at it, as the resident memory of 800 000 rows tells
MOST_BYTES = 256 * 2**20
_TIDY = 4  # times as many matches as of other rules, for those that fold numbers and exchange operands
_TIDY_ROWS = 2 * (2 + 2 * 34)  # that these make of one match each: two runs of 34 rules, two rows a match


class EngineError(RuntimeError):
    """egglog itself failed; the search ends with what was found before."""


@dataclass(frozen=True)
class ClassGraph:
    """A finished e-graph: which operations each class of equal values could be computed by.

    Attributes:
        nodes: ``(operation, payload, argument classes)`` where the payload is the number of a ``const``, the
            instruction number of a ``leaf``, the name of a ``func`` and None otherwise.
        owner: per node, its class.
        members: per class, its nodes.
        roots: classes of the results.
    """

    nodes: tuple[tuple[str, Any, tuple[int, ...]], ...]
    owner: tuple[int, ...]
    members: tuple[tuple[int, ...], ...]
    roots: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.nodes)


class EqualityGraph:
    """An e-graph holding one island, searched phase by phase.

    Args:
        s: the island; its leaves are opaque.
        facts: instruction -> facts known of it (names of `FACTS`).
        rules: phase name -> its rules.
        deadline: value of `ritz.symbolic.clock.spent` after which no further step is started.
        most_nodes: no further step is started above this size.
        most_bytes: memory that what is stored may take. A step is allowed so few matches of each rule that it keeps
            to that, and none is started where not even one is left.
    """

    def __init__(
        self,
        s: Scheduled,
        facts: Mapping[int, Iterable[str]],
        rules: Mapping[str, Sequence[Rule]],
        *,
        deadline: float = float("inf"),
        most_nodes: int = 20_000,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        from egglog import bindings

        self._egraph = bindings.EGraph()
        self._parsed_and_run = getattr(self._egraph, "parse_and_run_program", None)
        self.deadline, self.most_nodes, self.most_bytes = deadline, most_nodes, most_bytes
        self.seconds_per_step = 0.0
        functions, rules = _relevant(s, rules)
        self._names = {_FUNCTION + name: name for name in functions}
        self._makes = {phase: sum(map(_rows_made, book)) for phase, book in rules.items()}
        text = _rules_text(rules, real=not any(s.is_complex))
        self._run(_declarations(functions, rules) + text + _island_text(s, facts))
        self._run("(run load 1) (run-schedule (repeat 8 (run facts)) (repeat 12 (run fold)) (repeat 8 (run facts)))")

    def _run(self, text: str) -> Any:
        try:
            if self._parsed_and_run is not None:
                return self._parsed_and_run(text)
            return self._egraph.run_program(*self._egraph.parse_program(text))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic inside egglog does not derive from Exception
            raise EngineError(f"egglog stopped: {error}") from error

    def phase(self, names: Sequence[str], repeat: int, *, match_limit: int = 300) -> bool:
        """Run some rule lists together `repeat` times with back-off; False when a budget ended it."""
        steps = " ".join(f"(run-with backoff {name})" for name in names)
        for _ in range(repeat):
            size, rows = self._sizes()
            limit = min(match_limit, self._affordable(names, rows))
            start = spent()
            if size > self.most_nodes or limit < 1 or start + 2 * self.seconds_per_step > self.deadline:
                return False
            self._run(
                f"(run-schedule (let-scheduler backoff (back-off :match-limit {limit} :ban-length 3)) "
                f"(let-scheduler tidy (back-off :match-limit {_TIDY * limit} :ban-length 1)) "
                f"(seq {steps} (run-with tidy commute) (run-with tidy fold) (run-with tidy fold) "
                "(repeat 3 (run facts))))"
            )
            self.seconds_per_step = spent() - start
            if self._sizes()[0] == size:
                return True
        return True

    def _affordable(self, names: Sequence[str], rows: int) -> int:
        """Matches of each rule that one step may use for the memory that is left."""
        made = sum(self._makes[name] for name in names) + _TIDY * _TIDY_ROWS
        return int(self.most_bytes - rows * BYTES_A_ROW) // (made * BYTES_A_ROW)

    def _sizes(self) -> tuple[int, int]:
        """The number of operations, and of everything stored."""
        stored = {name: len(f.rows) for name, f in self._egraph.freeze().functions.items()}
        return sum(n for name, n in stored.items() if name in self._names or name in _OPERATION), sum(stored.values())

    def size(self) -> int:
        """The number of operations stored."""
        return self._sizes()[0]

    def memory(self) -> int:
        """Bytes that what is stored takes, estimated."""
        return self._sizes()[1] * BYTES_A_ROW

    def same(self, roots: Sequence[int]) -> bool:
        """Whether all these results are known to be equal."""
        known = self.frozen().roots
        return len({known[r] for r in roots}) == 1

    def frozen(self) -> ClassGraph:
        """The e-graph as plain tuples; rows that differ only in the order of commuting operands are one."""
        functions = self._egraph.freeze().functions
        classes: dict[Any, int] = {}
        found: dict[tuple[tuple[str, Any, tuple[int, ...]], int], None] = {}
        roots: dict[int, int] = {}
        for name in sorted(functions):
            if name not in self._names and name not in _OPERATION and name not in ("Num", "Leaf", "Root"):
                continue
            for row in functions[name].rows:
                owner = classes.setdefault(row.output, len(classes))
                if name == "Root":
                    roots[self._egraph.value_to_i64(row.inputs[0])] = owner
                elif name == "Num":
                    found[("const", self._fraction(row.inputs[0]), ()), owner] = None
                elif name == "Leaf":
                    found[("leaf", self._egraph.value_to_i64(row.inputs[0]), ()), owner] = None
                else:
                    children = tuple(classes.setdefault(v, len(classes)) for v in row.inputs)
                    op = _OPERATION.get(name, "func")
                    if op in ("add", "mul"):
                        children = tuple(sorted(children))
                    found[(op, self._names.get(name), children), owner] = None
        members: list[list[int]] = [[] for _ in classes]
        for i, (_, owner) in enumerate(found):
            members[owner].append(i)
        return ClassGraph(
            tuple(node for node, _ in found),
            tuple(owner for _, owner in found),
            tuple(map(tuple, members)),
            tuple(roots[r] for r in range(len(roots))),
        )

    def _fraction(self, value: Any) -> Number:
        q = self._egraph.value_to_bigrat(value)
        return Fraction(q.numerator, q.denominator)


_OPERATION = {constructor: op for op, constructor in CONSTRUCTOR.items()}


def _relevant(s: Scheduled, rules: Mapping[str, Sequence[Rule]]) -> tuple[dict[str, int], dict[str, list[Rule]]]:
    """Functions (with numbers of arguments) that can occur, and the rules that can ever match."""
    functions = {args[0]: len(args) - 1 for op, args in zip(s.op, s.args, strict=True) if op == "func"}
    kept: dict[str, list[Rule]] = {phase: [] for phase in rules}
    waiting = [(phase, r) for phase, book in rules.items() for r in book]
    while True:
        ready = [(phase, r) for phase, r in waiting if all(functions.get(f) == n for f, n in r.needs())]
        if not ready:
            return functions, kept
        waiting = [pair for pair in waiting if pair not in ready]
        for phase, r in ready:
            if all((r.lhs, r.rhs, r.when) != (k.lhs, k.rhs, k.when) for k in kept[phase]):
                kept[phase].append(r)
            functions.update({name: n for name, n in r.functions() if name not in functions})


def _rows_made(r: Rule) -> int:
    """Most rows that one match of a rule adds: the operations of its right side, and facts of each."""
    return _operations(r.rhs) * 2


def _operations(p: Pattern) -> int:
    parts = p[2:] if p[0] == "func" else p[1:]
    return 0 if p[0] == "var" else 1 if p[0] == "num" else 1 + sum(map(_operations, parts))


def _declarations(functions: Mapping[str, int], rules: Mapping[str, Sequence[Rule]]) -> str:
    operations = [f"({CONSTRUCTOR[op]}{' M' * n})" for op, n in ARITY.items()]
    operations += [f"({_FUNCTION}{name}{' M' * n})" for name, n in sorted(functions.items())]
    lines = [f"(datatype M (Num BigRat) (Leaf i64) {' '.join(operations)})"]
    lines.append("(constructor Root (i64) M :unextractable)")
    lines += [f"(relation {fact} (M))" for fact in FACTS]
    lines += [f"(ruleset {name})" for name in ("load", "fold", "facts", "commute", *rules)]
    lines += [f"(let ${name} {_number(Fraction(v))})" for name, v in (("zero", 0), ("one", 1), ("minus", -1))]
    facts = [line for line in FACT_RULES.splitlines() if set(re.findall(r"F_(\w+)", line)) <= set(functions)]
    return "\n".join([*lines, COMMUTE, FOLD, *facts])


def _rules_text(rules: Mapping[str, Sequence[Rule]], *, real: bool) -> str:
    """The rules; where no value is complex, every value is real or missing, and "is real" need not be asked."""
    lines = []
    for phase, book in rules.items():
        for r in book:
            when = "".join(f"({fact} {_pattern(p)})" for fact, p in r.when if not (real and fact == "real"))
            guard = f" :when ({when})" if when else ""
            lines.append(f"(rewrite {_pattern(r.lhs)} {_pattern(r.rhs)}{guard} :ruleset {phase})")
    return "\n".join(lines)


def _number(c: Fraction) -> str:
    return f'(bigrat (from-string "{c.numerator}") (from-string "{c.denominator}"))'


def _pattern(p: Pattern) -> str:
    if p[0] == "var":
        return f"v_{p[1]}"
    if p[0] == "num":
        return f"(Num {_number(p[1])})"
    if p[0] == "func":
        return f"({_FUNCTION}{p[1]} {' '.join(map(_pattern, p[2:]))})"
    return f"({CONSTRUCTOR[p[0]]} {' '.join(map(_pattern, p[1:]))})"


def _island_text(s: Scheduled, facts: Mapping[int, Iterable[str]]) -> str:
    actions = []
    for i, (op, args) in enumerate(zip(s.op, s.args, strict=True)):
        operands = " ".join(f"n{k}" for k in s.operands(i))
        if op == "const" and args[0] != 1j:
            text = f"(Num {_number(Fraction(args[0]))})"
        elif op in ("leaf", "const"):
            text = f"(Leaf {i})"
        else:
            text = f"({_FUNCTION + args[0] if op == 'func' else CONSTRUCTOR[op]} {operands})"
        actions.append(f"(let n{i} {text})")
        actions += [f"({fact} n{i})" for fact in sorted(facts.get(i, ()))]
    actions += [f"(union (Root {k}) n{r})" for k, r in enumerate(s.roots)]
    return f"\n(rule () ({' '.join(actions)}) :ruleset load)\n"
