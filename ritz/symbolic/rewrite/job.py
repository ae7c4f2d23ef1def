"""One call of `rewrite`, prepared, and what all engines share: the choice of the first form that passes its checks."""

from __future__ import annotations

from dataclasses import dataclass

from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite.cost import CostTable
from ritz.symbolic.rewrite.facts import Facts
from ritz.symbolic.rewrite.rule_language import Rule
from ritz.symbolic.rewrite.scheduled import Scheduled
from ritz.symbolic.rewrite.verify import Reference


@dataclass(frozen=True)
class Job:
    """What an engine needs.

    Attributes:
        g, roots: what is to be computed.
        source: the code to improve, as written or by the plain lowering.
        plain: the plain lowering of the normal form.
        facts: leaf -> what is known of it.
        reference: values of the source with many digits.
        cost: latencies and trip counts.
        deadline: value of `ritz.symbolic.clock.spent` at which searches end.
        rules: the user's own rules.
        normal: whether the graph's normal form may be used; it may not where it cancels a pole of the written form.
    """

    g: Graph
    roots: list[int]
    source: Scheduled
    plain: Scheduled
    facts: dict[int, Facts]
    reference: Reference
    cost: CostTable
    deadline: float
    rules: tuple[Rule, ...]
    normal: bool = True

    def starts(self) -> list[Scheduled]:
        """The codes that searches start from."""
        return [self.source] if self.plain is self.source else [self.source, self.plain]


Passes = tuple[tuple[str, Scheduled], ...]
"""Passes that follow one another, each with the code it leaves."""


@dataclass(frozen=True)
class Found:
    """A form and how it was reached.

    Attributes:
        name: the engine, and the pass where it has several.
        code: the form.
        start: the form that the engine started from; None for the source itself.
        passes: what leads from there to the form, the last one included; empty where that is a single step.
    """

    name: str
    code: Scheduled
    start: Found | None = None
    passes: Passes = ()

    def trail(self) -> Passes:
        """All steps that lead from the source to the form."""
        before = self.start.trail() if self.start else ()
        return (*before, *(self.passes or ((self.name, self.code),)))
