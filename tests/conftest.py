"""Settings shared by all tests: no windows, no user cache, one source of random numbers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent

os.environ["MPLBACKEND"] = "Agg"
# Kernels are named by content hash, so a cache kept between runs is safe and makes the second run quick.
os.environ.setdefault("RITZ_CACHE_DIR", str(ROOT / ".pytest_cache" / "ritz-kernels"))


@pytest.fixture
def rng() -> np.random.Generator:
    """The same random numbers in every run."""
    return np.random.default_rng(20261122)
