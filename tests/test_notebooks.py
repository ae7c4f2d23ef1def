"""The notebooks run from top to bottom, tell what they promise, and stay light enough for a repository."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
HEAVIEST = 1_500_000  # bytes


def printed(notebook) -> str:
    """All text that the cells of a notebook put out."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    streams = [o["text"] for o in outputs if o["output_type"] == "stream"]
    return "\n".join(streams + [o["data"].get("text/plain", "") for o in outputs if "data" in o])


def run(name: str, folder: Path) -> str:
    """Execute a notebook in an empty folder and return what it printed."""
    from nbclient import NotebookClient

    notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
    assert list(folder.iterdir()) == []  # nothing is left behind
    return printed(notebook)


def test_all_notebooks_are_there():
    names = [path.name for path in NOTEBOOKS]
    assert names == [
        "01_equation_to_solution.ipynb",
        "02_parameter_sweep_to_reduced_model.ipynb",
        "03_large_networks_and_accuracy.ipynb",
        "04_finite_elements.ipynb",
        "05_flow_past_a_cylinder.ipynb",
        "06_one_piece_of_code.ipynb",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_notebook_is_valid_and_light(path):
    nbformat.validate(nbformat.read(path, as_version=4))
    assert path.stat().st_size < HEAVIEST


def test_equation_to_solution(tmp_path):
    text = run("01_equation_to_solution.ipynb", tmp_path)
    assert "found:   3 transforms" in text and "found:   4 transforms" in text
    assert "no equation is left to determine v" in text
    assert "fields read back are equal: True" in text


def test_parameter_sweep_to_reduced_model(tmp_path):
    text = run("02_parameter_sweep_to_reduced_model.ipynb", tmp_path)
    assert "found:   6 transforms" in text
    assert "20 succeeded, 0 failed" in text
    assert float(re.search(r"error at unseen parameters: at most (\S+)", text)[1]) < 5e-3
    assert float(re.search(r"(\d+) times faster", text)[1]) > 1
    assert "ExtrapolationWarning" in text


def test_large_networks_and_accuracy(tmp_path):
    text = run("03_large_networks_and_accuracy.ipynb", tmp_path)
    assert "1122 species, 24388 reactions" in text and "not understood: nothing" in text
    before, after = map(int, re.search(r"operations (\d+) -> (\d+)", text).groups())
    assert after < before / 4
    assert "successfully reached the end" in text and "success: True" in text
    written, rewritten = re.search(r"largest error: (\S+) units .* as written, (\S+) rewritten", text).groups()
    assert float(written) > 1e9 and float(rewritten) < 4
    assert "when a > 0, b >= 0" in text
    assert text.rstrip().endswith("False True")


@pytest.mark.skipif(find_spec("gmsh") is None, reason="gmsh is not installed")
def test_finite_elements(tmp_path):
    text = run("04_finite_elements.ipynb", tmp_path)
    assert "names the boundary 'clamb'" in text and "Did you mean 'clamp'?" in text
    pin, clamp = map(float, re.search(r"force of the pin (\S+) N, force of the clamp (\S+) N", text).groups())
    assert abs(pin + clamp) < 1e-5 * abs(pin)
    work = [float(value) for value in re.findall(r"work (\S+) N mm", text)]
    assert work == sorted(work) and work[3] - work[2] < 0.01 * work[3]
    assert "at the end of a path" in text
    drops = [float(value) for value in re.search(r"drop of the tip \(mm\): \[(.*)\]", text)[1].split()]
    assert drops == sorted(drops) and 10 < drops[-1] < 100


@pytest.mark.skipif(find_spec("gmsh") is None, reason="gmsh is not installed")
def test_flow_past_a_cylinder(tmp_path):
    text = run("05_flow_past_a_cylinder.ipynb", tmp_path)
    differences = {name: abs(float(d)) for name, d in re.findall(r"(drag|lift|drop) .* difference (\S+)", text)}
    assert differences["drag"] < 1e-3 and differences["lift"] < 1e-4 and differences["drop"] < 5e-4
    drag = [float(value) for value in re.findall(r"unknowns   drag (\S+)", text)]
    assert drag == sorted(drag, reverse=True) and drag[-1] < 5e-5
    growth = [float(value) for value in re.findall(r"growth (\S+) / s", text)]
    assert sum(value > 0 for value in growth) == 1
    assert 0.29 < float(re.search(r"Strouhal number: (\S+)", text)[1]) < 0.31
    largest = re.search(r"largest drag (\S+), largest lift (\S+)", text)
    assert 3.15 < float(largest[1]) < 3.3 and 0.9 < float(largest[2]) < 1.1


def test_one_piece_of_code(tmp_path):
    text = run("06_one_piece_of_code.ipynb", tmp_path)
    assert "lines of LLVM; the products:" in text and "fmul contract" in text
    for name in ("fused", "step by step", "library"):
        found = re.search(name + r" +differs from NumPy by ([0-9.e+-]+)", text)
        assert found and float(found[1]) < 1e-14
    left, right = re.search(r"<J v, w> = (\S+)\n<v, J'w> = (\S+)", text).groups()
    assert abs(float(left) / float(right) - 1) < 1e-10
