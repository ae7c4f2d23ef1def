"""A function of compiled loops as it was written."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ritz.codegen.loops.values import BOOL, FLOAT, INT

ANNOTATIONS = {"int": INT, "float": FLOAT, "bool": BOOL}


@dataclass(frozen=True)
class Definition:
    """A function as it was written.

    Attributes:
        tree: the function.
        names: what names outside of it mean.
        flags: freedom of its floating-point operations, in LLVM's words.
        inline: whether it has to vanish into its callers.
    """

    tree: ast.FunctionDef
    names: Mapping[str, Any]
    flags: str
    inline: bool = False
