"""The interpreter of compiled programs: it runs loops and transforms in order, on one thread or several.

The context of a program starts with four entries: the program, the diagonal of a linear part, the length of that
diagonal, and the interpreter. `run_split` adds the linear part: so ``f = L u + N`` is had from the kernels of N.

A program is an int64 array: ``[steps, threads, scratch, bytes of scratch a thread, block of the team]`` and then seven
numbers a step: the kind, the values it touches in all (below `PARALLEL_MIN` threads do not pay), its first unit (0) and
four more:

=========  =================================================================================
kind       meaning of the last four
=========  =================================================================================
`LOOP`     address of a stage, its rows, rows for each plane of the grid, unused
`PHASE`    address of a record, units, fewest units of a call, unused
`PLANES`   address of an array of such steps, how many, planes of the grid, planes of a call
=========  =================================================================================

A record is ``[function, plan, source, target, bytes to the next plan, source, target, fields]``. `PLANES` runs several
steps on a few planes of the grid before it goes on to the next ones, so that what one leaves the other finds in the
cache, and threads meet only once.

It serves every system, so that a new system compiles its stages only.
"""

from __future__ import annotations

from ritz.codegen.loops import as_f64, as_i64, call_phase, call_rhs, call_stage, compiled

LOOP, PHASE, PLANES = 0, 1, 2
HEADER, STRIDE = 5, 7
PARALLEL_MIN = 4096  # values a loop must touch before threads pay


@compiled()
def run_phase(record_, lo, hi, scratch):  # type: ignore[no-untyped-def]
    """Units ``lo <= i < hi`` of a phase, for all fields."""
    r = as_i64(record_)
    for b in range(r[7]):
        call_phase(r[0], r[1] + b * r[4], r[2] + b * r[5], r[3] + b * r[6], lo, hi, scratch)


@compiled()
def run_planes(step_, lo, hi, t, u, p, out, ctx, scratch):  # type: ignore[no-untyped-def]
    """All steps of a `PLANES` on the planes ``lo <= i < hi``, a few at a time."""
    group = as_i64(step_)
    size = group[6]
    first = lo
    while first < hi:
        last = first + size if first + 2 * size <= hi else hi
        for k in range(group[4]):
            step = as_i64(group[3] + 8 * STRIDE * k)
            if step[0] == LOOP:
                call_stage(step[3], first * step[5], last * step[5], t, u, p, out, ctx)
            else:
                run_phase(step[3], first, last, scratch)
        first = last


@compiled()
def run_serial(t: float, u: int, p: int, out: int, ctx: int) -> None:  # type: ignore[no-untyped-def]
    """Run the program whose address is the first entry of the context."""
    context = as_i64(ctx)
    head = as_i64(context[0])
    for s in range(head[0]):
        address = context[0] + 8 * (HEADER + STRIDE * s)
        step = as_i64(address)
        if step[0] == LOOP:
            call_stage(step[3], step[2], step[4], t, u, p, out, ctx)
        elif step[0] == PHASE:
            run_phase(step[3], step[2], step[4], head[2])
        else:
            run_planes(address, step[2], step[5], t, u, p, out, ctx, head[2])


@compiled()
def run_split(t: float, u: int, p: int, out: int, ctx: int) -> None:  # type: ignore[no-untyped-def]
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
