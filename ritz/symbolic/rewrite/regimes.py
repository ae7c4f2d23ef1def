"""Piecewise forms: where no single form is good everywhere, the range of one value is divided among several.

The dividing points are found by dynamic programming over sampled points; a further piece must win at least
`LEAST_GAIN` bits on average. A piece that is right on one side of zero only is never used beyond it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ritz.symbolic.rewrite.accuracy import Side
from ritz.symbolic.rewrite.execute import run_numpy
from ritz.symbolic.rewrite.scheduled import Builder, Scheduled
from ritz.symbolic.rewrite.yardstick import LOST, Bits, Yardstick

MOST_PIECES = 3
LEAST_GAIN = 0.15
LEAST_POINTS = 6
MOST_VARIABLES = 8


@dataclass(frozen=True)
class Candidate:
    """A form that may be a piece.

    Attributes:
        code: the form.
        lost: bits it loses, an array (results, points).
        side: where it is right; None if everywhere.
    """

    code: Scheduled
    lost: Bits
    side: Side | None = None


@dataclass(frozen=True)
class _Branch:
    """A value to branch on: an instruction of the source and what it is at the sampled points."""

    instruction: int
    leaf: int | None
    values: npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Piece:
    """Points ``first .. last`` (in the order of the branch value) and the candidate used there."""

    first: int
    last: int
    candidate: int


def piecewise_forms(source: Scheduled, yardstick: Yardstick, candidates: Sequence[Candidate]) -> Iterator[Scheduled]:
    """Yield the best piecewise form for every value that it may branch on, where it wins enough.

    Args:
        source: code with the values to branch on: its leaves, and what its functions, roots and quotients are of.
        yardstick: the points.
        candidates: forms of the same results; the first one is right everywhere and fills the gaps.
    """
    single = min(float(np.nanmean(c.lost)) for c in candidates if c.side is None)
    for branch in _branches(source, yardstick):
        if pieces := _divided(branch, candidates, single):
            yield _code(source, branch, pieces, candidates)


def _branches(source: Scheduled, yardstick: Yardstick) -> Iterator[_Branch]:
    calls = [i for i, op in enumerate(source.op) if op in ("func", "sqrt", "div")]
    inside = [k for i in calls for k in source.operands(i)]
    leaves = [i for i, op in enumerate(source.op) if op == "leaf"]
    wanted = [i for i in dict.fromkeys([*leaves, *inside]) if source.op[i] != "const" and not source.is_complex[i]]
    wanted = wanted[:MOST_VARIABLES]
    every = Scheduled(source.op, source.args, source.axes, source.is_complex, tuple(wanted))
    for i, values in zip(wanted, run_numpy(every, yardstick.leaves), strict=True):
        column = np.broadcast_to(np.asarray(values, dtype=float), (len(yardstick.points),))
        if np.isfinite(column).all() and np.unique(column).size > 2 * LEAST_POINTS:
            yield _Branch(i, source.args[i][0] if source.op[i] == "leaf" else None, column)


def _divided(branch: _Branch, candidates: Sequence[Candidate], single: float) -> list[_Piece]:
    """The division with the fewest bits lost, every further piece having to pay for itself; empty if none does."""
    order = np.argsort(branch.values, kind="stable")
    table = np.array([_usable(c, branch)[order] for c in candidates])
    count = table.shape[1]
    total = np.concatenate([np.zeros((len(candidates), 1)), np.cumsum(table, axis=1)], axis=1)
    best = np.full((MOST_PIECES + 1, count + 1), math.inf)
    best[0, 0] = 0.0
    back: dict[tuple[int, int], _Piece] = {}
    for pieces in range(1, MOST_PIECES + 1):
        for last in range(LEAST_POINTS, count + 1):
            starts = np.arange(0, last - LEAST_POINTS + 1)
            sums = best[pieces - 1, starts] + (total[:, [last]] - total[:, starts])
            candidate, at = np.unravel_index(int(np.argmin(sums)), sums.shape)
            best[pieces, last] = sums[candidate, at]
            back[pieces, last] = _Piece(int(starts[at]), last, int(candidate))
    measured = max(int(np.isfinite(candidates[0].lost).any(axis=0).sum()), 1)
    mean = best[:, count] / measured
    chosen, reached = 0, single
    for pieces in range(1, MOST_PIECES + 1):
        if mean[pieces] < reached - LEAST_GAIN * (pieces - max(chosen, 1) + (pieces == 1)):
            chosen, reached = pieces, float(mean[pieces])
    found: list[_Piece] = []
    last = count
    for pieces in range(chosen, 0, -1):
        found.insert(0, back[pieces, last])
        last = found[0].first
    return _separable(found, branch.values[order])


def _usable(c: Candidate, branch: _Branch) -> Bits:
    """Bits lost per point; a form has lost everything where it is not right, or where the branch cannot tell."""
    measured = np.isfinite(c.lost)
    lost = np.nan_to_num(c.lost).sum(axis=0) / np.maximum(measured.sum(axis=0), 1)
    if c.side is None:
        return lost
    if c.side.leaf != branch.leaf:
        return np.full_like(lost, LOST)
    return np.where(branch.values * c.side.sign > 0, lost, LOST)


def _separable(pieces: Sequence[_Piece], values: npt.NDArray[np.float64]) -> list[_Piece]:
    """Equal branch values cannot be told apart: dividing points move to where the value changes."""
    kept: list[_Piece] = []
    for p in reversed(pieces):
        first = p.first
        while 0 < first < len(values) and values[first] == values[first - 1]:
            first += 1
        last = kept[0].first if kept else len(values)
        if first < last:
            kept.insert(0, _Piece(first, last, p.candidate))
    return kept


def _code(source: Scheduled, branch: _Branch, pieces: Sequence[_Piece], candidates: Sequence[Candidate]) -> Scheduled:
    """Nested selections: the first condition that holds decides."""
    values = np.sort(branch.values, kind="stable")
    builder = Builder()
    plain = _copied(candidates[0].code, builder)
    [at] = _copied(_only(source, branch.instruction), builder)
    steps: list[tuple[str, float, list[int]]] = []
    for k, piece in enumerate(pieces):
        side = candidates[piece.candidate].side
        results = _copied(candidates[piece.candidate].code, builder)
        if side is not None and side.sign > 0:  # not right at zero or below
            before = steps[-1] if steps else None
            if before is None or before[1] <= 0:
                steps.append(("le", 0.0, plain))
        last = k == len(pieces) - 1
        at_next = len(values) if last else pieces[k + 1].first
        limit = math.inf if last else between(float(values[at_next - 1]), float(values[at_next]))
        if side is not None and side.sign < 0:  # not right at zero or above
            steps.append(("lt", min(limit, 0.0), results))
            if last:
                steps.append(("lt", math.inf, plain))
        else:
            steps.append(("lt", limit, results))
    chosen = steps[-1][2]
    for op, limit, results in reversed(steps[:-1]):
        condition = builder.func(op, at, builder.const(limit))
        chosen = [builder.func("where", condition, a, b) for a, b in zip(results, chosen, strict=True)]
    return builder.finish(chosen)


def between(low: float, high: float) -> float:
    """A dividing point between two sampled values: zero, else the mean of their exponents or of themselves.

    Example:
        >>> between(-3.0, 4.0), between(1.0, 4.0)
        (0.0, 2.0)
    """
    if low < 0 < high:
        return 0.0
    if low == 0 or high == 0:
        return 0.0
    return math.copysign(math.sqrt(low * high), low)


def _only(s: Scheduled, instruction: int) -> Scheduled:
    return Scheduled(s.op, s.args, s.axes, s.is_complex, (instruction,))


def _copied(s: Scheduled, builder: Builder) -> list[Any]:
    new: dict[int, int] = {}
    for i in range(len(s)):
        new[i] = builder.copy(s, i, new)
    return [new[r] for r in s.roots]
