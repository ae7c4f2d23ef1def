"""Formulas in model files: infix text to graph nodes, without recursion and without SymPy.

Precedence from loose to tight: ``|| or``, ``&& and``, comparisons, ``+ -``, ``* /``, signs, ``^`` (to the right).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from ritz.errors import ParseError, nearest
from ritz.symbolic.graph import Graph, Number

Resolve = Callable[[str], int | None]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<operator>\*\*|<=|>=|==|!=|~=|&&|\|\||[-+*/^<>!(),]))"
)
_BINARY = {
    "||": 1, "&&": 2, "<": 3, "<=": 3, ">": 3, ">=": 3, "==": 3, "!=": 3, "~=": 3, "+": 4, "-": 4, "*": 5, "/": 5,
    "^": 7, "**": 7,
}  # fmt: skip
_SIGN = 6  # binds less than a power: -2^2 is -4
_COMPARISONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne", "~=": "ne"}
_CONSTANTS = {"_pi": math.pi, "_e": math.e}


@dataclass(frozen=True)
class Function:
    """A function that formulas may call: how many arguments it takes, and how its node is made."""

    fewest: int
    most: int
    make: Callable[[Graph, list[int]], int]


def power(g: Graph, base: int, exponent: int) -> int:
    """``base ** exponent``; numeric exponents become part of the normal form."""
    if g.op[exponent] == "const":
        value = g.args[exponent]
        dyadic = isinstance(value, float) and math.isfinite(value) and Fraction(value).denominator <= 4
        return g.pow(base, Fraction(value) if dyadic else value)
    return g.func("pow", base, exponent)


def decimal(text: str) -> Number:
    """A number as written: an int where it is one, else the nearest double."""
    return int(text) if text.isdigit() else float(text)


def _unary(name: str) -> Function:
    return Function(1, 1, lambda g, a: g.func(name, a[0]))


def _logarithm(base: float) -> Function:
    return Function(1, 1, lambda g, a: g.scale(1 / math.log(base), g.func("log", a[0])))


def _folded(name: str) -> Function:
    def make(g: Graph, a: list[int]) -> int:
        total = a[0]
        for node in a[1:]:
            total = g.func(name, total, node)
        return total

    return Function(1, 1000, make)


FUNCTIONS: dict[str, Function] = {
    **{name: _unary(name) for name in "exp sin cos tan sinh cosh tanh abs sign floor".split()},
    **{old: _unary(new) for old, new in dict(
        ln="log", ceil="ceil", asin="arcsin", acos="arccos", atan="arctan", asinh="arcsinh", acosh="arccosh",
        atanh="arctanh",
    ).items()},
    "log2": _logarithm(2),
    "log10": _logarithm(10),
    "sqrt": Function(1, 1, lambda g, a: g.pow(a[0], Fraction(1, 2))),
    "pow": Function(2, 2, lambda g, a: power(g, a[0], a[1])),
    "if": Function(3, 3, lambda g, a: g.func("where", *a)),
    "min": _folded("minimum"),
    "max": _folded("maximum"),
    "sum": Function(1, 1000, lambda g, a: g.sum(a)),
    "avg": Function(1, 1000, lambda g, a: g.scale(Fraction(1, len(a)), g.sum(a))),
}  # fmt: skip


def names_in(text: str) -> list[str]:
    """The identifiers of a formula, in order, functions included.

    Example:
        >>> names_in("2*kf*A/(Km + exp(A))")
        ['kf', 'A', 'Km', 'exp', 'A']
    """
    return [value for kind, value, _ in _tokens(text) if kind == "name"]


def read_formula(g: Graph, text: str, resolve: Resolve) -> int:
    """Return the node of a formula.

    Args:
        g: the graph.
        text: the formula. Names that `resolve` knows may be followed by ``()`` or by an argument in brackets that is
            a name (a function of an observable is evaluated at the current state).
        resolve: name -> node, or None if unknown.

    Raises:
        ParseError: points at the place.

    Example:
        >>> g = Graph()
        >>> x = g.input("x", "state")
        >>> read_formula(g, "-x^2 + 2*x", {"x": x}.get) == g.add([(-1, g.pow(x, 2)), (2, x)])
        True
    """
    reader = _Reader(g, text, resolve)
    for kind, value, place in _tokens(text):
        reader.take(kind, value, place)
    return reader.result()


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            place = position + len(text[position:]) - len(text[position:].lstrip())
            raise _error(text, place, f"{text[place]!r} has no meaning in a formula")
        yield match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)
        position = match.end()


def _error(text: str, place: int, what: str) -> ParseError:
    return ParseError(f"{what}:\n  {text}\n  {' ' * place}^")


class _Reader:
    """Dijkstra's two stacks: nodes, and operators that wait for their right side."""

    def __init__(self, g: Graph, text: str, resolve: Resolve) -> None:
        self.g, self.text, self.resolve = g, text, resolve
        self.nodes: list[int] = []
        self.waiting: list[tuple[str, int, int]] = []  # operator, nodes below it, place
        self.expects_value = True
        self.pending: tuple[str, int] | None = None  # a name that may be a call

    def fail(self, place: int, what: str) -> ParseError:
        return _error(self.text, place, what)

    def take(self, kind: str, value: str, place: int) -> None:
        if self.pending is not None and value != "(":
            self._variable()
        if kind == "operator":
            self._operator(value, place)
            return
        if not self.expects_value:
            raise self.fail(place, f"An operator is missing before {value!r}")
        self.expects_value = False
        if kind == "number":
            self.nodes.append(self.g.const(decimal(value)))
        else:
            self.pending = (value, place)

    def _variable(self) -> None:
        assert self.pending is not None
        name, place = self.pending
        self.pending = None
        node = self.resolve(name)
        if node is None and name in _CONSTANTS:
            node = self.g.const(_CONSTANTS[name])
        if node is None:
            raise self.fail(place, f"{name!r} is not defined")
        self.nodes.append(node)

    def _operator(self, value: str, place: int) -> None:
        if value == "(":
            self._open(place)
        elif value in (")", ","):
            self._close(value, place)
        elif self.expects_value:
            if value not in "+-!":
                raise self.fail(place, f"A value is missing before {value!r}")
            self.waiting.append(({"-": "neg", "+": "pos", "!": "not"}[value], len(self.nodes), place))
        elif value not in _BINARY:
            raise self.fail(place, f"{value!r} cannot stand here")
        else:
            self._reduce(_BINARY[value] + (value in ("^", "**")))
            self.waiting.append((value, len(self.nodes), place))
            self.expects_value = True

    def _open(self, place: int) -> None:
        if self.pending is not None:
            name, _ = self.pending
            self.waiting.append((f"call {name}", len(self.nodes), place))
            self.pending = None
        elif not self.expects_value:
            raise self.fail(place, "An operator is missing before '('")
        else:
            self.waiting.append(("(", len(self.nodes), place))
        self.expects_value = True

    def _close(self, value: str, place: int) -> None:
        empty = self.expects_value and self.waiting and self.waiting[-1][0].startswith("call ")
        if self.expects_value and not (empty and value == ")" and self.waiting[-1][1] == len(self.nodes)):
            raise self.fail(place, f"A value is missing before {value!r}")
        self._reduce(0)
        if not self.waiting or (value == "," and self.waiting[-1][0] == "("):
            raise self.fail(place, f"{value!r} has no '(' before it")
        if value == ",":
            self.expects_value = True
            return
        opened, below, at = self.waiting.pop()
        if opened != "(":
            arguments = self.nodes[below:]
            del self.nodes[below:]
            self.nodes.append(self._call(opened.removeprefix("call "), arguments, at))
        self.expects_value = False

    def _call(self, name: str, arguments: list[int], place: int) -> int:
        node = self.resolve(name)
        if node is not None:  # name() or name(observable): the value at the current state
            if len(arguments) > 1:
                raise self.fail(place, f"{name!r} is no function of {len(arguments)} arguments")
            return node
        function = FUNCTIONS.get(name)
        if function is None:
            raise self.fail(place, f"There is no function {name!r}.{nearest(name, FUNCTIONS)}")
        if not function.fewest <= len(arguments) <= function.most:
            raise self.fail(place, f"{name} takes {function.fewest} argument(s), found {len(arguments)}")
        return function.make(self.g, arguments)

    def _reduce(self, tighter_than: int) -> None:
        """Apply waiting operators that bind at least as tightly, down to an open bracket."""
        while self.waiting:
            op = self.waiting[-1][0]
            if op == "(" or op.startswith("call ") or _BINARY.get(op, _SIGN) < tighter_than:
                return
            self.waiting.pop()
            self._apply(op)

    def _apply(self, op: str) -> None:
        g, b = self.g, self.nodes.pop()
        if op in ("neg", "pos", "not"):
            node = b if op == "pos" else g.scale(-1, b) if op == "neg" else g.func("not", b)
        else:
            a = self.nodes.pop()
            node = _binary(g, op, a, b)
        self.nodes.append(node)

    def result(self) -> int:
        if self.pending is not None:
            self._variable()
        end = len(self.text)
        if self.expects_value:
            raise self.fail(end, "The formula ends too early" if self.text.strip() else "The formula is empty")
        self._reduce(0)
        if self.waiting:
            raise self.fail(self.waiting[-1][2], "This '(' is never closed")
        return self.nodes[0]


def _binary(g: Graph, op: str, a: int, b: int) -> int:
    if op == "+":
        return g.sum([a, b])
    if op == "-":
        return g.sub(a, b)
    if op == "*":
        return g.product([a, b])
    if op == "/":
        return g.div(a, b)
    if op in ("^", "**"):
        return power(g, a, b)
    if op in _COMPARISONS:
        return g.func(_COMPARISONS[op], a, b)
    return g.func("and" if op == "&&" else "or", a, b)
