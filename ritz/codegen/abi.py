"""The one calling convention between compiled kernels and compiled loops.

Every right-hand side is a C function ``void f(double t, intp u, intp p, intp out, intp ctx)`` whose last four
arguments are addresses: the state (float64), the parameter vector (float64), the result (float64, same length as the
state) and a private context that the `System` owns (scratch memory, tables, sizes). Compiled loops receive the
address of such a function as an integer at run time, so a loop is compiled once per machine and a new system compiles
only its own kernels.

A *stage* is one loop of a larger right-hand side, ``void s(intp lo, intp hi, double t, intp u, intp p, intp out,
intp ctx)``: it computes the rows ``lo <= i < hi`` of its outermost axis. A linear operator between two arrays (a
Fourier transform) is a sequence of *phases*, ``void m(intp plan, intp source, intp target, intp lo, intp hi, intp
scratch)``: each does the units ``lo <= i < hi`` of its work (columns, planes) with scratch memory of its thread.

What is defined here is for functions compiled by Numba: kernels of rocket-fft, right-hand sides of one's own. The
loops of Ritz have the same in `ritz.codegen.loops`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

RHS_SIGNATURE = types.void(types.float64, types.intp, types.intp, types.intp, types.intp)

_F64, _INTP = ir.DoubleType(), ir.IntType(64)


@intrinsic
def as_f64(typingctx, address):  # type: ignore[no-untyped-def]
    """Reinterpret an address as a pointer to float64, for ``numba.carray``."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], _F64.as_pointer())

    return types.CPointer(types.float64)(types.intp), codegen


@intrinsic
def as_i64(typingctx, address):  # type: ignore[no-untyped-def]
    """Reinterpret an address as a pointer to int64, for ``numba.carray``."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], _INTP.as_pointer())

    return types.CPointer(types.int64)(types.intp), codegen


@intrinsic
def as_c128(typingctx, address):  # type: ignore[no-untyped-def]
    """Reinterpret an address as a pointer to complex128, for ``numba.carray``."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(types.complex128).as_pointer())

    return types.CPointer(types.complex128)(types.intp), codegen
