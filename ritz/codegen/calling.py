"""Calling compiled kernels from Python by address."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

_RHS = ctypes.CFUNCTYPE(None, ctypes.c_double, *[ctypes.c_ssize_t] * 4)


def call_rhs_address(address: int, t: float, u: np.ndarray, p: np.ndarray, out: np.ndarray, context: int) -> None:
    """Call a right-hand side ``f(t, u, p, out, ctx)``; the arrays must be contiguous float64."""
    _RHS(address)(t, u.ctypes.data, p.ctypes.data, out.ctypes.data, context)


class Caller:
    """A compiled program with fixed arrays: called with the time, it returns its results in one and the same array.

    Args:
        instance: the program (`ritz.codegen.instance.Instance`).
        state, p: contiguous float64 arrays that it reads; what is in them may change.
        size: number of results.
    """

    def __init__(self, instance: Any, state: np.ndarray, p: np.ndarray, size: int) -> None:
        self.out = np.empty(size)
        self._function = _RHS(instance.address)
        self._keep = (instance, state, p)
        self._addresses = (state.ctypes.data, p.ctypes.data, self.out.ctypes.data, instance.context)

    def __call__(self, t: float) -> np.ndarray:
        """The results for this time and what the arrays hold now."""
        self._function(t, *self._addresses)
        return self.out
