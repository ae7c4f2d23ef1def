"""A reaction network in BioNetGen's format with constant rates, read without any tool, and its rates by plain loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parent / "data"


class Network:
    """A network of mass action.

    Attributes:
        parameters: name -> value.
        start: (species,) initial amounts.
        reactions: ``(reactants, products, number, parameter names)``; the rate is the number times the parameters times
            the amounts of the reactants.
    """

    def __init__(self, path):
        sections = _sections(Path(path).read_text())
        self.parameters = {}
        for _, name, text in (line.split(None, 2) for line in sections["parameters"]):
            self.parameters[name] = float(eval(text, {"__builtins__": {}}, self.parameters))
        amounts = [line.split()[2] for line in sections["species"]]
        self.start = np.array([self.parameters.get(text) or float(text) for text in amounts])
        self.reactions = [self._reaction(line.split()) for line in sections["reactions"]]

    def _reaction(self, fields):
        reactants, products = ([int(i) - 1 for i in field.split(",") if i != "0"] for field in fields[1:3])
        factors = fields[3].split("*")
        names = [f for f in factors if f in self.parameters]
        number = float(np.prod([float(f) for f in factors if f not in self.parameters]))
        return reactants, products, number, names

    def changes(self, reaction):
        """Species -> how much of it one reaction makes."""
        change = {}
        for i in reaction[0]:
            change[i] = change.get(i, 0) - 1
        for i in reaction[1]:
            change[i] = change.get(i, 0) + 1
        return {i: n for i, n in change.items() if n}

    def rhs(self, u):
        """Time derivatives, one reaction after the other."""
        out = np.zeros(len(self.start))
        for reaction in self.reactions:
            reactants, _, rate, names = reaction
            for value in [*(self.parameters[n] for n in names), *(u[i] for i in reactants)]:
                rate = rate * value
            for i, n in self.changes(reaction).items():
                out[i] += n * rate
        return out

    def state(self):
        """A state without zeros."""
        return self.start + np.random.default_rng(0).random(len(self.start))


def _sections(text):
    found, current = {}, None
    for line in (raw.split("#")[0].strip() for raw in text.splitlines()):
        if line.startswith("begin "):
            current = found.setdefault(line.split()[1], [])
        elif line.startswith("end "):
            current = None
        elif line and current is not None:
            current.append(line)
    return found
