"""From a network file to compiled right-hand side and Jacobian in a fresh process; prints the seconds of each step."""

from __future__ import annotations

import json
import sys
import time

import numpy as np


def main(path):
    """Print one JSON line."""
    times = [time.perf_counter()]
    import ritz as rz

    times.append(time.perf_counter())
    problem = rz.read_bionetgen(path)
    times.append(time.perf_counter())
    system = problem.discretize(rz.Pointwise())
    state = system.initial_state() + np.random.default_rng(0).random(system.layout.size)
    derivative = system.rhs(0.0, state)
    times.append(time.perf_counter())
    jacobian = system.jacobian(0.0, state)
    times.append(time.perf_counter())
    names = ("import", "read", "right-hand side", "jacobian")
    report = {name: after - before for name, before, after in zip(names, times, times[1:])}
    rewrites = {
        kind: [system.rewrites[kind][0].cost_before, system.rewrites[kind][0].cost_after] for kind in system.rewrites
    }
    answer = {"rhs": derivative.tolist(), "jacobian times state": (jacobian @ state).tolist()}
    json.dump(report | {"operations": rewrites, **answer}, sys.stdout)


main(sys.argv[1])
