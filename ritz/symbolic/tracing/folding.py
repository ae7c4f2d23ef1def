"""Choices whose condition is known are made at once; the rest of a graph is rebuilt around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ritz.symbolic.graph import Graph

_COMPARE = {"lt": "__lt__", "le": "__le__", "gt": "__gt__", "ge": "__ge__", "eq": "__eq__", "ne": "__ne__"}


def _known(g: Graph, node: int) -> bool | None:
    return bool(g.args[node]) if g.op[node] == "const" else None


def choose(g: Graph, condition: int, then: int, otherwise: int) -> int:
    """``where``, decided if the condition is a number or both branches are one node."""
    if (known := _known(g, condition)) is not None:
        return then if known else otherwise
    return then if then == otherwise else g.func("where", condition, then, otherwise)


def conjunction(g: Graph, conditions: Sequence[int]) -> int:
    """``and`` of some conditions; known ones drop out."""
    total = g.one
    for c in conditions:
        known = _known(g, c)
        if known is False:
            return g.zero
        if known is None:
            total = c if total == g.one else total if total == c else g.func("and", total, c)
    return total


def folded(g: Graph, name: str, args: Sequence[int]) -> int:
    """A function of nodes, decided where its arguments are numbers that decide it."""
    values = [_known(g, n) for n in args]
    if name == "where":
        return choose(g, *args)
    if name in _COMPARE and None not in values:
        a, b = (float(g.args[n]) for n in args)
        return g.one if getattr(a, _COMPARE[name])(b) else g.zero
    if name == "not" and values[0] is not None:
        return g.zero if values[0] else g.one
    if name == "and":
        return conjunction(g, args)
    if name == "or" and True in values:
        return g.one
    if name == "or" and False in values:
        return next((n for n, v in zip(args, values, strict=True) if v is None), g.zero)
    return g.func(name, *args)


def substitute(g: Graph, roots: Sequence[int], replacements: Mapping[int, int]) -> list[int]:
    """Rebuild `roots` with some nodes replaced and the choices that this decides made."""
    new: dict[int, int] = {}
    for node in g.topological(roots, stop=replacements):
        if node in replacements:
            new[node] = replacements[node]
        elif g.op[node] == "func":
            name, args = g.args[node]
            new[node] = folded(g, name, [new[n] for n in args])
        else:
            new[node] = g.rebuild(node, new)
    return [new[r] for r in roots]
