"""Where conditions stand and what they name: every message shows the condition as the user wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sympy as sp

from ..errors import ConditionError, RankError, UnknownSymbol, nearest
from .boundary_conditions import (
    BoundaryCondition,
    Dirichlet,
    Label,
    MeanZero,
    Neumann,
    PointValue,
    Robin,
    UnknownCondition,
    label_text,
)
from .conditions import Condition, periodic_pairs
from .coordinates import Coordinate, Time
from .domains import Domain
from .fields import Field, rank_name
from .mesh_operators import MeshOperator
from .operators import Dt
from .parameters import Parameter
from .tensors import Expander, Tensor
from .weak_form import Geometric, NumberField, TestFunction


def check_places(domain: Domain, conditions: Sequence[Condition]) -> None:
    """Raise unless every boundary that a condition names exists and is not periodic, and points lie in space.

    Raises:
        ConditionError: offers the nearest name and lists all.
    """
    joined = {canonical(domain, name): pair for pair in periodic_pairs(domain, tuple(conditions)) for name in pair}
    for condition in conditions:
        if isinstance(condition, BoundaryCondition):
            for label in condition.on:
                name = check_boundary(domain, label, repr(condition))
                if name is not None and name in joined:
                    raise ConditionError(
                        f"{condition!r} stands on {label_text(label)}, but that boundary is periodic (one with "
                        f"{' and '.join(map(repr, joined[name]))}). Keep one of the two conditions."
                    )
        elif isinstance(condition, PointValue):
            _check_point(domain, condition)


def labels_of(domain: Domain, conditions: Sequence[Condition], condition: BoundaryCondition) -> tuple[Label, ...]:
    """Return where a condition stands: canonical labels, without the periodic boundaries if it is on all of them.

    Raises:
        ConditionError: if all boundaries are periodic, or some are and the others have no names.

    Example:
        >>> from ritz.symbolic.conditions import Periodic
        >>> from ritz.symbolic.domains import Box
        >>> condition = Dirichlet(Field("u"), 0)
        >>> labels_of(Box(x=(0, 1), y=(0, 1)), (Periodic("x"), condition), condition)
        ('bottom', 'top')
    """
    if condition.on != (None,):
        return tuple(canonical(domain, label) for label in condition.on)
    joined = {canonical(domain, name) for pair in periodic_pairs(domain, tuple(conditions)) for name in pair}
    if not joined:
        return (None,)
    free = tuple(name for name in domain.boundaries if name not in joined)
    if not free or not domain.complete:
        what = "all of it is periodic" if not free else "a part of it is periodic and another part has no name"
        raise ConditionError(
            f"{condition!r} is on the whole boundary, but {what}. Write on= with what it is meant for."
        )
    return free


def canonical(domain: Domain, label: Label) -> Label:
    """Return the name of a boundary given by its tag; other labels unchanged."""
    names = [name for name, tag in domain.boundaries.items() if tag == label and not isinstance(label, str)]
    return names[0] if names else label


def check_boundary(domain: Domain, label: Label, where: str) -> Label:
    """Return the canonical label of a part of the boundary.

    Raises:
        ConditionError: if there is no such part.
    """
    name = canonical(domain, label)
    if name is None or callable(name) or name in domain.boundaries:
        return name
    raise unknown_boundary(domain, label, where)


def unknown_boundary(domain: Domain, label: Label, where: str) -> ConditionError:
    """Return the error for a boundary that the domain does not have."""
    listed = ", ".join(f"{name!r} ({tag})" for name, tag in domain.boundaries.items()) or "none"
    if label in domain.subdomains or label in domain.subdomains.values():
        hint = f" {label!r} is a group of cells, not of facets."
    else:
        hint = nearest(label, domain.boundaries) if isinstance(label, str) else ""
    what = f"boundary {label!r}" if isinstance(label, str) else f"boundary with tag {label}"
    return ConditionError(
        f"{where} names the {what}, which the domain does not have.{hint} Boundaries (tags): {listed}."
    )


def _check_point(domain: Domain, condition: PointValue) -> None:
    if len(condition.at) != domain.dimension:
        axes = ", ".join(map(str, domain.coordinates))
        raise ConditionError(
            f"{condition!r} has {len(condition.at)} coordinates, but the domain has the axes {axes}. Give one per axis."
        )
    for (axis, (low, high)), value in zip(domain.bounds.items(), condition.at, strict=False):
        if not low <= value <= high:
            raise ConditionError(
                f"{condition!r} lies outside the domain: {axis} = {value:g} is not in [{low:g}, {high:g}]."
            )


def check_targets(conditions: Iterable[Condition], unknowns: Sequence[Field]) -> None:
    """Raise unless every condition is on an unknown of the equations.

    Raises:
        ConditionError: offers the nearest unknown.
    """
    names = {field.name: field for field in unknowns}
    for condition in conditions:
        if not isinstance(condition, UnknownCondition):
            continue
        field = condition.field
        if field not in unknowns or isinstance(field, TestFunction):
            kind = "a test function" if isinstance(field, TestFunction) else "not an unknown of the equations"
            raise ConditionError(
                f"{condition!r} is on {field}, which is {kind} (unknowns: {', '.join(names)})."
                f"{nearest(field.name, names)} Name an unknown."
            )
        if isinstance(field, NumberField):
            raise ConditionError(
                f"{condition!r} is on {field}, which is a single number and has no values on boundaries. Leave it out."
            )


def values_of(conditions: Iterable[Condition]) -> list[sp.Expr]:
    """Return the expressions in conditions."""
    return [expr for c in conditions if isinstance(c, UnknownCondition) for expr in c.expressions]


def check_values(conditions: Iterable[Condition], domain: Domain, unknowns: Sequence[Field]) -> None:
    """Raise if a value mentions what it cannot depend on.

    Raises:
        UnknownSymbol: for a plain symbol, or a coordinate that the domain lacks.
        ConditionError: for an unknown in a prescribed value.
    """
    for condition in conditions:
        if isinstance(condition, UnknownCondition):
            for expr in condition.expressions:
                for symbol in sorted(expr.free_symbols, key=str):
                    _check_symbol(condition, symbol, domain, unknowns)
                _check_kind(condition, expr)


def _check_symbol(condition: UnknownCondition, symbol: sp.Symbol, domain: Domain, unknowns: Sequence[Field]) -> None:
    if isinstance(symbol, (Parameter, Time)):
        return
    where = f"{condition!r} depends on"
    if isinstance(symbol, TestFunction):
        raise ConditionError(f"{where} the test function {symbol}. Test functions belong under rz.integral(...).")
    if isinstance(symbol, Field):
        if not isinstance(condition, (Neumann, Robin)):
            raise ConditionError(
                f"{where} the unknown {symbol}, but a prescribed value depends on coordinates, time and parameters "
                "only. Write a condition between unknowns as a flux: rz.Neumann or rz.Robin."
            )
        if symbol not in unknowns:
            names = [field.name for field in unknowns]
            raise ConditionError(f"{where} the field {symbol}, which no equation has.{nearest(symbol.name, names)}")
    elif isinstance(symbol, Coordinate):
        if symbol not in domain.coordinates:
            axes = [axis.name for axis in domain]
            raise UnknownSymbol(
                f"{where} the coordinate {symbol}, but the domain has the axes {', '.join(axes)}."
                f"{nearest(symbol.name, axes)}"
            )
    elif not isinstance(symbol, Geometric):
        fix = "Time is rz.t." if symbol.name == "t" else f"Make it with rz.params({symbol.name!r}, default=...)."
        raise UnknownSymbol(f"{where} {symbol}, which is neither a coordinate nor a parameter. {fix}")


def _check_kind(condition: UnknownCondition, expr: sp.Expr) -> None:
    from .weak_notation import IntegralTerm

    if expr.has(IntegralTerm):
        raise ConditionError(f"{condition!r} has an integral in its value. Use an expression of coordinates and time.")
    if expr.has(Dt):
        raise ConditionError(f"{condition!r} has a time derivative in its value. Write it into the equations.")
    if isinstance(condition, (Dirichlet, PointValue)) and expr.has(MeshOperator, Geometric):
        raise ConditionError(
            f"{condition!r} depends on the normal or the size of cells, which a prescribed value cannot. Use "
            "coordinates, time and parameters."
        )


def parts_of(condition: UnknownCondition, components: Mapping[Field, tuple[Field, ...]], expander: Expander) -> Tensor:
    """Return the component fields that a condition is on, as a tensor.

    Raises:
        ConditionError: if the component does not exist.
    """
    try:
        parts = expander(condition.target)
    except RankError as error:
        raise ConditionError(f"{condition!r}: {error}") from None
    if isinstance(condition, MeanZero) and parts.rank:
        first = f"rz.MeanZero(rz.component({condition.field}, {expander.space[0]}))"
        raise ConditionError(
            f"{condition!r} is on a {rank_name(parts.rank)}. Name one component, e.g. {first}, for each mean."
        )
    return parts


def value_entries(condition: UnknownCondition, expr: sp.Expr, parts: Tensor, expander: Expander) -> Tensor:
    """Return a value in components; the number zero fits every rank.

    Raises:
        ConditionError: if its rank is not that of the unknown.
    """
    if isinstance(expr, Field) and expr.rank == 0 and parts.rank == 0:
        return expander(expr)
    try:
        value = expander(expr)
    except RankError as error:
        raise ConditionError(f"{condition!r}: {error}") from None
    if value.rank == 0 and value.is_zero:
        return parts.map(lambda _: sp.S.Zero)
    if value.rank != parts.rank:
        example = f"({', '.join(['...'] * parts.size)})" if parts.rank else "a number or expression"
        fix = f"Give {example}" + ("." if not parts.rank else f", or use rz.component({condition.field}, ...).")
        raise ConditionError(
            f"{condition!r}: {condition.target} is a {rank_name(parts.rank)}, but its value {expr} is a "
            f"{rank_name(value.rank)}. {fix}"
        )
    return value


def check_conflicts(
    domain: Domain, conditions: Iterable[Condition], components: Mapping[Field, tuple[Field, ...]], expander: Expander
) -> None:
    """Raise if two conditions stand on one component and one boundary.

    Raises:
        ConditionError: shows both.
    """
    owner: dict[tuple[Field, Label], Condition] = {}
    means: dict[Field, Condition] = {}
    for condition in conditions:
        if isinstance(condition, MeanZero):
            (part,) = parts_of(condition, components, expander).entries
            if part in means:
                raise ConditionError(f"{condition!r} is given twice. Keep one of them.")
            means[part] = condition  # type: ignore[index]
        if not isinstance(condition, BoundaryCondition):
            continue
        for part in parts_of(condition, components, expander).entries:
            for label in _covered(domain, condition):
                other = owner.get((part, label))  # type: ignore[arg-type]
                if other is not None and other is not condition:
                    raise ConditionError(_conflict(part, label, other, condition))
                owner[part, label] = condition  # type: ignore[index]


def _covered(domain: Domain, condition: BoundaryCondition) -> list[Label]:
    if condition.on == (None,):
        return [None, *domain.boundaries]
    return [canonical(domain, label) for label in condition.on]


def _conflict(part: sp.Expr, label: Label, other: Condition, condition: Condition) -> str:
    both = isinstance(other, (Neumann, Robin)) and isinstance(condition, (Neumann, Robin))
    if isinstance(other, Dirichlet) and isinstance(condition, Dirichlet):
        fix = "Keep one of them."
    elif both:
        fix = f"Write both into one rz.Neumann, whose value may depend on {part}."
    else:
        fix = "A value and a flux cannot both be prescribed there: keep one of them."
    return f"{part} has two conditions on {label_text(label)}: {other!r} and {condition!r}. {fix}"
