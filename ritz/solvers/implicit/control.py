"""Step control of the implicit methods, on the arrays that all engines share (`ritz.solvers.buffers`)."""

from __future__ import annotations

import math
from typing import Any

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
    LOG_ERROR,
    MAX_STEP,
    NONFINITE,
    NONFINITE_LIMIT,
    REJECTED,
    SAFETY,
    SHRINK,
    SMALLEST,
    START_LOG,
    STEP,
    T_END,
    T_START,
)  # fmt: skip

KEEP = (0.95, 1.25)  # a step within these multiples of the best one is kept, and with it the factorisation
HALF, QUARTER = 0.5, 0.25


def next_time(control: Any, counts: Any, t: float, direction: float, retried: bool) -> float:
    """End of the coming step; NaN where the step has become too small for the machine."""
    t_end = float(control[T_END])
    if control[FIXED_STEP] != 0.0:
        done = int(counts[FIXED_DONE]) + 1
        return t_end if done >= counts[FIXED_TOTAL] else float(control[T_START] + done * control[FIXED_STEP])
    smallest = 2.220446049250313e-15 * abs(t) + 1e-299
    if control[STEP] < smallest:
        if retried:
            return math.nan
        control[STEP] = smallest
    control[STEP] = min(control[STEP], control[MAX_STEP])
    t_new = float(t + direction * control[STEP])
    left = abs(t_end - t)
    if control[STEP] < left < 2 * control[STEP] and left > 1.001 * control[STEP]:
        return float(t + 0.5 * (t_end - t))  # two equal steps to the end instead of a whole one and a rest
    return t_end if direction * (t_new - t_end) >= 0.0 or left <= 1.001 * control[STEP] else t_new


def accept_fixed(control: Any, counts: Any) -> None:
    """Count a step of given size."""
    counts[FIXED_DONE] += 1
    counts[ACCEPTED] += 1
    counts[BUDGET] -= 1


def judge(control: Any, counts: Any, h: float, error: float, retried: bool) -> bool:
    """Accept or reject an adaptive step by its error and choose the next size; as `ritz.solvers.stepping.judge`.

    A size that is nearly right is kept, so that factors need not be made again.
    """
    counts[BUDGET] -= 1
    size = abs(h)
    if error >= 1.0:
        counts[REJECTED] += 1
        control[STEP] = size * max(float(control[SHRINK]), float(control[SAFETY]) * error ** -float(control[EXPONENT]))
        return False
    log_error = math.log2(max(error, 1e-10))
    factor = float(control[SAFETY]) * 2.0 ** float(control[BETA] * control[LOG_ERROR] - control[ALPHA] * log_error)
    control[LOG_ERROR] = max(log_error, START_LOG)
    if retried:
        factor = min(factor, 1.0)
    factor = min(max(factor, float(control[SHRINK])), float(control[GROWTH]))
    control[STEP] = size if KEEP[0] <= factor <= KEEP[1] else size * factor
    control[SMALLEST] = min(control[SMALLEST], size)
    control[LARGEST] = max(control[LARGEST], size)
    counts[NONFINITE] = 0
    counts[ACCEPTED] += 1
    return True


def shrink(control: Any, counts: Any, h: float, *, finite: bool) -> bool:
    """Make the step smaller after equations of a step were not solved; False: too often values were not finite."""
    counts[BUDGET] -= 1
    counts[REJECTED] += 1
    if not finite:
        counts[NONFINITE] += 1
    control[STEP] = abs(h) * (HALF if finite else QUARTER)
    return bool(counts[NONFINITE] <= NONFINITE_LIMIT)
