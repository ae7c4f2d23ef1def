"""Names that string equations may use without declaring them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from . import notation
from .operators import Identity

Function = Callable[..., sp.Expr]


def _log(value: sp.Expr, base: sp.Expr | None = None) -> sp.Expr:
    return sp.log(value) if base is None else sp.log(value) / sp.log(base)


def _angle(y: Any, x: Any) -> sp.Expr:
    return sp.atan2(y, x)


# name -> (function, fewest arguments, most arguments)
FUNCTIONS: dict[str, tuple[Function, int, int]] = {
    **{name: (getattr(sp, name), 1, 1) for name in ("sin cos tan cot sec csc sinh cosh tanh coth sech csch").split()},
    **{name: (getattr(sp, name), 1, 1) for name in "asin acos atan acot asinh acosh atanh".split()},
    **{f"arc{name}": (getattr(sp, f"a{name}"), 1, 1) for name in "sin cos tan".split()},
    **{f"ar{name}": (getattr(sp, f"a{name}"), 1, 1) for name in "sinh cosh tanh".split()},
    **{name: (getattr(sp, name), 1, 1) for name in "exp sqrt cbrt sign floor erf erfc gamma re im arg".split()},
    **dict.fromkeys(("abs", "Abs"), (sp.Abs, 1, 1)),
    **dict.fromkeys(("conj", "conjugate"), (sp.conjugate, 1, 1)),
    **dict.fromkeys(("heaviside", "Heaviside"), (sp.Heaviside, 1, 1)),
    **dict.fromkeys(("lap", "laplacian", "Laplacian"), (notation.lap, 1, 1)),
    **{name: (getattr(notation, name), 1, 1) for name in "grad div curl sym trace det inv transpose".split()},
    **{name: (getattr(notation, name), 2, 2) for name in "dot inner cross outer".split()},
    **{name: (getattr(notation, name), 1, 2) for name in "dt dx dy dz".split()},
    "ceil": (sp.ceiling, 1, 1),
    "sgn": (sp.sign, 1, 1),
    "log": (_log, 1, 2),
    "ln": (sp.log, 1, 1),
    "log10": (lambda e: sp.log(e) / sp.log(10), 1, 1),
    "log2": (lambda e: sp.log(e) / sp.log(2), 1, 1),
    "log1p": (lambda e: sp.log(1 + e), 1, 1),
    "expm1": (lambda e: sp.exp(e) - 1, 1, 1),
    "atan2": (_angle, 2, 2),
    "pow": (sp.Pow, 2, 2),
    "min": (sp.Min, 2, 8),
    "max": (sp.Max, 2, 8),
    "d": (notation.d, 2, 3),
    "vector": (notation.vector, 1, 3),
    "component": (notation.component, 2, 3),
    "identity": (Identity, 0, 0),
}
# operators that may stand before their operand without brackets, or alone in an operator such as (1 + d_xx)**2
PREFIX = frozenset({"dt", "dx", "dy", "dz", "lap", "laplacian", "Laplacian", "grad", "div", "curl"})
CONSTANTS: dict[str, sp.Expr] = {"pi": sp.pi, "π": sp.pi, "I": sp.I, "E": sp.E}
