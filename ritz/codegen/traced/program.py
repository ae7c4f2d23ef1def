"""A traced program as a model, and the system made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ritz.codegen.lowered import Lowered
from ritz.codegen.parameter_info import ParameterInfo
from ritz.codegen.program import loop_axes
from ritz.codegen.system import System
from ritz.codegen.traced.layout import ArrayLayout
from ritz.codegen.traced.space import TracedSpace
from ritz.errors import InitialValueError, OptionError, ParameterError
from ritz.symbolic.tracing.record import Recording, check_against, function_name, record

MOST_COMPARED = 2_000_000  # numbers in a state; beyond it the comparison takes too much memory


class TracedProgram:
    """A NumPy program and the arrays it works on: what `trace` makes a system of.

    Attributes:
        function: the program.
        shapes: field -> shape.
        parameters: names, defaults and bounds of its scalars.
        initial: field -> initial values, or None.
        coordinates: name -> grid points, or None.
        name: for titles.
        equations: empty; a program has no equations in symbols.
    """

    equations: tuple[Any, ...] = ()

    def __init__(
        self,
        function: Callable[..., Any],
        shapes: Mapping[str, Sequence[int]],
        parameters: Mapping[str, Any],
        initial: Mapping[str, Any] | None,
        coordinates: Mapping[str, Any] | None,
    ) -> None:
        self.function, self.shapes = function, {k: tuple(int(n) for n in v) for k, v in shapes.items()}
        self.parameters = tuple(_parameter(str(name), value) for name, value in parameters.items())
        self.initial = None if initial is None else dict(initial)
        self.coordinates = coordinates
        self.name = function_name(function)

    def __repr__(self) -> str:
        fields = ", ".join(f"{n}: {s}" for n, s in self.shapes.items())
        return f"TracedProgram({self.name}, {fields})"

    def equation_lines(self) -> tuple[str, ...]:
        """The equations as text: a program has none."""
        return ()

    def require_initial(self) -> None:
        """Raise unless there are initial values.

        Raises:
            InitialValueError: there are none.
        """
        if self.initial is None:
            names = ", ".join(self.shapes)
            raise InitialValueError(f"{self.name} has no initial values of {names}: pass y0= or trace with initial=.")

    def discretize(self, discretization: Any = None, *, rewriter: str | None = "egraph") -> System:
        """Record the program and return its `System`."""
        recording = record(self.function, self.shapes, [p.name for p in self.parameters])
        layout = ArrayLayout(self.shapes, recording.blocks, self.coordinates)
        start = None if self.initial is None else layout.from_fields(self.initial)
        choices = [f"{self.name} was recorded from one call; loops over dimensions of more than 8 entries are kept"]
        if layout.size <= MOST_COMPARED:
            self._check(recording, layout, start)
        else:
            choices.append(
                f"with more than {MOST_COMPARED} numbers the record was not compared with the program itself"
            )
        states = {b.name: b.node for b in recording.blocks}
        names = tuple(p.name for p in self.parameters)
        g = recording.tape.g
        flat = not any(loop_axes(g, n) or g.op[n] in ("map", "gather") for n in g.topological(recording.rhs.values()))
        space = None if flat else TracedSpace(recording.tape)
        lowered = Lowered(
            g, space, layout, states, None, dict(recording.rhs), names,
            choices=choices,
        )  # fmt: skip
        return System(lowered, problem=self, discretization=Tracing(), rewriter=rewriter)

    def _check(self, recording: Recording, layout: ArrayLayout, start: Any) -> None:
        """Run the program once on numbers, near the initial values or between 0.2 and 0.8, and compare."""
        rng = np.random.default_rng(20240607)
        noise = rng.uniform(0.2, 0.8, layout.size)
        u = noise if start is None else start + 1e-3 * (1 + np.abs(start)) * (noise - 0.5)
        p = {q.name: q.default if q.default is not None else float(rng.uniform(0.5, 1.0)) for q in self.parameters}
        check_against(recording, self.function, layout.to_arrays(u), p, 0.375)


class Tracing:
    """Stands where other systems have a discretisation: a traced program brings its own grid."""

    def discretize(self, program: TracedProgram, *, rewriter: str | None = "egraph") -> System:
        """Return the `System` of a program."""
        return program.discretize(rewriter=rewriter)

    def __repr__(self) -> str:
        return "Tracing()"


def _parameter(name: str, value: Any) -> ParameterInfo:
    if value is None:
        return ParameterInfo(name, None, None)
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ParameterError(
            f"The parameter {name} must be a number (its default) or None, found {value!r}. Constant arrays are used "
            "inside the function as they are."
        ) from None
    if not np.isfinite(number):
        raise ParameterError(f"The parameter {name} is {number}, not a finite number.")
    return ParameterInfo(name, number, None)


def read_shapes(fields: Mapping[str, Any]) -> tuple[dict[str, tuple[int, ...]], dict[str, Any] | None]:
    """Shapes, and initial values where example arrays were given.

    Raises:
        OptionError: a field is neither a shape nor an array.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    examples: dict[str, Any] = {}
    for name, given in fields.items():
        if isinstance(given, np.ndarray):
            shapes[name], examples[name] = given.shape, given
        elif isinstance(given, (int, np.integer)) and given > 0:
            shapes[name] = (int(given),)
        elif isinstance(given, tuple) and all(isinstance(n, (int, np.integer)) and n > 0 for n in given):
            shapes[name] = tuple(int(n) for n in given)
        else:
            raise OptionError(
                f"{name}= takes the shape of an array, such as (128, 128), or an example array; found {given!r}. "
                "Scalars of the program go into parameters={...}."
            )
    return shapes, examples if len(examples) == len(shapes) else None
