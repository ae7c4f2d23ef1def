"""What the rewriter did, for reading."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Trial:
    """One engine's result.

    Attributes:
        engine: its name.
        cost: predicted cost of its code, in units of one addition.
        operations: instructions of its code.
        note: why it was not used, or what it found.
    """

    engine: str
    cost: float
    operations: int
    note: str = ""

    def __str__(self) -> str:
        return f"{self.engine}: cost {self.cost:.4g}, {self.operations} operations{self.note and '; ' + self.note}"


@dataclass(frozen=True)
class RewriteReport:
    """Operations and predicted cost before and after, and how the result was found and checked.

    Attributes:
        before, after: operation -> count.
        cost_before, cost_after: predicted cost, in units of one addition executed at every evaluation.
        trials: every engine's result in the order tried.
        chosen: the engine whose result is used.
        check: outcome of the comparison with the source.
        seconds: time taken.
        bits_before, bits_after: bits lost in double precision (mean over sampled points), where accuracy was the goal.
    """

    before: Mapping[str, int]
    after: Mapping[str, int]
    cost_before: float
    cost_after: float
    trials: tuple[Trial, ...]
    chosen: str
    check: str
    seconds: float
    bits_before: float | None = None
    bits_after: float | None = None

    def __str__(self) -> str:
        lines = [
            f"operations {sum(self.before.values())} -> {sum(self.after.values())}, "
            f"predicted cost {self.cost_before:.4g} -> {self.cost_after:.4g} ({self.chosen}, {self.seconds:.2f} s)",
            f"  before: {_counts(self.before)}",
            f"  after:  {_counts(self.after)}",
        ]
        if self.bits_before is not None and self.bits_after is not None:
            lines.append(f"  bits lost: {self.bits_before:.1f} -> {self.bits_after:.1f}")
        lines += [f"  {t}" for t in self.trials]
        return "\n".join([*lines, f"  check: {self.check}"])

    def _repr_html_(self) -> str:
        kinds = sorted(set(self.before) | set(self.after))
        rows = "".join(
            f"<tr><td>{html.escape(k)}</td><td>{self.before.get(k, 0)}</td><td>{self.after.get(k, 0)}</td></tr>"
            for k in kinds
        )
        cost = f"<tr><td>predicted cost</td><td>{self.cost_before:.4g}</td><td>{self.cost_after:.4g}</td></tr>"
        tried = "".join(f"<li>{html.escape(str(t))}</li>" for t in self.trials)
        return (
            f"<table><thead><tr><th>operation</th><th>before</th><th>after</th></tr></thead><tbody>{rows}{cost}"
            f"</tbody></table><p>Chosen: {html.escape(self.chosen)}; {html.escape(self.check)}.</p><ul>{tried}</ul>"
        )


def _counts(count: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {kind}" for kind, n in sorted(count.items())) or "none"
