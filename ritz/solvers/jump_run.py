"""What a run does about the events of a problem: cuts steps short, restarts the engine, sets the next pause."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.solvers.buffers import EVALUATED, FINISHED, LOOK, STATUS, start_again, start_leg
from ritz.solvers.jumps import Inside, Jumps

Array = NDArray[Any]


class JumpRun:
    """The events of a problem at work on one engine.

    Args:
        jumps: the events.
        engine: has to offer ``watch`` and ``restart`` besides what the driver needs, and polynomials as dense output.
        control, counts: the arrays it shares.
        t_eval: requested times and the (times, size) array of their states, or None.
    """

    def __init__(
        self, jumps: Jumps, engine: Any, control: Array, counts: Array, t_eval: tuple[Array, Array] | None
    ) -> None:
        self.jumps, self.engine, self.control, self.counts, self.t_eval = jumps, engine, control, counts, t_eval
        self.fired: list[int] | None = None  # events that fire at the end of the last step; None: the state stays
        self.length: float | None = None  # full length of the last step if it was cut short
        self._fresh = False  # whether the next step is the first one after a jump

    @property
    def finished(self) -> bool:
        """Whether a terminal event has acted."""
        return self.jumps.finished

    def begin(self, t: float, u: Array) -> Array:
        """Let events fire at the start; returns the state afterwards."""
        after = self.jumps.begin(t, u)
        self.engine.watch(self.jumps.bound, self.jumps.held)
        if after is not None:
            self._restart(t, after)
        start_leg(self.control, self.counts, self.jumps.next_stop(t))
        return u if after is None else after

    def find(self, last: tuple[float, Array], times: Array, states: Array, rows: Array) -> None:
        """Cut the last one of some steps short where events fire in it.

        Args:
            last: time and state before the first of them.
            times, states, rows: the steps; the last time and state are overwritten.
        """
        self.fired = self.length = None
        looking = self.counts[LOOK] != 0
        if not looking and self.counts[STATUS] != FINISHED:
            return
        k = len(times) - 1
        t_old, y_old = last if k == 0 else (float(times[k - 1]), states[k - 1])
        t = float(times[k])
        inside = Inside(self.jumps.bound, t_old, t - t_old, y_old, rows[k]) if looking else None
        found, fired = self.jumps.find(t_old, t, states[k], inside, self._fresh)
        self._fresh, self.counts[LOOK] = False, 0
        if not self.jumps.has_work(found, fired):
            return
        self.fired = fired
        if found != t and inside is not None:
            self.length = t - t_old
            times[k], states[k] = found, inside.at(found)

    def jump(self, times: Array, states: Array) -> bool:
        """Change the state at the end of the last step where events fire there; returns whether one did."""
        t = float(times[-1])
        if self.fired is None:
            if self.counts[STATUS] == FINISHED:  # a pause at which nothing happens
                start_leg(self.control, self.counts, self.jumps.next_stop(t))
            return False
        states[-1] = self.jumps.fire(t, states[-1].copy(), self.fired)
        self._store_again(t, states[-1])
        self._restart(t, states[-1])
        start_leg(self.control, self.counts, self.jumps.next_stop(t))
        return True

    def _restart(self, t: float, state: Array) -> None:
        start_again(self.control, self.counts, t)
        self.engine.restart(state)
        self.counts[LOOK], self._fresh = 1, True

    def _store_again(self, t: float, state: Array) -> None:
        """Take back what was stored at requested times from `t` on; at `t` itself it is the state after the jump."""
        if self.t_eval is None:
            return
        wanted, out = self.t_eval
        k = int(np.searchsorted(wanted, t))
        if k < wanted.size and wanted[k] == t:
            out[k] = state
            k += 1
        self.counts[EVALUATED] = k

    def arrays(
        self, times: list[Array] | None, states: list[Array] | None, size: int
    ) -> tuple[list[Array], list[Array]]:
        """SciPy's ``t_events`` and ``y_events`` with those of the problem behind those of the user's functions."""
        times, states = list(times or ()), list(states or ())
        for form in self.jumps.forms:
            records = [r for r in self.jumps.log if r.name == form.name]
            times.append(np.array([r.t for r in records]))
            states.append(np.array([r.before for r in records]).reshape(-1, size))
        return times, states
