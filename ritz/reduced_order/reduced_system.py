"""A reduced model with projected operators: polynomials, and products sampled at a few points."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ritz.reduced_order.error_estimate import ErrorEstimate
from ritz.reduced_order.estimator import FloatArray
from ritz.reduced_order.galerkin import Factor, factor_values, point_form
from ritz.reduced_order.operators import Assembled, ReducedOperators
from ritz.reduced_order.reduced_layout import ReducedLayout
from ritz.reduced_order.reduced_model import ReducedModel, Training
from ritz.reduced_order.region import TrainingRegion

if TYPE_CHECKING:
    from ritz.codegen.bound import Bound

__all__ = ["ReducedSystem", "Training"]


class ReducedSystem(ReducedModel):
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
        super().__init__(full, layout, training_region, training, error_estimate)
        self.operators, self.factors = operators, factors

    def __reduce__(self) -> tuple[Any, ...]:
        layout = self.layout
        state = (self.operators, self.factors, self.training_region, self.training, self.error_estimate)
        return _remake, (self.full, layout.basis, layout.test, layout.mean, *state)

    @property
    def points(self) -> int:
        """Number of grid points at which products are sampled."""
        return int(self.operators.points)

    @property
    def work(self) -> tuple[int, int]:
        """Multiply-adds of one right-hand side, of this model and of the full one."""
        from ritz.reduced_order.gain import full_operations

        return int(self.operators.operations), full_operations(self.full)

    @property
    def terms(self) -> str:
        """Which terms are projected exactly and which are interpolated, in words."""
        operators = self.operators
        names = {0: "constant", 1: "linear", 2: "quadratic", 3: "cubic"}
        exact = ", ".join(names[d] for d in sorted({t.degree for t in operators.polynomial})) or "none"
        if operators.inputs is None:
            return f"exact tensors: {exact}"
        modes = ", ".join(f"{m} modes (amplification {c:.2g})" for m, c in self.training.sampled.values())
        return f"exact tensors: {exact}; interpolated at {operators.points} grid points: {modes}"

    # What solvers need

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

    def rhs(self, t: float, u: FloatArray, p: Any = None) -> FloatArray:
        """Return dz/dt (N,) at coefficients `u` (N,)."""
        from ritz.codegen.calling import call_rhs_address

        bound = self._bound(self._vector(p))
        z, out = np.ascontiguousarray(u, dtype=np.float64), np.empty(self.size)
        call_rhs_address(bound.rhs, float(t), z, bound.p, out, bound.context)
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

    def linear_diagonal(self, p: Any = None) -> None:
        """Return None: the linear part of a reduced model is a small dense matrix, not split off."""
        return None

    # What users call

    def measure_gain(self, **options: Any) -> Any:
        """Time one evaluation of the reduced and of the compiled full model; see `rom_report.measure_gain`."""
        from ritz.reduced_order.rom_report import measure_gain

        return measure_gain(self, **options)


def _remake(full: Any, basis: FloatArray, test: FloatArray, mean: FloatArray, *state: Any) -> ReducedSystem:
    """Make a reduced model again from what travels between processes."""
    return ReducedSystem(full, ReducedLayout(full.layout, basis, test, mean), *state)
