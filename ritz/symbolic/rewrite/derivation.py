"""How a result was reached: the rules that lead from the source to it, one step a line, each step checked.

The search itself does not say which of its many rewrites mattered. So the rules are sieved first: those without which
the result is still reached are left out. The few that remain are applied again by a small engine that remembers its
reasons.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ritz.symbolic.clock import spent
from ritz.symbolic.rewrite.egglog_backend import EngineError, EqualityGraph
from ritz.symbolic.rewrite.facts import infer
from ritz.symbolic.rewrite.infix import infix
from ritz.symbolic.rewrite.island import MOST_NODES, rule_books
from ritz.symbolic.rewrite.job import Job
from ritz.symbolic.rewrite.proof_graph import ARITHMETIC as NUMBERS
from ritz.symbolic.rewrite.proof_graph import ProofGraph, Step
from ritz.symbolic.rewrite.rule_language import Rule
from ritz.symbolic.rewrite.rules.accuracy import ACCURACY
from ritz.symbolic.rewrite.rules.arithmetic import ARITHMETIC
from ritz.symbolic.rewrite.scheduled import Builder, Scheduled
from ritz.symbolic.rewrite.verify import Reference

LARGEST = 120  # operations of a form whose steps are worked out; a larger one is a single step
MOST_TERMS = 6_000
ROUNDS = 8
SECONDS = 20.0


@dataclass(frozen=True)
class DerivedStep:
    """One step.

    Attributes:
        result: which result changes; -1 where all may.
        reason: the rule as written, or the pass.
        before: the result before the step.
        expression: the result after it.
        checked: whether the step was compared with the source in high precision and agreed.
    """

    result: int
    reason: str
    before: str
    expression: str
    checked: bool


@dataclass(frozen=True)
class Derivation:
    """The way from the source to the result.

    Attributes:
        source: the results as they were given.
        steps: the steps in order.
    """

    source: tuple[str, ...]
    steps: tuple[DerivedStep, ...]

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules and passes used, each once, in order."""
        return tuple(dict.fromkeys(s.reason for s in self.steps if s.reason != NUMBERS))

    def __str__(self) -> str:
        lines = [f"  {text}" for text in self.source]
        for s in self.steps:
            lines.append(f"= {s.expression}\n      by {s.reason}{'' if s.checked else ' (not checked)'}")
        return "\n".join(lines) if self.steps else "\n".join([*lines, "nothing was changed"])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><code>{html.escape(s.before)}</code></td><td><code>{html.escape(s.expression)}</code></td>"
            f"<td>{html.escape(s.reason)}</td></tr>"
            for s in self.steps
        )
        head = "".join(f"<p><code>{html.escape(t)}</code></p>" for t in self.source)
        titles = "<tr><th>before</th><th>after</th><th>by</th></tr>"
        return f"{head}<table><thead>{titles}</thead><tbody>{rows}</tbody></table>"


def derive(job: Job, trail: Sequence[tuple[str, Scheduled]], names: Mapping[int, str]) -> Derivation:
    """Work out the steps of a trail of forms.

    Args:
        job: the task.
        trail: the source, then the forms reached one from another, each with the name of what made it.
        names: leaf -> name, for showing.
    """
    shown = {**{n: f"n{n}" for n in job.facts}, **names}
    steps: list[DerivedStep] = []
    for (_, start), (name, end) in zip(trail, trail[1:]):
        if start == end:
            continue
        found = None
        if name == "e-graph" or name.startswith("cancellation"):
            found = _by_rules(job, start, end, shown)
        steps += found if found is not None else _as_one(job, name, start, end, shown)
    return Derivation(tuple(infix(trail[0][1], shown)), tuple(steps))


def _as_one(job: Job, name: str, start: Scheduled, end: Scheduled, names: Mapping[int, str]) -> list[DerivedStep]:
    before, after = ("; ".join(infix(code, names)) for code in (start, end))
    return [DerivedStep(-1, name, before, after, job.reference.check(end).passed)]


def _by_rules(job: Job, start: Scheduled, end: Scheduled, names: Mapping[int, str]) -> list[DerivedStep] | None:
    """Steps by single rules; None if they were not found within the limits."""
    if max(start.operations(), end.operations()) > LARGEST:
        return None
    books = [*rule_books(job.rules).values(), *([] if any(start.is_complex) else [ACCURACY])]
    rules = list({r.text: r for book in books for r in book}.values())
    needed = _sieved(job, start, end, rules, spent() + SECONDS)
    if needed is None:
        return None
    graph = ProofGraph(job.facts)
    sources, targets = graph.load(start), graph.load(end)
    pairs = list(zip(sources, targets, strict=True))
    for _ in range(ROUNDS):
        if all(graph.same(a, b) for a, b in pairs) or not graph.apply([*needed, *ARITHMETIC], MOST_TERMS):
            break
    if not all(graph.same(a, b) for a, b in pairs):
        return None
    kinds = {start.args[i][0]: (start.axes[i], start.is_complex[i]) for i, op in enumerate(start.op) if op == "leaf"}
    arithmetic = {r.text for r in ARITHMETIC} | {NUMBERS}
    steps: list[DerivedStep] = []
    for k, (a, b) in enumerate(pairs):
        reference = Reference(job.g, [job.roots[k]], job.facts)
        before = infix(start, names)[k]
        for reason, after in _grouped(graph.steps(a, b), arithmetic):
            builder = Builder()
            code = builder.finish([graph.code(after, kinds, builder)])
            text = infix(code, names)[0]
            steps.append(DerivedStep(k, reason, before, text, reference.check(code).passed))
            before = text
    return steps


def _grouped(steps: Iterator[Step], arithmetic: set[str]) -> Iterator[tuple[str, int]]:
    """Reasons and terms; what is mere arithmetic goes with the step before it."""
    last: tuple[str, int] | None = None
    for step in steps:
        if step.rule in arithmetic:
            last = (last[0] if last else NUMBERS, step.after)
            continue
        if last is not None:
            yield last
        last = (step.rule + (", from right to left" if step.backwards else ""), step.after)
    if last is not None:
        yield last


def _sieved(job: Job, start: Scheduled, end: Scheduled, rules: Sequence[Rule], deadline: float) -> list[Rule] | None:
    """A small set of rules that still shows both codes equal, by leaving out halves, quarters, and so on."""
    builder = Builder()
    roots = [i for code in (start, end) for i in _copied(code, builder)]
    both = builder.finish(roots)
    count = len(start.roots)

    def proves(tried: Sequence[Rule]) -> bool:
        facts = {i: f.names() for i, f in enumerate(infer(both, job.facts))}
        graph = EqualityGraph(both, facts, {"tried": tried}, deadline=deadline, most_nodes=MOST_NODES)
        for _ in range(ROUNDS):
            if all(graph.same((k, count + k)) for k in range(count)):
                return True
            if not graph.phase(("tried",), 1):
                break
        return all(graph.same((k, count + k)) for k in range(count))

    needed = list(rules)
    try:
        if not proves(needed):
            return None
        size = max(len(needed) // 2, 1)
        while True:
            k = 0
            while k < len(needed) and spent() < deadline:
                fewer = needed[:k] + needed[k + size :]
                if proves(fewer):
                    needed = fewer
                else:
                    k += size
            if size == 1:
                return needed
            size = size // 2
    except EngineError:
        return None


def _copied(s: Scheduled, builder: Builder) -> list[int]:
    new: dict[int, int] = {}
    for i in range(len(s)):
        new[i] = builder.copy(s, i, new)
    return [new[r] for r in s.roots]
