"""The weak form of a problem: typed directly, or derived from strong equations and their conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from ..errors import ConditionError, UnsupportedError
from . import weak_checks as checks
from .boundary_conditions import Dirichlet, MeanZero, Neumann, PointValue, Prescribed, Robin, UnknownCondition
from .condition_checks import check_conflicts, labels_of, parts_of, value_entries
from .conditions import Condition, periodic_pairs
from .coordinates import t
from .domains import Domain
from .equation import Eq, text_of
from .fields import Field
from .integrand_checks import check_integrand
from .operators import Component
from .parameters import Parameter
from .tensors import Expander
from .weak_derivation import Derivation, derive, product_rule_notes
from .weak_fluxes import contract
from .weak_form import Essential, NumberField, TestFunction, WeakForm
from .weak_integrals import (
    component_integral,
    components_of_tests,
    integral_terms,
    is_weak,
    make_rates,
    merged,
    time_orders_of,
)
from .weak_natural import natural_lines
from .weak_notation import IntegralTerm, integral


@dataclass(frozen=True)
class Source:
    """What a weak form is made of.

    Attributes:
        equations, domain, conditions, unknowns, parameters: of the problem.
        components: unknown -> component fields.
    """

    equations: tuple[Eq, ...]
    domain: Domain
    conditions: tuple[Condition, ...]
    unknowns: tuple[Field, ...]
    parameters: tuple[Parameter, ...]
    components: Mapping[Field, tuple[Field, ...]]

    def of(self, kind: Any) -> list[Any]:
        """Return the conditions of a kind, in order."""
        return [condition for condition in self.conditions if isinstance(condition, kind)]


def make_weak_form(source: Source) -> WeakForm:
    """Return the weak form of a problem.

    Raises:
        ProblemError, ConditionError, UnsupportedError: in the user's words; see `weak_checks`.
    """
    checks.refuse_complex(source.unknowns)
    tests = tests_of(source)
    test_parts = components_of_tests(tests, source.components, source.domain.coordinates)
    expander = Expander(source.domain.coordinates, {**source.components, **test_parts})
    check_conflicts(source.domain, source.conditions, source.components, expander)
    derived: list[Derivation] = []
    if is_weak(source.equations[0]):
        _refuse_fluxes(source)
        written = [tuple(integral_terms(e, number)) for number, e in enumerate(source.equations, start=1)]
    else:
        derived = derive(source.equations, source.unknowns, expander, {test.of: test for test in tests})
        written = [_with_boundary(one, source, expander) for one in derived]
    form = _assemble(source, written, test_parts, expander, bool(derived))
    form = replace(form, pairing=_pairing(derived), natural=natural_lines(derived, source, form, expander))
    checks.check_form(form, source.domain, source.conditions, source.equations)
    return form


def tests_of(source: Source) -> list[TestFunction]:
    """The test functions of a problem: those that were typed, or one for every unknown."""
    if not is_weak(source.equations[0]):
        for unknown in source.unknowns:
            if isinstance(unknown, NumberField):
                raise UnsupportedError(
                    f"{unknown} is a single number (rz.numbers), which needs equations in weak form. "
                    "Write them with rz.integral(...) and rz.test(...)."
                )
        taken = {symbol.name for symbol in (*source.unknowns, *source.parameters)}
        return [TestFunction(unknown, _free_name(unknown, taken)) for unknown in source.unknowns]
    checks.check_all_weak(source.equations)
    found: dict[TestFunction, None] = {}
    for equation in source.equations:
        symbols = (equation.lhs - equation.rhs).free_symbols
        found.update({s: None for s in sorted(symbols, key=str) if isinstance(s, TestFunction)})
    checks.check_tests(tuple(found), source.unknowns, source.equations)
    return list(found)


def _free_name(unknown: Field, taken: set[str]) -> str:
    name = f"v_{unknown.name}"
    while name in taken:
        name = f"v{name}"
    return name


def _refuse_fluxes(source: Source) -> None:
    for condition in source.of((Neumann, Robin)):
        kind = type(condition).__name__
        raise ConditionError(
            f"{condition!r}: in a weak form fluxes are integrals. Write rz.integral(g*v, over='boundary', on=...) "
            f"into the equation instead of rz.{kind}."
        )


def _with_boundary(one: Derivation, source: Source, expander: Expander) -> tuple[IntegralTerm, ...]:
    """Return the integrals of a derived equation, those of its natural conditions included."""
    total = one.written(expander)
    for condition in source.of((Neumann, Robin)):
        test = test_for(condition, one)
        if test is None:
            continue
        if one.outflow is None:
            raise ConditionError(
                f"{condition!r}: {one.pair.label}, which determines {one.pair.target}, has no term that is integrated "
                "by parts, so there is no flux to prescribe. Remove the condition, or write the term as div(F)."
            )
        on = labels_of(source.domain, source.conditions, condition)
        labels = list(on) if on != (None,) else None
        total += integral(boundary_term(condition, test, expander), over="boundary", on=labels)
    return tuple(integral_terms(Eq(total), one.pair.source + 1))


def test_for(condition: Any, one: Derivation) -> sp.Expr | None:
    """Return the part of the test function of an equation that a condition is multiplied with."""
    if condition.field != one.pair.field:
        return None
    if condition.target == one.pair.target or not condition.axes:
        return one.test
    if one.pair.target == one.pair.field:
        return Component(one.test, *condition.axes)
    return None


def boundary_term(condition: Any, test: sp.Expr, expander: Expander) -> sp.Expr:
    """The integrand that a flux condition adds on its boundary."""
    target = condition.target
    rank = expander(test).rank
    if not condition.axes and rank == 0 and condition.field.rank:  # one component of a condition on a whole vector
        axes = test.args[1:]
        values = [Component(e, *axes) if expander(e).rank else e for e in condition.expressions]
        target = Component(condition.field, *axes)
    else:
        values = list(condition.expressions)
    if isinstance(condition, Prescribed):
        return -contract(values[0], test, rank) if values[0] != 0 else sp.S.Zero
    away = target - values[1] if values[1] != 0 else target
    return values[0] * contract(away, test, rank)


def _assemble(
    source: Source,
    written: Sequence[tuple[IntegralTerm, ...]],
    test_parts: Mapping[Field, tuple[Field, ...]],
    expander: Expander,
    derived: bool,
) -> WeakForm:
    terms = [term for row in written for term in row]
    for term in terms:
        checks.check_measure(term, source.domain)
    integrands = [component_integral(term, expander) for term in terms]
    orders = time_orders_of(integrands)
    taken = [symbol.name for parts in source.components.values() for symbol in parts]
    taken += [symbol.name for symbol in (*source.parameters, *source.domain.coordinates)]
    rates, rate_parts, replaced = make_rates(orders, source.components, taken)
    integrands = [integrand.xreplace(replaced) for integrand in integrands]
    for integrand, term in zip(integrands, terms, strict=True):
        check_integrand(integrand, term, derived)
    measures = [checks.canonical_measure(source.domain, term.measure) for term in terms]
    essential, mean_zero = _prescribed(source, expander, {**rates}, rate_parts)
    numbers = tuple(unknown for unknown in source.unknowns if isinstance(unknown, NumberField))
    return WeakForm(
        coordinates=source.domain.coordinates,
        unknowns=(*source.unknowns, *rates.values()),
        components={**source.components, **rate_parts},
        tests={part: part.of for parts in test_parts.values() for part in parts if isinstance(part, TestFunction)},
        integrals=merged(zip(integrands, measures, strict=True)),
        essential=essential,
        periodic=periodic_pairs(source.domain, source.conditions),
        mean_zero=mean_zero,
        rates=rates,
        parameters=source.parameters,
        numbers=numbers,
        written=tuple(sp.Add(*row) for row in written),
        conditions=tuple(_condition_text(c) for c in source.conditions if not isinstance(c, (Neumann, Robin))),
    )


def _condition_text(condition: Condition) -> str:
    if isinstance(condition, Dirichlet):
        from .boundary_conditions import label_text

        where = ", ".join(map(label_text, condition.on))
        return f"{text_of(condition.target)} = {text_of(condition.value)} on {where}"
    return repr(condition)


def _prescribed(
    source: Source,
    expander: Expander,
    rates: Mapping[Field, Field],
    rate_parts: Mapping[Field, tuple[Field, ...]],
) -> tuple[tuple[Essential, ...], tuple[Field, ...]]:
    """Return the prescribed values of components, those of their rates, and the fields whose mean vanishes."""
    rate_of = {
        part: helper
        for unknown, rate in rates.items()
        for part, helper in zip(source.components[unknown], rate_parts[rate], strict=True)
    }
    essential: list[Essential] = []
    means: list[Field] = []
    for condition in source.of(UnknownCondition):
        parts = parts_of(condition, source.components, expander)
        if isinstance(condition, MeanZero):
            means += [part for part in parts.entries if isinstance(part, Field)]
        if not isinstance(condition, (Dirichlet, PointValue)):
            continue
        values = value_entries(condition, condition.value, parts, expander)
        for part, value in zip(parts.entries, values.entries, strict=True):
            assert isinstance(part, Field)
            made = _placed(condition, part, value, source)
            essential += made
            if part in rate_of:
                essential += [replace(one, field=rate_of[part], value=sp.diff(value, t)) for one in made]
    return tuple(essential), tuple(means)


def _placed(condition: Dirichlet | PointValue, part: Field, value: sp.Expr, source: Source) -> list[Essential]:
    if isinstance(condition, PointValue):
        return [Essential(part, value, at=condition.at)]
    return [Essential(part, value, label) for label in labels_of(source.domain, source.conditions, condition)]


def _pairing(derived: Sequence[Derivation]) -> tuple[str, ...]:
    lines = []
    for one in derived:
        line = f"{one.pair.label} determines {text_of(one.pair.target)}"
        if one.outflow is not None:
            line += f"; its flux n . F is {text_of(one.outflow)}"
        lines.append(line)
    return (*lines, *product_rule_notes(derived))
