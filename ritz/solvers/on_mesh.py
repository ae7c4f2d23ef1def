"""Numbers and values of a Solution on a mesh: thin ways to what its system knows, at one time of the run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ritz.errors import OptionError, OptionValueError, UnsupportedError

if TYPE_CHECKING:
    from ritz.solvers.solution import Solution

Array = NDArray[Any]


class LineValues(NamedTuple):
    """Values along a straight line.

    Attributes:
        positions: (n,) distance from the start, in the unit of the coordinates.
        values: (n,), or (components, n) for vectors; NaN outside the mesh.
    """

    positions: Array
    values: Array


def mesh_system(solution: Solution, what: str) -> Any:
    """Return the system of a solution on a mesh.

    Raises:
        UnsupportedError: the solution is not on a mesh, or was loaded without its system.
    """
    system = solution.system
    if hasattr(system, "mesh"):
        return system
    if system is None and solution.catalog.mesh:
        raise UnsupportedError(
            f"{what} needs the equations, which a file does not hold. Load it with "
            "rz.load(path, system=problem.discretize(...))."
        )
    raise UnsupportedError(
        f"{what} is there for solutions on meshes (rz.FiniteElement); this one is of {solution.catalog.title}. Its "
        "values on the grid are solution[name] or solution.to_xarray(), which interpolates and integrates too."
    )


def mesh_fields(solution: Solution, what: str) -> Any:
    """Return what knows mesh and elements of a solution: its system, or what was stored of it.

    Raises:
        UnsupportedError: the solution is not on a mesh.
    """
    if solution.system is None and solution._loaded is not None:
        return solution._loaded
    return mesh_system(solution, what)


def state_at(solution: Solution, t: Any = -1) -> tuple[float, Array]:
    """Return time and state (size,) of a stored index (a whole number) or a time (a real number).

    Raises:
        OptionValueError: an index that is not there.
        UnsupportedError: a time outside the run, or between stored times without dense output.
    """
    if isinstance(t, int | np.integer) and not isinstance(t, bool):
        count = len(solution.t)
        if not -count <= t < count:
            raise OptionValueError(
                f"t={t} is an index of stored times, of which there are {count}. Write a time as a real number, e.g. "
                f"t={float(t)}."
            )
        return float(solution.t[t]), np.ascontiguousarray(solution.y[:, t])
    time = float(t)
    return time, np.ascontiguousarray(solution.states_at(np.array([time]))[:, 0])


def evaluate(solution: Solution, expr: Any, points: ArrayLike, t: Any = -1, *, outside: str = "raise") -> Array:
    """Values in points; see `Solution.evaluate`."""
    system = mesh_fields(solution, "solution.evaluate")
    if outside not in ("raise", "nan"):
        raise OptionValueError(f"outside= is 'raise' or 'nan', found {outside!r}.")
    time, state = state_at(solution, t)
    return np.asarray(system.evaluate(expr, points, state, time, solution.params, outside=outside))


def line(
    solution: Solution, expr: Any, start: ArrayLike, end: ArrayLike, n: int, t: Any, ax: Any, kwargs: dict[str, Any]
) -> LineValues:
    """Values along a line; see `Solution.line`."""
    system = mesh_fields(solution, "solution.line")
    a, b = (np.atleast_1d(np.asarray(point, dtype=float)) for point in (start, end))
    dimension = system.mesh.gdim
    if a.shape != (dimension,) or b.shape != (dimension,):
        raise OptionValueError(
            f"A line goes from start to end, {dimension} coordinates each; found shapes {a.shape} and {b.shape}."
        )
    if not isinstance(n, int | np.integer) or n < 2:
        raise OptionValueError(f"n= is the number of points on the line, at least 2; found {n!r}.")
    steps = np.linspace(0.0, 1.0, int(n))
    values = evaluate(solution, expr, a + steps[:, None] * (b - a), t, outside="nan")
    if not np.isfinite(values).any():
        raise OptionError(f"The line from {tuple(a.tolist())} to {tuple(b.tolist())} lies outside the mesh.")
    found = LineValues(steps * float(np.linalg.norm(b - a)), values)
    if ax is not None:
        axes = [str(c) for c in system.form.coordinates]
        _draw_line(solution, axes, ax, expr, found, a, b, kwargs)
    elif kwargs:
        raise OptionError(f"{', '.join(kwargs)}: options of the picture need ax=.")
    return found


def _draw_line(
    solution: Solution, axes: list[str], ax: Any, expr: Any, found: LineValues, a: Array, b: Array, kwargs: Any
) -> None:
    """Draw the values over the coordinate along which the line runs, or over the distance."""
    from ritz.solvers import figures

    catalog = solution.catalog
    moving = np.flatnonzero(a != b)
    where, over = found.positions, "distance from start"
    if len(moving) == 1:
        where = np.linspace(a[moving[0]], b[moving[0]], len(where))
        over = figures.label(catalog, axes[moving[0]])
    name = str(expr)
    text = (
        figures.label(catalog, name) if name in catalog.latex or name in catalog.fields else figures.math(_latex(expr))
    )
    rows = np.atleast_2d(found.values)
    parts = catalog.fields.get(name, ())
    if len(parts) == len(rows) > 1:
        labels = [figures.label(catalog, part) for part in parts]
    else:
        ends = axes if len(rows) == len(a) > 1 else [""] * len(rows)
        labels = [figures.math(rf"\left({_latex(expr)}\right)_{{{end}}}") if end else text for end in ends]
    for row, label in zip(rows, labels, strict=True):
        ax.plot(where, row, **({"linewidth": 1.6, "label": label} | kwargs))
    figures.name_axes(ax, over, text if len(rows) == 1 else "")
    figures.clean(ax)
    figures.legend(ax, len(rows))


def _latex(expr: Any) -> str:
    import sympy as sp

    return str(sp.latex(expr)) if isinstance(expr, sp.Basic) else str(expr)


def integrate(solution: Solution, expr: Any, t: Any) -> float:
    """Value of integrals; see `Solution.integrate`."""
    system = mesh_system(solution, "solution.integrate")
    time, state = state_at(solution, t)
    return float(system.integrate(expr, state, time, solution.params))


def rate_at(solution: Solution, time: float) -> Array:
    """Time derivative of the state: that of the parabola through the three stored states nearest to a time.

    Raises:
        UnsupportedError: fewer than three times are stored.
    """
    if solution.t.size < 3:
        raise UnsupportedError(
            f"The flux of a problem that evolves needs the rate of change, from three stored times at least; this "
            f"solution has {solution.t.size}. Keep more: leave t_eval out, or list times around the one you want."
        )
    near = np.sort(np.argsort(np.abs(solution.t - time), kind="stable")[:3])
    a, b, c = (float(solution.t[k]) for k in near)
    weights = [
        (2 * time - b - c) / ((a - b) * (a - c)), (2 * time - a - c) / ((b - a) * (b - c)),
        (2 * time - a - b) / ((c - a) * (c - b)),
    ]  # fmt: skip
    return np.asarray(solution.y[:, near] @ np.array(weights))


def flux(solution: Solution, unknown: Any, on: Any, t: Any) -> Any:
    """Flux through a boundary; see `Solution.flux`."""
    system = mesh_system(solution, "solution.flux")
    time, state = state_at(solution, t)
    rate = None if system.is_steady else rate_at(solution, time)
    found = system.flux(unknown, on, state, time, solution.params, rate)
    return float(found[0]) if len(found) == 1 else found


def error(solution: Solution, exact: Mapping[Any, Any], norm: str, t: Any) -> float:
    """Norm of the error; see `Solution.error`."""
    system = mesh_system(solution, "solution.error")
    if not isinstance(exact, Mapping) or not exact:
        raise OptionError(f"The exact solution is {{field: expression}}, e.g. {{u: rz.sin(x)}}; found {exact!r}.")
    known = {str(unknown): unknown for unknown in system.form.unknowns}
    for name in exact:
        if str(name) not in known:
            solution.known(name)
    time, state = state_at(solution, t)
    by_field = {known.get(str(name), name): value for name, value in exact.items()}
    return float(system.error(by_field, state, time, solution.params, norm=norm))


def write(solution: Solution, path: str | Path, fields: Any = None) -> Path:
    """Write fields for ParaView; see `Solution.write`.

    Raises:
        StorageError, OptionValueError: as `ritz.write_fields`.
    """
    from ritz.codegen.fem.cellwise import writable
    from ritz.codegen.mesh import write_fields

    system = mesh_fields(solution, "solution.write")
    target = Path(path)
    steady = len(solution.t) == 1
    if not steady and target.suffix not in (".pvd", ".xdmf"):
        raise OptionValueError(
            f"This solution has {len(solution.t)} times: write them to a file that ends in .pvd or .xdmf, not "
            f"{target.name!r}; solution.write needs .vtu for one time only."
        )
    names = solution.select_fields(fields)
    series: dict[str, list[Array]] = {}
    cells: dict[str, list[Array]] = {}
    for time, state in zip(solution.t, solution.y.T, strict=True):
        nodal, per_cell = writable(system, names, np.ascontiguousarray(state), float(time), solution.params)
        for store, found in ((series, nodal), (cells, per_cell)):
            for name, values in found.items():
                store.setdefault(name, []).append(values)
    one = steady and target.suffix not in (".pvd", ".xdmf")

    def packed(store: dict[str, list[Array]]) -> dict[str, Array]:
        return {name: rows[0] if one else np.stack(rows) for name, rows in store.items()}

    write_fields(
        target, system.mesh, packed(series), cell_fields=packed(cells), times=None if one else solution.t.tolist()
    )
    return target
