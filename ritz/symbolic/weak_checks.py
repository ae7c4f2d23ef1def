"""Checks of weak forms: tests and unknowns, integrands, places, and operators that are singular."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from ..errors import ConditionError, ProblemError, UnsupportedError, nearest
from .boundary_conditions import BoundaryCondition, Dirichlet, MeanZero, PointValue, label_text
from .classify import orders_of
from .condition_checks import canonical, unknown_boundary
from .conditions import Condition
from .domains import Domain
from .equation import Eq, equation_name, quote, text_of
from .fields import Field
from .operators import D
from .weak_form import Restricted, TestFunction, WeakForm
from .weak_integrals import is_weak
from .weak_notation import IntegralTerm, Measure


def refuse_complex(unknowns: Sequence[Field]) -> None:
    """Raise for complex unknowns.

    Raises:
        UnsupportedError: names the field.
    """
    for unknown in unknowns:
        if unknown.is_complex_field:
            raise UnsupportedError(
                f"The field {unknown} is complex, but finite elements take real unknowns. Write real and imaginary "
                f"part as two fields, e.g. rz.fields('{unknown}_re {unknown}_im')."
            )


def check_all_weak(equations: Sequence[Eq]) -> None:
    """Raise if some equations have integrals and others have not.

    Raises:
        ProblemError: shows one without.
    """
    for number, equation in enumerate(equations, start=1):
        if not is_weak(equation):
            raise ProblemError(
                f"{equation_name(equation, number).capitalize()} has no integral, but others have: a problem is in "
                f"strong form or in weak form, not both. Multiply it with a test function and write rz.integral(...).\n"
                f"{quote(equation, number)}"
            )


def check_tests(tests: Sequence[TestFunction], unknowns: Sequence[Field], equations: Sequence[Eq]) -> None:
    """Raise unless every unknown has a test function, and every test function an unknown.

    Raises:
        ProblemError: names the unknown or the test function.
    """
    names = [unknown.name for unknown in unknowns]
    for test in tests:
        if test.of not in unknowns:
            number, equation = next((n, e) for n, e in enumerate(equations, 1) if (e.lhs - e.rhs).has(test))
            raise ProblemError(
                f"{test} is a test function of {test.of}, but {test.of} is no unknown of the equations (unknowns: "
                f"{', '.join(names)}).{nearest(test.of.name, names)} Write rz.test(...) of an unknown.\n"
                f"{quote(equation, number, test)}"
            )
    tested = [test.of for test in tests]
    for unknown in unknowns:
        if unknown not in tested:
            raise ProblemError(
                f"No test function of {unknown} stands in the weak form, so nothing determines {unknown}. Add the "
                f"integral of its equation times rz.test({unknown}), or make {unknown} a parameter with rz.params if "
                "it is given."
            )


def check_measure(term: IntegralTerm, domain: Domain) -> None:
    """Raise unless the group an integral is over exists.

    Raises:
        ConditionError: offers the nearest name, says so if it is a group of the other kind.
    """
    for label in term.measure.on:
        if label is None or callable(label):
            continue
        if term.measure.over != "cells":
            if label not in domain.boundaries and label not in domain.boundaries.values():
                raise unknown_boundary(domain, label, text_of(term))
        elif label not in domain.subdomains and label not in domain.subdomains.values():
            listed = ", ".join(f"{name!r} ({tag})" for name, tag in domain.subdomains.items()) or "none"
            hint = nearest(label, domain.subdomains) if isinstance(label, str) else ""
            if label in domain.boundaries or label in domain.boundaries.values():
                hint = f" {label!r} is a group of facets: write over='boundary'."
            raise ConditionError(
                f"{text_of(term)} names the group of cells {label_text(label)}, which the domain does not have.{hint} "
                f"Groups of cells (tags): {listed}."
            )


def canonical_measure(domain: Domain, measure: Measure) -> Measure:
    """Return a measure whose groups have names where the domain knows one for their tag."""
    groups = domain.subdomains if measure.over == "cells" else domain.boundaries
    names = {tag: name for name, tag in reversed(groups.items())}
    on = tuple(names.get(label, label) if isinstance(label, int) else label for label in measure.on)
    return Measure(measure.over, on, measure.degree)


def check_form(form: WeakForm, domain: Domain, conditions: Sequence[Condition], equations: Sequence[Eq]) -> None:
    """Raise if conditions are surplus, or leave an unknown open up to a constant.

    Raises:
        ConditionError: names the unknown and what fixes it.
    """
    _check_surplus(form, conditions, equations)
    for parts in form.components.values():
        for part in parts:
            if part not in form.numbers and _is_open(part, form, domain):
                raise ConditionError(_open_message(part, form))


def _check_surplus(form: WeakForm, conditions: Sequence[Condition], equations: Sequence[Eq]) -> None:
    sided = {s for one in form.integrals if one.over != "cells" for s in one.integrand.free_symbols}
    tested = {form.tests[s] for s in sided if s in form.tests}
    for condition in conditions:
        if isinstance(condition, BoundaryCondition):
            parts = form.components[condition.field]
            slopes = any(orders_of(e.lhs - e.rhs, condition.field)[1] for e in equations)
            if not slopes and not any(part in sided or part in tested for part in parts):
                raise ConditionError(
                    f"{condition!r} is surplus: no space derivative of {condition.field} stands in the equations, so "
                    "they take no condition on the boundary. Remove it."
                )
        if isinstance(condition, MeanZero):
            for other in conditions:
                fixes = isinstance(other, (Dirichlet, PointValue)) and other.target == condition.target
                if fixes:
                    raise ConditionError(
                        f"{condition!r} is surplus: {other!r} fixes {condition.target} already. Keep one of them."
                    )


def _is_open(part: Field, form: WeakForm, domain: Domain) -> bool:
    """Tell whether adding a constant to a component field changes no equation."""
    if part in form.mean_zero or any(one.field == part for one in form.essential):
        return False
    if part in form.evolving:
        return False
    seen = False
    for one in form.integrals:
        if not one.integrand.has(part):
            continue
        seen = True
        if not _blind(one.integrand, part, form, domain):
            return False
    return seen


def _blind(integrand: sp.Expr, part: Field, form: WeakForm, domain: Domain) -> bool:
    """Tell whether an integral does not see a constant added to `part`.

    Derivatives never do. A product ``part * c * D(v, x)`` with constant c does not either, if the test function v
    vanishes wherever the boundary has a normal along x (Gauss): the pressure in an enclosed flow.
    """
    shift = sp.Dummy(real=True)
    derivatives = {node: sp.Dummy(real=True) for node in integrand.atoms(D) if node.args[0] == part}
    hidden = integrand.xreplace(derivatives)
    jumps = _constant_jump(hidden, part, shift)
    if jumps is not None:
        return jumps
    if not hidden.has(part):
        return True
    for term in sp.Add.make_args(sp.expand_mul(hidden)):
        if term.has(part) and not _is_divergence(term, part, form, domain):
            return False
    return True


def _constant_jump(hidden: sp.Expr, part: Field, shift: sp.Dummy) -> bool | None:
    """Tell whether an integrand on interior facets changes when both sides get the same constant; None elsewhere."""
    sides = [node for node in hidden.atoms(Restricted) if node.expr == part]
    if not sides:
        return None
    change = hidden.xreplace({node: node + shift for node in sides}) - hidden
    return bool(sp.expand(change) == 0)


def _is_divergence(term: sp.Expr, part: Field, form: WeakForm, domain: Domain) -> bool:
    scale, rest = term.as_independent(Field, D, *form.coordinates, as_Add=False)
    slopes = [factor for factor in sp.Mul.make_args(rest) if isinstance(factor, D) and factor.order == 1]
    if len(slopes) != 1 or rest != part * slopes[0] or scale.has(*form.coordinates):
        return False
    tested = form.tests.get(slopes[0].args[0])
    return tested is not None and _vanishes_everywhere(tested, slopes[0].args[1], form, domain)


def _vanishes_everywhere(part: Field, axis: sp.Basic, form: WeakForm, domain: Domain) -> bool:
    """Tell whether it is certain that a component is prescribed wherever the boundary has a normal along `axis`."""
    labels = {one.on for one in form.essential if one.field == part and one.at is None}
    if None in labels:
        return True
    if not domain.complete:
        return False
    joined = {canonical(domain, name) for pair in form.periodic for name in pair}
    needed = set(domain.sides[axis] if domain.sides else domain.boundaries)  # type: ignore[index]
    return bool(needed) and needed - joined <= labels


def _open_message(part: Field, form: WeakForm) -> str:
    owner = next(unknown for unknown, parts in form.components.items() if part in parts)
    vector = owner.rank > 0
    name = f"rz.component({owner}, {_axis(part, owner)!r})" if vector else str(owner)
    others = "" if vector else f", rz.MeanZero({owner})"
    bare = any(one.over == "cells" and _stands_bare(one.integrand, part) for one in form.integrals)
    if bare:
        return (
            f"{part} is fixed up to a constant only: the flow is enclosed (its velocity is prescribed on the whole "
            f"boundary), so that only the gradient of {part} matters. Add rz.MeanZero({owner}) or "
            f"rz.PointValue({owner}, 0, at=...) to conditions=[...], or leave a part of the boundary open."
        )
    motion = " (the body can move as a whole)" if vector else ""
    return (
        f"{part} is fixed up to a constant only{motion}: no condition prescribes its value and only derivatives of it "
        f"stand in the equations, so the operator is singular. Add rz.Dirichlet({name}, ..., on=...) or "
        f"rz.Robin({name}, ...){others} to conditions=[...]. A solution exists only if the data are compatible: "
        "sources and boundary fluxes must sum to zero."
    )


def _stands_bare(integrand: sp.Expr, part: Field) -> bool:
    return bool(integrand.xreplace({n: sp.S.Zero for n in integrand.atoms(D) if n.args[0] == part}).has(part))


def _axis(part: Field, owner: Field) -> str:
    return part.name.removeprefix(f"{owner.name}_")
