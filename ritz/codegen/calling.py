"""Calling compiled kernels from Python by address."""

from __future__ import annotations

import ctypes

import numpy as np

_RHS = ctypes.CFUNCTYPE(None, ctypes.c_double, *[ctypes.c_ssize_t] * 4)


def call_rhs_address(address: int, t: float, u: np.ndarray, p: np.ndarray, out: np.ndarray, context: int) -> None:
    """Call a right-hand side ``f(t, u, p, out, ctx)``; the arrays must be contiguous float64."""
    _RHS(address)(t, u.ctypes.data, p.ctypes.data, out.ctypes.data, context)
