"""One call for all engines: ``rewrite(graph, roots)``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ritz.errors import RewriteError
from ritz.symbolic.clock import spent
from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite.bounded import mark_bounded
from ritz.symbolic.rewrite.cost import DEFAULT, CostTable
from ritz.symbolic.rewrite.derivation import Derivation, derive
from ritz.symbolic.rewrite.engines import fast_forms
from ritz.symbolic.rewrite.facts import leaf_facts
from ritz.symbolic.rewrite.job import Found, Job
from ritz.symbolic.rewrite.lowering import schedule_naive
from ritz.symbolic.rewrite.report import RewriteReport, Trial
from ritz.symbolic.rewrite.rule_language import Rule
from ritz.symbolic.rewrite.scheduled import Scheduled, depth_first, raise_to_graph, settle_constants
from ritz.symbolic.rewrite.settings import Rewriting
from ritz.symbolic.rewrite.verify import Check, Doubles, Reference, removes_pole
from ritz.symbolic.rewrite.weigh import weigh
from ritz.symbolic.rewrite.yardstick import Yardstick

BITS_UP_TO = 5_000  # instructions; larger code is compared, but its round-off is not measured
MOST_BITS = 2.0  # that a faster form may lose beyond the source, on average


@dataclass(frozen=True)
class Rewritten:
    """The result of `rewrite`.

    Attributes:
        roots: graph nodes (normal form) with the value of the results, for differentiation and display.
        scheduled: the code to emit; its roots are in the order of the roots given.
        report: what was done.
        trail: the forms from the source to the result, each with the name of what made it.
        job: the task, for `explain`.
    """

    roots: tuple[int, ...]
    scheduled: Scheduled
    report: RewriteReport
    trail: tuple[tuple[str, Scheduled], ...]
    job: Job

    def explain(self, names: Mapping[int, str] | None = None) -> Derivation:
        """The rules and passes that lead from the source to the result, step by step, each step checked.

        Args:
            names: leaf -> name, for showing; inputs have their own.
        """
        g = self.job.g
        own = {n: g.args[n][0] for n in self.job.facts if g.op[n] == "input"}
        return derive(self.job, self.trail, own | dict(names or {}))


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
    written: Scheduled | None = None,
) -> Rewritten:
    """Find a cheaper, or more accurate, way to compute some nodes, and check it against the source.

    Args:
        g: the graph; it may receive new nodes.
        roots: what to compute. Maps and gathers below are opaque: rewrite their arguments separately.
        rewriter: ``"egraph"`` (structural passes, then equality saturation on bounded islands), ``"sympy"``
            (common subexpressions only) or None (the plain lowering).
        assumptions: leaf -> what is known of it: ``"positive"``, ``{"real", "nonzero"}``, a pair of bounds, a SymPy
            symbol with assumptions, or `Facts`. Rules with side conditions use these, and the check samples inside.
        budget: seconds of processor time for the search; when spent, the best form so far is returned.
        cost: latencies and trip counts.
        goal: ``"speed"``: fewest predicted cycles, at most `MOST_BITS` bits lost beyond the source; ``"accuracy"``:
            fewest bits lost in double precision, then fewest cycles; ``"balanced"``: a bit won is worth 15 % more
            cycles, and no bits are lost. The latter two need the engine ``"egraph"``.
        rules: own rules, used together with the rule books.
        written: the roots as they were written, in code whose leaves are nodes of `g`; the graph's normal form has
            forgotten the order of sums and products. It becomes the source: what results are compared with.

    Returns:
        Nodes, code and report. The code is never costlier than the source where speed is the goal, and never loses
        more bits where accuracy is.

    Raises:
        OptionError: unknown engine, goal or assumption.
        RewriteError: the source itself disagrees with its nodes.

    Example:
        >>> g = Graph()
        >>> x, y, z = (g.input(name, "state") for name in "xyz")
        >>> result = rewrite(g, [g.sum([g.product([x, y]), g.product([x, z])])])
        >>> result.report.after
        {'add': 1, 'mul': 1}
    """
    settings = Rewriting(rewriter, goal, tuple(rules), budget)
    table = cost or DEFAULT
    start = spent()
    plain = schedule_naive(g, roots, cost=table)
    source = written or plain
    facts = leaf_facts(g, {**plain.leaves(), **source.leaves()}, assumptions)
    reference = Reference(g, roots, facts, size=len(source))
    normal = written is None or not removes_pole(source, plain, facts)
    plain = plain if normal else source
    deadline = spent() + budget
    job = Job(g, list(roots), source, plain, facts, reference, table, deadline, tuple(settings.rules), normal)
    trials: list[Trial] = []
    if goal != "speed" and rewriter == "egraph":
        found, before, after = weigh(job, goal, trials)
        check = reference.check(found.code)
        done = _finished(job, start, found, check, trials)
        return replace(done, report=replace(done.report, bits_before=before, bits_after=after))
    found, check, bits = _fastest(job, rewriter, trials)
    done = _finished(job, start, found, check, trials)
    return replace(done, report=replace(done.report, bits_before=bits[0], bits_after=bits[1])) if bits else done


def _fastest(job: Job, rewriter: str | None, trials: list[Trial]) -> tuple[Found, Check, tuple[float, float] | None]:
    """The cheapest form that agrees with the source, and the bits lost before and after where they are measured.

    Forms that disagree, overflow, or lose many more bits are named in the report.
    """
    pool: list[tuple[float, int, Found]] = []
    for found in fast_forms(job, rewriter, trials):
        price = job.cost.total(found.code)
        pool.append((price, len(pool), found))
        trials.append(Trial(found.name, price, found.code.operations()))
    doubles = Doubles(job.source, job.facts)
    yardstick, before = None, 0.0
    if len(job.source) <= BITS_UP_TO:
        yardstick = Yardstick(job.source, job.facts, points=Doubles.POINTS, decades=Doubles.DECADES)
        before = yardstick.bits(job.source)
    for price, number, found in sorted(pool, key=lambda entry: entry[:2]):
        check = job.reference.check(found.code)
        if number == 0 and not check.passed and check.points:
            raise RewriteError(f"The lowering of an expression disagrees with its source: {check}. This is a defect.")
        if number and check.passed:
            check = doubles.check(found.code, check)
        after = yardstick.bits(found.code) if yardstick else 0.0
        if number and after > before + MOST_BITS:
            check = Check(False, check.points, check.error, f"loses {after:.1f} bits, the source {before:.1f}")
        if check.passed or number == 0:
            return found, check, (before, after) if yardstick else None
        trials.append(Trial(found.name, price, found.code.operations(), f"rejected: {check}"))
    raise AssertionError("the source is always in the pool")


def _finished(job: Job, start: float, found: Found, check: Check, trials: list[Trial]) -> Rewritten:
    code = depth_first(mark_bounded(settle_constants(found.code), job.facts))
    report = RewriteReport(
        before=job.source.count(),
        after=code.count(),
        cost_before=job.cost.total(job.source),
        cost_after=job.cost.total(code),
        trials=tuple(trials),
        chosen=found.name,
        check=str(check),
        seconds=spent() - start,
    )
    return Rewritten(tuple(raise_to_graph(code, job.g)), code, report, (("source", job.source), *found.trail()), job)
