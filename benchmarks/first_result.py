"""From a fresh process to the first result, with an empty and with a warm cache; compile cost against grid size."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import HERE, SEARCH_PATH, machine, options, write_row

GOALS = {"empty cache": 8.0, "warm cache": 2.0}


def run(script: str, kernels: Path, numba: Path, *arguments: str) -> dict[str, Any]:
    """One fresh process with these cache folders; adds the wall time of the whole process as ``total``."""
    folders = {"RITZ_CACHE_DIR": str(kernels), "NUMBA_CACHE_DIR": str(numba), "PYTHONPATH": SEARCH_PATH}
    command = [sys.executable, str(HERE / "sides" / script), *arguments]
    start = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, **folders}, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout) | {"total": time.perf_counter() - start}


def first_results(turns: int) -> dict[str, list[dict[str, Any]]]:
    """Pairs of a run with empty folders and a run with the folders that it filled."""
    rows: dict[str, list[dict[str, Any]]] = {"empty cache": [], "warm cache": []}
    for _ in range(turns):
        with tempfile.TemporaryDirectory() as name:
            for row in rows.values():
                row.append(run("first_result.py", Path(name) / "kernels", Path(name) / "numba"))
    return rows


def compile_cost(
    turns: int, sizes: tuple[int, int] = (64, 1024), script: str = "compile_size.py"
) -> dict[int, list[dict[str, Any]]]:
    """Compilation of the same equations on two grids, each with an empty kernel cache; Ritz's own loops are warm."""
    rows: dict[int, list[dict[str, Any]]] = {n: [] for n in sizes}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(script, folder / "warm-up", folder / "numba", "32")
        for turn in range(turns):
            for n in sizes:
                rows[n].append(run(script, folder / f"kernels-{turn}-{n}", folder / "numba", str(n)))
    return rows


def main() -> int:
    """Measure, print, return the exit code."""
    given = options(__doc__ or "")
    turns = 1 if given.check_only else max(3, given.turns // 3)
    fine, facts = True, {"machine": machine()}
    print("\nFirst result: import, define, compile, 100 steps of KS (N = 1024), seconds")
    for name, rows in first_results(turns).items():
        total = statistics.median(row["total"] for row in rows)
        parts = {key: statistics.median(row[key] for row in rows) for key in ("import", "define", "compile", "steps")}
        met = total <= GOALS[name]
        text = ", ".join(f"{key} {value:.2f}" for key, value in parts.items())
        print(f"  {name}: {total:.2f} ({text})   goal at most {GOALS[name]:g}: {'met' if met else 'NOT MET'}")
        write_row({"title": "first result", "side": name, "seconds": total, "parts": parts} | facts, given.json)
        fine = fine and (met or given.check_only)
    print("\nCompile cost against grid size (Gray-Scott)")
    costs = compile_cost(turns)
    small, large = (statistics.median(row["seconds"] for row in rows) for rows in costs.values())
    sources = {n: {row["source_bytes"] for row in rows} for n, rows in costs.items()}
    for n, seconds in zip(costs, (small, large)):
        print(f"  {n} x {n}: {seconds:.2f} s, {max(sources[n])} bytes of source")
        row = {"title": "compile cost", "side": f"{n} x {n}", "seconds": seconds, "source_bytes": max(sources[n])}
        write_row(row | facts, given.json)
    same = len(set().union(*sources.values())) == 1
    print(f"  source {'equal' if same else 'NOT EQUAL'}, time ratio {large / small:.2f}")
    return 0 if fine and same else 1


if __name__ == "__main__":
    sys.exit(main())
