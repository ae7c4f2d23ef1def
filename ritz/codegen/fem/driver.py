"""What stands around the kernels of a program: the loops that run its steps, on one thread or by a team.

A program is a list of *turns*, one after the other. A turn has pieces, lists of steps that several threads may do at
once: they write to different places. A step is a row of `WIDTH` int64 numbers, first what it is, then:

====== ===============================================================================
CLEAR  base, address, count
SET    base, address (from), base, address (to), count, bits of a factor
ADD    the same
KERNEL function, start, stop, tables, context
GATHER base, address, start, stop, targets, starts, sources (see `ritz.codegen.fem.parts.Shares`)
TELL   address where the address of the result is to be written
====== ===============================================================================
"""

from __future__ import annotations

import struct

from ritz.codegen.loops import address_of, as_f64, as_i32, as_i64, bits_of, call_kernel, compiled, double_of
from ritz.codegen.team import JOB, deal

WIDTH = 8  # int64 numbers of a step
CLEAR, SET, ADD, KERNEL, GATHER, TELL = range(6)
FIXED, STATE, OUT = range(3)  # what an address is relative to
TURN = 3  # int64 numbers of a turn: steps, first step of every piece and one past the last, pieces


@compiled()
def _place(base, offset, u, out):  # type: ignore[no-untyped-def]
    start = 0
    if base == STATE:
        start = u
    if base == OUT:
        start = out
    return start + offset


@compiled()
def _move(step, u, out):  # type: ignore[no-untyped-def]
    """Set numbers to a multiple of others, or add it."""
    a = as_i64(step)
    source, target = as_f64(_place(a[1], a[2], u, out)), as_f64(_place(a[3], a[4], u, out))
    count, factor = a[5], double_of(a[6])
    if a[0] == SET:
        for i in range(count):
            target[i] = factor * source[i]
    else:
        for i in range(count):
            target[i] += factor * source[i]


@compiled()
def _gather(step, u, out):  # type: ignore[no-untyped-def]
    """Add what several parts have left for one place, always in the same order."""
    a = as_i64(step)
    values = as_f64(_place(a[1], a[2], u, out))
    targets, starts, sources = as_i32(a[5]), as_i32(a[6]), as_i32(a[7])
    for k in range(a[3], a[4]):
        total = values[targets[k]]
        for i in range(starts[k], starts[k + 1]):
            total += values[sources[i]]
        values[targets[k]] = total


@compiled()
def _steps(first, stop, t, u, p, out):  # type: ignore[no-untyped-def]
    for step in range(first, stop, 8 * WIDTH):
        a = as_i64(step)
        if a[0] == KERNEL:
            call_kernel(a[1], a[2], a[3], a[4], t, p, a[5])
        elif a[0] == CLEAR:
            target = as_f64(_place(a[1], a[2], u, out))
            for i in range(a[3]):
                target[i] = 0.0
        elif a[0] == GATHER:
            _gather(step, u, out)
        elif a[0] == TELL:
            as_i64(a[1])[0] = out
        else:
            _move(step, u, out)


@compiled()
def _piece(job: int, i: int, pieces: int, member: int) -> None:
    """A piece of a turn."""
    a = as_i64(job)
    starts = as_i64(a[1])
    _steps(a[0] + 8 * WIDTH * starts[i], a[0] + 8 * WIDTH * starts[i + 1], double_of(a[2]), a[3], a[4], a[5])


@compiled()
def run(t: float, u: int, p: int, out: int, ctx: int) -> None:
    """Run a program, a right-hand side in the convention of `ritz.codegen.abi`.

    The context has three entries: block of the team, or 0; number of turns; their address.
    """
    context = as_i64(ctx)
    team = context[0]
    for k in range(context[1]):
        address = context[2] + 8 * TURN * k
        turn = as_i64(address)
        if team == 0 or turn[2] == 1:
            starts = as_i64(turn[1])
            _steps(turn[0] + 8 * WIDTH * starts[0], turn[0] + 8 * WIDTH * starts[turn[2]], t, u, p, out)
        else:
            job = as_i64(team + 8 * JOB)
            job[0], job[1], job[2], job[3], job[4], job[5] = turn[0], turn[1], bits_of(t), u, p, out
            deal(team, address_of(_piece), turn[2])


def bits(x: float) -> int:
    """The bits of a double as a signed integer."""
    return int(struct.unpack("<q", struct.pack("<d", x))[0])
