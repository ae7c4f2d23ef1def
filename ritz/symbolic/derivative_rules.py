"""The partial derivative of every node with respect to one of its arguments.

Textbook formulas (Abramowitz and Stegun, Handbook of Mathematical Functions, sections 4.2-4.6 and 7.1), all valid for
complex arguments on the principal branch. Selections (``where``, ``maximum``, ``minimum``) and the functions that are
not holomorphic (``conj re im abs arg`` of something complex) are handled by the differentiation itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction

from ritz.errors import UnsupportedError
from ritz.symbolic.graph import Graph

Rule = Callable[[Graph, int, int], int]  # graph, node f(x), argument x -> node of f'(x)

HALF = Fraction(1, 2)
STEPS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "floor", "ceil", "sign"})
SELECTIONS = frozenset({"where", "maximum", "minimum"})
REAL_LINEAR = frozenset({"conj", "re", "im", "abs", "arg"})


def _one_minus_square(g: Graph, x: int) -> int:
    return g.add([(-1, g.pow(x, 2))], 1)


def _one_plus_square(g: Graph, x: int) -> int:
    return g.add([(1, g.pow(x, 2))], 1)


UNARY: dict[str, Rule] = {
    "exp": lambda g, f, x: f,
    "expm1": lambda g, f, x: g.func("exp", x),
    "log": lambda g, f, x: g.pow(x, -1),
    "log1p": lambda g, f, x: g.pow(g.add([(1, x)], 1), -1),
    "sin": lambda g, f, x: g.func("cos", x),
    "cos": lambda g, f, x: g.scale(-1, g.func("sin", x)),
    "tan": lambda g, f, x: _one_plus_square(g, f),
    "arcsin": lambda g, f, x: g.pow(_one_minus_square(g, x), -HALF),
    "arccos": lambda g, f, x: g.mul([(_one_minus_square(g, x), -HALF)], -1),
    "arctan": lambda g, f, x: g.pow(_one_plus_square(g, x), -1),
    "sinh": lambda g, f, x: g.func("cosh", x),
    "cosh": lambda g, f, x: g.func("sinh", x),
    "tanh": lambda g, f, x: _one_minus_square(g, f),
    "arcsinh": lambda g, f, x: g.pow(_one_plus_square(g, x), -HALF),
    "arccosh": lambda g, f, x: g.mul([(g.add([(1, x)], -1), -HALF), (g.add([(1, x)], 1), -HALF)]),
    "arctanh": lambda g, f, x: g.pow(_one_minus_square(g, x), -1),
    "erf": lambda g, f, x: g.mul([(g.func("exp", g.mul([(x, 2)], -1)), 1)], 2 / math.sqrt(math.pi)),
    # of a real argument; a complex one never gets here
    "abs": lambda g, f, x: g.func("sign", x),
    "conj": lambda g, f, x: g.one,
    "re": lambda g, f, x: g.one,
    "im": lambda g, f, x: g.zero,
    "arg": lambda g, f, x: g.zero,
}


def is_real_linear(g: Graph, node: int) -> bool:
    """Whether `node` is a function of something complex that has a derivative in the real sense only."""
    return g.op[node] == "func" and g.args[node][0] in REAL_LINEAR and g.is_complex[g.args[node][1][0]]


def differentiable_arguments(g: Graph, node: int) -> tuple[int, ...]:
    """The arguments through which a derivative of `node` can flow: none of a step, not the condition of a where."""
    if g.op[node] == "func":
        name, args = g.args[node]
        if name in STEPS:
            return ()
        return tuple(args[1:]) if name == "where" else tuple(args)
    return g.children(node)


def partials(g: Graph, node: int, active: Callable[[int], bool]) -> Iterator[tuple[int, int]]:
    """Yield ``(argument, partial derivative)`` of a sum, product or holomorphic function.

    Args:
        g: the graph.
        node: what to differentiate.
        active: says which arguments matter; nothing is built for the others.

    Raises:
        UnsupportedError: for a function without a rule.
    """
    op, args = g.op[node], g.args[node]
    if op == "add":
        yield from ((n, g.const(k)) for n, k in args[1] if active(n))
    elif op == "mul":
        c, factors = args
        for i, (base, e) in enumerate(factors):
            if active(base):
                yield base, g.mul([*factors[:i], *factors[i + 1 :], (base, e - 1)], c * e)
    elif op == "func":
        name, arguments = args
        for i, x in enumerate(arguments):
            if active(x) and name not in STEPS:
                yield x, _function_partial(g, node, name, arguments, i)


def _function_partial(g: Graph, node: int, name: str, a: tuple[int, ...], i: int) -> int:
    if name in UNARY:
        return UNARY[name](g, node, a[0])
    if name == "pow":
        return _pow(g, node, a[0], a[1], i)
    if name == "complex":
        return (g.one, g.imag)[i]
    if name == "arctan2":
        square = g.add([(1, g.pow(a[0], 2)), (1, g.pow(a[1], 2))])
        return g.div(a[1], square) if i == 0 else g.mul([(a[0], 1), (square, -1)], -1)
    raise UnsupportedError(f"No derivative is known for the function {name!r}. Add a rule to derivative_rules.UNARY.")


def _pow(g: Graph, node: int, base: int, exponent: int, i: int) -> int:
    if i == 0:
        return g.mul([(exponent, 1), (g.func("pow", base, g.add([(1, exponent)], -1)), 1)])
    # log(0) * 0**n has the limit 0 for n > 0: a Hill function keeps a finite derivative at concentration zero
    safe = g.func("where", g.func("eq", base, g.zero), g.one, base)
    return g.mul([(node, 1), (g.func("log", safe), 1)])
