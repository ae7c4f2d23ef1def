"""The interpreter of programs on several threads; see `ritz.codegen.runtime` and `ritz.codegen.team`."""

from __future__ import annotations

from ritz.codegen.loops import address_of, as_i64, bits_of, call_fused, call_phase, call_stage, compiled, double_of
from ritz.codegen.runtime import FUSED, HEADER, LOOP, PARALLEL_MIN, PHASE, STRIDE, run_phase, run_planes
from ritz.codegen.team import JOB, MOST, deal

SHARES = 4  # pieces for each thread, where there are so many
FINE = 8  # the same for fused functions, whose units take microseconds


@compiled()
def stage_piece(job: int, i: int, pieces: int, member: int) -> None:
    """A part of the rows of a stage."""
    a = as_i64(job)
    call_stage(a[0], a[1] * i // pieces, a[1] * (i + 1) // pieces, double_of(a[2]), a[3], a[4], a[5], a[6])


@compiled()
def phase_piece(job: int, i: int, pieces: int, member: int) -> None:
    """A part of the units of a phase, or of its fields where a field is one unit."""
    a = as_i64(job)
    record, units, memory = a[0], a[1], a[2] + member * a[3]
    r = as_i64(record)
    if units > 1:
        run_phase(record, units * i // pieces, units * (i + 1) // pieces, memory)
        return
    for b in range(r[7] * i // pieces, r[7] * (i + 1) // pieces):
        call_phase(r[0], r[1] + b * r[4], r[2] + b * r[5], r[3] + b * r[6], 0, 1, memory)


@compiled()
def fused_piece(job: int, i: int, pieces: int, member: int) -> None:
    """A part of the units of a fused function."""
    a = as_i64(job)
    lo, hi = a[1] * i // pieces, a[1] * (i + 1) // pieces
    call_fused(a[0], lo, hi, double_of(a[2]), a[3], a[4], a[5], a[6], a[7] + member * a[8])


@compiled()
def planes_piece(job: int, i: int, pieces: int, member: int) -> None:
    """A part of the planes of steps that go together."""
    a = as_i64(job)
    step, planes, size = a[0], a[1], a[2]
    groups = max(planes // size, 1)
    lo = groups * i // pieces * size
    hi = planes if i == pieces - 1 else groups * (i + 1) // pieces * size
    run_planes(step, lo, hi, double_of(a[5]), a[6], a[7], a[8], a[9], a[3] + member * a[4])


@compiled()
def run_parallel(t: float, u: int, p: int, out: int, ctx: int) -> None:
    """Run the program whose address is the first entry of the context."""
    context = as_i64(ctx)
    head = as_i64(context[0])
    block, most = head[4], min(SHARES * head[1], MOST)
    job = as_i64(block + 8 * JOB)
    for s in range(head[0]):
        address = context[0] + 8 * (HEADER + STRIDE * s)
        step = as_i64(address)
        shared = step[1] >= PARALLEL_MIN
        if step[0] == LOOP:
            if shared:
                job[0], job[1], job[2] = step[3], step[4], bits_of(t)
                job[3], job[4], job[5], job[6] = u, p, out, ctx
                deal(block, address_of(stage_piece), min(step[4], most))
            else:
                call_stage(step[3], step[2], step[4], t, u, p, out, ctx)
        elif step[0] == PHASE:
            if shared:
                job[0], job[1], job[2], job[3] = step[3], step[4], head[2], head[3]
                fields = as_i64(step[3])[7]
                pieces = step[4] // step[5] if step[4] > 1 else fields
                deal(block, address_of(phase_piece), min(most, max(pieces, 1)))
            else:
                run_phase(step[3], step[2], step[4], head[2])
        elif step[0] == FUSED:
            if shared:
                job[0], job[1], job[2], job[3], job[4] = step[3], step[4], bits_of(t), u, p
                job[5], job[6], job[7], job[8] = out, ctx, head[2], head[3]
                deal(block, address_of(fused_piece), min(step[4], FINE * head[1]))
            else:
                call_fused(step[3], step[2], step[4], t, u, p, out, ctx, head[2])
        elif shared:
            job[0], job[1], job[2], job[3], job[4] = address, step[5], step[6], head[2], head[3]
            job[5], job[6], job[7], job[8], job[9] = bits_of(t), u, p, out, ctx
            deal(block, address_of(planes_piece), min(most, max(step[5] // step[6], 1)))
        else:
            run_planes(address, step[2], step[5], t, u, p, out, ctx, head[2])
