"""Compiled maps between whole buffers: sums, largest values, matrices and scatters along one axis.

A buffer is seen as (outer, n, inner), n along the axis; the plan of a map is an int64 array
``[outer, n of the source, n of the target, inner, address of its data]``. Units are entries of the target along
the axis for a matrix and the outer index for the others.
"""

from __future__ import annotations

from ritz.codegen.loops import FAST, as_f64, as_i64, compiled

BLOCK = 128  # entries added up before the next level of a sum


@compiled(flags=FAST)
def sum_along(plan: int, source: int, target: int, lo: int, hi: int, scratch: int) -> None:  # type: ignore[no-untyped-def]
    """Sums, block by block where the axis is the innermost one, so that rounding errors stay small."""
    head, x, y = as_i64(plan), as_f64(source), as_f64(target)
    n, inner = head[1], head[3]
    for o in range(lo, hi):
        if inner == 1:
            total = 0.0
            for start in range(0, n, BLOCK):
                part = 0.0
                for k in range(start, min(start + BLOCK, n)):
                    part += x[o * n + k]
                total += part
            y[o] = total
            continue
        for i in range(inner):
            y[o * inner + i] = 0.0
        for k in range(n):
            at = (o * n + k) * inner
            for i in range(inner):
                y[o * inner + i] += x[at + i]


@compiled()
def max_along(plan: int, source: int, target: int, lo: int, hi: int, scratch: int) -> None:  # type: ignore[no-untyped-def]
    """Largest values; NaN wherever one is met."""
    head, x, y = as_i64(plan), as_f64(source), as_f64(target)
    n, inner = head[1], head[3]
    for o in range(lo, hi):
        for i in range(inner):
            largest = x[o * n * inner + i]
            for k in range(1, n):
                value = x[(o * n + k) * inner + i]
                if value > largest or value != value:
                    largest = value
            y[o * inner + i] = largest


@compiled(flags=FAST)
def matrix_along(plan: int, source: int, target: int, lo: int, hi: int, scratch: int) -> None:  # type: ignore[no-untyped-def]
    """A dense (target, source) matrix."""
    head, x, y = as_i64(plan), as_f64(source), as_f64(target)
    outer, n, m, inner, a = head[0], head[1], head[2], head[3], as_f64(head[4])
    for o in range(outer):
        for j in range(lo, hi):
            at = (o * m + j) * inner
            if inner == 1:
                total = 0.0
                for k in range(n):
                    total += a[j * n + k] * x[o * n + k]
                y[at] = total
                continue
            for i in range(inner):
                y[at + i] = 0.0
            for k in range(n):
                factor, row = a[j * n + k], (o * n + k) * inner
                for i in range(inner):
                    y[at + i] += factor * x[row + i]


@compiled()
def scatter_along(plan: int, source: int, target: int, lo: int, hi: int, scratch: int) -> None:  # type: ignore[no-untyped-def]
    """Entries added up at the positions of an index map."""
    head, x, y = as_i64(plan), as_f64(source), as_f64(target)
    n, m, inner, index = head[1], head[2], head[3], as_i64(head[4])
    for i in range(lo * m * inner, hi * m * inner):
        y[i] = 0.0
    for o in range(lo, hi):
        for k in range(n):
            to, at = (o * m + index[k]) * inner, (o * n + k) * inner
            for i in range(inner):
                y[to + i] += x[at + i]
