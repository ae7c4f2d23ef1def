"""What each operator of the language means in components: one small rule per node."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from . import operators as op
from .coordinates import Coordinate
from .fields import rank_name
from .tensors import Expander, Index, Tensor, located

Rule = Callable[[Expander, op.Operator], Tensor]
RULES: dict[type, Rule] = {}


def rule(node: type[op.Operator]) -> Callable[[Rule], Rule]:
    """Register the meaning of a node."""

    def register(function: Rule) -> Rule:
        RULES[node] = function
        return function

    return register


def need(tensor: Tensor, ranks: tuple[int, ...], node: op.Operator, part: sp.Basic, fix: str) -> None:
    """Raise unless the rank of `tensor`, the value of `part` in `node`, is one of `ranks`."""
    if tensor.rank not in ranks:
        wanted = " or ".join(f"a {rank_name(rank)}" for rank in ranks)
        raise located(f"{node.word}() takes {wanted}, but {part} in {node} is a {rank_name(tensor.rank)}. {fix}", node)


def need_axis(expander: Expander, axis: sp.Basic, node: op.Operator) -> int:
    """Return the number of `axis` among the coordinates of the domain, or raise."""
    expander.needs_space(node)
    if axis not in expander.space:
        axes = ", ".join(map(str, expander.space))
        raise located(f"{node} differentiates or picks along {axis}, but the domain has only the axes {axes}.", node)
    return expander.space.index(axis)


def from_entries(expander: Expander, entries: list[sp.Expr]) -> Tensor:
    """Return a vector, or a scalar if there is one entry only and the caller says so."""
    return Tensor(1, len(expander.space), tuple(entries))


@rule(op.D)
def _d(expander: Expander, node: op.Operator) -> Tensor:
    assert isinstance(node, op.D)
    need_axis(expander, node.variable, node)
    return expander(node.expr).map(lambda e: expander.derivative(e, node.variable, node.order))


@rule(op.Dt)
def _dt(expander: Expander, node: op.Operator) -> Tensor:
    assert isinstance(node, op.Dt)
    return expander(node.expr).map(lambda e: expander.in_time(e, node.order))


@rule(op.Lap)
def _lap(expander: Expander, node: op.Operator) -> Tensor:
    expander.needs_space(node)
    return expander(node.args[0]).map(lambda e: sp.Add(*(expander.derivative(e, axis, 2) for axis in expander.space)))


@rule(op.Grad)
def _grad(expander: Expander, node: op.Operator) -> Tensor:
    expander.needs_space(node)
    value = expander(node.args[0])
    return Tensor.build(
        value.rank + 1, value.size, lambda index: expander.derivative(value[index[1:]], expander.space[index[0]])
    )


@rule(op.Div)
def _div(expander: Expander, node: op.Operator) -> Tensor:
    expander.needs_space(node)
    value = expander(node.args[0])
    need(value, (1, 2, 3), node, node.args[0], f"Did you mean grad({node.args[0]}) or lap({node.args[0]})?")

    def entry(index: Index) -> sp.Expr:
        return sp.Add(*(expander.derivative(value[(i, *index)], axis) for i, axis in enumerate(expander.space)))

    return Tensor.build(value.rank - 1, value.size, entry)


@rule(op.Curl)
def _curl(expander: Expander, node: op.Operator) -> Tensor:
    expander.needs_space(node)
    arg, space = node.args[0], expander.space
    value, slope = expander(arg), expander.derivative
    if len(space) == 1:
        raise located(f"{node} needs two or three dimensions, but the domain has only the axis {space[0]}.", node)
    if len(space) == 2:
        need(value, (0, 1), node, arg, "Take its components with component(...).")
        x, y = space
        if value.rank == 0:
            return from_entries(expander, [slope(value[()], y), -slope(value[()], x)])
        return expander.scalar(slope(value[1,], x) - slope(value[0,], y))
    need(value, (1,), node, arg, "In three dimensions the curl acts on vectors.")
    turns = ((1, 2), (2, 0), (0, 1))
    return from_entries(expander, [slope(value[k,], space[j]) - slope(value[j,], space[k]) for j, k in turns])


@rule(op.Dot)
def _dot(expander: Expander, node: op.Operator) -> Tensor:
    expander.needs_space(node)
    a, b = (expander(arg) for arg in node.args)
    for value, arg in zip((a, b), node.args, strict=True):
        need(value, (1, 2, 3), node, arg, "Write * for a product with a scalar.")

    def entry(index: Index) -> sp.Expr:
        left, right = index[: a.rank - 1], index[a.rank - 1 :]
        return sp.Add(*(a[(*left, i)] * b[(i, *right)] for i in range(a.size)))

    return Tensor.build(a.rank + b.rank - 2, a.size, entry)


@rule(op.Inner)
def _inner(expander: Expander, node: op.Operator) -> Tensor:
    a, b = (expander(arg) for arg in node.args)
    if a.rank != b.rank:
        raise located(
            f"inner() takes two tensors of one rank, but {node.args[0]} is a {rank_name(a.rank)} and "
            f"{node.args[1]} a {rank_name(b.rank)}. Use dot() to contract one index only.",
            node,
        )
    return expander.scalar(sp.Add(*(p * q for p, q in zip(a.entries, b.entries, strict=True))))


@rule(op.Cross)
def _cross(expander: Expander, node: op.Operator) -> Tensor:
    expander.needs_space(node)
    a, b = (expander(arg) for arg in node.args)
    if len(expander.space) == 3:
        for value, arg in zip((a, b), node.args, strict=True):
            need(value, (1,), node, arg, "In three dimensions cross() acts on two vectors.")
        turns = ((1, 2), (2, 0), (0, 1))
        return from_entries(expander, [a[j,] * b[k,] - a[k,] * b[j,] for j, k in turns])
    if len(expander.space) == 2:
        if (a.rank, b.rank) == (1, 1):
            return expander.scalar(a[0,] * b[1,] - a[1,] * b[0,])
        if (a.rank, b.rank) == (0, 1):
            return from_entries(expander, [-a[()] * b[1,], a[()] * b[0,]])
        if (a.rank, b.rank) == (1, 0):
            return from_entries(expander, [a[1,] * b[()], -a[0,] * b[()]])
    raise located(
        f"{node} is not defined for a {rank_name(a.rank)} and a {rank_name(b.rank)} in {len(expander.space)}-D. "
        "cross() takes two vectors in 2-D or 3-D, or in 2-D a scalar and a vector.",
        node,
    )


@rule(op.Outer)
def _outer(expander: Expander, node: op.Operator) -> Tensor:
    expander.needs_space(node)
    a, b = (expander(arg) for arg in node.args)
    for value, arg in zip((a, b), node.args, strict=True):
        need(value, (1, 2), node, arg, "Write * for a product with a scalar.")
    return Tensor.build(a.rank + b.rank, a.size, lambda index: a[index[: a.rank]] * b[index[a.rank :]])


def _square(expander: Expander, node: op.Operator) -> Tensor:
    """Return the argument of a node that takes rank-2 tensors."""
    expander.needs_space(node)
    value = expander(node.args[0])
    need(value, (2,), node, node.args[0], f"E.g. {node.word}(grad(u)) of a vector u.")
    return value


@rule(op.Sym)
def _sym(expander: Expander, node: op.Operator) -> Tensor:
    value = _square(expander, node)
    return Tensor.build(2, value.size, lambda ij: (value[ij] + value[ij[::-1]]) / 2)


@rule(op.Transpose)
def _transpose(expander: Expander, node: op.Operator) -> Tensor:
    value = _square(expander, node)
    return Tensor.build(2, value.size, lambda ij: value[ij[::-1]])


@rule(op.Trace)
def _trace(expander: Expander, node: op.Operator) -> Tensor:
    value = _square(expander, node)
    return expander.scalar(sp.Add(*(value[i, i] for i in range(value.size))))


@rule(op.Det)
def _det(expander: Expander, node: op.Operator) -> Tensor:
    value = _square(expander, node)
    return expander.scalar(determinant(value, tuple(range(value.size)), tuple(range(value.size))))


@rule(op.Inv)
def _inv(expander: Expander, node: op.Operator) -> Tensor:
    value = _square(expander, node)
    every = tuple(range(value.size))
    whole = determinant(value, every, every)

    def entry(ij: Index) -> sp.Expr:
        rows, columns = (tuple(k for k in every if k != skip) for skip in (ij[1], ij[0]))
        return (-1) ** sum(ij) * determinant(value, rows, columns) / whole

    return Tensor.build(2, value.size, entry)


def determinant(value: Tensor, rows: Index, columns: Index) -> sp.Expr:
    """Return the minor of `value` over `rows` and `columns`, by cofactors of the first row."""
    if not rows:
        return sp.S.One
    terms = []
    for place, column in enumerate(columns):
        rest = columns[:place] + columns[place + 1 :]
        terms.append((-1) ** place * value[rows[0], column] * determinant(value, rows[1:], rest))
    return sp.Add(*terms)


@rule(op.Vector)
def _vector(expander: Expander, node: op.Operator) -> Tensor:
    expander.needs_space(node)
    parts = [expander(arg) for arg in node.args]
    if len(parts) != len(expander.space):
        axes = ", ".join(map(str, expander.space))
        raise located(
            f"{node} has {len(parts)} components, but the domain has {len(expander.space)} axes ({axes}). "
            "Give one component per axis.",
            node,
        )
    for part, arg in zip(parts, node.args, strict=True):
        if part.rank != parts[0].rank:
            raise located(f"The components of {node} differ in rank: {arg} is a {rank_name(part.rank)}.", node)
    return Tensor.build(parts[0].rank + 1, len(parts), lambda index: parts[index[0]][index[1:]])


@rule(op.Identity)
def _identity(expander: Expander, node: op.Operator) -> Tensor:
    expander.needs_space(node)
    return Tensor.build(2, len(expander.space), lambda ij: sp.Integer(int(ij[0] == ij[1])))


@rule(op.Component)
def _component(expander: Expander, node: op.Operator) -> Tensor:
    arg, axes = node.args[0], node.args[1:]
    value = expander(arg)
    place = tuple(need_axis(expander, axis, node) for axis in axes if isinstance(axis, Coordinate))
    if value.rank != len(place) or not place:
        raise located(
            f"{node} names {len(place)} axes, but {arg} is a {rank_name(value.rank)}. Name one axis per index.", node
        )
    return expander.scalar(value[place])
