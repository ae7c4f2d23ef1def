"""Eigenvalues ``-J u = lambda M u`` of a system at a state, by shift and invert."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.errors import ConvergenceError, InitialValueError, LinearSolveError, OptionValueError, UnsupportedError
from ritz.solvers.eigenpairs import Eigenpairs
from ritz.solvers.linear.interface import LinearSolver, as_sparse
from ritz.solvers.linear.table import LinearOptions, read_linear
from ritz.solvers.options import as_system, read_start, real_number

Array = NDArray[Any]
DENSE = 300  # unknowns up to which all eigenvalues are computed at once: 0.15 s, and none is missed
GOOD = 1e-6  # residual, relative to the terms, above which a pair is refused


def eigenvalues(
    system: Any,
    k: int = 6,
    *,
    sigma: complex = 0.0,
    at: Any = None,
    params: Mapping[Any, float] | None = None,
    t: float = 0.0,
    tol: float = 1e-10,
    linear: str | LinearOptions = "auto",
) -> Eigenpairs:
    """The eigenvalues nearest to a shift of ``-J u = lambda M u``, J being the Jacobian of the right-hand side.

    Perturbations of that state behave like ``exp(-lambda t)``: it is stable where all eigenvalues have positive real
    parts.

    Args:
        system: A System.
        k: How many.
        sigma: The shift; complex ones for unsymmetric systems.
        at: The state: as `y0` of `ritz.solve`; the problem's initial value by default, or zero where it has none.
        params: Parameter -> value.
        t: Time, where the equations contain it.
        tol: Relative accuracy.
        linear: Solver for ``-J - sigma M``, as for `ritz.solve`.

    Returns:
        `Eigenpairs`.

    Raises:
        LinearSolveError: sigma is an eigenvalue: ``-J - sigma M`` is singular.
        ConvergenceError: the iteration did not converge, or a residual is too large.
        OptionValueError: more eigenvalues than unknowns, or a complex shift for a symmetric problem.

    Example:
        >>> from scipy.sparse import diags_array
        >>> a = diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(300, 300)) * 301**2
        >>> line = rz.FunctionSystem(lambda t, u: -a @ u, 300, jacobian=lambda t, u: -a, initial=np.zeros(300))
        >>> np.sqrt(rz.eigenvalues(line, 3).eigenvalues.real).round(2)
        array([3.14, 6.28, 9.42])
    """
    started = time.perf_counter()
    system = as_system(system)
    n = system.layout.size
    if k != int(real_number("k", k)) or not 1 <= k <= n:
        raise OptionValueError(f"k must be a whole number from 1 to {n}, the number of unknowns, not {k!r}.")
    if system.layout.is_complex:
        raise UnsupportedError(f"{system.name} is discretised by Fourier modes, where the Jacobian is dense.")
    p, u = _state(system, at, params)
    a = -as_sparse(system.jacobian(t, u, p))
    mass = system.mass(p)
    m = None if mass is None else as_sparse(mass)
    symmetric = system.structure.symmetric
    if symmetric and np.imag(sigma) != 0:
        raise OptionValueError(f"sigma must be real for a symmetric problem, whose eigenvalues are; found {sigma!r}.")
    solver = LinearSolver(
        _shifted(system.structure, sigma), read_linear(linear), system.layout.locate,
        where=f" of {system.name} at sigma = {sigma:g}", probe=True,
    )  # fmt: skip
    values, vectors = (_dense if n <= max(DENSE, k + 2) else _sparse)(a, m, int(k), sigma, symmetric, tol, solver)
    order = np.argsort(np.abs(values - sigma), kind="stable")
    values, vectors = values[order], vectors[:, order]
    residuals = _residuals(a, m, values, vectors)
    if residuals.max() > max(GOOD, 1e3 * tol):
        raise ConvergenceError(
            f"Mode {int(np.argmax(residuals))} of {system.name} has a relative residual of {residuals.max():.3g}. Move "
            "sigma nearer to the wanted eigenvalues, or ask for fewer."
        )
    record = {"linear": solver.why, "nlu": solver.factorised, "seconds": time.perf_counter() - started}
    return Eigenpairs(values, vectors, residuals, sigma, system, p, record)


def _state(system: Any, at: Any, params: Any) -> tuple[Array, Array]:
    if at is not None:
        return read_start(system, at, params)
    p = np.ascontiguousarray(system.parameter_values(params), dtype=float)
    try:
        return read_start(system, None, params)
    except InitialValueError:
        return p, np.zeros(system.layout.size)


def _shifted(structure: Any, sigma: complex) -> Any:
    """What is left of the structure of ``-J`` after the shift."""
    below = structure.definite and np.imag(sigma) == 0 and np.real(sigma) <= 0
    return replace(structure, definite=below, saddle=None)


def _dense(a: Any, m: Any, k: int, sigma: complex, symmetric: bool, tol: float, solver: LinearSolver) -> Any:
    """All eigenvalues of few unknowns."""
    from scipy.linalg import eig, eigh

    solver.name, solver.reason = "lapack", f"{a.shape[0]} unknowns: all eigenvalues at once"
    full, weight = a.toarray(), None if m is None else m.toarray()
    if symmetric and (weight is None or np.linalg.eigvalsh(weight).min() > 0):
        values, vectors = eigh(full, weight)
    else:
        values, vectors = eig(full, weight)
        finite = np.isfinite(values) & (np.abs(values) < 1e14 * max(1.0, np.abs(full).max()))  # not of constraints
        values, vectors = values[finite], vectors[:, finite]
        if symmetric:
            values, vectors = values.real, vectors.real
    chosen = np.argsort(np.abs(values - sigma), kind="stable")[:k]
    if chosen.size < k:
        raise OptionValueError(f"There are {chosen.size} finite eigenvalues only (constraints have none); k = {k}.")
    return values[chosen], vectors[:, chosen]


def _sparse(a: Any, m: Any, k: int, sigma: complex, symmetric: bool, tol: float, solver: LinearSolver) -> Any:
    """The ones next to the shift, by ARPACK."""
    from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator, eigs, eigsh

    start = np.random.default_rng(1).uniform(-1, 1, a.shape[0])
    try:
        if np.imag(sigma) != 0:
            return _complex_shift(a, m, k, sigma, tol, start, solver)
        factored = solver.factorise(a - float(np.real(sigma)) * (_unit(a) if m is None else m))
        inverse = LinearOperator(a.shape, matvec=factored.solve, dtype=float)
        shift = float(np.real(sigma))
        if symmetric:
            return eigsh(a, k, m, shift, OPinv=inverse, tol=tol, v0=start)
        return eigs(a, k, m, shift, OPinv=inverse, tol=tol, v0=start)
    except ArpackNoConvergence as error:
        raise ConvergenceError(
            f"{len(error.eigenvalues)} of {k} eigenvalues converged. Move sigma nearer to the wanted ones, ask for "
            "fewer, or loosen tol."
        ) from None
    except LinearSolveError as error:
        raise LinearSolveError(
            f"sigma = {sigma:g} is an eigenvalue (of a constant or rigid motion, where conditions are few): choose "
            f"another shift near it, e.g. sigma = {_beside(sigma, a, m):.2g}. {error}"
        ) from None
    except ArpackError as error:
        raise ConvergenceError(f"The eigenvalue iteration failed: {error}") from None


def _complex_shift(a: Any, m: Any, k: int, sigma: complex, tol: float, start: Array, solver: LinearSolver) -> Any:
    from scipy.sparse.linalg import LinearOperator, eigs, splu

    factors = splu((a - sigma * (_unit(a) if m is None else m)).tocsc())
    solver.name, solver.reason = "superlu", "a complex shift"
    inverse = LinearOperator(a.shape, matvec=factors.solve, dtype=complex)
    return eigs(a.astype(complex), k, m, sigma, OPinv=inverse, tol=tol, v0=start.astype(complex))


def _unit(a: Any) -> Any:
    from scipy.sparse import eye_array

    return eye_array(a.shape[0], format="csc")


def _beside(sigma: complex, a: Any, m: Any) -> float:
    scale = float(abs(a).sum(axis=1).max()) / (1.0 if m is None else float(abs(m).sum(axis=1).max()))
    return float(np.real(sigma)) - 1e-6 * scale


def _residuals(a: Any, m: Any, values: Array, vectors: Array) -> Array:
    left = a @ vectors
    right = (vectors if m is None else m @ vectors) * values
    lengths = np.linalg.norm(vectors, axis=0)
    sizes = np.linalg.norm(left, axis=0) + np.linalg.norm(right, axis=0)
    floor = 1e-8 * float(abs(a).sum(axis=1).max()) * lengths  # for eigenvalues that are zero up to rounding
    return np.asarray(np.linalg.norm(left - right, axis=0) / np.maximum(sizes, floor))
