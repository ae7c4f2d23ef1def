"""How derivatives are written in strings: ``∂x u``, ``∂u/∂t``, ``∇·u``, ``Δu``, ``d(u)/dt``, ``du/dt``."""

from __future__ import annotations

from abc import ABC, abstractmethod

import sympy as sp

from .coordinates import Coordinate, Time
from .cursor import Cursor
from .fields import Field
from .functions import FUNCTIONS
from .lexer import Token
from .operator_values import NABLA, OperatorValue, Value, apply_operator, derivative_operator

APPLY = 28  # how strongly an operator sign binds its operand


class Signs(Cursor, ABC):
    """Reads derivatives; the grammar around them is the parser's."""

    @abstractmethod
    def value(self, power: int) -> Value:
        """Read a value whose operators bind more strongly than `power`."""

    @abstractmethod
    def prefix(self) -> Value:
        """Read one operand."""

    @abstractmethod
    def finished(self, value: Value, start: Token) -> sp.Expr:
        """Return a value that must be an expression."""

    @staticmethod
    def starts_operator(token: Token) -> bool:
        """Tell whether an operator sign stands here."""
        return token.kind == "sign" and token.text in ("∂", "∇", "Δ")

    def starts_operand(self, token: Token) -> bool:
        """Tell whether something an operator can act on stands here."""
        return token.kind in ("name", "number") or token.text == "(" or self.starts_operator(token)

    def order(self) -> int:
        """Read an order written as a power after an operator sign; 1 if there is none."""
        if self.token.kind == "power":
            return int(self.take().text)
        if self.token.text == "**" and self.peek(1).kind == "number" and self.peek(1).text.isdigit():
            self.take()
            return int(self.take().text)
        return 1

    def operand_of(self, operator: OperatorValue) -> Value:
        """Apply an operator sign to what follows; with nothing after it, it stays an operator."""
        if self.accept("("):
            inner = self.value(0)
            self.expect(")", "to close the bracket")
            return apply_operator(operator, inner)
        if self.starts_operand(self.token):
            return apply_operator(operator, self.value(APPLY))
        return operator

    def nabla(self) -> Value:
        if self.token.text in ("·", "×"):
            sign = self.take().text
            return self.operand_of(OperatorValue(f"∇{sign}", FUNCTIONS["div" if sign == "·" else "curl"][0]))
        order = self.order()
        if order % 2 == 0:
            return self.operand_of(OperatorValue("∇²", FUNCTIONS["lap"][0]).power(order // 2))
        return self.operand_of(NABLA)

    def partial(self, token: Token) -> Value:
        fraction = self.leibniz("∂")
        if fraction is not None:
            return fraction
        self.order()
        word = self.token
        axes = self.split_axes(word.text.lstrip("_")) if word.kind == "name" else None
        if axes is None:
            raise self.error(
                f"Expected a coordinate after '∂', e.g. ∂x u or ∂u/∂x, but found {word.text or 'the end'!r}. "
                f"Known: {', '.join(self.axes)}.",
                word,
            )
        self.take()
        operator = derivative_operator(f"∂{word.text}", axes)
        return self.operand_of(operator.power(self.order()))

    def leibniz(self, sign: str) -> Value | None:
        """Read ``∂u/∂t``, ``∂²u/∂x²``, ``d(u)/dt``, ``du/dt`` if that is what follows; else read nothing."""
        start = self.place
        self.order()
        if self.token.kind == "name" and self.peek(1).text != "(":
            self.place += 1
        elif self.token.text == "(":
            self.place = self.closing(self.place) + 1
        else:
            self.place = start
            return None
        end = self.place
        if not self.accept("/") or not self.denominator_follows(sign):
            self.place = start
            return None
        axes = self.denominator(sign)
        after = self.place
        self.place = start
        self.order()
        operand = self.finished(self.prefix(), self.token)
        assert self.place == end
        self.place = after
        return derivative_operator(f"{sign}/{sign}...", axes).function(operand)

    def closing(self, place: int) -> int:
        """Return where the bracket that opens at `place` closes."""
        depth = 0
        for i in range(place, len(self.tokens)):
            depth += {"(": 1, ")": -1}.get(self.tokens[i].text, 0)
            if depth == 0:
                return i
        raise self.error("This bracket is never closed.", self.tokens[place])

    def denominator_follows(self, sign: str) -> bool:
        if sign == "∂":
            return self.token.text == "∂"
        return self.token.kind == "name" and self._plain_denominator(self.token.text) is not None

    def _plain_denominator(self, word: str) -> tuple[Coordinate | Time, int] | None:
        """Return axis and order of ``dt``, ``dx2``."""
        name = word[1:].rstrip("0123456789")
        digits = word[1 + len(name) :]
        return (self.axes[name], int(digits or 1)) if word[:1] == "d" and name in self.axes else None

    def denominator(self, sign: str) -> list[Coordinate | Time]:
        axes: list[Coordinate | Time] = []
        if sign == "d":
            found = self._plain_denominator(self.take().text)
            assert found is not None
            return [found[0]] * (found[1] * self.order())
        while self.accept("∂"):
            word = self.take()
            if word.text not in self.axes:
                raise self.error(f"Expected one of {', '.join(self.axes)} after '∂', but found {word.text!r}.", word)
            axes += [self.axes[word.text]] * self.order()
        return axes

    def plain_fraction(self, token: Token, symbol: sp.Symbol | None) -> Value | None:
        """Read ``d(u)/dt``, ``du/dt``, ``d2u/dt2`` and ``d^2 u/dt^2``."""
        word = token.text
        if word == "d" and (self.token.text in ("(", "**") or self.token.kind in ("power", "name")):
            return self.leibniz("d")
        if symbol is not None or not word.startswith("d") or self.token.text not in ("/", "("):
            return None
        name = word[1:].lstrip("0123456789")
        target = self.known(name)
        start = self.place
        if name == "" and self.token.text == "(" and word != "d":
            self.place = self.closing(self.place) + 1
        elif not isinstance(target, Field) or self.token.text != "/":
            return None
        end = self.place
        if not self.accept("/") or not self.denominator_follows("d"):
            self.place = start
            return None
        axes = self.denominator("d")
        after, self.place = self.place, start
        operand = target if isinstance(target, Field) and end == start else self.finished(self.prefix(), token)
        self.place = after
        return derivative_operator("d/d...", axes).function(operand)
