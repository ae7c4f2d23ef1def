"""Equations as the user wrote them, and the words that point into them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from ..errors import ProblemError
from .operators import as_expression


def text_of(expr: Any) -> str:
    """Return an expression as text, numbers without trailing zeros.

    Example:
        >>> text_of(sp.Float(0.1)*sp.Symbol("u"))
        '0.1*u'
    """
    return str(sp.sstr(expr, full_prec=False))


@dataclass(frozen=True)
class Eq:
    """An equation ``lhs = rhs``; which side a term stands on never matters.

    Unlike SymPy's ``Eq`` it is never evaluated to True or False.

    Args:
        lhs: an expression; a tuple, list or matrix makes a vector.
        rhs: likewise; zero by default.
        label: what messages call the equation, e.g. ``"momentum"``; by default its number.

    Raises:
        ProblemError: if a side is not an expression.

    Example:
        >>> from ritz.symbolic.notation import dt, lap
        >>> from ritz.symbolic.fields import fields
        >>> u = fields("u")
        >>> print(Eq(dt(u), lap(u) - u**3))
        dt(u) = -u**3 + lap(u)
        >>> Eq(u, u)
        Eq(u, u)
    """

    lhs: sp.Expr
    rhs: sp.Expr = sp.S.Zero
    label: str | None = field(default=None, kw_only=True)
    text: str | None = field(default=None, kw_only=True, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lhs", as_expression(self.lhs, "the left side of an equation"))
        object.__setattr__(self, "rhs", as_expression(self.rhs, "the right side of an equation"))

    def __bool__(self) -> bool:
        raise ProblemError(f"The equation {self} is not a condition that is true or false.")

    def __str__(self) -> str:
        return self.text if self.text is not None else f"{text_of(self.lhs)} = {text_of(self.rhs)}"

    def __repr__(self) -> str:
        return f"Eq({text_of(self.lhs)}, {text_of(self.rhs)})"

    def _latex(self, *_: Any) -> str:
        return f"{sp.latex(self.lhs)} = {sp.latex(self.rhs)}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self._latex()}$"


def as_equation(value: Any, number: int) -> Eq:
    """Return `value` as an `Eq`; SymPy equations and bare expressions (meaning ``= 0``) are welcome.

    Raises:
        ProblemError: for anything else, with the usual cause.
    """
    if isinstance(value, Eq):
        return value
    if isinstance(value, sp.Equality):
        return Eq(value.lhs, value.rhs)
    if isinstance(value, (bool, sp.logic.boolalg.BooleanAtom)):
        raise ProblemError(
            f"Equation {number} is {value}: a comparison was evaluated before Ritz could see it. "
            "Write rz.Eq(left, right) instead of == or sympy.Eq."
        )
    if isinstance(value, sp.Expr):
        return Eq(value)
    raise ProblemError(
        f"Equation {number} must be made by rz.Eq(left, right) or be a string such as 'dt(u) = lap(u)', "
        f"but got {value!r} of type {type(value).__name__}."
    )


def equation_name(equation: Eq, number: int) -> str:
    """Return what messages call an equation: its label, or its number counted from 1."""
    return f"equation {equation.label!r}" if equation.label else f"equation {number}"


def quote(equation: Eq, number: int, part: Any = None, width: int = 100) -> str:
    """Return the user's equation for a message, with carets under `part` where it can be found.

    Example:
        >>> u, q = sp.symbols("u q")
        >>> print(quote(Eq(u, 2*q), 1, q))
        In equation 1:  u = 2*q
                              ^
    """
    head = f"In {equation_name(equation, number)}:  "
    text = str(equation)
    wanted = "" if part is None else text_of(part) if isinstance(part, sp.Basic) else str(part)
    place = _find(text, wanted)
    if place < 0:
        shown = text if len(text) <= width else text[: width - 4] + " ..."
        return head + shown + (f"\n  here: {wanted}" if wanted else "")
    start = max(0, min(place - width // 2, len(text) - width))
    end = min(len(text), start + width)
    shown = ("..." if start else "") + text[start:end] + (" ..." if end < len(text) else "")
    indent = len(head) + (3 if start else 0) + place - start
    return head + shown + "\n" + " " * indent + "^" * max(1, min(len(wanted), end - place))


def _find(text: str, part: str) -> int:
    """Return where `part` stands in `text` as a whole word, or -1."""
    if not part:
        return -1
    place = text.find(part)
    while place >= 0:
        before, after = text[place - 1 : place], text[place + len(part) : place + len(part) + 1]
        word_before = part[0].isidentifier() and (before.isalnum() or before == "_")
        word_after = (part[-1].isalnum() or part[-1] == "_") and (after.isalnum() or after == "_")
        if not word_before and not word_after:
            return place
        place = text.find(part, place + 1)
    return -1
