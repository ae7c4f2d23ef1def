"""A problem in weak form, in components: what a finite-element discretisation reads.

The weak equations are ``sum of integrals = 0`` for all test functions. Every integrand is a scalar SymPy expression,
linear in the test functions, whose atoms are

* component fields ``u_x``, their first derivatives ``D(u_x, x)`` and second derivatives ``D(u_x, x, 2)`` and
  ``D(D(u_x, x), y)`` inside every cell; the same of test components;
* ``Dt(u_x)`` of components that evolve in time;
* coordinates, time, parameters, numbers and SymPy functions of all these;
* `Geometric` symbols: components of the outward unit normal (facets only) and the size of the cell or facet;
* on interior facets ``Restricted(a, 1)`` and ``Restricted(a, -1)``: an atom of the first two kinds, or `Geometric`,
  seen from either side. The normal points from side 1 to side -1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import sympy as sp

from .coordinates import Coordinate
from .fields import Field
from .parameters import Parameter

Over = Literal["cells", "boundary", "facets"]
Label = str | int | Callable[..., Any] | None  # a group's name or tag, a predicate of coordinates, or everywhere


class TestFunction(Field):
    """A test function of an unknown.

    Args:
        of: the unknown field.
        name: what the user calls it; ``v_u`` for an unknown ``u`` by default.
        component: of which component field it is the test function, when it is a component itself.

    Example:
        >>> TestFunction(Field("u"), "v").of
        u
    """

    __test__ = False  # no class of tests, whatever its name says
    of: Field

    def __new__(cls, of: Field, name: str | None = None) -> TestFunction:
        test = super().__new__(cls, name or f"v_{of.name}", of.rank)
        assert isinstance(test, TestFunction)
        test.of = of
        return test

    def _hashable_content(self) -> tuple[Any, ...]:
        return (*super()._hashable_content(), "test", self.of)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.of, self.name)


class NumberField(Field):
    """An unknown that is a single number, e.g. a Lagrange multiplier; see `weak_notation.numbers`.

    Example:
        >>> NumberField("lam").rank
        0
    """

    def _hashable_content(self) -> tuple[Any, ...]:
        return (*super()._hashable_content(), "number")

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.name,)


class Geometric(sp.Symbol):
    """A quantity of the mesh: ``n_x``, ``n_y``, ``n_z`` (outward unit normal), ``h`` (diameter of the cell) or
    ``h_facet`` (diameter of the facet).

    Example:
        >>> Geometric("n_x").is_real
        True
    """

    __slots__ = ()

    def __new__(cls, name: str) -> Geometric:
        symbol = sp.Symbol.__xnew__(cls, name, real=True, **({} if name.startswith("n_") else {"positive": True}))
        assert isinstance(symbol, Geometric)
        return symbol

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.name,)


class Restricted(sp.Expr):
    """An atom on an interior facet, seen from side 1 or side -1.

    Example:
        >>> Restricted(Field("u"), -1).side
        -1
    """

    def __new__(cls, expr: sp.Expr, side: int) -> Restricted:
        made = sp.Expr.__new__(cls, expr, sp.Integer(side))
        assert isinstance(made, Restricted)
        return made

    @property
    def expr(self) -> sp.Expr:
        """The atom."""
        return self.args[0]

    @property
    def side(self) -> int:
        """1 or -1."""
        return int(self.args[1])

    def _eval_is_real(self) -> bool | None:
        return self.args[0].is_real  # type: ignore[no-any-return]

    def _sympystr(self, printer: Any) -> str:
        return f"{printer._print(self.expr)}({'+' if self.side > 0 else '-'})"


@dataclass(frozen=True)
class Integral:
    """One integral of a weak form.

    Attributes:
        integrand: as described at the top of this file.
        over: cells, boundary facets or interior facets.
        on: a named group, its tag, a predicate of the coordinates, or None for all of them.
        degree: degree of the quadrature, where the user asked for one.
    """

    integrand: sp.Expr
    over: Over = "cells"
    on: Label = None
    degree: int | None = None


@dataclass(frozen=True)
class Essential:
    """A prescribed value of a component on a part of the boundary or in a point.

    Attributes:
        field: the component field.
        value: expression of coordinates, time and parameters.
        on: as in `Integral`; None where `at` is given.
        at: coordinates of a point.
    """

    field: Field
    value: sp.Expr
    on: Label = None
    at: tuple[float, ...] | None = None


@dataclass(frozen=True)
class WeakForm:
    """A problem in weak form.

    Attributes:
        coordinates: the axes of space.
        unknowns: fields of the user, in order; vectors have rank 1. Rates of second-order equations come last.
        components: unknown -> its component fields.
        tests: component of a test function -> the component field whose equation it makes.
        integrals: their sum vanishes for all test functions.
        essential: prescribed values.
        periodic: pairs of boundary groups that are one.
        mean_zero: component fields whose mean over the domain is to vanish, by a multiplier.
        rates: unknown -> the field that is its rate: ``dt(u) = u_t`` holds as it stands, without test functions.
        parameters: in the order of the parameter vector.
        numbers: unknowns that are single numbers, not functions of space.
        initial: component field -> initial value (expression, array or callable), rates included.
        written: the integrals of every equation in the notation of the user; their sum vanishes.
        conditions: the user's conditions, as text.
        pairing: lines that say which equation is multiplied with which test function, and what its flux is.
        natural: lines that say what holds where nothing is prescribed.
    """

    coordinates: tuple[Coordinate, ...]
    unknowns: tuple[Field, ...]
    components: Mapping[Field, tuple[Field, ...]]
    tests: Mapping[Field, Field]
    integrals: tuple[Integral, ...]
    essential: tuple[Essential, ...] = ()
    periodic: tuple[tuple[Label, Label], ...] = ()
    mean_zero: tuple[Field, ...] = ()
    rates: Mapping[Field, Field] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    numbers: tuple[Field, ...] = ()
    initial: Mapping[Field, Any] = field(default_factory=dict)
    written: tuple[sp.Expr, ...] = ()
    conditions: tuple[str, ...] = ()
    pairing: tuple[str, ...] = ()
    natural: tuple[str, ...] = ()

    @property
    def evolving(self) -> tuple[Field, ...]:
        """Component fields whose time derivative stands in the equations, rates and what they are rates of included."""
        from .operators import Dt

        found = {node.args[0] for integral in self.integrals for node in integral.integrand.atoms(Dt)}
        found |= {part for unknown in self.rates for part in self.components[unknown]}
        return tuple(part for parts in self.components.values() for part in parts if part in found)

    def __str__(self) -> str:
        from .weak_display import weak_text

        return weak_text(self)

    def _repr_latex_(self) -> str:
        from .weak_display import weak_latex

        return weak_latex(self)
