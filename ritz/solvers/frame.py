"""The frame: one int64 array through which Python, the compiled loops and the compiled steps share everything.

A compiled loop takes a single argument, the address of its frame; the entries, named by the constants below, are
sizes and addresses of arrays. That keeps loops quick to call and quick to compile, and a loop is the same for all
systems, methods and kinds of numbers. `Frame` builds one and keeps the arrays alive.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What every loop needs: shared arrays, the right-hand side it calls, states, tolerances, output.
(CONTROL, COUNTS, SIZE, RHS, PARAMETERS, CONTEXT, OLD, NEW, SCRATCH, ERROR, ATOL, ATOL_SIZE, GROUPS, GROUP_COUNT,
 WEIGHTS, T_EVAL, EVAL_COUNT, OUT, BUFFER_T, BUFFER_SIZE, BUFFER_Y, BUFFER_Q, SELF) = range(23)  # fmt: skip

# Explicit methods; the stage derivatives follow from ROWS on.
(STEP_CODE, EXTRA_CODE, STAGES, EXTRA_STAGES, OTHER_ERROR, WANT_ERROR, TWO_ERRORS, DENSE, DENSE_COUNT, DEGREE,
 DENSE_ROWS, WIDTH) = range(23, 35)  # fmt: skip

# Split methods; N at the stages, the method's own arrays and its coefficient tables follow from ROWS on.
(COUNT, LINEAR, PREVIOUS, PLACE, STAGE_CODES, NODES, ARGUMENTS, TARGETS, UPDATE_CODE, ERROR_CODE, PREPARE_CODE,
 POINT_CODE,
 DENSE_CODES, DENSE_PASSES, LAST_ROW, HISTORY, TEAM, THREADS, STAGE_COUNT) = range(23, 42)  # fmt: skip

ROWS = 42

# Watched conditions: compiled code, its context, their number, what they were, what they are.
WATCH, WATCH_CONTEXT, WATCH_COUNT, HELD, FOUND = range(90, 95)
FRAME_SIZE = 95


_addressof, _from_buffer = ctypes.addressof, ctypes.c_char.from_buffer


def address(array: Any) -> int:
    """Address of the first entry of an array."""
    try:
        return _addressof(_from_buffer(array))  # the quickest way there is
    except (TypeError, ValueError):  # read-only, empty or not contiguous
        return int(array.__array_interface__["data"][0])


class Frame:
    """A frame and the arrays it points to.

    Args:
        control, counts: The arrays of `ritz.solvers.buffers`.
        bound: The system at one parameter point.
        rhs: Address of the right-hand side (or of its nonlinear part) that the loop calls.
        size: Length of the state.
        atol: (1,), (size,) or (fields,) absolute tolerance.
    """

    def __init__(
        self,
        control: NDArray[np.float64],
        counts: NDArray[np.int64],
        bound: Any,
        rhs: int,
        size: int,
        atol: NDArray[np.float64],
    ) -> None:
        self.words = np.zeros(FRAME_SIZE, np.int64)
        self.address = self.words[SELF] = address(self.words)
        self._alive: dict[int, NDArray[Any]] = {}
        words = self.words
        words[SIZE], words[RHS], words[CONTEXT] = size, rhs, bound.context
        self.point(CONTROL, control)
        self.point(COUNTS, counts)
        self.point(PARAMETERS, bound.p)
        self.point(ATOL, atol)
        words[ATOL_SIZE] = atol.size
        if bound.groups is not None:
            self.point(GROUPS, np.ascontiguousarray(bound.groups, np.int64))
            self.point(WEIGHTS, np.ascontiguousarray(bound.weights, float))
            words[GROUP_COUNT] = len(bound.groups)

    def point(self, entry: int, array: NDArray[Any]) -> None:
        """Let an entry be the address of an array and keep the array alive."""
        self.words[entry] = address(array)
        self._alive[entry] = array

    def direct_output(self, t_eval: Any, out: Any, buffer_t: Any, buffer_y: Any, buffer_q: Any) -> None:
        """Say where results go: values at `t_eval` into `out`, accepted steps into the buffers."""
        times = (address(t_eval), t_eval.size, address(out)) if t_eval.size else (0, 0, 0)
        steps = (address(buffer_t), buffer_t.size, address(buffer_y), address(buffer_q)) if buffer_t.size else (0,) * 4
        self.words[T_EVAL:SELF] = times + steps
