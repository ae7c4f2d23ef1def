"""The spectral benchmarks measure the right thing: answers of their sides on small grids, pairs of libraries."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import ritz as rz
from ritz.codegen.transforms import TransformShape, choose_provider
from ritz.errors import MissingPackage

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture(autouse=True)
def benchmark_modules(monkeypatch):
    """The folders of the benchmarks on the path; other modules may have the names of theirs, before and afterwards."""
    for folder in ("", "sides"):
        monkeypatch.syspath_prepend(str(BENCHMARKS / folder))
    names = ("problems", "worker", "ritz_pde", "fft_libraries", "ks_by_hand")
    others = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    yield
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(others)


@pytest.mark.parametrize(("name", "n"), [("ks", 128), ("ns", 32), ("gs", 32), ("tg", 16)])
def test_ritz_gives_the_reference(name, n):
    """The same modes are kept on both sides, so that what remains is the error of the time steps."""
    import problems
    from ritz_pde import SYSTEMS

    system, case, names = SYSTEMS[name](rz, n, dealias=2 / 3)
    end = case["check"]
    solution = rz.solve(system, (0.0, end), method="ETDRK4", dt=case["dt"], t_eval=[end])
    fields = np.stack([np.asarray(solution[field])[-1] for field in names])
    reference = getattr(problems, f"{name}_reference")(n)
    np.testing.assert_allclose(fields, reference.reshape(fields.shape), atol=1e-5 * np.abs(reference).max())


def test_the_lower_bound_of_a_step_has_the_same_answer():
    import problems
    from ks_by_hand import prepare

    reference = problems.ks_reference(128)
    answer = prepare({"n": 128}).answer["field"]
    np.testing.assert_allclose(answer, reference, atol=1e-5 * np.abs(reference).max())


def test_a_finer_grid_has_the_reference_of_the_coarse_one():
    import problems

    coarse, fine = problems.tg_reference(24), problems.tg_reference(48, most=24)
    np.testing.assert_allclose(fine[:, ::2, ::2, ::2], coarse, rtol=0, atol=1e-14)


@pytest.mark.parametrize("points", [(96,), (128,), (16, 24), (8, 12, 16)])
@pytest.mark.parametrize("side", ["generated", "mkl", "fftw"])
def test_pairs_of_all_sides(side, points):
    import fft_libraries as libraries

    if side == "generated":
        pairs = [libraries.ritz_pair(points, share) for share in (1.0, 2 / 3)]
    else:
        try:
            choose_provider(side, TransformShape((8,), (2,)))
        except MissingPackage as error:
            pytest.skip(str(error))
        pairs = [{"mkl": libraries.mkl_pair, "fftw": libraries.fftw_pair}[side](points)]
    for pair in pairs:
        assert pair.error() < 2e-15
        pair.back[...] = np.nan  # `run` computes anew
        assert pair.error() < 2e-15
