"""Ordinary differential equations: no space, one number per unknown."""

from __future__ import annotations

from typing import Any

from ritz.codegen.layout import PointwiseLayout
from ritz.codegen.lowered import Lowered
from ritz.errors import DiscretizationError
from ritz.symbolic.pointwise_form import PointwiseForm
from ritz.symbolic.problem import Problem
from ritz.symbolic.rewrite.settings import Rewriting


class Pointwise:
    """The discretisation of problems without space.

    Example:
        >>> import ritz as rz
        >>> x = rz.fields("x")
        >>> system = rz.Problem([rz.Eq(rz.dt(x), -x)], initial={x: 1}).discretize(rz.Pointwise())
        >>> float(system.rhs(0.0, [2.0])[0])
        -2.0
    """

    def discretize(self, problem: Problem, *, rewriter: str | Rewriting | None = "egraph", **options: Any) -> Any:
        """Return the `ritz.System` of a problem without domain.

        Args:
            problem: equations without space.
            rewriter: ``"egraph"``, ``"sympy"``, None, or `ritz.Rewriting` with a goal and own rules.

        Raises:
            DiscretizationError: the problem has a domain.
            UnsupportedError: the equations cannot be solved for the time derivatives.
        """
        from ritz.codegen.system import System
        from ritz.errors import reject_unknown

        reject_unknown(options, {"rewriter"}, "Pointwise")
        if problem.coordinates:
            names = ", ".join(c.name for c in problem.coordinates)
            raise DiscretizationError(
                f"Pointwise() is for problems without space, but this one has {names}. Use Fourier(...)."
            )
        return System(
            lower_pointwise(problem.pointwise_form()), problem=problem, discretization=self, rewriter=rewriter
        )

    def __repr__(self) -> str:
        return "Pointwise()"


def lower_pointwise(form: PointwiseForm) -> Lowered:
    """Hand over a pointwise form: no space, one number per unknown."""
    return Lowered(
        form.graph,
        None,
        PointwiseLayout(tuple(form.states)),
        dict(form.states),
        None,
        dict(form.derivatives),
        form.parameters,
        quantities=dict(form.quantities),
        events=form.events,
    )
