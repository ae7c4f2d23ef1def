"""ETDRK4, the exponential Runge-Kutta method of order 4 of Cox and Matthews, for split systems with diagonal L.

Coefficients and notation: S. M. Cox and P. C. Matthews, "Exponential time differencing for stiff systems", J. Comput.
Phys. 176 (2002) 430-455, eq. (26)-(29). Four evaluations of N a step; each stage is one pass over memory.

The error estimate replaces N at the last stage by N at the new state, which is needed for the next step anyway: a
method of order 3 at no cost (P. Whalen, M. Brio, J. V. Moloney, "Exponential time-differencing with embedded
Runge-Kutta adaptive step control", J. Comput. Phys. 280 (2015) 579-601, use the same device).

Dense output integrates the quadratic through the stage values of N exactly against ``exp(L (t - s))``, so fast modes
are as accurate within a step as at its end. For L = 0 it is the classical continuous extension of order 3 of RK4.
"""

from __future__ import annotations

from ritz.solvers.phi import etdrk4_table
from ritz.solvers.split_step import SplitMethod

# Tables: c0 = exp(hL/2), c1 = h/2 phi_1(hL/2), c2, c3, c4 = weights of N at the start, in the middle, at the end.
# Row n1 holds the sum of the two middle values from the third stage on, n2 the value of the third stage.
ETDRK4 = SplitMethod(
    name="ETDRK4",
    nodes=(0.0, 0.5, 0.5, 1.0),
    stages=(
        ("a[] = c0[i] * u[] + c1[i] * n0[]",),
        ("w[] = c0[i] * u[] + c1[i] * n1[]",),
        ("w[] = c0[i] * a[] + c1[i] * (2.0 * n2[] - n0[])", "n1[] += n2[]"),
    ),
    arguments=("a", "w", "w"),
    targets=(1, 2, 2),
    update=("new[] = c0[i] * c0[i] * u[] + c2[i] * n0[] + c3[i] * n1[] + c4[i] * n2[]",),
    error=("error[] = c4[i] * (n3[] - n2[])",),
    rows=4,
    own=("a",),
    tables=5,
    fill=etdrk4_table,
    dense_rows=(("out[] = n0[]",), ("out[] = n1[]",), ("out[] = n2[]",)),
    dense_names=("n0", "n1", "n2"),
    point=(
        "e, p1, p2, p3 = phi123(x * h * linear[i])",
        "q0 = h * x * (p1 + x * (-3.0 * p2 + x * 4.0 * p3))",
        "q1 = h * x * x * (2.0 * p2 - 4.0 * x * p3)",
        "q2 = h * x * x * (4.0 * x * p3 - p2)",
        "out[] = e * u[] + q0 * n0[] + q1 * n1[] + q2 * n2[]",
    ),
)
