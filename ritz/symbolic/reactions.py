"""Reaction networks: species, and reactions with a rate and a change of every species, kept as they are.

The rates are nodes of a `Graph`; the time derivative of a species is the sum of the rates times its changes. Nothing
here passes through SymPy, so networks of 10^5 reactions are no matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ritz.symbolic.graph import Graph, Number, exact
from ritz.symbolic.graph_text import GraphText

Amounts = tuple[tuple[int, Number], ...]


@dataclass(frozen=True)
class Reaction:
    """One reaction.

    Attributes:
        name: what the file calls it.
        reactants: (species number, how many), each species once.
        products: likewise.
        rate: node of the reaction rate.
    """

    name: str
    reactants: Amounts
    products: Amounts
    rate: int


@dataclass(frozen=True)
class ReactionNetwork:
    """Species and reactions.

    Attributes:
        graph: holds the rates.
        species: name -> input node of its amount, in order.
        reactions: in the order of the file.
        fixed: numbers of the species that reactions do not change (boundary conditions).

    Example:
        >>> g = Graph()
        >>> a, b, k = g.input("A", "state"), g.input("B", "state"), g.input("k", "param")
        >>> rate = g.product([k, a, a])
        >>> network = ReactionNetwork(g, {"A": a, "B": b}, (Reaction("R1", ((0, 2),), ((1, 1),), rate),))
        >>> network.derivatives() == [g.scale(-2, rate), rate]
        True
        >>> list(network.lines())
        ['R1: 2 A -> B at rate A**2*k']
    """

    graph: Graph
    species: Mapping[str, int]
    reactions: tuple[Reaction, ...]
    fixed: frozenset[int] = frozenset()

    def changes(self) -> list[Amounts]:
        """Per reaction the net change ``(species number, products - reactants)``, zeros and fixed species left out."""
        return [net_change(r.reactants, r.products, self.fixed) for r in self.reactions]

    def derivatives(self) -> list[int]:
        """Time derivative of every species, as nodes."""
        rows: list[list[tuple[Number, int]]] = [[] for _ in self.species]
        for reaction, change in zip(self.reactions, self.changes(), strict=True):
            for number, amount in change:
                rows[number].append((amount, reaction.rate))
        return [self.graph.add(row) for row in rows]

    def lines(self) -> Iterator[str]:
        """Yield every reaction as a line of text."""
        names = list(self.species)
        text = GraphText(self.graph, [r.rate for r in self.reactions])
        for r in self.reactions:
            yield from text.definitions([r.rate])
            yield f"{r.name}: {_side(r.reactants, names)} -> {_side(r.products, names)} at rate {text.of(r.rate)}"


def net_change(reactants: Amounts, products: Amounts, fixed: frozenset[int]) -> Amounts:
    """Products minus reactants; see `ReactionNetwork.changes`."""
    change = {number: -amount for number, amount in reactants}
    for number, amount in products:
        change[number] = change.get(number, 0) + amount
    return tuple((n, exact(a)) for n, a in sorted(change.items()) if a != 0 and n not in fixed)


def counted(numbers: Iterable[int]) -> Amounts:
    """``(number, how often)`` for a list in which species are repeated.

    Example:
        >>> counted([3, 1, 3])
        ((1, 1), (3, 2))
    """
    numbers = tuple(numbers)
    if len(set(numbers)) == len(numbers):
        return tuple([(number, 1) for number in sorted(numbers)])
    total: dict[int, int] = {}
    for number in numbers:
        total[number] = total.get(number, 0) + 1
    return tuple(sorted(total.items()))


def _side(amounts: Amounts, names: Sequence[str]) -> str:
    return " + ".join(names[n] if a == 1 else f"{a} {names[n]}" for n, a in amounts) or "0"
