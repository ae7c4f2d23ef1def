"""Choosing by accuracy: forms are measured in double precision, then ranked by bits lost, then by cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ritz.symbolic.clock import spent
from ritz.symbolic.rewrite.accuracy import accurate_forms, sided_forms
from ritz.symbolic.rewrite.engines import fast_forms
from ritz.symbolic.rewrite.job import Found, Job
from ritz.symbolic.rewrite.regimes import Candidate, piecewise_forms
from ritz.symbolic.rewrite.report import Trial
from ritz.symbolic.rewrite.verify import Doubles
from ritz.symbolic.rewrite.yardstick import Bits, Yardstick, gain, mean

GOOD_ENOUGH = 0.6  # mean bits lost below which no piecewise form is tried
TIE = 0.1  # bits by which forms may differ and still be ranked by cost
BIT_WORTH = 0.15  # for a balanced choice a bit is worth this much of the logarithm of the cost
LARGEST_PIECEWISE = 2_000  # operations


@dataclass(frozen=True)
class Weighed:
    """A form, measured."""

    found: Found
    lost: Bits
    cost: float

    @property
    def bits(self) -> float:
        """Mean bits lost."""
        return mean(self.lost)


def weigh(job: Job, goal: str, trials: list[Trial]) -> tuple[Found, float, float]:
    """Return the form chosen for ``"accuracy"`` or ``"balanced"``, and the mean bits lost before and after.

    A form is used only if it beats the source beyond the noise of sampling, at points that were not used to find it;
    for a balanced choice it is enough that it is not worse there.
    """
    first, second = Yardstick(job.source, job.facts), Yardstick(job.source, job.facts, seed=11)
    doubles = Doubles(job.source, job.facts)
    pool: list[Weighed] = []
    for found in _forms(job, goal, trials):
        weighed = _weighed(job, found, first, doubles, trials)
        if weighed is not None:
            pool.append(weighed)
    if min(w.bits for w in pool) > GOOD_ENOUGH and len(job.source) <= LARGEST_PIECEWISE:
        for found in _piecewise(job, first, pool):
            weighed = _weighed(job, found, first, doubles, trials)
            if weighed is not None:
                pool.append(weighed)
    before = second.lost(job.source)
    kept = [_again(w, second) for w in pool]
    fair = [w for w in kept[1:] if _is_better(w, before, goal)]
    best = _ranked([kept[0], *fair], goal)
    return best.found, kept[0].bits, best.bits


def _forms(job: Job, goal: str, trials: list[Trial]) -> Iterator[Found]:
    """The source first; then plain and fast forms, then those that lose fewer bits."""
    yield from fast_forms(job, "egraph" if goal == "balanced" else None, trials)
    now = spent()
    middle = now + 0.6 * (job.deadline - now)
    for start in job.starts():
        for name, code in accurate_forms(start, job.facts, job.cost, middle, job.rules):
            yield Found(name, code)


def _weighed(job: Job, found: Found, yardstick: Yardstick, doubles: Doubles, trials: list[Trial]) -> Weighed | None:
    price = job.cost.total(found.code)
    lost = yardstick.lost(found.code)
    check = job.reference.check(found.code)
    is_source = found.code is job.source
    if check.passed and not is_source:
        check = doubles.check(found.code, check)
    note = f"{mean(lost):.2f} bits lost" if check.passed else f"rejected: {check}"
    trials.append(Trial(found.name, price, found.code.operations(), note))
    return Weighed(found, lost, price) if check.passed or is_source else None


def _piecewise(job: Job, yardstick: Yardstick, pool: Sequence[Weighed]) -> Iterator[Found]:
    candidates = [Candidate(w.found.code, w.lost) for w in pool]
    for start in job.starts():
        for _, code, side in sided_forms(start, job.facts, job.cost, job.deadline, job.rules):
            candidates.append(Candidate(code, yardstick.lost(code), side))
    for code in piecewise_forms(job.source, yardstick, candidates):
        yield Found("piecewise", code)


def _again(w: Weighed, yardstick: Yardstick) -> Weighed:
    return Weighed(w.found, yardstick.lost(w.found.code), w.cost)


def _is_better(w: Weighed, before: Bits, goal: str) -> bool:
    won = gain(w.lost, before)
    return won.is_certain() or (goal == "balanced" and not won.is_loss())


def _ranked(pool: Sequence[Weighed], goal: str) -> Weighed:
    if goal == "balanced":
        return min(pool, key=lambda w: np.log(max(w.cost, 1.0)) + BIT_WORTH * w.bits)
    fewest = min(w.bits for w in pool)
    return min((w for w in pool if w.bits <= fewest + TIE), key=lambda w: w.cost)
