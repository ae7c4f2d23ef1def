"""Calling a program once with symbolic arrays, and reading what it returns."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ritz.errors import ProblemError, RitzWarning, UnsupportedError, nearest
from ritz.symbolic.tracing.array import TracedArray, as_traced, axes_of, collapsed, looped
from ritz.symbolic.tracing.folding import substitute
from ritz.symbolic.tracing.oracle import over, run
from ritz.symbolic.tracing.tape import Array, Tape
from ritz.symbolic.tracing.ufuncs import number

AGREEMENT = 1e-8  # relative, between the recorded program and the program itself


@dataclass(frozen=True)
class Block:
    """One scalar array of the state: a field, or one entry of its short dimensions.

    Attributes:
        name: the field's name, with the entry's indices where there are several.
        field: the field it belongs to.
        place: index into the field's array of nodes.
        node: the input node.
    """

    name: str
    field: str
    place: tuple[int, ...]
    node: int


@dataclass(frozen=True)
class Recording:
    """A program as nodes.

    Attributes:
        tape: graph and data.
        shapes: field -> shape.
        blocks: the parts of the state, in order.
        rhs: block name -> node of its time derivative.
    """

    tape: Tape
    shapes: dict[str, tuple[int, ...]]
    blocks: tuple[Block, ...]
    rhs: dict[str, int]


def record(function: Callable[..., Any], shapes: Mapping[str, Sequence[int]], parameters: Sequence[str]) -> Recording:
    """Call ``function(t, *fields, *parameters)`` once with symbolic arrays.

    Args:
        function: returns the time derivative of every field, as one array, a tuple, a list or a dictionary.
        shapes: field -> shape; a scalar has the shape ``()``.
        parameters: names of scalars.

    Raises:
        ProblemError: the signature or the result does not fit the fields.
        UnsupportedError: something in the program cannot be recorded; the message names the line.
    """
    tape = Tape()
    g = tape.g
    blocks: list[Block] = []
    arguments: dict[str, TracedArray] = {}
    for name, shape in shapes.items():
        small = collapsed(shape)
        axes = [a for a in axes_of(tape, shape) if a is not None]
        nodes = np.empty(small, dtype=np.int64)
        for place in np.ndindex(*small):
            inner = [str(k) for n, k in zip(shape, place, strict=True) if not looped(n)]
            label = "_".join([name, *inner]) if nodes.size > 1 else name
            nodes[place] = g.input(label, "state", axes)
            blocks.append(Block(label, name, place, int(nodes[place])))
        arguments[name] = TracedArray(tape, shape, nodes, owner=name)
    scalars = {p: TracedArray(tape, (), g.input(p, "param"), owner=p) for p in parameters}
    time = TracedArray(tape, (), g.input("t", "time"), owner="t")
    order = call_order(function, list(shapes), list(parameters))
    made = function(time, *[arguments[n] if n in arguments else scalars[n] for n in order])
    results = read_result(tape, made, shapes)
    roots = [int(results[b.field].nodes[b.place]) for b in blocks]
    _check_unset(tape, roots, blocks)
    roots = substitute(g, roots, {tape.unset: g.zero})
    if not any(g.args[n][1] == "state" for n in g.inputs(roots)):
        warnings.warn(
            f"The result of {function_name(function)} does not depend on {', '.join(shapes)} at all. Does it use its "
            "arguments, or arrays of the same names from outside?",
            RitzWarning,
            stacklevel=4,
        )
    rhs = {b.name: root for b, root in zip(blocks, roots, strict=True)}
    return Recording(tape, {k: tuple(v) for k, v in shapes.items()}, tuple(blocks), rhs)


def function_name(function: Callable[..., Any]) -> str:
    """A name for messages."""
    return getattr(function, "__name__", type(function).__name__)


def call_order(function: Callable[..., Any], fields: Sequence[str], parameters: Sequence[str]) -> list[str]:
    """Names of the fields and parameters in the order of the function's arguments after time.

    Arguments are matched by name where all names agree; otherwise fields come first, in the order given, and then the
    parameters.

    Raises:
        ProblemError: the function takes a different number of arguments.
    """
    names = [*fields, *parameters]
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return names
    known = [p for p in signature.parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    open_ended = any(p.kind == p.VAR_POSITIONAL for p in signature.parameters.values())
    needed = [p.name for p in known[1:] if p.default is p.empty]
    own = [p.name for p in known[1:]]
    if set(names) <= set(own) and set(needed) <= set(names) and own[: len(names)] == [n for n in own if n in names]:
        return own[: len(names)]
    if not known or len(needed) > len(names) or (len(own) < len(names) and not open_ended):
        expected = ", ".join(["t", *names])
        missing = [n for n in needed if n not in names]
        hint = f" {missing[0]!r} is no field or parameter: give it in parameters=." if missing else ""
        raise ProblemError(
            f"{function_name(function)} takes the arguments ({', '.join(p.name for p in known)}), but it will be "
            f"called with ({expected}).{hint}"
        )
    unknown = [n for n in parameters if own and n not in own]
    close = next((nearest(n, own) for n in unknown if nearest(n, own)), "")
    if close and not open_ended:
        raise ProblemError(f"{function_name(function)} has no argument {unknown[0]!r}.{close}")
    return names


def read_result(tape: Tape, made: Any, shapes: Mapping[str, Sequence[int]]) -> dict[str, TracedArray]:
    """Time derivatives by field.

    Raises:
        ProblemError: a field is missing, or a shape differs from the field's.
    """
    names = list(shapes)
    if made is None:
        raise ProblemError(f"The program returns nothing. It must return the time derivative of {', '.join(names)}.")
    if isinstance(made, Mapping):
        surplus = [n for n in made if n not in shapes]
        missing = [n for n in names if n not in made]
        if surplus or missing:
            what = f"returns {surplus[0]!r}, which is no field" if surplus else f"returns nothing for {missing[0]!r}"
            raise ProblemError(f"The program {what}. Fields: {', '.join(names)}.")
        parts = [made[n] for n in names]
    elif len(names) == 1:
        parts = [made]
    else:
        if not isinstance(made, (tuple, list, TracedArray)) or len(made) != len(names):
            found = f"{len(made)} values" if isinstance(made, (tuple, list)) else f"a {type(made).__name__}"
            raise ProblemError(
                f"The program must return the time derivatives of {', '.join(names)}, in this order or as a "
                f"dictionary; it returns {found}."
            )
        parts = list(made)
    results = {}
    for name, part in zip(names, parts, strict=True):
        array = number(as_traced(tape, part))
        shape = tuple(shapes[name])
        if (
            len(names) == len(parts) == 1
            and isinstance(made, (tuple, list))
            and len(made) == 1
            and array.shape != shape
        ):
            array = number(as_traced(tape, made[0]))
        if array.shape != shape:
            hint = " Is the grid too small for the stencil?" if array.ndim == len(shape) else ""
            raise ProblemError(
                f"The time derivative of {name} has shape {array.shape}, but {name} has shape {shape}. Return an array "
                f"of the shape of {name}, for example one made by np.zeros_like({name}).{hint}"
            )
        results[name] = array
    return results


def _check_unset(tape: Tape, roots: Sequence[int], blocks: Sequence[Block]) -> None:
    """Refuse results with entries of an np.empty_like that were never filled."""
    g = tape.g
    if tape.unset not in set(g.inputs(roots)):
        return
    zeros = {
        n: np.zeros([tape.size[a] for a in tape.looped(g.axes[n])])
        for n in g.inputs(roots)
        if g.args[n][1] in ("state", "param", "time")
    }
    first, second = (run(tape, roots, zeros | {tape.unset: v}) for v in (1.5, 2.5))
    for block, a, b in zip(blocks, first, second, strict=True):
        if not np.array_equal(a, b, equal_nan=True):
            raise UnsupportedError(
                f"The time derivative of {block.name} has entries that come from np.empty_like and were never filled. "
                "Fill the whole array, or make it by np.zeros_like."
            )


# ---------------------------------------------------------------------- comparison with the program itself
def block_key(shape: Sequence[int], place: Sequence[int]) -> tuple[Any, ...]:
    """Where a block stands in the array of its field."""
    return tuple(slice(None) if looped(n) else k for n, k in zip(shape, place, strict=True))


def check_against(
    recording: Recording,
    function: Callable[..., Any],
    values: Mapping[str, Array],
    parameters: Mapping[str, float],
    t: float,
) -> None:
    """Compare the recorded program with the program itself on numbers.

    Args:
        recording: the program as nodes.
        function: the program.
        values: field -> array.
        parameters: name -> value.
        t: time.

    Raises:
        UnsupportedError: they differ: the program draws random numbers, keeps a memory between calls or reads
            something that is not recorded.
    """
    tape, g = recording.tape, recording.tape.g
    given: dict[int, Any] = {
        b.node: values[b.field][block_key(values[b.field].shape, b.place)] for b in recording.blocks
    }
    roots = list(recording.rhs.values())
    for n in g.inputs(roots):
        name, kind = g.args[n]
        if kind in ("param", "time"):
            given[n] = t if kind == "time" else parameters[name]
    recorded = dict(zip(recording.rhs, run(tape, roots, given), strict=True))
    order = call_order(function, list(values), list(parameters))
    with np.errstate(all="ignore"):
        numbers = {n: v.copy() if v.ndim else float(v) for n, v in values.items()} | dict(parameters)
        made = function(t, *[numbers[n] for n in order])
    names = list(values)
    parts = [made[n] for n in names] if isinstance(made, Mapping) else [made] if len(names) == 1 else list(made)
    for name, part in zip(names, parts, strict=True):
        expected = np.asarray(part, dtype=float).reshape(values[name].shape)
        size = float(np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected))) or 1.0
        for b in recording.blocks:
            if b.field != name:
                continue
            mine = over(recorded[b.name], tape.looped(g.axes[b.node]), tape)
            theirs = expected[block_key(expected.shape, b.place)]
            if not np.allclose(mine, theirs, rtol=AGREEMENT, atol=AGREEMENT * size, equal_nan=True):
                raise UnsupportedError(
                    f"{function_name(function)} gives another result for {b.name} when it is called with numbers than "
                    "what was recorded. Does it draw random numbers, keep a memory between calls, or change its "
                    "arguments? Random fields are to be drawn outside and used inside as constant arrays."
                )
