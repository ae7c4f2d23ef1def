"""What holds on boundaries where nothing is prescribed, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .boundary_conditions import BoundaryCondition, Label, Neumann, Robin, label_text
from .condition_checks import canonical, parts_of
from .equation import text_of
from .fields import Field
from .tensors import Expander
from .weak_form import WeakForm

if TYPE_CHECKING:
    from .weak_derivation import Derivation
    from .weak_problem import Source


def natural_lines(derived: Sequence[Derivation], source: Source, form: WeakForm, expander: Expander) -> tuple[str, ...]:
    """Return lines about fluxes: prescribed ones, and those that vanish because no condition stands there."""
    lines = [_flux_line(condition, derived) for condition in source.of((Neumann, Robin))]
    for one in derived:
        if one.outflow is None:
            continue
        open_on: dict[tuple[str, ...], list[Field]] = {}
        for part in one.pair.parts:
            names = free_boundaries(part, source, expander)
            if names:
                open_on.setdefault(names, []).append(part)
        for names, parts in open_on.items():
            whole = len(parts) == len(one.pair.parts)
            what = text_of(one.pair.target) if whole else ", ".join(map(str, parts))
            zero = "n . F" if whole else "this part of n . F"
            lines.append(f"natural for {what}: {zero} = 0 on {', '.join(names)}, where n . F = {text_of(one.outflow)}")
    return tuple(lines)


def _flux_line(condition: Neumann | Robin, derived: Sequence[Derivation]) -> str:
    where = ", ".join(map(label_text, condition.on))
    flux = next((text_of(d.outflow) for d in derived if d.pair.field == condition.field), "n . F")
    part = f" (component {', '.join(map(str, condition.axes))})" if condition.axes else ""
    if isinstance(condition, Neumann):
        return f"{flux}{part} = {text_of(condition.value)} on {where}"
    away = condition.target - condition.value if condition.value != 0 else condition.target
    return f"{flux}{part} + {text_of(condition.coefficient * away)} = 0 on {where}"


def covered(part: Field, source: Source, expander: Expander) -> set[Label]:
    """Return the boundaries on which some condition stands on a component field."""
    found: set[Label] = set()
    for condition in source.of(BoundaryCondition):
        if part in parts_of(condition, source.components, expander).entries:
            found.update(canonical(source.domain, label) for label in condition.on)
    return found


def free_boundaries(part: Field, source: Source, expander: Expander) -> tuple[str, ...]:
    """Return the parts of the boundary, in words, where no condition stands on a component field."""
    taken = covered(part, source, expander)
    if None in taken:
        return ()
    joined = {canonical(source.domain, name) for pair in source_pairs(source) for name in pair}
    names = [repr(name) for name in source.domain.boundaries if name not in taken and name not in joined]
    if not source.domain.complete or any(callable(label) for label in taken):
        names.append("the rest of the boundary")
    return tuple(names)


def source_pairs(source: Source) -> tuple[tuple[str, str], ...]:
    """Return the periodic pairs of boundaries."""
    from .conditions import periodic_pairs

    return periodic_pairs(source.domain, source.conditions)
