"""Reading SBML (Systems Biology Markup Language), level 2 and 3 core, through libSBML.

Meaning of the elements: Hucka et al., The Systems Biology Markup Language (SBML): Language Specification for Level 3
Version 2 Core, J. Integr. Bioinform. 16(2) (2019) 20190021, section 4.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import sympy as sp

from ritz.errors import MissingPackage, ModelFileWarning, ParseError, UnsupportedError
from ritz.symbolic.event_form import EventForm
from ritz.symbolic.graph import Graph, Number, exact
from ritz.symbolic.graph_problem import GraphProblem
from ritz.symbolic.importers.definitions import Definitions
from ritz.symbolic.importers.sbml_algebraic import solved, variables_of_rules
from ritz.symbolic.importers.sbml_events import changed_by_events, check_targets, read_events
from ritz.symbolic.importers.sbml_events import items as _items
from ritz.symbolic.importers.sbml_math import FormulaReader, names_in
from ritz.symbolic.parameters import Parameter
from ritz.symbolic.pointwise_form import PointwiseForm
from ritz.symbolic.reactions import Amounts, Reaction, ReactionNetwork
from ritz.symbolic.sympy_bridge import to_sympy


def read_sbml(path: str | Path) -> GraphProblem:
    """Read a model in SBML, level 2 or 3 core.

    Args:
        path: an XML file. Needs the package python-libsbml: ``pip install "ritz[sbml]"``.

    Returns:
        A problem whose unknowns are the *amounts* of the species, and the parameters and compartments that have rate
        rules or are changed by events, under their ids. ``solution["[S1]"]`` is the concentration of S1; variables with
        assignment or algebraic rules and reaction rates are quantities of the solution too. All other constants are
        parameters, local ones named ``reaction_name``. Start values hold at time 0. Events act in every run, and
        ``solution.log`` tells what they did. `units` are those that the file names.

    Raises:
        MissingPackage: libSBML is not installed.
        ParseError: the file cannot be read, or a formula uses what is not defined.
        UnsupportedError: an algebraic rule that is not linear in one variable, a delay inside a formula, varying
            stoichiometry or a required package: things that change the answer. What does not change it is listed in
            the problem's `ignored`.

    Warns:
        ModelFileWarning: a reaction is marked as fast. It runs at the rate of its kinetic law; equilibrium at all times
            is not enforced.
    """
    try:
        import libsbml
    except ImportError:
        raise MissingPackage('Reading SBML needs libSBML: pip install "ritz[sbml]".') from None
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    document = libsbml.readSBMLFromFile(str(path))
    errors = [document.getError(k) for k in range(document.getNumErrors())]
    fatal = [e for e in errors if e.getSeverity() >= libsbml.LIBSBML_SEV_ERROR]
    if fatal:
        raise ParseError(f"Line {fatal[0].getLine()} of {path.name}: {fatal[0].getMessage().strip()}")
    return _Reader(document, path.stem).problem()


class _Reader:
    """One model on its way to a problem.

    Every symbol has two meanings: a node for its value *now*, which may contain states and time, and one for its value
    at the *start*, which contains parameters only.
    """

    def __init__(self, document: Any, title: str) -> None:
        self.document, self.model = document, document.getModel()
        self.ignored: list[str] = []
        self._refuse()
        model = self.model
        self.title = model.getName() or model.getId() or title
        self.g = Graph()
        self.formulas = FormulaReader(self.g, self._functions())
        self.now, self.start = Definitions(self.g), Definitions(self.g)
        self.species = {s.getId(): s for s in _items(model.getListOfSpecies())}
        self.compartments = {c.getId(): c for c in _items(model.getListOfCompartments())}
        rules = _items(model.getListOfRules())
        self.rates = {r.getVariable(): r.getMath() for r in rules if r.isRate()}
        self.assigned = {r.getVariable(): r.getMath() for r in rules if r.isAssignment()}
        assignments = _items(model.getListOfInitialAssignments())
        self.initial = {a.getSymbol(): a.getMath() for a in assignments}
        self.parameters: dict[str, Parameter] = {}
        self.states: dict[str, int] = {}
        self.events = _items(model.getListOfEvents())
        self.changed = changed_by_events(self.events)
        self.algebraic = variables_of_rules([r.getMath() for r in rules if r.isAlgebraic()], self._free())
        self.assigned |= self.algebraic
        parameters = [p.getId() for p in _items(model.getListOfParameters())]
        check_targets(self.events, [*self.compartments, *parameters, *self.species], self.assigned)

    def _free(self) -> set[str]:
        """Variables that no rate, reaction, rule or event determines."""
        varying = {s for s, item in self.species.items() if not item.getConstant()}
        varying |= {c for c, item in self.compartments.items() if not item.getConstant()}
        varying |= {p.getId() for p in _items(self.model.getListOfParameters()) if not p.getConstant()}
        for reaction in _items(self.model.getListOfReactions()):
            for reference in [*_items(reaction.getListOfReactants()), *_items(reaction.getListOfProducts())]:
                name = reference.getSpecies()
                if name in self.species and not self.species[name].getBoundaryCondition():
                    varying.discard(name)
        return varying - {*self.rates, *self.assigned, *self.changed}

    # ------------------------------------------------------------------ what would make the answer wrong
    def _refuse(self) -> None:
        document, model = self.document, self.model
        if model is None:
            raise ParseError("The file holds no model.")
        if document.getLevel() < 2:
            raise UnsupportedError("SBML level 1 is not read. Convert the file to level 3 with libSBML.")
        for k in range(document.getNumPlugins() if document.getLevel() > 2 else 0):
            package = document.getPlugin(k).getPackageName()
            if package == "l3v2extendedmath":  # always there; what is missing of it is refused where it is used
                continue
            if document.getPackageRequired(package):
                raise UnsupportedError(f"The model needs the SBML package {package!r}, which is not supported.")
            self.ignored.append(f"annotations of the package {package!r}")
        for reaction in _items(model.getListOfReactions()):
            if reaction.isSetFast() and reaction.getFast():
                self._take_as_slow(reaction.getId())
        for k in range(model.getNumConstraints()):
            self.ignored.append(f"constraint {k + 1}, which is not watched")

    def _take_as_slow(self, name: str) -> None:
        """A reaction marked as fast: level 3 version 2 has given the mark up, since next to no simulator heeds it."""
        self.ignored.append(f"the mark 'fast' of the reaction {name}, which runs at the rate of its kinetic law")
        warnings.warn(
            f"The reaction {name} is marked as fast, that is in equilibrium at all times; it is read as one that runs "
            "at the rate of its kinetic law, as other simulators do. If that rate is not far above all others, the "
            "answer differs: then make its rate constants larger, or write its equilibrium as an algebraic rule.",
            ModelFileWarning,
            stacklevel=5,
        )

    def _functions(self) -> dict[str, tuple[tuple[str, ...], Any]]:
        functions: dict[str, tuple[tuple[str, ...], Any]] = {}
        for f in _items(self.model.getListOfFunctionDefinitions()):
            names = tuple(f.getArgument(k).getName() for k in range(f.getNumArguments()))
            if f.getBody() is not None:
                functions[f.getId()] = names, f.getBody()
        needs = {name: [n for n in names_in(body) if n in functions] for name, (_, body) in functions.items()}
        try:
            TopologicalSorter(needs).prepare()
        except CycleError as error:
            raise ParseError(f"These functions call each other in a circle: {' -> '.join(error.args[1])}.") from None
        return functions

    # ------------------------------------------------------------------ symbols
    def problem(self) -> GraphProblem:
        for compartment in self.compartments.values():
            self._symbol(compartment.getId(), compartment.getSize() if compartment.isSetSize() else None)
        for parameter in _items(self.model.getListOfParameters()):
            self._symbol(parameter.getId(), parameter.getValue() if parameter.isSetValue() else None)
        for species in self.species.values():
            self._species(species)
        reactions = _items(self.model.getListOfReactions())
        locals_ = {r.getId(): self._local_parameters(r) for r in reactions}
        for reaction in reactions:
            self._define_rate(reaction, locals_[reaction.getId()])
        self.start.settle()
        self.now.settle()
        return self._assembled(reactions)

    def _parameter(self, name: str, value: float | None) -> int:
        self.parameters[name] = Parameter(name, value)
        return self.g.input(name, "param")

    def _symbol(self, name: str, value: float | None) -> None:
        """A compartment or parameter."""
        if name in self.assigned:
            self._define(self.now, name, self.assigned[name])
            self._define(self.start, name, self.assigned[name])
        elif name in self.rates or name in self.changed:
            self.states[name] = self.now.nodes[name] = self.g.input(name, "state")
            if name in self.initial:
                self._define(self.start, name, self.initial[name])
            elif value is not None:
                self.start.nodes[name] = self.g.const(value)
        elif name in self.initial:
            self._define(self.start, name, self.initial[name])
            self.now.add(name, name, (), lambda: self.start.nodes[name])
        else:
            self.now.nodes[name] = self.start.nodes[name] = self._parameter(name, value)

    def _species(self, species: Any) -> None:
        """A species: the state is its amount, its symbol in formulas may mean the concentration."""
        name = species.getId()
        if name in self.assigned:
            self._define(self.now, name, self.assigned[name])
            self._define(self.start, name, self.assigned[name])
            return
        amount = self.states[name] = self.g.input(name, "state")
        size = self._size_of(species)
        if size is None:
            self.now.nodes[name] = amount
        else:
            self.now.add(name, name, [size], lambda: self.g.div(amount, self.now.nodes[size]))
        if name in self.initial:
            self._define(self.start, name, self.initial[name])
        elif species.isSetInitialAmount():
            value = self.g.const(species.getInitialAmount())
            needs = [size] if size else []
            self.start.add(name, name, needs, lambda: self.g.div(value, self.start.nodes[size]) if size else value)
        elif species.isSetInitialConcentration():
            value = self.g.const(species.getInitialConcentration())
            compartment = species.getCompartment()
            whole = lambda: self.g.product([value, self.start.nodes[compartment]])  # noqa: E731
            self.start.add(name, name, [compartment], whole if size is None else lambda: value)

    def _size_of(self, species: Any) -> str | None:
        """The compartment by which an amount is divided in formulas; None where the symbol means the amount."""
        compartment = self.compartments.get(species.getCompartment())
        if compartment is None:
            raise ParseError(f"The species {species.getId()} has no compartment {species.getCompartment()!r}.")
        if species.getHasOnlySubstanceUnits() or compartment.getSpatialDimensionsAsDouble() == 0:
            return None
        return str(species.getCompartment())

    def _define(self, target: Definitions, name: str, ast: Any) -> None:
        if ast is None:
            raise ParseError(f"The rule or initial assignment of {name} has no formula.")
        needs = [n for n in names_in(ast) if n != name or name not in self.algebraic]
        target.add(name, f"the formula of {name}", needs, lambda: self._value(name, ast, target))

    def _value(self, name: str, ast: Any, target: Definitions) -> int:
        if name not in self.algebraic:
            return self._formula(ast, target, name)
        return solved(self.g, name, lambda local: self._formula(ast, target, f"the algebraic rule for {name}", local))

    def _formula(self, ast: Any, target: Definitions, where: str, local: Mapping[str, int] | None = None) -> int:
        time = self.g.input("t", "time") if target is self.now else self.g.zero
        resolve: Callable[[str], int | None] = target.get
        if local:
            resolve = lambda name: local[name] if name in local else target.get(name)  # noqa: E731
        return self.formulas.read(ast, resolve, where, time)

    # ------------------------------------------------------------------ reactions
    def _local_parameters(self, reaction: Any) -> dict[str, int]:
        law = reaction.getKineticLaw()
        if law is None:
            raise ParseError(f"The reaction {reaction.getId()} has no kinetic law.")
        listed = law.getListOfLocalParameters() if self.document.getLevel() > 2 else law.getListOfParameters()
        local: dict[str, int] = {}
        for p in _items(listed):
            name = f"{reaction.getId()}_{p.getId()}"
            while name in self.parameters or name in self.now:
                name += "_"
            local[p.getId()] = self._parameter(name, p.getValue() if p.isSetValue() else None)
        return local

    def _define_rate(self, reaction: Any, local: Mapping[str, int]) -> None:
        name, ast = reaction.getId(), reaction.getKineticLaw().getMath()
        if ast is None:
            raise ParseError(f"The kinetic law of {name} has no formula.")
        needs = [n for n in names_in(ast) if n not in local]
        self.now.add(name, f"reaction {name}", needs, lambda: self._formula(ast, self.now, name, local))
        for reference in [*_items(reaction.getListOfReactants()), *_items(reaction.getListOfProducts())]:
            if reference.getId() and reference.getId() not in self.now:
                self.now.nodes[reference.getId()] = self.g.const(self._stoichiometry(reaction, reference))

    def _stoichiometry(self, reaction: Any, reference: Any) -> Number:
        where = f"the reaction {reaction.getId()} with {reference.getSpecies()}"
        changed = {*self.rates, *self.assigned, *self.initial}
        if reference.isSetStoichiometryMath() or (reference.getId() and reference.getId() in changed):
            raise UnsupportedError(f"The stoichiometry of {where} is a formula; only numbers are supported.")
        if self.document.getLevel() > 2 and not reference.isSetStoichiometry():
            raise ParseError(f"The stoichiometry of {where} is missing.")
        return exact(float(reference.getStoichiometry()))

    def _side(self, reaction: Any, references: Any, numbers: Mapping[str, int]) -> Amounts:
        total: dict[int, Number] = {}
        for reference in _items(references):
            number = numbers.get(reference.getSpecies())
            if number is not None:  # a species with an assignment rule is no unknown
                total[number] = total.get(number, 0) + self._stoichiometry(reaction, reference)
        return tuple(sorted(total.items()))

    # ------------------------------------------------------------------ the whole
    def _assembled(self, reactions: list[Any]) -> GraphProblem:
        amounts = {name: node for name, node in self.states.items() if name in self.species}
        numbers = {name: k for k, name in enumerate(amounts)}
        listed = tuple(
            Reaction(
                r.getId(),
                self._side(r, r.getListOfReactants(), numbers),
                self._side(r, r.getListOfProducts(), numbers),
                self.now.nodes[r.getId()],
            )
            for r in reactions
        )
        fixed = frozenset(k for name, k in numbers.items() if self._is_fixed(name))
        network = ReactionNetwork(self.g, amounts, listed, fixed)
        changes = dict(zip(amounts, network.derivatives(), strict=True))
        derivatives = {name: self._derivative(name, changes) for name in self.states}
        names = tuple(self.parameters)
        form = PointwiseForm(self.g, self.states, derivatives, names, self._quantities(reactions), self._event_forms())
        return GraphProblem(
            form,
            list(self.parameters.values()),
            self._start_values(),
            name=self.title,
            units=dict(self._units()),
            ignored=self.ignored,
            network=network if listed else None,
        )

    def _event_forms(self) -> tuple[EventForm, ...]:
        sizes = {n: self._size_of(self.species[n]) for n in self.states if n in self.species}
        nodes = {n: self.now.nodes[size] for n, size in sizes.items() if size is not None}
        return read_events(self.g, self.events, lambda ast, at: self._formula(ast, self.now, at), self.states, nodes)

    def _is_fixed(self, name: str) -> bool:
        species = self.species[name]
        return bool(species.getBoundaryCondition() or species.getConstant() or name in self.rates)

    def _derivative(self, name: str, changes: Mapping[str, int]) -> int:
        g = self.g
        if name not in self.species:
            return self._formula(self.rates[name], self.now, name) if name in self.rates else g.zero
        if name not in self.rates:
            species = self.species[name]
            factor = species.getConversionFactor() or self.model.getConversionFactor()
            return g.product([self.now.nodes[factor], changes[name]]) if factor else changes[name]
        slope, size = self._formula(self.rates[name], self.now, name), self._size_of(self.species[name])
        if size is None:
            return slope
        if size in self.assigned:
            raise UnsupportedError(f"{name} has a rate rule, and its compartment {size} is assigned: not supported.")
        moved = [(1, g.product([slope, self.now.nodes[size]]))]
        if size in self.rates:  # amount = concentration * size
            moved.append((1, g.product([self.now.nodes[name], self._formula(self.rates[size], self.now, size)])))
        return g.add(moved)

    def _start_values(self) -> dict[str, Any]:
        symbols: dict[int, sp.Basic] = {self.g.input(n, "param"): p for n, p in self.parameters.items()}
        values: dict[str, Any] = {}
        for name in self.states:
            node = self.start.get(name)
            if node is None:
                continue  # given by the user
            if name in self.species and (size := self._size_of(self.species[name])) is not None:
                node = self.g.product([node, self.start.nodes[size]])
            values[name] = float(self.g.args[node]) if self.g.op[node] == "const" else to_sympy(self.g, node, symbols)
        return values

    def _quantities(self, reactions: list[Any]) -> dict[str, int]:
        found = {
            f"[{n}]": self.now.nodes[n] for n in self.states if n in self.species and self._size_of(self.species[n])
        }
        found |= {name: self.now.nodes[name] for name in self.assigned if name in self.now}
        return found | {r.getId(): self.now.nodes[r.getId()] for r in reactions}

    def _units(self) -> Iterator[tuple[str, str]]:
        for item in [*self.compartments.values(), *_items(self.model.getListOfParameters())]:
            if item.getUnits():
                yield item.getId(), item.getUnits()
        for name, species in self.species.items():
            if species.getSubstanceUnits() or self.model.getSubstanceUnits():
                yield name, species.getSubstanceUnits() or self.model.getSubstanceUnits()
        if self.model.getTimeUnits():
            yield "t", self.model.getTimeUnits()
