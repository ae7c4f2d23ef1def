"""Which equation determines which unknown: the pairing behind a weak form that is derived from a strong one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp

from ..errors import UnsupportedError
from .classify import orders_of
from .equation import Eq, equation_name, quote
from .fields import Field
from .operators import Component, Dt
from .scalar_form import difference
from .tensors import Expander, Tensor, indices

EVOLVES, SECOND, ALGEBRAIC, FIRST, ABSENT = -100.0, 10.0, 20.0, 30.0, 40.0


@dataclass(frozen=True)
class Pair:
    """One equation and the unknown whose test function multiplies it.

    Attributes:
        source: index of the user's equation, from 0.
        label: what messages call it.
        residual: left minus right side in the user's tensor notation.
        entries: the same in components.
        target: the unknown, or one component of it.
        field: the unknown.
        parts: component fields of the target.
    """

    source: int
    label: str
    residual: sp.Expr
    entries: tuple[sp.Expr, ...]
    target: sp.Expr
    field: Field
    parts: tuple[Field, ...]

    @property
    def rank(self) -> int:
        """Rank of the equation."""
        return self.field.rank if self.target == self.field else 0

    def orders(self, part: Field) -> tuple[int, int]:
        """Highest orders in time and space of a component field in the equation."""
        found = [orders_of(entry, part) for entry in self.entries]
        return max(m for m, _ in found), max(n for _, n in found)

    @property
    def is_constraint(self) -> bool:
        """Whether it restricts other unknowns, like div(u) = 0: neither rates nor derivatives of its own unknown,
        and no second derivatives at all."""
        fields = {s for entry in self.entries for s in entry.free_symbols if isinstance(s, Field)}
        orders = {field: self.orders(field) for field in fields}
        calm = all(m == 0 and n < 2 for m, n in orders.values())
        return calm and all(orders.get(part, (0, 0))[1] == 0 for part in self.parts)

    @property
    def holds_own(self) -> bool:
        """Whether its own unknown occurs in it."""
        return any(entry.has(part) for entry in self.entries for part in self.parts)


@dataclass(frozen=True)
class _Block:
    """One side of the pairing: an equation or an unknown, whole or one component of it."""

    owner: int
    rank: int
    expr: sp.Expr
    entries: tuple[sp.Expr, ...]
    index: tuple[int, ...] | None = None


def pair_equations(equations: Sequence[Eq], unknowns: Sequence[Field], expander: Expander) -> tuple[Pair, ...]:
    """Pair every equation with one unknown of its rank.

    An unknown whose time derivative stands in an equation belongs to it; else second derivatives are preferred; what
    remains, such as the pressure beside div(u) = 0, takes what is left. Where the numbers of vector equations and
    vector unknowns differ, they are paired by components.

    Args:
        equations: as many (in components) as unknowns, or more.
        unknowns: fields of the problem.
        expander: over the coordinates and components of the problem.

    Raises:
        UnsupportedError: if there is a surplus equation.

    Example:
        >>> from ritz.symbolic.coordinates import coords
        >>> from ritz.symbolic.fields import fields, vector_fields
        >>> from ritz.symbolic.notation import div, grad, lap
        >>> u, p = vector_fields("u"), fields("p")
        >>> expander = Expander(coords("x y"), {u: fields("u_x u_y"), p: (p,)})
        >>> [pair.target for pair in pair_equations([Eq(div(u)), Eq(grad(p) - lap(u))], [u, p], expander)]
        [p, u]
    """
    rows = [_equation_block(number, equation, expander) for number, equation in enumerate(equations)]
    columns = [_unknown_block(number, field, expander) for number, field in enumerate(unknowns)]
    counts = Counter(block.rank for block in rows), Counter(block.rank for block in columns)
    differing = {rank for rank in counts[0] | counts[1] if rank and counts[0][rank] != counts[1][rank]}
    rows = [part for block in rows for part in (_split(block, expander) if block.rank in differing else (block,))]
    columns = [part for block in columns for part in (_split(block, expander) if block.rank in differing else (block,))]
    pairs = []
    for rank in sorted({block.rank for block in (*rows, *columns)}):
        mine = [block for block in rows if block.rank == rank]
        theirs = [block for block in columns if block.rank == rank]
        if len(mine) != len(theirs):
            _refuse_surplus(equations, mine)
        pairs += [_pair(equations, unknowns, a, b) for a, b in _assigned(mine, theirs)]
    return tuple(sorted(pairs, key=lambda pair: pair.source))


def _equation_block(number: int, equation: Eq, expander: Expander) -> _Block:
    value = difference(equation, expander)
    return _Block(number, value.rank, equation.lhs - equation.rhs, value.entries)


def _unknown_block(number: int, field: Field, expander: Expander) -> _Block:
    return _Block(number, field.rank, field, expander(field).entries)


def _split(block: _Block, expander: Expander) -> Iterator[_Block]:
    tensor = Tensor(block.rank, len(expander.space), block.entries)
    for index in indices(tensor.rank, tensor.size):
        expr = Component(block.expr, *(expander.space[i] for i in index))
        yield _Block(block.owner, 0, expr, (tensor[index],), index)


def _assigned(rows: list[_Block], columns: list[_Block]) -> list[tuple[_Block, _Block]]:
    if len(rows) == 1:
        return [(rows[0], columns[0])]
    from scipy.optimize import linear_sum_assignment

    cost = np.array([[_cost(row, column) for column in columns] for row in rows])
    return [(rows[i], columns[j]) for i, j in zip(*linear_sum_assignment(cost), strict=True)]


def _cost(row: _Block, column: _Block) -> float:
    pairs = list(zip(row.entries, column.entries, strict=True))
    costs = [_cost_of(entry, part) for entry, part in pairs]
    away = 0.5 if row.index is not None and column.index is not None and row.index != column.index else 0.0
    return sum(costs) / len(costs) + away


def _cost_of(entry: sp.Expr, part: sp.Expr) -> float:
    assert isinstance(part, Field)
    if not entry.has(part):
        return ABSENT
    time, space = orders_of(entry, part)
    if time:
        return EVOLVES
    return {0: ALGEBRAIC, 1: FIRST}.get(space, SECOND)


def _pair(equations: Sequence[Eq], unknowns: Sequence[Field], row: _Block, column: _Block) -> Pair:
    equation = equations[row.owner]
    name = equation_name(equation, row.owner + 1)
    if row.index is not None:
        assert isinstance(row.expr, Component)
        name += ", component " + "".join(axis.name for axis in row.expr.args[1:])
    parts = tuple(part for part in column.entries if isinstance(part, Field))
    return Pair(row.owner, name, row.expr, row.entries, column.expr, unknowns[column.owner], parts)


def _refuse_surplus(equations: Sequence[Eq], rows: list[_Block]) -> None:
    last = next((row for row in reversed(rows) if not row.expr.has(Dt)), rows[-1]) if rows else None
    where = f"\n{quote(equations[last.owner], last.owner + 1)}" if last is not None else ""
    raise UnsupportedError(
        "A finite-element discretisation needs one equation per unknown, but there are more equations than unknowns. "
        f"Drop the further constraint, or add the unknown that enforces it (a pressure or multiplier).{where}"
    )


def multipliers(pairs: Sequence[Pair]) -> frozenset[Field]:
    """Return the component fields that act as multipliers, such as a pressure: their gradient is integrated by parts.

    These are unknowns that are absent from their own constraint; and unknowns that stand in it without derivatives,
    as p does in div(u) + p/k = 0, if it differentiates no other multiplier.
    """
    found: set[Field] = set()
    constraints = [pair for pair in pairs if pair.is_constraint]
    for pair in constraints:
        if not pair.holds_own:
            found.update(pair.parts)
    for pair in constraints:
        fields = {s for entry in pair.entries for s in entry.free_symbols if isinstance(s, Field)}
        slopes = {field for field in fields if pair.orders(field)[1]}
        if pair.holds_own and slopes and not slopes & found:
            found.update(pair.parts)
    return frozenset(found)
