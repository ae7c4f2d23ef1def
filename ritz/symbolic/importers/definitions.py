"""Named values that are defined by one another, made in an order that works."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from ritz.errors import ParseError
from ritz.symbolic.graph import Graph


@dataclass
class Definitions:
    """Name -> how its node is made, and from what.

    Attributes:
        nodes: name -> node, for what is known or made already.

    Example:
        >>> g = Graph()
        >>> values = Definitions(g)
        >>> values.add("twice", "line 1", ["x"], lambda: g.scale(2, values.nodes["x"]))
        >>> values.add("x", "line 2", [], lambda: g.const(3))
        >>> values.settle()
        >>> g.args[values.nodes["twice"]]
        6
    """

    graph: Graph
    nodes: dict[str, int] = field(default_factory=dict)
    _open: dict[str, tuple[str, tuple[str, ...], Callable[[], int]]] = field(default_factory=dict)

    def add(self, name: str, place: str, needs: Iterable[str], make: Callable[[], int]) -> None:
        """Enter a definition.

        Args:
            name: what is defined.
            place: where, for messages.
            needs: names that may stand in it; those not defined here are left to `make`.
            make: makes the node once the others are made.

        Raises:
            ParseError: the name has a definition already.
        """
        if name in self:
            first = f" (first: {self._open[name][0]})" if name in self._open else ""
            raise ParseError(f"{place.capitalize()}: {name!r} is defined twice{first}.")
        self._open[name] = place, tuple(needs), make

    def __contains__(self, name: object) -> bool:
        return name in self._open or name in self.nodes

    def get(self, name: str) -> int | None:
        """The node of a name, or None if there is none."""
        return self.nodes.get(name)

    def settle(self, change: Callable[[str, int], int] = lambda name, node: node) -> None:
        """Make all nodes; ``change(name, node)`` may replace each before others use it.

        Raises:
            ParseError: definitions go round in a circle.
        """
        needs = {name: [n for n in entry[1] if n in self._open] for name, entry in self._open.items()}
        try:
            order = list(TopologicalSorter(needs).static_order())
        except CycleError as error:
            circle = " -> ".join(reversed(error.args[1]))
            raise ParseError(f"These are defined by one another, in a circle: {circle}.") from None
        for name in order:
            self.nodes[name] = change(name, self._open[name][2]())
        self.nodes.update({name: self.nodes.pop(name) for name in self._open})  # back in the order of the file
        self._open.clear()
