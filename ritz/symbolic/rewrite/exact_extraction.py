"""The cheapest choice of operations in a small e-graph, as an integer program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ritz.symbolic.rewrite.extraction import Choice, Extractor

LARGEST = 300
SEARCH_NODES = 200  # ends the search at the same place on every machine; the time limit is for emergencies


def exact_choice(extractor: Extractor, bound: float, *, seconds: float) -> Choice | None:
    """Return the cheapest choice in which every shared value is paid once.

    Per node a 0/1 variable, per class one more and a level: a chosen node needs its argument classes and stands on a
    higher level than they do, which rules out circles.

    Args:
        extractor: the e-graph with its prices.
        bound: only a choice at most this costly is wanted.
        seconds: time for the solver.

    Returns:
        Class -> node; None if the e-graph has more than `LARGEST` useful nodes or nothing was found in time.
    """
    nodes = useful_nodes(extractor)
    if len(nodes) > LARGEST or seconds <= 0:
        return None
    from scipy.optimize import Bounds, milp

    classes = extractor.classes
    used = sorted({classes.owner[i] for i in nodes})
    price = np.zeros(len(nodes) + 2 * len(used))
    price[: len(nodes)] = [extractor.price[i] for i in nodes]
    lower, upper = np.zeros(len(price)), np.ones(len(price))
    upper[len(nodes) + len(used) :] = len(used)
    for root in classes.roots:
        lower[len(nodes) + used.index(root)] = 1
    whole = np.ones(len(price), dtype=np.int64)
    whole[len(nodes) + len(used) :] = 0
    found = milp(
        price,
        constraints=_constraints(extractor, nodes, used, bound),
        integrality=whole,
        bounds=Bounds(lower, upper),
        options={"time_limit": seconds, "node_limit": SEARCH_NODES},
    )
    if found.x is None:
        return None
    return _without_circles(extractor, [i for k, i in enumerate(nodes) if found.x[k] > 0.5])


def useful_nodes(extractor: Extractor) -> list[int]:
    """Nodes of finite price below the roots that do not contain their own class."""
    classes = extractor.classes
    seen = set(classes.roots)
    stack = sorted(seen)
    nodes = []
    while stack:
        c = stack.pop()
        for i in classes.members[c]:
            arguments = classes.nodes[i][2]
            if c in arguments or extractor.price[i] == float("inf"):
                continue
            nodes.append(i)
            new = [a for a in dict.fromkeys(arguments) if a not in seen]
            seen.update(new)
            stack.extend(new)
    return sorted(nodes)


def _constraints(extractor: Extractor, nodes: Sequence[int], used: Sequence[int], bound: float) -> Any:
    from scipy.optimize import LinearConstraint
    from scipy.sparse import coo_matrix

    classes = extractor.classes
    column = {i: k for k, i in enumerate(nodes)}
    place = {c: len(nodes) + k for k, c in enumerate(used)}
    level = {c: len(nodes) + len(used) + k for k, c in enumerate(used)}
    top = len(used)
    rows: list[list[tuple[int, float]]] = []
    low: list[float] = []
    for i in nodes:
        for c in set(classes.nodes[i][2]):
            rows.append([(place[c], 1.0), (column[i], -1.0)])
            rows.append([(level[classes.owner[i]], 1.0), (level[c], -1.0), (column[i], -(top + 1.0))])
            low += [0.0, -float(top)]
    for c in used:
        rows.append([(column[i], 1.0) for i in classes.members[c] if i in column] + [(place[c], -1.0)])
        low.append(0.0)
    high = [np.inf] * len(rows) + [bound * (1 + 1e-9)]
    rows.append([(column[i], extractor.price[i]) for i in nodes])
    low.append(-np.inf)
    entries = np.array([(r, c, v) for r, row in enumerate(rows) for c, v in row])
    places = entries[:, 0].astype(int), entries[:, 1].astype(int)
    shape = (len(rows), len(nodes) + 2 * len(used))
    return LinearConstraint(coo_matrix((entries[:, 2], places), shape=shape).tocsr(), low, high)


def _without_circles(extractor: Extractor, nodes: Sequence[int]) -> Choice | None:
    """One chosen node per class, each made from classes chosen before it."""
    classes = extractor.classes
    choice: Choice = {}
    changed = True
    while changed:
        changed = False
        for i in nodes:
            if classes.owner[i] not in choice and all(c in choice for c in classes.nodes[i][2]):
                choice[classes.owner[i]] = i
                changed = True
    return choice if all(r in choice for r in classes.roots) else None
