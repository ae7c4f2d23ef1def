"""Operators as values while a string is parsed: ``d_xx``, ``Δ``, ``(u·∇)``, and sums and powers of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import sympy as sp

from ..errors import ParseError
from . import notation
from .coordinates import Coordinate, Time
from .lexer import Token

Map = Callable[[sp.Expr], sp.Expr]


@dataclass(frozen=True)
class OperatorValue:
    """A linear map of expressions.

    Attributes:
        text: for messages.
        function: what it does to an operand.
    """

    text: str
    function: Map

    def power(self, n: int) -> OperatorValue:
        """Return the map applied `n` times."""
        if n == 1:
            return self

        def repeated(e: sp.Expr) -> sp.Expr:
            for _ in range(n):
                e = self.function(e)
            return e

        return OperatorValue(f"{self.text}**{n}", repeated)


Value: TypeAlias = Any  # an expression or an `OperatorValue`
NABLA = OperatorValue("∇", notation.grad)


class Errors(Protocol):
    """What can make an error that points at a token."""

    def error(self, message: str, token: Token | None = None) -> ParseError: ...


def derivative_operator(text: str, axes: Sequence[Coordinate | Time]) -> OperatorValue:
    """Return the operator that differentiates along `axes`, one after the other.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> x, y = Coordinate("x"), Coordinate("y")
        >>> derivative_operator("d_xxy", [x, x, y]).function(fields("u"))
        dy(dx(u, 2))
    """

    def function(e: sp.Expr) -> sp.Expr:
        for axis in axes:
            e = notation.d(e, axis)
        return e

    return OperatorValue(text, function)


def apply_operator(operator: OperatorValue, value: Value) -> Value:
    """Return the operator applied to an expression, or composed with another operator."""
    if isinstance(value, OperatorValue):
        return OperatorValue(f"{operator.text} {value.text}", lambda e: operator.function(value.function(e)))
    return operator.function(value)


def compose(sign: str, a: Value, b: Value, errors: Errors, token: Token) -> Value:
    """Return ``a + b`` or ``a*b`` where either may be an operator.

    A number or expression in a sum of operators multiplies its operand; an operator times an expression acts on it.

    Raises:
        ParseError: for a product with an operator on the right of an expression that varies, which has no meaning.
    """
    if not isinstance(a, OperatorValue) and not isinstance(b, OperatorValue):
        return a + b if sign == "+" else a * b
    if sign == "*" and isinstance(a, OperatorValue):
        return apply_operator(a, b)
    left, right = _as_map(a), _as_map(b)
    if sign == "*":
        return OperatorValue(f"{_text(a)}*{_text(b)}", lambda e: left(right(e)))
    if sign == "+":
        return OperatorValue(f"({_text(a)} + {_text(b)})", lambda e: left(e) + right(e))
    raise errors.error(f"Operators cannot be combined by {sign!r}.", token)


def _as_map(value: Value) -> Map:
    if isinstance(value, OperatorValue):
        return value.function
    return lambda e: value * e


def _text(value: Value) -> str:
    return value.text if isinstance(value, OperatorValue) else str(value)
