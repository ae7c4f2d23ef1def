"""The scalar form of a problem: component equations, first order in time, ready to be discretised.

Vectors and tensors are written in components, operators in coordinate derivatives, and time derivatives above the
first become auxiliary fields such as ``u_t``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from ..errors import ProblemError, RankError, UnsupportedError
from .coordinates import Coordinate
from .equation import Eq, equation_name, quote
from .fields import Field, rank_name
from .operators import D, Dt
from .parameters import Parameter
from .tensors import Expander, Tensor, indices


@dataclass(frozen=True)
class ScalarEquation:
    """One scalar equation ``expr = 0``.

    Attributes:
        expr: holds only component fields, parameters, coordinates, time, numbers, SymPy functions, ``Dt(field, 1)``
            and ``D(expr, coordinate, n)``.
        source: index of the user's equation, from 0; for the definition of an auxiliary field, of the equation whose
            time derivative made it necessary.
        label: what messages call it, e.g. ``"equation 2, component y"``.
    """

    expr: sp.Expr
    source: int
    label: str


@dataclass(frozen=True)
class ScalarForm:
    """Component equations of a problem.

    Attributes:
        coordinates: axes of the domain; empty for ODEs.
        unknowns: all scalar component fields, auxiliary ones included.
        equations: see `ScalarEquation`.
        parameters: in the order of the problem.
        components: user field -> its components, in order (a scalar is its own).
        initial: component -> SymPy expression, array or callable.
        auxiliary: auxiliary field -> the time derivative it stands for.
        bounds: coordinate -> (lower, upper).
    """

    coordinates: tuple[Coordinate, ...]
    unknowns: tuple[Field, ...]
    equations: tuple[ScalarEquation, ...]
    parameters: tuple[Parameter, ...]
    components: dict[Field, tuple[Field, ...]]
    initial: dict[Field, Any]
    auxiliary: dict[Field, sp.Expr]
    bounds: dict[Coordinate, tuple[float, float]]


def make_components(fields: Iterable[Field], space: tuple[Coordinate, ...]) -> dict[Field, tuple[Field, ...]]:
    """Return the component fields of every field, named ``u_x``, ``S_xy``.

    Raises:
        ProblemError: if a component's name is taken by another field, or a vector field has no domain.

    Example:
        >>> make_components([Field("u", 1)], (Coordinate("x"), Coordinate("y")))
        {u: (u_x, u_y)}
    """
    taken: dict[str, Field] = {}
    result: dict[Field, tuple[Field, ...]] = {}
    for field in fields:
        if field.rank and not space:
            raise ProblemError(
                f"The {rank_name(field.rank)} field {field} needs a domain, which gives its number of components. "
                f"Add domain=rz.Box(...), or use scalar fields."
            )
        names = ["".join(space[i].name for i in index) for index in indices(field.rank, len(space))]
        parts = tuple(Field(f"{field.name}_{name}", 0, field.is_complex_field) for name in names)
        result[field] = parts if field.rank else (field,)
        for part in result[field]:
            if part.name in taken:
                raise ProblemError(
                    f"Fields {taken[part.name]} and {field} both need the name {part.name}. Rename one of them."
                )
            taken[part.name] = field
    return result


def component_equations(equations: tuple[Eq, ...], expander: Expander) -> tuple[ScalarEquation, ...]:
    """Return every equation in components, time derivatives still of any order.

    Raises:
        RankError: if ranks do not fit; shows the user's equation and marks the sub-expression.
    """
    result: list[ScalarEquation] = []
    for number, equation in enumerate(equations, start=1):
        try:
            value = difference(equation, expander)
        except RankError as error:
            raise RankError(f"{error}\n{quote(equation, number, getattr(error, 'part', None))}") from None
        except UnsupportedError as error:
            raise UnsupportedError(f"{error}\n{quote(equation, number)}") from None
        name = equation_name(equation, number)
        for index, entry in zip(indices(value.rank, value.size), value.entries, strict=True):
            axes = "".join(expander.space[i].name for i in index)
            result.append(ScalarEquation(entry, number - 1, f"{name}, component {axes}" if index else name))
    return tuple(result)


def difference(equation: Eq, expander: Expander) -> Tensor:
    """Return lhs - rhs in components; the number zero fits every rank.

    Raises:
        RankError: if ranks do not fit.
    """
    left, right = expander.whole(equation.lhs), expander.whole(equation.rhs)
    if right.is_zero and right.rank == 0:
        return left
    if left.is_zero and left.rank == 0:
        return right.map(lambda e: -e)
    if left.rank != right.rank:
        raise RankError(
            f"The left side {equation.lhs} is a {rank_name(left.rank)}, but the right side is a "
            f"{rank_name(right.rank)}. Both sides must have one rank."
        )
    return Tensor(left.rank, left.size, tuple(a - b for a, b in zip(left.entries, right.entries, strict=True)))


def time_orders(equations: Iterable[ScalarEquation]) -> dict[Field, int]:
    """Return the highest time derivative of every field that has one.

    Example:
        >>> u = Field("u")
        >>> time_orders([ScalarEquation(Dt(u, 2) + Dt(u), 0, "equation 1")])
        {u: 2}
    """
    orders: dict[Field, int] = {}
    for equation in equations:
        for node in sorted(equation.expr.atoms(Dt), key=str):
            assert isinstance(node, Dt) and isinstance(node.expr, Field)
            orders[node.expr] = max(orders.get(node.expr, 0), node.order)
    return orders


def first_order(
    equations: tuple[ScalarEquation, ...], taken: Iterable[str]
) -> tuple[tuple[ScalarEquation, ...], dict[Field, sp.Expr]]:
    """Return the equations with time derivatives above the first replaced by auxiliary fields, and their meaning.

    ``dt(u, 2)`` makes the field ``u_t`` with the equation ``dt(u) = u_t``; ``dt(u, 3)`` makes ``u_tt`` too.

    Raises:
        ProblemError: if the name of an auxiliary field is in use.
    """
    names = set(taken)
    replace: dict[sp.Expr, sp.Expr] = {}
    auxiliary: dict[Field, sp.Expr] = {}
    definitions: list[ScalarEquation] = []
    for field, order in time_orders(equations).items():
        if order == 1:
            continue
        source = next(e.source for e in equations if e.expr.has(Dt(field, order)))
        chain = [field]
        for k in range(1, order):
            helper = Field(f"{field.name}_{'t' * k}", 0, field.is_complex_field)
            if helper.name in names:
                raise ProblemError(
                    f"dt({field}, {order}) needs an auxiliary field {helper.name}, but that name is taken. "
                    f"Rename your {helper.name}."
                )
            auxiliary[helper] = Dt(field, k)
            definitions.append(ScalarEquation(Dt(chain[-1]) - helper, source, f"definition of {helper.name}"))
            replace[Dt(field, k)] = helper
            chain.append(helper)
        replace[Dt(field, order)] = Dt(chain[-1])
    if not auxiliary:
        return equations, {}
    main = (ScalarEquation(e.expr.xreplace(replace), e.source, e.label) for e in equations)
    return (*definitions, *main), auxiliary


def is_divergence_constraint(equation: ScalarEquation) -> bool:
    """Tell whether an equation is a linear constraint in space derivatives only, such as ``div(b) = 0``.

    Example:
        >>> x, y = Coordinate("x"), Coordinate("y")
        >>> is_divergence_constraint(ScalarEquation(D(Field("b_x"), x) + D(Field("b_y"), y), 0, "equation 1"))
        True
    """
    terms = sp.Add.make_args(equation.expr)
    return all(_is_first_derivative(term.as_independent(Field, D, as_Add=False)[1]) for term in terms)


def _is_first_derivative(term: sp.Expr) -> bool:
    return isinstance(term, D) and term.order == 1 and isinstance(term.expr, Field)


def spread(value: Mapping[Field, Any], components: Mapping[Field, tuple[Field, ...]]) -> dict[Field, Any]:
    """Return a mapping by component from one by user field, whose tensor values are sequences."""
    result: dict[Field, Any] = {}
    for field, entry in value.items():
        parts = components[field]
        result.update(zip(parts, entry, strict=True) if field.rank else {parts[0]: entry})
    return result
