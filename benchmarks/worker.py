"""The half of the harness that runs inside a side's own process; needs NumPy only, any Python from 3.8.

A side is a script that calls ``serve(prepare)``. ``prepare(arguments)`` imports the tool, sets the problem up,
compiles, computes the answer and returns `Ready`. After that the parent asks for one block of work at a time.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import metadata

import numpy as np


class Ready:
    """What a side hands back when it is set up.

    Attributes:
        answer: named arrays, compared with the reference before anything is timed.
        block: ``block(count)`` does `count` units of work and returns when they are done.
        facts: anything worth printing (method, grid, steps taken).
    """

    def __init__(self, answer, block, facts=None):
        self.answer = {name: np.asarray(value) for name, value in answer.items()}
        self.block = block
        self.facts = facts or {}


def versions(*packages):
    """Installed versions, Python first."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def use_cores(count):
    """Keep this process on `count` of the cores it may use (where the system can)."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:count]))


def serve(prepare):
    """Set up, then time blocks on request: one JSON line in, one JSON line out."""
    request = json.loads(sys.argv[1])
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the tool prints goes to stderr and cannot disturb the protocol
    use_cores(request["cores"])
    start = time.perf_counter()
    ready = prepare(request["arguments"])
    setup = time.perf_counter() - start
    np.savez(request["answer_file"], **ready.answer)
    channel.write(json.dumps({"setup": setup, "facts": ready.facts}) + "\n")
    channel.flush()
    for line in sys.stdin:
        count = json.loads(line)["count"]
        wall, cpu = time.perf_counter(), time.process_time()
        ready.block(count)
        answer = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        channel.write(json.dumps(answer) + "\n")
        channel.flush()
