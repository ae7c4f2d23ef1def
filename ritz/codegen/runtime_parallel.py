"""The interpreter of programs on several threads; see `ritz.codegen.runtime`.

Imported only when threads are asked for. The functions stand at the top level because Numba's cache does not find
functions that refer to others through a closure.
"""

from __future__ import annotations

from numba import cfunc, njit, prange

from ritz.codegen import threads
from ritz.codegen.abi import RHS_SIGNATURE, as_i64, call_stage
from ritz.codegen.runtime import HEADER, LOOP, PARALLEL_MIN, PHASE, STRIDE, run_phase, run_planes

threads.launch()  # has to come before code with parallel loops is loaded from the cache


@njit(parallel=True, cache=True)
def share(address, rows, chunks, t, u, p, out, ctx):  # type: ignore[no-untyped-def]
    """Run a stage with its rows dealt out in chunks."""
    for c in prange(chunks):
        call_stage(address, rows * c // chunks, rows * (c + 1) // chunks, t, u, p, out, ctx)


@njit(parallel=True, cache=True)
def share_phase(record, units, fewest, chunks, scratch, stride):  # type: ignore[no-untyped-def]
    """Run a phase with its units dealt out, or its fields where a field is one unit."""
    fields = as_i64(record)[7]
    single = units == 1
    count = min(chunks, fields if single else max(units // fewest, 1))
    for c in prange(count):
        memory = scratch + c * stride
        if single:
            run_phase(record, fields * c // count, fields * (c + 1) // count, 0, 1, memory)
        else:
            run_phase(record, 0, fields, units * c // count, units * (c + 1) // count, memory)


@njit(parallel=True, cache=True)
def share_planes(step, planes, size, chunks, t, u, p, out, ctx, scratch, stride):  # type: ignore[no-untyped-def]
    """Run steps that go together with the planes of the grid dealt out."""
    pieces = max(planes // size, 1)
    count = min(chunks, pieces)
    for c in prange(count):
        lo = pieces * c // count * size
        hi = planes if c == count - 1 else pieces * (c + 1) // count * size
        run_planes(step, lo, hi, t, u, p, out, ctx, scratch + c * stride)


@cfunc(RHS_SIGNATURE, cache=True)
def run_parallel(t, u, p, out, ctx):  # type: ignore[no-untyped-def]
    """Run the program whose address is the first entry of the context."""
    context = as_i64(ctx)
    head = as_i64(context[0])
    for s in range(head[0]):
        address = context[0] + 8 * (HEADER + STRIDE * s)
        step = as_i64(address)
        chunks = head[1] if step[1] >= PARALLEL_MIN else 1
        if step[0] == LOOP:
            if chunks == 1:
                call_stage(step[2], 0, step[3], t, u, p, out, ctx)
            else:
                share(step[2], step[3], chunks, t, u, p, out, ctx)
        elif step[0] == PHASE:
            if chunks == 1:
                run_phase(step[2], 0, as_i64(step[2])[7], 0, step[3], head[2])
            else:
                share_phase(step[2], step[3], step[4], chunks, head[2], head[3])
        elif chunks == 1:
            run_planes(address, 0, step[4], t, u, p, out, ctx, head[2])
        else:
            share_planes(address, step[4], step[5], chunks, t, u, p, out, ctx, head[2], head[3])
