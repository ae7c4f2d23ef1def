"""From equations to evolution form: algebraic unknowns and constraints are eliminated mode by mode.

On Fourier modes every constant-coefficient operator is a number, so the linear structure of a system is a small
matrix over rational functions of the derivative symbols. With the time derivatives and the algebraic unknowns in one
vector ``Y``, the states in ``s`` and everything else of equation e in ``G_e``, the equations are ``B Y + A s + G = 0``;
a constraint without algebraic unknowns (``div u = 0``) enters as its time derivative. Hence ``Y = -B^-1 (A s + G)``.
At the mean mode, where ``B`` is singular when a potential or a pressure has no mean, the pseudo-inverse is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp

from ritz.codegen.fourier.solenoidal import reduce_on_constraints
from ritz.codegen.fourier.terms import Term
from ritz.errors import UnsupportedError
from ritz.symbolic.multiplier import Multiplier
from ritz.symbolic.product_form import LinearField

DX = sp.symbols("_dx _dy _dz")
Split = list[tuple[sp.Expr, Multiplier]]


@dataclass(frozen=True)
class Evolution:
    """Solved form: ``d(state)/dt = sum(linear * state) + sum(response * G_e)``; likewise for algebraic unknowns.

    Attributes:
        states: indices of unknowns with a time derivative.
        algebraic: indices of the others.
        linear: rows (states, then algebraic unknowns) of operators on the states.
        response: the same rows, operators on the rests of the equations.
        linear_mean, response_mean: values of both at the mean mode.
        solenoidal: groups of states constrained to zero divergence.
    """

    states: tuple[int, ...]
    algebraic: tuple[int, ...]
    linear: sp.Matrix
    response: sp.Matrix
    linear_mean: sp.Matrix
    response_mean: sp.Matrix
    solenoidal: tuple[tuple[int, ...], ...]


def symbol_of(multiplier: Multiplier, dim: int) -> sp.Expr:
    """A multiplier as an expression in the derivative symbols."""
    lap = sum(d**2 for d in DX[:dim])
    return sp.Add(
        *(
            sp.Rational(c.numerator, c.denominator) * DX[0] ** a * DX[1] ** b * DX[2] ** e * lap ** (-k)
            for (a, b, e, k), c in multiplier.terms.items()
        )
    )


def eliminate(
    equations: Sequence[Sequence[Term]], n: int, dim: int, names: Sequence[str], labels: Sequence[str]
) -> Evolution:
    """Bring a system into evolution form.

    Args:
        equations: terms of each equation; factor index ``n + i`` means the time derivative of unknown i.
        n: number of unknowns.
        dim: number of coordinates.
        names: of the unknowns, for messages.
        labels: of the equations, for messages.

    Raises:
        UnsupportedError: a time derivative or an algebraic unknown stands in a product in a way that has no explicit
            solution, or the system is singular.
    """
    dotted = {i - n for terms in equations for t in terms for f in t.factors for i, _ in f.terms if n <= i < 2 * n}
    states = tuple(sorted(dotted))
    algebraic = tuple(i for i in range(n) if i not in dotted)
    for terms, label in zip(equations, labels, strict=True):
        for t in terms:
            if not t.is_linear and any(n <= i < 2 * n for f in t.factors for i, _ in f.terms):
                raise UnsupportedError(
                    f"In {label} a time derivative is multiplied by a field. Divide the equation so that dt(...) "
                    "stands alone, or introduce the product as a new unknown."
                )
    columns = [n + i for i in states] + list(algebraic)
    left = [[_coefficient(terms, c, dim) for c in columns] for terms in equations]
    right = [[_coefficient(terms, c, dim) for c in states] for terms in equations]
    constraints = [e for e, row in enumerate(left) if all(v == 0 for v in row)]
    for e in constraints:
        if any(not t.is_linear for t in equations[e]):
            raise UnsupportedError(
                f"{labels[e]} has neither a time derivative nor an algebraic unknown, but is not linear: such a "
                "constraint cannot be kept on Fourier modes. Expected something like div(u) = 0."
            )
        left[e] = [*right[e], *([sp.S.Zero] * len(algebraic))]
        right[e] = [sp.S.Zero] * len(states)
    groups = _solenoidal([equations[e] for e in constraints], states, dim)
    keep = _square(left, constraints, labels)
    return _solve(left, right, keep, states, algebraic, groups, names)


def _coefficient(terms: Sequence[Term], column: int, dim: int) -> sp.Expr:
    total = sp.S.Zero
    for t in terms:
        if t.is_linear:
            for i, m in t.factors[0].terms:
                if i == column:
                    total += t.coefficient * symbol_of(m * t.multiplier, dim)
    return total


def _solenoidal(constraints: Sequence[Sequence[Term]], states: Sequence[int], dim: int) -> tuple[tuple[int, ...], ...]:
    """Constraints of the form ``dx(a) + dy(b) + ... = 0``, as groups of unknowns in the order of the axes."""
    groups = []
    for terms in constraints:
        found: dict[int, int] = {}
        plain = True
        for t in terms:
            for i, m in t.factors[0].terms:
                exponents = list(m.terms.items())
                axis = next((a for a in range(dim) if m == Multiplier.one().derivative(a)), None)
                plain &= len(exponents) == 1 and axis is not None and t.coefficient == terms[0].coefficient
                if axis is not None:
                    found[axis] = i
        if plain and dim > 1 and sorted(found) == list(range(dim)) and len(set(found.values())) == dim:
            groups.append(tuple(found[a] for a in range(dim)))
    return tuple(groups)


def _square(left: list[list[sp.Expr]], constraints: Sequence[int], labels: Sequence[str]) -> list[int]:
    """Choose as many equations as unknowns; surplus constraints are left to be implied by the others."""
    size, rows = len(left[0]), list(range(len(left)))
    for e in reversed(constraints):
        if len(rows) == size:
            break
        trial = [r for r in rows if r != e]
        if _rank_at_random([left[r] for r in trial]) == min(size, len(trial)):
            rows = trial
    if len(rows) != size:
        raise UnsupportedError(
            f"There are {len(left)} equations for {size} unknowns, and the surplus is not a constraint implied by the "
            f"others: {', '.join(labels)}."
        )
    return rows


def _rank_at_random(rows: list[list[sp.Expr]]) -> int:
    symbols = sorted({s for row in rows for v in row for s in v.free_symbols}, key=str)
    values = {s: sp.Rational(7 * k + 3, 5 + 2 * k) for k, s in enumerate(symbols)}
    return int(sp.Matrix([[v.subs(values) for v in row] for row in rows]).rank())


def _solve(
    left: list[list[sp.Expr]],
    right: list[list[sp.Expr]],
    keep: Sequence[int],
    states: tuple[int, ...],
    algebraic: tuple[int, ...],
    groups: tuple[tuple[int, ...], ...],
    names: Sequence[str],
) -> Evolution:
    b, a = sp.Matrix([left[e] for e in keep]), sp.Matrix([right[e] for e in keep])
    zero = dict.fromkeys(DX, 0)
    if b.is_diagonal() and not b.has(*DX):
        inverse = inverse_mean = sp.diag(*(1 / b[i, i] for i in range(b.rows)))
        if inverse.has(sp.zoo):
            raise UnsupportedError(_singular(names, states, algebraic))
    else:
        inverse = _inverse(b, names, states, algebraic)
        at_zero = b.applyfunc(lambda v: _at_mean(v, zero))
        inverse_mean = at_zero.inv() if at_zero.det() != 0 else at_zero.pinv()
    size = len(left)
    response, response_mean = sp.zeros(b.rows, size), sp.zeros(b.rows, size)
    for column, e in enumerate(keep):
        response[:, e] = -inverse[:, column]
        response_mean[:, e] = -inverse_mean[:, column]
    linear = -inverse * a
    if groups:
        linear = _on_solenoidal(linear, groups, states)
    elif a.has(*DX) and inverse.has(*DX):
        linear = linear.applyfunc(sp.cancel)
    linear_mean = -inverse_mean * a.applyfunc(lambda v: _at_mean(v, zero))
    return Evolution(states, algebraic, linear, response, linear_mean, response_mean, groups)


def _on_solenoidal(linear: sp.Matrix, groups: Sequence[Sequence[int]], states: Sequence[int]) -> sp.Matrix:
    """The linear part in its simplest form on fields without divergence; floats are carried as symbols."""
    floats = {f: sp.Dummy() for f in sorted(linear.atoms(sp.Float), key=float)}
    exact = linear.xreplace(floats).applyfunc(sp.cancel)
    columns = [[states.index(i) for i in group] for group in groups]
    dim = len(groups[0])
    reduced = reduce_on_constraints(
        exact, columns, DX[:dim], lambda operator: as_multipliers(operator, sp.S.Zero, dim) is not None
    )
    return reduced.xreplace({d: f for f, d in floats.items()})


def _at_mean(value: sp.Expr, zero: dict[sp.Symbol, int]) -> sp.Expr:
    """Value at the mean mode; negative powers of the Laplacian are zero there."""
    result = sp.cancel(value).subs(zero)
    return sp.S.Zero if result.has(sp.zoo, sp.nan, sp.oo) else result


def _inverse(b: sp.Matrix, names: Sequence[str], states: Sequence[int], algebraic: Sequence[int]) -> sp.Matrix:
    """Exact inverse over rational functions; floats are carried as symbols so that cancellation is exact."""
    floats = {f: sp.Dummy() for f in sorted(b.atoms(sp.Float), key=float)}
    exact = b.xreplace(floats)
    if exact.det(method="berkowitz").expand() == 0:
        raise UnsupportedError(_singular(names, states, algebraic))
    inverse = exact.inv(method="ADJ").applyfunc(sp.cancel)
    return inverse.xreplace({d: f for f, d in floats.items()})


def _singular(names: Sequence[str], states: Sequence[int], algebraic: Sequence[int]) -> str:
    wanted = [f"dt({names[i]})" for i in states] + [names[i] for i in algebraic]
    return (
        f"The equations do not determine {', '.join(wanted)}: their linear part is singular for every mode. Look for "
        "an equation that repeats another one, or for an unknown that no equation fixes."
    )


def as_multipliers(value: sp.Expr, mean: sp.Expr, dim: int) -> Split | None:
    """Write a rational operator as ``sum(coefficient * Multiplier)``, exact at every mode; None if that is impossible.

    Args:
        value: in the derivative symbols and parameters.
        mean: its value at the mean mode.
        dim: number of coordinates.
    """
    numerator, denominator = sp.fraction(sp.together(value) if value.has(*DX) else value)
    if not denominator.has(*DX):
        return _polynomial(numerator / denominator, 0)
    lap, power = sum(d**2 for d in DX[:dim]), 0
    while denominator.has(*DX):
        quotient, remainder = sp.div(denominator, lap, *DX[:dim])
        if remainder != 0:
            return None
        denominator, power = quotient, power + 1
    rest = sp.expand(numerator / denominator - mean * lap**power)
    fraction = _polynomial(rest, power)
    return None if fraction is None else ([(mean, Multiplier.one())] if mean != 0 else []) + fraction


def _polynomial(value: sp.Expr, power: int) -> Split | None:
    """Coefficients of a polynomial in the derivative symbols, grouped by parameter coefficient."""
    value = sp.expand(value)
    if value == 0:
        return []
    groups: dict[sp.Expr, Multiplier] = {}
    for monomial, coefficient in sp.Poly(value, *DX).terms():
        factor, rest = _rational_part(coefficient)
        if any(e < 0 for e in monomial):
            return None
        term = Multiplier({(*monomial, power): factor})
        groups[rest] = groups.get(rest, Multiplier.zero()) + term
    return [(c, m) for c, m in groups.items() if m]


def _rational_part(coefficient: sp.Expr) -> tuple[Fraction, sp.Expr]:
    number, rest = coefficient.as_coeff_Mul()
    if number.is_Rational:
        return Fraction(int(number.p), int(number.q)), rest
    return Fraction(1), coefficient


def algebraic_fields(
    evolution: Evolution, dim: int, names: Sequence[str]
) -> dict[int, list[tuple[sp.Expr, LinearField]]]:
    """Algebraic unknowns as sums of linear fields of the states (their response to nonlinear rests left out).

    Raises:
        UnsupportedError: the operator is neither a polynomial nor a power of the inverse Laplacian.
    """
    result = {}
    for k, unknown in enumerate(evolution.algebraic):
        row = len(evolution.states) + k
        parts: dict[sp.Expr, LinearField] = {}
        for j, state in enumerate(evolution.states):
            split = as_multipliers(evolution.linear[row, j], evolution.linear_mean[row, j], dim)
            if split is None:
                raise UnsupportedError(
                    f"{names[unknown]} stands in a product, but the operator that gives it from {names[state]}, "
                    f"{evolution.linear[row, j]}, is not a power of the inverse Laplacian."
                )
            for c, m in split:
                parts[c] = parts.get(c, LinearField({})) + LinearField({state: m})
        result[unknown] = [(c, f) for c, f in parts.items() if f]
    return result
