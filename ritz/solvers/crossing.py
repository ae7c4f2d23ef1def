"""Where conditions turn within a step: compiled, on the polynomials of the dense output.

A step starts at `t` with the state `start`; at ``t + x h`` the state is ``start + sum_j rows[j] x^(j+1)``. The
conditions of a system's events are code in the calling convention of `ritz.codegen.abi` that stores, for `count`
conditions, 1 or 0 for each, and then a number for each that changes sign where it turns, or 0 (`ritz.codegen.events`).

A step is given to them as an int64 array, named by the constants below; see `ritz.solvers.jumps.Inside`.
"""

from __future__ import annotations

import math

from ritz.codegen.loops import as_f64, as_i64, call_rhs, compiled

CODE, CONTEXT, PARAMETERS, START, ROWS, STATE, SIZE, DEGREE = range(8)
ROUNDING = 4 * 2.220446049250313e-16


@compiled()
def fill(step, x):  # type: ignore[no-untyped-def]
    """Store the state at a place 0..1 within a step."""
    start, rows, state, size = as_f64(step[START]), as_f64(step[ROWS]), as_f64(step[STATE]), step[SIZE]
    for i in range(size):
        total = 0.0
        for j in range(step[DEGREE] - 1, -1, -1):
            total = (total + rows[j * size + i]) * x
        state[i] = start[i] + total


@compiled()
def evaluate(step_, t, h, place, out):  # type: ignore[no-untyped-def]
    """Store the state and the conditions at a time within a step."""
    step = as_i64(step_)
    fill(step, (place - t) / h)
    call_rhs(step[CODE], place, step[STATE], step[PARAMETERS], out, step[CONTEXT])


@compiled()
def state_at(step: int, t: float, h: float, place: float) -> None:
    """Store the state at a time within a step."""
    fill(as_i64(step), (place - t) / h)


@compiled()
def first_change(
    step: int, t: float, h: float, places_: int, number: int, first: int, held_: int, count: int, out_: int, found: int
) -> None:
    """Index of the first of `places`, from `first` on, at which a condition differs from `held`, or their number.

    It is stored at `found`; the conditions there are left at `out_`.
    """
    places, held, out = as_f64(places_), as_f64(held_), as_f64(out_)
    for k in range(first, number):
        evaluate(step, t, h, places[k], out_)
        for j in range(count):
            if out[j] != held[j]:
                as_i64(found)[0] = k
                return
    as_i64(found)[0] = number


@compiled()
def turning(
    step_: int, t: float, h: float, a: float, b: float, k: int, before: float, count: int, out_: int, found: int
) -> None:
    """A time in (a, b] at which condition k turns away from what it was `before`, to a few units in the last place.

    It is so at `b` and not at `a`; the bracket is narrowed down by interpolation projected towards the middle (Oliveira
    & Takahashi, An enhancement of the bisection method average performance preserving minmax optimality, ACM Trans.
    Math. Softw. 47 (2020) 5, with kappa_1 = 0.2 / (b - a), kappa_2 = 2, n_0 = 1), and by bisection where the number has
    no sign. The end is on the far side: the condition has turned there. It is stored at `found`.
    """
    out = as_f64(out_)
    evaluate(step_, t, h, a, out_)
    low = out[count + k]
    evaluate(step_, t, h, b, out_)
    high = out[count + k]
    tolerance = ROUNDING * max(max(abs(a), abs(b)), 1e-300)
    kappa, most = 0.2 / (b - a), int(math.ceil(math.log2(max((b - a) / tolerance, 1.0)))) + 1
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
        evaluate(step_, t, h, place, out_)
        if out[k] != before:
            b, high = place, out[count + k]
        else:
            a, low = place, out[count + k]
    as_f64(found)[0] = b
