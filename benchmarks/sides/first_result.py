"""A first result in a fresh process: import, define, compile, 100 steps of KS; prints the seconds of each."""

from __future__ import annotations

import json
import sys
import time

import problems


def main():
    """Print one JSON line."""
    times = [time.perf_counter()]
    import ritz as rz

    n = 1024
    times.append(time.perf_counter())
    x = rz.coords("x")
    u = rz.fields("u")
    equation = rz.Eq(rz.dt(u) + u * rz.dx(u) + rz.d(u, x, 2) + rz.d(u, x, 4), 0)
    domain = rz.Box(x=(0, problems.ks_length(n)))
    problem = rz.Problem([equation], domain=domain, conditions=[rz.Periodic()], initial={u: problems.ks_start(n)})
    times.append(time.perf_counter())
    system = problem.discretize(rz.Fourier(n))
    system.rhs(0.0, system.initial_state(system.parameter_values(None)))
    times.append(time.perf_counter())
    end = 100 * problems.KS["dt"]
    solution = rz.solve(system, (0.0, end), method="ETDRK4", dt=problems.KS["dt"], t_eval=[end])
    times.append(time.perf_counter())
    names = ("import", "define", "compile", "steps")
    report = {name: after - before for name, before, after in zip(names, times, times[1:])}
    json.dump(report | {"answer": [float(value) for value in solution["u"][-1, ::64]]}, sys.stdout)


main()
