"""Rules of the house that a reader relies on: short files, documented names, runnable examples, silence."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import json
import re
import types
from pathlib import Path

import numpy as np
import pytest

import ritz

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 500
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "ritz").rglob("*.py")
)
SOURCES = sorted(
    path
    for folder in ("ritz", "tests", "benchmarks", "demo")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_file_is_short(path):
    assert len(path.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("path", sorted((ROOT / "ritz").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_print(path):
    """Messages go through logging, warnings or exceptions."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    lines = [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"]
    assert lines == []


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_run(module):
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    with np.printoptions(legacy=False):
        result = doctest.testmod(importlib.import_module(module), optionflags=flags, extraglobs={"rz": ritz, "np": np})
    assert result.failed == 0


def public_names() -> list[str]:
    return sorted(ritz.__all__)


def test_public_names_exist():
    missing = [name for name in public_names() if not hasattr(ritz, name)]
    assert missing == []
    assert set(public_names()) <= set(dir(ritz))


@pytest.mark.parametrize("name", public_names())
def test_public_name_is_documented(name):
    """Every class and function of the public surface says what it is for; so does each of its public methods."""
    thing = getattr(ritz, name)
    if isinstance(thing, types.ModuleType) or callable(thing):
        assert (inspect.getdoc(thing) or "").strip(), f"ritz.{name} has no docstring"
    if inspect.isclass(thing) and thing.__module__.startswith("ritz."):
        silent = [
            attribute
            for attribute, value in vars(thing).items()
            if not attribute.startswith("_")
            and isinstance(value, (types.FunctionType, property, classmethod, staticmethod))
            and not (inspect.getdoc(getattr(thing, attribute)) or "").strip()
        ]
        assert silent == [], f"ritz.{name} has methods without docstrings"


def test_star_imports_are_absent():
    stars = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    assert stars == []


def test_cited_keys_stand_in_the_bibliography():
    """A citation such as [chaturantabut2010] in a docstring is a key of docs/references.bib."""
    known = set(re.findall(r"@\w+\{(\w+),", (ROOT / "docs" / "references.bib").read_text()))
    cited = {
        (key, str(path.relative_to(ROOT)))
        for path in (ROOT / "ritz").rglob("*.py")
        for key in re.findall(r"\[([a-z]+(?:19|20)\d\d[a-z]?)(?:,[^\]]*)?\]", path.read_text())
    }
    assert {entry for entry in cited if entry[0] not in known} == set()


def test_notebooks_are_stored_executed():
    """A notebook in the repository shows its results, and no error."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = [c for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code" and c["source"]]
        assert all(c["execution_count"] for c in cells), f"{path.name} is not executed"
        assert not [o for c in cells for o in c["outputs"] if o["output_type"] == "error"]
