"""Memory of two-dimensional runs against the library path, and compile times of periodic systems, cold and warm.

Memory is that of all arrays alive after a run, the solution included, in a process that finds everything compiled.
Compile time is what the first step takes longer than the next; deriving the system (SymPy, the search for a form) is
shown beside it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from common import machine, options, pretty, write_row
from first_result import run

SCRIPT = "spectral_costs.py"
PLANES = [("ns", 256), ("ns", 512), ("gs", 256)]
SYSTEMS = [("ks", 1024), ("ns", 256), ("gs", 256), ("tg", 64)]
SHARE = 0.5  # of the memory of the library path
SECONDS = {"cold": 2.0, "warm": 0.1}


def verdict(met: bool) -> str:
    """Whether a goal is met, in words."""
    return "met" if met else "NOT MET"


def memory(given: Namespace) -> bool:
    """Print the memory of both paths; whether the goal is met."""
    print(f"\nArrays of a run: generated transforms against rocket-fft, goal below {SHARE:g}")
    fine = True
    with tempfile.TemporaryDirectory() as folder:
        kernels, numba = Path(folder) / "kernels", Path(folder) / "numba"
        for name, n in PLANES:
            found = {}
            for transforms in ("generated", "rocket") * 2:  # the first round compiles, the second one counts
                found[transforms] = run(SCRIPT, kernels, numba, name, str(n), transforms, "bytes")["bytes"]
            own = found["generated"]
            share = own / found["rocket"]
            print(f"  {name} {n} x {n}: {own / 2**20:.1f} MiB, {share:.2f} of the other: {verdict(share < SHARE)}")
            row = {"title": "memory of a run", "side": f"{name} {n}", "bytes": own, "ratio": share}
            write_row(row | {"machine": machine()}, given.json)
            fine = fine and share < SHARE
    return fine


def compiling(given: Namespace) -> bool:
    """Print compile times with an empty and with a warm cache; whether the goals are met."""
    print("\nCompile time per system")
    fine, turns = True, max(1, given.turns // 3)
    for name, n in SYSTEMS:
        rows: dict[str, list[dict[str, float]]] = {cache: [] for cache in SECONDS}
        for _ in range(turns):
            with tempfile.TemporaryDirectory() as folder:
                for row in rows.values():
                    row.append(run(SCRIPT, Path(folder), Path(folder), name, str(n), "auto", "seconds"))
        for cache, goal in SECONDS.items():
            seconds, derived = (statistics.median(r[key] for r in rows[cache]) for key in ("compile", "discretize"))
            text = f"{pretty(seconds)} (deriving the system {pretty(derived)})"
            print(f"  {name} {n}, {cache} cache: {text}   goal at most {goal:g} s: {verdict(seconds <= goal)}")
            row = {"title": "compile time", "side": f"{name} {n}, {cache}", "seconds": seconds, "derive": derived}
            write_row(row | {"machine": machine()}, given.json)
            fine = fine and seconds <= goal
    return fine


def main() -> int:
    """Measure, print, return the exit code."""
    given = options(__doc__ or "")
    if given.check_only:
        return 0
    fine = memory(given)
    return 0 if compiling(given) and fine else 1


if __name__ == "__main__":
    sys.exit(main())
