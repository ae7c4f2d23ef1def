"""Textbook right-hand sides as product forms, with the fewest transforms known for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from ritz.symbolic.multiplier import Multiplier
from ritz.symbolic.product_form import LinearField, ProductForm, ProductTerm

ONE = Multiplier.one()
INVERSE = Multiplier.inverse_laplacian()
Vector = Sequence[LinearField]


class Expression:
    """A sum of multipliers of products; terms are (coefficient, multiplier, factors)."""

    def __init__(self, terms: Sequence[tuple[sp.Expr, Multiplier, tuple[LinearField, ...]]]) -> None:
        self.terms = list(terms)

    def __add__(self, other: Expression) -> Expression:
        return Expression(self.terms + other.terms)

    def __sub__(self, other: Expression) -> Expression:
        return self + -1 * other

    def __rmul__(self, factor: object) -> Expression:
        return Expression([(sp.sympify(factor) * c, m, f) for c, m, f in self.terms])

    def apply(self, operator: Multiplier) -> Expression:
        return Expression([(c, m * operator, f) for c, m, f in self.terms])

    def d(self, axis: int) -> Expression:
        return self.apply(ONE.derivative(axis))

    def row(self) -> tuple[ProductTerm, ...]:
        return tuple(ProductTerm(c, m, f) for c, m, f in self.terms)


def state(index: int) -> LinearField:
    return LinearField.state(index)


def product(*factors: LinearField) -> Expression:
    return Expression([(sp.Integer(1), ONE, factors)])


def d(item: LinearField, *axes: int) -> LinearField:
    for axis in axes:
        item = item.derivative(axis)
    return item


def lap(item: LinearField, dim: int) -> LinearField:
    return item * ONE.laplacian(dim)


def advect(velocity: Vector, item: LinearField) -> Expression:
    """``velocity . grad item``"""
    total = product(velocity[0], d(item, 0))
    for axis in range(1, len(velocity)):
        total = total + product(velocity[axis], d(item, axis))
    return total


def projected(rows: Sequence[Expression]) -> list[Expression]:
    """``N - grad lap^-1 div N``: the pressure is eliminated."""
    divergence = rows[0].d(0)
    for axis in range(1, len(rows)):
        divergence = divergence + rows[axis].d(axis)
    return [row - divergence.apply(INVERSE).d(axis) for axis, row in enumerate(rows)]


def rotated_gradient(potential: LinearField) -> list[LinearField]:
    return [d(potential, 1), -d(potential, 0)]


def curl(vector: Vector) -> list[LinearField]:
    return [d(vector[(i + 2) % 3], (i + 1) % 3) - d(vector[(i + 1) % 3], (i + 2) % 3) for i in range(3)]


def form(dimension: int, states: str, rows: Sequence[Expression], **facts: object) -> ProductForm:
    return ProductForm(dimension, tuple(states.split()), tuple(row.row() for row in rows), **facts)  # type: ignore[arg-type]


U, V, H = state(0), state(1), state(2)


def burgers_1d() -> ProductForm:
    return form(1, "u", [-1 * product(U, d(U, 0))])


def gray_scott() -> ProductForm:
    return form(2, "u v", [-1 * product(U, V, V), product(U, V, V)])


def cahn_hilliard() -> ProductForm:
    slopes = product(U, d(U, 0), d(U, 0)) + product(U, d(U, 1), d(U, 1))
    return form(2, "u", [3 * product(U, U, lap(U, 2)) + 6 * slopes])


def vorticity_2d() -> ProductForm:
    return form(2, "w", [-1 * advect(rotated_gradient(-U * INVERSE), U)])


def velocity_2d() -> ProductForm:
    rows = projected([-1 * advect([U, V], item) for item in (U, V)])
    return form(2, "u v", rows, solenoidal=((0, 1),))


def burgers_2d() -> ProductForm:
    return form(2, "u v", [-1 * advect([U, V], item) for item in (U, V)])


def shallow_water() -> ProductForm:
    momentum = [-1 * advect([U, V], item) for item in (U, V)]
    return form(2, "u v h", [*momentum, -1 * (advect([U, V], H) + product(H, d(U, 0)) + product(H, d(V, 1)))])


def boussinesq_2d() -> ProductForm:
    velocity = rotated_gradient(-U * INVERSE)
    return form(2, "w T", [-1 * advect(velocity, item) for item in (U, V)])


def mhd_2d(strength: object = 1) -> ProductForm:
    velocity, magnetic = rotated_gradient(-U * INVERSE), rotated_gradient(V)
    lorentz = sp.sympify(strength) * advect(magnetic, -lap(V, 2))
    return form(2, "w a", [lorentz - advect(velocity, U), -1 * advect(velocity, V)])


def navier_stokes_3d() -> ProductForm:
    velocity = [U, V, H]
    rows = projected([-1 * advect(velocity, item) for item in velocity])
    return form(3, "u1 u2 u3", rows, solenoidal=((0, 1, 2),))


def vorticity_3d() -> ProductForm:
    vorticity = [U, V, H]
    velocity = [-item * INVERSE for item in curl(vorticity)]
    rows = [advect(vorticity, velocity[i]) - advect(velocity, vorticity[i]) for i in range(3)]
    return form(3, "w1 w2 w3", rows, solenoidal=((0, 1, 2),), mean_free=(0, 1, 2))


def mhd_3d() -> ProductForm:
    velocity, magnetic = [U, V, H], [state(3), state(4), state(5)]
    flow = projected([advect(magnetic, b) - advect(velocity, u) for u, b in zip(velocity, magnetic)])
    induction = [advect(magnetic, u) - advect(velocity, b) for u, b in zip(velocity, magnetic)]
    return form(3, "u1 u2 u3 b1 b2 b3", [*flow, *induction], solenoidal=((0, 1, 2), (3, 4, 5)))


def derivative_nls() -> ProductForm:
    expanded = 2 * product(U, V, d(U, 0)) + product(U, U, d(V, 0))
    return form(1, "u", [-1 * expanded], conjugates={1: 0})


def camassa_holm() -> ProductForm:
    steep = 2 * product(d(U, 0), d(U, 0, 0)) + product(U, d(U, 0, 0, 0))
    return form(1, "u", [-3 * product(U, d(U, 0)) + steep])


def sawada_kotera() -> ProductForm:
    steep = product(U, d(U, 0, 0, 0)) + product(d(U, 0), d(U, 0, 0))
    return form(1, "u", [5 * steep + 5 * product(U, U, d(U, 0))])


def lax_kdv5() -> ProductForm:
    steep = 20 * product(d(U, 0), d(U, 0, 0)) + 10 * product(U, d(U, 0, 0, 0))
    return form(1, "u", [30 * product(U, U, d(U, 0)) + steep])


TEXTBOOK: dict[str, tuple[Callable[[], ProductForm], int]] = {
    "u u_x": (burgers_1d, 2),
    "Gray-Scott": (gray_scott, 3),
    "lap(u^3) expanded": (cahn_hilliard, 2),
    "vorticity 2-D": (vorticity_2d, 4),
    "velocity 2-D": (velocity_2d, 4),
    "Burgers 2-D": (burgers_2d, 6),
    "shallow water": (shallow_water, 9),
    "Boussinesq 2-D": (boussinesq_2d, 7),
    "MHD 2-D": (mhd_2d, 7),
    "Navier-Stokes 3-D": (navier_stokes_3d, 8),
    "vorticity 3-D": (vorticity_3d, 8),
    "MHD 3-D": (mhd_3d, 14),
    "derivative NLS": (derivative_nls, 2),
    "Camassa-Holm": (camassa_holm, 4),
    "Sawada-Kotera": (sawada_kotera, 3),
    "fifth-order KdV (Lax)": (lax_kdv5, 4),
}
