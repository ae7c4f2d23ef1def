"""Threads that work together on the loops of one system.

A *job* is cut into pieces. Each member of the team begins with pieces of its own, the same ones in every job, so that
it finds in its cache what it left there; then it takes pieces that others have not begun, so that nothing waits for a
thread that the machine has put aside. A team without members works too: the caller does everything. A job begins and
ends within about 0.2 microseconds, because members wait for it spinning; they do so only while a solver is at work
(`Team.at_work`) and sleep otherwise. Where long pauses lie between the jobs, such as the linear systems between two
assemblies, the caller wakes the members before each job (`Team.wake`), and they wait for the next one for a limited
time only.

The block of a team is an int64 array with the number of the job, the job and its arguments, and for each member the
pieces of its own that are left (the job's number, the end and the next one, packed so that one exchange takes a piece)
and the shift for which it is there.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from queue import SimpleQueue

import numpy as np

from ritz.codegen.loops import (
    as_i64,
    atomic_add,
    atomic_load,
    atomic_store,
    call_piece,
    compiled,
    give_way,
    pause,
    replace,
)

EPOCH, SHIFT, COUNT, FUNCTION, PIECES, DONE, JOB, MEMBERS = 0, 8, 16, 17, 18, 24, 32, 48  # words; 8 are a cache line
MEMBER, PRESENT = 8, 1  # words of a member; the one with the shift for which it is there, 0 if it is not
BITS = 12  # of the end and of the next piece
MOST = (1 << BITS) - 1  # pieces
SPINS = 2000  # pauses before a waiting thread lets others run, about 30 microseconds


@compiled()
def _take_part(block, me, count, epoch):  # type: ignore[no-untyped-def]
    """Do pieces of a job until none is left to begin."""
    words, done = as_i64(block), 0
    for k in range(count):
        own = block + 8 * (MEMBERS + MEMBER * ((me + k) % count))
        while True:
            left = atomic_load(own)
            piece = left & MOST
            if left >> 2 * BITS != epoch or piece >= (left >> BITS) & MOST:
                break
            if replace(own, left, left + 1):
                call_piece(words[FUNCTION], block + 8 * JOB, piece, words[PIECES], me)
                done += 1
    if done > 0:
        atomic_add(block + 8 * DONE, done)


@compiled()
def deal(block, function, pieces):  # type: ignore[no-untyped-def]
    """Run ``function(job, i, pieces, member)`` for all ``0 <= i < pieces``; the job's numbers stand at `JOB`."""
    words = as_i64(block)
    count, epoch = words[COUNT], words[EPOCH] + 1
    words[FUNCTION], words[PIECES] = function, pieces
    atomic_store(block + 8 * DONE, 0)
    for c in range(count):
        own = pieces * c // count
        atomic_store(
            block + 8 * (MEMBERS + MEMBER * c), (epoch << 2 * BITS) + (pieces * (c + 1) // count << BITS) + own
        )
    atomic_store(block + 8 * EPOCH, epoch)
    _take_part(block, 0, count, epoch)
    waited = 0
    while atomic_load(block + 8 * DONE) != pieces:
        pause()
        waited += 1
        if waited > SPINS:
            give_way()


@compiled()
def serve(block: int, me: int, shift: int, patience: int) -> None:
    """Take part in jobs as a member until the shift is over, or no job has come for some time."""
    count, last, waited = as_i64(block)[COUNT], -1, 0
    while atomic_load(block + 8 * SHIFT) == shift:
        epoch = atomic_load(block + 8 * EPOCH)
        if epoch == last:
            pause()
            waited += 1
            if waited > SPINS:
                give_way()
            if waited - SPINS == patience > 0 and replace(block + 8 * (MEMBERS + MEMBER * me + PRESENT), shift, 0):
                return
            continue
        last, waited = epoch, 0
        _take_part(block, me, count, epoch)


class Team:
    """The threads of one caller.

    Args:
        count: threads, the caller included.
        patience: how often a member that waits lets other threads run before it goes to sleep, each time for about a
            microsecond; 0: it waits as long as a solver is at work, and `wake` must not be used.

    Attributes:
        address: of the block, 0 where the caller is alone.
    """

    def __init__(self, count: int, patience: int = 0) -> None:
        self.count, self.patience = count, patience
        self._memory = np.zeros(MEMBERS + MEMBER * count + 8, np.int64)
        start = int(-self._memory.ctypes.data % 64) // 8
        self._block = self._memory[start:]
        self._block[COUNT], self._block[SHIFT] = count, 1
        self.address = int(self._block.ctypes.data) if count > 1 else 0
        self._busy = False

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Let the members wait for jobs; within another use of the same kind nothing changes."""
        if self._busy or self.count < 2:
            yield
            return
        self._busy = True
        self._block[SHIFT] += 1
        self.wake()
        try:
            yield
        finally:
            self._block[SHIFT] += 1
            self._busy = False

    def wake(self) -> None:
        """Call the members that are not there; they wait for jobs as long as their patience lasts."""
        shift = int(self._block[SHIFT])
        for c in range(1, self.count):
            present = MEMBERS + MEMBER * c + PRESENT
            if self._block[present] != shift:
                self._block[present] = shift
                _worker().begin(self, c, shift)


class _Worker(threading.Thread):
    """A thread that serves one team after the other."""

    def __init__(self) -> None:
        super().__init__(name="ritz", daemon=True)
        self._orders: SimpleQueue[tuple[Team, int, int]] = SimpleQueue()
        self.start()

    def begin(self, team: Team, c: int, shift: int) -> None:
        """Serve as member `c` for a shift."""
        self._orders.put((team, c, shift))

    def run(self) -> None:
        while True:
            team, c, shift = self._orders.get()
            serve(team.address, c, shift, team.patience)
            del team
            _idle.append(self)


_idle: list[_Worker] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # a new process has none of the threads


def _worker() -> _Worker:
    try:
        return _idle.pop()
    except IndexError:
        return _Worker()
