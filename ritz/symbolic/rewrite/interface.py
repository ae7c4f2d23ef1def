"""One call for all engines: ``rewrite(graph, roots)``."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ritz.errors import OptionError, RewriteError, UnsupportedError, nearest
from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite.accuracy import Yardstick, accurate_forms
from ritz.symbolic.rewrite.cost import DEFAULT, CostTable
from ritz.symbolic.rewrite.facts import Facts, leaf_facts
from ritz.symbolic.rewrite.island import improve
from ritz.symbolic.rewrite.lowering import schedule_naive
from ritz.symbolic.rewrite.portfolio import structural_forms
from ritz.symbolic.rewrite.report import RewriteReport, Trial
from ritz.symbolic.rewrite.rule_language import Rule
from ritz.symbolic.rewrite.scheduled import Scheduled, raise_to_graph, settle_constants
from ritz.symbolic.rewrite.sympy_engine import schedule_sympy
from ritz.symbolic.rewrite.verify import Check, Reference

ENGINES = ("egraph", "sympy", None)
GOALS = ("speed", "accuracy")


@dataclass(frozen=True)
class Rewritten:
    """The result of `rewrite`.

    Attributes:
        roots: graph nodes (normal form) with the value of the results, for differentiation and display.
        scheduled: the code to emit; its roots are in the order of the roots given.
        report: what was done.
    """

    roots: tuple[int, ...]
    scheduled: Scheduled
    report: RewriteReport


def rewrite(
    g: Graph,
    roots: Sequence[int],
    *,
    rewriter: str | None = "egraph",
    assumptions: Mapping[int, Any] | None = None,
    budget: float = 2.0,
    cost: CostTable | None = None,
    goal: str = "speed",
    rules: Sequence[Rule] = (),
) -> Rewritten:
    """Find a cheaper, or more accurate, way to compute some nodes, and check it against the source.

    Args:
        g: the graph; it may receive new nodes.
        roots: what to compute. Maps and gathers below are opaque: rewrite their arguments separately.
        rewriter: ``"egraph"`` (structural passes, then equality saturation on bounded islands), ``"sympy"``
            (common subexpressions only) or None (the plain lowering).
        assumptions: leaf -> what is known of it: ``"positive"``, ``{"real", "nonzero"}``, a pair of bounds, a SymPy
            symbol with assumptions, or `Facts`. Rules with side conditions use these, and the check samples inside.
        budget: seconds for the search; when spent, the best form so far is returned.
        cost: latencies and trip counts.
        goal: ``"speed"``, or ``"accuracy"`` to lose fewer bits in double precision, at more operations if need be.
        rules: own rules, used together with the rule books.

    Returns:
        Nodes, code and report. The code is never costlier than the plain lowering where speed is the goal.

    Raises:
        OptionError: unknown engine, goal or assumption.
        RewriteError: the plain lowering itself disagrees with its source.

    Example:
        >>> g = Graph()
        >>> x, y, z = (g.input(name, "state") for name in "xyz")
        >>> result = rewrite(g, [g.sum([g.product([x, y]), g.product([x, z])])])
        >>> result.report.after
        {'add': 1, 'mul': 1}
    """
    _check_options(rewriter, goal, budget)
    table = cost or DEFAULT
    start = time.monotonic()
    source = schedule_naive(g, roots, cost=table)
    facts = leaf_facts(g, source.leaves(), assumptions)
    reference = Reference(g, roots, facts, size=len(source))
    job = Job(g, list(roots), source, facts, reference, table, time.monotonic() + budget, tuple(rules))
    if goal == "accuracy" and rewriter == "egraph":
        return _most_accurate(job, start)
    trials: list[Trial] = []
    pool: list[tuple[float, int, str, Scheduled]] = []
    for name, code in _forms(job, rewriter, trials):
        price = table.total(code)
        pool.append((price, len(pool), name, code))
        trials.append(Trial(name, price, code.operations()))
    pool.sort(key=lambda entry: entry[:2])
    name, code, check = _first_sound(pool, job, trials)
    return _finished(job, start, name, code, check, trials)


@dataclass(frozen=True)
class Job:
    """One call of `rewrite`, prepared: source code, facts of the leaves, reference values and budget."""

    g: Graph
    roots: list[int]
    source: Scheduled
    facts: dict[int, Facts]
    reference: Reference
    cost: CostTable
    deadline: float
    rules: tuple[Rule, ...]


def _check_options(rewriter: str | None, goal: str, budget: float) -> None:
    if rewriter not in ENGINES:
        known = ", ".join(map(repr, ENGINES))
        raise OptionError(f"No rewriter {rewriter!r}.{nearest(str(rewriter), ['egraph', 'sympy'])} Known: {known}.")
    if goal not in GOALS:
        raise OptionError(f"No goal {goal!r}.{nearest(goal, GOALS)} Known: {', '.join(GOALS)}.")
    if not budget >= 0:
        raise OptionError(f"budget is seconds, zero or more; found {budget!r}.")


def _forms(job: Job, rewriter: str | None, trials: list[Trial]) -> Iterator[tuple[str, Scheduled]]:
    """The codes to choose from: the plain lowering first, then what the engine finds."""
    yield "plain", job.source
    if rewriter == "sympy":
        try:
            yield "sympy.cse", schedule_sympy(job.g, job.roots, job.cost)
        except (UnsupportedError, KeyError, NotImplementedError) as error:
            trials.append(Trial("sympy.cse", math.inf, 0, f"not applicable: {error}"))
    elif rewriter == "egraph":
        best = job.source
        for name, code in structural_forms(job.g, job.roots, job.cost, job.deadline):
            yield name, code
            best = min(best, code, key=job.cost.total)
        yield from _searched(job, best, trials)


def _searched(job: Job, best: Scheduled, trials: list[Trial]) -> Iterator[tuple[str, Scheduled]]:
    """Equality saturation from the best structural form (and the source, where there are functions), then the passes
    once more."""
    starts = [best]
    if best is not job.source and any(op in ("div", "sqrt", "func") for op in job.source.op):
        starts.append(job.source)
    for start in starts:
        if time.monotonic() > job.deadline:
            trials.append(Trial("e-graph", math.inf, 0, "budget spent before it started"))
            return
        found = improve(start, job.facts, job.cost, job.deadline, job.rules)
        if found is start:
            continue
        yield "e-graph", found
        again = raise_to_graph(found, job.g)
        for name, code in structural_forms(job.g, again, job.cost, job.deadline):
            yield f"e-graph, {name}", code


def _first_sound(
    pool: Sequence[tuple[float, int, str, Scheduled]], job: Job, trials: list[Trial]
) -> tuple[str, Scheduled, Check]:
    """The cheapest form that agrees with the source; forms that do not are named in the report."""
    for _, number, name, code in pool:
        check = job.reference.check(code)
        if check.passed or (number == 0 and check.points == 0):
            return name, code, check
        if number == 0:
            raise RewriteError(f"The lowering of an expression disagrees with its source: {check}. This is a defect.")
        trials.append(Trial(name, job.cost.total(code), code.operations(), f"rejected: {check}"))
    raise AssertionError("the plain lowering is always in the pool")


def _finished(job: Job, start: float, name: str, code: Scheduled, check: Check, trials: list[Trial]) -> Rewritten:
    code = settle_constants(code)
    report = RewriteReport(
        before=job.source.count(),
        after=code.count(),
        cost_before=job.cost.total(job.source),
        cost_after=job.cost.total(code),
        trials=tuple(trials),
        chosen=name,
        check=str(check),
        seconds=time.monotonic() - start,
    )
    return Rewritten(tuple(raise_to_graph(code, job.g)), code, report)


def _most_accurate(job: Job, start: float) -> Rewritten:
    """The sound form that loses the fewest bits; the cheapest of those that differ by less than a tenth of a bit."""
    yardstick = Yardstick(job.source, job.facts)
    before = yardstick.bits(job.source)
    trials = [Trial("plain", job.cost.total(job.source), job.source.operations(), f"{before:.2f} bits lost")]
    pool = [(before, job.cost.total(job.source), 0, "plain", job.source)]
    for name, code in accurate_forms(job.source, job.facts, job.cost, job.deadline, job.rules):
        bits, price = yardstick.bits(code), job.cost.total(code)
        check = job.reference.check(code)
        note = f"{bits:.2f} bits lost" if check.passed else f"rejected: {check}"
        trials.append(Trial(name, price, code.operations(), note))
        if check.passed and bits <= before:
            pool.append((bits, price, len(pool), name, code))
    fewest = min(bits for bits, *_ in pool)
    bits, _, _, name, code = min((p for p in pool if p[0] <= fewest + 0.1), key=lambda p: (p[1], p[2]))
    check = job.reference.check(code)
    done = _finished(job, start, name, code, check, trials)
    return replace(done, report=replace(done.report, bits_before=before, bits_after=bits))
