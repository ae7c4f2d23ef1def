"""Checks of the symbols and the balance of a problem. Every message shows the user's own equation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import sympy as sp
from sympy.core.function import AppliedUndef

from ..errors import ParameterError, ProblemError, UnknownSymbol, nearest
from .coordinates import Coordinate, Time
from .domains import Domain
from .equation import Eq, quote
from .fields import Field
from .mesh_operators import MeshOperator
from .operators import Dt
from .parameters import Parameter
from .scalar_form import ScalarEquation, is_divergence_constraint
from .weak_form import Geometric, TestFunction
from .weak_notation import IntegralTerm


def as_fields(given: Any) -> tuple[Field, ...] | None:
    """Return ``unknowns=`` as a tuple of distinct fields; None stays None.

    Raises:
        ProblemError: for something that is no field, or a field named twice.
    """
    if given is None:
        return None
    fields = (given,) if isinstance(given, Field) else tuple(given)
    for field in fields:
        if not isinstance(field, Field):
            raise ProblemError(f"unknowns= must hold fields from rz.fields(...), but got {field!r}.")
        if fields.count(field) > 1:
            raise ProblemError(f"unknowns= names {field} twice.")
    return fields


def as_parameters(given: Any) -> tuple[Parameter, ...] | None:
    """Return ``parameters=`` as a tuple of distinct parameters; None stays None.

    Raises:
        ParameterError: for something that is no parameter, or a parameter named twice.
    """
    if given is None:
        return None
    parameters = (given,) if isinstance(given, Parameter) else tuple(given)
    for parameter in parameters:
        if not isinstance(parameter, Parameter):
            raise ParameterError(f"parameters= must hold parameters from rz.params(...), but got {parameter!r}.")
        if parameters.count(parameter) > 1:
            raise ParameterError(f"parameters= names {parameter} twice.")
    return parameters


def check_symbols(
    equations: tuple[Eq, ...],
    domain: Domain | None,
    parameters: tuple[Parameter, ...] | None,
    unknowns: tuple[Field, ...] | None,
) -> None:
    """Raise if an equation mentions anything that is no field, parameter, coordinate of the domain or time.

    Raises:
        UnknownSymbol: with the nearest known name.
        ProblemError: if two different objects share one name.
    """
    known: dict[str, sp.Symbol] = {axis.name: axis for axis in domain or ()}
    for symbol in (*(parameters or ()), *(unknowns or ())):
        _same_name(known, symbol, None, 0)
    for number, equation in enumerate(equations, start=1):
        for symbol in _symbols(equation):
            if isinstance(symbol, (Field, Parameter)):
                _same_name(known, symbol, equation, number)
    for number, equation in enumerate(equations, start=1):
        weak = _check_functions(equation, number, domain)
        for symbol in _symbols(equation):
            if not weak and isinstance(symbol, (TestFunction, Geometric)):
                _refuse_outside_integrals(symbol, equation, number)
            _check_symbol(symbol, equation, number, domain, known, unknowns)


def _symbols(equation: Eq) -> list[sp.Symbol]:
    return sorted(equation.lhs.free_symbols | equation.rhs.free_symbols, key=lambda s: (s.name, type(s).__name__))


def _same_name(known: dict[str, sp.Symbol], symbol: sp.Symbol, equation: Eq | None, number: int) -> None:
    other = known.setdefault(symbol.name, symbol)
    if other == symbol:
        return
    kinds = {type(other).__name__.lower(), type(symbol).__name__.lower()}
    if len(kinds) == 1:
        detail = f"two different {kinds.pop()}s are named {symbol.name}{_difference(other, symbol)}"
    else:
        detail = f"{symbol.name} names both a {' and a '.join(sorted(kinds))}"
    where = f"\n{quote(equation, number, symbol)}" if equation is not None else ""
    raise ProblemError(f"In one problem, {detail}. Rename one, or make it once and use that object.{where}")


def _difference(a: sp.Symbol, b: sp.Symbol) -> str:
    if isinstance(a, Parameter) and isinstance(b, Parameter):
        return f" (defaults {a.default} and {b.default}, bounds {a.bounds} and {b.bounds})"
    if isinstance(a, Field) and isinstance(b, Field):
        return f" (ranks {a.rank} and {b.rank}, complex {a.is_complex_field} and {b.is_complex_field})"
    return ""


def _check_functions(equation: Eq, number: int, domain: Domain | None) -> bool:
    """Raise for nodes that no equation can hold, or none without integrals; return whether it has integrals."""
    foreign = (AppliedUndef, sp.Derivative, sp.Integral)
    found = [side.atoms(*foreign, IntegralTerm, MeshOperator) for side in (equation.lhs, equation.rhs)]
    if not any(found):
        return False
    weak = any(isinstance(node, IntegralTerm) for nodes in found for node in nodes)
    for node in (node for nodes in found for node in sorted(nodes, key=str)):
        if isinstance(node, AppliedUndef):
            fix = f"Make unknowns with rz.fields('{node.func}') and write {node.func} alone."
        elif isinstance(node, sp.Derivative):
            fix = "Write derivatives as rz.dt(u), rz.dx(u) or rz.d(u, x)."
        elif isinstance(node, sp.Integral):
            fix = "Write the integrals of a weak form as rz.integral(...); evaluate others first."
        elif isinstance(node, MeshOperator) and not weak:
            _refuse_outside_integrals(node, equation, number)
        elif domain is None:
            raise ProblemError(f"{node} needs a domain. Add domain=rz.Box(x=(0, L)).\n{quote(equation, number, node)}")
        if isinstance(node, foreign):
            raise UnknownSymbol(f"{node} is not part of the language. {fix}\n{quote(equation, number, node)}")
    return weak


def _refuse_outside_integrals(node: sp.Basic, equation: Eq, number: int) -> NoReturn:
    what = "a test function" if isinstance(node, TestFunction) else "a quantity of the mesh"
    raise ProblemError(
        f"{node} is {what}, which belongs under an integral of a weak form. Write rz.integral(...) around the "
        f"terms of the equation.\n{quote(equation, number, node)}"
    )


def _check_symbol(
    symbol: sp.Symbol,
    equation: Eq,
    number: int,
    domain: Domain | None,
    known: dict[str, sp.Symbol],
    unknowns: tuple[Field, ...] | None,
) -> None:
    if isinstance(symbol, (Parameter, Time, TestFunction, Geometric)):
        return
    if isinstance(symbol, Field):
        if unknowns is not None and symbol not in unknowns:
            names = [field.name for field in unknowns]
            raise UnknownSymbol(
                f"The field {symbol} is not among unknowns=({', '.join(names)}).{nearest(symbol.name, names)} "
                f"Add it there.\n{quote(equation, number, symbol)}"
            )
    elif isinstance(symbol, Coordinate):
        if domain is None:
            raise UnknownSymbol(
                f"The equation uses the coordinate {symbol}, but the problem has no domain. "
                f"Add domain=rz.Box({symbol}=(0, L)).\n{quote(equation, number, symbol)}"
            )
        axes = [axis.name for axis in domain]
        if symbol not in domain.coordinates:
            raise UnknownSymbol(
                f"The equation uses the coordinate {symbol}, but {domain!r} has the axes {', '.join(axes)}."
                f"{nearest(symbol.name, axes)} Add the axis or correct the name.\n{quote(equation, number, symbol)}"
            )
    else:
        _unknown_symbol(symbol, quote(equation, number, symbol), known)


def _unknown_symbol(symbol: sp.Symbol, where: str, known: dict[str, sp.Symbol]) -> None:
    if symbol.name == "t":
        fix = "Time is rz.t."
    elif symbol.name in known:
        kind = type(known[symbol.name]).__name__.lower()
        fix = f"Use the {kind} {symbol} that the problem has, not a SymPy symbol of the same name."
    else:
        fix = (
            f"{nearest(symbol.name, known).strip()} Make it with rz.params({symbol.name!r}, default=...) if it is "
            f"given, with rz.fields({symbol.name!r}) if it is unknown."
        ).strip()
    raise UnknownSymbol(f"{symbol} is neither a coordinate, a field nor a parameter. {fix}\n{where}")


def order_unknowns(equations: tuple[Eq, ...], chosen: tuple[Field, ...] | None) -> tuple[Field, ...]:
    """Return the unknowns: as chosen, or those with a time derivative in order of their equations, then the others.

    Raises:
        ProblemError: if a chosen unknown occurs in no equation, or there is no unknown at all.
    """
    evolving: dict[Field, None] = {}
    others: dict[Field, None] = {}
    for equation in equations:
        for side in (equation.lhs, equation.rhs):
            for node in sorted(side.atoms(Dt), key=str):
                inside = node.args[0].free_symbols if not isinstance(node.args[0], Field) else {node.args[0]}
                evolving.update(dict.fromkeys(sorted((s for s in inside if isinstance(s, Field)), key=natural)))
        others.update(dict.fromkeys(s for s in sorted(_symbols(equation), key=natural) if isinstance(s, Field)))
    found = tuple(field for field in {**evolving, **others} if not isinstance(field, TestFunction))
    if not found:
        raise ProblemError(
            f"The equations mention no unknown. Make unknowns with rz.fields(...).\n{quote(equations[0], 1)}"
        )
    if chosen is None:
        return found
    for field in chosen:
        if field not in found:
            raise ProblemError(
                f"No equation mentions the unknown {field}. Add an equation for it or drop it from unknowns=."
            )
    return chosen


def natural(symbol: sp.Symbol) -> list[Any]:
    """Return a sort key that puts y2 before y10.

    Example:
        >>> sorted(map(sp.Symbol, ["y10", "y2"]), key=natural)
        [y2, y10]
    """
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", symbol.name)]


def order_parameters(
    equations: tuple[Eq, ...], initial: Iterable[Any], declared: tuple[Parameter, ...] | None
) -> tuple[Parameter, ...]:
    """Return the parameters: as declared, or all that occur, sorted by name.

    Raises:
        ParameterError: if a declared parameter is used nowhere, or a used one is not declared.
    """
    used: dict[Parameter, tuple[Eq, int] | None] = {}
    for number, equation in enumerate(equations, start=1):
        for symbol in _symbols(equation):
            if isinstance(symbol, Parameter):
                used.setdefault(symbol, (equation, number))
    for value in initial:
        for entry in value if isinstance(value, tuple) else (value,):
            if isinstance(entry, sp.Basic):
                for symbol in entry.free_symbols:
                    if isinstance(symbol, Parameter):
                        used.setdefault(symbol, None)
    if declared is None:
        return _distinct(sorted(used, key=natural))
    for parameter in declared:
        if parameter not in used:
            names = [p.name for p in used]
            raise ParameterError(
                f"Parameter {parameter} is in parameters= but occurs in no equation, condition, initial value or event."
                f"{nearest(parameter.name, names)} Use it or drop it."
            )
    for parameter, place in used.items():
        if parameter not in declared:
            elsewhere = " (it occurs in a condition, an initial value or an event)"
            where = f"\n{quote(*place, parameter)}" if place else elsewhere
            raise ParameterError(f"Parameter {parameter} is used but missing from parameters=. Add it there.{where}")
    return declared


def _distinct(parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
    for a, b in zip(parameters, parameters[1:], strict=False):
        if a.name == b.name:
            raise ParameterError(
                f"Two different parameters are named {a.name}{_difference(a, b)}. Make it once and use that object."
            )
    return tuple(parameters)


def check_counts(written: tuple[Eq, ...], equations: tuple[ScalarEquation, ...], unknowns: tuple[Field, ...]) -> None:
    """Raise unless every unknown can be matched with an equation of its own.

    Surplus equations are allowed only as pure divergence constraints such as ``div(b) = 0``.

    Raises:
        ProblemError: names the unknowns without an equation, or the equations too many.
    """
    mentions = [equation.expr.free_symbols for equation in equations]
    for equation, symbols in zip(equations, mentions, strict=True):
        if not any(isinstance(symbol, Field) for symbol in symbols):
            what = "holds always" if equation.expr == 0 else "mentions no unknown"
            raise ProblemError(
                f"{equation.label.capitalize()} {what}. Remove or correct it.\n"
                f"{quote(written[equation.source], equation.source + 1)}"
            )
    owner = match(equations, unknowns)
    orphans = [field for field in unknowns if field not in owner.values()]
    surplus = [e for i, e in enumerate(equations) if i not in owner and not is_divergence_constraint(e)]
    if orphans:
        _raise_orphans(written, equations, unknowns, orphans, surplus)
    if surplus:
        _raise_surplus(written, equations, unknowns, surplus)


def _raise_orphans(
    written: tuple[Eq, ...],
    equations: tuple[ScalarEquation, ...],
    unknowns: tuple[Field, ...],
    orphans: list[Field],
    surplus: list[ScalarEquation],
) -> None:
    names = ", ".join(map(str, orphans))
    counts = f"{len(unknowns)} unknowns ({', '.join(map(str, unknowns))}) but {len(equations)} equations"
    if len(unknowns) == 1:
        counts = counts.replace("unknowns", "unknown")
    if len(equations) == 1:
        counts = counts.replace("equations", "equation")
    if surplus:
        places = "\n".join(quote(written[e.source], e.source + 1) for e in surplus[:3])
        raise ProblemError(
            f"No equation determines {names}, while these say nothing new about the other unknowns:\n{places}\n"
            f"Let one of them determine {names}."
        )
    raise ProblemError(
        f"{counts}: no equation is left to determine {names}. Add one, e.g. rz.Eq(rz.dt({orphans[0]}), ...), or make "
        f"{orphans[0]} a parameter with rz.params({orphans[0].name!r}, default=...) if its value is given."
    )


def _raise_surplus(
    written: tuple[Eq, ...],
    equations: tuple[ScalarEquation, ...],
    unknowns: tuple[Field, ...],
    surplus: list[ScalarEquation],
) -> None:
    extra = surplus[0]
    twins = [e.label for e in equations if e is not extra and e.expr.atoms(Dt) & extra.expr.atoms(Dt)]
    rate = sorted(map(str, extra.expr.atoms(Dt)))
    detail = f" It gives {rate[0]}, as {twins[0]} does." if twins and rate else ""
    plural = "unknown" if len(unknowns) == 1 else "unknowns"
    raise ProblemError(
        f"{len(equations)} equations but {len(unknowns)} {plural} ({', '.join(map(str, unknowns))}): "
        f"{extra.label} is too many.{detail} Remove it, or add the unknown it is meant for.\n"
        f"{quote(written[extra.source], extra.source + 1)}"
    )


def match(equations: Sequence[ScalarEquation], unknowns: Sequence[Field]) -> dict[int, Field]:
    """Return a largest matching equation index -> unknown it determines; rates come first, div(b) = 0 last.

    Example:
        >>> u, v = Field("u"), Field("v")
        >>> match([ScalarEquation(Dt(u) - v, 0, ""), ScalarEquation(u - v, 1, "")], [u, v])
        {0: u, 1: v}
    """
    wanted = set(unknowns)
    choices: list[list[Field]] = []
    for equation in equations:
        rates = {node.args[0] for node in equation.expr.atoms(Dt)}
        present = [s for s in equation.expr.free_symbols if s in wanted]
        choices.append(sorted(present, key=lambda s: (s not in rates, natural(s))))
    taken: dict[Field, int] = {}
    order = sorted(
        range(len(equations)), key=lambda i: (is_divergence_constraint(equations[i]), not equations[i].expr.has(Dt))
    )
    for start in order:
        _augment(start, choices, taken)
    return dict(sorted((i, field) for field, i in taken.items()))


def _augment(start: int, choices: list[list[Field]], taken: dict[Field, int]) -> None:
    """Give equation `start` an unknown, moving others along an alternating path if need be."""
    reached: dict[Field, int] = {}
    queue = [start]
    for equation in queue:
        for field in choices[equation]:
            if field in reached:
                continue
            reached[field] = equation
            if field in taken:
                queue.append(taken[field])
                continue
            while True:
                giver = reached[field]
                previous = next((f for f, i in taken.items() if i == giver), None)
                taken[field] = giver
                if giver == start or previous is None:
                    return
                field = previous
