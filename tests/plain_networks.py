"""Reaction networks evaluated by plain loops over the lines of the file: the independent reference of the tests."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parent.parent / "benchmarks" / "data"


class PlainNetwork:
    """Elementary reactions of a file ``.net``; parameters are evaluated by Python itself.

    Attributes:
        parameters: name -> value, derived ones included.
        species: names in order.
        start: initial values.
        reactions: (reactants, products, rate constant).
    """

    def __init__(self, path: Path, **changed: float) -> None:
        blocks: dict[str, list[str]] = {}
        block = None
        for raw in path.read_text().splitlines():
            line = raw.split("#")[0].strip()
            if line.startswith("begin "):
                block = line[6:]
                blocks[block] = []
            elif line.startswith("end "):
                block = None
            elif line and block:
                blocks[block].append(line)
        self.parameters: dict[str, float] = {}
        for line in blocks["parameters"]:
            _, name, text = line.split(None, 2)
            self.parameters[name] = changed.get(name, self._value(text))
        entries = [line.split(None, 2) for line in blocks["species"]]
        self.species = [name for _, name, _ in entries]
        self.start = np.array([self._value(text) for _, _, text in entries])
        self.reactions = []
        for line in blocks["reactions"]:
            _, left, right, law = line.split(None, 3)
            sides = [[int(k) - 1 for k in side.split(",") if k != "0"] for side in (left, right)]
            self.reactions.append((*sides, self._value(law)))
        self.groups = {}
        for line in blocks.get("groups", []):
            _, name, members = line.split()
            parts = [(entry.split("*") if "*" in entry else ("1", entry)) for entry in members.split(",")]
            self.groups[name] = [(float(w), int(k) - 1) for w, k in parts]

    def _value(self, text: str) -> float:
        return float(eval(text.replace("^", "**"), {"exp": math.exp, "ln": math.log}, self.parameters))

    def rhs(self, x: np.ndarray) -> np.ndarray:
        """(species,) time derivative."""
        out = np.zeros(len(x))
        for reactants, products, k in self.reactions:
            rate = k
            for r in reactants:
                rate *= x[r]
            for r in reactants:
                out[r] -= rate
            for r in products:
                out[r] += rate
        return out

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """(species, species) derivatives of `rhs`."""
        out = np.zeros((len(x), len(x)))
        for reactants, products, k in self.reactions:
            for place, r in enumerate(reactants):
                slope = k
                for q in reactants[:place] + reactants[place + 1 :]:
                    slope *= x[q]
                for q in reactants:
                    out[q, r] -= slope
                for q in products:
                    out[q, r] += slope
        return out


def random_network(rng: np.random.Generator, species: int, rules: int) -> str:
    """The text of a network with random reactions of order zero to two, and parameters that follow from others."""
    lines = ["begin parameters", " 1 k1 0.7", " 2 k2 1.3", " 3 k3 2*k1", " 4 k4 k2/k1", "end parameters"]
    lines += ["begin species", *(f" {i} S{i}(a!{i}) {i}" for i in range(1, species + 1)), "end species"]
    lines.append("begin reactions")
    for i in range(1, rules + 1):
        left = sorted(rng.integers(1, species + 1, rng.integers(0, 3)))
        right = sorted(rng.integers(1, species + 1, rng.integers(0, 3)))
        law = rng.choice(["k1", "k2", "k3", "0.5*k4", "2*k2", "3"])
        lines.append(f" {i} {','.join(map(str, left)) or 0} {','.join(map(str, right)) or 0} {law}")
    lines += ["end reactions", "begin groups", " 1 total 1,2*2,0.5*3", "end groups"]
    return "\n".join(lines) + "\n"
