"""The demo runs headless on small grids and leaves what it promises."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ritz as rz

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The terminal's lines and the folder of a quick run."""
    out = tmp_path_factory.mktemp("demo")
    command = [sys.executable, str(ROOT / "demo" / "run.py"), "--quick", "--out", str(out)]
    run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "MPLBACKEND": "Agg"}, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout, out


def test_terminal_shows_progress_and_ends_with_the_place_to_look(quick):
    lines, out = quick
    assert "t = 80 of 80" in lines
    assert "5 transforms as written, 4 found" in lines
    assert f"Open {out / 'report.html'}" in lines


def test_report_stands_alone(quick):
    _, out = quick
    text = (out / "report.html").read_text(encoding="utf-8")
    assert text.count('src="data:image/png;base64,') == 5
    assert "http" not in text and 'src="' in text
    for story in ("From an equation to pictures", "fewer transforms", "From a sweep to a reduced model"):
        assert story in text


def test_pictures_and_data_stand_beside_the_report(quick):
    _, out = quick
    names = {path.name for path in out.iterdir()}
    assert {"gray_scott.png", "gray_scott.nc", "burgers_runs.png", "burgers_error.png", "burgers_map.png"} <= names
    assert rz.load(out / "gray_scott.nc")["v"].shape == (5, 64, 64)
