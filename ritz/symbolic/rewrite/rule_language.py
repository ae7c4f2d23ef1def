"""Rewrite rules written as mathematics: ``rule("log(1 + x)", "log1p(x)")``.

Names in a rule stand for any expression, numbers for themselves. A rule is applied only where its side conditions
are known to hold. The text is parsed, never evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ritz.errors import ParseError
from ritz.symbolic.rewrite.scheduled import Builder

Pattern = tuple[Any, ...]
FACTS = ("real", "pos", "nonneg", "nz", "negative", "whole", "number")
_COMPARISONS: dict[type[ast.cmpop], str] = {ast.Gt: "pos", ast.GtE: "nonneg", ast.NotEq: "nz", ast.Lt: "negative"}
_CONDITIONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne",
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}
_SAME = {"Abs": "abs", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh"}
_SAME |= {"atanh": "arctanh", "conjugate": "conj", "ln": "log", "atan2": "arctan2"}


@dataclass(frozen=True)
class Rule:
    """One rewrite rule.

    Attributes:
        lhs: pattern replaced; nested tuples ``("var", name)``, ``("num", Fraction)``, ``(operation, pattern, ...)``.
        rhs: pattern put in its place.
        when: side conditions ``(fact, pattern)`` with a fact of `FACTS`.
        text: the rule as written.
    """

    lhs: Pattern
    rhs: Pattern
    when: tuple[tuple[str, Pattern], ...]
    text: str

    def __str__(self) -> str:
        return self.text

    def functions(self) -> Iterator[tuple[str, int]]:
        """Names and numbers of arguments of the functions in the rule."""
        for pattern in (self.lhs, self.rhs, *(p for _, p in self.when)):
            yield from _functions(pattern)

    def needs(self) -> set[tuple[str, int]]:
        """The functions without which the left side cannot occur."""
        return set(_functions(self.lhs)).union(*(_functions(p) for _, p in self.when))


def rule(lhs: Any, rhs: Any, when: str | Iterable[str] = ()) -> Rule:
    """Make a rewrite rule from two expressions.

    Args:
        lhs: text (or a SymPy expression): the form replaced. Whole powers mean repeated products.
        rhs: text: the form put in its place; it may only use names of `lhs`.
        when: side conditions such as ``"x > 0"``, ``"x >= 0"``, ``"x != 0"``, ``"real(x)"``; several as a list or
            joined by commas. Without them the rule is applied everywhere.

    Raises:
        ParseError: the text is not an expression, uses an unknown construct, or `rhs` has a name that `lhs` lacks.

    Example:
        >>> print(rule("sqrt(x**2)", "x", when="x >= 0"))
        sqrt(x**2) -> x  when x >= 0
    """
    conditions = [when] if isinstance(when, str) else list(when)
    conditions = [c.strip() for text in conditions for c in text.split(",") if c.strip()]
    text = f"{lhs} -> {rhs}" + (f"  when {', '.join(conditions)}" if conditions else "")
    left, right = read_pattern(str(lhs)), read_pattern(str(rhs))
    guards = tuple(_condition(c) for c in conditions)
    if left[0] == "var":
        raise ParseError(f"The left side of the rule {text!r} is a bare name and would match everything.")
    unknown = (names(right) | set().union(*(names(p) for _, p in guards))) - names(left)
    if unknown:
        raise ParseError(f"The rule {text!r} uses {', '.join(sorted(unknown))}, which its left side does not contain.")
    return Rule(left, right, guards, text)


def names(pattern: Pattern) -> set[str]:
    """The names of a pattern that stand for any expression."""
    if pattern[0] == "var":
        return {pattern[1]}
    return set().union(*(names(p) for p in _parts(pattern)))


def build(pattern: Pattern, values: Mapping[str, int], builder: Builder) -> int:
    """Make the instructions of a pattern; `values` gives an instruction for every name."""
    if pattern[0] == "var":
        return values[pattern[1]]
    if pattern[0] == "num":
        return builder.const(pattern[1])
    operands = [build(p, values, builder) for p in _parts(pattern)]
    return builder.func(pattern[1], *operands) if pattern[0] == "func" else getattr(builder, pattern[0])(*operands)


def _parts(pattern: Pattern) -> tuple[Pattern, ...]:
    if pattern[0] in ("var", "num"):
        return ()
    return pattern[2:] if pattern[0] == "func" else pattern[1:]


def _functions(pattern: Pattern) -> Iterator[tuple[str, int]]:
    if pattern[0] == "func":
        yield pattern[1], len(pattern) - 2
    for part in _parts(pattern):
        yield from _functions(part)


def _condition(text: str) -> tuple[str, Pattern]:
    reader = _Reader(text)
    match reader.tree:
        case ast.Compare(left=left, ops=[op], comparators=[ast.Constant(value=0)]) if type(op) in _COMPARISONS:
            return _COMPARISONS[type(op)], reader.convert(left)
        case ast.Call(func=ast.Name(id="real" | "whole" | "number" as fact), args=[argument]):
            return fact, reader.convert(argument)
    known = "'x > 0', 'x >= 0', 'x != 0', 'x < 0', 'real(x)', 'whole(x)', 'number(x)'"
    raise ParseError(f"The side condition {text!r} is not one of {known}.")


def read_pattern(text: str, *, as_written: bool = False) -> Pattern:
    """Parse an expression as `rule` does, e.g. ``"x*y + 1"``.

    Args:
        text: the expression; comparisons and ``Piecewise((value, condition), ..., (value, True))`` are understood.
        as_written: keep divisions by numbers, which rules have as products.

    Raises:
        ParseError: the text is no such expression.
    """
    return _Reader(text, as_written).pattern()


class _Reader:
    def __init__(self, text: str, as_written: bool = False) -> None:
        self.text, self.as_written = text, as_written
        try:
            self.tree = ast.parse(text.strip().replace("^", "**"), mode="eval").body
        except SyntaxError as error:
            raise ParseError(f"{text!r} is not an expression: {error.msg} at column {error.offset}.") from None

    def pattern(self) -> Pattern:
        return self.convert(self.tree)

    def convert(self, tree: ast.expr) -> Pattern:
        match tree:
            case ast.Name(id="pi"):
                return ("func", "pi")
            case ast.Name(id=name):
                return ("var", name)
            case ast.Constant(value=int() | float() as value):
                return ("num", Fraction(str(value)))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.convert(operand)
                return ("num", -inner[1]) if inner[0] == "num" else ("neg", inner)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(self.convert(left), self.convert(right))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return self._binary(_OPERATORS[type(op)], self.convert(left), self.convert(right))
            case ast.Call(func=ast.Name(id="sqrt"), args=[argument], keywords=[]):
                return ("sqrt", self.convert(argument))
            case ast.Call(func=ast.Name(id="fma"), args=[a, b, c], keywords=[]):
                return ("fma", self.convert(a), self.convert(b), self.convert(c))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _CONDITIONS:
                return ("func", _CONDITIONS[type(op)], self.convert(left), self.convert(right))
            case ast.Call(
                func=ast.Name(id="Piecewise"), args=[*pairs, ast.Tuple(elts=[value, ast.Constant(value=True)])]
            ):
                return self._piecewise(pairs, self.convert(value))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if arguments:
                return ("func", _SAME.get(name, name), *(self.convert(a) for a in arguments))
        raise ParseError(f"{ast.unparse(tree)!r} in the rule {self.text!r} is neither a sum, product, power nor call.")

    def _piecewise(self, pairs: list[ast.expr], value: Pattern) -> Pattern:
        for pair in reversed(pairs):
            if not isinstance(pair, ast.Tuple) or len(pair.elts) != 2:
                raise ParseError(f"A piece of Piecewise in {self.text!r} is not a pair (value, condition).")
            value = ("func", "where", self.convert(pair.elts[1]), self.convert(pair.elts[0]), value)
        return value

    def _binary(self, op: str, a: Pattern, b: Pattern) -> Pattern:
        """Division by a number is a product, as in straight-line code."""
        if op == "div" and b[0] == "num" and b[1] != 0 and (a[0] == "num" or not self.as_written):
            return ("num", a[1] / b[1]) if a[0] == "num" else ("mul", ("num", 1 / b[1]), a)
        return (op, a, b)

    @staticmethod
    def _power(base: Pattern, exponent: Pattern) -> Pattern:
        if exponent[0] == "num":
            e = exponent[1]
            if e == Fraction(1, 2):
                return ("sqrt", base)
            if e.denominator == 1 and 1 <= abs(e) <= 16:
                power = _repeat(base, abs(e.numerator))
                return power if e > 0 else ("div", ("num", Fraction(1)), power)
        return ("func", "pow", base, exponent)


def _repeat(base: Pattern, n: int) -> Pattern:
    """``base ** n`` as the builder of straight-line code multiplies it out."""
    result, square = None, base
    while True:
        if n & 1:
            result = square if result is None else ("mul", result, square)
        n >>= 1
        if not n:
            assert result is not None
            return result
        square = ("mul", square, square)
