"""Newton's method for ``f(u) = 0`` with a line search.

With ``A = -f'(u)`` and ``A d = f(u)`` a step is ``u + s d``; s is shortened until the residual falls, ``|f(u + s d)| <=
(1 - 1e-4 s) |f(u)|`` (L. Armijo, Pacific J. Math. 16 (1966) 1-3), or the next increment does, ``|A^-1 f(u + s d)| <=
(1 - s/4) |d|`` (P. Deuflhard, "Newton Methods for Nonlinear Problems", 2004, section 3.3, as is the shorter step).

Residuals and unknowns of different fields have different units, so they are measured field by field, by root mean
squares: ``B = rms(|A| (|u| + |d|))`` is the size of the terms that cancel in the equations of a field, and what is
compared in the line search is ``rms(f)/B`` over all fields. The iteration ends where in every field

    ``rms(f) <= max(rtol * min(R, B), 10 eps B)``,

R being the largest residual seen in this field; the last entry is what rounding leaves. It also ends where the root
mean square over all fields is below `atol`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.errors import ConvergenceError, NonFiniteError
from ritz.solvers.linear.interface import Factors, LinearSolver, as_sparse

Array = NDArray[np.float64]
ARMIJO, SHORTEST = 1e-4, 1e-6
ROUNDING = 10 * float(np.finfo(float).eps)
SHOWN = 12  # rows of a table in a message


@dataclass(frozen=True)
class NewtonOptions:
    """When to stop: relative and absolute residual (see the module), number of iterations."""

    rtol: float = 1e-10
    atol: float = 0.0
    max_iterations: int = 50


@dataclass(frozen=True)
class Iterate:
    """One row of the history: residual after the step, increment that led to it, length of the step."""

    iteration: int
    residual: float
    increment: float
    damping: float


@dataclass
class NewtonResult:
    """What Newton's method found.

    Attributes:
        u: (size,) solution.
        history: an `Iterate` for the first guess and for each step.
        evaluations: of the residual.
        is_linear: one full step was exact: the equations are linear in u.
    """

    u: Array
    history: list[Iterate] = field(default_factory=list)
    evaluations: int = 0
    is_linear: bool = False

    @property
    def iterations(self) -> int:
        """Number of steps."""
        return len(self.history) - 1


def rms(values: Array) -> float:
    """Root mean square; the largest magnitude is taken out first, so that nothing overflows."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0.0 or not np.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.mean((values / largest) ** 2)))


def newton(
    residual: Callable[[Array], Array],
    matrix: Callable[[Array], Any],
    solver: LinearSolver,
    u: Array,
    options: NewtonOptions,
    *,
    blocks: Sequence[slice] = (),
    explain: Callable[[Array], str] | None = None,
    what: str = "the equations",
    advice: str = "",
) -> NewtonResult:
    """Solve ``f(u) = 0``.

    Args:
        residual: f, (size,).
        matrix: ``-f'``, (size, size) sparse.
        solver: solves with it.
        u: (size,) first guess.
        options: tolerances.
        blocks: where the fields lie in u and f; one field by default.
        explain: words for a value that is not finite at a state.
        what: for messages: "the steady problem of u".
        advice: what to try where it does not converge.

    Raises:
        ConvergenceError: the iteration did not converge; shows its history.
        NonFiniteError: the residual of the first guess is not finite.
        LinearSolveError: the matrix is singular.
    """
    result = NewtonResult(np.array(u, dtype=float), evaluations=1)
    with np.errstate(all="ignore"):
        f = residual(result.u)
    size = first = rms(f)
    result.history.append(Iterate(0, size, 0.0, 0.0))
    if not np.isfinite(size):
        words = explain(result.u) if explain else ""
        raise NonFiniteError(f"The first guess for {what} has a residual that is not finite. {words}".rstrip())
    if size <= options.atol:
        return result
    parts = list(blocks) or [slice(None)]
    largest = field_sizes(f, parts)
    for k in range(1, options.max_iterations + 1):
        a = as_sparse(matrix(result.u))
        magnitudes = abs(a)
        if np.all(field_sizes(f, parts) <= ROUNDING * field_sizes(magnitudes @ np.abs(result.u), parts)):
            return result  # nothing left but rounding
        factors = solver.factorise(a)
        d = factors.solve(f)
        balance = field_sizes(magnitudes @ (np.abs(result.u) + np.abs(d)), parts)
        moved = _search(residual, result, d, f, factors, parts, balance)
        if moved is None:
            raise ConvergenceError(_stuck(what, result, explain, d, advice))
        s, f = moved
        sizes, size = field_sizes(f, parts), rms(f)
        result.history.append(Iterate(k, size, s * rms(d), s))
        largest = np.maximum(largest, sizes)
        wanted = np.maximum(options.rtol * np.minimum(largest, balance), ROUNDING * balance)
        if size <= options.atol or np.all(sizes <= wanted):
            result.is_linear = k == 1 and s == 1.0
            return result
    raise ConvergenceError(
        f"Newton's method for {what} did not converge in {options.max_iterations} iterations: the residual is "
        f"{size:.3g}, {size / first:.2g} of the first one (asked for: {options.rtol:g}).\n"
        f"{history_table(result.history)}\n{_trend(result.history)}{advice}"
    )


def field_sizes(values: Array, parts: Sequence[slice]) -> Array:
    """(fields,) root mean squares."""
    return np.array([rms(values[part]) for part in parts])


def _search(
    residual: Callable[[Array], Array], result: NewtonResult, d: Array, f: Array, factors: Factors,
    parts: Sequence[slice], balance: Array,
) -> tuple[float, Array] | None:  # fmt: skip
    """Shorten the step until the residual or the next increment falls; moves ``result.u``. None: neither does."""
    weights = np.where(balance > 0, balance, 1.0)
    lengths = np.maximum(field_sizes(result.u, parts), field_sizes(d, parts))
    lengths = np.where(lengths > 0, lengths, 1.0)
    before, length = rms(field_sizes(f, parts) / weights), rms(field_sizes(d, parts) / lengths)
    s = 1.0
    while s >= SHORTEST:
        trial = result.u + s * d
        with np.errstate(all="ignore"):
            new = residual(trial)
        result.evaluations += 1
        after = rms(field_sizes(new, parts) / weights)
        if np.isfinite(after):
            falls = after <= max((1 - ARMIJO * s) * before, ROUNDING)
            next_d = d if falls else factors.solve(new)
            if falls or rms(field_sizes(next_d, parts) / lengths) <= (1 - s / 4) * length:
                result.u = trial
                return s, new
            bend = rms(field_sizes(next_d - (1 - s) * d, parts) / lengths)  # what is not linear along the step
            s *= min(0.5, max(0.1, 0.5 * s * length / bend))
        else:
            s *= 0.25
    return None


def _stuck(what: str, result: NewtonResult, explain: Any, d: Array, advice: str) -> str:
    trial = result.u + SHORTEST * d
    words = explain(trial) if explain is not None and not np.isfinite(trial).all() else ""
    return (
        f"Newton's method for {what} is stuck: no step along its direction, down to {SHORTEST:g} of it, brings the "
        f"residual {result.history[-1].residual:.3g} nearer to zero. {words}\n{history_table(result.history)}\n"
        f"There may be no solution near, or the Jacobian does not fit the residual.{advice}"
    )


def _trend(history: Sequence[Iterate]) -> str:
    last = [row.residual for row in history[-4:]]
    if len(last) > 1 and last[-1] > 0.5 * last[0]:
        return "The residual has stopped falling: there may be no solution near."
    return "The residual still falls: more iterations (max_iterations=...) may do."


def history_table(history: Sequence[Iterate]) -> str:
    """The iterations as text; of many, the first and the last."""
    rows = [f"  {'iteration':>9}  {'residual':>10}  {'increment':>10}  {'step':>7}"]
    for row in history:
        skipped = SHOWN // 2 <= row.iteration < len(history) - SHOWN // 2
        if len(history) > SHOWN and skipped:
            if row.iteration == SHOWN // 2:
                rows.append(f"  {'...':>9}")
            continue
        first = row.iteration == 0
        increment, step = ("", "") if first else (f"{row.increment:.3e}", f"{row.damping:.3g}")
        rows.append(f"  {row.iteration:>9}  {row.residual:>10.3e}  {increment:>10}  {step:>7}")
    return "\n".join(rows)
