"""Where conditions turn within a step: compiled, on the polynomials of the dense output.

A step starts at `t` with the state `start`; at ``t + x h`` the state is ``start + sum_j rows[j] x^(j+1)``. The
conditions of a system's events are code in the calling convention of `ritz.codegen.abi` that stores, for `count`
conditions, 1 or 0 for each, and then a number for each that changes sign where it turns, or 0 (`ritz.codegen.events`).
"""

from __future__ import annotations

import math

from numba import njit

from ritz.codegen.abi import call_rhs
from ritz.solvers.frame import HELPER
from ritz.solvers.stepping import LOOP

ROUNDING = 4 * 2.220446049250313e-16


@njit(**HELPER)
def fill(start, rows, x, state):  # type: ignore[no-untyped-def]
    """Store the state at a place 0..1 within a step."""
    for i in range(state.size):
        total = 0.0
        for j in range(rows.shape[0] - 1, -1, -1):
            total = (total + rows[j, i]) * x
        state[i] = start[i] + total


@njit(**HELPER)
def evaluate(code, context, p, start, rows, t, h, place, state, out):  # type: ignore[no-untyped-def]
    """Store the state and the conditions at a time within a step."""
    fill(start, rows, (place - t) / h, state)
    call_rhs(code, place, state.ctypes.data, p.ctypes.data, out.ctypes.data, context)


@njit(**LOOP)
def state_at(start, rows, t, h, place, state):  # type: ignore[no-untyped-def]
    """Store the state at a time within a step."""
    fill(start, rows, (place - t) / h, state)


@njit(**LOOP)
def first_change(code, context, p, start, rows, t, h, places, first, held, state, out):  # type: ignore[no-untyped-def]
    """Index of the first of `places`, from `first` on, at which a condition differs from `held`, or their number.

    The conditions there are left in `out`.
    """
    for k in range(first, places.size):
        evaluate(code, context, p, start, rows, t, h, places[k], state, out)
        for j in range(held.size):
            if out[j] != held[j]:
                return k
    return places.size


@njit(**LOOP)
def turning(code, context, p, start, rows, t, h, a, b, k, before, count, state, out):  # type: ignore[no-untyped-def]
    """A time in (a, b] at which condition k turns away from what it was `before`, to a few units in the last place.

    It is so at `b` and not at `a`; the bracket is narrowed down by interpolation projected towards the middle (Oliveira
    & Takahashi, An enhancement of the bisection method average performance preserving minmax optimality, ACM Trans.
    Math. Softw. 47 (2020) 5, with kappa_1 = 0.2 / (b - a), kappa_2 = 2, n_0 = 1), and by bisection where the number has
    no sign. The end is on the far side: the condition has turned there.
    """
    evaluate(code, context, p, start, rows, t, h, a, state, out)
    low = out[count + k]
    evaluate(code, context, p, start, rows, t, h, b, state, out)
    high = out[count + k]
    tolerance = ROUNDING * max(abs(a), abs(b), 1e-300)
    kappa, most = 0.2 / (b - a), math.ceil(math.log2(max((b - a) / tolerance, 1.0))) + 1
    for step in range(most + 1):
        if b - a <= tolerance:
            break
        middle = 0.5 * (a + b)
        place = middle
        if low * high < 0.0:
            straight = (high * a - low * b) / (high - low)
            sign = 1.0 if middle >= straight else -1.0
            push = kappa * (b - a) ** 2
            place = straight + sign * push if push <= abs(middle - straight) else middle
            radius = max(tolerance * 2.0 ** (most - 1 - step) - 0.5 * (b - a), 0.0)
            if abs(place - middle) > radius:
                place = middle - sign * radius
        if not a < place < b:
            place = middle
            if not a < place < b:
                break
        evaluate(code, context, p, start, rows, t, h, place, state, out)
        if out[k] != before:
            b, high = place, out[count + k]
        else:
            a, low = place, out[count + k]
    return b
