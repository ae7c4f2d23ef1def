"""Written integrals in components: from the user's tensor notation to the integrands that a `WeakForm` holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import sympy as sp

from ..errors import ProblemError, RankError, UnsupportedError
from .boundary_conditions import Label
from .coordinates import Coordinate
from .equation import Eq, quote, text_of
from .fields import Field, rank_name
from .operators import D, Dt, Operator
from .tensors import Expander, indices
from .weak_components import push_down
from .weak_form import Geometric, Integral, NumberField, Restricted, TestFunction
from .weak_notation import IntegralTerm, Measure


def is_weak(equation: Eq) -> bool:
    """Tell whether an equation has integrals in it.

    Example:
        >>> is_weak(Eq(Field("u")))
        False
    """
    return equation.lhs.has(IntegralTerm) or equation.rhs.has(IntegralTerm)


def integral_terms(equation: Eq, number: int) -> Iterator[IntegralTerm]:
    """Yield the integrals of an equation, constant factors drawn inside.

    Raises:
        ProblemError: for a term without integral, or a factor that varies in space outside of one.
    """
    for term in _terms(equation.lhs - equation.rhs):
        factors = sp.Mul.make_args(term)
        inside = [factor for factor in factors if isinstance(factor, IntegralTerm)]
        scale = sp.Mul(*(factor for factor in factors if not isinstance(factor, IntegralTerm)))
        if len(inside) != 1 or scale.has(IntegralTerm):
            what = "has no integral" if not term.has(IntegralTerm) else "is not linear in its integrals"
            raise ProblemError(
                f"The term {text_of(term)} {what}, but in a weak form every term is a number times one integral. "
                f"Write rz.integral(...) around it.\n{quote(equation, number, term)}"
            )
        if _varies(scale):
            raise ProblemError(
                f"The factor {text_of(scale)} stands outside an integral but varies in space. Draw it inside.\n"
                f"{quote(equation, number, scale)}"
            )
        yield IntegralTerm(scale * inside[0].integrand, inside[0].measure)


def _terms(e: sp.Expr) -> Iterator[sp.Expr]:
    """Yield the terms of a sum of integrals; products with sums of integrals are multiplied out, integrands are not."""
    stack = [e]
    while stack:
        e = stack.pop()
        factors = sp.Mul.make_args(e)
        place = next((k for k, f in enumerate(factors) if isinstance(f, sp.Add) and f.has(IntegralTerm)), None)
        if place is not None:
            rest = sp.Mul(*factors[:place], *factors[place + 1 :])
            stack.extend(rest * arg for arg in reversed(factors[place].args))
        elif e != 0:
            yield e


def _varies(scale: sp.Expr) -> bool:
    fields = (symbol for symbol in scale.free_symbols if isinstance(symbol, Field))
    return scale.has(Coordinate, Operator) or not all(isinstance(field, NumberField) for field in fields)


def components_of_tests(tests: Iterable[TestFunction], components: Mapping[Field, tuple[Field, ...]],
                    space: tuple[Coordinate, ...]) -> dict[Field, tuple[Field, ...]]:  # fmt: skip
    """Return the components of every test function, each a test function of a component field.

    Example:
        >>> u, parts = Field("u", 1), (Field("u_x"), Field("u_y"))
        >>> components_of_tests([TestFunction(u, "v")], {u: parts}, (Coordinate("x"), Coordinate("y")))
        {v: (v_x, v_y)}
    """
    result: dict[Field, tuple[Field, ...]] = {}
    for test in tests:
        parts = components[test.of]
        if not test.rank:
            result[test] = (test,)
            continue
        axes = ["".join(space[i].name for i in index) for index in indices(test.rank, len(space))]
        result[test] = tuple(TestFunction(p, f"{test.name}_{name}") for p, name in zip(parts, axes, strict=True))
    return result


def component_integral(term: IntegralTerm, expander: Expander) -> sp.Expr:
    """Return the integrand of a written integral as one scalar expression, derivatives pushed down to fields.

    Raises:
        RankError: if ranks do not fit, or the integrand is no scalar.
        UnsupportedError: for a function whose derivative is not known.
    """
    where = f"\nIn {text_of(term)}"
    try:
        value = expander(term.integrand)
    except (RankError, UnsupportedError) as error:
        raise type(error)(f"{error}{where}") from None
    if value.rank:
        raise RankError(
            f"An integrand is a scalar, but this one is a {rank_name(value.rank)}. Contract it with a test function, "
            f"e.g. dot(..., v) or inner(..., grad(v)).{where}"
        )
    try:
        integrand = push_down(value.entries[0])
    except UnsupportedError as error:
        raise UnsupportedError(f"{error}{where}") from None
    return _with_side(integrand) if term.measure.over == "facets" else integrand


def _with_side(integrand: sp.Expr) -> sp.Expr:
    """Return an integrand on interior facets with every normal written as that of side 1."""
    normals = [symbol for symbol in integrand.free_symbols if isinstance(symbol, Geometric) and symbol.name[0] == "n"]
    sided: dict[sp.Expr, sp.Expr] = {normal: Restricted(normal, 1) for normal in normals}
    sided.update({value: value for value in sided.values()})
    return integrand.xreplace(sided)


def time_orders_of(integrands: Iterable[sp.Expr]) -> dict[Field, int]:
    """Return the highest order of a time derivative of every component field that has one.

    Raises:
        UnsupportedError: above second order, or of anything but a field.

    Example:
        >>> u = Field("u")
        >>> time_orders_of([Dt(u, 2) + Dt(u)])
        {u: 2}
    """
    orders: dict[Field, int] = {}
    for integrand in integrands:
        for node in sorted(integrand.atoms(Dt), key=str):
            assert isinstance(node, Dt)
            if not isinstance(node.expr, Field) or node.order > 2:
                raise UnsupportedError(
                    f"{node} stands in a weak form, but time derivatives are of unknowns and of first or second order. "
                    "Add an unknown for the lower derivative."
                )
            orders[node.expr] = max(orders.get(node.expr, 0), node.order)
    return orders


def make_rates(
    orders: Mapping[Field, int], components: Mapping[Field, tuple[Field, ...]], taken: Iterable[str]
) -> tuple[dict[Field, Field], dict[Field, tuple[Field, ...]], dict[sp.Expr, sp.Expr]]:
    """Return the rate fields of unknowns of second order in time.

    Returns:
        (unknown -> rate field, rate field -> its components, what replaces the time derivatives).

    Raises:
        ProblemError: if a name is taken.

    Example:
        >>> u = Field("u")
        >>> make_rates({u: 2}, {u: (u,)}, [])[0]
        {u: u_t}
    """
    names = set(taken)
    rates: dict[Field, Field] = {}
    parts_of: dict[Field, tuple[Field, ...]] = {}
    replace: dict[sp.Expr, sp.Expr] = {}
    for unknown, parts in components.items():
        if all(orders.get(part, 0) < 2 for part in parts):
            continue
        rate = Field(f"{unknown.name}_t", unknown.rank)
        helpers = tuple(Field(f"{part.name}_t") for part in parts)
        for helper in helpers:
            if helper.name in names:
                raise ProblemError(
                    f"dt({unknown}, 2) needs an auxiliary field {helper.name}, but that name is taken. "
                    f"Rename your {helper.name}."
                )
        rates[unknown], parts_of[rate] = rate, helpers if unknown.rank else (rate,)
        for part, helper in zip(parts, parts_of[rate], strict=True):
            replace[Dt(part)], replace[Dt(part, 2)] = helper, Dt(helper)
    return rates, parts_of, replace


def merged(integrals: Iterable[tuple[sp.Expr, Measure]]) -> tuple[Integral, ...]:
    """Return one integral per place and degree, integrands added up; one for every label of a list.

    Example:
        >>> u = Field("u")
        >>> everywhere = Measure("cells", (None,), None)
        >>> merged([(u, everywhere), (2*u, everywhere)])[0].integrand
        3*u
    """
    table: dict[tuple[Measure, Label], sp.Expr] = {}
    for integrand, measure in integrals:
        for label in measure.on:
            key = Measure(measure.over, (label,), measure.degree), label
            table[key] = table.get(key, sp.S.Zero) + integrand
    return tuple(
        Integral(integrand, measure.over, label, measure.degree)
        for (measure, label), integrand in table.items()
        if integrand != 0
    )


def atoms_of_tests(integrand: sp.Expr) -> set[sp.Expr]:
    """Return the test components in an integrand, their derivatives and sides as they stand.

    Example:
        >>> v = TestFunction(Field("u"), "v")
        >>> atoms_of_tests(v*D(v, Coordinate("x"))) == {v, D(v, Coordinate("x"))}
        True
    """
    found: set[sp.Expr] = set()
    stack: list[sp.Basic] = [integrand]
    while stack:
        node = stack.pop()
        if is_atom(node):
            if any(isinstance(symbol, TestFunction) for symbol in node.free_symbols):
                found.add(node)
        else:
            stack.extend(node.args)
    return found


def is_atom(node: sp.Basic) -> bool:
    """Tell whether a node is a field, a derivative of one, or one of these seen from one side."""
    return isinstance(node, (Field, D, Dt, Restricted))
