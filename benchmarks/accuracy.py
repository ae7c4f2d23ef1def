"""Bits lost in double precision by 46 expressions of FPBench: as written, and after rewriting for accuracy."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from common import options, write_row

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from fp_cases import cases, measure  # noqa: E402

MEDIAN_GOAL = 1.0


def main() -> int:
    """Print the table; return 1 if an expression got worse or the median is above a bit."""
    given = options(__doc__ or "")
    print(f"{'expression':24} {'title':32} {'mean bits lost':>16} {'worst point':>16}  {'cost':>11}  chosen")
    before, after, worse = [], [], []
    for name, case in cases().items():
        m = measure(case)
        report = m.result.report
        cost = f"{report.cost_before:.0f} -> {report.cost_after:.0f}"
        shown = f"{m.before:6.2f} -> {m.after:5.2f}  {m.worst_before:6.1f} -> {m.worst_after:5.1f}"
        print(f"{name[3:]:24} {case.title[:32]:32} {shown}  {cost:>11}  {report.chosen}", flush=True)
        row = {"title": name, "before": m.before, "after": m.after, "chosen": report.chosen}
        write_row(row, given.json)
        before.append(m.before)
        after.append(m.after)
        if m.after > m.before + 0.02:
            worse.append(name)
    for kind, average in (("median", statistics.median), ("mean", statistics.mean)):
        print(f"{kind} {average(before):.2f} -> {average(after):.2f}")
    print(f"worse: {', '.join(worse) or 'none'}")
    return 0 if not worse and statistics.median(after) <= MEDIAN_GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
