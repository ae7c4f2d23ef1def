"""Refusal of problems that are ill posed whatever the data, such as the backward heat equation.

The amplitude of a mode exp(i k x) obeys, to highest order in k, ``a dt^m u = b (ik)^n u``. If the highest even order n
has a coefficient with the wrong sign, fine modes grow without bound and no method can converge (Hadamard). Only what is
provable from numbers, parameter bounds and defaults is refused; lower orders never matter, so the destabilising
``u_xx`` of the Kuramoto-Sivashinsky equation is fine.
"""

from __future__ import annotations

import itertools

import sympy as sp

from ..errors import ProblemError
from .classify import LinearTerm, linear_terms, space_order, split_linear
from .coordinates import Coordinate
from .equation import Eq, quote, text_of
from .fields import Field
from .operators import D, Dt
from .parameters import Parameter
from .scalar_form import ScalarEquation

MOST_CORNERS = 5


def check_well_posed(
    written: tuple[Eq, ...], equations: tuple[ScalarEquation, ...], space: tuple[Coordinate, ...]
) -> None:
    """Raise if an evolution equation makes fine modes grow without bound.

    Args:
        written: the user's equations, for the message.
        equations: in components, time derivatives of any order.
        space: coordinates of the domain.

    Raises:
        ProblemError: shows the equation and the offending term.
    """
    for equation in equations:
        term = growing_term(equation.expr, space)
        if term is not None:
            raise ProblemError(_message(term, written[equation.source], equation))


def check_values(
    written: tuple[Eq, ...], equations: tuple[ScalarEquation, ...], space: tuple[Coordinate, ...],
    values: dict[str, float],
) -> None:  # fmt: skip
    """Raise if the equations are ill posed at these values of the parameters.

    Args:
        written, equations, space: as in `check_well_posed`.
        values: parameter name -> value.

    Raises:
        ProblemError: shows the equation, the offending term and the values in it.
    """
    for equation in equations:
        numbers = {p: values[p.name] for p in equation.expr.free_symbols if isinstance(p, Parameter)}
        term = growing_term(equation.expr.subs(numbers), space)
        if term is not None:
            given = ", ".join(f"{p} = {value:g}" for p, value in sorted(numbers.items(), key=str))
            raise ProblemError(f"At {given}: {_message(term, written[equation.source], equation)}")


def growing_term(expr: sp.Expr, space: tuple[Coordinate, ...]) -> tuple[LinearTerm, sp.Expr, int] | None:
    """Return the term that makes fine modes of ``expr = 0`` grow without bound, if that is provable.

    Returns:
        (term, its coefficient once the time derivative stands alone on the left, order in time), or None.

    Example:
        >>> x, u = Coordinate("x"), Field("u")
        >>> growing_term(Dt(u) + D(u, x, 2), (x,))[1]
        -1
        >>> growing_term(Dt(u) + D(u, x, 2) + D(u, x, 4), (x,)) is None
        True
    """
    fields = {symbol for symbol in expr.free_symbols if isinstance(symbol, Field)}
    parts = split_linear(expr, fields)
    terms = linear_terms(parts.linear)
    if terms is None:
        return None
    rates = [term for term in terms if term.time]
    if len(rates) != 1 or rates[0].order or rates[0].time > 2 or parts.nonlinear.has(Dt):
        return None
    rate = rates[0]
    spatial = [term for term in terms if term is not rate]
    own = [term for term in spatial if term.field == rate.field]
    highest = max((term.order for term in own if term.order % 2 == 0), default=0)
    others = max((term.order for term in spatial if term.field != rate.field), default=0)
    if highest == 0 or max(others, space_order(parts.nonlinear)) >= highest:
        return None
    top = [term for term in own if term.order == highest]
    for axis in space:
        pure = [term for term in top if term.orders == ((axis, highest),)]
        if pure and _wrong_sign(coefficient := -pure[0].coefficient / rate.coefficient, highest):
            return pure[0], coefficient, rate.time
    return None


def _wrong_sign(coefficient: sp.Expr, order: int) -> bool:
    """Tell whether ``coefficient * (ik)**order`` provably has a positive real part."""
    sign = (-1) ** (order // 2)
    values = _possible_values(coefficient)
    return bool(values) and all(sp.re(sign * value) > 1e-14 * abs(value) for value in values)


def _possible_values(coefficient: sp.Expr) -> list[complex]:
    """Return values at the default and the corners of the bounds; empty where a parameter has neither."""
    parameters = sorted(coefficient.free_symbols, key=str)
    if not all(isinstance(p, Parameter) for p in parameters) or len(parameters) > MOST_CORNERS:
        return []
    choices = [_choices(p) for p in parameters]
    values = []
    for point in itertools.product(*choices):
        value = coefficient.subs(dict(zip(parameters, point, strict=True)))
        if not value.is_number or not value.is_finite:
            return []
        values.append(complex(value))
    return values


def _choices(parameter: Parameter) -> list[sp.Expr]:
    points = [] if parameter.bounds is None else [b for b in parameter.bounds if abs(b) != float("inf")]
    if parameter.bounds is not None and len(points) < 2 and parameter.default is None:
        return []
    if parameter.default is not None:
        points.append(parameter.default)
    return [sp.Float(point) for point in dict.fromkeys(points)]


def _message(found: tuple[LinearTerm, sp.Expr, int], written: Eq, equation: ScalarEquation) -> str:
    term, coefficient, time = found
    axis, order = term.orders[0]
    derivative = D(term.field, axis, order)
    kind = "a backward heat equation" if (time, order) == (1, 2) else "an ill-posed equation"
    sign = "negative" if (order // 2) % 2 else "positive"
    return (
        f"This is {kind}: with {Dt(term.field, time)} alone on the left, the right side has "
        f"{text_of(coefficient * derivative)}, whose coefficient must not be {sign}, or ever finer waves grow ever "
        f"faster and no grid gives an answer. Change the sign of this term{_where_of(equation)}.\n"
        f"{quote(written, equation.source + 1, _part(written, term))}"
    )


def _where_of(equation: ScalarEquation) -> str:
    return f" in {equation.label}" if "component" in equation.label else ""


def _part(written: Eq, term: LinearTerm) -> str | None:
    """Return what to point at: the derivative as the user may have written it."""
    axis, order = term.orders[0]
    text = str(written)
    for candidate in (f"lap({term.field})", str(D(term.field, axis, order)), f"{term.field}_{axis.name * order}"):
        if candidate in text:
            return candidate
    return None
