"""Which degree of quadrature an integrand needs, read off its factors."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from ritz.symbolic.coordinates import Coordinate
from ritz.symbolic.fields import Field
from ritz.symbolic.operators import D, Dt
from ritz.symbolic.weak_form import Geometric, Restricted, TestFunction

SMOOTH = 2  # degrees added for a function that is no polynomial
MOST = 16  # degree up to which integrands are integrated exactly; of high elements, that of products of two


def degree_of(expr: sp.Expr, degrees: Mapping[Field, int], simplex: bool, geometry: int = 1) -> int:
    """Degree of a polynomial that an integrand is, or is close to.

    Products add the degrees of their factors. A function that is no polynomial counts as its argument and two more, at
    least as the highest degree k among the fields and two more; an integrand that holds such a function is given degree
    2k + 2 at most, beyond which the error of the elements outweighs that of the quadrature. No integrand is given more
    than 16, or 2k + 2 where that is more: a mass matrix is integrated exactly for elements of any degree.

    Args:
        expr: integrand in components.
        degrees: degree of the element of every field, tests included.
        simplex: whether a derivative has one degree less (on quadrilaterals and hexahedra it has not).
        geometry: degree of the map from the reference cell; curved maps ask for more points.

    Example:
        >>> u, v, x = Field("u"), TestFunction(Field("u")), Coordinate("x")
        >>> degree_of(D(u, x) * D(v, x), {u: 2, v: 2}, True)
        2
    """
    reader = _Degrees(degrees, simplex)
    found = reader.of(expr)
    enough = 2 * reader.highest + SMOOTH
    if reader.smooth:
        found = min(found, enough)
    return min(found + 2 * (geometry - 1), max(MOST, enough + 2 * (geometry - 1)))


class _Degrees:
    def __init__(self, degrees: Mapping[Field, int], simplex: bool) -> None:
        self.degrees, self.simplex = degrees, simplex
        self.highest = max(degrees.values(), default=1)
        self.smooth = False  # whether a function was met that is no polynomial
        self.memo: dict[sp.Basic, int] = {}

    def of(self, e: sp.Basic) -> int:
        if e not in self.memo:
            self.memo[e] = self._of(e)
        return self.memo[e]

    def _of(self, e: sp.Basic) -> int:
        if isinstance(e, Restricted | Dt):
            return self.of(e.args[0])
        if isinstance(e, D):
            return max(self.of(e.expr) - e.order * self.simplex, 0)
        if isinstance(e, TestFunction | Field):
            return self.degrees.get(e, self.highest)
        if isinstance(e, Coordinate):
            return 1
        if e.is_Atom or isinstance(e, Geometric):
            return 0
        if isinstance(e, sp.Add):
            return max(self.of(a) for a in e.args)
        if isinstance(e, sp.Mul):
            return sum(self.of(a) for a in e.args)
        if isinstance(e, sp.Pow) and e.exp.is_Integer and e.exp > 0:
            return int(e.exp) * self.of(e.base)
        inner = max((self.of(a) for a in e.args), default=0)
        self.smooth = self.smooth or bool(inner)
        return max(inner, self.highest) + SMOOTH if inner else 0
