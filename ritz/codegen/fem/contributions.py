"""What every cell of the mesh adds to a residual tested with a few vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ritz.codegen.fem.instance import FemInstance
from ritz.codegen.fem.restriction import take_apart
from ritz.codegen.layout import Array


class CellContributions:
    """``test.T @ f(u, t; p)`` as a sum over the cells of a mesh.

    An integral over a facet of the boundary is counted with its cell, one over an interior facet half with each side:
    with weights of cells the sum is what ``system.sample(weights=...)`` gives. Rows that hold as they stand, ``du/dt =
    v``, are no integrals and are left out.

    Args:
        system: the `FemSystem`.
        test: (size, k) vectors.

    Example:
        >>> import numpy as np
        >>> import ritz as rz
        >>> u = rz.fields("u")
        >>> problem = rz.Problem([rz.Eq(-rz.lap(u), 1)], domain=rz.rectangle(n=(4, 4)), conditions=[rz.Dirichlet(u, 0)])
        >>> system = problem.discretize(rz.FiniteElement(degree=1))
        >>> state = np.linspace(0, 1, system.layout.size)
        >>> apart = CellContributions(system, np.eye(system.layout.size)[:, :2])(0.0, state)
        >>> apart.shape, bool(np.allclose(apart.sum(axis=1), system.rhs(0.0, state)[:2]))
        ((2, 32), True)
    """

    def __init__(self, system: Any, test: Array) -> None:
        self.system = system
        self.space = take_apart(system.model.space)
        program = system.program_on("rhs", self.space, plain=False)
        self._instance = FemInstance(program, {})
        n = int(self.space.numbering.offsets[-1])
        self._test = np.asarray(test, dtype=float)[self.space.inputs]
        owner = np.zeros((2, n), dtype=np.int64)  # the cells that an unknown's row counts with
        for (region, _, _), table in self.space.tables.items():
            cells = self.space.regions[region].cells
            free = table < n
            for side in (0, 1):
                mine = np.broadcast_to(cells[side % len(cells)][:, None], table.shape)
                owner[side, table[free]] = mine[free]
        self._owner = owner

    def __call__(self, t: float, u: Any, p: Any = None) -> Array:
        """(k, cells) what each cell adds.

        Args:
            t: time.
            u: (size,) state.
            p: parameter vector or overrides of the defaults.
        """
        rows = np.empty(self._instance.length)
        state = np.ascontiguousarray(np.asarray(u, dtype=float)[self.space.inputs])
        self._instance.call(float(t), state, np.ascontiguousarray(self.system.parameter_vector(p)), rows)
        cells = len(self.system.mesh.cells)
        half = 0.5 * self._test * rows[:, None]
        parts = [np.bincount(side, w, cells) for w in half.T for side in self._owner]
        return np.array(parts).reshape(-1, 2, cells).sum(axis=1)
