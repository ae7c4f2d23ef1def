"""Reading an equation as a sum of terms: coefficient x multiplier(d) x product of linear fields x pointwise function.

A *linear field* is a constant-coefficient operator applied to unknowns; it is one inverse transform. Whatever is not a
product of these (functions of fields, given functions of space) is kept as a pointwise expression in which every
linear field is replaced by a placeholder symbol.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import sympy as sp

from ritz.errors import UnsupportedError
from ritz.symbolic.coordinates import Coordinate
from ritz.symbolic.fields import Field
from ritz.symbolic.multiplier import Multiplier
from ritz.symbolic.operators import D, Dt
from ritz.symbolic.product_form import LinearField

ONE = Multiplier.one()
_MAX_EXPANSION = 64


@dataclass(frozen=True)
class Term:
    """One term of an equation.

    Attributes:
        coefficient: of parameters, numbers and time.
        multiplier: applied to everything after it; one for a linear term, whose operator sits in its only factor.
        factors: linear fields that are multiplied.
        pointwise: function of placeholders, coordinates, parameters and time; 1 for a polynomial term.
    """

    coefficient: sp.Expr
    multiplier: Multiplier = ONE
    factors: tuple[LinearField, ...] = ()
    pointwise: sp.Expr = sp.S.One

    @property
    def is_linear(self) -> bool:
        """One linear field times constants."""
        return len(self.factors) == 1 and self.pointwise == 1

    @property
    def is_constant(self) -> bool:
        """No field and no dependence on space."""
        return not self.factors and self.pointwise == 1


@dataclass
class Reader:
    """Turns SymPy expressions into terms and remembers the placeholders it made.

    Attributes:
        unknowns: index of every scalar unknown; the time derivative of unknown i has index ``i + len(unknowns)``.
        coordinates: in the order of the axes.
        conjugates: index of the conjugate of unknown i is ``2*len(unknowns) + i``.
    """

    unknowns: dict[Field, int]
    coordinates: tuple[Coordinate, ...]
    placeholders: dict[sp.Symbol, LinearField] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Number of unknowns."""
        return len(self.unknowns)

    # ------------------------------------------------------------------ the two readings
    def terms(self, expr: sp.Expr) -> list[Term]:
        """Terms of an expression; derivatives of products stay multipliers in front of them."""
        if isinstance(expr, sp.Add):
            return [t for a in expr.args for t in self.terms(a)]
        if isinstance(expr, D):
            axis = self.coordinates.index(expr.variable)
            return [t for inner in self.terms(expr.expr) for t in _derivative_outside(inner, axis, expr.order)]
        if isinstance(expr, sp.Mul):
            constants = [a for a in expr.args if self._is_constant(a)]
            rest = [a for a in expr.args if not self._is_constant(a)]
            if constants and len(rest) == 1:
                factor = sp.Mul(*constants)
                return [replace(t, coefficient=factor * t.coefficient) for t in self.terms(rest[0])]
        return self.flat(expr)

    def flat(self, expr: sp.Expr) -> list[Term]:
        """Terms without multipliers: derivatives of products are expanded by the product rule."""
        if self._is_constant(expr):
            return [Term(expr)]
        if isinstance(expr, Field):
            return [Term(sp.S.One, factors=(LinearField.state(self.unknowns[expr]),))]
        if isinstance(expr, Dt):
            return [Term(sp.S.One, factors=(LinearField.state(self.unknowns[expr.expr] + self.n),))]
        if isinstance(expr, sp.Add):
            return [t for a in expr.args for t in self.flat(a)]
        if isinstance(expr, D):
            terms = self.flat(expr.expr)
            for _ in range(expr.order):
                terms = [t for inner in terms for t in self._derivative(inner, expr.variable)]
            return terms
        if isinstance(expr, sp.Mul):
            product = [Term(sp.S.One)]
            for a in expr.args:
                product = [_times(s, t) for s in product for t in self.flat(a)]
            return product
        if isinstance(expr, sp.Pow):
            power = self._power(expr)
            if power is not None:
                return power
        if isinstance(expr, sp.conjugate):
            return [self._conjugate(t) for t in self.flat(expr.args[0])]
        return [Term(sp.S.One, pointwise=self.pointwise(expr))]

    def pointwise(self, expr: sp.Expr) -> sp.Expr:
        """The expression with every linear field replaced by a placeholder."""
        if isinstance(expr, (Field, D, Dt)):
            return sp.Add(*(self._as_pointwise(t) for t in self.flat(expr)))
        if isinstance(expr, sp.conjugate) and expr.has(Field):
            return sp.Add(*(self._as_pointwise(t) for t in self.flat(expr)))
        if not expr.args:
            return expr
        return expr.func(*(self.pointwise(a) for a in expr.args))

    # ------------------------------------------------------------------ pieces
    def _is_constant(self, expr: sp.Expr) -> bool:
        return not expr.has(Field) and not (expr.free_symbols & set(self.coordinates)) and not expr.has(D, Dt)

    def _power(self, expr: sp.Pow) -> list[Term] | None:
        base, exponent = expr.args
        if not (exponent.is_Integer and exponent > 1):
            return None
        n = int(exponent)
        if isinstance(base, sp.Abs) and n % 2 == 0 and base.args[0].has(Field):
            inner = base.args[0]
            modulus = inner * sp.conjugate(inner) if any(f.is_complex_field for f in inner.atoms(Field)) else inner**2
            return self.flat(modulus) if n == 2 else self.flat(sp.Mul(*[modulus] * (n // 2), evaluate=False))
        base_terms = self.flat(base)
        if len(base_terms) ** n > _MAX_EXPANSION:
            return None
        product = [Term(sp.S.One)]
        for _ in range(n):
            product = _collected(_times(s, t) for s in product for t in base_terms)
        return product

    def _derivative(self, term: Term, x: Coordinate) -> list[Term]:
        """Product and chain rule for one term without multiplier."""
        axis = self.coordinates.index(x)
        result = []
        for i, factor in enumerate(term.factors):
            factors = (*term.factors[:i], factor.derivative(axis), *term.factors[i + 1 :])
            result.append(replace(term, factors=_sorted(factors)))
        explicit = sp.diff(term.pointwise, x)
        if explicit != 0:
            result.append(replace(term, pointwise=explicit))
        for symbol in sorted(term.pointwise.free_symbols & self.placeholders.keys(), key=str):
            slope = sp.diff(term.pointwise, symbol)
            moved = self.placeholders[symbol].derivative(axis)
            result.append(replace(term, factors=_sorted((*term.factors, moved)), pointwise=slope))
        return [t for t in result if all(t.factors)]

    def _conjugate(self, term: Term) -> Term:
        """The conjugate of a term: conjugate states have indices of their own."""
        n = self.n
        swap = {i: 2 * n + i for i in range(n)} | {2 * n + i: i for i in range(n)}
        symbols = term.pointwise.free_symbols & self.placeholders.keys()
        if symbols:
            raise UnsupportedError(f"conjugate() of the pointwise function {term.pointwise} is not available here.")
        factors = tuple(f.renamed(swap) for f in term.factors)
        return replace(term, coefficient=sp.conjugate(term.coefficient), factors=_sorted(factors))

    def placeholder(self, linear_field: LinearField) -> sp.Symbol:
        """The symbol that stands for a linear field inside pointwise functions."""
        for symbol, known in self.placeholders.items():
            if known == linear_field:
                return symbol
        complex_field = any(f.is_complex_field for f in self.unknowns)
        symbol = sp.Symbol(f"_grid{len(self.placeholders)}", real=None if complex_field else True)
        self.placeholders[symbol] = linear_field
        return symbol

    def _as_pointwise(self, term: Term) -> sp.Expr:
        return term.coefficient * sp.Mul(*(self.placeholder(f) for f in term.factors)) * term.pointwise


def _derivative_outside(term: Term, axis: int, n: int) -> list[Term]:
    if term.is_constant:
        return []
    if term.is_linear:
        return [replace(term, factors=(term.factors[0].derivative(axis, n),))]
    return [replace(term, multiplier=term.multiplier.derivative(axis, n))]


def _times(a: Term, b: Term) -> Term:
    return Term(a.coefficient * b.coefficient, ONE, _sorted(a.factors + b.factors), a.pointwise * b.pointwise)


def _sorted(factors: Sequence[LinearField]) -> tuple[LinearField, ...]:
    return tuple(sorted(factors, key=lambda f: str([(i, sorted(m.terms)) for i, m in f.terms])))


def _collected(terms: Iterable[Term]) -> list[Term]:
    """Add the coefficients of equal products."""
    total: dict[tuple[Multiplier, tuple[LinearField, ...], sp.Expr], sp.Expr] = {}
    for t in terms:
        key = (t.multiplier, t.factors, t.pointwise)
        total[key] = total.get(key, sp.S.Zero) + t.coefficient
    return [Term(c, *key) for key, c in total.items() if c != 0]


def collect(terms: Iterable[Term]) -> list[Term]:
    """Equal terms added up, vanishing ones dropped."""
    return _collected(terms)
