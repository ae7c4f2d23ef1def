"""From a weak form on a mesh to the graph of a system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from ritz.codegen.fem.constraints import grouped, periodic_pairs, prescribed_places
from ritz.codegen.fem.degrees import degree_of
from ritz.codegen.fem.dofs import Nodes, identified, number_nodes
from ritz.codegen.fem.element import SIMPLICES, Element
from ritz.codegen.fem.numbering import number_all
from ritz.codegen.fem.parts import assign
from ritz.codegen.fem.region import make_region
from ritz.codegen.fem.space import ALL, FemSpace, Probe
from ritz.errors import DiscretizationError, UnsupportedError
from ritz.symbolic.calculus import forward, sparse_jacobian
from ritz.symbolic.coordinates import Coordinate, Time
from ritz.symbolic.fields import Field
from ritz.symbolic.graph import Axis, Graph
from ritz.symbolic.operators import D, Dt
from ritz.symbolic.sympy_bridge import to_graph
from ritz.symbolic.weak_form import Essential, Geometric, Integral, Restricted, WeakForm


@dataclass
class FemModel:
    """A weak form as nodes over all degrees of freedom.

    Attributes:
        graph, space: as in `ritz.codegen.lowered.Lowered`.
        states: component -> input node of its free unknowns.
        state: node of all unknowns, prescribed values included.
        rate: node of their time derivatives, a seed.
        given_rate: what is known of it: the time derivatives of prescribed values.
        residual: node of the sum of all integrals, over all degrees of freedom.
        given: nodes of the prescribed values, set by set.
        identities: component -> the component that is its time derivative.
        choices: what was chosen, in words.
        lowering: what has made all this, for integrals that come later.
    """

    graph: Graph
    space: FemSpace
    states: dict[str, int]
    state: int
    rate: int
    given_rate: int
    residual: int
    given: tuple[int, ...]
    identities: dict[str, str]
    choices: list[str]
    lowering: Lowering

    def rhs(self) -> dict[str, int]:
        """Component -> node of its row of f in ``M du/dt = f``."""
        g = self.graph
        (whole,) = g.substitute([self.residual], {self.rate: self.given_rate})
        return self._rows(whole)

    def _rows(self, whole: int) -> dict[str, int]:
        g, found = self.graph, {}
        for f, name in enumerate(self.space.names):
            if name in self.identities:
                found[name] = self.states[self.identities[name]]
            else:
                found[name] = g.scale(-1, g.map(_transposed(self.space.extend(f)), whole))
        return found

    @property
    def is_steady(self) -> bool:
        """Whether no unknown has a time derivative."""
        return not self.identities and not any(n == self.rate for n in self.graph.topological([self.residual]))

    def mass_product(self) -> dict[str, int]:
        """Component -> node of its row of M times a direction, the inputs ``seed <component>``."""
        g, rows = self.graph, self.mass_rows()
        seeds = [
            g.map(self.space.extend(f), g.input(f"seed {name}", "seed", [self.space.state_axes[f]]))
            for f, name in enumerate(self.space.names)
        ]
        return dict(zip(rows, g.substitute(list(rows.values()), {self.rate: g.sum(seeds)}), strict=True))

    def mass_rows(self) -> dict[str, int]:
        """Component -> node of its row of M times `rate`; rows that hold as they stand have the free rates themselves.

        Raises:
            UnsupportedError: a coefficient of a time derivative depends on the unknowns or on time.
        """
        g, found = self.graph, {}
        (whole,) = forward(g, [self.residual], {self.rate: self.rate})
        below = g.topological([whole], stop={self.rate})
        if self.state in below or any(g.op[n] == "input" and g.args[n][1] == "time" for n in below):
            raise UnsupportedError(
                "The coefficient of a time derivative depends on the unknowns or on time. Divide the equation by it, "
                "or write the derivative of the product as the derivative of a new unknown."
            )
        for f, name in enumerate(self.space.names):
            if name in self.identities:
                found[name] = g.input(f"seed {name}", "seed", [self.space.state_axes[f]])
            else:
                found[name] = g.map(_transposed(self.space.extend(f)), whole)
        return found


def _transposed(m: Any) -> Any:
    from ritz.symbolic.calculus import transpose_map

    return transpose_map(m)


class Lowering:
    """One lowering: elements chosen, unknowns numbered, integrals turned into nodes."""

    def __init__(self, form: WeakForm, mesh: Any, elements: Mapping[str, Element], parts: int) -> None:
        self.form, self.mesh, self.parts = form, mesh, parts
        self.names: list[str] = []  # of the blocks: components, and fields that one element carries whole
        self.elements: list[Element] = []
        self.index: dict[Field, tuple[int, int]] = {}  # component -> block, component of its element
        for u in form.unknowns:
            element = elements[u.name]
            for k, c in enumerate(form.components[u]):
                if k == 0 or not element.is_vector:
                    self.names.append(u.name if element.is_vector else c.name)
                    self.elements.append(element)
                self.index[c] = (len(self.names) - 1, k if element.is_vector else 0)
        rates = {
            a: b for u, v in form.rates.items() for a, b in zip(form.components[u], form.components[v], strict=True)
        }
        self.identities = {a.name: b.name for a, b in rates.items()}
        # with dt(u) = u_t as it stands, the equation tested by v_u is the one of u_t
        self.row = {test: self.index[rates.get(c, c)] for test, c in form.tests.items()}
        self.g = Graph()
        self.choices: list[str] = []

    def note(self, line: str) -> None:
        """Add a line to the choices, once."""
        if line not in self.choices:
            self.choices.append(line)

    def run(self) -> FemModel:
        form, g = self.form, self.g
        made: dict[Element, Nodes] = {}
        for e in self.elements:
            if e not in made:
                made[e] = number_nodes(self.mesh, e)
        nodes = [made[e] for e in self.elements]
        stands_for = [identified(n, periodic_pairs(self.mesh, n, form.periodic)) for n in nodes]
        given = grouped(form.essential, self.index, self.elements)
        conditions = [(f, prescribed_places(self.mesh, nodes[f], members, form)) for f, members in given]
        numbering = number_all(nodes, stands_for, conditions)
        names = tuple(self.names)
        total = number_nodes(self.mesh, Element("Real", 0))
        self.space = space = FemSpace(self.mesh, names, (*nodes, total), numbering)
        self.parameters = {p: g.input(p.name, "param") for p in form.parameters}
        states = {n: g.input(n, "state", [axis]) for n, axis in zip(names, space.state_axes, strict=False)}
        parts = [g.map(space.extend(f), states[n]) for f, n in enumerate(names)]
        values = [self._prescribed(k, given[d.condition][1]) for k, d in enumerate(numbering.prescribed)]
        state = g.sum(parts + [g.map(space.place(k), v) for k, v in enumerate(values)])
        self.rate = g.input("rate", "seed", [ALL])
        time = dict.fromkeys(g.inputs(values, "time"), g.one)
        rates = forward(g, values, time) if time else [g.zero] * len(values)
        given_rate = self.given_rate = g.sum([g.map(space.place(k), v) for k, v in enumerate(rates)])
        self.state = state
        groups = self._regions(form.integrals)
        if self.parts > 1:
            assign(space.regions, self.parts)
        residual = g.sum([term for group in groups for term in self._integrals(*group)])
        return FemModel(
            g,
            space,
            states,
            state,
            self.rate,
            given_rate,
            residual,
            tuple(values),
            self.identities,
            self.choices,
            self,
        )

    # ------------------------------------------------------------------ prescribed values
    def _prescribed(self, k: int, members: Sequence[Essential]) -> int:
        """Node of the values of one set: those in its points, or weighted sums of them over the points of moments."""
        if not self.elements[self.index[members[0].field][0]].is_vector:
            return self._given(k, members[0].value, "")
        axis, terms = [self.space.given_axes[k]], []
        for q in range(self.space.moments_of_prescribed(k).points.shape[1]):
            for one in members:
                weight = self.g.input(f"w{self.index[one.field][1]}.{q}@prescribed{k}", "coordinate", axis)
                terms.append(self.g.product([weight, self._given(k, one.value, f".{q}")]))
        return self.g.sum(terms)

    def _given(self, k: int, value: sp.Expr, point: str) -> int:
        """Node of an expression in the points of a set of prescribed values."""
        leaves = dict(self.parameters)
        for i, c in enumerate(self.form.coordinates):
            leaves[c] = self.g.input(f"x{i}{point}@prescribed{k}", "coordinate", [self.space.given_axes[k]])
        leaves |= dict.fromkeys(value.atoms(Time), self.g.input("t", "time"))
        return to_graph(self.g, value, leaves)

    # ------------------------------------------------------------------ integrals
    def _regions(self, integrals: Sequence[Integral]) -> list[tuple[int, list[Integral]]]:
        """Integrals by where they are taken, with the region of each."""
        degrees = {c: self.elements[f].degree for c, (f, _) in self.index.items()}
        degrees |= {test: degrees[c] for test, c in self.form.tests.items()}
        simplex = self.mesh.cell_type in SIMPLICES
        joined = [label for pair in self.form.periodic for label in pair]
        groups: dict[Any, list[Integral]] = {}
        for integral in integrals:
            groups.setdefault((integral.over, integral.on), []).append(integral)
        found = []
        for (over, on), members in groups.items():
            asked = [m.degree for m in members if m.degree is not None]
            geometry = int(self.mesh.geometry_degree)
            needed = [degree_of(m.integrand, degrees, simplex, geometry) for m in members if m.degree is None]
            degree = max(asked + needed)
            number = len(self.space.regions)
            self.space.regions.append(make_region(self.mesh, str(number), over, on, degree, joined))
            where = over if on is None else f"{over} {getattr(on, '__name__', on)!r}"
            points = len(self.space.regions[-1].weights)
            self.choices.append(f"quadrature of degree {degree} on {where} ({points} points)")
            found.append((number, members))
        return found

    def _integrals(self, region: int, members: Sequence[Integral]) -> list[int]:
        """Nodes over all degrees of freedom whose sum is the sum of some integrals."""
        leaves = _Leaves(self, region)
        total = self.g.sum([to_graph(self.g, m.integrand, leaves.of(m.integrand)) for m in members])
        (coefficients,) = sparse_jacobian(self.g, [total], list(leaves.tests))
        terms = []
        for test, node in coefficients.items():
            if any(n in leaves.tests for n in self.g.topological([node])):
                raise DiscretizationError("The weak form is not linear in its test functions.")
            terms.append(self.g.map(self.space.integrate(leaves.tests[test]), node))
        return terms

    def total(self, integrals: Sequence[Integral]) -> int:
        """Node, over one number, of the sum of integrals without test functions."""
        terms = []
        for region, members in self._regions(integrals):
            leaves = _Leaves(self, region)
            node = self.g.sum([to_graph(self.g, m.integrand, leaves.of(m.integrand)) for m in members])
            probe = Probe(region, self.space.total, 1)
            terms.append(self.g.map(self.space.integrate(probe), node))
        (whole,) = self.g.substitute([self.g.sum(terms)], {self.rate: self.given_rate})
        return self.g.map(_transposed(self.space.extend(self.space.total)), whole)


class _Leaves:
    """Nodes of the atoms of the integrands of one region."""

    def __init__(self, lowering: Lowering, region: int) -> None:
        self.lowering, self.region = lowering, region
        self.g, self.space = lowering.g, lowering.space
        self.where = self.space.regions[region]
        self.tests: dict[int, Probe] = {}

    def of(self, integrand: sp.Expr) -> dict[sp.Basic, int]:
        """Atom -> node."""
        kinds = integrand.atoms(Field, D, Dt, Geometric, Coordinate, Time, Restricted)
        leaves: dict[sp.Basic, int] = dict(self.lowering.parameters)
        for atom in kinds:
            if isinstance(atom, Time):
                leaves[atom] = self.g.input("t", "time")
            elif isinstance(atom, Restricted):
                leaves[atom] = self._node(atom.expr, atom.side)
            else:
                leaves[atom] = self._node(atom, 1)
        return leaves

    def _node(self, atom: sp.Basic, side: int) -> int:
        if isinstance(atom, Geometric | Coordinate):
            return self._geometry(atom, side)
        rate, axes = False, []
        while isinstance(atom, Dt | D):
            if isinstance(atom, Dt):
                rate = True
            else:
                axes += [self.lowering.form.coordinates.index(atom.variable)] * atom.order
            atom = atom.expr
        tested = atom in self.lowering.row
        block, component = (self.lowering.row if tested else self.lowering.index)[atom]
        probe = Probe(self.region, block, side, component, tuple(sorted(axes)))
        if self._vanishes(probe):
            return self.g.zero
        if tested:
            node = self.g.input(f"test {probe}", "table", (self.where.cell, self.where.quad))
            self.tests[node] = probe
            return node
        source = self.lowering.rate if rate else self.lowering.state
        return self.g.map(self.space.interpolate(probe), source)

    def _vanishes(self, probe: Probe) -> bool:
        """Whether a derivative is that of a polynomial of lower degree.

        Raises:
            UnsupportedError: a second derivative of a vector element on curved cells.
        """
        name, element = self.space.names[probe.field], self.space.nodes[probe.field].element
        order = len(probe.derivative)
        if self.where.is_affine and order > element.degree:
            if order > 1:
                self.lowering.note(f"second derivatives of {name} vanish: its degree is 1, its cells are straight")
            return True
        if order > 1 and element.is_vector and not self.where.is_affine:
            raise UnsupportedError(
                f"A second derivative of {name} stands in the weak form, but on curved cells {element!r} has first "
                "derivatives only. Use straight cells, or Lagrange elements for {name}."
            )
        return False

    def _geometry(self, atom: sp.Basic, side: int) -> int:
        affine = self.where.is_affine
        axes: tuple[Axis, ...] = (self.where.cell, self.where.quad)
        if isinstance(atom, Coordinate):
            what = f"x{self.lowering.form.coordinates.index(atom)}"
        else:
            what = atom.name
            axes = axes if what.startswith("n_") and not affine else (self.where.cell,)
        return self.g.input(f"{what}@{self.region}@{side}", "coordinate", axes)


def lower(form: WeakForm, mesh: Any, elements: Mapping[str, Element], parts: int = 1) -> FemModel:
    """Turn a weak form into nodes.

    Args:
        form: the weak form in components.
        mesh: the mesh.
        elements: unknown -> element.
        parts: of the mesh that threads are to work on at once.

    Raises:
        DiscretizationError: boundaries that do not match, a point without node, a form that is not linear in its tests.
        UnsupportedError: a condition that an element cannot take.
    """
    return Lowering(form, mesh, elements, parts).run()
