"""Run a system at many parameter points: on threads, processes or machines, resumable, losing nothing."""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ritz.errors import OptionError, RitzWarning, SolveError
from ritz.reduced_order.estimator import Seed
from ritz.reduced_order.sampling import Samples, draw
from ritz.reduced_order.sweep_result import Failure, Sweep
from ritz.reduced_order.sweep_store import Record, Store, digest

INTERRUPTED = -2  # status of a Solution that the user stopped
_systems: dict[str, Any] = {}  # systems rebuilt in this worker process, by digest of their recipe


class SweepWarning(RitzWarning):
    """Some points of a sweep failed; they are listed in its `failures`."""


def sweep(
    system: Any,
    parameters: Any,
    t_span: tuple[float, float] | None = None,
    *,
    sampling: Any = "grid",
    n: Any = None,
    rng: Seed = None,
    t_eval: npt.ArrayLike | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    directory: str | Path | None = None,
    progress: bool | None = None,
    **options: Any,
) -> Sweep:
    """Solve a system at many parameter points.

    Args:
        system: a System (full or reduced), or a Problem that `solve` takes as it is.
        parameters: ``{parameter: (low, high) | [values] | number}``, or a list of points; see
            `ritz.reduced_order.sampling.draw`.
        t_span: (start, end) of every run; left out for steady problems.
        sampling: ``"grid"``, ``"latin"``, ``"sobol"``, or an (n, d) array of points. Latin hypercube and Sobol' points
            fill the inside of the box and leave its ends and corners out, so a model trained on them extrapolates
            there; ``reduce(system, {parameter: (low, high)})`` draws points of its own, corners included.
        n: number of points (along each range for a grid).
        rng: seed or generator of the random samplings.
        t_eval: times to store in every run; needed to join the runs in one table.
        executor: any `concurrent.futures.Executor` (processes, Dask, MPI, loky). By default a pool of threads: compiled
            runs do not hold the interpreter's lock, and nothing is copied. With another executor the system travels
            by pickle, or is built again in each worker from ``system.problem`` and ``system.discretization``; initial
            values and events must then be picklable too.
        workers: threads of the default pool; default the number of cores.
        directory: folder that keeps the stored states of every finished run (not its events or dense output). Calling
            `sweep` again with the same arguments goes on where an interrupted or extended sweep stopped.
        progress: show a bar; by default only in interactive use.
        options: passed to `solve` (method, rtol, atol, ...). Every run uses one thread unless ``threads=`` is given.

    Returns:
        `Sweep`. A failed run never loses the others; it is listed in ``failures`` with its cause. After an interrupt
        the runs under way are finished and all finished ones returned.

    Raises:
        ParameterError: unknown parameter, empty range, value out of bounds.
        SolveError: if every run failed.

    Warns:
        SweepWarning: if some runs failed.

    Example:
        >>> runs = rz.sweep(system, {nu: (0.02, 0.1)}, (0, 2), n=8, t_eval=np.linspace(0, 2, 41))  # doctest: +SKIP
        >>> runs.to_xarray().u.sel(nu=0.05, method="nearest").plot()                               # doctest: +SKIP
    """
    if "params" in options:
        raise OptionError("sweep sets params= itself for every point. Hold a parameter fixed by {parameter: number}.")
    from ritz.solvers.options import as_system

    system = as_system(system)
    samples = draw(system, parameters, sampling=sampling, n=n, rng=rng)
    system.parameter_values(samples.point(0))  # a parameter without default and value is an error of every point
    times = None if t_eval is None else np.asarray(t_eval, dtype=np.float64)
    options = {"threads": 1, **options, "t_eval": times}
    span = None if t_span is None else (float(t_span[0]), float(t_span[1]))
    job = _Job(system, samples, span, options, directory)
    outcomes: dict[int, Record | BaseException] = {}
    interrupted = False
    with progress_bar(progress, len(samples.values)) as advance:
        try:
            for index, outcome in job.run(executor, workers):
                outcomes[index] = outcome
                advance()
        except KeyboardInterrupt:
            interrupted = True
    return _collect(job, outcomes, interrupted)


def solve_record(
    system: Any, t_span: tuple[float, float] | None, point: Mapping[str, float], options: dict[str, Any]
) -> Record:
    """Solve one point and return its record."""
    from ritz.solvers.solve import solve

    return Record.of(solve(system, t_span, params=dict(point), **options))


def solve_remotely(recipe: bytes, key: str, *arguments: Any) -> Record:
    """Solve one point in a worker that knows nothing of the caller; the system is built once in each worker."""
    if key not in _systems:
        _systems[key] = rebuild(pickle.loads(recipe))
    return solve_record(_systems[key], *arguments).alone()


def recipe_of(system: Any) -> bytes:
    """Return pickled instructions to make the system again.

    Raises:
        OptionError: if it cannot be pickled; says what stands in the way.
    """
    problem, discretization = getattr(system, "problem", None), getattr(system, "discretization", None)
    attempts = [("system", system), ("problem", (problem, discretization))]
    reason: Exception | None = None
    for kind, content in attempts if problem is not None and discretization is not None else attempts[:1]:
        try:
            return pickle.dumps((kind, content))
        except Exception as error:  # pickle raises whatever the object's own code raises
            reason = error
    raise OptionError(
        f"The system cannot travel to another process ({reason}). Use initial values and functions that can be pickled "
        "(module-level functions, arrays, expressions), or leave executor= out to run on threads."
    )


def rebuild(recipe: tuple[str, Any]) -> Any:
    """Make a system from its instructions."""
    kind, content = recipe
    if kind == "system":
        return content
    problem, discretization = content
    return problem.discretize(discretization)


class _Job:
    """One sweep: what to run, where finished runs are kept, how to start a point."""

    def __init__(
        self, system: Any, samples: Samples, t_span: tuple[float, float] | None, options: dict[str, Any], directory: Any
    ) -> None:
        self.system, self.samples, self.t_span, self.options = system, samples, t_span, options
        self.store = Store(directory, system, t_span, options["t_eval"], options) if directory is not None else None

    def run(self, executor: Executor | None, workers: int | None) -> Iterator[tuple[int, Record | BaseException]]:
        """Yield (index, record or error) as runs finish, those on disk first."""
        waiting = []
        for index in range(len(self.samples.values)):
            record = self._stored(index)
            if record is None:
                waiting.append(index)
            else:
                yield index, record
        if executor is not None and not isinstance(executor, ThreadPoolExecutor):
            for index, outcome in _gather(self._submit_remotely(executor, waiting)):
                yield index, self._keep(index, outcome)
        elif waiting:
            yield from self._run_here(waiting, executor, workers)

    def _run_here(
        self, waiting: list[int], executor: Executor | None, workers: int | None
    ) -> Iterator[tuple[int, Record | BaseException]]:
        """Run on threads. The first run compiles what the others share and finds out wrong options."""
        first = _attempt(self._solve, waiting[0])
        if isinstance(first, OptionError):
            raise first
        yield waiting[0], first
        if isinstance(first, Record) and first.meta["status"] == INTERRUPTED:
            raise KeyboardInterrupt
        pool = executor or ThreadPoolExecutor(workers or os.cpu_count() or 1, thread_name_prefix="ritz-sweep")
        try:
            yield from _gather({pool.submit(self._solve, i): i for i in waiting[1:]})
        finally:
            if executor is None:
                pool.shutdown(wait=True, cancel_futures=True)

    def _submit_remotely(self, executor: Executor, waiting: list[int]) -> dict[Future[Record], int]:
        recipe = recipe_of(self.system)
        key = digest(recipe)
        return {executor.submit(solve_remotely, recipe, key, *self._arguments(i)): i for i in waiting}

    def _solve(self, index: int) -> Record:
        return self._keep(index, solve_record(self.system, *self._arguments(index)))

    def _arguments(self, index: int) -> tuple[tuple[float, float] | None, dict[str, float], dict[str, Any]]:
        return self.t_span, self.samples.point(index), self.options

    def _path(self, index: int) -> Path:
        assert self.store is not None
        return self.store.path(self.system.parameter_values(self.samples.point(index)))

    def _stored(self, index: int) -> Record | None:
        return None if self.store is None else self.store.load(self._path(index))

    def _keep(self, index: int, outcome: Any) -> Any:
        """Write a run that succeeded to disk, in the thread that ran it, so that no interrupt can lose it."""
        if self.store is not None and isinstance(outcome, Record) and outcome.meta["success"]:
            self.store.save(self._path(index), outcome)
        return outcome


def _attempt(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except Exception as error:  # a failed point is a result of the sweep
        return error


def _gather(futures: dict[Future[Record], int]) -> Iterator[tuple[int, Record | BaseException]]:
    """Yield results as they come; whatever stops the loop cancels the runs that have not begun."""
    try:
        for future in as_completed(futures):
            yield futures[future], _attempt(future.result)
    finally:
        for future in futures:
            future.cancel()


def _collect(job: _Job, outcomes: dict[int, Record | BaseException], interrupted: bool) -> Sweep:
    solutions: list[Any] = [None] * len(job.samples.values)
    failures = []
    for index in range(len(solutions)):
        outcome = outcomes.get(index)
        if isinstance(outcome, Record):
            solution = outcome.solution(job.system)
            if outcome.meta["success"]:
                solutions[index] = solution
                continue
            cause, partial = outcome.meta["message"], solution
        else:
            cause = "not run: the sweep was interrupted" if outcome is None else f"{type(outcome).__name__}: {outcome}"
            partial = None
        failures.append(Failure(index, job.samples.point(index), cause, partial))
    result = Sweep(job.system, job.samples, job.t_span, solutions, failures, interrupted=interrupted)
    _complain(result)
    return result


def _complain(result: Sweep) -> None:
    if result.failures and not result.interrupted:
        shown = "\n".join(f"  {failure}" for failure in result.failures[:3])
        more = f"\n  ... and {len(result.failures) - 3} more" if len(result.failures) > 3 else ""
        if not len(result.succeeded):
            raise SolveError(f"All {len(result)} runs of the sweep failed:\n{shown}{more}")
        text = f"{len(result.failures)} of {len(result)} runs of the sweep failed (see .failures):\n{shown}{more}"
        warnings.warn(text, SweepWarning, stacklevel=4)


@contextmanager
def progress_bar(progress: bool | None, total: int | None, what: str = "sweep", unit: str = "run") -> Iterator[Any]:
    """Show a bar while the block runs; yields ``advance(text="")``, which counts one and shows the text.

    Args:
        progress: whether to show it; None for interactive use only.
        total: number of steps; None where it is not known.
        what: shown in front. unit: name of one step.
    """
    if progress is None:
        progress = sys.stderr.isatty() or "ipykernel" in sys.modules
    if not progress:
        yield lambda text="": None
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=what, unit=unit) as bar:

        def advance(text: str = "") -> None:
            bar.set_postfix_str(text, refresh=False)
            bar.update()

        yield advance
