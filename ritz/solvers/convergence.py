"""`convergence_study`: errors on ever finer grids against a chosen exact solution, and the orders they show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from ritz.errors import OptionError, OptionValueError, UnsupportedError
from ritz.solvers import figures
from ritz.solvers.convergence_errors import errors_on_grid, errors_on_mesh

NORMS = ("L2", "H1")
EXACT = 1e-11  # errors relative to the solution below which nothing but rounding is left
Key = tuple[str, str, int | None]  # field, norm, degree


@dataclass(frozen=True)
class Level:
    """One solution of the study.

    Attributes:
        degree: of the elements; None for other discretisations.
        h: largest diameter of a cell, or spacing of the grid.
        unknowns: size of the state.
        errors: (field, norm) -> error at the end.
    """

    degree: int | None
    h: float
    unknowns: int
    errors: Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class ConvergenceStudy:
    """Errors and orders; shown as a table, drawn by `plot`.

    Attributes:
        levels: all solutions, coarse to fine for each degree.
        expected: (field, norm, degree) -> order that theory gives, where it does.
        sizes: (field, norm) -> norm of the exact solution itself.
        problem: the manufactured problem that was solved.
    """

    levels: tuple[Level, ...]
    expected: Mapping[Key, int]
    sizes: Mapping[tuple[str, str], float]
    problem: Any = field(repr=False)

    @property
    def degrees(self) -> tuple[int | None, ...]:
        """Degrees studied."""
        return tuple(dict.fromkeys(level.degree for level in self.levels))

    @property
    def quantities(self) -> tuple[tuple[str, str], ...]:
        """Pairs of field and norm."""
        return tuple(self.levels[0].errors)

    def of_degree(self, degree: int | None) -> tuple[Level, ...]:
        """Return the levels of one degree.

        Raises:
            OptionValueError: it was not studied.
        """
        found = tuple(level for level in self.levels if level.degree == degree)
        if not found:
            raise OptionValueError(f"degree {degree} was not studied; degrees: {', '.join(map(str, self.degrees))}.")
        return found

    def orders(self, field: Any, norm: str = "L2", *, degree: int | None = None) -> np.ndarray[Any, Any]:
        """Return the observed orders between neighbouring levels; NaN where only rounding is left.

        Args:
            field: an unknown or its name.
            norm: as studied.
            degree: may be left out where one was studied.

        Raises:
            OptionValueError: a field, norm or degree that was not studied.
        """
        if (str(field), norm) not in self.quantities:
            raise OptionValueError(
                f"{norm} of {field} was not studied; studied: {', '.join(f'{n} of {f}' for f, n in self.quantities)}."
            )
        if degree is None and len(self.degrees) > 1:
            raise OptionValueError(f"Several degrees were studied: {', '.join(map(str, self.degrees))}. Pass degree=.")
        chosen = self.of_degree(self.degrees[0] if degree is None else degree)
        h = np.array([level.h for level in chosen])
        e = np.array([level.errors[str(field), norm] for level in chosen])
        e[e < EXACT * (self.sizes[str(field), norm] or 1.0)] = np.nan
        return np.log(e[:-1] / e[1:]) / np.log(h[:-1] / h[1:])

    def order(self, field: Any, norm: str = "L2", *, degree: int | None = None) -> float:
        """Return the order between the two finest levels; see `orders`."""
        return float(self.orders(field, norm, degree=degree)[-1])

    # ------------------------------------------------------------------ shown
    def table(self) -> list[list[str]]:
        """Return the table as text, row by row, the head first."""
        head = ["degree", "h", "unknowns"] if self.degrees != (None,) else ["h", "unknowns"]
        for name, norm in self.quantities:
            head += [f"{norm} error of {name}", "order"]
        rows = [head]
        for degree in self.degrees:
            chosen = self.of_degree(degree)
            for k, level in enumerate(chosen):
                row = [f"{level.h:.4g}", f"{level.unknowns:,}"]
                row = [str(degree), *row] if degree is not None else row
                for name, norm in self.quantities:
                    row.append(f"{level.errors[name, norm]:.3e}")
                    order = self.orders(name, norm, degree=degree)[k - 1] if k else np.nan
                    expected = self.expected.get((name, norm, degree))
                    last = k == len(chosen) - 1 and expected is not None
                    text = "" if not k else "exact" if np.isnan(order) else f"{order:.2f}"
                    row.append(f"{text} ({expected})" if last else text)
                rows.append(row)
        return rows

    def __str__(self) -> str:
        rows = self.table()
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        lines = ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
        lines.insert(1, "  ".join("-" * width for width in widths))
        note = "in brackets: the order that theory gives" if self.expected else ""
        return "\n".join([*lines, *([note] if note else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rows = self.table()
        style = "style='text-align:right;padding:1px 10px'"
        cells = "".join(f"<th {style}>{escape(cell)}</th>" for cell in head)
        body = "".join("<tr>" + "".join(f"<td {style}>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        note = "<div style='opacity:.65'>in brackets: the order that theory gives</div>" if self.expected else ""
        return f"<table style='border-collapse:collapse'><tr>{cells}</tr>{body}</table>{note}"

    def plot(self, ax: Any = None, **kwargs: Any) -> Any:
        """Draw errors over h, one panel for each field and norm, with slopes of the expected orders.

        Args:
            ax: Axes, as many as there are fields and norms; a new figure by default.
            **kwargs: Passed on to ``ax.loglog``.

        Returns:
            The Axes, or an array of them.
        """
        axes = figures.panels(ax, 1, len(self.quantities), (4.2, 3.8))
        for panel, (name, norm) in zip(axes.flat, self.quantities, strict=True):
            for k, degree in enumerate(self.degrees):
                chosen = self.of_degree(degree)
                h = np.array([level.h for level in chosen])
                e = np.array([level.errors[name, norm] for level in chosen])
                label = f"degree {degree}" if degree is not None else norm
                options = {"marker": "o", "markersize": 5, "linewidth": 1.5, "color": f"C{k}", "label": label}
                panel.loglog(h, e, **(options | kwargs))
                order = self.expected.get((name, norm, degree))
                if order is not None and e[-1] > EXACT * (self.sizes[name, norm] or 1.0):
                    panel.loglog(h, 0.6 * e[-1] * (h / h[-1]) ** order, "--", color="0.6", linewidth=0.9)
                    panel.annotate(f"$h^{order}$", (h[0], 0.6 * e[-1] * (h[0] / h[-1]) ** order), (4, 0),
                                   textcoords="offset points", color="0.45", fontsize="small", va="center")  # fmt: skip
            panel.set_xlabel("$h$")
            panel.set_title(f"${norm[0]}^{norm[1]}$ error of {figures.math(name)}", fontsize="medium")
            panel.set_xticks(h, [f"{value:.3g}" for value in h])
            panel.set_xticks([], minor=True)
            panel.margins(x=0.14)
            figures.clean(panel)
        if len(self.degrees) > 1:
            axes[0, 0].legend(frameon=False, loc="lower right", fontsize="small")
        return figures.given_back(axes)


def convergence_study(
    problem: Any,
    exact: Mapping[Any, Any],
    *,
    levels: int | Sequence[int] | None = None,
    degrees: int | Sequence[int] = (1, 2, 3),
    discretization: Callable[..., Any] | None = None,
    norms: Sequence[str] = NORMS,
    t_span: tuple[float, float] | None = None,
    params: Any = None,
    **options: Any,
) -> ConvergenceStudy:
    """Solve a problem with a known solution on ever finer grids and measure the orders of convergence.

    The exact solution is put into every equation of the problem; the sources, boundary data and initial values that
    make it hold replace the user's (see `ritz.symbolic.manufactured`). So a study checks the user's own equations,
    with their coefficients and nonlinear terms, on the user's own domain.

    Args:
        problem: on a mesh, a `Box` or an `Interval`.
        exact: every unknown -> expression of coordinates, time and parameters; tuples for vectors. It should solve no
            simpler problem: polynomials of the degree of the elements are found exactly.
        levels: On a `Box` numbers of cells along an axis, by default ``(4, 8, 16)``; on a mesh how many meshes are
            used, the given one and its refinements, by default 3.
        degrees: Of the elements.
        discretization: Called as ``discretization(n, degree)`` to make one, n being the number of cells (of the
            refinement on a mesh); by default `ritz.FiniteElement`. ``rz.Fourier`` is taken as it is for periodic
            problems.
        norms: ``"L2"`` and ``"H1"`` (of the gradient of the error); on grids ``"L2"`` only.
        t_span: For problems that evolve in time; errors are those at its end.
        params: Parameter values.
        **options: Go to `ritz.solve`; in time the tolerances are 1e-9 by default, so that errors are those of space.

    Returns:
        A `ConvergenceStudy`: a table of errors and orders, with ``.plot()``.

    Raises:
        OptionError: no solution for an unknown, a norm that does not exist, no t_span.
        OptionValueError: fewer than two levels, numbers of cells on a mesh.
        ConditionError: an exact solution that has another mean than `MeanZero` prescribes.

    Example:
        >>> import ritz as rz
        >>> x, y = rz.coords("x y")
        >>> u = rz.fields("u")
        >>> problem = rz.Problem([rz.Eq(-rz.div((1 + u**2)*rz.grad(u)), 1)], domain=rz.Box(x=(0, 1), y=(0, 1)),
        ...                      conditions=[rz.Dirichlet(u, 0, on="left")])
        >>> study = rz.convergence_study(problem, {u: rz.sin(x)*rz.cos(y)}, levels=(4, 8), degrees=1)
        >>> round(study.order(u, "L2")), round(study.order(u, "H1"))
        (2, 1)
    """
    from ritz.codegen.fem.discretization import FiniteElement
    from ritz.symbolic.manufactured import manufactured

    chosen = _read_norms(norms)
    start = float(t_span[0]) if t_span is not None else 0.0
    made = manufactured(problem, exact, start)
    on_mesh = getattr(problem.domain, "mesh", None) is not None
    counts = _read_levels(levels, on_mesh)
    orders: Sequence[int | None] = _read_degrees(degrees)
    cells = 0 if on_mesh else problem.domain.dimension
    make = discretization or FiniteElement
    if isinstance(make, type) and make is not FiniteElement:
        orders = (None,)
    exact_of = _by_unknown(problem, exact)
    found: list[Level] = []
    expected: dict[Key, int] = {}
    sizes: dict[tuple[str, str], float] = {}
    for degree in orders:
        domain = problem.domain
        for k, n in enumerate(counts):
            if on_mesh:
                domain = domain.mesh.refine().as_domain() if k else domain
                made = made.replace(domain=domain) if k else made.replace(domain=problem.domain)
            system = made.discretize(_made(make, n, cells, degree))
            solution = _solved(system, t_span, params, options)
            if hasattr(system, "mesh"):
                errors = errors_on_mesh(solution, exact_of, chosen, sizes)
                expected |= _expected(system, exact_of, chosen, degree)
                h = float(system.mesh.cell_diameters.max())
            else:
                errors = errors_on_grid(solution, exact_of, chosen, norms is NORMS, sizes)
                h = max(axis.length / axis.values.size for axis in solution.catalog.axes)
            found.append(Level(degree, h, int(system.layout.size), errors))
    return ConvergenceStudy(tuple(found), expected, sizes, made)


def _made(make: Any, n: int, cells: int, degree: int | None) -> Any:
    """Return a discretisation with n cells along every axis."""
    if not isinstance(make, type):
        return make(n, degree)
    return make(*[n] * cells) if degree is None else make(*[n] * cells, degree=degree)


def _by_unknown(problem: Any, exact: Mapping[Any, Any]) -> dict[Any, Any]:
    by_name = {str(key): value for key, value in exact.items()}
    return {u: by_name[u.name] for u in problem.unknowns}


def _read_norms(norms: Any) -> tuple[str, ...]:
    chosen = (norms,) if isinstance(norms, str) else tuple(norms)
    for norm in chosen:
        if norm not in NORMS:
            raise OptionError(f"norms= holds 'L2' and 'H1', found {norm!r}.")
    return chosen


def _read_levels(levels: Any, on_mesh: bool) -> list[int]:
    if on_mesh:
        count = 3 if levels is None else levels
        if not isinstance(count, int) or isinstance(count, bool) or count < 2:
            raise OptionValueError(
                f"On a mesh levels= is how many meshes are used, the given one and its refinements, at least 2; found "
                f"{levels!r}."
            )
        return list(range(count))
    numbers = (4, 8, 16) if levels is None else levels
    if isinstance(numbers, int):
        numbers = [4 * 2**k for k in range(numbers)]
    numbers = list(numbers)
    if (
        len(numbers) < 2
        or any(not isinstance(n, int | np.integer) or n < 1 for n in numbers)
        or sorted(set(numbers)) != numbers
    ):
        raise OptionValueError(
            f"levels= are numbers of cells along an axis, increasing, at least two of them, e.g. (4, 8, 16); found "
            f"{levels!r}."
        )
    return [int(n) for n in numbers]


def _read_degrees(degrees: Any) -> tuple[int, ...]:
    chosen = (degrees,) if isinstance(degrees, int) else tuple(degrees)
    if not chosen:
        raise OptionValueError("degrees= is empty. Name at least one, e.g. degrees=(1, 2).")
    return chosen


def _solved(system: Any, t_span: Any, params: Any, options: Mapping[str, Any]) -> Any:
    from ritz.solvers.solve import solve

    given = dict(options)
    if system.is_steady:
        if t_span is not None:
            raise OptionError(f"{system.name} is steady: leave t_span out.")
        return solve(system, params=params, **given)
    if t_span is None:
        raise OptionError(f"{system.name} evolves in time: pass t_span=(start, end); errors are those at its end.")
    fixed = "dt" in given
    defaults = {} if fixed else {"rtol": 1e-9, "atol": 1e-9}
    solution = solve(system, t_span, params=params, **{"t_eval": [t_span[1]], **defaults, **given})
    if not solution.success:
        raise UnsupportedError(f"A run of the study did not reach the end: {solution.message}")
    return solution


def _expected(system: Any, exact: Mapping[Any, Any], norms: Sequence[str], degree: int | None) -> dict[Key, int]:
    """Return the orders of Lagrange and DG elements: k + 1 in L2, k in H1."""
    space = system.model.space
    found: dict[Key, int] = {}
    for u in exact:
        name = system.form.components[u][0].name
        if name in space.names:
            element = space.nodes[space.names.index(name)].element
            if element.family in ("Lagrange", "P", "CG", "Q", "DG", "DQ"):
                found |= {(u.name, norm, degree): element.degree + (norm == "L2") for norm in norms}
    return found
