"""Manufactured solutions: a problem of the user changed so that a chosen function solves it exactly.

The chosen function is put into every equation; what is left over becomes a source. In a weak form derived from strong
equations the source comes from the strong equations and the boundary data from the fluxes ``n . F``, so that a mistake
in the derivation shows as a wrong order of convergence. In a weak form typed by the user every integral is taken with
the chosen function and subtracted.

Source: P. J. Roache, "Code verification by the method of manufactured solutions", J. Fluids Eng. 124 (2002) 4-10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from ..errors import OptionError, RankError, UnknownSymbol, UnsupportedError, nearest
from .boundary_conditions import Dirichlet, Neumann, PointValue, Robin
from .condition_checks import labels_of
from .coordinates import Time, t
from .equation import Eq
from .fields import Field
from .operators import Dt, Vector, as_expression
from .parameters import Parameter
from .problem import Problem
from .scalar_form import make_components, time_orders
from .tensors import Expander, Tensor
from .weak_derivation import derive
from .weak_fluxes import contract
from .weak_integrals import components_of_tests, integral_terms
from .weak_notation import integral
from .weak_problem import Source, boundary_term, test_for, tests_of


def manufactured(problem: Problem, exact: Mapping[Any, Any], start: float = 0.0) -> Problem:
    """Return the problem with sources, boundary data and initial values that make `exact` its solution.

    Args:
        problem: with a domain; strong or weak.
        exact: every unknown (or its name) -> expression of coordinates, time and parameters; tuples for vectors.
        start: time of the initial values.

    Raises:
        OptionError: an unknown without exact solution, or a name that is no unknown.
        UnknownSymbol, RankError: an exact solution that depends on something else, or has the wrong rank.
        UnsupportedError: a problem without space.

    Example:
        >>> from ritz.symbolic.coordinates import coords
        >>> from ritz.symbolic.domains import Interval
        >>> from ritz.symbolic.fields import fields
        >>> from ritz.symbolic.notation import lap
        >>> x, u = coords("x"), fields("u")
        >>> problem = Problem([Eq(-lap(u), 0)], domain=Interval(0, 1), conditions=[Dirichlet(u, 0, on="left")])
        >>> made = manufactured(problem, {u: x**3})
        >>> made.conditions
        (Dirichlet(u, x**3, on='left'),)
        >>> sorted(str(i.integrand) for i in made.weak_form().integrals)
        ['-3*n_x*v_u*x**2', '6*v_u*x + dx(u)*dx(v_u)']
    """
    return _Manufacturer(problem, exact, start).run()


class _Manufacturer:
    def __init__(self, problem: Problem, exact: Mapping[Any, Any], start: float) -> None:
        if problem.domain is None:
            raise UnsupportedError("A convergence study refines a grid, but this problem has no domain.")
        self.problem, self.start = problem, start
        self.components = make_components(problem.unknowns, problem.coordinates)
        self.expander = Expander(problem.coordinates, self.components)
        self.exact = self._read(exact)

    def _read(self, given: Mapping[Any, Any]) -> dict[Field, sp.Expr]:
        """Return unknown -> exact expression, checked."""
        problem = self.problem
        known = {u.name: u for u in problem.unknowns}
        found: dict[Field, sp.Expr] = {}
        for key, value in given.items():
            if str(key) not in known:
                raise OptionError(
                    f"exact= names {key}, which is no unknown.{nearest(str(key), known)} Unknowns: {', '.join(known)}."
                )
            unknown = known[str(key)]
            expr = as_expression(value, f"the exact solution of {unknown}")
            for symbol in sorted(expr.free_symbols, key=str):
                allowed = symbol in problem.coordinates or isinstance(symbol, Time | Parameter)
                if not allowed:
                    axes = ", ".join(map(str, problem.coordinates))
                    raise UnknownSymbol(
                        f"The exact solution of {unknown} depends on {symbol}; it may depend on {axes}, rz.t and "
                        "parameters."
                    )
            rank = self.expander(expr).rank
            if rank != unknown.rank:
                raise RankError(
                    f"{unknown} has rank {unknown.rank}, but its exact solution {expr} has rank {rank}. Give a "
                    f"{'tuple with one expression for each coordinate' if unknown.rank else 'single expression'}."
                )
            found[unknown] = _nested(self.expander(expr))
        missing = [name for name, u in known.items() if u not in found]
        if missing:
            raise OptionError(f"exact= has no solution for {', '.join(missing)}. Give one for every unknown.")
        return found

    def at_exact(self, e: sp.Expr) -> sp.Expr:
        """Return an expression with the exact solution put in, in the user's notation."""
        return e.xreplace(self.exact)

    def _left_over(self, e: sp.Expr) -> sp.Expr:
        """Return an expression with the exact solution put in, worked out."""
        return _nested(self.expander(self.at_exact(e)))

    def run(self) -> Problem:
        problem = self.problem
        conditions = [c for c in map(self._condition, problem.conditions) if c is not None]
        if problem.is_weak:
            equations = [Eq(self._subtracted(equation, k), 0) for k, equation in enumerate(problem.equations, start=1)]
        elif problem.has_boundaries:
            equations = self._with_sources()
        else:
            equations = [Eq(e.lhs, e.rhs + self._left_over(e.lhs - e.rhs)) for e in problem.equations]
        return problem.replace(
            equations=equations, conditions=conditions, initial=self._initial(), parameters=None,
            unknowns=problem.unknowns,
        )  # fmt: skip

    def _subtracted(self, equation: Eq, number: int) -> sp.Expr:
        total = equation.lhs - equation.rhs
        for term in integral_terms(equation, number):
            total -= type(term)(self.at_exact(term.integrand), term.measure)
        return total

    def _with_sources(self) -> list[Eq]:
        problem = self.problem
        assert problem.domain is not None
        source = Source(
            problem.equations, problem.domain, problem.conditions, problem.unknowns, problem.parameters, self.components
        )
        tests = tests_of(source)
        parts = components_of_tests(tests, self.components, problem.coordinates)
        expander = Expander(problem.coordinates, {**self.components, **parts})
        made = []
        for one in derive(problem.equations, problem.unknowns, expander, {test.of: test for test in tests}):
            total = one.written(expander)
            left_over = self._left_over(one.pair.residual)
            if left_over != 0:
                total -= integral(contract(one.sign * left_over, one.test, one.pair.rank))
            if one.outflow is not None:
                flux = self.at_exact(one.outflow)
                total -= integral(contract(flux, one.test, one.pair.rank), over="boundary")
            for condition in source.of((Neumann, Robin)):
                test = test_for(condition, one)
                if test is not None:
                    term = boundary_term(condition, test, expander)
                    on = labels_of(problem.domain, problem.conditions, condition)
                    labels = list(on) if on != (None,) else None
                    change = term - self.at_exact(term)
                    if change != 0:
                        total += integral(change, over="boundary", on=labels)
            made.append(Eq(total, 0))
        return made

    def _condition(self, condition: Any) -> Any:
        """Return a condition with the exact solution's value; fluxes are in the equations already."""
        if self.problem.is_weak is False and isinstance(condition, Neumann | Robin):
            return None
        if isinstance(condition, Dirichlet | PointValue):
            value = self._left_over(condition.target)
            if isinstance(condition, Dirichlet):
                return Dirichlet(condition.target, value, on=list(condition.on) if condition.on != (None,) else None)
            there = dict(zip(self.problem.coordinates, map(sp.Float, condition.at), strict=True))
            return PointValue(condition.target, value.xreplace(there), at=condition.at)
        return condition

    def _initial(self) -> dict[Any, Any]:
        """Return exact initial values of everything that evolves, rates included."""
        problem = self.problem
        if problem.is_weak or problem.has_boundaries:
            form = problem.weak_form()
            evolving = {u for u in problem.unknowns if set(form.components[u]) & set(form.evolving)}
            twice = set(form.rates)
        else:
            scalar = problem.scalar_form()
            evolving = {u for u in problem.unknowns if set(scalar.components[u]) & set(time_orders(scalar.equations))}
            second = {meaning.args[0] for meaning in scalar.auxiliary.values()}
            twice = {u for u in evolving if set(scalar.components[u]) & second}
        found: dict[Any, Any] = {}
        for u in evolving:
            entries = self.expander(self.exact[u])
            for key, order in ((u, 0), (Dt(u), 1))[: 1 + (u in twice)]:
                values = [sp.diff(e, t, order).xreplace({t: sp.sympify(self.start)}) for e in entries.entries]
                found[key] = tuple(values) if u.rank else values[0]
        return found


def _nested(value: Tensor) -> sp.Expr:
    """Return a tensor as nested vectors."""

    def part(start: int, rank: int) -> sp.Expr:
        if rank == 0:
            return value.entries[start]
        step = value.size ** (rank - 1)
        return Vector(*(part(start + k * step, rank - 1) for k in range(value.size)))

    return part(0, value.rank)
