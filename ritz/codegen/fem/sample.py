"""Residual and Jacobian of a finite-element system over some cells of its mesh, at a cost that knows only these."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from ritz.codegen.fem.instance import FemInstance
from ritz.codegen.fem.restriction import RestrictedSpace, full_tables, restrict, touched_fields
from ritz.codegen.layout import Array
from ritz.errors import OptionError, RitzError


class FemSample:
    """Some rows of ``M(p) du/dt = f(u, t; p)``, or sums over weighted cells; made by `FemSystem.sample`.

    Attributes:
        system: the whole.
        space: regions with the chosen entries, and the numbering of the unknowns in them.
        inputs: (n,) positions in the state of the whole of the unknowns that are read.
        rows: (m,) positions of the rows that are returned: complete ones, or with weights all that are touched.
        weights: (cells,) of all cells of the mesh, or None.
    """

    def __init__(self, system: Any, space: RestrictedSpace, rows: Array, weights: Array | None) -> None:
        self.system, self.space, self.rows, self.weights = system, space, rows, weights
        self.inputs = space.inputs
        self._places = np.searchsorted(self.inputs, rows)
        self._everything = np.array_equal(self._places, np.arange(len(self.inputs)))
        self._local = threading.local()
        self._selected: dict[str, tuple[Array, Array, Array]] = {}

    def __repr__(self) -> str:
        return f"<FemSample of {self.system.name}: {len(self.rows)} rows, {len(self.inputs)} unknowns>"

    @property
    def parameters(self) -> Any:
        """Those of the whole."""
        return self.system.parameters

    @property
    def entries(self) -> dict[str, int]:
        """How many cells or facets the kernel of every region of the residual runs over, by region."""
        kernels = self.system.program_on("rhs", self.space).kernels
        regions = [self.space.regions[k.region] for k in kernels]
        names = [r.over if r.label is None else f"{r.over} {r.label!r}" for r in regions]
        return dict(zip(names, (r.size for r in regions), strict=True))

    @property
    def operations(self) -> int:
        """Operations of one residual in the quadrature points of all cells and facets."""
        return int(self.system.program_on("rhs", self.space).operations)

    # ------------------------------------------------------------------ values
    def rhs(self, t: float, u: Any, p: Any = None) -> Array:
        """Rows of f, (m,).

        Args:
            t: time.
            u: (n,) the unknowns at `inputs`.
            p: parameter vector or overrides of the defaults.
        """
        return self._vector("rhs", t, u, p)

    def param_jvp(self, t: float, u: Any, dp: Any, p: Any = None) -> Array:
        """Derivative of `rhs` along a direction ``dp`` of the parameters, (m,)."""
        return self._vector("param_jvp", t, u, p, dp)

    def time_derivative(self, t: float, u: Any, p: Any = None) -> Array:
        """Partial derivative of `rhs` with respect to time, (m,)."""
        return self._vector("time_derivative", t, u, p)

    def jacobian(self, t: float, u: Any, p: Any = None) -> Any:
        """Derivatives of the rows with respect to the inputs, a `scipy.sparse.csr_array` (m, n)."""
        return self._matrix("jacobian", t, u, p)

    def mass(self, p: Any = None) -> Any:
        """Rows of the mass matrix, a `scipy.sparse.csr_array` (m, n); None for steady problems."""
        if self.system.is_steady:
            return None
        return self._matrix("mass", 0.0, np.zeros(len(self.inputs)), p)

    def rhs_numpy(self, t: float, u: Any, p: Any = None) -> Array:
        """The same as `rhs` by sparse matrices of basis functions: slow, the reference of the tests."""
        model = self.system.model
        found = self.space.evaluate(
            model.graph, list(self.system.lowered.rhs().values()), self._leaves(t, np.asarray(u, dtype=float), p)
        )
        return np.concatenate([np.asarray(r, dtype=float) for r in found])[self._places]

    # ------------------------------------------------------------------ how
    def _leaves(self, t: float, u: Array, p: Any) -> dict[int, Any]:
        system = self.system
        roots = list(system.lowered.rhs().values())
        named = system._named(system.parameter_vector(p))
        values = self.space.values(system.model.graph, roots, named, t)
        for f, name in enumerate(self.space.names):
            values[system.model.states[name]] = u[slice(*self.space.bounds(f))]
        return values

    def _instance(self, kind: str) -> FemInstance:
        made: dict[str, FemInstance] = self._local.__dict__.setdefault("instances", {})
        if kind not in made:
            seeds = self.system._seed_parts(kind) if kind == "param_jvp" else {}
            made[kind] = FemInstance(self.system.program_on(kind, self.space), seeds)
        return made[kind]

    def _call(self, kind: str, t: float, u: Any, p: Any, direction: Any = None) -> Array:
        instance = self._instance(kind)
        u = np.ascontiguousarray(u, dtype=float)
        if u.shape != self.inputs.shape:
            raise RitzError(
                f"A sample of {self.system.name} takes the {len(self.inputs)} unknowns at its inputs, u[sample.inputs];"
                f" found shape {u.shape}."
            )
        if direction is not None:
            instance.set_direction(np.asarray(direction, dtype=float), self.system.name)
        out = np.empty(instance.length)
        instance.call(float(t), u, np.ascontiguousarray(self.system.parameter_vector(p)), out)
        return out

    def _vector(self, kind: str, t: float, u: Any, p: Any, direction: Any = None) -> Array:
        found = self._call(kind, t, u, p, direction)
        return found if self._everything else found[self._places]

    def _matrix(self, kind: str, t: float, u: Any, p: Any) -> Any:
        from scipy.sparse import csr_array

        values = self._call(kind, t, u, p)
        pattern = self._instance(kind).program.pattern
        assert pattern is not None
        for places, value in pattern.fixed:
            values[places] = value
        if kind not in self._selected:
            starts, counts = pattern.indptr[self._places], np.diff(pattern.indptr)[self._places]
            indptr = np.concatenate([[0], np.cumsum(counts)])
            taken = np.repeat(starts - indptr[:-1], counts) + np.arange(indptr[-1])
            self._selected[kind] = (taken, pattern.indices[taken], indptr)
        taken, indices, indptr = self._selected[kind]
        return csr_array((values[taken], indices, indptr), shape=(len(self.rows), len(self.inputs)))


def take_sample(system: Any, cells: Any = None, dofs: Any = None, weights: Any = None) -> FemSample:
    """Residual, Jacobian and mass matrix of a system over a part of its mesh.

    With `dofs` the rows at these positions of the state come out, from all cells and facets that they need. With
    `cells` the integrals over these cells and their facets are taken, and the rows that they make complete come out.
    With `weights` every integral over a cell and over a facet of the boundary is multiplied by the weight of its cell,
    one over an interior facet by the mean of the weights on both sides, and all rows that are touched come out: sums to
    be projected on a basis, as in empirical cubature.

    The cost of an evaluation depends on the number of cells that are needed, not on the mesh. The kernels are those of
    the whole system: nothing is compiled for a sample, except once for the first one with weights.

    Source: C. Farhat, P. Avery, T. Chapman, J. Cortial, "Dimensional reduction of nonlinear finite element dynamic
    models with finite rotations and energy-based mesh sampling and weighting", Int. J. Numer. Meth. Eng. 98 (2014).

    Args:
        system: the `FemSystem`.
        cells: numbers of cells of the mesh, or the name of a group of cells.
        dofs: positions in the state.
        weights: one for each of `cells`, or for each cell of the mesh; cells of weight 0 are left out.

    Raises:
        OptionError: neither cells, dofs nor weights were given, or both cells and dofs; numbers that are out of range.

    Example:
        >>> import numpy as np
        >>> import ritz as rz
        >>> u = rz.fields("u")
        >>> problem = rz.Problem([rz.Eq(-rz.div((1 + u**2)*rz.grad(u)), 1)], domain=rz.rectangle(n=(30, 30)),
        ...                      conditions=[rz.Dirichlet(u, 0)])
        >>> system = problem.discretize(rz.FiniteElement(degree=1))
        >>> sample = system.sample(dofs=[100, 200])
        >>> sample.entries
        {'cells': 12}
        >>> state = np.linspace(0, 1, system.layout.size)
        >>> bool(np.allclose(sample.rhs(0, state[sample.inputs]), system.rhs(0, state)[[100, 200]], atol=1e-14))
        True
    """
    if dofs is not None:
        if cells is not None or weights is not None:
            raise OptionError(
                "sample(dofs=...) finds the cells that rows need, so that cells= and weights= have no place beside "
                "it. Give dofs=, or cells= with or without weights=."
            )
        rows = _numbers(dofs, system.layout.size, "dofs", "positions in the state")
        space = restrict(system.model.space, _entries_of_rows(system, rows), None, rows, system.rates)
        return FemSample(system, space, rows, None)
    if cells is None and weights is None:
        raise OptionError("sample(...) needs to know of what: give cells=, dofs= or weights=.")
    return _sample_of_cells(system, cells, weights)


def _sample_of_cells(system: Any, cells: Any, weights: Any) -> FemSample:
    whole, mesh = system.model.space, system.mesh
    count = len(mesh.cells)
    if isinstance(cells, str):
        cells = mesh.cells_on(cells)
    numbers = np.arange(count) if cells is None else _numbers(cells, count, "cells", "numbers of cells")
    factors = None
    weight = np.zeros(count)
    if weights is None:
        weight[numbers] = 1.0
    else:
        given = np.asarray(weights, dtype=float)
        if given.shape != numbers.shape or not np.all(np.isfinite(given)):
            raise OptionError(
                f"weights= must be {len(numbers)} finite numbers, one for each cell; found shape {given.shape}"
                + ("." if given.shape != numbers.shape else " with values that are not finite.")
            )
        weight[numbers] = given
        factors = cell_factors(whole, weight)
    mask = weight != 0
    chosen = {
        region: np.flatnonzero(np.any([mask[c] for c in whole.regions[region].cells], axis=0))
        for region in touched_fields(whole)
    }
    space = restrict(whole, chosen, factors, None, system.rates)
    if weights is not None:
        return FemSample(system, space, space.inputs, weight)
    return FemSample(system, space, _complete_rows(system, space, chosen), None)


def cell_factors(space: Any, weight: Array) -> dict[int, Array]:
    """Region -> the mean of the weights of the cells on the sides of every entry."""
    return {
        region: np.mean([weight[cells] for cells in space.regions[region].cells], axis=0)
        for region in touched_fields(space)
    }


def _numbers(given: Any, size: int, option: str, what: str) -> Array:
    found = np.atleast_1d(np.asarray(given))
    if found.size == 0:
        return np.zeros(0, dtype=np.int64)
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise OptionError(f"{option}= must be {what}, whole numbers; found {found.dtype} of shape {found.shape}.")
    if found.min() < 0 or found.max() >= size:
        raise OptionError(f"{option}= must be {what} from 0 to {size - 1}; found {found.min()} to {found.max()}.")
    if len(np.unique(found)) != len(found):
        raise OptionError(f"{option}= names some {what} more than once.")
    return found.astype(np.int64)


def _entries_of_rows(system: Any, rows: Array) -> dict[int, Array]:
    """Region -> entries in which some rows are tested."""
    space = system.model.space
    wanted = np.zeros(space.numbering.size, dtype=bool)
    wanted[rows] = True
    found = {region: np.zeros(space.regions[region].size, dtype=bool) for region in touched_fields(space)}
    for region, fields in touched_fields(space, tested=True).items():
        for f in fields:
            for s in range(len(space.regions[region].cells)):
                found[region] |= wanted[space.dofs(region, f, s)].any(axis=1)
    return {region: np.flatnonzero(mask) for region, mask in found.items()}


def _complete_rows(system: Any, space: RestrictedSpace, chosen: Mapping[int, Array]) -> Array:
    """Those inputs all of whose entries were chosen."""
    whole = system.model.space
    everything = {region: np.arange(whole.regions[region].size) for region in chosen}
    counts = []
    for entries in (everything, chosen):
        total = np.zeros(whole.numbering.size, dtype=np.int64)
        for table in full_tables(whole, entries, tested=True).values():
            total += np.bincount(table.ravel(), minlength=len(total))
        counts.append(total)
    return space.inputs[counts[0][space.inputs] == counts[1][space.inputs]]
