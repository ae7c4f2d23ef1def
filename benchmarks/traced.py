"""The 2D Brusselator written in NumPy, traced: against the program itself, and compile cost against grid size."""

from __future__ import annotations

import statistics
import sys

import problems
from common import Side, compare, machine, options, write_row
from first_result import compile_cost

GOALS = {32: 40.0, 128: 40.0, 512: 5.0}  # of the right-hand side, one thread; NumPy's calls weigh less on large grids
COUNTS = {32: 2000, 128: 200, 512: 15}
SIZES = (32, 512)


def right_hand_sides(given):
    """One right-hand side on three grids."""
    fine = True
    for n, goal in GOALS.items():
        parameters = [problems.BRUSSELATOR[name] for name in ("a", "b", "alpha")]
        reference = {"rate": problems.brusselator(0.0, problems.brusselator_start(n), *parameters).ravel()}
        case = {"what": "rhs", "n": n}
        sides = [
            Side("Ritz, traced", "ritz_traced.py", case, tolerance=1e-13),
            Side("Ritz, traced, two threads", "ritz_traced.py", case | {"threads": 2}, tolerance=1e-13, cores=2),
            Side("NumPy program", "numpy_traced.py", case, "scipy", goal, tolerance=1e-15),
        ]
        title = f"Brusselator {n} x {n}, right-hand side in a compiled loop"
        fine = compare(title, sides, reference, count=COUNTS[n], unit="call", given=given) and fine
    return fine


def solves(given):
    """Whole runs of RK45 with the same tolerances."""
    from scipy.integrate import solve_ivp

    case = problems.BRUSSELATOR
    start = problems.brusselator_start(128)
    parameters = [case[name] for name in ("a", "b", "alpha")]

    def flat(t, y):
        return problems.brusselator(t, y.reshape(start.shape), *parameters).ravel()

    reference = solve_ivp(flat, (0.0, case["end"]), start.ravel(), method="DOP853", rtol=1e-8, atol=1e-10).y[:, -1]
    sides = [
        Side("Ritz RK45, traced", "ritz_traced.py", {"what": "solve", "n": 128}, tolerance=1e-3),
        Side("SciPy RK45, NumPy program", "numpy_traced.py", {"what": "solve", "n": 128}, "scipy", 6.0, tolerance=1e-3),
    ]
    title = f"Brusselator 128 x 128 to t = {case['end']:g}, rtol {case['rtol']:g}"
    return compare(title, sides, {"end": reference}, count=1, unit="solve", given=given)


def main() -> int:
    """Check, measure, print; return the exit code."""
    given = options(__doc__ or "")
    fine = right_hand_sides(given)
    fine = solves(given) and fine
    print("\nCompile cost against grid size")
    costs = compile_cost(1 if given.check_only else 3, SIZES, script="traced_size.py")
    medians = {n: statistics.median(row["seconds"] for row in rows) for n, rows in costs.items()}
    sources = {row["source_bytes"] for rows in costs.values() for row in rows}
    for n, seconds in medians.items():
        print(f"  {n} x {n}: {seconds:.2f} s, {costs[n][0]['source_bytes']} bytes of source")
        row = {"title": "compile cost, traced", "side": f"{n} x {n}", "seconds": seconds, "machine": machine()}
        write_row(row | {"source_bytes": costs[n][0]["source_bytes"]}, given.json)
    ratio = medians[SIZES[1]] / medians[SIZES[0]]
    same = len(sources) == 1 and (given.check_only or ratio < 1.3)
    print(f"  time ratio {ratio:.2f}, goal at most 1.3 and equal size of source: {'met' if same else 'NOT MET'}")
    return 0 if fine and same else 1


if __name__ == "__main__":
    sys.exit(main())
