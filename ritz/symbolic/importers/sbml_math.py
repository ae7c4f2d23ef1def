"""Formulas of SBML (a subset of MathML, as libSBML reads it) to graph nodes, without recursion."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from ritz.errors import ParseError, UnsupportedError
from ritz.symbolic.graph import Graph
from ritz.symbolic.importers.infix import power

Make = Callable[[Graph, list[int]], int]
AVOGADRO = 6.02214179e23  # the value that SBML level 3 prescribes (version 1, section 3.4.6)


def _func(name: str) -> Make:
    return lambda g, a: g.func(name, *a)


def _inverse(name: str) -> Make:
    return lambda g, a: g.pow(g.func(name, *a), -1)


def _of_inverse(name: str) -> Make:
    return lambda g, a: g.func(name, g.pow(a[0], -1))


def _folded(name: str, empty: bool) -> Make:
    def make(g: Graph, a: list[int]) -> int:
        total = a[0] if a else g.func("eq" if empty else "ne", g.zero, g.zero)
        for node in a[1:]:
            total = g.func(name, total, node)
        return total

    return make


def _minus(g: Graph, a: list[int]) -> int:
    return g.scale(-1, a[0]) if len(a) == 1 else g.sub(a[0], a[1])


def _chain(name: str) -> Make:
    """A comparison of two or more values, each with the next."""

    def make(g: Graph, a: list[int]) -> int:
        return _folded("and", True)(g, [g.func(name, x, y) for x, y in zip(a, a[1:], strict=False)])

    return make


def _logarithm(g: Graph, a: list[int]) -> int:
    """``log(x)`` to base 10, or ``log(base, x)``."""
    base = g.const(10) if len(a) == 1 else a[0]
    below = g.const(math.log(g.args[base])) if g.op[base] == "const" else g.func("log", base)
    return g.div(g.func("log", a[-1]), below)


def _root(g: Graph, a: list[int]) -> int:
    """``root(degree, x)``; a square root where no degree is given."""
    if len(a) == 1:
        return g.pow(a[0], Fraction(1, 2))
    degree = g.args[a[0]] if g.op[a[0]] == "const" else None
    return g.pow(a[1], 1 / Fraction(degree)) if degree else g.func("pow", a[1], g.pow(a[0], -1))


def _piecewise(g: Graph, a: list[int]) -> int:
    """Pairs of value and condition, and the value otherwise; no value where nothing holds."""
    total = a[-1] if len(a) % 2 else g.const(math.nan)
    for k in range(len(a) // 2 * 2 - 2, -1, -2):
        total = g.func("where", a[k + 1], a[k], total)
    return total


def _xor(g: Graph, a: list[int]) -> int:
    total = a[0]
    for node in a[1:]:
        both = g.func("and", total, node)
        total = g.func("and", g.func("or", total, node), g.func("not", both))
    return total


def _implies(g: Graph, a: list[int]) -> int:
    return g.func("or", g.func("not", a[0]), a[1])


def _quotient(g: Graph, a: list[int]) -> int:
    """Division with the result cut towards zero."""
    ratio = g.div(a[0], a[1])
    return g.func("where", g.func("lt", ratio, g.zero), g.func("ceil", ratio), g.func("floor", ratio))


def _remainder(g: Graph, a: list[int]) -> int:
    return g.sub(a[0], g.product([a[1], _quotient(g, a)]))


_NAMED: dict[str, Make] = {
    "PLUS": lambda g, a: g.sum(a),
    "TIMES": lambda g, a: g.product(a),
    "MINUS": _minus,
    "DIVIDE": lambda g, a: g.div(a[0], a[1]),
    "POWER": lambda g, a: power(g, a[0], a[1]),
    "FUNCTION_POWER": lambda g, a: power(g, a[0], a[1]),
    "FUNCTION_LN": _func("log"), "FUNCTION_LOG": _logarithm, "FUNCTION_ROOT": _root,
    "FUNCTION_CEILING": _func("ceil"), "FUNCTION_PIECEWISE": _piecewise,
    **{f"FUNCTION_{n}": _func(n.lower()) for n in "EXP ABS FLOOR SIN COS TAN SINH COSH TANH".split()},
    **{f"FUNCTION_ARC{n}": _func("arc" + n.lower()) for n in "SIN COS TAN SINH COSH TANH".split()},
    **{f"FUNCTION_{n}": _inverse(m) for n, m in (("SEC", "cos"), ("CSC", "sin"), ("COT", "tan"))},
    **{f"FUNCTION_{n}H": _inverse(m + "h") for n, m in (("SEC", "cos"), ("CSC", "sin"), ("COT", "tan"))},
    **{f"FUNCTION_ARC{n}": _of_inverse("arc" + m) for n, m in (("SEC", "cos"), ("CSC", "sin"), ("COT", "tan"))},
    **{f"FUNCTION_ARC{n}H": _of_inverse(f"arc{m}h") for n, m in (("SEC", "cos"), ("CSC", "sin"), ("COT", "tan"))},
    "FUNCTION_MAX": _folded("maximum", False), "FUNCTION_MIN": _folded("minimum", False),
    "FUNCTION_QUOTIENT": _quotient, "FUNCTION_REM": _remainder,
    **{f"RELATIONAL_{old}": _chain(new) for old, new in dict(LT="lt", LEQ="le", GT="gt", GEQ="ge", EQ="eq").items()},
    "RELATIONAL_NEQ": _func("ne"),
    "LOGICAL_AND": _folded("and", True), "LOGICAL_OR": _folded("or", False), "LOGICAL_NOT": _func("not"),
    "LOGICAL_XOR": _xor, "LOGICAL_IMPLIES": _implies,
}  # fmt: skip

_CONSTANTS = {"CONSTANT_E": math.e, "CONSTANT_PI": math.pi, "NAME_AVOGADRO": AVOGADRO}


@lru_cache(maxsize=1)
def _type_names() -> dict[int, str]:
    import libsbml

    prefix = "AST_"
    return {getattr(libsbml, n): n.removeprefix(prefix) for n in dir(libsbml) if n.startswith(prefix)}


def kind_of(ast: Any) -> str:
    """libSBML's word for a node of a formula, such as ``PLUS``."""
    return _type_names().get(ast.getType(), "UNKNOWN")


def names_in(ast: Any) -> Iterator[str]:
    """Names in a formula, those of functions included."""
    stack = [ast]
    while stack:
        node = stack.pop()
        if kind_of(node) in ("NAME", "FUNCTION"):
            yield node.getName()
        stack.extend(node.getChild(k) for k in range(node.getNumChildren()))


@dataclass(frozen=True)
class FormulaReader:
    """Turns formulas into nodes.

    Attributes:
        graph: receives the nodes.
        functions: name of a function definition -> (arguments, formula).
    """

    graph: Graph
    functions: Mapping[str, tuple[tuple[str, ...], Any]]

    def read(self, ast: Any, resolve: Callable[[str], int | None], where: str, time: int) -> int:
        """Return the node of a formula.

        Args:
            ast: the formula.
            resolve: name -> node, None if unknown.
            where: for messages.
            time: node that stands for the time.

        Raises:
            ParseError: a name or function is not defined, or the formula is broken.
            UnsupportedError: a delay or another operator that has no meaning as a value at one time.
        """
        values: list[int] = []
        Scope = Callable[[str], int | None]
        todo: list[tuple[str, Any, Scope]] = [("read", ast, resolve)]
        while todo:
            task, node, scope = todo.pop()
            kind = kind_of(node)
            if task == "read":
                leaf = self._leaf(kind, node, scope, where, time)
                if leaf is not None:
                    values.append(leaf)
                    continue
                todo.append(("make", node, scope))
                children = [node.getChild(k) for k in range(node.getNumChildren())]
                todo += [("read", child, scope) for child in reversed(children)]
                continue
            count = node.getNumChildren()
            arguments = values[len(values) - count :]
            del values[len(values) - count :]
            if kind == "FUNCTION":
                names, body = self._definition(node.getName(), count, where)
                todo.append(("read", body, dict(zip(names, arguments, strict=True)).get))
            else:
                values.append(_make(self.graph, kind, arguments, where))
        return values[0]

    def _leaf(self, kind: str, ast: Any, scope: Callable[[str], int | None], where: str, time: int) -> int | None:
        g = self.graph
        if kind == "INTEGER":
            return g.const(int(ast.getInteger()))
        if kind == "RATIONAL":
            return g.const(Fraction(ast.getNumerator(), ast.getDenominator()))
        if kind in ("REAL", "REAL_E"):
            return g.const(float(ast.getReal()))
        if kind in _CONSTANTS:
            return g.const(_CONSTANTS[kind])
        if kind in ("CONSTANT_TRUE", "CONSTANT_FALSE"):
            return g.func("eq" if kind == "CONSTANT_TRUE" else "ne", g.zero, g.zero)
        if kind == "NAME_TIME":
            return time
        if kind == "NAME":
            node = scope(ast.getName())
            if node is None:
                raise ParseError(f"In {where}: {ast.getName()!r} is not defined, or has no value at this time.")
            return node
        return None

    def _definition(self, name: str, count: int, where: str) -> tuple[tuple[str, ...], Any]:
        if name not in self.functions:
            raise ParseError(f"In {where}: there is no function {name!r}.")
        names, body = self.functions[name]
        if len(names) != count:
            raise ParseError(f"In {where}: the function {name} takes {len(names)} arguments, found {count}.")
        return names, body


def _make(g: Graph, kind: str, arguments: list[int], where: str) -> int:
    if kind not in _NAMED:
        word = kind.removeprefix("FUNCTION_").lower()
        raise UnsupportedError(
            f"In {where}: {word!r} is not supported in formulas; the value would not be right without it."
        )
    try:
        return _NAMED[kind](g, arguments)
    except (IndexError, ZeroDivisionError, TypeError):
        raise ParseError(f"In {where}: {kind.lower()} does not take {len(arguments)} such arguments.") from None
