"""Tests of the code generator write their kernels to the ordinary cache, so that later runs are quick."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
