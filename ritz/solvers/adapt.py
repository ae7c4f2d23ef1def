"""`adapt`: solve, estimate, mark, refine, until the error is small enough."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ritz.errors import OptionError, OptionValueError, UnsupportedError
from ritz.solvers import figures
from ritz.solvers.estimate import ErrorEstimate, estimate_error


@dataclass(frozen=True)
class AdaptiveStep:
    """One round of the loop.

    Attributes:
        cells, unknowns: size of the mesh and of the state.
        estimate: estimated error.
        relative: the same relative to the norm of the gradient.
        error: true error, where the exact solution was given, else NaN.
    """

    cells: int
    unknowns: int
    estimate: float
    relative: float
    error: float


@dataclass(frozen=True)
class AdaptiveResult:
    """What `adapt` returns.

    Attributes:
        solution: on the last mesh.
        estimate: of its error.
        history: one `AdaptiveStep` for each mesh.
        message: why the loop ended.
        success: whether the tolerance was reached (True where there was none).
    """

    solution: Any
    estimate: ErrorEstimate
    history: tuple[AdaptiveStep, ...]
    message: str
    success: bool

    @property
    def mesh(self) -> Any:
        """The last mesh."""
        return self.estimate.mesh

    @property
    def unknowns(self) -> np.ndarray[Any, Any]:
        """(rounds,) sizes of the state."""
        return np.array([step.unknowns for step in self.history])

    @property
    def estimates(self) -> np.ndarray[Any, Any]:
        """(rounds,) estimated errors."""
        return np.array([step.estimate for step in self.history])

    @property
    def errors(self) -> np.ndarray[Any, Any]:
        """(rounds,) true errors; NaN where no exact solution was given."""
        return np.array([step.error for step in self.history])

    def rate(self, last: int = 6, *, of: str = "estimate") -> float:
        """Return the slope of the error over unknowns, both in logarithms, fitted to the last rounds.

        Args:
            last: number of rounds.
            of: ``"estimate"`` or ``"error"``.

        Raises:
            OptionError: fewer than two rounds, or true errors that are not known.
        """
        values = self.estimates if of == "estimate" else self.errors
        if len(values) < 2 or not np.isfinite(values).all():
            raise OptionError("A rate needs two rounds, and rate(of='error') exact={...} in rz.adapt.")
        return float(np.polyfit(np.log(self.unknowns[-last:]), np.log(values[-last:]), 1)[0])

    def __repr__(self) -> str:
        lines = [f"{'cells':>9} {'unknowns':>9} {'estimate':>11} {'relative':>9}"]
        known = np.isfinite(self.errors).all()
        lines[0] += f" {'error':>11}" if known else ""
        for step in self.history:
            line = f"{step.cells:>9,} {step.unknowns:>9,} {step.estimate:>11.3e} {100 * step.relative:>8.3g}%"
            lines.append(line + (f" {step.error:>11.3e}" if known else ""))
        return "\n".join([*lines, self.message])

    def plot(self, ax: Any = None, **kwargs: Any) -> Any:
        """Draw estimated (and true) errors over the number of unknowns.

        Args:
            ax: Axes; a new figure by default.
            **kwargs: Passed on to ``ax.loglog``.

        Returns:
            The Axes.
        """
        panel = figures.panels(ax, 1, 1, (4.8, 3.6)).item()
        panel.loglog(self.unknowns, self.estimates, **({"marker": "o", "markersize": 4, "label": "estimate"} | kwargs))
        known = bool(np.isfinite(self.errors).all())
        if known:
            panel.loglog(self.unknowns, self.errors, **({"marker": "s", "markersize": 4, "label": "error"} | kwargs))
        panel.set_xlabel("unknowns")
        panel.set_title("norm of the gradient of the error", fontsize="medium")
        figures.clean(panel)
        panel.legend(frameon=False, loc="lower left")
        return panel


def adapt(
    problem: Any,
    element: Any = None,
    *,
    tolerance: float | None = None,
    max_unknowns: int | None = None,
    fraction: float = 0.5,
    max_rounds: int = 60,
    method: str = "recovery",
    of: Any = None,
    exact: Mapping[Any, Any] | None = None,
    callback: Callable[[Any, ErrorEstimate], Any] | None = None,
    **options: Any,
) -> AdaptiveResult:
    """Solve a steady problem on a mesh that is refined where the error is estimated to be large.

    Every round solves the problem, estimates the error of each cell, marks the fewest cells that hold a fraction of it
    (Doerfler), and bisects these and as many neighbours as a conforming mesh needs.

    Args:
        problem: steady, on a mesh of intervals, triangles or tetrahedra, or on a `Box`.
        element: a `FiniteElement`; by default of degree 1.
        tolerance: Estimated error, relative to the norm of the gradient, at which the loop ends, e.g. 0.01.
        max_unknowns: The loop ends with the first mesh that has as many.
        fraction: Of the squared error that the marked cells hold.
        max_rounds: Number of meshes.
        method, of: As in `estimate_error`.
        exact: unknown -> exact expression, for a record of the true error.
        callback: Called as ``callback(solution, estimate)`` in every round; True ends the loop.
        **options: Go to `ritz.solve`.

    Returns:
        An `AdaptiveResult`: ``solution``, ``estimate``, ``history``, ``plot()``.

    Raises:
        OptionError: neither a tolerance nor a number of unknowns.
        UnsupportedError: a problem that evolves in time, or cells that are not refined in part.

    Example:
        >>> import ritz as rz
        >>> x, u = rz.coords("x"), rz.fields("u")
        >>> exact = rz.atan(50*(x - 0.5))
        >>> problem = rz.Problem([rz.Eq(-rz.lap(u), -exact.diff(x, 2))], domain=rz.interval(0, 1, 4),
        ...                      conditions=[rz.Dirichlet(u, exact)])
        >>> result = rz.adapt(problem, rz.FiniteElement(degree=2), tolerance=0.01)
        >>> result.success, result.solution.error({u: exact}, norm="H1") < 0.02*result.estimate.norm
        (True, True)
    """
    from ritz.codegen.fem.discretization import FiniteElement
    from ritz.solvers.solve import solve

    _check(tolerance, max_unknowns, max_rounds)
    element = FiniteElement() if element is None else element
    history: list[AdaptiveStep] = []
    before: Any = None
    system = problem.discretize(element)
    if not hasattr(system, "mesh"):
        raise UnsupportedError(f"adapt refines meshes; {element!r} makes none. Pass a rz.FiniteElement.")
    if not system.is_steady:
        raise UnsupportedError(
            f"{system.name} evolves in time; adapt is for steady problems. Estimate a run with "
            "rz.estimate_error(solution, t=...), refine with mesh.refine(estimate.mark()) and solve again."
        )
    later = copy.copy(element)
    later.cells, later.cell = (), None
    while True:
        guess = {} if before is None or "y0" in options else _guess(before, system)
        solution = solve(system, **{**guess, **options})
        estimate = estimate_error(solution, method=method, of=of)
        error = float("nan")
        if exact is not None:
            error = float(np.sqrt(sum(solution.error({u: e}, norm="H1") ** 2 for u, e in exact.items())))
        history.append(
            AdaptiveStep(len(system.mesh.cells), system.layout.size, estimate.total, estimate.relative, error)
        )
        message, success = _ended(history, tolerance, max_unknowns, max_rounds)
        if not message and callback is not None and callback(solution, estimate):
            message, success = "Stopped by the callback.", True
        if message:
            return AdaptiveResult(solution, estimate, tuple(history), message, success)
        mesh = system.mesh.refine(estimate.mark(fraction))
        problem = problem.replace(domain=_domain(problem.domain, mesh))
        before, system = solution, problem.discretize(later)


def _check(tolerance: Any, max_unknowns: Any, max_rounds: Any) -> None:
    if tolerance is None and max_unknowns is None:
        raise OptionError("adapt needs an end: pass tolerance= (relative, e.g. 0.01), max_unknowns= or both.")
    if tolerance is not None and not 0 < tolerance < 1:
        raise OptionValueError(f"tolerance= is relative, between 0 and 1; found {tolerance!r}.")
    if max_unknowns is not None and max_unknowns < 1:
        raise OptionValueError(f"max_unknowns= is a positive number, found {max_unknowns!r}.")
    if not isinstance(max_rounds, int) or max_rounds < 1:
        raise OptionValueError(f"max_rounds= is a positive whole number, found {max_rounds!r}.")


def _ended(history: list[AdaptiveStep], tolerance: Any, most: Any, rounds: int) -> tuple[str, bool]:
    """Return why the loop ends here, or nothing, and whether it reached its aim."""
    last = history[-1]
    if tolerance is not None and last.relative <= tolerance:
        return f"The estimated error, {100 * last.relative:.3g}%, is below the tolerance.", True
    if most is not None and last.unknowns >= most:
        text = f"The mesh has {last.unknowns:,} unknowns, at least max_unknowns."
        return text, tolerance is None
    if len(history) >= rounds:
        return (
            f"The loop ended after max_rounds = {rounds} meshes; the estimated error is {100 * last.relative:.3g}%.",
            False,
        )
    return "", False


def _domain(domain: Any, mesh: Any) -> Any:
    """Return a mesh as the domain of a problem, with the coordinates that it had."""
    from ritz.symbolic.regions import Region

    return Region(
        domain.coordinates, boundaries=dict(mesh.facet_tags), subdomains=dict(mesh.cell_tags),
        complete=domain.complete, mesh=mesh,
    )  # fmt: skip


def _guess(before: Any, system: Any) -> dict[str, Any]:
    """Return the last solution as a first guess on the next mesh, for nonlinear problems on Lagrange elements."""
    space = system.model.space
    if system.structure.linear or not all(n.element.family == "Lagrange" for n in space.nodes[: len(space.names)]):
        return {}
    values = {name: before.evaluate(name, system.nodes(name)) for name in space.names}
    return {"y0": system.layout.from_fields(values)}
