"""Initial values: brought into one form, and checked as far as a problem can."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from ..errors import InitialValueError, ProblemError, nearest
from .coordinates import Coordinate, Time
from .fields import Field, rank_name
from .operators import Dt, Operator, as_expression
from .parameters import Parameter
from .tensors import Expander

Key = Field | Dt


class FrozenMapping(Mapping[Any, Any]):
    """A mapping that cannot be changed and can be pickled."""

    def __init__(self, data: Mapping[Any, Any]) -> None:
        self._data = dict(data)

    def __getitem__(self, key: Any) -> Any:
        return self._data[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return repr(self._data)


@dataclass(frozen=True)
class ComponentOf:
    """One component of a callable that returns a whole vector.

    Attributes:
        function: takes the coordinate arrays, returns one array per component.
        place: which component.
    """

    function: Callable[..., Any]
    place: int

    def __call__(self, *coordinates: Any) -> Any:
        return self.function(*coordinates)[self.place]


def read_key(key: Any, names: Mapping[str, Field]) -> Key:
    """Return the unknown, or its time derivative, that a key of ``initial=`` names.

    Args:
        key: an unknown, its time derivative, or the name of one of them.
        names: name -> unknown.

    Raises:
        InitialValueError: if it is no unknown of the problem; offers the nearest name.
    """
    if isinstance(key, str):
        base, _, suffix = key.rpartition("_")
        if key not in names and base in names and suffix and set(suffix) == {"t"}:
            return Dt(names[base], len(suffix))
        if key in names:
            return names[key]
    field = key.expr if isinstance(key, Dt) else key
    if isinstance(field, Field) and names.get(field.name) == field:
        return key
    listed = ", ".join(names) or "none"
    hint = nearest(str(field), names)
    if isinstance(field, Parameter):
        hint = f" {field} is a parameter; give its value as default= or when solving."
    raise InitialValueError(
        f"initial= has a value for {key}, which is not an unknown of the equations (unknowns: {listed}).{hint}"
    )


def collect(
    given: Any,
    unknowns: tuple[Field, ...],
    components: Mapping[Field, tuple[Field, ...]],
    space: tuple[Coordinate, ...] = (),
) -> dict[Key, Any]:
    """Return initial values by unknown (or its time derivative), each checked.

    Tensor values become flat tuples with one entry per component; a number stands for all of them.

    Raises:
        InitialValueError: for a key that is no unknown, two values for one unknown, or a bad value.
    """
    if not isinstance(given, Mapping):
        raise InitialValueError(
            f"initial= must be a mapping such as {{u: sin(x)}}, but got {given!r} of type {type(given).__name__}."
        )
    result: dict[Key, Any] = {}
    names = {field.name: field for field in unknowns}
    for key, value in given.items():
        target = read_key(key, names)
        if target in result:
            raise InitialValueError(f"initial= gives two values for {target}. Keep one of them.")
        field = target.expr if isinstance(target, Dt) else target
        assert isinstance(field, Field)
        result[target] = _tensor_value(target, field, value, components[field], space)
    return result


def _tensor_value(key: Key, field: Field, value: Any, parts: tuple[Field, ...], space: tuple[Coordinate, ...]) -> Any:
    if not field.rank:
        return read_value(key, field, value)
    if callable(value) and not isinstance(value, sp.Basic):
        return tuple(ComponentOf(value, place) for place in range(len(parts)))
    if _is_number(value):
        return (read_value(key, field, value),) * len(parts)
    entries = _flatten(value, field.rank)
    if entries is None and isinstance(value, sp.Expr) and value.has(Operator):
        expanded = Expander(space, {})(value)  # a sum of vectors, a curl, ...
        entries = list(expanded.entries) if expanded.rank == field.rank else None
    if entries is None or len(entries) != len(parts):
        raise InitialValueError(
            f"The initial value of the {rank_name(field.rank)} {key} needs {len(parts)} components "
            f"({', '.join(map(str, parts))}), but got {_describe(value)}. Give a tuple with one value per "
            "component, or one number for all of them."
        )
    return tuple(read_value(part, field, entry) for part, entry in zip(parts, entries, strict=True))


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 0
    return isinstance(value, (int, float, complex, np.generic)) or (isinstance(value, sp.Expr) and value.is_number)


def _flatten(value: Any, rank: int) -> list[Any] | None:
    """Return the entries of a nested sequence of depth `rank`, or None if it is none."""
    if rank == 0:
        return [value]
    if isinstance(value, sp.MatrixBase):
        value = list(value) if value.cols == 1 else value.tolist()
    elif isinstance(value, Operator) and value.word == "vector":
        value = value.args
    if not isinstance(value, (tuple, list, np.ndarray)) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return None
    rows = [_flatten(entry, rank - 1) for entry in value]
    if any(row is None for row in rows):
        return None
    return [entry for row in rows if row is not None for entry in row]


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, (tuple, list)):
        return f"{len(value)}"
    return repr(value)


def read_value(key: Any, field: Field, value: Any) -> Any:
    """Return one scalar initial value as an expression, a read-only array or a callable.

    Raises:
        InitialValueError: for NaN or infinite numbers, complex data for a real field, or something else entirely.
    """
    if isinstance(value, str):
        raise InitialValueError(
            f"The initial value of {key} is the string {value!r}. Parse it with rz.parse(text, symbols), "
            "or use Problem.from_strings."
        )
    if isinstance(value, sp.Expr):
        return _checked_expression(key, field, value)
    if callable(value):
        return value
    if isinstance(value, (list, tuple)) or hasattr(value, "__array__"):
        array = np.array(value)
        return _checked_array(key, field, array) if array.ndim else _number(key, field, array.item())
    return _number(key, field, value)


def _number(key: Any, field: Field, value: Any) -> sp.Expr:
    try:
        return _checked_expression(key, field, as_expression(value, f"an initial value of {key}"))
    except ProblemError as error:
        raise InitialValueError(str(error)) from None


def _checked_expression(key: Any, field: Field, value: sp.Expr) -> sp.Expr:
    if value.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
        raise InitialValueError(f"The initial value of {key} is {value}, which is not finite. Give a finite value.")
    if value.is_real is False and not field.is_complex_field:
        raise InitialValueError(
            f"The initial value of {key} is {value}, which is complex, but {field} is a real field. "
            f"Make it complex: rz.fields({field.name!r}, complex=True)."
        )
    return value


def _checked_array(key: Any, field: Field, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "biufc":
        raise InitialValueError(f"The initial array of {key} must hold numbers, but its dtype is {array.dtype}.")
    bad = ~np.isfinite(array)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        place = first[0] if len(first) == 1 else first
        raise InitialValueError(
            f"The initial array of {key} has {int(bad.sum())} entries that are not finite; "
            f"the first is {array[first]} at index {place}. Replace them."
        )
    if array.dtype.kind == "c" and not field.is_complex_field:
        if array.imag.any():
            raise InitialValueError(
                f"The initial array of {key} is complex, but {field} is a real field. "
                f"Make it complex: rz.fields({field.name!r}, complex=True)."
            )
        array = array.real
    array = array.astype(complex if field.is_complex_field and array.dtype.kind == "c" else float)
    array.setflags(write=False)
    return array


def check_symbols(key: Any, value: sp.Expr, space: tuple[Coordinate, ...]) -> None:
    """Raise if an initial expression depends on anything but the coordinates of the domain and parameters.

    Raises:
        InitialValueError: names the symbol and what to do.
    """
    if value.has(Operator):
        raise InitialValueError(f"The initial value of {key}, {value}, has an operator in it. Write it out.")
    for symbol in sorted(value.free_symbols, key=str):
        if isinstance(symbol, Parameter) or symbol in space:
            continue
        if isinstance(symbol, Coordinate):
            axes = f"the domain has the axes {', '.join(map(str, space))}" if space else "the problem has no domain"
            reason = f"the coordinate {symbol}, but {axes}.{nearest(symbol.name, [axis.name for axis in space])}"
        elif isinstance(symbol, Time):
            reason = "time. Put in the starting time, e.g. with .subs(rz.t, 0)."
        elif isinstance(symbol, Field):
            reason = f"the unknown {symbol}. Use coordinates and parameters only."
        else:
            names = [axis.name for axis in space]
            reason = f"the plain symbol {symbol}, which Ritz does not know.{nearest(str(symbol), names)} "
            reason += "Make symbols with rz.coords or rz.params."
        raise InitialValueError(f"The initial value of {key}, {value}, depends on {reason}")
