"""Problems written entirely in strings: unknowns and parameters are made from their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sympy as sp

from ..errors import ParameterError, ProblemError
from .coordinates import Coordinate
from .domains import Domain
from .fields import Field
from .lexer import Token, tokenize
from .operators import Dt
from .parameters import Parameter
from .parse import parse_equation, parse_expression

if TYPE_CHECKING:
    from .problem import Problem


def problem_from_strings(
    make: type[Problem],
    equations: str | Sequence[str],
    unknowns: str | Iterable[str | Field] | None = None,
    parameters: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | Sequence[Any] | None = None,
    *,
    domain: Domain | None = None,
    conditions: Any = (),
    name: str | None = None,
    complex: str = "",
    vectors: str = "",
) -> Problem:
    """Make a problem from strings; see `Problem.from_strings`."""
    texts = [equations] if isinstance(equations, str) else list(equations)
    values = {} if parameters is None else dict(parameters)
    given = _make_parameters(values)
    fields = _make_fields(texts, unknowns, initial, set(values), domain, complex.split(), vectors.split())
    symbols: dict[str, sp.Symbol] = {axis.name: axis for axis in domain or ()}
    symbols |= {p.name: p for p in given} | {field.name: field for field in fields}
    read = [parse_equation(text, symbols) for text in texts]
    return make(
        read,
        domain=domain,
        conditions=conditions,
        initial=_read_initial(initial, fields, symbols, domain),
        parameters=given or None,
        name=name,
        unknowns=fields,
    )


def _make_parameters(values: Mapping[str, Any]) -> tuple[Parameter, ...]:
    made = []
    for name, value in values.items():
        if isinstance(value, Parameter):
            made.append(value)
            continue
        number = parse_expression(value) if isinstance(value, str) else value
        if isinstance(number, sp.Expr) and not number.is_number:
            raise ParameterError(f"The default of parameter {name} must be a number, but got {value!r}.")
        made.append(Parameter(name, None if number is None else float(number)))
    return tuple(made)


def _make_fields(
    texts: Sequence[str],
    unknowns: str | Iterable[str | Field] | None,
    initial: Any,
    parameters: set[str],
    domain: Domain | None,
    complex_names: Sequence[str],
    vector_names: Sequence[str],
) -> tuple[Field, ...]:
    if isinstance(unknowns, str):
        unknowns = unknowns.replace(",", " ").split()
    if unknowns is None:
        axes = {axis.name for axis in domain or ()}
        names: list[str | Field] = list(differentiated_names(texts, axes, parameters))
        if isinstance(initial, Mapping):
            names += [key for key in map(_base_name, initial) if key not in names]
    else:
        names = list(unknowns)
    if not names:
        raise ProblemError(
            "No unknown was found: no name has a derivative. Pass unknowns='u v', or write e.g. 'dt(u) = -u'."
        )
    return tuple(
        entry if isinstance(entry, Field) else Field(entry, int(entry in vector_names), entry in complex_names)
        for entry in names
    )


def _base_name(key: Any) -> str:
    name = str(key.expr if isinstance(key, Dt) else key)
    base, _, suffix = name.rpartition("_")
    return base if base and suffix and set(suffix) == {"t"} else name


def differentiated_names(texts: Iterable[str], axes: set[str], parameters: set[str]) -> list[str]:
    """Return the names that stand under a derivative, those under a time derivative first, in order of appearance.

    Example:
        >>> differentiated_names(["u_t = -u*u_x - p_x", "d(w)/dt = k*w"], {"x"}, {"k"})
        ['u', 'w', 'p']
    """
    in_time: dict[str, None] = {}
    others: dict[str, None] = {}
    for text in texts:
        tokens = tokenize(text)
        for place, token in enumerate(tokens):
            if token.kind == "name" and token.text not in parameters:
                name, time = _under_derivative(tokens, place, axes | {"t"} | set("xyz"))
                if name and name not in parameters:
                    (in_time if time else others)[name] = None
    return list({**in_time, **others})


def _under_derivative(tokens: list[Token], place: int, axes: set[str]) -> tuple[str, bool]:
    """Return the field that the name at `place` differentiates, and whether in time; an empty name for none."""
    word = tokens[place].text
    after = [token.text for token in tokens[place + 1 : place + 6]]
    before = [token.text for token in tokens[max(0, place - 1) : place]]
    base, _, suffix = word.rpartition("_")
    if base and suffix and set(suffix) <= axes and base != "d":
        return base, "t" in suffix
    if word in ("d", "d2") and after[:1] == ["("] and after[2:5] in ([")", "/", "dt"], [")", "/", "dt2"]):
        return after[1], True
    if word == "dt" and after[:1] == ["("] and len(after) > 1 and before != ["/"]:
        return after[1], True
    if word.startswith("d") and after[:2] in (["/", "dt"], ["/", "dt2"]):
        return word[1:].lstrip("0123456789"), True
    if before == ["∂"] and after[:2] == ["/", "∂"]:
        return word, after[2:3] == ["t"]
    if before == ["∂"] and set(word.lstrip("_")) <= axes and tokens[place + 1].kind == "name":
        return after[0], word.lstrip("_")[:1] == "t"
    if after[:1] == ["'"]:
        return word, True
    if word in ("lap", "laplacian", "Laplacian", "dx", "dy", "dz", "grad", "div") and after[:1] == ["("]:
        return (after[1], False) if tokens[place + 2].kind == "name" and after[2:3] in ([")"], [","]) else ("", False)
    return "", False


def _read_initial(
    initial: Any, fields: tuple[Field, ...], symbols: Mapping[str, sp.Symbol], domain: Domain | None
) -> dict[Any, Any]:
    """Return initial values with strings parsed; a sequence gives one value per unknown, in order."""
    if initial is None:
        return {}
    if not isinstance(initial, Mapping):
        entries = list(initial)
        if len(entries) != len(fields):
            raise ProblemError(
                f"initial= has {len(entries)} values for {len(fields)} unknowns ({', '.join(map(str, fields))}). "
                "Give one per unknown, or a mapping {name: value}."
            )
        initial = dict(zip(fields, entries, strict=True))
    known = {s.name: s for s in symbols.values() if isinstance(s, (Parameter, Coordinate))}
    return {key: _value(value, known) for key, value in initial.items()}


def _value(value: Any, symbols: Mapping[str, sp.Symbol]) -> Any:
    if isinstance(value, str):
        return parse_expression(value, symbols)
    if isinstance(value, (tuple, list)):
        return tuple(_value(entry, symbols) for entry in value)
    return value
