"""Algebraic rules of SBML, ``0 = formula``: each is solved for the one variable that nothing else determines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ritz.errors import UnsupportedError
from ritz.symbolic.calculus import forward
from ritz.symbolic.graph import Graph
from ritz.symbolic.importers.sbml_math import names_in


def variables_of_rules(formulas: Iterable[Any], free: Iterable[str]) -> dict[str, Any]:
    """Find the variable that each algebraic rule determines.

    Args:
        formulas: those of the rules.
        free: variables that nothing else determines.

    Returns:
        Variable -> formula.

    Raises:
        UnsupportedError: a rule leaves the choice, or none.
    """
    waiting = [(number, formula, set(names_in(formula))) for number, formula in enumerate(formulas, start=1)]
    left, found = set(free), dict[str, Any]()
    while waiting:
        chosen = next((entry for entry in waiting if len(entry[2] & left) == 1), None)
        if chosen is None:
            number, _, names = waiting[0]
            listed = ", ".join(sorted(names & left))
            which = f"any of {listed}" if listed else "none: a rate, a reaction or another rule sets all that vary"
            raise UnsupportedError(
                f"Algebraic rule {number} could determine {which}. Only rules that determine one variable each are "
                "solved; write it as an assignment rule."
            )
        waiting.remove(chosen)
        (name,) = chosen[2] & left
        left.remove(name)
        found[name] = chosen[1]
    return found


def solved(g: Graph, name: str, read: Callable[[Mapping[str, int]], int]) -> int:
    """Solve ``0 = formula`` for a variable in which the formula is affine.

    Args:
        g: the graph.
        name: of the variable.
        read: makes the node of the formula, given the node of the variable by name.

    Raises:
        UnsupportedError: the formula is not affine in the variable.
    """
    unknown = g.input(f"{name} of an algebraic rule", "state")
    root = read({name: unknown})
    (slope,) = forward(g, [root], {unknown: g.one})
    if slope == g.zero or unknown in g.topological([slope]):
        raise UnsupportedError(
            f"The algebraic rule for {name} is not linear in it. Only linear ones are solved; write it as an "
            "assignment rule."
        )
    (offset,) = g.substitute([root], {unknown: g.zero})
    return g.scale(-1, g.div(offset, slope))
