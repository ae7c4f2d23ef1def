"""Lines on the terminal that carry the time since the start."""

from __future__ import annotations

import time


class Say:
    """Print plain lines, each with the seconds since this object was made."""

    def __init__(self) -> None:
        self.began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.began

    def __call__(self, line: str) -> None:
        print(f"[{self.seconds:5.0f} s] {line}", flush=True)
