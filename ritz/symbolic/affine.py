"""Affine dependence on parameters read off the graph, for reduced models.

A reduced basis method precomputes what does not change: with ``f(u; p) = sum_q theta_q(p) f_q(u)`` all projections of
the `f_q` are done once (Hesthaven, Rozza and Stamm, Certified Reduced Basis Methods for Parametrized Partial
Differential Equations, 2016, chapter 3). Nothing here guesses: what is not of that form is returned as left over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ritz.symbolic.graph import PARAM, TIME, Graph
from ritz.symbolic.polynomial import REAL_LINEAR

Terms = list[tuple[int, int]]  # (theta, rest)


def separate(g: Graph, node: int, is_carrier: Callable[[int], bool]) -> tuple[int, int]:
    """Split a product into the factors that `is_carrier` accepts and the others.

    Returns:
        ``(carrier, rest)`` with ``node == carrier * rest``; numeric factors go to `rest`. A node that is no product is
        its own only factor.
    """
    if g.op[node] != "mul":
        return (node, g.one) if is_carrier(node) else (g.one, node)
    c, factors = g.args[node]
    carrier = [(n, e) for n, e in factors if is_carrier(n)]
    return g.mul(carrier), g.mul([(n, e) for n, e in factors if not is_carrier(n)], c)


@dataclass(frozen=True)
class AffineSplit:
    """A node as ``sum(theta * rest) + leftover``.

    Attributes:
        terms: pairs ``(theta, rest)``: `theta` is a scalar of parameters and time only, `rest` is free of both. The
            `theta` of a term that depends on neither is the graph's one.
        leftover: what is not affine in such scalars; the graph's zero if everything is.
    """

    terms: tuple[tuple[int, int], ...]
    leftover: int


def affine_terms(g: Graph, node: int, *, max_terms: int = 1000) -> AffineSplit:
    """Split a node into scalars of parameters and time times parts free of them.

    Works through sums, products, whole powers, maps, gathers and selections with a parameter-free condition. Factors
    such as ``F + k`` in ``(F + k) * v`` stay whole; terms with proportional scalars, then with proportional parts, are
    merged. States depend on time too, but only through themselves: they belong to the parts.

    Args:
        g: the graph; receives the new nodes.
        node: the expression.
        max_terms: a product that would expand into more terms is left over as it stands.

    Example:
        >>> g = Graph()
        >>> u, k, c = g.input("u", "state"), g.input("k", "param"), g.input("c", "param")
        >>> split = affine_terms(g, g.add([(1, g.product([k, u])), (2, u), (-1, g.func("sin", g.product([c, u])))]))
        >>> split.terms == ((g.add([(1, k)], 2), u),), split.leftover == g.scale(-1, g.func("sin", g.product([c, u])))
        (True, True)
    """
    dependence: dict[int, tuple[bool, bool]] = {}
    splits: dict[int, tuple[Terms, int]] = {}
    for n in g.topological([node]):
        dependence[n] = _dependence(g, n, dependence)
        splits[n] = _split(g, n, dependence, splits, max_terms)
    terms, leftover = splits[node]
    return AffineSplit(tuple(_merged(g, terms)), leftover)


def _dependence(g: Graph, node: int, known: Mapping[int, tuple[bool, bool]]) -> tuple[bool, bool]:
    """Whether a node depends on parameters or time, and whether it does on states, coordinates or other data."""
    if g.op[node] == "input":
        kind = g.args[node][1]
        looped = bool(g.axes[node] - {PARAM, TIME})
        if kind in ("param", "time"):
            return True, looped
        return kind not in ("state", "seed") and bool(g.axes[node] & {PARAM, TIME}), True
    below = [known[n] for n in g.children(node)]
    return any(a for a, _ in below), any(b for _, b in below) or bool(g.axes[node] - {PARAM, TIME})


def _split(
    g: Graph,
    node: int,
    dependence: Mapping[int, tuple[bool, bool]],
    splits: Mapping[int, tuple[Terms, int]],
    limit: int,
) -> tuple[Terms, int]:
    """``(terms, leftover)`` of one node from those of its arguments."""
    variable, data = dependence[node]
    if not variable:
        return [(g.one, node)], g.zero
    if not data:
        return [(node, g.one)], g.zero
    op, args = g.op[node], g.args[node]
    refused: tuple[Terms, int] = ([], node)
    if op == "add":
        terms = [(theta, g.scale(k, rest)) for n, k in args[1] for theta, rest in splits[n][0]]
        constant = [(g.one, g.const(args[0]))] if args[0] != 0 else []
        return _merged(g, constant + terms), g.add((k, splits[n][1]) for n, k in args[1])
    if op == "mul":
        return _split_product(g, args, splits, limit) or refused
    if op == "map":
        terms, left = splits[args[1]]
        if any(g.is_complex[theta] for theta, _ in terms) and not (args[0].complex and args[0].takes_complex):
            return refused  # the map is linear over real numbers only
        return [(theta, g.map(args[0], rest)) for theta, rest in terms], g.map(args[0], left)
    if op == "gather":
        terms, left = splits[args[1]]
        index, _, source, target = args
        moved = left if left == g.zero else g.gather(index, left, source, target)
        return [(theta, g.gather(index, rest, source, target)) for theta, rest in terms], moved
    if op == "func":
        return _split_function(g, args[0], args[1], dependence, splits) or refused
    return refused


def _split_product(
    g: Graph, args: tuple, splits: Mapping[int, tuple[Terms, int]], limit: int
) -> tuple[Terms, int] | None:
    c, factors = args
    terms: Terms = [(g.one, g.const(c))]
    for n, e in factors:
        own, left = splits[n]
        if left != g.zero:
            return None
        if len(own) == 1 and g.one in own[0]:  # all scalar or all data: any power will do
            terms = [(g.mul([(theta, 1), (own[0][0], e)]), g.mul([(rest, 1), (own[0][1], e)])) for theta, rest in terms]
            continue
        if not (isinstance(e, int) and e > 0) or len(terms) * len(own) ** e > limit:
            return None
        for _ in range(e):
            terms = [(g.product([a, b]), g.product([r, s])) for a, r in terms for b, s in own]
    return _merged(g, terms), g.zero


def _split_function(
    g: Graph,
    name: str,
    arguments: tuple[int, ...],
    dependence: Mapping[int, tuple[bool, bool]],
    splits: Mapping[int, tuple[Terms, int]],
) -> tuple[Terms, int] | None:
    """Functions that are linear in some arguments: where (in its branches), re, im, conj, complex."""
    if name == "where" and not dependence[arguments[0]][0]:
        first = 1
    elif name in REAL_LINEAR:
        first = 0
    else:
        return None
    if any(g.is_complex[theta] for n in arguments[first:] for theta, _ in splits[n][0]) and name != "where":
        return None
    terms: Terms = []
    for i, n in enumerate(arguments[first:], start=first):
        for theta, rest in splits[n][0]:
            slots = [rest if j == i else a if j < first else g.zero for j, a in enumerate(arguments)]
            terms.append((theta, g.func(name, *slots)))
    leftovers = [a if j < first else splits[a][1] for j, a in enumerate(arguments)]
    left = g.zero if all(v == g.zero for v in leftovers[first:]) else g.func(name, *leftovers)
    return _merged(g, terms), left


def _merged(g: Graph, terms: Iterable[tuple[int, int]]) -> Terms:
    """Add up terms with proportional scalars, then terms with proportional parts."""
    by_theta: dict[int, list[tuple]] = {}
    for theta, rest in terms:
        c, plain = _content(g, theta)
        by_theta.setdefault(plain, []).append((c, rest))
    by_rest: dict[int, list[tuple]] = {}
    for theta, pairs in by_theta.items():
        c, plain = _content(g, g.add(pairs))
        by_rest.setdefault(plain, []).append((c, theta))
    found = []
    for rest, pairs in by_rest.items():
        c, theta = _content(g, g.add(pairs))
        if rest != g.zero and theta != g.zero:
            found.append((theta, g.scale(c, rest)))
    return sorted(found)


def _content(g: Graph, node: int) -> tuple:
    """``(number, rest)`` with ``node == number * rest`` and the same rest for all multiples of it."""
    if g.op[node] == "const":
        return (g.args[node], g.one) if g.args[node] != 0 else (1, node)
    return g.primitive(node) if g.op[node] == "add" else g.split_coefficient(node)
