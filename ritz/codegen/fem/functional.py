"""Numbers that follow from a state: integrals and their gradients, fluxes through boundaries, norms of errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from ritz.codegen.fem.assembly import FemProgram
from ritz.codegen.fem.dofs import on_facets
from ritz.codegen.fem.evaluation import expander_of
from ritz.codegen.fem.instance import FemInstance
from ritz.codegen.fem.moments import moments
from ritz.codegen.layout import Array
from ritz.errors import OptionError, UnsupportedError, nearest
from ritz.symbolic.calculus import reverse
from ritz.symbolic.equation import Eq
from ritz.symbolic.operators import as_expression
from ritz.symbolic.weak_form import TestFunction
from ritz.symbolic.weak_integrals import component_integral, integral_terms, is_weak, merged


class Functional:
    """A number that depends on the state: a sum of integrals, compiled.

    Args:
        system: the `FemSystem`.
        expr: integrals made with `ritz.integral`, without test functions; a plain expression is integrated over all
            cells.

    Raises:
        UnsupportedError: there is a test function in it.

    Example:
        >>> import numpy as np
        >>> import ritz as rz
        >>> u = rz.fields("u")
        >>> problem = rz.Problem([rz.Eq(-rz.lap(u), 1)], domain=rz.rectangle(n=(4, 4)), conditions=[rz.Dirichlet(u, 2)])
        >>> system = problem.discretize(rz.FiniteElement(degree=1))
        >>> length = Functional(system, rz.integral(u, over="boundary"))
        >>> round(length(np.zeros(system.layout.size)), 12)
        8.0
    """

    def __init__(self, system: Any, expr: Any) -> None:
        self.system, self.expr = system, as_expression(expr)
        if self.expr.has(TestFunction):
            raise UnsupportedError(f"{self.expr} has a test function in it: it is a form, not a number. Leave it out.")
        equation = Eq(self.expr, 0)
        if not is_weak(equation):
            from ritz.symbolic.weak_notation import integral

            equation = Eq(integral(self.expr), 0)
        terms = list(integral_terms(equation, 1))
        expander = expander_of(system)
        integrals = merged([(component_integral(term, expander), term.measure) for term in terms])
        with system._lock:
            self._node = system.model.lowering.total(integrals)
        self._instances: dict[str, FemInstance] = {}

    def __call__(self, u: Any, t: float = 0.0, p: Any = None) -> float:
        """The number at a state, (size,)."""
        return float(self._run("value", u, t, p, 1)[0])

    def gradient(self, u: Any, t: float = 0.0, p: Any = None) -> Array:
        """Its derivative with respect to the state, (size,)."""
        return self._run("gradient", u, t, p, self.system.layout.size)

    def _run(self, kind: str, u: Any, t: float, p: Any, size: int) -> Array:
        if kind not in self._instances:
            self._instances[kind] = self._made(kind)
        out = np.empty(size)
        u = self.system.checked_state(u)
        self._instances[kind].call(float(t), u, np.ascontiguousarray(self.system.parameter_vector(p)), out)
        return out

    def _made(self, kind: str) -> FemInstance:
        system, g = self.system, self.system.model.graph
        with system._lock:
            build = system.new_build(kind)
            if kind == "value":
                build.offsets = {**build.offsets, "total": 0}
                return FemInstance(FemProgram(build, {"total": self._node}), {})
            seed = g.input("seed total", "seed", [system.model.space.state_axes[-1]])
            states = system.model.states
            rows = dict(zip(states, reverse(g, [self._node], [seed], list(states.values())), strict=True))
            made = FemInstance(FemProgram(build, rows), {"total": slice(0, 1)})
        made.seed[:] = 1.0
        return made


def flux(system: Any, unknown: Any, on: Any, u: Any, t: float = 0.0, p: Any = None, rate: Any = None) -> Array:
    """Flux of an equation through a part of the boundary, from the residual of its prescribed unknowns.

    For ``-div(F) = f`` this is the integral of ``dot(normal, F)`` over `on`, in the sense of the weak form: it balances
    sources and other fluxes exactly and converges twice as fast as the integral of the discrete F. With elasticity it
    is the force of the support, with flow the force on a body (with the sign of the weak form).

    Source: G. F. Carey, S. S. Chow, M. K. Seager, "Approximate boundary-flux calculations", Comput. Methods Appl. Mech.
    Eng. 50 (1985) 107-120.

    Args:
        system: the `FemSystem`.
        unknown: the field, or its name.
        on: name or tag of a group of facets, a predicate, or a list of these.
        u, t, p: state, time, parameters.
        rate: (size,) time derivative of the state, for problems that evolve in time.

    Returns:
        one number for each component of the field: the residual tested with 1 on the boundary, and with 0 in all other
        nodes, or with what a vector element makes of the constant vectors along the axes.

    Raises:
        OptionError: there is no such unknown, or the problem evolves in time and there is no rate.
    """
    if not system.is_steady and rate is None:
        raise OptionError(
            "The flux of a problem that evolves in time needs rate=, the time derivative of the state; "
            "solution.flux(...) takes it from the stored times around."
        )
    form, space = system.form, system.model.space
    known = {str(f): f for f in form.unknowns}
    if str(unknown) not in known:
        raise OptionError(f"There is no unknown {unknown}.{nearest(str(unknown), known)} Unknowns: {', '.join(known)}.")
    instance = system._instance("rhs")
    instance.call(
        float(t), system.checked_state(u), np.ascontiguousarray(system.parameter_vector(p)),
        np.zeros(system.layout.size),
    )  # fmt: skip
    residual = _sums(instance)
    if not system.is_steady:
        moving = system._instance("mass_product")
        moving.set_direction(system.checked_state(rate), system.name)
        moving.call(
            float(t), system.checked_state(u), np.ascontiguousarray(system.parameter_vector(p)),
            np.empty(system.layout.size),
        )  # fmt: skip
        residual = residual + _sums(moving)
    found = []
    rows = {c: system.model.lowering.row[test][0] for test, c in form.tests.items()}
    for f in dict.fromkeys(rows[c] for c in form.components[known[str(unknown)]]):
        nodes, final = space.nodes[f], space.numbering.final[f]
        places = on_facets(system.mesh, nodes, np.asarray(system.mesh.facets_on(on)))
        numbers, first = np.unique(final[places], return_index=True)
        tested = np.ones((len(numbers), 1))
        if not nodes.reference.is_nodal:
            tested = moments(system.mesh, nodes, places[first], inside=False).weights.sum(axis=1)
        found.append(residual[numbers] @ tested)
    return np.concatenate(found)


def _sums(instance: FemInstance) -> Array:
    """The sums of integrals of the last call, over all unknowns, prescribed ones included."""
    n, count = instance.space.numbering.size, len(instance.program.results)
    return np.sum([instance.memory[f"result {k}"][:n] for k in range(count)], axis=0)


def error_norm(
    system: Any,
    exact: Mapping[Any, Any],
    u: Any,
    t: float = 0.0,
    p: Any = None,
    *,
    norm: str = "L2",
    degree: int | None = None,
) -> float:
    """Norm of the error of some fields.

    Args:
        system: the `FemSystem`.
        exact: field -> exact expression of coordinates, time and parameters; tuples for vectors.
        u, t, p: state, time, parameters.
        norm: "L2", or "H1" for the norm of the gradient of the error.
        degree: of the quadrature; by default twice that of the elements and four more.

    Raises:
        OptionError: an unknown norm or field.
    """
    from ritz.symbolic.notation import grad, inner
    from ritz.symbolic.weak_notation import integral

    if norm not in ("L2", "H1"):
        raise OptionError(f"norm= is 'L2' or 'H1', found {norm!r}.")
    highest = max(n.element.degree for n in system.model.space.nodes)
    degree = degree or 2 * highest + 4
    total: sp.Expr = sp.S.Zero
    known = [str(f) for f in system.form.unknowns]
    for field, value in exact.items():
        if str(field) not in known:
            raise OptionError(f"There is no field {field}.{nearest(str(field), known)} Fields: {', '.join(known)}.")
        difference = as_expression(field) - as_expression(value)
        e = difference if norm == "L2" else grad(difference)
        square = e**2 if norm == "L2" and not field.rank else inner(e, e)
        total += integral(square, degree=degree)
    return float(np.sqrt(max(Functional(system, total)(u, t, p), 0.0)))
