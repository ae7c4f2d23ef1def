"""Long code without loops: compile time against operations, and one right-hand side of the B-cell receptor network."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from common import HERE, SEARCH_PATH, Side, compare, machine, options, write_row
from network import DATA, Network

SIZES = (100, 1000, 3000, 10_000, 30_000, 100_000)
LINEAR = 2.0  # seconds per operation at 100,000 over those at 10,000


def compile_times(turns: int) -> list[dict[str, Any]]:
    """Medians over some processes, each with an empty cache."""
    runs = []
    for _ in range(turns):
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "RITZ_CACHE_DIR": folder, "PYTHONPATH": SEARCH_PATH}
            command = [sys.executable, str(HERE / "sides" / "compile_scalar.py"), *map(str, SIZES)]
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            runs.append(json.loads(done.stdout))
    times = ("print", "compile")
    return [{**rows[0], **{key: statistics.median(r[key] for r in rows) for key in times}} for rows in zip(*runs)]


def report_compile_times(given: Any) -> bool:
    """Print the table and return whether time grew in proportion."""
    print("\nCompile time against operations")
    rows = compile_times(max(1, given.turns // 3))
    cost = {}
    for size, row in zip(SIZES, rows):
        total = row["print"] + row["compile"]
        cost[size] = total / row["operations"]
        print(
            f"  {row['operations']:7} operations, {row['parts']:4} functions: {total:.3f} s "
            f"({row['print']:.3f} printing, {row['compile']:.3f} compiling), {1e6 * cost[size]:.1f} us an operation"
        )
        write_row({"title": "compile time", "side": str(size), "seconds": total} | row | machine(), given.json)
    growth = cost[100_000] / cost[10_000]
    print(f"  ten times the operations, {10 * growth:.1f} times the time   goal at most {10 * LINEAR:g}")
    return growth <= LINEAR


def main() -> int:
    """Run both comparisons; return the exit code."""
    given = options(__doc__ or "")
    fine = given.check_only or report_compile_times(given)
    network = Network(DATA / "bcr.net")
    data = {"network": "bcr.net"}
    sides = [
        Side("Ritz, after the structural passes", "ritz_network.py", {**data, "rewriter": "egraph"}, tolerance=1e-12),
        Side(
            "Ritz, one rate per reaction", "ritz_network.py", {**data, "rewriter": None}, goal=4.0, tolerance=1e-12
        ),
        Side(
            "CasADi, one rate per reaction", "casadi_network.py", data, "casadi", goal=10.0, tolerance=1e-12
        ),
    ]  # fmt: skip
    reference = {"rhs": network.rhs(network.state())}
    title = "Right-hand side of the B-cell receptor network (1,122 species, 24,388 reactions)"
    return 0 if compare(title, sides, reference, count=200, unit="evaluation", given=given) and fine else 1


if __name__ == "__main__":
    sys.exit(main())
