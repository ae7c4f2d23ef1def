"""Reading networks that BioNetGen has generated (files ``.net``).

The rate laws are those of BioNetGen's own integrator (run_network): mass action with the statistical factor already in
the rate constant, functions times the reactants, and the laws ``Sat``, ``Hill`` and ``MM``; see Faeder, Blinov,
Hlavacek, Rule-based modeling of biochemical systems with BioNetGen, Methods Mol. Biol. 500 (2009) 113-167.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import sympy as sp

from ritz.errors import ParseError, UnsupportedError
from ritz.symbolic.graph import Graph, Number
from ritz.symbolic.graph_problem import GraphProblem
from ritz.symbolic.importers.definitions import Definitions
from ritz.symbolic.importers.infix import decimal, names_in, power, read_formula
from ritz.symbolic.parameters import Parameter
from ritz.symbolic.pointwise_form import PointwiseForm
from ritz.symbolic.reactions import Reaction, ReactionNetwork, counted
from ritz.symbolic.sympy_bridge import to_sympy

_NEEDED = ("parameters", "species", "reactions")
_HARMLESS = frozenset({"molecule types", "seed species", "reaction rules", "compartments", "reactions_text"})
_BLOCKS = frozenset({*_NEEDED, "functions", "groups"})


@dataclass
class _File:
    """The lines of every block, with their numbers in the file, comments taken off."""

    title: str
    blocks: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)


def read_bionetgen(path: str | Path) -> GraphProblem:
    """Read a network file of BioNetGen.

    Args:
        path: a file ``.net`` with parameters, species and reactions, and functions and groups if there are any.

    Returns:
        A problem whose unknowns are the species, under their patterns as names, in the units of the file. Parameters
        with a number are its parameters; those given by an expression of others follow them. Parameters that are
        expressions, the groups (observables) and the functions are quantities of the solution:
        ``solution["Dimers"]``.

    Raises:
        ParseError: names the line of the file and what is wrong with it.
        UnsupportedError: the file uses something that Ritz does not have and that would change the answer.

    Example:
        >>> import tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "decay.net"
        >>> _ = file.write_text('''begin parameters
        ... 1 k 0.5
        ... end parameters
        ... begin species
        ... 1 A() 10
        ... 2 B() 0
        ... end species
        ... begin reactions
        ... 1 1 2 k
        ... end reactions
        ... ''')
        >>> problem = read_bionetgen(file)
        >>> problem
        <Problem 'decay': A(), B() over t, 1 parameter (k)>
        >>> print(*problem.equation_lines())
        R1: A() -> B() at rate A()*k
    """
    path = Path(path)
    return _Reader(_split(path.read_text(encoding="utf-8", errors="replace"), path.stem)).problem()


def _split(text: str, title: str) -> _File:
    file = _File(title)
    block: str | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        word, _, rest = line.partition(" ")
        if word == "begin" and block is None:
            block = rest.strip()
            if block not in _BLOCKS and block not in _HARMLESS:
                raise UnsupportedError(
                    f"Line {number}: the block {block!r} is unknown. Known: {', '.join(sorted(_BLOCKS))}."
                )
            file.blocks.setdefault(block, [])
            if block in _HARMLESS:
                file.ignored.append(f"block {block!r} (line {number}), which adds nothing to a generated network")
        elif word == "end" and block == rest.strip():
            block = None
        elif word in ("begin", "end"):
            raise ParseError(f"Line {number}: {line!r} does not fit; the open block is {block or 'none'}.")
        elif block is not None:
            file.blocks[block].append((number, line))
        else:
            file.ignored.append(f"line {number}: {line}")
    if block is not None:
        raise ParseError(f"The block {block!r} has no end; the file may have been cut off.")
    missing = [b for b in _NEEDED if b not in file.blocks]
    if missing:
        raise ParseError(f"The file has no block {missing[0]!r}, so it is no network file of BioNetGen.")
    return file


class _Reader:
    def __init__(self, file: _File) -> None:
        self.file, self.g = file, Graph()
        self.definitions = Definitions(self.g)
        self.parameters: list[Parameter] = []
        self.states: dict[str, int] = {}
        self.fixed: set[int] = set()
        self._laws: dict[str, int] = {}
        self._numbers: dict[str, int] = {}  # as written in the file

    def problem(self) -> GraphProblem:
        start = self._species()
        self._define()
        reactions = tuple(self._reactions())
        network = ReactionNetwork(self.g, self.states, reactions, frozenset(self.fixed))
        derivatives = dict(zip(self.states, network.derivatives(), strict=True))
        form = PointwiseForm(
            self.g, self.states, derivatives, tuple(p.name for p in self.parameters), self._quantities()
        )
        return GraphProblem(
            form,
            self.parameters,
            self._initial(start),
            name=self.file.title,
            ignored=self.file.ignored,
            network=network,
        )

    # ------------------------------------------------------------------ blocks
    def _entries(self, block: str, parts: int) -> Iterator[tuple[int, list[str]]]:
        """Line number and fields of every line, without the index, which is checked."""
        for k, (number, line) in enumerate(self.file.blocks.get(block, ()), start=1):
            fields = line.split(None, parts)
            if len(fields) < parts + 1 or fields[0] != str(k):
                raise ParseError(f"Line {number}: expected '{k}' and {parts} more entries of {block}, found {line!r}.")
            yield number, fields[1:]

    def _species(self) -> list[tuple[int, str]]:
        start = []
        for number, (pattern, value) in self._entries("species", 2):
            name = pattern.removeprefix("$")
            if name in self.states:
                raise ParseError(f"Line {number}: the species {name} is listed twice.")
            if name != pattern:
                self.fixed.add(len(self.states))
            self._numbers[str(len(self.states) + 1)] = len(self.states)
            self.states[name] = self.g.input(name, "state")
            start.append((number, value))
        return start

    def _define(self) -> None:
        add = self.definitions.add
        for number, (name, text) in self._entries("parameters", 2):
            add(name, f"line {number}", names_in(text), self._formula(text, number))
        for number, (name, members) in self._entries("groups", 2):
            add(name, f"line {number}", (), self._group(members, number))
        for number, line in self.file.blocks.get("functions", ()):
            match = re.match(r"\d+\s+(\w+)\(\w*\)\s*=?\s*(.+)$", line)
            if match is None:
                raise ParseError(f"Line {number}: expected 'index name() formula', found {line!r}.")
            if "tfun" in match[2].casefold():
                raise UnsupportedError(f"Line {number}: the function {match[1]} reads a table from a file.")
            add(match[1], f"line {number}", names_in(match[2]), self._formula(match[2], number))
        for name in ("time", "t"):
            if name not in self.definitions:
                add(name, "time", (), lambda: self.g.input("t", "time"))
        numbered = {fields[0]: k for k, (_, fields) in enumerate(self._entries("parameters", 2))}
        self.definitions.settle(lambda name, node: self._as_parameter(name, node) if name in numbered else node)
        self.parameters.sort(key=lambda p: numbered[p.name])

    def _as_parameter(self, name: str, node: int) -> int:
        """A parameter given by a number becomes an input."""
        if self.g.op[node] != "const":
            return node
        self.parameters.append(Parameter(name, float(self.g.args[node])))
        return self.g.input(name, "param")

    def _formula(self, text: str, number: int) -> Callable[[], int]:
        def make() -> int:
            try:
                return read_formula(self.g, text, self.definitions.get)
            except ParseError as error:
                raise ParseError(f"Line {number}: {error}") from None

        return make

    def _group(self, members: str, number: int) -> Callable[[], int]:
        nodes = list(self.states.values())

        def make() -> int:
            pairs: list[tuple[Number, int]] = []
            for entry in members.split(","):
                weight, _, index = entry.rpartition("*")
                pairs.append((decimal(weight) if weight else 1, nodes[self._index(index, number)]))
            return self.g.add(pairs)

        return make

    def _index(self, text: str, number: int) -> int:
        found = self._numbers.get(text)
        if found is None:
            raise ParseError(f"Line {number}: there is no species {text!r}; they are numbered 1 to {len(self.states)}.")
        return found

    # ------------------------------------------------------------------ reactions
    def _reactions(self) -> Iterator[Reaction]:
        nodes = list(self.states.values())
        for k, (number, (left, right, law)) in enumerate(self._entries("reactions", 3), start=1):
            reactants, products = self._side(left, number), self._side(right, number)
            rate = self._rate(law, [nodes[i] for i in reactants], number)
            yield Reaction(f"R{k}", counted(reactants), counted(products), rate)

    def _side(self, text: str, number: int) -> list[int]:
        return [] if text == "0" else [self._index(entry, number) for entry in text.split(",")]

    def _rate(self, law: str, reactants: Sequence[int], number: int) -> int:
        constant = self._laws.get(law)
        if constant is None:
            words = law.split()
            if words[0].rpartition("*")[2] in _LAWS:
                return self._special(words, reactants, number)
            if len(words) > 1:
                raise UnsupportedError(f"Line {number}: the rate law {law!r} is unknown. Known: {', '.join(_LAWS)}.")
            constant = self._constant(law, number)
        return self.g.mul([(constant, 1), *[(n, 1) for n in reactants]])

    def _constant(self, text: str, number: int) -> int:
        node = self._laws.get(text)
        if node is None:
            node = self._laws[text] = self._formula(text, number)()
        return node

    def _special(self, words: Sequence[str], reactants: Sequence[int], number: int) -> int:
        factor, _, kind = words[0].rpartition("*")
        constants = [self._constant(word, number) for word in words[1:]]
        fits, make = _LAWS[kind]
        if not fits(len(constants), len(reactants)):
            raise ParseError(
                f"Line {number}: {kind} does not take {len(constants)} constants with {len(reactants)} reactants."
            )
        rate = make(self.g, constants, list(reactants))
        return self.g.product([self._constant(factor, number), rate]) if factor else rate

    # ------------------------------------------------------------------ what a problem needs besides
    def _initial(self, start: Sequence[tuple[int, str]]) -> dict[str, Any]:
        symbols: dict[int, sp.Basic] = {self.g.input(p.name, "param"): p for p in self.parameters}
        initial: dict[str, Any] = {}
        for name, (number, text) in zip(self.states, start, strict=True):
            node = self._constant(text, number)
            if any(self.g.args[n][1] != "param" for n in self.g.inputs([node])):
                raise ParseError(f"Line {number}: the start value {text!r} of {name} is no constant.")
            initial[name] = float(self.g.args[node]) if self.g.op[node] == "const" else to_sympy(self.g, node, symbols)
        return initial

    def _quantities(self) -> dict[str, int]:
        """Everything that has a name and is neither a number nor a parameter."""
        named = self.definitions.nodes.items()
        return {
            name: node for name, node in named if name not in self.states and self.g.op[node] not in ("input", "const")
        }


def _michaelis_menten(g: Graph, constants: list[int], reactants: list[int]) -> int:
    """kcat*E*S/(Km + S) with S the free substrate of the quasi-steady state, substrate first."""
    kcat, km = constants
    substrate, enzyme = reactants[0], g.sum(reactants[1:])
    b = g.add([(1, substrate), (-1, km), (-1, enzyme)])
    root = g.pow(g.sum([g.pow(b, 2), g.mul([(substrate, 1), (km, 1)], 4)]), Fraction(1, 2))
    free = g.scale(Fraction(1, 2), g.sum([b, root]))
    return g.mul([(kcat, 1), (enzyme, 1), (free, 1), (g.sum([km, free]), -1)])


def _saturation(g: Graph, constants: list[int], reactants: list[int]) -> int:
    """k*R1*...*Rn/((K1 + R1)*...); a lone k is the rate itself."""
    k, *saturated = constants
    if not saturated:
        return k
    bounds = [(g.sum([r, limit]), -1) for r, limit in zip(reactants, saturated, strict=False)]
    return g.mul([(k, 1), *((r, 1) for r in reactants), *bounds])


def _hill(g: Graph, constants: list[int], reactants: list[int]) -> int:
    """k*R1**h/(K**h + R1**h)*R2*...*Rn."""
    k, half, h = constants
    x, limit = power(g, reactants[0], h), power(g, half, h)
    return g.mul([(k, 1), (x, 1), (g.sum([limit, x]), -1), *((r, 1) for r in reactants[1:])])


_Law = tuple[Callable[[int, int], bool], Callable[[Graph, list[int], list[int]], int]]
_LAWS: dict[str, _Law] = {
    "MM": (lambda constants, reactants: constants == 2 and reactants > 1, _michaelis_menten),
    "Sat": (lambda constants, reactants: 1 <= constants <= reactants + 1, _saturation),
    "Hill": (lambda constants, reactants: constants == 3 and reactants > 0, _hill),
}
