"""The documentation keeps its word: files that it names exist, its example runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["README.md", "CONTRIBUTING.md", "benchmarks/README.md"]

# The README's example at a size that a test can afford.
SMALLER = {"rz.Fourier(256, 256)": "rz.Fourier(64, 64)", "(0, 2000)": "(0, 20)"}


@pytest.mark.parametrize("page", PAGES)
def test_named_files_exist(page):
    text = (ROOT / page).read_text()
    named = set(re.findall(r"`((?:ritz|tests|benchmarks|docs|notebooks|demo)/[\w./-]+)`", text))
    named |= set(re.findall(r"\]\(([^)#:]+)\)", text))
    places = [ROOT, (ROOT / page).parent]
    missing = [name for name in sorted(named) if not any((place / name).exists() for place in places)]
    assert missing == []


def test_make_targets_exist():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"(?:^    |`)make ([a-z-]+)", (ROOT / page).read_text(), re.MULTILINE)) <= targets


def test_benchmark_table_names_every_script():
    from runpy import run_path

    listed = run_path(str(ROOT / "benchmarks" / "run_all.py"))["SCRIPTS"]
    text = (ROOT / "benchmarks/README.md").read_text()
    assert sorted(re.findall(r"^\| `(\w+\.py)`", text, re.MULTILINE)) == sorted(listed)
    assert all((ROOT / "benchmarks" / name).exists() for name in listed)


def test_example_of_the_readme_runs():
    block = "\n".join(re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL))
    for large, small in SMALLER.items():
        assert block.count(large) == 1
        block = block.replace(large, small)
    names: dict[str, object] = {}
    exec(compile(block, "README.md", "exec"), names)
    solution = names["solution"]
    assert solution.success
    assert solution["u"].shape == (len(solution.t), 64, 64)
    assert names["study"].order("u", "H1", degree=2) > 1.9
    assert names["fine"].success
