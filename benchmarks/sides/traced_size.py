"""Trace and compile the Brusselator on an n x n grid with an empty kernel cache; prints seconds and source size."""

from __future__ import annotations

import json
import sys
import time

import problems


def main():
    """Print one JSON line."""
    import ritz as rz

    n = int(sys.argv[1])
    parameters = {name: problems.BRUSSELATOR[name] for name in ("a", "b", "alpha")}
    start = time.perf_counter()
    system = rz.trace(problems.brusselator, y=(2, n, n), parameters=parameters)
    system.bind()
    json.dump({"seconds": time.perf_counter() - start, "source_bytes": len(system.source())}, sys.stdout)


main()
