"""`FunctionSystem`: a System made of the user's own functions."""

from __future__ import annotations

import ctypes
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.codegen.differences import ColouredDifferences
from ritz.codegen.layout import FieldBlock, StateLayout
from ritz.codegen.parameter_info import ParameterInfo
from ritz.codegen.parameter_vector import ParameterVector
from ritz.codegen.structure import OrdinaryForm, Structure
from ritz.errors import InitialValueError, OptionError, RitzError, UnsupportedError

Array = NDArray[np.float64]
LARGEST_SEARCH = 3000  # unknowns beyond which the pattern of the Jacobian is not looked for column by column
_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_double, *[ctypes.c_ssize_t] * 4)


class BlockLayout(StateLayout):
    """Fields one after the other in the state, each of them a number or a vector of numbers."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        blocks, start = [], 0
        for name, size in sizes.items():
            blocks.append(FieldBlock(str(name), start, start + int(size)))
            start += int(size)
        self.fields, self.size, self.coords = tuple(blocks), start, {}
        self.weights = np.ones(start)

    def to_fields(self, u: NDArray[Any]) -> dict[str, NDArray[Any]]:
        return {f.name: u[f.start] if f.stop == f.start + 1 else u[f.start : f.stop] for f in self.fields}

    def from_fields(self, values: Mapping[str, Any]) -> NDArray[Any]:
        self.check_names(values)
        u = np.empty(self.size)
        for f in self.fields:
            value = np.asarray(values[f.name])
            if value.size not in (1, f.stop - f.start) or value.dtype.kind not in "biuf":
                raise InitialValueError(
                    f"The values of {f.name} must be one real number or {f.stop - f.start} of them, found an array of "
                    f"{value.dtype} of shape {value.shape}."
                )
            u[f.start : f.stop] = value.ravel()
        return u

    def locate(self, index: int) -> str:
        f = next(f for f in self.fields if f.start <= index < f.stop)
        return f.name if f.stop == f.start + 1 else f"{f.name}[{index - f.start}]"


class FunctionSystem(ParameterVector, OrdinaryForm):
    """``M du/dt = f(t, u; p)``, or ``f(u; p) = 0``, from Python functions.

    Args:
        rhs: ``rhs(t, u)`` or ``rhs(t, u, p)`` -> (size,); p maps parameter names to numbers.
        size: number of unknowns.
        jacobian: ``jacobian(t, u)`` or ``jacobian(t, u, p)`` -> (size, size) sparse or dense matrix df/du; without it
            differences are taken, all columns that share no row at once.
        sparsity: (size, size) sparse matrix that marks the entries of df/du, for these differences; without it the
            pattern is found by perturbing every unknown once (up to 3000 of them).
        mass: (size, size) sparse matrix M, or a function of p that gives it; the identity by default.
        parameters: name -> default value.
        initial: (size,) state, or a function of p that gives it.
        structure: what is known of the Jacobian of ``-f``.
        fields: name -> number of unknowns, in order; one field ``u`` by default.
        steady: there is no time: ``rhs`` is to vanish.
        rates: pairs of slices (u, v) with ``du/dt = v`` as it stands.
        name: for messages.

    Raises:
        OptionError: sizes that do not fit.

    Example:
        >>> system = rz.FunctionSystem(lambda t, u, p: -p["k"] * u, 2, parameters={"k": 2.0}, initial=[1.0, 3.0])
        >>> [round(float(x), 6) for x in rz.solve(system, (0, 1), method="ESDIRK4", rtol=1e-8, atol=1e-10).y[:, -1]]
        [0.135335, 0.406006]
    """

    problem = None

    def __init__(
        self,
        rhs: Callable[..., Any],
        size: int,
        *,
        jacobian: Callable[..., Any] | None = None,
        sparsity: Any = None,
        mass: Any = None,
        parameters: Mapping[str, float] | None = None,
        initial: Any = None,
        structure: Structure | None = None,
        fields: Mapping[str, int] | None = None,
        steady: bool = False,
        rates: Sequence[tuple[slice, slice]] = (),
        name: str = "",
    ) -> None:
        self.layout = BlockLayout(fields or {"u": size})
        if self.layout.size != size:
            raise OptionError(f"The fields {dict(fields or {})} hold {self.layout.size} unknowns, but size = {size}.")
        self.parameters = tuple(ParameterInfo(str(k), float(v), None) for k, v in (parameters or {}).items())
        called = getattr(rhs, "__name__", "function")
        self.name = name or ("a function" if called == "<lambda>" else called)
        self._rhs, self._jacobian = _with_parameters(rhs), None if jacobian is None else _with_parameters(jacobian)
        self._mass, self._initial, self._structure = mass, initial, structure or Structure()
        self.is_steady, self.rates = steady, tuple(rates)
        self._sparsity = sparsity
        self._differences: ColouredDifferences | None = None
        self._raised: Exception | None = None

    def __repr__(self) -> str:
        return f"<FunctionSystem {self.name}: {self.layout.size} unknowns, {len(self.parameters)} parameters>"

    def _values(self, p: Any) -> dict[str, float]:
        return self._named(self.parameter_vector(p))

    @property
    def structure(self) -> Structure:
        """Shape of the Jacobian of ``-f``."""
        return self._structure

    def initial_state(self, p: Any = None) -> Array:
        """(size,) state at the start, zeros for a steady system without one.

        Raises:
            InitialValueError: there is none, or it has the wrong shape.
        """
        given = self._initial
        if given is None and self.is_steady:
            return np.zeros(self.layout.size)
        if given is None:
            raise InitialValueError(f"{self.name} has no initial state: pass y0=... to solve, or initial=... here.")
        u = np.array(given(self._values(p)) if callable(given) else given, dtype=float)
        if u.shape != (self.layout.size,):
            raise InitialValueError(
                f"The initial state of {self.name} must have shape ({self.layout.size},), found {u.shape}."
            )
        return u

    def mass(self, p: Any = None) -> Any:
        """M, (size, size) sparse, or None for the identity."""
        from scipy.sparse import csc_array

        found = self._mass(self._values(p)) if callable(self._mass) else self._mass
        if found is None:
            return None
        n = self.layout.size
        matrix = csc_array(found)
        if matrix.shape != (n, n):
            raise OptionError(f"The mass matrix of {self.name} must have shape ({n}, {n}), found {matrix.shape}.")
        return matrix

    def rhs(self, t: float, u: Any, p: Any = None) -> Array:
        """f(t, u; p), (size,)."""
        n = self.layout.size
        found = np.asarray(self._rhs(float(t), np.asarray(u, dtype=float), self._values(p)), dtype=float)
        if found.shape != (n,):
            raise RitzError(f"The right-hand side of {self.name} must have shape ({n},); it returned {found.shape}.")
        return found

    def jacobian(self, t: float, u: Any, p: Any = None) -> Any:
        """df/du, (size, size) sparse.

        Raises:
            UnsupportedError: too many unknowns to look for the pattern.
        """
        from scipy.sparse import csc_array

        n, u = self.layout.size, np.asarray(u, dtype=float)
        if self._jacobian is not None:
            matrix = csc_array(self._jacobian(float(t), u, self._values(p)))
            if matrix.shape != (n, n):
                raise RitzError(f"The Jacobian of {self.name} must have shape ({n}, {n}), found {matrix.shape}.")
            return matrix
        if self._differences is None:
            if self._sparsity is None and n > LARGEST_SEARCH:
                raise UnsupportedError(
                    f"{self.name} has {n} unknowns: finding the pattern of its Jacobian would take {4 * n} "
                    "evaluations. Pass jacobian=... or sparsity=..., a sparse matrix that marks the entries."
                )
            self._differences = ColouredDifferences(n, self._sparsity)
        return self._differences(lambda w: self.rhs(t, w, p), u)

    def jvp(self, t: float, u: Any, v: Any, p: Any = None) -> Array:
        """df/du along a direction v, (size,)."""
        return np.asarray(self.jacobian(t, u, p) @ np.asarray(v, dtype=float))

    def vjp(self, t: float, u: Any, w: Any, p: Any = None) -> Array:
        """``(df/du)^T w``, (size,)."""
        return np.asarray(self.jacobian(t, u, p).T @ np.asarray(w, dtype=float))

    def time_derivative(self, t: float, u: Any, p: Any = None) -> Array:
        """df/dt at fixed u, by central differences."""
        h = 1e-5 * max(abs(t), 1.0)
        return (self.rhs(t + h, u, p) - self.rhs(t - h, u, p)) / (2 * h)

    def param_jvp(self, t: float, u: Any, dp: Any, p: Any = None) -> Array:
        """df/dp along a direction dp, by central differences."""
        values, direction = self.parameter_vector(p), np.asarray(dp, dtype=float)
        h = (
            1e-5
            * max(float(np.abs(values).max(initial=0.0)), 1e-3)
            / max(float(np.abs(direction).max(initial=0)), 1e-300)
        )
        return (self.rhs(t, u, values + h * direction) - self.rhs(t, u, values - h * direction)) / (2 * h)

    def bind(self, p: Any = None, *, threads: int = 1) -> Any:
        """The function behind an address, for compiled loops; `threads` has no effect."""
        from ritz.codegen.system import Bound

        values, n = np.ascontiguousarray(self.parameter_vector(p)), self.layout.size
        named = self._named(values)

        def call(t: float, u: int, _p: int, out: int, _context: int) -> None:
            target = np.ctypeslib.as_array(ctypes.cast(out, ctypes.POINTER(ctypes.c_double)), (n,))
            state = np.ctypeslib.as_array(ctypes.cast(u, ctypes.POINTER(ctypes.c_double)), (n,))
            try:
                target[:] = self._rhs(t, state.copy(), named)
            except Exception as error:  # it cannot pass through compiled code: shown by explain_nonfinite
                self._raised = error
                target[:] = np.nan

        function = _CALLBACK(call)
        address = ctypes.cast(function, ctypes.c_void_p).value or 0
        return Bound(address, 0, 0, None, values.copy(), n, False, None, self.layout.weights, function)

    def explain_nonfinite(self, t: float, u: Any, p: Any = None) -> str:
        """Words for the first value that is not finite, or for an error that the function raised."""
        if self._raised is not None:
            error, self._raised = self._raised, None
            return f"{self.name} raised {type(error).__name__}: {error} near t = {t:.6g}."
        u = np.asarray(u, dtype=float)
        for what, values in (("The unknown", u), ("The right-hand side of", self.rhs(t, u, p))):
            bad = np.flatnonzero(~np.isfinite(values))
            if bad.size:
                return f"{what} {self.layout.locate(int(bad[0]))} is {values[bad[0]]} at t = {t:.6g}."
        return f"Every value is finite at t = {t:.6g}; the step that follows overflows. Take a smaller step."


def _with_parameters(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as one of (t, u, p)."""
    if not callable(function):
        raise OptionError(f"FunctionSystem takes functions of (t, u) or (t, u, p), not {type(function).__name__}.")
    try:
        inspect.signature(function).bind(0.0, None, None)
    except TypeError:
        return lambda t, u, p: function(t, u)
    except ValueError:  # built in: no signature to read
        return function
    return function
