"""From a method and a bound system to an engine, new or left over from an earlier run.

Setting up the memory of a small system takes longer than a run of it. Where a bound system serves all users (it has no
memory of its own), an engine that has done its work waits for the next run with the same method and tolerances.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.solvers.methods import EXPLICIT, Method

MOST_IDLE = 4  # engines of one kind that wait
LARGEST_IDLE = 10_000  # unknowns; larger engines take too much memory and gain too little

Array = NDArray[np.float64]


def make_engine(
    method: Method, bound: Any, u0: Array, control: Array, counts: NDArray[np.int64], atol: Array, threads: int
) -> Any:
    """A new engine; `control` and `counts` are set for the run."""
    if method.family == EXPLICIT:
        from ritz.solvers.explicit import ExplicitEngine

        return ExplicitEngine(method.coefficients, bound, u0, control, counts, atol)
    from ritz.solvers.split import SplitEngine

    return SplitEngine(method.coefficients, bound, u0, control, counts, atol, threads)


def idle_key(method: Method, bound: Any, atol: Array) -> tuple[str, float] | None:
    """Under which an engine may wait; None where it may not."""
    fits = (
        getattr(bound, "idle", None) is not None
        and method.family == EXPLICIT
        and atol.size == 1
        and bound.size <= LARGEST_IDLE
    )
    return (method.name, float(atol[0])) if fits else None


def idle_engine(key: tuple[str, float] | None, bound: Any) -> Any:
    """An engine that waits under a key, or None."""
    try:
        return bound.idle[key].pop() if key is not None else None
    except (KeyError, IndexError):  # none, or another thread was quicker
        return None


def leave_engine(engine: Any, key: tuple[str, float] | None, bound: Any) -> None:
    """Let an engine wait for the next run. Nothing that the run returned may refer to its memory."""
    if key is not None:
        waiting = bound.idle.setdefault(key, [])
        if len(waiting) < MOST_IDLE:
            waiting.append(engine)
