"""A `Problem` that is a graph from the start: what importers of model files return.

Its equations never pass through SymPy on the way to a System; they are made for display, one by one, when asked for.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Self

import sympy as sp

from ritz.errors import InitialValueError, ProblemError, reject_unknown
from ritz.symbolic import initial as initial_values
from ritz.symbolic.coordinates import Time
from ritz.symbolic.equation import Eq
from ritz.symbolic.event_form import event_forms
from ritz.symbolic.events import check_event_symbols, check_events
from ritz.symbolic.fields import Field
from ritz.symbolic.graph_text import GraphText
from ritz.symbolic.operators import Dt
from ritz.symbolic.parameters import Parameter
from ritz.symbolic.pointwise_form import PointwiseForm
from ritz.symbolic.problem import Problem
from ritz.symbolic.reactions import ReactionNetwork
from ritz.symbolic.scalar_form import ScalarEquation, ScalarForm
from ritz.symbolic.sympy_bridge import to_sympy

if TYPE_CHECKING:
    from ritz.symbolic.explain import Explanation

SHOWN = 12  # lines of a long problem that are shown in a notebook


class Species(Field):
    """An unknown with the name that its model file gives it, which need not be an identifier: ``"egf(r!1)"``."""

    def __new__(cls, name: str) -> Species:
        if not isinstance(name, str) or not name.strip():
            raise ProblemError(f"An unknown needs a name, but got {name!r}.")
        species: Species = sp.Symbol.__xnew__(cls, name, real=True)
        species.rank, species.is_complex_field = 0, False
        return species

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.name,)

    def _latex(self, printer: Any) -> str:
        if self.name.isidentifier():
            return super()._latex(printer)
        escaped = "".join(
            {"~": r"\sim ", "\\": r"\backslash "}.get(c, "\\" + c if c in "#$%&_{}^" else c) for c in self.name
        )
        return rf"\mathrm{{{escaped}}}"


class GraphProblem(Problem):
    """An initial value problem given as a `PointwiseForm`.

    Args:
        form: states, their time derivatives, parameter names and quantities, in one graph.
        parameters: the parameters of the form, in its order.
        initial: name of a state -> number or expression of the parameters.
        name: for display.
        units: name -> unit, as the file states it.
        ignored: what the file contains that has no influence on the equations and was left out, in words.
        network: the reactions, where the equations come from a reaction network.
        events: `ritz.Event` objects, besides the events of the form.

    Attributes:
        equations: the equations in SymPy, made when asked for: slow for large systems.
        units, ignored, network: as given. Other attributes are those of `Problem`.

    Example:
        >>> from ritz.symbolic.graph import Graph
        >>> g = Graph()
        >>> x, k = g.input("A", "state"), g.input("k", "param")
        >>> form = PointwiseForm(g, {"A": x}, {"A": g.mul([(k, 1), (x, 1)], -1)}, ("k",))
        >>> problem = GraphProblem(form, [Parameter("k", 2.0)], {"A": 1.0})
        >>> problem
        <Problem: A over t, 1 parameter (k)>
        >>> print(*problem.equation_lines())
        d(A)/dt = -A*k
    """

    units: Mapping[str, str]
    ignored: tuple[str, ...]
    network: ReactionNetwork | None

    def __init__(
        self,
        form: PointwiseForm,
        parameters: Sequence[Parameter],
        initial: Mapping[Any, Any],
        *,
        name: str | None = None,
        units: Mapping[str, str] | None = None,
        ignored: Sequence[str] = (),
        network: ReactionNetwork | None = None,
        events: Any = (),
    ) -> None:
        if [p.name for p in parameters] != list(form.parameters):
            raise ProblemError(f"The parameters must be {', '.join(form.parameters)}, in this order.")
        unknowns = tuple(Species(n) for n in form.states)
        collected = initial_values.collect(initial, unknowns, {u: (u,) for u in unknowns})
        for key, value in collected.items():
            if isinstance(value, sp.Expr) and (strange := value.free_symbols - set(parameters)):
                raise InitialValueError(f"The initial value of {key} contains {min(map(str, strange))}: no parameter.")
        self._set(
            domain=None,
            conditions=(),
            unknowns=unknowns,
            parameters=tuple(parameters),
            initial=initial_values.FrozenMapping(collected),
            name=name,
            units=dict(units or {}),
            ignored=tuple(ignored),
            network=network,
            events=check_events(events),
            _given=form,
        )
        self._set(_pointwise=self._with_events())

    _given: PointwiseForm  # as it came, without `events`
    _pointwise: PointwiseForm

    def _with_events(self) -> PointwiseForm:
        form = self._given
        if not self.events:
            return form
        nodes = list(form.states.values())
        leaves: dict[Any, int] = dict(zip(self.unknowns, nodes, strict=True))
        leaves |= {p: form.graph.input(p.name, "param") for p in self.parameters}
        leaves |= {Time(): form.graph.input("t", "time")}
        for event in self.events:
            check_event_symbols(event, set(leaves))
        targets = {key: u.name for u in self.unknowns for key in (u, u.name)}
        events = (*form.events, *event_forms(form.graph, self.events, leaves, targets))
        if len({event.name for event in events}) < len(events):
            names = ", ".join(event.name for event in form.events)
            raise ProblemError(f"The model has events of its own ({names}). Give the new ones other names.")
        return replace(form, events=events)

    def pointwise_form(self) -> PointwiseForm:
        return self._pointwise

    @property
    def quantities(self) -> tuple[str, ...]:
        """Further values that a solution gives by name: observables, assigned variables, rates."""
        return tuple(self._pointwise.quantities)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with other ``initial``, ``parameters`` (same names), ``name`` or ``events`` besides its own.

        Raises:
            OptionError: for a keyword that `Problem` does not have.
            ProblemError: for anything else; the equations themselves come from the file.
        """
        reject_unknown(changes, ("initial", "parameters", "name", "events"), "replace of an imported problem")
        kept: dict[str, Any] = {
            "initial": {u.name: v for u, v in self.initial.items()},
            "parameters": self.parameters,
            "name": self.name,
            "events": self.events,
        }
        given = {**kept, **changes}
        return type(self)(
            self._given,
            given["parameters"],
            given["initial"],
            name=given["name"],
            events=given["events"],
            units=self.units,
            ignored=self.ignored,
            network=self.network,
        )

    def require_initial(self) -> None:
        missing = [u.name for u in self.unknowns if u not in self.initial]
        if missing:
            raise InitialValueError(f"No initial value for {', '.join(missing[:10])}. Add it to initial=.")

    # ------------------------------------------------------------------ SymPy, only when asked for
    @cached_property
    def _symbols(self) -> dict[int, sp.Basic]:
        from ritz.symbolic.coordinates import t

        g, form = self._pointwise.graph, self._pointwise
        symbols: dict[int, sp.Basic] = {node: u for u, node in zip(self.unknowns, form.states.values(), strict=True)}
        symbols |= {g.input(p.name, "param"): p for p in self.parameters}
        return {**symbols, g.input("t", "time"): t}

    @cached_property
    def equations(self) -> tuple[Eq, ...]:  # type: ignore[override]
        g, nodes = self._pointwise.graph, self._pointwise.derivatives.values()
        return tuple(
            Eq(Dt(u, 1), to_sympy(g, node, self._symbols)) for u, node in zip(self.unknowns, nodes, strict=True)
        )

    def scalar_form(self) -> ScalarForm:
        return _LazyForm(self)

    # ------------------------------------------------------------------ display
    def equation_lines(self) -> Iterator[str]:
        form, derivatives = self._pointwise, self._pointwise.derivatives
        if self.network is not None:
            yield from self.network.lines()
            names, fixed = list(self.network.species), self.network.fixed
            by_reactions = {
                name for k, name in enumerate(names) if k not in fixed or derivatives[name] == form.graph.zero
            }
            derivatives = {name: node for name, node in derivatives.items() if name not in by_reactions}
        text = GraphText(form.graph, list(derivatives.values()))
        for name, node in derivatives.items():
            yield from text.definitions([node])
            yield f"d({name})/dt = {text.of(node)}"

    def event_lines(self) -> Iterator[str]:
        """Yield one line for every event: what happens when."""
        events = self._pointwise.events
        roots = [node for event in events for node in (event.condition, *event.values.values())]
        text = GraphText(self._pointwise.graph, roots)
        for event in events:
            changes = "; ".join(f"{name} becomes {text.of(node)}" for name, node in event.values.items())
            yield from text.definitions([event.condition, *event.values.values()])
            yield f"event {event.name}: when {text.of(event.condition)}: {changes or 'noted'}"

    def explain(self) -> Explanation:
        """Return a card: what the problem consists of, and what of its file was left out."""
        from ritz.symbolic.explain import Explanation

        return Explanation(
            title=repr(self),
            kind=f"{self._kind()}, read from a model file",
            unknowns=tuple((u, "scalar", 1, 0) for u in self.unknowns[:SHOWN]),
            equations=(),
            scales=(),
            choices=(*self.event_lines(), *(f"left out: {line}" for line in self.ignored)),
        )

    def _kind(self) -> str:
        kind = f"system of {len(self.unknowns)} ordinary differential equations"
        return kind if self.network is None else f"{kind} from {len(self.network.reactions)} reactions"

    def __str__(self) -> str:
        lines = (f"  {line}" for line in (*self.equation_lines(), *self.event_lines()))
        return "\n".join([self.name or "", *lines]).lstrip("\n")

    def _shown(self) -> list[str]:
        lines: list[str] = []
        for line in chain(self.equation_lines(), self.event_lines()):
            if len(lines) == SHOWN:
                return [*lines, "..."]
            lines.append(line)
        return lines

    def _repr_latex_(self) -> str | None:  # type: ignore[override]
        return None  # the HTML form says more

    def _repr_html_(self) -> str:
        head = f"<b>{html.escape(self.name)}</b>: " if self.name else ""
        rows = "\n".join(html.escape(line) for line in self._shown())
        notes = "".join(f"<li>left out: {html.escape(line)}</li>" for line in self.ignored)
        return f"<div>{head}{html.escape(self._kind())}<pre>{rows}</pre>{f'<ul>{notes}</ul>' if notes else ''}</div>"


class _LazyForm(ScalarForm):
    """The scalar form of a `GraphProblem`; its equations are made when asked for."""

    def __init__(self, problem: GraphProblem) -> None:
        values: dict[str, Any] = {
            "coordinates": (),
            "unknowns": problem.unknowns,
            "parameters": problem.parameters,
            "components": {u: (u,) for u in problem.unknowns},
            "initial": dict(problem.initial),
            "auxiliary": {},
            "bounds": {},
            "_problem": problem,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @cached_property
    def equations(self) -> tuple[ScalarEquation, ...]:  # type: ignore[override]
        written = enumerate(self._problem.equations)  # type: ignore[attr-defined]
        return tuple(ScalarEquation(e.lhs - e.rhs, k, f"equation {k + 1}") for k, e in written)
