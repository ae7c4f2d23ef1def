"""What stands around the kernels of a program: a small interpreter, values of conditions, positions in matrices.

All of it is text in LLVM's language, compiled once per machine.
"""

from __future__ import annotations

import struct
from functools import lru_cache

import numpy as np

from ritz.codegen import native
from ritz.codegen.layout import Array

WIDTH = 8  # int64 numbers of a step
CLEAR, ADD, KERNEL, PLACE, TELL = range(5)
FIXED, STATE, OUT = range(3)  # what an address is relative to

# CLEAR base address count; ADD base address (from) base address (to) count bits-of-factor; KERNEL function start stop
# tables context; PLACE function count context; TELL address: where the address of the result is to be written

_RUN = """
define void @run(double %t, i64 %u, i64 %p, i64 %out, i64 %ctx) nounwind {
entry:
  %head = inttoptr i64 %ctx to ptr
  %count = load i64, ptr %head
  %list_at = getelementptr i64, ptr %head, i64 1
  %list_in = load i64, ptr %list_at
  %list = inttoptr i64 %list_in to ptr
  %params = inttoptr i64 %p to ptr
  br label %next
next:
  %k = phi i64 [ 0, %entry ], [ %k1, %done ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %step, label %end
step:
  %row = mul i64 %k, 8
  %at = getelementptr i64, ptr %list, i64 %row
  %op = load i64, ptr %at
  %at1 = getelementptr i64, ptr %at, i64 1
  %a1 = load i64, ptr %at1
  %at2 = getelementptr i64, ptr %at, i64 2
  %a2 = load i64, ptr %at2
  %at3 = getelementptr i64, ptr %at, i64 3
  %a3 = load i64, ptr %at3
  %at4 = getelementptr i64, ptr %at, i64 4
  %a4 = load i64, ptr %at4
  %at5 = getelementptr i64, ptr %at, i64 5
  %a5 = load i64, ptr %at5
  %at6 = getelementptr i64, ptr %at, i64 6
  %a6 = load i64, ptr %at6
  switch i64 %op, label %done [ i64 0, label %clear i64 1, label %add i64 2, label %kernel
    i64 3, label %place i64 4, label %tell ]
clear:
  %c_out = icmp eq i64 %a1, 2
  %c_base = select i1 %c_out, i64 %out, i64 0
  %c_address = add i64 %c_base, %a2
  %c_to = inttoptr i64 %c_address to ptr
  %bytes = mul i64 %a3, 8
  call void @llvm.memset.p0.i64(ptr %c_to, i8 0, i64 %bytes, i1 false)
  br label %done
add:
  %s_state = icmp eq i64 %a1, 1
  %s_base = select i1 %s_state, i64 %u, i64 0
  %s_address = add i64 %s_base, %a2
  %from = inttoptr i64 %s_address to ptr
  %d_out = icmp eq i64 %a3, 2
  %d_base = select i1 %d_out, i64 %out, i64 0
  %d_address = add i64 %d_base, %a4
  %to = inttoptr i64 %d_address to ptr
  %factor = bitcast i64 %a6 to double
  br label %add_next
add_next:
  %i = phi i64 [ 0, %add ], [ %i1, %add_body ]
  %i_more = icmp slt i64 %i, %a5
  br i1 %i_more, label %add_body, label %done
add_body:
  %x_at = getelementptr double, ptr %from, i64 %i
  %x = load double, ptr %x_at
  %y_at = getelementptr double, ptr %to, i64 %i
  %y = load double, ptr %y_at
  %fx = fmul double %factor, %x
  %sum = fadd double %y, %fx
  store double %sum, ptr %y_at
  %i1 = add nsw i64 %i, 1
  br label %add_next
kernel:
  %f = inttoptr i64 %a1 to ptr
  %tables = inttoptr i64 %a4 to ptr
  %f_ctx = inttoptr i64 %a5 to ptr
  call void %f(i64 %a2, i64 %a3, ptr %tables, double %t, ptr %params, ptr %f_ctx)
  br label %done
place:
  %g = inttoptr i64 %a1 to ptr
  %g_ctx = inttoptr i64 %a3 to ptr
  call void %g(i64 0, i64 %a2, ptr null, double %t, ptr %params, ptr %g_ctx)
  br label %done
tell:
  %slot = inttoptr i64 %a1 to ptr
  store i64 %out, ptr %slot
  br label %done
done:
  %k1 = add nsw i64 %k, 1
  br label %next
end:
  ret void
}
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""

_LOCATE = """
define void @locate(i64 %n, i64 %na, i64 %nb, ptr %rows, ptr %columns, i64 %free, ptr %indptr, ptr %indices,
                    i64 %none, i64 %width, ptr %to) nounwind {
entry:
  br label %cell
cell:
  %c = phi i64 [ 0, %entry ], [ %c1, %cell_done ]
  %c_more = icmp slt i64 %c, %n
  br i1 %c_more, label %cell_body, label %end
cell_body:
  %row0 = mul i64 %c, %na
  %col0 = mul i64 %c, %nb
  %to0 = mul i64 %c, %width
  br label %a_head
a_head:
  %a = phi i64 [ 0, %cell_body ], [ %a1, %a_done ]
  %a_more = icmp slt i64 %a, %na
  br i1 %a_more, label %a_body, label %cell_done
a_body:
  %r_i = add i64 %row0, %a
  %r_at = getelementptr i32, ptr %rows, i64 %r_i
  %r32 = load i32, ptr %r_at
  %r = sext i32 %r32 to i64
  %r_free = icmp slt i64 %r, %free
  %r_safe = select i1 %r_free, i64 %r, i64 0
  %lo_at = getelementptr i32, ptr %indptr, i64 %r_safe
  %lo32 = load i32, ptr %lo_at
  %lo0 = sext i32 %lo32 to i64
  %r1 = add i64 %r_safe, 1
  %hi_at = getelementptr i32, ptr %indptr, i64 %r1
  %hi32 = load i32, ptr %hi_at
  %hi0 = sext i32 %hi32 to i64
  br label %b_head
b_head:
  %b = phi i64 [ 0, %a_body ], [ %b1, %b_done ]
  %b_more = icmp slt i64 %b, %nb
  br i1 %b_more, label %b_body, label %a_done
b_body:
  %q_i = add i64 %col0, %b
  %q_at = getelementptr i32, ptr %columns, i64 %q_i
  %q = load i32, ptr %q_at
  %q64 = sext i32 %q to i64
  %q_free = icmp slt i64 %q64, %free
  %both = and i1 %r_free, %q_free
  br label %search
search:
  %lo = phi i64 [ %lo0, %b_body ], [ %lo_new, %halve ]
  %hi = phi i64 [ %hi0, %b_body ], [ %hi_new, %halve ]
  %wide = icmp slt i64 %lo, %hi
  br i1 %wide, label %halve, label %b_done
halve:
  %sum = add i64 %lo, %hi
  %mid = lshr i64 %sum, 1
  %m_at = getelementptr i32, ptr %indices, i64 %mid
  %m = load i32, ptr %m_at
  %less = icmp slt i32 %m, %q
  %mid1 = add i64 %mid, 1
  %lo_new = select i1 %less, i64 %mid1, i64 %lo
  %hi_new = select i1 %less, i64 %hi, i64 %mid
  br label %search
b_done:
  %place = select i1 %both, i64 %lo, i64 %none
  %place32 = trunc i64 %place to i32
  %ab0 = mul i64 %a, %nb
  %ab = add i64 %ab0, %b
  %w_i = add i64 %to0, %ab
  %w_at = getelementptr i32, ptr %to, i64 %w_i
  store i32 %place32, ptr %w_at
  %b1 = add i64 %b, 1
  br label %b_head
a_done:
  %a1 = add i64 %a, 1
  br label %a_head
cell_done:
  %c1 = add i64 %c, 1
  br label %cell
end:
  ret void
}
"""


@lru_cache(maxsize=1)
def runner() -> int:
    """Address of the interpreter, a right-hand side in the convention of `ritz.codegen.abi`.

    The context it is given starts with the number of steps and the address of their list.
    """
    return native.load(_RUN, level=2, vectorize=True).address("run")


def locate(rows: Array, columns: Array, free: int, indptr: Array, indices: Array, to: Array, start: int) -> None:
    """Places of cell matrices in the values of a sparse matrix.

    Args:
        rows, columns: (cells, na), (cells, nb) int32 numbers of the unknowns.
        free: numbers from here on have no place; they get the one behind the last value.
        indptr, indices: pattern by rows, int32, columns increasing.
        to: (cells, width) int32; entries from `start` on receive the places, row by row.
    """
    import ctypes

    address = native.load(_LOCATE, level=2).address("locate")
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    function = ctypes.CFUNCTYPE(
        None, number, number, number, pointer, pointer, number, pointer, pointer, number, number, pointer
    )(address)
    for array in (rows, columns, indptr, indices, to):
        assert array.dtype == np.int32 and array.flags.c_contiguous
    function(
        len(rows), rows.shape[1], columns.shape[1], rows.ctypes.data, columns.ctypes.data, free, indptr.ctypes.data,
        indices.ctypes.data, len(indices), to.shape[1], to.ctypes.data + 4 * start,
    )  # fmt: skip


def bits(x: float) -> int:
    """The bits of a double as a signed integer."""
    return int(struct.unpack("<q", struct.pack("<d", x))[0])
