"""Large reaction networks: symbols against SymPy, from the file to compiled functions, operations before and after."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from common import machine, options, write_row
from first_result import run
from network import DATA, Network

GOALS = {"egfr_net.net": (4.0, 4.0), "bcr.net": (10.0, 2.0)}  # seconds with an empty and with a warm cache
STEPS = ("import", "read", "right-hand side", "jacobian")
FASTER_THAN_SYMPY = 113.0
MOST_SECONDS = 3.0  # symbols of the large network


def check(row, path) -> bool:
    """Compare right-hand side and Jacobian times state with plain loops over the reactions."""
    network = Network(path)
    x = network.start + np.random.default_rng(0).random(len(network.start))
    wanted = network.rhs(x)
    h = 1e-6  # the rates are polynomials of degree two at most: central differences are exact up to rounding
    slope = (network.rhs(x * (1 + h)) - network.rhs(x * (1 - h))) / (2 * h)
    fine = True
    for name, reference, tolerance in (("rhs", wanted, 1e-12), ("jacobian times state", slope, 1e-8)):
        error = float(np.abs(np.array(row[name]) - reference).max() / np.abs(reference).max())
        print(f"  {path.name}: largest error of {name} {error:.1e} ({'fine' if error < tolerance else 'WRONG'})")
        fine = fine and error < tolerance
    return fine


def symbols(turns: int, json_path) -> bool:
    """Build equations and sparse Jacobian: the small network against SymPy, the large one alone."""
    fine, seconds = True, {}
    with tempfile.TemporaryDirectory() as name:
        for file in GOALS:
            rows = [run("network_build.py", Path(name), Path(name), "graph", str(DATA / file)) for _ in range(turns)]
            seconds[file] = statistics.median(row["seconds"] for row in rows)
            print(f"  {file}: {seconds[file]:.2f} s for {rows[0]['entries']} entries of the Jacobian, reading included")
        print("  SymPy on egfr_net.net takes about a minute, once ...", flush=True)
        peer = run("network_build.py", Path(name), Path(name), "sympy", str(DATA / "egfr_net.net"))
    ratio = peer["seconds"] / seconds["egfr_net.net"]
    met = (ratio >= FASTER_THAN_SYMPY, seconds["bcr.net"] <= MOST_SECONDS)
    print(f"  SymPy: {peer['seconds']:.1f} s for {peer['entries']} entries, {ratio:.0f} times as long", end="   ")
    print(f"goal at least {FASTER_THAN_SYMPY:g}: {'met' if met[0] else 'NOT MET'}")
    print(f"  bcr.net: goal at most {MOST_SECONDS:g} s: {'met' if met[1] else 'NOT MET'}")
    write_row({"title": "network symbols", "seconds": seconds, "sympy": peer["seconds"], "ratio": ratio}, json_path)
    return fine and all(met)


def starts(turns: int, json_path, check_only: bool) -> bool:
    """From the file to compiled functions in a fresh process, with an empty and with a warm cache."""
    fine, facts = True, {"machine": machine()}
    for file, goals in GOALS.items():
        rows = {"empty cache": [], "warm cache": []}
        for _ in range(turns):
            with tempfile.TemporaryDirectory() as name:
                for row in rows.values():
                    row.append(run("network_start.py", Path(name), Path(name), str(DATA / file)))
        fine = check(rows["empty cache"][0], DATA / file) and fine
        for (side, found), goal in zip(rows.items(), goals):
            parts = {key: statistics.median(row[key] for row in found) for key in STEPS}
            ready = sum(parts.values()) - parts["jacobian"]
            met = ready <= goal
            text = ", ".join(f"{key} {value:.2f}" for key, value in parts.items())
            print(f"  {file}, {side}: solvable after {ready:.2f} s, with Jacobian {sum(parts.values()):.2f} ({text})")
            print(f"    goal at most {goal:g}: {'met' if met else 'NOT MET'}")
            write_row({"title": file, "side": side, "seconds": ready, "parts": parts} | facts, json_path)
            fine = fine and (met or check_only)
        for kind, (before, after) in rows["empty cache"][0]["operations"].items():
            print(f"  {file}, {kind}: cost {before:.0f} -> {after:.0f} ({before / after:.2f} times fewer operations)")
    return fine


def main() -> int:
    """Measure, print, return the exit code."""
    given = options(__doc__ or "")
    turns = 1 if given.check_only else max(1, given.turns // 3)
    print("\nNetworks: from the file to compiled functions in a fresh process")
    fine = starts(turns, given.json, given.check_only)
    if not given.check_only:
        print("\nNetworks: equations and sparse Jacobian as symbols")
        fine = symbols(turns, given.json) and fine
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
