"""What a Solution on a mesh can do besides: values in points, integrals, fluxes, errors, files for ParaView."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from ritz.solvers.on_mesh import LineValues

Array = NDArray[Any]


class MeshResults:
    """The part of `Solution` that needs a mesh; elsewhere its methods say so."""

    __slots__ = ()

    def evaluate(self, expr: Any, points: ArrayLike, t: Any = -1, *, outside: str = "raise") -> Array:
        """Return an expression of the fields and their first and second derivatives in points of the mesh.

        Args:
            expr: a field, its name, or an expression such as ``rz.dot(rz.grad(u), rz.grad(u))``.
            points: (n, dimension) coordinates, or one point.
            t: index of a stored time (a whole number; the last by default), or a time (a real number).
            outside: ``"raise"``, or ``"nan"`` for points outside the mesh.

        Returns:
            (n,) values, for a vector (components, n); without the last axis for one point.

        Raises:
            OptionError: an unknown field, or points outside the mesh.
            UnsupportedError: the solution is not on a mesh.

        Example:
            >>> import ritz as rz
            >>> x, y = rz.coords("x y")
            >>> u = rz.fields("u")
            >>> problem = rz.Problem([rz.Eq(-rz.lap(u), 0)], domain=rz.rectangle(n=2),
            ...                      conditions=[rz.Dirichlet(u, x*y)])
            >>> solution = rz.solve(problem.discretize(rz.FiniteElement(degree=2)))
            >>> solution.evaluate(u, [[0.3, 0.5], [0.8, 0.5]]).round(12)
            array([0.15, 0.4 ])
            >>> solution.evaluate(rz.grad(u), (0.3, 0.6)).round(12)
            array([0.6, 0.3])
        """
        from ritz.solvers.on_mesh import evaluate

        return evaluate(
            self,  # type: ignore[arg-type]
            expr,
            points,
            t,
            outside=outside,
        )

    def line(
        self, expr: Any, start: ArrayLike, end: ArrayLike, n: int = 200, *, t: Any = -1, ax: Any = None, **kwargs: Any
    ) -> LineValues:
        """Return distances from the start and values along a straight line, and draw them where `ax` is given.

        Args:
            expr, t: as in `evaluate`.
            start, end: coordinates of its ends.
            n: number of points.
            ax: matplotlib axes.
            **kwargs: passed on to ``ax.plot``.

        Returns:
            positions (n,) and values (n,) or (components, n), NaN outside the mesh.

        Raises:
            OptionError: an unknown field, or no point of the line lies in the mesh.
            UnsupportedError: the solution is not on a mesh.

        Example:
            >>> import ritz as rz
            >>> u, x = rz.fields("u"), rz.coords("x")
            >>> problem = rz.Problem([rz.Eq(-rz.lap(u), 0)], domain=rz.rectangle(n=2), conditions=[rz.Dirichlet(u, x)])
            >>> s, values = rz.solve(problem.discretize(rz.FiniteElement())).line(u, (0, 0), (1, 1), 3)
            >>> s.round(3), values.round(12)
            (array([0.   , 0.707, 1.414]), array([0. , 0.5, 1. ]))
        """
        from ritz.solvers.on_mesh import line

        return line(
            self,  # type: ignore[arg-type]
            expr,
            start,
            end,
            n,
            t,
            ax,
            kwargs,
        )

    def integrate(self, expr: Any, *, t: Any = -1) -> float:
        """Return the value of integrals at one time; see `evaluate` for `t`.

        Args:
            expr: integrals made with `ritz.integral`; a plain expression is integrated over all cells.

        Raises:
            UnsupportedError: the solution is not on a mesh, or there is a test function in `expr`.

        Example:
            >>> import ritz as rz
            >>> u, x = rz.fields("u"), rz.coords("x")
            >>> problem = rz.Problem([rz.Eq(-rz.lap(u), 0)], domain=rz.rectangle(n=2), conditions=[rz.Dirichlet(u, x)])
            >>> solution = rz.solve(problem.discretize(rz.FiniteElement()))
            >>> round(solution.integrate(u), 12), round(solution.integrate(rz.integral(u, over="boundary")), 12)
            (0.5, 2.0)
        """
        from ritz.solvers.on_mesh import integrate

        return integrate(
            self,  # type: ignore[arg-type]
            expr,
            t,
        )

    def flux(self, unknown: Any, *, on: Any, t: Any = -1) -> Any:
        """Return the flux ``n . F`` of an equation through a part of the boundary: a number, or (components,).

        It is read off the residual of the prescribed unknowns, balances sources exactly and converges fast; with
        elasticity it is the force of the support. See `ritz.codegen.fem.functional.flux`.

        Args:
            unknown: the field whose equation it is, or its name.
            on: name, tag or predicate of a part of the boundary.
            t: as in `evaluate`.

        Raises:
            OptionError: there is no such unknown.
            UnsupportedError: the solution is not on a mesh, or evolves in time and has fewer than three stored times,
                from which the rate of change is taken.

        Example:
            >>> import ritz as rz
            >>> u = rz.fields("u")
            >>> problem = rz.Problem([rz.Eq(-rz.lap(u), 1)], domain=rz.rectangle(n=2), conditions=[rz.Dirichlet(u, 0)])
            >>> solution = rz.solve(problem.discretize(rz.FiniteElement()))
            >>> round(solution.flux(u, on=["left", "right", "bottom", "top"]), 12)
            -1.0
        """
        from ritz.solvers.on_mesh import flux

        return flux(
            self,  # type: ignore[arg-type]
            unknown,
            on,
            t,
        )

    def error(self, exact: Mapping[Any, Any], *, norm: str = "L2", t: Any = -1) -> float:
        """Return the norm of the error against an exact solution.

        Args:
            exact: field -> expression of coordinates, time and parameters; a tuple for a vector.
            norm: ``"L2"``, or ``"H1"`` for the norm of the gradient of the error.
            t: as in `evaluate`.

        Raises:
            OptionError: an unknown field or norm.
            UnsupportedError: the solution is not on a mesh.

        Example:
            >>> import ritz as rz
            >>> u, x = rz.fields("u"), rz.coords("x")
            >>> problem = rz.Problem([rz.Eq(-rz.lap(u), -2)], domain=rz.interval(0, 1, 4),
            ...                      conditions=[rz.Dirichlet(u, x**2)])
            >>> solution = rz.solve(problem.discretize(rz.FiniteElement(degree=1)))
            >>> round(solution.error({u: x**2}, norm="H1"), 6)  # h / sqrt(3)
            0.144338
        """
        from ritz.solvers.on_mesh import error

        return error(
            self,  # type: ignore[arg-type]
            exact,
            norm,
            t,
        )

    def write(self, path: str | Path, fields: Any = None) -> Path:
        """Write fields on a mesh, all stored times, to files that ParaView reads.

        Args:
            path: ``.vtu`` for one time; ``.pvd`` (with a folder beside it) or ``.xdmf`` (with an ``.h5`` file beside
                it) for any number. Elements of degree 2 and more are written at the nodes of degree 2, discontinuous
                ones by their mean over each cell.
            fields: name, symbol or several of them; all of the user's fields by default.

        Returns:
            the path.

        Raises:
            OptionError: an unknown field, or an ending that does not hold several times.
            StorageError: the file cannot be written.
            UnsupportedError: the solution is not on a mesh.

        Example:
            >>> import os, tempfile
            >>> import ritz as rz
            >>> u = rz.fields("u")
            >>> problem = rz.Problem([rz.Eq(-rz.lap(u), 1)], domain=rz.rectangle(n=2), conditions=[rz.Dirichlet(u, 0)])
            >>> solution = rz.solve(problem.discretize(rz.FiniteElement()))
            >>> solution.write(os.path.join(tempfile.mkdtemp(), "u.vtu")).name
            'u.vtu'
        """
        from ritz.solvers.on_mesh import write

        return write(
            self,  # type: ignore[arg-type]
            path,
            fields,
        )
