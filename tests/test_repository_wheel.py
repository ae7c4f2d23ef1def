"""The package as a user gets it: an sdist, the wheel built from that sdist, imported away from the source tree."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

USE = """
import pathlib, sys
import ritz as rz
assert pathlib.Path(rz.__file__).is_relative_to(sys.argv[1]), rz.__file__
y = rz.fields("y")
problem = rz.Problem([rz.Eq(rz.dt(y), -y)], initial={y: 1.0})
solution = rz.solve(problem, (0, 1), method="DOP853", rtol=1e-10, atol=1e-12)
assert abs(solution.y[0, -1] - 0.36787944117144233) < 1e-9
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Build in a copy of the tracked files, as a fresh clone would be; the links at the top level come along."""
    source = tmp_path_factory.mktemp("source")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if tracked.returncode:
        pytest.fail("the build is tested on the files that git tracks; run the tests in a clone")
    subprocess.run(
        ["tar", "--null", "--files-from=-", "-cf", str(source / "tree.tar")], cwd=ROOT, input=tracked.stdout, check=True
    )
    with tarfile.open(source / "tree.tar") as archive:
        archive.extractall(source / "tree", filter="tar")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source / "tree")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return out


def test_sdist_holds_each_module_once(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = [name.split("/", 1)[1] for name in archive.getnames() if "/" in name]
    modules = sorted(name for name in names if name.startswith("ritz/") and name.endswith(".py"))
    tracked = subprocess.run(["git", "ls-files", "ritz/*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert modules == sorted(tracked.stdout.split())
    assert not [name for name in names if name.startswith(("symbolic/", "codegen/", "solvers/", "reduced_order/"))]
    assert {"LICENSE", "README.md", "pyproject.toml"} <= set(names)


def test_wheel_is_pure_typed_and_licensed(built):
    (wheel,) = built.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "ritz/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0] for name in names} == {"ritz", wheel.name.rsplit("-", 3)[0] + ".dist-info"}


def test_wheel_works_elsewhere(built, tmp_path):
    (wheel,) = built.glob("*.whl")
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(target), "RITZ_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", USE, str(target)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
