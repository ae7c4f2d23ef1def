"""Complex values as pairs of real ones, as a pass from graph to graph.

Kernels, costs and derivatives are written for real numbers only: a complex state becomes its two real coordinates,
a product with the imaginary unit a swap of the pair, and parts that are known to vanish cost nothing. Only maps still
read or return complex values; their arguments are packed by the pointwise function ``complex``, their results read by
``re`` and ``im``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction

from ritz.errors import UnsupportedError
from ritz.symbolic.graph import Graph, Number

Pair = tuple[int, int]


def realify(g: Graph, roots: Sequence[int], opaque: Collection[int] = ()) -> list[Pair]:
    """Return the real and the imaginary part of some nodes, as nodes of real arithmetic in the same graph.

    Args:
        g: the graph.
        roots: what to split.
        opaque: nodes to read as they are, without looking below them.

    Raises:
        UnsupportedError: a function without a rule here is applied to a complex value.

    Example:
        >>> g = Graph()
        >>> z = g.input("z", "state", is_complex=True)
        >>> [(re, im)] = realify(g, [g.mul([(g.imag, 1), (z, 1)])])
        >>> re == g.scale(-1, g.func("im", z)), im == g.func("re", z)
        (True, True)
    """
    pairs: dict[int, Pair] = {}
    for node in g.topological(roots, stop=opaque):
        pairs[node] = _leaf(g, node) if node in opaque else _pair(g, node, pairs)
    return [pairs[r] for r in roots]


def _leaf(g: Graph, node: int) -> Pair:
    return (g.func("re", node), g.func("im", node)) if g.is_complex[node] else (node, g.zero)


def _pair(g: Graph, node: int, pairs: dict[int, Pair]) -> Pair:
    op, args = g.op[node], g.args[node]
    if op == "const":
        return node, g.zero
    if op == "imag":
        return g.zero, g.one
    if op == "input":
        return _leaf(g, node)
    if op == "add":
        return (
            g.add([(k, pairs[n][0]) for n, k in args[1]], args[0]),
            g.add([(k, pairs[n][1]) for n, k in args[1]]),
        )
    if op == "mul":
        return _product(g, args, pairs)
    if op == "func":
        return _function(g, args[0], [pairs[n] for n in args[1]])
    if op == "map":
        re, im = pairs[args[1]]
        if re == im == g.zero:
            return g.zero, g.zero
        result = g.map(args[0], g.func("complex", re, im) if args[0].takes_complex else re)
        return (g.func("re", result), g.func("im", result)) if args[0].complex else (result, g.zero)
    re, im = (part if part == g.zero else g.gather(args[0], part, *args[2:]) for part in pairs[args[1]])
    return re, im


def _product(g: Graph, args: tuple[Number, tuple[tuple[int, Number], ...]], pairs: dict[int, Pair]) -> Pair:
    real = [(pairs[n][0], e) for n, e in args[1] if pairs[n][1] == g.zero]
    value: Pair = (g.one, g.zero)
    for n, e in args[1]:
        if pairs[n][1] == g.zero:
            continue
        if not isinstance(e, int):
            raise UnsupportedError(f"A complex value is raised to the power {e}; only whole powers are supported here.")
        value = _times(g, value, _power(g, pairs[n], e))
    return tuple(g.mul([(part, 1), *real], args[0]) for part in value)  # type: ignore[return-value]


def _times(g: Graph, a: Pair, b: Pair) -> Pair:
    re = g.sub(g.mul([(a[0], 1), (b[0], 1)]), g.mul([(a[1], 1), (b[1], 1)]))
    im = g.sum([g.mul([(a[0], 1), (b[1], 1)]), g.mul([(a[1], 1), (b[0], 1)])])
    return re, im


def _power(g: Graph, base: Pair, e: int) -> Pair:
    if e < 0:
        size = g.sum([g.pow(base[0], 2), g.pow(base[1], 2)])
        re, im = _power(g, (base[0], g.scale(-1, base[1])), -e)
        return g.mul([(re, 1), (size, e)]), g.mul([(im, 1), (size, e)])
    value: Pair = (g.one, g.zero)
    while e:
        if e & 1:
            value = _times(g, value, base)
        base = _times(g, base, base)
        e >>= 1
    return value


def _function(g: Graph, name: str, parts: list[Pair]) -> Pair:
    re, im = parts[0]
    if name == "re":
        return re, g.zero
    if name == "im":
        return im, g.zero
    if name == "conj":
        return re, g.scale(-1, im)
    if name == "complex":
        return re, parts[1][0]
    if all(p[1] == g.zero for p in parts):
        return g.func(name, *(p[0] for p in parts)), g.zero
    if name == "abs":
        return g.pow(g.sum([g.pow(re, 2), g.pow(im, 2)]), Fraction(1, 2)), g.zero
    if name == "where":
        condition = parts[0][0]
        return (
            g.func("where", condition, parts[1][0], parts[2][0]),
            g.func("where", condition, parts[1][1], parts[2][1]),
        )
    if name == "exp":
        size = g.func("exp", re)
        return g.mul([(size, 1), (g.func("cos", im), 1)]), g.mul([(size, 1), (g.func("sin", im), 1)])
    if name in _COMPLEX_RULES:
        outer, inner, sign = _COMPLEX_RULES[name]
        other = {"sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh"}
        return (
            g.mul([(g.func(outer, re), 1), (g.func(inner, im), 1)]),
            g.mul([(g.func(other[outer], re), 1), (g.func(other[inner], im), 1)], sign),
        )
    raise UnsupportedError(
        f"The function {name} is applied to a complex value; supported are exp, sin, cos, sinh, cosh, abs, re, im, "
        "conjugate and whole powers. Write it through these, or use two real fields."
    )


# f(a + ib) = outer(a) inner(b) + i sign other(outer)(a) other(inner)(b)
_COMPLEX_RULES = {
    "sin": ("sin", "cosh", 1),
    "cos": ("cos", "cosh", -1),
    "sinh": ("sinh", "cos", 1),
    "cosh": ("cosh", "cos", 1),
}
