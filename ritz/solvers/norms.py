"""Size of an error against the tolerances, compiled, and the step size that follows from it.

Without groups the norm is SciPy's: the root mean square of ``err_i / (atol_i + rtol max(|u_i|, |v_i|))``. With groups
(one per field of a discretised equation) it is taken field by field, ``rms(err) / (atol + rtol max(rms(u), rms(v)))``
with the quadrature weights of the grid, and then the root mean square over the fields: a mode whose own size is far
below its field does not hold up the step.
"""

from __future__ import annotations

import math

from numba import carray, njit

from ritz.codegen.abi import as_f64
from ritz.solvers.buffers import ALPHA, BETA, GROWTH, LOG_ERROR, MAX_STEP, RTOL, SAFETY, SHRINK, T_END, TIME

FAST = {"contract", "reassoc"}


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def error_norm(err, old, new, n, rtol, atol, groups, weights):  # type: ignore[no-untyped-def]
    """Norm of the n numbers at address `err`, relative to the states at the addresses `old` and `new`."""
    e, u, v = carray(as_f64(err), n), carray(as_f64(old), n), carray(as_f64(new), n)
    total = 0.0
    if groups.shape[0] == 0:
        if atol.size == 1:
            a = atol[0]
            for i in range(n):
                x = e[i] / (a + rtol * max(abs(u[i]), abs(v[i])))
                total += x * x
        else:
            for i in range(n):
                x = e[i] / (atol[i] + rtol * max(abs(u[i]), abs(v[i])))
                total += x * x
        return math.sqrt(total / n)
    for g in range(groups.shape[0]):
        error = 0.0
        before = 0.0
        after = 0.0
        for i in range(groups[g, 0], groups[g, 1]):
            w = weights[i]
            error += w * e[i] * e[i]
            before += w * u[i] * u[i]
            after += w * v[i] * v[i]
        a = atol[g] if atol.size == groups.shape[0] else atol[0]
        x = math.sqrt(error) / (a + rtol * math.sqrt(max(before, after)))
        total += x * x
    return math.sqrt(total / groups.shape[0])


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def is_finite(address, n):  # type: ignore[no-untyped-def]
    """Whether all of the n numbers at `address` are finite."""
    x = carray(as_f64(address), n)
    total = 0.0
    for i in range(n):
        total += x[i] * 0.0
    return total == 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def accepted_factor(control, error, retried):  # type: ignore[no-untyped-def]
    """Factor to the next step after an accepted one: proportional and integral part (Gustafsson's PI control)."""
    log_error = math.log(max(error, 1e-10))
    log_factor = -control[ALPHA] * log_error + control[BETA] * control[LOG_ERROR]
    factor = control[SAFETY] * math.exp(log_factor)
    control[LOG_ERROR] = max(log_error, -9.21)
    if retried:
        factor = min(factor, 1.0)
    return min(max(factor, control[SHRINK]), control[GROWTH])


@njit(cache=True, nogil=True, error_model="numpy")
def first_step(control, size_u, size_f, size_df, h0, exponent):  # type: ignore[no-untyped-def]
    """Second half of the starting step of Hairer, Norsett, Wanner, sec. II.4 (as SciPy does it).

    Args:
        size_u, size_f: Norms of the state and of its derivative, relative to the tolerances.
        size_df: Norm of the change of the derivative over an Euler step of size `h0`, divided by `h0`.
    """
    if size_f <= 1e-15 and size_df <= 1e-15:
        h = max(1e-6, h0 * 1e-3)
    else:
        h = (0.01 / max(size_f, size_df)) ** exponent
    return min(100 * h0, h, abs(control[T_END] - control[TIME]), control[MAX_STEP])


@njit(cache=True, nogil=True, error_model="numpy")
def first_guess(size_u, size_f, interval):  # type: ignore[no-untyped-def]
    """First half: an explicit Euler step that changes the state by about one per cent."""
    h = 1e-6 if size_u < 1e-5 or size_f < 1e-5 else 0.01 * size_u / size_f
    return min(h, interval)


__all__ = ["RTOL", "accepted_factor", "error_norm", "first_guess", "first_step", "is_finite"]
