"""Sets of library entries by cost, and the test whether products of their fields can represent a form."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ritz.symbolic import modular
from ritz.symbolic.form_kernel import Kernel, Piece, random_sums
from ritz.symbolic.form_library import Entry, Library
from ritz.symbolic.modular import PRIME, Residues
from ritz.symbolic.product_form import LinearField, ProductForm

Chosen = tuple[int, ...]  # indices of entries
Indices = NDArray[np.int64]
Pools = list[tuple[list[int], int]]  # (entries to choose from, number to choose)
BATCH = 8192  # sets generated at once


class Catalogue:
    """The entries of a library by number.

    Attributes:
        entries: all entries, tier by tier; at most 64.
        tiers: number of entries in the first tier, the first two tiers, ...
        fields: all distinct fields.
        members: per entry the indices of its fields.
    """

    def __init__(self, library: Library) -> None:
        self.entries: tuple[Entry, ...] = library.entries
        self.tiers = tuple(itertools.accumulate(len(tier) for tier in library.tiers))
        self.fields: list[LinearField] = list(dict.fromkeys(item for entry in self.entries for item in entry.fields))
        place = {item: index for index, item in enumerate(self.fields)}
        self.members = [tuple(place[item] for item in entry.fields) for entry in self.entries]

    def fields_of(self, chosen: Iterable[int]) -> Chosen:
        """Distinct fields of some entries, in their order."""
        return tuple(dict.fromkeys(field for index in chosen for field in self.members[index]))

    def cost(self, chosen: Iterable[int]) -> int:
        """Inverse transforms of some entries."""
        return sum(self.entries[index].cost for index in chosen)

    def order(self, index: int) -> int:
        """Highest order of differentiation in an entry, counted from potentials."""
        operators = [multiplier for item in self.entries[index].fields for _, multiplier in item]
        return max(max(multiplier.orders) + 2 * multiplier.depth for multiplier in operators)

    def batches(self, tier: int, cost: int) -> Iterator[tuple[Indices, Indices]]:
        """Sets from the tiers up to `tier` with an entry of that tier and exactly that cost, dear entries first.

        Yields:
            ``(chosen, members)``: (sets, entries) and (sets, fields) indices; fields of overlapping entries
            are repeated.
        """
        old = self.tiers[tier - 1] if tier else 0
        for pools in self._pools(self.tiers[tier], cost):
            choices = [itertools.combinations(pool, number) for pool, number in pools]
            sets = map(itertools.chain.from_iterable, itertools.product(*choices))
            width = sum(number for _, number in pools)
            while len(flat := np.fromiter(_flat(itertools.islice(sets, BATCH)), dtype=np.int64)):
                chosen = flat.reshape(-1, width)
                chosen = chosen[chosen.max(axis=1) >= old]
                yield chosen, self._members(chosen, pools)

    def masks(self, chosen: Indices) -> NDArray[np.uint64]:
        """Bit masks of sets of entries."""
        bits = np.left_shift(np.uint64(1), chosen.astype(np.uint64))
        return np.asarray(np.bitwise_or.reduce(bits, axis=-1))

    def _members(self, chosen: Indices, pools: Pools) -> Indices:
        columns, start = [], 0
        for pool, number in pools:
            width = len(self.members[pool[0]])
            table = np.zeros((len(self.entries), width), dtype=np.int64)
            table[pool] = [self.members[index] for index in pool]
            for column in range(start, start + number):
                columns.append(table[chosen[:, column]])
            start += number
        return np.concatenate(columns, axis=1)

    def _pools(self, count: int, cost: int) -> Iterator[Pools]:
        """How many entries of every kind to choose; entries of one kind have equal cost and equally many fields."""
        kinds: dict[tuple[int, int], list[int]] = {}
        for index in range(count):
            kinds.setdefault((self.entries[index].cost, len(self.members[index])), []).append(index)
        prices = sorted(kind for kind in kinds if kind[0])
        free = [index for kind in kinds if not kind[0] for index in kinds[kind]]
        for extra in _free_choices(free):
            for numbers in _compositions(prices, cost):
                pools = [([index], 1) for index in extra]
                pools += [(kinds[kind], number) for kind, number in numbers if number <= len(kinds[kind])]
                if pools and len(pools) == len(extra) + len(numbers):
                    yield pools


class Tester:
    """Decides for many sets of fields at once whether their products can represent the form at one wave vector."""

    def __init__(self, form: ProductForm, pieces: Sequence[Piece], fields: Sequence[LinearField], most: int) -> None:
        """Sample; `most` is the largest number of products of one degree that will be asked for."""
        counts = dict.fromkeys(form.degrees, most + 2)
        kernel = Kernel(form, random_sums(form.dimension, 1, seed=5), counts, seed=6)
        weights = np.random.default_rng(7).integers(1, PRIME, len(pieces))
        self._values: dict[int, Residues] = {}
        self._targets: dict[int, Residues] = {}
        for degree in form.degrees:
            self._values[degree] = np.stack([kernel.field(degree, item)[:, 0] for item in fields])
            parts = np.stack([kernel.piece(piece, degree)[0] for piece in pieces])
            self._targets[degree] = modular.reduced(parts * weights[:, None]).sum(axis=0) % PRIME

    def representable(self, members: Indices) -> NDArray[np.bool_]:
        """One answer for each of the (sets, fields) indices."""
        good = np.ones(len(members), dtype=bool)
        for degree in self._targets:
            left = np.flatnonzero(good)
            if len(left):
                good[left] = self._spans(members[left], degree)[0]
        return good

    def dependent(self, fields: Chosen) -> bool:
        """Whether some product of these fields is a combination of others at a fixed wave vector."""
        return any(bool(self._spans(np.array([fields]), degree)[1][0]) for degree in self._targets)

    def _spans(self, members: Indices, degree: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        places = np.array(list(itertools.combinations_with_replacement(range(members.shape[1]), degree)))
        samples = len(places) + 2
        values = self._values[degree][:, :, :samples]
        products = _symmetric_products(values, members[:, places])
        return modular.spans(products, self._targets[degree][:samples])


def product_count(fields: int, degree: int) -> int:
    """Number of distinct products of `degree` out of `fields` fields, repetitions allowed."""
    return math.comb(fields + degree - 1, degree)


def _symmetric_products(values: Residues, members: Indices) -> Residues:
    """(sets, products, samples) from values (fields, degree, samples) and members (sets, products, degree)."""
    degree = members.shape[2]
    total = np.zeros((*members.shape[:2], values.shape[2]), dtype=np.int64)
    for order in itertools.permutations(range(degree)):
        part = values[members[:, :, 0], order[0]]
        for factor in range(1, degree - 1):
            part = modular.reduced(part * values[members[:, :, factor], order[factor]])
        total = modular.reduced(total + part * values[members[:, :, -1], order[-1]])
    return total


def _free_choices(free: Sequence[int]) -> list[Chosen]:
    """Which of the entries without cost to use: all choices of a few, else none, one or all."""
    if len(free) <= 3:
        return [choice for size in range(len(free) + 1) for choice in itertools.combinations(free, size)]
    return [(), *[(index,) for index in free], tuple(free)]


def _compositions(kinds: Sequence[tuple[int, int]], cost: int) -> Iterator[list[tuple[tuple[int, int], int]]]:
    """All ways to spend exactly `cost` on (price, fields) kinds: (kind, number) pairs, dear kinds preferred."""
    if not kinds:
        if cost == 0:
            yield []
        return
    kind, rest = kinds[-1], kinds[:-1]
    for number in range(cost // kind[0], -1, -1):
        for tail in _compositions(rest, cost - number * kind[0]):
            yield [(kind, number), *tail] if number else tail


def _flat(sets: Iterable[Iterable[int]]) -> Iterator[int]:
    return itertools.chain.from_iterable(sets)
