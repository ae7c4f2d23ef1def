"""Where in the user's program something happened, for messages."""

from __future__ import annotations

import linecache
import sys
from pathlib import Path

import numpy as np

_OURS = str(Path(__file__).parent)
_NUMPY = str(Path(np.__file__).parent)
LONGEST = 80  # characters of a line shown in a message


def user_line() -> str:
    """Words for the innermost line of the running program that is neither ours nor NumPy's, such as
    ``line 12 of model.py (`if u > 0:`)``."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((_OURS, _NUMPY)):
        frame = frame.f_back
    name, number = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(name, number, frame.f_globals).strip()
    text = text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
    where = f"line {number} of {Path(name).name}" if not name.startswith("<") else f"line {number} of {name}"
    return f"{where} (`{text}`)" if text else where
