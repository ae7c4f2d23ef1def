"""Threads that share a job: every piece is done once, whoever is there to do it."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from ritz.codegen.loops import address_of, as_i64, compiled
from ritz.codegen.team import JOB, MEMBER, MEMBERS, PRESENT, Team, _Worker, deal


@compiled()
def mark(job: int, c: int, pieces: int, member: int) -> None:
    """Count a piece in an array, and take a while."""
    a = as_i64(job)
    counts, total = as_i64(a[0]), 0
    for i in range(a[1]):
        total += i ^ c
    counts[c] += 1 + (total & 0)
    counts[8] = pieces


@compiled()
def repeat(block: int, counts: int, work: int, pieces: int, times: int) -> None:
    job = as_i64(block + 8 * JOB)
    for _ in range(times):
        job[0], job[1] = counts, work
        deal(block, address_of(mark), pieces)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("pieces", [1, 2, 3, 7])
@pytest.mark.parametrize("work", [0, 3000])
def test_every_piece_is_done_once(threads, pieces, work):
    team, counts, pieces = Team(threads), np.zeros(16, np.int64), pieces
    with team.at_work(), team.at_work():
        repeat(team.address, counts.ctypes.data, work, pieces, 2000)
    assert counts.tolist() == [2000] * pieces + [0] * (8 - pieces) + [pieces] + [0] * 7


def test_a_team_without_members_works():
    team, counts = Team(3), np.zeros(16, np.int64)
    repeat(team.address, counts.ctypes.data, 10, 3, 50)
    assert counts[:3].tolist() == [50] * 3


def test_members_help_and_go_to_sleep_again():
    team, counts = Team(2), np.zeros(16, np.int64)
    for _ in range(20):
        with team.at_work():
            repeat(team.address, counts.ctypes.data, 100, 2, 10)
    assert counts[:2].tolist() == [200, 200]
    names = [t.name for t in threading.enumerate()]
    deadline = time.monotonic() + 10
    from ritz.codegen.team import _idle

    while len(_idle) < names.count("ritz") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(_idle) == names.count("ritz") >= 1


def test_teams_of_several_callers_do_not_meet():
    results = []

    def call():
        team, counts = Team(2), np.zeros(16, np.int64)
        with team.at_work():
            repeat(team.address, counts.ctypes.data, 50, 2, 500)
        results.append(counts[:2].tolist())

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert results == [[500, 500]] * 4


def test_members_that_wait_in_vain_go_to_sleep_and_come_back(monkeypatch):
    team, counts, begun, begin = Team(2, patience=5), np.zeros(16, np.int64), [], _Worker.begin
    monkeypatch.setattr(_Worker, "begin", lambda worker, *order: begun.append(order) or begin(worker, *order))
    present = team._block[MEMBERS + MEMBER + PRESENT :][:1]
    for _ in range(3):
        team.wake()
        repeat(team.address, counts.ctypes.data, 10, 2, 10)
        deadline = time.monotonic() + 10
        while present[0] and time.monotonic() < deadline:
            time.sleep(0.001)
        assert present[0] == 0
        repeat(team.address, counts.ctypes.data, 10, 2, 10)  # the caller does everything
    assert counts[:2].tolist() == [60, 60]
    assert begun == [(team, 1, 1)] * 3


def test_one_thread_needs_no_team():
    team = Team(1)
    assert team.address == 0
    with team.at_work():
        assert threading.active_count() >= 1
