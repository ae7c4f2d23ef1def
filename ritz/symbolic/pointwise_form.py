"""The pointwise form of a problem without space: one graph node for the time derivative of every unknown.

A problem written in SymPy is brought into this form here; a problem that was read from a model file has it from the
start (`ritz.symbolic.graph_problem`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from ritz.errors import UnsupportedError
from ritz.symbolic.coordinates import Time
from ritz.symbolic.event_form import EventForm, event_forms
from ritz.symbolic.events import Event
from ritz.symbolic.fields import Field
from ritz.symbolic.graph import Graph
from ritz.symbolic.operators import Dt
from ritz.symbolic.scalar_form import ScalarForm
from ritz.symbolic.sympy_bridge import to_graph

_MAX_COUPLED = 6


@dataclass(frozen=True)
class PointwiseForm:
    """``d(state)/dt = derivative`` for every unknown, as nodes of one graph.

    Attributes:
        graph: holds all nodes.
        states: name -> input node, in the order of the state vector.
        derivatives: name -> node, in the same order.
        parameters: names in the order of the parameter vector; they are inputs of kind ``param``.
        quantities: name -> node, further values that follow from state, time and parameters.
        events: conditions at which states get new values.
    """

    graph: Graph
    states: dict[str, int]
    derivatives: dict[str, int]
    parameters: tuple[str, ...]
    quantities: dict[str, int] = field(default_factory=dict)
    events: tuple[EventForm, ...] = ()


def pointwise_form(form: ScalarForm, events: Sequence[Event] = ()) -> PointwiseForm:
    """Solve scalar equations for the time derivatives and write them, and events, as nodes.

    Raises:
        UnsupportedError: as `explicit_derivatives`.
        ProblemError: as `ritz.symbolic.event_form.event_forms`.
    """
    derivatives = explicit_derivatives(form)
    g = Graph()
    states = {f: g.input(f.name, "state") for f in form.unknowns}
    leaves: dict[Any, int] = dict(states)
    for p in form.parameters:
        leaves[p] = g.input(p.name, "param")
    leaves[Time()] = g.input("t", "time")
    nodes = {f: to_graph(g, e, leaves) for f, e in derivatives.items()}
    rates = {meaning: states[helper] for helper, meaning in form.auxiliary.items()}
    targets = {name: f.name for f in form.unknowns for name in (f, f.name)}
    targets |= {meaning: helper.name for helper, meaning in form.auxiliary.items()}
    return PointwiseForm(
        g,
        {f.name: n for f, n in states.items()},
        {f.name: nodes[f] for f in form.unknowns},
        tuple(p.name for p in form.parameters),
        events=event_forms(g, events, {**leaves, **rates}, targets),
    )


def explicit_derivatives(form: ScalarForm) -> dict[Field, sp.Expr]:
    """Time derivative of every unknown; mass matrices of up to six coupled unknowns are inverted symbolically.

    Raises:
        UnsupportedError: an unknown has no time derivative (a differential-algebraic system), or a time derivative
            stands inside a function.
    """
    unknowns = list(form.unknowns)
    appearing = {d.expr for e in form.equations for d in e.expr.atoms(Dt)}
    missing = [f.name for f in unknowns if f not in appearing]
    if missing:
        raise UnsupportedError(
            f"{', '.join(missing)} has no time derivative: this is a differential-algebraic system, which needs a "
            "solver with a mass matrix. Substitute the algebraic equation into the others, or differentiate it."
        )
    rows = []
    for equation in form.equations:
        rows.append(_derivative_coefficients(equation.expr, equation.label))
    result: dict[Field, sp.Expr] = {}
    for block in _blocks(unknowns, rows):
        result.update(_solve_block(block, rows, form))
    return result


def _derivative_coefficients(expr: sp.Expr, label: str) -> tuple[dict[Field, sp.Expr], sp.Expr]:
    """Write ``expr`` as ``sum(coefficient * Dt(field)) + rest`` without expanding anything else."""
    derivatives = sorted(expr.atoms(Dt), key=str)
    coefficients: dict[Field, sp.Expr] = {}
    for d in derivatives:
        slope = sp.diff(expr.xreplace({d: (dummy := sp.Dummy())}), dummy)
        if slope.has(dummy) or slope.has(Dt):
            raise UnsupportedError(
                f"In {label} the time derivative {d} stands inside a nonlinear expression; solve for it first."
            )
        coefficients[d.expr] = slope
    return coefficients, expr.xreplace(dict.fromkeys(derivatives, sp.S.Zero))


def _blocks(unknowns: Sequence[Field], rows: Sequence[tuple[dict[Field, sp.Expr], sp.Expr]]) -> list[list[int]]:
    """Equations that share time derivatives, as connected groups."""
    groups: list[tuple[set[int], set[Field]]] = []
    for i, (coefficients, _) in enumerate(rows):
        members, fields = {i}, set(coefficients)
        for other in [g for g in groups if g[1] & fields]:
            groups.remove(other)
            members |= other[0]
            fields |= other[1]
        groups.append((members, fields))
    return [sorted(members) for members, _ in groups]


def _solve_block(
    block: Sequence[int], rows: Sequence[tuple[dict[Field, sp.Expr], sp.Expr]], form: ScalarForm
) -> dict[Field, sp.Expr]:
    fields = sorted({f for i in block for f in rows[i][0]}, key=lambda f: f.name)
    if len(block) == 1 and len(fields) == 1:
        coefficient, rest = rows[block[0]][0][fields[0]], rows[block[0]][1]
        return {fields[0]: _divide(rest, coefficient)}
    if len(fields) != len(block):
        labels = ", ".join(form.equations[i].label for i in block)
        raise UnsupportedError(f"{labels} give {len(block)} conditions on the time derivatives of {fields}.")
    if len(fields) > _MAX_COUPLED:
        raise UnsupportedError(
            f"The time derivatives of {', '.join(f.name for f in fields)} are coupled; more than {_MAX_COUPLED} need a "
            "solver with a mass matrix. Solve the equations for the time derivatives where possible."
        )
    matrix = sp.Matrix([[rows[i][0].get(f, sp.S.Zero) for f in fields] for i in block])
    vector = sp.Matrix([-rows[i][1] for i in block])
    determinant = matrix.det(method="berkowitz")
    if sp.expand(determinant) == 0:
        raise UnsupportedError(
            f"The equations do not determine the time derivatives of {fields}: their matrix is singular."
        )
    solution = matrix.adjugate() * vector
    return {f: solution[k] / determinant for k, f in enumerate(fields)}


def _divide(rest: sp.Expr, coefficient: sp.Expr) -> sp.Expr:
    """``-rest / coefficient`` with signs settled term by term, so that what the user wrote comes back."""
    if coefficient == -1:
        return rest
    terms = [-a for a in rest.args] if isinstance(rest, sp.Add) else [-rest]
    value = sp.Add(*terms)
    return value if coefficient == 1 else value / coefficient
