"""Run every benchmark, one after the other; the options are handed on to each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = [
    "transforms.py", "ks.py", "navier_stokes.py", "gray_scott.py", "taylor_green.py", "spectral_costs.py",
    "lorenz.py", "first_result.py", "scalar_code.py", "networks.py",
    "reduced.py", "scalar_models.py", "accuracy.py", "traced.py", "dfg_cylinder.py",
    "finite_elements.py", "fem_solve.py",
]  # fmt: skip


def main() -> int:
    """Return 0 if every script did."""
    here = Path(__file__).resolve().parent
    codes = {name: subprocess.run([sys.executable, str(here / name), *sys.argv[1:]]).returncode for name in SCRIPTS}
    failed = [name for name, code in codes.items() if code]
    print("\nall goals met" if not failed else f"\nwrong answers or goals not met in: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
