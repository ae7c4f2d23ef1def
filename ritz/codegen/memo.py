"""Results of searches, remembered on disk beside the kernels: a second run searches nothing."""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
from collections.abc import Callable
from typing import Any, TypeVar

from ritz.codegen import cache

T = TypeVar("T")
_VERSION = "2"  # to be raised when a stored class changes its meaning


def remember(kind: str, description: str, make: Callable[[], T]) -> T:
    """Return what `make` returned for this description before, or call it and store its result.

    Args:
        kind: first part of the file's name.
        description: everything the result depends on.
        make: computes the result, which must be picklable.
    """
    key = hashlib.sha256(f"{_VERSION}\n{kind}\n{description}".encode()).hexdigest()[:24]
    name = f"{kind}_{key}.pickle"
    try:
        with open(cache.directory() / name, "rb") as file:
            stored: T = pickle.load(file)
            return stored
    except (OSError, pickle.PickleError, EOFError, AttributeError, ImportError, TypeError, ValueError):
        result = make()  # absent, or written by another version: it is made again
    _write(name, result)
    return result


def _write(name: str, value: Any) -> None:
    try:
        root = cache.writable_directory()
        handle, temporary = tempfile.mkstemp(suffix=".tmp", dir=root)
        with os.fdopen(handle, "wb") as file:
            pickle.dump(value, file)
        os.replace(temporary, root / name)
    except (OSError, pickle.PickleError):
        return  # a cache that cannot be written costs time only
