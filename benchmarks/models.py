"""Scalar models in full, as SymPy expressions: what a user would hand to a code generator.

Each function returns ``(expressions, ranges)``: the results wanted and, per symbol, an interval of ordinary values.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

Model = tuple[list[sp.Expr], dict[sp.Symbol, tuple[float, float]]]


def hodgkin_huxley() -> Model:
    """The squid axon, right-hand side of the four equations (Hodgkin and Huxley 1952; modern sign convention)."""
    v, m, h, n, current = sp.symbols("v m h n current", real=True)
    r = sp.Rational
    alpha_m = r(1, 10) * (v + 40) / (1 - sp.exp(-(v + 40) / 10))
    beta_m = 4 * sp.exp(-(v + 65) / 18)
    alpha_h = r(7, 100) * sp.exp(-(v + 65) / 20)
    beta_h = 1 / (1 + sp.exp(-(v + 35) / 10))
    alpha_n = r(1, 100) * (v + 55) / (1 - sp.exp(-(v + 55) / 10))
    beta_n = r(1, 8) * sp.exp(-(v + 65) / 80)
    flow = 120 * m**3 * h * (v - 50) + 36 * n**4 * (v + 77) + r(3, 10) * (v + r(544, 10))
    gates = [(alpha_m, beta_m, m), (alpha_h, beta_h, h), (alpha_n, beta_n, n)]
    rates = [a * (1 - gate) - b * gate for a, b, gate in gates]
    inside = dict.fromkeys((m, h, n), (0.05, 0.95))
    return [current - flow, *rates], {v: (-79.9, 39.9), **inside, current: (0.0, 10.0)}


def planar_arm() -> Model:
    """A planar arm of three links: position of the tip, its Jacobian and the Jacobian's time derivative."""
    q = sp.symbols("q1:4", real=True)
    rate = sp.symbols("w1:4", real=True)
    length = sp.symbols("l1:4", positive=True)
    angle = [sum(q[: i + 1]) for i in range(3)]
    tip = sp.Matrix(
        [
            sum(a * sp.cos(s) for a, s in zip(length, angle)),
            sum(a * sp.sin(s) for a, s in zip(length, angle)),
        ]
    )
    jacobian = tip.jacobian(sp.Matrix(q))
    moving = sum((jacobian.diff(a) * w for a, w in zip(q, rate)), sp.zeros(2, 3))
    return [*tip, *jacobian, *moving], dict.fromkeys((*q, *rate, *length), (0.5, 1.5))


def pendulum_on_cart() -> Model:
    """Two links on a cart: mass matrix (upper half) and forces, by Kane's method (SymPy's own model)."""
    from sympy.physics.mechanics.models import n_link_pendulum_on_cart

    kane = n_link_pendulum_on_cart(2, cart_force=True, joint_torques=False)
    plain = {f: sp.Symbol(f.func.__name__, real=True) for f in [*kane.q, *kane.u]}
    matrix, forces = kane.mass_matrix.xreplace(plain), kane.forcing.xreplace(plain)
    results = [matrix[i, j] for i in range(3) for j in range(i, 3)] + list(forces)
    dynamic = set().union(*(e.atoms(sp.core.function.AppliedUndef) for e in results))
    results = [e.xreplace({f: sp.Symbol(f.func.__name__, real=True) for f in dynamic}) for e in results]
    symbols = sorted(set().union(*(e.free_symbols for e in results)), key=str)
    return results, dict.fromkeys(symbols, (0.5, 1.5))


def _neo_hooke() -> tuple[sp.Matrix, list[sp.Expr], dict[sp.Symbol, tuple[float, float]]]:
    f = sp.Matrix(3, 3, sp.symbols("f11 f12 f13 f21 f22 f23 f31 f32 f33", real=True))
    mu, lam = sp.symbols("mu lam", positive=True)
    volume = f.det(method="berkowitz")
    energy = mu / 2 * (sum(e**2 for e in f) - 3 - 2 * sp.log(volume)) + lam / 2 * sp.log(volume) ** 2
    ranges = {e: (0.9, 1.1) if k % 4 == 0 else (-0.1, 0.1) for k, e in enumerate(f)}
    return f, [sp.diff(energy, e) for e in f], {**ranges, mu: (1.0, 2.0), lam: (1.0, 2.0)}


def neo_hooke_stress() -> Model:
    """First Piola-Kirchhoff stress of a compressible neo-Hookean solid, all nine components."""
    _, stress, ranges = _neo_hooke()
    return stress, ranges


def neo_hooke_tangent() -> Model:
    """Stress and the derivative of the stress with respect to the deformation gradient (upper half, 45 entries)."""
    f, stress, ranges = _neo_hooke()
    tangent = [sp.diff(stress[i], f[j]) for i in range(9) for j in range(i, 9)]
    return [*stress, *tangent], ranges


MODELS: dict[str, Callable[[], Model]] = {
    "Hodgkin-Huxley": hodgkin_huxley,
    "planar arm": planar_arm,
    "pendulum on a cart": pendulum_on_cart,
    "neo-Hookean stress": neo_hooke_stress,
    "neo-Hookean stress and tangent": neo_hooke_tangent,
}
