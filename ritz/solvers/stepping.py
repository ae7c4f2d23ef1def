"""What all compiled loops do alike: measure errors, choose steps, accept and reject them.

Without groups the error norm is SciPy's: the root mean square of ``err_i / (atol_i + rtol max(|u_i|, |v_i|))``. With
groups (one per field of a discretised equation) it is taken field by field, ``rms(err) / (atol + rtol max(rms(u),
rms(v)))`` with the quadrature weights of the grid, and then the root mean square over the fields: a mode whose own
size is far below its field does not hold up the step.
"""

from __future__ import annotations

import math

from ritz.codegen.loops import FAST, as_f64, as_i64, bits_of, compiled, double_of
from ritz.solvers.buffers import (
    ACCEPTED,
    ALPHA,
    BETA,
    BUDGET,
    EXPONENT,
    FIXED_DONE,
    FIXED_STEP,
    FIXED_TOTAL,
    GROWTH,
    LARGEST,
    LEAST_LOG,
    LOG_ERROR,
    MAX_STEP,
    NONFINITE,
    NONFINITE_LIMIT,
    REJECTED,
    RTOL,
    SAFETY,
    SHRINK,
    SMALLEST,
    START_LOG,
    STEP,
    T_END,
    T_START,
)  # fmt: skip
from ritz.solvers.frame import ATOL, ATOL_SIZE, CONTROL, GROUP_COUNT, GROUPS, SIZE, WEIGHTS


@compiled(flags=FAST)
def error_norm(frame, err, old, new):  # type: ignore[no-untyped-def]
    """Norm of the error at address `err`, relative to the states at the addresses `old` and `new`."""
    e, u, v, atol = as_f64(err), as_f64(old), as_f64(new), as_f64(frame[ATOL])
    rtol = as_f64(frame[CONTROL])[RTOL]
    stride = 1 if frame[ATOL_SIZE] > 1 else 0
    total = 0.0
    if frame[GROUP_COUNT] == 0:
        for i in range(frame[SIZE]):
            before, after = abs(u[i]), abs(v[i])
            x = e[i] / (atol[i * stride] + rtol * (before if after <= before else after))
            total += x * x + 0.0 * after  # an infinite state is an infinite error, not a small one
        return math.sqrt(total / frame[SIZE])
    groups, weights = as_i64(frame[GROUPS]), as_f64(frame[WEIGHTS])
    for g in range(frame[GROUP_COUNT]):
        error = 0.0
        before = 0.0
        after = 0.0
        for i in range(groups[2 * g], groups[2 * g + 1]):
            w = weights[i]
            error += w * e[i] * e[i]
            before += w * u[i] * u[i]
            after += w * v[i] * v[i]
        x = math.sqrt(error) / (atol[g * stride] + rtol * math.sqrt(before if after <= before else after))
        total += x * x + 0.0 * after
    return math.sqrt(total / frame[GROUP_COUNT])


@compiled(flags=FAST)
def is_finite(address, n):  # type: ignore[no-untyped-def]
    """Whether all of the n numbers at `address` are finite."""
    x = as_f64(address)
    total = 0.0
    for i in range(n):
        total += x[i] * 0.0
    return total == 0.0


@compiled()
def copy(target, source, n):  # type: ignore[no-untyped-def]
    """Copy n numbers from one address to another."""
    a, b = as_f64(target), as_f64(source)
    for i in range(n):
        a[i] = b[i]


@compiled()
def next_time(control, counts, t, direction, retried):  # type: ignore[no-untyped-def]
    """End of the coming step; NaN where the step size has become too small for the machine."""
    t_end = control[T_END]
    if control[FIXED_STEP] != 0.0:
        done = counts[FIXED_DONE] + 1
        return t_end if done >= counts[FIXED_TOTAL] else control[T_START] + done * control[FIXED_STEP]
    smallest = 2.220446049250313e-15 * abs(t) + 1e-299
    if control[STEP] < smallest:
        if retried:
            return math.nan
        control[STEP] = smallest
    if control[STEP] > control[MAX_STEP]:
        control[STEP] = control[MAX_STEP]
    t_new = t + direction * control[STEP]
    return t_end if direction * (t_new - t_end) >= 0.0 else t_new


@compiled()
def log2(x):  # type: ignore[no-untyped-def]
    """Binary logarithm of a positive normal number to about 2e-6: plenty for a step size, and quick."""
    bits = bits_of(x) - 0x3FE6A09E667F3BCD  # that of sqrt(1/2): the rest lies in [sqrt(1/2), sqrt(2))
    exponent = bits >> 52
    m = double_of(bits - (exponent << 52) + 0x3FE6A09E667F3BCD)
    s = (m - 1.0) / (m + 1.0)
    q = s * s
    return exponent + s * (2.8853900817779268 + q * (0.9617966939259756 + q * 0.5770780163555854))


@compiled()
def exp2(x):  # type: ignore[no-untyped-def]
    """``2**x`` for -1000 < x < 1000 to about 4e-6."""
    n = math.floor(x + 0.5)
    f = (x - n) * 0.6931471805599453
    value = 1.0 + f * (1.0 + f * (0.5 + f * (1.0 / 6 + f * (1.0 / 24 + f * (1.0 / 120)))))
    return value * double_of((int(n) + 1023) << 52)


@compiled()
def judge(control, counts, h, error, retried):  # type: ignore[no-untyped-def]
    """Accept or reject an adaptive step by its error and choose the next step size.

    The size follows the error of this step and of the one before (Gustafsson's proportional-integral control); a
    rejected step follows its own error only, one with infinite or undefined values is divided by 4.

    Returns:
        1 accepted, 0 rejected, -1 given up: values stay infinite or undefined however short the step.
    """
    counts[BUDGET] -= 1
    size = abs(h)
    if error < 1.0:
        log_error = log2(error) if error > 1e-10 else LEAST_LOG
        factor = control[SAFETY] * exp2(control[BETA] * control[LOG_ERROR] - control[ALPHA] * log_error)
        control[LOG_ERROR] = log_error if log_error > START_LOG else START_LOG
        if retried and factor > 1.0:
            factor = 1.0
        if factor > control[GROWTH]:
            factor = control[GROWTH]
        elif factor < control[SHRINK]:
            factor = control[SHRINK]
        control[STEP] = size * factor
        if size < control[SMALLEST]:
            control[SMALLEST] = size
        if size > control[LARGEST]:
            control[LARGEST] = size
        counts[NONFINITE] = 0
        counts[ACCEPTED] += 1
        return 1
    counts[REJECTED] += 1
    if math.isfinite(error):
        factor = control[SAFETY] * error ** -control[EXPONENT]
        control[STEP] = size * (factor if factor > control[SHRINK] else control[SHRINK])
        return 0
    counts[NONFINITE] += 1
    control[STEP] = size * 0.25
    return 0 if counts[NONFINITE] <= NONFINITE_LIMIT else -1
