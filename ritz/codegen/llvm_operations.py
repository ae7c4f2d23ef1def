"""How each operation of straight-line code is written in LLVM's language.

Floating-point operations may be contracted to fused ones and nothing else. Functions that are no instruction are those
of the C library, by name; results for NaN and infinities are NumPy's.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from ritz.errors import UnsupportedError, nearest

Line = Callable[[str], str]  # adds an instruction, returns the name of its value

LIBRARY = {
    **{name: name for name in (
        "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf",
        "erfc", "cbrt", "hypot", "pow",
    )},
    "sin_bounded": "sin",
    "cos_bounded": "cos",
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")},
}  # fmt: skip
"""Function name -> name in the C library."""

INTRINSIC = {"sqrt": "sqrt", "abs": "fabs", "floor": "floor", "ceil": "ceil", "fma": "fmuladd"}
ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
COMPARISON = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "une"}
LOGICAL = frozenset({*COMPARISON, "and", "or", "not"})  # operations whose value is true or false


def number(value: Any) -> str:
    """A constant, bit by bit.

    Example:
        >>> number(Fraction(1, 2))
        '0x3FE0000000000000'
    """
    if isinstance(value, Fraction):
        value = value.numerator / value.denominator
    return f"0x{struct.unpack('>Q', struct.pack('>d', float(value)))[0]:016X}"


def declaration(name: str, arguments: int) -> str:
    """The declaration of a C library function or an intrinsic; they are taken to have no effects."""
    return f"declare double @{name}({', '.join(['double'] * arguments)}) nounwind willreturn readnone"


def callee(name: str) -> str:
    """The symbol of a function that is called.

    Raises:
        UnsupportedError: there is no such function.
    """
    if name in INTRINSIC:
        return f"llvm.{INTRINSIC[name]}.f64"
    if name in LIBRARY:
        return LIBRARY[name]
    known = [*LIBRARY, *INTRINSIC, *LOGICAL, "sign", "maximum", "minimum", "where"]
    raise UnsupportedError(f"There is no compiled form of the function {name!r}.{nearest(name, known)}")


def logical(name: str, a: Sequence[str], line: Line) -> str:
    """A comparison of numbers, or ``and or not`` of truth values."""
    if name in COMPARISON:
        return line(f"fcmp {COMPARISON[name]} double {a[0]}, {a[1]}")
    return line(f"xor i1 {a[0]}, true" if name == "not" else f"{name} i1 {a[0]}, {a[1]}")


def selected(name: str, a: Sequence[str], line: Line) -> str:
    """``maximum``, ``minimum`` (NaN if either is) and ``sign`` (NaN of NaN)."""
    if name == "sign":
        below = line(f"fcmp olt double {a[0]}, {number(0)}")
        negative = line(f"select i1 {below}, double {number(-1)}, double {a[0]}")
        above = line(f"fcmp ogt double {a[0]}, {number(0)}")
        return line(f"select i1 {above}, double {number(1)}, double {negative}")
    better = line(f"fcmp {'oge' if name == 'maximum' else 'ole'} double {a[0]}, {a[1]}")
    unknown = line(f"fcmp uno double {a[0]}, {a[0]}")
    first = line(f"or i1 {better}, {unknown}")
    return line(f"select i1 {first}, double {a[0]}, double {a[1]}")
