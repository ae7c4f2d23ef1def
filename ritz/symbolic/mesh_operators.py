"""Operators that need a mesh: the normal, and values on either side of interior facets."""

from __future__ import annotations

import sympy as sp

from . import operators as op
from .tensor_operators import rule
from .tensors import Expander, Tensor, located
from .weak_components import push_down, restrict
from .weak_form import Geometric


class MeshOperator(op.Operator):
    """Base class: these operators stand under integrals over facets, or in fluxes."""


class Normal(MeshOperator):
    """The outward unit normal."""

    word = "normal"


class Jump(MeshOperator):
    """The difference over an interior facet."""

    word = "jump"


class Average(MeshOperator):
    """The mean of both sides of an interior facet."""

    word = "average"


class Side(MeshOperator):
    """A value on one side of an interior facet."""

    word = "side"

    @property
    def sign(self) -> int:
        """1 or -1."""
        return int(self.args[1])

    def _sympystr(self, printer: object) -> str:
        return f"side({printer._print(self.args[0])}, {'+' if self.sign > 0 else '-'!r})"  # type: ignore[attr-defined]


@rule(Normal)
def _normal(expander: Expander, node: op.Operator) -> Tensor:
    expander.needs_space(node)
    return Tensor(1, len(expander.space), tuple(Geometric(f"n_{axis.name}") for axis in expander.space))


def _sides(expander: Expander, node: op.Operator, weights: tuple[sp.Expr, sp.Expr]) -> Tensor:
    """Return ``weights[0]*plus + weights[1]*minus`` of the argument."""

    def entry(e: sp.Expr) -> sp.Expr:
        local = push_down(e)
        sides = zip(weights, (1, -1), strict=True)
        return sp.Add(*(weight * restrict(local, sign) for weight, sign in sides if weight))

    try:
        return expander(node.args[0]).map(entry)
    except ValueError as error:
        raise located(f"{node}: {error}", node) from None


@rule(Jump)
def _jump(expander: Expander, node: op.Operator) -> Tensor:
    return _sides(expander, node, (sp.S.One, sp.S.NegativeOne))


@rule(Average)
def _average(expander: Expander, node: op.Operator) -> Tensor:
    return _sides(expander, node, (sp.S.Half, sp.S.Half))


@rule(Side)
def _side(expander: Expander, node: op.Operator) -> Tensor:
    assert isinstance(node, Side)
    return _sides(expander, node, (sp.S.One, sp.S.Zero) if node.sign > 0 else (sp.S.Zero, sp.S.One))
