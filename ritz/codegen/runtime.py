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
`PLANES`   address of a group, unused, planes of the grid, planes of a call
`FUSED`    address of a function of `ritz.codegen.fused`, units, unused, unused
=========  =================================================================================

A record is ``[function, plan, source, target, bytes to the next plan, source, target, fields, own source, target]``.

`PLANES` runs several steps on a few planes of the grid before it goes on to the next ones, so that what one leaves the
other finds in the cache, and threads meet only once. Arrays of grid values that no other step touches hold these few
planes only; they are the thread's own and lie in its scratch memory, after a context with their addresses. A group is
``[address of an array of such steps, how many, own arrays, entries of the context, start of own memory]`` and then for
each of the own arrays ``[entry of the context for its address, for the bytes from field to field, place in own memory,
bytes of a plane, bytes from field to field]``; a record counts them from 1.

It serves every system, so that a new system compiles its stages only.
"""

from __future__ import annotations

from ritz.codegen.loops import as_f64, as_i64, call_fused, call_phase, call_rhs, call_stage, compiled

LOOP, PHASE, PLANES, FUSED = 0, 1, 2, 3
HEADER, STRIDE, GROUP, ARRAY = 5, 7, 5, 5
PARALLEL_MIN = 4096  # values a loop must touch before threads pay


@compiled()
def run_phase(record_, lo, hi, scratch):  # type: ignore[no-untyped-def]
    """Units ``lo <= i < hi`` of a phase, for all fields."""
    r = as_i64(record_)
    for b in range(r[7]):
        call_phase(r[0], r[1] + b * r[4], r[2] + b * r[5], r[3] + b * r[6], lo, hi, scratch)


@compiled()
def run_plane_phase(record_, group, own, lo, hi, scratch):  # type: ignore[no-untyped-def]
    """Planes ``lo <= i < hi`` of a phase; arrays in the thread's own memory begin with plane `lo`."""
    r = as_i64(record_)
    source, target, source_stride, target_stride = r[2], r[3], r[5], r[6]
    if r[8] > 0:
        a = as_i64(group + 8 * (GROUP + ARRAY * (r[8] - 1)))
        source, source_stride = own + a[2] - lo * a[3], a[4]
    if r[9] > 0:
        a = as_i64(group + 8 * (GROUP + ARRAY * (r[9] - 1)))
        target, target_stride = own + a[2] - lo * a[3], a[4]
    for b in range(r[7]):
        call_phase(r[0], r[1] + b * r[4], source + b * source_stride, target + b * target_stride, lo, hi, scratch)


@compiled()
def run_planes(step_, lo, hi, t, u, p, out, ctx, scratch):  # type: ignore[no-untyped-def]
    """All steps of a `PLANES` on the planes ``lo <= i < hi``, a few at a time."""
    step = as_i64(step_)
    group, size = as_i64(step[3]), step[6]
    own = scratch + group[4]
    shared, context = as_i64(ctx), as_i64(own)
    for k in range(group[3]):
        context[k] = shared[k]
    first = lo
    while first < hi:
        last = first + size if first + 2 * size <= hi else hi
        for k in range(group[2]):
            a = as_i64(step[3] + 8 * (GROUP + ARRAY * k))
            if a[0] > 0:
                context[a[0]] = own + a[2] - first * a[3]
            if a[1] > 0:
                context[a[1]] = a[4]
        for k in range(group[1]):
            inner = as_i64(group[0] + 8 * STRIDE * k)
            if inner[0] == LOOP:
                call_stage(inner[3], first * inner[5], last * inner[5], t, u, p, out, own)
            else:
                run_plane_phase(inner[3], step[3], own, first, last, scratch)
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
        elif step[0] == FUSED:
            call_fused(step[3], step[2], step[4], t, u, p, out, ctx, head[2])
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
