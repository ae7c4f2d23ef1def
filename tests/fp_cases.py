"""The floating-point expressions of ``tests/cases/fp_expressions.json``: their boxes, points and errors."""

from __future__ import annotations

import ast
import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ritz.symbolic.high_precision import precise_context, precise_number
from ritz.symbolic.rewrite import Facts
from ritz.symbolic.rewrite.execute import run_numpy
from ritz.symbolic.rewrite.expressions import Simplified, simplify
from ritz.symbolic.rewrite.points import wide_points
from ritz.symbolic.rewrite.yardstick import truth

FILE = Path(__file__).resolve().parent / "cases" / "fp_expressions.json"
BITS = 600
POINTS = 160


def _piecewise(*pairs: Any) -> Any:
    return next(value for value, condition in pairs if condition)


_NUMPY = {name: getattr(np, name) for name in ("sqrt", "exp", "log", "sin", "cos")}
_NUMPY |= {"atan": np.arctan, "And": lambda *a: all(a), "Piecewise": _piecewise}


@dataclass(frozen=True)
class Case:
    """One expression.

    Attributes:
        name, title, arguments, expression, precondition: as in the file.
        stored: points of the file with the exact value there (25 digits).
    """

    name: str
    title: str
    arguments: tuple[str, ...]
    expression: str
    precondition: str
    stored: tuple[tuple[dict[str, float], str], ...]

    def facts(self) -> dict[str, Facts]:
        """The box: what the precondition says about single arguments."""
        low, high = dict.fromkeys(self.arguments, -math.inf), dict.fromkeys(self.arguments, math.inf)
        nonzero = set()
        for less, more, strict in _comparisons(ast.parse(self.precondition, mode="eval").body):
            if isinstance(more, ast.Name) and _is_number(less):
                low[more.id] = max(low[more.id], _value(less))
                nonzero |= {more.id} if strict and _value(less) == 0 else set()
            if isinstance(less, ast.Name) and _is_number(more):
                high[less.id] = min(high[less.id], _value(more))
        return {a: Facts(low[a], high[a], a in nonzero) for a in self.arguments}

    def holds(self, point: dict[str, float]) -> bool:
        """Whether the precondition holds."""
        return bool(eval(self.precondition, dict(_NUMPY), point))

    def as_written(self, point: dict[str, float]) -> float:
        """The expression in doubles, operation by operation as it is written."""
        with np.errstate(all="ignore"):
            try:
                return float(eval(self.expression, dict(_NUMPY), {k: np.float64(v) for k, v in point.items()}))
            except ZeroDivisionError:
                return math.nan

    def points(self, seed: int) -> list[dict[str, float]]:
        """Points inside the precondition, from a seed that the rewriter does not use."""
        facts = dict(enumerate(self.facts().values()))
        found: list[dict[str, float]] = []
        for k in range(100):
            drawn = [dict(zip(self.arguments, p.values())) for p in wide_points(facts, 64, seed=seed + 1000 * k)]
            found += [p for p in drawn if self.holds(p)]
            if len(found) >= POINTS:
                break
        return found[:POINTS]


def _comparisons(tree: ast.expr) -> list[tuple[ast.expr, ast.expr, bool]]:
    """``(smaller, larger, strict)`` for every comparison of a conjunction."""
    if isinstance(tree, ast.Call):
        return [c for a in tree.args for c in _comparisons(a)]
    if not isinstance(tree, ast.Compare):
        return []
    sides = tree.left, tree.comparators[0]
    turned = isinstance(tree.ops[0], ast.Gt | ast.GtE)
    return [(*(reversed(sides) if turned else sides), isinstance(tree.ops[0], ast.Gt | ast.Lt))]  # type: ignore[list-item]


def _is_number(tree: ast.expr) -> bool:
    return not any(isinstance(n, ast.Name) for n in ast.walk(tree))


def _value(tree: ast.expr) -> float:
    return float(eval(ast.unparse(tree)))


@cache
def cases() -> dict[str, Case]:
    """All expressions by name."""
    found = {}
    for c in json.loads(FILE.read_text())["cases"]:
        stored = tuple((dict(zip(c["arguments"], map(float, p["inputs"]))), p["value"]) for p in c["points"])
        found[c["id"]] = Case(c["id"], c["title"], tuple(c["arguments"]), c["expression"], c["precondition"], stored)
    return found


@dataclass(frozen=True)
class Measured:
    """Mean bits lost by the expression as written and by the result, over the same points."""

    before: float
    after: float
    worst_before: float
    worst_after: float
    result: Simplified


def measure(case: Case, *, goal: str = "accuracy", budget: float = 4.0, seed: int = 77) -> Measured:
    """Rewrite one expression and measure both forms at the stored points and at sampled ones."""
    facts = {a: f for a, f in case.facts().items() if a in case.expression}
    result = simplify(case.expression, assumptions=facts, goal=goal, budget=budget)
    node = {name: leaf for leaf, name in result.names.items()}
    points = [p for p, _ in case.stored] + case.points(seed)
    source = result.result.job.source
    true = [truth(source, {node[a]: p[a] for a in node}, BITS)[0] for p in points]
    check_stored(case, true)
    columns = {node[a]: np.array([p[a] for p in points]) for a in node}
    found = np.broadcast_to(run_numpy(result.result.scheduled, columns)[0], (len(points),))
    lost = [(bits(case.as_written(p), t), bits(v, t)) for p, v, t in zip(points, found, true) if ordinary(t)]
    table = np.array(lost)
    return Measured(*table.mean(axis=0), *table.max(axis=0), result)


def check_stored(case: Case, true: list[Any]) -> None:
    """The values with many digits are those of the file, except where that many digits cancel."""
    ctx = precise_context(BITS)
    for (_, value), t in zip(case.stored, true):
        assert ctx.isnan(t) or abs(t - ctx.mpf(value)) <= 1e-23 * abs(t), f"{case.name}: {t} is not {value}"


def ordinary(truth: Any) -> bool:
    """Whether the true value is an ordinary double (or zero)."""
    ctx = precise_context(BITS)
    return bool(ctx.isfinite(truth) and (truth == 0 or 2.3e-308 < abs(truth) < 1.7e308))


def bits(value: float, truth: Any) -> float:
    """Bits lost: the logarithm of one plus the error in units of ``2**-53``; 64 where nothing is right."""
    ctx = precise_context(BITS)
    if not math.isfinite(value):
        return 64.0
    if truth == 0:
        return 0.0 if value == 0 else 64.0
    error = abs(precise_number(ctx, float(value)) - truth) / abs(truth)
    return min(64.0, float(ctx.log(1 + error * 2**53, 2)))
