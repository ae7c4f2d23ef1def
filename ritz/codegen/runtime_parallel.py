"""The interpreter of programs on several threads; see `ritz.codegen.runtime`.

Imported only when threads are asked for. The functions stand at the top level because Numba's cache does not find
functions that refer to others through a closure.
"""

from __future__ import annotations

from numba import cfunc, njit, prange

from ritz.codegen import threads
from ritz.codegen.abi import RHS_SIGNATURE, as_i64, call_map, call_stage
from ritz.codegen.runtime import HEADER, MAP, MAPS, PARALLEL_MIN, STRIDE

threads.launch()  # has to come before code with parallel loops is loaded from the cache


@njit(parallel=True, cache=True)
def share(address, rows, chunks, t, u, p, out, ctx):  # type: ignore[no-untyped-def]
    """Run a stage with its rows dealt out in chunks."""
    for c in prange(chunks):
        call_stage(address, rows * c // chunks, rows * (c + 1) // chunks, t, u, p, out, ctx)


@njit(parallel=True, cache=True)
def share_maps(table, count):  # type: ignore[no-untyped-def]
    """Run the maps of a table at the same time."""
    for c in prange(count):
        entry = as_i64(table + 32 * c)
        call_map(entry[0], entry[1], entry[2], entry[3])


@cfunc(RHS_SIGNATURE, cache=True)
def run_parallel(t, u, p, out, ctx):  # type: ignore[no-untyped-def]
    """Run the program whose address is the first entry of the context."""
    context = as_i64(ctx)
    head = as_i64(context[0])
    for s in range(head[0]):
        step = as_i64(context[0] + 8 * (HEADER + STRIDE * s))
        if step[0] == MAP:
            call_map(step[1], step[2], step[3], step[4])
        elif step[0] == MAPS:
            share_maps(step[1], step[2])
        elif step[3] < PARALLEL_MIN:
            call_stage(step[1], 0, step[2], t, u, p, out, ctx)
        else:
            share(step[1], step[2], head[1], t, u, p, out, ctx)
