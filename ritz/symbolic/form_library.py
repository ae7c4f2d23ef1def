"""The library of grid fields that the search may use, made from a product form alone.

Small tiers come first, so that a good form is found early and the search can be ended by its bound:

0. states, the factors that occur, potentials of inverse-Laplacian images; in three dimensions instead vector blocks
   (advecting and solenoidal vectors, their curls and vector potentials, sums and differences of like vectors);
1. curls, divergences and strains of vectors; sums and differences of components of like vectors;
2. all derivatives up to the order that occurs, Laplacians among them;
3. sums and differences of states and of first derivatives.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ritz.symbolic.form_kernel import Piece, split_rows
from ritz.symbolic.multiplier import Multiplier
from ritz.symbolic.product_form import LinearField, ProductForm

Vector = tuple[LinearField, ...]
_Slots = dict[tuple[Multiplier, LinearField], tuple[dict[int, LinearField], set[int]]]
LARGEST = 64  # entries in the whole library


@dataclass(frozen=True)
class Entry:
    """Fields that are brought to the grid together.

    Attributes:
        fields: one field, a field and its conjugate, or the components of a vector.
        cost: inverse transforms.
    """

    fields: tuple[LinearField, ...]
    cost: int


@dataclass(frozen=True)
class Library:
    """Candidate entries; each tier is searched together with all tiers before it."""

    tiers: tuple[tuple[Entry, ...], ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, tier by tier."""
        return tuple(entry for tier in self.tiers for entry in tier)


def build_library(form: ProductForm) -> Library:
    """The library of a form."""
    collector = _Collector(form)
    factors = _distinct(factor for row in form.rows for term in row for factor in term.factors)
    vectors = _vectors(form)
    for item in form.forced:
        collector.add(item)
    if form.dimension == 3:
        _add_blocks(collector, form, factors, vectors)
    else:
        _add_scalars(collector, form, factors)
    collector.next_tier()
    _add_vector_scalars(collector, form, factors, vectors)
    collector.next_tier()
    for root, order in _ladder_roots(form, factors):
        for item in _derivatives(root, form.dimension, order):
            collector.add(item)
    collector.next_tier()
    states = [LinearField.state(state) for state in _states(factors)]
    for first, second in itertools.combinations(states, 2):
        collector.add_pair(first, second)
    slopes = [state.derivative(axis) for state in states for axis in range(form.dimension)]
    for first, second in itertools.combinations(slopes, 2):
        collector.add_pair(first, second)
    return collector.library()


def library_of(form: ProductForm, blocks: Iterable[Sequence[LinearField]]) -> Library:
    """A library of one tier from the caller's own blocks of fields."""
    collector = _Collector(form)
    for item in form.forced:
        collector.add(item)
    for block in blocks:
        collector.add_block(tuple(block))
    return collector.library()


class _Collector:
    """Gathers entries without repetition, tier by tier."""

    def __init__(self, form: ProductForm) -> None:
        self.form = form
        self._seen: set[frozenset[LinearField]] = set()
        self._free = {self._canonical(item) for item in form.forced}
        self._free |= {self._canonical(form.conjugate(item)) for item in form.forced}
        self._tiers: list[list[Entry]] = [[]]

    @property
    def full(self) -> bool:
        """No more entries are taken."""
        return len(self._seen) >= LARGEST

    def next_tier(self) -> None:
        self._tiers.append([])

    def add(self, item: LinearField) -> None:
        self.add_block((item,))

    def add_pair(self, first: LinearField, second: LinearField) -> None:
        """The sum and the difference."""
        if self.full:
            return
        self.add(first + second)
        self.add(first - second)

    def add_block(self, block: Sequence[LinearField]) -> None:
        """Fields used together; multiples, zeros and conjugates are counted once."""
        if self.full:
            return
        fields: list[LinearField] = []
        cost = 0
        for item in map(self._canonical, block):
            if not item or item in fields:
                continue
            mirrored = self._canonical(self.form.conjugate(item))
            fields += [item] if mirrored == item else [item, mirrored]
            cost += item not in self._free
        key = frozenset(fields)
        if fields and key not in self._seen:
            self._seen.add(key)
            self._tiers[-1].append(Entry(tuple(fields), cost))

    def library(self) -> Library:
        return Library(tuple(tuple(tier) for tier in self._tiers if tier))

    def _canonical(self, item: LinearField) -> LinearField:
        return item.simplified(self.form.dimension).normalised()[1]


# ---------------------------------------------------------------------- tiers
def _add_scalars(collector: _Collector, form: ProductForm, factors: Sequence[LinearField]) -> None:
    """Tier 0 in one and two dimensions."""
    for state in _states(factors):
        collector.add(LinearField.state(state))
    for item in factors:
        collector.add(item)
    for root, _ in _potentials(factors):
        for item in _derivatives(root, form.dimension, 1):
            collector.add(item)
    for group in form.solenoidal:
        curl = _curl(tuple(LinearField.state(state) for state in group))[0]
        collector.add(curl)
        collector.add(curl * Multiplier.inverse_laplacian())


def _add_blocks(
    collector: _Collector, form: ProductForm, factors: Sequence[LinearField], vectors: Sequence[Vector]
) -> None:
    """Tier 0 in three dimensions."""
    inside = {state for vector in vectors for item in vector for state, _ in item}
    scalars = [LinearField.state(state) for state in _states(factors) if state not in inside]
    for item in scalars:
        collector.add(item)
    for vector in vectors:
        collector.add_block(vector)
    for vector in vectors:
        curl = _curl(vector)
        collector.add_block(curl)
        collector.add_block([item * Multiplier.inverse_laplacian() for item in curl])
    for first, second in itertools.combinations(vectors, 2):
        if _alike(first, second):
            collector.add_block([a + b for a, b in zip(first, second, strict=True)])
            collector.add_block([a - b for a, b in zip(first, second, strict=True)])
    for item in scalars:
        collector.add_block([item.derivative(axis) for axis in range(3)])


def _add_vector_scalars(
    collector: _Collector, form: ProductForm, factors: Sequence[LinearField], vectors: Sequence[Vector]
) -> None:
    """Tier 1: single fields made from vectors."""
    for vector in vectors:
        for item in [*_curl(vector), *_strains(vector)]:
            collector.add(item)
        if form.dimension == 3:
            for item in vector:
                collector.add(item)
    if form.dimension == 3:
        for item in factors:
            collector.add(item)
        return
    for one, other in itertools.combinations(vectors, 2):
        if _alike(one, other):
            for a, b in zip(one, other, strict=True):
                collector.add_pair(a, b)
    for vector in vectors:
        collector.add_pair(vector[0], vector[1])


# ---------------------------------------------------------------------- pieces of the form
def _distinct(items: Iterable[LinearField]) -> list[LinearField]:
    return list(dict.fromkeys(items))


def _states(factors: Sequence[LinearField]) -> list[int]:
    return sorted({state for item in factors for state, _ in item})


def _potentials(factors: Sequence[LinearField]) -> list[tuple[LinearField, int]]:
    """States of which inverse Laplacians occur: (deepest potential, its depth)."""
    depths: dict[int, int] = {}
    for item in factors:
        for state, multiplier in item:
            depths[state] = max(depths.get(state, 0), multiplier.depth)
    found = []
    for state, depth in sorted(depths.items()):
        if depth:
            operator = Multiplier({(0, 0, 0, depth): 1})
            found.append((LinearField({state: operator}), depth))
    return found


def _ladder_roots(form: ProductForm, factors: Sequence[LinearField]) -> list[tuple[LinearField, int]]:
    """(root, order): potentials or states, and the highest order of a derivative of them that occurs."""
    potentials = {item.terms[0][0]: (item, depth) for item, depth in _potentials(factors)}
    roots = []
    for state in _states(factors):
        orders = [order for item in factors for index, m in item if index == state for order in m.orders]
        root, depth = potentials.get(state, (LinearField.state(state), 0))
        roots.append((root, min(max(orders) + 2 * depth, 4 if form.dimension == 1 else 3)))
    return roots


def _derivatives(root: LinearField, dimension: int, order: int) -> Iterator[LinearField]:
    """All derivatives up to `order`, lowest first; Laplacians before the other second derivatives."""
    for total in range(order + 1):
        if total >= 2 and dimension > 1:
            laplacian = root * Multiplier.one().laplacian(dimension)
            yield from (item for item in _derivatives(laplacian, dimension, total - 2))
        for axes in itertools.combinations_with_replacement(range(dimension), total):
            item = root
            for axis in axes:
                item = item.derivative(axis)
            yield item


def _curl(vector: Vector) -> Vector:
    """The curl: one component in two dimensions, three in three."""
    if len(vector) == 2:
        return (vector[1].derivative(0) - vector[0].derivative(1),)
    return tuple(
        vector[(axis + 2) % 3].derivative((axis + 1) % 3) - vector[(axis + 1) % 3].derivative((axis + 2) % 3)
        for axis in range(3)
    )


def _strains(vector: Vector) -> list[LinearField]:
    """Divergence, then differences of normal strains and sums for shear."""
    divergence = vector[0].derivative(0)
    for axis, item in enumerate(vector[1:], start=1):
        divergence = divergence + item.derivative(axis)
    strains = [divergence]
    for (i, a), (j, b) in itertools.combinations(enumerate(vector), 2):
        strains += [a.derivative(i) - b.derivative(j), a.derivative(j) + b.derivative(i)]
    return strains


def _alike(first: Vector, second: Vector) -> bool:
    """Equally many derivatives, counted from the potentials where inverse Laplacians occur."""
    return _orders(first) == _orders(second)


def _orders(vector: Vector) -> set[int]:
    return {order + 2 * multiplier.depth for item in vector for _, multiplier in item for order in multiplier.orders}


# ---------------------------------------------------------------------- advecting vectors
def _vectors(form: ProductForm) -> list[Vector]:
    """Solenoidal groups, then vectors found as ``v`` in ``v . grad f`` or ``div(v f)``."""
    groups: list[Vector] = [tuple(LinearField.state(state) for state in group) for group in form.solenoidal]
    if form.dimension > 1:
        for piece in split_rows(form):
            groups += _advecting(piece, form.dimension)
    found: dict[Vector, None] = {}
    for group in groups:
        lead = group[0].normalised()[0]
        found[tuple((item * (1 / lead)).simplified(form.dimension) for item in group)] = None
    return list(found)


def _advecting(piece: Piece, dimension: int) -> list[Vector]:
    """Vectors of one piece: from the advective form, or, where that shows none, from the flux form."""
    inner: _Slots = {}
    outer: _Slots = {}
    for number, (fraction, multiplier, factors) in enumerate(piece.terms):
        if len(factors) != 2:
            continue
        for g, f in (factors, factors[::-1]):
            for axis in range(dimension):
                if (potential := _integrated(f, axis)) is not None:
                    _fill(inner, (multiplier, potential), axis, g * fraction, number)
                if (rest := _without(multiplier, axis)) is not None:
                    _fill(outer, (rest, f), axis, g * fraction, number)
    return _needed(inner, dimension) or _needed(outer, dimension)


def _needed(slots: _Slots, dimension: int) -> list[Vector]:
    """Complete vectors, of lowest order first, as long as they explain terms that no other one explains.

    In two dimensions ``J(psi, w)`` reads as the flow of ``psi`` advecting ``w`` or the other way round; the smoother
    vector is the velocity.
    """
    found = [
        (tuple(slot[axis] for axis in range(dimension)), terms)
        for slot, terms in slots.values()
        if len(slot) == dimension
    ]
    found = sorted(found, key=lambda item: (max(_orders(item[0]), default=0), -_depth(item[0])))
    explained: set[int] = set()
    kept = []
    for vector, terms in found:
        if not terms <= explained:
            kept.append(vector)
            explained |= terms
    return kept


def _depth(vector: Vector) -> int:
    return max((multiplier.depth for item in vector for _, multiplier in item), default=0)


def _fill(slots: _Slots, key: tuple[Multiplier, LinearField], axis: int, item: LinearField, term: int) -> None:
    """Enter a component, with the factor that normalises the advected field moved into it."""
    lead, inner = key[1].normalised()
    slot, terms = slots.setdefault((key[0], inner), ({}, set()))
    slot[axis] = slot.get(axis, LinearField(())) + item * lead
    terms.add(term)


def _integrated(item: LinearField, axis: int) -> LinearField | None:
    parts = [(state, _without(multiplier, axis)) for state, multiplier in item]
    if any(part is None for _, part in parts):
        return None
    return LinearField([(state, part) for state, part in parts if part is not None])


def _without(multiplier: Multiplier, axis: int) -> Multiplier | None:
    """The operator with one derivative along `axis` taken away, or None."""
    if not multiplier or any(key[axis] == 0 for key in multiplier.terms):
        return None
    shifted = {}
    for key, value in multiplier.terms.items():
        a, b, c, e = (n - (index == axis) for index, n in enumerate(key))
        shifted[a, b, c, e] = value
    return Multiplier(shifted)
