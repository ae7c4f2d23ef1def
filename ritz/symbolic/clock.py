"""The clock of searches: processor time, so that what they find does not depend on what else the machine does."""

from __future__ import annotations

import time


def spent() -> float:
    """Seconds of processor time of the calling thread; deadlines of searches are values of this clock."""
    return time.thread_time()
