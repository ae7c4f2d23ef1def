"""Linear parts on fields without divergence: what the pressure takes out of a linear term is often nothing.

Eliminating the pressure projects every term, also ``nu * lap(u)``, whose projection is itself since ``div u = 0``. As
operators on the components the two differ: the projected one couples them, so that half of the viscosity would leave
the diagonal, which implicit and exponential methods treat stably. Adding multiples of the constraint brings it back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp


def reduce_on_constraints(
    linear: sp.Matrix,
    groups: Sequence[Sequence[int]],
    symbols: Sequence[sp.Symbol],
    representable: Callable[[sp.Expr], bool],
) -> sp.Matrix:
    """Subtract multiples of ``dx(u) + dy(v) + ... = 0`` from rows so that couplings within a group vanish.

    Args:
        linear: operators on the states, rational in the derivative symbols; row i < columns belongs to state i.
        groups: columns of the components of fields without divergence, in the order of the axes.
        symbols: derivative symbols, one for each axis.
        representable: whether an operator is defined on all modes but the mean.

    Returns:
        A matrix with the same values on all states that satisfy the constraints.
    """
    result = linear.as_mutable()
    for group in groups:
        for row in range(result.rows):
            entries = [result[row, column] for column in group]
            own = list(group).index(row) if row in group else None
            for column, entry in zip(group, _reduced(entries, own, symbols, representable), strict=True):
                result[row, column] = entry
    return result


def _reduced(
    entries: list[sp.Expr], own: int | None, symbols: Sequence[sp.Symbol], representable: Callable[[sp.Expr], bool]
) -> list[sp.Expr]:
    """One row within one group, each power of the parameters by itself."""
    others = [b for b in range(len(entries)) if b != own]
    if all(entries[b] == 0 for b in others):
        return entries
    parts = _by_parameters(entries, symbols)
    if parts is None:
        return entries
    for values in parts.values():
        ratios = [sp.cancel(values[b] / symbols[b]) for b in others]
        if all(sp.cancel(ratio - ratios[0]) == 0 for ratio in ratios) and representable(ratios[0]):
            values[:] = [sp.cancel(value - ratios[0] * symbols[b]) for b, value in enumerate(values)]
    return [sp.Add(*(factor * values[b] for factor, values in parts.items())) for b in range(len(entries))]


def _by_parameters(entries: list[sp.Expr], symbols: Sequence[sp.Symbol]) -> dict[sp.Expr, list[sp.Expr]] | None:
    """Monomial of the parameters -> the entries' factors; None if parameters stand in a denominator."""
    parameters = sorted({s for e in entries for s in e.free_symbols if s not in symbols}, key=str)
    parts: dict[sp.Expr, list[sp.Expr]] = {}
    for b, entry in enumerate(entries):
        numerator, denominator = sp.fraction(sp.together(entry))
        if not parameters:
            terms = [(sp.S.One, numerator)]
        elif denominator.has(*parameters):
            return None
        else:
            terms = [
                (sp.Mul(*(p**n for p, n in zip(parameters, powers, strict=True))), factor)
                for powers, factor in sp.Poly(numerator, *parameters).terms()
            ]
        for monomial, factor in terms:
            parts.setdefault(monomial, [sp.S.Zero] * len(entries))[b] += factor / denominator
    return parts
