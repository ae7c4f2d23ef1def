"""What every reduced model has in common, however its right-hand side is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ritz.codegen.structure import OrdinaryForm
from ritz.errors import OptionError, nearest
from ritz.reduced_order.error_estimate import ErrorEstimate
from ritz.reduced_order.estimator import FloatArray
from ritz.reduced_order.reduced_layout import ReducedLayout
from ritz.reduced_order.region import TrainingRegion


@dataclass(frozen=True)
class Training:
    """How a reduced model came about.

    Attributes:
        t_span, t_eval: of the training runs; None for steady problems.
        options: solver options of the runs (tolerances are kept for the reduced model).
        singular_values: (k,) of all snapshots, in the norm that the modes are orthonormal in.
        n_snapshots, n_train: stored states and runs that the basis was made from.
        sampled: product -> (modes, amplification) of every term that is interpolated from points; on meshes 0 -> (cells
            with a weight, relative error of the training sums).
        exact: number of nonlinear products projected exactly.
        seconds: wall time of the full runs, and of everything else.
    """

    t_span: tuple[float, float] | None
    t_eval: FloatArray | None
    options: dict[str, Any]
    singular_values: FloatArray
    n_snapshots: int
    n_train: int
    sampled: dict[int, tuple[int, float]]
    exact: int
    seconds: tuple[float, float] = (0.0, 0.0)


class ReducedModel(OrdinaryForm):
    """A System in the coefficients of a few modes, made by `ritz.reduce`.

    It is solved, swept, differentiated and reduced again like the system it came from; solutions show the fields of
    the full model. Calling it solves it: ``rom(nu=0.05)``.

    Attributes:
        full: the system that was reduced.
        layout: `ReducedLayout`; ``layout.encode`` and ``layout.decode`` go between states and coefficients.
        error_estimate: `ErrorEstimate` against the full model at parameters that were held back.
        training_region: `TrainingRegion`; using the model outside warns.
        training: `Training`, how it was made.
        name, problem, parameters: those of the full system.
    """

    def __init__(
        self,
        full: Any,
        layout: ReducedLayout,
        training_region: TrainingRegion,
        training: Training,
        error_estimate: ErrorEstimate,
    ) -> None:
        self.full, self.layout = full, layout
        self.training_region, self.training, self.error_estimate = training_region, training, error_estimate
        self._start: FloatArray | None = None
        self.name = f"{getattr(full, 'name', 'system')}, reduced to {layout.size} modes"

    @property
    def size(self) -> int:
        """Number of modes."""
        return self.layout.size

    @property
    def points(self) -> int:
        """Number of places at which nonlinear terms are evaluated."""
        raise NotImplementedError

    @property
    def work(self) -> tuple[int, int]:
        """Multiply-adds of one right-hand side, of this model and of the full one."""
        raise NotImplementedError

    @property
    def terms(self) -> str:
        """How the terms of the equations are evaluated, in words."""
        raise NotImplementedError

    def rhs(self, t: float, u: FloatArray, p: Any = None) -> FloatArray:
        """Return the right-hand side (N,) at coefficients `u` (N,)."""
        raise NotImplementedError

    def jacobian(self, t: float, u: FloatArray, p: Any = None) -> FloatArray:
        """Return the derivative (N, N) of the right-hand side; dense, as a reduced model is."""
        raise NotImplementedError

    @property
    def problem(self) -> Any:
        """The user's Problem, or None."""
        return getattr(self.full, "problem", None)

    @property
    def parameters(self) -> Any:
        """Names, defaults and bounds, those of the full system."""
        return self.full.parameters

    @property
    def root(self) -> Any:
        """The full system at the bottom of repeated reductions."""
        return self.full.root if isinstance(self.full, ReducedModel) else self.full

    def parameter_values(self, overrides: Mapping[Any, float] | None = None) -> FloatArray:
        """Return the parameter vector; names, bounds and values are checked by the full system."""
        values: FloatArray = self.full.parameter_values(overrides)
        return values

    def initial_state(self, p: Any = None) -> FloatArray:
        """Return the coefficients (N,) of the full model's initial state at these parameters.

        Where the initial values do not depend on parameters the full state is made once only.
        """
        if not self._initial_is_fixed:
            return self.layout.encode(np.asarray(self.full.initial_state(self._vector(p))))
        if self._start is None:
            self._start = self.layout.encode(np.asarray(self.full.initial_state(self._vector(p))))
        return self._start.copy()

    @cached_property
    def _initial_is_fixed(self) -> bool:
        form = self.problem.scalar_form() if self.problem is not None else None
        names = {str(info.name) for info in self.parameters}
        values = form.initial.values() if form is not None else ()
        used = {str(s) for value in values for s in getattr(value, "free_symbols", ())}
        return form is not None and not used & names

    def _named(self, p: FloatArray) -> dict[str, float]:
        return {str(info.name): float(v) for info, v in zip(self.parameters, p, strict=True)}

    def _vector(self, p: Any) -> FloatArray:
        given = p is None or isinstance(p, Mapping)
        return self.parameter_values(p) if given else np.ascontiguousarray(p, dtype=np.float64)

    def vjp(self, t: float, u: FloatArray, w: FloatArray, p: Any = None) -> FloatArray:
        """Return ``jacobian.T @ w`` (N,)."""
        return np.asarray(self.jacobian(t, u, p).T @ np.asarray(w, dtype=np.float64))

    def param_jvp(self, t: float, u: FloatArray, dp: FloatArray, p: Any = None) -> FloatArray:
        """Return the derivative of the right-hand side in the parameter direction `dp`, by central differences."""
        values, direction = self._vector(p), np.asarray(dp, dtype=np.float64)
        size = float(np.max(np.abs(direction), initial=0.0))
        if size == 0:
            return np.zeros(self.size)
        h = np.cbrt(np.finfo(float).eps) * max(float(np.max(np.abs(values))), 1e-3) / size
        return (self.rhs(t, u, values + h * direction) - self.rhs(t, u, values - h * direction)) / (2 * h)

    def param_vjp(self, t: float, u: FloatArray, w: FloatArray, p: Any = None) -> FloatArray:
        """Return ``(d rhs / d p).T @ w``, one entry a parameter, by central differences."""
        values = self._vector(p)
        return np.array([self.param_jvp(t, u, e, values) @ w for e in np.eye(len(values))])

    def explain_nonfinite(self, t: float, u: FloatArray, p: Any = None) -> str:
        """Return which coefficient is not finite, and the likely reason."""
        bad = np.flatnonzero(~np.isfinite(u))
        where = self.layout.locate(int(bad[0])) if bad.size else "the right-hand side"
        outside = self.training_region.objections(self._named(self._vector(p)))
        reason = f" It is used outside its training region: {'; '.join(outside)}." if outside else (
            " A reduced model may be unstable where the full one is not: use a smaller tol= or more modes."
        )  # fmt: skip
        return f"{where} of the reduced model became non-finite at t = {t:g}.{reason}"

    def __call__(self, t_span: Any = None, *, t_eval: Any = None, params: Any = None, **values: Any) -> Any:
        """Solve at one parameter point and return the Solution.

        Args:
            t_span: (start, end); the training span by default.
            t_eval: times to store; the training times by default where `t_span` is left out.
            params: ``{parameter: value}``, for names that are no Python names.
            values: parameters by name (``rom(F=0.04, k=0.06)``) and options of `ritz.solve`.

        Warns:
            ExtrapolationWarning: for parameters or times outside the training region.

        Raises:
            OptionError: for a name that is neither a parameter nor an option of `solve`.
        """
        from ritz.solvers.solve import solve

        names = {str(info.name) for info in self.parameters}
        point = {**{str(k): v for k, v in (params or {}).items()}, **{k: v for k, v in values.items() if k in names}}
        options = {k: v for k, v in values.items() if k not in names}
        self._check_options(options, names)
        if t_span is None:
            t_span = self.training.t_span
            t_eval = self.training.t_eval if t_eval is None else t_eval
        else:
            self.training_region.warn(self.training_values, t_span=(float(t_span[0]), float(t_span[1])))
        kept = {k: v for k, v in self.training.options.items() if k in ("rtol", "atol")}
        return solve(self, t_span, params=point, t_eval=t_eval, **{**kept, **options})

    @property
    def training_values(self) -> dict[str, float]:
        """A parameter point of the training set, name -> value."""
        region = self.training_region
        return {**region.fixed, **dict(zip(region.names, region.points[0].tolist(), strict=True))}

    def _check_options(self, options: Mapping[str, Any], names: set[str]) -> None:
        import inspect

        from ritz.solvers.solve import solve

        signature = inspect.signature(solve).parameters
        known = {name for name, p in signature.items() if p.kind is inspect.Parameter.KEYWORD_ONLY} | {"y0"}
        for name in options:
            if name not in known:
                hint = nearest(name, [*names, *known])
                raise OptionError(
                    f"{name!r} is neither a parameter ({', '.join(sorted(names))}) nor an option of solve.{hint}"
                )

    def plot(self, axes: Any = None, **kwargs: Any) -> Any:
        """Draw singular values and held-back errors; see `ritz.reduced_order.rom_plot.plot`."""
        from ritz.reduced_order.rom_plot import plot

        return plot(self, axes, **kwargs)

    def report(self) -> Any:
        """Return a card in words: sizes, terms, accuracy, region, multiply-adds of one evaluation."""
        from ritz.reduced_order.rom_report import report

        return report(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}; {self.error_estimate})"
