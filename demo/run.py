"""Both stories without a screen: pictures, a NetCDF file and a report with figures measured here.

Usage: ``python demo/run.py [--out demo_output] [--quick] [--docs]``; `make demo` calls it.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path

import flow
import matplotlib
import numpy as np
import page
import pattern
import rewriting
from terminal import Say

import ritz as rz

ROOT = Path(__file__).resolve().parent.parent
LEAD = (
    "Two stories, told by this machine a moment ago. Every figure on this page was measured while it was made; nothing "
    "is copied from elsewhere."
)


def machine() -> str:
    """Words for what the figures were measured with."""
    import llvmlite

    return (
        f"Ritz {rz.__version__}, Python {platform.python_version()}, NumPy {np.__version__}, "
        f"llvmlite {llvmlite.__version__}; {platform.system()} on {platform.machine()}, {os.cpu_count()} cores."
    )


def arguments(given: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "demo_output", help="folder for pictures and report")
    parser.add_argument("--quick", action="store_true", help="small grids: a test of the demo, not a picture")
    parser.add_argument("--docs", action="store_true", help="also renew docs/gray_scott.png")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    """Run the stories; return the exit code."""
    options, say = arguments(given), Say()
    matplotlib.use("Agg")  # pictures go to files: no screen is needed
    options.out.mkdir(parents=True, exist_ok=True)
    say(f"Ritz {rz.__version__}: two stories, about a minute when nothing is compiled yet")
    first, solution = pattern.run(options.out, say, quick=options.quick)
    if options.docs:
        pattern.strip_for_docs(solution, ROOT / "docs" / "gray_scott.png")
    say("Rewriting: how many transforms textbook equations need")
    between = rewriting.run(say, quick=options.quick)
    second = flow.run(options.out, say, quick=options.quick)
    foot = f"Made in {say.seconds:.0f} s. {machine()}"
    report = options.out / "report.html"
    report.write_text(page.page("Ritz: two stories", LEAD, first, between, second, foot=foot), encoding="utf-8")
    say("done")
    print(f"\nOpen {report}\nPictures and gray_scott.nc stand beside it. The same stories at leisure: notebooks/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
