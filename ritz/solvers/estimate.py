"""`estimate_error`: where on a mesh the error of a solution sits, and how large it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ritz.errors import OptionError, UnsupportedError, nearest
from ritz.solvers import figures
from ritz.solvers.on_mesh import mesh_system, state_at

if TYPE_CHECKING:
    from ritz.solvers.solution import Solution

Array = NDArray[np.float64]
METHODS = ("recovery", "residual")


@dataclass(frozen=True, eq=False)
class ErrorEstimate:
    """An estimate of the error, cell by cell.

    Attributes:
        cells: (cells,) estimated norm of the error in each cell.
        norm: norm of what was estimated in the solution itself.
        method: how it was found.
        mesh: whose cells.
    """

    cells: Array
    norm: float
    method: str
    mesh: Any = field(repr=False)

    @property
    def total(self) -> float:
        """Norm over the domain: root of the sum of squares."""
        return float(np.sqrt(np.sum(self.cells**2)))

    @property
    def relative(self) -> float:
        """The same, relative to `norm`."""
        return self.total / self.norm if self.norm else self.total

    def mark(self, fraction: float = 0.5) -> NDArray[np.intp]:
        """Return the fewest cells that hold a fraction of the squared estimate, to be refined.

        Source: W. Doerfler, "A convergent adaptive algorithm for Poisson's equation", SIAM J. Numer. Anal. 33 (1996)
        1106-1124.

        Args:
            fraction: above 0, at most 1.

        Raises:
            OptionError: a fraction outside.
        """
        if not 0 < fraction <= 1:
            raise OptionError(f"fraction= is above 0 and at most 1, found {fraction!r}.")
        squares = self.cells**2
        order = np.argsort(-squares, kind="stable")
        reached = np.cumsum(squares[order])
        count = int(np.searchsorted(reached, fraction * reached[-1] * (1 - 1e-12))) + 1
        return np.sort(order[:count])

    def __repr__(self) -> str:
        return f"ErrorEstimate({self.total:.4g}, {100 * self.relative:.3g}% by {self.method}, {len(self.cells)} cells)"

    def plot(self, ax: Any = None, **kwargs: Any) -> Any:
        """Colour the cells of a mesh in the plane by their share, on a logarithmic scale.

        Args:
            ax: Axes; a new figure by default.
            **kwargs: Passed on to ``PolyCollection``.

        Returns:
            The Axes.

        Raises:
            UnsupportedError: the mesh is not in the plane.
        """
        from matplotlib.collections import PolyCollection
        from matplotlib.colors import LogNorm

        mesh = self.mesh
        if mesh.gdim != 2 or mesh.dim != 2:
            raise UnsupportedError("Estimates are drawn on meshes in the plane. Write them with rz.write_fields.")
        low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
        panel = figures.panels(ax, 1, 1, figures.image_size(*(high - low)), fixed_aspect=True).item()
        around = [0, 1, 2] if mesh.cell_type == "triangle" else [0, 1, 3, 2]
        top = float(self.cells.max()) or 1.0
        shown = np.maximum(self.cells, 1e-4 * top)
        norm = LogNorm(max(float(shown.min()), 1e-4 * top), top * (1 + 1e-9))
        edge: dict[str, Any] = {"edgecolors": "face", "linewidths": 0.2}
        picture = PolyCollection(
            list(mesh.points[mesh.cells[:, around]]), array=shown, **(edge | {"cmap": "magma_r", "norm": norm} | kwargs)
        )
        panel.add_collection(picture)
        panel.set_aspect("equal")
        panel.autoscale_view()
        figures.name_axes(panel, "$x$", "$y$")
        figures.colour_bar(panel, picture)
        panel.set_title(f"estimated error {self.total:.3g}", fontsize="medium")
        return panel


def estimate_error(solution: Solution, *, of: Any = None, method: str = "recovery", t: Any = -1) -> ErrorEstimate:
    """Estimate the error of a solution on a mesh, cell by cell.

    ``"recovery"`` compares the gradient with a better one, recovered from patches around the vertices (Zienkiewicz and
    Zhu); it estimates the norm of the gradient of the error, for every problem. ``"residual"`` measures how far the
    solution is from fulfilling the strong equations in cells and the continuity of fluxes between them; it bounds the
    error from above up to a constant.

    Args:
        solution: on a mesh.
        of: With ``"recovery"``: what is compared, e.g. a flux ``k*rz.grad(u)`` or a stress; by default the gradients of
            all unknowns but multipliers such as a pressure. It should be continuous in the exact solution.
        method: ``"recovery"`` or ``"residual"``.
        t: Index of a stored time, or a time (a real number).

    Returns:
        An `ErrorEstimate`: ``cells``, ``total``, ``relative``, ``mark()``, ``plot()``.

    Raises:
        OptionError: an unknown method, or nothing that has a gradient.
        UnsupportedError: the solution is not on a mesh, or its equations are none that residuals are there for.

    Source: see `ritz.codegen.fem.recovery` and `ritz.codegen.fem.residuals`.

    Example:
        >>> import ritz as rz
        >>> x, u = rz.coords("x"), rz.fields("u")
        >>> problem = rz.Problem([rz.Eq(-rz.lap(u), -rz.exp(x))], domain=rz.interval(0, 1, 16),
        ...                      conditions=[rz.Dirichlet(u, rz.exp(x))])
        >>> solution = rz.solve(problem.discretize(rz.FiniteElement(degree=1)))
        >>> estimate = rz.estimate_error(solution)
        >>> round(estimate.total / solution.error({u: rz.exp(x)}, norm="H1"), 1)
        1.0
    """
    if method not in METHODS:
        raise OptionError(f"method= is 'recovery' or 'residual', found {method!r}.{nearest(str(method), METHODS)}")
    system = mesh_system(solution, "estimate_error")
    time, state = state_at(solution, t)
    if method == "residual":
        from ritz.codegen.fem.residuals import residual_indicators

        if of is not None:
            raise OptionError("of= chooses what recovery compares; residuals are those of the equations. Leave it out.")
        squares, norms = residual_indicators(system, state, time, solution.params)
    else:
        from ritz.codegen.fem.recovery import recovery_indicators

        squares, norms = recovery_indicators(system, _compared(system, of), state, time, solution.params)
    return ErrorEstimate(np.sqrt(squares), float(np.sqrt(norms.sum())), method, system.mesh)


def _compared(system: Any, of: Any) -> list[tuple[Any, int]]:
    """Return what is recovered, and the degree of the polynomials."""
    from ritz.codegen.fem.cellwise import degree_of_fields
    from ritz.codegen.fem.discretization import multipliers_of
    from ritz.symbolic.notation import grad

    if of is not None:
        return [(of, degree_of_fields(system))]
    form, space = system.form, system.model.space
    left_out = {*multipliers_of(form), *form.numbers, *form.rates.values()}
    found = []
    for u in form.unknowns:
        names = [c.name for c in form.components[u] if c.name in space.names]
        if u in left_out or not names:
            continue
        degree = space.nodes[space.names.index(names[0])].element.degree
        if degree > 0:
            found.append((grad(u), degree))
    if not found:
        raise OptionError("No unknown has a gradient on its elements. Name what is to be compared, of=...")
    return found
