"""`ritz.reduce`: from a system and a parameter range to a reduced model whose error is known."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ritz.errors import AccuracyWarning, OptionError, RitzError, RitzWarning, SolveError
from ritz.reduced_order.error_estimate import ErrorEstimate, relative_error
from ritz.reduced_order.estimator import FloatArray, Seed, check_choice, choose_rank
from ritz.reduced_order.gain import warn_no_gain
from ritz.reduced_order.galerkin import point_form
from ritz.reduced_order.hyper import CHOICES
from ritz.reduced_order.pod import POD
from ritz.reduced_order.point_projection import PointProjector
from ritz.reduced_order.reduced_layout import ReducedLayout
from ritz.reduced_order.reduced_model import ReducedModel, Training
from ritz.reduced_order.reduced_system import ReducedSystem
from ritz.reduced_order.region import TrainingRegion
from ritz.reduced_order.sweep import progress_bar
from ritz.reduced_order.sweep import sweep as run_sweep
from ritz.reduced_order.sweep_result import Sweep
from ritz.reduced_order.training import split_sweep, training_points

ROUNDS = 6  # how often the basis may grow until the held-back error meets the tolerance
STAGNATION = 0.8  # it stops growing when a round leaves more than this share of the smallest error before
HEADROOM = 1e-3  # the largest basis tried has a projection error of this share of the tolerance
logger = logging.getLogger("ritz.reduced_order")


def reduce(
    system: Any,
    sweep: Sweep | Mapping[Any, Any],
    t_span: tuple[float, float] | None = None,
    *,
    tol: float = 1e-4,
    rank: int | None = None,
    method: str = "galerkin",
    hyper: str | None = "auto",
    n_train: int | None = None,
    n_test: int | None = None,
    t_eval: npt.ArrayLike | None = None,
    center: bool = False,
    pod: str = "svd",
    rng: Seed = 0,
    solver: str = "auto",
    executor: Executor | None = None,
    directory: str | Path | None = None,
    progress: bool | None = None,
    **options: Any,
) -> ReducedModel:
    """Return a reduced model of a system over a range of parameters.

    The system is solved at training points; the modes come from a proper orthogonal decomposition of all stored
    states; the equations are projected on them (Galerkin). Polynomial terms are projected exactly, other nonlinear
    terms are interpolated from a few grid points. On a mesh the integrals of the projected equations are taken over a
    few cells with weights (empirical cubature, see `Cubature`), the mass matrix exactly. The error is then measured at
    points that were held back, and the basis grows until it is below `tol`. Progress is logged to
    ``logging.getLogger("ritz.reduced_order")``.

    Args:
        system: a System, full or itself reduced, with a structure that can be projected.
        sweep: ``{parameter: (low, high)}`` or ``{parameter: [values]}`` for training runs made here, or a finished
            `Sweep`, of which some runs are held back. An empty mapping reduces at the default parameters.
        t_span: (start, end) of the training runs; not with a finished sweep, nor for steady problems.
        tol: relative error wanted at the held-back points, in the mean square over space, fields and time.
        rank: number of modes; `tol` then only steers the interpolation of nonlinear terms.
        method: ``"galerkin"``.
        hyper: ``"auto"`` (exact where polynomial of degree at most 3 and cheaper, else Q-DEIM), ``"deim"``,
            ``"qdeim"`` (all nonlinear terms interpolated), or None (exact only). On a mesh ``"auto"`` or ``"cubature"``
            (some cells), or None (all cells).
        n_train: training runs; default 8 for one parameter, 10 for each of several. Corners are included.
        n_test: held-back runs; default a quarter of the training runs, at least 2.
        t_eval: times stored in every run; default 101 equal ones.
        center: subtract the mean of the snapshots; the modes then describe deviations.
        pod: decomposition, see `POD`.
        rng: seed or generator of all random choices.
        solver: method of the full runs (see `ritz.solve`).
        executor, directory, progress: as in `ritz.sweep`; with a directory the full runs are kept and found again.
        options: further options of `ritz.solve`. rtol and atol default to a hundredth of `tol` (at most 1e-6).

    Returns:
        `ReducedSystem`, a System that can be solved, swept and reduced again; on a mesh `CubatureSystem`, which cannot
        be reduced again.

    Raises:
        ParameterError: unknown parameter or empty range.
        SolveError: if every training run failed.
        UnsupportedError: if the system cannot be projected, or ``hyper=None`` meets a term that is no polynomial.
        ValueError: if `rank` exceeds the number of snapshots.

    Warns:
        AccuracyWarning: if no basis meets `tol` at the held-back points.
        NoGainWarning: if one evaluation of the reduced model takes as many operations as one of the full one.
        SweepWarning: if some runs failed.

    Example:
        >>> rom = rz.reduce(system, {nu: (0.02, 0.1)}, (0, 2), tol=1e-4)  # doctest: +SKIP
        >>> rom(nu=0.05).plot()                                           # doctest: +SKIP
    """
    from ritz.solvers.options import as_system

    check_choice(method, ("galerkin",), "method")
    if not 0 < tol < 1:
        raise OptionError(f"tol is a relative error, 0 < tol < 1; found {tol!r}.")
    began = time.perf_counter()
    system = as_system(system)
    projector = projector_of(system, hyper)
    if isinstance(sweep, Sweep):
        _reject_with_sweep(t_span=t_span, n_train=n_train, t_eval=t_eval, **options)
        training, test = split_sweep(sweep, n_test, rng)
        settings = _tolerances(system, tol)
    else:
        settings = {**_tolerances(system, tol), **options}
        points, count = training_points(system, sweep, n_train, n_test, rng)
        times = _times(system, t_span, t_eval)
        runs = run_sweep(
            system, points.names, t_span, sampling=points.values, t_eval=times, executor=executor,
            directory=directory, progress=progress, method=solver, **settings,
        )  # fmt: skip
        training, test = runs.select(range(count)), runs.select(range(count, len(runs)))
        training.samples = replace(training.samples, box=points.box)
    if not len(training.succeeded):
        raise SolveError("All training runs failed:\n" + "\n".join(f"  {f}" for f in training.failures[:3]))
    maker = _Maker(system, projector, training, test, tol=tol, rank=rank, hyper=hyper, center=center, pod=pod, rng=rng)
    solved = time.perf_counter()
    logger.info(
        "%d training and %d held-back runs in %.1f s; up to %d modes", len(training.succeeded), len(test.succeeded),
        solved - began, maker.pod.rank_,
    )  # fmt: skip
    with progress_bar(progress, None, "reduce", "model") as maker.advance:
        model = maker.search(settings)
    seconds = (solved - began, time.perf_counter() - solved)
    model.training = replace(model.training, seconds=seconds)
    if not model.error_estimate.met:
        _warn_unmet(model, maker)
    warn_no_gain(model)
    return model


def projector_of(system: Any, hyper: str | None) -> Any:
    """The class that projects a system: by cells where it can be sampled on a mesh, else by points of its grid.

    Raises:
        UnsupportedError: the system can do neither.
        OptionError: an unknown `hyper`.
    """
    from ritz.reduced_order import cell_projection

    on_mesh = hasattr(system, "sample") and hasattr(system, "mesh")
    if hyper is not None:
        check_choice(hyper, cell_projection.CHOICES if on_mesh else CHOICES, "hyper")
    if on_mesh:
        return cell_projection.CellProjector
    if not isinstance(system, ReducedSystem):
        point_form(system)  # refused here, before anything is solved
    return PointProjector


class _Maker:
    """Everything that stays the same while the basis grows."""

    def __init__(
        self, system: Any, projector: Any, training: Sweep, test: Sweep, *, tol: float, rank: int | None,
        hyper: str | None, center: bool, pod: str, rng: Seed,
    ) -> None:  # fmt: skip
        self.system, self.training = system, training
        self.held_back = bool(len(test.succeeded))
        self.test = test if self.held_back else training.select(training.succeeded[:3])
        self.tol, self.rank = tol, rank
        snapshots = training.snapshots()
        layout = system.layout
        in_space = bool(layout.coords) or hasattr(layout, "mesh")
        blocks = [(f.start, f.stop) for f in layout.fields] if in_space and len(layout.fields) > 1 else None
        limit = None if rank is not None else HEADROOM * tol
        self.pod = POD(rank, limit, method=pod, weights=layout.weights, center=center, groups=blocks, rng=rng)
        self.pod.fit(snapshots)
        self.n_snapshots = snapshots.shape[1]
        self.projector = projector(system, training, self.pod, hyper)
        self.advance: Any = None

    def search(self, options: dict[str, Any]) -> ReducedModel:
        """Return the smallest basis tried whose held-back error is within the tolerance, else the most accurate."""
        largest = self.pod.rank_
        if self.rank is not None:
            return self._model(self.projector.project(largest, 0.1 * self.tol), largest, options)
        rank = self._rank_for(0.5 * self.tol)
        accuracy, best = 0.1 * self.tol, None
        for _ in range(ROUNDS):
            before = np.inf if best is None else float(best.error_estimate)
            reach = min(largest, -(-4 * rank // 3) + 2)
            projected = self.projector.project(reach, accuracy)
            for tried in sorted({rank, (rank + reach) // 2, reach}):
                model = self._model(projected, tried, options)
                if best is None or float(model.error_estimate) < float(best.error_estimate):
                    best = model
                if model.error_estimate.met:
                    return model
            assert best is not None
            if reach == largest and not projected.improves:
                break
            if float(best.error_estimate) > STAGNATION * before:
                logger.info("more modes and points help no further; the error stays at %s", best.error_estimate)
                break
            rank, accuracy = min(reach + 1, largest), 0.1 * accuracy
        assert best is not None
        return best

    def _rank_for(self, tol: float) -> int:
        sigma = self.pod.singular_values_
        return min(self.pod.rank_, choose_rank(sigma, 0.0, None, tol, np.finfo(float).eps))

    def _model(self, projected: Any, rank: int, options: dict[str, Any]) -> ReducedModel:
        basis = np.ascontiguousarray(self.pod.components_[:, :rank])
        layout = ReducedLayout(self.system.layout, basis, self.pod.weights_[:, None] * basis, self.pod.mean_)
        run = self.training[int(self.training.succeeded[0])]
        record = Training(
            t_span=self.training.t_span, t_eval=None if self.system.is_steady else np.asarray(run.t), options=options,
            singular_values=self.pod.singular_values_, n_snapshots=self.n_snapshots,
            n_train=len(self.training.succeeded), sampled=projected.sampled, exact=projected.exact,
        )  # fmt: skip
        sigma = self.pod.singular_values_
        tail = self.pod.projection_error_**2 + float(np.sum(sigma[rank : self.pod.rank_] ** 2))
        whole = self.pod.projection_error_**2 + float(np.sum(sigma[: self.pod.rank_] ** 2))
        training_error = float(np.sqrt(tail / whole)) if whole > 0 else 0.0
        unknown = ErrorEstimate(
            self.test.names, np.zeros((0, len(self.test.names))), np.zeros(0), np.zeros(0), training_error
        )
        model: ReducedModel = projected.model(layout, self._region(), record, unknown)
        model.error_estimate = self._estimate(model, options, unknown)
        logger.info("%d modes, %d points: held-back error %.1e", rank, model.points, float(model.error_estimate))
        if self.advance is not None:
            self.advance(f"{rank} modes, error {float(model.error_estimate):.1e}")
        return model

    def _region(self) -> TrainingRegion:
        training = self.training
        run = training[int(training.succeeded[0])]
        fixed = {
            str(info.name): float(v)
            for info, v in zip(self.system.parameters, run.params, strict=True)
            if str(info.name) not in training.names
        }
        points = training.parameters[training.succeeded]
        return TrainingRegion(training.names, points, training.box, fixed, training.t_span or (0.0, 0.0))

    def _estimate(self, model: ReducedModel, options: dict[str, Any], unknown: ErrorEstimate) -> ErrorEstimate:
        """Solve the reduced model at the held-back points and compare."""
        from ritz.solvers.solve import solve

        given = {k: v for k, v in options.items() if k in ("rtol", "atol")}
        errors, projections = [], []
        for point, full in self.test:
            best = model.layout.decode(model.layout.encode(full.y))
            projections.append(relative_error(best, full.y, self.pod.weights_))
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", RitzWarning)
                    times = None if self.system.is_steady else full.t
                    reduced = solve(model, self.test.t_span, params=point, t_eval=times, **given)
                approximation = model.layout.decode(reduced.y)
            except RitzError:
                approximation = np.full((1, 1), np.nan)
            errors.append(relative_error(approximation, full.y, self.pod.weights_))
        return replace(
            unknown,
            parameters=self.test.parameters[self.test.succeeded],
            errors=np.array(errors),
            projections=np.array(projections),
            tolerance=self.tol if self.rank is None else None,
            held_back=self.held_back,
        )


def _tolerances(system: Any, tol: float) -> dict[str, Any]:
    """Options of the training runs; Newton's method has tight ones of its own."""
    tight = min(1e-6, 0.01 * tol)
    return {} if system.is_steady else {"rtol": tight, "atol": tight}


def _times(system: Any, t_span: Any, t_eval: npt.ArrayLike | None) -> FloatArray | None:
    if system.is_steady:
        if t_span is not None or t_eval is not None:
            raise OptionError(f"{system.name} is steady: t_span and t_eval have no meaning. Leave them out.")
        return None
    if t_span is None:
        raise OptionError("reduce needs the time span of the training runs: reduce(system, sweep, (0, t_end)).")
    if t_eval is None:
        return np.linspace(float(t_span[0]), float(t_span[1]), 101)
    return np.asarray(t_eval, dtype=np.float64)


def _reject_with_sweep(**given: Any) -> None:
    """Raise for options that a finished sweep has settled already."""
    for name, value in given.items():
        if value is not None:
            raise OptionError(
                f"{name}= belongs to the training runs, but these are given by a finished sweep. Leave it out."
            )


def _warn_unmet(model: ReducedModel, maker: _Maker) -> None:
    estimate = model.error_estimate
    projection = float(np.max(estimate.projections, initial=0.0))
    if projection > maker.tol:
        cure = "The training runs do not span the held-back ones: use more of them (n_train=), or more times (t_eval=)."
    else:
        cure = "The modes could hold the solution; use tighter rtol= and atol= for the runs, or a smaller tol=."
    warnings.warn(
        f"The reduced model has error {estimate.largest:.1e} at the held-back points, above tol={maker.tol:g}, with "
        f"{model.size} modes (best possible with these: {projection:.1e}). {cure}",
        AccuracyWarning,
        stacklevel=3,
    )
