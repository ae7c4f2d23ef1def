"""Generated modules on disk, named by the hash of their content.

Numba caches compiled functions only when they live in a file. Every kernel is therefore written as a readable Python
module into one folder and imported from there; equal text is one file, so a second run compiles nothing and two
processes that need the same kernel at the same time do not disturb each other.

The folder is ``$RITZ_CACHE_DIR`` or the platform's cache folder. `status` tells what is in it, `clear` empties it.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

__all__ = ["CacheStatus", "clear", "directory", "load", "status"]

_PREFIX = "ritz_kernel_"


def directory() -> Path:
    """The folder of the generated modules (it may not exist yet).

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
    """What the cache holds: its folder, the number of modules (Numba's and LLVM's), bytes of source and object code."""

    directory: Path
    modules: int
    source_bytes: int
    object_bytes: int

    def __str__(self) -> str:
        total = (self.source_bytes + self.object_bytes) / 2**20
        return f"{self.modules} kernel modules, {total:.1f} MiB in {self.directory}"


def status() -> CacheStatus:
    """Count the generated modules and their compiled code."""
    root = directory()
    sources = list(root.glob(f"{_PREFIX}*.py")) if root.exists() else []
    native = list(root.glob("native_*.o")) if root.exists() else []
    objects = [*(root / "__pycache__").glob(f"{_PREFIX}*"), *native] if root.exists() else []
    return CacheStatus(
        root, len(sources) + len(native), sum(f.stat().st_size for f in sources), sum(f.stat().st_size for f in objects)
    )


def clear() -> int:
    """Delete every generated module and its compiled code; return how many modules were deleted.

    Modules that are loaded in this process stay usable; they are written again when needed next.
    """
    count = status().modules
    shutil.rmtree(directory(), ignore_errors=True)
    for name in [n for n in sys.modules if n.startswith(_PREFIX)]:
        del sys.modules[name]
    return count


def load(source: str) -> ModuleType:
    """Import the module with this text, writing it to the cache first if it is new.

    Args:
        source: text of a Python module whose functions carry ``cache=True``.

    Returns:
        the module; the same object for the same text within one process.
    """
    name = _PREFIX + hashlib.sha256(_salt() + source.encode()).hexdigest()[:24]
    loaded = sys.modules.get(name)
    if loaded is not None and Path(str(loaded.__file__)).parent == directory():
        return loaded
    path = _write(name, source)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@functools.cache
def _salt() -> bytes:
    """What compiled kernels depend on besides their own text: the modules that they import."""
    return b"".join(Path(__file__).with_name(name).read_bytes() for name in ("abi.py", "elementary.py"))


def _write(name: str, source: str) -> Path:
    """Put the text into place atomically, so that no process ever reads half a file."""
    root = writable_directory()
    path = root / f"{name}.py"
    if not path.exists():
        handle, temporary = tempfile.mkstemp(suffix=".tmp", dir=root)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(source)
        os.replace(temporary, path)
    return path


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
