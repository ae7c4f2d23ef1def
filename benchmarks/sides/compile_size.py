"""Compile Gray-Scott on an n x n grid with an empty kernel cache; prints seconds and bytes of generated source."""

from __future__ import annotations

import json
import sys
import time

import problems


def main():
    """Print one JSON line."""
    import ritz as rz

    n = int(sys.argv[1])
    x, y = rz.coords("x y")
    u, v = rz.fields("u v")
    case = problems.GS
    feed, kill = rz.params("F k", default=(case["F"], case["k"]))
    problem = rz.Problem(
        [
            rz.Eq(rz.dt(u), case["Du"] * rz.lap(u) - u * v**2 + feed * (1 - u)),
            rz.Eq(rz.dt(v), case["Dv"] * rz.lap(v) + u * v**2 - (feed + kill) * v),
        ],
        domain=rz.Box(x=(0, case["length"]), y=(0, case["length"])),
        conditions=[rz.Periodic()],
        initial={u: 1 - rz.sin(x) ** 2 / 2, v: rz.sin(y) ** 2 / 4},
    )
    start = time.perf_counter()
    system = problem.discretize(rz.Fourier(n, n))
    values = system.parameter_values(None)
    system.bind(values)
    seconds = time.perf_counter() - start
    json.dump({"seconds": seconds, "source_bytes": rz.cache.status().source_bytes}, sys.stdout)


main()
