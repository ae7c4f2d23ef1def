"""Loops in a small part of Python, compiled by LLVM: Ritz's own interpreters and time loops, and printed kernels.

A function under `compiled` is never run by Python. It is translated to LLVM's language together with all that it calls,
and its object code is kept on disk (`ritz.codegen.native`): loading it takes a millisecond, and no compiler has to be
imported. What the part of Python comprises:

* numbers: int (64 bits), float, bool, and complex numbers that were read from memory; memory is reached by address,
  ``as_f64(address)[i]``;
* ``if``, ``while``, ``for ... in range(...)``, ``break``, ``continue``, ``return`` (several values too), assignments;
* arithmetic, comparisons, ``and``/``or``/``not``, ``a if c else b``; `abs`, `min`, `max`, `int`, `float`, functions of
  `math`; the functions of `ritz.codegen.loops.builtins`; other functions under `compiled`, without recursion;
* numbers, functions and modules defined outside.

A variable keeps the kind of number it was given first. Parameters of entries have annotations; a function that others
call takes the kinds of its caller's arguments. Division by zero gives infinity or NaN, shifts and ``//`` are Python's.
"""

from __future__ import annotations

from ritz.codegen.loops.builtins import (
    address_of,
    as_c128,
    as_f64,
    as_i32,
    as_i64,
    atomic_add,
    atomic_load,
    atomic_store,
    bits_of,
    call_fused,
    call_kernel,
    call_line,
    call_phase,
    call_piece,
    call_products,
    call_rhs,
    call_stage,
    call_step,
    call_writer,
    double_of,
    give_way,
    pause,
    replace,
)
from ritz.codegen.loops.function import FAST, compiled, load

__all__ = [
    "FAST",
    "address_of",
    "as_c128",
    "as_f64",
    "as_i32",
    "as_i64",
    "atomic_add",
    "atomic_load",
    "atomic_store",
    "bits_of",
    "call_fused",
    "call_kernel",
    "call_line",
    "call_piece",
    "call_phase",
    "call_products",
    "call_rhs",
    "call_stage",
    "call_step",
    "call_writer",
    "compiled",
    "double_of",
    "give_way",
    "load",
    "pause",
    "replace",
]
