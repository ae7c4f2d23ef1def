"""Threads that work together on the loops of one system.

A *job* is cut into chunks; `deal` runs chunk 0 itself, and chunk c belongs to member c. A chunk that its member has not
begun when the caller is through with its own is done by the caller, so that nothing waits for a thread that the machine
has put aside; a team without members works too. A job begins and ends within about 0.2 microseconds, because members
wait for it spinning; they do so only while a solver is at work (`Team.at_work`) and sleep otherwise.

The block of a team is an int64 array of its number of threads, the job and its arguments, and for each member the last
job of which its chunk was begun and done, on lines of the cache of their own.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

import numpy as np

from ritz.codegen.loops import (
    as_i64,
    atomic_load,
    atomic_store,
    call_chunk,
    compiled,
    give_way,
    pause,
    replace,
)

EPOCH, SHIFT, COUNT, FUNCTION, CHUNKS, JOB, MEMBERS = 0, 8, 16, 17, 18, 24, 40  # words of the block; each 8 are a line
MEMBER = 16  # words of a member: the job begun, and a line further on the job done
SPINS = 2000  # pauses before a waiting thread lets others run, about 30 microseconds


@compiled()
def deal(block, function, chunks):  # type: ignore[no-untyped-def]
    """Run ``function(job, c, chunks)`` for all ``0 <= c < chunks``; the arguments stand in the block from `JOB` on."""
    words = as_i64(block)
    words[FUNCTION], words[CHUNKS] = function, chunks
    epoch = words[EPOCH] + 1
    atomic_store(block + 8 * EPOCH, epoch)
    call_chunk(function, block + 8 * JOB, 0, chunks)
    for c in range(1, words[COUNT]):
        begun = block + 8 * (MEMBERS + MEMBER * c)
        before = atomic_load(begun)
        if before != epoch and replace(begun, before, epoch):
            if c < chunks:
                call_chunk(function, block + 8 * JOB, c, chunks)
            continue
        waited = 0
        while atomic_load(begun + 64) != epoch:
            pause()
            waited += 1
            if waited > SPINS:
                give_way()


@compiled()
def serve(block: int, c: int, shift: int) -> None:
    """Do the chunks of member `c` until the shift is over."""
    words, begun, waited = as_i64(block), block + 8 * (MEMBERS + MEMBER * c), 0
    while atomic_load(block + 8 * SHIFT) == shift:
        epoch, before = atomic_load(block + 8 * EPOCH), atomic_load(begun)
        if before >= epoch or not replace(begun, before, epoch):  # the job of an old epoch is over
            pause()
            waited += 1
            if waited > SPINS:
                give_way()
            continue
        waited = 0
        if c < words[CHUNKS]:
            call_chunk(words[FUNCTION], block + 8 * JOB, c, words[CHUNKS])
        atomic_store(begun + 64, epoch)


class Team:
    """The threads of one system.

    Args:
        count: threads, the caller included.

    Attributes:
        address: of the block, 0 where the caller is alone.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._memory = np.zeros(MEMBERS + MEMBER * count + 8, np.int64)
        start = int(-self._memory.ctypes.data % 64) // 8
        self._block = self._memory[start:]
        self._block[COUNT] = count
        self.address = int(self._block.ctypes.data) if count > 1 else 0
        self._busy = False

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Let the members wait for jobs; within another use of the same kind nothing changes."""
        if self._busy or self.count < 2:
            yield
            return
        self._busy = True
        shift = int(self._block[SHIFT]) + 1
        self._block[SHIFT] = shift
        for c in range(1, self.count):
            _worker().begin(self, c, shift)
        try:
            yield
        finally:
            self._block[SHIFT] = shift + 1
            self._busy = False


class _Worker(threading.Thread):
    """A thread that serves one team after the other."""

    def __init__(self) -> None:
        super().__init__(name="ritz", daemon=True)
        self._wanted = threading.Semaphore(0)
        self._order: tuple[Team, int, int] | None = None
        self.start()

    def begin(self, team: Team, c: int, shift: int) -> None:
        """Serve as member `c` for a shift."""
        self._order = team, c, shift
        self._wanted.release()

    def run(self) -> None:
        while True:
            self._wanted.acquire()
            assert self._order is not None
            team, c, shift = self._order
            serve(team.address, c, shift)
            self._order = None
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
