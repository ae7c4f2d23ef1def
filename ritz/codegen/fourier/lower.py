"""From a scalar form on a periodic box to graph nodes, through the form with the fewest transforms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sympy as sp

from ritz.codegen.fourier.elimination import DX, Evolution, algebraic_fields, as_multipliers, eliminate
from ritz.codegen.fourier.space import FourierSpace
from ritz.codegen.fourier.terms import Reader, Term, collect
from ritz.errors import UnsupportedError
from ritz.symbolic.coordinates import Time
from ritz.symbolic.graph import TIME, Graph, LinearMap
from ritz.symbolic.multiplier import Multiplier
from ritz.symbolic.product_form import GridForm, LinearField, ProductForm, ProductTerm
from ritz.symbolic.scalar_form import ScalarForm
from ritz.symbolic.sympy_bridge import to_graph


@dataclass(frozen=True)
class Rest:
    """A term outside the search: ``coefficient * operator * multiplier(term)`` in one row.

    Attributes:
        operator: a rational operator in the derivative symbols where it is not a `Multiplier`; else 1.
        mean: value of that operator at the mean mode.
        term: its coefficient and multiplier are included.
    """

    term: Term
    operator: sp.Expr = sp.S.One
    mean: sp.Expr = sp.S.One


@dataclass(frozen=True)
class SpectralSystem:
    """A system in evolution form, sorted for lowering.

    Attributes:
        form: the scalar form it comes from.
        names: of the states.
        evolution: linear structure.
        products: polynomial terms for the search, or None if there are none.
        rests: per state, the terms outside the search.
        placeholders: symbol in pointwise terms -> sum of (coefficient, linear field of the states).
        degree: largest number of factors in a product; 0 for a linear system.
        has_pointwise: whether a term is not polynomial in the fields.
        algebraic: names of the eliminated unknowns.
        algebraic_rests: their nonlinear terms and sources, like `rests`.
    """

    form: ScalarForm
    names: tuple[str, ...]
    evolution: Evolution
    products: ProductForm | None
    rests: tuple[tuple[Rest, ...], ...]
    placeholders: dict[sp.Symbol, list[tuple[sp.Expr, LinearField]]]
    degree: int
    has_pointwise: bool
    algebraic: tuple[str, ...] = ()
    algebraic_rests: tuple[tuple[Rest, ...], ...] = ()


def analyse(form: ScalarForm) -> SpectralSystem:
    """Read a scalar form, eliminate algebraic unknowns and sort its terms.

    Raises:
        UnsupportedError: the system has no evolution form on Fourier modes; the message names the term.
    """
    dim, n = len(form.coordinates), len(form.unknowns)
    reader = Reader({f: i for i, f in enumerate(form.unknowns)}, form.coordinates)
    equations = [collect(reader.terms(e.expr)) for e in form.equations]
    all_names = [f.name for f in form.unknowns]
    labels = [e.label for e in form.equations]
    evolution = eliminate(equations, n, dim, all_names, labels)
    used = _used_in_products(equations, reader)
    _check_definitions(equations, evolution, used, all_names, labels)
    sorter = _Sorter(n, evolution, dim, all_names, used)
    rests: list[list[Rest]] = [[] for _ in evolution.states]
    rows: list[list[ProductTerm]] = [[] for _ in evolution.states]
    algebraic: list[list[Rest]] = [[] for _ in evolution.algebraic]
    for e, terms in enumerate(equations):
        for term in terms:
            if term.is_linear:
                continue
            for i in range(len(evolution.states)):
                sorter.place(term, evolution.response[i, e], evolution.response_mean[i, e], rows[i], rests[i])
            for k in range(len(evolution.algebraic)):
                i = len(evolution.states) + k
                response, mean = evolution.response[i, e], evolution.response_mean[i, e]
                if response != 0 or mean != 0:
                    algebraic[k] += [Rest(t, response, mean) for t in sorter.expand(term)]
    names = tuple(all_names[i] for i in evolution.states)
    placeholders = {s: sorter.over_states(f) for s, f in reader.placeholders.items()}
    everything = [t for row in rows for t in row]
    rest_terms = [r.term for row in rests for r in row]
    degrees = [len(t.factors) for t in everything] + [len(t.factors) for t in rest_terms]
    products = None
    if everything:
        products = _product_form(rows, rest_terms, placeholders, evolution, names, dim, reader, sorter.uses_conjugates)
    return SpectralSystem(
        form,
        names,
        evolution,
        products,
        tuple(tuple(r) for r in rests),
        placeholders,
        max(degrees, default=0),
        any(t.pointwise.free_symbols & placeholders.keys() for t in rest_terms),
        tuple(all_names[i] for i in evolution.algebraic),
        tuple(tuple(r) for r in algebraic),
    )


def _used_in_products(equations: Sequence[Sequence[Term]], reader: Reader) -> set[int]:
    """Unknowns that stand in products or pointwise functions."""
    fields = [f for terms in equations for t in terms if not t.is_linear for f in t.factors]
    fields += list(reader.placeholders.values())
    n = reader.n
    return {i - 2 * n if i >= 2 * n else i for f in fields for i, _ in f.terms}


def _check_definitions(
    equations: Sequence[Sequence[Term]],
    evolution: Evolution,
    used: set[int],
    names: Sequence[str],
    labels: Sequence[str],
) -> None:
    """Algebraic unknowns in products must be linear in the states."""
    for k, unknown in enumerate(evolution.algebraic):
        if unknown not in used:
            continue
        for e, terms in enumerate(equations):
            driven = evolution.response[len(evolution.states) + k, e] != 0
            if driven and not all(t.is_linear for t in terms):
                raise UnsupportedError(
                    f"{names[unknown]} stands in a product, but {labels[e]}, which determines it, is not linear in the "
                    f"fields. Put its definition into the product, or give {names[unknown]} an evolution equation."
                )


class _Sorter:
    """Rewrites terms over the states and puts them into rows."""

    def __init__(self, n: int, evolution: Evolution, dim: int, names: Sequence[str], used: set[int]) -> None:
        self.n, self.dim, self.evolution = n, dim, evolution
        self.index = {u: i for i, u in enumerate(evolution.states)}
        self.uses_conjugates = False
        wanted = used & set(evolution.algebraic)
        self.algebraic = algebraic_fields(evolution, dim, names) if wanted else {}

    def over_states(self, linear_field: LinearField) -> list[tuple[sp.Expr, LinearField]]:
        """A linear field of unknowns as a sum of coefficients times linear fields of states."""
        parts: dict[sp.Expr, LinearField] = {}
        count = len(self.index)
        for i, m in linear_field.terms:
            conjugate, unknown = i >= 2 * self.n, i - 2 * self.n if i >= 2 * self.n else i
            self.uses_conjugates |= conjugate
            pieces = self.algebraic.get(unknown, [(sp.S.One, LinearField.state(unknown))])
            for c, f in pieces:
                for s, inner in f.terms:
                    target = self.index[s] + (count if conjugate else 0)
                    parts[c] = parts.get(c, LinearField({})) + LinearField({target: (inner * m).simplified(self.dim)})
        return [(c, f) for c, f in parts.items() if f]

    def expand(self, term: Term) -> list[Term]:
        """The term with its factors over the states."""
        result = [replace(term, factors=())]
        for f in term.factors:
            result = [
                replace(t, coefficient=c * t.coefficient, factors=(*t.factors, g))
                for t in result
                for c, g in self.over_states(f)
            ]
        return result

    def place(self, term: Term, operator: sp.Expr, mean: sp.Expr, row: list[ProductTerm], rests: list[Rest]) -> None:
        """Put ``operator * term`` into a row."""
        if operator == 0 and mean == 0:
            return
        split = as_multipliers(operator, mean, self.dim)
        for t in self.expand(term):
            if split is None:
                rests.append(Rest(t, operator, mean))
                continue
            for c, m in split:
                moved = replace(t, coefficient=c * t.coefficient, multiplier=(m * t.multiplier).simplified(self.dim))
                if not moved.multiplier:
                    continue
                if len(t.factors) > 1 and t.pointwise == 1:
                    row.append(ProductTerm(moved.coefficient, moved.multiplier, moved.factors))
                else:
                    rests.append(Rest(moved))


def _product_form(
    rows: Sequence[Sequence[ProductTerm]],
    rest_terms: Sequence[Term],
    placeholders: dict[sp.Symbol, list[tuple[sp.Expr, LinearField]]],
    evolution: Evolution,
    names: tuple[str, ...],
    dim: int,
    reader: Reader,
    uses_conjugates: bool,
) -> ProductForm:
    forced = [f for t in rest_terms for f in t.factors]
    used = set().union(*(t.pointwise.free_symbols for t in rest_terms)) if rest_terms else set()
    forced += [f for s, parts in placeholders.items() if s in used for _, f in parts]
    index = {u: i for i, u in enumerate(evolution.states)}
    complex_fields = any(f.is_complex_field for f in reader.unknowns)
    conjugates = {len(names) + i: i for i in range(len(names))} if complex_fields and uses_conjugates else {}
    return ProductForm(
        dim,
        names,
        tuple(tuple(r) for r in rows),
        conjugates,
        tuple(tuple(index[u] for u in group) for group in evolution.solenoidal),
        tuple(dict.fromkeys(forced)),
    )


# ------------------------------------------------------------------------------------------------------- nodes
class NodeBuilder:
    """Builds the nodes of a spectral system.

    Args:
        system: from `analyse`.
        space: axes and maps (`FourierSpace`).
        grid_form: how the products are computed.
    """

    def __init__(self, system: SpectralSystem, space: FourierSpace, grid_form: GridForm | None) -> None:
        self.system, self.space, self.grid_form = system, space, grid_form
        self.g = g = Graph()
        form = system.form
        self.dim = len(form.coordinates)
        self.states = [g.input(n, "state", space.modes, is_complex=True) for n in system.names]
        self.waves = [g.input(m.name, "wavenumber", [m]) for m in space.modes]
        self.scalars = {p: g.input(p.name, "param") for p in form.parameters}
        self.time = g.input("t", "time")
        self.leaves = {**self.scalars, **self._time_symbols()}
        for c, axis in zip(form.coordinates, space.points, strict=True):
            self.leaves[c] = g.input(c.name, "coordinate", [axis])
        self._grid: dict[LinearField, int] = {}

    def _time_symbols(self) -> dict[sp.Symbol, int]:
        found = {s for e in self.system.form.equations for s in e.expr.atoms(Time)}
        return dict.fromkeys(found, self.time)

    # ------------------------------------------------------------------ operators
    def mode_array(self, name: str) -> int:
        """One of the named arrays over all modes."""
        return self.g.input(name, "wavenumber", self.space.modes)

    def multiplier(self, m: Multiplier) -> int:
        """A multiplier as a node over modes."""
        terms = []
        for exponents, c in m.terms.items():
            powers = [(w, e) for w, e in zip(self.waves, exponents[:3], strict=False) if e]
            turns = sum(exponents[:3])
            if exponents[3]:
                powers.append((self.mode_array("inverse_laplacian"), exponents[3]))
            terms.append((1, self.g.mul([(self.g.imag, turns), *powers], c)))
        return self.g.add(terms)

    def operator(self, value: sp.Expr, mean: sp.Expr) -> int:
        """A rational operator; where its denominator vanishes at the mean mode, `mean` is its value there."""
        split = as_multipliers(value, mean, self.dim)
        g = self.g
        if split is not None:
            return g.sum([g.product([self.scalar(c), self.multiplier(m)]) for c, m in split])
        leaves = {**self.leaves, **{d: g.product([g.imag, w]) for d, w in zip(DX, self.waves, strict=False)}}
        numerator, denominator = sp.fraction(sp.together(value))
        bottom = to_graph(g, denominator, leaves)
        at_mean = self.mode_array("mean_mode")
        if denominator.subs(dict.fromkeys(DX, 0)) == 0:
            bottom = g.sum([bottom, at_mean])
            elsewhere = g.add([(-1, at_mean)], 1)
            top = g.sum(
                [g.product([elsewhere, to_graph(g, numerator, leaves)]), g.product([at_mean, self.scalar(mean)])]
            )
        else:
            top = to_graph(g, numerator, leaves)
        return g.div(top, bottom)

    def scalar(self, value: sp.Expr) -> int:
        """A coefficient of parameters and time."""
        return to_graph(self.g, value, self.leaves)

    # ------------------------------------------------------------------ fields and products
    def field_modes(self, f: LinearField) -> int:
        """Modes of a linear field of the states."""
        return self.g.sum([self.g.product([self.multiplier(m), self.states[s]]) for s, m in f.terms])

    def grid(self, f: LinearField) -> int:
        """Grid values of a linear field; the conjugate of a field shares its transform."""
        if f not in self._grid:
            n = len(self.states)
            plain = LinearField([(s, m) for s, m in f.terms if s < n])
            other = LinearField([(s - n, m) for s, m in f.terms if s >= n])
            parts = []
            if plain:
                parts.append(self._transformed(self.space.inverse, self.field_modes(plain)))
            if other:
                parts.append(self.g.func("conj", self.grid(other)))
            self._grid[f] = self.g.sum(parts)
        return self._grid[f]

    def _transformed(self, linear_map: LinearMap, node: int) -> int:
        """Apply a map with numeric factors and signs pulled out, so that equal transforms meet."""
        c, rest = self.g.split_coefficient(node)
        return self.g.scale(c, self.g.map(linear_map, rest))

    def forward(self, node: int) -> int:
        """Modes of a grid value."""
        return self._transformed(self.space.forward, node)

    def _pointwise(self, expr: sp.Expr) -> int:
        leaves = dict(self.leaves)
        for s in expr.free_symbols & self.system.placeholders.keys():
            parts = self.system.placeholders[s]
            leaves[s] = self.g.sum([self.g.product([self.scalar(c), self.grid(f)]) for c, f in parts])
        return to_graph(self.g, expr, leaves)

    # ------------------------------------------------------------------ rows
    def linear(self, i: int, j: int) -> int:
        """The operator from state j to the time derivative of state i."""
        evolution = self.system.evolution
        return self.operator(evolution.linear[i, j], evolution.linear_mean[i, j])

    def product_rows(self) -> list[int]:
        """Per state, the terms found by the search."""
        n = len(self.states)
        if self.grid_form is None:
            return [self.g.zero] * n
        g, form = self.g, self.grid_form
        fields = [self.grid(f) for f in form.fields]
        products = [
            self.forward(g.sum([g.product([self.scalar(c), *(fields[k] for k in ks)]) for c, ks in product]))
            for product in form.products
        ]
        return [
            g.sum([g.product([self.scalar(c), self.multiplier(m), products[j]]) for c, m, j in row])
            for row in form.rows[:n]
        ]

    def quantity(self, k: int) -> int:
        """Modes of an eliminated unknown."""
        row = len(self.states) + k
        parts = [self.g.product([self.linear(row, j), state]) for j, state in enumerate(self.states)]
        return self.g.sum([*parts, self.rest_row(self.system.algebraic_rests[k])])

    def rest_row(self, rests: Sequence[Rest]) -> int:
        """Terms outside the search: one forward transform for each distinct operator."""
        g = self.g
        groups: dict[tuple[sp.Expr, sp.Expr, Multiplier], list[Term]] = {}
        constants = [g.zero]
        for rest in rests:
            t = rest.term
            if t.is_constant:
                value = t.coefficient * (rest.mean if rest.operator != 1 else 1) * _mean_of(t.multiplier)
                constants.append(g.product([self.scalar(sp.sympify(value)), self.mode_array("mean_mode")]))
            else:
                groups.setdefault((rest.operator, rest.mean, t.multiplier), []).append(t)
        for (operator, mean, m), terms in groups.items():
            head = self.multiplier(m)
            if operator != 1:
                head = g.product([self.operator(operator, mean), head])
            constants.append(g.product([head, self._forward_of(terms)]))
        return g.sum(constants)

    def _forward_of(self, terms: Sequence[Term]) -> int:
        def value(t: Term) -> int:
            return self.g.product([self._pointwise(t.pointwise), *(self.grid(f) for f in t.factors)])

        if len(terms) == 1:
            return self.g.product([self.scalar(terms[0].coefficient), self.forward(value(terms[0]))])
        return self.forward(self.g.sum([self.g.product([self.scalar(t.coefficient), value(t)]) for t in terms]))

    def rows(self) -> tuple[list[int], list[int]]:
        """Diagonal linear operators and everything else, per state."""
        g = self.g
        found, diagonal, others = self.product_rows(), [], []
        for i, state in enumerate(self.states):
            parts = [found[i], self.rest_row(self.system.rests[i])]
            for j, other in enumerate(self.states):
                if j != i:
                    parts.append(g.product([self.linear(i, j), other]))
            own = self.linear(i, i)
            if TIME in g.axes[own]:
                parts.append(g.product([own, state]))
                own = g.zero
            diagonal.append(own)
            others.append(g.sum(parts))
        return diagonal, others


def _mean_of(m: Multiplier) -> sp.Rational:
    value = m.at_mean
    return sp.Rational(value.numerator, value.denominator)


def cutoff(points: int, degree: int) -> int:
    """Largest kept wave index so that a product of `degree` factors is free of aliasing: (degree + 1) K < points."""
    return (points - 1) // max(degree + 1, 2)
