"""The floors of the house: imports run one way, packages match folders, importing has no effects."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from setuptools import find_packages

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ["symbolic", "codegen", "solvers", "reduced_order"]  # each imports only from those before it
SHARED = {"errors"}  # modules beside the floors that every floor may use
HEAVY = ["numba", "llvmlite", "matplotlib", "xarray", "egglog", "h5py", "pandas", "IPython", "basix", "meshio", "gmsh"]


def sources() -> list[Path]:
    return sorted((ROOT / "ritz").rglob("*.py"))


def imported_modules(path: Path) -> set[str]:
    """Absolute names of everything that a file imports, at any depth of nesting."""
    package = list(path.relative_to(ROOT).parent.parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{stem}.{alias.name}" for alias in node.names} | {stem}
    return found


def floor_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "ritz" else None


def test_reader_resolves_relative_imports(tmp_path, monkeypatch):
    """The rule below is only as good as the reading of imports."""
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    file = tmp_path / "ritz" / "codegen" / "deep" / "x.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "from .. import system\nfrom ...symbolic.graph import Graph\ndef f():\n    import ritz.solvers.solve\n"
    )
    assert {"ritz.codegen.system", "ritz.symbolic.graph.Graph", "ritz.solvers.solve"} <= imported_modules(file)


@pytest.mark.parametrize("floor", FLOORS)
def test_nothing_runs_up(floor):
    allowed = set(FLOORS[: FLOORS.index(floor) + 1]) | SHARED
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources()
        if path.relative_to(ROOT).parts[1] == floor
        for module in sorted(imported_modules(path))
        if floor_of(module) is not None and floor_of(module) not in allowed
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", sorted(SHARED))
def test_shared_modules_import_no_floor(name):
    assert not [m for m in imported_modules(ROOT / "ritz" / f"{name}.py") if floor_of(m)]


def test_symbolic_knows_no_numba():
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in (ROOT / "ritz" / "symbolic").rglob("*.py")
        for module in imported_modules(path)
        if module.split(".")[0] in {"numba", "llvmlite", "rocket_fft"}
    ]
    assert not wrong, "\n".join(wrong)


def test_packages_match_folders():
    """Every folder with modules is a package, and the list that the wheel is built from has them all."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    listed = set(find_packages(str(ROOT), include=settings["include"]))
    folders = {".".join(path.parent.relative_to(ROOT).parts) for path in sources()}
    assert listed == folders
    assert {f"ritz.{floor}" for floor in FLOORS} <= listed


@pytest.mark.parametrize("floor", FLOORS)
def test_shortcut_leads_to_its_floor(floor):
    link = ROOT / floor
    assert link.is_symlink() and link.resolve() == ROOT / "ritz" / floor


def test_only_the_floors_and_shared_modules_stand_in_ritz():
    entries = {p.stem for p in (ROOT / "ritz").iterdir() if p.name != "__pycache__"}
    assert entries <= {*FLOORS, *SHARED, "__init__", "py"}  # py.typed has the stem "py"


def test_import_is_light_and_has_no_effects(tmp_path):
    """`import ritz` loads no heavy package, writes no file, sets no variable and says nothing."""
    script = (
        "import json, os, sys, random, warnings\n"
        "before = dict(os.environ)\n"
        "import ritz\n"
        "names = [n for n in dir(ritz) if not n.startswith('_')]\n"
        f"heavy = [m for m in {HEAVY!r} if m in sys.modules]\n"
        "print(json.dumps([heavy, before == dict(os.environ), len(names)]))\n"
    )
    environment = {**os.environ, "RITZ_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=work, env=environment, capture_output=True, text=True, check=True
    )
    heavy, environment_kept, names = json.loads(done.stdout)
    assert heavy == []
    assert environment_kept
    assert names > 0
    assert done.stderr == ""
    assert not list(work.iterdir()) and not (tmp_path / "cache").exists()
