"""What a periodic problem costs before its first step, in a fresh process; prints one JSON line.

Arguments: problem, points along an axis, transforms, ``seconds`` or ``bytes``. Ritz's own time loop is compiled by a
smaller problem first: it serves all systems and is compiled once on a machine.
"""

from __future__ import annotations

import json
import sys
import time
import tracemalloc

import numpy as np
from ritz_pde import SYSTEMS

import ritz as rz


def step(system, dt):
    """One step; seconds and the solution."""
    start = time.perf_counter()
    solution = rz.solve(system, (0.0, dt), method="ETDRK4", dt=dt, t_eval=[dt])
    return time.perf_counter() - start, solution


def small():
    """Another problem, so that every module is imported and nothing of the measured one is known."""
    x, u = rz.coords("x"), rz.fields("u")
    equation = rz.Eq(rz.dt(u), rz.lap(u) - u**3)
    start = {u: rz.cos(2 * rz.pi * x)}
    problem = rz.Problem([equation], domain=rz.Box(x=(0, 1)), conditions=[rz.Periodic()], initial=start)
    step(problem.discretize(rz.Fourier(64)), 0.1)


def main():
    """Print one JSON line."""
    name, n, transforms, what = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    small()
    if what == "bytes":
        tracemalloc.start()
    start = time.perf_counter()
    system, case, _ = SYSTEMS[name](rz, n, transforms=transforms)
    defined = time.perf_counter() - start
    first, solution = step(system, case["dt"])
    if what == "bytes":
        arrays = tracemalloc.take_snapshot().filter_traces([tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)])
        report = {"bytes": sum(trace.size for trace in arrays.traces), "solution": solution.y.nbytes}
    else:
        report = {"discretize": defined, "compile": first - step(system, case["dt"])[0]}
    json.dump(report, sys.stdout)


main()
