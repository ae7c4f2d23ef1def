"""Products that several values have in common, found in straight-line code.

A product of several operands may be multiplied in any order. Here the order is chosen so that pairs of operands which
many products have in common are multiplied once.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import reduce

from ritz.symbolic.graph import PARAM, TIME, Axis
from ritz.symbolic.rewrite.scheduled import Builder, Scheduled
from ritz.symbolic.rewrite.sharing import Made, Row, share_pairs


def share_products(s: Scheduled, deadline: float = math.inf) -> Scheduled:
    """Return code with the same values in which common pairs of factors are multiplied once.

    Only products computed in one and the same loop are taken apart, so no multiplication moves into a deeper loop.

    Example:
        >>> from ritz.symbolic.graph import Graph
        >>> from ritz.symbolic.rewrite.lowering import schedule_naive
        >>> g = Graph()
        >>> a, b, c, d = (g.input(name, "state") for name in "abcd")
        >>> code = schedule_naive(g, [g.product([a, b, c]), g.product([b, c, d])])
        >>> code.count(), share_products(code).count()
        ({'mul': 4}, {'mul': 3})
    """
    chains, inner = _chains(s)
    rows: list[Row] = [dict.fromkeys(operands, 1) for operands in chains.values()]
    made = share_pairs(rows, lambda operand: None, len(s), 1, deadline)
    if not made:
        return s
    factors = {i: sorted(row, key=lambda k: (k < len(s) and TIME in s.axes[k], k)) for i, row in zip(chains, rows)}
    builder, new = Builder(), dict[int, int]()
    for i in range(len(s)):
        if i in factors:
            for k in factors[i]:
                _make_pair(builder, k, made, new)
            new[i] = reduce(builder.mul, (new[k] for k in factors[i]))
        elif i not in inner:
            new[i] = builder.copy(s, i, new)
    return builder.finish(new[r] for r in s.roots)


def _chains(s: Scheduled) -> tuple[dict[int, list[int]], set[int]]:
    """Products with all their operands, and the products that are steps on the way to these and nothing else."""
    used = Counter(k for i in range(len(s)) for k in s.operands(i))
    used.update(s.roots)
    chains: dict[int, list[int]] = {}
    inner: set[int] = set()
    for i in reversed(range(len(s))):
        if s.op[i] == "mul" and i not in inner:
            operands, steps = _operands(s, i, used)
            if len(set(operands)) == len(operands):
                chains[i] = operands
                inner.update(steps)
    return dict(reversed(chains.items())), inner


def _operands(s: Scheduled, i: int, used: Counter[int]) -> tuple[list[int], list[int]]:
    level = _level(s.axes[i])
    operands, steps, stack = list[int](), list[int](), list(s.args[i])
    while stack:
        k = stack.pop()
        if s.op[k] == "mul" and used[k] == 1 and _level(s.axes[k]) == level:
            steps.append(k)
            stack.extend(s.args[k])
        else:
            operands.append(k)
    return operands, steps


def _make_pair(builder: Builder, operand: int, made: Made, new: dict[int, int]) -> None:
    """Make a product of two operands, and those below it first."""
    stack = [operand]
    while stack:
        k = stack[-1]
        open_ = [n for n, _ in made[k] if n not in new] if k not in new else []
        if open_:
            stack.extend(open_)
            continue
        if k not in new:
            (a, _), (b, _) = made[k]
            new[k] = builder.mul(new[a], new[b])
        stack.pop()


def _level(axes: frozenset[Axis]) -> frozenset[Axis]:
    return axes - {PARAM} if TIME in axes else axes
