"""How the rewriter is to work: engine, goal, own rules and budget in one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ritz.errors import OptionError, nearest
from ritz.symbolic.rewrite.rule_language import Rule

ENGINES = ("egraph", "sympy", None)
GOALS = ("speed", "accuracy", "balanced")


@dataclass(frozen=True)
class Rewriting:
    """What ``discretize(..., rewriter=...)`` accepts beside the name of an engine.

    Attributes:
        engine: ``"egraph"``, ``"sympy"`` or None (no rewriting).
        goal: ``"speed"``, ``"accuracy"`` or ``"balanced"``, as for `rewrite`.
        rules: own rules, such as a rule book of your field; used together with the built-in books.
        budget: seconds of processor time to search for one stage; None for the default.

    Raises:
        OptionError: unknown engine or goal, something that is no rule, a negative budget.

    Example:
        >>> from ritz.symbolic.rewrite import rule
        >>> Rewriting(goal="accuracy", rules=[rule("sin(a)/a", "sinc(a)", when="a != 0")]).goal
        'accuracy'
    """

    engine: str | None = "egraph"
    goal: str = "speed"
    rules: Sequence[Rule] = ()
    budget: float | None = None

    def __post_init__(self) -> None:
        check_names(self.engine, self.goal)
        object.__setattr__(self, "rules", tuple(self.rules))
        for r in self.rules:
            if not isinstance(r, Rule):
                raise OptionError(f"rules are made with rz.rule(lhs, rhs, when=...); found {r!r}.")
        if self.budget is not None and not self.budget >= 0:
            raise OptionError(f"budget is seconds, zero or more; found {self.budget!r}.")

    @staticmethod
    def of(value: Any) -> Rewriting:
        """The settings themselves, or those with an engine of that name."""
        return value if isinstance(value, Rewriting) else Rewriting(value)

    def __str__(self) -> str:
        """A text that is the same for equal settings."""
        if (self.goal, self.rules, self.budget) == ("speed", (), None):
            return str(self.engine)
        return f"{self.engine} for {self.goal}, budget {self.budget}, rules {'; '.join(map(str, self.rules)) or 'none'}"


def check_names(engine: str | None, goal: str) -> None:
    """Refuse an unknown engine or goal.

    Raises:
        OptionError: names the nearest one and all known ones.
    """
    if engine not in ENGINES:
        known = ", ".join(map(repr, ENGINES))
        raise OptionError(f"No rewriter {engine!r}.{nearest(str(engine), ['egraph', 'sympy'])} Known: {known}.")
    if goal not in GOALS:
        raise OptionError(f"No goal {goal!r}.{nearest(goal, GOALS)} Known: {', '.join(GOALS)}.")
