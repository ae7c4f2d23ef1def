"""What names mean in printed modules."""

from __future__ import annotations

import math
from typing import Any

from ritz.codegen import elementary
from ritz.codegen.loops import builtins

NAMES: dict[str, Any] = {
    "math": math,
    "elementary": elementary,
    **{name: value for name, value in vars(builtins).items() if isinstance(value, builtins.Builtin)},
}
