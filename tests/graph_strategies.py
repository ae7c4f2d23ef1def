"""Random expressions for the graph's property tests: recipes that can be built as nodes or computed directly."""

from __future__ import annotations

from fractions import Fraction

import mpmath
from hypothesis import strategies as st

from ritz.symbolic.graph import Graph

NAMES = ("x", "y", "z")
FUNCTIONS = ("sin", "cos", "exp", "tanh", "arctan")
DIRECT = {"sin": mpmath.sin, "cos": mpmath.cos, "exp": mpmath.exp, "tanh": mpmath.tanh, "arctan": mpmath.atan}

rationals = st.fractions(min_value=-3, max_value=3, max_denominator=4)
leaves = st.one_of(
    st.sampled_from(NAMES).map(lambda name: ("leaf", name)), rationals.map(lambda value: ("number", value))
)


def recipes(*, functions: bool = True, exponents: tuple[Fraction, ...] = (Fraction(2), Fraction(3)), size: int = 8):
    """Nested tuples ``(operation, ...)`` of sums, products, powers and functions of x, y and z."""

    def grow(inner):
        options = [
            st.tuples(st.just("add"), inner, inner),
            st.tuples(st.just("sub"), inner, inner),
            st.tuples(st.just("mul"), inner, inner),
            st.tuples(st.just("pow"), inner, st.sampled_from(exponents)),
        ]
        if functions:
            options.append(st.tuples(st.sampled_from(FUNCTIONS), inner))
        return st.one_of(options)

    return st.recursive(leaves, grow, max_leaves=size)


def build(g: Graph, recipe, inputs: dict[str, int]) -> int:
    """The node of a recipe."""
    op, *args = recipe
    if op == "leaf":
        return inputs[args[0]]
    if op == "number":
        return g.const(args[0])
    if op == "pow":
        return g.pow(build(g, args[0], inputs), args[1])
    nodes = [build(g, a, inputs) for a in args]
    if op == "add":
        return g.sum(nodes)
    if op == "sub":
        return g.sub(*nodes)
    return g.product(nodes) if op == "mul" else g.func(op, *nodes)


def compute(recipe, values: dict[str, mpmath.mpf]):
    """The value of a recipe in mpmath's current precision, step by step as written."""
    op, *args = recipe
    if op == "leaf":
        return values[args[0]]
    if op == "number":
        return mpmath.mpf(args[0].numerator) / args[0].denominator
    if op == "pow":
        base = compute(args[0], values)
        return mpmath.power(base, mpmath.mpf(args[1].numerator) / args[1].denominator)
    a = [compute(item, values) for item in args]
    if op == "add":
        return a[0] + a[1]
    if op == "sub":
        return a[0] - a[1]
    return a[0] * a[1] if op == "mul" else DIRECT[op](*a)


def states(g: Graph, *, is_complex: bool = False) -> dict[str, int]:
    """Inputs x, y and z."""
    return {name: g.input(name, "state", is_complex=is_complex) for name in NAMES}
