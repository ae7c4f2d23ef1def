"""What a discretisation hands over: a graph, its outputs and the space they live in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ritz.codegen.layout import StateLayout
from ritz.symbolic.event_form import EventForm
from ritz.symbolic.graph import Graph


@dataclass
class Lowered:
    """A problem as nodes: ``d(state)/dt = linear * state + nonlinear`` for every block of the state.

    Attributes:
        graph: holds all nodes.
        space: sizes, arrays and maps (see `ritz.codegen.instance.Space`); None for pointwise systems.
        layout: the state vector.
        states: block name -> input node.
        linear: block name -> diagonal operator (no time axis), or None where the system has no split.
        nonlinear: block name -> the rest of the time derivative.
        parameters: names in the order of the parameter vector.
        choices: every default that was chosen, in words.
        forms: reports of searches for better forms.
        quantities: eliminated unknown -> node.
        events: conditions at which states get new values; without space only.
    """

    graph: Graph
    space: Any
    layout: StateLayout
    states: dict[str, int]
    linear: dict[str, int] | None
    nonlinear: dict[str, int]
    parameters: tuple[str, ...]
    choices: list[str] = field(default_factory=list)
    forms: list[Any] = field(default_factory=list)
    quantities: dict[str, int] = field(default_factory=dict)
    events: tuple[EventForm, ...] = ()

    def rhs(self) -> dict[str, int]:
        """Block name -> complete time derivative."""
        if self.linear is None:
            return dict(self.nonlinear)
        g = self.graph
        return {
            name: g.sum([g.product([self.linear[name], self.states[name]]), node])
            for name, node in self.nonlinear.items()
        }
