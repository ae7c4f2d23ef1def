"""`Problem`: equations, domain, conditions and initial values, checked once when made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import sympy as sp

from ..errors import InitialValueError, OptionError, ProblemError, UnsupportedError, reject_unknown
from . import checks
from . import initial as initial_values
from .conditions import Condition, Periodic, check_conditions
from .coordinates import Coordinate
from .domains import Domain
from .equation import Eq, as_equation
from .events import Event, check_events, check_events_of
from .fields import Field
from .operators import Dt
from .parameters import Parameter
from .regions import as_domain
from .scalar_form import ScalarForm, component_equations, first_order, make_components, time_orders
from .tensors import Expander
from .weak_integrals import is_weak

if TYPE_CHECKING:
    from .explain import Explanation
    from .pointwise_form import PointwiseForm
    from .weak_form import WeakForm

OPTIONS = ("domain", "conditions", "initial", "parameters", "name", "unknowns", "events")


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Problem:
    """An initial(-boundary) value problem as the user wrote it. Immutable; checks itself when made.

    Args:
        equations: `Eq` objects, strings such as ``"dt(u) = lap(u)"`` (then pass ``unknowns=`` and ``parameters=``), or
            expressions meaning ``= 0``. One (vector counts as its components) per unknown; a further pure divergence
            constraint such as ``div(b) = 0`` may be added. Or weak equations made with `integral` and `test`.
        domain: where they hold, `Box`, `Interval` or a mesh; None for ordinary differential equations.
        conditions: boundary conditions: one `Periodic` per axis of the domain, or `Dirichlet`, `Neumann`, `Robin`,
            `PointValue` and `MeanZero`, then boundaries without a condition are natural (no flux).
        initial: unknown -> expression of the coordinates and parameters, number, array over the grid, or callable of
            the coordinate arrays; for a vector a tuple of these, or one number for all. ``dt(u)`` as key gives the
            first rate of a problem of second order in time. Needed only when the problem is solved.
        parameters: the parameters in the order they are to be passed; by default all that occur, sorted by name.
        name: for display.
        unknowns: the unknown fields in order; by default all fields that occur, those with a time derivative first.
        events: `Event` objects: conditions at which unknowns get new values; for ordinary differential equations.

    Attributes:
        equations, domain, conditions, initial, parameters, unknowns, name, events: as given, completed.
        coordinates: the axes of the domain; empty for ODEs.

    Raises:
        ProblemError: or one of its kinds (`UnknownSymbol`, `RankError`, `ConditionError`, `ParameterError`,
            `InitialValueError`, `ParseError`): what was expected, what was found, where, and how to mend it.
        OptionError: for a misspelt keyword.

    Example:
        >>> import sympy as sp
        >>> from ritz.symbolic.notation import dt, dx
        >>> from ritz.symbolic.conditions import Periodic
        >>> from ritz.symbolic.coordinates import coords
        >>> from ritz.symbolic.domains import Interval
        >>> from ritz.symbolic.fields import fields
        >>> from ritz.symbolic.parameters import params
        >>> x, u, nu = coords("x"), fields("u"), params("nu", default=0.03)
        >>> burgers = Problem(
        ...     [Eq(dt(u), nu*dx(u, 2) - u*dx(u))],
        ...     domain=Interval(0, 2*sp.pi), conditions=[Periodic()], initial={u: sp.sin(x)}, name="Burgers")
        >>> burgers
        <Problem 'Burgers': u over x, 1 parameter (nu)>
        >>> burgers.replace(initial={u: sp.cos(x)}).initial
        {u: cos(x)}
    """

    equations: tuple[Eq, ...]
    domain: Domain | None
    conditions: tuple[Condition, ...]
    initial: Mapping[Field | Dt, Any]
    parameters: tuple[Parameter, ...]
    unknowns: tuple[Field, ...]
    name: str | None
    events: tuple[Event, ...]
    _form: ScalarForm
    _typed_weak: bool
    _weak: WeakForm | None
    _declared: tuple[Parameter, ...] | None
    _chosen: tuple[Field, ...] | None

    def __init__(
        self,
        equations: Any,
        domain: Any = None,
        conditions: Any = (),
        initial: Mapping[Any, Any] | None = None,
        parameters: Any = None,
        name: str | None = None,
        *,
        unknowns: Any = None,
        events: Any = (),
        **unknown_options: Any,
    ) -> None:
        reject_unknown(unknown_options, OPTIONS, "Problem")
        domain = as_domain(domain)
        given_initial = initial if initial is not None else {}
        chosen = checks.as_fields(unknowns)
        declared = checks.as_parameters(parameters)
        self._set(domain=domain, name=name, events=check_events(events))
        self._set(equations=_read_equations(equations, domain, chosen, declared, given_initial))
        self._set(_typed_weak=domain is not None and any(map(is_weak, self.equations)))
        self._set(conditions=check_conditions(domain, conditions, natural=self.is_weak))
        checks.check_symbols(self.equations, domain, declared, chosen)
        self._set(unknowns=checks.order_unknowns(self.equations, chosen))
        components = make_components(self.unknowns, self.coordinates)
        collected = initial_values.collect(given_initial, self.unknowns, components, self.coordinates)
        self._set(initial=initial_values.FrozenMapping(collected))
        self._check_initial_symbols()
        values = (*collected.values(), *self._check_values(), *(tuple(event.expressions()) for event in self.events))
        self._set(parameters=checks.order_parameters(self.equations, values, declared))
        self._set(_declared=declared, _chosen=chosen, _weak=None)
        if self.is_weak:
            self._set(_weak=self._make_weak(components))
        self._set(_form=self._make_form(components))
        if self._weak is None and self.has_boundaries:
            self._set(_weak=self._make_weak(components))
        check_events_of(self)

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_strings(
        cls,
        equations: Any,
        unknowns: Any = None,
        parameters: Mapping[str, Any] | None = None,
        initial: Any = None,
        *,
        domain: Domain | None = None,
        conditions: Any = (),
        name: str | None = None,
        complex: str = "",
        vectors: str = "",
    ) -> Self:
        """Make a problem from strings alone.

        Args:
            equations: one string, or one per equation (see `ritz.symbolic.parse.parse` for what may be written).
            unknowns: names, ``"u v"``, or fields; by default every name under a derivative. Algebraic unknowns without
                any derivative must be named.
            parameters: name -> default as number or string such as ``"8/3"``; None for no default.
            initial: name -> number, string of the coordinates, array or callable; ``"u_t"`` names the first rate. Or a
                sequence with one value per unknown.
            domain: as in `Problem`.
            conditions: as in `Problem`.
            name: as in `Problem`.
            complex: names of complex unknowns.
            vectors: names of vector unknowns.

        Raises:
            ParseError: points at the place in the string.
            ProblemError: as `Problem`.

        Example:
            >>> lorenz = Problem.from_strings(
            ...     ["d(x)/dt = sigma*(y - x)", "d(y)/dt = x*(rho - z) - y", "d(z)/dt = x*y - beta*z"],
            ...     parameters={"sigma": 10, "rho": 28, "beta": "8/3"}, initial={"x": 1, "y": 1, "z": 1})
            >>> lorenz.unknowns, lorenz.parameters
            ((x, y, z), (sigma, rho, beta))
        """
        from .from_strings import problem_from_strings

        made = problem_from_strings(
            cls,
            equations,
            unknowns,
            parameters,
            initial,
            domain=domain,
            conditions=conditions,
            name=name,
            complex=complex,
            vectors=vectors,
        )
        assert isinstance(made, cls)
        return made

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """The axes of the domain, in order; empty for ODEs."""
        return self.domain.coordinates if self.domain is not None else ()

    @property
    def is_weak(self) -> bool:
        """Whether the equations are in weak form."""
        return self._typed_weak

    @property
    def has_boundaries(self) -> bool:
        """Whether the domain is a mesh or has boundaries that are not periodic."""
        if self.domain is None:
            return False
        return not self.domain.sides or any(not isinstance(condition, Periodic) for condition in self.conditions)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some arguments changed, checked again.

        Raises:
            OptionError: for a keyword that `Problem` does not have.
        """
        reject_unknown(changes, ("equations", *OPTIONS), "Problem.replace")
        kept: dict[str, Any] = {
            "equations": self.equations,
            "domain": self.domain,
            "conditions": self.conditions,
            "initial": self.initial,
            "name": self.name,
            "parameters": self._declared,
            "unknowns": self._chosen,
            "events": self.events,
        }
        return type(self)(**{**kept, **changes})

    def scalar_form(self) -> ScalarForm:
        """Return the component equations, first order in time, that a discretisation lowers.

        Example:
            >>> from ritz.symbolic.notation import dt
            >>> from ritz.symbolic.fields import fields
            >>> x = fields("x")
            >>> Problem([Eq(dt(x, 2), -x)]).scalar_form().auxiliary
            {x_t: dt(x)}

        Raises:
            UnsupportedError: for a problem in weak form.
        """
        if self.is_weak:
            raise UnsupportedError(
                "A problem in weak form has no strong form. Discretise it with rz.FiniteElement, or write strong "
                "equations."
            )
        return self._form

    def weak_form(self) -> WeakForm:
        """Return the weak form, typed or derived, in components: what a finite-element discretisation reads.

        A strong equation is multiplied with the test function of the unknown it determines and integrated; what
        stands under an outermost divergence, and every second derivative, is integrated by parts, which brings in
        `Neumann` and `Robin` conditions as boundary integrals. `explain` shows the choices.

        Raises:
            UnsupportedError: the equations have no weak form, e.g. as a second derivative cannot be moved.
            ConditionError: the conditions leave an unknown open up to a constant.

        Example:
            >>> from ritz.symbolic.boundary_conditions import Dirichlet
            >>> from ritz.symbolic.domains import Box
            >>> from ritz.symbolic.fields import fields
            >>> from ritz.symbolic.notation import div, grad
            >>> u = fields("u")
            >>> problem = Problem([Eq(-div((1 + u**2)*grad(u)), 1)], domain=Box(x=(0, 1), y=(0, 1)),
            ...                   conditions=[Dirichlet(u, 0, on="left")])
            >>> print(problem.weak_form())
            Find u such that
              integral(-v_u + (u**2 + 1)*dot(grad(u), grad(v_u))) = 0 for all v_u
              u = 0 on 'left'
              natural for u: n . F = 0 on 'right', 'bottom', 'top', where n . F = (u**2 + 1)*dot(normal(), grad(u))
        """
        if self._weak is None:
            if self.domain is None:
                raise UnsupportedError("A problem without domain has no weak form. Add domain=rz.Box(x=(0, L)).")
            self._set(_weak=self._make_weak(self._form.components))
        assert self._weak is not None
        return self._weak

    def pointwise_form(self) -> PointwiseForm:
        """Return the time derivative of every unknown as a node of one graph; for problems without space.

        Raises:
            UnsupportedError: the equations cannot be solved for the time derivatives.

        Example:
            >>> from ritz.symbolic.notation import dt
            >>> from ritz.symbolic.fields import fields
            >>> x = fields("x")
            >>> form = Problem([Eq(dt(x) + 2*x, 0)]).pointwise_form()
            >>> form.derivatives["x"] == form.graph.scale(-2, form.states["x"])
            True
        """
        from .pointwise_form import pointwise_form

        return pointwise_form(self.scalar_form(), self.events)

    def equation_lines(self) -> Iterator[str]:
        """Yield the equations as lines of text."""
        yield from map(str, self.equations)

    def require_initial(self) -> None:
        """Raise unless every unknown that evolves in time has an initial value.

        Raises:
            InitialValueError: lists every missing one.
        """
        form = self._form
        evolving = self.weak_form().evolving if self.is_weak else tuple(time_orders(form.equations))
        missing = [str(form.auxiliary.get(field, field)) for field in evolving if field not in form.initial]
        if missing:
            entries = ", ".join(f"{name}: ..." for name in missing)
            raise InitialValueError(
                f"No initial value for {', '.join(missing)}, whose time derivative stands in the equations. "
                f"Add initial={{{entries}}}."
            )

    def explain(self) -> Explanation:
        """Return a card: class, orders, linear and nonlinear parts, scales, and every default chosen."""
        from .explain import explain

        return explain(self)

    def discretize(self, discretization: Any, **options: Any) -> Any:
        """Return the System that `discretization` makes of this problem.

        Args:
            discretization: e.g. ``rz.Fourier(256, 256)`` or ``rz.Pointwise()``.
            options: passed on.

        Raises:
            OptionError: if `discretization` is no discretisation.
        """
        make = getattr(discretization, "discretize", None)
        if make is None:
            raise OptionError(
                f"discretize() takes a discretisation such as rz.Fourier(64), but got {discretization!r}."
            )
        return make(self, **options)

    def _check_initial_symbols(self) -> None:
        for key, value in self.initial.items():
            for entry in value if isinstance(value, tuple) else (value,):
                if isinstance(entry, sp.Expr):
                    initial_values.check_symbols(key, entry, self.coordinates)

    def _check_values(self) -> list[Any]:
        """Return the values of conditions on boundaries, after checks of what they name."""
        if self.domain is None or not self.conditions or all(isinstance(c, Periodic) for c in self.conditions):
            return []
        from .condition_checks import check_targets, check_values, values_of

        check_targets(self.conditions, self.unknowns)
        check_values(self.conditions, self.domain, self.unknowns)
        return values_of(self.conditions)

    def _make_weak(self, components: dict[Field, tuple[Field, ...]]) -> WeakForm:
        from .weak_problem import Source, make_weak_form

        assert self.domain is not None
        source = Source(self.equations, self.domain, self.conditions, self.unknowns, self.parameters, components)
        form = make_weak_form(source)
        helpers = {part: Dt(of) for unknown, rate in form.rates.items()
                   for of, part in zip(form.components[unknown], form.components[rate], strict=True)}  # fmt: skip
        orders = dict.fromkeys(form.evolving, 1) | {meaning.args[0]: 2 for meaning in helpers.values()}
        return replace(form, initial=_by_component(self.initial, components, helpers, orders))

    def _make_form(self, components: dict[Field, tuple[Field, ...]]) -> ScalarForm:
        """Return the scalar form, after the checks that need components; without equations for weak problems."""
        if self._weak is not None:
            return self._form_of_weak(components, self._weak)
        scalars = tuple(part for parts in components.values() for part in parts)
        equations = component_equations(self.equations, Expander(self.coordinates, components))
        checks.check_counts(self.equations, equations, scalars)
        if self.domain is not None:
            from .wellposed import check_well_posed

            check_well_posed(self.equations, equations, self.coordinates)
        orders = time_orders(equations)
        names = [symbol.name for symbol in (*scalars, *self.parameters, *self.coordinates)]
        first, auxiliary = first_order(equations, names)
        return ScalarForm(
            coordinates=self.coordinates,
            unknowns=(*scalars, *auxiliary),
            equations=first,
            parameters=self.parameters,
            components=components,
            initial=_by_component(self.initial, components, auxiliary, orders),
            auxiliary=auxiliary,
            bounds=self.domain.bounds if self.domain is not None else {},
        )

    def _form_of_weak(self, components: dict[Field, tuple[Field, ...]], weak: WeakForm) -> ScalarForm:
        rates = {part: Dt(of) for unknown, rate in weak.rates.items()
                 for of, part in zip(weak.components[unknown], weak.components[rate], strict=True)}  # fmt: skip
        scalars = tuple(part for parts in components.values() for part in parts)
        return ScalarForm(
            coordinates=self.coordinates,
            unknowns=(*scalars, *rates),
            equations=(),
            parameters=self.parameters,
            components=components,
            initial=dict(weak.initial),
            auxiliary=rates,
            bounds=self.domain.bounds if self.domain is not None else {},
        )

    def __repr__(self) -> str:
        from .display import problem_repr

        return problem_repr(self)

    def __str__(self) -> str:
        from .display import problem_text

        return problem_text(self)

    def _repr_latex_(self) -> str:
        from .display import problem_latex

        return problem_latex(self)

    def _repr_html_(self) -> str:
        from .display import problem_html

        return problem_html(self)


def _by_component(
    given: Mapping[Any, Any],
    components: Mapping[Field, tuple[Field, ...]],
    auxiliary: Mapping[Field, sp.Expr],
    orders: Mapping[Field, int],
) -> dict[Field, Any]:
    """Return initial values by component field, auxiliary fields included.

    Raises:
        InitialValueError: for a rate that the equations themselves give.
    """
    helpers = {meaning: helper for helper, meaning in auxiliary.items()}
    result: dict[Field, Any] = {}
    for key, value in given.items():
        field = key.expr if isinstance(key, Dt) else key
        entries = value if field.rank else (value,)
        for part, entry in zip(components[field], entries, strict=True):
            target = helpers.get(Dt(part, key.order)) if isinstance(key, Dt) else part
            if target is None:
                order = orders.get(part, 0)
                raise InitialValueError(
                    f"initial= has a value for {key}, but the equations are of order {order} in time in {field}, so "
                    f"{key} follows from them. Leave it out."
                )
            result[target] = entry
    return result


def _read_equations(
    given: Any,
    domain: Domain | None,
    unknowns: tuple[Field, ...] | None,
    parameters: tuple[Parameter, ...] | None,
    initial: Any,
) -> tuple[Eq, ...]:
    """Return the equations, strings parsed with every symbol known so far."""
    listed = [given] if isinstance(given, (Eq, sp.Basic, str)) else list(given)
    if not listed:
        raise ProblemError("A problem needs at least one equation, e.g. rz.Eq(rz.dt(u), -u).")
    ready = {
        number: as_equation(entry, number) for number, entry in enumerate(listed, start=1) if not isinstance(entry, str)
    }
    if len(ready) == len(listed):
        return tuple(ready.values())
    from .parse import parse_equation

    symbols: set[sp.Basic] = {*(unknowns or ()), *(parameters or ()), *(domain or ())}
    symbols.update(key for key in (initial if isinstance(initial, Mapping) else ()) if isinstance(key, Field))
    for equation in ready.values():
        symbols |= {s for s in (equation.lhs - equation.rhs).free_symbols if not isinstance(s, Coordinate)}
    return tuple(
        parse_equation(entry, symbols) if isinstance(entry, str) else ready[number]
        for number, entry in enumerate(listed, start=1)
    )
