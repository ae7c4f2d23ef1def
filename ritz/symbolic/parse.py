"""String equations: a Pratt parser of its own; nothing is ever evaluated as Python.

Binding, weakest first: ``+ -``, then ``* / · × ⊗`` and an operator sign after a factor (``u ∂x u``), then unary minus,
then operator signs before their operand (``∂x u**2`` is ``∂x(u**2)``, while ``∂x(u)**2`` is a square), then powers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import sympy as sp
from sympy.core.parameters import distribute

from ..errors import ParseError, ProblemError, nearest
from .coordinates import Coordinate, t
from .equation import Eq
from .fields import Field, rank_name
from .functions import CONSTANTS, FUNCTIONS, PREFIX
from .lexer import Token, fail
from .operator_values import NABLA, OperatorValue, Value, apply_operator, compose, derivative_operator
from .operators import Cross, Dot, Outer
from .signs import APPLY, Signs

SUM, PRODUCT, UNARY, POWER = 10, 20, 25, 30
INFIX = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "·": PRODUCT, "×": PRODUCT, "⊗": PRODUCT, "**": POWER}
DEEPEST = 120


def parse(text: str, symbols: Iterable[sp.Symbol] | Mapping[str, sp.Symbol] = ()) -> sp.Expr | Eq:
    """Read an expression, or an equation if there is an ``=``.

    Understands ``+ - * / ** ^``, numbers (``1e4``), the usual functions, the operators of the language
    (``dt dx dy dz d lap grad div curl dot ...``), subscripts (``u_t``, ``u_xx``), fractions (``d(u)/dt``, ``du/dt``,
    ``∂u/∂t``) and signs (``∂x u``, ``∂ₓu``, ``∇·u``, ``∇²u``, ``Δu``, ``(u·∇)u``); ``d_xx`` and ``Δ`` may form
    operators such as ``(1 + d_xx)**2*u``.

    Args:
        text: what to read.
        symbols: fields, parameters and coordinates that may occur, or a mapping from names to them. A Greek letter
            also finds the symbol of its name: ``ν`` finds ``nu``.

    Returns:
        A SymPy expression, or an `Eq`. Numbers with a point or exponent become doubles, or integers if they are whole.

    Raises:
        ParseError: points at the place; for an unknown name it offers the nearest one.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> from ritz.symbolic.parameters import params
        >>> u, nu = fields("u"), params("nu")
        >>> print(parse("∂t u = ν*Δu - u*u_x", [u, nu]))
        ∂t u = ν*Δu - u*u_x
        >>> parse("∂t u = ν*Δu - u*u_x", [u, nu]).rhs
        nu*lap(u) - u*dx(u)
        >>> parse("2*pi/3")
        2*pi/3
    """
    return _Parser(text, _named(symbols)).whole()


def parse_equation(text: str, symbols: Iterable[sp.Symbol] | Mapping[str, sp.Symbol] = ()) -> Eq:
    """Read an equation (see `parse`).

    Raises:
        ParseError: also if there is no ``=``.
    """
    result = parse(text, symbols)
    if not isinstance(result, Eq):
        raise fail(text, len(text), "An equation needs a '=', e.g. 'dt(u) = lap(u)'.")
    return result


def parse_expression(text: str, symbols: Iterable[sp.Symbol] | Mapping[str, sp.Symbol] = ()) -> sp.Expr:
    """Read an expression (see `parse`).

    Raises:
        ParseError: also if there is a ``=``.
    """
    result = parse(text, symbols)
    if isinstance(result, Eq):
        raise fail(text, text.index("="), "Expected an expression, but found an equation.")
    return result


def _named(symbols: Iterable[sp.Symbol] | Mapping[str, sp.Symbol]) -> dict[str, sp.Symbol]:
    if isinstance(symbols, Mapping):
        return dict(symbols)
    if isinstance(symbols, sp.Symbol):
        return {symbols.name: symbols}
    listed: list[sp.Symbol] = list(symbols)
    return {symbol.name: symbol for symbol in listed}


class _Parser(Signs):
    def whole(self) -> sp.Expr | Eq:
        left = self.expression()
        if self.token.kind == "end":
            return left
        if not self.accept("="):
            raise self.misplaced()
        right = self.expression()
        if self.token.kind != "end":
            if self.token.text == "=":
                raise self.error("There is a second '='. Give one equation per string.")
            raise self.misplaced()
        return Eq(left, right, text=self.text.strip())

    def expression(self) -> sp.Expr:
        start = self.token
        return self.finished(self.value(0), start)

    def finished(self, value: Value, start: Token) -> sp.Expr:
        """Return the value as an expression; an operator that found no operand is an error."""
        if isinstance(value, sp.Expr):
            return value
        raise self.error(f"The operator {value.text} has nothing to act on. Write e.g. {value.text}(u).", start)

    def value(self, power: int) -> Value:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.error(f"Brackets are nested more than {DEEPEST} deep. Split the expression.")
        left = self.prefix()
        while True:
            token = self.token
            if token.kind == "power" or token.text == "'":
                left = self.postfix(left)
            elif token.kind == "sign" and token.text in INFIX and INFIX[token.text] > power:
                left = self.infix(left)
            elif power < PRODUCT and self.starts_operator(token) and not isinstance(left, OperatorValue):
                left = compose("*", left, self.value(PRODUCT), self, token)
            elif power < APPLY and isinstance(left, OperatorValue) and self.starts_operand(token):
                left = apply_operator(left, self.value(APPLY))
            else:
                self.depth -= 1
                return left

    def infix(self, left: Value) -> Value:
        """Read one operator and its right side; sums and products are gathered, so that long ones cost linear time."""
        token = self.token
        if INFIX[token.text] == SUM:
            return self.run(left, ("+", "-"), SUM)
        if token.text in ("*", "/"):
            return self.run(left, ("*", "/"), PRODUCT)
        self.take()
        if token.text == "**":
            exponent = self.finished(self.value(UNARY if self.token.text == "-" else POWER - 1), token)
            return self.powered(left, exponent, token)
        right = self.value(PRODUCT)
        if token.text == "·" and right is NABLA and isinstance(left, sp.Expr):
            return OperatorValue(f"({left}·∇)", lambda e: Dot(left, FUNCTIONS["grad"][0](e)))
        node = {"·": Dot, "×": Cross, "⊗": Outer}[token.text]
        scale, vector = self.finished(left, token).as_coeff_Mul()
        return scale * node(vector, self.finished(right, token))

    def run(self, first: Value, signs: tuple[str, str], power: int) -> Value:
        """Read a run of terms or factors and combine them at once."""
        parts: list[Value] = [first]
        start = self.token
        while self.token.kind == "sign" and self.token.text in signs:
            sign = self.take()
            right = self.value(power)
            if sign.text == "-":
                right = compose("*", sp.S.NegativeOne, right, self, sign)
            elif sign.text == "/":
                right = sp.Pow(self.finished(right, sign), -1)
            parts.append(right)
        if all(isinstance(part, sp.Expr) for part in parts):
            with distribute(power == SUM):  # keep 77.27*(a + b) as the user wrote it
                return sp.Add(*parts) if power == SUM else sp.Mul(*parts)
        total = parts[0]
        for part in parts[1:]:
            total = compose(signs[0], total, part, self, start)
        return total

    def postfix(self, left: Value) -> Value:
        token = self.take()
        if token.text == "'":
            return FUNCTIONS["dt"][0](self.finished(left, token))
        return self.powered(left, sp.Integer(int(token.text)), token)

    def powered(self, base: Value, exponent: sp.Expr, token: Token) -> Value:
        if isinstance(base, sp.Expr):
            return sp.Pow(base, exponent)
        if not (exponent.is_Integer and exponent > 0):
            raise self.error(
                f"The operator {base.text} can only have a positive whole power, but got {exponent}.", token
            )
        return base.power(int(exponent))

    def prefix(self) -> Value:
        token = self.take()
        if token.kind == "number":
            return self.number(token)
        if token.kind == "name":
            return self.name(token)
        if token.text == "-":
            return compose("*", sp.S.NegativeOne, self.value(UNARY), self, token)
        if token.text == "+":
            return self.value(UNARY)
        if token.text == "(":
            inner = self.value(0)
            self.expect(")", "to close the bracket")
            return inner
        if token.text == "∂":
            return self.partial(token)
        if token.text == "∇":
            return self.nabla()
        if token.text == "Δ":
            return self.operand_of(OperatorValue("Δ", FUNCTIONS["lap"][0]).power(self.order()))
        found = "the end" if token.kind == "end" else repr(token.text)
        raise self.error(f"Expected a number, a name or a bracket, but found {found}.", token)

    def number(self, token: Token) -> sp.Expr:
        if token.text.isdigit():
            return sp.Integer(token.text)
        value = float(token.text)
        if not math.isfinite(value) or (value == 0 and any(c in "123456789" for c in token.text.lower().split("e")[0])):
            raise self.error(f"{token.text} is beyond the range of double precision.", token)
        return sp.Integer(int(value)) if value.is_integer() and abs(value) < 2**53 else sp.Float(value)

    # ------------------------------------------------------------------ names
    def name(self, token: Token) -> Value:
        word = token.text
        symbol = self.known(word)
        fraction = self.plain_fraction(token, symbol)
        if fraction is not None:
            return fraction
        if symbol is not None:
            return self.symbol(symbol, token)
        if word in FUNCTIONS and self.token.text == "(":
            return self.call(token)
        derivative = self.subscripted(token)
        if derivative is not None:
            return derivative
        if word in PREFIX:
            return self.operand_of(OperatorValue(word, FUNCTIONS[word][0]))
        bare = self.bare_derivative(word)
        if bare is not None:
            return self.operand_of(bare)
        if word in CONSTANTS:
            return CONSTANTS[word]
        if word == "t":
            return t
        raise self.unknown(token)

    def symbol(self, symbol: sp.Symbol, token: Token) -> sp.Expr:
        if self.token.text == "(" and self.token.glued:
            kind = type(symbol).__name__.lower()
            raise self.error(
                f"{symbol} is a {kind}, not a function. Write {symbol} alone, or {symbol}*(...) for a product.", token
            )
        return symbol

    def call(self, token: Token) -> Value:
        function, fewest, most = FUNCTIONS[token.text]
        self.expect("(", f"after {token.text}")
        arguments: list[sp.Expr] = []
        if not self.accept(")"):
            arguments.append(self.expression())
            while self.accept(","):
                takes_axis = token.text in ("d", "component") and self.peek(1).text in (",", ")")
                axis = self.axes.get(self.token.text) if takes_axis else None
                arguments.append(self.expression() if axis is None else self.take() and axis)
            self.expect(")", f"to close {token.text}(")
        if not fewest <= len(arguments) <= most:
            count = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise self.error(f"{token.text}() takes {count} arguments, but got {len(arguments)}.", token)
        try:
            return function(*arguments)
        except ProblemError as error:
            raise self.error(str(error), token) from None

    def subscripted(self, token: Token) -> sp.Expr | None:
        """Read ``u_xx`` or ``psi_t`` as a derivative of a known field."""
        base, _, suffix = token.text.rpartition("_")
        field = self.known(base)
        axes = self.split_axes(suffix)
        if not isinstance(field, Field) or axes is None:
            return None
        if field.rank and any(isinstance(axis, Coordinate) for axis in axes):
            raise self.error(
                f"{token.text} is ambiguous, since {field} is a {rank_name(field.rank)}. "
                f"Write component({field}, {suffix[0]}) or d({field}, {suffix[0]}).",
                token,
            )
        return derivative_operator(token.text, axes).function(field)

    def bare_derivative(self, word: str) -> OperatorValue | None:
        """Read ``d_xx`` or ``dxx`` as an operator."""
        axes = self.split_axes(word[1:].lstrip("_")) if word[:1] == "d" else None
        return derivative_operator(word, axes) if axes else None

    # ------------------------------------------------------------------ messages
    def unknown(self, token: Token) -> ParseError:
        known = [*self.symbols, *FUNCTIONS, *CONSTANTS, "t"]
        hint = nearest(token.text, self.symbols) or nearest(token.text, known)
        base, _, suffix = token.text.rpartition("_")
        if base and not hint and self.split_axes(suffix):
            hint = f" {base} is not among the fields given.{nearest(base, self.symbols)}"
        if token.text in FUNCTIONS:
            return self.error(f"The function {token.text} needs its argument in brackets: {token.text}(...).", token)
        listed = ", ".join(sorted(self.symbols)) or "none"
        return self.error(f"{token.text!r} is not known.{hint} Symbols given: {listed}.", token)

    def misplaced(self) -> ParseError:
        token, before = self.token, self.tokens[self.place - 1]
        if token.text == ")":
            return self.error("This bracket closes nothing.")
        if token.kind in ("name", "number") or token.text == "(":
            pair = f"{before.text!r} and {token.text!r}"
            return self.error(f"An operator is missing between {pair}. Write '*' to multiply.")
        return self.error(f"{token.text!r} makes no sense here.")
