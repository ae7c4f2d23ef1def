"""Compiled code on disk: object code named by the hash of all it depends on, and the text of printed kernels.

A second run compiles nothing, and two processes that need the same kernel at the same time do not disturb each other:
files are put into place whole. The printed text lies beside the object code for readers; nothing imports it.

The folder is ``$RITZ_CACHE_DIR`` or the platform's cache folder. `status` tells what is in it, `clear` empties it.
`planning` tells whether Fourier transforms are planned by a rule or by timing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ritz.errors import OptionValueError

__all__ = ["CacheStatus", "clear", "directory", "planning", "status"]

_PREFIX = "ritz_kernel_"
EFFORTS = ("estimate", "measure")
_effort: list[str] = []  # what was set in this process, at most one


def directory() -> Path:
    """The folder of the compiled modules (it may not exist yet).

    Example:
        >>> directory().name
        'kernels'
    """
    override = os.environ.get("RITZ_CACHE_DIR")
    if override:
        return Path(override) / "kernels"
    import platformdirs

    return Path(platformdirs.user_cache_dir("ritz", appauthor=False)) / "kernels"


@dataclass(frozen=True)
class CacheStatus:
    """What the cache holds: its folder, the number of compiled modules, bytes of printed source and of object code."""

    directory: Path
    modules: int
    source_bytes: int
    object_bytes: int

    def __str__(self) -> str:
        total = (self.source_bytes + self.object_bytes) / 2**20
        return f"{self.modules} kernel modules, {total:.1f} MiB in {self.directory}"


def status() -> CacheStatus:
    """Count the compiled modules and what is kept of their text."""
    sources, objects = ([f.stat().st_size for f in directory().glob(p)] for p in (f"{_PREFIX}*.py", "native_*.o"))
    return CacheStatus(directory(), len(objects), sum(sources), sum(objects))


def clear() -> int:
    """Delete all compiled code and what is kept beside it; return how many modules were deleted.

    Modules that are loaded in this process stay usable; they are compiled again when another process needs them.
    """
    count = status().modules
    shutil.rmtree(directory(), ignore_errors=True)
    return count


def planning(effort: str | None = None) -> str:
    """How Fourier transforms are planned from here on, for all systems of this process; sets it if one is given.

    ``"estimate"`` (the default) takes radices and vector widths by a rule, the same on every run. ``"measure"`` times a
    few candidates once per shape and processor and remembers the quickest in the cache folder: results then may differ
    in the last bits from machine to machine. The names are FFTW's, whose own planner follows too. The environment
    variable ``RITZ_PLANNING`` sets what a process starts with.

    Raises:
        OptionValueError: no effort has this name.

    Example:
        >>> planning("measure")
        'measure'
        >>> planning("estimate")
        'estimate'
    """
    if effort is not None:
        _effort[:] = [_checked(effort, "planning")]
    return _effort[0] if _effort else _checked(os.environ.get("RITZ_PLANNING") or EFFORTS[0], "RITZ_PLANNING")


def _checked(effort: str, where: str) -> str:
    if effort not in EFFORTS:
        raise OptionValueError(f"{where} must be {' or '.join(map(repr, EFFORTS))}; found {effort!r}.")
    return effort


def keep(source: str) -> None:
    """Put the text of a printed module into the folder, for readers; a folder that cannot be written costs nothing."""
    name = f"{_PREFIX}{hashlib.sha256(source.encode()).hexdigest()[:24]}.py"
    try:
        root = writable_directory()
        handle, temporary = tempfile.mkstemp(suffix=".tmp", dir=root)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(source)
        os.replace(temporary, root / name)
    except OSError:
        return


def writable_directory() -> Path:
    """The cache folder, made if needed; a temporary one where the platform's folder cannot be written."""
    root = directory()
    try:
        root.mkdir(parents=True, exist_ok=True)
        if os.access(root, os.W_OK):
            return root
    except OSError:
        pass
    fallback = Path(tempfile.gettempdir()) / f"ritz-{os.getuid() if hasattr(os, 'getuid') else 'user'}" / "kernels"
    fallback.mkdir(parents=True, exist_ok=True)
    return fallback
