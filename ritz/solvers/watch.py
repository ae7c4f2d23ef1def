"""Conditions watched from inside a compiled loop: after a step at whose end one of them has changed, the loop stops.

What is done about it is Python's business (`ritz.solvers.jumps`). A loop calls `watch` after every accepted step and
returns where ``counts[LOOK]`` is set; it keeps the dense output of that step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.codegen.loops import as_f64, call_rhs, compiled
from ritz.solvers.buffers import LOOK
from ritz.solvers.frame import FOUND, HELD, NEW, PARAMETERS, WATCH, WATCH_CONTEXT, WATCH_COUNT, Frame


@compiled()
def watch(frame, counts, t):  # type: ignore[no-untyped-def]
    """Set ``counts[LOOK]`` if a condition at the end of the step differs from what it was."""
    if frame[WATCH] == 0:
        return
    call_rhs(frame[WATCH], t, frame[NEW], frame[PARAMETERS], frame[FOUND], frame[WATCH_CONTEXT])
    held, found = as_f64(frame[HELD]), as_f64(frame[FOUND])
    for k in range(frame[WATCH_COUNT]):
        if held[k] != found[k]:
            counts[LOOK] = 1


def point_watch(frame: Frame, bound_events: Any, held: NDArray[np.float64]) -> None:
    """Let a frame watch the conditions of a system's events (see `ritz.codegen.events`), or none."""
    if bound_events is None:
        frame.words[WATCH] = 0
        return
    frame.words[[WATCH, WATCH_CONTEXT, WATCH_COUNT]] = bound_events.address, bound_events.context, held.size
    frame.point(HELD, held)
    frame.point(FOUND, np.empty(2 * held.size))  # the numbers that change sign come behind the conditions
