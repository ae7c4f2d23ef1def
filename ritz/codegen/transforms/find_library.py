"""Looking for shared libraries: in named folders, in the environment of this Python, in packages, on the system."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ritz.errors import MissingPackage

VARIABLE = "RITZ_LIBRARIES"


@dataclass(frozen=True)
class Wanted:
    """A library that Ritz can call.

    Attributes:
        title: its name in words.
        extra: of Ritz, which installs it.
        files: patterns of file names.
        names: what the system's loader may know it as.
        package: one that brings it along, beside or inside its folder; empty for none.
        apart: other libraries of the process have functions of the same names: it shall call its own.
    """

    title: str
    extra: str
    files: tuple[str, ...]
    names: tuple[str, ...]
    package: str = ""
    apart: bool = False

    def folders(self) -> Iterator[Path]:
        """Where it may be, the user's own folders first."""
        named = filter(None, os.environ.get(VARIABLE, "").split(os.pathsep))
        yield from (Path(folder).expanduser() for folder in named)
        for prefix in dict.fromkeys([sys.prefix, sys.base_prefix]):
            yield from (Path(prefix) / "lib", Path(prefix) / "Library" / "bin")
        spec = find_spec(self.package) if self.package else None
        for folder in map(Path, (spec and spec.submodule_search_locations) or ()):
            yield from (folder.with_name(f"{self.package}.libs"), folder / ".dylibs", folder)

    def load(self) -> tuple[ctypes.CDLL, str]:
        """The library, and where it was found.

        Raises:
            MissingPackage: it is nowhere, or cannot be loaded.
        """
        amiss, mode = [], ctypes.DEFAULT_MODE | (getattr(os, "RTLD_DEEPBIND", 0) if self.apart else 0)
        for place in _found(self.folders(), self.files, self.names):
            try:
                return ctypes.CDLL(place, mode), place
            except OSError as error:  # for another processor, or what it needs itself is missing
                amiss.append(f" {place} cannot be loaded: {error}.")
        raise MissingPackage(
            f"transforms={self.extra!r} needs {self.title}, which was not found.{''.join(amiss)} Install it with: "
            f'pip install "ritz[{self.extra}]", or name the folder of {self.files[0]} in the environment variable '
            f"{VARIABLE}; transforms='auto' needs neither."
        )


def _found(folders: Iterator[Path], files: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    for folder in folders:
        for pattern in files:
            yield from map(str, sorted(folder.glob(pattern)))
    for name in names:
        place = ctypes.util.find_library(name)
        if place:
            yield place
