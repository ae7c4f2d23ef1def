"""The straight-line code of a stage: which rewriter chooses it, and what it reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ritz.codegen.program import Scheduler
from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite.lowering import schedule_naive
from ritz.symbolic.rewrite.scheduled import Scheduled


def scheduler(rewriter: str | None, parameters: Sequence[Any], records: list[Any]) -> Scheduler:
    """Return the function that turns the roots of a stage into code; reports are appended to `records`."""

    def schedule(g: Graph, roots: Sequence[int]) -> Scheduled:
        return schedule_naive(g, roots)

    return schedule
