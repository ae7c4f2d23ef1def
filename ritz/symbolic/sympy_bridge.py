"""The border between SymPy and the graph: scalar expressions go in once and come back for display or SymPy's tools.

Numbers: integers and rationals stay exact, a SymPy float becomes a Python float, and ``pi``, ``E`` and the other named
constants become the nearest Python float (a graph has no symbolic constants). The imaginary unit is the graph's own.
Both directions walk with a stack, so the depth of an expression is not limited by Python's recursion limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import reduce
from typing import Any

import sympy as sp
from sympy.codegen import cfunctions
from sympy.logic.boolalg import ITE, BooleanFalse, BooleanTrue

from ritz.errors import UnsupportedError, nearest
from ritz.symbolic.graph import Graph, Number

Unknown = Callable[[sp.Basic], int]
Build = Callable[[Graph, tuple[int, ...]], int]

_SAME: dict[type, str] = {  # one SymPy class, one function of the graph with the same arguments
    sp.exp: "exp", sp.log: "log", sp.sin: "sin", sp.cos: "cos", sp.tan: "tan", sp.asin: "arcsin", sp.acos: "arccos",
    sp.atan: "arctan", sp.atan2: "arctan2", sp.sinh: "sinh", sp.cosh: "cosh", sp.tanh: "tanh", sp.asinh: "arcsinh",
    sp.acosh: "arccosh", sp.atanh: "arctanh", sp.Abs: "abs", sp.sign: "sign", sp.floor: "floor", sp.ceiling: "ceil",
    sp.erf: "erf", sp.conjugate: "conj", sp.re: "re", sp.im: "im", sp.arg: "arg", cfunctions.expm1: "expm1",
    cfunctions.log1p: "log1p", sp.StrictLessThan: "lt", sp.LessThan: "le", sp.StrictGreaterThan: "gt",
    sp.GreaterThan: "ge", sp.Equality: "eq", sp.Unequality: "ne", sp.Not: "not",
}  # fmt: skip

_FOLDED: dict[type, str] = {sp.Max: "maximum", sp.Min: "minimum", sp.And: "and", sp.Or: "or"}


def _inverse(name: str) -> Build:
    """``1 / name(x)``."""
    return lambda g, a: g.pow(g.func(name, a[0]), -1)


def _of_inverse(name: str) -> Build:
    """``name(1 / x)``."""
    return lambda g, a: g.func(name, g.pow(a[0], -1))


def _ratio(top: str, bottom: str) -> Build:
    """``top(x) / bottom(x)``."""
    return lambda g, a: g.div(g.func(top, a[0]), g.func(bottom, a[0]))


def _heaviside(g: Graph, a: tuple[int, ...]) -> int:
    after = g.func("where", g.func("gt", a[0], g.zero), g.one, a[1])
    return g.func("where", g.func("lt", a[0], g.zero), g.zero, after)


def _sinc(g: Graph, a: tuple[int, ...]) -> int:
    return g.func("where", g.func("eq", a[0], g.zero), g.one, g.div(g.func("sin", a[0]), a[0]))


def _mod(g: Graph, a: tuple[int, ...]) -> int:
    return g.sub(a[0], g.product([a[1], g.func("floor", g.div(a[0], a[1]))]))


def _if_then_else(g: Graph, a: tuple[int, ...]) -> int:
    return g.func("or", g.func("and", a[0], a[1]), g.func("and", g.func("not", a[0]), a[2]))


_COMPOSED: dict[type, Build] = {
    sp.Add: lambda g, a: g.sum(a),
    sp.Mul: lambda g, a: g.product(a),
    sp.Pow: lambda g, a: _power(g, a[0], a[1]),
    sp.sec: _inverse("cos"), sp.csc: _inverse("sin"), sp.cot: _ratio("cos", "sin"),
    sp.sech: _inverse("cosh"), sp.csch: _inverse("sinh"), sp.coth: _inverse("tanh"),
    sp.asec: _of_inverse("arccos"), sp.acsc: _of_inverse("arcsin"), sp.acot: _of_inverse("arctan"),
    sp.asech: _of_inverse("arccosh"), sp.acsch: _of_inverse("arcsinh"), sp.acoth: _of_inverse("arctanh"),
    sp.erfc: lambda g, a: g.add([(-1, g.func("erf", a[0]))], 1),
    sp.frac: lambda g, a: g.sub(a[0], g.func("floor", a[0])),
    sp.Heaviside: _heaviside,
    sp.sinc: _sinc,
    sp.Mod: _mod,
    ITE: _if_then_else,
    sp.UnevaluatedExpr: lambda g, a: a[0],
}  # fmt: skip


def number(value: sp.Basic) -> Number | None:
    """Return a real SymPy number as int, Fraction or float; None if it is not a real number.

    Raises:
        UnsupportedError: for ``nan`` and the unsigned (complex) infinity.
    """
    if isinstance(value, sp.Rational) and value.is_finite:
        return Fraction(int(value.p), int(value.q))
    if value in (sp.nan, sp.zoo):
        raise UnsupportedError(f"The expression contains {value}, which has no value. Look for a division by zero.")
    if isinstance(value, sp.NumberSymbol | sp.Float) or value in (sp.oo, -sp.oo):
        return float(value)
    return None


def to_graph(g: Graph, expr: sp.Basic | complex, leaves: Mapping[sp.Basic, int], unknown: Unknown | None = None) -> int:
    """Convert a scalar SymPy expression (or condition) to a node.

    Args:
        g: graph that receives the nodes.
        expr: the expression; Python numbers are accepted.
        leaves: SymPy objects, symbols or whole subexpressions, that stand for existing nodes. They are looked up
            before anything is taken apart; a product inside a longer product is not found.
        unknown: called with every subexpression that is neither a leaf nor known (an undefined function, an
            operator); returns its node. Its arguments have not been converted.

    Returns:
        The node.

    Raises:
        UnsupportedError: names a symbol that is not in `leaves`, or a function with no counterpart in the graph.

    Example:
        >>> g, x = Graph(), sp.Symbol("x")
        >>> node = to_graph(g, (x + 1) ** 2 / 3, {x: g.input("x", "state")})
        >>> to_sympy(g, node)
        (x + 1)**2/3
    """
    root = sp.sympify(expr)
    done: dict[int, int] = {}  # by identity: comparing deep expressions would recurse; equal ones meet in the graph
    alive: list[Any] = []
    stack: list[sp.Basic] = [root]
    while stack:
        e = stack[-1]
        if id(e) in done:
            stack.pop()
            continue
        node = _leaf(g, e, leaves)
        if node is None:
            parts = _parts(e)
            if parts is None:
                node = _refuse(e, leaves) if unknown is None else unknown(e)
            elif waiting := [a for a in parts if id(a) not in done]:
                alive.append(parts)
                stack.extend(waiting)
                continue
            else:
                node = _build(g, e, tuple(done[id(a)] for a in parts))
        done[id(e)] = node
        alive.append(e)
        stack.pop()
    return done[id(root)]


def _leaf(g: Graph, e: sp.Basic, leaves: Mapping[sp.Basic, int]) -> int | None:
    if e in leaves:
        return leaves[e]
    if e is sp.I:
        return g.imag
    if isinstance(e, BooleanTrue | BooleanFalse):
        return g.one if e else g.zero
    if isinstance(e, sp.Expr) and e.is_Atom and (value := number(e)) is not None:
        return g.const(value)
    return None


def _parts(e: sp.Basic) -> list[sp.Basic] | None:
    """The subexpressions to convert before `e`; None if `e` is not known here."""
    if isinstance(e, sp.Piecewise):
        return [part for pair in e.args for part in pair.args]
    kind = type(e)
    return list(e.args) if kind in _SAME or kind in _FOLDED or kind in _COMPOSED else None


def _build(g: Graph, e: sp.Basic, nodes: tuple[int, ...]) -> int:
    kind = type(e)
    if kind in _SAME:
        return g.func(_SAME[kind], *nodes)
    if kind in _FOLDED:
        return reduce(lambda a, b: g.func(_FOLDED[kind], a, b), sorted(nodes))
    if kind in _COMPOSED:
        return _COMPOSED[kind](g, nodes)
    value = g.const(math.nan)  # where no condition of a Piecewise holds
    for then, condition in zip(nodes[-2::-2], nodes[-1::-2], strict=True):
        value = then if condition == g.one else g.func("where", condition, then, value)
    return value


def _power(g: Graph, base: int, exponent: int) -> int:
    if g.op[exponent] != "const":
        return g.func("pow", base, exponent)
    e = g.args[exponent]
    if isinstance(e, float) and Fraction(e).denominator <= 64:  # 0.5 is exactly a half
        e = Fraction(e)
    return g.pow(base, e)


def _refuse(e: sp.Basic, leaves: Mapping[sp.Basic, int]) -> int:
    if isinstance(e, sp.Symbol):
        hint = nearest(e.name, (str(k) for k in leaves))
        known = ", ".join(sorted({str(k) for k in leaves})) or "none"
        raise UnsupportedError(f"Unknown symbol {e.name!r} in the expression.{hint} Known symbols: {known}.")
    if getattr(e, "is_Matrix", False) or not isinstance(e, sp.Expr):
        raise UnsupportedError(f"Expected a scalar expression, found {type(e).__name__} {e}.")
    name = getattr(type(e), "__name__", str(type(e)))
    known_names = sorted(k.__name__ for k in (*_SAME, *_FOLDED, *_COMPOSED) if issubclass(k, sp.Function))
    raise UnsupportedError(
        f"The function {name} in {e} has no numerical counterpart.{nearest(name, known_names)} "
        f"Rewrite it with known functions: {', '.join(known_names)}, Piecewise."
    )


# ---------------------------------------------------------------------- back to SymPy
_BACK: dict[str, Callable[..., sp.Basic]] = {
    **{name: kind for kind, name in _SAME.items()},
    "maximum": sp.Max,
    "minimum": sp.Min,
    "pow": sp.Pow,
    "complex": lambda a, b: a + sp.I * b,
    "expm1": lambda a: sp.exp(a) - 1,
    "log1p": lambda a: sp.log(1 + a),
    "where": lambda c, a, b: sp.Piecewise((a, _condition(c)), *(() if b is sp.nan else ((b, True),))),
    "and": lambda *a: sp.And(*map(_condition, a)),
    "or": lambda *a: sp.Or(*map(_condition, a)),
    "not": lambda a: sp.Not(_condition(a)),
}


def to_sympy(g: Graph, node: int, leaves: Mapping[int, sp.Basic] | None = None) -> sp.Basic:
    """Convert a node to a SymPy expression.

    Args:
        g: the graph.
        node: what to convert.
        leaves: nodes (inputs or any others) with the SymPy object to write for them. An input that is not listed
            becomes a symbol of its name; a map or gather becomes an undefined function of that name.

    Returns:
        The expression, evaluated by SymPy's own constructors, so it may look simpler than the node.
    """
    return many_to_sympy(g, [node], leaves)[0]


def many_to_sympy(g: Graph, nodes: Iterable[int], leaves: Mapping[int, sp.Basic] | None = None) -> list[sp.Basic]:
    """Convert several nodes at once; common parts are converted once. Arguments as for `to_sympy`."""
    roots = list(nodes)
    done: dict[int, sp.Basic] = dict(leaves or {})
    for node in g.topological(roots, stop=done):
        if node not in done:
            done[node] = _expression(g, node, done)
    return [done[r] for r in roots]


def _expression(g: Graph, node: int, done: Mapping[int, sp.Basic]) -> sp.Basic:
    op, args = g.op[node], g.args[node]
    if op == "const":
        return _sympy_number(args)
    if op == "imag":
        return sp.I
    if op == "input":
        return sp.Symbol(args[0])
    if op == "add":
        return sp.Add(_sympy_number(args[0]), *(_sympy_number(k) * _plain(done[n]) for n, k in args[1]))
    if op == "mul":
        return sp.Mul(_sympy_number(args[0]), *(_plain(done[n]) ** _sympy_number(e) for n, e in args[1]))
    if op == "func":
        return _BACK[args[0]](*(done[n] for n in args[1]))
    name = args[0].name if op == "map" else args[0]
    return sp.Function(name)(_plain(done[args[1]]))


def _sympy_number(value: Number) -> sp.Expr:
    if isinstance(value, Fraction):
        return sp.Rational(value.numerator, value.denominator)
    if isinstance(value, int):
        return sp.Integer(value)
    return sp.Float(value) if math.isfinite(value) else sp.sympify(value)


def _condition(e: sp.Basic) -> sp.Basic:
    return e if isinstance(e, sp.logic.boolalg.Boolean) and not isinstance(e, sp.Symbol) else sp.Ne(e, 0)


def _plain(e: sp.Basic) -> sp.Basic:
    """A value where SymPy has a condition: arithmetic with conditions means 1 and 0."""
    is_condition = isinstance(e, sp.logic.boolalg.Boolean) and not isinstance(e, sp.Symbol)
    return sp.Piecewise((1, e), (0, True)) if is_condition else e
