"""The interpreter of programs on several threads; see `ritz.codegen.runtime`.

Imported only when threads are asked for. The functions stand at the top level because Numba's cache does not find
functions that refer to others through a closure.
"""

from __future__ import annotations

from numba import cfunc, njit, prange

from ritz.codegen import threads
from ritz.codegen.abi import RHS_SIGNATURE, as_i64, call_phase, call_stage
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
    r = as_i64(record)
    single = units == 1
    count = min(chunks, r[7] if single else max(units // fewest, 1))
    for c in prange(count):
        memory = scratch + c * stride
        if single:
            for b in range(r[7] * c // count, r[7] * (c + 1) // count):
                call_phase(r[0], r[1] + b * r[4], r[2] + b * r[5], r[3] + b * r[6], 0, 1, memory)
        else:
            run_phase(record, units * c // count, units * (c + 1) // count, memory)


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
                call_stage(step[3], step[2], step[4], t, u, p, out, ctx)
            else:
                share(step[3], step[4], chunks, t, u, p, out, ctx)
        elif step[0] == PHASE:
            if chunks == 1:
                run_phase(step[3], step[2], step[4], head[2])
            else:
                share_phase(step[3], step[4], step[5], chunks, head[2], head[3])
        elif chunks == 1:
            run_planes(address, step[2], step[5], t, u, p, out, ctx, head[2])
        else:
            share_planes(address, step[5], step[6], chunks, t, u, p, out, ctx, head[2], head[3])
