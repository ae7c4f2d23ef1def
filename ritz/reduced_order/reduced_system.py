"""A reduced model: a System like any other, with few coordinates and its own knowledge of error and region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ritz.codegen.structure import OrdinaryForm
from ritz.errors import OptionError, nearest
from ritz.reduced_order.error_estimate import ErrorEstimate
from ritz.reduced_order.estimator import FloatArray
from ritz.reduced_order.galerkin import Factor, factor_values, point_form
from ritz.reduced_order.operators import Assembled, ReducedOperators
from ritz.reduced_order.reduced_layout import ReducedLayout
from ritz.reduced_order.region import TrainingRegion

if TYPE_CHECKING:
    from ritz.codegen.bound import Bound


@dataclass(frozen=True)
class Training:
    """How a reduced model came about.

    Attributes:
        t_span, t_eval: of the training runs.
        options: solver options of the runs (tolerances are kept for the reduced model).
        singular_values: (k,) of all snapshots, in the norm that the modes are orthonormal in.
        n_snapshots, n_train: stored states and runs that the basis was made from.
        sampled: product -> (modes, amplification) of every term that is interpolated from points.
        exact: number of nonlinear products projected exactly.
        seconds: wall time of the full runs, and of everything else.
    """

    t_span: tuple[float, float]
    t_eval: FloatArray
    options: dict[str, Any]
    singular_values: FloatArray
    n_snapshots: int
    n_train: int
    sampled: dict[int, tuple[int, float]]
    exact: int
    seconds: tuple[float, float] = (0.0, 0.0)


class ReducedSystem(OrdinaryForm):
    """A System in the coefficients of a few modes, made by `ritz.reduce`.

    It is solved, swept, differentiated and reduced again like the system it came from; solutions show the fields of
    the full model. Calling it solves it: ``rom(nu=0.05)``.

    Attributes:
        full: the system that was reduced.
        layout: `ReducedLayout`; ``layout.encode`` and ``layout.decode`` go between states and coefficients.
        operators: the projected right-hand side.
        error_estimate: `ErrorEstimate` against the full model at parameters that were held back.
        training_region: `TrainingRegion`; using the model outside warns.
        training: `Training`, how it was made.
        name, problem, parameters: those of the full system.
    """

    def __init__(
        self,
        full: Any,
        layout: ReducedLayout,
        operators: ReducedOperators,
        factors: tuple[Factor, ...],
        training_region: TrainingRegion,
        training: Training,
        error_estimate: ErrorEstimate,
    ) -> None:
        self.full, self.layout, self.operators, self.factors = full, layout, operators, factors
        self.training_region, self.training, self.error_estimate = training_region, training, error_estimate
        self._start: FloatArray | None = None
        self.name = f"{getattr(full, 'name', 'system')}, reduced to {operators.size} modes"

    def __reduce__(self) -> tuple[Any, ...]:
        layout = self.layout
        state = (self.operators, self.factors, self.training_region, self.training, self.error_estimate)
        return _remake, (self.full, layout.basis, layout.test, layout.mean, *state)

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
        return self.full.root if isinstance(self.full, ReducedSystem) else self.full

    @property
    def size(self) -> int:
        """Number of modes."""
        return self.operators.size

    # What solvers need

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

    def factor_values(self, p: FloatArray, t: float) -> FloatArray:
        """Return the factors of all terms at parameters `p` and time `t`."""
        return factor_values(point_form(self.root), self.factors, p, t)

    def bind(self, p: Any = None, *, threads: int = 1) -> Bound:
        """Multiply the factors into the operators and return the compiled right-hand side (`threads` has no effect).

        Warns:
            ExtrapolationWarning: outside the training region.
        """
        values = self._vector(p)
        self.training_region.warn(self._named(values))
        return self._bound(values)

    def _bound(self, p: FloatArray) -> Bound:
        from ritz.codegen.bound import Bound
        from ritz.reduced_order.online import Context

        form = point_form(self.root)
        kernel = form.products if self.operators.inputs is not None else None
        context = Context(self.operators, p, self.factor_values, time_dependent=self._changes_with_time, kernel=kernel)
        layout = self.layout
        return Bound(
            rhs=context.address, context=context.context, nonlinear=0, linear=None, p=p,
            size=self.size, is_complex=False, groups=layout.groups, weights=layout.weights, keep=context,
        )  # fmt: skip

    @cached_property
    def _changes_with_time(self) -> bool:
        """Whether any factor depends on time; coefficients inside products are compared at three times."""
        if point_form(self.root).theta_depends_on_time:
            return True
        p = self._vector(self.training_values)
        first, *others = (self.factor_values(p, t) for t in (0.0, 0.37, 1.9))
        return any(not np.array_equal(first, other) for other in others)

    def _named(self, p: FloatArray) -> dict[str, float]:
        return {str(info.name): float(v) for info, v in zip(self.parameters, p, strict=True)}

    def _vector(self, p: Any) -> FloatArray:
        given = p is None or isinstance(p, Mapping)
        return self.parameter_values(p) if given else np.ascontiguousarray(p, dtype=np.float64)

    def rhs(self, t: float, u: FloatArray, p: Any = None) -> FloatArray:
        """Return dz/dt (N,) at coefficients `u` (N,)."""
        from ritz.reduced_order.online import evaluate

        bound = self._bound(self._vector(p))
        z, out = np.ascontiguousarray(u, dtype=np.float64), np.empty(self.size)
        evaluate(bound.rhs, float(t), z, bound.p, out, bound.context, 1)
        return out

    # Derivatives

    def assembled(self, p: Any = None, t: float = 0.0) -> Assembled:
        """Return the operators with all factors multiplied in, as NumPy arrays."""
        return self.operators.assemble(self.factor_values(self._vector(p), t))

    def jacobian(self, t: float, u: FloatArray, p: Any = None) -> FloatArray:
        """Return the derivative (N, N) of the right-hand side; dense, as a reduced model is.

        Polynomial terms are differentiated exactly, sampled ones by central differences (relative error about 1e-9).
        """
        values, z = self._vector(p), np.asarray(u, dtype=np.float64)
        now = self.assembled(values, t)
        result = now.jacobian(z)
        if now.inputs is not None:
            columns = [self._sampled_jvp(now, t, z, e, values) for e in np.eye(self.size)]
            result = result + np.stack(columns, axis=1)
        return result

    def _sampled_jvp(self, now: Assembled, t: float, z: FloatArray, v: FloatArray, p: FloatArray) -> FloatArray:
        size = float(np.linalg.norm(v))
        if size == 0:
            return np.zeros(self.size)
        h = np.cbrt(np.finfo(float).eps) * max(float(np.linalg.norm(z)), 1e-3) / size
        products = point_form(self.root).products
        ahead, behind = (now.sampled(z + s * h * v, products, t, p) for s in (1, -1))
        return np.asarray((ahead - behind) / (2 * h))

    def jvp(self, t: float, u: FloatArray, v: FloatArray, p: Any = None) -> FloatArray:
        """Return the derivative of the right-hand side in the direction `v` (N,); accuracy as `jacobian`."""
        values, z, direction = self._vector(p), np.asarray(u, dtype=np.float64), np.asarray(v, dtype=np.float64)
        now = self.assembled(values, t)
        return now.jacobian(z) @ direction + (
            self._sampled_jvp(now, t, z, direction, values) if now.inputs is not None else 0.0
        )

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

    def linear_diagonal(self, p: Any = None) -> None:
        """Return None: the linear part of a reduced model is a small dense matrix, not split off."""
        return None

    def explain_nonfinite(self, t: float, u: FloatArray, p: Any = None) -> str:
        """Return which coefficient is not finite, and the likely reason."""
        bad = np.flatnonzero(~np.isfinite(u))
        where = self.layout.locate(int(bad[0])) if bad.size else "the right-hand side"
        outside = self.training_region.objections(self._named(self._vector(p)))
        reason = f" It is used outside its training region: {'; '.join(outside)}." if outside else (
            " A reduced model may be unstable where the full one is not: use a smaller tol= or more modes."
        )  # fmt: skip
        return f"{where} of the reduced model became non-finite at t = {t:g}.{reason}"

    # What users call

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

    def measure_gain(self, **options: Any) -> Any:
        """Time one evaluation of the reduced and of the compiled full model; see `rom_report.measure_gain`."""
        from ritz.reduced_order.rom_report import measure_gain

        return measure_gain(self, **options)

    def __repr__(self) -> str:
        return f"ReducedSystem({self.name}; {self.error_estimate})"


def _remake(full: Any, basis: FloatArray, test: FloatArray, mean: FloatArray, *state: Any) -> ReducedSystem:
    """Make a reduced model again from what travels between processes."""
    return ReducedSystem(full, ReducedLayout(full.layout, basis, test, mean), *state)
