"""The interpreter of compiled programs: it runs stages and maps in order, on one thread or several.

The context of a program starts with four entries: the program, the diagonal of a linear part, the length of that
diagonal, and the interpreter. `run_split` adds the linear part: so ``f = L u + N`` is had from the kernels of N.

A program is an int64 array: ``[number of steps, threads]`` and then five numbers a step: kind, address and three
arguments. It is compiled once per machine and serves every system, so that a new system compiles its stages only.

=======  =================================================================================
kind     meaning of the other four
=======  =================================================================================
`LOOP`   address of a stage, rows of its outermost axis, values it touches in all, unused
`MAP`    address of a map, plan, address of the source, address of the target
`MAPS`   address of a table of such quadruples to be run at the same time, how many, unused, unused
=======  =================================================================================
"""

from __future__ import annotations

from numba import cfunc

from ritz.codegen.abi import RHS_SIGNATURE, as_f64, as_i64, call_map, call_rhs, call_stage

LOOP, MAP, MAPS = 0, 1, 2
HEADER, STRIDE = 2, 5
PARALLEL_MIN = 4096  # values a loop must touch before threads pay for their start (about 4 microseconds)


@cfunc(RHS_SIGNATURE, cache=True)
def run_serial(t, u, p, out, ctx):  # type: ignore[no-untyped-def]
    """Run the program whose address is the first entry of the context."""
    context = as_i64(ctx)
    head = as_i64(context[0])
    for s in range(head[0]):
        step = as_i64(context[0] + 8 * (HEADER + STRIDE * s))
        if step[0] == LOOP:
            call_stage(step[1], 0, step[2], t, u, p, out, ctx)
        else:
            call_map(step[1], step[2], step[3], step[4])


@cfunc(RHS_SIGNATURE, cache=True)
def run_split(t, u, p, out, ctx):  # type: ignore[no-untyped-def]
    """Run a program through the interpreter in the fourth entry of the context and add its linear part."""
    context, state, result = as_i64(ctx), as_f64(u), as_f64(out)
    call_rhs(context[3], t, u, p, out, ctx)
    diagonal = as_f64(context[1])
    for i in range(context[2]):
        a, b = diagonal[2 * i], diagonal[2 * i + 1]
        x, y = state[2 * i], state[2 * i + 1]
        result[2 * i] += a * x - b * y
        result[2 * i + 1] += a * y + b * x


def runner(count: int) -> int:
    """Address of the interpreter for this number of threads."""
    if count > 1:
        from ritz.codegen.runtime_parallel import run_parallel

        return int(run_parallel.address)
    return int(run_serial.address)
