"""The space of a part of the mesh: fewer entries in every region, and a numbering of the unknowns that they touch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ritz.codegen.fem.numbering import Numbering
from ritz.codegen.fem.space import FemSpace
from ritz.codegen.layout import Array

Key = tuple[int, int, int]  # region, field, side


@dataclass(eq=False)
class RestrictedSpace(FemSpace):
    """A space over some entries of the regions of another, whose maps have the same names.

    The same graph and the same kernels serve both; only sizes, tables and arrays differ.

    Attributes:
        numbers: (size,) the numbers that its unknowns have in the whole, increasing.
        tables: numbers of the unknowns in every entry, in place of those that follow from a numbering of the mesh.
    """

    numbers: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    tables: dict[Key, Array] = field(default_factory=dict)

    def dofs(self, region: int, f: int, s: int) -> Array:
        return self.tables[region, f, s]

    @property
    def inputs(self) -> Array:
        """Positions of its free unknowns in the state of the whole."""
        return self.numbers[: int(self.numbering.offsets[-1])]


def touched_fields(space: FemSpace, *, tested: bool = False) -> dict[int, list[int]]:
    """Region -> fields whose unknowns stand in it, or those that are tested there; regions of numbers are left out."""
    found: dict[int, set[int]] = {}
    for name, probe in space.probes.items():
        if probe.field != space.total and (name.startswith("integrate") or not tested):
            found.setdefault(probe.region, set()).add(probe.field)
    numbers = {probe.region for probe in space.probes.values() if probe.field == space.total}
    return {region: sorted(fields) for region, fields in sorted(found.items()) if region not in numbers}


def full_tables(space: FemSpace, chosen: Mapping[int, Array], *, tested: bool = False) -> dict[Key, Array]:
    """Numbers, in the whole, of the unknowns in the chosen entries of every region."""
    return {
        (region, f, s): space.dofs(region, f, s)[chosen[region]]
        for region, fields in touched_fields(space, tested=tested).items()
        for f in fields
        for s in range(len(space.regions[region].cells))
    }


def restrict(
    space: FemSpace,
    chosen: Mapping[int, Array],
    factors: Mapping[int, Array] | None = None,
    more: Array | None = None,
    rates: Sequence[tuple[slice, slice]] = (),
) -> RestrictedSpace:
    """The space of some entries.

    Args:
        space: the whole.
        chosen: region -> numbers of entries, increasing, for every region with unknowns in it.
        factors: region -> factors of all its entries (see `Region`).
        more: numbers of unknowns that are to be there too.
        rates: blocks of unknowns that are to come in pairs (see `System`).
    """
    tables = full_tables(space, chosen)
    last = space.numbering.size - 1
    parts = [np.ravel(t) for t in tables.values()] + [np.array([last])] + ([] if more is None else [np.ravel(more)])
    numbers = _paired(np.unique(np.concatenate(parts)), rates)
    places = {key: np.searchsorted(numbers, table) for key, table in tables.items()}
    return _space_of(space, chosen, factors, numbers, places)


def _paired(numbers: Array, rates: Sequence[tuple[slice, slice]]) -> Array:
    """Numbers with those at the same place of the other block."""
    more = [numbers]
    for pair in rates:
        for one, other in (pair, pair[::-1]):
            mine = numbers[(numbers >= one.start) & (numbers < one.stop)]
            more.append(mine - one.start + other.start)
    return np.unique(np.concatenate(more))


def take_apart(space: FemSpace) -> RestrictedSpace:
    """All entries, each with unknowns of its own: what every entry adds to a residual stays apart."""
    chosen = {region: np.arange(space.regions[region].size) for region in touched_fields(space)}
    tables = full_tables(space, chosen)
    flat = np.concatenate([*(np.ravel(t) for t in tables.values()), [space.numbering.size - 1]])
    order = np.argsort(flat, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    places, start = {}, 0
    for key, table in tables.items():
        places[key] = rank[start : start + table.size].reshape(table.shape)
        start += table.size
    return _space_of(space, chosen, None, flat[order], places)


def _space_of(
    space: FemSpace,
    chosen: Mapping[int, Array],
    factors: Mapping[int, Array] | None,
    numbers: Array,
    places: Mapping[Key, Array],
) -> RestrictedSpace:
    whole, none = space.numbering, np.zeros(0, dtype=np.int64)
    offsets = np.searchsorted(numbers, whole.offsets)
    free = [
        whole.free[f][numbers[a:b] - int(whole.offsets[f])]
        for f, (a, b) in enumerate(zip(offsets[:-1], offsets[1:], strict=True))
    ]
    prescribed = []
    for given in whole.prescribed:  # all of them, also those without unknowns: maps know them by their place
        a, b = np.searchsorted(numbers, (given.start, given.start + len(given.nodes)))
        prescribed.append(replace(given, nodes=given.nodes[numbers[a:b] - given.start], start=int(a)))
    regions = [
        region.part(chosen.get(k, none), None if factors is None or k not in factors else factors[k])
        for k, region in enumerate(space.regions)
    ]
    return RestrictedSpace(
        space.mesh, space.names, space.nodes, Numbering((), tuple(free), offsets, tuple(prescribed), len(numbers)),
        regions, space.probes, space.order, space.slots, numbers,
        {key: np.ascontiguousarray(table, dtype=np.int32) for key, table in places.items()},
    )  # fmt: skip
