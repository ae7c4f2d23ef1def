"""The engines for speed: every form that one of them reaches, with the way it was reached."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ritz.errors import UnsupportedError
from ritz.symbolic.clock import spent
from ritz.symbolic.rewrite.island import improve
from ritz.symbolic.rewrite.job import Found, Job
from ritz.symbolic.rewrite.portfolio import structural_forms
from ritz.symbolic.rewrite.regroup import regroup
from ritz.symbolic.rewrite.report import Trial
from ritz.symbolic.rewrite.scheduled import raise_to_graph
from ritz.symbolic.rewrite.sympy_engine import schedule_sympy

REGROUP_UP_TO = 3_000  # instructions


def fast_forms(job: Job, rewriter: str | None, trials: list[Trial]) -> Iterator[Found]:
    """The codes to choose from: the source first, then what the engine finds; what failed is added to `trials`."""
    source = Found("plain" if job.source is job.plain and job.normal else "as written", job.source)
    yield source
    if job.plain is not job.source:
        yield Found("plain", job.plain)
    if rewriter == "sympy":
        try:
            yield Found("sympy.cse", schedule_sympy(job.g, job.roots, job.cost))
        except (UnsupportedError, KeyError, NotImplementedError) as error:
            trials.append(Trial("sympy.cse", math.inf, 0, f"not applicable: {error}"))
    elif rewriter == "egraph":
        best = source
        for name, passes in structural_forms(job.g, job.roots, job.cost, job.deadline) if job.normal else ():
            for found in _regrouped(Found(name, passes[-1][1], None, passes), job):
                yield found
                best = min(best, found, key=lambda f: job.cost.total(f.code))
        yield from _searched(job, best, source, trials)


def _searched(job: Job, best: Found, source: Found, trials: list[Trial]) -> Iterator[Found]:
    """Equality saturation from the best structural form (and the source, where there are functions), then the passes
    once more."""
    starts = [best]
    if best is not source and any(op in ("div", "sqrt", "func") for op in job.source.op):
        starts.append(source)
    for start in starts:
        if spent() > job.deadline:
            trials.append(Trial("e-graph", math.inf, 0, "budget spent before it started"))
            return
        code = improve(start.code, job.facts, job.cost, job.deadline, job.rules)
        if code is start.code:
            continue
        found = Found("e-graph", code, None if start is source else start)
        yield from _regrouped(found, job)
        if not job.normal:
            continue
        again = raise_to_graph(code, job.g)
        for name, passes in structural_forms(job.g, again, job.cost, job.deadline):
            yield from _regrouped(Found(f"e-graph, {name}", passes[-1][1], found, passes), job)


def _regrouped(found: Found, job: Job) -> Iterator[Found]:
    """A form, and the form with its chains grouped anew where that is cheaper."""
    yield found
    if len(found.code) <= REGROUP_UP_TO and spent() < job.deadline:
        code = regroup(found.code)
        if job.cost.total(code) < job.cost.total(found.code):
            yield Found(f"{found.name}, regrouped", code, found, (("chains regrouped", code),))
