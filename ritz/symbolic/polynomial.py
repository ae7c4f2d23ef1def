"""Polynomial structure read off the graph: degree, homogeneous parts, monomials and symmetric multilinear forms.

Degrees choose the dealiasing of spectral methods; homogeneous parts and their multilinear forms give the tensors of a
Galerkin reduced model. What is no polynomial in the variables is None, never an approximation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import factorial

from ritz.errors import UnsupportedError
from ritz.symbolic.calculus import forward
from ritz.symbolic.graph import Graph

Monomial = tuple[int, ...]
Polynomial = dict[Monomial, int]
Parts = dict[int, int]  # degree -> node

REAL_LINEAR = frozenset({"re", "im", "conj", "complex"})


# ---------------------------------------------------------------------- degree and homogeneous parts
def degree(g: Graph, node: int, variables: Iterable[int]) -> int | None:
    """Polynomial degree of a node in some variables, or None if it is not a polynomial in them.

    Maps, gathers and the taking of real and imaginary parts are linear and keep the degree. Sums inside products are
    not expanded, so the degree is an upper bound where leading terms cancel.

    Args:
        g: the graph.
        node: the expression.
        variables: nodes taken as variables: states, or any others, such as grid fields behind a transform.

    Example:
        >>> g = Graph()
        >>> u, v = g.input("u", "state"), g.input("v", "state")
        >>> degree(g, g.add([(1, g.mul([(u, 1), (v, 2)])), (-3, u)]), [u, v])
        3
    """
    degrees: dict[int, int | None] = dict.fromkeys(variables, 1)
    for n in g.topological([node], stop=frozenset(degrees)):
        if n not in degrees:
            degrees[n] = _degree(g, n, degrees)
    return degrees[node]


def _degree(g: Graph, node: int, degrees: Mapping[int, int | None]) -> int | None:
    below = [degrees[n] for n in g.children(node)]
    if not any(d != 0 for d in below):
        return 0
    if any(d is None for d in below):
        return None
    known = [d for d in below if d is not None]
    op, args = g.op[node], g.args[node]
    if op == "mul":
        total = 0
        for d, (_, e) in zip(known, args[1], strict=True):
            if d and not (isinstance(e, int) and e > 0):
                return None
            total += d * e
        return total
    if op == "func" and args[0] not in REAL_LINEAR and not (args[0] == "where" and known[0] == 0):
        return None
    return max(known)


def homogeneous_parts(g: Graph, node: int, variables: Iterable[int]) -> Parts | None:
    """Split a polynomial by degree, through maps and gathers and without expanding more than degrees ask for.

    Returns:
        ``{degree: node}`` whose nodes add up to `node` and are homogeneous in the variables; zero parts are left out.
        None if `node` is not a polynomial in the variables.

    Example:
        >>> g = Graph()
        >>> u = g.input("u", "state")
        >>> homogeneous_parts(g, g.mul([(u, 1), (g.add([(-1, u)], 1), 1)]), [u]) == {1: u, 2: g.mul([(u, 2)], -1)}
        True
    """
    fixed = frozenset(variables)
    if degree(g, node, fixed) is None:
        return None
    parts: dict[int, Parts] = {n: {1: n} for n in fixed}
    for n in g.topological([node], stop=fixed):
        if n not in parts:
            found = _parts_of(g, n, parts)
            parts[n] = {d: found[d] for d in sorted(found) if found[d] != g.zero}
    return parts[node]


def _parts_of(g: Graph, node: int, parts: Mapping[int, Parts]) -> Parts:
    op, args, children = g.op[node], g.args[node], g.children(node)
    if not any(set(parts[n]) - {0} for n in children):
        return {0: node}
    degrees = sorted({d for n in children for d in parts[n]})
    if op == "add":
        pieces = {d: [(k, parts[n][d]) for n, k in args[1] if d in parts[n]] for d in {0, *degrees}}
        return {d: g.add(pairs, args[0] if d == 0 else 0) for d, pairs in pieces.items()}
    if op == "mul":
        plain = [(n, e) for n, e in args[1] if not set(parts[n]) - {0}]
        total: Parts = {0: g.mul(plain, args[0])}
        for n, e in args[1]:
            for _ in range(e if set(parts[n]) - {0} else 0):
                total = _convolved(g, total, parts[n])
        return total
    if op == "map":
        return {d: g.map(args[0], p) for d, p in parts[args[1]].items()}
    if op == "gather":
        return {d: g.gather(args[0], p, args[2], args[3]) for d, p in parts[args[1]].items()}
    if args[0] == "where":
        return {d: g.func("where", args[1][0], *(parts[n].get(d, g.zero) for n in args[1][1:])) for d in degrees}
    return {d: g.func(args[0], *(parts[n].get(d, g.zero) for n in args[1])) for d in degrees}


def _convolved(g: Graph, a: Parts, b: Parts) -> Parts:
    pieces: dict[int, list[int]] = {}
    for i, x in a.items():
        for j, y in b.items():
            pieces.setdefault(i + j, []).append(g.product([x, y]))
    return {d: g.sum(nodes) for d, nodes in pieces.items()}


def multilinear_form(g: Graph, part: int, directions: Sequence[Mapping[int, int]]) -> int:
    """The symmetric multilinear form of a homogeneous part: with all directions equal to the variables it is `part`.

    Args:
        g: the graph.
        part: one of `homogeneous_parts`, of degree ``len(directions)``.
        directions: for every slot of the form, variable -> node to put there.

    Returns:
        A node free of the variables; evaluated on basis vectors it gives the entries of a Galerkin tensor.
    """
    slots: dict[int, int] = {}  # placeholders, so that directions may contain the variables themselves
    for i, direction in enumerate(directions):
        fresh = {v: g.input(f"slot{i}:{v}", "seed", g.axes[v], is_complex=g.is_complex[v]) for v in direction}
        slots.update((fresh[v], node) for v, node in direction.items())
        (part,) = forward(g, [part], fresh)
    return g.scale(Fraction(1, factorial(len(directions))), g.substitute([part], slots)[0])


# ---------------------------------------------------------------------- monomials
def polynomial_in(
    g: Graph, node: int, variables: Iterable[int], *, max_terms: int = 10_000
) -> dict[Monomial, int] | None:
    """Expand a node into monomials of some variables.

    Args:
        g: the graph; receives the coefficient nodes.
        node: the expression.
        variables: nodes taken as variables.
        max_terms: bound on the number of monomials.

    Returns:
        ``{sorted multiset of variables: coefficient node}`` without zero coefficients, by increasing degree: ``()``
        belongs to the constant, ``(u, u, v)`` to ``u**2 * v``. None if `node` is not a polynomial in the variables
        point by point (a map or gather of a variable is none: take the map as a variable, or `homogeneous_parts`).

    Raises:
        UnsupportedError: more than `max_terms` monomials would arise.

    Example:
        >>> g = Graph()
        >>> u, k = g.input("u", "state"), g.input("k", "param")
        >>> found = polynomial_in(g, g.mul([(u, 1), (g.add([(1, u), (1, k)]), 1)]), [u])
        >>> found == {(u,): k, (u, u): g.one}
        True
    """
    fixed = frozenset(variables)
    known: dict[int, Polynomial | None] = {n: {(n,): g.one} for n in fixed}
    for n in g.topological([node], stop=fixed):
        if n not in known:
            known[n] = _polynomial(g, n, known, max_terms)
    found = known[node]
    return None if found is None else {m: found[m] for m in sorted(found, key=lambda m: (len(m), m))}


def _polynomial(g: Graph, node: int, known: Mapping[int, Polynomial | None], limit: int) -> Polynomial | None:
    polynomials = [known[n] for n in g.children(node)]
    if any(p is None for p in polynomials):
        return None
    below = [p for p in polynomials if p is not None]
    if not any(set(p) - {()} for p in below):
        return {(): node} if node != g.zero else {}
    op, args = g.op[node], g.args[node]
    if op == "add":
        pieces: dict[Monomial, list[tuple[int, int]]] = {}
        for p, (_, k) in zip(below, args[1], strict=True):
            for m, c in p.items():
                pieces.setdefault(m, []).append((k, c))
        pieces.setdefault((), []).append((args[0], g.one))
        return _added(g, pieces)
    if op == "mul":
        total: Polynomial = {(): g.const(args[0])}
        for p, (base, e) in zip(below, args[1], strict=True):
            if not set(p) - {()}:
                total = {m: g.mul([(c, 1), (base, e)]) for m, c in total.items()}
            elif not (isinstance(e, int) and e > 0):
                return None
            else:
                for _ in range(e):
                    total = _multiplied(g, total, p, limit)
        return total
    if op == "func" and args[0] == "where" and not set(below[0]) - {()}:
        monomials = sorted({*below[1], *below[2]})
        return {m: g.func("where", args[1][0], *(p.get(m, g.zero) for p in below[1:])) for m in monomials}
    return None


def _multiplied(g: Graph, a: Polynomial, b: Polynomial, limit: int) -> Polynomial:
    pieces: dict[Monomial, list[tuple[int, int]]] = {}
    for m, c in a.items():
        for n, d in b.items():
            pieces.setdefault(tuple(sorted(m + n)), []).append((1, g.product([c, d])))
        if len(pieces) > limit:
            raise UnsupportedError(
                f"Expanding a product gives more than {limit} monomials. Raise max_terms, choose fewer variables, or "
                "use hyper-reduction instead of precomputed tensors."
            )
    return _added(g, pieces)


def _added(g: Graph, pieces: Mapping[Monomial, Sequence[tuple[int, int]]]) -> Polynomial:
    sums = {m: g.add(pairs) for m, pairs in pieces.items()}
    return {m: c for m, c in sums.items() if c != g.zero}
