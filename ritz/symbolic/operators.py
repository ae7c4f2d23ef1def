"""Operators of the language: unevaluated SymPy nodes for derivatives and tensor algebra.

A node remembers what the user wrote. Whether ranks fit is checked by `Problem`, which knows the dimension of space and
can point at the place in the user's equation; `tensors.py` gives every node its meaning in components.

Index conventions (summation over repeated indices):

* ``grad(e)`` puts the derivative first: ``grad(u)[i, j] = d_i u_j``;
* ``dot(a, b)`` contracts the last index of ``a`` with the first of ``b``, so ``dot(u, grad(u))`` is the advection term
  ``u_i d_i u_j``;
* ``div(e)`` contracts the derivative with the first index: ``div(S)[j] = d_i S[i, j]``, so ``div(grad(u)) = lap(u)``;
* ``outer(a, b)[i, j] = a_i b_j``;
* ``curl`` of a vector is a vector in 3-D and a scalar ``d_x u_y - d_y u_x`` in 2-D; ``curl`` of a scalar in 2-D is the
  vector ``(d_y s, -d_x s)``.
"""

from __future__ import annotations

from typing import Any, ClassVar

import sympy as sp

from ..errors import ProblemError
from .coordinates import Coordinate, Time
from .fields import Field, differentiate_symbolically

SHORT = ("x", "y", "z")


def as_expression(value: Any, what: str = "an expression") -> sp.Expr:
    """Return `value` as a SymPy expression; tuples, lists and matrices become vectors and tensors.

    Raises:
        ProblemError: for anything else, e.g. a string or the True/False left of a comparison.
    """
    if isinstance(value, sp.Expr):
        return value
    if isinstance(value, (tuple, list)):
        return Vector(*(as_expression(item, what) for item in value))
    if isinstance(value, sp.MatrixBase):
        rows = [Vector(*row) for row in value.tolist()]
        return Vector(*(row.args[0] for row in rows)) if value.cols == 1 else Vector(*rows)
    if isinstance(value, (bool, sp.logic.boolalg.BooleanAtom)):
        raise ProblemError(f"Expected {what}, but got {value}: Python evaluated a comparison. Write rz.Eq(a, b).")
    try:
        result = sp.sympify(value, strict=True)
    except (sp.SympifyError, TypeError):
        hint = " Strings are read by rz.parse(text, symbols)." if isinstance(value, str) else ""
        raise ProblemError(f"Expected {what}, but got {value!r} of type {type(value).__name__}.{hint}") from None
    if not isinstance(result, sp.Expr):
        raise ProblemError(f"Expected {what}, but got {value!r} of type {type(value).__name__}.")
    return result


def has_fields(expr: sp.Basic) -> bool:
    """Tell whether any field occurs in `expr`.

    Example:
        >>> x = Coordinate("x")
        >>> has_fields(sp.sin(x)), has_fields(sp.sin(x)*Field("u"))
        (False, True)
    """
    return expr.has(Field)


class Operator(sp.Expr):
    """Base class of all operator nodes.

    Attributes:
        word: the public function that makes it, e.g. ``lap``; used in messages and text.
    """

    word: ClassVar[str] = ""
    is_commutative = True
    precedence = 1000

    def __new__(cls, *args: Any) -> Operator:
        return sp.Expr.__new__(cls, *(as_expression(arg, f"an argument of {cls.word}()") for arg in args))

    def _eval_is_real(self) -> bool | None:
        return True if all(arg.is_real for arg in self.args) else None

    def diff(self, *symbols: Any, **assumptions: Any) -> sp.Expr:
        """Return the derivative; by coordinates and time it stays a node."""
        return differentiate_symbolically(self, symbols, lambda rest: super(Operator, self).diff(*rest, **assumptions))

    def _sympystr(self, printer: Any) -> str:
        return f"{self.word}({', '.join(printer._print(arg) for arg in self.args)})"

    def _latex(self, printer: Any) -> str:
        from .display import latex_of

        return latex_of(self, printer)


class Derivative(Operator):
    """What `D` and `Dt` share: an expression, a variable, an order."""

    @property
    def expr(self) -> sp.Expr:
        """The differentiated expression."""
        return self.args[0]

    @property
    def order(self) -> int:
        """How often it is differentiated."""
        return int(self.args[-1])


class D(Derivative):
    """The canonical derivative ``D(e, x, n)``: n-th derivative of `e` along the coordinate `x`.

    Constants vanish, field-free expressions are differentiated by SymPy, derivatives along one coordinate merge;
    everything else stays as written.

    Raises:
        ProblemError: if `x` is no coordinate or `n` no positive integer.

    Example:
        >>> x, u = Coordinate("x"), Field("u")
        >>> D(D(u, x), x, 2)
        dx(u, 3)
        >>> D(sp.sin(x), x), D(3, x)
        (cos(x), 0)
    """

    word = "d"

    def __new__(cls, expr: Any, x: Any, n: Any = 1) -> sp.Expr:
        e = as_expression(expr, "an expression in a derivative")
        if not isinstance(x, Coordinate):
            raise ProblemError(f"A derivative needs a coordinate from rz.coords, but got {x!r} in d({e}, {x}).")
        order = _order(n, f"d({e}, {x}, n)")
        if order == 0:
            return e
        if not has_fields(e) and not e.has(Operator):
            return sp.diff(e, x, order)
        if isinstance(e, D) and e.variable == x:
            e, order = e.expr, e.order + order
        return sp.Expr.__new__(cls, e, x, sp.Integer(order))

    @property
    def variable(self) -> Coordinate:
        """The coordinate."""
        return self.args[1]

    def _eval_conjugate(self) -> sp.Expr:
        return D(sp.conjugate(self.expr), self.variable, self.order)

    def _sympystr(self, printer: Any) -> str:
        inner, name = printer._print(self.expr), self.variable.name
        power = f", {self.order}" if self.order > 1 else ""
        return f"d{name}({inner}{power})" if name in SHORT else f"d({inner}, {name}{power})"


class Dt(Derivative):
    """The time derivative ``Dt(e, n)``.

    Raises:
        ProblemError: if `n` is no positive integer.

    Example:
        >>> Dt(Dt(Field("u")))
        dt(u, 2)
    """

    word = "dt"

    def __new__(cls, expr: Any, n: Any = 1) -> sp.Expr:
        e = as_expression(expr, "an expression in dt()")
        order = _order(n, f"dt({e}, n)")
        if order == 0:
            return e
        if not has_fields(e) and not e.has(Operator):
            return sp.diff(e, Time("t"), order)
        if isinstance(e, Dt):
            e, order = e.expr, e.order + order
        return sp.Expr.__new__(cls, e, sp.Integer(order))

    def _eval_conjugate(self) -> sp.Expr:
        return Dt(sp.conjugate(self.expr), self.order)

    def _sympystr(self, printer: Any) -> str:
        power = f", {self.order}" if self.order > 1 else ""
        return f"dt({printer._print(self.expr)}{power})"


def _order(n: Any, where: str) -> int:
    if isinstance(n, bool) or not isinstance(n, (int, sp.Integer)) or n < 0:
        raise ProblemError(f"The order of a derivative must be a whole number, but got {n!r} in {where}.")
    return int(n)


class Vector(Operator):
    """A vector (or, nested, a tensor) given by its components, one per coordinate of the domain."""

    word = "vector"


class Component(Operator):
    """One component of a vector or tensor: the expression and one coordinate per index."""

    word = "component"


class Identity(Operator):
    """The unit tensor."""

    word = "identity"


class Lap(Operator):
    """The Laplacian."""

    word = "lap"

    def _eval_conjugate(self) -> sp.Expr:
        return Lap(sp.conjugate(self.args[0]))


class Grad(Operator):
    """The gradient."""

    word = "grad"


class Div(Operator):
    """The divergence."""

    word = "div"


class Curl(Operator):
    """The curl."""

    word = "curl"


class Dot(Operator):
    """Contraction of the last index of the first with the first index of the second argument."""

    word = "dot"


class Inner(Operator):
    """Contraction of all indices of two tensors of equal rank."""

    word = "inner"


class Cross(Operator):
    """The cross product."""

    word = "cross"


class Outer(Operator):
    """The outer product."""

    word = "outer"


class Sym(Operator):
    """The symmetric part."""

    word = "sym"


class Trace(Operator):
    """The trace."""

    word = "trace"


class Det(Operator):
    """The determinant."""

    word = "det"


class Inv(Operator):
    """The inverse."""

    word = "inv"


class Transpose(Operator):
    """The transpose."""

    word = "transpose"
